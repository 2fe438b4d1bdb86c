//! MFMA: D = A * B + C over the lanes of a wave, accumulated in f32 (or i32).
//!
//! Register layouts by AMD's matrix instruction calculator. With n rows, `groups` = 64 / n /
//! blocks: lane l holds row (A) or column (B) l % n of block (l / n) / groups, and consecutive k
//! from depth / groups * ((l / n) % groups) on. The order of summation is not documented: k
//! ascending here. Source denormals are kept.

mod double;

use crate::inst::{Inst, Modifiers};
use crate::op::Op;

use super::lanes::float::f16_to_f32;
use super::lanes::fp8::{BF8_MANTISSA, FP8_MANTISSA, decode};
use super::prepared::Step;
use super::wave::Wave;

/// Elements of a source: `[block][k][row or column]`, each `BITS` wide in its lane's registers.
/// Runs of `N` lanes hold neighbours, so they are converted together.
#[inline]
fn gather<
    T: Copy + Default,
    const N: usize,
    const K: usize,
    const BLOCKS: usize,
    const SIZE: usize,
>(
    w: &Wave,
    i: &Inst,
    index: usize,
    bits: usize,
    convert: impl Fn(u32) -> T,
) -> [T; SIZE] {
    let groups = 64 / N / BLOCKS;
    let per_lane = K / groups;
    let mut out = [T::default(); SIZE];
    let mask = u32::MAX >> (32 - bits);
    let is_plain = if index == 0 { i.modifiers.cbsz == 0 } else { i.modifiers.blgp == 0 };
    for e in 0..per_lane {
        let mut register = w.lanes(i.src[index], (e * bits / 32) as u8);
        if !is_plain {
            register = std::array::from_fn(|lane| register[broadcast(&i.modifiers, index, lane)]);
        }
        let shift = (e * bits % 32) as u32;
        for (group, lanes) in register.as_chunks::<N>().0.iter().enumerate() {
            let (block, k) = (group / groups, per_lane * (group % groups) + e);
            let at = (block * K + k) * N;
            for (element, value) in out[at..at + N].iter_mut().zip(lanes) {
                *element = convert((value >> shift) & mask);
            }
        }
    }
    out
}

/// C in `[block][row][column]`.
#[inline]
fn gather_c<T: Copy + Default, const N: usize, const SIZE: usize>(
    w: &Wave,
    i: &Inst,
    f: impl Fn(u32) -> T,
) -> [T; SIZE] {
    let mut out = [T::default(); SIZE];
    for register in 0..SIZE / 64 {
        let values = match i.src[2].kind {
            crate::inst::OperandKind::Constant(_) => w.lanes(i.src[2], 0),
            _ => w.lanes(i.src[2], register as u8),
        };
        for (group, lanes) in values.as_chunks::<N>().0.iter().enumerate() {
            let (block, row, _) = result_place(N, group * N, register);
            let at = (block * N + row) * N;
            for (element, value) in out[at..at + N].iter_mut().zip(lanes) {
                *element = f(*value);
            }
        }
    }
    out
}

/// Writes D; exec is ignored, as MFMA does.
#[inline]
fn scatter<T: Copy, const N: usize, const SIZE: usize>(
    w: &mut Wave,
    i: &Inst,
    d: &[T; SIZE],
    f: impl Fn(T) -> u32,
) {
    for register in 0..SIZE / 64 {
        let Some(lanes) = w.register(i.dst, register as u8) else { return };
        for (group, run) in lanes.as_chunks_mut::<N>().0.iter_mut().enumerate() {
            let (block, row, _) = result_place(N, group * N, register);
            let at = (block * N + row) * N;
            for (lane, value) in run.iter_mut().zip(&d[at..at + N]) {
                *lane = f(*value);
            }
        }
    }
}

/// Columns whose sums are kept in machine registers, for two rows at a time.
const COLUMNS: usize = 16;

/// `d[row][column] = step(d, a[k][row], b[k][column])` for k ascending.
#[inline]
fn multiply<
    T: Copy,
    U: Copy,
    const N: usize,
    const K: usize,
    const BLOCKS: usize,
    const A: usize,
    const D: usize,
>(
    a: &[T; A],
    b: &[T; A],
    d: &mut [U; D],
    step: impl Fn(U, T, T) -> U,
) {
    if N < COLUMNS {
        return multiply_part::<T, U, N, K, BLOCKS, 4>(a, b, d, step);
    }
    multiply_part::<T, U, N, K, BLOCKS, COLUMNS>(a, b, d, step);
}

