//! Undefined bits through vector arithmetic.
//!
//! Nothing is reported here: an undefined value may be computed, moved and thrown away.

use crate::inst::{Inst, Lanes, OperandKind};
use crate::op::Op;

use super::super::crosslane;
use super::super::lanes::bits;
use super::super::matrix::result_place;
use super::super::valu::keeps_other_half;
use super::super::wave::{Lanes32, Lanes64, Wave};
use super::registers::Registers;
use super::rules::Rule;

fn has(bits: u8, index: usize) -> bool {
    (bits >> index) & 1 == 1
}

/// All of the result if any bit is undefined.
fn all(bits: u32) -> u32 {
    if bits == 0 { 0 } else { u32::MAX }
}

fn all16(bits: u32) -> u32 {
    if bits & 0xffff == 0 { 0 } else { 0xffff }
}

fn all64(bits: u64) -> u64 {
    if bits == 0 { 0 } else { u64::MAX }
}

/// From the lowest undefined bit upwards: sums, differences, products.
fn up(bits: u32) -> u32 {
    bits | bits.wrapping_neg()
}

fn up64(bits: u64) -> u64 {
    bits | bits.wrapping_neg()
}

/// A vector instruction about to execute: values are those before it.
pub(super) struct Flow<'a> {
    /// Undefined bits.
    pub(super) regs: &'a mut Registers,
    /// Values.
    pub(super) wave: &'a Wave,
    /// The instruction.
    pub(super) inst: &'a Inst,
}

