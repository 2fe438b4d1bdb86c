//! The engine's threads with a scripted executor: every request ends exactly once, whatever
//! happens below.
#![allow(clippy::unwrap_used, reason = "a failed test says where")]

mod ahead;
mod panics;

use std::collections::VecDeque;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use engine::{
    EngineConfig, EngineHandle, EngineObserver, EngineState, ExecError, Executor, ExecutorLimits,
    MAX_STEP_MESSAGES, Policy, RequestStats, RequestStream, StepReport, SubmitError, TokenTiming,
};
use types::{
    CacheSalt, EngineRequest, FinishReason, NO_TOKEN, Sampled, SamplingParams, StepCounts,
    StepInput, StopConditions, StopReason,
};

const EOS: u32 = 999;
const WAIT: Duration = Duration::from_secs(20);

/// What the executor does with its n-th launch or collection.
type Script = Box<dyn FnMut(usize) -> Result<(), ExecError> + Send>;

/// A token after which no logits are finite.
const BROKEN: u32 = 700;

fn next_token(token: u32) -> u32 {
    // Behind a row without a token there is one that nobody asks for.
    if token == BROKEN { NO_TOKEN } else { token.wrapping_add(1) }
}

/// Samples [`next_token`] of the row's last token, so outputs are predictable.
struct Scripted {
    on_launch: Script,
    on_collect: Script,
    max_num_seqs: usize,
    max_in_flight: usize,
    num_launched: usize,
    num_collected: usize,
    /// Tokens of the steps in flight.
    in_flight: VecDeque<Vec<u32>>,
    /// Last sampled token by sampler slot.
    last: Vec<u32>,
    /// Panics where the engine does not expect it of an executor.
    panics_when_counted: bool,
}

impl Scripted {
    fn new(on_launch: Script, max_num_seqs: usize) -> Self {
        Self {
            on_launch,
            on_collect: Box::new(|_| Ok(())),
            max_num_seqs,
            max_in_flight: 1,
            num_launched: 0,
            num_collected: 0,
            in_flight: VecDeque::new(),
            last: vec![0; max_num_seqs],
            panics_when_counted: false,
        }
    }
}

impl Executor for Scripted {
    fn limits(&self) -> ExecutorLimits {
        ExecutorLimits {
            max_num_seqs: self.max_num_seqs,
            max_num_batched_tokens: 32,
            max_model_len: 64,
            block_size: 8,
            num_blocks: 64,
            vocab_size: 1000,
            max_in_flight: self.max_in_flight,
        }
    }

    fn launch(&mut self, input: &StepInput) -> Result<(), ExecError> {
        assert!(self.in_flight.len() < self.max_in_flight, "launched too early");
        self.num_launched += 1;
        (self.on_launch)(self.num_launched - 1)?;
        let mut token_ids = input.token_ids.clone();
        for deferred in &input.deferred {
            assert!(!self.in_flight.is_empty(), "nobody samples what is deferred");
            token_ids[deferred.token_idx as usize] = self.last[deferred.slot.0 as usize];
        }
        let rows = input.logits_indices.iter();
        let tokens: Vec<u32> = rows.map(|row| next_token(token_ids[*row as usize])).collect();
        for (row, token) in input.sample.iter().zip(&tokens) {
            self.last[row.slot.0 as usize] = *token;
        }
        self.in_flight.push_back(tokens);
        Ok(())
    }

    fn collect(&mut self, sampled: &mut Vec<Sampled>) -> Result<(), ExecError> {
        let tokens = self.in_flight.pop_front().expect("collects only what was launched");
        self.num_collected += 1;
        (self.on_collect)(self.num_collected - 1)?;
        sampled.extend(tokens.into_iter().map(|token| Sampled { token, logprobs: None }));
        Ok(())
    }

    fn step_counts(&self) -> StepCounts {
        assert!(!self.panics_when_counted, "planted panic");
        StepCounts::default()
    }
}

