//! SwiGLU's gate (arXiv 2002.05202) on one row.

use super::simd::{Lanes, exp, simd_dispatch};

simd_dispatch! {
    /// `out = silu(gate) * up`, `silu(x) = x / (1 + e^-x)`; all slices have one length.
    pub(crate) fn silu_mul_row(gate: &[f32], up: &[f32], out: &mut [f32])
        = silu_mul_reference | silu_mul_lanes
}

fn silu_mul_reference(gate: &[f32], up: &[f32], out: &mut [f32]) {
    for ((out, gate), up) in out.iter_mut().zip(gate).zip(up) {
        *out = gate / (1.0 + (-gate).exp()) * up;
    }
}

/// # Safety
/// The CPU has the features of `L`.
#[inline(always)]
unsafe fn silu_mul_lanes<L: Lanes>(gate: &[f32], up: &[f32], out: &mut [f32]) {
    let len = out.len();
    assert!(gate.len() == len && up.len() == len, "gate, up and output differ in length");
    let whole = len - len % L::LEN;
    // SAFETY: every access is at `i..i + L::LEN <= whole <= len` of a slice of length `len`.
    unsafe {
        let one = L::splat(1.0);
        for i in (0..whole).step_by(L::LEN) {
            let gate = L::load(gate.as_ptr().add(i));
            let silu = gate.div(one.add(exp(L::splat(0.0).sub(gate))));
            silu.mul(L::load(up.as_ptr().add(i))).store(out.as_mut_ptr().add(i));
        }
    }
    silu_mul_reference(&gate[whole..], &up[whole..], &mut out[whole..]);
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ops::testing::{AWKWARD_LENGTHS, assert_close, for_each_isa, noise};

    #[test]
    fn matches_f64() {
        for_each_isa(|isa| {
            for len in AWKWARD_LENGTHS {
                let mut gate: Vec<f32> = noise(len, 5).iter().map(|v| v * 30.0).collect();
                gate[len / 2] = -200.0;
                gate[len - 1] = 200.0;
                let up = noise(len, 6);
                let mut out = vec![0.0; len];
                silu_mul_row(isa, &gate, &up, &mut out);
                for i in 0..len {
                    let g = f64::from(gate[i]);
                    let expect = g / (1.0 + (-g).exp()) * f64::from(up[i]);
                    // Measured floor 2.6e-7 relative; bound four times that.
                    assert_close(out[i], expect, 1e-6, &format!("{isa} len {len} at {i}"));
                }
            }
        });
    }
}
