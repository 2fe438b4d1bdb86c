//! Instructions with their meaning looked up: what a launch executes.
//!
//! Done once for each program, so that a wave's step is one indirect call.

use crate::inst::{Format, Inst, OperandKind};
use crate::op::Op;
use crate::program::Program;
use crate::tables;

use super::access::Access;
use super::sanitize::Rule;
use super::wave::Wave;
use super::{matrix, salu, valu};

/// An operation on registers only.
pub(crate) type Step = fn(&mut Wave, &Inst);

/// How an instruction is executed.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Action {
    /// Registers only.
    Step(Step),
    /// Program flow, hardware registers, time.
    Control,
    /// Scalar loads of that many dwords.
    ScalarLoad(u8),
    /// Local data share.
    Lds(Access),
    /// Flat, global, scratch and buffer memory.
    Memory(Access),
    /// Decoded, but without a meaning here.
    Unsupported,
}

/// A program and the action of each of its instructions.
#[derive(Clone, Debug)]
pub struct Prepared {
    program: Program,
    actions: Vec<Action>,
    /// How undefined values spread, for the sanitizer.
    rules: Vec<Rule>,
    /// Vector and accumulation registers that the code names, at least.
    num_registers: [usize; 2],
}

impl Prepared {
    /// Looks up the meaning of every instruction.
    pub fn new(program: Program) -> Self {
        let actions = program.insts().iter().map(action).collect();
        let rules = Rule::all(program.insts());
        let mut num_registers = [1, 1];
        for inst in program.insts() {
            for operand in inst.src.iter().chain([&inst.dst, &inst.sdst]) {
                let (kind, first) = match operand.kind {
                    OperandKind::Vgpr(first) => (0, first),
                    OperandKind::Agpr(first) => (1, first),
                    _ => continue,
                };
                let end = usize::from(first) + usize::from(operand.dwords.max(1));
                num_registers[kind] = num_registers[kind].max(end);
            }
        }
        Self { program, actions, rules, num_registers }
    }

    /// The decoded program.
    pub fn program(&self) -> &Program {
        &self.program
    }

    /// Whether every instruction can be executed; otherwise the first that cannot.
    pub fn first_unsupported(&self) -> Option<&Inst> {
        let index = self.actions.iter().position(|a| matches!(a, Action::Unsupported))?;
        self.program.insts().get(index)
    }

    /// Instruction `index` and what to do for it.
    #[inline]
    pub(crate) fn at(&self, index: usize) -> Option<(&Inst, &Action)> {
        Some((self.program.insts().get(index)?, self.actions.get(index)?))
    }

    /// How undefined values spread through instruction `index`.
    #[inline]
    pub(crate) fn rule(&self, index: usize) -> Rule {
        self.rules.get(index).copied().unwrap_or(Rule::Other)
    }

    pub(crate) fn num_registers(&self) -> [usize; 2] {
        self.num_registers
    }
}

fn action(inst: &Inst) -> Action {
    let is_undefined = match inst.format {
        Format::Mai => has_undefined_broadcast(inst),
        _ => has_undefined_modifier(inst),
    };
    if is_undefined {
        return Action::Unsupported;
    }
    meaning(inst.format, inst.op)
}

/// The meaning of an operation in a format, before its operands are looked at.
fn meaning(format: Format, op: Op) -> Action {
    let name = op.to_string();
    match format {
        Format::Sopp => Action::Control,
        Format::Smem => scalar_load(op).map_or(Action::Control, Action::ScalarLoad),
        Format::Ds => Access::of(&name).map_or(Action::Unsupported, Action::Lds),
        Format::Flat | Format::Global | Format::Scratch | Format::Mubuf => {
            Access::of(&name).map_or(Action::Unsupported, Action::Memory)
        }
        _ => match op {
            Op::SGetregB32
            | Op::SSetregB32
            | Op::SSetregImm32B32
            | Op::SCallB64
            | Op::SGetpcB64
            | Op::SSetpcB64
            | Op::SSwappcB64 => Action::Control,
            op => salu::step(op)
                .or_else(|| valu::step(op))
                .or_else(|| matrix::step(op))
                .map_or(Action::Unsupported, Action::Step),
        },
    }
}