impl Flow<'_> {
    /// Carries undefined bits from the sources to the results.
    #[inline]
    pub(super) fn run(&mut self, rule: Rule) {
        let inst = self.inst;
        let sources_clean = inst.src.iter().all(|&source| self.regs.is_clean(source));
        let dst_clean = self.regs.is_clean(inst.dst);
        if sources_clean && (dst_clean || !self.reads_dst(rule)) {
            let mask = match rule {
                Rule::Matrix(_) => u64::MAX,
                Rule::WriteLane => self.lane_bit(),
                _ => self.wave.write_mask(inst),
            };
            if !dst_clean {
                self.regs.define(inst.dst, mask);
            }
            self.regs.define(inst.sdst, mask);
            return;
        }
        self.spread(rule);
    }

    fn reads_dst(&self, rule: Rule) -> bool {
        let inst = self.inst;
        let keeps = match rule {
            Rule::Accumulate | Rule::Narrow(_) | Rule::Swap => true,
            Rule::Half | Rule::HalfResult => {
                keeps_other_half(inst.op) || has(inst.modifiers.op_sel, 3)
            }
            Rule::Mix => inst.op != Op::VFmaMixF32,
            _ => false,
        };
        keeps || matches!(inst.lanes, Lanes::Sdwa(_))
    }

    /// The lane that `v_writelane` writes.
    fn lane_bit(&self) -> u64 {
        1 << (self.wave.scalar32(self.inst.src[1]) & 63)
    }

    fn spread(&mut self, rule: Rule) {
        match rule {
            Rule::Compare(bytes) => self.compare(bytes),
            Rule::Matrix(rows) => self.matrix(usize::from(rows)),
            Rule::ReadLane => self.read_lane(),
            Rule::WriteLane => {
                let bits = self.regs.scalar32_at(self.inst.src[0], 0);
                let mask = self.lane_bit();
                self.regs.write_masked(self.inst.dst, 0, &[bits; 64], mask);
            }
            Rule::Swap => {
                let (dst, src) = (self.inst.dst, self.inst.src[0]);
                let (a, b) = (self.regs.lanes(dst, 0), self.regs.lanes(src, 0));
                self.regs.write_masked(dst, 0, &b, self.wave.exec());
                self.regs.write_masked(src, 0, &a, self.wave.exec());
            }
            Rule::Wide => {
                let bits = self.wide();
                self.write64(&bits);
                self.spread_carry();
            }
            Rule::PackedDwords => {
                let bits = self.packed_dwords();
                self.write64(&bits);
            }
            Rule::Widen(bytes) => self.widen(bytes),
            Rule::Bits => {
                let bits = self.bits();
                self.write(&bits);
                self.spread_carry();
            }
            Rule::All | Rule::Accumulate => self.whole(rule == Rule::Accumulate),
            _ => {
                let bits = self.parts(rule);
                self.write(&bits);
            }
        }
    }

    fn undefined(&self, index: usize) -> Lanes32 {
        self.regs.source(self.wave, self.inst, index)
    }

    fn value(&self, index: usize) -> Lanes32 {
        self.wave.source(self.inst, index)
    }

    fn write(&mut self, bits: &Lanes32) {
        let mask = self.wave.write_mask(self.inst);
        if let Lanes::Sdwa(sdwa) = self.inst.lanes {
            let old = self.regs.lanes(self.inst.dst, 0);
            let merged = crosslane::sdwa_result(&old, bits, sdwa);
            self.regs.write_masked(self.inst.dst, 0, &merged, mask);
        } else {
            self.regs.write_masked(self.inst.dst, 0, bits, mask);
        }
    }

    fn write64(&mut self, bits: &Lanes64) {
        let mask = self.wave.write_mask(self.inst);
        self.regs.write_masked(self.inst.dst, 0, &bits.map(|b| b as u32), mask);
        self.regs.write_masked(self.inst.dst, 1, &bits.map(|b| (b >> 32) as u32), mask);
    }

    /// Per lane: whether any bit of any source is undefined.
    fn any_source(&self) -> Lanes64 {
        let mut any = [0_u64; 64];
        for (index, source) in self.inst.src.iter().enumerate() {
            if self.regs.is_clean(*source) {
                continue;
            }
            let bits = if source.dwords >= 2 && !self.is_lane_mask(index) {
                self.regs.lanes64(*source)
            } else if self.is_lane_mask(index) {
                let mask = self.regs.scalar(*source);
                std::array::from_fn(|lane| (mask >> lane) & 1)
            } else {
                self.undefined(index).map(u64::from)
            };
            for lane in 0..64 {
                any[lane] |= bits[lane];
            }
        }
        any
    }

    /// Whether a source is a scalar pair with a bit for each lane: carries, `vcc` of `div_fmas`.
    fn is_lane_mask(&self, index: usize) -> bool {
        let is_scalar = matches!(self.inst.src[index].kind, OperandKind::Scalar(_));
        let takes_mask = match self.inst.op {
            Op::VCndmaskB32 | Op::VAddcCoU32 | Op::VSubbCoU32 | Op::VSubbrevCoU32 => index == 2,
            _ => false,
        };
        is_scalar && takes_mask
    }

    fn whole(&mut self, accumulates: bool) {
        let mut any = self.any_source();
        let dwords = usize::from(self.inst.dst.dwords.max(1));
        if accumulates {
            for dword in 0..dwords {
                let old = self.regs.lanes(self.inst.dst, dword as u8);
                for lane in 0..64 {
                    any[lane] |= u64::from(old[lane]);
                }
            }
        }
        let bits = any.map(all64);
        if dwords == 1 {
            self.write(&bits.map(|b| b as u32));
        } else {
            self.write64(&bits);
        }
        self.spread_carry();
    }

    /// The second, scalar result: a bit for each lane with an undefined source.
    fn spread_carry(&mut self) {
        if self.inst.sdst.is_none() {
            return;
        }
        let any = self.any_source();
        let mask = (0..64).fold(0, |mask, lane| mask | (u64::from(any[lane] != 0) << lane));
        self.regs.set_scalar(self.inst.sdst, mask & self.wave.exec());
    }

    fn compare(&mut self, bytes: u8) {
        let any = match bytes {
            2 => {
                let half = |index: usize| {
                    let shift = if has(self.inst.modifiers.op_sel, index) { 16 } else { 0 };
                    self.undefined(index).map(|bits| (bits >> shift) & 0xffff)
                };
                let (a, b) = (half(0), half(1));
                std::array::from_fn(|lane| u64::from(a[lane] | b[lane]))
            }
            _ => self.any_source(),
        };
        let mask = (0..64).fold(0, |mask, lane| mask | (u64::from(any[lane] != 0) << lane));
        self.regs.set_scalar(self.inst.dst, mask & self.wave.exec());
    }

    fn read_lane(&mut self) {
        let lane = if self.inst.op == Op::VReadlaneB32 {
            self.wave.scalar32(self.inst.src[1]) & 63
        } else {
            self.wave.exec().trailing_zeros() & 63
        };
        let bits = self.regs.lane(self.inst.src[0], 0, lane as usize);
        self.regs.set_scalar(self.inst.dst, bits.into());
    }

    fn bits(&self) -> Lanes32 {
        let (u, v) = ([0, 1, 2].map(|k| self.undefined(k)), [0, 1, 2].map(|k| self.value(k)));
        let takes_mask = self.is_lane_mask(2);
        let condition = if takes_mask { self.regs.scalar(self.inst.src[2]) } else { 0 };
        let chosen = if takes_mask { self.wave.scalar64(self.inst.src[2]) } else { 0 };
        let op = self.inst.op;
        std::array::from_fn(|l| {
            let (u, v) = ([u[0][l], u[1][l], u[2][l]], [v[0][l], v[1][l], v[2][l]]);
            match op {
                Op::VCndmaskB32 if (condition >> l) & 1 == 1 => u[0] | u[1] | (v[0] ^ v[1]),
                Op::VCndmaskB32 => u[((chosen >> l) & 1) as usize],
                Op::VAddcCoU32 | Op::VSubbCoU32 | Op::VSubbrevCoU32 => {
                    up(u[0] | u[1] | ((condition >> l) & 1) as u32)
                }
                Op::VMbcntLoU32B32 | Op::VMbcntHiU32B32 => all(u[0]) | up(u[1]),
                _ => logic(op, u, v).or_else(|| fields(op, u, v)).unwrap_or_else(|| sums(op, u, v)),
            }
        })
    }

    fn wide(&self) -> Lanes64 {
        let inst = self.inst;
        if inst.op == Op::VPkMovB32 {
            let low = self.regs.lanes(inst.src[0], inst.modifiers.op_sel & 1);
            let high = self.regs.lanes(inst.src[1], (inst.modifiers.op_sel >> 1) & 1);
            return std::array::from_fn(|l| u64::from(low[l]) | (u64::from(high[l]) << 32));
        }
        let [a, b, c] = [0, 1, 2].map(|k| self.regs.lanes64(inst.src[k]));
        let shifts = self.value(if inst.op == Op::VLshlAddU64 { 1 } else { 0 });
        std::array::from_fn(|l| match inst.op {
            Op::VMovB64 => a[l],
            Op::VLshlAddU64 if b[l] & 7 != 0 => u64::MAX,
            Op::VLshlAddU64 => up64((a[l] << (shifts[l] & 7)) | c[l]),
            Op::VMadU64U32 => up64(a[l] | b[l] | c[l]),
            Op::VMadI64I32 => up64(a[l] | b[l] | c[l]),
            _ if a[l] & 63 != 0 => u64::MAX,
            Op::VLshlrevB64 => b[l] << (shifts[l] & 63),
            Op::VLshrrevB64 => b[l] >> (shifts[l] & 63),
            _ => ((b[l] as i64) >> (shifts[l] & 63)) as u64,
        })
    }

    fn packed_dwords(&self) -> Lanes64 {
        let inst = self.inst;
        let mut out = [0_u64; 64];
        for source in 0..3 {
            if self.regs.is_clean(inst.src[source]) {
                continue;
            }
            let is_wide = inst.src[source].dwords >= 2;
            let pick = |select: u8| {
                self.regs.lanes(inst.src[source], u8::from(is_wide && has(select, source)))
            };
            let (low, high) = (pick(inst.modifiers.op_sel), pick(inst.modifiers.op_sel_hi));
            for l in 0..64 {
                out[l] |= u64::from(all(low[l])) | (u64::from(all(high[l])) << 32);
            }
        }
        out
    }

    /// 8-bit floats of source 0, each to a dword of its own.
    fn widen(&mut self, bytes: u8) {
        let shift = if has(self.inst.modifiers.op_sel, 0) && bytes == 2 { 16 } else { 0 };
        let source = self.undefined(0).map(|bits| bits >> shift);
        if bytes == 1 {
            return self.write(&source.map(|bits| all(bits & 0xff)));
        }
        self.write64(
            &source.map(|bits| u64::from(all(bits & 0xff)) | (u64::from(all(bits & 0xff00)) << 32)),
        );
    }

    /// 16-bit and 8-bit parts of registers.
    fn parts(&self, rule: Rule) -> Lanes32 {
        let (inst, m) = (self.inst, self.inst.modifiers);
        let old = self.regs.lanes(inst.dst, 0);
        let u = [0, 1, 2].map(|k| self.undefined(k));
        let half = |k: usize, l: usize, high: bool| all16(u[k][l] >> if high { 16 } else { 0 });
        let selected = |k: usize, l: usize| half(k, l, has(m.op_sel, k));
        let into = |l: usize, shift: u32, width: u32, bits: u32| {
            let field = (u32::MAX >> (32 - width)) << shift;
            (old[l] & !field) | ((bits << shift) & field)
        };
        let high_shift = if has(m.op_sel, 3) { 16 } else { 0 };
        let place_half = |l: usize, bits: u32| match high_shift == 16 || keeps_other_half(inst.op) {
            true => into(l, high_shift, 16, bits),
            false => bits & 0xffff,
        };
        std::array::from_fn(|l| match rule {
            Rule::PackedHalves => (0..3)
                .fold(0, |out, k| out | selected(k, l) | (half(k, l, has(m.op_sel_hi, k)) << 16)),
            Rule::PackHalves => selected(0, l) | (selected(1, l) << 16),
            Rule::Half => place_half(l, selected(0, l) | selected(1, l) | selected(2, l)),
            Rule::HalfResult => place_half(l, all(u[0][l])),
            Rule::HalfSources(mask) => {
                all((0..3)
                    .fold(0, |out, k| out | if has(mask, k) { selected(k, l) } else { u[k][l] }))
            }
            Rule::Mix => {
                let any = all((0..3).fold(0, |out, k| {
                    out | if has(m.op_sel_hi, k) { selected(k, l) } else { u[k][l] }
                }));
                match inst.op {
                    Op::VFmaMixloF16 => into(l, 0, 16, any),
                    Op::VFmaMixhiF16 => into(l, 16, 16, any),
                    _ => any,
                }
            }
            Rule::Narrow(2) => {
                let bytes = (all(u[0][l]) & 0xff) | (all(u[1][l]) & 0xff00);
                into(l, high_shift, 16, bytes)
            }
            Rule::Narrow(_) => {
                let shift = u32::from((m.op_sel >> 2) & 3) * 8;
                into(l, shift, 8, all(u[0][l] | u[1][l]))
            }
            _ => all(u[0][l] | u[1][l] | u[2][l]),
        })
    }

    /// A row of A reaches its row of D, a column of B its column; all of a block's k count.
    fn matrix(&mut self, rows: usize) {
        let inst = self.inst;
        let blocks = match rows {
            16 => usize::from(inst.dst.dwords / 4).max(1),
            32 => usize::from(inst.dst.dwords / 16).max(1),
            _ => 16,
        };
        // Forms of more than two blocks, and broadcasts, are rare: an undefined bit spoils all of D.
        let m = inst.modifiers;
        let coarse = blocks > 2 || [m.cbsz, m.abid, m.blgp] != [0; 3];
        let mut lines = [[0_u64; 2]; 2];
        for (source, masks) in lines.iter_mut().enumerate() {
            let bits = self.regs.lanes64(inst.src[source]);
            for lane in (0..64).filter(|&lane| bits[lane] != 0) {
                let block = if blocks == 2 { lane / 32 } else { 0 };
                masks[block] |= 1 << (lane % rows.max(1));
            }
        }
        let [a, b] = lines;
        let any = a != [0; 2] || b != [0; 2];
        for register in 0..usize::from(inst.dst.dwords) {
            let c = match inst.src[2].kind {
                OperandKind::Constant(_) => [0; 64],
                _ => self.regs.lanes(inst.src[2], register as u8),
            };
            let bits = std::array::from_fn(|lane| {
                if coarse {
                    return if any { u32::MAX } else { all(c[lane]) };
                }
                let (block, row, column) = result_place(rows, lane, register);
                let touched = ((a[block & 1] >> row) | (b[block & 1] >> column)) & 1;
                all(c[lane] | touched as u32)
            });
            self.regs.write_masked(inst.dst, register, &bits, u64::MAX);
        }
    }
}

