//! `exp` for arguments at most zero, written so that the compiler turns a loop over it into vector
//! code on any machine. Without fused operations, so that its bits are the same everywhere.

const LOG2_E: f32 = std::f32::consts::LOG2_E;
// ln 2 in two parts; the first has trailing zeros, so that its product with |n| < 256 is exact.
const LN_2_HIGH: f32 = 0.693_359_4;
const LN_2_LOW: f32 = -2.121_944_4e-4;
// Adding 1.5 * 2^23 leaves the nearest integer in the low mantissa bits.
const ROUND_MAGIC: f32 = 12_582_912.0;
// Below this the result would be subnormal; it becomes zero.
const LOWEST: f32 = -87.3;

/// `e^x` for `x <= 0`, relative error below 2e-7; zero below -87.3.
#[inline(always)]
pub(crate) fn exp_nonpositive(x: f32) -> f32 {
    let clamped = if x > LOWEST { x } else { LOWEST };
    let shifted = clamped * LOG2_E + ROUND_MAGIC;
    let n = shifted - ROUND_MAGIC;
    let r = clamped - n * LN_2_HIGH - n * LN_2_LOW;
    // Taylor series of e^r for |r| <= ln(2)/2; the first omitted term is below 2^-27.
    let mut p = 1.0 / 5040.0;
    p = p * r + 1.0 / 720.0;
    p = p * r + 1.0 / 120.0;
    p = p * r + 1.0 / 24.0;
    p = p * r + 1.0 / 6.0;
    p = p * r + 0.5;
    p = p * r + 1.0;
    p = p * r + 1.0;
    let scaled = f32::from_bits(p.to_bits().wrapping_add(shifted.to_bits() << 23));
    if x > LOWEST { scaled } else { 0.0 }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn close_to_f64() {
        assert_eq!(exp_nonpositive(0.0), 1.0);
        for i in 0..200_000 {
            let x = -87.0 * i as f32 / 200_000.0;
            let expect = f64::from(x).exp();
            let error = (f64::from(exp_nonpositive(x)) - expect).abs() / expect;
            assert!(error < 2e-7, "exp({x}): relative error {error}");
        }
    }

    #[test]
    fn far_below_is_zero() {
        for x in [-88.0, -1e30, f32::NEG_INFINITY, f32::NAN] {
            assert_eq!(exp_nonpositive(x), 0.0, "exp({x})");
        }
    }
}
