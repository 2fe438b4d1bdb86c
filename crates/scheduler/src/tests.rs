//! What the scheduler promises, case by case; `random` checks the invariants on random histories.

mod ahead;
mod random;

use std::sync::Arc;

use types::{
    CacheSalt, EngineRequest, FinishReason, NO_TOKEN, RequestId, Sampled, SamplerSlot,
    SamplingParams, StepInput, StopConditions, StopReason, TokenId,
};

use crate::*;

const BLOCK_SIZE: usize = 8;

fn config() -> SchedulerConfig {
    SchedulerConfig {
        max_num_seqs: 4,
        max_num_batched_tokens: 64,
        max_model_len: 64,
        block_size: BLOCK_SIZE,
        num_blocks: 32,
        enable_prefix_caching: true,
        long_prefill_token_threshold: 0,
        policy: Policy::Fcfs,
        max_preemptions: 3,
        max_in_flight: 1,
    }
}

/// A request whose prompt is `len` tokens, different for each `text`.
fn request(text: u32, len: usize) -> EngineRequest {
    EngineRequest {
        prompt: (0..len as TokenId).map(|position| text * 1000 + position).collect(),
        sampling: Arc::new(SamplingParams::default()),
        stop: StopConditions { max_tokens: 100, ..StopConditions::default() },
        priority: 0,
        cache_salt: CacheSalt::default(),
    }
}

/// The scheduler with reused step data, audited after every call.
struct Bench {
    scheduler: Scheduler,
    plan: StepPlan,
    input: StepInput,
}

impl Bench {
    fn new(config: SchedulerConfig) -> Self {
        let scheduler = Scheduler::new(config).expect("a valid configuration");
        Self { scheduler, plan: StepPlan::default(), input: StepInput::default() }
    }

    fn submit(&mut self, id: u64, request: EngineRequest) {
        self.scheduler.submit(RequestId(id), request).expect("a valid request");
        self.scheduler.audit();
    }

    /// Plans; returns `(id, start, len)` per sequence.
    fn plan(&mut self) -> Vec<(u64, u32, u32)> {
        self.scheduler.plan(&mut self.plan);
        self.scheduler.fill(&self.plan, &mut self.input);
        self.scheduler.audit();
        self.plan.seqs.iter().map(|seq| (seq.id.0, seq.start, seq.len)).collect()
    }

    /// Commits the plan with `token` for every sampling sequence.
    fn commit(&mut self, token: TokenId) -> Vec<SeqUpdate> {
        let sampled = Sampled { token, logprobs: None };
        let mut sampled = vec![sampled; self.plan.num_samples()];
        let mut updates = Vec::new();
        self.scheduler.commit(&self.plan, &mut sampled, &mut updates);
        assert!(sampled.is_empty());
        self.scheduler.audit();
        updates
    }

    fn step(&mut self) -> Vec<(u64, u32, u32)> {
        let planned = self.plan();
        self.commit(5);
        planned
    }

    fn preempted(&self) -> Vec<u64> {
        self.plan.preempted.iter().map(|id| id.0).collect()
    }
}

fn finish(update: &SeqUpdate) -> Option<&FinishReason> {
    update.finish.as_ref()
}

#[test]
fn refuses_limits_that_cannot_work() {
    let refused = |change: fn(&mut SchedulerConfig)| {
        let mut config = config();
        change(&mut config);
        Scheduler::new(config).err()
    };
    assert_eq!(refused(|_| ()), None);
    assert_eq!(
        refused(|config| config.num_blocks = 7),
        Some(ConfigError::TooFewBlocks { num_blocks: 7, max_model_len: 64, needed: 8, fits: 56 })
    );
    for block_size in [0, 4, 129] {
        let config = SchedulerConfig { block_size, ..config() };
        assert_eq!(Scheduler::new(config).err(), Some(ConfigError::BlockSize { block_size }));
    }
    for max_in_flight in [0, 3] {
        let config = SchedulerConfig { max_in_flight, ..config() };
        assert_eq!(Scheduler::new(config).err(), Some(ConfigError::InFlight { max_in_flight }));
    }
    let zero = |field| Some(ConfigError::Zero { field });
    assert_eq!(refused(|config| config.max_num_seqs = 0), zero("max_num_seqs"));
    assert_eq!(refused(|config| config.max_model_len = 0), zero("max_model_len"));
    let budget = ConfigError::BudgetBelowSeqs { max_num_batched_tokens: 3, max_num_seqs: 4 };
    assert_eq!(refused(|config| config.max_num_batched_tokens = 3), Some(budget));
    assert!(matches!(
        refused(|config| config.num_blocks = 1 << 28),
        Some(ConfigError::TooLarge { .. })
    ));
}