/// Bit operations; `u` undefined bits, `v` values.
fn logic(op: Op, u: [u32; 3], v: [u32; 3]) -> Option<u32> {
    // Undefined where a value decides nothing: with a defined 0 the conjunction is 0.
    let and = |ua, va, ub, vb| (ua & ub) | (ua & vb) | (ub & va);
    let or = |ua: u32, va: u32, ub: u32, vb: u32| (ua & ub) | (ua & !vb) | (ub & !va);
    Some(match op {
        Op::VMovB32 | Op::VAccvgprReadB32 | Op::VAccvgprWriteB32 | Op::VAccvgprMovB32 => u[0],
        Op::VNotB32 => u[0],
        Op::VBfrevB32 => u[0].reverse_bits(),
        Op::VXorB32 | Op::VXnorB32 => u[0] | u[1],
        Op::VAndB32 => and(u[0], v[0], u[1], v[1]),
        Op::VOrB32 => or(u[0], v[0], u[1], v[1]),
        Op::VOr3B32 => {
            let first = or(u[0], v[0], u[1], v[1]);
            or(first, (v[0] | v[1]) & !first, u[2], v[2])
        }
        Op::VAndOrB32 => {
            let first = and(u[0], v[0], u[1], v[1]);
            or(first, (v[0] & v[1]) & !first, u[2], v[2])
        }
        Op::VLshlOrB32 if u[1] & 31 != 0 => u32::MAX,
        Op::VLshlOrB32 => {
            let first = u[0] << (v[1] & 31);
            or(first, (v[0] << (v[1] & 31)) & !first, u[2], v[2])
        }
        _ => return None,
    })
}

