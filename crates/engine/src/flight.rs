//! The flight recorder: the last steps, kept for the day on which one goes wrong.
//!
//! Owns a ring of fixed size that the engine thread writes and anyone may read while it does, also
//! when the engine thread hangs in a step or is gone. A record has counts, times and the outcome;
//! never a token or a text. Writing is a few atomic stores: no lock, no allocation, no system call.
//! Only a step that fails takes a lock, to keep its error's text. Called by `core` (writes) and,
//! through [`crate::EngineHandle`], by the server, which turns snapshots into dumps.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicU64, Ordering, fence};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant, SystemTime};

use scheduler::{SchedulerStats, StepPlan};

/// Steps that the ring remembers.
pub const NUM_RECORDED_STEPS: usize = 256;
/// Failed steps whose error text is remembered.
pub const MAX_RECORDED_ERRORS: usize = 16;
/// Bytes kept of one error's text.
pub const MAX_ERROR_BYTES: usize = 1024;

/// What became of a recorded step.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u64)]
pub enum StepOutcome {
    /// Launched, and the executor has not answered: it runs, or hangs.
    Running = 0,
    /// Computed and committed.
    Done = 1,
    /// Failed; its sequences ended and the executor goes on.
    Failed = 2,
    /// Failed and took the executor with it.
    Fatal = 3,
    /// In flight behind the one that took the executor with it.
    Lost = 4,
}

/// One step as remembered. Counts of sequences, tokens and blocks; no content.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct StepRecord {
    /// Number of the step since the start, from 0.
    pub number: u64,
    /// When its planning began.
    pub began: SystemTime,
    /// Sequences in the batch.
    pub num_seqs: u64,
    /// New tokens in the batch.
    pub num_tokens: u64,
    /// Sequences that compute one token and sample: decode, or the last token of a prompt.
    pub num_decode_seqs: u64,
    /// Sequences that computed nothing before, cache hits aside, or come back after a preemption.
    pub num_admitted: u64,
    /// Sequences whose blocks were taken back for this step.
    pub num_preempted: u64,
    /// Sequences in the running set after planning.
    pub num_running: u64,
    /// Sequences that wait.
    pub num_waiting: u64,
    /// Blocks that sequences hold.
    pub num_live_blocks: u64,
    /// Blocks that only the prefix cache holds.
    pub num_cached_blocks: u64,
    /// Blocks without content.
    pub num_free_blocks: u64,
    /// Time of planning.
    pub plan: Duration,
    /// From launch until the executor had answered; zero while it runs.
    pub execute: Duration,
    /// Time of committing; zero until then.
    pub commit: Duration,
    /// What became of it.
    pub outcome: StepOutcome,
}

impl StepRecord {
    /// Sequences in the middle or at the end of a prompt of more than one token.
    pub fn num_prefill_seqs(&self) -> u64 {
        self.num_seqs - self.num_decode_seqs
    }

    /// Their new tokens.
    pub fn num_prefill_tokens(&self) -> u64 {
        self.num_tokens - self.num_decode_seqs
    }
}

/// A failed step's cause.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StepFailure {
    /// Number of the step.
    pub number: u64,
    /// When it was noted.
    pub at: SystemTime,
    /// The executor's words, cut to [`MAX_ERROR_BYTES`].
    pub text: String,
}

/// What the recorder knew at one moment.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct FlightLog {
    /// Oldest first. A record that was being rewritten meanwhile is left out.
    pub steps: Vec<StepRecord>,
    /// Oldest first, at most [`MAX_RECORDED_ERRORS`].
    pub failures: Vec<StepFailure>,
}

/// Places of a record's fields in its slot.
#[derive(Clone, Copy)]
enum Word {
    Number,
    Began,
    Seqs,
    Tokens,
    DecodeSeqs,
    Admitted,
    Preempted,
    Running,
    Waiting,
    LiveBlocks,
    CachedBlocks,
    FreeBlocks,
    Plan,
    Execute,
    Commit,
    Outcome,
}

const NUM_WORDS: usize = Word::Outcome as usize + 1;

/// One record behind a sequence lock: odd while it is written.
#[derive(Default)]
struct Slot {
    version: AtomicU64,
    words: [AtomicU64; NUM_WORDS],
}

impl Slot {
    /// Changes words; only ever called by the engine thread.
    fn write(&self, words: &[(Word, u64)]) {
        let version = self.version.load(Ordering::Relaxed);
        self.version.store(version + 1, Ordering::Relaxed);
        // The odd version is seen before any word of the change.
        fence(Ordering::Release);
        for (word, value) in words {
            self.words[*word as usize].store(*value, Ordering::Relaxed);
        }
        self.version.store(version + 2, Ordering::Release);
    }

