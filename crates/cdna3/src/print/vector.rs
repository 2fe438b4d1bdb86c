//! Vector arithmetic with its modifiers.

use std::fmt;

use super::arithmetic;
use super::operand::list;
use crate::inst::{Dpp, DppControl, Format, Inst, Lanes, OperandKind, Sdwa, Select, Unused};
use crate::op::Op;
use crate::tables;

/// VOP1, VOP2, VOPC.
pub(super) fn short(inst: &Inst, f: &mut fmt::Formatter<'_>) -> fmt::Result {
    let suffix = match inst.lanes {
        Lanes::Dpp(_) => "_dpp",
        Lanes::Sdwa(_) => "_sdwa",
        Lanes::Own if has_one_form(inst.op) => "",
        Lanes::Own => "_e32",
    };
    write!(f, "{}{suffix}", inst.op)?;
    let sext = if let Lanes::Sdwa(sdwa) = inst.lanes { sdwa.sext } else { 0 };
    list(f, &mut operands(inst, sext))?;
    match inst.lanes {
        Lanes::Own => Ok(()),
        Lanes::Dpp(dpp) => write!(f, "{dpp}"),
        Lanes::Sdwa(sdwa) => {
            output(f, inst)?;
            write_sdwa(f, inst, &sdwa)
        }
    }
}

/// Operations of the 32-bit formats that have no 64-bit encoding, so no suffix.
fn has_one_form(op: Op) -> bool {
    matches!(
        op,
        Op::VNop
            | Op::VReadfirstlaneB32
            | Op::VSwapB32
            | Op::VAccvgprMovB32
            | Op::VFmamkF32
            | Op::VFmaakF32
    )
}

/// Destinations and sources, these with sign modifiers. Bit i of `sext`: source i is extended.
fn operands(inst: &Inst, sext: u8) -> impl Iterator<Item = String> {
    let num_destinations = arithmetic(inst).count() - num_sources(inst);
    arithmetic(inst).enumerate().map(move |(position, operand)| {
        let Some(index) = position.checked_sub(num_destinations) else {
            return operand.to_string();
        };
        let has = |mask: u8| (mask >> index) & 1 == 1;
        let (neg, abs) = (has(inst.modifiers.neg), has(inst.modifiers.abs));
        let constant = matches!(operand.kind, OperandKind::Constant(_));
        match (has(sext), neg, abs) {
            (true, ..) => format!("sext({operand})"),
            (_, false, false) => operand.to_string(),
            (_, false, true) => format!("|{operand}|"),
            (_, true, true) => format!("-|{operand}|"),
            // A minus in front of a number would be read as part of it.
            (_, true, false) if constant => format!("neg({operand})"),
            (_, true, false) => format!("-{operand}"),
        }
    })
}

fn num_sources(inst: &Inst) -> usize {
    inst.src.iter().filter(|operand| !operand.is_none()).count()
}

pub(super) fn vop3(inst: &Inst, f: &mut fmt::Formatter<'_>) -> fmt::Result {
    let suffix = if tables::has_short_form(inst.op) { "_e64" } else { "" };
    write!(f, "{}{suffix}", inst.op)?;
    list(f, &mut operands(inst, 0))?;
    if inst.modifiers.op_sel != 0 {
        // Sources, then the destination, whose bit is the last whatever their number.
        let num_sources = num_sources(inst);
        let last = [(inst.modifiers.op_sel >> 3) & 1];
        let bits = elements(inst.modifiers.op_sel, num_sources).chain(last);
        write_bits(f, "op_sel", bits)?;
    }
    output(f, inst)
}

pub(super) fn vop3p(inst: &Inst, f: &mut fmt::Formatter<'_>) -> fmt::Result {
    let mix = matches!(inst.op, Op::VFmaMixF32 | Op::VFmaMixloF16 | Op::VFmaMixhiF16);
    let modifiers = &inst.modifiers;
    let num_sources = num_sources(inst);
    let all = (1 << num_sources) - 1;
    write!(f, "{}", inst.op)?;
    if mix {
        list(f, &mut operands(inst, 0))?;
    } else {
        list(f, &mut arithmetic(inst).map(ToString::to_string))?;
    }
    let usual_high = if mix { 0 } else { all };
    let signs = if mix { 0 } else { all };
    for (name, bits, usual) in [
        ("op_sel", modifiers.op_sel & all, 0),
        ("op_sel_hi", modifiers.op_sel_hi & all, usual_high),
        ("neg_lo", modifiers.neg & signs, 0),
        ("neg_hi", modifiers.abs & signs, 0),
    ] {
        if bits != usual {
            write_bits(f, name, elements(bits, num_sources))?;
        }
    }
    output(f, inst)
}

