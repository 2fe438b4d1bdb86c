//! Attention of a few query rows over one split of a sequence: the only place where scores are
//! computed and values summed.
//!
//! Per row the arithmetic depends on the query, the keys and values and their absolute positions,
//! never on the other rows: a score sums over the head's elements in order, probabilities sum in
//! lanes fixed by the position in the split, and values sum in token order. Rows only share loads.

use crate::ops::element::KvElement;
use crate::ops::simd::{Lanes, exp, simd_dispatch};

/// Tokens of a split that a row sees, counted from the split's start; `from >= to` if none.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Visible {
    pub(super) from: usize,
    pub(super) to: usize,
}

/// One split of one sequence and KV head, and the rows that attend to it.
pub(super) struct SplitJob<'a, E: KvElement> {
    /// The layer's cache, `[block][kv_head][keys | values]`.
    pub(super) layer: &'a [E::Stored],
    /// The split's blocks; the last one may be partly filled.
    pub(super) blocks: &'a [u32],
    pub(super) num_kv_heads: usize,
    pub(super) kv_head: usize,
    pub(super) block_size: usize,
    pub(super) head_dim: usize,
    /// `[rows, head_dim]`, already scaled.
    pub(super) queries: &'a [f32],
    /// `[rows]`; both ends grow from row to row.
    pub(super) visible: &'a [Visible],
    pub(super) soft_cap: Option<f32>,
}

/// What a split contributes to each row: softmax statistics and the unnormalised output.
pub(super) struct PartialMut<'a> {
    /// `[rows]` largest score; minus infinity for a row that sees nothing here.
    pub(super) max: &'a mut [f32],
    /// `[rows]` sum of `e^(score - max)`.
    pub(super) sum: &'a mut [f32],
    /// `[rows, head_dim]` sum of `e^(score - max) * value`.
    pub(super) acc: &'a mut [f32],
}

impl<E: KvElement> SplitJob<'_, E> {
    fn num_rows(&self) -> usize {
        self.visible.len()
    }

    /// Keys and values of one of the split's blocks.
    fn block(&self, idx: usize) -> (&[E::Stored], &[E::Stored]) {
        let len = self.head_dim * self.block_size;
        let block = self.blocks[idx] as usize;
        let start = (block * self.num_kv_heads + self.kv_head) * 2 * len;
        self.layer[start..start + 2 * len].split_at(len)
    }

    /// Rows that see any token of `start..end`.
    fn rows_seeing(&self, start: usize, end: usize) -> std::ops::Range<usize> {
        let first = self.visible.partition_point(|visible| visible.to <= start);
        let last = self.visible.partition_point(|visible| visible.from < end);
        first..last.max(first)
    }

    fn check(&self, scores: &[f32], stride: usize, out: &PartialMut<'_>) {
        let (rows, tokens) = (self.num_rows(), self.blocks.len() * self.block_size);
        assert_eq!(self.queries.len(), rows * self.head_dim, "queries and rows differ");
        assert!(out.max.len() == rows && out.sum.len() == rows, "statistics and rows differ");
        assert_eq!(out.acc.len(), rows * self.head_dim, "outputs and rows differ");
        assert!(tokens <= stride && scores.len() >= rows * stride, "scores are too small");
        assert!(self.visible.iter().all(|visible| visible.to <= tokens), "rows see past the split");
    }
}

simd_dispatch! {
    /// Computes every row's share of a split. `scores` is scratch, `[rows, stride]`; `stride` is a
    /// multiple of 16 and at least the split's tokens. Block size and `head_dim` are multiples of
    /// the lanes of `isa`.
    pub(super) fn attend_split<E: KvElement>(
        job: &SplitJob<'_, E>,
        scores: &mut [f32],
        stride: usize,
        out: PartialMut<'_>,
    ) = attend_reference | attend_lanes
}

