//! Scalar arithmetic. Source: CDNA3 ISA, SOP1, SOP2, SOPK and SOPC operations.

use crate::inst::{Inst, slot};
use crate::op::Op;

use super::lanes::bits;
use super::prepared::Step;
use super::wave::Wave;

/// The meaning of a scalar operation, if it is one.
pub(crate) fn step(op: Op) -> Option<Step> {
    add_step(op)
        .or_else(|| bit_step(op))
        .or_else(|| shift_step(op))
        .or_else(|| move_step(op))
        .or_else(|| count_step(op))
        .or_else(|| saveexec_step(op))
        .or_else(|| constant_step(op))
        .or_else(|| compare_step(op))
}

/// Result and, if the operation sets it, the condition code.
type Flagged<T> = (T, Option<bool>);

#[inline]
fn binary32(w: &mut Wave, i: &Inst, f: impl Fn(u32, u32, bool) -> Flagged<u32>) {
    let (a, b) = (w.scalar32(i.src[0]), w.scalar32(i.src[1]));
    let (value, scc) = f(a, b, w.scc);
    w.set_scalar32(i.dst, value);
    w.scc = scc.unwrap_or(w.scc);
}

#[inline]
fn binary64(w: &mut Wave, i: &Inst, f: impl Fn(u64, u64) -> u64) {
    let value = f(w.scalar64(i.src[0]), w.scalar64(i.src[1]));
    w.set_scalar64(i.dst, value);
    w.scc = value != 0;
}

#[inline]
fn unary32(w: &mut Wave, i: &Inst, f: impl Fn(u32) -> Flagged<u32>) {
    binary32(w, i, |a, _, _| f(a));
}

#[inline]
fn unary64(w: &mut Wave, i: &Inst, f: impl Fn(u64) -> Flagged<u64>) {
    let (value, scc) = f(w.scalar64(i.src[0]));
    w.set_scalar64(i.dst, value);
    w.scc = scc.unwrap_or(w.scc);
}

/// 64 bits in, 32 out.
#[inline]
fn narrow(w: &mut Wave, i: &Inst, f: impl Fn(u64) -> Flagged<u32>) {
    let (value, scc) = f(w.scalar64(i.src[0]));
    w.set_scalar32(i.dst, value);
    w.scc = scc.unwrap_or(w.scc);
}

fn flag<T: PartialEq + Default + Copy>(value: T) -> Flagged<T> {
    (value, Some(value != T::default()))
}

fn plain<T>(value: T) -> Flagged<T> {
    (value, None)
}

fn carry(sum: u64) -> Flagged<u32> {
    (sum as u32, Some(sum >> 32 != 0))
}

fn overflowing((value, overflow): (i32, bool)) -> Flagged<u32> {
    (value as u32, Some(overflow))
}

fn shift_add(a: u32, b: u32, shift: u32) -> Flagged<u32> {
    carry((u64::from(a) << shift) + u64::from(b))
}

fn add_step(op: Op) -> Option<Step> {
    let step: Step =
        match op {
            Op::SAddU32 => |w, i| binary32(w, i, |a, b, _| carry(u64::from(a) + u64::from(b))),
            Op::SSubU32 => |w, i| binary32(w, i, |a, b, _| (a.wrapping_sub(b), Some(b > a))),
            Op::SAddI32 => {
                |w, i| binary32(w, i, |a, b, _| overflowing((a as i32).overflowing_add(b as i32)))
            }
            Op::SSubI32 => {
                |w, i| binary32(w, i, |a, b, _| overflowing((a as i32).overflowing_sub(b as i32)))
            }
            Op::SAddcU32 => {
                |w, i| binary32(w, i, |a, b, c| carry(u64::from(a) + u64::from(b) + u64::from(c)))
            }
            Op::SSubbU32 => |w, i| {
                binary32(w, i, |a, b, c| {
                    let subtrahend = u64::from(b) + u64::from(c);
                    (u64::from(a).wrapping_sub(subtrahend) as u32, Some(subtrahend > u64::from(a)))
                })
            },
            Op::SMinI32 => |w, i| {
                binary32(w, i, |a, b, _| {
                    if (a as i32) < b as i32 { (a, Some(true)) } else { (b, Some(false)) }
                })
            },
            Op::SMinU32 => |w, i| binary32(w, i, |a, b, _| (a.min(b), Some(a < b))),
            Op::SMaxI32 => {
                |w, i| {
                    binary32(w, i, |a, b, _| {
                        if a as i32 > b as i32 { (a, Some(true)) } else { (b, Some(false)) }
                    })
                }
            }
            Op::SMaxU32 => |w, i| binary32(w, i, |a, b, _| (a.max(b), Some(a > b))),
            Op::SMulI32 => |w, i| binary32(w, i, |a, b, _| plain(a.wrapping_mul(b))),
            Op::SMulHiU32 => {
                |w, i| binary32(w, i, |a, b, _| plain(((u64::from(a) * u64::from(b)) >> 32) as u32))
            }
            Op::SMulHiI32 => |w, i| {
                binary32(w, i, |a, b, _| {
                    plain(((i64::from(a as i32) * i64::from(b as i32)) >> 32) as u32)
                })
            },
            Op::SAbsdiffI32 => |w, i| {
                binary32(w, i, |a, b, _| flag((a as i32).wrapping_sub(b as i32).unsigned_abs()))
            },
            Op::SLshl1AddU32 => |w, i| binary32(w, i, |a, b, _| shift_add(a, b, 1)),
            Op::SLshl2AddU32 => |w, i| binary32(w, i, |a, b, _| shift_add(a, b, 2)),
            Op::SLshl3AddU32 => |w, i| binary32(w, i, |a, b, _| shift_add(a, b, 3)),
            Op::SLshl4AddU32 => |w, i| binary32(w, i, |a, b, _| shift_add(a, b, 4)),
            _ => return None,
        };
    Some(step)
}

