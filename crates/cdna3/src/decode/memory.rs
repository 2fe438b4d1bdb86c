//! SMEM, DS, FLAT, GLOBAL, SCRATCH, MUBUF.

use super::operand::{scalar, source, vector};
use super::{DecodeError, Reader, bare, bits, byte, flag, signed};
use crate::inst::{Format, Inst, Memory, Operand};
use crate::op::Op;
use crate::tables::{Row, Type};

/// Code of `saddr` for "no scalar address".
const NO_SADDR: u32 = 0x7f;

pub(super) fn smem(reader: &mut Reader<'_>, word: u32) -> Result<Inst, DecodeError> {
    let second = reader.word(1)?;
    let row = reader.find(Format::Smem, bits(word, 18, 8))?;
    let mut inst = bare(reader, Format::Smem, &row);
    inst.dst = scalar(bits(word, 6, 7), row.dst);
    inst.memory.sc0 = flag(word, 16);
    let base = match row.op {
        Op::SLoadDword
        | Op::SLoadDwordx2
        | Op::SLoadDwordx4
        | Op::SLoadDwordx8
        | Op::SLoadDwordx16 => Type::B64,
        Op::SBufferLoadDword
        | Op::SBufferLoadDwordx2
        | Op::SBufferLoadDwordx4
        | Op::SBufferLoadDwordx8
        | Op::SBufferLoadDwordx16 => Type::B128,
        _ => return Ok(inst),
    };
    inst.src[0] = scalar(bits(word, 0, 6) << 1, base);
    let (imm, soffset) = (flag(word, 17), flag(word, 14));
    inst.memory.offen = imm;
    if imm {
        inst.memory.offset = signed(second, 0, 21);
    }
    if soffset {
        inst.src[1] = scalar(bits(second, 25, 7), Type::B32);
    } else if !imm {
        inst.src[1] = scalar(bits(second, 0, 7), Type::B32);
    }
    Ok(inst)
}

pub(super) fn ds(reader: &mut Reader<'_>, word: u32) -> Result<Inst, DecodeError> {
    let second = reader.word(1)?;
    let row = reader.find(Format::Ds, bits(word, 17, 8))?;
    let acc = flag(word, 25);
    let mut inst = bare(reader, Format::Ds, &row);
    inst.dst = vector(bits(second, 24, 8), row.dst, acc);
    inst.src[0] = vector(bits(second, 0, 8), Type::B32, false);
    // The data of a permutation is a lane's register, like that of a store.
    inst.src[1] = vector(bits(second, 8, 8), row.src[0], acc);
    inst.src[2] = vector(bits(second, 16, 8), row.src[1], acc);
    inst.memory.gds = flag(word, 16);
    if has_two_offsets(row.op) {
        inst.memory.pair = [byte(word, 0, 8), byte(word, 8, 8)];
    } else {
        inst.memory.offset = bits(word, 0, 16) as i32;
    }
    Ok(inst)
}

/// Whether a DS operation has two addresses.
pub(crate) fn has_two_offsets(op: Op) -> bool {
    matches!(
        op,
        Op::DsRead2B32
            | Op::DsRead2B64
            | Op::DsRead2st64B32
            | Op::DsRead2st64B64
            | Op::DsWrite2B32
            | Op::DsWrite2B64
            | Op::DsWrite2st64B32
            | Op::DsWrite2st64B64
    )
}

pub(super) fn flat(reader: &mut Reader<'_>, word: u32) -> Result<Inst, DecodeError> {
    let second = reader.word(1)?;
    let format = match bits(word, 14, 2) {
        0 => Format::Flat,
        1 => Format::Scratch,
        2 => Format::Global,
        _ => return Err(reader.unknown("FLAT segment 3")),
    };
    let row = reader.find(format, bits(word, 18, 7))?;
    let acc = flag(second, 23);
    let mut inst = bare(reader, format, &row);
    inst.memory = Memory {
        offset: match format {
            Format::Flat => bits(word, 0, 12) as i32,
            _ => signed(word, 0, 13),
        },
        sc0: flag(word, 16),
        nt: flag(word, 17),
        sc1: flag(word, 25),
        ..Memory::default()
    };
    if returns_data(&row, inst.memory.sc0) {
        inst.dst = vector(bits(second, 24, 8), row.dst, acc);
    }
    let saddr = bits(second, 16, 7);
    let has_saddr = format != Format::Flat && saddr != NO_SADDR;
    inst.src[0] = match format {
        Format::Scratch if !flag(word, 13) => Operand::NONE,
        Format::Flat => vector(bits(second, 0, 8), Type::B64, false),
        Format::Global if !has_saddr => vector(bits(second, 0, 8), Type::B64, false),
        _ => vector(bits(second, 0, 8), Type::B32, false),
    };
    inst.src[1] = vector(bits(second, 8, 8), row.src[0], acc);
    if has_saddr {
        let ty = if format == Format::Global { Type::B64 } else { Type::B32 };
        inst.src[2] = scalar(saddr, ty);
    }
    inst.memory.lds = row.dst == Type::Nil && row.src[0] == Type::Nil;
    Ok(inst)
}

/// Loads always do; atomics if asked. An atomic has both destination and data.
fn returns_data(row: &Row, sc0: bool) -> bool {
    row.src[0] == Type::Nil || sc0
}

pub(super) fn mubuf(reader: &mut Reader<'_>, word: u32) -> Result<Inst, DecodeError> {
    let second = reader.word(1)?;
    let row = reader.find(Format::Mubuf, bits(word, 18, 7))?;
    let acc = flag(second, 23);
    let mut inst = bare(reader, Format::Mubuf, &row);
    inst.memory = Memory {
        offset: bits(word, 0, 12) as i32,
        offen: flag(word, 12),
        idxen: flag(word, 13),
        sc0: flag(word, 14),
        sc1: flag(word, 15),
        lds: flag(word, 16),
        nt: flag(word, 17),
        ..Memory::default()
    };
    if row.dst == Type::Nil && row.src[0] == Type::Nil {
        return Ok(inst);
    }
    if returns_data(&row, inst.memory.sc0) && !inst.memory.lds {
        inst.dst = vector(bits(second, 8, 8), row.dst, acc);
    }
    let address = match (inst.memory.offen, inst.memory.idxen) {
        (false, false) => Type::Nil,
        (true, true) => Type::B64,
        _ => Type::B32,
    };
    inst.src[0] = vector(bits(second, 0, 8), address, false);
    inst.src[1] = vector(bits(second, 8, 8), row.src[0], acc);
    inst.src[2] = scalar(bits(second, 16, 5) << 2, Type::B128);
    inst.src[3] = source(reader, bits(second, 24, 8), Type::B32)?;
    Ok(inst)
}