fn attend_reference<E: KvElement>(
    job: &SplitJob<'_, E>,
    scores: &mut [f32],
    stride: usize,
    out: PartialMut<'_>,
) {
    job.check(scores, stride, &out);
    let (head_dim, block_size) = (job.head_dim, job.block_size);
    out.acc.fill(0.0);
    for (row, visible) in job.visible.iter().enumerate() {
        let query = &job.queries[row * head_dim..][..head_dim];
        let scores = &mut scores[row * stride..][..stride];
        let mut max = f32::NEG_INFINITY;
        let seen = scores.iter_mut().enumerate().take(visible.to).skip(visible.from);
        for (token, out) in seen {
            let (keys, _) = job.block(token / block_size);
            let key = keys.iter().skip(token % block_size).step_by(block_size);
            let score = query.iter().zip(key).map(|(q, k)| q * E::decode(*k)).sum::<f32>();
            *out = job.soft_cap.map_or(score, |cap| cap * (score / cap).tanh());
            max = max.max(*out);
        }
        let acc = &mut out.acc[row * head_dim..][..head_dim];
        let mut sum = 0.0;
        for token in visible.from..visible.to {
            let probability = (scores[token] - max).exp();
            sum += probability;
            let (_, values) = job.block(token / block_size);
            let value = &values[token % block_size * head_dim..][..head_dim];
            for (acc, value) in acc.iter_mut().zip(value) {
                *acc += probability * E::decode(*value);
            }
        }
        (out.max[row], out.sum[row]) = (max, sum);
    }
}

/// # Safety
/// The CPU has the features of `L`.
#[inline(always)]
unsafe fn attend_lanes<L: Lanes, E: KvElement>(
    job: &SplitJob<'_, E>,
    scores: &mut [f32],
    stride: usize,
    out: PartialMut<'_>,
) {
    job.check(scores, stride, &out);
    assert!(
        job.block_size.is_multiple_of(L::LEN)
            && job.head_dim.is_multiple_of(L::LEN)
            && stride.is_multiple_of(L::LEN),
        "sizes do not fill whole vectors"
    );
    // SAFETY: the caller guarantees the features of `L`; `check` and the assertion above give the
    // sizes that the inner functions ask for.
    unsafe {
        for idx in 0..job.blocks.len() {
            score_block::<L, E>(job, idx, scores.as_mut_ptr(), stride);
        }
        for (row, visible) in job.visible.iter().enumerate() {
            let scores = &mut scores[row * stride..][..stride];
            (out.max[row], out.sum[row]) = softmax::<L>(scores, *visible, job.soft_cap);
        }
        out.acc.fill(0.0);
        for idx in 0..job.blocks.len() {
            add_values::<L, E>(job, idx, scores, stride, out.acc);
        }
    }
}

/// Writes the scores of one block for every row that sees it. Scores of tokens that a row does not
/// see are left arbitrary.
///
/// # Safety
/// The CPU has the features of `L`; `scores` is valid for `[rows, stride]`; the block size is a
/// multiple of `L::LEN` and the split fits `stride`.
#[inline(always)]
unsafe fn score_block<L: Lanes, E: KvElement>(
    job: &SplitJob<'_, E>,
    idx: usize,
    scores: *mut f32,
    stride: usize,
) {
    let start = idx * job.block_size;
    let rows = job.rows_seeing(start, start + job.block_size);
    let (keys, _) = job.block(idx);
    let mut row = rows.start;
    while row < rows.end {
        // SAFETY: `row` and the rows after it, as many as the callee takes, are below `num_rows`,
        // so both pointers stay in their arrays; `keys` is `[head_dim, block_size]`.
        unsafe {
            let queries = job.queries.as_ptr().add(row * job.head_dim);
            let out = scores.add(row * stride + start);
            let (keys, head_dim, block_size) = (keys.as_ptr(), job.head_dim, job.block_size);
            row += match rows.end - row {
                1 => score_rows::<L, E, 1>(queries, keys, head_dim, block_size, out, stride),
                2 => score_rows::<L, E, 2>(queries, keys, head_dim, block_size, out, stride),
                3 => score_rows::<L, E, 3>(queries, keys, head_dim, block_size, out, stride),
                4..8 => score_rows::<L, E, 4>(queries, keys, head_dim, block_size, out, stride),
                _ => score_rows::<L, E, 8>(queries, keys, head_dim, block_size, out, stride),
            };
        }
    }
}