fn bit_step(op: Op) -> Option<Step> {
    let step: Step = match op {
        Op::SAndB32 => |w, i| binary32(w, i, |a, b, _| flag(a & b)),
        Op::SOrB32 => |w, i| binary32(w, i, |a, b, _| flag(a | b)),
        Op::SXorB32 => |w, i| binary32(w, i, |a, b, _| flag(a ^ b)),
        Op::SAndn2B32 => |w, i| binary32(w, i, |a, b, _| flag(a & !b)),
        Op::SOrn2B32 => |w, i| binary32(w, i, |a, b, _| flag(a | !b)),
        Op::SNandB32 => |w, i| binary32(w, i, |a, b, _| flag(!(a & b))),
        Op::SNorB32 => |w, i| binary32(w, i, |a, b, _| flag(!(a | b))),
        Op::SXnorB32 => |w, i| binary32(w, i, |a, b, _| flag(!(a ^ b))),
        Op::SAndB64 => |w, i| binary64(w, i, |a, b| a & b),
        Op::SOrB64 => |w, i| binary64(w, i, |a, b| a | b),
        Op::SXorB64 => |w, i| binary64(w, i, |a, b| a ^ b),
        Op::SAndn2B64 => |w, i| binary64(w, i, |a, b| a & !b),
        Op::SOrn2B64 => |w, i| binary64(w, i, |a, b| a | !b),
        Op::SNandB64 => |w, i| binary64(w, i, |a, b| !(a & b)),
        Op::SNorB64 => |w, i| binary64(w, i, |a, b| !(a | b)),
        Op::SXnorB64 => |w, i| binary64(w, i, |a, b| !(a ^ b)),
        Op::SPackLlB32B16 => |w, i| binary32(w, i, |a, b, _| plain((a & 0xffff) | (b << 16))),
        Op::SPackLhB32B16 => {
            |w, i| binary32(w, i, |a, b, _| plain((a & 0xffff) | (b & 0xffff_0000)))
        }
        Op::SPackHhB32B16 => |w, i| binary32(w, i, |a, b, _| plain((a >> 16) | (b & 0xffff_0000))),
        _ => return None,
    };
    Some(step)
}

fn bfe_u64(a: u64, b: u32) -> u64 {
    let (offset, width) = (b & 63, (b >> 16) & 127);
    let mask = if width >= 64 { u64::MAX } else { (1 << width) - 1 };
    (a >> offset) & mask
}

fn bfe_i64(a: u64, b: u32) -> u64 {
    let width = (b >> 16) & 127;
    if width == 0 {
        return 0;
    }
    let shift = 64_u32.saturating_sub(width);
    ((((a as i64 >> (b & 63)) as u64) << shift) as i64 >> shift) as u64
}

/// Scalar bit fields: a width of 32 or more takes everything.
fn bfe32(a: u32, b: u32, signed: bool) -> u32 {
    let width = (b >> 16) & 127;
    match (width >= 32, signed) {
        (true, true) => ((a as i32) >> (b & 31)) as u32,
        (true, false) => a >> (b & 31),
        (false, true) => bits::bfe_i32(a, b, width),
        (false, false) => bits::bfe_u32(a, b, width),
    }
}

