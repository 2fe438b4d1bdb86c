//! Vector compares: every condition, type and encoding, and classes.

use crate::harness::{Case, In, Mask, Mode, check};
use crate::inputs::{Kind, Random, waves};
use crate::soft::{F16, F32, F64, Format};

/// Conditions in encoding order: bit 0 true for less, 1 for equal, 2 for greater; those of floats
/// from the ninth on are true for unordered too.
const FLOATS: [&str; 16] = [
    "f", "lt", "eq", "le", "gt", "lg", "ge", "o", "u", "nge", "nlg", "ngt", "nle", "neq", "nlt",
    "tru",
];
const INTS: [&str; 8] = ["f", "lt", "eq", "le", "gt", "ne", "ge", "t"];

/// Whether the condition with number `condition` holds.
fn holds(condition: usize, order: Option<std::cmp::Ordering>) -> bool {
    match order {
        None => condition >= 8,
        Some(order) => (condition >> (order as i8 + 1)) & 1 == 1,
    }
}

fn float(f: Format, mode: Mode, bits: u64, neg: bool, abs: bool) -> f64 {
    let bits = bits & (f.sign() | (f.sign() - 1));
    let bits = if abs { bits & !f.sign() } else { bits };
    let bits = if neg { bits ^ f.sign() } else { bits };
    f.value(if mode.allows_in(f != F32) { bits } else { f.flushed(bits) })
}

/// The four ways to write a compare: short and long, with and without writing exec.
fn forms(condition: &str, ty: &str) -> [(String, Mask); 4] {
    [
        (format!("v_cmp_{condition}_{ty}_e32 vcc"), Mask::Vcc),
        (format!("v_cmp_{condition}_{ty}_e64 s[22:23]"), Mask::Pair),
        (format!("v_cmpx_{condition}_{ty}_e32 vcc"), Mask::VccAndExec),
        (format!("v_cmpx_{condition}_{ty}_e64 s[22:23]"), Mask::PairAndExec),
    ]
}

fn float_cases(f: Format, ty: &str) -> Vec<Case> {
    let [a, b] = if f == F64 { ["v[2:3]", "v[4:5]"] } else { ["v2", "v4"] };
    let mut cases = Vec::new();
    for (number, condition) in FLOATS.into_iter().enumerate() {
        let plain = move |x: &In<'_>| {
            let [a, b] = [x.a, x.b].map(|v| float(f, x.mode, v, false, false));
            holds(number, a.partial_cmp(&b))
        };
        for (start, mask) in forms(condition, ty) {
            cases.push(Case::flag(format!("{start}, {a}, {b}"), mask, plain));
        }
        let line = format!("v_cmp_{condition}_{ty}_e64 s[22:23], -{a}, |{b}|");
        cases.push(Case::flag(line, Mask::Pair, move |x| {
            let (a, b) = (float(f, x.mode, x.a, true, false), float(f, x.mode, x.b, false, true));
            holds(number, a.partial_cmp(&b))
        }));
    }
    cases
}

fn int_cases() -> Vec<Case> {
    type Value = fn(u64) -> i128;
    let types: [(&str, Value); 6] = [
        ("i16", |v| (v as i16).into()),
        ("u16", |v| (v as u16).into()),
        ("i32", |v| (v as i32).into()),
        ("u32", |v| (v as u32).into()),
        ("i64", |v| (v as i64).into()),
        ("u64", |v| v.into()),
    ];
    let mut cases = Vec::new();
    for (ty, value) in types {
        let [a, b] = if ty.ends_with("64") { ["v[2:3]", "v[4:5]"] } else { ["v2", "v4"] };
        for (number, condition) in INTS.into_iter().enumerate() {
            for (start, mask) in forms(condition, ty) {
                cases.push(Case::flag(format!("{start}, {a}, {b}"), mask, move |x| {
                    holds(number, Some(value(x.a).cmp(&value(x.b))))
                }));
            }
            let line = format!("v_cmp_{condition}_{ty}_e64 s[22:23], {a}, -3");
            cases.push(Case::flag(line, Mask::Pair, move |x| {
                holds(number, Some(value(x.a).cmp(&value(-3_i64 as u64))))
            }));
        }
    }
    cases
}

/// Number of the class of `bits`.
fn class(f: Format, bits: u64) -> u32 {
    let negative = bits & f.sign() != 0;
    if f.is_nan(bits) {
        return u32::from(!f.is_signalling(bits));
    }
    let magnitude = bits & !f.sign();
    match (negative, magnitude) {
        (true, m) if m == f.infinity() => 2,
        (true, 0) => 5,
        (true, _) if f.is_denormal(bits) => 4,
        (true, _) => 3,
        (false, m) if m == f.infinity() => 9,
        (false, 0) => 6,
        (false, _) if f.is_denormal(bits) => 7,
        (false, _) => 8,
    }
}

fn class_cases(f: Format, ty: &str) -> Vec<Case> {
    let a = if f == F64 { "v[2:3]" } else { "v2" };
    let bits_of = move |x: &In<'_>| x.a & (f.sign() | (f.sign() - 1));
    let mut cases = Vec::new();
    for (start, mask) in forms("class", ty) {
        cases.push(Case::flag(format!("{start}, {a}, v4"), mask, move |x| {
            (x.b >> class(f, bits_of(x))) & 1 == 1
        }));
    }
    let line = format!("v_cmp_class_{ty}_e64 s[22:23], -|{a}|, v4");
    cases.push(Case::flag(line, Mask::Pair, move |x| {
        (x.b >> class(f, bits_of(x) | f.sign())) & 1 == 1
    }));
    cases
}

pub(crate) fn cases() -> Vec<Case> {
    let mut cases = int_cases();
    for (f, ty) in [(F16, "f16"), (F32, "f32"), (F64, "f64")] {
        cases.extend(float_cases(f, ty));
        cases.extend(class_cases(f, ty));
    }
    cases
}

#[test]
fn integers() {
    let mut waves = waves([Kind::Int; 4], 6, 0xc1);
    let mut random = Random(7);
    for lane in waves.iter_mut().flat_map(|wave| &mut wave.lanes) {
        match random.below(6) {
            0 => lane[1] = lane[0],
            1 => lane[0] = -3_i64 as u64,
            _ => {}
        }
    }
    check(&int_cases(), &waves, &[Mode::DEFAULT]);
}

#[test]
fn floats() {
    for (f, ty, kind) in [(F16, "f16", Kind::F16), (F32, "f32", Kind::F32), (F64, "f64", Kind::F64)]
    {
        let modes = [Mode::DEFAULT, Mode::FLUSH, Mode::IN_ONLY];
        check(&float_cases(f, ty), &waves([kind; 4], 6, 0xc2), &modes);
    }
}

#[test]
fn classes_of_floats() {
    for (f, ty, kind) in [(F16, "f16", Kind::F16), (F32, "f32", Kind::F32), (F64, "f64", Kind::F64)]
    {
        let mut waves = waves([kind; 4], 6, 0xc3);
        let mut random = Random(11);
        for lane in waves.iter_mut().flat_map(|wave| &mut wave.lanes) {
            lane[1] = match random.below(2) {
                0 => 1 << random.below(10),
                _ => random.next() & 0x3ff,
            };
        }
        check(&class_cases(f, ty), &waves, &[Mode::DEFAULT, Mode::FLUSH]);
    }
}
