//! The sampling state of one running sequence, and the whole path from a row of logits to a token.

use std::sync::Arc;

use types::{AdmittedSeq, Sampled, SamplingParams, TokenId};

use crate::adjust::{self, SeenTokens};
use crate::{Philox4x32, Scratch, filter, logprobs, scan};

/// Weights summed together while the drawn token's place is searched.
const DRAW_BLOCK: usize = 4096;

/// What one sampler slot remembers between steps. All memory is taken at construction, so that
/// admitting and sampling allocate nothing but the log-probabilities handed out.
#[derive(Clone, Debug)]
pub struct SamplerState {
    params: Arc<SamplingParams>,
    philox: Philox4x32,
    seen: SeenTokens,
}

impl SamplerState {
    /// An empty slot; greedy until a sequence is admitted.
    pub fn new(vocab_size: usize) -> Self {
        let params = Arc::new(SamplingParams::greedy());
        Self { philox: Philox4x32::new(params.seed), params, seen: SeenTokens::new(vocab_size) }
    }

    /// What [`SamplerState::new`] allocates for penalties.
    pub fn bytes(vocab_size: usize) -> usize {
        vocab_size * size_of::<u16>()
    }

    /// What is allocated now.
    pub fn allocated_bytes(&self) -> usize {
        self.seen.allocated_bytes()
    }

    /// Takes over a sequence that enters the running set, for the first time or again.
    pub fn admit(&mut self, seq: &AdmittedSeq) {
        self.params = Arc::clone(&seq.params);
        self.philox = Philox4x32::new(seq.params.seed);
        self.seen.clear();
        if !seq.params.has_penalties() {
            return;
        }
        let num_prompt = (seq.num_prompt as usize).min(seq.tokens.len());
        let (prompt, output) = seq.tokens.split_at(num_prompt);
        prompt.iter().for_each(|&token| self.seen.add_prompt(token));
        output.iter().for_each(|&token| self.seen.add_output(token));
    }

    /// Chooses the token at output position `num_output` from `logits` (`[vocab]`, overwritten)
    /// and counts it. If the request itself makes every token impossible, the first allowed one is
    /// taken; if the logits are not finite, the answer is [`Sampled::NOT_FINITE`].
    ///
    /// Panics if `logits` is empty or its length is not the scratch's vocabulary.
    pub fn sample(
        &mut self,
        logits: &mut [f32],
        num_output: u32,
        scratch: &mut Scratch,
    ) -> Sampled {
        assert_eq!(logits.len(), scratch.weights.len(), "scratch made for another vocabulary");
        assert!(!logits.is_empty(), "a row of logits has at least one token");
        if self.params.logprobs.is_some() {
            scratch.raw.copy_from_slice(logits);
        }
        let Some(token) = self.choose(logits, num_output, scratch) else {
            return Sampled::NOT_FINITE;
        };
        if self.params.has_penalties() {
            self.seen.add_output(token);
        }
        let num_top = self.params.logprobs;
        let logprobs = num_top.map(|n| Box::new(logprobs::describe(token, n, scratch)));
        Sampled { token, logprobs }
    }

    /// `None` if the logits are not finite.
    fn choose(
        &self,
        logits: &mut [f32],
        num_output: u32,
        scratch: &mut Scratch,
    ) -> Option<TokenId> {
        let params = &*self.params;
        let mut max = scan::finite_max(logits)?;
        if adjust::is_needed(params, num_output) {
            adjust::apply(params, &self.seen, num_output, logits);
            max = scan::max(logits);
            if max == f32::NEG_INFINITY {
                return Some(self.fallback(logits));
            }
        }
        if params.is_greedy() {
            return logits.iter().position(|&logit| logit == max).map(|idx| idx as TokenId);
        }
        let scale = 1.0 / params.temperature;
        scan::weights(logits, max, scale, &mut scratch.weights);
        filter::apply(params, logits, max, scale, scratch);
        Some(draw(&scratch.weights, self.philox.uniform(num_output)))
    }

    /// The answer when the request has made every token impossible.
    fn fallback(&self, logits: &[f32]) -> TokenId {
        let allowed = self.params.allowed_token_ids.as_deref().unwrap_or_default();
        let first = allowed.iter().copied().find(|&token| (token as usize) < logits.len());
        first.unwrap_or(0)
    }
}

/// Inverse CDF in token order: the first token at which the running sum passes `uniform` times
/// the total. At least one weight is positive.
fn draw(weights: &[f32], uniform: f64) -> TokenId {
    let total: f64 = weights.chunks(DRAW_BLOCK).map(scan::sum).sum();
    let target = uniform * total;
    let mut passed = 0.0;
    let mut reached = 0.0;
    let mut candidate = 0;
    for (idx, block) in weights.chunks(DRAW_BLOCK).enumerate() {
        let mass = scan::sum(block);
        if mass > 0.0 {
            (candidate, reached) = (idx, passed);
        }
        passed += mass;
        if passed > target {
            break;
        }
    }
    // Rounding may let a walk end short of the target; then the last possible token is meant.
    let start = candidate * DRAW_BLOCK;
    let mut chosen = start;
    for (token, &weight) in weights.iter().enumerate().skip(start).take(DRAW_BLOCK) {
        if weight > 0.0 {
            chosen = token;
            reached += f64::from(weight);
            if reached > target {
                break;
            }
        }
    }
    chosen as TokenId
}
