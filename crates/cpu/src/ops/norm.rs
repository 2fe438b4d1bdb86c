//! RMSNorm of one row (arXiv 1910.07467). The order of the sum depends on the row's length only.

use super::simd::{Lanes, simd_dispatch};

simd_dispatch! {
    /// `out = x / sqrt(mean(x^2) + eps) * weight`; all slices have the row's length.
    pub(crate) fn rms_norm_row(x: &[f32], weight: &[f32], eps: f32, out: &mut [f32])
        = rms_norm_reference | rms_norm_lanes
}

simd_dispatch! {
    /// `residual += delta`.
    pub(crate) fn add_row(residual: &mut [f32], delta: &[f32]) = add_reference | add_lanes
}

fn rms_norm_reference(x: &[f32], weight: &[f32], eps: f32, out: &mut [f32]) {
    let sum: f32 = x.iter().map(|v| v * v).sum();
    let scale = inverse_rms(sum, x.len(), eps);
    for ((out, x), weight) in out.iter_mut().zip(x).zip(weight) {
        *out = x * scale * weight;
    }
}

fn add_reference(residual: &mut [f32], delta: &[f32]) {
    for (residual, delta) in residual.iter_mut().zip(delta) {
        *residual += delta;
    }
}

fn inverse_rms(sum_of_squares: f32, len: usize, eps: f32) -> f32 {
    1.0 / (sum_of_squares / len as f32 + eps).sqrt()
}

/// # Safety
/// The CPU has the features of `L`.
#[inline(always)]
unsafe fn rms_norm_lanes<L: Lanes>(x: &[f32], weight: &[f32], eps: f32, out: &mut [f32]) {
    let len = x.len();
    assert!(weight.len() == len && out.len() == len, "a norm's row, weight and output differ");
    let whole = len - len % L::LEN;
    // SAFETY: every access is at `i..i + L::LEN <= whole <= len` of a slice of length `len`.
    unsafe {
        let mut sum = L::splat(0.0);
        for i in (0..whole).step_by(L::LEN) {
            let v = L::load(x.as_ptr().add(i));
            sum = v.fma(v, sum);
        }
        let tail: f32 = x[whole..].iter().map(|v| v * v).sum();
        let scale = inverse_rms(sum.reduce_add() + tail, len, eps);
        let scales = L::splat(scale);
        for i in (0..whole).step_by(L::LEN) {
            let scaled = L::load(x.as_ptr().add(i)).mul(scales);
            scaled.mul(L::load(weight.as_ptr().add(i))).store(out.as_mut_ptr().add(i));
        }
        for i in whole..len {
            out[i] = x[i] * scale * weight[i];
        }
    }
}

/// # Safety
/// The CPU has the features of `L`.
#[inline(always)]
unsafe fn add_lanes<L: Lanes>(residual: &mut [f32], delta: &[f32]) {
    let len = residual.len();
    assert!(delta.len() == len, "rows to add differ in length");
    let whole = len - len % L::LEN;
    // SAFETY: every access is at `i..i + L::LEN <= whole <= len` of a slice of length `len`.
    unsafe {
        for i in (0..whole).step_by(L::LEN) {
            let sum = L::load(residual.as_ptr().add(i)).add(L::load(delta.as_ptr().add(i)));
            sum.store(residual.as_mut_ptr().add(i));
        }
    }
    add_reference(&mut residual[whole..], &delta[whole..]);
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ops::testing::{AWKWARD_LENGTHS, assert_close, for_each_isa, noise};

    #[test]
    fn rms_norm_matches_f64() {
        for_each_isa(|isa| {
            for len in AWKWARD_LENGTHS {
                let (x, weight) = (noise(len, 1), noise(len, 2));
                let mut out = vec![0.0; len];
                rms_norm_row(isa, &x, &weight, 1e-5, &mut out);
                let mean = x.iter().map(|v| f64::from(*v).powi(2)).sum::<f64>() / len as f64;
                let scale = 1.0 / (mean + 1e-5).sqrt();
                for i in 0..len {
                    let expect = f64::from(x[i]) * scale * f64::from(weight[i]);
                    // Measured floor 2.0e-7 of the largest value; bound five times that.
                    assert_close(out[i], expect, 1e-6, &format!("{isa} len {len} at {i}"));
                }
            }
        });
    }

    #[test]
    fn add_matches_f64() {
        for_each_isa(|isa| {
            for len in AWKWARD_LENGTHS {
                let (mut sum, delta) = (noise(len, 3), noise(len, 4));
                let before = sum.clone();
                add_row(isa, &mut sum, &delta);
                for i in 0..len {
                    assert_eq!(sum[i], before[i] + delta[i], "{isa} len {len} at {i}");
                }
            }
        });
    }
}