/// Every operation that is decoded, format by format, and whether it has a meaning here.
pub fn operations() -> Vec<(Format, Op, bool)> {
    let rows = Format::ALL
        .iter()
        .flat_map(|&format| tables::rows(format).into_iter().map(move |row| (format, row.op)));
    rows.map(|(format, op)| (format, op, !matches!(meaning(format, op), Action::Unsupported)))
        .collect()
}

/// Whether an instruction has a modifier that the assembler takes and the guide gives no meaning
/// for its operation: refused, never ignored.
fn has_undefined_modifier(inst: &Inst) -> bool {
    let modifiers = &inst.modifiers;
    match inst.op {
        Op::VMulI32I24
        | Op::VMulU32U24
        | Op::VMadU64U32
        | Op::VMadI64I32
        | Op::VCvtU32F32
        | Op::VCvtI32F32
        | Op::VCvtRpiI32F32
        | Op::VCvtFlrI32F32
        | Op::VCvtU32F64
        | Op::VCvtI32F64
        | Op::VCvtU16F16
        | Op::VCvtI16F16
        | Op::VCvtPkU8F32
        | Op::VCvtPkrtzF16F32
        | Op::VCvtPknormI16F32
        | Op::VCvtPknormU16F32
        | Op::VCvtPknormI16F16
        | Op::VCvtPknormU16F16
        | Op::VPackB32F16
        | Op::VFrexpExpI32F32
        | Op::VFrexpExpI32F64
        | Op::VFrexpExpI16F16 => modifiers.clamp,
        Op::VDot2cF32F16 | Op::VDot2cI32I16 => modifiers.neg | modifiers.abs != 0,
        _ => false,
    }
}

/// Whether a matrix operation broadcasts more blocks of A than it has, or from a block that there
/// is not: the guide leaves the result undefined. In f64 the fields mean something else.
fn has_undefined_broadcast(inst: &Inst) -> bool {
    let name = inst.op.to_string();
    let blocks = [("_2b_", 2), ("_4b_", 4), ("_16b_", 16)];
    let blocks = blocks.iter().find(|(part, _)| name.contains(part)).map_or(1, |(_, n)| *n);
    let width = 1_u32 << inst.modifiers.cbsz;
    let is_double = name.starts_with("v_mfma_f64");
    !is_double && (width > blocks || u32::from(inst.modifiers.abid) >= width)
}

fn scalar_load(op: Op) -> Option<u8> {
    match op {
        Op::SLoadDword | Op::SBufferLoadDword => Some(1),
        Op::SLoadDwordx2 | Op::SBufferLoadDwordx2 => Some(2),
        Op::SLoadDwordx4 | Op::SBufferLoadDwordx4 => Some(4),
        Op::SLoadDwordx8 | Op::SBufferLoadDwordx8 => Some(8),
        Op::SLoadDwordx16 | Op::SBufferLoadDwordx16 => Some(16),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn undefined_broadcasts_are_refused() {
        // `v_mfma_f32_16x16x16_f16 v[0:3], v[4:5], v[6:7], v[0:3]` by LLVM's assembler, then with
        // `cbsz:1` and `abid:1`, of which one block has no use; then with `blgp:1`.
        let plain = [0xd3cd_0000, 0x0402_0d04];
        let prepared = |bits: [u32; 2]| {
            let words = [plain[0] | bits[0], plain[1] | bits[1]];
            Prepared::new(Program::from_words(&words, 0).expect("it decodes"))
        };
        assert_eq!(prepared([0, 0]).first_unsupported(), None);
        assert_eq!(prepared([0, 1 << 29]).first_unsupported(), None);
        for (bits, name) in [([0x100, 0], "cbsz:1"), ([0x800, 0], "abid:1")] {
            let prepared = prepared(bits);
            let refused = prepared.first_unsupported().expect("it must not be ignored");
            assert!(refused.to_string().ends_with(name), "{refused}");
        }
    }
}
