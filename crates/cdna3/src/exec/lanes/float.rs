//! f32, f16 and f64 arithmetic beyond the operators: minima, medians, fused operations, exponents.
//!
//! Source: AMD "Instinct MI300 / CDNA3 ISA", chapter on VALU operations, IEEE mode.

use half::f16;

/// f32 of 16 bits of f16.
#[inline]
pub(crate) fn f16_to_f32(bits: u32) -> f32 {
    let bits = bits & 0xffff;
    let exponent = bits & 0x7c00;
    let sign = (bits & 0x8000) << 16;
    if exponent == 0 {
        let value = (bits & 0x3ff) as f32 * (1.0 / 16_777_216.0);
        return f32::from_bits(value.to_bits() | sign);
    }
    let rebias = if exponent == 0x7c00 { 0x7000_0000 } else { 0x3800_0000 };
    f32::from_bits(sign | (((bits & 0x7fff) << 13) + rebias))
}

/// Nearest f16 of an f32, ties to even, as 16 bits.
#[inline]
pub(crate) fn f32_to_f16(value: f32) -> u32 {
    u32::from(f16::from_f32(value).to_bits())
}

/// Nearest f16 of an f64, ties to even, as 16 bits.
///
/// The f64 is first rounded to odd in f32, so that the second rounding sees what the first lost.
#[inline]
pub(crate) fn f64_to_f16(value: f64) -> u32 {
    f32_to_f16(round_to_odd_f32(value))
}

/// f32 of an f64, inexact results with the last bit set.
fn round_to_odd_f32(value: f64) -> f32 {
    let nearest = value as f32;
    if value.is_nan() || f64::from(nearest) == value || nearest.is_infinite() {
        return nearest;
    }
    let bits = nearest.to_bits();
    if bits & 1 == 1 {
        return nearest;
    }
    let away = value.abs() > f64::from(nearest).abs();
    f32::from_bits(if away { bits + 1 } else { bits.wrapping_sub(1) })
}

/// `a * b + c` of f16 values with one rounding, as 16 bits.
#[inline]
pub(crate) fn fma_f16(a: f32, b: f32, c: f32) -> u32 {
    let product = f64::from(a) * f64::from(b);
    let addend = f64::from(c);
    let sum = product + addend;
    if !sum.is_finite() {
        return f64_to_f16(sum);
    }
    let virtual_addend = sum - product;
    let lost = (product - (sum - virtual_addend)) + (addend - virtual_addend);
    let bits = sum.to_bits();
    let odd = if lost == 0.0 || bits & 1 == 1 {
        sum
    } else if (lost > 0.0) == (sum > 0.0) {
        f64::from_bits(bits + 1)
    } else {
        f64::from_bits(bits - 1)
    };
    f64_to_f16(odd)
}

macro_rules! float_family {
    ($float:ty, $quiet:ident, $min:ident, $max:ident, $quiet_bit:expr) => {
        /// A NaN with its quiet bit set; everything else as it is.
        #[inline]
        pub(crate) fn $quiet(x: $float) -> $float {
            if x.is_nan() { <$float>::from_bits(x.to_bits() | $quiet_bit) } else { x }
        }

        /// Smaller value; -0 is below +0. A NaN loses, but in IEEE mode a signalling one wins and
        /// is quieted.
        #[inline]
        pub(crate) fn $min(a: $float, b: $float, ieee: bool) -> $float {
            if a < b {
                a
            } else if b < a {
                b
            } else if a == b {
                <$float>::from_bits(a.to_bits() | b.to_bits())
            } else {
                number(a, b, ieee)
            }
        }

        /// Larger value; +0 is above -0. NaN as for the smaller.
        #[inline]
        pub(crate) fn $max(a: $float, b: $float, ieee: bool) -> $float {
            if a > b {
                a
            } else if b > a {
                b
            } else if a == b {
                <$float>::from_bits(a.to_bits() & b.to_bits())
            } else {
                number(a, b, ieee)
            }
        }

        impl Nan for $float {
            fn is_signalling(self) -> bool {
                self.is_nan() && self.to_bits() & $quiet_bit == 0
            }

            fn quieted(self) -> Self {
                $quiet(self)
            }
        }
    };
}

/// What minima ask of a NaN.
trait Nan: Copy + PartialOrd {
    fn is_signalling(self) -> bool;
    fn quieted(self) -> Self;
}

