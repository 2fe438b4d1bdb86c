//! Two values in a register or a pair: packed f16, i16 and f32, mixed precision, dot products of
//! halves.

use crate::floats::finished;
use crate::harness::{Case, In, Match, Mode, check, keep_high};
use crate::inputs::{Kind, waves};
use crate::soft::{self, F16, F32, Format};

/// `op_sel`, `op_sel_hi`, `neg_lo`, `neg_hi` of up to three sources, and clamp.
#[derive(Clone, Copy)]
struct Select {
    low: u8,
    high: u8,
    neg_low: u8,
    neg_high: u8,
    clamp: bool,
}

/// As written with no modifiers.
const PLAIN: Select = Select { low: 0, high: 7, neg_low: 0, neg_high: 0, clamp: false };
const INTEGER: [Select; 4] = [
    PLAIN,
    Select { low: 0b101, high: 0b010, ..PLAIN },
    Select { clamp: true, ..PLAIN },
    Select { low: 0b010, high: 0b001, clamp: true, ..PLAIN },
];
const FLOAT: [Select; 5] = [
    PLAIN,
    Select { low: 0b101, high: 0b010, ..PLAIN },
    Select { neg_low: 0b011, neg_high: 0b110, ..PLAIN },
    Select { clamp: true, ..PLAIN },
    Select { low: 0b011, high: 0b100, neg_low: 0b101, neg_high: 0b001, clamp: true },
];

impl Select {
    fn text(self, sources: usize) -> String {
        let list = |name: &str, bits: u8, default: u8| {
            let mask = (1 << sources) - 1;
            if bits & mask == default & mask {
                return String::new();
            }
            let digits = (0..sources).map(|at| ((bits >> at) & 1).to_string());
            format!(" {name}:[{}]", digits.collect::<Vec<_>>().join(","))
        };
        list("op_sel", self.low, 0)
            + &list("op_sel_hi", self.high, 7)
            + &list("neg_lo", self.neg_low, 0)
            + &list("neg_hi", self.neg_high, 0)
            + if self.clamp { " clamp" } else { "" }
    }

    /// Whether element `at` of source `index` is the upper one, and negated.
    fn of(self, at: usize, index: usize) -> (bool, bool) {
        let bit = |bits: u8| (bits >> index) & 1 == 1;
        if at == 0 {
            (bit(self.low), bit(self.neg_low))
        } else {
            (bit(self.high), bit(self.neg_high))
        }
    }
}

type FloatFunction = fn(Format, Mode, [u64; 3]) -> u64;
type IntFunction = fn([i64; 3]) -> i64;

const FLOATS: [(&str, usize, FloatFunction); 5] = [
    ("fma", 3, |f, _, [a, b, c]| soft::fma(f, a, b, c)),
    ("add", 2, |f, _, [a, b, _]| soft::add(f, a, b)),
    ("mul", 2, |f, _, [a, b, _]| soft::mul(f, a, b)),
    ("min", 2, |f, mode, [a, b, _]| soft::min(f, mode, a, b)),
    ("max", 2, |f, mode, [a, b, _]| soft::max(f, mode, a, b)),
];

fn half_cases() -> Vec<Case> {
    let mut cases = Vec::new();
    for (name, sources, function) in FLOATS {
        for select in FLOAT {
            let operands = ["v2", "v4", "v6"][..sources].join(", ");
            let line = format!("v_pk_{name}_f16 v8, {operands}{}", select.text(sources));
            cases.push(Case::word(line, Match::F16Pair, move |x| {
                let element = |at: usize| {
                    let values = [(0, x.a), (1, x.b), (2, x.c)].map(|(index, v)| {
                        let (upper, negate) = select.of(at, index);
                        let half = (v >> if upper { 16 } else { 0 }) & 0xffff;
                        let half = if negate { half ^ 0x8000 } else { half };
                        if x.mode.allows_in(true) { half } else { F16.flushed(half) }
                    });
                    finished(F16, x.mode, function(F16, x.mode, values), 1.0, select.clamp) as u32
                };
                element(0) | (element(1) << 16)
            }));
        }
    }
    cases.push(Case::word("v_pk_fmac_f16 v8, v2, v4", Match::F16Pair, |x| {
        let element = |at: u32| {
            let [a, b, d] = [x.a, x.b, x.d].map(|v| {
                let half = (v >> (16 * at)) & 0xffff;
                if x.mode.allows_in(true) { half } else { F16.flushed(half) }
            });
            finished(F16, x.mode, soft::fma(F16, a, b, d), 1.0, false) as u32
        };
        element(0) | (element(1) << 16)
    }));
    cases
}

