//! `v_exp`, `v_log`, `v_rcp`, `v_rsq`, `v_sqrt`, `v_sin`, `v_cos` in f32, within 1 ulp.
//!
//! Computed in f64 and rounded once. As LLVM assumes of the hardware (AMDGPU back end, lowering of
//! `llvm.exp2`, `llvm.log2`, `fdiv` and `llvm.sqrt`), denormal f32 are zero going in and coming
//! out, whatever the mode register says. `v_sin` and `v_cos` take revolutions, not radians.

use super::float::{flush_f32, power_of_two};

#[inline]
fn input(x: f32) -> f64 {
    f64::from(f32::from_bits(flush_f32(x.to_bits())))
}

#[inline]
fn output(x: f64) -> f32 {
    f32::from_bits(flush_f32((x as f32).to_bits()))
}

/// `2^x` in f64, relative error below 1e-11, for any x.
#[inline]
pub(crate) fn exp2_f64(x: f64) -> f64 {
    if x.is_nan() {
        return x;
    }
    let x = x.clamp(-1000.0, 1000.0);
    let whole = x.round_ties_even();
    // Taylor series of e^t for |t| <= ln(2)/2; the rest is below t^11/11! = 2e-13.
    let t = (x - whole) * std::f64::consts::LN_2;
    const COEFFICIENTS: [f64; 10] = [
        1.0 / 3_628_800.0,
        1.0 / 362_880.0,
        1.0 / 40_320.0,
        1.0 / 5_040.0,
        1.0 / 720.0,
        1.0 / 120.0,
        1.0 / 24.0,
        1.0 / 6.0,
        0.5,
        1.0,
    ];
    let mut sum = 0.0;
    for coefficient in COEFFICIENTS {
        sum = (sum + coefficient) * t;
    }
    (sum + 1.0) * power_of_two(whole as i32)
}

/// Base-2 logarithm of a positive normal f64, relative error below 1e-12.
#[inline]
pub(crate) fn log2_f64(x: f64) -> f64 {
    let bits = x.to_bits();
    let mut exponent = ((bits >> 52) as i32) - 1023;
    let mut mantissa = f64::from_bits((bits & 0x000f_ffff_ffff_ffff) | (1023 << 52));
    if mantissa > std::f64::consts::SQRT_2 {
        mantissa *= 0.5;
        exponent += 1;
    }
    // ln(m) = 2 atanh(s), |s| <= 0.172; the rest is below s^18.
    let s = (mantissa - 1.0) / (mantissa + 1.0);
    let square = s * s;
    let mut sum = 0.0;
    for denominator in [17.0, 15.0, 13.0, 11.0, 9.0, 7.0, 5.0, 3.0] {
        sum = (sum + 1.0 / denominator) * square;
    }
    f64::from(exponent) + (sum + 1.0) * s * (2.0 * std::f64::consts::LOG2_E)
}

/// `v_exp_f32`: two to the power of x.
#[inline]
pub(crate) fn exp_f32(x: f32) -> f32 {
    output(exp2_f64(input(x)))
}

/// `v_log_f32`: base-2 logarithm.
#[inline]
pub(crate) fn log_f32(x: f32) -> f32 {
    let value = input(x);
    if value == 0.0 {
        f32::NEG_INFINITY
    } else if value < 0.0 || value.is_nan() {
        f32::NAN
    } else if value.is_infinite() {
        f32::INFINITY
    } else {
        log2_f64(value) as f32
    }
}

/// `v_rcp_f32`: one over x.
#[inline]
pub(crate) fn rcp_f32(x: f32) -> f32 {
    output(1.0 / input(x))
}

/// `v_rsq_f32`: one over the square root of x.
#[inline]
pub(crate) fn rsq_f32(x: f32) -> f32 {
    output(1.0 / input(x).sqrt())
}

/// `v_rsq_f64`: one over the square root of x. The quotient of the rounded root is up to 1.5 ulp
/// off; one step of Newton's method with the exact residual brings it within one.
#[inline]
pub(crate) fn rsq_f64(x: f64) -> f64 {
    let y = 1.0 / x.sqrt();
    if !(y.is_normal() && x.is_normal()) {
        return y;
    }
    let root = x * y;
    let lost = x.mul_add(y, -root);
    let residual = (-root).mul_add(y, 1.0) - lost * y;
    (0.5 * y).mul_add(residual, y)
}

/// `v_sqrt_f32`: square root.
#[inline]
pub(crate) fn sqrt_f32(x: f32) -> f32 {
    output(input(x).sqrt())
}

/// `v_sin_f32`: sine of x revolutions.
#[inline]
pub(crate) fn sin_f32(x: f32) -> f32 {
    output(sin_revolutions(input(x)))
}

/// `v_cos_f32`: cosine of x revolutions.
#[inline]
pub(crate) fn cos_f32(x: f32) -> f32 {
    let x = input(x);
    output(sin_revolutions(0.25 - (x - x.floor())))
}

/// Sine of revolutions. Whole turns are removed before pi comes in, so large angles stay exact.
fn sin_revolutions(x: f64) -> f64 {
    let turn = x - x.round_ties_even();
    // Reflection into a quarter turn keeps zeros at half turns exact.
    let quarter = if turn > 0.25 {
        0.5 - turn
    } else if turn < -0.25 {
        -0.5 - turn
    } else {
        turn
    };
    (quarter * std::f64::consts::TAU).sin()
}
