//! A request as the engine sees it: tokens and validated parameters, no text and no JSON.

use std::sync::Arc;

use crate::{CacheSalt, SamplingParams, TokenId};

/// One sequence to generate. Everything in it has been validated at the edge.
#[derive(Clone, Debug)]
pub struct EngineRequest {
    /// Prompt tokens; never empty, shorter than the model's context.
    pub prompt: Arc<[TokenId]>,
    /// How tokens are chosen.
    pub sampling: Arc<SamplingParams>,
    /// When generation ends.
    pub stop: StopConditions,
    /// Lower runs first under the priority policy; ignored under FCFS.
    pub priority: i64,
    /// Prefix-cache tenant.
    pub cache_salt: CacheSalt,
}

/// What ends a sequence from the engine's side; stop strings are the server's business.
#[derive(Clone, Debug, Default)]
pub struct StopConditions {
    /// Output length limit, at least 1. The context length limits it further.
    pub max_tokens: u32,
    /// End-of-sequence tokens of the model; empty when the client set `ignore_eos`.
    pub eos_token_ids: Vec<TokenId>,
    /// The client's own stop tokens.
    pub stop_token_ids: Vec<TokenId>,
}

/// What made a sequence stop by itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum StopReason {
    /// An end-of-sequence token of the model.
    Eos,
    /// One of the client's stop tokens.
    Token(TokenId),
}

/// Why a sequence ended. Each sequence ends exactly once.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum FinishReason {
    /// It came to its end.
    Stop(StopReason),
    /// `max_tokens` or the context length was reached.
    Length,
    /// The client went away, or the server is stopping.
    Abort,
    /// The logits that output token `output_idx` (from 0) was to be chosen from are not finite: the
    /// arithmetic overflows, or the weights are broken.
    NotFinite {
        /// Tokens that the sequence had put out before.
        output_idx: u32,
    },
    /// A step failed or the engine died; the text is safe to show to the client.
    Error(Arc<str>),
}