#[derive(Clone, Default)]
struct Counting {
    num_steps: Arc<AtomicUsize>,
    num_tokens: Arc<AtomicUsize>,
    finishes: Arc<Mutex<Vec<(FinishReason, RequestStats)>>>,
}

impl EngineObserver for Counting {
    fn on_step(&mut self, _: &StepReport) {
        self.num_steps.fetch_add(1, Ordering::Relaxed);
    }
    fn on_token(&mut self, _: TokenTiming) {
        self.num_tokens.fetch_add(1, Ordering::Relaxed);
    }
    fn on_finish(&mut self, reason: &FinishReason, stats: &RequestStats) {
        self.finishes.lock().unwrap().push((reason.clone(), stats.clone()));
    }
}

fn start_with(script: Script, max_num_seqs: usize) -> (EngineHandle, Counting) {
    let observer = Counting::default();
    (start_observed(Scripted::new(script, max_num_seqs), Box::new(observer.clone())), observer)
}

fn start_observed(executor: Scripted, observer: Box<dyn EngineObserver>) -> EngineHandle {
    let config = EngineConfig {
        max_num_queued_reqs: 4,
        enable_prefix_caching: true,
        long_prefill_token_threshold: 0,
        policy: Policy::Fcfs,
        max_preemptions: 4,
    };
    engine::start(Box::new(executor), config, observer).unwrap()
}

fn start(script: Script) -> (EngineHandle, Counting) {
    start_with(script, 8)
}

fn request(first: u32, num_prompt: usize, max_tokens: u32) -> EngineRequest {
    EngineRequest {
        prompt: vec![first; num_prompt].into(),
        sampling: SamplingParams::greedy().into(),
        stop: StopConditions { max_tokens, eos_token_ids: vec![EOS], stop_token_ids: vec![500] },
        priority: 0,
        cache_salt: CacheSalt::default(),
    }
}

fn submit(engine: &EngineHandle, request: EngineRequest) -> RequestStream {
    engine.submit(vec![request]).expect("the queue has room").remove(0)
}

/// All tokens and the finish reason; `None` if the stream ended without a finish.
async fn read(stream: &mut RequestStream) -> (Vec<u32>, Option<FinishReason>) {
    let mut tokens = Vec::new();
    while let Some(event) = tokio::time::timeout(WAIT, stream.next()).await.expect("no hang") {
        tokens.extend(event.token.map(|sampled| sampled.token));
        if let Some((reason, _)) = event.finish {
            assert!(stream.next().await.is_none(), "nothing follows the finish");
            return (tokens, Some(reason));
        }
    }
    (tokens, None)
}

async fn eventually(what: &str, mut holds: impl FnMut() -> bool) {
    let deadline = std::time::Instant::now() + WAIT;
    while !holds() {
        assert!(std::time::Instant::now() < deadline, "never happened: {what}");
        tokio::time::sleep(Duration::from_millis(2)).await;
    }
}

/// A script that waits for a word before each step.
fn gated() -> (Script, Sender<()>) {
    let (go, gate): (Sender<()>, Receiver<()>) = channel();
    let script = move |_| {
        // A dropped sender opens the gate for good.
        let _ = gate.recv();
        Ok(())
    };
    (Box::new(script), go)
}

#[tokio::test]
async fn tokens_arrive_in_order_and_the_account_adds_up() {
    let (engine, observer) = start(Box::new(|_| Ok(())));
    let (tokens, reason) = read(&mut submit(&engine, request(10, 3, 4))).await;
    assert_eq!(tokens, [11, 12, 13, 14]);
    assert_eq!(reason, Some(FinishReason::Length));
    engine.drained().await;
    let finishes = observer.finishes.lock().unwrap();
    let (_, stats) = &finishes[0];
    assert_eq!((stats.num_prompt_tokens, stats.num_output_tokens, stats.max_tokens), (3, 4, 4));
    assert!(stats.e2e_time >= stats.queue_time + stats.prefill_time + stats.decode_time);
    assert_eq!(observer.num_tokens.load(Ordering::Relaxed), 4);
}

