//! What passes between the engine's threads and their callers: commands down, events up.

use std::time::{Duration, Instant};

use types::{EngineRequest, FinishReason, RequestId, Sampled};

use crate::report::RequestStats;

/// One step's news of a request: a token, the end, or both at once.
#[derive(Clone, Debug)]
pub struct RequestEvent {
    /// The next token.
    pub token: Option<Sampled>,
    /// Comes with the first token.
    pub first: Option<FirstToken>,
    /// The end: why, and the account. Nothing follows.
    pub finish: Option<(FinishReason, Box<RequestStats>)>,
}

/// What is known of a request when its first token comes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FirstToken {
    /// Prompt tokens taken from the prefix cache.
    pub num_cached_tokens: u32,
    /// Submission to first admission.
    pub queue_time: Duration,
    /// Submission to first token.
    pub ttft: Duration,
}

/// A request on its way to the engine thread.
pub(crate) struct Submission {
    pub(crate) id: RequestId,
    pub(crate) request: EngineRequest,
    pub(crate) arrival: Instant,
}

/// What the engine thread is told between steps.
pub(crate) enum Command {
    Submit(Vec<Submission>),
    Abort(RequestId),
    Shutdown,
}
