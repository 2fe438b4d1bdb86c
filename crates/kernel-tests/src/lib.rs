//! Test equipment for `kernels/*.hip`: compiles them for gfx942 with clang-19, loads the code
//! object and launches its kernels on the emulated device of `cdna3`.
//!
//! Owns the compiler flags of the tests and the device they run on; the references that results
//! are held to are written in the tests. Never enters the product binary, and says nothing about
//! hardware.
#![forbid(unsafe_code)]

mod cache;
mod compile;
mod device;
mod numbers;
mod resources;
mod traffic;

pub use cache::{BLOCK_SIZE, CacheShape};
pub use compile::{code_object, kernel_files, kernels_folder};
pub use device::{Device, Params};
pub use numbers::{Noise, bf16_bytes, bf16_floor, f32_bytes, u32_bytes, worst_error};
pub use resources::{LoopClocks, Resources};
pub use traffic::Traffic;
