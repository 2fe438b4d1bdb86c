//! Random histories: arrivals, aborts between and during steps, failures, tiny pools, one and two
//! steps in flight.

use std::collections::{HashMap, HashSet, VecDeque};

use proptest::prelude::*;

use super::*;

#[derive(Clone, Debug)]
enum Op {
    Submit {
        text: u32,
        len: usize,
        max_tokens: u32,
        priority: i64,
        tenant: bool,
    },
    Abort {
        nth: usize,
    },
    /// A plan if there is room for one; `abort` goes away while it is in flight. Then the oldest
    /// step ends, and may fail as a whole or in one row, unless the next is to be planned `ahead` of
    /// that.
    Step {
        abort: Option<usize>,
        fails: Option<Failure>,
        ahead: bool,
    },
}

#[derive(Clone, Copy, Debug)]
enum Failure {
    Step,
    /// The logits of the n-th row that samples are not finite.
    Row(usize),
}

/// What every step samples.
const TOKEN: TokenId = 7;

fn op() -> impl Strategy<Value = Op> {
    let abort = prop::option::weighted(0.1, 0usize..8);
    let failure = prop_oneof![Just(Failure::Step), (0usize..4).prop_map(Failure::Row)];
    let step = (abort, prop::option::weighted(0.06, failure), prop::bool::weighted(0.8));
    prop_oneof![
        3 => (0u32..3, 1usize..70, 1u32..40, 0i64..3, any::<bool>()).prop_map(
            |(text, len, max_tokens, priority, tenant)| Op::Submit {
                text, len, max_tokens, priority, tenant,
            }
        ),
        1 => (0usize..8).prop_map(|nth| Op::Abort { nth }),
        12 => step.prop_map(|(abort, fails, ahead)| Op::Step { abort, fails, ahead }),
    ]
}

fn any_config() -> impl Strategy<Value = SchedulerConfig> {
    let sizes = (1usize..6, 0usize..40, 8usize..64, 0usize..12);
    let choices = (any::<bool>(), 0usize..20, any::<bool>(), 0u32..4, 1usize..=2);
    (sizes, choices).prop_map(|((seqs, spare_tokens, len, spare_blocks), choices)| {
        let (enable_prefix_caching, threshold, by_priority, max_preemptions, max_in_flight) =
            choices;
        SchedulerConfig {
            max_num_seqs: seqs,
            max_num_batched_tokens: seqs + spare_tokens,
            max_model_len: len,
            block_size: BLOCK_SIZE,
            num_blocks: len.div_ceil(BLOCK_SIZE) + spare_blocks,
            enable_prefix_caching,
            long_prefill_token_threshold: threshold,
            policy: if by_priority { Policy::Priority } else { Policy::Fcfs },
            max_preemptions,
            max_in_flight,
        }
    })
}

/// The scheduler beside what its users know.
struct World {
    bench: Bench,
    config: SchedulerConfig,
    in_flight: VecDeque<StepPlan>,
    /// Live requests in order of arrival, with the number of their preemptions.
    live: Vec<(u64, u32)>,
    next_id: u64,
    /// The token that was computed into each KV slot.
    kv: HashMap<u32, (bool, TokenId)>,
    tenants: HashMap<u64, bool>,
}

impl World {
    fn submit(&mut self, request: EngineRequest) {
        let id = self.next_id;
        self.next_id += 1;
        self.tenants.insert(id, request.cache_salt.0.is_some());
        let fits = request.prompt.len() < self.config.max_model_len;
        assert_eq!(self.bench.scheduler.submit(RequestId(id), request).is_ok(), fits);
        if fits {
            self.live.push((id, 0));
        }
    }

    fn abort(&mut self, nth: usize) {
        if nth < self.live.len() {
            let (id, _) = self.live.remove(nth);
            assert!(self.bench.scheduler.abort(RequestId(id)), "a live request can be aborted");
        }
        self.bench.scheduler.audit();
    }

    fn step(&mut self, abort: Option<usize>, fails: Option<Failure>, ahead: bool) {
        let mut is_planned = false;
        if self.in_flight.len() < self.config.max_in_flight {
            let is_empty = self.bench.plan().is_empty();
            let may_be_empty = self.live.is_empty() || !self.in_flight.is_empty();
            assert!(may_be_empty || !is_empty, "work is left, so some is planned");
            self.check_plan();
            self.check_input();
            is_planned = !is_empty;
            if is_planned {
                self.in_flight.push_back(std::mem::take(&mut self.bench.plan));
            }
        }
        if let Some(nth) = abort {
            self.abort(nth);
        }
        if !(ahead && is_planned) || self.in_flight.len() == self.config.max_in_flight {
            self.settle(fails);
        }
    }

    /// Ends the oldest step in flight.
    fn settle(&mut self, fails: Option<Failure>) {
        let Some(plan) = self.in_flight.pop_front() else { return };
        let mut updates = Vec::new();
        if let Some(Failure::Step) = fails {
            self.bench.scheduler.fail(&plan, &"broken".into(), &mut updates);
        } else {
            let mut sampled = vec![Sampled { token: TOKEN, logprobs: None }; plan.num_samples()];
            if let Some(Failure::Row(row)) = fails
                && row < sampled.len()
            {
                sampled[row] = Sampled::NOT_FINITE;
            }
            self.bench.scheduler.commit(&plan, &mut sampled, &mut updates);
        }
        self.bench.scheduler.audit();
        for update in updates {
            let at = self.live.iter().position(|(id, _)| *id == update.id.0);
            let at = at.expect("updates are for live requests");
            if update.finish.is_some() {
                self.live.remove(at);
            }
        }
        let stats = self.bench.scheduler.stats();
        assert_eq!(stats.num_running + stats.num_waiting, self.live.len());
        let blocks = stats.num_free_blocks + stats.num_cached_blocks + stats.num_live_blocks;
        assert_eq!(blocks, stats.num_blocks, "free + cached + live = total");
    }

