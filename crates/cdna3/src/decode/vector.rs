//! VOP1, VOP2, VOPC with their SDWA and DPP words, VOP3, VOP3P, MAI.

use super::operand::{literal_operand, scalar, source, vcc, vector};
use super::{DecodeError, Reader, bare, bits, byte, flag};
use crate::inst::{
    Dpp, DppControl, Format, Inst, Lanes, Operand, OperandKind, Sdwa, Select, Unused,
};
use crate::op::Op;
use crate::tables::{Row, Type};

/// Code of source 0 behind which an SDWA word follows.
const SDWA: u32 = 249;
/// Code of source 0 behind which a DPP word follows.
const DPP: u32 = 250;

/// The 32-bit encodings.
pub(super) fn decode(reader: &mut Reader<'_>, word: u32) -> Result<Inst, DecodeError> {
    let (format, opcode) = match bits(word, 25, 6) {
        0b111111 => (Format::Vop1, bits(word, 9, 8)),
        0b111110 => (Format::Vopc, bits(word, 17, 8)),
        opcode => (Format::Vop2, opcode),
    };
    let row = reader.find(format, opcode)?;
    let mut inst = bare(reader, format, &row);
    inst.dst = match format {
        Format::Vopc => vcc(),
        _ => destination(&row, bits(word, 17, 8)),
    };
    let first = bits(word, 0, 9);
    if first == SDWA || first == DPP {
        let extra = reader.word(1)?;
        inst.src[1] = vector(bits(word, 9, 8), row.src[1], false);
        if first == SDWA {
            read_sdwa(reader, &mut inst, &row, extra)?;
        } else {
            read_dpp(reader, &mut inst, &row, extra)?;
        }
    } else {
        inst.src[0] = source(reader, first, row.src[0])?;
        match row.op {
            Op::VFmamkF32 => {
                inst.src[1] = literal_operand(reader, Type::F32)?;
                inst.src[2] = vector(bits(word, 9, 8), Type::F32, false);
            }
            Op::VFmaakF32 => {
                inst.src[1] = vector(bits(word, 9, 8), Type::F32, false);
                inst.src[2] = literal_operand(reader, Type::F32)?;
            }
            _ if format != Format::Vop1 => {
                inst.src[1] = vector(bits(word, 9, 8), row.src[1], false);
            }
            _ => {}
        }
    }
    if row.op == Op::VAccvgprMovB32 {
        inst.src[0] = vector(first & 0xff, Type::B32, true);
    }
    add_implicit_vcc(&mut inst);
    Ok(inst)
}

/// Destination of a vector operation; some give a scalar.
fn destination(row: &Row, code: u32) -> Operand {
    match row.op {
        Op::VReadfirstlaneB32 | Op::VReadlaneB32 => scalar(code, row.dst),
        Op::VAccvgprMovB32 | Op::VAccvgprWriteB32 => vector(code, row.dst, true),
        _ => vector(code, row.dst, false),
    }
}

/// The 32-bit encodings carry in and out through `vcc`.
fn add_implicit_vcc(inst: &mut Inst) {
    match inst.op {
        Op::VCndmaskB32 => inst.src[2] = vcc(),
        Op::VAddCoU32 | Op::VSubCoU32 | Op::VSubrevCoU32 => inst.sdst = vcc(),
        Op::VAddcCoU32 | Op::VSubbCoU32 | Op::VSubbrevCoU32 => {
            inst.sdst = vcc();
            inst.src[2] = vcc();
        }
        _ => {}
    }
}

fn read_sdwa(
    reader: &mut Reader<'_>,
    inst: &mut Inst,
    row: &Row,
    word: u32,
) -> Result<(), DecodeError> {
    inst.src[0] = if flag(word, 23) {
        source(reader, bits(word, 0, 8), row.src[0])?
    } else {
        vector(bits(word, 0, 8), row.src[0], false)
    };
    if let (OperandKind::Vgpr(code), true) = (inst.src[1].kind, flag(word, 31)) {
        inst.src[1] = source(reader, u32::from(code), row.src[1])?;
    }
    let mut sdwa = Sdwa {
        dst_sel: Select::Dword,
        dst_unused: Unused::Pad,
        src0_sel: select(bits(word, 16, 3)),
        src1_sel: select(bits(word, 24, 3)),
        sext: byte(word, 19, 1) | byte(word, 27, 1) << 1,
    };
    if inst.format == Format::Vopc {
        if flag(word, 15) {
            inst.dst = scalar(bits(word, 8, 7), Type::B64);
        }
    } else {
        sdwa.dst_sel = select(bits(word, 8, 3));
        sdwa.dst_unused = match bits(word, 11, 2) {
            0 => Unused::Pad,
            1 => Unused::Sext,
            _ => Unused::Preserve,
        };
        inst.modifiers.clamp = flag(word, 13);
        inst.modifiers.omod = byte(word, 14, 2);
    }
    inst.modifiers.neg = byte(word, 20, 1) | byte(word, 28, 1) << 1;
    inst.modifiers.abs = byte(word, 21, 1) | byte(word, 29, 1) << 1;
    inst.lanes = Lanes::Sdwa(sdwa);
    Ok(())
}

fn select(code: u32) -> Select {
    match code {
        0..=3 => Select::Byte(code as u8),
        4 | 5 => Select::Word(code as u8 - 4),
        _ => Select::Dword,
    }
}

