//! FP8 e4m3 as gfx942 computes it (FNUZ: exponent bias 8, no infinities, one zero, 0x80 is NaN, the
//! largest number 240). OCP's e4m3, which checkpoints use, has the same bits for half of the number.
//! Source: CDNA3 ISA, "FP8 and BF8 data formats". Pure functions; the KV caches of devices store what
//! they give.

/// The only NaN.
const NAN: u8 = 0x80;
/// Largest number.
const MAX: f32 = 240.0;
/// Smallest normal number, 2^-7; below it numbers are multiples of 2^-10.
const MIN_NORMAL: f32 = 0.007_812_5;

/// The nearest FP8 number, of two equally near ones the even. What is beyond the largest becomes the
/// largest, infinities too; NaN stays NaN; what rounds to zero is positive zero.
pub fn fp8_from_f32(value: f32) -> u8 {
    if value.is_nan() {
        return NAN;
    }
    let magnitude = value.abs().min(MAX);
    let code = if magnitude < MIN_NORMAL {
        (magnitude * 1024.0).round_ties_even() as u8
    } else {
        let bits = magnitude.to_bits();
        let rounded = bits + 0x7_ffff + (bits >> 20 & 1);
        // Bias 127 becomes 8, above three bits of fraction.
        ((rounded >> 20) - (119 << 3)) as u8
    };
    if code > 0 && value < 0.0 { code | 0x80 } else { code }
}

/// The number of a code.
pub fn fp8_to_f32(code: u8) -> f32 {
    if code == NAN {
        return f32::NAN;
    }
    let (exponent, fraction) = (u32::from(code) >> 3 & 15, u32::from(code) & 7);
    let magnitude = if exponent == 0 {
        fraction as f32 / 1024.0
    } else {
        f32::from_bits((exponent + 119) << 23 | fraction << 20)
    };
    if code & 0x80 == 0 { magnitude } else { -magnitude }
}

#[cfg(test)]
mod tests {
    use super::{NAN, fp8_from_f32, fp8_to_f32};

    #[test]
    fn numbers_are_those_of_the_format() {
        for (code, value) in [(0x7f, 240.0), (0x08, 0.007_812_5), (0x01, 1.0 / 1024.0), (0x40, 1.0)]
        {
            assert_eq!((fp8_to_f32(code), fp8_to_f32(code | 0x80)), (value, -value));
        }
        assert!(fp8_to_f32(NAN).is_nan());
        assert_eq!(fp8_to_f32(0).to_bits(), 0);
        // By size.
        assert!((0..0x7f).all(|code| fp8_to_f32(code) < fp8_to_f32(code + 1)));
    }

    /// Every bf16, the numbers between, and their neighbours in f32: none is nearer than the one chosen.
    #[test]
    fn rounding_takes_the_nearest_and_of_two_the_even() {
        for bits in (0..=u16::MAX).flat_map(|high| [0, 1, 0x8000, 0xffff].map(|low| (high, low))) {
            let value = f32::from_bits(u32::from(bits.0) << 16 | bits.1);
            let code = fp8_from_f32(value);
            if value.is_nan() {
                assert_eq!(code, NAN);
                continue;
            }
            let wanted = f64::from(value.clamp(-240.0, 240.0));
            let away = |code: u8| (f64::from(fp8_to_f32(code)) - wanted).abs();
            for other in (0..=u8::MAX).filter(|other| *other != NAN && *other != code) {
                let is_best = away(code) < away(other)
                    || (away(code) == away(other) && code.is_multiple_of(2));
                assert!(is_best, "{value:e} becomes {code:#x}, not {other:#x}");
            }
        }
    }
}
