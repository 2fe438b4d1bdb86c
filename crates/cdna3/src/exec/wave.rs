//! The registers of one wave, and how operands are read and written.
//!
//! Knows operands, exec and the mode register; knows no operations.

use crate::inst::{Inst, Lanes, Operand, OperandKind, Special, slot};

use super::crosslane;

/// One dword for each lane of a wave.
pub(crate) type Lanes32 = [u32; 64];
/// Two dwords for each lane.
pub(crate) type Lanes64 = [u64; 64];

/// High dword of LDS addresses in the flat address space.
pub(crate) const SHARED_APERTURE: u32 = 0x0001_0000;
/// High dword of scratch addresses in the flat address space.
pub(crate) const PRIVATE_APERTURE: u32 = 0x0002_0000;

/// What a wave does next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum WaveState {
    /// Executes.
    Running,
    /// Waits for the other waves of its work-group.
    AtBarrier,
    /// Has ended.
    Done,
}

/// One wave of 64 lanes.
pub(crate) struct Wave {
    /// The scalar file by operand encoding, incl. vcc, m0 and exec.
    pub(crate) scalars: [u32; 128],
    /// Vector registers.
    pub(crate) vgprs: Vec<Lanes32>,
    /// Accumulation registers.
    pub(crate) agprs: Vec<Lanes32>,
    /// Scalar condition code.
    pub(crate) scc: bool,
    /// Mode register: bits 0-3 rounding, 4-5 f32 denormals, 6-7 f16 and f64
    /// denormals, 8 `DX10_CLAMP`, 9 `IEEE`.
    pub(crate) mode: u32,
    /// Index of the next instruction.
    pub(crate) pc: usize,
    /// Index of the instruction begun last.
    pub(crate) current: usize,
    /// Lanes that it began with.
    pub(crate) initial_exec: u64,
    /// What it does next.
    pub(crate) state: WaveState,
    /// Private memory: lane after lane, `scratch_bytes` each.
    pub(crate) scratch: Vec<u8>,
    /// Bytes of private memory of a lane.
    pub(crate) scratch_bytes: usize,
    /// Instructions executed.
    pub(crate) num_executed: u64,
}

impl Wave {
    /// A wave with zeroed registers.
    pub(crate) fn new(num_vgprs: usize, num_agprs: usize, scratch_bytes: usize) -> Self {
        Self {
            scalars: [0; 128],
            vgprs: vec![[0; 64]; num_vgprs],
            agprs: vec![[0; 64]; num_agprs],
            scc: false,
            mode: 0x3f0,
            pc: 0,
            current: 0,
            initial_exec: u64::MAX,
            state: WaveState::Running,
            scratch: vec![0; scratch_bytes * 64],
            scratch_bytes,
            num_executed: 0,
        }
    }

    /// Lanes that are on.
    #[inline]
    pub(crate) fn exec(&self) -> u64 {
        self.pair(slot::EXEC)
    }

    /// Two consecutive scalar registers.
    #[inline]
    pub(crate) fn pair(&self, index: u8) -> u64 {
        let index = usize::from(index);
        u64::from(self.scalars[index]) | (u64::from(self.scalars[index + 1]) << 32)
    }

    /// Writes two consecutive scalar registers.
    #[inline]
    pub(crate) fn set_pair(&mut self, index: u8, value: u64) {
        let index = usize::from(index);
        self.scalars[index] = value as u32;
        self.scalars[index + 1] = (value >> 32) as u32;
    }

    fn special(&self, special: Special, dword: u8) -> u32 {
        match (special, dword) {
            (Special::SharedBase, 1) => SHARED_APERTURE,
            (Special::SharedLimit, 1) => SHARED_APERTURE,
            (Special::PrivateBase, 1) => PRIVATE_APERTURE,
            (Special::PrivateLimit, 1) => PRIVATE_APERTURE,
            (Special::SharedLimit | Special::PrivateLimit, 0) => u32::MAX,
            (Special::Vccz, 0) => u32::from(self.pair(slot::VCC) == 0),
            (Special::Execz, 0) => u32::from(self.exec() == 0),
            (Special::Scc, 0) => u32::from(self.scc),
            _ => 0,
        }
    }

    /// A dword of a scalar operand; of lane 0 for vector registers.
    #[inline]
    pub(crate) fn scalar32_at(&self, operand: Operand, dword: u8) -> u32 {
        match operand.kind {
            OperandKind::Scalar(index) => self.scalars[usize::from(index + dword)],
            OperandKind::Constant(constant) => (constant.bits >> (32 * dword)) as u32,
            OperandKind::Special(special) => self.special(special, dword),
            OperandKind::Vgpr(index) => self.vgprs[usize::from(index + dword)][0],
            OperandKind::Agpr(index) => self.agprs[usize::from(index + dword)][0],
            OperandKind::None => 0,
        }
    }

    /// A 32-bit scalar operand.
    #[inline]
    pub(crate) fn scalar32(&self, operand: Operand) -> u32 {
        self.scalar32_at(operand, 0)
    }

    /// A 64-bit scalar operand.
    #[inline]
    pub(crate) fn scalar64(&self, operand: Operand) -> u64 {
        u64::from(self.scalar32_at(operand, 0)) | (u64::from(self.scalar32_at(operand, 1)) << 32)
    }

    /// Writes a 32-bit scalar result.
    #[inline]
    pub(crate) fn set_scalar32(&mut self, operand: Operand, value: u32) {
        if let OperandKind::Scalar(index) = operand.kind {
            self.scalars[usize::from(index)] = value;
        }
    }

    /// Writes a 64-bit scalar result.
    #[inline]
    pub(crate) fn set_scalar64(&mut self, operand: Operand, value: u64) {
        if let OperandKind::Scalar(index) = operand.kind {
            self.set_pair(index, value);
        }
    }

