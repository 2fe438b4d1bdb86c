//! From the environment to a plan: no kernels, or these architectures by that compiler.

use std::ffi::OsString;
use std::path::Path;

use crate::{BuildError, Compiler};

/// Every variable that the plan depends on.
pub const VARIABLES: [&str; 4] =
    ["ROPEWAY_KERNELS", "ROPEWAY_HIP_CLANG", "ROPEWAY_GPU_ARCHS", "ROCM_PATH"];

/// Compiled for when nothing else is asked for: MI300X, MI300A and MI325X.
const DEFAULT_ARCH: &str = "gfx942";
/// Where ROCm installs itself.
const ROCM_PREFIX: &str = "/opt/rocm";
/// Major versions under which distributions package clang, oldest first: the first that knows our
/// GPUs is the one that the kernels are tested with.
const PACKAGED: std::ops::RangeInclusive<u32> = 19..=29;

/// What is to be built.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Plan {
    /// No kernels: `ROPEWAY_KERNELS=none`.
    CpuOnly,
    /// Kernels for these architectures.
    Compile {
        /// By this compiler.
        compiler: Compiler,
        /// In the order that was asked for.
        archs: Vec<String>,
    },
}

/// Decides by `variables`. Compilers are looked for in `path` (`None`: this process's `PATH`) and try
/// themselves out in `scratch`, an existing folder.
///
/// # Errors
/// A variable without a meaning, or no compiler that can do it.
pub fn plan(
    variables: impl Fn(&str) -> Option<String>,
    path: Option<OsString>,
    scratch: &Path,
) -> Result<Plan, BuildError> {
    let value = |name: &str| variables(name).filter(|value| !value.is_empty());
    match value("ROPEWAY_KERNELS") {
        None => {}
        Some(none) if none == "none" => return Ok(Plan::CpuOnly),
        Some(value) => {
            let wanted = "only `none` has a meaning, for a CPU-only build";
            return Err(BuildError::Variable { name: "ROPEWAY_KERNELS", value, wanted });
        }
    }
    let archs = archs(value("ROPEWAY_GPU_ARCHS"))?;
    if let Some(named) = value("ROPEWAY_HIP_CLANG") {
        let compiler = usable(&named, &path, &archs, scratch, false);
        return match compiler {
            Ok(compiler) => Ok(Plan::Compile { compiler, archs }),
            Err(reason) => {
                let archs = archs.join(", ");
                Err(BuildError::Named { compiler: named, archs, reason })
            }
        };
    }
    let rocm = value("ROCM_PATH").unwrap_or_else(|| ROCM_PREFIX.to_owned());
    let packaged = PACKAGED.map(|version| (format!("clang++-{version}"), false));
    let candidates = std::iter::once((format!("{rocm}/llvm/bin/clang++"), false))
        .chain(packaged)
        .chain([("clang++".to_owned(), true)]);
    let mut tried = Vec::new();
    for (program, is_of_any_age) in candidates {
        match usable(&program, &path, &archs, scratch, is_of_any_age) {
            Ok(compiler) => return Ok(Plan::Compile { compiler, archs }),
            Err(reason) => tried.push((program, reason)),
        }
    }
    let tried = told(&tried);
    Err(BuildError::NoCompiler { archs: archs.join(", "), tried })
}

/// A line for each compiler that is there, or one that says that none is.
fn told(tried: &[(String, String)]) -> String {
    let is_there = |(_, reason): &&(String, String)| !reason.contains("No such file");
    let lines: Vec<_> =
        tried.iter().filter(is_there).map(|(name, why)| format!("  {name}: {why}")).collect();
    if lines.is_empty() { "  no clang++ is installed".to_owned() } else { lines.join("\n") }
}

fn usable(
    program: &str,
    path: &Option<OsString>,
    archs: &[String],
    scratch: &Path,
    is_of_any_age: bool,
) -> Result<Compiler, String> {
    let compiler = Compiler::find(program, path.clone())?;
    if is_of_any_age && compiler.major().is_none_or(|major| major < *PACKAGED.start()) {
        return Err(format!("`{}` is older than {}", compiler.version(), PACKAGED.start()));
    }
    compiler.try_out(archs, scratch)?;
    Ok(compiler)
}

fn archs(value: Option<String>) -> Result<Vec<String>, BuildError> {
    let text = value.unwrap_or_else(|| DEFAULT_ARCH.to_owned());
    let mut archs: Vec<String> = Vec::new();
    for arch in text.split(',').map(str::trim).filter(|arch| !arch.is_empty()) {
        let digits = arch.strip_prefix("gfx").unwrap_or_default();
        if digits.is_empty() || !digits.chars().all(|c| c.is_ascii_hexdigit()) {
            let wanted = "names of architectures as `ropeway devices` shows them, such as \
                          gfx942,gfx90a";
            return Err(BuildError::Variable { name: "ROPEWAY_GPU_ARCHS", value: text, wanted });
        }
        if !archs.iter().any(|other| other == arch) {
            archs.push(arch.to_owned());
        }
    }
    if archs.is_empty() {
        archs.push(DEFAULT_ARCH.to_owned());
    }
    Ok(archs)
}
