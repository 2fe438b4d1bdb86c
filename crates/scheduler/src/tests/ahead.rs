//! One step ahead: plans that are made before the tokens of the step in flight are known.

use super::*;

/// A scheduler that may have two steps in flight, audited after every call.
struct Ahead {
    scheduler: Scheduler,
    /// Planned and not settled, oldest first.
    plans: std::collections::VecDeque<StepPlan>,
    input: StepInput,
}

/// Sampled tokens of one step by request.
type Tokens<'a> = &'a [(u64, TokenId)];

impl Ahead {
    fn new(config: SchedulerConfig) -> Self {
        let config = SchedulerConfig { max_in_flight: 2, ..config };
        let scheduler = Scheduler::new(config).expect("a valid configuration");
        Self { scheduler, plans: Default::default(), input: StepInput::default() }
    }

    fn submit(&mut self, id: u64, request: EngineRequest) {
        self.scheduler.submit(RequestId(id), request).expect("a valid request");
        self.scheduler.audit();
    }

    /// Plans; returns `(id, start, len)` per sequence.
    fn plan(&mut self) -> Vec<(u64, u32, u32)> {
        let mut plan = StepPlan::default();
        self.scheduler.plan(&mut plan);
        self.scheduler.fill(&plan, &mut self.input);
        self.scheduler.audit();
        let planned = plan.seqs.iter().map(|seq| (seq.id.0, seq.start, seq.len)).collect();
        if !plan.is_empty() {
            self.plans.push_back(plan);
        }
        planned
    }

    /// Commits the oldest step, which must sample for exactly these requests. Returns token and
    /// end of every request that was told of one.
    fn commit(&mut self, tokens: Tokens) -> Vec<(u64, TokenId, Option<FinishReason>)> {
        let plan = self.plans.pop_front().expect("a step is in flight");
        let ids: Vec<_> = plan.seqs.iter().filter(|seq| seq.samples).map(|seq| seq.id.0).collect();
        assert_eq!(ids, tokens.iter().map(|(id, _)| *id).collect::<Vec<_>>());
        let sample = |(_, token): &(u64, TokenId)| Sampled { token: *token, logprobs: None };
        let (mut sampled, mut updates) = (tokens.iter().map(sample).collect(), Vec::new());
        self.scheduler.commit(&plan, &mut sampled, &mut updates);
        self.scheduler.audit();
        let told = updates.into_iter().map(|update| {
            let token = update.token.map_or(NO_TOKEN, |sampled| sampled.token);
            (update.id.0, token, update.finish)
        });
        told.collect()
    }

    /// `(token_idx, slot)` of the filled step's deferred tokens.
    fn deferred(&self) -> Vec<(u32, u32)> {
        self.input.deferred.iter().map(|token| (token.token_idx, token.slot.0)).collect()
    }

    fn num_outputs(&self) -> Vec<u32> {
        self.input.sample.iter().map(|row| row.num_output).collect()
    }
}

fn with_stop(max_tokens: u32, request: EngineRequest) -> EngineRequest {
    let stop = StopConditions { max_tokens, eos_token_ids: vec![1], stop_token_ids: Vec::new() };
    EngineRequest { stop, ..request }
}

const EOS: Option<FinishReason> = Some(FinishReason::Stop(StopReason::Eos));

#[test]
fn a_token_in_flight_is_deferred_and_then_known() {
    let mut ahead = Ahead::new(config());
    ahead.submit(0, request(0, 7));
    assert_eq!(ahead.plan(), [(0, 0, 7)]);
    assert_eq!((ahead.deferred(), ahead.num_outputs()), (vec![], vec![0]));
    ahead.submit(1, request(1, 3));
    // Token 7 of request 0 is not known; it is the last one of its block.
    assert_eq!(ahead.plan(), [(0, 7, 1), (1, 0, 3)]);
    assert_eq!((ahead.deferred(), ahead.num_outputs()), (vec![(0, 0)], vec![1, 0]));
    assert_eq!(ahead.input.token_ids, [0, 1000, 1001, 1002]);
    assert_eq!(ahead.commit(&[(0, 70)]), [(0, 70, None)]);
    // Its next token needs a second block.
    assert_eq!(ahead.plan(), [(0, 8, 1), (1, 3, 1)]);
    assert_eq!((ahead.deferred(), ahead.num_outputs()), (vec![(0, 0), (1, 1)], vec![2, 1]));
    assert_eq!(ahead.input.block_table_start, [0, 2, 3]);
    ahead.commit(&[(0, 80), (1, 31)]);
    ahead.commit(&[(0, 90), (1, 41)]);
    // Nothing in flight, nothing deferred.
    assert_eq!(ahead.plan(), [(0, 9, 1), (1, 4, 1)]);
    assert_eq!((ahead.deferred(), ahead.num_outputs()), (vec![], vec![3, 2]));
    assert_eq!(ahead.input.token_ids, [90, 41]);
}