#[inline]
fn shift64(w: &mut Wave, i: &Inst, f: impl Fn(u64, u32) -> u64) {
    let value = f(w.scalar64(i.src[0]), w.scalar32(i.src[1]));
    w.set_scalar64(i.dst, value);
    w.scc = value != 0;
}

fn shift_step(op: Op) -> Option<Step> {
    let step: Step = match op {
        Op::SLshlB32 => |w, i| binary32(w, i, |a, b, _| flag(a << (b & 31))),
        Op::SLshrB32 => |w, i| binary32(w, i, |a, b, _| flag(a >> (b & 31))),
        Op::SAshrI32 => |w, i| binary32(w, i, |a, b, _| flag(((a as i32) >> (b & 31)) as u32)),
        Op::SLshlB64 => |w, i| shift64(w, i, |a, b| a << (b & 63)),
        Op::SLshrB64 => |w, i| shift64(w, i, |a, b| a >> (b & 63)),
        Op::SAshrI64 => |w, i| shift64(w, i, |a, b| ((a as i64) >> (b & 63)) as u64),
        Op::SBfeU32 => |w, i| binary32(w, i, |a, b, _| flag(bfe32(a, b, false))),
        Op::SBfeI32 => |w, i| binary32(w, i, |a, b, _| flag(bfe32(a, b, true))),
        Op::SBfeU64 => |w, i| shift64(w, i, bfe_u64),
        Op::SBfeI64 => |w, i| shift64(w, i, bfe_i64),
        Op::SBfmB32 => {
            |w, i| binary32(w, i, |a, b, _| plain(((1_u32 << (a & 31)) - 1) << (b & 31)))
        }
        Op::SBfmB64 => |w, i| {
            let (a, b) = (w.scalar32(i.src[0]), w.scalar32(i.src[1]));
            w.set_scalar64(i.dst, ((1_u64 << (a & 63)) - 1) << (b & 63));
        },
        _ => return None,
    };
    Some(step)
}

fn move_step(op: Op) -> Option<Step> {
    let step: Step = match op {
        Op::SMovB32 => |w, i| unary32(w, i, plain),
        Op::SMovB64 => |w, i| unary64(w, i, plain),
        Op::SCmovB32 => |w, i| {
            if w.scc {
                unary32(w, i, plain);
            }
        },
        Op::SCmovB64 => |w, i| {
            if w.scc {
                unary64(w, i, plain);
            }
        },
        Op::SCselectB32 => |w, i| binary32(w, i, |a, b, c| plain(if c { a } else { b })),
        Op::SCselectB64 => |w, i| {
            let value = w.scalar64(i.src[usize::from(!w.scc)]);
            w.set_scalar64(i.dst, value);
        },
        Op::SNotB32 => |w, i| unary32(w, i, |a| flag(!a)),
        Op::SNotB64 => |w, i| unary64(w, i, |a| flag(!a)),
        Op::SBrevB32 => |w, i| unary32(w, i, |a| plain(a.reverse_bits())),
        Op::SBrevB64 => |w, i| unary64(w, i, |a| plain(a.reverse_bits())),
        Op::SSextI32I8 => |w, i| unary32(w, i, |a| plain(a as i8 as u32)),
        Op::SSextI32I16 => |w, i| unary32(w, i, |a| plain(a as i16 as u32)),
        Op::SAbsI32 => |w, i| unary32(w, i, |a| flag((a as i32).unsigned_abs())),
        Op::SBitset0B32 => |w, i| {
            let old = w.scalar32(i.dst);
            unary32(w, i, |a| plain(old & !(1 << (a & 31))));
        },
        Op::SBitset1B32 => |w, i| {
            let old = w.scalar32(i.dst);
            unary32(w, i, |a| plain(old | (1 << (a & 31))));
        },
        Op::SBitset0B64 => |w, i| {
            let value = w.scalar64(i.dst) & !(1 << (w.scalar32(i.src[0]) & 63));
            w.set_scalar64(i.dst, value);
        },
        Op::SBitset1B64 => |w, i| {
            let value = w.scalar64(i.dst) | (1 << (w.scalar32(i.src[0]) & 63));
            w.set_scalar64(i.dst, value);
        },
        _ => return None,
    };
    Some(step)
}

