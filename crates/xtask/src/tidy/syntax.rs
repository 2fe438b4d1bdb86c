//! Rules that need the syntax tree: length of functions, places of `unsafe`, lint attributes.

use proc_macro2::Span;
use syn::spanned::Spanned;
use syn::visit::{self, Visit};

use super::Breach;

/// Longest function, signature and closing brace included, in lines.
const MAX_FUNCTION_LINES: usize = 70;

/// Where `unsafe` may stand: the CPU backend's pool, cache writer and vector kernels; HIP's function
/// table and the layer that calls it; the C ABI of the emulated HIP runtime and its mapped memory, both test equipment; two test allocators that count. A
/// name that ends in `/` is a folder.
const UNSAFE_PLACES: [&str; 12] = [
    "crates/cpu/src/kv.rs",
    "crates/cpu/src/linear/",
    "crates/cpu/src/ops/",
    "crates/cpu/src/par.rs",
    "crates/cpu/src/pool.rs",
    "crates/hip-emu/src/abi/",
    "crates/hip-emu/src/mapping.rs",
    "crates/hip-sys/src/table.rs",
    "crates/hip/src/runtime.rs",
    "crates/hip/src/runtime/",
    "crates/model/tests/files/allocation.rs",
    "tests/counting_allocator/mod.rs",
];

/// The crates that cannot forbid `unsafe`; they deny it and allow it module by module.
const UNSAFE_CRATE_ROOTS: [&str; 4] = [
    "crates/cpu/src/lib.rs",
    "crates/hip-emu/src/lib.rs",
    "crates/hip-sys/src/lib.rs",
    "crates/hip/src/lib.rs",
];

/// Breaches in one file.
pub(super) fn check(path: &str, source: &str, is_crate_root: bool) -> Vec<Breach> {
    let file = match syn::parse_file(source) {
        Ok(file) => file,
        Err(error) => {
            let message = format!("cannot be parsed: {error}");
            return vec![Breach::new(path, error.span().start().line, message)];
        }
    };
    let mut visitor = Visitor { path, breaches: Vec::new() };
    visitor.visit_file(&file);
    if is_crate_root {
        let level = if UNSAFE_CRATE_ROOTS.contains(&path) { "deny" } else { "forbid" };
        if !file.attrs.iter().any(|attribute| is_unsafe_lint(attribute, level)) {
            let message = format!("the crate must say `#![{level}(unsafe_code)]`");
            visitor.breaches.push(Breach::new(path, 1, message));
        }
    }
    visitor.breaches
}

fn is_unsafe_lint(attribute: &syn::Attribute, level: &str) -> bool {
    attribute.path().is_ident(level)
        && attribute.parse_args::<syn::Ident>().is_ok_and(|lint| lint == "unsafe_code")
}

struct Visitor<'a> {
    path: &'a str,
    breaches: Vec<Breach>,
}

impl Visitor<'_> {
    fn function(&mut self, signature: &syn::Signature, block: &syn::Block) {
        let start = signature.span().start().line;
        let num_lines = block.span().end().line - start + 1;
        if num_lines > MAX_FUNCTION_LINES {
            let name = &signature.ident;
            let message = format!("`{name}` has {num_lines} lines; at most {MAX_FUNCTION_LINES}");
            self.breaches.push(Breach::new(self.path, start, message));
        }
    }

    fn unsafe_at(&mut self, span: Span) {
        let is_listed = UNSAFE_PLACES.iter().any(|place| {
            self.path == *place || (place.ends_with('/') && self.path.starts_with(place))
        });
        if !is_listed {
            let message = "`unsafe` outside the listed files (ARCHITECTURE.md, invariant 6)";
            self.breaches.push(Breach::new(self.path, span.start().line, message));
        }
    }
}

