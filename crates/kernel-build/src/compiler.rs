//! The compiler: how it is called and whether it can do the work.

use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::BuildError;

/// Freestanding device code: `kernels/dialect.h` stands for HIP's headers and device libraries, so
/// that clang and lld are all that a build machine needs.
pub const FLAGS: [&str; 10] = [
    "-x",
    "hip",
    "--cuda-device-only",
    "--no-gpu-bundle-output",
    "-nogpuinc",
    "-nogpulib",
    "-mcode-object-version=5",
    "-std=c++20",
    "-O3",
    "-Werror",
];

/// The least that a compiler must manage; it goes through code generation and the linker.
const PROBE: &str = "extern \"C\" __attribute__((global)) void probe(int* p) { *p = 1; }\n";

/// A clang++ that answers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Compiler {
    /// Name or path.
    program: String,
    /// First line of its `--version`.
    version: String,
    /// Where it and its linker are looked for.
    path: Option<OsString>,
}

impl Compiler {
    /// Asks `program`, looked for in `path` (`None`: this process's), for its version.
    ///
    /// # Errors
    /// Why it does not answer, in words.
    pub fn find(program: &str, path: Option<OsString>) -> Result<Self, String> {
        let unknown = Self { program: program.to_owned(), version: String::new(), path };
        let output = unknown.command().arg("--version").output().map_err(|e| e.to_string())?;
        if !output.status.success() {
            return Err(format!("--version ends with {}", output.status));
        }
        let text = String::from_utf8_lossy(&output.stdout);
        let version = text.lines().next().unwrap_or_default().trim().to_owned();
        Ok(Self { version, ..unknown })
    }

    /// First line of its `--version`.
    pub fn version(&self) -> &str {
        &self.version
    }

    /// The number before the first point of the version.
    pub(crate) fn major(&self) -> Option<u32> {
        let after = self.version.split("clang version ").nth(1)?;
        after.split(|c: char| !c.is_ascii_digit()).next()?.parse().ok()
    }

    fn command(&self) -> Command {
        let mut command = Command::new(&self.program);
        if let Some(path) = &self.path {
            command.env("PATH", path);
        }
        command
    }

    /// Whether it makes code objects for all of `archs`; `scratch` is an existing folder.
    pub(crate) fn try_out(&self, archs: &[String], scratch: &Path) -> Result<(), String> {
        let source = scratch.join("probe.hip");
        std::fs::write(&source, PROBE).map_err(|e| format!("{}: {e}", source.display()))?;
        for arch in archs {
            let object = scratch.join(format!("probe.{arch}.hsaco"));
            if let Err(messages) = self.run(arch, &source, &object) {
                let telling = messages.lines().find(|line| line.contains("error"));
                return Err(telling.unwrap_or(messages.trim()).to_owned());
            }
        }
        Ok(())
    }

    /// Compiles a file for an architecture.
    ///
    /// # Errors
    /// The compiler's messages.
    pub fn compile(&self, arch: &str, source: &Path, object: &Path) -> Result<(), BuildError> {
        self.run(arch, source, object).map_err(|messages| BuildError::Kernel {
            file: source.display().to_string(),
            arch: arch.to_owned(),
            compiler: self.version.clone(),
            messages,
        })
    }

    fn run(&self, arch: &str, source: &Path, object: &Path) -> Result<(), String> {
        let mut command = self.command();
        command.args(FLAGS).arg(format!("--offload-arch={arch}"));
        let output = command.arg("-o").arg(object).arg(source).output();
        let output = output.map_err(|error| error.to_string())?;
        if output.status.success() {
            return Ok(());
        }
        Err(String::from_utf8_lossy(&output.stderr).into_owned())
    }
}

/// Every file of `folder` that holds kernels, sorted.
///
/// # Errors
/// The folder cannot be listed.
pub fn sources(folder: &Path) -> Result<Vec<PathBuf>, BuildError> {
    let entries = std::fs::read_dir(folder).map_err(BuildError::file(folder))?;
    let mut files = Vec::new();
    for entry in entries {
        let path = entry.map_err(BuildError::file(folder))?.path();
        if path.extension().is_some_and(|extension| extension == "hip") {
            files.push(path);
        }
    }
    files.sort();
    Ok(files)
}
