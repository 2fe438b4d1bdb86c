//! MFMA in f64: rows of D lie across the lanes, and the modifiers negate.
//!
//! Layout by the ISA guide's general formulas with a group height of 1: the element of A in row i
//! and column k of block b is in lane `i + n * (b + blocks * k)`; that of D in row i and column j
//! in item `i / rows`, lane `j + n * (i % rows + rows * b)`, with `rows` = 64 / blocks / n.

use crate::inst::Inst;
use crate::op::Op;

use super::super::prepared::Step;
use super::super::wave::{Lanes64, Wave};

/// The meaning of a matrix operation in f64, if it is one.
pub(super) fn step(op: Op) -> Option<Step> {
    let step: Step = match op {
        Op::VMfmaF6416x16x4F64 => |w, i| multiply(w, i, 16, 1),
        Op::VMfmaF644x4x44bF64 => |w, i| multiply(w, i, 4, 4),
        _ => return None,
    };
    Some(step)
}

/// Two registers from `dword` on, negated by their bit of `blgp`.
fn source(w: &Wave, i: &Inst, index: usize, dword: u8) -> [f64; 64] {
    let low = w.lanes(i.src[index], dword);
    let high = w.lanes(i.src[index], dword + 1);
    let flip = u64::from(i.modifiers.blgp >> index & 1) << 63;
    std::array::from_fn(|l| f64::from_bits((u64::from(low[l]) | (u64::from(high[l]) << 32)) ^ flip))
}

/// `n` rows and columns, depth 4; k ascending in fused steps, exec ignored.
fn multiply(w: &mut Wave, i: &Inst, n: usize, blocks: usize) {
    let (a, b) = (source(w, i, 0, 0), source(w, i, 1, 0));
    let rows = 64 / blocks / n;
    for item in 0..n / rows {
        // A constant is the same in every item.
        let is_constant = matches!(i.src[2].kind, crate::inst::OperandKind::Constant(_));
        let mut d = source(w, i, 2, if is_constant { 0 } else { 2 * item as u8 });
        for (lane, sum) in d.iter_mut().enumerate() {
            let (column, group) = (lane % n, lane / n);
            let (row, block) = (item * rows + group % rows, group / rows);
            for k in 0..4 {
                let first = n * (block + blocks * k);
                *sum = a[first + row].mul_add(b[first + column], *sum);
            }
        }
        let bits: Lanes64 = d.map(f64::to_bits);
        w.write_masked(i.dst, 2 * item as u8, &bits.map(|v| v as u32), u64::MAX);
        w.write_masked(i.dst, 2 * item as u8 + 1, &bits.map(|v| (v >> 32) as u32), u64::MAX);
    }
}
