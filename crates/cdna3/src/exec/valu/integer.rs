//! Integer operations on 16 and 32 bits.

use crate::inst::Inst;
use crate::op::Op;

use super::super::lanes::bits::{self, saturate_i32, saturate_u32, sext24};
use super::super::prepared::Step;
use super::super::wave::Wave;
use super::{has, u32_1, u32_2, u32_3, write_16};

/// The meaning of an integer operation, if it is one.
pub(super) fn step(op: Op) -> Option<Step> {
    add_step(op)
        .or_else(|| multiply_step(op))
        .or_else(|| order_step(op))
        .or_else(|| bit_step(op))
        .or_else(|| combined_step(op))
        .or_else(|| short_step(op))
        .or_else(|| short3_step(op))
}

/// A sum or difference, clamped to u32 if the instruction asks.
#[inline]
fn unsigned(w: &mut Wave, i: &Inst, f: impl Fn(i64, i64) -> i64) {
    if i.modifiers.clamp {
        let top = i64::from(u32::MAX);
        u32_2(w, i, |a, b| f(a.into(), b.into()).clamp(0, top) as u32);
    } else {
        u32_2(w, i, |a, b| f(a.into(), b.into()) as u32);
    }
}

#[inline]
fn signed(w: &mut Wave, i: &Inst, f: impl Fn(i64, i64) -> i64) {
    let clamp = i.modifiers.clamp;
    u32_2(w, i, |a, b| saturate_i32(f((a as i32).into(), (b as i32).into()), clamp));
}

/// `f(a, b) + c`, clamped to u32 if the instruction asks.
#[inline]
fn accumulated(w: &mut Wave, i: &Inst, f: impl Fn(u32, u32) -> u64) {
    let clamp = i.modifiers.clamp;
    u32_3(w, i, |a, b, c| saturate_u32(f(a, b) + u64::from(c), clamp));
}

/// `f(a, b, carry in)`; the carry out is set where the result leaves u32.
#[inline]
fn with_carry(w: &mut Wave, i: &Inst, f: impl Fn(i64, i64, i64) -> i64) {
    let (a, b) = (w.source(i, 0), w.source(i, 1));
    let carry_in = w.scalar64(i.src[2]);
    let mask = w.write_mask(i);
    let mut carry_out = 0;
    let clamp = i.modifiers.clamp;
    let value = std::array::from_fn(|l| {
        let wide = f(a[l].into(), b[l].into(), ((carry_in >> l) & 1) as i64);
        carry_out |= u64::from(wide < 0 || wide > i64::from(u32::MAX)) << l;
        if clamp { wide.clamp(0, i64::from(u32::MAX)) as u32 } else { wide as u32 }
    });
    w.write(i, &value);
    w.set_scalar64(i.sdst, carry_out & mask);
}

fn add_step(op: Op) -> Option<Step> {
    let step: Step = match op {
        Op::VAddU32 => |w, i| unsigned(w, i, |a, b| a + b),
        Op::VSubU32 => |w, i| unsigned(w, i, |a, b| a - b),
        Op::VSubrevU32 => |w, i| unsigned(w, i, |a, b| b - a),
        Op::VAddI32 => |w, i| signed(w, i, |a, b| a + b),
        Op::VSubI32 => |w, i| signed(w, i, |a, b| a - b),
        Op::VAddCoU32 => |w, i| with_carry(w, i, |a, b, _| a + b),
        Op::VSubCoU32 => |w, i| with_carry(w, i, |a, b, _| a - b),
        Op::VSubrevCoU32 => |w, i| with_carry(w, i, |a, b, _| b - a),
        Op::VAddcCoU32 => |w, i| with_carry(w, i, |a, b, c| a + b + c),
        Op::VSubbCoU32 => |w, i| with_carry(w, i, |a, b, c| a - b - c),
        Op::VSubbrevCoU32 => |w, i| with_carry(w, i, |a, b, c| b - a - c),
        _ => return None,
    };
    Some(step)
}

