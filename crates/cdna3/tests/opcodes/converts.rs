//! Conversions between integers, f16, f32, f64, normalised integers and 8-bit floats.

use crate::floats::finished;
use crate::harness::{Case, In, Match, Mode, check, keep_high};
use crate::inputs::{Kind, waves};
use crate::soft::{self, F16, F32, F64, Format};

fn source(f: Format, x: &In<'_>, bits: u64) -> u64 {
    let bits = bits & (f.sign() | (f.sign() - 1));
    if x.mode.allows_in(f != F32) { bits } else { f.flushed(bits) }
}

/// A float as an integer of a range: `rounding`, then to the nearest end; NaN gives 0.
fn integer(value: f64, rounding: fn(f64) -> f64, least: i64, most: i64) -> u32 {
    if value.is_nan() { 0 } else { rounding(value).clamp(least as f64, most as f64) as i64 as u32 }
}

const I32: (i64, i64) = (i32::MIN as i64, i32::MAX as i64);
const U32: (i64, i64) = (0, u32::MAX as i64);

/// f32 to integers.
fn from_f32() -> Vec<Case> {
    type Rounding = fn(f64) -> f64;
    let operations: [(&str, Rounding, (i64, i64)); 4] = [
        ("v_cvt_u32_f32", f64::trunc, U32),
        ("v_cvt_i32_f32", f64::trunc, I32),
        ("v_cvt_rpi_i32_f32", |v| (v + 0.5).floor(), I32),
        ("v_cvt_flr_i32_f32", f64::floor, I32),
    ];
    let mut cases = Vec::new();
    for (name, rounding, (least, most)) in operations {
        for (text, flip) in [("_e32 v8, v2", 0), ("_e64 v8, v2", 0), ("_e64 v8, -v2", 1 << 31)] {
            cases.push(Case::word(format!("{name}{text}"), Match::Bits, move |x| {
                let value = F32.value(source(F32, x, x.a ^ flip));
                integer(value, rounding, least, most)
            }));
        }
    }
    let norm = |name: &str, scale: f64, least: f64| {
        let to = move |v: f64| {
            if v.is_nan() {
                0
            } else {
                (v.clamp(least, 1.0) * scale).round_ties_even() as i32 as u32 & 0xffff
            }
        };
        Case::word(format!("{name} v8, v2, v4"), Match::Bits, move |x| {
            let [a, b] = [x.a, x.b].map(|v| to(F32.value(source(F32, x, v))));
            a | (b << 16)
        })
    };
    cases.push(norm("v_cvt_pknorm_i16_f32", 32767.0, -1.0));
    cases.push(norm("v_cvt_pknorm_u16_f32", 65535.0, 0.0));
    cases.push(Case::word("v_cvt_pk_u8_f32 v8, v2, v4, v6", Match::Bits, |x| {
        let value = F32.value(source(F32, x, x.a));
        let byte = integer(value, f64::round_ties_even, 0, 255);
        let shift = 8 * (x.b as u32 % 4);
        (x.c as u32 & !(0xff << shift)) | (byte << shift)
    }));
    cases
}

/// Integers to f32, f16 and f64.
fn from_integers() -> Vec<Case> {
    type Value = fn(u64) -> f64;
    let singles: [(&str, Value); 7] = [
        ("v_cvt_f32_i32", |v| (v as i32).into()),
        ("v_cvt_f32_u32", |v| (v as u32).into()),
        ("v_cvt_f32_ubyte0", |v| ((v % 256) as u32).into()),
        ("v_cvt_f32_ubyte1", |v| (((v >> 8) % 256) as u32).into()),
        ("v_cvt_f32_ubyte2", |v| (((v >> 16) % 256) as u32).into()),
        ("v_cvt_f32_ubyte3", |v| (((v >> 24) % 256) as u32).into()),
        ("v_cvt_off_f32_i4", |v| {
            [0, 1, 2, 3, 4, 5, 6, 7, -8, -7, -6, -5, -4, -3, -2, -1][(v % 16) as usize] as f64
                / 16.0
        }),
    ];
    let halves: [(&str, Value); 2] =
        [("v_cvt_f16_u16", |v| (v as u16).into()), ("v_cvt_f16_i16", |v| (v as i16).into())];
    let doubles: [(&str, Value); 2] =
        [("v_cvt_f64_i32", |v| (v as i32).into()), ("v_cvt_f64_u32", |v| (v as u32).into())];
    let mut cases = Vec::new();
    for (suffix, clamp) in
        [("_e32 v8, v2", false), ("_e64 v8, v2", false), ("_e64 v8, v2 clamp", true)]
    {
        for (name, value) in singles {
            cases.push(Case::word(format!("{name}{suffix}"), Match::F32, move |x| {
                finished(F32, x.mode, F32.of(value(x.a)), 1.0, clamp) as u32
            }));
        }
        for (name, value) in halves {
            cases.push(Case::word(format!("{name}{suffix}"), Match::F16, move |x| {
                finished(F16, x.mode, F16.of(value(x.a)), 1.0, clamp) as u32
            }));
        }
        for (name, value) in doubles {
            let line = format!("{name}{}", suffix.replace("v8", "v[8:9]"));
            cases.push(Case::wide(line, Match::F64, move |x| {
                finished(F64, x.mode, value(x.a).to_bits(), 1.0, clamp)
            }));
        }
    }
    cases.push(Case::word("v_cvt_pk_u16_u32 v8, v2, v4", Match::Bits, |x| {
        let [a, b] = [x.a, x.b].map(|v| (v as u32).min(0xffff));
        a | (b << 16)
    }));
    cases.push(Case::word("v_cvt_pk_i16_i32 v8, v2, v4", Match::Bits, |x| {
        let [a, b] = [x.a, x.b].map(|v| (v as i32).clamp(-32768, 32767) as u32 & 0xffff);
        a | (b << 16)
    }));
    cases
}

