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

/// A form: `N` rows and columns, `K` depth, `BLOCKS` independent products.
struct Form;

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
        Op::VMfmaF3216x16x16F16 => |w, i| Form::float::<16, 16, 1, 16>(w, i, f16, f16),
        Op::VMfmaF3216x16x16Bf16 => |w, i| Form::float::<16, 16, 1, 16>(w, i, bf16, bf16),
        Op::VMfmaF3232x32x8F16 => |w, i| Form::float::<32, 8, 1, 16>(w, i, f16, f16),
        Op::VMfmaF3232x32x8Bf16 => |w, i| Form::float::<32, 8, 1, 16>(w, i, bf16, bf16),
        Op::VMfmaF324x4x416bF16 => |w, i| Form::float::<4, 4, 16, 16>(w, i, f16, f16),
        Op::VMfmaF324x4x416bBf16 => |w, i| Form::float::<4, 4, 16, 16>(w, i, bf16, bf16),
        Op::VMfmaF3216x16x44bF16 => |w, i| Form::float::<16, 4, 4, 16>(w, i, f16, f16),
        Op::VMfmaF3216x16x44bBf16 => |w, i| Form::float::<16, 4, 4, 16>(w, i, bf16, bf16),
        Op::VMfmaF3232x32x42bF16 => |w, i| Form::float::<32, 4, 2, 16>(w, i, f16, f16),
        Op::VMfmaF3232x32x42bBf16 => |w, i| Form::float::<32, 4, 2, 16>(w, i, bf16, bf16),
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
        Op::VMfmaF3216x16x32Fp8Fp8 => |w, i| Form::float::<16, 32, 1, 8>(w, i, fp8, fp8),
        Op::VMfmaF3216x16x32Fp8Bf8 => |w, i| Form::float::<16, 32, 1, 8>(w, i, fp8, bf8),
        Op::VMfmaF3216x16x32Bf8Fp8 => |w, i| Form::float::<16, 32, 1, 8>(w, i, bf8, fp8),
        Op::VMfmaF3216x16x32Bf8Bf8 => |w, i| Form::float::<16, 32, 1, 8>(w, i, bf8, bf8),
        Op::VMfmaF3232x32x16Fp8Fp8 => |w, i| Form::float::<32, 16, 1, 8>(w, i, fp8, fp8),
        Op::VMfmaF3232x32x16Fp8Bf8 => |w, i| Form::float::<32, 16, 1, 8>(w, i, fp8, bf8),
        Op::VMfmaF3232x32x16Bf8Fp8 => |w, i| Form::float::<32, 16, 1, 8>(w, i, bf8, fp8),
        Op::VMfmaF3232x32x16Bf8Bf8 => |w, i| Form::float::<32, 16, 1, 8>(w, i, bf8, bf8),
        Op::VMfmaI3216x16x32I8 => Form::integer::<16, 32, 1>,
        Op::VMfmaI3232x32x16I8 => Form::integer::<32, 16, 1>,
        Op::VMfmaI324x4x416bI8 => Form::integer::<4, 4, 16>,
        Op::VMfmaI3216x16x44bI8 => Form::integer::<16, 4, 4>,
        Op::VMfmaI3232x32x42bI8 => Form::integer::<32, 4, 2>,
        _ => return None,
    };
    Some(step)
}

