//! The 8-bit floats of gfx942: FP8 (E4M3) and BF8 (E5M2), both FNUZ.
//!
//! FNUZ: bias 8 and 16, no infinities, no negative zero, 0x80 is the only NaN. Largest values 240
//! and 57344. These are not the OCP formats. Source: CDNA3 ISA, "FP8 and BF8 data formats".

/// Mantissa bits of FP8.
pub(crate) const FP8_MANTISSA: u32 = 3;
/// Mantissa bits of BF8.
pub(crate) const BF8_MANTISSA: u32 = 2;

/// f32 of an 8-bit float with `mantissa` bits of mantissa.
#[inline]
pub(crate) fn decode(byte: u8, mantissa: u32) -> f32 {
    if byte == 0x80 {
        return f32::NAN;
    }
    // Bias 8 for FP8, 16 for BF8.
    let bias = 1_i32 << (6 - mantissa);
    let exponent = i32::from((byte & 0x7f) >> mantissa);
    let fraction = u32::from(byte) & ((1 << mantissa) - 1);
    let significand = if exponent == 0 { fraction } else { fraction | (1 << mantissa) };
    let power = exponent.max(1) - bias - mantissa as i32;
    let magnitude = significand as f32 * f32::from_bits(((127 + power) as u32) << 23);
    if byte & 0x80 != 0 { -magnitude } else { magnitude }
}

/// Nearest 8-bit float, ties to even. Too large values become the largest (`saturate`) or NaN,
/// infinities likewise; zeros and values that round to zero become +0.
#[inline]
pub(crate) fn encode(value: f32, mantissa: u32, saturate: bool) -> u8 {
    encode_with(value, mantissa, saturate, |dropped, kept, bits| {
        let half = 1 << (bits - 1);
        dropped > half || (dropped == half && kept & 1 == 1)
    })
}

/// Stochastic rounding (`v_cvt_sr`): the dropped bits of the significand plus the top bits of
/// `random` carry into the kept ones.
#[inline]
pub(crate) fn encode_stochastic(value: f32, mantissa: u32, saturate: bool, random: u32) -> u8 {
    encode_with(value, mantissa, saturate, |dropped, _, bits| {
        let noise = u64::from(random) >> 32_u32.saturating_sub(bits);
        bits <= 32 && dropped + noise >= 1 << bits
    })
}

#[inline]
fn encode_with(
    value: f32,
    mantissa: u32,
    saturate: bool,
    round_up: impl Fn(u64, u64, u32) -> bool,
) -> u8 {
    let bits = value.to_bits();
    let sign = ((bits >> 24) & 0x80) as u8;
    if value.is_nan() {
        return 0x80;
    }
    let overflow = if saturate { sign | 0x7f } else { 0x80 };
    if value.is_infinite() {
        return overflow;
    }
    let bias = 1_i32 << (6 - mantissa);
    let exponent = ((bits >> 23) & 0xff) as i32 - 127 + bias;
    if exponent > 40 {
        return overflow;
    }
    let fraction = u64::from(bits & 0x7f_ffff);
    let significand = if bits & 0x7f80_0000 == 0 { fraction } else { fraction | 0x80_0000 };
    // Denormal results lose further bits; past 60 nothing is left.
    let drop = 23 - mantissa + (1 - exponent).clamp(0, 37) as u32;
    let kept = significand >> drop;
    let dropped = significand & ((1 << drop) - 1);
    let rounded = kept + u64::from(round_up(dropped, kept, drop));
    let code = rounded + ((exponent.max(1) as u64 - 1) << mantissa);
    match code {
        0 => 0,
        1..=0x7f => sign | code as u8,
        _ => overflow,
    }
}