fn multiply_step(op: Op) -> Option<Step> {
    let step: Step = match op {
        Op::VMulI32I24 => |w, i| u32_2(w, i, |a, b| sext24(a).wrapping_mul(sext24(b)) as u32),
        Op::VMulU32U24 => |w, i| u32_2(w, i, |a, b| (a & 0xff_ffff).wrapping_mul(b & 0xff_ffff)),
        Op::VMulHiI32I24 => {
            |w, i| u32_2(w, i, |a, b| ((i64::from(sext24(a)) * i64::from(sext24(b))) >> 32) as u32)
        }
        Op::VMulHiU32U24 => |w, i| {
            u32_2(w, i, |a, b| ((u64::from(a & 0xff_ffff) * u64::from(b & 0xff_ffff)) >> 32) as u32)
        },
        Op::VMulLoU32 => |w, i| u32_2(w, i, u32::wrapping_mul),
        Op::VMulHiU32 => |w, i| u32_2(w, i, |a, b| ((u64::from(a) * u64::from(b)) >> 32) as u32),
        Op::VMulHiI32 => {
            |w, i| u32_2(w, i, |a, b| ((i64::from(a as i32) * i64::from(b as i32)) >> 32) as u32)
        }
        Op::VMadI32I24 => |w, i| {
            let clamp = i.modifiers.clamp;
            u32_3(w, i, |a, b, c| {
                let product = i64::from(sext24(a)) * i64::from(sext24(b));
                saturate_i32(product + i64::from(c as i32), clamp)
            });
        },
        Op::VMadU32U24 => {
            |w, i| accumulated(w, i, |a, b| u64::from(a & 0xff_ffff) * u64::from(b & 0xff_ffff))
        }
        Op::VMadU32U16 => |w, i| {
            let (a, b, c) = (short(w, i, 0), short(w, i, 1), w.source(i, 2));
            let clamp = i.modifiers.clamp;
            let sum = |l: usize| u64::from(a[l]) * u64::from(b[l]) + u64::from(c[l]);
            w.write(i, &std::array::from_fn(|l| saturate_u32(sum(l), clamp)));
        },
        Op::VMadI32I16 => |w, i| {
            let (a, b, c) = (short(w, i, 0), short(w, i, 1), w.source(i, 2));
            let clamp = i.modifiers.clamp;
            let product = |l: usize| i64::from(a[l] as i16) * i64::from(b[l] as i16);
            let sum = |l: usize| product(l) + i64::from(c[l] as i32);
            w.write(i, &std::array::from_fn(|l| saturate_i32(sum(l), clamp)));
        },
        Op::VDot4cI32I8 => |w, i| {
            let (a, b, c) = (w.source(i, 0), w.source(i, 1), w.lanes(i.dst, 0));
            let clamp = i.modifiers.clamp;
            let value = std::array::from_fn(|l| bits::dot4_i32_i8(a[l], b[l], c[l], clamp));
            w.write(i, &value);
        },
        _ => return None,
    };
    Some(step)
}

fn order_step(op: Op) -> Option<Step> {
    let step: Step = match op {
        Op::VMinI32 => |w, i| u32_2(w, i, |a, b| (a as i32).min(b as i32) as u32),
        Op::VMaxI32 => |w, i| u32_2(w, i, |a, b| (a as i32).max(b as i32) as u32),
        Op::VMinU32 => |w, i| u32_2(w, i, u32::min),
        Op::VMaxU32 => |w, i| u32_2(w, i, u32::max),
        Op::VMin3I32 => |w, i| u32_3(w, i, |a, b, c| (a as i32).min(b as i32).min(c as i32) as u32),
        Op::VMax3I32 => |w, i| u32_3(w, i, |a, b, c| (a as i32).max(b as i32).max(c as i32) as u32),
        Op::VMed3I32 => {
            |w, i| u32_3(w, i, |a, b, c| bits::med3(a as i32, b as i32, c as i32) as u32)
        }
        Op::VMin3U32 => |w, i| u32_3(w, i, |a, b, c| a.min(b).min(c)),
        Op::VMax3U32 => |w, i| u32_3(w, i, |a, b, c| a.max(b).max(c)),
        Op::VMed3U32 => |w, i| u32_3(w, i, bits::med3),
        Op::VLerpU8 => |w, i| u32_3(w, i, bits::lerp_u8),
        Op::VSadU8 => |w, i| accumulated(w, i, |a, b| bits::sad_u8(a, b).into()),
        Op::VSadHiU8 => |w, i| accumulated(w, i, |a, b| u64::from(bits::sad_u8(a, b)) << 16),
        Op::VSadU16 => |w, i| accumulated(w, i, |a, b| bits::sad_u16(a, b).into()),
        Op::VSadU32 => |w, i| accumulated(w, i, |a, b| a.abs_diff(b).into()),
        _ => return None,
    };
    Some(step)
}