/// Between float formats: source in the mode of its format, result in that of its own.
fn between_floats() -> Vec<Case> {
    let mut cases = Vec::new();
    for (text, flip, clamp) in
        [("_e32 D, S", false, false), ("_e64 D, -S", true, false), ("_e64 D, S clamp", false, true)]
    {
        for (name, from, to) in [
            ("v_cvt_f16_f32", F32, F16),
            ("v_cvt_f32_f16", F16, F32),
            ("v_cvt_f32_f64", F64, F32),
            ("v_cvt_f64_f32", F32, F64),
        ] {
            let text = text
                .replace('D', if to == F64 { "v[8:9]" } else { "v8" })
                .replace('S', if from == F64 { "v[2:3]" } else { "v2" });
            let matching = match to {
                F64 => Match::F64,
                F32 => Match::F32,
                _ => Match::F16,
            };
            cases.push(Case::wide(format!("{name}{text}"), matching, move |x| {
                let bits = source(from, x, if flip { x.a ^ from.sign() } else { x.a });
                let bits = finished(to, x.mode, soft::convert(from, to, bits), 1.0, clamp);
                if to == F64 { bits } else { keep_high(x.d, bits as u32) }
            }));
        }
    }
    cases
}

fn from_f16() -> Vec<Case> {
    let value = |x: &In<'_>, bits: u64| F16.value(source(F16, x, bits));
    let norm = move |name: &str, scale: f64, least: f64| {
        let to = move |v: f64| {
            if v.is_nan() {
                0
            } else {
                (v.clamp(least, 1.0) * scale).round_ties_even() as i32 as u32 & 0xffff
            }
        };
        Case::word(format!("{name} v8, v2, -v4 op_sel:[1,0,0]"), Match::Bits, move |x| {
            to(value(x, x.a >> 16)) | (to(value(x, x.b ^ 0x8000)) << 16)
        })
    };
    vec![
        Case::word("v_cvt_u16_f16_e32 v8, v2", Match::Bits, move |x| {
            integer(value(x, x.a), f64::trunc, 0, 65535)
        }),
        Case::word("v_cvt_i16_f16_e32 v8, v2", Match::Bits, move |x| {
            integer(value(x, x.a), f64::trunc, -32768, 32767) & 0xffff
        }),
        norm("v_cvt_pknorm_i16_f16", 32767.0, -1.0),
        norm("v_cvt_pknorm_u16_f16", 65535.0, 0.0),
        Case::word("v_pack_b32_f16 v8, v2, v4", Match::F16Pair, move |x| {
            (source(F16, x, x.a) | (source(F16, x, x.b) << 16)) as u32
        }),
        Case::word("v_pack_b32_f16 v8, -v2, |v4| op_sel:[1,1,0]", Match::F16Pair, move |x| {
            let a = source(F16, x, (x.a >> 16) ^ 0x8000);
            (a | (source(F16, x, (x.b >> 16) & 0x7fff) << 16)) as u32
        }),
    ]
}

fn from_f64() -> Vec<Case> {
    let value = |x: &In<'_>| f64::from_bits(source(F64, x, x.a));
    vec![
        Case::word("v_cvt_i32_f64_e32 v8, v[2:3]", Match::Bits, move |x| {
            integer(value(x), f64::trunc, I32.0, I32.1)
        }),
        Case::word("v_cvt_u32_f64_e32 v8, v[2:3]", Match::Bits, move |x| {
            integer(value(x), f64::trunc, U32.0, U32.1)
        }),
    ]
}

