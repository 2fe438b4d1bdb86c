//! Two steps in flight: the order of calls, and that failures end whom they concern.

use engine::{EngineCore, Event, StepMessage};
use scheduler::{Scheduler, SchedulerConfig};
use types::RequestId;

use super::*;

/// What was asked of the executor, in order.
#[derive(Clone, Default)]
struct Calls(Arc<Mutex<Vec<String>>>);

impl Calls {
    /// A script that notes its calls and then does what `script` says.
    fn note(&self, what: &'static str, mut script: Script) -> Script {
        let calls = self.0.clone();
        Box::new(move |step| {
            calls.lock().unwrap().push(format!("{what} {step}"));
            script(step)
        })
    }

    fn take(&self) -> Vec<String> {
        std::mem::take(&mut self.0.lock().unwrap())
    }
}

fn fine() -> Script {
    Box::new(|_| Ok(()))
}

/// Succeeds except in step `at`.
fn fails(at: usize, error: ExecError) -> Script {
    Box::new(move |step| if step == at { Err(error.clone()) } else { Ok(()) })
}

fn step_error() -> ExecError {
    ExecError::Step("planted".into())
}

fn two_in_flight(on_launch: Script, on_collect: Script) -> (Scripted, Calls) {
    let calls = Calls::default();
    let mut executor = Scripted::new(calls.note("launch", on_launch), 8);
    executor.on_collect = calls.note("collect", on_collect);
    executor.max_in_flight = 2;
    (executor, calls)
}

/// The engine without its threads, so that a test decides what comes between which steps.
struct Bench {
    core: EngineCore,
    calls: Calls,
    message: StepMessage,
}

impl Bench {
    fn new(on_launch: Script, on_collect: Script) -> Self {
        let (executor, calls) = two_in_flight(on_launch, on_collect);
        let limits = executor.limits();
        let config = SchedulerConfig {
            max_num_seqs: limits.max_num_seqs,
            max_num_batched_tokens: limits.max_num_batched_tokens,
            max_model_len: limits.max_model_len,
            block_size: limits.block_size,
            num_blocks: limits.num_blocks,
            enable_prefix_caching: true,
            long_prefill_token_threshold: 0,
            policy: Policy::Fcfs,
            max_preemptions: 4,
            max_in_flight: limits.max_in_flight,
        };
        let core = EngineCore::new(Scheduler::new(config).unwrap(), Box::new(executor));
        Self { core, calls, message: StepMessage::default() }
    }

    fn submit(&mut self, id: u64, request: EngineRequest) {
        let now = std::time::Instant::now();
        self.core.submit(RequestId(id), request, now, &mut self.message);
    }

    fn launch(&mut self) -> Result<(), Arc<str>> {
        assert!(self.core.plan(), "there is something to do");
        self.core.launch(&mut self.message)
    }

    fn collect(&mut self) -> Vec<(u64, Option<u32>, bool)> {
        self.core.collect(&mut self.message).unwrap();
        self.events()
    }

    /// Request, token and whether it ended, of everything that has happened.
    fn events(&mut self) -> Vec<(u64, Option<u32>, bool)> {
        let short = |event: Event| {
            let token = event.token.map(|(sampled, _)| sampled.token);
            (event.id.0, token, event.finish.is_some())
        };
        let events = self.message.events.drain(..).map(short).collect();
        self.message.clear();
        self.core.audit();
        events
    }
}

#[tokio::test]
async fn a_step_is_launched_before_the_last_one_is_collected() {
    let (executor, calls) = two_in_flight(fine(), fine());
    let engine = start_observed(executor, Box::new(Counting::default()));
    let end = read(&mut submit(&engine, request(10, 3, 3))).await;
    assert_eq!(end, (vec![11, 12, 13], Some(FinishReason::Length)));
    let expected = ["launch 0", "launch 1", "collect 0", "launch 2", "collect 1", "collect 2"];
    assert_eq!(calls.take(), expected, "and nothing behind a step that is known to be the last");
}

#[tokio::test]
async fn a_sequence_that_stops_wastes_one_row() {
    let (executor, calls) = two_in_flight(fine(), fine());
    let observer = Counting::default();
    let engine = start_observed(executor, Box::new(observer.clone()));
    let (tokens, reason) = read(&mut submit(&engine, request(EOS - 2, 2, 9))).await;
    assert_eq!((tokens, reason), (vec![EOS - 1, EOS], Some(FinishReason::Stop(StopReason::Eos))));
    eventually("the wasted step is collected", || observer.num_steps.load(Ordering::Relaxed) == 3)
        .await;
    assert_eq!(calls.take().len(), 6, "three steps, each launched and collected");
    assert_eq!(observer.num_tokens.load(Ordering::Relaxed), 2);
}

#[tokio::test]
async fn tokens_are_published_while_the_next_step_runs() {
    let (gate, go) = gated();
    let (executor, calls) = two_in_flight(fine(), gate);
    let engine = start_observed(executor, Box::new(Counting::default()));
    let mut stream = submit(&engine, request(10, 3, 3));
    for token in [11, 12] {
        go.send(()).unwrap();
        let event = tokio::time::timeout(WAIT, stream.next()).await.expect("no hang").unwrap();
        assert_eq!(event.token.map(|sampled| sampled.token), Some(token));
    }
    assert!(calls.take().contains(&"launch 2".into()), "the last step waits to be collected");
    go.send(()).unwrap();
    assert_eq!(read(&mut stream).await, (vec![13], Some(FinishReason::Length)));
}