#[test]
fn a_last_token_that_is_certain_is_not_planned_on() {
    let mut ahead = Ahead::new(config());
    ahead.submit(0, with_stop(2, request(0, 4)));
    ahead.submit(1, request(1, 62));
    assert_eq!(ahead.plan(), [(0, 0, 4), (1, 0, 60)]);
    assert_eq!(ahead.plan(), [(0, 4, 1), (1, 60, 2)], "one more each, then both are full");
    ahead.commit(&[(0, 5)]);
    assert_eq!(ahead.plan(), [(1, 62, 1)], "request 0 has its 2 tokens with the step in flight");
    let length = Some(FinishReason::Length);
    assert_eq!(ahead.commit(&[(0, 5), (1, 5)]), [(0, 5, length.clone()), (1, 5, None)]);
    assert_eq!(ahead.plan(), [], "request 1 fills the context with the step in flight");
    assert_eq!(ahead.commit(&[(1, 5)]), [(1, 5, length)]);
    assert!(ahead.scheduler.is_idle());
}

#[test]
fn a_row_behind_one_without_finite_logits_is_wasted() {
    let mut ahead = Ahead::new(config());
    ahead.submit(0, request(0, 4));
    ahead.submit(1, request(1, 4));
    ahead.plan();
    assert_eq!(ahead.plan(), [(0, 4, 1), (1, 4, 1)], "both are taken to go on");
    let lost = Some(FinishReason::NotFinite { output_idx: 0 });
    assert_eq!(ahead.commit(&[(0, NO_TOKEN), (1, 5)]), [(0, NO_TOKEN, lost), (1, 5, None)]);
    assert_eq!(ahead.plan(), [(1, 5, 1)]);
    assert_eq!(ahead.commit(&[(0, NO_TOKEN), (1, 5)]), [(1, 5, None)], "it has ended once");
    assert_eq!(ahead.commit(&[(1, 5)]), [(1, 5, None)]);
}

#[test]
fn a_stop_wastes_a_row_whose_token_nobody_gets() {
    let mut ahead = Ahead::new(config());
    ahead.submit(0, with_stop(9, request(0, 4)));
    ahead.submit(1, with_stop(9, request(1, 4)));
    ahead.plan();
    assert_eq!(ahead.plan(), [(0, 4, 1), (1, 4, 1)]);
    assert_eq!(ahead.commit(&[(0, 1), (1, 5)]), [(0, 1, EOS), (1, 5, None)]);
    // Blocks and slot of request 0 go to another, which a token in flight must not reach.
    ahead.submit(2, request(2, 4));
    assert_eq!(ahead.plan(), [(1, 5, 1), (2, 0, 4)]);
    assert_eq!(ahead.input.block_tables, [1, 0]);
    assert_eq!((ahead.input.admitted[0].slot, ahead.deferred()), (SamplerSlot(0), vec![(0, 1)]));
    assert_eq!(ahead.commit(&[(0, 7), (1, 5)]), [(1, 5, None)]);
    assert_eq!(ahead.plan(), [(1, 6, 1), (2, 4, 1)]);
    assert_eq!(ahead.deferred(), [(0, 1), (1, 0)], "the slot's new owner has sampled last");
}

#[test]
fn an_abort_with_two_steps_in_flight_is_skipped_in_both() {
    let mut ahead = Ahead::new(config());
    ahead.submit(0, request(0, 4));
    ahead.submit(1, request(1, 4));
    ahead.plan();
    ahead.plan();
    assert!(ahead.scheduler.abort(RequestId(0)));
    ahead.submit(0, request(0, 4));
    assert_eq!(ahead.commit(&[(0, 5), (1, 5)]), [(1, 5, None)]);
    assert_eq!(ahead.commit(&[(0, 6), (1, 6)]), [(1, 6, None)]);
    assert_eq!(ahead.plan(), [(1, 5, 1), (0, 0, 4)], "the new request of that id starts afresh");
}

