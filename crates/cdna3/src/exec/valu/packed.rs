//! VOP3P: two values at a time, mixed precision, dot products.

use crate::inst::Inst;
use crate::op::Op;

use super::super::lanes::bits::{dot4_i32_i8, dot4_u32_u8, saturate_i32};
use super::super::lanes::float::{f16_to_f32, f32_to_f16, fma_f16, max_f32, min_f32, output_f32};
use super::super::prepared::Step;
use super::super::wave::{Lanes32, Wave};
use super::{has, write_f32};

/// The meaning of a packed operation, if it is one.
pub(super) fn step(op: Op) -> Option<Step> {
    half_step(op).or_else(|| short_step(op)).or_else(|| single_step(op)).or_else(|| mixed_step(op))
}

/// The low and the high 16-bit elements of a source, as the op_sel bits choose them.
fn elements(w: &Wave, i: &Inst, index: usize) -> [Lanes32; 2] {
    let lanes = w.source(i, index);
    let pick = |high: bool| lanes.map(|v| if high { v >> 16 } else { v & 0xffff });
    [pick(has(i.modifiers.op_sel, index)), pick(has(i.modifiers.op_sel_hi, index))]
}

/// The same as f16, negated by `neg_lo` and `neg_hi`.
fn halves(w: &Wave, i: &Inst, index: usize) -> [[f32; 64]; 2] {
    let [low, high] = elements(w, i, index);
    let flip = |negate: u8| if has(negate, index) { 0x8000 } else { 0 };
    let (low_flip, high_flip) = (flip(i.modifiers.neg), flip(i.modifiers.abs));
    [low.map(|v| f16_to_f32(v ^ low_flip)), high.map(|v| f16_to_f32(v ^ high_flip))]
}

#[inline]
fn f16x2(w: &mut Wave, i: &Inst, f: impl Fn(f32, f32, f32) -> u32) {
    let (a, b, c) = (halves(w, i, 0), halves(w, i, 1), halves(w, i, 2));
    let clamp = i.modifiers.clamp;
    let element = |at: usize, l: usize| {
        let bits = f(a[at][l], b[at][l], c[at][l]);
        if clamp { f32_to_f16(output_f32(f16_to_f32(bits), 0, true)) } else { bits }
    };
    w.write(i, &std::array::from_fn(|l| element(0, l) | (element(1, l) << 16)));
}

fn half_step(op: Op) -> Option<Step> {
    let step: Step = match op {
        Op::VPkFmaF16 => |w, i| f16x2(w, i, fma_f16),
        Op::VPkAddF16 => |w, i| f16x2(w, i, |a, b, _| f32_to_f16(a + b)),
        Op::VPkMulF16 => |w, i| f16x2(w, i, |a, b, _| f32_to_f16(a * b)),
        Op::VPkMinF16 => |w, i| f16x2(w, i, |a, b, _| f32_to_f16(min_f32(a, b))),
        Op::VPkMaxF16 => |w, i| f16x2(w, i, |a, b, _| f32_to_f16(max_f32(a, b))),
        _ => return None,
    };
    Some(step)
}

/// Two 16-bit integers; clamped to the type's range if the instruction asks.
#[inline]
fn u16x2(w: &mut Wave, i: &Inst, signed: bool, f: impl Fn(i64, i64, i64) -> i64) {
    let (a, b, c) = (elements(w, i, 0), elements(w, i, 1), elements(w, i, 2));
    let clamp = i.modifiers.clamp;
    let widen = |v: u32| if signed { i64::from(v as i16) } else { i64::from(v) };
    let (least, most) = if signed { (-32768, 32767) } else { (0, 65535) };
    let element = |at: usize, l: usize| {
        let value = f(widen(a[at][l]), widen(b[at][l]), widen(c[at][l]));
        (if clamp { value.clamp(least, most) } else { value }) as u32 & 0xffff
    };
    w.write(i, &std::array::from_fn(|l| element(0, l) | (element(1, l) << 16)));
}

