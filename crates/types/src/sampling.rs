//! What a client may ask of the sampler, and what it answers. The meaning of each field is
//! defined, with code, in the `sampling` crate.

use crate::{NO_TOKEN, TokenId};

/// Temperatures below this are greedy (the same bound as vLLM's `_SAMPLING_EPS`).
pub const GREEDY_EPSILON: f32 = 1e-5;

/// Validated sampling parameters of one sequence.
#[derive(Clone, Debug, PartialEq)]
pub struct SamplingParams {
    /// `0..=2`; below [`GREEDY_EPSILON`] the most likely token is taken.
    pub temperature: f32,
    /// Keep the `top_k` most likely tokens; `0` keeps all.
    pub top_k: u32,
    /// Keep the smallest set whose probability reaches `top_p`, in `(0, 1]`.
    pub top_p: f32,
    /// Keep tokens at least `min_p` times as likely as the most likely one, in `[0, 1]`.
    pub min_p: f32,
    /// Divides positive and multiplies negative logits of tokens seen in prompt or output; `1` off.
    pub repetition_penalty: f32,
    /// Subtracted once from the logit of each token seen in the output.
    pub presence_penalty: f32,
    /// Subtracted per occurrence in the output.
    pub frequency_penalty: f32,
    /// Added to the logits, sorted by token, each token once.
    pub logit_bias: Vec<(TokenId, f32)>,
    /// If set, every other token is impossible. Sorted, each token once, never empty.
    pub allowed_token_ids: Option<Vec<TokenId>>,
    /// Key of the counter-based generator; the counter is the output position.
    pub seed: u64,
    /// Return the chosen token's log-probability and this many alternatives.
    pub logprobs: Option<u32>,
    /// Number of output tokens before any of `stop_token_ids` becomes possible.
    pub min_tokens: u32,
    /// Tokens that end the sequence (end-of-sequence tokens included), for `min_tokens`.
    pub stop_token_ids: Vec<TokenId>,
}

impl Default for SamplingParams {
    fn default() -> Self {
        Self {
            temperature: 1.0,
            top_k: 0,
            top_p: 1.0,
            min_p: 0.0,
            repetition_penalty: 1.0,
            presence_penalty: 0.0,
            frequency_penalty: 0.0,
            logit_bias: Vec::new(),
            allowed_token_ids: None,
            seed: 0,
            logprobs: None,
            min_tokens: 0,
            stop_token_ids: Vec::new(),
        }
    }
}

impl SamplingParams {
    /// Parameters that always take the most likely token.
    pub fn greedy() -> Self {
        Self { temperature: 0.0, ..Self::default() }
    }

    /// True when the most likely token is taken without drawing a random number.
    pub fn is_greedy(&self) -> bool {
        self.temperature < GREEDY_EPSILON
    }

    /// True when the logits depend on tokens seen before.
    pub fn has_penalties(&self) -> bool {
        self.repetition_penalty != 1.0
            || self.presence_penalty != 0.0
            || self.frequency_penalty != 0.0
    }
}

/// One sampled token.
#[derive(Clone, Debug, PartialEq)]
pub struct Sampled {
    /// The token, or [`NO_TOKEN`] if the row's logits are not finite.
    pub token: TokenId,
    /// Present when the sequence asked for log-probabilities and there is a token.
    pub logprobs: Option<Box<TokenLogprobs>>,
}

impl Sampled {
    /// The answer for a row whose logits are not finite.
    pub const NOT_FINITE: Self = Self { token: NO_TOKEN, logprobs: None };

    /// False if the row's logits are not finite.
    pub fn is_token(&self) -> bool {
        self.token != NO_TOKEN
    }
}

/// Log-probabilities of one position, from the model's raw logits (before penalties,
/// temperature and filters, as vLLM's `raw_logprobs`).
#[derive(Clone, Debug, PartialEq)]
pub struct TokenLogprobs {
    /// Natural logarithm of the chosen token's probability.
    pub logprob: f32,
    /// 1 for the most likely token.
    pub rank: u32,
    /// The most likely tokens, best first.
    pub top: Vec<(TokenId, f32)>,
}
