//! The HIP backend: our own kernels on AMD GPUs, through a runtime that is loaded at run time.
//!
//! Owns the embedded code objects, the safe layer over HIP (every resource has an owner that frees
//! it), and the implementation of `backend`'s traits. Never links ROCm, never falls back to another
//! device. Called by `ropeway`, and by `model` through the traits.

#![deny(unsafe_code)]

mod admission;
mod buffers;
mod decode;
mod device;
mod element;
mod error;
mod flights;
mod gemm_shape;
mod graphs;
mod kernels;
mod launch;
mod layer_ops;
mod params;
mod probe;
#[allow(unsafe_code)]
mod runtime;
mod sample;
mod step;
mod stepping;
mod upload;
mod weight;
mod workspace;

pub use admission::{MAX_LOGIT_BIAS, MAX_STOP_TOKENS, MAX_TOP_LOGPROBS};
pub use buffers::{HipBuffer, HipKvCache};
pub use device::{HipConfig, HipDevice};
pub use element::ActivationType;
pub use error::HipFailure;
pub use kernels::{code_object, embedded_archs, kernel_compiler};
pub use probe::{DeviceInfo, LibraryInfo, list_devices, rccl_info};
pub use runtime::end_process;
pub use weight::HipWeight;