fn single_cases() -> Vec<Case> {
    let mut cases = Vec::new();
    for (name, sources, function) in &FLOATS[..3] {
        for select in FLOAT {
            let operands = ["v[2:3]", "v[4:5]", "v[6:7]"][..*sources].join(", ");
            let line = format!("v_pk_{name}_f32 v[8:9], {operands}{}", select.text(*sources));
            let function = *function;
            cases.push(Case::wide(line, Match::F32Pair, move |x| {
                let element = |at: usize| {
                    let values = [(0, x.a), (1, x.b), (2, x.c)].map(|(index, v)| {
                        let (upper, negate) = select.of(at, index);
                        let word = (v >> if upper { 32 } else { 0 }) & 0xffff_ffff;
                        let word = if negate { word ^ 0x8000_0000 } else { word };
                        if x.mode.allows_in(false) { word } else { F32.flushed(word) }
                    });
                    finished(F32, x.mode, function(F32, x.mode, values), 1.0, select.clamp)
                };
                element(0) | (element(1) << 32)
            }));
        }
    }
    for (text, low, high) in
        [("", 0, 32), (" op_sel:[1,0]", 32, 0), (" op_sel:[0,1]", 0, 32), (" op_sel:[1,1]", 32, 32)]
    {
        let high = if text.is_empty() { 0 } else { high };
        let line = format!("v_pk_mov_b32 v[8:9], v[2:3], v[4:5]{text}");
        cases.push(Case::wide(line, Match::Bits, move |x| {
            u64::from((x.a >> low) as u32) | (u64::from((x.b >> high) as u32) << 32)
        }));
    }
    cases
}

fn integer_cases() -> Vec<Case> {
    let operations: [(&str, usize, bool, bool, IntFunction); 14] = [
        ("v_pk_mad_i16", 3, true, true, |[a, b, c]| a * b + c),
        ("v_pk_mad_u16", 3, false, true, |[a, b, c]| a * b + c),
        ("v_pk_add_i16", 2, true, true, |[a, b, _]| a + b),
        ("v_pk_sub_i16", 2, true, true, |[a, b, _]| a - b),
        ("v_pk_add_u16", 2, false, true, |[a, b, _]| a + b),
        ("v_pk_sub_u16", 2, false, true, |[a, b, _]| a - b),
        ("v_pk_mul_lo_u16", 2, false, false, |[a, b, _]| a * b),
        ("v_pk_max_i16", 2, true, false, |[a, b, _]| a.max(b)),
        ("v_pk_min_i16", 2, true, false, |[a, b, _]| a.min(b)),
        ("v_pk_max_u16", 2, false, false, |[a, b, _]| a.max(b)),
        ("v_pk_min_u16", 2, false, false, |[a, b, _]| a.min(b)),
        ("v_pk_lshlrev_b16", 2, false, false, |[a, b, _]| b << (a & 15)),
        ("v_pk_lshrrev_b16", 2, false, false, |[a, b, _]| b >> (a & 15)),
        ("v_pk_ashrrev_i16", 2, true, false, |[a, b, _]| b >> (a & 15)),
    ];
    let mut cases = Vec::new();
    for (name, sources, signed, clamps, function) in operations {
        for select in INTEGER {
            if select.clamp && !clamps {
                continue;
            }
            let operands = ["v2", "v4", "v6"][..sources].join(", ");
            let line = format!("{name} v8, {operands}{}", select.text(sources));
            cases.push(Case::word(line, Match::Bits, move |x| {
                let element = |at: usize| {
                    let values = [(0, x.a), (1, x.b), (2, x.c)].map(|(index, v)| {
                        let half = (v >> if select.of(at, index).0 { 16 } else { 0 }) as u16;
                        if signed { i64::from(half as i16) } else { half.into() }
                    });
                    let value = function(values);
                    let (least, most) = if signed { (-32768, 32767) } else { (0, 65535) };
                    let value = if select.clamp { value.clamp(least, most) } else { value };
                    value as u32 & 0xffff
                };
                element(0) | (element(1) << 16)
            }));
        }
    }
    cases
}

