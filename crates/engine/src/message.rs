//! What passes between the engine's threads and their callers: commands down, events up.

use std::time::Instant;

use types::{EngineRequest, FinishReason, RequestId, Sampled};

use crate::report::RequestStats;

/// One step's news of a request: a token, the end, or both at once.
#[derive(Clone, Debug)]
pub struct RequestEvent {
    /// The next token.
    pub token: Option<Sampled>,
    /// Prompt tokens taken from the prefix cache; comes with the first token.
    pub num_cached_tokens: Option<u32>,
    /// The end: why, and the account. Nothing follows.
    pub finish: Option<(FinishReason, Box<RequestStats>)>,
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