#[test]
fn refuses_requests_without_room_for_a_token() {
    let mut bench = Bench::new(config());
    let submit =
        |bench: &mut Bench, id, len| bench.scheduler.submit(RequestId(id), request(0, len));
    assert_eq!(submit(&mut bench, 0, 0), Err(SubmitError::EmptyPrompt));
    let too_long = SubmitError::PromptTooLong { num_tokens: 64, max_model_len: 64 };
    assert_eq!(submit(&mut bench, 0, 64), Err(too_long));
    assert_eq!(submit(&mut bench, 0, 63), Ok(()));
    assert_eq!(submit(&mut bench, 0, 1), Err(SubmitError::DuplicateId(RequestId(0))));
    assert_eq!(bench.plan(), [(0, 0, 63)]);
    assert_eq!(finish(&bench.commit(5)[0]), Some(&FinishReason::Length), "the context is full");
    assert!(bench.scheduler.is_idle());
}

#[test]
fn ends_on_eos_stop_token_and_length() {
    let mut bench = Bench::new(config());
    let stop = StopConditions { max_tokens: 2, eos_token_ids: vec![1], stop_token_ids: vec![2] };
    for id in 0..3 {
        bench.submit(id, EngineRequest { stop: stop.clone(), ..request(id as u32, 5) });
    }
    bench.plan();
    let sample = |token| Sampled { token, logprobs: None };
    let mut updates = Vec::new();
    let mut sampled = vec![sample(1), sample(2), sample(3)];
    bench.scheduler.commit(&bench.plan, &mut sampled, &mut updates);
    let ends: Vec<_> = updates.iter().map(finish).collect();
    let (eos, token) = (FinishReason::Stop(StopReason::Eos), StopReason::Token(2));
    assert_eq!(ends, [Some(&eos), Some(&FinishReason::Stop(token)), None]);
    assert_eq!(updates[0].token, Some(sample(1)), "the last token comes with the end");
    assert_eq!(bench.plan(), [(2, 5, 1)]);
    assert_eq!(finish(&bench.commit(3)[0]), Some(&FinishReason::Length));
    assert!(bench.scheduler.is_idle());
}

#[test]
fn a_step_is_flat_arrays() {
    let mut bench = Bench::new(SchedulerConfig { max_num_batched_tokens: 12, ..config() });
    let penalised = SamplingParams { presence_penalty: 1.0, ..SamplingParams::default() };
    bench.submit(0, EngineRequest { sampling: Arc::new(penalised), ..request(1, 9) });
    bench.submit(1, request(2, 9));
    assert_eq!(bench.plan(), [(0, 0, 9), (1, 0, 3)]);
    let input = &bench.input;
    assert_eq!(input.token_ids[8..], [1008, 2000, 2001, 2002]);
    assert_eq!(input.positions[7..], [7, 8, 0, 1, 2]);
    assert_eq!(input.query_start_loc, [0, 9, 12]);
    assert_eq!(input.seq_lens, [9, 3]);
    assert_eq!(input.block_table_start, [0, 2, 3]);
    assert_eq!(input.block_tables, [0, 1, 2]);
    assert_eq!(input.slot_mapping, [0, 1, 2, 3, 4, 5, 6, 7, 8, 16, 17, 18]);
    assert_eq!(input.logits_indices, [8]);
    assert_eq!((input.sample[0].slot, input.sample[0].num_output), (SamplerSlot(0), 0));
    assert_eq!(input.admitted.len(), 2);
    assert_eq!((input.admitted[0].tokens.len(), input.admitted[0].num_prompt), (9, 9));
    assert!(input.admitted[1].tokens.is_empty(), "nobody reads them without penalties");
}

#[test]
fn decode_goes_before_unfinished_prefills() {
    let mut bench = Bench::new(SchedulerConfig { max_num_batched_tokens: 10, ..config() });
    bench.submit(0, request(0, 25));
    bench.submit(1, request(1, 4));
    assert_eq!(bench.step(), [(0, 0, 10)]);
    assert_eq!(bench.step(), [(0, 10, 10)]);
    assert_eq!(bench.step(), [(0, 20, 5), (1, 0, 4)]);
    bench.submit(2, request(2, 30));
    assert_eq!(bench.step(), [(0, 25, 1), (1, 4, 1), (2, 0, 8)]);
    assert_eq!(bench.step(), [(0, 26, 1), (1, 5, 1), (2, 8, 8)]);
}

