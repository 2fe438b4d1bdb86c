//! Executes decoded gfx942 instructions on the CPU, wave by wave.
//!
//! Owns wave state, LDS, scratch and the meaning of every operation; global memory is behind
//! [`GlobalMemory`]. Never decodes, never reads files, never allocates device memory. Called by
//! tests and by the emulated HIP runtime. What is modelled is results, not time: `s_waitcnt` and
//! hazards have no effect (the sanitizer looks at waits), and memory is coherent.

mod access;
mod control;
mod crosslane;
mod fault;
mod group;
mod lanes;
mod launch;
mod lds;
mod matrix;
mod memory;
mod observe;
mod order;
mod prepared;
mod salu;
pub mod sanitize;
mod scalar_memory;
mod transfer;
mod valu;
mod vector_memory;
mod wave;

pub use fault::{Fault, FaultKind};
pub use launch::{Dim3, Launch, LaunchReport, Options, Part, kernarg, launch, launch_with};
pub use memory::{AccessError, GlobalMemory, Region, VecMemory};
pub use observe::{
    AccessKind, GroupInfo, GroupView, MemoryAccess, NoObserver, Observer, ObserverFactory, Outcome,
    Space, WaveView,
};
pub use prepared::{Prepared, operations};
