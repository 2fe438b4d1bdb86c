//! Rotary position embedding (RoFormer, arXiv 2104.09864) in the half-split form, straight from its
//! definition: no table.

use std::f64::consts::TAU;

use model::{RopeScaling, RopeSpec};

use super::Rows;

/// Rotates every head of every row; row `p` is position `p`.
pub(super) fn rotate(rows: &mut Rows, head_dim: usize, spec: &RopeSpec) {
    let half = spec.rotary_dim / 2;
    for (position, row) in rows.iter_mut().enumerate() {
        for head in row.chunks_mut(head_dim) {
            for pair in 0..half {
                let angle = position as f64 * frequency(spec, pair);
                let (sin, cos) = angle.sin_cos();
                let (a, b) = (f64::from(head[pair]), f64::from(head[pair + half]));
                head[pair] = (a * cos - b * sin) as f32;
                head[pair + half] = (b * cos + a * sin) as f32;
            }
        }
    }
}

fn frequency(spec: &RopeSpec, pair: usize) -> f64 {
    let plain = spec.theta.powf(-2.0 * pair as f64 / spec.rotary_dim as f64);
    match &spec.scaling {
        RopeScaling::None => plain,
        RopeScaling::Linear { factor } => plain / factor,
        RopeScaling::Llama3 {
            factor,
            low_freq_factor,
            high_freq_factor,
            original_max_position,
        } => {
            // As `_compute_llama3_parameters` of transformers: rotations over the original context
            // decide between the scaled and the plain frequency, with a ramp in between.
            let rotations = original_max_position * plain / TAU;
            let ramp = (rotations - low_freq_factor) / (high_freq_factor - low_freq_factor);
            let keep = ramp.clamp(0.0, 1.0);
            plain * (keep + (1.0 - keep) / factor)
        }
        RopeScaling::Divisors { divisors } => plain / f64::from(divisors[pair]),
        RopeScaling::Yarn { .. } => panic!("the oracle does not know YaRN"),
    }
}