/// Shifts, fields and byte permutations: an undefined amount leaves nothing defined.
fn fields(op: Op, u: [u32; 3], v: [u32; 3]) -> Option<u32> {
    let by = v[0] & 31;
    Some(match op {
        Op::VLshlrevB32 | Op::VLshrrevB32 | Op::VAshrrevI32 if u[0] & 31 != 0 => u32::MAX,
        Op::VLshlrevB32 => u[1] << by,
        Op::VLshrrevB32 => u[1] >> by,
        Op::VAshrrevI32 => ((u[1] as i32) >> by) as u32,
        Op::VBfeU32 | Op::VBfeI32 if (u[1] | u[2]) & 31 != 0 => u32::MAX,
        Op::VBfeU32 => bits::bfe_u32(u[0], v[1], v[2]),
        Op::VBfeI32 => bits::bfe_i32(u[0], v[1], v[2]),
        Op::VBfiB32 => bits::bfi(v[0], u[1], u[2]) | (u[0] & (u[1] | u[2] | (v[1] ^ v[2]))),
        Op::VAlignbitB32 if u[2] & 31 != 0 => u32::MAX,
        Op::VAlignbitB32 => bits::alignbit(u[0], u[1], v[2]),
        Op::VAlignbyteB32 if u[2] & 3 != 0 => u32::MAX,
        Op::VAlignbyteB32 => bits::alignbyte(u[0], u[1], v[2]),
        Op::VPermB32 if u[2] != 0 => u32::MAX,
        Op::VPermB32 => {
            // A selector above the constants would give their 0xff: turn it into zero.
            let selectors = v[2].to_le_bytes().map(|s| s.min(12));
            bits::perm(u[0], u[1], u32::from_le_bytes(selectors))
        }
        Op::VCvtF32Ubyte0 => all(u[0] & 0xff),
        Op::VCvtF32Ubyte1 => all(u[0] & 0xff00),
        Op::VCvtF32Ubyte2 => all(u[0] & 0x00ff_0000),
        Op::VCvtF32Ubyte3 => all(u[0] & 0xff00_0000),
        _ => return None,
    })
}

/// Integer sums and products: undefined from the lowest undefined bit up.
fn sums(op: Op, u: [u32; 3], v: [u32; 3]) -> u32 {
    match op {
        Op::VMulU32U24 | Op::VMulI32I24 => up((u[0] | u[1]) & 0x00ff_ffff),
        Op::VMadU32U24 | Op::VMadI32I24 => up(((u[0] | u[1]) & 0x00ff_ffff) | u[2]),
        Op::VLshlAddU32 if u[1] & 31 != 0 => u32::MAX,
        Op::VLshlAddU32 => up((u[0] << (v[1] & 31)) | u[2]),
        Op::VAddLshlU32 if u[2] & 31 != 0 => u32::MAX,
        Op::VAddLshlU32 => up(u[0] | u[1]) << (v[2] & 31),
        Op::VAdd3U32 | Op::VXadU32 => up(u[0] | u[1] | u[2]),
        _ => up(u[0] | u[1]),
    }
}
