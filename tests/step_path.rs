//! A step allocates nothing: the real engine, scheduler, model and device, with every allocation of
//! the engine thread counted between one launch and the next. With one step in flight and with two.
//! The GPU is the emulated MI300X, whose library has an allocator of its own that is not counted.

mod counting_allocator;
mod emulator;
mod local_model;
mod server_process;

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use backend::KvDType;
use counting_allocator::num_allocations;
use engine::{EngineObserver, ExecError, Executor, ExecutorLimits, RequestStats, StepReport};
use engine::{RequestStream, TokenTiming};
use hip::{HipConfig, HipDevice};
use local_model::ahead::RunAhead;
use local_model::{Sizes, greedy};
use server_process::golden;
use types::{EngineRequest, FinishReason, Sampled, SamplingParams, StepCounts, StepInput, TokenId};

/// Steps before the first count: the first one touches the thread's own lazily made state.
const WARM_UP_STEPS: usize = 1;

/// Most steps of one run here.
const MAX_STEPS: usize = 4096;

/// What the engine thread had allocated when it launched a step, and what the step was.
#[derive(Clone, Copy)]
struct Launch {
    num_allocations: usize,
    num_tokens: usize,
    num_seqs: usize,
    num_admitted: usize,
    /// Captures before it: a step of a new shape makes a graph, which is kept.
    num_captured: u64,
}

/// Passes steps on and notes each launch.
struct Metered<E> {
    inner: E,
    launches: Arc<Mutex<Vec<Launch>>>,
    num_dispatched: Arc<AtomicUsize>,
}

impl<E: Executor> Executor for Metered<E> {
    fn limits(&self) -> ExecutorLimits {
        self.inner.limits()
    }

    fn launch(&mut self, input: &StepInput) -> Result<(), ExecError> {
        let mut launches = self.launches.lock().expect("no test panicked here");
        // An engine far ahead waits for its dispatcher, and a thread that waits for the first time
        // makes its waker. That is not the step path. Steps in flight have nothing to dispatch yet.
        let max_in_flight = self.limits().max_in_flight;
        while self.num_dispatched.load(Ordering::Acquire) + max_in_flight <= launches.len() {
            std::thread::yield_now();
        }
        assert!(launches.len() < MAX_STEPS, "the notes would grow");
        launches.push(Launch {
            num_allocations: num_allocations(),
            num_tokens: input.num_tokens(),
            num_seqs: input.num_seqs(),
            num_admitted: input.admitted.len(),
            num_captured: self.inner.step_counts().captured,
        });
        drop(launches);
        self.inner.launch(input)
    }

    fn collect(&mut self, sampled: &mut Vec<Sampled>) -> Result<(), ExecError> {
        self.inner.collect(sampled)
    }

    fn step_counts(&self) -> StepCounts {
        self.inner.step_counts()
    }
}

struct StepCounter(Arc<AtomicUsize>);

impl EngineObserver for StepCounter {
    fn on_step(&mut self, _: &StepReport) {
        self.0.fetch_add(1, Ordering::Release);
    }
    fn on_token(&mut self, _: TokenTiming) {}
    fn on_finish(&mut self, _: &FinishReason, _: &RequestStats) {}
}

/// Runs all requests to their ends and returns the launches.
fn launches(sizes: Sizes, max_in_flight: usize, requests: Vec<EngineRequest>) -> Vec<Launch> {
    let mut executor = local_model::executor(&golden("llama"), sizes);
    executor.warm_up(&|_| ()).expect("the warm-up runs");
    match max_in_flight {
        1 => launches_of(executor, sizes, requests),
        _ => launches_of(RunAhead::new(executor), sizes, requests),
    }
}

fn launches_of(
    executor: impl Executor + 'static,
    sizes: Sizes,
    requests: Vec<EngineRequest>,
) -> Vec<Launch> {
    let launches = Arc::new(Mutex::new(Vec::with_capacity(MAX_STEPS)));
    let num_dispatched = Arc::new(AtomicUsize::new(0));
    let metered = Metered {
        inner: executor,
        launches: launches.clone(),
        num_dispatched: num_dispatched.clone(),
    };
    let config = local_model::engine_config(sizes);
    let observer = Box::new(StepCounter(num_dispatched));
    let engine = engine::start(Box::new(metered), config, observer).expect("it starts");
    let mut streams: Vec<RequestStream> = engine.submit(requests).expect("the queue has room");
    let runtime = tokio::runtime::Builder::new_current_thread().build().expect("a runtime");
    runtime.block_on(async {
        for stream in &mut streams {
            local_model::collect(stream).await;
        }
    });
    let launches = launches.lock().expect("no test panicked here");
    launches.clone()
}