#[test]
fn the_threshold_lets_prefills_share_a_step() {
    let threshold = SchedulerConfig { long_prefill_token_threshold: 20, ..config() };
    let mut bench = Bench::new(threshold);
    for id in 0..4 {
        bench.submit(id, request(id as u32, 50));
    }
    assert_eq!(bench.step(), [(0, 0, 20), (1, 0, 20), (2, 0, 20), (3, 0, 4)]);
}

#[test]
fn a_prefix_hit_skips_what_is_cached() {
    let mut bench = Bench::new(config());
    bench.submit(0, request(0, 24));
    bench.step();
    bench.submit(1, request(0, 24));
    let salted = CacheSalt(Some("other".into()));
    bench.submit(2, EngineRequest { cache_salt: salted, ..request(0, 24) });
    assert_eq!(bench.plan(), [(0, 24, 1), (1, 16, 8), (2, 0, 24)]);
    let cached: Vec<_> = bench.plan.admitted.iter().map(|a| a.num_cached_tokens).collect();
    assert_eq!(cached, [16, 0], "one block of a full hit is computed again; salts do not meet");
    bench.commit(5);
    let stats = bench.scheduler.stats();
    assert_eq!((stats.prefix_query_tokens, stats.prefix_hit_tokens), (72, 16));
}

/// Three prompts of three blocks each in a pool of ten; each life is eight blocks long.
fn crowded(max_preemptions: u32) -> Bench {
    let crowd = SchedulerConfig { num_blocks: 10, max_preemptions, ..config() };
    let mut bench = Bench::new(crowd);
    for id in 0..3 {
        bench.submit(id, request(id as u32, 17));
    }
    bench
}

#[test]
fn the_cheapest_and_latest_loses_its_blocks_and_resumes() {
    let mut bench = crowded(3);
    // Two take three blocks each and are owed one more each; so three are not left for a third.
    assert_eq!(bench.step(), [(0, 0, 17), (1, 0, 17)]);
    while bench.preempted().is_empty() {
        bench.step();
        assert!(!bench.plan.seqs.is_empty());
    }
    assert_eq!(bench.preempted(), [1], "the first in order of service is no victim");
    assert_eq!(bench.plan.seqs.len(), 1);
    while bench.plan.admitted.is_empty() {
        bench.step();
    }
    let resumed = bench.plan.admitted[0];
    assert_eq!((resumed.id, resumed.resumed), (RequestId(1), true), "ahead of request 2");
    let stats = bench.scheduler.stats();
    assert_eq!(stats.num_preemptions, 1);
    assert!(stats.recomputed_tokens > 0);
}

#[test]
fn without_preemptions_the_longest_life_is_promised() {
    let mut bench = crowded(0);
    assert_eq!(bench.step(), [(0, 0, 17)], "8 of 10 blocks are promised, 8 more are not there");
    for _ in 0..200 {
        bench.step();
    }
    assert!(bench.scheduler.is_idle());
    assert_eq!(bench.scheduler.stats().num_preemptions, 0);
}

#[test]
fn a_head_that_does_not_fit_is_not_passed() {
    let mut bench = Bench::new(SchedulerConfig { num_blocks: 8, ..config() });
    bench.submit(0, request(0, 33));
    bench.submit(1, request(1, 33));
    bench.submit(2, request(2, 1));
    assert_eq!(bench.step(), [(0, 0, 33)]);
    assert_eq!(bench.step(), [(0, 33, 1)], "request 2 would fit, but 1 came first");
}

fn with_priority(priority: i64, request: EngineRequest) -> EngineRequest {
    EngineRequest { priority, ..request }
}

#[test]
fn priority_orders_waiting_and_preempts_only_when_short() {
    let policy = Policy::Priority;
    let mut bench = Bench::new(SchedulerConfig { policy, max_num_seqs: 2, ..config() });
    bench.submit(0, with_priority(5, request(0, 4)));
    bench.submit(1, with_priority(9, request(1, 4)));
    bench.step();
    bench.submit(2, with_priority(9, request(2, 4)));
    assert_eq!(bench.step().len(), 2, "an equal class waits");
    bench.submit(3, with_priority(1, request(3, 4)));
    assert_eq!(bench.step(), [(0, 5, 1), (3, 0, 4)], "slots are short: the lowest class goes");
    assert_eq!(bench.preempted(), [1]);
    bench.scheduler.abort(RequestId(0));
    assert_eq!(bench.step(), [(3, 4, 1), (1, 0, 6)], "resumed before 2, which arrived later");
}

