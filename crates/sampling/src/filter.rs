//! `min_p`, `top_k` and `top_p` without sorting the vocabulary.
//!
//! A histogram of the distance to the best logit finds the bin in which a filter's edge lies; only
//! tokens up to that edge are gathered and ordered. The result is exact: order is by logit, then by
//! lower id, and masses are sums in f64 of the f32 weights.

use std::cmp::Ordering;

use types::{SamplingParams, TokenId};

use crate::Scratch;

const NUM_BINS: usize = 2048;
/// Bins per nat; the last bin takes everything beyond 32 nats (below 1e-13 of the best weight).
const BINS_PER_NAT: f32 = 64.0;

/// Tokens and their mass by distance from the best logit, nearest first.
#[derive(Clone, Debug)]
pub(crate) struct Histogram {
    counts: Vec<u32>,
    masses: Vec<f64>,
}

impl Histogram {
    pub(crate) const BYTES: usize = NUM_BINS * (size_of::<u32>() + size_of::<f64>());

    pub(crate) fn new() -> Self {
        Self { counts: vec![0; NUM_BINS], masses: vec![0.0; NUM_BINS] }
    }

    pub(crate) fn allocated_bytes(&self) -> usize {
        self.counts.capacity() * size_of::<u32>() + self.masses.capacity() * size_of::<f64>()
    }
}

/// Maps logits to bins; monotonic, because each rounding step is.
#[derive(Clone, Copy)]
struct Binning {
    max: f32,
    bins_per_logit: f32,
}

impl Binning {
    fn new(max: f32, scale: f32) -> Self {
        Self { max, bins_per_logit: scale * BINS_PER_NAT }
    }

    fn bin(self, logit: f32) -> usize {
        // The cast saturates, and gives 0 for NaN (all logits equally impossible).
        (((self.max - logit) * self.bins_per_logit) as usize).min(NUM_BINS - 1)
    }
}

/// Higher logit first, then lower id.
fn best_first(a: &(f32, u32), b: &(f32, u32)) -> Ordering {
    let by_logit = b.0.partial_cmp(&a.0).unwrap_or(Ordering::Equal);
    by_logit.then(a.1.cmp(&b.1))
}

/// Zeroes the weights of all tokens that the filters remove. `logits` are final and sanitized,
/// `scratch.weights` are `exp((logit - max) * scale)`.
pub(crate) fn apply(
    params: &SamplingParams,
    logits: &[f32],
    max: f32,
    scale: f32,
    scratch: &mut Scratch,
) {
    if params.min_p > 0.0 {
        for weight in &mut scratch.weights {
            *weight = if *weight >= params.min_p { *weight } else { 0.0 };
        }
    }
    let top_k = params.top_k as usize;
    if top_k > 0 && top_k < logits.len() {
        top_n(logits, top_k, max, scale, &mut scratch.histogram, &mut scratch.edge);
        let kept = nucleus_of_sorted(params.top_p, &scratch.edge, &scratch.weights);
        cut_below(scratch.edge[kept - 1], logits, &mut scratch.weights);
    } else if params.top_p < 1.0 {
        let last = nucleus_edge(params.top_p, logits, Binning::new(max, scale), scratch);
        cut_below(last, logits, &mut scratch.weights);
    }
}

/// Leaves the `n` best tokens in `edge`, best first. `1 <= n <= logits.len()`.
pub(crate) fn top_n(
    logits: &[f32],
    n: usize,
    max: f32,
    scale: f32,
    histogram: &mut Histogram,
    edge: &mut Vec<(f32, TokenId)>,
) {
    let binning = Binning::new(max, scale);
    histogram.counts.fill(0);
    for &logit in logits {
        histogram.counts[binning.bin(logit)] += 1;
    }
    let mut num_seen = 0;
    let reached = histogram.counts.iter().position(|&count| {
        num_seen += count as usize;
        num_seen >= n
    });
    let last_bin = reached.unwrap_or(NUM_BINS - 1);
    gather(logits, edge, |logit| binning.bin(logit) <= last_bin);
    if edge.len() > n {
        edge.select_nth_unstable_by(n - 1, best_first);
        edge.truncate(n);
    }
    edge.sort_unstable_by(best_first);
}

fn gather(logits: &[f32], edge: &mut Vec<(f32, TokenId)>, keep: impl Fn(f32) -> bool) {
    edge.clear();
    for (token, &logit) in logits.iter().enumerate() {
        if keep(logit) {
            edge.push((logit, token as TokenId));
        }
    }
}

/// How many of the sorted tokens make up `top_p` of their own mass; at least one.
fn nucleus_of_sorted(top_p: f32, sorted: &[(f32, TokenId)], weights: &[f32]) -> usize {
    if top_p >= 1.0 {
        return sorted.len();
    }
    let mass = |&(_, token): &(f32, TokenId)| f64::from(weights[token as usize]);
    let target = f64::from(top_p) * sorted.iter().map(mass).sum::<f64>();
    num_reaching(target, 0.0, sorted.iter().map(mass))
}

/// Number of leading masses that bring `start` to the target; all if none does.
fn num_reaching(target: f64, start: f64, masses: impl ExactSizeIterator<Item = f64>) -> usize {
    let all = masses.len();
    let mut reached = start;
    for (idx, mass) in masses.enumerate() {
        reached += mass;
        if reached >= target {
            return idx + 1;
        }
    }
    all
}

/// The last token of the nucleus of the whole row.
fn nucleus_edge(
    top_p: f32,
    logits: &[f32],
    binning: Binning,
    scratch: &mut Scratch,
) -> (f32, TokenId) {
    let Scratch { weights, edge, histogram, .. } = scratch;
    histogram.masses.fill(0.0);
    for (&logit, &weight) in logits.iter().zip(weights.iter()) {
        histogram.masses[binning.bin(logit)] += f64::from(weight);
    }
    let target = f64::from(top_p) * histogram.masses.iter().sum::<f64>();
    let edge_bin = num_reaching(target, 0.0, histogram.masses.iter().copied()) - 1;
    let before: f64 = histogram.masses[..edge_bin].iter().sum();
    gather(logits, edge, |logit| binning.bin(logit) == edge_bin);
    edge.sort_unstable_by(best_first);
    let mass = |&(_, token): &(f32, TokenId)| f64::from(weights[token as usize]);
    let kept = num_reaching(target, before, edge.iter().map(mass));
    edge[kept - 1]
}

/// Zeroes the weights of tokens that come after `last` in the order.
fn cut_below(last: (f32, TokenId), logits: &[f32], weights: &mut [f32]) {
    let (last_logit, last_token) = (last.0, last.1 as usize);
    let split = (last_token + 1).min(logits.len());
    for (weight, &logit) in weights[..split].iter_mut().zip(&logits[..split]) {
        *weight = if logit >= last_logit { *weight } else { 0.0 };
    }
    for (weight, &logit) in weights[split..].iter_mut().zip(&logits[split..]) {
        *weight = if logit > last_logit { *weight } else { 0.0 };
    }
}
