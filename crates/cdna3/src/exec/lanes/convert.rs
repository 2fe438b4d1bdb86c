//! Conversions between number formats of one lane. Source: CDNA3 ISA, `v_cvt_*`.

use super::float::f32_to_f16;

/// Truncated u32, saturating, NaN to 0.
#[inline]
pub(crate) fn u32_of_f32(x: f32) -> u32 {
    x as u32
}

/// Truncated i32, saturating, NaN to 0.
#[inline]
pub(crate) fn i32_of_f32(x: f32) -> u32 {
    x as i32 as u32
}

/// Two f16 rounded towards zero (`v_cvt_pkrtz_f16_f32`).
#[inline]
pub(crate) fn pkrtz_f16(a: f32, b: f32) -> u32 {
    f16_toward_zero(a) | (f16_toward_zero(b) << 16)
}

/// f16 towards zero: too large finite values become the largest.
pub(crate) fn f16_toward_zero(x: f32) -> u32 {
    let nearest = f32_to_f16(x);
    if x.is_nan() || x.is_infinite() {
        return nearest;
    }
    let back = super::float::f16_to_f32(nearest);
    if back.abs() > x.abs() { nearest - 1 } else { nearest }
}

/// Signed 16-bit normalised: `x * 32767` to nearest.
#[inline]
pub(crate) fn norm_i16(x: f32) -> u32 {
    u32::from((x.clamp(-1.0, 1.0) * 32767.0).round_ties_even() as i16 as u16)
}

/// Unsigned 16-bit normalised: `x * 65535` to nearest.
#[inline]
pub(crate) fn norm_u16(x: f32) -> u32 {
    u32::from((x.clamp(0.0, 1.0) * 65535.0).round_ties_even() as u16)
}

/// `base` with byte `index` replaced by the clamped, rounded `x` (`v_cvt_pk_u8_f32`).
#[inline]
pub(crate) fn pk_u8_f32(x: f32, index: u32, base: u32) -> u32 {
    let shift = (index & 3) * 8;
    (base & !(0xff << shift)) | (u32::from(x.round_ties_even() as u8) << shift)
}
