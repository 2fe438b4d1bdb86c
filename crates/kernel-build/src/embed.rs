//! The table of code objects that `hip` includes, as Rust source.

use std::fmt::Write as _;
use std::path::Path;

use cdna3::code_object::parameters;

use crate::{BuildError, Plan, sources};

/// Compiles what `plan` says from the files of `kernels` into `out` and returns the source of the
/// table: compiler, code objects, their kernels, and the size of each kernel's parameters as the code
/// object's metadata tells it.
///
/// # Errors
/// A file that does not compile, or a code object that cannot be read.
pub fn table(plan: &Plan, kernels: &Path, out: &Path) -> Result<String, BuildError> {
    let (version, archs) = match plan {
        Plan::CpuOnly => ("none", &[][..]),
        Plan::Compile { compiler, archs } => (compiler.version(), archs.as_slice()),
    };
    let mut text = format!(
        "/// The compiler of the kernels.\npub const COMPILER: &str = {version:?};\n\
         /// Every embedded code object.\npub static CODE_OBJECTS: &[CodeObject] = &[\n"
    );
    if let Plan::Compile { compiler, .. } = plan {
        for arch in archs {
            for source in sources(kernels)? {
                let stem = source.file_stem().unwrap_or_default().to_string_lossy().into_owned();
                let object = out.join(format!("{stem}.{arch}.hsaco"));
                compiler.compile(arch, &source, &object)?;
                describe(&mut text, arch, &stem, &object)?;
            }
        }
    }
    text.push_str("];\n");
    Ok(text)
}

/// Adds a code object and its kernels with the bytes of their one parameter struct.
fn describe(text: &mut String, arch: &str, stem: &str, object: &Path) -> Result<(), BuildError> {
    let bytes = std::fs::read(object).map_err(BuildError::file(object))?;
    let kernels = parameters(&bytes).map_err(|error| BuildError::CodeObject {
        file: stem.to_owned(),
        arch: arch.to_owned(),
        reason: error.to_string(),
    })?;
    let path = object.display().to_string();
    writeln!(
        text,
        "CodeObject {{ arch: {arch:?}, file: {stem:?}, image: &Aligned {{ bytes: \
         *include_bytes!({path:?}) }}, kernels: &["
    )
    .expect("a String grows");
    for kernel in kernels {
        let bytes = kernel.args.first().map_or(0, |argument| argument.size_bytes);
        writeln!(text, "({:?}, {bytes}),", kernel.name).expect("a String grows");
    }
    text.push_str("] },\n");
    Ok(())
}
