//! The scheduler's state, taking requests in and out, and the running part of a plan.

use std::collections::{BTreeMap, HashMap};

use kvcache::{BlockPool, KvEvents};
use types::{EngineRequest, FinishReason, RequestId, SamplerSlot};

use crate::config::{ConfigError, Policy, SchedulerConfig, SubmitError};
use crate::sequence::{Rank, Sequence};
use crate::slab::Slab;
use crate::step::{PlannedSeq, SchedulerStats, SeqUpdate, StepPlan};

/// Decides, step by step, what the executor computes. See the crate's documentation.
#[derive(Debug)]
pub struct Scheduler {
    pub(crate) config: SchedulerConfig,
    pub(crate) pool: BlockPool,
    pub(crate) seqs: Slab,
    pub(crate) by_id: HashMap<RequestId, u32>,
    /// Running sequences in order of service.
    pub(crate) running: Vec<u32>,
    /// Waiting sequences in order of service. How many may wait is the engine's limit
    /// (`max_num_queued_reqs`); preempted ones add at most `max_num_seqs`.
    pub(crate) waiting: BTreeMap<Rank, u32>,
    pub(crate) free_slots: Vec<SamplerSlot>,
    /// Blocks promised to running sequences and not yet taken; never more than are available.
    pub(crate) num_reserved: usize,
    pub(crate) counters: Counters,
    next_arrival: u64,
    /// Non-empty plans made so far, and how many of the last ones are in flight.
    pub(crate) num_plans: u64,
    pub(crate) num_in_flight: usize,
}

/// Totals since the start.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Counters {
    pub(crate) prefix_query_tokens: u64,
    pub(crate) prefix_hit_tokens: u64,
    pub(crate) num_preemptions: u64,
    pub(crate) recomputed_tokens: u64,
}

impl Scheduler {
    /// An idle scheduler.
    pub fn new(config: SchedulerConfig) -> Result<Self, ConfigError> {
        config.validate()?;
        let pool =
            BlockPool::new(config.num_blocks, config.block_size, config.enable_prefix_caching);
        Ok(Self {
            pool,
            seqs: Slab::default(),
            by_id: HashMap::new(),
            running: Vec::with_capacity(config.max_num_seqs),
            waiting: BTreeMap::new(),
            free_slots: (0..config.max_num_seqs as u32).rev().map(SamplerSlot).collect(),
            num_reserved: 0,
            counters: Counters::default(),
            next_arrival: 0,
            num_plans: 0,
            num_in_flight: 0,
            config,
        })
    }

    /// Takes a request in. It waits until a plan admits it.
    pub fn submit(&mut self, id: RequestId, request: EngineRequest) -> Result<(), SubmitError> {
        if request.prompt.is_empty() {
            return Err(SubmitError::EmptyPrompt);
        }
        let (num_tokens, max_model_len) = (request.prompt.len(), self.config.max_model_len);
        if num_tokens >= max_model_len {
            return Err(SubmitError::PromptTooLong { num_tokens, max_model_len });
        }
        if self.by_id.contains_key(&id) {
            return Err(SubmitError::DuplicateId(id));
        }
        let class = match self.config.policy {
            Policy::Fcfs => 0,
            Policy::Priority => request.priority,
        };
        let rank = Rank { class, arrival: self.next_arrival };
        self.next_arrival += 1;
        let seq = Sequence::new(id, rank, request, max_model_len, self.config.block_size);
        let idx = self.seqs.insert(seq);
        self.by_id.insert(id, idx);
        self.waiting.insert(rank, idx);
        Ok(())
    }

    /// Ends a sequence without an update; true if it was live. Its blocks and slot are free at
    /// once, even while a step that computes it is in flight (see `in_flight`). Nothing of that
    /// step enters the prefix cache.
    pub fn abort(&mut self, id: RequestId) -> bool {
        let Some(&idx) = self.by_id.get(&id) else { return false };
        self.end(idx);
        true
    }

    /// Chooses the next step's work into `plan`, which is cleared first; an empty plan means that
    /// there is nothing to do before a step in flight ends, or at all. A non-empty plan is in
    /// flight until [`Self::commit`] or [`Self::fail`] settles it; at most `max_in_flight` are, and
    /// they are settled in the order of planning. [`Self::drain_all`] gives all of them up.
    ///
    /// Running sequences come first: those that are one token behind (decode), so that a long
    /// prompt never delays them, then unfinished prefills; each in order of service. What is left
    /// of the budget admits waiting sequences.
    pub fn plan(&mut self, plan: &mut StepPlan) {
        let has_room = self.num_in_flight < self.config.max_in_flight;
        assert!(has_room, "the oldest plan was neither committed nor failed");
        plan.clear();
        let all_got_blocks = self.plan_running(plan, true) & self.plan_running(plan, false);
        if all_got_blocks {
            self.admit_waiting(plan);
        }
        debug_assert!(plan.num_tokens <= self.config.max_num_batched_tokens);
        let may_be_empty = self.num_in_flight > 0 || self.is_idle();
        debug_assert!(may_be_empty || !plan.is_empty(), "work is left, so some of it can run");
        self.take_off(plan);
    }