#[tokio::test]
async fn logits_that_are_not_finite_end_their_sequence_and_no_other() {
    for max_in_flight in [1, 2] {
        let (gate, go) = gated();
        let mut executor = Scripted::new(gate, 8);
        executor.max_in_flight = max_in_flight;
        let observer = Counting::default();
        let engine = start_observed(executor, Box::new(observer.clone()));
        // At the first token, at the third, never; together from the first step on.
        let requests = [BROKEN, BROKEN - 2, 10].map(|first| request(first, 2, 6)).to_vec();
        let mut streams = engine.submit(requests).unwrap();
        drop(go);
        let mut ends = Vec::new();
        for stream in &mut streams {
            ends.push(read(stream).await);
        }
        let lost = |output_idx| Some(FinishReason::NotFinite { output_idx });
        let expected = [
            (vec![], lost(0)),
            (vec![BROKEN - 1, BROKEN], lost(2)),
            (vec![11, 12, 13, 14, 15, 16], Some(FinishReason::Length)),
        ];
        assert_eq!(ends, expected, "{max_in_flight} in flight");
        engine.drained().await;
        assert_eq!(observer.num_tokens.load(Ordering::Relaxed), 8, "{max_in_flight} in flight");
        eventually("blocks return", || engine.load().kv_usage == 0.0).await;
        assert_eq!(engine.health().state, EngineState::Running);
    }
}

#[test]
fn a_step_that_fails_leaves_the_one_behind_it_to_the_others() {
    let mut bench = Bench::new(fine(), fails(0, step_error()));
    bench.submit(1, request(10, 2, 8));
    bench.launch().unwrap();
    bench.submit(2, request(20, 2, 8));
    bench.launch().unwrap();
    assert_eq!(bench.collect(), [(1, None, true)]);
    assert_eq!(bench.collect(), [(2, Some(21), false)]);
    bench.launch().unwrap();
    assert_eq!(bench.collect(), [(2, Some(22), false)]);
}

#[test]
fn a_launch_that_fails_is_settled_after_the_step_before_it() {
    let mut bench = Bench::new(fails(1, step_error()), fine());
    bench.submit(1, request(10, 2, 8));
    bench.launch().unwrap();
    bench.launch().unwrap();
    assert!(!bench.core.may_plan(), "two are in flight");
    assert_eq!(bench.collect(), [(1, Some(11), false)]);
    assert!(!bench.core.plan(), "nothing follows a step that never ran");
    assert_eq!(bench.collect(), [(1, None, true)]);
    assert!(bench.core.is_idle());
    assert_eq!(bench.calls.take(), ["launch 0", "launch 1", "collect 0"]);
    bench.submit(2, request(20, 2, 1));
    bench.launch().unwrap();
    assert_eq!(bench.collect(), [(2, Some(21), true)]);
}

#[test]
fn a_lost_executor_is_asked_for_nothing_more() {
    let lost = ExecError::Fatal("device gone".into());
    let mut bench = Bench::new(fine(), fails(0, lost.clone()));
    bench.submit(1, request(10, 2, 8));
    bench.launch().unwrap();
    bench.launch().unwrap();
    assert_eq!(bench.core.collect(&mut bench.message).unwrap_err(), "device gone".into());
    assert_eq!(bench.events(), [(1, None, true)]);
    bench.core.end_all(FinishReason::Abort, &mut bench.message);
    assert_eq!(bench.calls.take(), ["launch 0", "launch 1", "collect 0"]);

    let mut bench = Bench::new(fails(1, lost), fine());
    bench.submit(1, request(10, 2, 8));
    bench.launch().unwrap();
    assert_eq!(bench.launch().unwrap_err(), "device gone".into());
    assert_eq!(bench.events(), [(1, None, true)]);
    assert!(bench.core.is_idle());
    assert_eq!(bench.calls.take(), ["launch 0", "launch 1"]);
}

#[test]
fn a_panic_with_a_step_in_flight_is_a_lost_executor() {
    let panics = |at| -> Script {
        Box::new(move |step| {
            assert_ne!(step, at, "planted panic");
            Ok(())
        })
    };
    let mut bench = Bench::new(panics(1), fine());
    bench.submit(1, request(10, 2, 8));
    bench.launch().unwrap();
    assert!(bench.launch().unwrap_err().contains("planted panic"));
    assert_eq!(bench.events(), [(1, None, true)]);

    let mut bench = Bench::new(fine(), panics(0));
    bench.submit(1, request(10, 2, 8));
    bench.launch().unwrap();
    bench.launch().unwrap();
    assert!(bench.core.collect(&mut bench.message).unwrap_err().contains("planted panic"));
    assert_eq!(bench.events(), [(1, None, true)]);
}

#[test]
fn the_end_of_all_requests_waits_for_the_steps_in_flight() {
    let mut bench = Bench::new(fine(), fine());
    bench.submit(1, request(10, 2, 8));
    bench.launch().unwrap();
    bench.launch().unwrap();
    bench.core.end_all(FinishReason::Abort, &mut bench.message);
    assert_eq!(bench.events(), [(1, None, true)]);
    assert!(bench.core.is_idle());
    assert_eq!(bench.calls.take(), ["launch 0", "launch 1", "collect 0", "collect 1"]);
}

#[test]
fn durations_of_overlapping_steps_do_not() {
    let start = std::time::Instant::now();
    let mut bench = Bench::new(fine(), fine());
    bench.submit(1, request(10, 2, 20));
    bench.launch().unwrap();
    let mut total = Duration::ZERO;
    for _ in 0..10 {
        bench.launch().unwrap();
        bench.core.collect(&mut bench.message).unwrap();
        let report = bench.message.report.expect("a step ran");
        assert!(report.execute <= report.duration, "{report:?}");
        total += report.duration;
        bench.events();
    }
    assert!(total <= start.elapsed(), "{total:?}");
}
