//! From `kernels/*.hip` to code objects: which compiler, which flags, which architectures, and the
//! table that `hip` embeds.
//!
//! Owns every decision of the workspace's `build.rs`, so that tests can make them with other
//! variables and another `PATH`; and the compiler's flags, which the kernels' tests share. Called by
//! `build.rs` and by `kernel-tests`. Never part of the product binary.
#![forbid(unsafe_code)]

mod compiler;
mod embed;
mod settings;

pub use compiler::{Compiler, FLAGS, sources};
pub use embed::table;
pub use settings::{Plan, VARIABLES, plan};

use std::path::PathBuf;

use thiserror::Error;

/// Why kernels cannot be built. Each says what to do.
#[derive(Debug, Error)]
pub enum BuildError {
    /// A variable has a value without a meaning.
    #[error("{name}={value}: {wanted}")]
    Variable {
        /// The variable.
        name: &'static str,
        /// Its value.
        value: String,
        /// What it may be.
        wanted: &'static str,
    },
    /// The compiler that was asked for is none, or not for these GPUs.
    #[error(
        "ROPEWAY_HIP_CLANG={compiler} does not compile for {archs}: {reason}; name a clang++ of 19 \
         or newer with its lld"
    )]
    Named {
        /// What was named.
        compiler: String,
        /// Architectures that are to be compiled for.
        archs: String,
        /// What it said.
        reason: String,
    },
    /// No compiler fits.
    #[error(
        "no clang that compiles for {archs} was found; run `apt-get install clang-19 lld-19`, or \
         name one in ROPEWAY_HIP_CLANG, or set ROPEWAY_KERNELS=none for a CPU-only build\n{tried}"
    )]
    NoCompiler {
        /// Architectures that are to be compiled for.
        archs: String,
        /// A line for each compiler that was tried.
        tried: String,
    },
    /// A kernel file does not compile.
    #[error(
        "{file} does not compile for {arch} with {compiler}; if that GPU is not needed, leave \
         {arch} out of ROPEWAY_GPU_ARCHS\n{messages}"
    )]
    Kernel {
        /// The file.
        file: String,
        /// Architecture.
        arch: String,
        /// First line of the compiler's version.
        compiler: String,
        /// Its words.
        messages: String,
    },
    /// What the compiler wrote cannot be read.
    #[error("{file} for {arch}: {reason}")]
    CodeObject {
        /// The file.
        file: String,
        /// Architecture.
        arch: String,
        /// What is wrong.
        reason: String,
    },
    /// A file cannot be read or written.
    #[error("{}: {error}", path.display())]
    File {
        /// The file.
        path: PathBuf,
        /// The system's words.
        error: std::io::Error,
    },
}

impl BuildError {
    fn file(path: &std::path::Path) -> impl FnOnce(std::io::Error) -> Self {
        let path = path.to_owned();
        move |error| Self::File { path, error }
    }
}
