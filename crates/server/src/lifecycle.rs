//! The server's life: loading, ready, leaving, draining, dead. One shared object that the loader writes and
//! every handler reads.
//!
//! Reading takes a lock that is only ever held to copy a pointer, never together with another one;
//! nothing here waits for the engine.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use engine::{EngineObserver, EngineState};
use tokio::sync::watch;
use tokio::time::sleep;
use types::{LoadPhase, LoadProgress};

use crate::error::ApiError;
use crate::kv_events::KvPublisher;
use crate::load_timeline::{LoadTimeline, LoadTimes};
use crate::metrics::{EngineMetrics, Metrics, MetricsLabels};
use crate::served_model::ServedModel;

/// Bounds of every Retry-After, in seconds.
const RETRY_AFTER_S: std::ops::RangeInclusive<u32> = 1..=60;
/// Retry-After while draining: the time a replacement usually needs to be found.
const DRAINING_RETRY_AFTER_S: u32 = 2;

/// The shared state of one server. Cloning shares it.
#[derive(Clone)]
pub struct Lifecycle {
    inner: Arc<Inner>,
}

struct Inner {
    metrics: Arc<Metrics>,
    kv_events: Option<KvPublisher>,
    step_timeout: Duration,
    stage: Mutex<Stage>,
    timeline: LoadTimeline,
    /// Not ready any more, and still taking requests.
    leaving: AtomicBool,
    /// Taking no more requests.
    draining: AtomicBool,
    /// Requests between admission by the server and the end of their response.
    num_in_flight: AtomicU64,
    failed: watch::Sender<bool>,
    ready: watch::Sender<bool>,
}

#[derive(Clone)]
enum Stage {
    Loading,
    Ready(Arc<ServedModel>),
    Failed,
}

/// Loading as `/startupz` shows it.
pub(crate) struct Startup {
    pub(crate) is_ready: bool,
    pub(crate) has_failed: bool,
    pub(crate) times: LoadTimes,
}

/// Why the server is not fit for traffic.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum NotReady {
    Loading,
    LoadFailed,
    Draining,
    EngineDead,
    StepHung,
}

/// Which wait for the device does not end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Hang {
    /// A first step, before the server is ready.
    WarmUp,
    /// A step of requests.
    Step,
}

impl NotReady {
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Self::Loading => "loading",
            Self::LoadFailed => "load_failed",
            Self::Draining => "draining",
            Self::EngineDead => "engine_dead",
            Self::StepHung => "step_hung",
        }
    }
}

impl Lifecycle {
    pub(crate) fn new(
        metrics: Arc<Metrics>,
        kv_events: Option<KvPublisher>,
        step_timeout: Duration,
    ) -> Self {
        Self {
            inner: Arc::new(Inner {
                metrics,
                kv_events,
                step_timeout,
                stage: Mutex::new(Stage::Loading),
                timeline: LoadTimeline::new(),
                leaving: AtomicBool::new(false),
                draining: AtomicBool::new(false),
                num_in_flight: AtomicU64::new(0),
                failed: watch::Sender::new(false),
                ready: watch::Sender::new(false),
            }),
        }
    }

    /// Notes how far loading has come; called by the loader as often as it likes.
    pub fn set_progress(&self, progress: LoadProgress) {
        if let Some(ended) = self.inner.timeline.set_progress(progress) {
            let seconds = ended.duration.as_secs_f64();
            self.inner.metrics.set_startup_seconds(ended.phase.as_str(), seconds);
        }
    }

    /// The observer to start the engine with; it feeds this server's metrics.
    pub fn observer(&self, labels: &MetricsLabels) -> Box<dyn EngineObserver> {
        if let Some(publisher) = &self.inner.kv_events {
            publisher.set_model(&labels.model_name);
        }
        self.inner.metrics.engine_or_init(labels).observer(self.inner.kv_events.clone())
    }

    /// Opens the server for requests.
    pub fn set_ready(&self, model: ServedModel) {
        let labels = MetricsLabels {
            model_name: model.canonical_name().to_owned(),
            max_model_len: model.engine.limits().max_model_len,
        };
        self.inner.metrics.engine_or_init(&labels).set_model(&model);
        self.set_progress(LoadProgress::entering(LoadPhase::Ready));
        self.inner.metrics.set_time_to_ready(self.inner.timeline.elapsed());
        self.set_stage(Stage::Ready(Arc::new(model)));
        self.inner.ready.send_replace(true);
    }

