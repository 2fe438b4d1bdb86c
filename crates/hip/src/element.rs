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

    /// Why a KV cache of `asked` is not served beside such activations, with the way out; `has_fp8`
    /// says whether the device has kernels for FP8.
    pub(crate) fn refuses_cache(self, asked: KvDType, has_fp8: bool) -> Option<String> {
        if asked == self.kv_dtype() || (asked == KvDType::Fp8 && has_fp8) {
            return None;
        }
        let or_fp8 = if has_fp8 { " or fp8" } else { "" };
        let (name, remedy) = match (asked, self) {
            (KvDType::Fp8, Self::Bf16) => {
                let cause = "a KV cache of fp8, which the kernels for this GPU do not have";
                return Some(format!("{cause}; use --kv-cache-dtype bf16"));
            }
            (KvDType::F32, Self::Bf16) => ("f32", format!("--kv-cache-dtype bf16{or_fp8}")),
            (KvDType::F32, Self::F16) => ("f32", "--kv-cache-dtype f16".to_owned()),
            (KvDType::F16, _) => {
                ("f16", format!("--kv-cache-dtype bf16{or_fp8}, or --dtype float16"))
            }
            (KvDType::BF16, _) => ("bf16", "--kv-cache-dtype f16, or --dtype bfloat16".to_owned()),
            (KvDType::Fp8, Self::F16) => {
                ("fp8", "--kv-cache-dtype f16, or --dtype bfloat16".to_owned())
            }
        };
        Some(format!("a KV cache of {name} beside {self}; use {remedy}"))
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_gpu_without_fp8_kernels_refuses_that_cache_and_recommends_it_nowhere() {
        let bf16 = ActivationType::Bf16;
        assert_eq!(bf16.refuses_cache(KvDType::Fp8, true), None);
        let told = bf16.refuses_cache(KvDType::Fp8, false).expect("there are no kernels");
        assert!(told.contains("for this GPU") && told.ends_with("use --kv-cache-dtype bf16"));
        for other in [KvDType::F32, KvDType::F16] {
            let told = bf16.refuses_cache(other, false).expect("only bf16 is left");
            assert!(!told.contains("fp8"), "{told}");
        }
        for has_fp8 in [false, true] {
            assert_eq!(bf16.refuses_cache(KvDType::BF16, has_fp8), None);
            assert_eq!(ActivationType::F16.refuses_cache(KvDType::F16, has_fp8), None);
        }
    }
}
