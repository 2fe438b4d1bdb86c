//! Rotary position embedding: which frequency each pair of elements turns with.
//!
//! The variants and their formulas are those of `modeling_rope_utils.py` in `transformers`
//! (RoFormer, arXiv 2104.09864; YaRN, arXiv 2309.00071). All maths is f64; only the finished
//! cosines and sines are rounded to f32.

use std::f64::consts::TAU;

use backend::RopeTable;

/// A model's rotary embedding.
#[derive(Clone, Debug, PartialEq)]
pub struct RopeSpec {
    /// Base of the frequencies.
    pub theta: f64,
    /// Leading elements of each head that rotate; even.
    pub rotary_dim: usize,
    /// How the frequencies were changed for a longer context.
    pub scaling: RopeScaling,
}

/// Changes to the frequencies `theta^(-2i / rotary_dim)`.
#[derive(Clone, Debug, PartialEq)]
pub enum RopeScaling {
    /// Unchanged.
    None,
    /// Every frequency divided by `factor`.
    Linear {
        /// Divisor.
        factor: f64,
    },
    /// Llama 3.1: low frequencies divided by `factor`, high ones kept, smooth in between.
    Llama3 {
        /// Divisor of the low frequencies.
        factor: f64,
        /// Wavelengths above `original_max_position / low_freq_factor` count as low frequencies.
        low_freq_factor: f64,
        /// Wavelengths below `original_max_position / high_freq_factor` count as high ones.
        high_freq_factor: f64,
        /// Context length of the pre-training.
        original_max_position: f64,
    },
    /// YaRN: as `Linear` for low frequencies, unchanged for high ones, a ramp in between, and
    /// cosines and sines multiplied by `attention_factor`.
    Yarn {
        /// Divisor of the low frequencies.
        factor: f64,
        /// Context length of the pre-training.
        original_max_position: f64,
        /// Rotations over the original context above which a frequency is kept.
        beta_fast: f64,
        /// Rotations over the original context below which a frequency is divided.
        beta_slow: f64,
        /// Multiplies cosines and sines.
        attention_factor: f64,
        /// Round the ramp's ends outward to whole dimensions.
        truncate: bool,
    },
    /// Each frequency divided by its own number: GGUF's `rope_freqs.weight`.
    Divisors {
        /// `[rotary_dim / 2]`.
        divisors: Vec<f32>,
    },
}

impl RopeScaling {
    /// Name for messages and `inspect`.
    pub fn as_str(&self) -> &'static str {
        match self {
            Self::None => "none",
            Self::Linear { .. } => "linear",
            Self::Llama3 { .. } => "llama3",
            Self::Yarn { .. } => "yarn",
            Self::Divisors { .. } => "divisors",
        }
    }
}

/// YaRN's default `attention_factor` (`get_mscale` in `transformers`).
pub(crate) fn yarn_attention_factor(factor: f64, mscale: f64) -> f64 {
    if factor <= 1.0 { 1.0 } else { 0.1 * mscale * factor.ln() + 1.0 }
}

impl RopeSpec {
    /// Cosines and sines of positions `0..max_position`.
    pub fn table(&self, max_position: usize) -> RopeTable {
        let frequencies = self.frequencies();
        let amplitude = match self.scaling {
            RopeScaling::Yarn { attention_factor, .. } => attention_factor,
            _ => 1.0,
        };
        let len = max_position * frequencies.len();
        let (mut cos, mut sin) = (Vec::with_capacity(len), Vec::with_capacity(len));
        for position in 0..max_position {
            for frequency in &frequencies {
                let (s, c) = (position as f64 * frequency).sin_cos();
                cos.push((c * amplitude) as f32);
                sin.push((s * amplitude) as f32);
            }
        }
        RopeTable { rotary_dim: self.rotary_dim, cos, sin }
    }

    /// `[rotary_dim / 2]` radians per position.
    pub fn frequencies(&self) -> Vec<f64> {
        let num_pairs = self.rotary_dim / 2;
        let dim = self.rotary_dim as f64;
        let plain = (0..num_pairs).map(|pair| self.theta.powf(-2.0 * pair as f64 / dim));
        match &self.scaling {
            RopeScaling::None => plain.collect(),
            RopeScaling::Linear { factor } => plain.map(|f| f / factor).collect(),
            RopeScaling::Llama3 {
                factor,
                low_freq_factor,
                high_freq_factor,
                original_max_position,
            } => plain
                .map(|frequency| {
                    let rotations = original_max_position * frequency / TAU;
                    let smooth = ((rotations - low_freq_factor)
                        / (high_freq_factor - low_freq_factor))
                        .clamp(0.0, 1.0);
                    (1.0 - smooth) * frequency / factor + smooth * frequency
                })
                .collect(),
            RopeScaling::Yarn { factor, .. } => {
                let (low, high) = self.yarn_ramp();
                plain
                    .enumerate()
                    .map(|(pair, frequency)| {
                        let divided = ((pair as f64 - low) / (high - low)).clamp(0.0, 1.0);
                        frequency / factor * divided + frequency * (1.0 - divided)
                    })
                    .collect()
            }
            RopeScaling::Divisors { divisors } => {
                plain.zip(divisors).map(|(f, divisor)| f / f64::from(*divisor)).collect()
            }
        }
    }

