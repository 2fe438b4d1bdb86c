//! The engine thread: takes commands between turns of launching and collecting steps, blocks when
//! idle.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, SyncSender, TryRecvError, channel, sync_channel};

use scheduler::{ConfigError, Policy, Scheduler, SchedulerConfig};
use thiserror::Error;
use types::FinishReason;

use crate::core::{EngineCore, StepMessage};
use crate::dispatcher::{Dispatcher, Routes};
use crate::executor::Executor;
use crate::handle::{EngineHandle, Shared};
use crate::health::{EngineState, Vitals};
use crate::message::{Command, Submission};
use crate::report::EngineObserver;

/// Messages between the engine thread and the dispatcher. They circulate and no more are ever made:
/// an engine this many steps ahead of the dispatcher waits for it.
pub const MAX_STEP_MESSAGES: usize = 16;

/// Policy choices; sizes come from the executor's limits.
#[derive(Clone, Copy, Debug)]
pub struct EngineConfig {
    /// Requests that may wait for admission before new ones are refused.
    pub max_num_queued_reqs: usize,
    /// Share full blocks between sequences with the same prefix.
    pub enable_prefix_caching: bool,
    /// Longest prompt piece per step while others run; 0 lets one prompt use the whole budget.
    pub long_prefill_token_threshold: usize,
    /// Order of admission.
    pub policy: Policy,
    /// How often one sequence may be preempted.
    pub max_preemptions: u32,
}