    /// Plans the running sequences that are one token behind, or those that are more. False if
    /// blocks ran out, even if preemption made room: then nobody should be admitted.
    fn plan_running(&mut self, plan: &mut StepPlan, decodes: bool) -> bool {
        let mut all_got_blocks = true;
        let mut at = 0;
        while at < self.running.len() && plan.num_tokens < self.config.max_num_batched_tokens {
            let idx = self.running[at];
            at += 1;
            let seq = self.seqs.get(idx);
            let behind = seq.behind();
            if behind == 0 || (behind == 1) != decodes {
                continue;
            }
            let (rank, wanted) = (seq.rank, self.chunk_len(behind, plan));
            let num_preempted = plan.preempted.len();
            let granted = self.make_room(idx, wanted, plan);
            if granted > 0 {
                self.schedule(idx, granted, plan);
            }
            if plan.preempted.len() > num_preempted {
                // Victims left `running`, so positions have moved.
                at = self.running.partition_point(|idx| self.seqs.get(*idx).rank <= rank);
                all_got_blocks = false;
            }
            all_got_blocks &= granted == wanted;
        }
        all_got_blocks
    }

    /// How many of `behind` tokens a step may compute of one sequence, blocks aside.
    pub(crate) fn chunk_len(&self, behind: usize, plan: &StepPlan) -> usize {
        let budget = self.config.max_num_batched_tokens - plan.num_tokens;
        match self.config.long_prefill_token_threshold {
            0 => behind.min(budget),
            threshold => behind.min(budget).min(threshold),
        }
    }

    /// Gives the sequence its blocks, which are there, and adds it to the plan.
    pub(crate) fn schedule(&mut self, idx: u32, len: usize, plan: &mut StepPlan) {
        let key = self.seqs.key(idx);
        let seq = self.seqs.get_mut(idx);
        let (id, num_tokens) = (seq.id, seq.num_tokens());
        let running = seq.running_mut();
        let start = running.num_computed;
        let reserved_before = running.num_reserved();
        self.pool.grow(&mut running.table, start + len).expect("room was made for these blocks");
        self.num_reserved -= reserved_before - running.num_reserved();
        plan.num_tokens += len;
        plan.seqs.push(PlannedSeq {
            id,
            start: start as u32,
            len: len as u32,
            samples: start + len == num_tokens,
            key,
        });
    }

    /// Gives back the sequence's blocks and slot; it stays in the slab, without a state.
    pub(crate) fn remove_from_running(&mut self, idx: u32) {
        let rank = self.seqs.get(idx).rank;
        let at = self.running.partition_point(|other| self.seqs.get(*other).rank < rank);
        assert_eq!(self.running.remove(at), idx, "running sequences are sorted by rank");
        self.take_back(idx);
    }

    /// The part of leaving the running set that does not touch `running`.
    fn take_back(&mut self, idx: u32) {
        let running = self.seqs.get_mut(idx).running.take().expect("a running sequence leaves");
        self.num_reserved -= running.num_reserved();
        self.free_slots.push(running.slot);
        self.pool.release(running.table);
    }

    /// Takes a sequence out, whether it runs or waits.
    pub(crate) fn end(&mut self, idx: u32) {
        if self.seqs.get(idx).running.is_some() {
            self.remove_from_running(idx);
        } else {
            self.waiting.remove(&self.seqs.get(idx).rank);
        }
        self.forget(idx);
    }

    /// The end of a sequence that neither runs nor waits any more.
    fn forget(&mut self, idx: u32) -> RequestId {
        let id = self.seqs.remove(idx).id;
        self.by_id.remove(&id);
        id
    }

    /// Ends every live sequence with `reason`: the executor is lost, or the server stops. Steps in
    /// flight are given up and must not be settled any more.
    pub fn drain_all(&mut self, reason: FinishReason, updates: &mut Vec<SeqUpdate>) {
        self.num_in_flight = 0;
        let running = std::mem::take(&mut self.running);
        running.iter().for_each(|idx| self.take_back(*idx));
        let waiting = std::mem::take(&mut self.waiting);
        for idx in running.into_iter().chain(waiting.into_values()) {
            let id = self.forget(idx);
            updates.push(SeqUpdate { id, token: None, finish: Some(reason.clone()) });
        }
    }

    /// Records what happens to cached blocks from now on, for [`Self::take_kv_events`].
    pub fn record_kv_events(&mut self) {
        self.pool.record_events();
    }

    /// Moves what was recorded since the last call to the end of `into`.
    pub fn take_kv_events(&mut self, into: &mut KvEvents) {
        self.pool.take_events(into);
    }

    /// Counters and levels.
    pub fn stats(&self) -> SchedulerStats {
        SchedulerStats {
            num_running: self.running.len(),
            num_waiting: self.waiting.len(),
            num_free_blocks: self.pool.num_free(),
            num_cached_blocks: self.pool.num_cached(),
            num_live_blocks: self.pool.num_live(),
            num_blocks: self.pool.num_blocks(),
            prefix_query_tokens: self.counters.prefix_query_tokens,
            prefix_hit_tokens: self.counters.prefix_hit_tokens,
            num_preemptions: self.counters.num_preemptions,
            recomputed_tokens: self.counters.recomputed_tokens,
        }
    }

    /// True when no sequence is live.
    pub fn is_idle(&self) -> bool {
        self.by_id.is_empty()
    }
}
