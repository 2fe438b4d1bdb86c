//! What happens to fused QKV rows before attention: norm and rotation of query and key heads, in
//! place. Values are left alone.

use backend::{QkvSpec, RopeTable};

use super::norm::rms_norm_row;
use super::rope::rotate_head;
use crate::isa::Isa;
use crate::par::for_each_row;
use crate::pool::Pool;

/// Largest head that the q/k norm handles; every known model has at most 256.
pub(crate) const MAX_NORM_HEAD_DIM: usize = 512;

/// Normalises (if weights are given) and rotates the query and key heads of each row.
pub(crate) struct QkvPreparation<'a> {
    pub(crate) pool: &'a Pool,
    pub(crate) isa: Isa,
    pub(crate) spec: QkvSpec,
    pub(crate) rope: &'a RopeTable,
    /// `[rows]`, all inside the table.
    pub(crate) positions: &'a [u32],
    /// `[head_dim]` weights of the query and the key norm.
    pub(crate) qk_norm: Option<(&'a [f32], &'a [f32])>,
}

impl QkvPreparation<'_> {
    /// Elements of a fused row.
    pub(crate) fn row_len(spec: &QkvSpec) -> usize {
        (spec.num_heads + 2 * spec.num_kv_heads) * spec.head_dim
    }

    /// `qkv` is `[rows, row_len]`.
    pub(crate) fn run(&self, qkv: &mut [f32]) {
        for_each_row(self.pool, qkv, Self::row_len(&self.spec), |row, qkv| {
            self.prepare_row(self.positions[row] as usize, qkv);
        });
    }

    fn prepare_row(&self, position: usize, qkv: &mut [f32]) {
        let half = self.rope.rotary_dim / 2;
        let angles = position * half..(position + 1) * half;
        let (cos, sin) = (&self.rope.cos[angles.clone()], &self.rope.sin[angles]);
        let num_heads = self.spec.num_heads + self.spec.num_kv_heads;
        let heads = qkv.chunks_exact_mut(self.spec.head_dim).take(num_heads);
        for (idx, head) in heads.enumerate() {
            if let Some((query_norm, key_norm)) = self.qk_norm {
                let weight = if idx < self.spec.num_heads { query_norm } else { key_norm };
                self.normalize(head, weight);
            }
            rotate_head(self.isa, head, cos, sin);
        }
    }

    fn normalize(&self, head: &mut [f32], weight: &[f32]) {
        let mut copy = [0.0; MAX_NORM_HEAD_DIM];
        let copy = &mut copy[..head.len()];
        copy.copy_from_slice(head);
        rms_norm_row(self.isa, copy, weight, self.spec.norm_eps, head);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ops::testing::{assert_close, for_each_isa, noise};

    fn normed(head: &[f32], weight: &[f32]) -> Vec<f64> {
        let mean = head.iter().map(|v| f64::from(*v).powi(2)).sum::<f64>() / head.len() as f64;
        let scale = 1.0 / (mean + 1e-6).sqrt();
        head.iter().zip(weight).map(|(v, w)| f64::from(*v) * scale * f64::from(*w)).collect()
    }

    #[test]
    fn heads_are_normed_then_rotated_and_values_left() {
        let spec = QkvSpec { num_heads: 3, num_kv_heads: 1, head_dim: 24, norm_eps: 1e-6 };
        let (half, rows, row_len) = (8, 5, 5 * 24);
        let angles = noise(40 * half, 1);
        let rope = RopeTable {
            rotary_dim: 2 * half,
            cos: angles.iter().map(|a| a.cos()).collect(),
            sin: angles.iter().map(|a| a.sin()).collect(),
        };
        let (query_norm, key_norm) = (noise(24, 2), noise(24, 3));
        let positions = [3, 39, 0, 7, 8];
        for_each_isa(|isa| {
            let pool = Pool::new(2).unwrap();
            let mut qkv = noise(rows * row_len, 4);
            let before = qkv.clone();
            let qk_norm = Some((&query_norm[..], &key_norm[..]));
            let positions = &positions;
            QkvPreparation { pool: &pool, isa, spec, rope: &rope, positions, qk_norm }
                .run(&mut qkv);
            for (row, &position) in positions.iter().enumerate() {
                for head in 0..4 {
                    let at = row * row_len + head * 24;
                    let weight = if head < 3 { &query_norm } else { &key_norm };
                    let mut expect = normed(&before[at..at + 24], weight);
                    for i in 0..half {
                        let angle = position as usize * half + i;
                        let (a, b) = (expect[i], expect[i + half]);
                        let (cos, sin) = (f64::from(rope.cos[angle]), f64::from(rope.sin[angle]));
                        expect[i] = a * cos - b * sin;
                        expect[i + half] = b * cos + a * sin;
                    }
                    for i in 0..24 {
                        // Norm and rotation together; measured floor 2.5e-7.
                        assert_close(qkv[at + i], expect[i], 1e-6, &format!("{isa} {row} {head}"));
                    }
                }
                let values = row * row_len + 4 * 24..(row + 1) * row_len;
                assert_eq!(qkv[values.clone()], before[values]);
            }
        });
    }
}