/// Prompts longer than a step, greedy and sampled.
fn requests() -> Vec<EngineRequest> {
    let prompt = |seed: u32| -> Vec<TokenId> { (0..150).map(|i| 3 + (i * seed) % 300).collect() };
    let sampled = SamplingParams {
        temperature: 0.8,
        top_p: 0.9,
        top_k: 40,
        min_p: 0.01,
        seed: 7,
        ..SamplingParams::default()
    };
    let sampled = EngineRequest { sampling: sampled.into(), ..greedy(&prompt(11), 250) };
    vec![greedy(&prompt(5), 250), sampled, greedy(&prompt(7), 250)]
}

/// Allocations of the engine thread from each step's launch to the next one's, where nobody came
/// or went between them: `(new tokens, sequences, allocations)`. With two steps in flight, who went
/// with a step is told its end after the next one's launch.
fn steady_steps(launches: &[Launch], max_in_flight: usize) -> Vec<(usize, usize, usize)> {
    let runs = launches.windows(1 + max_in_flight).skip(WARM_UP_STEPS);
    runs.filter(|run| {
        run.iter().all(|launch| {
            launch.num_admitted == 0
                && launch.num_seqs == run[0].num_seqs
                && launch.num_captured == run[0].num_captured
        })
    })
    .map(|run| {
        let [.., last, next] = run else { panic!("two launches or more") };
        (last.num_tokens, last.num_seqs, next.num_allocations - last.num_allocations)
    })
    .collect()
}

#[test]
fn steady_steps_allocate_nothing() {
    for (num_threads, prefix_caching, max_in_flight) in
        [(1, true, 1), (2, true, 1), (1, false, 1), (1, true, 2)]
    {
        let sizes = Sizes {
            max_num_seqs: 4,
            max_num_batched_tokens: 16,
            num_blocks: 100,
            max_model_len: 512,
            num_threads,
            prefix_caching,
            ..Sizes::default()
        };
        let steps = steady_steps(&launches(sizes, max_in_flight, requests()), max_in_flight);
        let (prefills, decodes): (Vec<_>, Vec<_>) =
            steps.into_iter().partition(|(num_tokens, num_seqs, _)| num_tokens > num_seqs);
        assert!(prefills.len() >= 15, "only {} steps were chunks of prompts", prefills.len());
        assert!(decodes.len() >= 200, "only {} steps were pure decodes", decodes.len());
        let how = format!("{num_threads} threads, {max_in_flight} in flight");
        assert_nothing_allocated(&how, &[("prefill", prefills), ("decode", decodes)]);
    }
}

/// Prompts of some steps; greedy alone, since what samples is the same on the host.
#[test]
fn steady_steps_on_a_gpu_allocate_nothing() {
    for max_graphs in [0, 64] {
        let library = Some(emulator::emulator().into());
        let config = HipConfig { library, max_graphs, ..HipConfig::default() };
        let device = HipDevice::new(&config).expect("the emulator starts");
        let sizes = Sizes {
            max_num_seqs: 2,
            max_num_batched_tokens: 8,
            num_blocks: 40,
            max_model_len: 256,
            kv_dtype: KvDType::BF16,
            ..Sizes::default()
        };
        let mut executor = local_model::executor_on(device, &golden("llama"), sizes);
        executor.warm_up(&|_| ()).expect("the warm-up runs");
        let max_in_flight = executor.limits().max_in_flight;
        let prompt =
            |seed: u32| -> Vec<TokenId> { (0..60).map(|i| 3 + (i * seed) % 300).collect() };
        let requests = vec![greedy(&prompt(5), 50), greedy(&prompt(7), 50)];
        let steps = steady_steps(&launches_of(executor, sizes, requests), max_in_flight);
        let (prefills, decodes): (Vec<_>, Vec<_>) =
            steps.into_iter().partition(|(num_tokens, num_seqs, _)| num_tokens > num_seqs);
        assert!(prefills.len() >= 3, "only {} steps were chunks of prompts", prefills.len());
        assert!(decodes.len() >= 30, "only {} steps were pure decodes", decodes.len());
        let how = format!("a GPU, {max_graphs} graphs, {max_in_flight} in flight");
        assert_nothing_allocated(&how, &[("prefill", prefills), ("decode", decodes)]);
    }
}

/// `(new tokens, sequences, allocations)` of a step.
type CountedStep = (usize, usize, usize);

fn assert_nothing_allocated(how: &str, kinds: &[(&str, Vec<CountedStep>)]) {
    for (what, steps) in kinds {
        let guilty: Vec<_> =
            steps.iter().filter(|(_, _, num_allocations)| *num_allocations > 0).collect();
        assert!(
            guilty.is_empty(),
            "{} of {} {what} steps allocated on {how} (tokens, sequences, allocations): {guilty:?}",
            guilty.len(),
            steps.len()
        );
    }
}
