//! gfx942 machine code on the CPU: reads code objects and decodes their instructions.
//!
//! Test equipment, never part of the product binary. Knows the instruction set and the code
//! object format; never reads files, never looks at the environment.

#![forbid(unsafe_code)]

pub mod compare;
pub mod decode;
pub mod inst;
pub mod op;
mod print;
mod tables;

pub use compare::Compare;
pub use inst::{Inst, Operand, OperandKind};
pub use op::Op;
