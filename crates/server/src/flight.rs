//! Dumps of the engine's flight recorder: JSON lines into a file or on standard error.
//!
//! Owns the dump's format, where it goes, and when it is made: a step that runs longer than the step
//! timeout (once per step), the engine's death, and the operator's wish (SIGQUIT). Holds counts,
//! times and the device's error texts, never a prompt or a token. Writes on the blocking pool, never
//! on the edge runtime's threads. Called by `serve`.

use std::fs::OpenOptions;
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use engine::{EngineHealth, EngineLoad, EngineState, FlightLog, StepOutcome, StepRecord};
use serde::Serialize;
use tokio::sync::{OnceCell, watch};
use tokio::time::sleep;

use crate::config::ServerConfig;
use crate::lifecycle::Lifecycle;

/// Dumps of one process; further ones are refused, so that a disk cannot be filled with them. The one
/// of the engine's death is always written.
const MAX_DUMPS: usize = 64;
/// Longest time between two looks at the heartbeat.
const MAX_LOOK_INTERVAL: Duration = Duration::from_secs(1);

/// Why a dump is made; the label `reason` of its counter.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum DumpReason {
    Stall,
    Fatal,
    Signal,
}

impl DumpReason {
    pub(crate) const ALL: [Self; 3] = [Self::Stall, Self::Fatal, Self::Signal];

    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Self::Stall => "stall",
            Self::Fatal => "fatal",
            Self::Signal => "signal",
        }
    }
}

/// Asks a running server for a dump, as SIGQUIT does.
#[derive(Clone)]
pub struct DumpHandle {
    num_requests: watch::Sender<u32>,
}

impl DumpHandle {
    pub(crate) fn new() -> Self {
        Self { num_requests: watch::Sender::new(0) }
    }

    /// One dump more.
    pub fn dump(&self) {
        self.num_requests.send_modify(|count| *count += 1);
    }
}

/// Watches one server and dumps when there is cause.
pub(crate) struct Watchdog {
    lifecycle: Lifecycle,
    requests: DumpHandle,
    step_timeout: Duration,
    folder: Option<PathBuf>,
    num_dumps: AtomicUsize,
    fatal: OnceCell<()>,
}

impl Watchdog {
    pub(crate) fn new(lifecycle: Lifecycle, requests: DumpHandle, config: &ServerConfig) -> Self {
        Self {
            lifecycle,
            requests,
            step_timeout: config.step_timeout,
            folder: config.flight_recorder_dir.clone(),
            num_dumps: AtomicUsize::new(0),
            fatal: OnceCell::new(),
        }
    }

    /// Watches until it is dropped.
    pub(crate) async fn run(self: Arc<Self>) {
        tokio::join!(self.watch_steps(), self.watch_death(), self.watch_requests());
    }

    /// The dump of the engine's death, made once however often it is asked for.
    pub(crate) async fn dump_fatal(&self) {
        self.fatal.get_or_init(async || self.dump(DumpReason::Fatal).await).await;
    }

    async fn watch_steps(&self) {
        let interval = (self.step_timeout / 4).min(MAX_LOOK_INTERVAL);
        // Told by its beginning: between two looks one hung step may end and the next one hang.
        let mut dumped = None;
        loop {
            sleep(interval.max(Duration::from_millis(1))).await;
            let Some(model) = self.lifecycle.served_model() else { continue };
            let EngineHealth { step_age: age, step_began, .. } = model.engine.health();
            let is_hung = age.is_some_and(|age| age > self.step_timeout);
            if is_hung && dumped != step_began {
                dumped = step_began;
                tracing::error!(step_age_s = age.map(|age| age.as_secs_f64()), "a step hangs");
                self.dump(DumpReason::Stall).await;
            }
        }
    }

    async fn watch_death(&self) {
        self.lifecycle.engine_died().await;
        self.dump_fatal().await;
    }

    async fn watch_requests(&self) {
        let mut requests = self.requests.num_requests.subscribe();
        let mut num_heeded = 0;
        // The sender lives in `self`, so waiting cannot fail.
        while let Ok(count) =
            requests.wait_for(|count| *count > num_heeded).await.map(|count| *count)
        {
            num_heeded = count;
            self.dump(DumpReason::Signal).await;
        }
    }

    async fn dump(&self, reason: DumpReason) {
        let number = self.num_dumps.fetch_add(1, Ordering::Relaxed);
        if number >= MAX_DUMPS && reason != DumpReason::Fatal {
            tracing::error!(limit = MAX_DUMPS, "no further flight recorder dump is written");
            return;
        }
        let (lifecycle, folder) = (self.lifecycle.clone(), self.folder.clone());
        let written = tokio::task::spawn_blocking(move || {
            let text = text(&lifecycle, reason);
            write(folder.as_deref(), (number, reason), &text);
            // Counted when it can be read.
            lifecycle.metrics().count_dump(reason);
        });
        if let Err(panic) = written.await {
            tracing::error!(%panic, "the flight recorder could not be dumped");
        }
    }
}

