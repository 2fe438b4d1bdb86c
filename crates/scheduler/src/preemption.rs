//! Taking blocks back when they run out: who loses them, and why this ends.
//!
//! **Victims.** When a running sequence gets no block, the victim is, among the running sequences
//! of the lowest class that is not above its own, the one with the fewest computed tokens (the
//! cheapest to compute again), the latest arrival among equals. Two kinds are never victims: the
//! first in order of service, and sequences that were already preempted `max_preemptions` times.
//! When the choice falls on the very sequence that asks, it keeps its blocks and only sits the
//! step out (it *stalls*): giving them up would cost a recomputation and help nobody yet. If
//! somebody else needs them later, it is the first to lose them. A victim may be in flight, and even
//! end with that step: its token comes to it while it waits.
//!
//! **Bound.** A sequence preempted `max_preemptions` times is readmitted only when the blocks of
//! its longest possible life are available, and these are promised to it: nobody else's growth
//! or admission may eat into the promises (`num_reserved`). So it never lacks a block and need
//! never be preempted again, and `max_preemptions` is a hard bound for every sequence.
//!
//! **No livelock.** Preemptions are finite: at most `max_preemptions` per request. And every plan
//! of a scheduler that is not idle and has nothing in flight computes at least one token (with a step
//! in flight a plan may be empty; that step ends):
//! - If a sequence with a promise runs, it has its blocks; it is planned unless others have
//!   already used up the budget, and once the budget is used up nobody is preempted any more.
//! - Otherwise the first in order of service may preempt all others; alone it fits, because
//!   `num_blocks` holds a sequence of `max_model_len`.
//! - If nobody runs, every block is available and the head of the waiting sequences is admitted.
//!
//! Finitely many tokens are wanted and finitely many are recomputed, so every sequence ends. The
//! oldest one makes progress in every step that has budget for it, except while sequences with a
//! promise hold what it lacks; these run to their end, at most `max_model_len` steps later.
//!
//! **Classes.** Under [`crate::Policy::Priority`] a waiting sequence of a strictly higher class
//! preempts running ones by the same rule, only when slots or blocks are short, and only if doing
//! so is enough to admit it.

use std::cmp::Reverse;

use crate::scheduler::Scheduler;
use crate::sequence::{Rank, Sequence};
use crate::step::StepPlan;

impl Scheduler {
    /// Finds blocks for `wanted` more tokens of a running sequence and returns for how many there
    /// are. A chunk shrinks to the blocks at hand before anybody is preempted; only a sequence
    /// that could not compute a single token takes blocks from others. 0 means that it stalls.
    pub(crate) fn make_room(&mut self, idx: u32, wanted: usize, plan: &mut StepPlan) -> usize {
        loop {
            let granted = wanted.min(self.num_computable(idx));
            if granted > 0 {
                return granted;
            }
            let asking = self.seqs.get(idx).rank;
            match self.choose_victim(asking) {
                Some(victim) if victim != idx => self.preempt(victim, plan),
                _ => return 0,
            }
        }
    }

    /// Tokens that the sequence could compute with the blocks it has and those it may take.
    fn num_computable(&self, idx: u32) -> usize {
        let running = self.seqs.get(idx).running();
        let promised_to_others = self.num_reserved - running.num_reserved();
        let takable = self.pool.num_available() - promised_to_others;
        (running.table.blocks().len() + takable) * self.config.block_size - running.num_computed
    }

    /// Who loses its blocks so that the running sequence of rank `asking` can go on; possibly
    /// that sequence itself, and nobody if all others are exempt.
    fn choose_victim(&self, asking: Rank) -> Option<u32> {
        let candidates = self.running.iter().skip(1).copied();
        candidates
            .filter(|idx| {
                let seq = self.seqs.get(*idx);
                seq.rank.class >= asking.class && self.may_be_preempted(seq)
            })
            .max_by_key(|idx| victim_order(self.seqs.get(*idx)))
    }

    pub(crate) fn may_be_preempted(&self, seq: &Sequence) -> bool {
        seq.num_preemptions < self.config.max_preemptions
    }

    /// Moves a running sequence back to waiting and out of the plan.
    pub(crate) fn preempt(&mut self, idx: u32, plan: &mut StepPlan) {
        let seq = self.seqs.get_mut(idx);
        seq.num_preemptions += 1;
        seq.num_lost = seq.running().num_computed;
        let (id, rank) = (seq.id, seq.rank);
        if let Some(at) = plan.seqs.iter().position(|planned| planned.id == id) {
            plan.num_tokens -= plan.seqs.remove(at).len as usize;
        }
        plan.preempted.push(id);
        self.remove_from_running(idx);
        self.waiting.insert(rank, idx);
        self.counters.num_preemptions += 1;
    }
}

/// The greatest is the next victim.
pub(crate) fn victim_order(seq: &Sequence) -> (i64, Reverse<usize>, u64) {
    (seq.rank.class, Reverse(seq.running().num_computed), seq.rank.arrival)
}