/// `v_fma_mix*`: each source an f32, or a half by `op_sel_hi` and `op_sel`.
fn mixed_cases() -> Vec<Case> {
    // Text, which sources are halves, which of those upper; neg and abs are in the text too.
    let forms: [(&str, u8, u8, u8, u8, bool); 5] = [
        ("v2, v4, v6", 0, 0, 0, 0, false),
        ("v2, v4, v6 op_sel_hi:[1,1,1]", 7, 0, 0, 0, false),
        ("v2, v4, v6 op_sel:[1,0,1] op_sel_hi:[1,1,1]", 7, 5, 0, 0, false),
        ("-v2, |v4|, v6 op_sel:[0,1,0] op_sel_hi:[0,1,0]", 2, 2, 1, 2, false),
        ("v2, -|v4|, v6 op_sel_hi:[1,0,0] clamp", 1, 0, 2, 2, true),
    ];
    let mut cases = Vec::new();
    for (text, halves, upper, neg, abs, clamp) in forms {
        let fused = move |x: &In<'_>| {
            let [a, b, c] = [(0, x.a), (1, x.b), (2, x.c)].map(|(index, v)| {
                let bit = |bits: u8| (bits >> index) & 1 == 1;
                let word = if bit(halves) {
                    let half = (v >> if bit(upper) { 16 } else { 0 }) & 0xffff;
                    let half = if x.mode.allows_in(true) { half } else { F16.flushed(half) };
                    soft::convert(F16, F32, half)
                } else if x.mode.allows_in(false) {
                    v & 0xffff_ffff
                } else {
                    F32.flushed(v & 0xffff_ffff)
                };
                let word = if bit(abs) { word & 0x7fff_ffff } else { word };
                if bit(neg) { word ^ 0x8000_0000 } else { word }
            });
            soft::fma(F32, a, b, c)
        };
        cases.push(Case::word(format!("v_fma_mix_f32 v8, {text}"), Match::F32, move |x| {
            finished(F32, x.mode, fused(x), 1.0, clamp) as u32
        }));
        for (name, shift) in [("v_fma_mixlo_f16", 0), ("v_fma_mixhi_f16", 16)] {
            cases.push(Case::word(format!("{name} v8, {text}"), Match::F16Pair, move |x| {
                let bits = soft::convert(F32, F16, fused(x));
                let half = finished(F16, x.mode, bits, 1.0, clamp) as u32;
                (x.d as u32 & !(0xffff << shift)) | (half << shift)
            }));
        }
    }
    cases
}

/// Dot products of halves: where products and sums are exact in f32 their order is no matter.
fn dot_cases() -> Vec<Case> {
    let dot = |x: &In<'_>, addend: u64| {
        let half = |v: u64, at: u32| F16.value((v >> (16 * at)) & 0xffff);
        let sum = half(x.a, 0) * half(x.b, 0) + half(x.a, 1) * half(x.b, 1);
        F32.of(sum + F32.value(addend & 0xffff_ffff)) as u32
    };
    vec![
        Case::word("v_dot2_f32_f16 v8, v2, v4, v6", Match::F32, move |x| dot(x, x.c)),
        Case::word(
            "v_dot2_f32_f16 v8, v2, v4, v6 neg_lo:[1,0,0] neg_hi:[1,0,0]",
            Match::F32,
            move |x| dot(&In { a: x.a ^ 0x8000_8000, ..*x }, x.c),
        ),
        Case::word("v_dot2c_f32_f16_e32 v8, v2, v4", Match::F32, move |x| dot(x, x.d)),
    ]
}

pub(crate) fn cases() -> Vec<Case> {
    let mut cases = half_cases();
    cases.extend(single_cases());
    cases.extend(integer_cases());
    cases.extend(mixed_cases());
    cases.extend(dot_cases());
    cases
}

#[test]
fn packed_halves() {
    check(&half_cases(), &waves([Kind::F16; 4], 12, 0xba1), &Mode::ALL);
}

#[test]
fn packed_singles() {
    check(&single_cases(), &waves([Kind::F32Pair; 4], 12, 0xba2), &Mode::ALL);
}

#[test]
fn packed_integers() {
    check(&integer_cases(), &waves([Kind::Int; 4], 12, 0xba3), &[Mode::DEFAULT]);
    let shifts = [Kind::Small, Kind::Int, Kind::Int, Kind::Int];
    check(&integer_cases(), &waves(shifts, 12, 0xba4), &[Mode::FLUSH]);
}

#[test]
fn mixed_precision() {
    // Bits that are halves and, taken together, also f32 of all sizes.
    for kind in [Kind::F16, Kind::F32] {
        check(&mixed_cases(), &waves([kind; 4], 12, 0xba5), &Mode::ALL);
    }
}

#[test]
fn dot_products_of_halves() {
    let mut waves = waves([Kind::Int; 4], 8, 0xba6);
    for lane in waves.iter_mut().flat_map(|wave| &mut wave.lanes) {
        let small = |v: u64| F16.of(f64::from((v % 129) as i32 - 64) / 8.0);
        let pair = |v: u64| small(v) | (small(v >> 20) << 16);
        let single =
            |v: u64| keep_high(v, F32.of(f64::from((v % 4097) as i32 - 2048) / 64.0) as u32);
        *lane = [pair(lane[0]), pair(lane[1]), single(lane[2]), single(lane[3])];
    }
    check(&dot_cases(), &waves, &[Mode::DEFAULT, Mode::FLUSH]);
}