    fn check_plan(&mut self) {
        let plan = &self.bench.plan;
        let ids: HashSet<_> = plan.seqs.iter().map(|seq| seq.id).collect();
        assert_eq!(ids.len(), plan.seqs.len(), "each sequence once");
        assert!(plan.seqs.iter().all(|seq| seq.len > 0));
        let num_tokens: usize = plan.seqs.iter().map(|seq| seq.len as usize).sum();
        assert_eq!(num_tokens, plan.num_tokens);
        assert!(num_tokens <= self.config.max_num_batched_tokens, "budget");
        assert!(plan.seqs.len() <= self.config.max_num_seqs);
        assert!(plan.admitted.iter().all(|admission| ids.contains(&admission.id)));
        for id in &plan.preempted {
            assert!(!ids.contains(id), "preempted and planned");
            let (_, count) =
                self.live.iter_mut().find(|(live, _)| *live == id.0).expect("victims are live");
            *count += 1;
            assert!(*count <= self.config.max_preemptions, "{id} is preempted too often");
        }
    }

    /// Slots are written once and alone, and every token attended to is the right one. Each
    /// token stands for itself here; that its whole prefix is right follows from reading all.
    fn check_input(&mut self) {
        let World { bench, kv, tenants, .. } = self;
        let input = &bench.input;
        let slots: HashSet<_> = input.slot_mapping.iter().collect();
        assert_eq!(slots.len(), input.num_tokens(), "slots are written once");
        let samplers: HashSet<_> = input.sample.iter().map(|row| row.slot).collect();
        assert_eq!(samplers.len(), input.sample.len(), "sampler slots are used once");
        let written: HashSet<u32> =
            input.slot_mapping.iter().map(|slot| slot / BLOCK_SIZE as u32).collect();
        let mut holders: HashMap<u32, usize> = HashMap::new();
        input.block_tables.iter().for_each(|block| *holders.entry(*block).or_default() += 1);
        assert!(written.iter().all(|block| holders[block] == 1), "written blocks are private");
        let mut token_ids = input.token_ids.clone();
        input.deferred.iter().for_each(|at| token_ids[at.token_idx as usize] = TOKEN);
        for ((token, slot), seq) in token_ids.iter().zip(&input.slot_mapping).zip(rows(input)) {
            kv.insert(*slot, (tenants[&bench.plan.seqs[seq].id.0], *token));
        }
        for (seq, planned) in bench.plan.seqs.iter().enumerate() {
            let table = &input.block_tables
                [input.block_table_start[seq] as usize..input.block_table_start[seq + 1] as usize];
            for (position, token) in bench.scheduler.tokens(planned).iter().enumerate() {
                let slot = table[position / BLOCK_SIZE] * BLOCK_SIZE as u32
                    + (position % BLOCK_SIZE) as u32;
                assert_eq!(kv.get(&slot), Some(&(tenants[&planned.id.0], *token)));
            }
        }
    }
}

/// The sequence of each of the step's tokens.
fn rows(input: &StepInput) -> impl Iterator<Item = usize> {
    (0..input.num_seqs()).flat_map(|seq| {
        let len = input.query_start_loc[seq + 1] - input.query_start_loc[seq];
        std::iter::repeat_n(seq, len as usize)
    })
}

impl Scheduler {
    /// The tokens whose KV exists once the planned step is done.
    fn tokens(&self, planned: &PlannedSeq) -> Vec<TokenId> {
        let idx = self.seqs.live_idx(planned.key).expect("planned a moment ago");
        let mut tokens = self.seqs.get(idx).tokens.clone();
        tokens.resize((planned.start + planned.len) as usize, TOKEN);
        tokens
    }
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(800) })]

    #[test]
    fn every_history_keeps_the_invariants(
        config in any_config(),
        ops in prop::collection::vec(op(), 1..150),
    ) {
        let mut world = World {
            bench: Bench::new(config.clone()),
            config,
            in_flight: VecDeque::new(),
            live: Vec::new(),
            next_id: 0,
            kv: HashMap::new(),
            tenants: HashMap::new(),
        };
        for op in ops {
            match op {
                Op::Submit { text, len, max_tokens, priority, tenant } => {
                    let mut request = with_priority(priority, request(text, len));
                    request.stop.max_tokens = max_tokens;
                    request.cache_salt = CacheSalt(tenant.then(|| "tenant".into()));
                    world.submit(request);
                }
                Op::Abort { nth } => world.abort(nth),
                Op::Step { abort, fails, ahead } => world.step(abort, fails, ahead),
            }
        }
        // No livelock: each step computes a token, and none is computed more often than the
        // bound on preemptions allows.
        let lives = world.live.len() * (1 + world.config.max_preemptions as usize);
        for _ in 0..=lives * world.config.max_model_len {
            world.step(None, None, true);
        }
        while !world.in_flight.is_empty() {
            world.settle(None);
        }
        prop_assert!(world.live.is_empty() && world.bench.scheduler.is_idle());
        prop_assert_eq!(world.bench.scheduler.stats().num_live_blocks, 0);
    }
}
