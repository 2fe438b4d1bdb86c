//! The narrow waist below the engine: run one step.

use thiserror::Error;
use types::{Sampled, StepCounts, StepInput};

/// What an executor can take in one step, fixed at start.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ExecutorLimits {
    /// Sequences per step and sampler slots.
    pub max_num_seqs: usize,
    /// New tokens per step.
    pub max_num_batched_tokens: usize,
    /// Tokens per sequence, prompt and output.
    pub max_model_len: usize,
    /// Tokens per KV block.
    pub block_size: usize,
    /// KV blocks.
    pub num_blocks: usize,
    /// Rows of the LM head; token ids are below this.
    pub vocab_size: usize,
    /// Steps that may be launched and uncollected at the same time: 1, or 2 for an executor that
    /// fills in deferred tokens (`types::DeferredToken`).
    pub max_in_flight: usize,
}

/// Why a step did not produce tokens.
#[derive(Clone, Debug, Error)]
pub enum ExecError {
    /// The step failed, the executor is still usable: its sequences end, others go on.
    #[error("step failed: {0}")]
    Step(String),
    /// The executor is beyond use: every sequence ends and health turns red.
    #[error("executor lost: {0}")]
    Fatal(String),
}

/// Runs steps, in the order in which they are launched. `launch` starts one, `collect` waits for
/// the tokens of the oldest that is not collected.
///
/// With `max_in_flight` of 1 the two alternate. With 2 a step may be launched while the one before
/// it is uncollected; it then has deferred tokens, which are the earlier step's samples. Steps must
/// take effect as if each began when the one before it had ended: a later step may write to blocks
/// that an earlier one reads, and set up a sampler slot that an earlier one samples from.
pub trait Executor: Send {
    /// What it can take.
    fn limits(&self) -> ExecutorLimits;

    /// Starts one step. `input` may be reused as soon as this returns. After an error the step is
    /// not in flight and is never collected; those launched before it still are.
    fn launch(&mut self, input: &StepInput) -> Result<(), ExecError>;

    /// Waits for the oldest step in flight and appends one [`Sampled`] per `input.sample` row, in
    /// order. After [`ExecError::Step`] that step is over, and a step launched behind it still is
    /// collected; what it computed from the failed one's tokens is not used.
    fn collect(&mut self, sampled: &mut Vec<Sampled>) -> Result<(), ExecError>;

    /// How steps were run so far. Called once a step, so it only copies.
    fn step_counts(&self) -> StepCounts {
        StepCounts::default()
    }
}
