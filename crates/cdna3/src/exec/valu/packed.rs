//! VOP3P: two values at a time, mixed precision, dot products.

use crate::inst::Inst;
use crate::op::Op;

use super::super::lanes::bits::{dot4_i32_i8, dot4_u32_u8, dot8_i32_i4, dot8_u32_u4, saturate_i32};
use super::super::lanes::float::{
    f16_to_f32, f32_to_f16, flush_f16, flush_f32, fma_f16, max_f32, min_f32,
};
use super::super::prepared::Step;
use super::super::wave::{Lanes32, Wave};
use super::{has, output, write_f32};

/// The meaning of a packed operation, if it is one.
pub(super) fn step(op: Op) -> Option<Step> {
    half_step(op)
        .or_else(|| short_step(op))
        .or_else(|| single_step(op))
        .or_else(|| mixed_step(op))
        .or_else(|| accumulating_step(op))
}

/// The low and the high 16-bit elements of a source, as the op_sel bits choose them.
fn elements(w: &Wave, i: &Inst, index: usize) -> [Lanes32; 2] {
    let lanes = w.source(i, index);
    let pick = |high: bool| lanes.map(|v| if high { v >> 16 } else { v & 0xffff });
    [pick(has(i.modifiers.op_sel, index)), pick(has(i.modifiers.op_sel_hi, index))]
}

/// The same as f16, negated by `neg_lo` and `neg_hi`, denormals by the mode.
fn halves(w: &Wave, i: &Inst, index: usize) -> [[f32; 64]; 2] {
    let [low, high] = elements(w, i, index);
    let flip = |negate: u8| if has(negate, index) { 0x8000 } else { 0 };
    let (low_flip, high_flip) = (flip(i.modifiers.neg), flip(i.modifiers.abs));
    let flush = w.denormals_f16_f64() & 1 == 0;
    let widen = |v: u32| f16_to_f32(if flush { flush_f16(v) } else { v });
    [low.map(|v| widen(v ^ low_flip)), high.map(|v| widen(v ^ high_flip))]
}

#[inline]
fn f16x2(w: &mut Wave, i: &Inst, f: impl Fn(f32, f32, f32) -> u32) {
    let (a, b, c) = (halves(w, i, 0), halves(w, i, 1), halves(w, i, 2));
    write_halves(w, i, |at, l| f(a[at][l], b[at][l], c[at][l]));
}

/// Writes two f16, `value(element, lane)` in bits.
#[inline]
fn write_halves(w: &mut Wave, i: &Inst, value: impl Fn(usize, usize) -> u32) {
    let out = output(w, i, w.denormals_f16_f64());
    let element = |at: usize, l: usize| out.half(value(at, l));
    w.write(i, &std::array::from_fn(|l| element(0, l) | (element(1, l) << 16)));
}

/// `v_pk_fmac_f16`, which has no modifiers: both halves times both halves, added to both.
fn pk_fmac(w: &mut Wave, i: &Inst) {
    let flush = w.denormals_f16_f64() & 1 == 0;
    let (a, b, d) = (w.source(i, 0), w.source(i, 1), w.lanes(i.dst, 0));
    let half = |bits: u32, at: usize| {
        let half = (bits >> (16 * at)) & 0xffff;
        f16_to_f32(if flush { flush_f16(half) } else { half })
    };
    write_halves(w, i, |at, l| fma_f16(half(a[l], at), half(b[l], at), half(d[l], at)));
}

fn half_step(op: Op) -> Option<Step> {
    let step: Step = match op {
        Op::VPkFmaF16 => |w, i| f16x2(w, i, fma_f16),
        Op::VPkFmacF16 => pk_fmac,
        Op::VPkAddF16 => |w, i| f16x2(w, i, |a, b, _| f32_to_f16(a + b)),
        Op::VPkMulF16 => |w, i| f16x2(w, i, |a, b, _| f32_to_f16(a * b)),
        Op::VPkMinF16 => |w, i| {
            let ieee = w.is_ieee();
            f16x2(w, i, |a, b, _| f32_to_f16(min_f32(a, b, ieee)));
        },
        Op::VPkMaxF16 => |w, i| {
            let ieee = w.is_ieee();
            f16x2(w, i, |a, b, _| f32_to_f16(max_f32(a, b, ieee)));
        },
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
        let flush = w.denormals_f32() & 1 == 0;
        lanes.map(|v| f32::from_bits(if flush { flush_f32(v ^ flip) } else { v ^ flip }))
    };
    let m = &i.modifiers;
    [pick(m.op_sel, m.neg), pick(m.op_sel_hi, m.abs)]
}

