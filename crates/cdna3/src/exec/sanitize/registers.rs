//! Which bits of a wave's registers, condition code and private memory are undefined.
//!
//! A set bit means that the register's bit of the same place was never given a value. Knows
//! operands as the wave does; knows no operations.

use crate::inst::{Inst, Lanes, Operand, OperandKind, Special};

use super::super::crosslane;
use super::super::wave::{Lanes32, Lanes64, Wave};

/// Where accumulation registers begin in tables over both kinds.
pub(super) const FIRST_AGPR: usize = 256;
/// Vector and accumulation registers together.
pub(super) const NUM_REGISTERS: usize = 512;

/// The undefined bits of one wave.
pub(super) struct Registers {
    vgprs: Vec<Lanes32>,
    agprs: Vec<Lanes32>,
    /// Registers with an undefined bit in some lane.
    dirty: [bool; NUM_REGISTERS],
    /// Scalar file.
    pub(super) scalars: [u32; 128],
    /// Scalar condition code.
    pub(super) scc: bool,
    /// Private memory, as in the wave: byte after byte.
    pub(super) scratch: Vec<u8>,
}

/// The place of a vector or accumulation register in tables over both kinds.
pub(super) fn register_index(operand: Operand, dword: usize) -> Option<usize> {
    match operand.kind {
        OperandKind::Vgpr(first) => Some(usize::from(first) + dword),
        OperandKind::Agpr(first) => Some(FIRST_AGPR + usize::from(first) + dword),
        _ => None,
    }
}

impl Registers {
    /// Everything undefined.
    pub(super) fn new(num_vgprs: usize, num_agprs: usize, scratch_bytes: usize) -> Self {
        Self {
            vgprs: vec![[u32::MAX; 64]; num_vgprs],
            agprs: vec![[u32::MAX; 64]; num_agprs],
            dirty: [true; NUM_REGISTERS],
            scalars: [u32::MAX; 128],
            scc: true,
            scratch: vec![u8::MAX; scratch_bytes],
        }
    }

    /// Whether every bit that the operand can read is defined in every lane.
    #[inline]
    pub(super) fn is_clean(&self, operand: Operand) -> bool {
        let dwords = usize::from(operand.dwords.max(1));
        match operand.kind {
            OperandKind::Vgpr(first) => {
                let first = usize::from(first);
                !self.dirty[first..first + dwords].contains(&true)
            }
            OperandKind::Agpr(first) => {
                let first = FIRST_AGPR + usize::from(first);
                !self.dirty[first..first + dwords].contains(&true)
            }
            OperandKind::Scalar(first) => {
                let first = usize::from(first);
                let end = (first + dwords).min(self.scalars.len());
                self.scalars[first..end].iter().all(|&bits| bits == 0)
            }
            OperandKind::Special(Special::Scc) => !self.scc,
            _ => true,
        }
    }

    /// Undefined bits of one dword of a scalar operand.
    #[inline]
    pub(super) fn scalar32_at(&self, operand: Operand, dword: u8) -> u32 {
        match operand.kind {
            OperandKind::Scalar(first) => self.scalars[usize::from(first + dword) & 127],
            OperandKind::Special(Special::Scc) if dword == 0 => self.scc.into(),
            _ => 0,
        }
    }

    /// Undefined bits of a scalar operand of one or two dwords.
    #[inline]
    pub(super) fn scalar(&self, operand: Operand) -> u64 {
        let low = u64::from(self.scalar32_at(operand, 0));
        if operand.dwords < 2 {
            return low;
        }
        low | (u64::from(self.scalar32_at(operand, 1)) << 32)
    }

    /// Sets the undefined bits of a scalar result of one or two dwords.
    #[inline]
    pub(super) fn set_scalar(&mut self, operand: Operand, bits: u64) {
        if let OperandKind::Scalar(first) = operand.kind {
            let first = usize::from(first);
            self.scalars[first] = bits as u32;
            if operand.dwords >= 2 && first + 1 < self.scalars.len() {
                self.scalars[first + 1] = (bits >> 32) as u32;
            }
        }
    }

