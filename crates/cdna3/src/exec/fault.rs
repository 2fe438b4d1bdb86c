//! Why a launch stopped, and where.

use thiserror::Error;

use super::memory::AccessError;

/// What went wrong in an instruction.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum FaultKind {
    /// The executor has no meaning for the operation or for one of its modifiers.
    #[error("unsupported: {0}")]
    Unsupported(&'static str),
    /// A lane reached outside global memory.
    #[error("lane {lane}: {error}")]
    Memory {
        /// The first lane that failed; 0 for scalar accesses.
        lane: usize,
        /// The access.
        error: AccessError,
    },
    /// A lane's scratch offset is outside its private memory.
    #[error(
        "lane {lane}: scratch offset {offset:#x} is outside the {size_bytes} bytes of the lane"
    )]
    Scratch {
        /// The lane.
        lane: usize,
        /// Byte offset in the lane's scratch.
        offset: u64,
        /// Size of the lane's scratch.
        size_bytes: usize,
    },
    /// An atomic's address is not a multiple of its size.
    #[error("lane {lane}: atomic at {address:#x}, which is misaligned")]
    Misaligned {
        /// The lane.
        lane: usize,
        /// The address.
        address: u64,
    },
    /// The program counter left the program, or a computed jump hit no instruction.
    #[error("no instruction at {0:#x}")]
    ProgramCounter(u64),
    /// `s_trap` was executed.
    #[error("s_trap {0}")]
    Trap(i32),
    /// The launch ran longer than its limit of instructions.
    #[error("more than {0} instructions in one wave: endless loop?")]
    Endless(u64),
    /// The launch was ended from outside, or by a fault of another work-group.
    #[error("cancelled")]
    Cancelled,
    /// An observer found a defect of the kernel.
    #[error("{0}")]
    Finding(String),
    /// The launch's parameters do not fit the kernel or the device.
    #[error("launch refused: {0}")]
    Launch(String),
}

/// A launch stopped by an instruction (or before the first one).
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("{kind}; at {address:#x}: {instruction}; work-group {group:?}, wave {wave}")]
pub struct Fault {
    /// What went wrong.
    pub kind: FaultKind,
    /// Address of the instruction in the code object's image.
    pub address: u64,
    /// The instruction in LLVM's syntax.
    pub instruction: String,
    /// Work-group.
    pub group: [u32; 3],
    /// Wave in the work-group.
    pub wave: usize,
}