#[inline]
fn f32x2(w: &mut Wave, i: &Inst, f: impl Fn(f32, f32, f32) -> f32) {
    let (a, b, c) = (pair(w, i, 0), pair(w, i, 1), pair(w, i, 2));
    let (out, mask) = (output(w, i, w.denormals_f32()), w.exec());
    for at in [0, 1] {
        let value = std::array::from_fn(|l| out.single(f(a[at][l], b[at][l], c[at][l])).to_bits());
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
    let flush_half = w.denormals_f16_f64() & 1 == 0;
    let flush = w.denormals_f32() & 1 == 0;
    w.source(i, index).map(|v| {
        let half = if high { v >> 16 } else { v & 0xffff };
        let value = match is_half {
            false => f32::from_bits(if flush { flush_f32(v) } else { v }),
            true => f16_to_f32(if flush_half { flush_f16(half) } else { half }),
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
    let out = output(w, i, w.denormals_f16_f64());
    let merged = std::array::from_fn(|l| {
        let bits = out.half(f32_to_f16(value[l]));
        (old[l] & !(0xffff << shift)) | (bits << shift)
    });
    w.write(i, &merged);
}

/// Sum of products of 16-bit integers plus `c`.
fn dot2_integer(w: &mut Wave, i: &Inst, c: &Lanes32, signed: bool) {
    let (a, b) = (elements(w, i, 0), elements(w, i, 1));
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

/// The two halves of a register: what `v_dot2c` multiplies, with no choice of halves.
fn whole(i: &Inst) -> Inst {
    let mut whole = i.clone();
    (whole.modifiers.op_sel, whole.modifiers.op_sel_hi) = (0, 0b111);
    whole.modifiers.abs = whole.modifiers.neg;
    whole
}

/// Dot products added to the destination.
fn accumulating_step(op: Op) -> Option<Step> {
    let step: Step = match op {
        Op::VDot2cF32F16 => |w, i| {
            let c = w.lanes(i.dst, 0);
            dot2_half(w, &whole(i), &c);
        },
        Op::VDot2cI32I16 => |w, i| {
            let c = w.lanes(i.dst, 0);
            dot2_integer(w, &whole(i), &c, true);
        },
        Op::VDot8cI32I4 => |w, i| {
            let (a, b, c) = (w.source(i, 0), w.source(i, 1), w.lanes(i.dst, 0));
            let clamp = i.modifiers.clamp;
            w.write(i, &std::array::from_fn(|l| dot8_i32_i4(a[l], b[l], c[l], clamp)));
        },
        _ => return None,
    };
    Some(step)
}

fn mixed_step(op: Op) -> Option<Step> {
    let step: Step = match op {
        Op::VFmaMixF32 => |w, i| {
            let value = fma_mix(w, i);
            write_f32(w, i, value);
        },
        Op::VFmaMixloF16 => |w, i| fma_mix_half(w, i, 0),
        Op::VFmaMixhiF16 => |w, i| fma_mix_half(w, i, 16),
        Op::VDot2F32F16 => |w, i| {
            let c = w.source(i, 2);
            dot2_half(w, i, &c);
        },
        Op::VDot2I32I16 => |w, i| {
            let c = w.source(i, 2);
            dot2_integer(w, i, &c, true);
        },
        Op::VDot2U32U16 => |w, i| {
            let c = w.source(i, 2);
            dot2_integer(w, i, &c, false);
        },
        Op::VDot8I32I4 => |w, i| {
            let clamp = i.modifiers.clamp;
            super::u32_3(w, i, |a, b, c| dot8_i32_i4(a, b, c, clamp));
        },
        Op::VDot8U32U4 => |w, i| {
            let clamp = i.modifiers.clamp;
            super::u32_3(w, i, |a, b, c| dot8_u32_u4(a, b, c, clamp));
        },
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
