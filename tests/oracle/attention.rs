//! Causal attention over whole sequences, one head and one query at a time.

use super::{Rows, dot};

/// Attention of every position over itself and what came before it. Rows of `q` are
/// `[num_heads, head_dim]`, rows of `k` and `v` `[num_kv_heads, head_dim]`; consecutive query heads
/// share a key/value head. With a `window`, position `p` sees positions `> p - window`.
pub(super) fn causal(q: &Rows, k: &Rows, v: &Rows, head_dim: usize, window: Option<u32>) -> Rows {
    let num_heads = q[0].len() / head_dim;
    let group = num_heads / (k[0].len() / head_dim);
    let scale = (head_dim as f64).powf(-0.5);
    let mut out = vec![vec![0.0f32; num_heads * head_dim]; q.len()];
    for (position, out) in out.iter_mut().enumerate() {
        let first = window.map_or(0, |window| (position + 1).saturating_sub(window as usize));
        for head in 0..num_heads {
            let own = head * head_dim..(head + 1) * head_dim;
            let shared = head / group * head_dim..(head / group + 1) * head_dim;
            let query = &q[position][own.clone()];
            let scores = (first..=position)
                .map(|past| f64::from(dot(query, &k[past][shared.clone()])) * scale)
                .collect();
            for (past, weight) in (first..=position).zip(softmax(scores)) {
                let values = &v[past][shared.clone()];
                for (out, value) in out[own.clone()].iter_mut().zip(values) {
                    *out += (weight * f64::from(*value)) as f32;
                }
            }
        }
    }
    out
}

fn softmax(scores: Vec<f64>) -> Vec<f64> {
    let max = scores.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    let weights: Vec<f64> = scores.iter().map(|score| (score - max).exp()).collect();
    let sum: f64 = weights.iter().sum();
    weights.iter().map(|weight| weight / sum).collect()
}
