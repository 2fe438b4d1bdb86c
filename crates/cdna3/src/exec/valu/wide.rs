//! 64-bit integer operations, and counts over the lane mask.

use crate::inst::Inst;
use crate::op::Op;

use super::super::prepared::Step;
use super::super::wave::Wave;

/// A shift of source 1 by source 0.
#[inline]
fn shift(w: &mut Wave, i: &Inst, f: impl Fn(u64, u32) -> u64) {
    let (by, value) = (w.source(i, 0), w.lanes64(i.src[1]));
    w.write64(i, &std::array::from_fn(|l| f(value[l], by[l] & 63)));
}

/// `a * b + c` of 65 bits; the top one is the carry out.
#[inline]
fn mad(w: &mut Wave, i: &Inst, f: impl Fn(u32, u32, u64) -> (u64, bool)) {
    let (a, b, c) = (w.source(i, 0), w.source(i, 1), w.lanes64(i.src[2]));
    let mask = w.exec();
    let mut carry = 0;
    let value = std::array::from_fn(|l| {
        let (sum, over) = f(a[l], b[l], c[l]);
        carry |= u64::from(over) << l;
        sum
    });
    w.write64(i, &value);
    w.set_scalar64(i.sdst, carry & mask);
}

/// Ones of the lane's part of the mask below it, plus source 1.
#[inline]
fn mask_count(w: &mut Wave, i: &Inst, first: usize) {
    let (mask, add) = (w.source(i, 0), w.source(i, 1));
    let value = std::array::from_fn(|l| {
        let below = l.saturating_sub(first).min(32) as u32;
        let lanes = ((1_u64 << below) - 1) as u32;
        (mask[l] & lanes).count_ones().wrapping_add(add[l])
    });
    w.write(i, &value);
}

/// The meaning of a 64-bit integer operation, if it is one.
pub(super) fn step(op: Op) -> Option<Step> {
    let step: Step = match op {
        Op::VLshlrevB64 => |w, i| shift(w, i, |v, by| v << by),
        Op::VLshrrevB64 => |w, i| shift(w, i, |v, by| v >> by),
        Op::VAshrrevI64 => |w, i| shift(w, i, |v, by| ((v as i64) >> by) as u64),
        Op::VLshlAddU64 => |w, i| {
            let (a, by, c) = (w.lanes64(i.src[0]), w.source(i, 1), w.lanes64(i.src[2]));
            w.write64(i, &std::array::from_fn(|l| (a[l] << (by[l] & 7)).wrapping_add(c[l])));
        },
        Op::VMadU64U32 => {
            |w, i| mad(w, i, |a, b, c| (u64::from(a) * u64::from(b)).overflowing_add(c))
        }
        Op::VMadI64I32 => |w, i| {
            mad(w, i, |a, b, c| {
                let product = i64::from(a as i32) * i64::from(b as i32);
                let (sum, over) = product.overflowing_add(c as i64);
                (sum as u64, over)
            })
        },
        Op::VMbcntLoU32B32 => |w, i| mask_count(w, i, 0),
        Op::VMbcntHiU32B32 => |w, i| mask_count(w, i, 32),
        Op::VMovB64 => |w, i| {
            let value = w.lanes64(i.src[0]);
            w.write64(i, &value);
        },
        _ => return None,
    };
    Some(step)
}
