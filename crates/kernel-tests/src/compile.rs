//! From a file of `kernels/` to a gfx942 code object: the one that `hip` embeds, or that of the compiler
//! that snapshots are of.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

use kernel_build::Compiler;

/// The compiler; its major version is part of what the resource snapshot records.
const COMPILER: &str = "clang++-19";

/// The architecture that the emulator runs.
const ARCH: &str = "gfx942";

/// The folder of the kernels.
pub fn kernels_folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../kernels")
}

/// Names of all kernel files, sorted.
pub fn kernel_files() -> Vec<String> {
    let sources = kernel_build::sources(&kernels_folder()).expect("the folder of kernels is there");
    let name = |path: &PathBuf| {
        path.file_name().and_then(|name| name.to_str()).expect("names are UTF-8").to_owned()
    };
    sources.iter().map(name).collect()
}

/// The code object of `kernels/{file}` that is shipped.
///
/// Panics if this build has none.
pub(crate) fn shipped(file: &str) -> &'static [u8] {
    hip::code_object(ARCH, file.trim_end_matches(".hip")).unwrap_or_else(|| {
        panic!(
            "this build has no {file} for {ARCH}, only {:?}: build without ROPEWAY_KERNELS, and with \
             {ARCH} in ROPEWAY_GPU_ARCHS",
            hip::embedded_archs()
        )
    })
}

/// Compiles `kernels/{file}` and returns the linked code object. What the snapshot of resources records
/// depends on the compiler, so it is always this one.
///
/// Compiled once in a process. Panics with the compiler's messages if it fails, and names the
/// packages if it is missing.
pub(crate) fn code_object(file: &str) -> Vec<u8> {
    static COMPILED: Mutex<BTreeMap<String, Vec<u8>>> = Mutex::new(BTreeMap::new());
    let mut compiled = COMPILED.lock().unwrap_or_else(PoisonError::into_inner);
    compiled.entry(file.to_owned()).or_insert_with(|| compile(file)).clone()
}

fn compile(file: &str) -> Vec<u8> {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let output = folder.path().join("kernels.hsaco");
    let source = kernels_folder().join(file);
    let compiler = Compiler::find(COMPILER, None).unwrap_or_else(|error| {
        panic!("cannot run {COMPILER}: {error}; install clang-19 and lld-19 (scripts/test.sh does)")
    });
    if let Err(error) = compiler.compile(ARCH, &source, &output) {
        panic!("{error}");
    }
    std::fs::read(&output).expect("the compiler wrote it")
}