    /// The words, if they belong together; `None` if unused or changed meanwhile.
    fn read(&self) -> Option<[u64; NUM_WORDS]> {
        let before = self.version.load(Ordering::Acquire);
        let words = std::array::from_fn(|index| self.words[index].load(Ordering::Relaxed));
        // No word above is read after the version below.
        fence(Ordering::Acquire);
        let after = self.version.load(Ordering::Relaxed);
        (before == after && before != 0 && before.is_multiple_of(2)).then_some(words)
    }
}

/// The ring. Written by one thread, read by any.
pub struct FlightRecorder {
    epoch: Instant,
    started: SystemTime,
    slots: Box<[Slot]>,
    /// Steps begun so far.
    num_steps: AtomicU64,
    failures: Mutex<VecDeque<StepFailure>>,
}

impl Default for FlightRecorder {
    fn default() -> Self {
        Self {
            epoch: Instant::now(),
            started: SystemTime::now(),
            slots: (0..NUM_RECORDED_STEPS).map(|_| Slot::default()).collect(),
            num_steps: AtomicU64::new(0),
            failures: Mutex::new(VecDeque::with_capacity(MAX_RECORDED_ERRORS)),
        }
    }
}

impl FlightRecorder {
    /// Notes a planned step that is about to run, and returns its number.
    pub(crate) fn begin(&self, began: Instant, plan: &StepPlan, stats: &SchedulerStats) -> u64 {
        let number = self.num_steps.load(Ordering::Relaxed);
        let num_decode = plan.seqs.iter().filter(|seq| seq.len == 1 && seq.samples).count();
        let since_start = began.saturating_duration_since(self.epoch);
        self.slot(number).write(&[
            (Word::Number, number),
            (Word::Began, micros(since_start)),
            (Word::Seqs, plan.seqs.len() as u64),
            (Word::Tokens, plan.num_tokens as u64),
            (Word::DecodeSeqs, num_decode as u64),
            (Word::Admitted, plan.admitted.len() as u64),
            (Word::Preempted, plan.preempted.len() as u64),
            (Word::Running, stats.num_running as u64),
            (Word::Waiting, stats.num_waiting as u64),
            (Word::LiveBlocks, stats.num_live_blocks as u64),
            (Word::CachedBlocks, stats.num_cached_blocks as u64),
            (Word::FreeBlocks, stats.num_free_blocks as u64),
            (Word::Plan, micros(began.elapsed())),
            (Word::Execute, 0),
            (Word::Commit, 0),
            (Word::Outcome, StepOutcome::Running as u64),
        ]);
        self.num_steps.store(number + 1, Ordering::Relaxed);
        number
    }

    /// Notes that a step was computed.
    pub(crate) fn succeed(&self, number: u64) {
        self.slot(number).write(&[(Word::Outcome, StepOutcome::Done as u64)]);
    }

    /// Notes that a step will never be asked for.
    pub(crate) fn lose(&self, number: u64) {
        self.slot(number).write(&[(Word::Outcome, StepOutcome::Lost as u64)]);
    }

    /// Notes that a step was not, and keeps the cause.
    pub(crate) fn fail(&self, number: u64, outcome: StepOutcome, text: &str) {
        self.slot(number).write(&[(Word::Outcome, outcome as u64)]);
        let mut failures = self.failures.lock().unwrap_or_else(PoisonError::into_inner);
        if failures.len() == MAX_RECORDED_ERRORS {
            failures.pop_front();
        }
        let mut end = text.len().min(MAX_ERROR_BYTES);
        while !text.is_char_boundary(end) {
            end -= 1;
        }
        let text = text[..end].to_owned();
        failures.push_back(StepFailure { number, at: SystemTime::now(), text });
    }

    /// Notes a step's times: from its launch to the executor's answer, and of committing.
    pub(crate) fn end(&self, number: u64, execute: Duration, commit: Duration) {
        self.slot(number)
            .write(&[(Word::Execute, micros(execute)), (Word::Commit, micros(commit))]);
    }

    /// What is remembered now. Takes no lock that a healthy step would wait for.
    pub fn snapshot(&self) -> FlightLog {
        let mut steps: Vec<StepRecord> =
            self.slots.iter().filter_map(Slot::read).map(|words| self.record(words)).collect();
        steps.sort_unstable_by_key(|record| record.number);
        let failures = self.failures.lock().unwrap_or_else(PoisonError::into_inner);
        FlightLog { steps, failures: failures.iter().cloned().collect() }
    }