/// Scores of `R` rows and one block; returns `R`.
///
/// # Safety
/// As [`score_block`]; `queries` is valid for `[R, head_dim]`, `keys` for `[head_dim, block_size]`
/// and `out` for `R` runs of `block_size`, `stride` apart.
#[inline(always)]
unsafe fn score_rows<L: Lanes, E: KvElement, const R: usize>(
    queries: *const f32,
    keys: *const E::Stored,
    head_dim: usize,
    block_size: usize,
    out: *mut f32,
    stride: usize,
) -> usize {
    // SAFETY: the caller's contract bounds every offset.
    unsafe {
        for column in (0..block_size).step_by(L::LEN) {
            let mut acc = [L::splat(0.0); R];
            for i in 0..head_dim {
                let key = E::load::<L>(keys.add(i * block_size + column));
                for (r, acc) in acc.iter_mut().enumerate() {
                    *acc = L::splat(*queries.add(r * head_dim + i)).fma(key, *acc);
                }
            }
            for (r, acc) in acc.into_iter().enumerate() {
                acc.store(out.add(r * stride + column));
            }
        }
    }
    R
}

/// Turns a row's visible scores into `e^(score - max)`; gives the maximum and the sum.
///
/// # Safety
/// The CPU has the features of `L`, whose lanes divide the length of `scores`.
#[inline(always)]
unsafe fn softmax<L: Lanes>(
    scores: &mut [f32],
    visible: Visible,
    soft_cap: Option<f32>,
) -> (f32, f32) {
    if visible.from >= visible.to {
        return (f32::NEG_INFINITY, 0.0);
    }
    let start = visible.from - visible.from % L::LEN;
    let end = visible.to.next_multiple_of(L::LEN);
    // SAFETY: `start..end` is a whole number of vectors.
    unsafe {
        if let Some(cap) = soft_cap {
            for chunk in scores[start..end].chunks_exact_mut(L::LEN) {
                capped(L::load(chunk.as_ptr()), cap).store(chunk.as_mut_ptr());
            }
        }
        scores[start..visible.from].fill(f32::NEG_INFINITY);
        scores[visible.to..end].fill(f32::NEG_INFINITY);
        let scores = &mut scores[start..end];
        let mut max = L::splat(f32::NEG_INFINITY);
        for chunk in scores.chunks_exact(L::LEN) {
            max = max.max(L::load(chunk.as_ptr()));
        }
        let max = max.reduce_max();
        let mut sum = L::splat(0.0);
        for chunk in scores.chunks_exact_mut(L::LEN) {
            let probability = exp(L::load(chunk.as_ptr()).sub(L::splat(max)));
            probability.store(chunk.as_mut_ptr());
            sum = sum.add(probability);
        }
        (max, sum.reduce_add())
    }
}

/// `cap * tanh(score / cap)`, by `tanh(x) = 1 - 2 / (e^2x + 1)`.
///
/// # Safety
/// The CPU has the features of `L`.
#[inline(always)]
unsafe fn capped<L: Lanes>(score: L, cap: f32) -> L {
    // SAFETY: the caller's contract.
    unsafe {
        let one = L::splat(1.0);
        let e = exp(score.mul(L::splat(2.0 / cap)));
        let tanh = one.sub(L::splat(2.0).div(e.add(one)));
        tanh.mul(L::splat(cap))
    }
}

/// Adds one block's values to every row that sees it, weighted by the row's probabilities.
///
/// # Safety
/// The CPU has the features of `L`; `head_dim` is a multiple of `L::LEN`; `scores` is
/// `[rows, stride]` and `acc` is `[rows, head_dim]`.
#[inline(always)]
unsafe fn add_values<L: Lanes, E: KvElement>(
    job: &SplitJob<'_, E>,
    idx: usize,
    scores: &[f32],
    stride: usize,
    acc: &mut [f32],
) {
    let start = idx * job.block_size;
    let end = start + job.block_size;
    let rows = job.rows_seeing(start, end);
    let (_, values) = job.block(idx);
    let strip = |row: usize, num_rows: usize, from: usize, to: usize, acc: &mut [f32]| Strip {
        values: values[(from - start) * job.head_dim..(to - start) * job.head_dim].as_ptr(),
        num_tokens: to - from,
        head_dim: job.head_dim,
        probabilities: scores[row * stride + from..].as_ptr(),
        stride,
        acc: acc[row * job.head_dim..(row + num_rows) * job.head_dim].as_mut_ptr(),
    };
    let sees = |row: usize| {
        let visible = job.visible[row];
        (visible.from.clamp(start, end), visible.to.clamp(start, end))
    };
    let mut row = rows.start;
    while row < rows.end {
        let group = row..rows.end.min(row + MAX_VALUE_ROWS);
        // Both ends grow with the row, so the rows of a group share what its last row's start and
        // its first row's end enclose.
        let shared_from = sees(group.end - 1).0;
        let shared_to = sees(row).1.max(shared_from);
        // SAFETY: each strip's pointers come from slices that hold `num_tokens` value rows, the
        // rows' outputs, and the probabilities of its rows and tokens.
        unsafe {
            for row in group.clone() {
                let (from, to) = sees(row);
                let before = from..to.min(shared_from);
                if !before.is_empty() {
                    add_rows::<L, E, 1>(&strip(row, 1, before.start, before.end, acc));
                }
            }
            if shared_from < shared_to {
                let strip = strip(row, group.len(), shared_from, shared_to, acc);
                match group.len() {
                    1 => add_rows::<L, E, 1>(&strip),
                    2 => add_rows::<L, E, 2>(&strip),
                    3 => add_rows::<L, E, 3>(&strip),
                    _ => add_rows::<L, E, MAX_VALUE_ROWS>(&strip),
                }
            }
            for row in group.clone() {
                let (from, to) = sees(row);
                let after = from.max(shared_to)..to;
                if !after.is_empty() {
                    add_rows::<L, E, 1>(&strip(row, 1, after.start, after.end, acc));
                }
            }
        }
        row = group.end;
    }
}