#[test]
fn only_known_tokens_name_blocks() {
    let mut ahead = Ahead::new(config());
    ahead.submit(0, request(0, 7));
    ahead.plan();
    ahead.plan();
    ahead.commit(&[(0, 70)]);
    assert_eq!(ahead.scheduler.stats().num_cached_blocks, 0);
    let followed: Vec<TokenId> = (0..7).chain([70, 71]).collect();
    ahead.submit(1, EngineRequest { prompt: followed.clone().into(), ..request(0, 1) });
    // The block is full on the device only when the step in flight is over.
    assert_eq!(ahead.plan(), [(0, 8, 1), (1, 0, 9)]);
    ahead.commit(&[(0, 80)]);
    ahead.submit(2, EngineRequest { prompt: followed.into(), ..request(0, 1) });
    assert_eq!(ahead.plan(), [(0, 9, 1), (1, 9, 1), (2, 8, 1)], "now it is found by its tokens");
}

/// Runs two sequences in too few blocks until one is preempted by the plan behind a step in flight.
fn preempted_in_flight() -> Ahead {
    let crowd = SchedulerConfig { num_blocks: 8, max_preemptions: 3, ..config() };
    let mut ahead = Ahead::new(crowd);
    for id in 0..2 {
        ahead.submit(id, with_stop(100, request(id as u32, 23)));
    }
    assert_eq!(ahead.plan(), [(0, 0, 23), (1, 0, 23)]);
    for position in 23..32 {
        assert_eq!(ahead.plan(), [(0, position, 1), (1, position, 1)]);
        ahead.commit(&[(0, position), (1, position)]);
    }
    assert_eq!(ahead.plan(), [(0, 32, 1)]);
    let preempted = &ahead.plans.back().expect("just planned").preempted;
    assert_eq!(preempted, &[RequestId(1)], "while its token 32 is in flight");
    ahead
}

#[test]
fn a_preempted_sequence_gets_its_token_in_flight() {
    let mut ahead = preempted_in_flight();
    assert_eq!(ahead.commit(&[(0, 32), (1, 77)]), [(0, 32, None), (1, 77, None)]);
    ahead.commit(&[(0, 33)]);
    assert!(ahead.scheduler.abort(RequestId(0)));
    let planned = ahead.plan();
    let (id, start, len) = planned[0];
    assert_eq!((id, start + len), (1, 33), "resumed behind its known tokens: {planned:?}");
    assert_eq!(ahead.input.token_ids.last(), Some(&77));
    assert_eq!((ahead.num_outputs(), ahead.deferred()), (vec![10], vec![]));
}

#[test]
fn a_preempted_sequence_may_stop_while_it_waits() {
    let mut ahead = preempted_in_flight();
    assert_eq!(ahead.commit(&[(0, 32), (1, 1)]), [(0, 32, None), (1, 1, EOS)]);
    assert_eq!(ahead.scheduler.stats().num_waiting, 0);
}

#[test]
fn a_failure_ends_a_preempted_sequence_in_flight_too() {
    let mut ahead = preempted_in_flight();
    let (plan, mut updates) = (ahead.plans.pop_front().expect("two in flight"), Vec::new());
    ahead.scheduler.fail(&plan, &"broken".into(), &mut updates);
    ahead.scheduler.audit();
    assert_eq!(updates.iter().map(|update| update.id.0).collect::<Vec<_>>(), [0, 1]);
    assert_eq!(ahead.commit(&[(0, 5)]), [], "the step behind has nobody left");
    assert!(ahead.scheduler.is_idle());
}

#[test]
#[should_panic(expected = "settled in order")]
fn plans_are_settled_in_the_order_of_planning() {
    let mut ahead = Ahead::new(config());
    ahead.submit(0, request(0, 7));
    ahead.plan();
    ahead.plan();
    ahead.plans.swap(0, 1);
    ahead.commit(&[(0, 5)]);
}

#[test]
#[should_panic(expected = "neither committed nor failed")]
fn a_third_plan_is_refused() {
    let mut ahead = Ahead::new(config());
    ahead.submit(0, request(0, 7));
    for _ in 0..3 {
        ahead.plan();
    }
}
