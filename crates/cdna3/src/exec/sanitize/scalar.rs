//! Undefined bits through scalar arithmetic and the condition code.

use crate::inst::{Inst, OperandKind, slot};
use crate::op::Op;

use super::super::wave::Wave;
use super::registers::Registers;

fn up(bits: u64) -> u64 {
    bits | bits.wrapping_neg()
}

fn all(bits: u64) -> u64 {
    if bits == 0 { 0 } else { u64::MAX }
}

/// What an operation reads, values and undefined bits.
struct Sources {
    u: [u64; 2],
    v: [u64; 2],
}

/// A result: its value, if the condition code says whether it is zero, and its undefined bits.
struct Outcome {
    bits: u64,
    value: Option<u64>,
}

/// Carries undefined bits of a scalar instruction; gives the undefined bits that reach `exec`.
pub(super) fn run(regs: &mut Registers, w: &Wave, i: &Inst) -> u64 {
    let keeps_dst = matches!(
        i.op,
        Op::SAddkI32
            | Op::SMulkI32
            | Op::SCmovB32
            | Op::SCmovB64
            | Op::SCmovkI32
            | Op::SBitset0B32
            | Op::SBitset1B32
            | Op::SBitset0B64
            | Op::SBitset1B64
    );
    let clean = regs.is_clean(i.src[0]) && regs.is_clean(i.src[1]);
    if clean && !regs.scc && (!keeps_dst || regs.is_clean(i.dst)) {
        regs.define(i.dst, 0);
        return 0;
    }
    if is_exec_write(i.op) {
        return saveexec(regs, w, i);
    }
    let sources = Sources {
        u: [regs.scalar(i.src[0]), regs.scalar(i.src[1])],
        v: [0, 1].map(|k| match i.src[k].dwords {
            0 | 1 => w.scalar32(i.src[k]).into(),
            _ => w.scalar64(i.src[k]),
        }),
    };
    let old = regs.scalar(i.dst);
    let outcome = outcome(regs.scc, w.scc, i.op, &sources, old);
    let width = if i.dst.dwords >= 2 { u64::MAX } else { 0xffff_ffff };
    if sets_scc(i.op) {
        regs.scc = match outcome.value {
            // A defined one decides that the result is not zero.
            Some(value) => outcome.bits & width != 0 && value & !outcome.bits & width == 0,
            None => outcome.bits != 0,
        };
    }
    regs.set_scalar(i.dst, outcome.bits);
    match i.dst.kind {
        OperandKind::Scalar(slot::EXEC) => {
            let bits = regs.scalar(i.dst);
            regs.define(i.dst, 0);
            bits
        }
        _ => 0,
    }
}

fn is_exec_write(op: Op) -> bool {
    matches!(
        op,
        Op::SAndSaveexecB64
            | Op::SOrSaveexecB64
            | Op::SXorSaveexecB64
            | Op::SAndn2SaveexecB64
            | Op::SOrn2SaveexecB64
            | Op::SNandSaveexecB64
            | Op::SNorSaveexecB64
            | Op::SXnorSaveexecB64
            | Op::SAndn1SaveexecB64
            | Op::SOrn1SaveexecB64
            | Op::SAndn1WrexecB64
            | Op::SAndn2WrexecB64
    )
}

/// `exec` itself counts as defined: what was undefined in it has been reported.
fn saveexec(regs: &mut Registers, w: &Wave, i: &Inst) -> u64 {
    let (undefined, exec) = (regs.scalar(i.src[0]), w.exec());
    let reaches = match i.op {
        Op::SAndSaveexecB64
        | Op::SNandSaveexecB64
        | Op::SAndn1SaveexecB64
        | Op::SAndn1WrexecB64 => undefined & exec,
        Op::SOrSaveexecB64
        | Op::SNorSaveexecB64
        | Op::SOrn1SaveexecB64
        | Op::SAndn2SaveexecB64
        | Op::SAndn2WrexecB64 => undefined & !exec,
        _ => undefined,
    };
    regs.define(i.dst, 0);
    regs.scc = false;
    reaches
}

