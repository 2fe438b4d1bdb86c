//! HIP's C ABI as a table of function pointers, filled once from a library that is opened at run
//! time; nothing is linked, so a binary starts where no ROCm is installed. RCCL has a table of its own.
//!
//! Owns names, signatures and constants. Never calls HIP by itself and keeps no state. Called by
//! `hip` only. Signatures follow `hip/hip_runtime_api.h`; tests compile each against that header and
//! against a binding crate that is generated from newer ones.

#![deny(unsafe_code)]

mod constants;
mod functions;
#[allow(unsafe_code)]
mod rccl;
#[allow(unsafe_code)]
mod table;
mod types;

pub use constants::*;
pub use rccl::*;
pub use table::{Hip, LoadError, SIGNATURES, Signature, hip_candidates, rocm_library_folder};
pub use types::*;

use table::open_first;

/// Option and variable that name the library to use instead of those found by the loader.
pub const LIBRARY_OPTION: &str = "--hip-library";
/// See [`LIBRARY_OPTION`].
pub const LIBRARY_VARIABLE: &str = "ROPEWAY_HIP_LIBRARY";

/// Names tried in order, newest ROCm first; the plain name comes with development packages only.
pub const LIBRARY_NAMES: [&str; 4] =
    ["libamdhip64.so.7", "libamdhip64.so.6", "libamdhip64.so.5", "libamdhip64.so"];