impl<'ast> Visit<'ast> for Visitor<'_> {
    fn visit_item_fn(&mut self, item: &'ast syn::ItemFn) {
        self.function(&item.sig, &item.block);
        visit::visit_item_fn(self, item);
    }

    fn visit_impl_item_fn(&mut self, item: &'ast syn::ImplItemFn) {
        self.function(&item.sig, &item.block);
        visit::visit_impl_item_fn(self, item);
    }

    fn visit_trait_item_fn(&mut self, item: &'ast syn::TraitItemFn) {
        if let Some(block) = &item.default {
            self.function(&item.sig, block);
        }
        visit::visit_trait_item_fn(self, item);
    }

    fn visit_signature(&mut self, signature: &'ast syn::Signature) {
        if let Some(word) = &signature.unsafety {
            self.unsafe_at(word.span());
        }
        visit::visit_signature(self, signature);
    }

    fn visit_expr_unsafe(&mut self, block: &'ast syn::ExprUnsafe) {
        self.unsafe_at(block.unsafe_token.span());
        visit::visit_expr_unsafe(self, block);
    }

    fn visit_item_impl(&mut self, item: &'ast syn::ItemImpl) {
        if let Some(word) = &item.unsafety {
            self.unsafe_at(word.span());
        }
        visit::visit_item_impl(self, item);
    }

    fn visit_item_trait(&mut self, item: &'ast syn::ItemTrait) {
        if let Some(word) = &item.unsafety {
            self.unsafe_at(word.span());
        }
        visit::visit_item_trait(self, item);
    }

    fn visit_item_foreign_mod(&mut self, item: &'ast syn::ItemForeignMod) {
        self.unsafe_at(item.abi.span());
        visit::visit_item_foreign_mod(self, item);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn messages(source: &str) -> Vec<String> {
        check("crates/a/src/b.rs", source, false).iter().map(ToString::to_string).collect()
    }

    fn function_of(num_lines: usize) -> String {
        format!(
            "impl A {{\n    fn long() {{\n{}    }}\n}}\n",
            "        f();\n".repeat(num_lines - 2)
        )
    }

    #[test]
    fn a_planted_long_function_is_found() {
        assert_eq!(messages(&function_of(MAX_FUNCTION_LINES)), Vec::<String>::new());
        let found = messages(&function_of(MAX_FUNCTION_LINES + 1));
        assert_eq!(found, ["crates/a/src/b.rs:2: `long` has 71 lines; at most 70"]);
    }

    #[test]
    fn planted_unsafe_is_found_outside_its_places() {
        for source in [
            "fn f() { unsafe { g() } }",
            "unsafe fn f() {}",
            "unsafe impl Send for A {}",
            "unsafe trait T {}",
            "extern \"C\" { fn f(); }",
        ] {
            assert_eq!(messages(source).len(), 1, "{source}");
            assert_eq!(check("crates/cpu/src/ops/simd/avx2.rs", source, false), [], "{source}");
            assert_eq!(check("crates/cpu/src/pool.rs.rs", source, false).len(), 1, "{source}");
        }
        assert_eq!(
            messages("//! unsafe in words\nfn f() { g(\"unsafe {}\") }"),
            Vec::<String>::new()
        );
    }

    #[test]
    fn a_crate_that_does_not_forbid_unsafe_is_found() {
        let forbids = "//! H.\n#![forbid(unsafe_code)]\n";
        let denies = "//! H.\n#![deny(unsafe_code)]\n";
        assert_eq!(check("crates/a/src/lib.rs", forbids, true), []);
        assert_eq!(check("crates/a/src/lib.rs", denies, true).len(), 1);
        assert_eq!(check("crates/a/src/lib.rs", "//! H.\n", true).len(), 1);
        for root in UNSAFE_CRATE_ROOTS {
            assert_eq!(check(root, denies, true), []);
        }
        assert_eq!(check("crates/a/src/b.rs", "//! H.\n", false), []);
    }

    #[test]
    fn what_is_not_rust_is_a_breach() {
        assert!(messages("fn f( {")[0].contains("cannot be parsed"));
    }
}
