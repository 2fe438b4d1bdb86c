//! The dispatcher: takes one message a step and hands each request its events.
//!
//! Runs on its own thread so that the engine thread never touches a lock or a waker that the HTTP
//! side uses.

use std::collections::HashMap;
use std::sync::atomic::Ordering;
use std::sync::mpsc::{Receiver, SyncSender};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread;

use tokio::sync::mpsc::UnboundedSender;
use types::RequestId;

use crate::core::StepMessage;
use crate::health::{EngineState, Vitals};
use crate::ledger::Event;
use crate::message::{FirstToken, RequestEvent};
use crate::report::{EngineObserver, TokenTiming};

/// Where each open request's events go. Locked by submitters and the dispatcher, never by the
/// engine thread; held for operations on the map and on channels that never wait.
///
/// A request's channel is unbounded in type but not in fact: it carries at most `max_tokens`
/// tokens and one finish, and `max_tokens` is bounded by the context length.
#[derive(Default)]
pub(crate) struct Routes(Mutex<RouteTable>);

#[derive(Default)]
struct RouteTable {
    senders: HashMap<RequestId, UnboundedSender<RequestEvent>>,
    /// Set when the dispatcher has ended: nobody would answer any more.
    closed: bool,
}

impl Routes {
    /// Opens routes, and counts them as open requests under the same lock, so that the count is
    /// right whenever the dispatcher ends. False when no event would ever come.
    #[must_use]
    pub(crate) fn add(
        &self,
        routes: Vec<(RequestId, UnboundedSender<RequestEvent>)>,
        vitals: &Vitals,
    ) -> bool {
        let mut table = self.lock();
        if !table.closed {
            vitals.num_open.fetch_add(routes.len(), Ordering::Relaxed);
            table.senders.extend(routes);
        }
        !table.closed
    }

    pub(crate) fn remove(&self, id: RequestId) {
        self.lock().senders.remove(&id);
    }

    /// Drops every sender, so that each open stream ends without a finish, and takes no more.
    pub(crate) fn close(&self, vitals: &Vitals) {
        let mut table = self.lock();
        table.closed = true;
        table.senders.clear();
        vitals.num_open.store(0, Ordering::Release);
    }

    fn lock(&self) -> MutexGuard<'_, RouteTable> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

pub(crate) struct Dispatcher {
    pub(crate) messages: Receiver<StepMessage>,
    /// Emptied messages go back to the engine thread, which has no others. Has room for all.
    pub(crate) recycled: SyncSender<StepMessage>,
    pub(crate) routes: Arc<Routes>,
    pub(crate) vitals: Arc<Vitals>,
    pub(crate) observer: Box<dyn EngineObserver>,
}

impl Dispatcher {
    /// Until the engine thread drops its sender.
    pub(crate) fn run(mut self) {
        while let Ok(mut message) = self.messages.recv() {
            self.observe(&message);
            self.route(&mut message.events);
            message.clear();
            // The engine thread may be gone already; then nobody needs the memory.
            let _ = self.recycled.send(message);
        }
    }

    fn observe(&mut self, message: &StepMessage) {
        if let Some(report) = &message.report {
            self.observer.on_step(report);
        }
        if !message.kv_events.is_empty() {
            self.observer.on_kv_events(&message.kv_events);
        }
        for event in &message.events {
            if let Some((_, timing)) = &event.token {
                self.observer.on_token(*timing);
            }
            if let Some((reason, stats)) = &event.finish {
                self.observer.on_finish(reason, stats);
            }
        }
    }

    fn route(&self, events: &mut Vec<Event>) {
        let mut table = self.routes.lock();
        for Event { id, token, finish } in events.drain(..) {
            let first = token.as_ref().and_then(|(_, timing)| first_token(timing));
            let ends = finish.is_some();
            // A missing route or a closed receiver means that the client has gone; its abort is
            // on the way to the engine.
            if let Some(route) = table.senders.get(&id) {
                let token = token.map(|(sampled, _)| sampled);
                let _ = route.send(RequestEvent { token, first, finish });
            }
            // Closed while the engine was given up: nobody listens, and none is counted as open.
            if ends && !table.closed {
                table.senders.remove(&id);
                self.vitals.num_open.fetch_sub(1, Ordering::Release);
            }
        }
    }
}

fn first_token(timing: &TokenTiming) -> Option<FirstToken> {
    match *timing {
        TokenTiming::First { ttft, queue_time, num_cached_tokens, .. } => {
            Some(FirstToken { num_cached_tokens, queue_time, ttft })
        }
        TokenTiming::Next { .. } => None,
    }
}

/// However it ends, nobody waits for an answer that will not come. A submission that raced with the
/// engine's end sees its stream close.
impl Drop for Dispatcher {
    fn drop(&mut self) {
        let panicked = if thread::panicking() { "dispatcher" } else { "engine thread" };
        // An engine thread that ends by itself has said so before it dropped its sender.
        self.vitals.end(EngineState::Dead(format!("the {panicked} panicked").into()));
        self.routes.close(&self.vitals);
    }
}
