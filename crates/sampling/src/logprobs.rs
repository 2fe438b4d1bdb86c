//! Log-probabilities of raw logits: natural log-softmax, rank and the best alternatives.

use types::{TokenId, TokenLogprobs};

use crate::{Scratch, filter, scan};

/// Describes `chosen` by the raw logits kept in `scratch.raw` (no NaN, the largest finite). Overwrites the
/// weights and the edge of `scratch`.
pub(crate) fn describe(chosen: TokenId, num_top: u32, scratch: &mut Scratch) -> TokenLogprobs {
    let Scratch { weights, raw, edge, histogram } = scratch;
    let max = scan::max(raw);
    scan::weights(raw, max, 1.0, weights);
    let log_sum = scan::sum(weights).ln();
    let logprob = |logit: f32| {
        if logit == f32::NEG_INFINITY {
            return f32::NEG_INFINITY;
        }
        ((f64::from(logit) - f64::from(max)) - log_sum) as f32
    };
    let num_top = (num_top as usize).min(raw.len());
    edge.clear();
    if num_top > 0 {
        filter::top_n(raw, num_top, max, 1.0, histogram, edge);
    }
    let top = edge.iter().map(|&(logit, token)| (token, logprob(logit))).collect();
    TokenLogprobs { logprob: logprob(raw[chosen as usize]), rank: rank(chosen, raw), top }
}

/// 1 for the first in the order by logit, then by lower id.
fn rank(chosen: TokenId, raw: &[f32]) -> u32 {
    let (before, rest) = raw.split_at(chosen as usize);
    let logit = rest[0];
    let num_not_worse = before.iter().map(|&other| u32::from(other >= logit)).sum::<u32>();
    let num_better = rest.iter().map(|&other| u32::from(other > logit)).sum::<u32>();
    1 + num_not_worse + num_better
}
