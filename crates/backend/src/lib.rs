//! The waist between the decoder and the machine: what a device stores ([`Device`]) and the fused
//! layer operations it runs ([`LayerOps`]).
//!
//! Names no device. `model` is generic over these traits and nothing above `model` sees them;
//! `cpu` and `hip` implement them.
#![forbid(unsafe_code)]

pub mod block;
mod device;
mod dtype;
mod error;
mod fp8;
mod ops;
mod source;

pub use device::{BufferKind, Device, KvDType, KvLayout, KvScales};
pub use dtype::{DType, TensorShape, TensorView};
pub use error::DeviceError;
pub use fp8::{fp8_from_f32, fp8_to_f32};
pub use ops::{
    AddNorm, AttentionSpec, LayerOps, QkvSpec, RopeTable, StepEnd, StepLimits, StepRows, StepRun,
};
pub use source::RowSource;
