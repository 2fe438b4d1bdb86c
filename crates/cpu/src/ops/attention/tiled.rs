//! Attention in the order of a matrix unit that takes bf16: probabilities are rounded before they
//! meet the values, relative to a maximum that runs over tiles of 32 tokens.
//!
//! The steps are those of `kernels/attention.h`, so that what is rounded away is the same: online
//! softmax (arXiv 1805.02867) over tiles at absolute positions, closed every 256 tokens, segments
//! merged in order. Sums of products are plain f32 loops. Only the device with bf16 activations
//! comes here.

use std::f32::consts::LOG2_E;

use super::Attention;
use crate::kv::LayerView;
use crate::ops::element::{BfloatElement, Fp8Element, HalfElement, KvElement, SingleElement};
use crate::par::for_each_row;

/// Tokens that share a maximum.
const TILE: usize = 32;
/// Tokens after which a result is closed and merged.
const SEGMENT: usize = 256;
/// Tokens that lie in one block for certain: every block size is a multiple of it.
const RUN: usize = 8;

/// A running softmax: maximum (exponents of 2), sum, unnormalised output.
struct Running {
    maximum: f32,
    sum: f32,
    out: Vec<f32>,
}

impl Running {
    fn new(head_dim: usize) -> Self {
        Self { maximum: f32::NEG_INFINITY, sum: 0.0, out: vec![0.0; head_dim] }
    }

    /// Adds the next segment; one that saw nothing changes nothing.
    fn merge(&mut self, next: &Self) {
        if next.sum == 0.0 {
            return;
        }
        if self.sum == 0.0 {
            (self.maximum, self.sum) = (next.maximum, next.sum);
            self.out.copy_from_slice(&next.out);
            return;
        }
        let maximum = self.maximum.max(next.maximum);
        let (keep, gain) = ((self.maximum - maximum).exp2(), (next.maximum - maximum).exp2());
        for (out, next) in self.out.iter_mut().zip(&next.out) {
            *out = *out * keep + next * gain;
        }
        self.sum = self.sum * keep + next.sum * gain;
        self.maximum = maximum;
    }
}

/// bf16, halves up, as the kernels narrow probabilities.
fn narrow(probability: f32) -> f32 {
    f32::from_bits((probability.to_bits() + 0x8000) & 0xffff_0000)
}