fn bit_step(op: Op) -> Option<Step> {
    let step: Step = match op {
        Op::VLshlrevB32 => |w, i| u32_2(w, i, |a, b| b << (a & 31)),
        Op::VLshrrevB32 => |w, i| u32_2(w, i, |a, b| b >> (a & 31)),
        Op::VAshrrevI32 => |w, i| u32_2(w, i, |a, b| ((b as i32) >> (a & 31)) as u32),
        Op::VAndB32 => |w, i| u32_2(w, i, |a, b| a & b),
        Op::VOrB32 => |w, i| u32_2(w, i, |a, b| a | b),
        Op::VXorB32 => |w, i| u32_2(w, i, |a, b| a ^ b),
        Op::VXnorB32 => |w, i| u32_2(w, i, |a, b| !(a ^ b)),
        Op::VNotB32 => |w, i| u32_1(w, i, |a| !a),
        Op::VBfrevB32 => |w, i| u32_1(w, i, u32::reverse_bits),
        Op::VFfbhU32 => |w, i| u32_1(w, i, bits::ffbh_u32),
        Op::VFfbhI32 => |w, i| u32_1(w, i, bits::ffbh_i32),
        Op::VFfblB32 => |w, i| u32_1(w, i, bits::ffbl),
        Op::VBfeU32 => |w, i| u32_3(w, i, bits::bfe_u32),
        Op::VBfeI32 => |w, i| u32_3(w, i, bits::bfe_i32),
        Op::VBfiB32 => |w, i| u32_3(w, i, bits::bfi),
        Op::VBfmB32 => |w, i| u32_2(w, i, |a, b| ((1_u32 << (a & 31)) - 1) << (b & 31)),
        Op::VAlignbitB32 => |w, i| u32_3(w, i, bits::alignbit),
        Op::VAlignbyteB32 => |w, i| u32_3(w, i, bits::alignbyte),
        Op::VPermB32 => |w, i| u32_3(w, i, bits::perm),
        Op::VBcntU32B32 => |w, i| u32_2(w, i, |a, b| a.count_ones().wrapping_add(b)),
        _ => return None,
    };
    Some(step)
}

fn combined_step(op: Op) -> Option<Step> {
    let step: Step = match op {
        Op::VLshlAddU32 => |w, i| u32_3(w, i, |a, b, c| (a << (b & 31)).wrapping_add(c)),
        Op::VAddLshlU32 => |w, i| u32_3(w, i, |a, b, c| a.wrapping_add(b) << (c & 31)),
        Op::VAdd3U32 => |w, i| u32_3(w, i, |a, b, c| a.wrapping_add(b).wrapping_add(c)),
        Op::VLshlOrB32 => |w, i| u32_3(w, i, |a, b, c| (a << (b & 31)) | c),
        Op::VAndOrB32 => |w, i| u32_3(w, i, |a, b, c| (a & b) | c),
        Op::VOr3B32 => |w, i| u32_3(w, i, |a, b, c| a | b | c),
        Op::VXadU32 => |w, i| u32_3(w, i, |a, b, c| (a ^ b).wrapping_add(c)),
        _ => return None,
    };
    Some(step)
}

/// Source `index` as 16 bits from the half that `op_sel` says.
#[inline]
fn short(w: &Wave, i: &Inst, index: usize) -> [u16; 64] {
    let shift = if has(i.modifiers.op_sel, index) { 16 } else { 0 };
    w.source(i, index).map(|bits| (bits >> shift) as u16)
}