#[tokio::test]
async fn stop_tokens_end_a_sequence() {
    let (engine, _) = start(Box::new(|_| Ok(())));
    let (tokens, reason) = read(&mut submit(&engine, request(EOS - 2, 2, 9))).await;
    assert_eq!((tokens, reason), (vec![EOS - 1, EOS], Some(FinishReason::Stop(StopReason::Eos))));
    let (_, reason) = read(&mut submit(&engine, request(499, 2, 9))).await;
    assert_eq!(reason, Some(FinishReason::Stop(StopReason::Token(500))));
}

#[tokio::test]
async fn the_queue_refuses_at_its_limit_and_takes_a_group_whole_or_not() {
    let (script, go) = gated();
    let (engine, _) = start_with(script, 1);
    let mut streams = vec![submit(&engine, request(1, 2, 1))];
    eventually("the first request runs", || engine.load().num_waiting == 0).await;
    streams.extend(engine.submit(vec![request(1, 2, 1); 3]).unwrap());
    let refused = engine.submit(vec![request(1, 2, 1); 2]).err();
    assert_eq!(refused, Some(SubmitError::QueueFull { num_queued: 3, limit: 4 }));
    streams.push(submit(&engine, request(1, 2, 1)));
    assert_eq!(engine.load().num_waiting, 4);
    drop(go);
    for stream in &mut streams {
        assert_eq!(read(stream).await.1, Some(FinishReason::Length));
    }
    eventually("the queue empties", || engine.load().num_waiting == 0).await;
}

#[tokio::test]
async fn a_dropped_stream_gives_everything_back() {
    let (script, go) = gated();
    let (engine, observer) = start_with(script, 1);
    let running = submit(&engine, request(1, 20, 40));
    eventually("it runs", || engine.load().num_waiting == 0).await;
    let queued = submit(&engine, request(2, 20, 40));
    drop((running, queued));
    go.send(()).unwrap();
    tokio::time::timeout(WAIT, engine.drained()).await.expect("aborts within a step");
    // The load is published before the ends of requests are.
    let load = engine.load();
    assert_eq!((load.num_waiting, load.num_open, load.kv_usage), (0, 0, 0.0));
    let finishes = observer.finishes.lock().unwrap();
    assert!(finishes.iter().take(2).all(|(reason, _)| *reason == FinishReason::Abort));
}

#[tokio::test]
async fn a_failed_step_ends_its_sequences_and_no_others() {
    let script = |step| match step {
        1 => Err(ExecError::Step("planted".into())),
        _ => Ok(()),
    };
    let (engine, _) = start(Box::new(script));
    let (tokens, reason) = read(&mut submit(&engine, request(10, 2, 8))).await;
    assert_eq!(tokens, [11]);
    assert!(matches!(reason, Some(FinishReason::Error(_))), "{reason:?}");
    let (tokens, reason) = read(&mut submit(&engine, request(10, 2, 2))).await;
    assert_eq!((tokens, reason), (vec![11, 12], Some(FinishReason::Length)));
    assert_eq!(engine.health().state, EngineState::Running);
}

async fn dies_of(script: Script, cause: &str) {
    let (engine, observer) = start(script);
    let mut streams = engine.submit(vec![request(10, 2, 8), request(20, 2, 8)]).unwrap();
    for stream in &mut streams {
        let (_, reason) = read(stream).await;
        assert!(matches!(reason, Some(FinishReason::Error(_)) | None), "{reason:?}");
    }
    let mut state = engine.watch_state();
    let dead = state.wait_for(|state| matches!(state, EngineState::Dead(_))).await.unwrap();
    let EngineState::Dead(reason) = &*dead else { panic!("waited for Dead") };
    assert!(reason.contains(cause), "{reason}");
    assert!(matches!(engine.submit(vec![request(1, 1, 1)]), Err(SubmitError::Dead(_))));
    tokio::time::timeout(WAIT, engine.drained()).await.expect("no account stays open");
    let ends = observer.finishes.lock().unwrap().len();
    assert!(ends <= 2, "each request ends at most once, saw {ends}");
}

