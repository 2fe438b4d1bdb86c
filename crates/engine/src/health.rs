//! The heartbeat: what the engine thread is doing now, readable without a lock.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use tokio::sync::watch;

use crate::report::EngineLoad;

/// The engine's life, coarse.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum EngineState {
    /// Taking requests.
    Running,
    /// Finishing what it has, refusing new requests.
    Draining,
    /// Stopped on request.
    Stopped,
    /// Beyond use, with the cause.
    Dead(Arc<str>),
}

/// A snapshot for health endpoints.
#[derive(Clone, Debug)]
pub struct EngineHealth {
    /// The coarse state.
    pub state: EngineState,
    /// How long the engine thread has been planning, launching and waiting for the oldest step in
    /// flight; `None` when idle or between these turns. Each turn waits for one step at most.
    pub step_age: Option<Duration>,
    /// When that turn began, from the engine's start on: tells one turn from the next.
    pub step_began: Option<Duration>,
}

/// Written by the engine thread and by submitters, read by anyone.
pub(crate) struct Vitals {
    epoch: Instant,
    /// Microseconds since `epoch` at which the current turn began, plus one; 0 between turns.
    step_started: AtomicU64,
    pub(crate) state: watch::Sender<EngineState>,
    /// Requests submitted and never admitted so far.
    pub(crate) num_queued: AtomicUsize,
    /// Requests submitted whose end has not been delivered.
    pub(crate) num_open: AtomicUsize,
    num_running: AtomicUsize,
    /// Sequences whose blocks were taken back and that wait to be admitted again.
    num_preempted: AtomicUsize,
    kv_usage_ppm: AtomicUsize,
}

impl Vitals {
    pub(crate) fn new() -> Self {
        Self {
            epoch: Instant::now(),
            step_started: AtomicU64::new(0),
            state: watch::Sender::new(EngineState::Running),
            num_queued: AtomicUsize::new(0),
            num_open: AtomicUsize::new(0),
            num_running: AtomicUsize::new(0),
            num_preempted: AtomicUsize::new(0),
            kv_usage_ppm: AtomicUsize::new(0),
        }
    }

    /// Notes how the engine ends. The first end stands: one that died is not stopped later.
    pub(crate) fn end(&self, end: EngineState) {
        self.state.send_if_modified(|state| {
            let lives = matches!(state, EngineState::Running | EngineState::Draining);
            if lives {
                *state = end;
            }
            lives
        });
    }

    pub(crate) fn step_begins(&self) {
        let micros = self.epoch.elapsed().as_micros() as u64;
        self.step_started.store(micros + 1, Ordering::Relaxed);
    }

    pub(crate) fn step_ends(&self, running: usize, preempted: usize, kv_usage: f32) {
        self.step_started.store(0, Ordering::Relaxed);
        self.num_running.store(running, Ordering::Relaxed);
        self.num_preempted.store(preempted, Ordering::Relaxed);
        self.kv_usage_ppm.store((kv_usage * 1e6) as usize, Ordering::Relaxed);
    }

    pub(crate) fn health(&self) -> EngineHealth {
        let started = self.step_started.load(Ordering::Relaxed);
        let now = self.epoch.elapsed();
        let step_began = (started != 0).then(|| Duration::from_micros(started - 1));
        EngineHealth {
            state: self.state.borrow().clone(),
            step_age: step_began.map(|began| now.saturating_sub(began)),
            step_began,
        }
    }

    pub(crate) fn load(&self) -> EngineLoad {
        EngineLoad {
            num_running: self.num_running.load(Ordering::Relaxed),
            num_waiting: self.num_queued.load(Ordering::Relaxed)
                + self.num_preempted.load(Ordering::Relaxed),
            kv_usage: self.kv_usage_ppm.load(Ordering::Relaxed) as f32 / 1e6,
            num_open: self.num_open.load(Ordering::Relaxed),
        }
    }
}
