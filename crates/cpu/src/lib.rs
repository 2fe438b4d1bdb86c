//! The CPU backend: f32 activations (or, as a reference for GPUs, bf16), packed weights, a paged KV cache and the fused layer
//! operations on a worker pool of its own.
//!
//! Each operation has a plain reference loop beside vector kernels for AVX2 and AVX-512, chosen once
//! at construction. Results do not depend on the batch, the chunking or the number of threads.
//! `unsafe` lives in the pool, in the row splitter, in the cache writer and in the vector kernels. Named by the binary
//! only; everything else sees `backend`'s traits.
#![deny(unsafe_code)]

mod activations;
mod aligned;
mod device;
mod isa;
#[allow(unsafe_code)]
mod kv;
mod layer_ops;
#[allow(unsafe_code)]
mod linear;
#[allow(unsafe_code)]
mod ops;
#[allow(unsafe_code)]
mod par;
#[allow(unsafe_code)]
mod pool;
mod step;
mod weight;
mod workspace;

#[cfg(test)]
mod tests;

pub use activations::{ACTIVATIONS_ENV, Activations, ActivationsError};
pub use device::{CpuBuffer, CpuConfig, CpuDevice};
pub use isa::{ISA_ENV, Isa, IsaError};
pub use kv::{CpuKvCache, MAX_BLOCK_SIZE, MIN_BLOCK_SIZE};
pub use linear::{LinearWorkspace, PackError, PackedWeight, linear};
pub use pool::{MAX_POOL_THREADS, Pool, PoolError};
pub use weight::CpuWeight;