#[test]
fn fcfs_ignores_priority() {
    let mut bench = Bench::new(SchedulerConfig { max_num_seqs: 1, ..config() });
    bench.submit(0, with_priority(9, request(0, 4)));
    bench.submit(1, with_priority(1, request(1, 4)));
    assert_eq!(bench.step(), [(0, 0, 4)]);
    assert_eq!(bench.step(), [(0, 4, 1)]);
}

#[test]
fn an_abort_during_a_step_is_skipped_at_its_commit() {
    let mut bench = Bench::new(config());
    bench.submit(0, request(0, 9));
    bench.submit(1, request(1, 9));
    bench.plan();
    assert!(bench.scheduler.abort(RequestId(0)));
    assert!(!bench.scheduler.abort(RequestId(0)));
    assert_eq!(bench.scheduler.stats().num_live_blocks, 2, "blocks are back at once");
    // The same id again, on the same index: the step in flight is not for it.
    bench.submit(0, request(3, 9));
    let updates = bench.commit(5);
    assert_eq!(updates.iter().map(|update| update.id.0).collect::<Vec<_>>(), [1]);
    assert_eq!(bench.plan(), [(1, 9, 1), (0, 0, 9)]);
}

#[test]
fn a_failed_step_ends_its_sequences_and_caches_nothing() {
    let mut bench = Bench::new(SchedulerConfig { max_num_seqs: 2, ..config() });
    for id in 0..3 {
        bench.submit(id, request(0, 20));
    }
    bench.plan();
    bench.scheduler.abort(RequestId(1));
    let (reason, mut updates): (Arc<str>, _) = ("broken".into(), Vec::new());
    bench.scheduler.fail(&bench.plan, &reason, &mut updates);
    bench.scheduler.audit();
    let ended =
        SeqUpdate { id: RequestId(0), token: None, finish: Some(FinishReason::Error(reason)) };
    assert_eq!(updates, [ended]);
    assert_eq!(bench.plan(), [(2, 0, 20)], "no prefix hit on KV of a failed step");
}

#[test]
fn a_row_without_finite_logits_ends_its_sequence_alone() {
    let mut bench = Bench::new(config());
    bench.submit(0, request(0, 20));
    bench.submit(1, request(1, 20));
    bench.step();
    bench.plan();
    let mut sampled = vec![Sampled::NOT_FINITE, Sampled { token: 5, logprobs: None }];
    let mut updates = Vec::new();
    bench.scheduler.commit(&bench.plan, &mut sampled, &mut updates);
    bench.scheduler.audit();
    let reason = FinishReason::NotFinite { output_idx: 1 };
    let ended = SeqUpdate { id: RequestId(0), token: None, finish: Some(reason) };
    assert_eq!(updates[0], ended);
    assert_eq!((updates[1].id, finish(&updates[1])), (RequestId(1), None));
    assert_eq!(bench.scheduler.stats().num_live_blocks, 3, "the other one's");
    assert_eq!(bench.plan(), [(1, 21, 1)]);
}

#[test]
fn what_a_row_without_finite_logits_computed_is_not_cached() {
    let mut bench = Bench::new(config());
    bench.submit(0, request(0, 20));
    bench.plan();
    assert_eq!(
        finish(&bench.commit(NO_TOKEN)[0]),
        Some(&FinishReason::NotFinite { output_idx: 0 })
    );
    bench.submit(1, request(0, 20));
    assert_eq!(bench.plan(), [(1, 0, 20)], "no prefix hit");
}

#[test]
fn drain_ends_everything_once() {
    let mut bench = Bench::new(SchedulerConfig { max_num_seqs: 1, ..config() });
    bench.submit(0, request(0, 20));
    bench.submit(1, request(1, 20));
    bench.plan();
    let mut updates = Vec::new();
    bench.scheduler.drain_all(FinishReason::Abort, &mut updates);
    bench.scheduler.audit();
    assert_eq!(updates.iter().map(|update| update.id.0).collect::<Vec<_>>(), [0, 1]);
    assert!(bench.scheduler.is_idle());
    assert!(bench.plan().is_empty());
    let stats = bench.scheduler.stats();
    assert_eq!((stats.num_free_blocks, stats.num_running, stats.num_waiting), (32, 0, 0));
}

#[test]
#[should_panic(expected = "neither committed nor failed")]
fn a_plan_is_settled_before_the_next() {
    let mut bench = Bench::new(config());
    bench.submit(0, request(0, 20));
    bench.plan();
    bench.plan();
}
