//! Vector arithmetic: 64 lanes at a time, results blended in by exec.
//!
//! Owns how sources get their modifiers and results theirs; each file below holds the operations
//! of one type. A step reads all its sources before it writes.

mod compare;
mod convert;
mod double;
mod float;
mod half;
mod integer;
mod moves;
mod packed;
mod wide;

use crate::inst::Inst;
use crate::op::Op;

use super::lanes::float::{Output, f16_to_f32, flush_f16, flush_f32};
use super::prepared::Step;
use super::wave::{Lanes32, Wave};

/// The meaning of a vector operation, if it is one.
pub(crate) fn step(op: Op) -> Option<Step> {
    float::step(op)
        .or_else(|| integer::step(op))
        .or_else(|| wide::step(op))
        .or_else(|| convert::step(op))
        .or_else(|| half::step(op))
        .or_else(|| double::step(op))
        .or_else(|| packed::step(op))
        .or_else(|| moves::step(op))
        .or_else(|| compare::step(op))
}

/// What the instruction and the mode do to float results; `denormals` is the mode of their type.
#[inline]
fn output(w: &Wave, i: &Inst, denormals: u32) -> Output {
    let flush = denormals & 2 == 0;
    let factor = match i.modifiers.omod {
        _ if !flush || w.is_ieee() => 1.0,
        1 => 2.0,
        2 => 4.0,
        3 => 0.5,
        _ => 1.0,
    };
    Output { factor, clamp: i.modifiers.clamp, nan_to_zero: w.is_dx10_clamp(), flush }
}

fn has(bits: u8, index: usize) -> bool {
    (bits >> index) & 1 == 1
}

/// Source `index` as f32, with `abs`, `neg` and the mode's treatment of denormals.
#[inline]
fn source_f32(w: &Wave, i: &Inst, index: usize) -> [f32; 64] {
    let lanes = w.source(i, index);
    let keep = if has(i.modifiers.abs, index) { 0x7fff_ffff } else { u32::MAX };
    let flip = if has(i.modifiers.neg, index) { 0x8000_0000 } else { 0 };
    if w.denormals_f32() & 1 == 0 {
        return lanes.map(|bits| f32::from_bits(flush_f32((bits & keep) ^ flip)));
    }
    lanes.map(|bits| f32::from_bits((bits & keep) ^ flip))
}

/// Writes an f32 result, with `omod`, `clamp` and the mode's treatment of denormals.
#[inline]
fn write_f32(w: &mut Wave, i: &Inst, value: [f32; 64]) {
    let out = output(w, i, w.denormals_f32());
    let bits = if out.is_plain() {
        value.map(f32::to_bits)
    } else {
        value.map(|v| out.single(v).to_bits())
    };
    w.write(i, &bits);
}

/// Source `index` as 16 bits with `abs`, `neg` of f16, from the half that `op_sel` says.
#[inline]
fn source_f16_bits(w: &Wave, i: &Inst, index: usize) -> Lanes32 {
    let shift = if has(i.modifiers.op_sel, index) { 16 } else { 0 };
    let keep = if has(i.modifiers.abs, index) { 0x7fff } else { 0xffff };
    let flip = if has(i.modifiers.neg, index) { 0x8000 } else { 0 };
    let flush = w.denormals_f16_f64() & 1 == 0;
    w.source(i, index).map(|bits| {
        let half = ((bits >> shift) & keep) ^ flip;
        if flush { flush_f16(half) } else { half }
    })
}

/// Source `index` as f16, widened.
#[inline]
fn source_f16(w: &Wave, i: &Inst, index: usize) -> [f32; 64] {
    source_f16_bits(w, i, index).map(f16_to_f32)
}

/// Whether a 16-bit operation keeps the half of the destination that it does not write. Those
/// that gfx8 had clear the high half; those that can choose a half, and `v_mac_f16`, keep it.
/// Source: LLVM's `zeroesHigh16BitsOfDest`.
pub(crate) fn keeps_other_half(op: Op) -> bool {
    matches!(
        op,
        Op::VMacF16
            | Op::VMadF16
            | Op::VFmaF16
            | Op::VDivFixupF16
            | Op::VMin3F16
            | Op::VMax3F16
            | Op::VMed3F16
            | Op::VMin3I16
            | Op::VMax3I16
            | Op::VMed3I16
            | Op::VMin3U16
            | Op::VMax3U16
            | Op::VMed3U16
            | Op::VMadU16
            | Op::VMadI16
            | Op::VAddI16
            | Op::VSubI16
    )
}

/// Writes 16 bits to the half that `op_sel` says.
#[inline]
fn write_16(w: &mut Wave, i: &Inst, value: &Lanes32) {
    let is_high = has(i.modifiers.op_sel, 3);
    if is_high || keeps_other_half(i.op) {
        let (old, shift) = (w.lanes(i.dst, 0), if is_high { 16 } else { 0 });
        let keep = !(0xffff << shift);
        w.write(i, &std::array::from_fn(|l| (old[l] & keep) | ((value[l] & 0xffff) << shift)));
    } else {
        w.write(i, &value.map(|bits| bits & 0xffff));
    }
}

/// Writes f16 bits with `omod`, `clamp` and the mode's treatment of denormals.
#[inline]
fn write_f16_bits(w: &mut Wave, i: &Inst, mut bits: Lanes32) {
    let out = output(w, i, w.denormals_f16_f64());
    if !out.is_plain() {
        bits = bits.map(|b| out.half(b));
    }
    write_16(w, i, &bits);
}

#[inline]
fn f32_1(w: &mut Wave, i: &Inst, f: impl Fn(f32) -> f32) {
    let a = source_f32(w, i, 0);
    write_f32(w, i, a.map(f));
}

#[inline]
fn f32_2(w: &mut Wave, i: &Inst, f: impl Fn(f32, f32) -> f32) {
    let (a, b) = (source_f32(w, i, 0), source_f32(w, i, 1));
    write_f32(w, i, std::array::from_fn(|l| f(a[l], b[l])));
}

#[inline]
fn f32_3(w: &mut Wave, i: &Inst, f: impl Fn(f32, f32, f32) -> f32) {
    let (a, b, c) = (source_f32(w, i, 0), source_f32(w, i, 1), source_f32(w, i, 2));
    write_f32(w, i, std::array::from_fn(|l| f(a[l], b[l], c[l])));
}

#[inline]
fn u32_1(w: &mut Wave, i: &Inst, f: impl Fn(u32) -> u32) {
    let a = w.source(i, 0);
    w.write(i, &a.map(f));
}

#[inline]
fn u32_2(w: &mut Wave, i: &Inst, f: impl Fn(u32, u32) -> u32) {
    let (a, b) = (w.source(i, 0), w.source(i, 1));
    w.write(i, &std::array::from_fn(|l| f(a[l], b[l])));
}

#[inline]
fn u32_3(w: &mut Wave, i: &Inst, f: impl Fn(u32, u32, u32) -> u32) {
    let (a, b, c) = (w.source(i, 0), w.source(i, 1), w.source(i, 2));
    w.write(i, &std::array::from_fn(|l| f(a[l], b[l], c[l])));
}

/// f32 sources without modifiers on the result: conversions.
#[inline]
fn bits_of_f32(w: &mut Wave, i: &Inst, f: impl Fn(f32) -> u32) {
    let a = source_f32(w, i, 0);
    w.write(i, &a.map(f));
}
