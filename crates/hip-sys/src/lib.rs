//! HIP's C ABI as a table of function pointers, filled once from a library that is opened at run
//! time; nothing is linked, so a binary starts where no ROCm is installed.
//!
//! Owns names, signatures and constants. Never calls HIP by itself and keeps no state. Called by
//! `hip` only. Signatures follow `hip/hip_runtime_api.h`; a test compiles each against that header.

#![deny(unsafe_code)]

mod constants;
#[allow(unsafe_code)]
mod table;

pub use constants::*;
pub use table::{Hip, LoadError, SIGNATURES, Signature};

/// Variable that names the library to use instead of those found by the loader.
pub const LIBRARY_VARIABLE: &str = "ROPEWAY_HIP_LIBRARY";

/// Names tried in order, newest ROCm first; the plain name comes with development packages only.
pub const LIBRARY_NAMES: [&str; 4] =
    ["libamdhip64.so.7", "libamdhip64.so.6", "libamdhip64.so.5", "libamdhip64.so"];
