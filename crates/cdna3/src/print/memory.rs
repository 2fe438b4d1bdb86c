//! SMEM, DS, FLAT, GLOBAL, SCRATCH, MUBUF.

use std::fmt;

use super::operand::list;
use crate::decode::has_two_offsets;
use crate::inst::{Format, Inst, Operand};
use crate::op::Op;

/// A pattern of `ds_swizzle_b32` other than the identity.
struct Swizzle(u16);

pub(super) fn smem(inst: &Inst, f: &mut fmt::Formatter<'_>) -> fmt::Result {
    write!(f, "{}", inst.op)?;
    let offset = inst.memory.offset;
    let (sign, magnitude) = (if offset < 0 { "-" } else { "" }, offset.unsigned_abs());
    let operands = [inst.dst, inst.src[0], inst.src[1]];
    list(f, &mut present(&operands))?;
    if !inst.src[0].is_none() {
        if inst.src[1].is_none() {
            write!(f, ", {sign}{magnitude:#x}")?;
        } else if inst.memory.offen {
            write!(f, " offset:{sign}{magnitude:#x}")?;
        }
    }
    word(f, inst.memory.sc0, "glc")
}

pub(super) fn ds(inst: &Inst, f: &mut fmt::Formatter<'_>) -> fmt::Result {
    write!(f, "{}", inst.op)?;
    list(f, &mut present(&[inst.dst, inst.src[0], inst.src[1], inst.src[2]]))?;
    if has_two_offsets(inst.op) {
        for (index, offset) in inst.memory.pair.into_iter().enumerate() {
            if offset != 0 {
                write!(f, " offset{index}:{offset}")?;
            }
        }
    } else if inst.op == Op::DsSwizzleB32 && inst.memory.offset != 0 {
        write!(f, " offset:{}", Swizzle(inst.memory.offset as u16))?;
    } else {
        offset(f, inst)?;
    }
    word(f, inst.memory.gds, "gds")
}

impl fmt::Display for Swizzle {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self(code) = *self;
        if code & 0xff00 == 0x8000 {
            let lane = |index: u16| (code >> (2 * index)) & 3;
            return write!(f, "swizzle(QUAD_PERM,{},{},{},{})", lane(0), lane(1), lane(2), lane(3));
        }
        if code & 0x8000 != 0 {
            return write!(f, "{code}");
        }
        let (and, or, xor) = (code & 31, (code >> 5) & 31, (code >> 10) & 31);
        let group = 32 - and;
        if and == 31 && or == 0 && xor.is_power_of_two() {
            write!(f, "swizzle(SWAP,{xor})")
        } else if and == 31 && or == 0 && xor > 0 && (xor + 1).is_power_of_two() {
            write!(f, "swizzle(REVERSE,{})", xor + 1)
        } else if group > 1 && group.is_power_of_two() && or < group && xor == 0 {
            write!(f, "swizzle(BROADCAST,{group},{or})")
        } else {
            write!(f, "swizzle(BITMASK_PERM,\"{}\")", bit_mask(and, or, xor))
        }
    }
}

/// For each bit of the lane number, highest first: fixed, passed on or inverted.
fn bit_mask(and: u16, or: u16, xor: u16) -> String {
    (0..5)
        .rev()
        .map(|bit| {
            let of = |lane: u16| ((((lane & and) | or) ^ xor) >> bit) & 1;
            match (of(0), of(1 << bit)) {
                (0, 0) => '0',
                (1, 1) => '1',
                (0, _) => 'p',
                _ => 'i',
            }
        })
        .collect()
}

pub(super) fn flat(inst: &Inst, f: &mut fmt::Formatter<'_>) -> fmt::Result {
    write!(f, "{}", inst.op)?;
    let mut operands: Vec<String> = Vec::new();
    operands.extend(present(&[inst.dst]));
    operands.push(inst.src[0].to_string());
    operands.extend(present(&[inst.src[1]]));
    if inst.format != Format::Flat {
        operands.push(inst.src[2].to_string());
    }
    list(f, &mut operands.into_iter())?;
    offset(f, inst)?;
    scope(f, inst)
}

pub(super) fn mubuf(inst: &Inst, f: &mut fmt::Formatter<'_>) -> fmt::Result {
    write!(f, "{}", inst.op)?;
    if inst.src[2].is_none() {
        return scope(f, inst);
    }
    // An atomic's result is in the register of its data, which is written once.
    let data = if inst.src[1].is_none() { inst.dst } else { inst.src[1] };
    let mut operands: Vec<String> = present(&[data]).collect();
    operands.extend([inst.src[0], inst.src[2], inst.src[3]].map(|operand| operand.to_string()));
    list(f, &mut operands.into_iter())?;
    word(f, inst.memory.idxen, "idxen")?;
    word(f, inst.memory.offen, "offen")?;
    offset(f, inst)?;
    scope(f, inst)?;
    word(f, inst.memory.lds, "lds")
}

fn present(operands: &[Operand]) -> impl Iterator<Item = String> {
    operands.iter().filter(|operand| !operand.is_none()).map(ToString::to_string)
}

fn offset(f: &mut fmt::Formatter<'_>, inst: &Inst) -> fmt::Result {
    match inst.memory.offset {
        0 => Ok(()),
        offset => write!(f, " offset:{offset}"),
    }
}

fn scope(f: &mut fmt::Formatter<'_>, inst: &Inst) -> fmt::Result {
    word(f, inst.memory.sc0, "sc0")?;
    word(f, inst.memory.nt, "nt")?;
    word(f, inst.memory.sc1, "sc1")
}

fn word(f: &mut fmt::Formatter<'_>, present: bool, name: &str) -> fmt::Result {
    if present { write!(f, " {name}") } else { Ok(()) }
}