fn short_step(op: Op) -> Option<Step> {
    let step: Step = match op {
        Op::VPkMadI16 => |w, i| u16x2(w, i, true, |a, b, c| a * b + c),
        Op::VPkMadU16 => |w, i| u16x2(w, i, false, |a, b, c| a * b + c),
        Op::VPkMulLoU16 => |w, i| u16x2(w, i, false, |a, b, _| a * b),
        Op::VPkAddI16 => |w, i| u16x2(w, i, true, |a, b, _| a + b),
        Op::VPkSubI16 => |w, i| u16x2(w, i, true, |a, b, _| a - b),
        Op::VPkAddU16 => |w, i| u16x2(w, i, false, |a, b, _| a + b),
        Op::VPkSubU16 => |w, i| u16x2(w, i, false, |a, b, _| a - b),
        Op::VPkMaxI16 => |w, i| u16x2(w, i, true, |a, b, _| a.max(b)),
        Op::VPkMinI16 => |w, i| u16x2(w, i, true, |a, b, _| a.min(b)),
        Op::VPkMaxU16 => |w, i| u16x2(w, i, false, |a, b, _| a.max(b)),
        Op::VPkMinU16 => |w, i| u16x2(w, i, false, |a, b, _| a.min(b)),
        Op::VPkLshlrevB16 => |w, i| u16x2(w, i, false, |a, b, _| b << (a & 15)),
        Op::VPkLshrrevB16 => |w, i| u16x2(w, i, false, |a, b, _| b >> (a & 15)),
        Op::VPkAshrrevI16 => |w, i| u16x2(w, i, true, |a, b, _| b >> (a & 15)),
        _ => return None,
    };
    Some(step)
}

/// Low and high f32 of a register pair, as the op_sel bits choose them.
fn pair(w: &Wave, i: &Inst, index: usize) -> [[f32; 64]; 2] {
    let pick = |select: u8, negate: u8| {
        let operand = i.src[index];
        // A constant is the same in both elements.
        let is_wide = !matches!(operand.kind, crate::inst::OperandKind::Constant(_));
        let lanes = w.lanes(operand, u8::from(is_wide && has(select, index)));
        let flip = if has(negate, index) { 0x8000_0000 } else { 0 };
        lanes.map(|v| f32::from_bits(v ^ flip))
    };
    let m = &i.modifiers;
    [pick(m.op_sel, m.neg), pick(m.op_sel_hi, m.abs)]
}

#[inline]
fn f32x2(w: &mut Wave, i: &Inst, f: impl Fn(f32, f32, f32) -> f32) {
    let (a, b, c) = (pair(w, i, 0), pair(w, i, 1), pair(w, i, 2));
    let (clamp, mask) = (i.modifiers.clamp, w.exec());
    for at in [0, 1] {
        let value = std::array::from_fn(|l| {
            let value = f(a[at][l], b[at][l], c[at][l]);
            (if clamp { output_f32(value, 0, true) } else { value }).to_bits()
        });
        w.write_masked(i.dst, at as u8, &value, mask);
    }
}

fn single_step(op: Op) -> Option<Step> {
    let step: Step = match op {
        Op::VPkFmaF32 => |w, i| f32x2(w, i, f32::mul_add),
        Op::VPkMulF32 => |w, i| f32x2(w, i, |a, b, _| a * b),
        Op::VPkAddF32 => |w, i| f32x2(w, i, |a, b, _| a + b),
        Op::VPkMovB32 => |w, i| {
            let low = w.lanes(i.src[0], i.modifiers.op_sel & 1);
            let high = w.lanes(i.src[1], (i.modifiers.op_sel >> 1) & 1);
            let mask = w.exec();
            w.write_masked(i.dst, 0, &low, mask);
            w.write_masked(i.dst, 1, &high, mask);
        },
        _ => return None,
    };
    Some(step)
}