fn sets_scc(op: Op) -> bool {
    !matches!(
        op,
        Op::SMovB32
            | Op::SMovB64
            | Op::SCmovB32
            | Op::SCmovB64
            | Op::SMovkI32
            | Op::SCmovkI32
            | Op::SCselectB32
            | Op::SCselectB64
            | Op::SMulI32
            | Op::SMulkI32
            | Op::SMulHiU32
            | Op::SMulHiI32
            | Op::SBfmB32
            | Op::SBfmB64
            | Op::SPackLlB32B16
            | Op::SPackLhB32B16
            | Op::SPackHhB32B16
            | Op::SBrevB32
            | Op::SBrevB64
            | Op::SSextI32I8
            | Op::SSextI32I16
            | Op::SBitset0B32
            | Op::SBitset0B64
            | Op::SBitset1B32
            | Op::SBitset1B64
            | Op::SFf0I32B32
            | Op::SFf0I32B64
            | Op::SFf1I32B32
            | Op::SFf1I32B64
            | Op::SFlbitI32
            | Op::SFlbitI32B32
            | Op::SFlbitI32B64
            | Op::SFlbitI32I64
    )
}

fn outcome(undefined_scc: bool, scc: bool, op: Op, s: &Sources, old: u64) -> Outcome {
    let plain = |bits: u64| Outcome { bits, value: None };
    if let Some(outcome) = logic(op, s).or_else(|| shifts(op, s)) {
        return outcome;
    }
    let carry = if undefined_scc { 1 } else { 0 };
    let [a, b] = s.u;
    match op {
        Op::SMovB32 | Op::SMovB64 => plain(a),
        Op::SMovkI32 => plain(0),
        Op::SCmovB32 | Op::SCmovB64 | Op::SCmovkI32 => match (undefined_scc, scc) {
            (true, _) => plain(u64::MAX),
            (false, true) => plain(a),
            (false, false) => plain(old),
        },
        Op::SCselectB32 | Op::SCselectB64 if undefined_scc => plain(a | b | (s.v[0] ^ s.v[1])),
        Op::SCselectB32 | Op::SCselectB64 => plain(if scc { a } else { b }),
        Op::SAddU32 | Op::SSubU32 | Op::SAddI32 | Op::SSubI32 | Op::SMulI32 => plain(up(a | b)),
        Op::SAddcU32 | Op::SSubbU32 => plain(up(a | b | carry)),
        Op::SAddkI32 | Op::SMulkI32 => plain(up(old)),
        Op::SLshl1AddU32 => plain(up((a << 1) | b)),
        Op::SLshl2AddU32 => plain(up((a << 2) | b)),
        Op::SLshl3AddU32 => plain(up((a << 3) | b)),
        Op::SLshl4AddU32 => plain(up((a << 4) | b)),
        Op::SPackLlB32B16 => plain((a & 0xffff) | (b << 16)),
        Op::SPackLhB32B16 => plain((a & 0xffff) | (b & 0xffff_0000)),
        Op::SPackHhB32B16 => plain((a >> 16) | (b & 0xffff_0000)),
        Op::SSextI32I8 => plain(a as u8 as i8 as u64),
        Op::SSextI32I16 => plain(a as u16 as i16 as u64),
        Op::SBrevB32 => plain((a as u32).reverse_bits().into()),
        Op::SBrevB64 => plain(a.reverse_bits()),
        Op::SBitset0B32 | Op::SBitset1B32 if a & 31 == 0 => plain(old & !(1 << (s.v[0] & 31))),
        Op::SBitset0B64 | Op::SBitset1B64 if a & 63 == 0 => plain(old & !(1 << (s.v[0] & 63))),
        Op::SBitcmp0B32 | Op::SBitcmp1B32 if b & 31 == 0 => plain((a >> (s.v[1] & 31)) & 1),
        Op::SBitcmp0B64 | Op::SBitcmp1B64 if b & 63 == 0 => plain((a >> (s.v[1] & 63)) & 1),
        _ => plain(all(a | b)),
    }
}

