//! How an operation's undefined source bits reach its result: one rule for each instruction.
//!
//! Found once for each program from the operation's name, whose suffixes say the widths. Rules
//! follow Memcheck's (Seward and Nethercote, "Using Valgrind to detect undefined value errors with
//! bit-precision", USENIX 2005): exact for moves and bits, upwards from the lowest undefined bit
//! for sums and products, everything for the rest.

use crate::compare::{Compare, FloatType, IntType};
use crate::inst::{Format, Inst};
use crate::op::Op;

/// How undefined bits spread.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Rule {
    /// Not arithmetic, or without a result.
    Other,
    /// Scalar arithmetic.
    Scalar,
    /// Any undefined bit of the lane's sources makes the lane's whole result undefined.
    All,
    /// As [`Rule::All`], and the old destination is a source.
    Accumulate,
    /// Bit operations and integer arithmetic, rule by operation.
    Bits,
    /// Two dwords by operation.
    Wide,
    /// Two dwords, each from the dwords that `op_sel` chooses.
    PackedDwords,
    /// Two halves, each from the halves that `op_sel` chooses.
    PackedHalves,
    /// 16-bit sources and result.
    Half,
    /// Of the sources in the mask only 16 bits are read; the result is a dword.
    HalfSources(u8),
    /// 32-bit source, 16-bit result.
    HalfResult,
    /// The low half from source 0's half, the high one from source 1's.
    PackHalves,
    /// Sources of 16 or 32 bits by `op_sel_hi`; what is written is the result's part.
    Mix,
    /// 8-bit floats into a part of the destination: bytes and whether `op_sel` counts bytes.
    Narrow(u8),
    /// 8-bit floats from a part of source 0: bytes.
    Widen(u8),
    /// A bit for each lane, from sources of so many bytes.
    Compare(u8),
    /// Matrix operation with so many rows; 0: rows are not told apart.
    Matrix(u8),
    /// A register's lane to a scalar.
    ReadLane,
    /// A scalar to a register's lane.
    WriteLane,
    /// Two registers exchanged.
    Swap,
    /// A load that begins a loop of compare-and-swap: clang makes it a plain one, and a stale value
    /// only costs a round.
    LoadOfSwapLoop,
}

/// How far before a compare-and-swap the load of its first value is looked for.
const SWAP_LOOP_INSTRUCTIONS: usize = 64;

impl Rule {
    /// The rules of a program's instructions.
    pub(crate) fn all(insts: &[Inst]) -> Vec<Self> {
        let mut rules: Vec<Self> = insts.iter().map(Self::of).collect();
        for (at, swap) in insts.iter().enumerate().filter(|(_, inst)| is_compare_and_swap(inst)) {
            let from = at.saturating_sub(SWAP_LOOP_INSTRUCTIONS);
            let same_place = |load: &Inst| {
                load.format == swap.format
                    && load.src[0] == swap.src[0]
                    && load.memory.offset == swap.memory.offset
                    && (load.format == Format::Ds || load.src[2] == swap.src[2])
            };
            let load = (from..at).rev().find(|&i| same_place(&insts[i]) && is_load(&insts[i]));
            if let Some(load) = load {
                rules[load] = Self::LoadOfSwapLoop;
            }
        }
        rules
    }

    /// The rule of an instruction.
    fn of(inst: &Inst) -> Self {
        match inst.format {
            Format::Sop1 | Format::Sop2 | Format::Sopk | Format::Sopc => Self::Scalar,
            Format::Vop1
            | Format::Vop2
            | Format::Vopc
            | Format::Vop3
            | Format::Vop3Sdst
            | Format::Vop3p
            | Format::Mai => vector(inst),
            _ => Self::Other,
        }
    }
}

fn is_compare_and_swap(inst: &Inst) -> bool {
    let is_memory =
        matches!(inst.format, Format::Ds | Format::Flat | Format::Global | Format::Mubuf);
    let name = if is_memory { inst.op.to_string() } else { return false };
    name.contains("_cmpswap") || name.contains("_cmpst")
}

fn is_load(inst: &Inst) -> bool {
    let name = inst.op.to_string();
    name.contains("_load_") || name.starts_with("ds_read")
}

fn vector(inst: &Inst) -> Rule {
    named(inst.op).unwrap_or_else(|| by_name(&inst.op.to_string()))
}

