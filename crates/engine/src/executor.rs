//! The narrow waist below the engine: run one step.

use thiserror::Error;
use types::{Sampled, StepInput};

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

/// Runs steps. `launch` starts one, `collect` waits for its tokens; a device may overlap the next
/// step's planning with the current one's work between the two calls.
pub trait Executor: Send {
    /// What it can take.
    fn limits(&self) -> ExecutorLimits;

    /// Starts one step. `input` may be reused as soon as this returns.
    fn launch(&mut self, input: &StepInput) -> Result<(), ExecError>;

    /// Waits for the launched step and appends one [`Sampled`] per `input.sample` row, in order.
    fn collect(&mut self, sampled: &mut Vec<Sampled>) -> Result<(), ExecError>;
}