impl Attention<'_> {
    /// As [`Attention::run`], a token's heads one after the other.
    pub(crate) fn run_tiled(&self, out: &mut [f32]) {
        let head_dim = self.cache.layout().head_dim;
        let tiles = self.step.tiles.iter();
        let seqs: Vec<u32> = tiles
            .flat_map(|tile| std::iter::repeat_n(tile.seq, tile.num_tokens as usize))
            .collect();
        for_each_row(self.pool, out, self.spec.num_heads * head_dim, |token, row| {
            for (head, out) in row.chunks_exact_mut(head_dim).enumerate() {
                match self.cache.layer(self.layer) {
                    LayerView::Single(m) => {
                        self.head::<SingleElement>(m, seqs[token], token, head, out);
                    }
                    LayerView::Half(m) => {
                        self.head::<HalfElement>(m, seqs[token], token, head, out);
                    }
                    LayerView::Bfloat(m) => {
                        self.head::<BfloatElement>(m, seqs[token], token, head, out);
                    }
                    LayerView::Fp8(m) => {
                        self.head::<Fp8Element>(m, seqs[token], token, head, out);
                    }
                }
            }
        });
    }

    fn head<E: KvElement>(
        &self,
        layer: &[E::Stored],
        seq: u32,
        token: usize,
        head: usize,
        out: &mut [f32],
    ) {
        let layout = self.cache.layout();
        let (first, end) = self.sees(token);
        let query = &self.qkv[token * self.qkv_len + head * layout.head_dim..][..layout.head_dim];
        let mut total = Running::new(layout.head_dim);
        for segment in first / SEGMENT..end.div_ceil(SEGMENT) {
            let mut run = Running::new(layout.head_dim);
            let from = (segment * SEGMENT).max(first / TILE * TILE);
            for tile in (from..end.min((segment + 1) * SEGMENT)).step_by(TILE) {
                self.tile::<E>(layer, seq, head, query, tile, first..end, &mut run);
            }
            total.merge(&run);
        }
        let factor = 1.0 / total.sum * self.cache.scales(self.layer).value;
        out.iter_mut().zip(&total.out).for_each(|(out, sum)| *out = sum * factor);
    }

    /// Adds a tile of tokens, of which those in `visible` count.
    fn tile<E: KvElement>(
        &self,
        layer: &[E::Stored],
        seq: u32,
        head: usize,
        query: &[f32],
        tile: usize,
        visible: std::ops::Range<usize>,
        run: &mut Running,
    ) {
        let mut scores = [f32::NEG_INFINITY; TILE];
        let runs = (tile..visible.end.min(tile + TILE)).step_by(RUN);
        for start in runs.clone() {
            let (keys, _) = self.run_of_tokens::<E>(layer, seq, head, start);
            let scores = &mut scores[start - tile..][..RUN];
            let mut sums = [0.0f32; RUN];
            for (query, keys) in query.iter().zip(keys.chunks(self.cache.layout().block_size)) {
                for (sum, key) in sums.iter_mut().zip(keys) {
                    *sum = query.mul_add(E::decode(*key), *sum);
                }
            }
            for (i, (score, sum)) in scores.iter_mut().zip(sums).enumerate() {
                if visible.contains(&(start + i)) {
                    *score = self.exponent(sum);
                }
            }
        }
        let tile_max = scores.iter().copied().fold(f32::NEG_INFINITY, f32::max);
        let maximum = run.maximum.max(tile_max);
        let base = if maximum == f32::NEG_INFINITY { 0.0 } else { maximum };
        let keep = (run.maximum - base).exp2();
        if maximum != run.maximum {
            run.out.iter_mut().for_each(|out| *out *= keep);
            run.sum *= keep;
            run.maximum = maximum;
        }
        let probabilities = scores.map(|score| (score - base).exp2());
        run.sum += probabilities.iter().sum::<f32>();
        for start in runs {
            let (_, values) = self.run_of_tokens::<E>(layer, seq, head, start);
            for (i, value) in values.chunks_exact(run.out.len()).enumerate() {
                if !visible.contains(&(start + i)) {
                    continue;
                }
                let probability = narrow(probabilities[start - tile + i]);
                for (out, value) in run.out.iter_mut().zip(value) {
                    *out = probability.mul_add(E::decode(*value), *out);
                }
            }
        }
    }

    /// A dot product as an exponent of 2.
    fn exponent(&self, dot: f32) -> f32 {
        let score = dot * (self.spec.scale * self.cache.scales(self.layer).key);
        LOG2_E * self.spec.soft_cap.map_or(score, |cap| cap * (score / cap).tanh())
    }

    /// Keys, `[head_dim]` with a block's tokens between them, and values, `[RUN, head_dim]`, of the
    /// tokens from `start` on, whose block must be in the table.
    fn run_of_tokens<'a, E: KvElement>(
        &self,
        layer: &'a [E::Stored],
        seq: u32,
        head: usize,
        start: usize,
    ) -> (&'a [E::Stored], &'a [E::Stored]) {
        let layout = self.cache.layout();
        let (block_size, head_dim) = (layout.block_size, layout.head_dim);
        let block = self.step.block_table(seq)[start / block_size] as usize;
        let kv_head = head / self.group();
        let part = (block * layout.num_kv_heads + kv_head) * self.cache.head_len();
        let (keys, values) = layer[part..][..self.cache.head_len()].split_at(head_dim * block_size);
        let offset = start % block_size;
        (&keys[offset..], &values[offset * head_dim..][..RUN * head_dim])
    }
}
