//! Instructions with their meaning looked up: what a launch executes.
//!
//! Done once for each program, so that a wave's step is one indirect call.

use crate::inst::{Format, Inst, OperandKind};
use crate::op::Op;
use crate::program::Program;

use super::access::Access;
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
    /// Vector and accumulation registers that the code names, at least.
    num_registers: [usize; 2],
}

impl Prepared {
    /// Looks up the meaning of every instruction.
    pub fn new(program: Program) -> Self {
        let actions = program.insts().iter().map(action).collect();
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
        Self { program, actions, num_registers }
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

    pub(crate) fn actions(&self) -> &[Action] {
        &self.actions
    }

    pub(crate) fn num_registers(&self) -> [usize; 2] {
        self.num_registers
    }
}

fn action(inst: &Inst) -> Action {
    let name = inst.op.to_string();
    match inst.format {
        Format::Sopp => Action::Control,
        Format::Smem => scalar_load(inst.op).map_or(Action::Control, Action::ScalarLoad),
        Format::Ds => Access::of(&name).map_or(Action::Unsupported, Action::Lds),
        Format::Flat | Format::Global | Format::Scratch | Format::Mubuf => {
            Access::of(&name).map_or(Action::Unsupported, Action::Memory)
        }
        _ => match inst.op {
            Op::SGetregB32
            | Op::SSetregB32
            | Op::SSetregImm32B32
            | Op::SCallB64
            | Op::SGetpcB64
            | Op::SSwappcB64 => Action::Control,
            op => salu::step(op)
                .or_else(|| valu::step(op))
                .or_else(|| matrix::step(op))
                .map_or(Action::Unsupported, Action::Step),
        },
    }
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
