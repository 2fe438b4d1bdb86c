//! What a step's end does to its sequences: tokens and ends on success, ends on failure.

use std::sync::Arc;

use types::{FinishReason, Sampled};

use crate::scheduler::Scheduler;
use crate::step::{PlannedSeq, SeqUpdate, StepPlan};

impl Scheduler {
    /// Books the oldest step in flight, which succeeded. `sampled` holds one token for each sequence
    /// of the plan that samples, in plan order, and is drained. Appends one update for each of these
    /// sequences that is still live; those that have ended since the plan was made are skipped.
    ///
    /// A sequence ends with `Stop` on an end-of-sequence or stop token, otherwise with `Length`
    /// when it has `max_tokens` output tokens or fills the context. A row without finite logits
    /// ends its sequence alone, with `NotFinite` and no token; what the step computed of it does not
    /// enter the prefix cache.
    pub fn commit(
        &mut self,
        plan: &StepPlan,
        sampled: &mut Vec<Sampled>,
        updates: &mut Vec<SeqUpdate>,
    ) {
        assert_eq!(sampled.len(), plan.num_samples(), "one token per sampling sequence");
        self.land(plan);
        let mut sampled = sampled.drain(..);
        for planned in &plan.seqs {
            let token = if planned.samples { sampled.next() } else { None };
            let Some(idx) = self.seqs.live_idx(planned.key) else { continue };
            if token.as_ref().is_some_and(|sampled| !sampled.is_token()) {
                updates.push(self.end_without_token(idx, planned));
                continue;
            }
            self.seal_computed(idx, planned);
            let seq = self.seqs.get_mut(idx);
            seq.num_steps_in_flight -= 1;
            let Some(token) = token else { continue };
            seq.num_unknown -= 1;
            let finish = seq.push(token.token);
            if finish.is_some() {
                self.end(idx);
            }
            updates.push(SeqUpdate { id: planned.id, token: Some(token), finish });
        }
    }

    /// Ends a sequence whose logits are not finite.
    fn end_without_token(&mut self, idx: u32, planned: &PlannedSeq) -> SeqUpdate {
        let seq = self.seqs.get(idx);
        let output_idx = (seq.tokens.len() - seq.num_prompt) as u32;
        self.end(idx);
        let finish = Some(FinishReason::NotFinite { output_idx });
        SeqUpdate { id: planned.id, token: None, finish }
    }

    /// Offers the blocks that the step filled to the prefix cache. Their tokens are known: those
    /// that were deferred when the step was launched came with the step before.
    fn seal_computed(&mut self, idx: u32, planned: &PlannedSeq) {
        let seq = self.seqs.get_mut(idx);
        // None if it was preempted since: its blocks are no longer its own.
        let Some(running) = &mut seq.running else { return };
        let (start, end) = (planned.start as usize, (planned.start + planned.len) as usize);
        let is_block_filled = start / self.config.block_size != end / self.config.block_size;
        if is_block_filled && self.config.enable_prefix_caching {
            seq.hashes.extend(&seq.tokens);
            self.pool.seal(&mut running.table, &seq.hashes, &seq.tokens, end);
        }
    }

    /// Books a step that failed: its sequences that are still live end with an error, others go
    /// on, those of a step in flight behind it included. Nothing of the step enters the prefix
    /// cache.
    pub fn fail(&mut self, plan: &StepPlan, reason: &Arc<str>, updates: &mut Vec<SeqUpdate>) {
        self.land(plan);
        for planned in &plan.seqs {
            let Some(idx) = self.seqs.live_idx(planned.key) else { continue };
            self.end(idx);
            let finish = Some(FinishReason::Error(reason.clone()));
            updates.push(SeqUpdate { id: planned.id, token: None, finish });
        }
    }
}