    /// Marks loading as failed: `run` returns. Why is for the operator and the caller to say, never
    /// for clients.
    pub fn set_failed(&self) {
        self.set_stage(Stage::Failed);
        self.inner.failed.send_replace(true);
    }

    /// The model, for a request that may be admitted now.
    pub(crate) fn admit(&self) -> Result<(Arc<ServedModel>, InFlight), ApiError> {
        let model = self.model()?;
        let in_flight = InFlight::new(self.inner.clone());
        // Counted before the check: a drain that begins in between waits for this request.
        if self.is_draining() {
            return Err(ApiError::draining(DRAINING_RETRY_AFTER_S));
        }
        Ok((model, in_flight))
    }

    /// The model, whether or not new requests are taken.
    pub(crate) fn model(&self) -> Result<Arc<ServedModel>, ApiError> {
        match self.stage() {
            Stage::Ready(model) => Ok(model),
            Stage::Loading => Err(ApiError::loading(self.inner.timeline.retry_after_s())),
            Stage::Failed => Err(ApiError::load_failed()),
        }
    }

    /// The model if it is loaded.
    pub(crate) fn served_model(&self) -> Option<Arc<ServedModel>> {
        match self.stage() {
            Stage::Ready(model) => Some(model),
            Stage::Loading | Stage::Failed => None,
        }
    }

    pub(crate) fn metrics(&self) -> &Arc<Metrics> {
        &self.inner.metrics
    }

    pub(crate) fn engine_metrics(&self) -> Option<&Arc<EngineMetrics>> {
        self.inner.metrics.engine()
    }

    /// Whether the process should be left alone: false only for a dead engine or a hung step.
    pub(crate) fn check_alive(&self) -> Result<(), NotReady> {
        let Some(model) = self.served_model() else { return Ok(()) };
        let health = model.engine.health();
        match health.state {
            EngineState::Dead(_) => Err(NotReady::EngineDead),
            _ if health.step_age.is_some_and(|age| age > self.inner.step_timeout) => {
                Err(NotReady::StepHung)
            }
            _ => Ok(()),
        }
    }

    /// Whether traffic should come here.
    pub(crate) fn check_ready(&self) -> Result<(), NotReady> {
        match self.stage() {
            Stage::Loading => return Err(NotReady::Loading),
            Stage::Failed => return Err(NotReady::LoadFailed),
            Stage::Ready(_) => {}
        }
        self.check_alive()?;
        if self.is_leaving() { Err(NotReady::Draining) } else { Ok(()) }
    }

    pub(crate) fn startup(&self) -> Startup {
        let (is_ready, has_failed) = match self.stage() {
            Stage::Loading => (false, false),
            Stage::Ready(_) => (true, false),
            Stage::Failed => (false, true),
        };
        Startup { is_ready, has_failed, times: self.inner.timeline.snapshot() }
    }

    /// Turns readiness red; requests are still taken.
    pub(crate) fn announce_leaving(&self) {
        self.inner.leaving.store(true, Ordering::SeqCst);
    }

    /// Whether a stop was announced, so that clients had better go elsewhere.
    pub(crate) fn is_leaving(&self) -> bool {
        self.inner.leaving.load(Ordering::SeqCst)
    }

    /// Takes no new requests from now on.
    pub(crate) fn begin_drain(&self) {
        self.announce_leaving();
        self.inner.draining.store(true, Ordering::SeqCst);
    }

    pub(crate) fn is_draining(&self) -> bool {
        self.inner.draining.load(Ordering::SeqCst)
    }

    /// Requests whose response has not ended.
    pub(crate) fn num_in_flight(&self) -> u64 {
        self.inner.num_in_flight.load(Ordering::SeqCst)
    }

    /// Resolves when loading has failed.
    pub(crate) async fn failed(&self) {
        let mut failed = self.inner.failed.subscribe();
        // The sender lives in `self`, so this cannot fail.
        let _ = failed.wait_for(|failed| *failed).await;
    }