fn single_step(op: Op) -> Option<Step> {
    let step: Step = match op {
        Op::VMfmaF3216x16x4F32 => Form::single::<16, 4, 1>,
        Op::VMfmaF3232x32x2F32 => Form::single::<32, 2, 1>,
        Op::VMfmaF324x4x116bF32 => Form::single::<4, 1, 16>,
        Op::VMfmaF3216x16x14bF32 => Form::single::<16, 1, 4>,
        Op::VMfmaF3232x32x12bF32 => Form::single::<32, 1, 2>,
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

/// Elements of a source: `[block][k][row or column]`, each `BITS` wide in its lane's registers.
fn gather<T: Copy + Default>(
    w: &Wave,
    i: &Inst,
    index: usize,
    (n, depth, blocks, bits): (usize, usize, usize, usize),
    convert: impl Fn(u32) -> T,
) -> [T; 1024] {
    let groups = 64 / n / blocks;
    let per_lane = depth / groups;
    let mut out = [T::default(); 1024];
    for e in 0..per_lane {
        let register = w.lanes(i.src[index], (e * bits / 32) as u8);
        let shift = (e * bits % 32) as u32;
        let mask = u32::MAX >> (32 - bits);
        for lane in 0..64 {
            let value = register[broadcast(&i.modifiers, index, lane)];
            let group = lane / n;
            let (block, k) = (group / groups, per_lane * (group % groups) + e);
            out[(block * depth + k) * n + lane % n] = convert((value >> shift) & mask);
        }
    }
    out
}

/// C in `[block][row][column]`.
fn gather_c<T: Copy + Default>(w: &Wave, i: &Inst, n: usize, f: impl Fn(u32) -> T) -> [T; 2048] {
    let mut out = [T::default(); 2048];
    for register in 0..usize::from(i.dst.dwords) {
        let values = match i.src[2].kind {
            crate::inst::OperandKind::Constant(_) => w.lanes(i.src[2], 0),
            _ => w.lanes(i.src[2], register as u8),
        };
        for (lane, value) in values.iter().enumerate() {
            let (block, row, column) = result_place(n, lane, register);
            out[(block * n + row) * n + column] = f(*value);
        }
    }
    out
}

/// Writes D; exec is ignored, as MFMA does.
fn scatter<T: Copy>(w: &mut Wave, i: &Inst, n: usize, d: &[T; 2048], f: impl Fn(T) -> u32) {
    for register in 0..usize::from(i.dst.dwords) {
        let values = std::array::from_fn(|lane| {
            let (block, row, column) = result_place(n, lane, register);
            f(d[(block * n + row) * n + column])
        });
        w.write_masked(i.dst, register as u8, &values, u64::MAX);
    }
}

/// `d[row][column] = step(d, a[k][row], b[k][column])` for k ascending.
#[inline]
fn multiply<T: Copy, U: Copy, const N: usize, const K: usize, const BLOCKS: usize>(
    a: &[T; 1024],
    b: &[T; 1024],
    d: &mut [U; 2048],
    step: impl Fn(U, T, T) -> U,
) {
    for block in 0..BLOCKS {
        for row in 0..N {
            let at = (block * N + row) * N;
            let Ok(mut sums) = <[U; N]>::try_from(&d[at..at + N]) else { return };
            for k in 0..K {
                let line = (block * K + k) * N;
                let factor = a[line + row];
                let columns = &b[line..line + N];
                for column in 0..N {
                    sums[column] = step(sums[column], factor, columns[column]);
                }
            }
            d[at..at + N].copy_from_slice(&sums);
        }
    }
}

impl Form {
    /// Narrow floats: their products are exact in f32.
    fn float<const N: usize, const K: usize, const BLOCKS: usize, const BITS: usize>(
        w: &mut Wave,
        i: &Inst,
        convert_a: impl Fn(u32) -> f32,
        convert_b: impl Fn(u32) -> f32,
    ) {
        let a = gather(w, i, 0, (N, K, BLOCKS, BITS), convert_a);
        let b = gather(w, i, 1, (N, K, BLOCKS, BITS), convert_b);
        let mut d = gather_c(w, i, N, f32::from_bits);
        multiply::<_, _, N, K, BLOCKS>(&a, &b, &mut d, |sum, x, y| sum + x * y);
        scatter(w, i, N, &d, f32::to_bits);
    }

    /// f32 sources: fused steps.
    fn single<const N: usize, const K: usize, const BLOCKS: usize>(w: &mut Wave, i: &Inst) {
        let a = gather(w, i, 0, (N, K, BLOCKS, 32), f32::from_bits);
        let b = gather(w, i, 1, (N, K, BLOCKS, 32), f32::from_bits);
        let mut d = gather_c(w, i, N, f32::from_bits);
        multiply::<_, _, N, K, BLOCKS>(&a, &b, &mut d, |sum: f32, x: f32, y: f32| {
            x.mul_add(y, sum)
        });
        scatter(w, i, N, &d, f32::to_bits);
    }

    /// Signed bytes into i32, wrapping.
    fn integer<const N: usize, const K: usize, const BLOCKS: usize>(w: &mut Wave, i: &Inst) {
        let a = gather(w, i, 0, (N, K, BLOCKS, 8), |v| i32::from(v as i8));
        let b = gather(w, i, 1, (N, K, BLOCKS, 8), |v| i32::from(v as i8));
        let mut d = gather_c(w, i, N, |v| v as i32);
        multiply::<_, _, N, K, BLOCKS>(&a, &b, &mut d, |sum: i32, x: i32, y: i32| {
            sum.wrapping_add(x * y)
        });
        scatter(w, i, N, &d, |v| v as u32);
    }
}
