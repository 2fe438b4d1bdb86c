//! gfx942 machine code on the CPU: reads code objects, decodes their instructions and executes them.
//!
//! Test equipment, never part of the product binary. Knows the instruction set and the code
//! object format; never reads files, never looks at the environment.

#![forbid(unsafe_code)]

pub mod code_object;
pub mod compare;
pub mod counters;
pub mod decode;
pub mod exec;
pub mod inst;
pub mod op;
mod print;
mod program;
mod tables;

pub use code_object::{CodeObject, CodeObjectError, Kernel};
pub use compare::Compare;
pub use decode::DecodeError;
pub use inst::{Inst, Operand, OperandKind};
pub use op::Op;
pub use program::Program;