    /// Whether a loaded engine is beyond use.
    pub(crate) fn is_engine_dead(&self) -> bool {
        self.check_alive() == Err(NotReady::EngineDead)
    }

    /// Resolves when the engine has died; pends for ever before a model is ready.
    pub(crate) async fn engine_died(&self) {
        let mut ready = self.inner.ready.subscribe();
        // The sender lives in `self`, so this cannot fail.
        let _ = ready.wait_for(|ready| *ready).await;
        let Some(model) = self.served_model() else { return };
        let mut state = model.engine.watch_state();
        while !matches!(*state.borrow_and_update(), EngineState::Dead(_)) {
            if state.changed().await.is_err() {
                return;
            }
        }
    }

    /// Resolves when a step has gone on for `patience` more than the step timeout, after which health
    /// is red: serving, or warming up. The engine is given up then, so that every request has ended.
    pub(crate) async fn hung(&self, patience: Duration) -> Hang {
        /// How often the step's age is read.
        const POLL: Duration = Duration::from_millis(100);
        let limit = self.inner.step_timeout.saturating_add(patience);
        loop {
            sleep(POLL).await;
            let Some(model) = self.served_model() else {
                if self.is_warming_up_for(limit) {
                    return Hang::WarmUp;
                }
                continue;
            };
            if model.engine.health().step_age.is_some_and(|age| age > limit) {
                let limit_s = limit.as_secs_f32();
                model.engine.abandon(&format!(
                    "a step has not ended for {limit_s} s; if the device works and is only slow, \
                     raise --step-timeout"
                ));
                return Hang::Step;
            }
        }
    }

    fn is_warming_up_for(&self, limit: Duration) -> bool {
        let (phase, elapsed) = self.inner.timeline.phase();
        let is_loading = matches!(self.stage(), Stage::Loading);
        is_loading && phase == LoadPhase::WarmingUp && elapsed > limit
    }

    /// A copy, so that nobody goes on while holding the lock.
    fn stage(&self) -> Stage {
        self.inner.stage.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn set_stage(&self, stage: Stage) {
        *self.inner.stage.lock().unwrap_or_else(PoisonError::into_inner) = stage;
    }
}

/// Counts one request until its response has ended.
pub(crate) struct InFlight {
    inner: Arc<Inner>,
}

impl InFlight {
    fn new(inner: Arc<Inner>) -> Self {
        inner.num_in_flight.fetch_add(1, Ordering::SeqCst);
        Self { inner }
    }
}

impl Drop for InFlight {
    fn drop(&mut self) {
        self.inner.num_in_flight.fetch_sub(1, Ordering::SeqCst);
    }
}

/// A wait as a Retry-After value, within its bounds.
pub(crate) fn retry_after_s(wait: Duration) -> u32 {
    let seconds = wait.as_secs_f64().ceil().min(f64::from(*RETRY_AFTER_S.end())) as u32;
    seconds.max(*RETRY_AFTER_S.start())
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::mpsc::channel;
    use std::thread;

    /// Every reader and the loader at once: none may wait for a lock that another holds for good.
    #[test]
    fn readers_and_the_loader_never_wait_for_each_other() {
        const NUM_ROUNDS: usize = 50_000;
        let progress = LoadProgress::entering(LoadPhase::WarmingUp);
        let readers: [fn(&Lifecycle); 4] = [
            |lifecycle| assert!(lifecycle.model().is_err()),
            |lifecycle| assert!(!lifecycle.is_warming_up_for(Duration::MAX)),
            |lifecycle| assert!(!lifecycle.startup().is_ready),
            |lifecycle| lifecycle.set_progress(LoadProgress::entering(LoadPhase::WarmingUp)),
        ];
        let lifecycle = Lifecycle::new(Arc::new(Metrics::new(false)), None, Duration::MAX);
        lifecycle.set_progress(progress);
        let (ended, ends) = channel();
        for read in readers {
            let (lifecycle, ended) = (lifecycle.clone(), ended.clone());
            thread::spawn(move || {
                (0..NUM_ROUNDS).for_each(|_| read(&lifecycle));
                ended.send(()).expect("the test listens");
            });
        }
        for _ in readers {
            ends.recv_timeout(Duration::from_secs(60)).expect("no thread waits for ever");
        }
    }
}
