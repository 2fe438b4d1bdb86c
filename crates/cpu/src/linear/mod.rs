//! Linear layers: `out = x * weight^T + bias` for plain and quantised weights.
//!
//! Weights are packed once into panels (see `panel`); a call quantises its activations if a part of
//! the weight needs it, and spreads output tiles over the pool. An output element's arithmetic is
//! fixed by its weight row and its activation row alone: the number of rows in a call, the tiling,
//! the number of threads and the instruction set do not change a single bit.
//!
//! Never allocates after set-up. Called by the device's `linear`, `embed` and `upload_weight`.

mod activations;
#[cfg(target_arch = "x86_64")]
mod avx2;
#[cfg(target_arch = "x86_64")]
mod avx512;
mod driver;
mod kernels;
mod panel;
#[cfg(target_arch = "x86_64")]
mod prefetch;
mod scalar;
#[cfg(test)]
mod tests;
mod weight;

pub use activations::LinearWorkspace;
pub use driver::linear;
pub use weight::{PackError, PackedWeight};