fn named(op: Op) -> Option<Rule> {
    Some(match op {
        Op::VNop => Rule::Other,
        Op::VCmp(compare) | Op::VCmpx(compare) => Rule::Compare(compare_bytes(compare)),
        Op::VReadfirstlaneB32 | Op::VReadlaneB32 => Rule::ReadLane,
        Op::VWritelaneB32 => Rule::WriteLane,
        Op::VSwapB32 => Rule::Swap,
        Op::VPkMovB32 | Op::VMovB64 | Op::VLshlAddU64 | Op::VMadU64U32 | Op::VMadI64I32 => {
            Rule::Wide
        }
        Op::VLshlrevB64 | Op::VLshrrevB64 | Op::VAshrrevI64 => Rule::Wide,
        Op::VFmaMixF32 | Op::VFmaMixloF16 | Op::VFmaMixhiF16 => Rule::Mix,
        Op::VCvtF32F16 => Rule::HalfSources(1),
        Op::VMadU32U16 | Op::VMadI32I16 => Rule::HalfSources(3),
        Op::VCvtF16F32 => Rule::HalfResult,
        Op::VPackB32F16 | Op::VCvtPknormI16F16 | Op::VCvtPknormU16F16 => Rule::PackHalves,
        Op::VCvtPkFp8F32 | Op::VCvtPkBf8F32 => Rule::Narrow(2),
        Op::VCvtSrFp8F32 | Op::VCvtSrBf8F32 => Rule::Narrow(1),
        Op::VCvtPkF32Fp8 | Op::VCvtPkF32Bf8 => Rule::Widen(2),
        Op::VCvtF32Fp8 | Op::VCvtF32Bf8 => Rule::Widen(1),
        Op::VFmacF32 | Op::VFmacF64 | Op::VPkFmacF16 | Op::VMacF16 => Rule::Accumulate,
        Op::VDot2cF32F16 | Op::VDot2cI32I16 | Op::VDot4cI32I8 | Op::VDot8cI32I4 => Rule::Accumulate,
        _ if is_bits(op) => Rule::Bits,
        _ => return None,
    })
}

fn is_bits(op: Op) -> bool {
    matches!(
        op,
        Op::VMovB32
            | Op::VAccvgprReadB32
            | Op::VAccvgprWriteB32
            | Op::VAccvgprMovB32
            | Op::VCndmaskB32
            | Op::VNotB32
            | Op::VBfrevB32
            | Op::VAndB32
            | Op::VOrB32
            | Op::VXorB32
            | Op::VXnorB32
            | Op::VOr3B32
            | Op::VAndOrB32
            | Op::VLshlOrB32
            | Op::VLshlrevB32
            | Op::VLshrrevB32
            | Op::VAshrrevI32
            | Op::VBfeU32
            | Op::VBfeI32
            | Op::VBfiB32
            | Op::VAlignbitB32
            | Op::VAlignbyteB32
            | Op::VPermB32
            | Op::VAddU32
            | Op::VSubU32
            | Op::VSubrevU32
            | Op::VAddCoU32
            | Op::VSubCoU32
            | Op::VSubrevCoU32
            | Op::VAddcCoU32
            | Op::VSubbCoU32
            | Op::VSubbrevCoU32
            | Op::VAdd3U32
            | Op::VLshlAddU32
            | Op::VAddLshlU32
            | Op::VXadU32
            | Op::VMulLoU32
            | Op::VMulU32U24
            | Op::VMulI32I24
            | Op::VMadU32U24
            | Op::VMadI32I24
            | Op::VCvtF32Ubyte0
            | Op::VCvtF32Ubyte1
            | Op::VCvtF32Ubyte2
            | Op::VCvtF32Ubyte3
            | Op::VMbcntLoU32B32
            | Op::VMbcntHiU32B32
    )
}

fn by_name(name: &str) -> Rule {
    if let Some(form) = name.strip_prefix("v_mfma_") {
        if form.starts_with("f64") {
            return Rule::Matrix(0);
        }
        let rows = form.split('_').nth(1).and_then(|shape| shape.split('x').next());
        return Rule::Matrix(rows.and_then(|n| n.parse().ok()).unwrap_or(0));
    }
    let is_half = ["_f16", "_i16", "_u16", "_b16"].iter().any(|end| name.ends_with(end));
    match (name.strip_prefix("v_pk_"), is_half) {
        (Some(_), true) => Rule::PackedHalves,
        (Some(_), false) => Rule::PackedDwords,
        (None, true) if !name.starts_with("v_dot") && !name.starts_with("v_sad") => Rule::Half,
        _ => Rule::All,
    }
}

fn compare_bytes(compare: Compare) -> u8 {
    match compare {
        Compare::Float(FloatType::F16, _)
        | Compare::Class(FloatType::F16)
        | Compare::Int(IntType::I16 | IntType::U16, _) => 2,
        Compare::Float(FloatType::F64, _)
        | Compare::Class(FloatType::F64)
        | Compare::Int(IntType::I64 | IntType::U64, _) => 8,
        _ => 4,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_give_the_widths() {
        assert_eq!(by_name(&Op::VMfmaF3216x16x16Bf16.to_string()), Rule::Matrix(16));
        assert_eq!(by_name(&Op::VMfmaF3232x32x16Fp8Fp8.to_string()), Rule::Matrix(32));
        assert_eq!(by_name(&Op::VPkAddF16.to_string()), Rule::PackedHalves);
        assert_eq!(by_name(&Op::VPkFmaF32.to_string()), Rule::PackedDwords);
        assert_eq!(by_name(&Op::VMulLoU16.to_string()), Rule::Half);
        assert_eq!(by_name(&Op::VExpF32.to_string()), Rule::All);
        assert_eq!(by_name(&Op::VDot2F32F16.to_string()), Rule::All);
    }
}
