//! One live sequence: its tokens, how far their KV is computed, and what it holds.

use std::sync::Arc;

use kvcache::{BlockHashes, BlockTable};
use types::{
    EngineRequest, FinishReason, RequestId, SamplerSlot, SamplingParams, StopConditions,
    StopReason, TokenId,
};

/// Place in the order of service, smaller first. Unique, and kept through preemption: a preempted
/// sequence is therefore ahead of everything in its class that has not run yet.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Rank {
    /// The request's priority; 0 for all under FCFS.
    pub(crate) class: i64,
    /// Counts submissions.
    pub(crate) arrival: u64,
}

/// What a sequence holds while it runs.
#[derive(Debug)]
pub(crate) struct Running {
    pub(crate) table: BlockTable,
    pub(crate) slot: SamplerSlot,
    /// Tokens whose KV is in `table` once every step in flight has run; always a prefix of the
    /// sequence and fewer than all.
    pub(crate) num_computed: usize,
    /// Upper bound of this sequence's blocks, promised at admission; `None` when it may be
    /// preempted instead.
    pub(crate) promised_blocks: Option<usize>,
}

impl Running {
    /// Blocks promised and not yet taken.
    pub(crate) fn num_reserved(&self) -> usize {
        self.promised_blocks.map_or(0, |promised| promised - self.table.blocks().len())
    }
}

#[derive(Debug)]
pub(crate) struct Sequence {
    pub(crate) id: RequestId,
    pub(crate) rank: Rank,
    pub(crate) sampling: Arc<SamplingParams>,
    stop: StopConditions,
    /// Prompt, then output, as far as it is known.
    pub(crate) tokens: Vec<TokenId>,
    /// Tokens behind `tokens` that steps in flight sample.
    pub(crate) num_unknown: usize,
    /// Steps in flight that compute tokens of this sequence.
    pub(crate) num_steps_in_flight: usize,
    pub(crate) num_prompt: usize,
    /// The sequence ends when it has this many tokens.
    max_tokens: usize,
    pub(crate) hashes: BlockHashes,
    /// `None` while waiting.
    pub(crate) running: Option<Running>,
    pub(crate) num_preemptions: u32,
    /// Tokens computed and lost at the last preemption; 0 before it and once readmitted.
    pub(crate) num_lost: usize,
    /// True from the first admission on.
    pub(crate) was_admitted: bool,
}

impl Sequence {
    pub(crate) fn new(
        id: RequestId,
        rank: Rank,
        request: EngineRequest,
        max_model_len: usize,
        block_size: usize,
    ) -> Self {
        let num_prompt = request.prompt.len();
        let max_output = request.stop.max_tokens.max(1) as usize;
        Self {
            id,
            rank,
            sampling: request.sampling,
            stop: request.stop,
            tokens: request.prompt.to_vec(),
            num_unknown: 0,
            num_steps_in_flight: 0,
            num_prompt,
            max_tokens: num_prompt.saturating_add(max_output).min(max_model_len),
            hashes: BlockHashes::new(block_size, &request.cache_salt),
            running: None,
            num_preemptions: 0,
            num_lost: 0,
            was_admitted: false,
        }
    }

    /// All tokens, those included that steps in flight sample.
    pub(crate) fn num_tokens(&self) -> usize {
        self.tokens.len() + self.num_unknown
    }

    /// Most tokens whose KV is ever computed: the last token's never is.
    pub(crate) fn max_computed(&self) -> usize {
        self.max_tokens - 1
    }

    /// Takes the memory that the sequence's own growth will need.
    pub(crate) fn reserve(&mut self, with_hashes: bool) {
        self.tokens.reserve_exact(self.max_tokens - self.tokens.len());
        if with_hashes {
            self.hashes.reserve(self.max_tokens);
        }
    }

    pub(crate) fn running(&self) -> &Running {
        self.running.as_ref().expect("only running sequences are asked for their blocks")
    }

    pub(crate) fn running_mut(&mut self) -> &mut Running {
        self.running.as_mut().expect("only running sequences are asked for their blocks")
    }

    /// Tokens whose KV is wanted and not computed; 0 when the sequence ends with a step in flight
    /// whatever that samples.
    pub(crate) fn behind(&self) -> usize {
        self.num_tokens().min(self.max_computed()) - self.running().num_computed
    }

    /// Appends a sampled token; the reason if the sequence ends with it.
    pub(crate) fn push(&mut self, token: TokenId) -> Option<FinishReason> {
        self.tokens.push(token);
        if self.stop.eos_token_ids.contains(&token) {
            Some(FinishReason::Stop(StopReason::Eos))
        } else if self.stop.stop_token_ids.contains(&token) {
            Some(FinishReason::Stop(StopReason::Token(token)))
        } else if self.tokens.len() >= self.max_tokens {
            Some(FinishReason::Length)
        } else {
            None
        }
    }
}
