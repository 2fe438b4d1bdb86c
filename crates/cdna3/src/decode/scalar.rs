//! SOP2, SOPK, SOP1, SOPC, SOPP.

use super::operand::{scalar, source};
use super::{DecodeError, Reader, bare, bits, signed};
use crate::inst::{Format, Inst};
use crate::op::Op;
use crate::tables::Row;

pub(super) fn decode(reader: &mut Reader<'_>, word: u32) -> Result<Inst, DecodeError> {
    match bits(word, 23, 9) {
        0b1_0111_1101 => sop1(reader, word),
        0b1_0111_1110 => sopc(reader, word),
        0b1_0111_1111 => sopp(reader, word),
        prefix if prefix >> 5 == 0b1011 => sopk(reader, word),
        _ => sop2(reader, word),
    }
}

fn with_sources(
    reader: &mut Reader<'_>,
    format: Format,
    row: &Row,
    word: u32,
) -> Result<Inst, DecodeError> {
    let mut inst = bare(reader, format, row);
    inst.src[0] = source(reader, bits(word, 0, 8), row.src[0])?;
    inst.src[1] = source(reader, bits(word, 8, 8), row.src[1])?;
    Ok(inst)
}

fn sop2(reader: &mut Reader<'_>, word: u32) -> Result<Inst, DecodeError> {
    let row = reader.find(Format::Sop2, bits(word, 23, 7))?;
    let mut inst = with_sources(reader, Format::Sop2, &row, word)?;
    inst.dst = scalar(bits(word, 16, 7), row.dst);
    Ok(inst)
}

fn sop1(reader: &mut Reader<'_>, word: u32) -> Result<Inst, DecodeError> {
    let row = reader.find(Format::Sop1, bits(word, 8, 8))?;
    let mut inst = bare(reader, Format::Sop1, &row);
    inst.src[0] = source(reader, bits(word, 0, 8), row.src[0])?;
    inst.dst = scalar(bits(word, 16, 7), row.dst);
    Ok(inst)
}

fn sopc(reader: &mut Reader<'_>, word: u32) -> Result<Inst, DecodeError> {
    let row = reader.find(Format::Sopc, bits(word, 16, 7))?;
    with_sources(reader, Format::Sopc, &row, word)
}

fn sopp(reader: &mut Reader<'_>, word: u32) -> Result<Inst, DecodeError> {
    let row = reader.find(Format::Sopp, bits(word, 16, 7))?;
    let mut inst = bare(reader, Format::Sopp, &row);
    inst.imm = signed(word, 0, 16);
    Ok(inst)
}

fn sopk(reader: &mut Reader<'_>, word: u32) -> Result<Inst, DecodeError> {
    let row = reader.find(Format::Sopk, bits(word, 23, 5))?;
    let mut inst = bare(reader, Format::Sopk, &row);
    inst.imm = signed(word, 0, 16);
    inst.dst = scalar(bits(word, 16, 7), row.dst);
    inst.src[0] = scalar(bits(word, 16, 7), row.src[0]);
    if row.op == Op::SSetregImm32B32 {
        inst.imm2 = bits(word, 0, 16) as u16;
        inst.imm = reader.literal()? as i32;
    }
    Ok(inst)
}
