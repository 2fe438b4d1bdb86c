//! Simulation by seed: the real engine core, scheduler and block pool under a virtual clock, with
//! a simulated executor that checks every step and a checker that watches every request.
//!
//! Everything random comes from one seed, so a failure replays exactly. Owns the workload, the
//! oracle and the invariants; knows no model and no device. Called by its own tests and by the
//! `ropeway-sim` binary.
#![forbid(unsafe_code)]

mod checker;
mod executor;
mod oracle;
mod rng;
mod run;
mod workload;

pub use run::{Summary, Violation, run_seed};
pub use workload::Scenario;
