//! Moves, selections, and traffic between lanes and scalars.

use crate::inst::Inst;
use crate::op::Op;

use super::super::prepared::Step;
use super::super::wave::Wave;
use super::u32_1;

/// Source 1 where the lane's bit of source 2 is set, source 0 elsewhere.
fn cndmask(w: &mut Wave, i: &Inst) {
    let modified = |index: usize| {
        let keep = if super::has(i.modifiers.abs, index) { 0x7fff_ffff } else { u32::MAX };
        let flip = if super::has(i.modifiers.neg, index) { 0x8000_0000 } else { 0 };
        w.source(i, index).map(|bits| (bits & keep) ^ flip)
    };
    let (a, b) = (modified(0), modified(1));
    let mask = w.scalar64(i.src[2]);
    let value = std::array::from_fn(|l| if (mask >> l) & 1 == 1 { b[l] } else { a[l] });
    w.write(i, &value);
}

/// The meaning of a move, if it is one.
pub(super) fn step(op: Op) -> Option<Step> {
    let step: Step = match op {
        Op::VNop => |_, _| {},
        Op::VMovB32 | Op::VAccvgprReadB32 | Op::VAccvgprWriteB32 | Op::VAccvgprMovB32 => {
            |w, i| u32_1(w, i, |a| a)
        }
        Op::VCndmaskB32 => cndmask,
        Op::VSwapB32 => |w, i| {
            let (a, b, mask) = (w.lanes(i.dst, 0), w.lanes(i.src[0], 0), w.exec());
            w.write_masked(i.dst, 0, &b, mask);
            w.write_masked(i.src[0], 0, &a, mask);
        },
        Op::VReadfirstlaneB32 => |w, i| {
            let lane = (w.exec().trailing_zeros() & 63) as usize;
            let value = w.lanes(i.src[0], 0)[lane];
            w.set_scalar32(i.dst, value);
        },
        Op::VReadlaneB32 => |w, i| {
            let lane = (w.scalar32(i.src[1]) & 63) as usize;
            let value = w.lanes(i.src[0], 0)[lane];
            w.set_scalar32(i.dst, value);
        },
        Op::VWritelaneB32 => |w, i| {
            let (value, lane) = (w.scalar32(i.src[0]), w.scalar32(i.src[1]) & 63);
            w.write_masked(i.dst, 0, &[value; 64], 1 << lane);
        },
        _ => return None,
    };
    Some(step)
}