/// A source of `fma_mix`: an f16 half or an f32, with `abs` and `neg`.
fn mixed(w: &Wave, i: &Inst, index: usize) -> [f32; 64] {
    let m = &i.modifiers;
    let (is_half, high) = (has(m.op_sel_hi, index), has(m.op_sel, index));
    w.source(i, index).map(|v| {
        let value = match (is_half, high) {
            (false, _) => f32::from_bits(v),
            (true, false) => f16_to_f32(v),
            (true, true) => f16_to_f32(v >> 16),
        };
        let value = if has(m.abs, index) { value.abs() } else { value };
        if has(m.neg, index) { -value } else { value }
    })
}

fn fma_mix(w: &Wave, i: &Inst) -> [f32; 64] {
    let (a, b, c) = (mixed(w, i, 0), mixed(w, i, 1), mixed(w, i, 2));
    std::array::from_fn(|l| a[l].mul_add(b[l], c[l]))
}

fn fma_mix_half(w: &mut Wave, i: &Inst, shift: u32) {
    let (value, old) = (fma_mix(w, i), w.lanes(i.dst, 0));
    let clamp = i.modifiers.clamp;
    let merged = std::array::from_fn(|l| {
        let bits = f32_to_f16(output_f32(value[l], 0, clamp));
        (old[l] & !(0xffff << shift)) | (bits << shift)
    });
    w.write(i, &merged);
}

/// Sum of products of 16-bit integers plus source 2.
fn dot2_integer(w: &mut Wave, i: &Inst, signed: bool) {
    let (a, b, c) = (elements(w, i, 0), elements(w, i, 1), w.source(i, 2));
    let clamp = i.modifiers.clamp;
    let widen = |v: u32| if signed { i64::from(v as i16) } else { i64::from(v) };
    let value = std::array::from_fn(|l| {
        let products: i64 = (0..2).map(|at| widen(a[at][l]) * widen(b[at][l])).sum();
        match (signed, clamp) {
            (true, _) => saturate_i32(products + i64::from(c[l] as i32), clamp),
            (false, true) => (products + i64::from(c[l])).min(u32::MAX.into()) as u32,
            (false, false) => (products + i64::from(c[l])) as u32,
        }
    });
    w.write(i, &value);
}

/// Sum of products of f16 plus an f32, in f32.
fn dot2_half(w: &mut Wave, i: &Inst, c: &Lanes32) {
    let (a, b) = (halves(w, i, 0), halves(w, i, 1));
    let value = std::array::from_fn(|l| {
        let sum = b[0][l].mul_add(a[0][l], f32::from_bits(c[l]));
        a[1][l].mul_add(b[1][l], sum)
    });
    write_f32(w, i, value);
}

fn mixed_step(op: Op) -> Option<Step> {
    let step: Step = match op {
        Op::VFmaMixF32 => |w, i| {
            let clamp = i.modifiers.clamp;
            let value = fma_mix(w, i).map(|v| output_f32(v, 0, clamp).to_bits());
            w.write(i, &value);
        },
        Op::VFmaMixloF16 => |w, i| fma_mix_half(w, i, 0),
        Op::VFmaMixhiF16 => |w, i| fma_mix_half(w, i, 16),
        Op::VDot2F32F16 => |w, i| {
            let c = w.source(i, 2);
            dot2_half(w, i, &c);
        },
        Op::VDot2I32I16 => |w, i| dot2_integer(w, i, true),
        Op::VDot2U32U16 => |w, i| dot2_integer(w, i, false),
        Op::VDot4I32I8 => |w, i| {
            let clamp = i.modifiers.clamp;
            super::u32_3(w, i, |a, b, c| dot4_i32_i8(a, b, c, clamp));
        },
        Op::VDot4U32U8 => |w, i| {
            let clamp = i.modifiers.clamp;
            super::u32_3(w, i, |a, b, c| dot4_u32_u8(a, b, c, clamp));
        },
        _ => return None,
    };
    Some(step)
}
