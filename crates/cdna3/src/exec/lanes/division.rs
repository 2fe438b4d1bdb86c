//! `v_div_scale`, `v_div_fmas`, `v_div_fixup` for f32 and f64.
//!
//! Together with a reciprocal and fused steps they give an IEEE quotient. Scale moves numerator
//! or denominator away from the ends of the range, fmas scales back, fixup settles special cases.
//! Source: CDNA3 ISA, operations of that name; the scale-back factor chosen by the quotient's
//! exponent is from the RDNA3 ISA, which spells out what scale's three flagged cases need.

use super::float::{ldexp_f32, ldexp_f64};

macro_rules! division_family {
    ($float:ty, $bits:ty, $scale:ident, $fmas:ident, $fixup:ident, $ldexp:ident,
     $mantissa:expr, $mask:expr, $far:expr, $shift:expr, $low:expr, $underflow:expr) => {
        /// `(scaled, flag)` of the value `x`, which is the denominator or the numerator.
        pub(crate) fn $scale(x: $float, denominator: $float, numerator: $float) -> ($float, bool) {
            let exponent = |v: $float| ((v.to_bits() >> $mantissa) & $mask) as i32;
            let is_tiny = |v: $float| v != 0.0 && exponent(v) == 0;
            if numerator == 0.0 || denominator == 0.0 {
                return (<$float>::NAN, false);
            }
            let is_denominator = x.to_bits() == denominator.to_bits();
            let is_numerator = x.to_bits() == numerator.to_bits();
            let only = |wanted: bool, by: i32| if wanted { $ldexp(x, by) } else { x };
            if exponent(numerator) - exponent(denominator) >= $far {
                return (only(is_denominator, $shift), true);
            }
            if is_tiny(denominator) {
                return ($ldexp(x, $shift), false);
            }
            let tiny_reciprocal = is_tiny(1.0 / denominator);
            let quotient = numerator / denominator;
            let tiny_quotient = is_tiny(quotient) || quotient == 0.0;
            match (tiny_reciprocal, tiny_quotient) {
                (true, true) => (only(is_denominator, -$shift), true),
                (true, false) => ($ldexp(x, -$shift), false),
                (false, true) => (only(is_numerator, $shift), true),
                (false, false) if exponent(numerator) <= $low => ($ldexp(x, $shift), false),
                (false, false) => (x, false),
            }
        }

        /// `a * b + c`, scaled back if `flag`.
        pub(crate) fn $fmas(a: $float, b: $float, c: $float, flag: bool) -> $float {
            let sum = a.mul_add(b, c);
            if !flag {
                return sum;
            }
            let exponent = ((c.to_bits() >> $mantissa) & $mask) as i32;
            $ldexp(sum, if exponent > ($mask as i32) / 2 { $shift } else { -$shift })
        }

        /// The quotient with its special cases settled.
        pub(crate) fn $fixup(quotient: $float, denominator: $float, numerator: $float) -> $float {
            let sign = (denominator.to_bits() ^ numerator.to_bits()) >> (<$bits>::BITS - 1) == 1;
            let signed = |v: $float| if sign { -v } else { v };
            let exponent = |v: $float| ((v.to_bits() >> $mantissa) & $mask) as i32;
            if numerator.is_nan() || denominator.is_nan() {
                let nan = if numerator.is_nan() { numerator } else { denominator };
                return <$float>::from_bits(nan.to_bits() | (1 << ($mantissa - 1)));
            }
            let both_zero = denominator == 0.0 && numerator == 0.0;
            if both_zero || (denominator.is_infinite() && numerator.is_infinite()) {
                return -<$float>::NAN.abs();
            }
            if denominator == 0.0 || numerator.is_infinite() {
                return signed(<$float>::INFINITY);
            }
            if denominator.is_infinite() || numerator == 0.0 {
                return signed(0.0);
            }
            if exponent(numerator) - exponent(denominator) < $underflow {
                return signed(0.0);
            }
            // Numbers gave a NaN: the steps between overflowed.
            signed(if quotient.is_nan() { <$float>::INFINITY } else { quotient.abs() })
        }
    };
}

division_family!(
    f32,
    u32,
    div_scale_f32,
    div_fmas_f32,
    div_fixup_f32,
    ldexp_f32,
    23,
    0xff,
    96,
    64,
    23,
    -150
);
division_family!(
    f64,
    u64,
    div_scale_f64,
    div_fmas_f64,
    div_fixup_f64,
    ldexp_f64,
    52,
    0x7ff,
    768,
    128,
    53,
    -1075
);