    /// First and last pair of YaRN's ramp: the pairs that make `beta_fast` and `beta_slow`
    /// rotations over the original context.
    fn yarn_ramp(&self) -> (f64, f64) {
        let RopeScaling::Yarn { original_max_position, beta_fast, beta_slow, truncate, .. } =
            self.scaling
        else {
            return (0.0, 1.0);
        };
        let dim = self.rotary_dim as f64;
        let pair_of = |rotations: f64| {
            dim * (original_max_position / (rotations * TAU)).ln() / (2.0 * self.theta.ln())
        };
        let (mut low, mut high) = (pair_of(beta_fast), pair_of(beta_slow));
        if truncate {
            (low, high) = (low.floor(), high.ceil());
        }
        let (low, high) = (low.max(0.0), high.min(dim - 1.0));
        // Keeps the ramp a function when both ends meet.
        if low == high { (low, high + 0.001) } else { (low, high) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn spec(theta: f64, rotary_dim: usize, scaling: RopeScaling) -> RopeSpec {
        RopeSpec { theta, rotary_dim, scaling }
    }

    fn assert_close(actual: &[f64], expected: &[f64]) {
        assert_eq!(actual.len(), expected.len());
        for (a, e) in actual.iter().zip(expected) {
            assert!((a - e).abs() <= 1e-12 * e.abs(), "{actual:?} != {expected:?}");
        }
    }

    #[test]
    fn plain_frequencies_fall_by_powers_of_theta() {
        let rope = spec(10_000.0, 8, RopeScaling::None);
        assert_close(&rope.frequencies(), &[1.0, 0.1, 0.01, 0.001]);
        let linear = spec(10_000.0, 8, RopeScaling::Linear { factor: 4.0 });
        assert_close(&linear.frequencies(), &[0.25, 0.025, 0.0025, 0.00025]);
    }

    #[test]
    fn table_holds_cosines_and_sines_by_position() {
        let table = spec(10_000.0, 4, RopeScaling::None).table(3);
        assert_eq!((table.rotary_dim, table.cos.len(), table.sin.len()), (4, 6, 6));
        assert_eq!(&table.cos[..2], &[1.0, 1.0]);
        assert_eq!(&table.sin[..2], &[0.0, 0.0]);
        assert_eq!(table.cos[4], 2f64.cos() as f32);
        assert_eq!(table.sin[5], 0.02f64.sin() as f32);
    }

    /// Llama 3.1's own numbers with frequencies 1, 0.1, 0.01, 0.001, worked out by hand.
    /// Rotations over 8192 positions: 1303.8, 130.38, 13.038, 1.30380; low 1, high 4:
    /// the first three are kept, the last has smooth = 0.30380 / 3.
    #[test]
    fn llama3_keeps_high_divides_low_and_blends_between() {
        let scaling = RopeScaling::Llama3 {
            factor: 8.0,
            low_freq_factor: 1.0,
            high_freq_factor: 4.0,
            original_max_position: 8192.0,
        };
        let rope = spec(10_000.0, 8, scaling.clone());
        let smooth = (8.192 / TAU - 1.0) / 3.0;
        assert!((smooth - 0.101_266).abs() < 1e-6);
        let blended = 0.001 * (smooth + (1.0 - smooth) / 8.0);
        assert!((blended - 0.000_213_608).abs() < 1e-9);
        assert_close(&rope.frequencies(), &[1.0, 0.1, 0.01, blended]);
        // Slow enough to be divided: 1e-4 makes 0.13 rotations.
        let slow = spec(1e8, 4, scaling).frequencies();
        assert_close(&slow, &[1.0, 1e-4 / 8.0]);
    }

    /// Qwen2.5's recipe (factor 4 over 32768) on 8 dimensions, by hand. The ramp's ends are
    /// `8 ln(32768 / (32 * 2 pi)) / (2 ln 1e4) = 2.21 -> 2` and
    /// `8 ln(32768 / (2 pi)) / (2 ln 1e4) = 3.72 -> 4`, so pair 3 is half way.
    #[test]
    fn yarn_ramps_between_kept_and_divided() {
        let scaling = RopeScaling::Yarn {
            factor: 4.0,
            original_max_position: 32_768.0,
            beta_fast: 32.0,
            beta_slow: 1.0,
            attention_factor: yarn_attention_factor(4.0, 1.0),
            truncate: true,
        };
        let rope = spec(10_000.0, 8, scaling);
        assert_close(&rope.frequencies(), &[1.0, 0.1, 0.01, 0.001 * 0.625]);
        let table = rope.table(1);
        assert!((table.cos[0] - 1.138_629_4).abs() < 1e-6);
    }

    #[test]
    fn divisors_apply_one_by_one() {
        let rope = spec(10_000.0, 4, RopeScaling::Divisors { divisors: vec![1.0, 8.0] });
        assert_close(&rope.frequencies(), &[1.0, 0.01 / 8.0]);
    }
}