    /// Undefined bits of a dword of a vector operand, lane by lane.
    #[inline]
    pub(super) fn lanes(&self, operand: Operand, dword: u8) -> Lanes32 {
        let at = usize::from(dword);
        match operand.kind {
            OperandKind::Vgpr(first) => self.vgprs[usize::from(first) + at],
            OperandKind::Agpr(first) => self.agprs[usize::from(first) + at],
            _ => [self.scalar32_at(operand, dword); 64],
        }
    }

    /// Two dwords of a vector operand.
    #[inline]
    pub(super) fn lanes64(&self, operand: Operand) -> Lanes64 {
        let low = self.lanes(operand, 0);
        if operand.dwords < 2 {
            return low.map(u64::from);
        }
        let high = self.lanes(operand, 1);
        std::array::from_fn(|lane| u64::from(low[lane]) | (u64::from(high[lane]) << 32))
    }

    /// One lane's dword.
    #[inline]
    pub(super) fn lane(&self, operand: Operand, dword: usize, lane: usize) -> u32 {
        match operand.kind {
            OperandKind::Vgpr(first) => self.vgprs[usize::from(first) + dword][lane],
            OperandKind::Agpr(first) => self.agprs[usize::from(first) + dword][lane],
            _ => self.scalar32_at(operand, dword as u8),
        }
    }

    /// Source `index` of an arithmetic instruction, through DPP or SDWA like its value.
    #[inline]
    pub(super) fn source(&self, w: &Wave, inst: &Inst, index: usize) -> Lanes32 {
        let lanes = self.lanes(inst.src[index], 0);
        match inst.lanes {
            Lanes::Own => lanes,
            Lanes::Dpp(dpp) if index == 0 => crosslane::dpp(&lanes, dpp.control, w.exec()),
            Lanes::Dpp(_) => lanes,
            Lanes::Sdwa(sdwa) => crosslane::sdwa_source(&lanes, sdwa, index),
        }
    }

    fn register(&mut self, operand: Operand, dword: usize) -> Option<&mut Lanes32> {
        match operand.kind {
            OperandKind::Vgpr(first) => self.vgprs.get_mut(usize::from(first) + dword),
            OperandKind::Agpr(first) => self.agprs.get_mut(usize::from(first) + dword),
            _ => None,
        }
    }

    /// Sets the lanes of `mask` of a dword of a vector register.
    #[inline]
    pub(super) fn write_masked(&mut self, dst: Operand, dword: usize, bits: &Lanes32, mask: u64) {
        let Some(register) = self.register(dst, dword) else { return };
        let mut any = 0;
        for lane in 0..64 {
            let keep = (((mask >> lane) & 1) as u32).wrapping_sub(1);
            register[lane] = (register[lane] & keep) | (bits[lane] & !keep);
            any |= register[lane];
        }
        self.mark(dst, dword, any != 0);
    }

    fn mark(&mut self, operand: Operand, dword: usize, dirty: bool) {
        if let Some(index) = register_index(operand, dword) {
            self.dirty[index] = dirty;
        }
    }

    /// Makes all dwords of a result defined: the lanes of `mask`, or a scalar.
    #[inline]
    pub(super) fn define(&mut self, dst: Operand, mask: u64) {
        match dst.kind {
            OperandKind::Vgpr(_) | OperandKind::Agpr(_) => {
                for dword in 0..usize::from(dst.dwords.max(1)) {
                    let is_dirty = register_index(dst, dword).is_some_and(|r| self.dirty[r]);
                    if is_dirty {
                        self.write_masked(dst, dword, &[0; 64], mask);
                    }
                }
            }
            OperandKind::Scalar(first) => {
                let first = usize::from(first);
                let end = (first + usize::from(dst.dwords.max(1))).min(self.scalars.len());
                self.scalars[first..end].fill(0);
            }
            _ => {}
        }
    }
}
