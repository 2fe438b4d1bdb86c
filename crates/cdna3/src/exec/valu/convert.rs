//! Conversions.

use crate::inst::Inst;
use crate::op::Op;

use super::super::lanes::{convert, float, fp8};
use super::super::prepared::Step;
use super::super::wave::Wave;
use super::{bits_of_f32, has, source_f16, source_f32, u32_2, write_16, write_f16_bits, write_f32};

/// The meaning of a conversion, if it is one.
pub(super) fn step(op: Op) -> Option<Step> {
    integer_step(op)
        .or_else(|| float_step(op))
        .or_else(|| pack_step(op))
        .or_else(|| double_step(op))
        .or_else(|| fp8_step(op))
}

#[inline]
fn f32_of_bits(w: &mut Wave, i: &Inst, f: impl Fn(u32) -> f32) {
    let a = w.source(i, 0);
    write_f32(w, i, a.map(f));
}

fn integer_step(op: Op) -> Option<Step> {
    let step: Step = match op {
        Op::VCvtF32I32 => |w, i| f32_of_bits(w, i, |a| a as i32 as f32),
        Op::VCvtF32U32 => |w, i| f32_of_bits(w, i, |a| a as f32),
        Op::VCvtF32Ubyte0 => |w, i| f32_of_bits(w, i, |a| (a & 0xff) as f32),
        Op::VCvtF32Ubyte1 => |w, i| f32_of_bits(w, i, |a| ((a >> 8) & 0xff) as f32),
        Op::VCvtF32Ubyte2 => |w, i| f32_of_bits(w, i, |a| ((a >> 16) & 0xff) as f32),
        Op::VCvtF32Ubyte3 => |w, i| f32_of_bits(w, i, |a| (a >> 24) as f32),
        Op::VCvtU32F32 => |w, i| bits_of_f32(w, i, convert::u32_of_f32),
        Op::VCvtI32F32 => |w, i| bits_of_f32(w, i, convert::i32_of_f32),
        Op::VCvtRpiI32F32 => {
            |w, i| bits_of_f32(w, i, |a| (f64::from(a) + 0.5).floor() as i32 as u32)
        }
        Op::VCvtFlrI32F32 => |w, i| bits_of_f32(w, i, |a| a.floor() as i32 as u32),
        Op::VCvtOffF32I4 => |w, i| f32_of_bits(w, i, |a| (((a << 28) as i32) >> 28) as f32 / 16.0),
        _ => return None,
    };
    Some(step)
}

fn float_step(op: Op) -> Option<Step> {
    let step: Step = match op {
        Op::VCvtF16F32 => |w, i| {
            let a = source_f32(w, i, 0);
            write_f16_bits(w, i, a.map(float::f32_to_f16));
        },
        Op::VCvtF32F16 => |w, i| {
            let a = source_f16(w, i, 0);
            write_f32(w, i, a.map(float::quiet_f32));
        },
        Op::VCvtF16U16 => |w, i| {
            let a = w.source(i, 0);
            write_f16_bits(w, i, a.map(|v| float::f32_to_f16((v & 0xffff) as f32)));
        },
        Op::VCvtF16I16 => |w, i| {
            let a = w.source(i, 0);
            write_f16_bits(w, i, a.map(|v| float::f32_to_f16(f32::from(v as i16))));
        },
        Op::VCvtU16F16 => |w, i| {
            let a = source_f16(w, i, 0);
            write_16(w, i, &a.map(|v| u32::from(v as u16)));
        },
        Op::VCvtI16F16 => |w, i| {
            let a = source_f16(w, i, 0);
            write_16(w, i, &a.map(|v| u32::from(v as i16 as u16)));
        },
        _ => return None,
    };
    Some(step)
}

#[inline]
fn pack_f32(w: &mut Wave, i: &Inst, f: impl Fn(f32, f32) -> u32) {
    let (a, b) = (source_f32(w, i, 0), source_f32(w, i, 1));
    w.write(i, &std::array::from_fn(|l| f(a[l], b[l])));
}

#[inline]
fn pack_f16(w: &mut Wave, i: &Inst, f: impl Fn(f32) -> u32) {
    let (a, b) = (source_f16(w, i, 0), source_f16(w, i, 1));
    w.write(i, &std::array::from_fn(|l| f(a[l]) | (f(b[l]) << 16)));
}

fn pack_step(op: Op) -> Option<Step> {
    let step: Step = match op {
        Op::VCvtPkrtzF16F32 => |w, i| pack_f32(w, i, convert::pkrtz_f16),
        Op::VCvtPknormI16F32 => {
            |w, i| pack_f32(w, i, |a, b| convert::norm_i16(a) | (convert::norm_i16(b) << 16))
        }
        Op::VCvtPknormU16F32 => {
            |w, i| pack_f32(w, i, |a, b| convert::norm_u16(a) | (convert::norm_u16(b) << 16))
        }
        Op::VCvtPknormI16F16 => |w, i| pack_f16(w, i, convert::norm_i16),
        Op::VCvtPknormU16F16 => |w, i| pack_f16(w, i, convert::norm_u16),
        Op::VCvtPkU16U32 => |w, i| u32_2(w, i, |a, b| a.min(0xffff) | (b.min(0xffff) << 16)),
        Op::VCvtPkI16I32 => |w, i| {
            let short = |v: u32| u32::from((v as i32).clamp(-32768, 32767) as u16);
            u32_2(w, i, |a, b| short(a) | (short(b) << 16));
        },
        Op::VCvtPkU8F32 => |w, i| {
            let (a, b, c) = (source_f32(w, i, 0), w.source(i, 1), w.source(i, 2));
            w.write(i, &std::array::from_fn(|l| convert::pk_u8_f32(a[l], b[l], c[l])));
        },
        Op::VPackB32F16 => |w, i| {
            let (a, b) = (super::source_f16_bits(w, i, 0), super::source_f16_bits(w, i, 1));
            w.write(i, &std::array::from_fn(|l| a[l] | (b[l] << 16)));
        },
        _ => return None,
    };
    Some(step)
}

