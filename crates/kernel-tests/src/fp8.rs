//! FP8 e4m3 FNUZ from its definition: exponent bias 8, no infinities, one zero, 0x80 is NaN, largest
//! number 240 (CDNA3 ISA, "FP8 and BF8 data formats"). Rounding looks for the nearest number.

use std::sync::LazyLock;

/// The only NaN.
pub const FP8_NAN: u8 = 0x80;

/// Non-negative numbers by code, which is by size.
static POSITIVE: LazyLock<[f64; 128]> = LazyLock::new(|| {
    std::array::from_fn(|code| {
        let (exponent, fraction) = (code as i32 >> 3, f64::from(code as u32 & 7) / 8.0);
        if exponent == 0 {
            fraction * f64::exp2(-7.0)
        } else {
            (1.0 + fraction) * f64::exp2(f64::from(exponent - 8))
        }
    })
});

/// The number of a code.
pub fn fp8_value(code: u8) -> f32 {
    if code == FP8_NAN {
        return f32::NAN;
    }
    let magnitude = POSITIVE[usize::from(code & 0x7f)] as f32;
    if code & 0x80 == 0 { magnitude } else { -magnitude }
}

/// The code of the nearest number, of two equally near ones the even; the largest for what is beyond
/// it, infinities too.
pub fn fp8_code(value: f32) -> u8 {
    if value.is_nan() {
        return FP8_NAN;
    }
    let magnitude = f64::from(value.abs());
    let above = POSITIVE.partition_point(|&number| number < magnitude);
    let code = if above == POSITIVE.len() {
        above - 1
    } else if above == 0 {
        0
    } else {
        let (up, down) = (POSITIVE[above] - magnitude, magnitude - POSITIVE[above - 1]);
        if up < down || (up == down && above.is_multiple_of(2)) { above } else { above - 1 }
    };
    // There is no negative zero: its code is NaN.
    if code > 0 && value < 0.0 { code as u8 | 0x80 } else { code as u8 }
}

#[cfg(test)]
mod tests {
    use super::{FP8_NAN, fp8_code, fp8_value};

    #[test]
    fn codes_and_numbers_agree() {
        for code in 0..=255 {
            assert_eq!(fp8_code(fp8_value(code)), code);
        }
        // CDNA3 ISA: largest, smallest normal, smallest subnormal.
        let known = [(0x7f, 240.0), (0x08, 0.007_812_5), (0x01, 0.000_976_562_5), (0x40, 1.0)];
        for (code, value) in known {
            assert_eq!((fp8_value(code), fp8_value(code | 0x80)), (value, -value));
        }
        for (value, code) in [
            (1e9, 0x7f),
            (f32::NEG_INFINITY, 0xff),
            (f32::NAN, FP8_NAN),
            (-0.0, 0),
            (-1e-9, 0),
            // Ties: between 1 and 1.125, between 1.125 and 1.25, half of the smallest.
            (1.0625, 0x40),
            (1.1875, 0x42),
            (0.000_488_281_25, 0),
        ] {
            assert_eq!(fp8_code(value), code, "{value}");
        }
    }
}
