//! Lane arithmetic against f64 and plain readings of the ISA.

use super::float::{f16_to_f32, f32_to_f16, ldexp_f32, max_f32, min_f32};
use super::fp8::{BF8_MANTISSA, FP8_MANTISSA, decode, encode};
use super::transcendental as t;
use super::{bits, division};

/// A deterministic sequence of f32 of every size, with the special ones first.
fn floats() -> Vec<f32> {
    let mut state = 0x1234_5678_u32;
    let special = [0, 1, 0x8000_0000, 0x7f80_0000, 0xff80_0000, 0x7fc0_0000, 0x7f7f_ffff];
    let random = (0..20_000).map(|_| {
        state ^= state << 13;
        state ^= state >> 17;
        state ^= state << 5;
        state
    });
    special.into_iter().chain(random).map(f32::from_bits).collect()
}

/// Distance in units of the last place of the exact value.
fn ulps(got: f32, exact: f64) -> f64 {
    let nearest = exact as f32;
    if got.to_bits() == nearest.to_bits() || (got.is_nan() && exact.is_nan()) || got == nearest {
        return 0.0;
    }
    let unit = f64::from(f32::from_bits(nearest.abs().to_bits() + 1)) - f64::from(nearest.abs());
    (f64::from(got) - exact).abs() / unit
}

/// An operation, and the function that it approximates.
type Approximation = (fn(f32) -> f32, fn(f64) -> f64);

#[test]
fn transcendentals_are_within_one_ulp() {
    let functions: [Approximation; 5] = [
        (t::exp_f32, f64::exp2),
        (t::log_f32, f64::log2),
        (t::rcp_f32, f64::recip),
        (t::rsq_f32, |x| 1.0 / x.sqrt()),
        (t::sqrt_f32, f64::sqrt),
    ];
    for (index, (ours, exact)) in functions.iter().enumerate() {
        for x in floats().into_iter().filter(|x| *x == 0.0 || x.is_normal() || !x.is_finite()) {
            for x in [x, x % 150.0] {
                let expected = exact(f64::from(x));
                let tiny = expected != 0.0 && expected.abs() < f64::from(f32::MIN_POSITIVE);
                if !tiny && (x == 0.0 || x.is_normal()) {
                    assert!(ulps(ours(x), expected) <= 1.0, "{index}: {x} {expected}");
                }
            }
        }
    }
    assert_eq!(t::sin_f32(0.25), 1.0);
    assert_eq!(t::sin_f32(1e6 + 0.5), 0.0);
    assert!(ulps(t::cos_f32(0.1), (0.1_f32 as f64 * std::f64::consts::TAU).cos()) <= 1.0);
}

#[test]
fn f16_agrees_with_the_half_crate_everywhere() {
    for half in 0..=u16::MAX {
        let expected = half::f16::from_bits(half).to_f32();
        let got = f16_to_f32(half.into());
        assert!(got == expected || (got.is_nan() && expected.is_nan()), "{half:#x}");
        if !got.is_nan() {
            assert_eq!(f32_to_f16(got), half.into());
        }
    }
}

#[test]
fn fp8_is_fnuz_both_ways() {
    for (mantissa, largest) in [(FP8_MANTISSA, 240.0), (BF8_MANTISSA, 57_344.0)] {
        assert_eq!(decode(0x7f, mantissa), largest);
        assert!(decode(0x80, mantissa).is_nan());
        for byte in (0..=u8::MAX).filter(|&b| b != 0x80) {
            assert_eq!(encode(decode(byte, mantissa), mantissa, false), byte);
        }
        assert_eq!(encode(-0.0, mantissa, false), 0);
        assert_eq!(encode(1e9, mantissa, true), 0x7f);
        assert_eq!(encode(1e9, mantissa, false), 0x80);
        for x in floats().into_iter().filter(|x| x.abs() < largest) {
            let got = f64::from(decode(encode(x, mantissa, false), mantissa));
            let best = (0..=u8::MAX).filter(|&b| b != 0x80);
            let distance = |b: u8| (f64::from(decode(b, mantissa)) - f64::from(x)).abs();
            let least = best.map(distance).fold(f64::INFINITY, f64::min);
            assert_eq!((got - f64::from(x)).abs(), least, "{x}");
        }
    }
}

#[test]
fn minima_ldexp_and_bits_follow_the_guide() {
    assert_eq!(min_f32(f32::NAN, 2.0, true), 2.0);
    assert_eq!(min_f32(0.0, -0.0, true).to_bits(), 0x8000_0000);
    assert_eq!(max_f32(-0.0, 0.0, true).to_bits(), 0);
    assert_eq!(ldexp_f32(1.0, -149).to_bits(), 1);
    assert_eq!(bits::perm(0x0706_0504, 0x0302_0100, 0x0c07_0d00), 0x0007_ff00);
    assert_eq!(bits::bfe_i32(0xf0, 4, 4), u32::MAX);
    assert_eq!(bits::alignbit(1, 0, 1), 0x8000_0000);
}

/// The sequence that clang emits for an IEEE f32 division.
fn divide(numerator: f32, denominator: f32) -> f32 {
    let (d, _) = division::div_scale_f32(denominator, denominator, numerator);
    let (n, flag) = division::div_scale_f32(numerator, denominator, numerator);
    let rcp = t::rcp_f32(d);
    let rcp = (-d).mul_add(rcp, 1.0).mul_add(rcp, rcp);
    let q = n * rcp;
    let q = (-d).mul_add(q, n).mul_add(rcp, q);
    let rest = (-d).mul_add(q, n);
    division::div_fixup_f32(division::div_fmas_f32(rest, rcp, q, flag), denominator, numerator)
}

#[test]
fn the_division_sequence_gives_ieee_quotients() {
    let values = floats();
    for pair in values.windows(2) {
        let (got, expected) = (divide(pair[0], pair[1]), pair[0] / pair[1]);
        let same = got.to_bits() == expected.to_bits() || (got.is_nan() && expected.is_nan());
        // The guide rounds in the fused step and again in scaling back: one denormal step.
        let step = (got - expected).abs() <= f32::from_bits(1);
        let denormal = expected.abs() < f32::MIN_POSITIVE * 2.0 && step;
        assert!(same || denormal, "{:?}: {got} for {expected}", pair);
    }
}