/// The product in parts of two rows and `W` columns.
#[inline]
fn multiply_part<
    T: Copy,
    U: Copy,
    const N: usize,
    const K: usize,
    const BLOCKS: usize,
    const W: usize,
>(
    a: &[T],
    b: &[T],
    d: &mut [U],
    step: impl Fn(U, T, T) -> U,
) {
    for block in 0..BLOCKS {
        let (a, b) = (&a[block * K * N..][..K * N], &b[block * K * N..][..K * N]);
        let d = &mut d[block * N * N..][..N * N];
        for row in (0..N).step_by(2) {
            for column in (0..N).step_by(W) {
                let (first, second) = (row * N + column, (row + 1) * N + column);
                let at = |place: usize| <[U; W]>::try_from(&d[place..place + W]);
                let (Ok(mut top), Ok(mut bottom)) = (at(first), at(second)) else { return };
                for k in 0..K {
                    let line = &b[k * N + column..][..W];
                    let (x, y) = (a[k * N + row], a[k * N + row + 1]);
                    for l in 0..W {
                        top[l] = step(top[l], x, line[l]);
                        bottom[l] = step(bottom[l], y, line[l]);
                    }
                }
                d[first..first + W].copy_from_slice(&top);
                d[second..second + W].copy_from_slice(&bottom);
            }
        }
    }
}

/// Runs a form: sources of `$bits` bits converted, products added by `$step`.
macro_rules! product {
    ($w:ident, $i:ident, ($n:literal, $k:literal, $blocks:literal, $bits:literal),
     $a:expr, $b:expr, $c:expr, $step:expr, $result:expr) => {{
        const A: usize = $n * $k * $blocks;
        const D: usize = $n * $n * $blocks;
        let a = gather::<_, $n, $k, $blocks, A>($w, $i, 0, $bits, $a);
        let b = gather::<_, $n, $k, $blocks, A>($w, $i, 1, $bits, $b);
        let mut d = gather_c::<_, $n, D>($w, $i, $c);
        multiply::<_, _, $n, $k, $blocks, A, D>(&a, &b, &mut d, $step);
        scatter::<_, $n, D>($w, $i, &d, $result);
    }};
}

/// Narrow floats: their products are exact in f32.
macro_rules! float {
    ($n:literal, $k:literal, $blocks:literal, $bits:literal, $a:expr, $b:expr) => {
        |w, i| {
            let step = |sum: f32, x: f32, y: f32| sum + x * y;
            product!(w, i, ($n, $k, $blocks, $bits), $a, $b, f32::from_bits, step, f32::to_bits)
        }
    };
}

/// f32 sources: fused steps.
macro_rules! single {
    ($n:literal, $k:literal, $blocks:literal) => {
        |w, i| {
            let (step, source) = (|sum: f32, x: f32, y: f32| x.mul_add(y, sum), f32::from_bits);
            product!(w, i, ($n, $k, $blocks, 32), source, source, source, step, f32::to_bits)
        }
    };
}

/// Signed bytes into i32, wrapping.
macro_rules! integer {
    ($n:literal, $k:literal, $blocks:literal) => {
        |w, i| {
            let (step, source) =
                (|sum: i32, x: i32, y: i32| sum.wrapping_add(x * y), |v| i32::from(v as i8));
            product!(w, i, ($n, $k, $blocks, 8), source, source, |v| v as i32, step, |v| v as u32)
        }
    };
}

/// The meaning of a matrix operation, if it is one.
pub(crate) fn step(op: Op) -> Option<Step> {
    half_step(op).or_else(|| byte_step(op)).or_else(|| single_step(op)).or_else(|| double::step(op))
}

fn f16(bits: u32) -> f32 {
    f16_to_f32(bits)
}

fn bf16(bits: u32) -> f32 {
    f32::from_bits(bits << 16)
}