/// `v_cvt_pkrtz_f16_f32`: the largest half of the same sign that is not above in magnitude.
fn toward_zero() -> Vec<Case> {
    let half = |bits: u64| {
        let value = F32.value(bits & 0xffff_ffff);
        let nearest = F16.of(value);
        let magnitude = F16.value(nearest & 0x7fff);
        if value.is_finite() && magnitude > value.abs() { nearest - 1 } else { nearest }
    };
    vec![Case::word("v_cvt_pkrtz_f16_f32 v8, v2, v4", Match::F16Pair, move |x| {
        (half(x.a) | (half(x.b) << 16)) as u32
    })]
}

/// Value of an 8-bit float: bias 8 (3 bits of fraction) or 16 (2 bits), 0x80 is the only NaN.
pub(crate) fn byte_value(byte: u64, fraction: u32) -> f64 {
    if byte == 0x80 {
        return f64::NAN;
    }
    let bias = if fraction == 3 { 8 } else { 16 };
    let exponent = ((byte & 0x7f) >> fraction) as i32;
    let part = (byte & ((1 << fraction) - 1)) as f64 / f64::from(1 << fraction);
    let magnitude = if exponent == 0 {
        part * 2.0_f64.powi(1 - bias)
    } else {
        (1.0 + part) * 2.0_f64.powi(exponent - bias)
    };
    if byte & 0x80 != 0 { -magnitude } else { magnitude }
}

/// Nearest 8-bit float, ties to even, by search over all of them; too large ones are NaN.
fn nearest_byte(value: f64, fraction: u32) -> u32 {
    let magnitude = value.abs();
    let largest = byte_value(0x7f, fraction);
    // Half a step above the largest is the first that rounds away (its code is odd).
    let step = largest - byte_value(0x7e, fraction);
    if value.is_nan() || magnitude >= largest + step / 2.0 {
        return 0x80;
    }
    let distance = |code: &u64| (byte_value(*code, fraction) - magnitude).abs();
    let code = (0..0x80_u64)
        .min_by(|a, b| {
            let by_distance = distance(a).total_cmp(&distance(b));
            by_distance.then((a & 1).cmp(&(b & 1)))
        })
        .expect("there are codes");
    (code as u32) | if value.is_sign_negative() && code != 0 { 0x80 } else { 0 }
}

/// Stochastic: the code below (in magnitude), one up if the dropped bits and as many random bits
/// carry. In magnitude `significand * 2^-drop` of the smallest step.
fn stochastic_byte(bits: u64, random: u32, fraction: u32) -> u32 {
    let value = F32.value(bits);
    if !value.is_finite() {
        return 0x80;
    }
    let codes = 0..0x80_u64;
    let Some(below) = codes.rev().find(|&code| byte_value(code, fraction) <= value.abs()) else {
        return 0x80;
    };
    let upper = if below == 0x7f {
        2.0 * byte_value(0x7f, fraction) - byte_value(0x7e, fraction)
    } else {
        byte_value(below + 1, fraction)
    };
    if below == 0x7f && value.abs() >= upper {
        return 0x80;
    }
    let lower = byte_value(below, fraction);
    let part = (value.abs() - lower) / (upper - lower);
    // The random number's top bits, as many as are dropped, make the same fraction of a step.
    let exponent = ((bits >> 23) & 0xff) as i32 - 127;
    let bias = if fraction == 3 { 8 } else { 16 };
    let dropped = 23 - fraction as i32 + (1 - bias - exponent).max(0);
    let noise = f64::from(random >> (32 - dropped.min(32)) as u32) / 2.0_f64.powi(dropped.min(32));
    let code = below + u64::from(part + noise >= 1.0);
    if code > 0x7f {
        return 0x80;
    }
    (code as u32) | if value.is_sign_negative() && code != 0 { 0x80 } else { 0 }
}

