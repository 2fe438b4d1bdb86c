//! Test equipment for `kernels/*.hip`: launches the kernels that `hip` embeds on the emulated device of
//! `cdna3`, and counts whole steps of the HIP backend on the emulated runtime. Their resources are read
//! from what clang-19 makes of them, whatever compiler the build has.
//!
//! Owns the device they run on, the shapes of models and the estimate of a step; the references that
//! results are held to are written in the tests. Never enters the product binary. What it says of time is
//! arithmetic, not measured on hardware.
#![forbid(unsafe_code)]

mod cache;
mod compile;
mod device;
mod element;
mod estimate;
mod fp8;
mod model_shape;
mod numbers;
mod resources;
mod steps;

pub use cache::{BLOCK_SIZE, CacheShape, CacheType};
pub use compile::{kernel_files, kernels_folder};
pub use device::{Counted, Device, Params, Ratios};
pub use element::Element;
pub use estimate::{KernelTime, MEMORY_LATENCY_S, StepEstimate};
pub use fp8::{FP8_NAN, fp8_code, fp8_value};
pub use model_shape::{LLAMA_8B, LLAMA_70B_RANK, ModelShape, QWEN_1_5B};
pub use numbers::{Noise, bf16_bytes, bf16_floor, f32_bytes, u32_bytes, worst_error};
pub use resources::{LoopClocks, Resources};
pub use steps::{Launch, StepCase, count_steps, run_ordered_steps};
