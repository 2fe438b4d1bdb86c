//! What the engine tells about itself: per step, per token, per request. The server turns these
//! into metrics.

use std::time::Duration;

use scheduler::{KvEvents, SchedulerStats};
use types::{FinishReason, StepCounts};

/// One step as seen by metrics.
#[derive(Clone, Copy, Debug)]
pub struct StepReport {
    /// Wall time of plan, execution and commit. Counted from the end of the step before if that came
    /// later, as it does with two steps in flight; so durations never overlap, and a busy engine's
    /// add up to the time that has passed.
    pub duration: Duration,
    /// Of which with this step launched and not yet collected. The rest is the engine's own time
    /// that no step of the executor hid.
    pub execute: Duration,
    /// New tokens computed.
    pub num_tokens: usize,
    /// Sequences in the batch.
    pub num_seqs: usize,
    /// The scheduler after the step.
    pub scheduler: SchedulerStats,
    /// The executor's steps so far.
    pub step_counts: StepCounts,
}

/// How long a token took to come.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum TokenTiming {
    /// A request's first token.
    First {
        /// Since arrival.
        ttft: Duration,
        /// Arrival to first admission.
        queue_time: Duration,
        /// Prompt length.
        num_prompt_tokens: u32,
        /// Of which taken from the prefix cache.
        num_cached_tokens: u32,
    },
    /// A later token: time since the one before (ITL).
    Next {
        /// Inter-token latency.
        itl: Duration,
    },
}

/// A finished request's account.
#[derive(Clone, Debug, PartialEq)]
pub struct RequestStats {
    /// Prompt length.
    pub num_prompt_tokens: u32,
    /// Prompt tokens found in the prefix cache at first admission.
    pub num_cached_tokens: u32,
    /// Generated tokens.
    pub num_output_tokens: u32,
    /// The request's output limit.
    pub max_tokens: u32,
    /// How often its blocks were taken back.
    pub num_preemptions: u32,
    /// Arrival to first admission; the whole life if never admitted.
    pub queue_time: Duration,
    /// First admission to first token; zero without one.
    pub prefill_time: Duration,
    /// First to last token; zero without one.
    pub decode_time: Duration,
    /// Arrival to end.
    pub e2e_time: Duration,
}

/// Receives everything worth a metric, on the dispatcher's thread.
pub trait EngineObserver: Send {
    /// After each step.
    fn on_step(&mut self, report: &StepReport);
    /// For each token delivered.
    fn on_token(&mut self, timing: TokenTiming);
    /// Once per request.
    fn on_finish(&mut self, reason: &FinishReason, stats: &RequestStats);
    /// Whether [`Self::on_kv_events`] is to be called; asked once, at the start.
    fn wants_kv_events(&self) -> bool {
        false
    }
    /// After a step that changed what the prefix cache finds.
    fn on_kv_events(&mut self, _: &KvEvents) {}
}

/// The engine's load at a glance, read without asking the engine thread.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct EngineLoad {
    /// Sequences in the running set.
    pub num_running: usize,
    /// Sequences waiting for admission, those not yet seen by the engine thread included.
    pub num_waiting: usize,
    /// Share of KV blocks in use by live sequences, `0..=1`.
    pub kv_usage: f32,
    /// Requests not finished yet.
    pub num_open: usize,
}
