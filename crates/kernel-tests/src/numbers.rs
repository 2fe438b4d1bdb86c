//! Inputs and error measures of the parity tests.

use half::bf16;

/// Reproducible numbers: SplitMix64 (Steele, Lea, Flood, OOPSLA 2014).
#[derive(Clone, Debug)]
pub struct Noise(u64);

impl Noise {
    /// The stream of a seed.
    pub fn new(seed: u64) -> Self {
        Self(seed)
    }

    /// The next 64 bits.
    pub fn bits(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    /// The next number in `[-1, 1)`.
    pub fn unit(&mut self) -> f32 {
        (self.bits() >> 40) as f32 / (1u64 << 23) as f32 - 1.0
    }

    /// The next index below `end`.
    pub fn below(&mut self, end: usize) -> usize {
        (self.bits() % end as u64) as usize
    }

    /// `len` numbers in `[-scale, scale)`.
    pub fn f32s(&mut self, len: usize, scale: f32) -> Vec<f32> {
        (0..len).map(|_| self.unit() * scale).collect()
    }

    /// `len` numbers in `[-scale, scale)` that bf16 holds exactly.
    pub fn bf16s(&mut self, len: usize, scale: f32) -> Vec<f32> {
        (0..len).map(|_| bf16::from_f32(self.unit() * scale).to_f32()).collect()
    }
}

/// Numbers as bf16, rounded to nearest even.
pub fn bf16_bytes(values: &[f32]) -> Vec<u8> {
    values.iter().flat_map(|&value| bf16::from_f32(value).to_le_bytes()).collect()
}

/// Numbers as they are.
pub fn f32_bytes(values: &[f32]) -> Vec<u8> {
    values.iter().flat_map(|value| value.to_le_bytes()).collect()
}

/// Words as they are.
pub fn u32_bytes(values: &[u32]) -> Vec<u8> {
    values.iter().flat_map(|value| value.to_le_bytes()).collect()
}

/// What rounding to bf16 alone may cost a value of this size: half of the last of 8 bits, the
/// unit in which the tests' bounds are given. Never below that of `scale`, for sums that cancel.
pub fn bf16_floor(value: f64, scale: f64) -> f64 {
    value.abs().max(scale) / 256.0
}

/// The largest distance between results and references, in floors of `scale`.
///
/// Panics if the lengths differ or a result is not a number.
pub fn worst_error(results: &[f32], references: &[f64], scale: f64) -> f64 {
    assert_eq!(results.len(), references.len(), "as many results as references");
    let pairs = results.iter().zip(references);
    pairs.fold(0.0, |worst, (&result, &reference)| {
        assert!(!result.is_nan(), "a result is not a number; expected {reference}");
        let error = (f64::from(result) - reference).abs() / bf16_floor(reference, scale);
        error.max(worst)
    })
}
