//! Everything that the device keeps between steps, allocated once for the largest step.

use backend::StepLimits;
use types::Sampled;

use crate::linear::LinearWorkspace;
use crate::ops::attention::AttentionWorkspace;
use crate::ops::sample::Samplers;
use crate::step::StepState;

/// The device's own memory.
pub(crate) struct Workspace {
    pub(crate) limits: StepLimits,
    pub(crate) step: StepState,
    pub(crate) linear: LinearWorkspace,
    pub(crate) attention: AttentionWorkspace,
    pub(crate) samplers: Samplers,
    /// The step's tokens, until they are collected.
    pub(crate) sampled: Vec<Sampled>,
}

/// Rows of the largest linear call.
fn max_rows(limits: &StepLimits) -> usize {
    limits.max_num_batched_tokens.max(limits.max_num_seqs)
}

impl Workspace {
    pub(crate) fn new(limits: &StepLimits, num_threads: usize) -> Self {
        Self {
            limits: *limits,
            step: StepState::new(limits),
            linear: LinearWorkspace::new(max_rows(limits), limits.max_linear_cols),
            attention: AttentionWorkspace::new(limits, num_threads),
            samplers: Samplers::new(limits, num_threads),
            sampled: Vec::with_capacity(limits.max_num_seqs),
        }
    }

    pub(crate) fn bytes(limits: &StepLimits, num_threads: usize) -> usize {
        StepState::bytes(limits)
            + LinearWorkspace::bytes(max_rows(limits), limits.max_linear_cols)
            + AttentionWorkspace::bytes(limits, num_threads)
            + Samplers::bytes(limits, num_threads)
            + limits.max_num_seqs * size_of::<Sampled>()
    }

    /// What is allocated now.
    pub(crate) fn allocated_bytes(&self) -> usize {
        self.step.allocated_bytes()
            + LinearWorkspace::bytes(max_rows(&self.limits), self.limits.max_linear_cols)
            + self.attention.allocated_bytes()
            + self.samplers.allocated_bytes()
            + self.sampled.capacity() * size_of::<Sampled>()
    }
}
