//! The meaning of sampling: what each field of [`types::SamplingParams`] does to a row of logits,
//! and how one token is drawn from what is left. The reference for every backend.
//!
//! Owns the sampling state of running sequences ([`SamplerState`]) and the counter-based random
//! generator ([`Philox4x32`]). Never sees time, threads, devices or a global random source. Called
//! by backends, one row at a time; rows are independent, so they may run in parallel.
//!
//! The steps for one row, in the order of vLLM's V1 sampler (`vllm/v1/sample/sampler.py`):
//!
//! 1. log-probabilities of the raw logits, if asked for;
//! 2. `allowed_token_ids`, `min_tokens`, `logit_bias`;
//! 3. repetition, frequency and presence penalties;
//! 4. greedy: the most likely token, the lowest id among equals;
//! 5. otherwise temperature, `min_p`, `top_k`, `top_p`, then one draw by inverse CDF in token
//!    order with one Philox number keyed by the seed and counted by the output position.
//!
//! A row of raw logits is chosen from only if it is finite: without NaN, its largest neither plus nor
//! minus infinity. Any other comes from arithmetic that overflows or from broken weights, and is
//! answered with [`types::NO_TOKEN`] instead of a wrong token. What the request itself makes
//! impossible is no such row. Biases and penalties may leave the range: what they make NaN counts
//! as minus infinity, and plus infinity as the largest finite number.
//!
//! Two deliberate differences from vLLM: among equal logits at the edge of `top_k` or `top_p` the
//! lowest ids are kept (vLLM keeps all equals of `top_k`), and ranks are unique.
#![forbid(unsafe_code)]

mod adjust;
mod exp;
mod filter;
mod logprobs;
mod philox;
mod scan;
mod scratch;
mod state;

#[cfg(test)]
mod tests;

pub use philox::Philox4x32;
pub use scratch::Scratch;
pub use state::SamplerState;
