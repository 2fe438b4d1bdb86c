//! How far loading has come, and how long its phases took.
//!
//! Owns its lock, which is held to note or copy times and never while anything else is called: it
//! cannot be taken in another order with a lock of its callers. Called by `lifecycle`.

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use types::{LoadPhase, LoadProgress};

use crate::lifecycle::retry_after_s;

/// Retry-After while loading, before there is progress to judge by.
const LOADING_RETRY_AFTER_S: u32 = 5;

/// Written by the loader, read by anyone.
pub(crate) struct LoadTimeline {
    started: Instant,
    times: Mutex<Times>,
}

/// When each phase of loading began.
struct Times {
    phase_started: Instant,
    /// When the bytes of `progress` began to be counted, which phases that take turns share.
    counting_since: Instant,
    progress: LoadProgress,
    finished: Vec<PhaseTime>,
}

/// A completed phase of loading, all its turns together.
#[derive(Clone, Copy, Debug)]
pub(crate) struct PhaseTime {
    pub(crate) phase: LoadPhase,
    pub(crate) duration: Duration,
}

/// Loading at one moment.
pub(crate) struct LoadTimes {
    pub(crate) progress: LoadProgress,
    pub(crate) phase_elapsed: Duration,
    pub(crate) elapsed: Duration,
    pub(crate) finished: Vec<PhaseTime>,
}

impl LoadTimeline {
    pub(crate) fn new() -> Self {
        let now = Instant::now();
        let times = Times {
            phase_started: now,
            counting_since: now,
            progress: LoadProgress::entering(LoadPhase::Resolving),
            finished: Vec::new(),
        };
        Self { started: now, times: Mutex::new(times) }
    }

    /// Notes how far loading has come. Returns the phase that this ended, if it ended one.
    pub(crate) fn set_progress(&self, progress: LoadProgress) -> Option<PhaseTime> {
        let mut times = self.times();
        let changes_phase = progress.phase != times.progress.phase;
        let ended = changes_phase.then(|| times.end_phase());
        if progress.total_bytes != times.progress.total_bytes {
            times.counting_since = Instant::now();
        }
        times.progress = progress;
        ended
    }

    /// Time since loading began.
    pub(crate) fn elapsed(&self) -> Duration {
        self.started.elapsed()
    }

    /// The phase, and for how long it has lasted.
    pub(crate) fn phase(&self) -> (LoadPhase, Duration) {
        let times = self.times();
        (times.progress.phase, times.phase_started.elapsed())
    }

    pub(crate) fn snapshot(&self) -> LoadTimes {
        let times = self.times();
        LoadTimes {
            progress: times.progress,
            phase_elapsed: times.phase_started.elapsed(),
            elapsed: self.elapsed(),
            finished: times.finished.clone(),
        }
    }

    /// When a client may try again, judged by the bytes that are left.
    pub(crate) fn retry_after_s(&self) -> u32 {
        let times = self.times();
        let LoadProgress { done_bytes, total_bytes, .. } = times.progress;
        if done_bytes == 0 || total_bytes <= done_bytes {
            return LOADING_RETRY_AFTER_S;
        }
        let per_byte = times.counting_since.elapsed().as_secs_f64() / done_bytes as f64;
        retry_after_s(Duration::from_secs_f64(per_byte * (total_bytes - done_bytes) as f64))
    }

    fn times(&self) -> MutexGuard<'_, Times> {
        self.times.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Times {
    /// Phases that take turns are one entry with the sum of their times.
    fn end_phase(&mut self) -> PhaseTime {
        let now = Instant::now();
        let phase = self.progress.phase;
        let duration = now - self.phase_started;
        self.phase_started = now;
        match self.finished.iter_mut().find(|done| done.phase == phase) {
            Some(done) => {
                done.duration += duration;
                *done
            }
            None => {
                let done = PhaseTime { phase, duration };
                self.finished.push(done);
                done
            }
        }
    }
}