/// The result of a minimum or maximum with a NaN among its sources.
#[cold]
fn number<T: Nan>(a: T, b: T, ieee: bool) -> T {
    if ieee && a.is_signalling() {
        a.quieted()
    } else if ieee && b.is_signalling() {
        b.quieted()
    } else if a.partial_cmp(&a).is_none() {
        b
    } else {
        a
    }
}

float_family!(f32, quiet_f32, min_f32, max_f32, 0x40_0000);
float_family!(f64, quiet_f64, min_f64, max_f64, 1 << 51);

/// Middle value: the larger of the two that are not the largest; with a NaN among them
/// the smallest of the three.
#[inline]
pub(crate) fn med3_f32(a: f32, b: f32, c: f32, ieee: bool) -> f32 {
    if a.is_nan() || b.is_nan() || c.is_nan() {
        return min_f32(min_f32(a, b, ieee), c, ieee);
    }
    let largest = max_f32(max_f32(a, b, ieee), c, ieee);
    if largest == a {
        max_f32(b, c, ieee)
    } else if largest == b {
        max_f32(a, c, ieee)
    } else {
        max_f32(a, b, ieee)
    }
}

/// Fractional part: `x - floor(x)`, below one.
#[inline]
pub(crate) fn fract_f32(x: f32) -> f32 {
    let fraction = x - x.floor();
    if fraction >= 1.0 { f32::from_bits(0x3f7f_ffff) } else { fraction }
}

/// Fractional part: `x - floor(x)`, below one.
#[inline]
pub(crate) fn fract_f64(x: f64) -> f64 {
    let fraction = x - x.floor();
    if fraction >= 1.0 { f64::from_bits(0x3fef_ffff_ffff_ffff) } else { fraction }
}

/// `x * 2^exponent` with one rounding.
#[inline]
pub(crate) fn ldexp_f32(x: f32, exponent: i32) -> f32 {
    // 2^±400 keeps every f32 exact in f64, and is beyond f32's whole range.
    (f64::from(x) * power_of_two(exponent.clamp(-400, 400))) as f32
}

/// `x * 2^exponent` with one rounding.
pub(crate) fn ldexp_f64(x: f64, exponent: i32) -> f64 {
    if x == 0.0 || !x.is_finite() {
        return x;
    }
    let total = exponent.clamp(-4000, 4000) + frexp_exp_f64(x);
    let mantissa = frexp_mant_f64(x);
    if total > 1024 {
        return f64::INFINITY.copysign(x);
    }
    if total < -1080 {
        return 0.0_f64.copysign(x);
    }
    // The first factor is exact while the value stays normal; the second rounds once.
    if total >= -1000 {
        mantissa * power_of_two(total - 1) * 2.0
    } else {
        mantissa * power_of_two(total + 200) * power_of_two(-200)
    }
}

/// `2^exponent` for a normal result.
#[inline]
pub(crate) fn power_of_two(exponent: i32) -> f64 {
    f64::from_bits(((i64::from(exponent) + 1023) << 52) as u64)
}

/// Mantissa in 0.5..1 with the sign; zeros, infinities and NaN as they are.
#[inline]
pub(crate) fn frexp_mant_f32(x: f32) -> f32 {
    if x == 0.0 || !x.is_finite() { x } else { frexp_mant_f64(f64::from(x)) as f32 }
}

/// Exponent for [`frexp_mant_f32`]; 0 for zeros, infinities and NaN.
#[inline]
pub(crate) fn frexp_exp_f32(x: f32) -> i32 {
    frexp_exp_f64(f64::from(x))
}

/// Mantissa in 0.5..1 with the sign; zeros, infinities and NaN as they are.
pub(crate) fn frexp_mant_f64(x: f64) -> f64 {
    if x == 0.0 || !x.is_finite() {
        return x;
    }
    let normal = if x.abs() < f64::MIN_POSITIVE { x * power_of_two(64) } else { x };
    f64::from_bits((normal.to_bits() & !(0x7ff << 52)) | (1022 << 52))
}

/// Exponent for [`frexp_mant_f64`]; 0 for zeros, infinities and NaN.
pub(crate) fn frexp_exp_f64(x: f64) -> i32 {
    if x == 0.0 || !x.is_finite() {
        return 0;
    }
    let (normal, bias) =
        if x.abs() < f64::MIN_POSITIVE { (x * power_of_two(64), 1086) } else { (x, 1022) };
    ((normal.to_bits() >> 52) & 0x7ff) as i32 - bias
}

