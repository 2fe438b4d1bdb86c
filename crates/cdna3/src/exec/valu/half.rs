//! f16 operations, one value a lane.

use crate::inst::Inst;
use crate::op::Op;

use super::super::lanes::float::{self, f16_to_f32, f32_to_f16, flush_f16};
use super::super::lanes::{division, transcendental};
use super::super::prepared::Step;
use super::super::wave::{Lanes32, Wave};
use super::{source_f16, source_f16_bits, write_16, write_f16_bits};

#[inline]
fn f16_1(w: &mut Wave, i: &Inst, f: impl Fn(f32) -> f32) {
    let a = source_f16(w, i, 0);
    write_f16_bits(w, i, a.map(|v| f32_to_f16(f(v))));
}

#[inline]
fn f16_2(w: &mut Wave, i: &Inst, f: impl Fn(f32, f32) -> f32) {
    let (a, b) = (source_f16(w, i, 0), source_f16(w, i, 1));
    write_f16_bits(w, i, std::array::from_fn(|l| f32_to_f16(f(a[l], b[l]))));
}

#[inline]
fn f16_3(w: &mut Wave, i: &Inst, f: impl Fn(f32, f32, f32) -> f32) {
    let (a, b, c) = (source_f16(w, i, 0), source_f16(w, i, 1), source_f16(w, i, 2));
    write_f16_bits(w, i, std::array::from_fn(|l| f32_to_f16(f(a[l], b[l], c[l]))));
}

/// Fractional part, below one.
#[inline]
fn fract(a: f32) -> f32 {
    let fraction = a - a.floor();
    // Infinity has none: NaN.
    if fraction > 0.999_511_7 { 0.999_511_7 } else { fraction }
}

/// A minimum, maximum or median; `f` takes whether the mode is IEEE.
#[inline]
fn order_2(w: &mut Wave, i: &Inst, f: impl Fn(f32, f32, bool) -> f32) {
    let ieee = w.is_ieee();
    f16_2(w, i, |a, b| f(a, b, ieee));
}

#[inline]
fn order_3(w: &mut Wave, i: &Inst, f: impl Fn(f32, f32, f32, bool) -> f32) {
    let ieee = w.is_ieee();
    f16_3(w, i, |a, b, c| f(a, b, c, ieee));
}

/// `a * b + c` in two roundings; denormals become zero whatever the mode says, for the unit
/// supports none. Source: LLVM selects it only where they are flushed (`isFMADLegal`).
#[inline]
fn mad(w: &mut Wave, i: &Inst, c: impl Fn(&Wave) -> Lanes32) {
    let flushed = |bits: u32| f16_to_f32(flush_f16(bits & 0xffff));
    let (a, b, c) = (source_f16_bits(w, i, 0), source_f16_bits(w, i, 1), c(w));
    let value = |l: usize| {
        let product = flushed(f32_to_f16(flushed(a[l]) * flushed(b[l])));
        flush_f16(f32_to_f16(product + flushed(c[l])))
    };
    write_f16_bits(w, i, std::array::from_fn(value));
}

/// The meaning of an f16 operation, if it is one.
pub(super) fn step(op: Op) -> Option<Step> {
    binary_step(op).or_else(|| unary_step(op))
}

fn binary_step(op: Op) -> Option<Step> {
    let step: Step = match op {
        Op::VAddF16 => |w, i| f16_2(w, i, |a, b| a + b),
        Op::VSubF16 => |w, i| f16_2(w, i, |a, b| a - b),
        Op::VSubrevF16 => |w, i| f16_2(w, i, |a, b| b - a),
        Op::VMulF16 => |w, i| f16_2(w, i, |a, b| a * b),
        Op::VMaxF16 => |w, i| order_2(w, i, float::max_f32),
        Op::VMinF16 => |w, i| order_2(w, i, float::min_f32),
        Op::VMin3F16 => |w, i| {
            order_3(w, i, |a, b, c, ieee| float::min_f32(float::min_f32(a, b, ieee), c, ieee))
        },
        Op::VMax3F16 => |w, i| {
            order_3(w, i, |a, b, c, ieee| float::max_f32(float::max_f32(a, b, ieee), c, ieee))
        },
        Op::VMed3F16 => |w, i| order_3(w, i, float::med3_f32),
        Op::VMadF16 => |w, i| mad(w, i, |w| source_f16_bits(w, i, 2)),
        Op::VMacF16 => |w, i| mad(w, i, |w| w.lanes(i.dst, 0)),
        Op::VFmaF16 => |w, i| {
            let (a, b, c) = (source_f16(w, i, 0), source_f16(w, i, 1), source_f16(w, i, 2));
            write_f16_bits(w, i, std::array::from_fn(|l| float::fma_f16(a[l], b[l], c[l])));
        },
        Op::VDivFixupF16 => |w, i| f16_3(w, i, division::div_fixup_f32),
        Op::VLdexpF16 => |w, i| {
            let (a, b) = (source_f16(w, i, 0), w.source(i, 1));
            let value = |l: usize| float::ldexp_f32(a[l], i32::from(b[l] as i16));
            write_f16_bits(w, i, std::array::from_fn(|l| f32_to_f16(value(l))));
        },
        _ => return None,
    };
    Some(step)
}

fn unary_step(op: Op) -> Option<Step> {
    let step: Step = match op {
        Op::VRcpF16 => |w, i| f16_1(w, i, |a| 1.0 / a),
        Op::VSqrtF16 => |w, i| f16_1(w, i, f32::sqrt),
        Op::VRsqF16 => |w, i| f16_1(w, i, |a| 1.0 / a.sqrt()),
        Op::VLogF16 => |w, i| f16_1(w, i, transcendental::log_f32),
        Op::VExpF16 => |w, i| f16_1(w, i, transcendental::exp_f32),
        Op::VSinF16 => |w, i| f16_1(w, i, transcendental::sin_f32),
        Op::VCosF16 => |w, i| f16_1(w, i, transcendental::cos_f32),
        Op::VFloorF16 => |w, i| f16_1(w, i, f32::floor),
        Op::VCeilF16 => |w, i| f16_1(w, i, f32::ceil),
        Op::VTruncF16 => |w, i| f16_1(w, i, f32::trunc),
        Op::VRndneF16 => |w, i| f16_1(w, i, f32::round_ties_even),
        Op::VFractF16 => |w, i| f16_1(w, i, fract),
        Op::VFrexpMantF16 => |w, i| f16_1(w, i, float::frexp_mant_f32),
        Op::VFrexpExpI16F16 => |w, i| {
            let a = source_f16(w, i, 0);
            write_16(w, i, &a.map(|v| float::frexp_exp_f32(v) as u32));
        },
        _ => return None,
    };
    Some(step)
}
