//! How wide the numbers are that pass from one operation to the next.
//!
//! A GPU keeps activations in bf16. So that its results can be held against this backend's, the
//! device can do the same: every operation computes in f32 and rounds what it stores, matrices are
//! taken in bf16, and attention multiplies values with bf16 probabilities
//! (`ops::attention::tiled`). It is a reference, not a faster way: everything stays f32 in memory.
//!
//! Called by device construction and at the end of each operation; in f32 nothing is done.

use std::fmt;

use backend::{DType, TensorShape, TensorView};
use half::bf16;
use thiserror::Error;

/// Environment variable that chooses: `f32` (the default) or `bf16`.
pub const ACTIVATIONS_ENV: &str = "ROPEWAY_CPU_ACTIVATIONS";

/// The type of activations.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Activations {
    /// IEEE single: nothing is rounded away between operations.
    #[default]
    F32,
    /// bfloat16, as gfx942 keeps them.
    Bf16,
}

/// The variable holds an unknown word.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
#[error("{ACTIVATIONS_ENV}={0}: unknown type of activations; use f32 or bf16")]
pub struct ActivationsError(String);

impl Activations {
    /// What [`ACTIVATIONS_ENV`] says; f32 if it is not set.
    ///
    /// # Errors
    /// [`ActivationsError`] for an unknown word.
    pub fn from_env() -> Result<Self, ActivationsError> {
        Self::choose(std::env::var_os(ACTIVATIONS_ENV).map(|v| v.to_string_lossy().into_owned()))
    }

    fn choose(wanted: Option<String>) -> Result<Self, ActivationsError> {
        match wanted.as_deref() {
            None | Some("f32") => Ok(Self::F32),
            Some("bf16") => Ok(Self::Bf16),
            Some(other) => Err(ActivationsError(other.to_owned())),
        }
    }

    /// Rounds a row that an operation stores.
    #[inline]
    pub(crate) fn store(self, row: &mut [f32]) {
        if self == Self::Bf16 {
            row.iter_mut().for_each(|value| *value = to_nearest_even(*value));
        }
    }

    /// The type that a matrix stored as `stored` is multiplied in.
    pub(crate) fn matrix_dtype(self, stored: DType) -> DType {
        match self {
            Self::F32 => stored,
            Self::Bf16 => DType::BF16,
        }
    }

    /// A part's shape as it is uploaded.
    pub(crate) fn shape(self, shape: TensorShape) -> TensorShape {
        TensorShape { dtype: self.matrix_dtype(shape.dtype), ..shape }
    }
}

impl fmt::Display for Activations {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::F32 => "f32",
            Self::Bf16 => "bf16",
        })
    }
}

/// The nearest bf16, halves to even; NaN stays NaN.
fn to_nearest_even(value: f32) -> f32 {
    let bits = value.to_bits();
    let rounded = bits.wrapping_add(0x7fff + (bits >> 16 & 1)) & 0xffff_0000;
    if value.is_nan() { value } else { f32::from_bits(rounded) }
}

/// The bytes of a matrix with its elements rounded to bf16.
pub(crate) fn narrow_matrix(view: &TensorView<'_>) -> Vec<u8> {
    let TensorShape { rows, cols, .. } = view.shape;
    let mut wide = vec![0.0; cols];
    let mut bytes = Vec::with_capacity(2 * rows * cols);
    for row in 0..rows {
        view.widen_row(row, &mut wide);
        bytes.extend(wide.iter().flat_map(|value| bf16::from_f32(*value).to_le_bytes()));
    }
    bytes
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_variable_chooses_and_unknown_words_are_refused() {
        let choose = |word: &str| Activations::choose(Some(word.to_owned()));
        assert_eq!(Activations::choose(None), Ok(Activations::F32));
        assert_eq!(choose("bf16"), Ok(Activations::Bf16));
        assert_eq!(choose("f16"), Err(ActivationsError("f16".to_owned())));
    }

    #[test]
    fn storing_rounds_as_the_half_crate_does_or_not_at_all() {
        let values: Vec<f32> = (0..=u16::MAX)
            .flat_map(|high| {
                [0u32, 1, 0x7fff, 0x8000, 0x8001].map(|low| u32::from(high) << 16 | low)
            })
            .map(f32::from_bits)
            .collect();
        let (mut same, mut rounded) = (values.clone(), values.clone());
        Activations::F32.store(&mut same);
        Activations::Bf16.store(&mut rounded);
        for ((value, same), rounded) in values.iter().zip(&same).zip(&rounded) {
            assert_eq!(value.to_bits(), same.to_bits());
            let expect = bf16::from_f32(*value).to_f32();
            assert!(expect.is_nan() && rounded.is_nan() || expect == *rounded, "{value:e}");
        }
    }
}
