//! LLVM's tools, run by the tests: assembler, linker, disassembler, HIP compiler.

#![allow(dead_code, reason = "each test uses a part of it")]

use std::path::{Path, PathBuf};
use std::process::Command;

/// LLVM's major version; the printed syntax differs between versions.
const VERSION: &str = "19";

/// A file under `tests/probes`.
pub(crate) fn probe(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/probes").join(name)
}

/// Runs a tool and returns what it prints.
pub(crate) fn run(tool: &str, args: &[&str]) -> String {
    let tool = format!("{tool}-{VERSION}");
    let output = Command::new(&tool).args(args).output().unwrap_or_else(|error| {
        panic!(
            "cannot run {tool}: {error}; install clang-{VERSION}, lld-{VERSION} and \
             llvm-{VERSION} (scripts/test.sh does)"
        )
    });
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(
        output.status.success(),
        "{tool} {args:?} failed:\n{}",
        String::from_utf8_lossy(&output.stderr)
    );
    text
}

/// Compiles a probe in HIP for gfx942 into a linked code object.
pub(crate) fn compile(source: &Path, output: &Path) {
    compile_for("gfx942", source, output);
}

/// As [`compile`], for another target.
pub(crate) fn compile_for(target: &str, source: &Path, output: &Path) {
    let offload = format!("--offload-arch={target}");
    run(
        "clang++",
        &[
            "-x",
            "hip",
            &offload,
            "--cuda-device-only",
            "--no-gpu-bundle-output",
            "-nogpuinc",
            "-nogpulib",
            "-mcode-object-version=5",
            "-O3",
            "-Werror",
            "-o",
            &output.display().to_string(),
            &source.display().to_string(),
        ],
    );
}

/// Assembles a source for gfx942 and links it into a code object.
pub(crate) fn assemble(source: &Path, output: &Path) {
    run(
        "clang",
        &[
            "-x",
            "assembler",
            "-target",
            "amdgcn-amd-amdhsa",
            "-mcpu=gfx942",
            "-mcode-object-version=5",
            "-o",
            &output.display().to_string(),
            &source.display().to_string(),
        ],
    );
}