/// Into a new file of the folder; on standard error without a folder, or if it cannot be written.
fn write(folder: Option<&Path>, (number, reason): (usize, DumpReason), text: &str) {
    if let Some(folder) = folder {
        match write_file(folder, (number, reason), text) {
            Ok(path) => {
                tracing::warn!(reason = reason.as_str(), file = %path.display(), "flight recorder");
                return;
            }
            Err(error) => tracing::error!(
                %error, folder = %folder.display(),
                "the flight recorder's folder cannot be written; make it writable or choose \
                 another with --flight-recorder-dir"
            ),
        }
    }
    // Nobody to tell if standard error is closed.
    let _ = io::stderr().lock().write_all(text.as_bytes());
}

/// The name has the dump's number, since two can be made in the same millisecond.
fn write_file(
    folder: &Path,
    (number, reason): (usize, DumpReason),
    text: &str,
) -> io::Result<PathBuf> {
    std::fs::create_dir_all(folder)?;
    let millis = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_millis();
    let pid = std::process::id();
    let name = format!("ropeway-flight-{millis}-{pid}-{number:02}-{}.jsonl", reason.as_str());
    let path = folder.join(name);
    // Readers find a whole file or none.
    let partial = path.with_extension("partial");
    let mut file = OpenOptions::new().write(true).create_new(true).open(&partial)?;
    file.write_all(text.as_bytes())?;
    std::fs::rename(&partial, &path)?;
    Ok(path)
}

/// First line of a dump.
#[derive(Serialize)]
struct Head {
    flight_recorder: &'static str,
    reason: &'static str,
    at: f64,
    version: &'static str,
    state: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    cause: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    step_age_s: Option<f64>,
    requests_open: usize,
    running: usize,
    waiting: usize,
    kv_usage: f32,
    steps: usize,
}

#[derive(Serialize)]
struct Failure<'a> {
    flight_recorder: &'static str,
    step: u64,
    at: f64,
    error: &'a str,
}

/// One line a step.
#[derive(Serialize)]
struct Step {
    flight_recorder: &'static str,
    step: u64,
    at: f64,
    outcome: &'static str,
    seqs: u64,
    tokens: u64,
    prefill_seqs: u64,
    prefill_tokens: u64,
    decode_seqs: u64,
    admitted: u64,
    preempted: u64,
    running: u64,
    waiting: u64,
    blocks_live: u64,
    blocks_cached: u64,
    blocks_free: u64,
    plan_us: u128,
    execute_us: u128,
    commit_us: u128,
}

fn text(lifecycle: &Lifecycle, reason: DumpReason) -> String {
    let Some(model) = lifecycle.served_model() else {
        let phase = lifecycle.startup().times.progress.phase.as_str();
        let health = EngineHealth { state: EngineState::Stopped, step_age: None, step_began: None };
        return lines(reason, phase, &health, EngineLoad::default(), &FlightLog::default());
    };
    let health = model.engine.health();
    let state = match &health.state {
        EngineState::Running => "running",
        EngineState::Draining => "draining",
        EngineState::Stopped => "stopped",
        EngineState::Dead(_) => "dead",
    };
    lines(reason, state, &health, model.engine.load(), &model.engine.flight_log())
}

fn lines(
    reason: DumpReason,
    state: &'static str,
    health: &EngineHealth,
    load: EngineLoad,
    log: &FlightLog,
) -> String {
    let cause = match &health.state {
        EngineState::Dead(cause) => Some(cause.to_string()),
        _ => None,
    };
    let head = Head {
        flight_recorder: "dump",
        reason: reason.as_str(),
        at: unix(SystemTime::now()),
        version: env!("CARGO_PKG_VERSION"),
        state,
        cause,
        step_age_s: health.step_age.map(|age| age.as_secs_f64()),
        requests_open: load.num_open,
        running: load.num_running,
        waiting: load.num_waiting,
        kv_usage: load.kv_usage,
        steps: log.steps.len(),
    };
    let mut text = String::new();
    push(&mut text, &head);
    for step in &log.steps {
        push(&mut text, &line(step));
    }
    for failure in &log.failures {
        let (step, at, error) = (failure.number, unix(failure.at), failure.text.as_str());
        push(&mut text, &Failure { flight_recorder: "error", step, at, error });
    }
    text
}

fn line(step: &StepRecord) -> Step {
    Step {
        flight_recorder: "step",
        step: step.number,
        at: unix(step.began),
        outcome: match step.outcome {
            StepOutcome::Running => "running",
            StepOutcome::Done => "done",
            StepOutcome::Failed => "failed",
            StepOutcome::Fatal => "fatal",
            StepOutcome::Lost => "lost",
        },
        seqs: step.num_seqs,
        tokens: step.num_tokens,
        prefill_seqs: step.num_prefill_seqs(),
        prefill_tokens: step.num_prefill_tokens(),
        decode_seqs: step.num_decode_seqs,
        admitted: step.num_admitted,
        preempted: step.num_preempted,
        running: step.num_running,
        waiting: step.num_waiting,
        blocks_live: step.num_live_blocks,
        blocks_cached: step.num_cached_blocks,
        blocks_free: step.num_free_blocks,
        plan_us: step.plan.as_micros(),
        execute_us: step.execute.as_micros(),
        commit_us: step.commit.as_micros(),
    }
}

fn push(text: &mut String, line: &impl Serialize) {
    text.push_str(&serde_json::to_string(line).expect("plain structs become JSON"));
    text.push('\n');
}

fn unix(time: SystemTime) -> f64 {
    time.duration_since(UNIX_EPOCH).unwrap_or_default().as_secs_f64()
}