fn read_dpp(reader: &Reader<'_>, inst: &mut Inst, row: &Row, word: u32) -> Result<(), DecodeError> {
    inst.src[0] = vector(bits(word, 0, 8), row.src[0], false);
    inst.modifiers.neg = byte(word, 20, 1) | byte(word, 22, 1) << 1;
    inst.modifiers.abs = byte(word, 21, 1) | byte(word, 23, 1) << 1;
    let code = bits(word, 8, 9);
    let near = byte(code, 0, 4);
    let control = match code {
        0x000..=0x0ff => DppControl::QuadPerm([
            byte(code, 0, 2),
            byte(code, 2, 2),
            byte(code, 4, 2),
            byte(code, 6, 2),
        ]),
        0x101..=0x10f => DppControl::RowShl(near),
        0x111..=0x11f => DppControl::RowShr(near),
        0x121..=0x12f => DppControl::RowRor(near),
        0x130 => DppControl::WaveShl,
        0x134 => DppControl::WaveRol,
        0x138 => DppControl::WaveShr,
        0x13c => DppControl::WaveRor,
        0x140 => DppControl::RowMirror,
        0x141 => DppControl::RowHalfMirror,
        0x142 => DppControl::RowBcast15,
        0x143 => DppControl::RowBcast31,
        0x150..=0x15f => DppControl::RowNewBcast(near),
        _ => return Err(reader.unknown(format!("DPP control {code:#x}"))),
    };
    inst.lanes = Lanes::Dpp(Dpp {
        control,
        row_mask: byte(word, 28, 4),
        bank_mask: byte(word, 24, 4),
        bound_ctrl: flag(word, 19),
    });
    Ok(())
}

fn has_sdst(op: Op) -> bool {
    matches!(
        op,
        Op::VAddCoU32
            | Op::VSubCoU32
            | Op::VSubrevCoU32
            | Op::VAddcCoU32
            | Op::VSubbCoU32
            | Op::VSubbrevCoU32
            | Op::VDivScaleF32
            | Op::VDivScaleF64
            | Op::VMadU64U32
            | Op::VMadI64I32
    )
}

fn read_sources(reader: &mut Reader<'_>, inst: &mut Inst, row: &Row) -> Result<(), DecodeError> {
    let second = reader.word(1)?;
    for (index, &ty) in row.src.iter().enumerate() {
        inst.src[index] = source(reader, bits(second, 9 * index as u32, 9), ty)?;
    }
    inst.modifiers.neg = byte(second, 29, 3);
    Ok(())
}

pub(super) fn vop3(reader: &mut Reader<'_>, word: u32) -> Result<Inst, DecodeError> {
    let opcode = bits(word, 16, 10);
    let row = reader.find(Format::Vop3, opcode)?;
    let with_sdst = has_sdst(row.op);
    let format = if with_sdst { Format::Vop3Sdst } else { Format::Vop3 };
    let mut inst = bare(reader, format, &row);
    read_sources(reader, &mut inst, &row)?;
    inst.dst = match row.op {
        Op::VCmp(_) | Op::VCmpx(_) => scalar(bits(word, 0, 8), Type::B64),
        _ => destination(&row, bits(word, 0, 8)),
    };
    inst.modifiers.clamp = flag(word, 15);
    inst.modifiers.omod = byte(reader.word(1)?, 27, 2);
    if with_sdst {
        inst.sdst = scalar(bits(word, 8, 7), Type::B64);
    } else {
        inst.modifiers.abs = byte(word, 8, 3);
        inst.modifiers.op_sel = byte(word, 11, 4);
    }
    Ok(inst)
}

pub(super) fn vop3p(reader: &mut Reader<'_>, word: u32) -> Result<Inst, DecodeError> {
    let opcode = bits(word, 16, 7);
    if let Ok(row) = reader.find(Format::Mai, opcode) {
        return mai(reader, word, &row);
    }
    let row = reader.find(Format::Vop3p, opcode)?;
    let mut inst = bare(reader, Format::Vop3p, &row);
    read_sources(reader, &mut inst, &row)?;
    inst.dst = vector(bits(word, 0, 8), row.dst, false);
    inst.modifiers.abs = byte(word, 8, 3);
    inst.modifiers.op_sel = byte(word, 11, 3);
    inst.modifiers.op_sel_hi = byte(reader.word(1)?, 27, 2) | byte(word, 14, 1) << 2;
    inst.modifiers.clamp = flag(word, 15);
    Ok(inst)
}

fn mai(reader: &mut Reader<'_>, word: u32, row: &Row) -> Result<Inst, DecodeError> {
    let mut inst = bare(reader, Format::Mai, row);
    read_sources(reader, &mut inst, row)?;
    let second = reader.word(1)?;
    if matches!(row.op, Op::VAccvgprReadB32 | Op::VAccvgprWriteB32) {
        inst.modifiers.neg = 0;
        inst.dst = destination(row, bits(word, 0, 8));
        if row.op == Op::VAccvgprReadB32 {
            inst.src[0] = accumulation(inst.src[0]);
        }
        return Ok(inst);
    }
    inst.modifiers.neg = 0;
    inst.modifiers.cbsz = byte(word, 8, 3);
    inst.modifiers.abid = byte(word, 11, 4);
    inst.modifiers.blgp = byte(second, 29, 3);
    let acc_result = flag(word, 15);
    inst.dst = vector(bits(word, 0, 8), row.dst, acc_result);
    for (index, acc) in [flag(second, 27), flag(second, 28), acc_result].into_iter().enumerate() {
        if acc {
            inst.src[index] = accumulation(inst.src[index]);
        }
    }
    Ok(inst)
}

/// The accumulation register that the field of a vector register names.
fn accumulation(operand: Operand) -> Operand {
    match operand.kind {
        OperandKind::Vgpr(index) => Operand::agpr(index, operand.dwords),
        _ => operand,
    }
}