pub(super) fn mai(inst: &Inst, f: &mut fmt::Formatter<'_>) -> fmt::Result {
    write!(f, "{}", inst.op)?;
    list(f, &mut arithmetic(inst).map(ToString::to_string))?;
    let modifiers = &inst.modifiers;
    let double = matches!(inst.op, Op::VMfmaF6416x16x4F64 | Op::VMfmaF644x4x44bF64);
    for (name, value) in [("cbsz", modifiers.cbsz), ("abid", modifiers.abid)] {
        if value != 0 {
            write!(f, " {name}:{value}")?;
        }
    }
    match modifiers.blgp {
        0 => Ok(()),
        bits if double => write_bits(f, "neg", elements(bits, 3)),
        value => write!(f, " blgp:{value}"),
    }
}

fn output(f: &mut fmt::Formatter<'_>, inst: &Inst) -> fmt::Result {
    f.write_str(if inst.modifiers.clamp { " clamp" } else { "" })?;
    f.write_str(["", " mul:2", " mul:4", " div:2"][usize::from(inst.modifiers.omod)])
}

fn elements(bits: u8, num: usize) -> impl Iterator<Item = u8> {
    (0..num).map(move |index| (bits >> index) & 1)
}

fn write_bits(
    f: &mut fmt::Formatter<'_>,
    name: &str,
    bits: impl Iterator<Item = u8>,
) -> fmt::Result {
    let bits: Vec<String> = bits.map(|bit| bit.to_string()).collect();
    write!(f, " {name}:[{}]", bits.join(","))
}

impl fmt::Display for Dpp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.control {
            DppControl::QuadPerm([a, b, c, d]) => write!(f, " quad_perm:[{a},{b},{c},{d}]"),
            DppControl::RowShl(n) => write!(f, " row_shl:{n}"),
            DppControl::RowShr(n) => write!(f, " row_shr:{n}"),
            DppControl::RowRor(n) => write!(f, " row_ror:{n}"),
            DppControl::WaveShl => f.write_str(" wave_shl:1"),
            DppControl::WaveRol => f.write_str(" wave_rol:1"),
            DppControl::WaveShr => f.write_str(" wave_shr:1"),
            DppControl::WaveRor => f.write_str(" wave_ror:1"),
            DppControl::RowMirror => f.write_str(" row_mirror"),
            DppControl::RowHalfMirror => f.write_str(" row_half_mirror"),
            DppControl::RowBcast15 => f.write_str(" row_bcast:15"),
            DppControl::RowBcast31 => f.write_str(" row_bcast:31"),
            DppControl::RowNewBcast(n) => write!(f, " row_newbcast:{n}"),
        }?;
        write!(f, " row_mask:{:#x} bank_mask:{:#x}", self.row_mask, self.bank_mask)?;
        f.write_str(if self.bound_ctrl { " bound_ctrl:1" } else { "" })
    }
}

fn write_sdwa(f: &mut fmt::Formatter<'_>, inst: &Inst, sdwa: &Sdwa) -> fmt::Result {
    if inst.op == Op::VNop {
        return Ok(());
    }
    if inst.format != Format::Vopc && !writes_whole_dwords(inst.op) {
        let unused = match sdwa.dst_unused {
            Unused::Pad => "PAD",
            Unused::Sext => "SEXT",
            Unused::Preserve => "PRESERVE",
        };
        write!(f, " dst_sel:{} dst_unused:UNUSED_{unused}", sdwa.dst_sel)?;
    }
    write!(f, " src0_sel:{}", sdwa.src0_sel)?;
    if inst.format == Format::Vop1 { Ok(()) } else { write!(f, " src1_sel:{}", sdwa.src1_sel) }
}

/// SDWA forms that choose a part of the source only.
fn writes_whole_dwords(op: Op) -> bool {
    matches!(op, Op::VCvtF32Fp8 | Op::VCvtF32Bf8 | Op::VCvtPkF32Fp8 | Op::VCvtPkF32Bf8)
}

impl fmt::Display for Select {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Byte(index) => write!(f, "BYTE_{index}"),
            Self::Word(index) => write!(f, "WORD_{index}"),
            Self::Dword => f.write_str("DWORD"),
        }
    }
}
