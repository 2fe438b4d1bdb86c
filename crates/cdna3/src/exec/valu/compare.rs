//! Vector compares: one bit for each lane that is on, zero for the others.

use crate::compare::{Compare, FloatCondition, FloatType, IntCondition, IntType};
use crate::inst::{Inst, slot};
use crate::op::Op;

use super::super::lanes::float::is_class;
use super::super::prepared::Step;
use super::super::wave::Wave;
use super::double::source_f64;
use super::{has, source_f16, source_f32};

/// The meaning of a compare, if it is one.
pub(super) fn step(op: Op) -> Option<Step> {
    match op {
        Op::VCmp(_) => Some(|w, i| {
            let mask = evaluate(w, i);
            w.set_scalar64(i.dst, mask);
        }),
        Op::VCmpx(_) => Some(|w, i| {
            let mask = evaluate(w, i);
            w.set_scalar64(i.dst, mask);
            w.set_pair(slot::EXEC, mask);
        }),
        _ => None,
    }
}

/// Bits of the lanes that are on and fulfil the condition.
fn evaluate(w: &Wave, i: &Inst) -> u64 {
    let (Op::VCmp(compare) | Op::VCmpx(compare)) = i.op else { return 0 };
    let mask = match compare {
        Compare::Float(FloatType::F32, condition) => {
            floats(condition, &source_f32(w, i, 0), &source_f32(w, i, 1))
        }
        Compare::Float(FloatType::F16, condition) => {
            floats(condition, &source_f16(w, i, 0), &source_f16(w, i, 1))
        }
        Compare::Float(FloatType::F64, condition) => {
            floats(condition, &source_f64(w, i, 0), &source_f64(w, i, 1))
        }
        Compare::Class(ty) => classes(w, i, ty),
        Compare::Int(ty, condition) => integers(w, i, ty, condition),
    };
    mask & w.exec()
}

/// Bit l is `f(l)`.
#[inline]
fn mask_of(f: impl Fn(usize) -> bool) -> u64 {
    let mut mask = 0;
    for lane in 0..64 {
        mask |= u64::from(f(lane)) << lane;
    }
    mask
}

fn floats<T: PartialOrd + Copy>(condition: FloatCondition, a: &[T; 64], b: &[T; 64]) -> u64 {
    use FloatCondition as C;
    let lt = || mask_of(|l| a[l] < b[l]);
    let eq = || mask_of(|l| a[l] == b[l]);
    let le = || mask_of(|l| a[l] <= b[l]);
    let gt = || mask_of(|l| a[l] > b[l]);
    let ge = || mask_of(|l| a[l] >= b[l]);
    match condition {
        C::F => 0,
        C::Lt => lt(),
        C::Eq => eq(),
        C::Le => le(),
        C::Gt => gt(),
        C::Lg => lt() | gt(),
        C::Ge => ge(),
        C::O => le() | ge(),
        C::U => !(le() | ge()),
        C::Nge => !ge(),
        C::Nlg => !(lt() | gt()),
        C::Ngt => !gt(),
        C::Nle => !le(),
        C::Neq => !eq(),
        C::Nlt => !lt(),
        C::Tru => u64::MAX,
    }
}

fn ordered<T: Ord + Copy>(condition: IntCondition, a: &[T; 64], b: &[T; 64]) -> u64 {
    use IntCondition as C;
    match condition {
        C::F => 0,
        C::Lt => mask_of(|l| a[l] < b[l]),
        C::Eq => mask_of(|l| a[l] == b[l]),
        C::Le => mask_of(|l| a[l] <= b[l]),
        C::Gt => mask_of(|l| a[l] > b[l]),
        C::Ne => mask_of(|l| a[l] != b[l]),
        C::Ge => mask_of(|l| a[l] >= b[l]),
        C::T => u64::MAX,
    }
}

fn integers(w: &Wave, i: &Inst, ty: IntType, condition: IntCondition) -> u64 {
    match ty {
        IntType::I64 | IntType::U64 => {
            let (a, b) = (w.lanes64(i.src[0]), w.lanes64(i.src[1]));
            if ty == IntType::U64 {
                return ordered(condition, &a, &b);
            }
            ordered(condition, &a.map(|v| v as i64), &b.map(|v| v as i64))
        }
        IntType::U32 => ordered(condition, &w.source(i, 0), &w.source(i, 1)),
        IntType::I32 => {
            let signed = |index| w.source(i, index).map(|v| v as i32);
            ordered(condition, &signed(0), &signed(1))
        }
        IntType::U16 => {
            let short = |index| w.source(i, index).map(|v| v as u16);
            ordered(condition, &short(0), &short(1))
        }
        IntType::I16 => {
            let short = |index| w.source(i, index).map(|v| v as i16);
            ordered(condition, &short(0), &short(1))
        }
    }
}

fn classes(w: &Wave, i: &Inst, ty: FloatType) -> u64 {
    // Class sees the denormals that the mode would flush.
    let wanted = w.source(i, 1);
    let (abs, neg) = (has(i.modifiers.abs, 0), has(i.modifiers.neg, 0));
    let modified = |bits: u64, sign: u64| {
        let bits = if abs { bits & !sign } else { bits };
        if neg { bits ^ sign } else { bits }
    };
    match ty {
        FloatType::F16 => {
            let shift = if has(i.modifiers.op_sel, 0) { 16 } else { 0 };
            let a = w.source(i, 0).map(|v| modified(((v >> shift) & 0xffff).into(), 1 << 15));
            mask_of(|l| is_class(a[l], 5, 10, wanted[l]))
        }
        FloatType::F32 => {
            let a = w.source(i, 0).map(|v| modified(v.into(), 1 << 31));
            mask_of(|l| is_class(a[l], 8, 23, wanted[l]))
        }
        FloatType::F64 => {
            let a = w.lanes64(i.src[0]).map(|v| modified(v, 1 << 63));
            mask_of(|l| is_class(a[l], 11, 52, wanted[l]))
        }
    }
}