/// Position counted from one end, all ones if nothing is there.
fn position(count: u32, width: u32) -> Flagged<u32> {
    plain(if count == width { u32::MAX } else { count })
}

fn count_step(op: Op) -> Option<Step> {
    let step: Step = match op {
        Op::SBcnt0I32B32 => |w, i| unary32(w, i, |a| flag(a.count_zeros())),
        Op::SBcnt1I32B32 => |w, i| unary32(w, i, |a| flag(a.count_ones())),
        Op::SBcnt0I32B64 => |w, i| narrow(w, i, |a| flag(a.count_zeros())),
        Op::SBcnt1I32B64 => |w, i| narrow(w, i, |a| flag(a.count_ones())),
        Op::SFf0I32B32 => |w, i| unary32(w, i, |a| position(a.trailing_ones(), 32)),
        Op::SFf1I32B32 => |w, i| unary32(w, i, |a| position(a.trailing_zeros(), 32)),
        Op::SFf0I32B64 => |w, i| narrow(w, i, |a| position(a.trailing_ones(), 64)),
        Op::SFf1I32B64 => |w, i| narrow(w, i, |a| position(a.trailing_zeros(), 64)),
        Op::SFlbitI32B32 => |w, i| unary32(w, i, |a| position(a.leading_zeros(), 32)),
        Op::SFlbitI32B64 => |w, i| narrow(w, i, |a| position(a.leading_zeros(), 64)),
        Op::SFlbitI32 => |w, i| unary32(w, i, |a| plain(bits::ffbh_i32(a))),
        Op::SFlbitI32I64 => {
            |w, i| narrow(w, i, |a| position((a ^ ((a as i64 >> 63) as u64)).leading_zeros(), 64))
        }
        _ => return None,
    };
    Some(step)
}

/// The old exec goes to the destination, `f(source, exec)` to exec.
#[inline]
fn saveexec(w: &mut Wave, i: &Inst, f: impl Fn(u64, u64) -> u64) {
    let exec = w.exec();
    let new = f(w.scalar64(i.src[0]), exec);
    w.set_scalar64(i.dst, exec);
    w.set_pair(slot::EXEC, new);
    w.scc = new != 0;
}

/// `f(source, exec)` goes to exec and to the destination.
#[inline]
fn wrexec(w: &mut Wave, i: &Inst, f: impl Fn(u64, u64) -> u64) {
    let new = f(w.scalar64(i.src[0]), w.exec());
    w.set_pair(slot::EXEC, new);
    w.set_scalar64(i.dst, new);
    w.scc = new != 0;
}

fn saveexec_step(op: Op) -> Option<Step> {
    let step: Step = match op {
        Op::SAndSaveexecB64 => |w, i| saveexec(w, i, |s, e| s & e),
        Op::SOrSaveexecB64 => |w, i| saveexec(w, i, |s, e| s | e),
        Op::SXorSaveexecB64 => |w, i| saveexec(w, i, |s, e| s ^ e),
        Op::SAndn2SaveexecB64 => |w, i| saveexec(w, i, |s, e| s & !e),
        Op::SOrn2SaveexecB64 => |w, i| saveexec(w, i, |s, e| s | !e),
        Op::SNandSaveexecB64 => |w, i| saveexec(w, i, |s, e| !(s & e)),
        Op::SNorSaveexecB64 => |w, i| saveexec(w, i, |s, e| !(s | e)),
        Op::SXnorSaveexecB64 => |w, i| saveexec(w, i, |s, e| !(s ^ e)),
        Op::SAndn1SaveexecB64 => |w, i| saveexec(w, i, |s, e| !s & e),
        Op::SOrn1SaveexecB64 => |w, i| saveexec(w, i, |s, e| !s | e),
        Op::SAndn1WrexecB64 => |w, i| wrexec(w, i, |s, e| !s & e),
        Op::SAndn2WrexecB64 => |w, i| wrexec(w, i, |s, e| s & !e),
        _ => return None,
    };
    Some(step)
}

#[inline]
fn compare_constant(w: &mut Wave, i: &Inst, f: impl Fn(i32, i32) -> bool) {
    w.scc = f(w.scalar32(i.src[0]) as i32, i.imm);
}

#[inline]
fn compare_unsigned_constant(w: &mut Wave, i: &Inst, f: impl Fn(u32, u32) -> bool) {
    w.scc = f(w.scalar32(i.src[0]), i.imm as u32 & 0xffff);
}

