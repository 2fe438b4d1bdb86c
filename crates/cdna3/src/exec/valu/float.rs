//! f32 operations.

use crate::inst::Inst;
use crate::op::Op;

use super::super::lanes::{division, float, transcendental};
use super::super::prepared::Step;
use super::super::wave::Wave;
use super::{f32_1, f32_2, f32_3, source_f32, write_f32};

/// The meaning of an f32 operation, if it is one.
pub(super) fn step(op: Op) -> Option<Step> {
    arithmetic_step(op).or_else(|| unary_step(op)).or_else(|| division_step(op))
}

/// `a * b + dst`, the destination read as an f32 without modifiers.
/// The destination as a source.
#[inline]
pub(super) fn addend_f32(w: &Wave, i: &Inst) -> [f32; 64] {
    let bits = w.lanes(i.dst, 0);
    if w.denormals_f32() & 1 == 0 {
        return bits.map(|b| f32::from_bits(float::flush_f32(b)));
    }
    bits.map(f32::from_bits)
}

/// A minimum, maximum or median; `f` takes whether the mode is IEEE.
#[inline]
fn order_2(w: &mut Wave, i: &Inst, f: impl Fn(f32, f32, bool) -> f32) {
    let ieee = w.is_ieee();
    f32_2(w, i, |a, b| f(a, b, ieee));
}

#[inline]
fn order_3(w: &mut Wave, i: &Inst, f: impl Fn(f32, f32, f32, bool) -> f32) {
    let ieee = w.is_ieee();
    f32_3(w, i, |a, b, c| f(a, b, c, ieee));
}

/// `f32_1` of a function that hands NaN through: they come out quiet.
#[inline]
fn quieting(w: &mut Wave, i: &Inst, f: impl Fn(f32) -> f32) {
    f32_1(w, i, |a| float::quiet_f32(f(a)));
}

#[inline]
fn fmac(w: &mut Wave, i: &Inst) {
    let (a, b) = (source_f32(w, i, 0), source_f32(w, i, 1));
    let c = addend_f32(w, i);
    write_f32(w, i, std::array::from_fn(|l| a[l].mul_add(b[l], c[l])));
}

fn arithmetic_step(op: Op) -> Option<Step> {
    let step: Step = match op {
        Op::VAddF32 => |w, i| f32_2(w, i, |a, b| a + b),
        Op::VSubF32 => |w, i| f32_2(w, i, |a, b| a - b),
        Op::VSubrevF32 => |w, i| f32_2(w, i, |a, b| b - a),
        Op::VMulF32 => |w, i| f32_2(w, i, |a, b| a * b),
        Op::VMinF32 => |w, i| order_2(w, i, float::min_f32),
        Op::VMaxF32 => |w, i| order_2(w, i, float::max_f32),
        Op::VFmaF32 | Op::VFmamkF32 | Op::VFmaakF32 => |w, i| f32_3(w, i, f32::mul_add),
        Op::VFmacF32 => fmac,
        Op::VMin3F32 => |w, i| {
            order_3(w, i, |a, b, c, ieee| float::min_f32(float::min_f32(a, b, ieee), c, ieee))
        },
        Op::VMax3F32 => |w, i| {
            order_3(w, i, |a, b, c, ieee| float::max_f32(float::max_f32(a, b, ieee), c, ieee))
        },
        Op::VMed3F32 => |w, i| order_3(w, i, float::med3_f32),
        _ => return None,
    };
    Some(step)
}

fn unary_step(op: Op) -> Option<Step> {
    let step: Step = match op {
        Op::VFractF32 => |w, i| quieting(w, i, float::fract_f32),
        Op::VTruncF32 => |w, i| quieting(w, i, f32::trunc),
        Op::VCeilF32 => |w, i| quieting(w, i, f32::ceil),
        Op::VRndneF32 => |w, i| quieting(w, i, f32::round_ties_even),
        Op::VFloorF32 => |w, i| quieting(w, i, f32::floor),
        Op::VExpF32 => |w, i| f32_1(w, i, transcendental::exp_f32),
        Op::VLogF32 => |w, i| f32_1(w, i, transcendental::log_f32),
        Op::VRcpF32 | Op::VRcpIflagF32 => |w, i| f32_1(w, i, transcendental::rcp_f32),
        Op::VRsqF32 => |w, i| f32_1(w, i, transcendental::rsq_f32),
        Op::VSqrtF32 => |w, i| f32_1(w, i, transcendental::sqrt_f32),
        Op::VSinF32 => |w, i| f32_1(w, i, transcendental::sin_f32),
        Op::VCosF32 => |w, i| f32_1(w, i, transcendental::cos_f32),
        Op::VFrexpMantF32 => |w, i| quieting(w, i, float::frexp_mant_f32),
        Op::VFrexpExpI32F32 => |w, i| super::bits_of_f32(w, i, |a| float::frexp_exp_f32(a) as u32),
        Op::VLdexpF32 => |w, i| {
            let (a, b) = (source_f32(w, i, 0), w.source(i, 1));
            write_f32(w, i, std::array::from_fn(|l| float::ldexp_f32(a[l], b[l] as i32)));
        },
        _ => return None,
    };
    Some(step)
}

fn division_step(op: Op) -> Option<Step> {
    let step: Step = match op {
        Op::VDivScaleF32 => |w, i| {
            let (a, b, c) = (source_f32(w, i, 0), source_f32(w, i, 1), source_f32(w, i, 2));
            let results: [(f32, bool); 64] =
                std::array::from_fn(|l| division::div_scale_f32(a[l], b[l], c[l]));
            let flags = (0..64).fold(0, |mask, l| mask | (u64::from(results[l].1) << l));
            let exec = w.exec();
            w.write(i, &results.map(|(value, _)| value.to_bits()));
            w.set_scalar64(i.sdst, flags & exec);
        },
        Op::VDivFmasF32 => |w, i| {
            let vcc = w.pair(crate::inst::slot::VCC);
            let (a, b, c) = (source_f32(w, i, 0), source_f32(w, i, 1), source_f32(w, i, 2));
            let value = std::array::from_fn(|l| {
                division::div_fmas_f32(a[l], b[l], c[l], (vcc >> l) & 1 == 1)
            });
            write_f32(w, i, value);
        },
        Op::VDivFixupF32 => |w, i| f32_3(w, i, division::div_fixup_f32),
        _ => return None,
    };
    Some(step)
}
