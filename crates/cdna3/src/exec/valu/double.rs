//! f64 operations.

use crate::inst::{Inst, slot};
use crate::op::Op;

use super::super::lanes::{division, float, transcendental};
use super::super::prepared::Step;
use super::super::wave::Wave;
use super::has;

/// Source `index` as f64 with `abs` and `neg`.
#[inline]
pub(super) fn source_f64(w: &Wave, i: &Inst, index: usize) -> [f64; 64] {
    let (abs, neg) = (has(i.modifiers.abs, index), has(i.modifiers.neg, index));
    let flush = w.denormals_f16_f64() & 1 == 0;
    w.lanes64(i.src[index]).map(|bits| {
        let value = f64::from_bits(bits);
        let value = if abs { value.abs() } else { value };
        let value = if neg { -value } else { value };
        if flush { float::flush_f64(value) } else { value }
    })
}

/// Writes an f64 result, with `omod`, `clamp` and the mode's treatment of denormals.
#[inline]
pub(super) fn write_f64(w: &mut Wave, i: &Inst, value: [f64; 64]) {
    let out = super::output(w, i, w.denormals_f16_f64());
    w.write64(i, &value.map(|v| if out.is_plain() { v } else { out.double(v) }.to_bits()));
}

/// `f64_1` of a function that hands NaN through: they come out quiet.
#[inline]
fn quieting(w: &mut Wave, i: &Inst, f: impl Fn(f64) -> f64) {
    f64_1(w, i, |a| float::quiet_f64(f(a)));
}

/// A minimum or maximum; `f` takes whether the mode is IEEE.
#[inline]
fn order_2(w: &mut Wave, i: &Inst, f: impl Fn(f64, f64, bool) -> f64) {
    let ieee = w.is_ieee();
    f64_2(w, i, |a, b| f(a, b, ieee));
}

#[inline]
fn f64_1(w: &mut Wave, i: &Inst, f: impl Fn(f64) -> f64) {
    let a = source_f64(w, i, 0);
    write_f64(w, i, a.map(f));
}

#[inline]
fn f64_2(w: &mut Wave, i: &Inst, f: impl Fn(f64, f64) -> f64) {
    let (a, b) = (source_f64(w, i, 0), source_f64(w, i, 1));
    write_f64(w, i, std::array::from_fn(|l| f(a[l], b[l])));
}

#[inline]
fn f64_3(w: &mut Wave, i: &Inst, f: impl Fn(f64, f64, f64) -> f64) {
    let (a, b, c) = (source_f64(w, i, 0), source_f64(w, i, 1), source_f64(w, i, 2));
    write_f64(w, i, std::array::from_fn(|l| f(a[l], b[l], c[l])));
}

/// The meaning of an f64 operation, if it is one.
pub(super) fn step(op: Op) -> Option<Step> {
    let step: Step = match op {
        Op::VAddF64 => |w, i| f64_2(w, i, |a, b| a + b),
        Op::VMulF64 => |w, i| f64_2(w, i, |a, b| a * b),
        Op::VMinF64 => |w, i| order_2(w, i, float::min_f64),
        Op::VMaxF64 => |w, i| order_2(w, i, float::max_f64),
        Op::VFmaF64 => |w, i| f64_3(w, i, f64::mul_add),
        Op::VFmacF64 => |w, i| {
            let (a, b) = (source_f64(w, i, 0), source_f64(w, i, 1));
            let flush = w.denormals_f16_f64() & 1 == 0;
            let flushed = |v: f64| if flush { float::flush_f64(v) } else { v };
            let c = w.lanes64(i.dst).map(|bits| flushed(f64::from_bits(bits)));
            write_f64(w, i, std::array::from_fn(|l| a[l].mul_add(b[l], c[l])));
        },
        Op::VTruncF64 => |w, i| quieting(w, i, f64::trunc),
        Op::VCeilF64 => |w, i| quieting(w, i, f64::ceil),
        Op::VRndneF64 => |w, i| quieting(w, i, f64::round_ties_even),
        Op::VFloorF64 => |w, i| quieting(w, i, f64::floor),
        Op::VFractF64 => |w, i| quieting(w, i, float::fract_f64),
        Op::VRcpF64 => |w, i| f64_1(w, i, |a| 1.0 / a),
        Op::VRsqF64 => |w, i| f64_1(w, i, transcendental::rsq_f64),
        Op::VSqrtF64 => |w, i| f64_1(w, i, f64::sqrt),
        Op::VFrexpMantF64 => |w, i| quieting(w, i, float::frexp_mant_f64),
        Op::VFrexpExpI32F64 => |w, i| {
            let a = source_f64(w, i, 0);
            w.write(i, &a.map(|v| float::frexp_exp_f64(v) as u32));
        },
        Op::VLdexpF64 => |w, i| {
            let (a, b) = (source_f64(w, i, 0), w.source(i, 1));
            write_f64(
                w,
                i,
                std::array::from_fn(|l| float::quiet_f64(float::ldexp_f64(a[l], b[l] as i32))),
            );
        },
        Op::VDivScaleF64 => |w, i| {
            let (a, b, c) = (source_f64(w, i, 0), source_f64(w, i, 1), source_f64(w, i, 2));
            let results: [(f64, bool); 64] =
                std::array::from_fn(|l| division::div_scale_f64(a[l], b[l], c[l]));
            let flags = (0..64).fold(0, |mask, l| mask | (u64::from(results[l].1) << l));
            let exec = w.exec();
            w.write64(i, &results.map(|(value, _)| value.to_bits()));
            w.set_scalar64(i.sdst, flags & exec);
        },
        Op::VDivFmasF64 => |w, i| {
            let vcc = w.pair(slot::VCC);
            let (a, b, c) = (source_f64(w, i, 0), source_f64(w, i, 1), source_f64(w, i, 2));
            let value = std::array::from_fn(|l| {
                division::div_fmas_f64(a[l], b[l], c[l], (vcc >> l) & 1 == 1)
            });
            write_f64(w, i, value);
        },
        Op::VDivFixupF64 => |w, i| f64_3(w, i, division::div_fixup_f64),
        _ => return None,
    };
    Some(step)
}
