//! The element type of activations, weights and the plain KV cache on the GPU. Kernels are chosen by
//! it when the device is opened; a device has one.

use std::fmt;

use backend::{DType, KvDType};
use half::{bf16, f16};

/// Element type of activations and matrices.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum ActivationType {
    /// bfloat16: the range of f32.
    #[default]
    Bf16,
    /// IEEE half: three more bits, and nothing beyond 65,504.
    F16,
}

impl fmt::Display for ActivationType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Bf16 => "bfloat16",
            Self::F16 => "float16",
        })
    }
}

impl ActivationType {
    /// As weights are stored.
    pub(crate) fn dtype(self) -> DType {
        match self {
            Self::Bf16 => DType::BF16,
            Self::F16 => DType::F16,
        }
    }

    /// As a KV cache of the same type is called.
    pub fn kv_dtype(self) -> KvDType {
        match self {
            Self::Bf16 => KvDType::BF16,
            Self::F16 => KvDType::F16,
        }
    }

    /// Bits of the nearest number of the type.
    pub(crate) fn narrow(self, value: f32) -> u16 {
        match self {
            Self::Bf16 => bf16::from_f32(value).to_bits(),
            Self::F16 => f16::from_f32(value).to_bits(),
        }
    }

    /// The number that bits mean.
    pub(crate) fn widen(self, bits: u16) -> f32 {
        match self {
            Self::Bf16 => bf16::from_bits(bits).to_f32(),
            Self::F16 => f16::from_bits(bits).to_f32(),
        }
    }
}
