//! Continuous batching: which tokens of which sequences the next step computes.
//!
//! Owns the live sequences, their blocks and sampler slots, and the order of service. Pure: the
//! same calls give the same plans; it never sees time, threads, I/O or device memory. Called by
//! `engine`, which runs `plan`, `fill`, the executor and `commit` (or `fail`) once per step, the
//! first two of the next step before the last if the executor takes two at a time (`in_flight`):
//!
//! ```text
//!  submit --> waiting --admission--> running --commit--> finished
//!                ^                      |
//!                '----- preemption -----'
//! ```
//!
//! There are no phases. A sequence is behind by its known tokens minus its computed tokens; a step
//! spends one token budget on making sequences less behind, running ones first, then waiting ones.
//! Decode, chunked prefill, prefix hits and resumption after preemption are this one rule.
#![forbid(unsafe_code)]

mod admission;
mod audit;
mod config;
mod in_flight;
mod outcome;
mod preemption;
mod scheduler;
mod sequence;
mod slab;
mod step;
mod step_input;

pub use config::{BLOCK_SIZE_RANGE, ConfigError, Policy, SchedulerConfig, SubmitError};
pub use kvcache::{KvEvent, KvEvents};
pub use scheduler::Scheduler;
pub use step::{Admission, PlannedSeq, SchedulerStats, SeqUpdate, StepPlan};

#[cfg(test)]
mod tests;
