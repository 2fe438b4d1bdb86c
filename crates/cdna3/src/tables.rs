//! Opcode tables: for each format, opcode number -> operation and the types of its operands.
//!
//! Rows are sorted by opcode. The numbers are those of LLVM's assembler for gfx942
//! (`llvm-mc -mcpu=gfx942 -show-encoding`), which the tests compare them with.

mod memory;
mod scalar;
mod vector;
mod vector3;

use crate::compare::{Compare, FloatCondition, FloatType, IntCondition, IntType};
use crate::inst::Format;
use crate::op::Op;

/// Type of an operand: its width, and how a constant becomes bits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Type {
    /// No operand.
    Nil,
    /// 16-bit integer or bits.
    B16,
    /// Half float.
    F16,
    /// Two 16-bit elements in a dword.
    P16,
    /// 32-bit integer or bits.
    B32,
    /// Float.
    F32,
    /// Two floats in two dwords; a constant is the low one.
    P32,
    /// 64 bits; a literal is zero-extended.
    B64,
    /// Signed 64-bit integer; a literal is sign-extended.
    I64,
    /// Double float; a literal is the high half.
    F64,
    /// 3 dwords.
    B96,
    /// 4 dwords.
    B128,
    /// 8 dwords.
    B256,
    /// 16 dwords.
    B512,
    /// 32 dwords.
    B1024,
}

impl Type {
    /// Width in registers.
    pub(crate) const fn dwords(self) -> u8 {
        match self {
            Self::Nil => 0,
            Self::B16 | Self::F16 | Self::P16 | Self::B32 | Self::F32 => 1,
            Self::P32 | Self::B64 | Self::I64 | Self::F64 => 2,
            Self::B96 => 3,
            Self::B128 => 4,
            Self::B256 => 8,
            Self::B512 => 16,
            Self::B1024 => 32,
        }
    }
}

/// An operation in one format.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Row {
    /// Number in the format's opcode field.
    pub(crate) opcode: u16,
    /// What it does.
    pub(crate) op: Op,
    /// Destination.
    pub(crate) dst: Type,
    /// Sources: arithmetic in order; memory operations have their data only.
    pub(crate) src: [Type; 3],
}

const fn row(opcode: u16, op: Op, dst: Type, src: [Type; 3]) -> Row {
    Row { opcode, op, dst, src }
}

/// Opcodes at which VOP3 has those of VOP1.
const VOP1_IN_VOP3: u16 = 0x140;

/// The table of a format that has one of its own.
fn table(format: Format) -> &'static [Row] {
    match format {
        Format::Sop2 => scalar::SOP2,
        Format::Sopk => scalar::SOPK,
        Format::Sop1 => scalar::SOP1,
        Format::Sopc => scalar::SOPC,
        Format::Sopp => scalar::SOPP,
        Format::Smem => scalar::SMEM,
        Format::Vop1 => vector::VOP1,
        Format::Vop2 => vector::VOP2,
        Format::Vopc => &[],
        Format::Vop3 | Format::Vop3Sdst => vector3::VOP3,
        Format::Vop3p => vector3::VOP3P,
        Format::Mai => vector3::MAI,
        Format::Ds => memory::DS,
        Format::Flat => memory::FLAT,
        Format::Global => memory::GLOBAL,
        Format::Scratch => memory::SCRATCH,
        Format::Mubuf => memory::MUBUF,
    }
}

/// The row of `opcode` in `format`, if the format has it.
pub(crate) fn find(format: Format, opcode: u16) -> Option<Row> {
    match format {
        Format::Vopc => compare_row(opcode),
        Format::Vop3 | Format::Vop3Sdst => find_vop3(opcode),
        _ => search(table(format), opcode),
    }
}

/// Every row of a format's own.
pub(crate) fn rows(format: Format) -> Vec<Row> {
    match format {
        Format::Vopc => (0..0x100).filter_map(compare_row).collect(),
        Format::Vop3Sdst => Vec::new(),
        _ => table(format).to_vec(),
    }
}