/// Rows that share value loads: with four vectors each they fill half of the registers.
const MAX_VALUE_ROWS: usize = 4;

/// Some rows and some consecutive tokens of a block.
struct Strip<S> {
    /// `[num_tokens, head_dim]`.
    values: *const S,
    num_tokens: usize,
    head_dim: usize,
    /// `[rows]`, `stride` apart, `num_tokens` each.
    probabilities: *const f32,
    stride: usize,
    /// `[rows, head_dim]`.
    acc: *mut f32,
}

/// # Safety
/// The CPU has the features of `L`, whose lanes divide `head_dim`; the strip's pointers are valid
/// for `R` rows.
#[inline(always)]
unsafe fn add_rows<L: Lanes, E: KvElement, const R: usize>(strip: &Strip<E::Stored>) {
    // AVX2 has half as many registers.
    const WIDE: usize = 4;
    const NARROW: usize = 2;
    let num_vectors = strip.head_dim / L::LEN;
    let mut vector = 0;
    // SAFETY: `vector` and the vectors after it, as many as the callee takes, are below
    // `num_vectors`.
    unsafe {
        while L::LEN >= 16 && vector + WIDE <= num_vectors {
            vector += add_columns::<L, E, R, WIDE>(strip, vector * L::LEN);
        }
        while vector + NARROW <= num_vectors {
            vector += add_columns::<L, E, R, NARROW>(strip, vector * L::LEN);
        }
        while vector < num_vectors {
            vector += add_columns::<L, E, R, 1>(strip, vector * L::LEN);
        }
    }
}

/// Sums `V` vectors of columns from `column` on, tokens in order; returns `V`.
///
/// # Safety
/// As [`add_rows`]; `column + V * L::LEN <= head_dim`.
#[inline(always)]
unsafe fn add_columns<L: Lanes, E: KvElement, const R: usize, const V: usize>(
    strip: &Strip<E::Stored>,
    column: usize,
) -> usize {
    // SAFETY: the caller's contract bounds every offset.
    unsafe {
        let at = |r: usize, v: usize| strip.acc.add(r * strip.head_dim + column + v * L::LEN);
        let mut acc = [[L::splat(0.0); V]; R];
        for (r, acc) in acc.iter_mut().enumerate() {
            for (v, acc) in acc.iter_mut().enumerate() {
                *acc = L::load(at(r, v));
            }
        }
        for token in 0..strip.num_tokens {
            let values = strip.values.add(token * strip.head_dim + column);
            let mut value = [L::splat(0.0); V];
            for (v, value) in value.iter_mut().enumerate() {
                *value = E::load::<L>(values.add(v * L::LEN));
            }
            for (r, acc) in acc.iter_mut().enumerate() {
                let probability = L::splat(*strip.probabilities.add(r * strip.stride + token));
                for (acc, value) in acc.iter_mut().zip(value) {
                    *acc = probability.fma(value, *acc);
                }
            }
        }
        for (r, acc) in acc.into_iter().enumerate() {
            for (v, acc) in acc.into_iter().enumerate() {
                acc.store(at(r, v));
            }
        }
    }
    V
}
