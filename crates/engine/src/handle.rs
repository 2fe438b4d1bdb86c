//! The server's end of the engine: submit, watch, drain.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::Sender;
use std::time::{Duration, Instant};

use thiserror::Error;
use tokio::sync::mpsc::{UnboundedReceiver, unbounded_channel};
use tokio::sync::watch;
use types::{EngineRequest, RequestId};

use crate::dispatcher::Routes;
use crate::executor::ExecutorLimits;
use crate::flight::{FlightLog, FlightRecorder};
use crate::health::{EngineHealth, EngineState, Vitals};
use crate::message::{Command, RequestEvent, Submission};
use crate::report::EngineLoad;

/// Why a request was not taken.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
pub enum SubmitError {
    /// The admission queue is at its limit; try again later.
    #[error("{num_queued} requests are waiting and the limit is {limit}")]
    QueueFull {
        /// Requests waiting now.
        num_queued: usize,
        /// `max_num_queued_reqs`.
        limit: usize,
    },
    /// The server is stopping.
    #[error("the server is draining and takes no new requests")]
    Draining,
    /// The engine is beyond use.
    #[error("the engine has stopped: {0}")]
    Dead(Arc<str>),
}

/// A cheap, cloneable handle to the engine.
#[derive(Clone)]
pub struct EngineHandle {
    pub(crate) shared: Arc<Shared>,
}

pub(crate) struct Shared {
    pub(crate) commands: Sender<Command>,
    pub(crate) routes: Arc<Routes>,
    pub(crate) vitals: Arc<Vitals>,
    pub(crate) flight: Arc<FlightRecorder>,
    pub(crate) limits: ExecutorLimits,
    pub(crate) max_num_queued_reqs: usize,
    pub(crate) next_id: AtomicU64,
}

impl EngineHandle {
    /// What the executor can take; fixed for the engine's life.
    pub fn limits(&self) -> ExecutorLimits {
        self.shared.limits
    }

    /// Queues the sequences of one client request, all or none, and returns one stream each.
    pub fn submit(&self, requests: Vec<EngineRequest>) -> Result<Vec<RequestStream>, SubmitError> {
        self.check_accepting()?;
        self.reserve_queue(requests.len())?;
        let arrival = Instant::now();
        let mut streams = Vec::with_capacity(requests.len());
        let mut submissions = Vec::with_capacity(requests.len());
        let mut routes = Vec::with_capacity(requests.len());
        for request in requests {
            let id = RequestId(self.shared.next_id.fetch_add(1, Ordering::Relaxed));
            let (sender, events) = unbounded_channel();
            routes.push((id, sender));
            streams.push(RequestStream { id, events, finished: false, engine: self.clone() });
            submissions.push(Submission { id, request, arrival });
        }
        if !self.shared.routes.add(routes, &self.shared.vitals) {
            streams.iter_mut().for_each(|stream| stream.finished = true);
            return Err(self.check_accepting().err().unwrap_or(SubmitError::Draining));
        }
        // A failed send means that the engine thread has just ended; the dispatcher then closes
        // the routes, and the streams end without a finish.
        let _ = self.shared.commands.send(Command::Submit(submissions));
        Ok(streams)
    }

    /// The heartbeat.
    pub fn health(&self) -> EngineHealth {
        self.shared.vitals.health()
    }

    /// The last steps and failures; also while a step hangs or after the engine's death.
    pub fn flight_log(&self) -> FlightLog {
        self.shared.flight.snapshot()
    }

    /// Running, waiting and cache use.
    pub fn load(&self) -> EngineLoad {
        self.shared.vitals.load()
    }

    /// State changes, for whoever must act on the engine's death.
    pub fn watch_state(&self) -> watch::Receiver<EngineState> {
        self.shared.vitals.state.subscribe()
    }

    /// Refuses new requests from now on; running and queued ones go on.
    pub fn begin_drain(&self) {
        self.shared.vitals.state.send_if_modified(|state| {
            let changes = *state == EngineState::Running;
            if changes {
                *state = EngineState::Draining;
            }
            changes
        });
    }

    /// Resolves when no request is open.
    pub async fn drained(&self) {
        /// How often the count of open requests is read while draining.
        const POLL: Duration = Duration::from_millis(5);
        while self.shared.vitals.num_open.load(Ordering::Acquire) > 0 {
            tokio::time::sleep(POLL).await;
        }
    }

    /// Ends every request with `Abort` and stops the engine thread.
    pub fn shutdown(&self) {
        // A failed send means that the thread has already stopped.
        let _ = self.shared.commands.send(Command::Shutdown);
    }

    /// Gives up an engine whose step does not end: its thread may be in a driver's call that never
    /// returns, and is left there. Every stream ends at once, without a finish; new requests are
    /// refused with `cause`.
    pub fn abandon(&self, cause: &str) {
        tracing::error!(%cause, "the engine is given up");
        self.shared.vitals.end(EngineState::Dead(Arc::from(cause)));
        self.shared.routes.close(&self.shared.vitals);
    }

    fn check_accepting(&self) -> Result<(), SubmitError> {
        match &*self.shared.vitals.state.borrow() {
            EngineState::Running => Ok(()),
            EngineState::Draining | EngineState::Stopped => Err(SubmitError::Draining),
            EngineState::Dead(cause) => Err(SubmitError::Dead(cause.clone())),
        }
    }

    fn reserve_queue(&self, wanted: usize) -> Result<(), SubmitError> {
        let limit = self.shared.max_num_queued_reqs;
        let reserve = |queued: usize| (queued + wanted <= limit).then_some(queued + wanted);
        self.shared
            .vitals
            .num_queued
            .fetch_update(Ordering::Relaxed, Ordering::Relaxed, reserve)
            .map(|_| ())
            .map_err(|num_queued| SubmitError::QueueFull { num_queued, limit })
    }
}

/// One sequence's tokens. Dropping it before the end aborts the sequence within one step.
pub struct RequestStream {
    id: RequestId,
    events: UnboundedReceiver<RequestEvent>,
    finished: bool,
    engine: EngineHandle,
}

impl RequestStream {
    /// The next event; `None` after the finish, or without one if the engine has stopped.
    pub async fn next(&mut self) -> Option<RequestEvent> {
        if self.finished {
            return None;
        }
        let event = self.events.recv().await;
        if event.as_ref().is_none_or(|event| event.finish.is_some()) {
            self.finished = true;
        }
        event
    }
}

impl Drop for RequestStream {
    fn drop(&mut self) {
        if !self.finished {
            self.engine.shared.routes.remove(self.id);
            // A failed send means that the engine has stopped and ended every request.
            let _ = self.engine.shared.commands.send(Command::Abort(self.id));
        }
    }
}