fn search(table: &[Row], opcode: u16) -> Option<Row> {
    table.binary_search_by_key(&opcode, |row| row.opcode).ok().map(|found| table[found])
}

/// Whether the operation also has a 32-bit encoding, so that the long one's name is marked.
pub(crate) fn has_short_form(op: Op) -> bool {
    let short = || vector::VOP1.iter().chain(vector::VOP2);
    matches!(op, Op::VCmp(_) | Op::VCmpx(_)) || short().any(|row| row.op == op)
}

/// VOP3 opcodes: compares from 0, then its own and VOP2's from 0x100, VOP1's from 0x140.
fn find_vop3(opcode: u16) -> Option<Row> {
    match opcode {
        0..0x100 => compare_row(opcode),
        VOP1_IN_VOP3..0x1c0 => search(vector::VOP1, opcode - VOP1_IN_VOP3),
        _ => search(vector3::VOP3, opcode),
    }
}

/// VOPC opcodes are composed: a block for each type, `v_cmpx` behind `v_cmp`, then the condition.
fn compare_row(opcode: u16) -> Option<Row> {
    use FloatCondition as F;
    use IntCondition as I;
    const FLOAT: [F; 16] = [
        F::F,
        F::Lt,
        F::Eq,
        F::Le,
        F::Gt,
        F::Lg,
        F::Ge,
        F::O, //
        F::U,
        F::Nge,
        F::Nlg,
        F::Ngt,
        F::Nle,
        F::Neq,
        F::Nlt,
        F::Tru,
    ];
    const INT: [I; 8] = [I::F, I::Lt, I::Eq, I::Le, I::Gt, I::Ne, I::Ge, I::T];
    let float = FLOAT[usize::from(opcode % 16)];
    let int = INT[usize::from(opcode % 8)];
    let unsigned = opcode & 8 != 0;
    let either = |signed, other| if unsigned { other } else { signed };
    let (compare, extended, src) = match opcode {
        0x10 | 0x11 => (Compare::Class(FloatType::F32), opcode & 1, [Type::F32, Type::B32]),
        0x12 | 0x13 => (Compare::Class(FloatType::F64), opcode & 1, [Type::F64, Type::B32]),
        0x14 | 0x15 => (Compare::Class(FloatType::F16), opcode & 1, [Type::F16, Type::B32]),
        0x20..0x40 => (Compare::Float(FloatType::F16, float), opcode & 0x10, [Type::F16; 2]),
        0x40..0x60 => (Compare::Float(FloatType::F32, float), opcode & 0x10, [Type::F32; 2]),
        0x60..0x80 => (Compare::Float(FloatType::F64, float), opcode & 0x10, [Type::F64; 2]),
        0xa0..0xc0 => {
            (Compare::Int(either(IntType::I16, IntType::U16), int), opcode & 0x10, [Type::B16; 2])
        }
        0xc0..0xe0 => {
            (Compare::Int(either(IntType::I32, IntType::U32), int), opcode & 0x10, [Type::B32; 2])
        }
        0xe0..0x100 => {
            let ty = if unsigned { Type::B64 } else { Type::I64 };
            (Compare::Int(either(IntType::I64, IntType::U64), int), opcode & 0x10, [ty; 2])
        }
        _ => return None,
    };
    let op = if extended == 0 { Op::VCmp(compare) } else { Op::VCmpx(compare) };
    Some(row(opcode, op, Type::B64, [src[0], src[1], Type::Nil]))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tables_are_sorted_and_without_duplicates() {
        let tables = [
            scalar::SOP2,
            scalar::SOPK,
            scalar::SOP1,
            scalar::SOPC,
            scalar::SOPP,
            scalar::SMEM,
            vector::VOP1,
            vector::VOP2,
            vector3::VOP3,
            vector3::VOP3P,
            vector3::MAI,
            memory::DS,
            memory::FLAT,
            memory::GLOBAL,
            memory::SCRATCH,
            memory::MUBUF,
        ];
        for table in tables {
            for pair in table.windows(2) {
                assert!(pair[0].opcode < pair[1].opcode, "{:?} before {:?}", pair[0], pair[1]);
            }
        }
    }
}
