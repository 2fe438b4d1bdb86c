//! The scheduler's invariants, checked in full. For tests and the simulator.

use std::collections::HashSet;

use crate::scheduler::Scheduler;

impl Scheduler {
    /// Panics on a broken invariant. Takes time in proportion to all blocks and sequences.
    pub fn audit(&self) {
        self.audit_sets();
        self.audit_blocks();
        self.audit_slots();
        self.audit_flight();
    }

    /// Every live sequence either runs or waits, in order of service, and is found by its id.
    fn audit_sets(&self) {
        let ranks: Vec<_> = self.running.iter().map(|idx| self.seqs.get(*idx).rank).collect();
        assert!(ranks.is_sorted_by(|a, b| a < b), "running sequences are in order of service");
        let mut num_live = 0;
        for (idx, seq) in self.seqs.iter() {
            num_live += 1;
            assert_eq!(self.by_id.get(&seq.id), Some(&idx), "request {} is found", seq.id);
            let waits = self.waiting.get(&seq.rank) == Some(&idx);
            assert_ne!(waits, seq.running.is_some(), "request {} either runs or waits", seq.id);
            assert!(
                seq.num_preemptions <= self.config.max_preemptions,
                "request {} was preempted too often",
                seq.id
            );
        }
        assert_eq!(num_live, self.by_id.len(), "ids belong to live sequences");
        assert_eq!(num_live, self.running.len() + self.waiting.len(), "runs or waits, once");
        assert!(self.running.len() <= self.config.max_num_seqs);
    }

    fn audit_blocks(&self) {
        let running = || self.running.iter().map(|idx| self.seqs.get(*idx));
        self.pool.audit(running().map(|seq| &seq.running().table));
        let mut num_reserved = 0;
        for seq in running() {
            let state = seq.running();
            num_reserved += state.num_reserved();
            assert!(state.num_computed < seq.num_tokens(), "a running sequence is behind");
            let num_blocks = state.table.blocks().len();
            let computed_blocks = self.pool.blocks_for(state.num_computed);
            assert_eq!(num_blocks, computed_blocks, "request {}: blocks", seq.id);
            let is_promised = state.promised_blocks.is_some();
            assert_ne!(is_promised, self.may_be_preempted(seq), "request {}: promise", seq.id);
        }
        assert_eq!(num_reserved, self.num_reserved, "promises are counted");
        assert!(self.num_reserved <= self.pool.num_available(), "promises can be kept");
    }

    fn audit_slots(&self) {
        let used = self.running.iter().map(|idx| self.seqs.get(*idx).running().slot);
        let slots: HashSet<_> = used.chain(self.free_slots.iter().copied()).collect();
        assert_eq!(slots.len(), self.config.max_num_seqs, "each slot is free or used once");
        assert_eq!(self.running.len() + self.free_slots.len(), self.config.max_num_seqs);
    }

    /// Every unknown token comes from a step in flight.
    fn audit_flight(&self) {
        assert!(self.num_in_flight <= self.config.max_in_flight, "too many steps in flight");
        for (_, seq) in self.seqs.iter() {
            assert!(seq.num_steps_in_flight <= self.num_in_flight, "request {}: steps", seq.id);
            assert!(seq.num_unknown <= seq.num_steps_in_flight, "request {}: tokens", seq.id);
            assert!(seq.num_tokens() <= seq.max_computed() + 1, "request {} is too long", seq.id);
        }
    }
}