#[inline]
fn u16_2(w: &mut Wave, i: &Inst, f: impl Fn(u16, u16) -> u16) {
    let (a, b) = (short(w, i, 0), short(w, i, 1));
    write_16(w, i, &std::array::from_fn(|l| f(a[l], b[l]).into()));
}

#[inline]
fn u16_3(w: &mut Wave, i: &Inst, f: impl Fn(u16, u16, u16) -> u16) {
    let (a, b, c) = (short(w, i, 0), short(w, i, 1), short(w, i, 2));
    write_16(w, i, &std::array::from_fn(|l| f(a[l], b[l], c[l]).into()));
}

/// A 16-bit sum or difference; clamped to the type's range if the instruction asks.
#[inline]
fn short_sum(w: &mut Wave, i: &Inst, signed: bool, f: impl Fn(i32, i32) -> i32) {
    let clamp = i.modifiers.clamp;
    u16_2(w, i, |a, b| match (clamp, signed) {
        (true, true) => f((a as i16).into(), (b as i16).into()).clamp(-32768, 32767) as u16,
        (true, false) => f(a.into(), b.into()).clamp(0, 65535) as u16,
        (false, _) => f(a.into(), b.into()) as u16,
    });
}

fn short_step(op: Op) -> Option<Step> {
    let step: Step = match op {
        Op::VAddU16 => |w, i| short_sum(w, i, false, |a, b| a + b),
        Op::VSubU16 => |w, i| short_sum(w, i, false, |a, b| a - b),
        Op::VSubrevU16 => |w, i| short_sum(w, i, false, |a, b| b - a),
        Op::VAddI16 => |w, i| short_sum(w, i, true, |a, b| a + b),
        Op::VSubI16 => |w, i| short_sum(w, i, true, |a, b| a - b),
        Op::VMulLoU16 => |w, i| u16_2(w, i, u16::wrapping_mul),
        Op::VLshlrevB16 => |w, i| u16_2(w, i, |a, b| b << (a & 15)),
        Op::VLshrrevB16 => |w, i| u16_2(w, i, |a, b| b >> (a & 15)),
        Op::VAshrrevI16 => |w, i| u16_2(w, i, |a, b| ((b as i16) >> (a & 15)) as u16),
        Op::VMaxU16 => |w, i| u16_2(w, i, u16::max),
        Op::VMinU16 => |w, i| u16_2(w, i, u16::min),
        Op::VMaxI16 => |w, i| u16_2(w, i, |a, b| (a as i16).max(b as i16) as u16),
        Op::VMinI16 => |w, i| u16_2(w, i, |a, b| (a as i16).min(b as i16) as u16),
        _ => return None,
    };
    Some(step)
}

fn short3_step(op: Op) -> Option<Step> {
    let step: Step = match op {
        Op::VMadU16 => |w, i| {
            let clamp = i.modifiers.clamp;
            u16_3(w, i, |a, b, c| {
                let sum = u64::from(a) * u64::from(b) + u64::from(c);
                (if clamp { sum.min(0xffff) } else { sum }) as u16
            });
        },
        Op::VMadI16 => |w, i| {
            let clamp = i.modifiers.clamp;
            u16_3(w, i, |a, b, c| {
                let [a, b, c] = [a, b, c].map(|v| i64::from(v as i16));
                let sum = a * b + c;
                (if clamp { sum.clamp(-32768, 32767) } else { sum }) as u16
            });
        },
        Op::VMin3U16 => |w, i| u16_3(w, i, |a, b, c| a.min(b).min(c)),
        Op::VMax3U16 => |w, i| u16_3(w, i, |a, b, c| a.max(b).max(c)),
        Op::VMed3U16 => |w, i| u16_3(w, i, bits::med3),
        Op::VMin3I16 => |w, i| u16_3(w, i, |a, b, c| (a as i16).min(b as i16).min(c as i16) as u16),
        Op::VMax3I16 => |w, i| u16_3(w, i, |a, b, c| (a as i16).max(b as i16).max(c as i16) as u16),
        Op::VMed3I16 => {
            |w, i| u16_3(w, i, |a, b, c| bits::med3(a as i16, b as i16, c as i16) as u16)
        }
        _ => return None,
    };
    Some(step)
}
