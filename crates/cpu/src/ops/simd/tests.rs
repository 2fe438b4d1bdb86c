//! Accuracy of the vector exponential, and the widening loads.

use half::{bf16, f16};

use super::{Lanes, exp, simd_dispatch};
use crate::ops::testing::for_each_isa;

simd_dispatch! {
    fn exp_row(x: &mut [f32]) = exp_reference | exp_lanes
}

simd_dispatch! {
    fn widen_row(f16s: &[u16], bf16s: &[u16], out: &mut [f32]) = widen_reference | widen_lanes
}

fn exp_reference(x: &mut [f32]) {
    x.iter_mut().for_each(|x| *x = x.exp());
}

#[inline(always)]
unsafe fn exp_lanes<L: Lanes>(x: &mut [f32]) {
    for chunk in x.chunks_exact_mut(L::LEN) {
        // SAFETY: the chunk has `L::LEN` elements.
        unsafe { exp(L::load(chunk.as_ptr())).store(chunk.as_mut_ptr()) };
    }
}

fn widen_reference(f16s: &[u16], bf16s: &[u16], out: &mut [f32]) {
    for i in 0..f16s.len() {
        out[2 * i] = f16::from_bits(f16s[i]).to_f32();
        out[2 * i + 1] = bf16::from_bits(bf16s[i]).to_f32();
    }
}

#[inline(always)]
unsafe fn widen_lanes<L: Lanes>(f16s: &[u16], bf16s: &[u16], out: &mut [f32]) {
    let mut buffer = [0.0f32; 16];
    for i in (0..f16s.len()).step_by(L::LEN) {
        // SAFETY: the test's length is a multiple of every `L::LEN`, which is at most 16.
        unsafe { L::load_f16(f16s.as_ptr().add(i)).store(buffer.as_mut_ptr()) };
        (0..L::LEN).for_each(|lane| out[2 * (i + lane)] = buffer[lane]);
        // SAFETY: as above.
        unsafe { L::load_bf16(bf16s.as_ptr().add(i)).store(buffer.as_mut_ptr()) };
        (0..L::LEN).for_each(|lane| out[2 * (i + lane) + 1] = buffer[lane]);
    }
}

#[test]
fn exp_is_accurate() {
    for_each_isa(|isa| {
        let xs: Vec<f32> = (0..64_000).map(|i| -87.3 + i as f32 * (175.6 / 64_000.0)).collect();
        let mut out = xs.clone();
        exp_row(isa, &mut out);
        for (x, y) in xs.iter().zip(out) {
            let expect = f64::from(*x).exp();
            let error = (f64::from(y) - expect).abs() / expect;
            assert!(error < 2e-7, "{isa} exp({x}): relative error {error}");
        }
    });
}

#[test]
fn exp_of_special_values() {
    for_each_isa(|isa| {
        let mut x = [0.0; 16];
        x[..5].copy_from_slice(&[0.0, f32::NEG_INFINITY, -150.0, f32::NAN, 1e30]);
        exp_row(isa, &mut x);
        assert_eq!(x[..3], [1.0, 0.0, 0.0], "{isa}");
        assert!(x[3].is_nan() && x[4] > 1e38, "{isa} {x:?}");
    });
}

#[test]
fn widening_is_that_of_the_half_crate() {
    let all: Vec<u16> = (0..=u16::MAX).collect();
    let mut expect = vec![0.0; 2 * all.len()];
    widen_reference(&all, &all, &mut expect);
    for_each_isa(|isa| {
        let mut out = vec![0.0; 2 * all.len()];
        widen_row(isa, &all, &all, &mut out);
        let same = |a: &f32, b: &f32| a.to_bits() == b.to_bits() || (a.is_nan() && b.is_nan());
        assert!(out.iter().zip(&expect).all(|(a, b)| same(a, b)), "{isa}");
    });
}