/// Why the engine did not start.
#[derive(Debug, Error)]
pub enum StartError {
    /// The limits contradict each other.
    #[error(transparent)]
    Config(#[from] ConfigError),
    /// The operating system refused a thread.
    #[error("could not start the engine's threads: {0}")]
    Thread(#[from] std::io::Error),
}

/// Starts the engine and dispatcher threads.
pub fn start(
    executor: Box<dyn Executor>,
    config: EngineConfig,
    observer: Box<dyn EngineObserver>,
) -> Result<EngineHandle, StartError> {
    let limits = executor.limits();
    let scheduler = Scheduler::new(SchedulerConfig {
        max_num_seqs: limits.max_num_seqs,
        max_num_batched_tokens: limits.max_num_batched_tokens,
        max_model_len: limits.max_model_len,
        block_size: limits.block_size,
        num_blocks: limits.num_blocks,
        enable_prefix_caching: config.enable_prefix_caching,
        long_prefill_token_threshold: config.long_prefill_token_threshold,
        policy: config.policy,
        max_preemptions: config.max_preemptions,
        max_in_flight: limits.max_in_flight,
    })?;
    let wants_kv_events = observer.wants_kv_events();
    let vitals = Arc::new(Vitals::new());
    let routes = Arc::new(Routes::default());
    let (commands, command_receiver) = channel();
    let (messages, message_receiver) = sync_channel(MAX_STEP_MESSAGES);
    let (recycled, recycled_receiver) = sync_channel(MAX_STEP_MESSAGES);
    for _ in 0..MAX_STEP_MESSAGES {
        let message = StepMessage::with_capacity(limits.max_num_seqs);
        recycled.send(message).expect("there is room for all and a receiver");
    }
    let dispatcher = Dispatcher {
        messages: message_receiver,
        recycled,
        routes: routes.clone(),
        vitals: vitals.clone(),
        observer,
    };
    let mut core = EngineCore::new(scheduler, executor);
    if wants_kv_events {
        core.record_kv_events();
    }
    let flight = core.flight_recorder();
    let engine = EngineThread {
        core,
        commands: command_receiver,
        messages,
        recycled: recycled_receiver,
        vitals: vitals.clone(),
        num_unadmitted: 0,
    };
    std::thread::Builder::new().name("dispatcher".into()).spawn(move || dispatcher.run())?;
    std::thread::Builder::new().name("engine".into()).spawn(move || engine.run())?;
    let shared = Shared {
        commands,
        routes,
        vitals,
        flight,
        limits,
        max_num_queued_reqs: config.max_num_queued_reqs,
        next_id: AtomicU64::new(0),
    };
    Ok(EngineHandle { shared: Arc::new(shared) })
}

struct EngineThread {
    core: EngineCore,
    commands: Receiver<Command>,
    messages: SyncSender<StepMessage>,
    recycled: Receiver<StepMessage>,
    vitals: Arc<Vitals>,
    /// Requests that still hold a place in the queue, as far as `vitals` has been told.
    num_unadmitted: usize,
}

impl EngineThread {
    fn run(mut self) {
        let mut message = self.recycled.try_recv().expect("all messages are here at the start");
        loop {
            if !self.take_commands(&mut message) {
                break self.stop(message, FinishReason::Abort, EngineState::Stopped);
            }
            if let Err(cause) = self.step(&mut message) {
                tracing::error!(%cause, "the engine has stopped");
                break self.stop(message, engine_has_stopped(), EngineState::Dead(cause));
            }
            let Some(next) = self.publish(message) else {
                // It has told everybody, so this ends nobody's stream; it ends the executor.
                let dead = EngineState::Dead(Arc::from("the dispatcher has gone"));
                break self.stop(StepMessage::default(), engine_has_stopped(), dead);
            };
            message = next;
        }
    }

    fn step(&mut self, message: &mut StepMessage) -> Result<(), Arc<str>> {
        self.vitals.step_begins();
        let outcome = self.turn(message);
        let stats = self.core.stats();
        let kv_usage = stats.num_live_blocks as f32 / stats.num_blocks.max(1) as f32;
        let num_preempted = self.core.num_preempted_waiting();
        self.vitals.step_ends(stats.num_running, num_preempted, kv_usage);
        outcome
    }

    /// Launches a step if there is one to plan, and collects the oldest one unless another may be
    /// launched first. With two in flight the next step is therefore launched before this one's
    /// tokens are waited for, and these are published before anything else is done.
    fn turn(&mut self, message: &mut StepMessage) -> Result<(), Arc<str>> {
        let is_planned = self.core.plan();
        self.note_queue();
        if is_planned {
            self.core.launch(message)?;
            if self.core.may_plan() {
                return Ok(());
            }
        }
        self.core.collect(message)
    }

    /// Gives back the queue places of requests that were admitted, or ended before they were.
    fn note_queue(&mut self) {
        let num_unadmitted = self.core.num_unadmitted();
        let left = self.num_unadmitted - num_unadmitted;
        self.num_unadmitted = num_unadmitted;
        self.vitals.num_queued.fetch_sub(left, Ordering::Relaxed);
    }

    /// Handles every command that has arrived; blocks for one when there is no work. False when
    /// the engine should stop.
    fn take_commands(&mut self, message: &mut StepMessage) -> bool {
        loop {
            let command = if self.core.is_idle() && message.is_empty() {
                self.commands.recv().map_err(|_| TryRecvError::Disconnected)
            } else {
                self.commands.try_recv()
            };
            match command {
                Ok(Command::Submit(submissions)) => {
                    self.take_in(submissions, message);
                }
                Ok(Command::Abort(id)) => self.core.abort(id, message),
                Ok(Command::Shutdown) | Err(TryRecvError::Disconnected) => return false,
                Err(TryRecvError::Empty) => return true,
            }
        }
    }

    fn take_in(&mut self, submissions: Vec<Submission>, message: &mut StepMessage) {
        self.num_unadmitted += submissions.len();
        for Submission { id, request, arrival } in submissions {
            self.core.submit(id, request, arrival, message);
        }
    }

    /// Sends the message and returns an empty one, for which it waits while all are with the
    /// dispatcher. `None` if the dispatcher has gone, which only a panic makes it do before this.
    fn publish(&self, message: StepMessage) -> Option<StepMessage> {
        if message.is_empty() {
            return Some(message);
        }
        self.messages.send(message).ok()?;
        self.recycled.recv().ok()
    }

    /// Ends every request, those still in the command channel included, and marks the end.
    fn stop(mut self, mut message: StepMessage, reason: FinishReason, state: EngineState) {
        self.vitals.end(state);
        self.core.end_all(reason.clone(), &mut message);
        while let Ok(command) = self.commands.try_recv() {
            if let Command::Submit(submissions) = command {
                self.take_in(submissions, &mut message);
            }
        }
        self.core.end_all(reason, &mut message);
        self.note_queue();
        // Fails if the dispatcher has gone, which has closed every route.
        let _ = self.messages.send(message);
    }
}

/// What clients are told of a death; the cause is for operators.
fn engine_has_stopped() -> FinishReason {
    FinishReason::Error(Arc::from("the engine has stopped"))
}
