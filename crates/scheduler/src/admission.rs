//! Waiting sequences become running ones, strictly in order of service: a head that does not fit
//! waits, and so does everything behind it. Skipping it would let small requests starve big ones.
//!
//! The head is admitted when the blocks of all its known tokens are available beyond what running
//! sequences are owed: the blocks of their own known tokens and one more each, or all that was
//! promised to them. Giving the head less would start work that is soon preempted. When nothing
//! runs, nothing is owed and the head always fits.

use crate::preemption::victim_order;
use crate::scheduler::Scheduler;
use crate::sequence::{Running, Sequence};
use crate::step::{Admission, StepPlan};

/// What the head of the waiting sequences needs.
#[derive(Clone, Copy)]
struct Need {
    /// All its blocks, shared ones included.
    num_blocks: usize,
    /// Of which must be available: new blocks, and cached ones that nobody else holds.
    num_available: usize,
    /// Blocks to promise, for a sequence that must not be preempted any more.
    promised_blocks: Option<usize>,
}

impl Scheduler {
    pub(crate) fn admit_waiting(&mut self, plan: &mut StepPlan) {
        let mut num_owed = self.running.iter().map(|idx| self.num_owed(*idx)).sum::<usize>();
        while plan.num_tokens < self.config.max_num_batched_tokens {
            let Some((rank, &idx)) = self.waiting.first_key_value() else { return };
            let class = rank.class;
            let seq = self.seqs.get(idx);
            if seq.num_steps_in_flight > 0 || plan.preempted.contains(&seq.id) {
                // It lost its blocks to this very step, or its last token is not known yet.
                return;
            }
            // Comes before the prefix look-up, because a head may wait for many steps.
            let is_full = self.free_slots.is_empty() || self.pool.num_available() == 0;
            if is_full && self.lower_class_victims(class).next().is_none() {
                return;
            }
            let need = self.need(idx);
            if !self.fits(need, num_owed) {
                if !self.would_fit_without_lower_classes(need, class) {
                    return;
                }
                num_owed = self.preempt_lower_classes(idx, class, plan);
            }
            self.admit(idx, need.promised_blocks, plan);
            num_owed += self.num_owed(idx);
        }
    }

    fn need(&mut self, idx: u32) -> Need {
        let seq = self.seqs.get_mut(idx);
        if self.config.enable_prefix_caching {
            seq.hashes.extend(&seq.tokens);
        }
        let seq = self.seqs.get(idx);
        let hit = self.pool.probe(&seq.hashes, seq.tokens.len());
        let promised_blocks =
            (!self.may_be_preempted(seq)).then(|| self.pool.blocks_for(seq.max_computed()));
        let num_blocks = promised_blocks.unwrap_or(self.pool.blocks_for(seq.tokens.len()));
        let num_available = num_blocks - hit.num_blocks + hit.num_unreferenced;
        Need { num_blocks, num_available, promised_blocks }
    }

    fn fits(&self, need: Need, num_owed: usize) -> bool {
        !self.free_slots.is_empty() && need.num_available + num_owed <= self.pool.num_available()
    }

    /// Blocks that must stay available for a running sequence.
    fn num_owed(&self, idx: u32) -> usize {
        let seq = self.seqs.get(idx);
        let running = seq.running();
        if running.promised_blocks.is_some() {
            return running.num_reserved();
        }
        self.pool.blocks_for(seq.num_tokens()) - running.table.blocks().len() + 1
    }

    /// Whether preempting every sequence that a waiting one of `class` may preempt would make it
    /// fit. Counts only blocks that a victim alone holds as freed, and every block of the head as
    /// needed, so a yes is certain.
    fn would_fit_without_lower_classes(&self, need: Need, class: i64) -> bool {
        let (mut num_freed, mut num_owed, mut any) = (0, 0, false);
        for idx in &self.running {
            let seq = self.seqs.get(*idx);
            if self.is_lower_class_victim(seq, class) {
                num_freed += self.pool.num_exclusive(&seq.running().table);
                any = true;
            } else {
                num_owed += self.num_owed(*idx);
            }
        }
        any && need.num_blocks + num_owed <= self.pool.num_available() + num_freed
    }

    /// Preempts until the head `idx` fits; returns what the remaining sequences are owed.
    fn preempt_lower_classes(&mut self, idx: u32, class: i64, plan: &mut StepPlan) -> usize {
        loop {
            let victim = self
                .lower_class_victims(class)
                .max_by_key(|idx| victim_order(self.seqs.get(*idx)))
                .expect("without all victims the head was found to fit");
            self.preempt(victim, plan);
            // Blocks of the head's prefix that only the victim held are now unreferenced.
            let need = self.need(idx);
            let num_owed = self.running.iter().map(|idx| self.num_owed(*idx)).sum();
            if self.fits(need, num_owed) {
                return num_owed;
            }
        }
    }

    fn lower_class_victims(&self, class: i64) -> impl Iterator<Item = u32> {
        let candidates = self.running.iter().copied();
        candidates.filter(move |idx| self.is_lower_class_victim(self.seqs.get(*idx), class))
    }

    fn is_lower_class_victim(&self, seq: &Sequence, class: i64) -> bool {
        seq.rank.class > class && self.may_be_preempted(seq)
    }

    /// Moves the head, which fits, into the running set and plans its first tokens.
    fn admit(&mut self, idx: u32, promised_blocks: Option<usize>, plan: &mut StepPlan) {
        let key = self.seqs.key(idx);
        let seq = self.seqs.get_mut(idx);
        // All the room that it can need, so that no later step allocates. Bounded by
        // `max_num_seqs` sequences of `max_model_len` tokens.
        seq.reserve(self.config.enable_prefix_caching);
        let (table, num_computed) =
            self.pool.admit(&seq.hashes, seq.tokens.len(), seq.max_computed());
        let slot = self.free_slots.pop().expect("a head that fits has a slot");
        if !seq.was_admitted {
            self.counters.prefix_query_tokens += seq.tokens.len() as u64;
            self.counters.prefix_hit_tokens += num_computed as u64;
        }
        self.counters.recomputed_tokens += seq.num_lost.saturating_sub(num_computed) as u64;
        plan.admitted.push(Admission {
            id: seq.id,
            slot,
            num_cached_tokens: num_computed as u32,
            resumed: seq.was_admitted,
            key,
        });
        let running = Running { table, slot, num_computed, promised_blocks };
        self.num_reserved += running.num_reserved();
        seq.running = Some(running);
        seq.was_admitted = true;
        seq.num_lost = 0;
        let rank = seq.rank;
        self.waiting.remove(&rank);
        let at = self.running.partition_point(|other| self.seqs.get(*other).rank < rank);
        self.running.insert(at, idx);
        let len = self.chunk_len(self.seqs.get(idx).behind(), plan);
        self.schedule(idx, len, plan);
    }
}
