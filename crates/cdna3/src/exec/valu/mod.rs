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

use super::lanes::float::{f16_to_f32, f32_to_f16, flush_f16, flush_f32, output_f32};
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
    let mut bits = value.map(f32::to_bits);
    if i.modifiers.omod != 0 || i.modifiers.clamp {
        let (omod, clamp) = (i.modifiers.omod, i.modifiers.clamp);
        bits = value.map(|v| output_f32(v, omod, clamp).to_bits());
    }
    if w.denormals_f32() & 2 == 0 {
        bits = bits.map(flush_f32);
    }
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

/// Writes 16 bits: to the high half with `op_sel`, which keeps the low one; else over the dword.
#[inline]
fn write_16(w: &mut Wave, i: &Inst, value: &Lanes32) {
    if has(i.modifiers.op_sel, 3) {
        let old = w.lanes(i.dst, 0);
        let merged = std::array::from_fn(|l| (old[l] & 0xffff) | (value[l] << 16));
        w.write(i, &merged);
    } else {
        w.write(i, &value.map(|bits| bits & 0xffff));
    }
}

/// Writes f16 bits with `omod`, `clamp` and the mode's treatment of denormals.
#[inline]
fn write_f16_bits(w: &mut Wave, i: &Inst, mut bits: Lanes32) {
    if i.modifiers.omod != 0 || i.modifiers.clamp {
        let (omod, clamp) = (i.modifiers.omod, i.modifiers.clamp);
        bits = bits.map(|b| f32_to_f16(output_f32(f16_to_f32(b), omod, clamp)));
    }
    if w.denormals_f16_f64() & 2 == 0 {
        bits = bits.map(flush_f16);
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
