//! [`Inst`] -> text, exactly as LLVM's disassembler writes it for gfx942.
//!
//! For messages, and for the tests, which compare every line with `llvm-objdump`. Knows no
//! opcodes: the decoder's result says everything.

mod control;
mod memory;
mod operand;
mod vector;

use std::fmt;

use crate::inst::{Format, Inst};

impl fmt::Display for Inst {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.format {
            Format::Sopp => control::sopp(self, f),
            Format::Sopk => control::sopk(self, f),
            Format::Sop1 | Format::Sop2 | Format::Sopc => {
                write!(f, "{}", self.op)?;
                operand::list(f, &mut arithmetic(self).map(|operand| operand.to_string()))
            }
            Format::Smem => memory::smem(self, f),
            Format::Ds => memory::ds(self, f),
            Format::Flat | Format::Global | Format::Scratch => memory::flat(self, f),
            Format::Mubuf => memory::mubuf(self, f),
            Format::Vop1 | Format::Vop2 | Format::Vopc => vector::short(self, f),
            Format::Vop3 | Format::Vop3Sdst => vector::vop3(self, f),
            Format::Vop3p => vector::vop3p(self, f),
            Format::Mai => vector::mai(self, f),
        }
    }
}

/// The operands that there are: destinations, then sources.
fn arithmetic(inst: &Inst) -> impl Iterator<Item = &crate::inst::Operand> {
    [&inst.dst, &inst.sdst].into_iter().chain(&inst.src).filter(|operand| !operand.is_none())
}