fn byte_cases() -> Vec<Case> {
    let mut cases = Vec::new();
    for (ty, fraction) in [("fp8", 3), ("bf8", 2)] {
        for (text, shift) in [("", 0), (" op_sel:[0,0,1]", 16)] {
            let line = format!("v_cvt_pk_{ty}_f32 v8, -v2, v4{text}");
            cases.push(Case::word(line, Match::Bits, move |x| {
                let byte = |bits: u64| nearest_byte(F32.value(source(F32, x, bits)), fraction);
                let pair = byte(x.a ^ (1 << 31)) | (byte(x.b) << 8);
                (x.d as u32 & !(0xffff << shift)) | (pair << shift)
            }));
        }
        for (text, shift) in [
            ("", 0),
            (" op_sel:[0,0,1,0]", 8),
            (" op_sel:[0,0,0,1]", 16),
            (" op_sel:[0,0,1,1]", 24),
        ] {
            let line = format!("v_cvt_sr_{ty}_f32 v8, v2, v4{text}");
            cases.push(Case::word(line, Match::Bits, move |x| {
                let byte = stochastic_byte(source(F32, x, x.a), x.b as u32, fraction);
                (x.d as u32 & !(0xff << shift)) | (byte << shift)
            }));
        }
        let single =
            move |v: u64, at: u32| F32.of(byte_value((v >> (8 * at)) & 0xff, fraction)) as u32;
        for (text, at) in [
            ("_e32 v8, v2", 0),
            ("_sdwa v8, v2 src0_sel:BYTE_1", 1),
            ("_sdwa v8, v2 src0_sel:BYTE_2", 2),
            ("_sdwa v8, v2 src0_sel:BYTE_3", 3),
        ] {
            let line = format!("v_cvt_f32_{ty}{text}");
            cases.push(Case::word(line, Match::F32, move |x| single(x.a, at)));
        }
        for (text, at) in [("_e32 v[8:9], v2", 0), ("_sdwa v[8:9], v2 src0_sel:WORD_1", 2)] {
            let line = format!("v_cvt_pk_f32_{ty}{text}");
            cases.push(Case::wide(line, Match::F32Pair, move |x| {
                u64::from(single(x.a, at)) | (u64::from(single(x.a, at + 1)) << 32)
            }));
        }
    }
    cases
}

pub(crate) fn cases() -> Vec<Case> {
    let families: [fn() -> Vec<Case>; 7] =
        [from_f32, from_integers, between_floats, from_f16, from_f64, toward_zero, byte_cases];
    families.iter().flat_map(|family| family()).collect()
}

#[test]
fn floats_to_integers() {
    let modes = [Mode::DEFAULT, Mode::FLUSH];
    check(&from_f32(), &waves([Kind::F32, Kind::F32, Kind::Int, Kind::Int], 12, 0xc0), &modes);
    check(&from_f16(), &waves([Kind::F16; 4], 12, 0xc1), &modes);
    check(&from_f64(), &waves([Kind::F64; 4], 12, 0xc2), &modes);
}

#[test]
fn integers_to_floats() {
    check(&from_integers(), &waves([Kind::Int; 4], 12, 0xc3), &Mode::ALL);
}

#[test]
fn floats_to_floats() {
    for (kind, source) in [(Kind::F32, "_f32"), (Kind::F16, "_f16"), (Kind::F64, "_f64")] {
        let from = |case: &Case| {
            let mnemonic = case.line.split_whitespace().next().unwrap_or_default();
            mnemonic.trim_end_matches("_e32").trim_end_matches("_e64").ends_with(source)
        };
        let cases: Vec<Case> = between_floats().into_iter().filter(from).collect();
        check(&cases, &waves([kind; 4], 12, 0xc4), &Mode::ALL);
    }
}

#[test]
fn halves_toward_zero() {
    check(&toward_zero(), &waves([Kind::F32; 4], 12, 0xc5), &[Mode::DEFAULT]);
}

#[test]
fn eight_bit_floats() {
    let mut waves = waves([Kind::F32, Kind::F32, Kind::Int, Kind::Int], 24, 0xc6);
    // Half of the values in the formats' own range.
    for (index, lane) in waves.iter_mut().flat_map(|wave| &mut wave.lanes).enumerate() {
        if index % 2 == 0 {
            let exponent = 127 - 20 + (lane[2] >> 8) % 40;
            lane[0] = (lane[0] & !0x7f80_0000) | (exponent << 23);
            lane[1] = (lane[1] & !0x7f80_0000) | ((exponent + 1) << 23);
        }
        // Random bits that just carry, or just do not, into the 3 (or 2) kept bits.
        if index % 8 == 1 {
            let (dropped, exponent) = (20 + lane[2] % 2, 127 - 7 + (lane[2] >> 8) % 12);
            lane[0] = (lane[0] & !0x7f80_0000) | (exponent << 23);
            let missing = (1 << dropped) - (lane[0] & ((1 << dropped) - 1));
            let noise = missing.saturating_sub((lane[2] >> 16) % 2).min((1 << dropped) - 1);
            lane[1] = noise << (32 - dropped);
        }
    }
    check(&byte_cases(), &waves, &[Mode::DEFAULT]);
}