fn logic(op: Op, s: &Sources) -> Option<Outcome> {
    let and = |ua, va, ub, vb| (ua & ub) | (ua & vb) | (ub & va);
    let ([ua, ub], [va, vb]) = (s.u, s.v);
    let (bits, value) = match op {
        Op::SNotB32 | Op::SNotB64 => (ua, !va),
        Op::SAndB32 | Op::SAndB64 => (and(ua, va, ub, vb), va & vb),
        Op::SNandB32 | Op::SNandB64 => (and(ua, va, ub, vb), !(va & vb)),
        Op::SAndn2B32 | Op::SAndn2B64 => (and(ua, va, ub, !vb), va & !vb),
        Op::SOrB32 | Op::SOrB64 => (and(ua, !va, ub, !vb), va | vb),
        Op::SNorB32 | Op::SNorB64 => (and(ua, !va, ub, !vb), !(va | vb)),
        Op::SOrn2B32 | Op::SOrn2B64 => (and(ua, !va, ub, vb), va | !vb),
        Op::SXorB32 | Op::SXorB64 => (ua | ub, va ^ vb),
        Op::SXnorB32 | Op::SXnorB64 => (ua | ub, !(va ^ vb)),
        _ => return None,
    };
    Some(Outcome { bits, value: Some(value) })
}

fn shifts(op: Op, s: &Sources) -> Option<Outcome> {
    let ([ua, ub], [va, vb]) = (s.u, s.v);
    let (narrow, by) = ((ua as u32, va as u32), vb as u32);
    let width = (by >> 16) & 127;
    let field = if width >= 64 { u64::MAX } else { (1 << width) - 1 };
    let (bits, value) = match op {
        Op::SLshlB32 => ((narrow.0 << (by & 31)).into(), u64::from(narrow.1 << (by & 31))),
        Op::SLshrB32 => ((narrow.0 >> (by & 31)).into(), u64::from(narrow.1 >> (by & 31))),
        Op::SAshrI32 => {
            let shift = |v: u32| u64::from(((v as i32) >> (by & 31)) as u32);
            (shift(narrow.0), shift(narrow.1))
        }
        Op::SLshlB64 => (ua << (by & 63), va << (by & 63)),
        Op::SLshrB64 => (ua >> (by & 63), va >> (by & 63)),
        Op::SAshrI64 => (((ua as i64) >> (by & 63)) as u64, ((va as i64) >> (by & 63)) as u64),
        Op::SBfeU32 => {
            (u64::from(narrow.0 >> (by & 31)) & field, u64::from(narrow.1 >> (by & 31)) & field)
        }
        Op::SBfeU64 => ((ua >> (by & 63)) & field, (va >> (by & 63)) & field),
        _ => return None,
    };
    if ub != 0 {
        return Some(Outcome { bits: u64::MAX, value: None });
    }
    Some(Outcome { bits, value: Some(value) })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_defined_zero_hides_an_undefined_bit() {
        let bits = |op, u, v| logic(op, &Sources { u, v }).expect("a bit operation").bits;
        assert_eq!(bits(Op::SAndB32, [0xff, 0], [0, 0x0f]), 0x0f);
        assert_eq!(bits(Op::SOrB32, [0xff, 0], [0, 0x0f]), 0xf0);
        assert_eq!(bits(Op::SAndn2B64, [0, 0xf0], [0x30, 0]), 0x30);
        assert_eq!(bits(Op::SXorB64, [1, 2], [0, 0]), 3);
    }

    #[test]
    fn an_undefined_amount_spoils_a_shift() {
        let s = Sources { u: [0, 1], v: [8, 1] };
        assert_eq!(shifts(Op::SLshlB32, &s).expect("a shift").bits, u64::MAX);
        let s = Sources { u: [0x10, 0], v: [0, 4] };
        assert_eq!(shifts(Op::SLshrB32, &s).expect("a shift").bits, 1);
    }
}
