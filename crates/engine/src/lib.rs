//! The engine: one thread that owns the scheduler and the executor and turns requests into tokens.
//!
//! ```text
//! EngineHandle --commands--> engine thread: plan | launch | collect | commit --one message a step-->
//!                            dispatcher thread --events--> one RequestStream per request
//! ```
//!
//! Owns the step loop, the ledger of open requests, the heartbeat, the flight recorder and the
//! [`Executor`] trait. Knows no text, no JSON and no device. Called by `server` (through
//! [`EngineHandle`]); `model` implements [`Executor`].
#![forbid(unsafe_code)]

mod core;
mod dispatcher;
mod executor;
mod flight;
mod handle;
mod health;
mod ledger;
mod message;
mod report;
mod thread;

pub use crate::core::{EngineCore, StepMessage};
pub use executor::{ExecError, Executor, ExecutorLimits};
pub use flight::{
    FlightLog, FlightRecorder, MAX_ERROR_BYTES, MAX_RECORDED_ERRORS, NUM_RECORDED_STEPS,
    StepFailure, StepOutcome, StepRecord,
};
pub use handle::{EngineHandle, RequestStream, SubmitError};
pub use health::{EngineHealth, EngineState};
pub use ledger::Event;
pub use message::{FirstToken, RequestEvent};
pub use report::{EngineLoad, EngineObserver, RequestStats, StepReport, TokenTiming};
pub use scheduler::{KvEvent, KvEvents, Policy, SchedulerStats};
pub use thread::{EngineConfig, MAX_STEP_MESSAGES, StartError, start};