/// Whether `bits` belongs to a class of `mask` (`v_cmp_class`): bit 0 signalling NaN, 1 quiet NaN,
/// 2 -inf, 3 -normal, 4 -denormal, 5 -0, 6 +0, 7 +denormal, 8 +normal, 9 +inf.
pub(crate) fn is_class(bits: u64, exponent_bits: u32, mantissa_bits: u32, mask: u32) -> bool {
    let mantissa = bits & ((1 << mantissa_bits) - 1);
    let exponent = (bits >> mantissa_bits) & ((1 << exponent_bits) - 1);
    let negative = (bits >> (mantissa_bits + exponent_bits)) & 1 == 1;
    let all_ones = (1 << exponent_bits) - 1;
    let class = if exponent == all_ones && mantissa != 0 {
        return (mask >> ((mantissa >> (mantissa_bits - 1)) & 1)) & 1 == 1;
    } else if exponent == all_ones {
        9
    } else if exponent != 0 {
        8
    } else if mantissa != 0 {
        7
    } else {
        6
    };
    let bit = if negative { 11 - class } else { class };
    (mask >> bit) & 1 == 1
}

/// Denormal f32 bits to a zero of the same sign.
#[inline]
pub(crate) fn flush_f32(bits: u32) -> u32 {
    if bits & 0x7f80_0000 == 0 { bits & 0x8000_0000 } else { bits }
}

/// Denormal f16 bits to a zero of the same sign.
#[inline]
pub(crate) fn flush_f16(bits: u32) -> u32 {
    if bits & 0x7c00 == 0 { bits & 0x8000 } else { bits }
}

/// Denormal f64 to a zero of the same sign.
#[inline]
pub(crate) fn flush_f64(x: f64) -> f64 {
    if x.is_subnormal() { 0.0_f64.copysign(x) } else { x }
}

/// What happens to a float result before it is written.
///
/// Output modifiers (factors) are ignored in IEEE mode and where denormal results are kept, and
/// lose the sign of zero. Source: Vega ISA, "Output modifiers"; LLVM's `SIFoldOperands`.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Output {
    /// Factor; 1 for none.
    pub(crate) factor: f32,
    /// To 0..=1.
    pub(crate) clamp: bool,
    /// Clamp makes zero of NaN (`DX10_CLAMP`).
    pub(crate) nan_to_zero: bool,
    /// Denormals become zero.
    pub(crate) flush: bool,
}

impl Output {
    /// Whether a result is written as it is.
    #[inline]
    pub(crate) fn is_plain(self) -> bool {
        !self.clamp && !self.flush && self.factor == 1.0
    }

    /// An f32 result.
    #[inline]
    pub(crate) fn single(self, value: f32) -> f32 {
        let flush = |v: f32| f32::from_bits(flush_f32(v.to_bits()));
        let value = if self.factor == 1.0 { value } else { flush(value * self.factor) + 0.0 };
        let value = if !self.clamp || (value.is_nan() && !self.nan_to_zero) {
            value
        } else if value > 0.0 {
            value.min(1.0)
        } else {
            0.0
        };
        if self.flush { flush(value) } else { value }
    }

    /// The bits of an f16 result.
    #[inline]
    pub(crate) fn half(self, bits: u32) -> u32 {
        if self.is_plain() {
            return bits;
        }
        let mut bits = bits;
        if self.factor != 1.0 {
            bits = flush_f16(f32_to_f16(f16_to_f32(bits) * self.factor));
            bits = if bits == 0x8000 { 0 } else { bits };
        }
        if self.clamp {
            let clamped = Self { factor: 1.0, flush: false, ..self };
            bits = f32_to_f16(clamped.single(f16_to_f32(bits)));
        }
        if self.flush { flush_f16(bits) } else { bits }
    }

    /// An f64 result.
    #[inline]
    pub(crate) fn double(self, value: f64) -> f64 {
        let scaled = flush_f64(value * f64::from(self.factor)) + 0.0;
        let value = if self.factor == 1.0 { value } else { scaled };
        let value = if !self.clamp || (value.is_nan() && !self.nan_to_zero) {
            value
        } else if value > 0.0 {
            value.min(1.0)
        } else {
            0.0
        };
        if self.flush { flush_f64(value) } else { value }
    }
}
