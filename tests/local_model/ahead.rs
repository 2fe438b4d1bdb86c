//! One executor as another: steps ahead over a device that takes one at a time, and one at a time
//! over a device that could run ahead.

use std::collections::VecDeque;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use engine::{ExecError, Executor, ExecutorLimits};
use types::{Sampled, StepInput, TokenId};

/// Takes two steps at a time: computes each when it is launched, and puts deferred tokens in from
/// what it last sampled for their slots, as a device does. Allocates nothing in a step.
pub(crate) struct RunAhead<E> {
    inner: E,
    limits: ExecutorLimits,
    /// A copy of the step, completed.
    input: StepInput,
    /// Last sampled token by slot.
    last: Vec<TokenId>,
    in_flight: VecDeque<Vec<Sampled>>,
    idle: Vec<Vec<Sampled>>,
}

impl<E: Executor> RunAhead<E> {
    pub(crate) fn new(inner: E) -> Self {
        let limits = ExecutorLimits { max_in_flight: 2, ..inner.limits() };
        let max_num_seqs = limits.max_num_seqs;
        let max_num_blocks = max_num_seqs * limits.max_model_len.div_ceil(limits.block_size);
        Self {
            inner,
            limits,
            input: StepInput::with_capacity(
                limits.max_num_batched_tokens,
                max_num_seqs,
                max_num_blocks,
            ),
            last: vec![0; max_num_seqs],
            in_flight: VecDeque::with_capacity(2),
            idle: (0..2).map(|_| Vec::with_capacity(max_num_seqs)).collect(),
        }
    }

    /// Copies the step into memory that is there.
    fn complete(&mut self, input: &StepInput) {
        let copy = &mut self.input;
        copy.token_ids.clone_from(&input.token_ids);
        copy.positions.clone_from(&input.positions);
        copy.slot_mapping.clone_from(&input.slot_mapping);
        copy.query_start_loc.clone_from(&input.query_start_loc);
        copy.seq_lens.clone_from(&input.seq_lens);
        copy.block_tables.clone_from(&input.block_tables);
        copy.block_table_start.clone_from(&input.block_table_start);
        copy.logits_indices.clone_from(&input.logits_indices);
        copy.sample.clone_from(&input.sample);
        copy.admitted.clone_from(&input.admitted);
        for deferred in &input.deferred {
            assert!(!self.in_flight.is_empty(), "the token is known");
            copy.token_ids[deferred.token_idx as usize] = self.last[deferred.slot.0 as usize];
        }
    }
}

impl<E: Executor> Executor for RunAhead<E> {
    fn limits(&self) -> ExecutorLimits {
        self.limits
    }

    fn launch(&mut self, input: &StepInput) -> Result<(), ExecError> {
        self.complete(input);
        let mut sampled = self.idle.pop().expect("two steps are in flight at most");
        sampled.clear();
        self.inner.launch(&self.input)?;
        self.inner.collect(&mut sampled)?;
        for (row, sampled) in input.sample.iter().zip(&sampled) {
            self.last[row.slot.0 as usize] = sampled.token;
        }
        self.in_flight.push_back(sampled);
        Ok(())
    }

    fn collect(&mut self, sampled: &mut Vec<Sampled>) -> Result<(), ExecError> {
        let mut done = self.in_flight.pop_front().expect("a step is in flight");
        sampled.append(&mut done);
        self.idle.push(done);
        Ok(())
    }
}

/// Counts what passes: steps, deferred tokens, and the most steps in flight at a time.
pub(crate) struct Counted<E> {
    inner: E,
    limits: ExecutorLimits,
    num_in_flight: usize,
    pub(crate) counts: Arc<Counts>,
}

#[derive(Default)]
pub(crate) struct Counts {
    pub(crate) num_deferred: AtomicUsize,
    pub(crate) most_in_flight: AtomicUsize,
}

impl<E: Executor> Counted<E> {
    /// Lets at most `max_in_flight` steps in.
    pub(crate) fn new(inner: E, max_in_flight: usize) -> Self {
        let limits = inner.limits();
        assert!(max_in_flight <= limits.max_in_flight, "the executor takes that many");
        let limits = ExecutorLimits { max_in_flight, ..limits };
        Self { inner, limits, num_in_flight: 0, counts: Arc::default() }
    }
}

impl<E: Executor> Executor for Counted<E> {
    fn limits(&self) -> ExecutorLimits {
        self.limits
    }

    fn launch(&mut self, input: &StepInput) -> Result<(), ExecError> {
        self.counts.num_deferred.fetch_add(input.deferred.len(), Ordering::Relaxed);
        self.num_in_flight += 1;
        self.counts.most_in_flight.fetch_max(self.num_in_flight, Ordering::Relaxed);
        self.inner.launch(input)
    }

    fn collect(&mut self, sampled: &mut Vec<Sampled>) -> Result<(), ExecError> {
        self.num_in_flight -= 1;
        self.inner.collect(sampled)
    }
}
