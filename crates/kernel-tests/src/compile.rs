//! From a file of `kernels/` to a gfx942 code object.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::{Mutex, PoisonError};

/// The compiler; its major version is part of what the resource snapshot records.
const COMPILER: &str = "clang++-19";

/// Device code only, without HIP's headers and device libraries: `kernels/dialect.h` replaces both.
const FLAGS: [&str; 11] = [
    "-x",
    "hip",
    "--offload-arch=gfx942",
    "--cuda-device-only",
    "--no-gpu-bundle-output",
    "-nogpuinc",
    "-nogpulib",
    "-mcode-object-version=5",
    "-std=c++20",
    "-O3",
    "-Werror",
];

/// The folder of the kernels.
pub fn kernels_folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../kernels")
}

/// Names of all kernel files, sorted.
pub fn kernel_files() -> Vec<String> {
    let folder = std::fs::read_dir(kernels_folder()).expect("the folder of kernels is there");
    let names = folder.map(|entry| {
        entry.expect("it can be listed").file_name().into_string().expect("names are UTF-8")
    });
    let mut names: Vec<String> = names.filter(|name| name.ends_with(".hip")).collect();
    names.sort();
    names
}

/// Compiles `kernels/{file}` and returns the linked code object.
///
/// Compiled once in a process. Panics with the compiler's messages if it fails, and names the
/// packages if it is missing.
pub fn code_object(file: &str) -> Vec<u8> {
    static COMPILED: Mutex<BTreeMap<String, Vec<u8>>> = Mutex::new(BTreeMap::new());
    let mut compiled = COMPILED.lock().unwrap_or_else(PoisonError::into_inner);
    compiled.entry(file.to_owned()).or_insert_with(|| compile(file)).clone()
}

fn compile(file: &str) -> Vec<u8> {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let output = folder.path().join("kernels.hsaco");
    let source = kernels_folder().join(file);
    let result = Command::new(COMPILER).args(FLAGS).arg("-o").arg(&output).arg(&source).output();
    let result = result.unwrap_or_else(|error| {
        panic!("cannot run {COMPILER}: {error}; install clang-19 and lld-19 (scripts/test.sh does)")
    });
    let messages = String::from_utf8_lossy(&result.stderr);
    assert!(result.status.success(), "{file} does not compile:\n{messages}");
    std::fs::read(&output).expect("the compiler wrote it")
}