fn half_step(op: Op) -> Option<Step> {
    let step: Step = match op {
        Op::VMfmaF3216x16x16F16 => float!(16, 16, 1, 16, f16, f16),
        Op::VMfmaF3216x16x16Bf16 => float!(16, 16, 1, 16, bf16, bf16),
        Op::VMfmaF3232x32x8F16 => float!(32, 8, 1, 16, f16, f16),
        Op::VMfmaF3232x32x8Bf16 => float!(32, 8, 1, 16, bf16, bf16),
        Op::VMfmaF324x4x416bF16 => float!(4, 4, 16, 16, f16, f16),
        Op::VMfmaF324x4x416bBf16 => float!(4, 4, 16, 16, bf16, bf16),
        Op::VMfmaF3216x16x44bF16 => float!(16, 4, 4, 16, f16, f16),
        Op::VMfmaF3216x16x44bBf16 => float!(16, 4, 4, 16, bf16, bf16),
        Op::VMfmaF3232x32x42bF16 => float!(32, 4, 2, 16, f16, f16),
        Op::VMfmaF3232x32x42bBf16 => float!(32, 4, 2, 16, bf16, bf16),
        _ => return None,
    };
    Some(step)
}

fn fp8(bits: u32) -> f32 {
    decode(bits as u8, FP8_MANTISSA)
}

fn bf8(bits: u32) -> f32 {
    decode(bits as u8, BF8_MANTISSA)
}

fn byte_step(op: Op) -> Option<Step> {
    let step: Step = match op {
        Op::VMfmaF3216x16x32Fp8Fp8 => float!(16, 32, 1, 8, fp8, fp8),
        Op::VMfmaF3216x16x32Fp8Bf8 => float!(16, 32, 1, 8, fp8, bf8),
        Op::VMfmaF3216x16x32Bf8Fp8 => float!(16, 32, 1, 8, bf8, fp8),
        Op::VMfmaF3216x16x32Bf8Bf8 => float!(16, 32, 1, 8, bf8, bf8),
        Op::VMfmaF3232x32x16Fp8Fp8 => float!(32, 16, 1, 8, fp8, fp8),
        Op::VMfmaF3232x32x16Fp8Bf8 => float!(32, 16, 1, 8, fp8, bf8),
        Op::VMfmaF3232x32x16Bf8Fp8 => float!(32, 16, 1, 8, bf8, fp8),
        Op::VMfmaF3232x32x16Bf8Bf8 => float!(32, 16, 1, 8, bf8, bf8),
        Op::VMfmaI3216x16x32I8 => integer!(16, 32, 1),
        Op::VMfmaI3232x32x16I8 => integer!(32, 16, 1),
        Op::VMfmaI324x4x416bI8 => integer!(4, 4, 16),
        Op::VMfmaI3216x16x44bI8 => integer!(16, 4, 4),
        Op::VMfmaI3232x32x42bI8 => integer!(32, 4, 2),
        _ => return None,
    };
    Some(step)
}

fn single_step(op: Op) -> Option<Step> {
    let step: Step = match op {
        Op::VMfmaF3216x16x4F32 => single!(16, 4, 1),
        Op::VMfmaF3232x32x2F32 => single!(32, 2, 1),
        Op::VMfmaF324x4x116bF32 => single!(4, 1, 16),
        Op::VMfmaF3216x16x14bF32 => single!(16, 1, 4),
        Op::VMfmaF3232x32x12bF32 => single!(32, 1, 2),
        _ => return None,
    };
    Some(step)
}

/// Where lane `lane` and register `register` of C and D lie: `(block, row, column)`.
#[inline]
pub(crate) fn result_place(n: usize, lane: usize, register: usize) -> (usize, usize, usize) {
    match n {
        4 => (lane / 4, register, lane % 4),
        16 => (register / 4, 4 * (lane / 16) + register % 4, lane % 16),
        _ => {
            let within = register % 16;
            (register / 16, 8 * (within / 4) + 4 * (lane / 32) + within % 4, lane % 32)
        }
    }
}

/// The lane whose register is read for what the layout puts into `lane`: A is broadcast from one
/// group of lanes (`cbsz`, `abid`), B by a pattern (`blgp`). Source: ISA guide, "Broadcasting
/// values".
#[inline]
fn broadcast(modifiers: &Modifiers, index: usize, lane: usize) -> usize {
    match (index, modifiers.blgp) {
        (0, _) if modifiers.cbsz == 0 => lane,
        (0, _) => {
            let size = 64 >> modifiers.cbsz;
            lane % size + size * usize::from(modifiers.abid)
        }
        (_, 1) => lane % 32,
        (_, 2) => lane % 32 + 32,
        (_, 3) => (lane + 16) % 64,
        (_, group @ 4..) => lane % 16 + 16 * usize::from(group - 4),
        _ => lane,
    }
}
