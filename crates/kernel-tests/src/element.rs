//! The element types of activations: how they are stored, and what rounding to them costs.

use half::{bf16, f16};

/// Element type of a kernel.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Element {
    /// bfloat16, 8 bits of significand.
    Bf16,
    /// IEEE half, 11 bits of significand.
    F16,
}

impl Element {
    /// Each of them.
    pub const ALL: [Self; 2] = [Self::Bf16, Self::F16];

    /// As kernels' names have it where they name both.
    pub fn name(self) -> &'static str {
        match self {
            Self::Bf16 => "bf16",
            Self::F16 => "f16",
        }
    }

    /// The name of a kernel that names f16 alone.
    pub fn kernel(self, name: &str) -> String {
        match self {
            Self::Bf16 => name.to_owned(),
            Self::F16 => format!("{name}_f16"),
        }
    }

    /// Nearest value of the type, widened.
    pub fn rounded(self, v: f32) -> f32 {
        match self {
            Self::Bf16 => bf16::from_f32(v).to_f32(),
            Self::F16 => f16::from_f32(v).to_f32(),
        }
    }

    /// Numbers as stored, rounded to nearest even.
    pub fn bytes(self, values: &[f32]) -> Vec<u8> {
        let bytes = |&v: &f32| match self {
            Self::Bf16 => bf16::from_f32(v).to_le_bytes(),
            Self::F16 => f16::from_f32(v).to_le_bytes(),
        };
        values.iter().flat_map(bytes).collect()
    }

    /// Stored numbers, widened.
    pub fn widened(self, bytes: &[u8]) -> Vec<f32> {
        let (halves, _) = bytes.as_chunks::<2>();
        let wide = |&half: &[u8; 2]| match self {
            Self::Bf16 => bf16::from_le_bytes(half).to_f32(),
            Self::F16 => f16::from_le_bytes(half).to_f32(),
        };
        halves.iter().map(wide).collect()
    }

    /// What rounding alone may cost, relative: half of the last of 8 or 11 bits.
    pub fn relative_floor(self) -> f64 {
        match self {
            Self::Bf16 => 1.0 / 256.0,
            Self::F16 => 1.0 / 2048.0,
        }
    }

    /// The largest distance between results and references in what rounding may cost a value of that
    /// size, or of `scale` if that is larger.
    ///
    /// Panics if the lengths differ or a result is not a number.
    pub fn worst_error(self, results: &[f32], references: &[f64], scale: f64) -> f64 {
        assert_eq!(results.len(), references.len(), "as many results as references");
        let pairs = results.iter().zip(references);
        pairs.fold(0.0, |worst, (&result, &reference)| {
            assert!(!result.is_nan(), "a result is not a number; expected {reference}");
            let floor = reference.abs().max(scale) * self.relative_floor();
            ((f64::from(result) - reference).abs() / floor).max(worst)
        })
    }
}
