//! SOPP and SOPK: waits, branches, hardware registers.

use std::fmt;

use crate::inst::Inst;
use crate::op::Op;

pub(super) fn sopp(inst: &Inst, f: &mut fmt::Formatter<'_>) -> fmt::Result {
    let imm = inst.imm as u16;
    match inst.op {
        Op::SWaitcnt => write!(f, "s_waitcnt{}", Waits::from(imm)),
        Op::SEndpgm if imm == 0 => f.write_str("s_endpgm"),
        Op::SBarrier | Op::SIcacheInv | Op::SWakeup => write!(f, "{}", inst.op),
        op => write!(f, "{op} {imm}"),
    }
}

/// The counts of `s_waitcnt`: how many operations may still be under way.
struct Waits {
    vmcnt: u16,
    expcnt: u16,
    lgkmcnt: u16,
}

impl From<u16> for Waits {
    fn from(imm: u16) -> Self {
        Self {
            vmcnt: (imm & 0xf) | ((imm >> 14) << 4),
            expcnt: (imm >> 4) & 7,
            lgkmcnt: (imm >> 8) & 0xf,
        }
    }
}

impl fmt::Display for Waits {
    /// Counts that wait for nothing are left out, unless that leaves nothing.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let all =
            [("vmcnt", self.vmcnt, 63), ("expcnt", self.expcnt, 7), ("lgkmcnt", self.lgkmcnt, 15)];
        let idle = all.iter().all(|(_, count, most)| count == most);
        for (name, count, most) in all {
            if idle || count != most {
                write!(f, " {name}({count})")?;
            }
        }
        Ok(())
    }
}

pub(super) fn sopk(inst: &Inst, f: &mut fmt::Formatter<'_>) -> fmt::Result {
    let imm = inst.imm as u16;
    match inst.op {
        Op::SGetregB32 => write!(f, "{} {}, {}", inst.op, inst.dst, HardwareRegister(imm)),
        Op::SSetregB32 => write!(f, "{} {}, {}", inst.op, HardwareRegister(imm), inst.src[0]),
        Op::SSetregImm32B32 => {
            write!(f, "{} {}, ", inst.op, HardwareRegister(inst.imm2))?;
            match inst.imm {
                value @ -16..=64 => write!(f, "{value}"),
                value => write!(f, "{value:#x}"),
            }
        }
        Op::SCallB64 => write!(f, "{} {}, {imm}", inst.op, inst.dst),
        op if inst.dst.is_none() => write!(f, "{op} {}, {imm:#x}", inst.src[0]),
        op => write!(f, "{op} {}, {imm:#x}", inst.dst),
    }
}

/// The descriptor of `s_getreg`: register, first bit, number of bits.
struct HardwareRegister(u16);

impl fmt::Display for HardwareRegister {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (id, offset, width) = (self.0 & 0x3f, (self.0 >> 6) & 0x1f, (self.0 >> 11) + 1);
        match name(id) {
            Some(name) => write!(f, "hwreg(HW_REG_{name}")?,
            None => write!(f, "hwreg({id}")?,
        }
        if (offset, width) != (0, 32) {
            write!(f, ", {offset}, {width}")?;
        }
        f.write_str(")")
    }
}

fn name(id: u16) -> Option<&'static str> {
    Some(match id {
        1 => "MODE",
        2 => "STATUS",
        3 => "TRAPSTS",
        4 => "HW_ID",
        5 => "GPR_ALLOC",
        6 => "LDS_ALLOC",
        7 => "IB_STS",
        15 => "SH_MEM_BASES",
        20 => "XCC_ID",
        21 => "SQ_PERF_SNAPSHOT_DATA",
        22 => "SQ_PERF_SNAPSHOT_DATA1",
        23 => "SQ_PERF_SNAPSHOT_PC_LO",
        24 => "SQ_PERF_SNAPSHOT_PC_HI",
        _ => return None,
    })
}