    fn slot(&self, number: u64) -> &Slot {
        &self.slots[(number % NUM_RECORDED_STEPS as u64) as usize]
    }

    fn record(&self, words: [u64; NUM_WORDS]) -> StepRecord {
        let word = |word: Word| words[word as usize];
        let time = |of: Word| Duration::from_micros(word(of));
        StepRecord {
            number: word(Word::Number),
            began: self.started + time(Word::Began),
            num_seqs: word(Word::Seqs),
            num_tokens: word(Word::Tokens),
            num_decode_seqs: word(Word::DecodeSeqs),
            num_admitted: word(Word::Admitted),
            num_preempted: word(Word::Preempted),
            num_running: word(Word::Running),
            num_waiting: word(Word::Waiting),
            num_live_blocks: word(Word::LiveBlocks),
            num_cached_blocks: word(Word::CachedBlocks),
            num_free_blocks: word(Word::FreeBlocks),
            plan: time(Word::Plan),
            execute: time(Word::Execute),
            commit: time(Word::Commit),
            outcome: match word(Word::Outcome) {
                0 => StepOutcome::Running,
                1 => StepOutcome::Done,
                2 => StepOutcome::Failed,
                3 => StepOutcome::Fatal,
                _ => StepOutcome::Lost,
            },
        }
    }
}

fn micros(duration: Duration) -> u64 {
    duration.as_micros() as u64
}

#[cfg(test)]
mod tests {
    use super::*;

    fn plan(num_tokens: usize) -> StepPlan {
        let mut plan = StepPlan::with_capacity(0);
        plan.num_tokens = num_tokens;
        plan
    }

    #[test]
    fn the_ring_keeps_the_last_steps_in_order() {
        let recorder = FlightRecorder::default();
        assert_eq!(recorder.snapshot(), FlightLog::default());
        let num_steps = NUM_RECORDED_STEPS as u64 + 3;
        for number in 0..num_steps {
            let stats = SchedulerStats { num_free_blocks: 7, ..SchedulerStats::default() };
            let begun = recorder.begin(Instant::now(), &plan(number as usize), &stats);
            assert_eq!(begun, number);
            if number + 1 < num_steps {
                recorder.succeed(number);
                recorder.end(number, Duration::from_micros(5), Duration::ZERO);
            }
        }
        let steps = recorder.snapshot().steps;
        assert_eq!(steps.len(), NUM_RECORDED_STEPS);
        let numbers: Vec<u64> = steps.iter().map(|step| step.number).collect();
        assert_eq!(numbers, (3..num_steps).collect::<Vec<_>>());
        assert!(steps.iter().all(|step| step.num_tokens == step.number));
        assert!(steps.iter().all(|step| step.num_free_blocks == 7));
        let last = steps.last().expect("there are steps");
        assert_eq!((last.outcome, last.execute), (StepOutcome::Running, Duration::ZERO));
        let before = steps[steps.len() - 2];
        assert_eq!((before.outcome, before.execute.as_micros()), (StepOutcome::Done, 5));
    }

    #[test]
    fn failures_are_few_and_short() {
        let recorder = FlightRecorder::default();
        for number in 0..MAX_RECORDED_ERRORS as u64 + 2 {
            recorder.fail(number, StepOutcome::Failed, &"\u{e4}".repeat(MAX_ERROR_BYTES));
        }
        let failures = recorder.snapshot().failures;
        assert_eq!(failures.len(), MAX_RECORDED_ERRORS);
        assert_eq!(failures[0].number, 2, "the oldest are forgotten");
        assert!(failures.iter().all(|failure| failure.text.len() == MAX_ERROR_BYTES));
    }

    /// Torn records would show as fields of two steps.
    #[test]
    fn a_reader_beside_the_writer_sees_whole_records() {
        let recorder = FlightRecorder::default();
        std::thread::scope(|scope| {
            let writer = scope.spawn(|| {
                for number in 0..200_000_usize {
                    let stats =
                        SchedulerStats { num_live_blocks: number, ..SchedulerStats::default() };
                    recorder.begin(Instant::now(), &plan(number), &stats);
                }
            });
            while !writer.is_finished() {
                for step in recorder.snapshot().steps {
                    assert_eq!((step.num_tokens, step.num_live_blocks), (step.number, step.number));
                }
            }
        });
    }
}
