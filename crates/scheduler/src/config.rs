//! The scheduler's limits and the ways in which they, or a request, can be refused.

use std::ops::RangeInclusive;

use thiserror::Error;
use types::RequestId;

/// Block sizes that the attention kernels are written for.
pub const BLOCK_SIZE_RANGE: RangeInclusive<usize> = 8..=128;

/// Which sequence goes first.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Policy {
    /// First come, first served; `EngineRequest::priority` is ignored.
    Fcfs,
    /// Lower `EngineRequest::priority` first, ties by arrival.
    Priority,
}

/// Limits of one scheduler. [`crate::Scheduler::new`] checks that they can work together.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SchedulerConfig {
    /// Sequences that run at the same time; also the number of sampler slots.
    pub max_num_seqs: usize,
    /// Token budget of a step; at least `max_num_seqs`, so that every decode fits.
    pub max_num_batched_tokens: usize,
    /// Tokens of a sequence, prompt and output together.
    pub max_model_len: usize,
    /// Tokens of a KV block.
    pub block_size: usize,
    /// KV blocks in all; at least one sequence of `max_model_len` must fit.
    pub num_blocks: usize,
    /// Share full blocks between sequences with equal prefixes.
    pub enable_prefix_caching: bool,
    /// Most tokens of one prefill per step; 0 leaves only the token budget as a limit.
    pub long_prefill_token_threshold: usize,
    /// Order of service.
    pub policy: Policy,
    /// How often one sequence may lose its blocks. Once it has, it is readmitted only with its
    /// worst case reserved and is never preempted again; 0 therefore means no preemption at all.
    pub max_preemptions: u32,
    /// Steps that may be planned and not yet settled: 1, or 2 to plan one step ahead.
    pub max_in_flight: usize,
}

/// Why a [`SchedulerConfig`] cannot work.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum ConfigError {
    /// A field that must be positive is 0.
    #[error("{field} must be at least 1")]
    Zero {
        /// The field.
        field: &'static str,
    },
    /// `block_size` is outside [`BLOCK_SIZE_RANGE`].
    #[error("block_size is {block_size}; it must be between 8 and 128")]
    BlockSize {
        /// The refused value.
        block_size: usize,
    },
    /// One sequence of `max_model_len` would not fit the KV cache.
    #[error(
        "num_blocks is {num_blocks}, but one sequence of max_model_len {max_model_len} needs \
         {needed}: lower max_model_len to {fits} or give the KV cache more memory"
    )]
    TooFewBlocks {
        /// Blocks there are.
        num_blocks: usize,
        /// The context length asked for.
        max_model_len: usize,
        /// Blocks that such a sequence needs.
        needed: usize,
        /// The longest context that fits.
        fits: usize,
    },
    /// The token budget cannot give every running sequence one token.
    #[error(
        "max_num_batched_tokens is {max_num_batched_tokens}, below max_num_seqs {max_num_seqs}: \
         raise the former or lower the latter"
    )]
    BudgetBelowSeqs {
        /// Token budget.
        max_num_batched_tokens: usize,
        /// Running sequences.
        max_num_seqs: usize,
    },
    /// `max_in_flight` is neither 1 nor 2.
    #[error("max_in_flight is {max_in_flight}; it must be 1 or 2")]
    InFlight {
        /// The refused value.
        max_in_flight: usize,
    },
    /// A count does not fit the 32-bit indices of a step.
    #[error("{field} is {value}; it must be below 2^31")]
    TooLarge {
        /// The field, or the product of fields.
        field: &'static str,
        /// The refused value.
        value: usize,
    },
}

/// Why [`crate::Scheduler::submit`] refused a request.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum SubmitError {
    /// There is nothing to continue.
    #[error("the prompt is empty")]
    EmptyPrompt,
    /// The prompt leaves no room for one output token.
    #[error(
        "the prompt has {num_tokens} tokens, but the model's context of {max_model_len} tokens \
         must also hold at least one output token"
    )]
    PromptTooLong {
        /// Prompt length.
        num_tokens: usize,
        /// The context length.
        max_model_len: usize,
    },
    /// The id belongs to a sequence that has not ended.
    #[error("request {0} is already live")]
    DuplicateId(RequestId),
}

impl SchedulerConfig {
    pub(crate) fn validate(&self) -> Result<(), ConfigError> {
        for (field, value) in [
            ("max_num_seqs", self.max_num_seqs),
            ("max_num_batched_tokens", self.max_num_batched_tokens),
            ("max_model_len", self.max_model_len),
        ] {
            if value == 0 {
                return Err(ConfigError::Zero { field });
            }
        }
        if !BLOCK_SIZE_RANGE.contains(&self.block_size) {
            return Err(ConfigError::BlockSize { block_size: self.block_size });
        }
        if !(1..=2).contains(&self.max_in_flight) {
            return Err(ConfigError::InFlight { max_in_flight: self.max_in_flight });
        }
        let needed = self.max_model_len.div_ceil(self.block_size);
        if self.num_blocks < needed {
            return Err(ConfigError::TooFewBlocks {
                num_blocks: self.num_blocks,
                max_model_len: self.max_model_len,
                needed,
                fits: self.num_blocks * self.block_size,
            });
        }
        for (field, value) in [
            ("num_blocks * block_size", self.num_blocks.saturating_mul(self.block_size)),
            ("max_num_batched_tokens", self.max_num_batched_tokens),
            ("max_num_seqs", self.max_num_seqs),
        ] {
            if value >= 1 << 31 {
                return Err(ConfigError::TooLarge { field, value });
            }
        }
        if self.max_num_batched_tokens < self.max_num_seqs {
            return Err(ConfigError::BudgetBelowSeqs {
                max_num_batched_tokens: self.max_num_batched_tokens,
                max_num_seqs: self.max_num_seqs,
            });
        }
        Ok(())
    }
}
