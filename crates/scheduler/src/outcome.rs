//! What a step's end does to its sequences: tokens and ends on success, ends on failure.

use std::sync::Arc;

use types::{FinishReason, Sampled};

use crate::scheduler::Scheduler;
use crate::step::{SeqUpdate, StepPlan};

impl Scheduler {
    /// Books a step that succeeded. `sampled` holds one token for each sequence of the plan that
    /// samples, in plan order, and is drained. Appends one update for each of these sequences that
    /// is still live; those aborted since the plan was made are skipped.
    ///
    /// A sequence ends with `Stop` on an end-of-sequence or stop token, otherwise with `Length`
    /// when it has `max_tokens` output tokens or fills the context.
    pub fn commit(
        &mut self,
        plan: &StepPlan,
        sampled: &mut Vec<Sampled>,
        updates: &mut Vec<SeqUpdate>,
    ) {
        assert_eq!(sampled.len(), plan.num_samples(), "one token per sampling sequence");
        self.in_flight = false;
        let mut sampled = sampled.drain(..);
        let mut any_finished = false;
        for planned in &plan.seqs {
            let token = if planned.samples { sampled.next() } else { None };
            let Some(idx) = self.seqs.live_idx(planned.key) else { continue };
            self.advance(idx, planned.start as usize, planned.len as usize);
            let Some(token) = token else { continue };
            let finish = self.seqs.get_mut(idx).push(token.token);
            if finish.is_some() {
                self.take_back(idx);
                any_finished = true;
            }
            updates.push(SeqUpdate { id: planned.id, token: Some(token), finish });
        }
        if any_finished {
            self.forget_ended(plan);
        }
    }

    /// Books computed tokens and offers the blocks that they fill to the prefix cache.
    fn advance(&mut self, idx: u32, start: usize, len: usize) {
        let seq = self.seqs.get_mut(idx);
        let running = seq.running.as_mut().expect("a planned sequence runs until its step ends");
        assert_eq!(running.num_computed, start, "a plan is committed once");
        running.num_computed += len;
        let is_block_filled =
            start / self.config.block_size != running.num_computed / self.config.block_size;
        if is_block_filled && self.config.enable_prefix_caching {
            seq.hashes.extend(&seq.tokens);
            self.pool.seal(&mut running.table, &seq.hashes, running.num_computed);
        }
    }

    /// Books a step that failed: its sequences that are still live end with an error, others go
    /// on. Nothing of the step enters the prefix cache.
    pub fn fail(&mut self, plan: &StepPlan, reason: &Arc<str>, updates: &mut Vec<SeqUpdate>) {
        self.in_flight = false;
        for planned in &plan.seqs {
            let Some(idx) = self.seqs.live_idx(planned.key) else { continue };
            self.take_back(idx);
            let finish = Some(FinishReason::Error(reason.clone()));
            updates.push(SeqUpdate { id: planned.id, token: None, finish });
        }
        self.forget_ended(plan);
    }

    /// Drops the plan's sequences whose blocks were taken back.
    fn forget_ended(&mut self, plan: &StepPlan) {
        let seqs = &self.seqs;
        self.running.retain(|idx| seqs.get(*idx).running.is_some());
        for planned in &plan.seqs {
            if let Some(idx) = self.seqs.live_idx(planned.key)
                && self.seqs.get(idx).running.is_none()
            {
                self.forget(idx);
            }
        }
    }

    /// Ends every live sequence with `reason`: the executor is lost, or the server stops. A step
    /// in flight is given up.
    pub fn drain_all(&mut self, reason: FinishReason, updates: &mut Vec<SeqUpdate>) {
        self.in_flight = false;
        let running = std::mem::take(&mut self.running);
        running.iter().for_each(|idx| self.take_back(*idx));
        let waiting = std::mem::take(&mut self.waiting);
        for idx in running.into_iter().chain(waiting.into_values()) {
            let id = self.forget(idx);
            updates.push(SeqUpdate { id, token: None, finish: Some(reason.clone()) });
        }
    }
}