fn constant_step(op: Op) -> Option<Step> {
    let step: Step = match op {
        Op::SMovkI32 => |w, i| w.set_scalar32(i.dst, i.imm as u32),
        Op::SCmovkI32 => |w, i| {
            if w.scc {
                w.set_scalar32(i.dst, i.imm as u32);
            }
        },
        Op::SAddkI32 => |w, i| {
            let (value, overflow) = (w.scalar32(i.dst) as i32).overflowing_add(i.imm);
            w.set_scalar32(i.dst, value as u32);
            w.scc = overflow;
        },
        Op::SMulkI32 => |w, i| {
            let value = (w.scalar32(i.dst) as i32).wrapping_mul(i.imm);
            w.set_scalar32(i.dst, value as u32);
        },
        Op::SCmpkEqI32 => |w, i| compare_constant(w, i, |a, b| a == b),
        Op::SCmpkLgI32 => |w, i| compare_constant(w, i, |a, b| a != b),
        Op::SCmpkGtI32 => |w, i| compare_constant(w, i, |a, b| a > b),
        Op::SCmpkGeI32 => |w, i| compare_constant(w, i, |a, b| a >= b),
        Op::SCmpkLtI32 => |w, i| compare_constant(w, i, |a, b| a < b),
        Op::SCmpkLeI32 => |w, i| compare_constant(w, i, |a, b| a <= b),
        Op::SCmpkEqU32 => |w, i| compare_unsigned_constant(w, i, |a, b| a == b),
        Op::SCmpkLgU32 => |w, i| compare_unsigned_constant(w, i, |a, b| a != b),
        Op::SCmpkGtU32 => |w, i| compare_unsigned_constant(w, i, |a, b| a > b),
        Op::SCmpkGeU32 => |w, i| compare_unsigned_constant(w, i, |a, b| a >= b),
        Op::SCmpkLtU32 => |w, i| compare_unsigned_constant(w, i, |a, b| a < b),
        Op::SCmpkLeU32 => |w, i| compare_unsigned_constant(w, i, |a, b| a <= b),
        _ => return None,
    };
    Some(step)
}

#[inline]
fn compare(w: &mut Wave, i: &Inst, f: impl Fn(u32, u32) -> bool) {
    w.scc = f(w.scalar32(i.src[0]), w.scalar32(i.src[1]));
}

fn compare_step(op: Op) -> Option<Step> {
    let step: Step = match op {
        Op::SCmpEqI32 | Op::SCmpEqU32 => |w, i| compare(w, i, |a, b| a == b),
        Op::SCmpLgI32 | Op::SCmpLgU32 => |w, i| compare(w, i, |a, b| a != b),
        Op::SCmpGtI32 => |w, i| compare(w, i, |a, b| a as i32 > b as i32),
        Op::SCmpGeI32 => |w, i| compare(w, i, |a, b| a as i32 >= b as i32),
        Op::SCmpLtI32 => |w, i| compare(w, i, |a, b| (a as i32) < b as i32),
        Op::SCmpLeI32 => |w, i| compare(w, i, |a, b| a as i32 <= b as i32),
        Op::SCmpGtU32 => |w, i| compare(w, i, |a, b| a > b),
        Op::SCmpGeU32 => |w, i| compare(w, i, |a, b| a >= b),
        Op::SCmpLtU32 => |w, i| compare(w, i, |a, b| a < b),
        Op::SCmpLeU32 => |w, i| compare(w, i, |a, b| a <= b),
        Op::SBitcmp0B32 => |w, i| compare(w, i, |a, b| (a >> (b & 31)) & 1 == 0),
        Op::SBitcmp1B32 => |w, i| compare(w, i, |a, b| (a >> (b & 31)) & 1 == 1),
        Op::SBitcmp0B64 => {
            |w, i| w.scc = (w.scalar64(i.src[0]) >> (w.scalar32(i.src[1]) & 63)) & 1 == 0
        }
        Op::SBitcmp1B64 => {
            |w, i| w.scc = (w.scalar64(i.src[0]) >> (w.scalar32(i.src[1]) & 63)) & 1 == 1
        }
        Op::SCmpEqU64 => |w, i| w.scc = w.scalar64(i.src[0]) == w.scalar64(i.src[1]),
        Op::SCmpLgU64 => |w, i| w.scc = w.scalar64(i.src[0]) != w.scalar64(i.src[1]),
        _ => return None,
    };
    Some(step)
}
