//! Program flow, hardware registers and time.

use crate::inst::{Inst, slot};
use crate::op::Op;
use crate::program::Program;

use super::fault::FaultKind;
use super::wave::{Wave, WaveState};

/// Number of the mode register.
const HW_REG_MODE: u32 = 1;
/// Number of the XCC id register.
const HW_REG_XCC_ID: u32 = 20;

/// Executes an instruction that is neither arithmetic nor memory. `image_base` is where the code
/// object's address 0 lies in global memory.
pub(crate) fn execute(
    w: &mut Wave,
    i: &Inst,
    program: &Program,
    image_base: u64,
) -> Result<(), FaultKind> {
    let next = image_base + i.address + u64::from(i.size_bytes);
    match i.op {
        Op::SEndpgm => w.state = WaveState::Done,
        Op::SBarrier => w.state = WaveState::AtBarrier,
        Op::STrap => return Err(FaultKind::Trap(i.imm)),
        Op::SMemtime | Op::SMemrealtime => {
            let time = w.num_executed;
            w.set_scalar64(i.dst, time);
        }
        Op::SGetpcB64 => w.set_scalar64(i.dst, next),
        Op::SCallB64 => {
            w.set_scalar64(i.dst, next);
            jump(w, i);
        }
        // A jump to an address: the register holds one of global memory.
        Op::SSetpcB64 | Op::SSwappcB64 => {
            let address = w.scalar64(i.src[0]);
            if i.op == Op::SSwappcB64 {
                w.set_scalar64(i.dst, next);
            }
            let index = program.index_of(address.wrapping_sub(image_base));
            w.pc = index.ok_or(FaultKind::ProgramCounter(address))? as usize;
        }
        Op::SGetregB32 => return get_register(w, i),
        Op::SSetregB32 => {
            let value = w.scalar32(if i.src[0].is_none() { i.dst } else { i.src[0] });
            return set_register(w, i.imm as u32, value);
        }
        Op::SSetregImm32B32 => return set_register(w, i.imm2.into(), i.imm as u32),
        Op::SNop
        | Op::SWakeup
        | Op::SWaitcnt
        | Op::SSleep
        | Op::SSetprio
        | Op::SIcacheInv
        | Op::SDcacheInv
        | Op::SDcacheWb
        | Op::SDcacheInvVol
        | Op::SDcacheWbVol => {}
        _ if takes_branch(w, i.op)? => jump(w, i),
        _ => {}
    }
    Ok(())
}

fn jump(w: &mut Wave, i: &Inst) {
    if let Some(target) = i.target {
        w.pc = target as usize;
    }
}

fn takes_branch(w: &Wave, op: Op) -> Result<bool, FaultKind> {
    Ok(match op {
        Op::SBranch => true,
        Op::SCbranchScc0 => !w.scc,
        Op::SCbranchScc1 => w.scc,
        Op::SCbranchVccz => w.pair(slot::VCC) == 0,
        Op::SCbranchVccnz => w.pair(slot::VCC) != 0,
        Op::SCbranchExecz => w.exec() == 0,
        Op::SCbranchExecnz => w.exec() != 0,
        _ => return Err(FaultKind::Unsupported("no meaning for this operation")),
    })
}

/// Id, shift and mask of a hardware register field.
fn field(descriptor: u32) -> (u32, u32, u32) {
    let width = ((descriptor >> 11) & 31) + 1;
    (descriptor & 63, (descriptor >> 6) & 31, u32::MAX >> (32 - width))
}

fn get_register(w: &mut Wave, i: &Inst) -> Result<(), FaultKind> {
    let (id, shift, mask) = field(i.imm as u32);
    let value = match id {
        HW_REG_MODE => w.mode,
        HW_REG_XCC_ID => 0,
        _ => return Err(FaultKind::Unsupported("s_getreg of this hardware register")),
    };
    w.set_scalar32(i.dst, (value >> shift) & mask);
    Ok(())
}

fn set_register(w: &mut Wave, descriptor: u32, value: u32) -> Result<(), FaultKind> {
    let (id, shift, mask) = field(descriptor);
    if id != HW_REG_MODE {
        return Err(FaultKind::Unsupported("s_setreg of this hardware register"));
    }
    w.mode = (w.mode & !(mask << shift)) | ((value & mask) << shift);
    if w.mode & 15 != 0 {
        return Err(FaultKind::Unsupported("rounding other than to nearest even"));
    }
    Ok(())
}