#[tokio::test]
async fn a_lost_executor_ends_everything_and_says_so() {
    let script = |step| match step {
        2 => Err(ExecError::Fatal("device gone".into())),
        _ => Ok(()),
    };
    dies_of(Box::new(script), "device gone").await;
}

#[tokio::test]
async fn a_panic_in_the_executor_is_a_lost_executor() {
    let script = |step: usize| -> Result<(), ExecError> {
        assert_ne!(step, 1, "planted panic");
        Ok(())
    };
    dies_of(Box::new(script), "planted panic").await;
}

#[tokio::test]
async fn draining_refuses_new_requests_and_finishes_old_ones() {
    let (script, go) = gated();
    let (engine, _) = start(script);
    let mut stream = submit(&engine, request(10, 2, 3));
    engine.begin_drain();
    assert_eq!(engine.submit(vec![request(1, 1, 1)]).err(), Some(SubmitError::Draining));
    drop(go);
    assert_eq!(read(&mut stream).await, (vec![11, 12, 13], Some(FinishReason::Length)));
    tokio::time::timeout(WAIT, engine.drained()).await.expect("drained");
}

#[tokio::test]
async fn shutdown_ends_every_request() {
    let (script, go) = gated();
    let (engine, _) = start_with(script, 1);
    let mut streams = engine.submit(vec![request(10, 2, 60), request(20, 2, 60)]).unwrap();
    engine.shutdown();
    drop(go);
    for stream in &mut streams {
        let (_, reason) = read(stream).await;
        assert!(matches!(reason, Some(FinishReason::Abort)), "{reason:?}");
    }
    assert_eq!(engine.submit(vec![request(1, 1, 1)]).err(), Some(SubmitError::Draining));
}

#[tokio::test]
async fn a_hung_step_shows_in_the_heartbeat() {
    let (script, go) = gated();
    let (engine, _) = start(script);
    assert!(engine.health().step_age.is_none(), "idle");
    let mut stream = submit(&engine, request(10, 2, 1));
    let hung = Duration::from_millis(20);
    eventually("the step ages", || engine.health().step_age.is_some_and(|age| age > hung)).await;
    drop(go);
    read(&mut stream).await;
    eventually("the step ends", || engine.health().step_age.is_none()).await;
}

/// Looks at how far the engine is ahead, and at first waits until it can get no further.
struct Slow {
    num_executed: Arc<AtomicUsize>,
    num_observed: usize,
    lead: Arc<AtomicUsize>,
}

impl EngineObserver for Slow {
    fn on_step(&mut self, _: &StepReport) {
        let deadline = std::time::Instant::now() + WAIT;
        let lead = || self.num_executed.load(Ordering::SeqCst) - self.num_observed;
        while self.num_observed == 0
            && lead() < MAX_STEP_MESSAGES
            && std::time::Instant::now() < deadline
        {
            std::thread::yield_now();
        }
        self.lead.fetch_max(lead(), Ordering::SeqCst);
        self.num_observed += 1;
    }
    fn on_token(&mut self, _: TokenTiming) {}
    fn on_finish(&mut self, _: &FinishReason, _: &RequestStats) {}
}

#[tokio::test]
async fn an_engine_too_far_ahead_of_its_dispatcher_waits() {
    let (num_executed, lead) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(0)));
    let observer = Slow { num_executed: num_executed.clone(), num_observed: 0, lead: lead.clone() };
    let script = move |_| {
        num_executed.fetch_add(1, Ordering::SeqCst);
        Ok(())
    };
    let engine = start_observed(Scripted::new(Box::new(script), 8), Box::new(observer));
    let mut stream = submit(&engine, request(1, 1, 60));
    let (tokens, finish) = read(&mut stream).await;
    assert_eq!((tokens.len(), finish), (60, Some(FinishReason::Length)));
    assert_eq!(lead.load(Ordering::SeqCst), MAX_STEP_MESSAGES);
}