#[inline]
fn f64_of_bits(w: &mut Wave, i: &Inst, f: impl Fn(u32) -> f64) {
    let a = w.source(i, 0);
    super::double::write_f64(w, i, a.map(f));
}

#[inline]
fn bits_of_f64(w: &mut Wave, i: &Inst, f: impl Fn(f64) -> u32) {
    let a = super::double::source_f64(w, i, 0);
    w.write(i, &a.map(f));
}

fn double_step(op: Op) -> Option<Step> {
    let step: Step = match op {
        Op::VCvtF64I32 => |w, i| f64_of_bits(w, i, |a| f64::from(a as i32)),
        Op::VCvtF64U32 => |w, i| f64_of_bits(w, i, f64::from),
        Op::VCvtF64F32 => |w, i| {
            let a = source_f32(w, i, 0);
            super::double::write_f64(w, i, a.map(f64::from));
        },
        Op::VCvtF32F64 => |w, i| {
            let a = super::double::source_f64(w, i, 0);
            write_f32(w, i, a.map(|v| v as f32));
        },
        Op::VCvtI32F64 => |w, i| bits_of_f64(w, i, |a| a as i32 as u32),
        Op::VCvtU32F64 => |w, i| bits_of_f64(w, i, |a| a as u32),
        _ => return None,
    };
    Some(step)
}

/// Two 8-bit floats into the half of the destination that `op_sel` says; the other half is kept.
///
/// `clamp` is not looked at: on gfx942 saturation is the mode's (FP16_OVFL, bit 23).
fn pack_fp8(w: &mut Wave, i: &Inst, mantissa: u32) {
    let saturate = (w.mode >> 23) & 1 == 1;
    let (a, b, old) = (source_f32(w, i, 0), source_f32(w, i, 1), w.lanes(i.dst, 0));
    let shift = if has(i.modifiers.op_sel, 3) { 16 } else { 0 };
    let value = std::array::from_fn(|l| {
        let byte = |v| u32::from(fp8::encode(v, mantissa, saturate));
        (old[l] & !(0xffff << shift)) | ((byte(a[l]) | (byte(b[l]) << 8)) << shift)
    });
    w.write(i, &value);
}

/// One 8-bit float into the byte that `op_sel` bits 2 and 3 say; the others are kept.
fn stochastic_fp8(w: &mut Wave, i: &Inst, mantissa: u32) {
    let saturate = (w.mode >> 23) & 1 == 1;
    let (a, b, old) = (source_f32(w, i, 0), w.source(i, 1), w.lanes(i.dst, 0));
    let shift = u32::from((i.modifiers.op_sel >> 2) & 3) * 8;
    let value = std::array::from_fn(|l| {
        let byte = u32::from(fp8::encode_stochastic(a[l], mantissa, saturate, b[l]));
        (old[l] & !(0xff << shift)) | (byte << shift)
    });
    w.write(i, &value);
}

/// Two f32 of the half that SDWA (word select) or `op_sel` says.
fn unpack_fp8(w: &mut Wave, i: &Inst, mantissa: u32) {
    let shift = if has(i.modifiers.op_sel, 0) { 16 } else { 0 };
    let a = w.source(i, 0);
    let value = |byte: u32| a.map(|v| fp8::decode((v >> (shift + byte)) as u8, mantissa).to_bits());
    let (low, high) = (value(0), value(8));
    w.write64(i, &std::array::from_fn(|l| u64::from(low[l]) | (u64::from(high[l]) << 32)));
}

fn fp8_step(op: Op) -> Option<Step> {
    let step: Step = match op {
        Op::VCvtPkFp8F32 => |w, i| pack_fp8(w, i, fp8::FP8_MANTISSA),
        Op::VCvtPkBf8F32 => |w, i| pack_fp8(w, i, fp8::BF8_MANTISSA),
        Op::VCvtSrFp8F32 => |w, i| stochastic_fp8(w, i, fp8::FP8_MANTISSA),
        Op::VCvtSrBf8F32 => |w, i| stochastic_fp8(w, i, fp8::BF8_MANTISSA),
        Op::VCvtF32Fp8 => |w, i| f32_of_bits(w, i, |a| fp8::decode(a as u8, fp8::FP8_MANTISSA)),
        Op::VCvtF32Bf8 => |w, i| f32_of_bits(w, i, |a| fp8::decode(a as u8, fp8::BF8_MANTISSA)),
        Op::VCvtPkF32Fp8 => |w, i| unpack_fp8(w, i, fp8::FP8_MANTISSA),
        Op::VCvtPkF32Bf8 => |w, i| unpack_fp8(w, i, fp8::BF8_MANTISSA),
        _ => return None,
    };
    Some(step)
}
