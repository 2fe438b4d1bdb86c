//! Every operation that has a meaning, on random and special operands, against a plain reading of
//! the CDNA3 ISA guide kept here: nothing of the crate's own lane functions is called.
//!
//! Instructions are assembled by LLVM, many in one kernel, launched, and their results compared
//! lane by lane. The last test holds the list of what is tested to the list of what has a meaning.

mod compares;
mod complete;
mod converts;
#[path = "../device/mod.rs"]
mod device;
mod floats;
mod flow;
mod harness;
mod inputs;
mod integers;
mod lanes;
mod matrices;
mod memory;
mod packed;
mod scalars;
mod soft;
#[path = "../toolchain/mod.rs"]
mod toolchain;
mod ulps;