    /// A dword of a vector operand for all lanes; scalars and constants are the same in each.
    #[inline]
    pub(crate) fn lanes(&self, operand: Operand, dword: u8) -> Lanes32 {
        match operand.kind {
            OperandKind::Vgpr(index) => self.vgprs[usize::from(index) + usize::from(dword)],
            OperandKind::Agpr(index) => self.agprs[usize::from(index) + usize::from(dword)],
            _ => [self.scalar32_at(operand, dword); 64],
        }
    }

    /// Two dwords of a vector operand for all lanes.
    #[inline]
    pub(crate) fn lanes64(&self, operand: Operand) -> Lanes64 {
        let (low, high) = (self.lanes(operand, 0), self.lanes(operand, 1));
        std::array::from_fn(|lane| u64::from(low[lane]) | (u64::from(high[lane]) << 32))
    }

    /// Source `index` of an arithmetic instruction as 32 bits, through DPP or SDWA.
    #[inline]
    pub(crate) fn source(&self, inst: &Inst, index: usize) -> Lanes32 {
        let lanes = self.lanes(inst.src[index], 0);
        match inst.lanes {
            Lanes::Own => lanes,
            Lanes::Dpp(dpp) if index == 0 => crosslane::dpp(&lanes, dpp.control, self.exec()),
            Lanes::Dpp(_) => lanes,
            Lanes::Sdwa(sdwa) => crosslane::sdwa_source(&lanes, sdwa, index),
        }
    }

    /// Lanes that the instruction writes: exec, less what DPP leaves out.
    #[inline]
    pub(crate) fn write_mask(&self, inst: &Inst) -> u64 {
        match inst.lanes {
            Lanes::Dpp(dpp) => self.exec() & crosslane::dpp_mask(dpp, self.exec()),
            _ => self.exec(),
        }
    }

    /// The register behind a vector destination.
    #[inline]
    pub(crate) fn register(&mut self, operand: Operand, dword: u8) -> Option<&mut Lanes32> {
        match operand.kind {
            OperandKind::Vgpr(index) => self.vgprs.get_mut(usize::from(index) + usize::from(dword)),
            OperandKind::Agpr(index) => self.agprs.get_mut(usize::from(index) + usize::from(dword)),
            _ => None,
        }
    }

    /// Writes the lanes of `mask` of a vector destination.
    #[inline]
    pub(crate) fn write_masked(&mut self, dst: Operand, dword: u8, value: &Lanes32, mask: u64) {
        let Some(register) = self.register(dst, dword) else { return };
        if mask == u64::MAX {
            *register = *value;
            return;
        }
        for lane in 0..64 {
            let keep = (((mask >> lane) & 1) as u32).wrapping_sub(1);
            register[lane] = (register[lane] & keep) | (value[lane] & !keep);
        }
    }

    /// Writes a 32-bit arithmetic result, through SDWA.
    #[inline]
    pub(crate) fn write(&mut self, inst: &Inst, value: &Lanes32) {
        let mask = self.write_mask(inst);
        if let Lanes::Sdwa(sdwa) = inst.lanes {
            let old = self.lanes(inst.dst, 0);
            let merged = crosslane::sdwa_result(&old, value, sdwa);
            self.write_masked(inst.dst, 0, &merged, mask);
        } else {
            self.write_masked(inst.dst, 0, value, mask);
        }
    }

    /// Writes a 64-bit arithmetic result.
    #[inline]
    pub(crate) fn write64(&mut self, inst: &Inst, value: &Lanes64) {
        let mask = self.write_mask(inst);
        self.write_masked(inst.dst, 0, &value.map(|v| v as u32), mask);
        self.write_masked(inst.dst, 1, &value.map(|v| (v >> 32) as u32), mask);
    }

    /// Denormal mode of f32: bit 0 denormal sources allowed, bit 1 denormal results allowed.
    #[inline]
    pub(crate) fn denormals_f32(&self) -> u32 {
        (self.mode >> 4) & 3
    }

    /// Whether clamp makes zero of NaN.
    #[inline]
    pub(crate) fn is_dx10_clamp(&self) -> bool {
        self.mode & 0x100 != 0
    }

    /// Whether minima quiet signalling NaN, and output modifiers are ignored.
    #[inline]
    pub(crate) fn is_ieee(&self) -> bool {
        self.mode & 0x200 != 0
    }

    /// Denormal mode of f16 and f64, as [`Self::denormals_f32`].
    #[inline]
    pub(crate) fn denormals_f16_f64(&self) -> u32 {
        (self.mode >> 6) & 3
    }
}

/// Registers lane by lane, for memory instructions.
impl Wave {
    /// One lane's dword of an operand.
    #[inline]
    pub(crate) fn lane(&self, operand: Operand, dword: usize, lane: usize) -> u32 {
        match operand.kind {
            OperandKind::Vgpr(index) => self.vgprs[usize::from(index) + dword][lane],
            OperandKind::Agpr(index) => self.agprs[usize::from(index) + dword][lane],
            _ => self.scalar32_at(operand, dword as u8),
        }
    }

    /// Writes one lane's dword; no operand takes nothing.
    #[inline]
    pub(crate) fn set_lane(&mut self, operand: Operand, dword: usize, lane: usize, value: u32) {
        if let Some(register) = self.register(operand, dword as u8) {
            register[lane] = value;
        }
    }

    /// One lane's data of one or two dwords.
    #[inline]
    pub(crate) fn data64(&self, operand: Operand, lane: usize) -> u64 {
        let low = u64::from(self.lane(operand, 0, lane));
        if operand.dwords < 2 {
            return low;
        }
        low | (u64::from(self.lane(operand, 1, lane)) << 32)
    }
}
