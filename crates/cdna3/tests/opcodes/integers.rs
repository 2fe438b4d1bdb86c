//! Integer operations on 16, 32 and 64 bits, bit fields, sums with carry, dot products.

use crate::harness::{Case, In, Mask, Match, Mode, Out, check, keep_high};
use crate::inputs::{Kind, waves};

/// `f(a, b, c, d)` of low dwords.
type Words = fn(u32, u32, u32, u32) -> u32;
/// `f(a, b, c, d)` as exact numbers, brought to the range by wrapping or clamping.
type Wide = fn(i128, i128, i128, i128) -> i128;

/// A result type.
#[derive(Clone, Copy, PartialEq, Eq)]
enum To {
    I32,
    U32,
    I16,
    U16,
}

impl To {
    fn range(self) -> (i128, i128) {
        match self {
            Self::I32 => (i32::MIN.into(), i32::MAX.into()),
            Self::U32 => (0, u32::MAX.into()),
            Self::I16 => (i16::MIN.into(), i16::MAX.into()),
            Self::U16 => (0, u16::MAX.into()),
        }
    }

    fn is_short(self) -> bool {
        matches!(self, Self::I16 | Self::U16)
    }

    /// A source's value.
    fn widen(self, bits: u64) -> i128 {
        match self {
            Self::I32 => (bits as i32).into(),
            Self::U32 => (bits as u32).into(),
            Self::I16 => (bits as i16).into(),
            Self::U16 => (bits as u16).into(),
        }
    }

    fn bring(self, value: i128, clamp: bool) -> u32 {
        let (least, most) = self.range();
        let value = if clamp { value.clamp(least, most) } else { value };
        value as u32 & if self.is_short() { 0xffff } else { u32::MAX }
    }
}

fn operands(sources: usize) -> String {
    ["v2", "v4", "v6"][..sources].join(", ")
}

/// Suffixes with which an operation is tried: both encodings of those with a short one.
fn suffixes(short: bool) -> &'static [&'static str] {
    if short { &["_e32", "_e64"] } else { &[""] }
}

fn words() -> Vec<(&'static str, usize, bool, Words)> {
    vec![
        ("v_mul_lo_u32", 2, false, |a, b, _, _| (u64::from(a) * u64::from(b)) as u32),
        ("v_mul_hi_u32", 2, false, |a, b, _, _| ((u64::from(a) * u64::from(b)) >> 32) as u32),
        ("v_mul_hi_i32", 2, false, |a, b, _, _| {
            ((i64::from(a as i32) * i64::from(b as i32)) >> 32) as u32
        }),
        ("v_mul_i32_i24", 2, true, |a, b, _, _| (i24(a) * i24(b)) as u32),
        ("v_mul_hi_i32_i24", 2, true, |a, b, _, _| ((i24(a) * i24(b)) >> 32) as u32),
        ("v_mul_u32_u24", 2, true, |a, b, _, _| (u24(a) * u24(b)) as u32),
        ("v_mul_hi_u32_u24", 2, true, |a, b, _, _| ((u24(a) * u24(b)) >> 32) as u32),
        ("v_min_i32", 2, true, |a, b, _, _| if (a as i32) < b as i32 { a } else { b }),
        ("v_max_i32", 2, true, |a, b, _, _| if (a as i32) > b as i32 { a } else { b }),
        ("v_min_u32", 2, true, |a, b, _, _| if a < b { a } else { b }),
        ("v_max_u32", 2, true, |a, b, _, _| if a > b { a } else { b }),
        ("v_min3_i32", 3, false, |a, b, c, _| sorted_i32([a, b, c])[0]),
        ("v_med3_i32", 3, false, |a, b, c, _| sorted_i32([a, b, c])[1]),
        ("v_max3_i32", 3, false, |a, b, c, _| sorted_i32([a, b, c])[2]),
        ("v_min3_u32", 3, false, |a, b, c, _| sorted_u32([a, b, c])[0]),
        ("v_med3_u32", 3, false, |a, b, c, _| sorted_u32([a, b, c])[1]),
        ("v_max3_u32", 3, false, |a, b, c, _| sorted_u32([a, b, c])[2]),
        ("v_lshlrev_b32", 2, true, |a, b, _, _| b << (a % 32)),
        ("v_lshrrev_b32", 2, true, |a, b, _, _| b >> (a % 32)),
        ("v_ashrrev_i32", 2, true, |a, b, _, _| ((b as i32) >> (a % 32)) as u32),
        ("v_and_b32", 2, true, |a, b, _, _| a & b),
        ("v_or_b32", 2, true, |a, b, _, _| a | b),
        ("v_xor_b32", 2, true, |a, b, _, _| a ^ b),
        ("v_xnor_b32", 2, true, |a, b, _, _| !(a ^ b)),
        ("v_not_b32", 1, true, |a, _, _, _| !a),
        ("v_mov_b32", 1, true, |a, _, _, _| a),
        ("v_bfrev_b32", 1, true, |a, _, _, _| {
            (0..32).fold(0, |all, at| all | (((a >> at) & 1) << (31 - at)))
        }),
        ("v_ffbh_u32", 1, true, |a, _, _, _| {
            (0..32).find(|at| a & (0x8000_0000 >> at) != 0).unwrap_or(u32::MAX)
        }),
        ("v_ffbh_i32", 1, true, |a, _, _, _| {
            let sign = a >> 31;
            (1..32).find(|at| (a >> (31 - at)) & 1 != sign).unwrap_or(u32::MAX)
        }),
        ("v_ffbl_b32", 1, true, |a, _, _, _| {
            (0..32).find(|at| (a >> at) & 1 != 0).unwrap_or(u32::MAX)
        }),
    ]
}

/// Bit fields, and two operations in one.
fn fused_words() -> Vec<(&'static str, usize, bool, Words)> {
    vec![
        ("v_bfe_u32", 3, false, |a, b, c, _| {
            (u64::from(a >> (b % 32)) & ((1_u64 << (c % 32)) - 1)) as u32
        }),
        ("v_bfe_i32", 3, false, |a, b, c, _| {
            let (offset, width) = (b % 32, c % 32);
            let field = (i64::from(a as i32) >> offset) & ((1_i64 << width) - 1);
            let negative = width > 0 && (field >> (width - 1)) & 1 == 1;
            (if negative { field - (1_i64 << width) } else { field }) as u32
        }),
        ("v_bfi_b32", 3, false, |a, b, c, _| (a & b) | (!a & c)),
        ("v_bfm_b32", 2, false, |a, b, _, _| ((1_u32 << (a % 32)) - 1) << (b % 32)),
        ("v_alignbit_b32", 3, false, |a, b, c, _| {
            (((u64::from(a) << 32) + u64::from(b)) >> (c % 32)) as u32
        }),
        ("v_alignbyte_b32", 3, false, |a, b, c, _| {
            (((u64::from(a) << 32) + u64::from(b)) >> (8 * (c % 4))) as u32
        }),
        ("v_perm_b32", 3, false, perm),
        ("v_bcnt_u32_b32", 2, false, |a, b, _, _| {
            (0..32).map(|at| (a >> at) & 1).sum::<u32>().wrapping_add(b)
        }),
        ("v_lshl_add_u32", 3, false, |a, b, c, _| (a << (b % 32)).wrapping_add(c)),
        ("v_add_lshl_u32", 3, false, |a, b, c, _| a.wrapping_add(b) << (c % 32)),
        ("v_add3_u32", 3, false, |a, b, c, _| a.wrapping_add(b).wrapping_add(c)),
        ("v_lshl_or_b32", 3, false, |a, b, c, _| (a << (b % 32)) | c),
        ("v_and_or_b32", 3, false, |a, b, c, _| (a & b) | c),
        ("v_or3_b32", 3, false, |a, b, c, _| a | b | c),
        ("v_xad_u32", 3, false, |a, b, c, _| (a ^ b).wrapping_add(c)),
        ("v_lerp_u8", 3, false, |a, b, c, _| {
            (0..4).fold(0, |all, at| {
                let byte = |v: u32| (v >> (8 * at)) & 0xff;
                all | (((byte(a) + byte(b) + (byte(c) & 1)) / 2) << (8 * at))
            })
        }),
    ]
}

fn i24(v: u32) -> i64 {
    let v = i64::from(v % (1 << 24));
    if v >= 1 << 23 { v - (1 << 24) } else { v }
}

fn u24(v: u32) -> u64 {
    u64::from(v % (1 << 24))
}

fn sorted_i32(values: [u32; 3]) -> [u32; 3] {
    let mut signed = values.map(|v| v as i32);
    signed.sort_unstable();
    signed.map(|v| v as u32)
}

fn sorted_u32(mut values: [u32; 3]) -> [u32; 3] {
    values.sort_unstable();
    values
}

fn perm(high: u32, low: u32, selectors: u32, _: u32) -> u32 {
    let bits = (u64::from(high) << 32) | u64::from(low);
    (0..4).fold(0, |all, at| {
        let byte = match (selectors >> (8 * at)) & 0xff {
            which @ 0..=7 => (bits >> (8 * which)) as u32 & 0xff,
            which @ 8..=11 => ((bits >> (16 * (which - 8) + 15)) & 1) as u32 * 0xff,
            12 => 0,
            _ => 0xff,
        };
        all | (byte << (8 * at))
    })
}

/// Operations whose exact result is brought into a range, with and without clamp: sources by
/// their own type.
fn wides() -> Vec<(&'static str, usize, bool, To, Wide)> {
    use To::{I16, I32, U16, U32};
    vec![
        ("v_add_u32", 2, true, U32, |a, b, _, _| a + b),
        ("v_sub_u32", 2, true, U32, |a, b, _, _| a - b),
        ("v_subrev_u32", 2, true, U32, |a, b, _, _| b - a),
        ("v_add_i32", 2, false, I32, |a, b, _, _| a + b),
        ("v_sub_i32", 2, false, I32, |a, b, _, _| a - b),
        ("v_add_u16", 2, true, U16, |a, b, _, _| a + b),
        ("v_sub_u16", 2, true, U16, |a, b, _, _| a - b),
        ("v_subrev_u16", 2, true, U16, |a, b, _, _| b - a),
        ("v_add_i16", 2, false, I16, |a, b, _, _| a + b),
        ("v_sub_i16", 2, false, I16, |a, b, _, _| a - b),
        ("v_mad_u16", 3, false, U16, |a, b, c, _| a * b + c),
        ("v_mad_i16", 3, false, I16, |a, b, c, _| a * b + c),
        ("v_mad_u32_u24", 3, false, U32, |a, b, c, _| {
            i128::from(u24(a as u32)) * i128::from(u24(b as u32)) + c
        }),
        ("v_mad_i32_i24", 3, false, I32, |a, b, c, _| {
            i128::from(i24(a as u32)) * i128::from(i24(b as u32)) + c
        }),
        ("v_mad_u32_u16", 3, false, U32, |a, b, c, _| (a % 65536) * (b % 65536) + c),
        ("v_mad_i32_i16", 3, false, I32, |a, b, c, _| {
            i128::from(a as i16) * i128::from(b as i16) + c
        }),
        ("v_sad_u8", 3, false, U32, |a, b, c, _| c + differences(a, b, 8)),
        ("v_sad_hi_u8", 3, false, U32, |a, b, c, _| c + (differences(a, b, 8) << 16)),
        ("v_sad_u16", 3, false, U32, |a, b, c, _| c + differences(a, b, 16)),
        ("v_sad_u32", 3, false, U32, |a, b, c, _| c + differences(a, b, 32)),
        ("v_dot4c_i32_i8", 2, true, I32, |a, b, _, d| d + dot(a, b, 8, true)),
        ("v_dot2c_i32_i16", 2, true, I32, |a, b, _, d| d + dot(a, b, 16, true)),
        ("v_dot8c_i32_i4", 2, true, I32, |a, b, _, d| d + dot(a, b, 4, true)),
        ("v_dot4_i32_i8", 3, false, I32, |a, b, c, _| c + dot(a, b, 8, true)),
        ("v_dot4_u32_u8", 3, false, U32, |a, b, c, _| c + dot(a, b, 8, false)),
        ("v_dot8_i32_i4", 3, false, I32, |a, b, c, _| c + dot(a, b, 4, true)),
        ("v_dot8_u32_u4", 3, false, U32, |a, b, c, _| c + dot(a, b, 4, false)),
        ("v_dot2_i32_i16", 3, false, I32, |a, b, c, _| c + dot(a, b, 16, true)),
        ("v_dot2_u32_u16", 3, false, U32, |a, b, c, _| c + dot(a, b, 16, false)),
    ]
}

fn parts(v: i128, width: u32, signed: bool) -> Vec<i128> {
    (0..32 / width)
        .map(|at| {
            let field = (v as u32 as i128 >> (at * width)) % (1 << width);
            if signed && field >= 1 << (width - 1) { field - (1 << width) } else { field }
        })
        .collect()
}

fn differences(a: i128, b: i128, width: u32) -> i128 {
    let (a, b) = (parts(a, width, false), parts(b, width, false));
    a.iter().zip(&b).map(|(a, b)| (a - b).abs()).sum()
}

fn dot(a: i128, b: i128, width: u32, signed: bool) -> i128 {
    let (a, b) = (parts(a, width, signed), parts(b, width, signed));
    a.iter().zip(&b).map(|(a, b)| a * b).sum()
}

/// 16-bit operations that wrap: shifts, minima, products. The third source's half is chosen too.
fn shorts() -> Vec<(&'static str, usize, bool, Words)> {
    vec![
        ("v_mul_lo_u16", 2, true, |a, b, _, _| a.wrapping_mul(b)),
        ("v_lshlrev_b16", 2, true, |a, b, _, _| b << (a % 16)),
        ("v_lshrrev_b16", 2, true, |a, b, _, _| b >> (a % 16)),
        ("v_ashrrev_i16", 2, true, |a, b, _, _| (i32::from(b as i16) >> (a % 16)) as u32),
        ("v_max_u16", 2, true, |a, b, _, _| a.max(b)),
        ("v_min_u16", 2, true, |a, b, _, _| a.min(b)),
        ("v_max_i16", 2, true, |a, b, _, _| (a as i16).max(b as i16) as u32),
        ("v_min_i16", 2, true, |a, b, _, _| (a as i16).min(b as i16) as u32),
        ("v_min3_u16", 3, false, |a, b, c, _| sorted_u32([a, b, c])[0]),
        ("v_med3_u16", 3, false, |a, b, c, _| sorted_u32([a, b, c])[1]),
        ("v_max3_u16", 3, false, |a, b, c, _| sorted_u32([a, b, c])[2]),
        ("v_min3_i16", 3, false, |a, b, c, _| sorted_i16([a, b, c])[0]),
        ("v_med3_i16", 3, false, |a, b, c, _| sorted_i16([a, b, c])[1]),
        ("v_max3_i16", 3, false, |a, b, c, _| sorted_i16([a, b, c])[2]),
    ]
}

fn sorted_i16(values: [u32; 3]) -> [u32; 3] {
    let mut signed = values.map(|v| v as i16);
    signed.sort_unstable();
    signed.map(|v| v as u16 as u32)
}

/// A 16-bit result in its place: the long-only operations keep the other half, the others clear
/// the high one.
fn placed(x: &In<'_>, value: u32, high: bool, long_only: bool) -> u64 {
    let value = value & 0xffff;
    let low = x.d as u32;
    keep_high(
        x.d,
        match (high, long_only) {
            (true, _) => (low & 0xffff) | (value << 16),
            (false, true) => (low & 0xffff_0000) | value,
            (false, false) => value,
        },
    )
}

/// The halves that `op_sel` bits choose.
fn chosen(x: &In<'_>, op_sel: u32) -> [u64; 4] {
    let half = |v: u64, index: u32| if (op_sel >> index) & 1 == 1 { v >> 16 } else { v };
    [half(x.a, 0), half(x.b, 1), half(x.c, 2), x.d]
}

fn op_sel_text(op_sel: u32, sources: usize) -> String {
    if op_sel == 0 {
        return String::new();
    }
    let bits = (0..sources).chain([3]).map(|at| ((op_sel >> at) & 1).to_string());
    format!(" op_sel:[{}]", bits.collect::<Vec<_>>().join(","))
}

fn short_cases() -> Vec<Case> {
    let mut cases = Vec::new();
    for (name, sources, short, f) in shorts() {
        for suffix in suffixes(short) {
            let choices: &[u32] = if short { &[0] } else { &[0, 0b0101, 0b1010, 0b1111] };
            for &op_sel in choices {
                let text = op_sel_text(op_sel, sources);
                let line = format!("{name}{suffix} v8, {}{text}", operands(sources));
                cases.push(Case::wide(line, Match::Bits, move |x| {
                    let [a, b, c, d] = chosen(x, op_sel).map(|v| v as u32 & 0xffff);
                    placed(x, f(a, b, c, d), op_sel & 8 != 0, !short)
                }));
            }
        }
    }
    cases
}

fn wide_cases() -> Vec<Case> {
    let mut cases = Vec::new();
    for (name, sources, short, to, f) in wides() {
        // Those that take 16 bits of their sources, in the long encoding only, choose halves;
        // of `v_mad_?32_?16` the third source is a dword.
        let mixed = matches!(name, "v_mad_u32_u16" | "v_mad_i32_i16");
        let selects = !short && (to.is_short() || mixed);
        for suffix in suffixes(short) {
            for clamp in [false, true] {
                if clamp && *suffix == "_e32" {
                    continue;
                }
                let choices: &[u32] = match (selects, mixed) {
                    (false, _) => &[0],
                    (true, true) => &[0, 0b0001, 0b0010],
                    (true, false) => &[0, 0b0010, 0b1001],
                };
                for &op_sel in choices {
                    let text = op_sel_text(op_sel, sources);
                    let end = if clamp { " clamp" } else { "" };
                    let line = format!("{name}{suffix} v8, {}{text}{end}", operands(sources));
                    cases.push(Case::wide(line, Match::Bits, move |x| {
                        let [a, b, c, d] = chosen(x, op_sel).map(|v| to.widen(v));
                        let value = to.bring(f(a, b, c, d), clamp);
                        if to.is_short() {
                            placed(x, value, op_sel & 8 != 0, !short)
                        } else {
                            keep_high(x.d, value)
                        }
                    }));
                }
            }
        }
    }
    cases
}

fn word_cases() -> Vec<Case> {
    let mut cases = Vec::new();
    for (name, sources, short, f) in words().into_iter().chain(fused_words()) {
        for suffix in suffixes(short) {
            let line = format!("{name}{suffix} v8, {}", operands(sources));
            cases.push(Case::word(line, Match::Bits, move |x| {
                f(x.a as u32, x.b as u32, x.c as u32, x.d as u32)
            }));
        }
        let scalar = operands(sources).replacen("v2", "s24", 1);
        let line = format!("{name}{} v8, {scalar}", if short { "_e64" } else { "" });
        cases.push(Case::word(line, Match::Bits, move |x| {
            f(x.wave.scalar as u32, x.b as u32, x.c as u32, x.d as u32)
        }));
    }
    cases
}

/// Sums and differences with carry: the flag is set where the exact result leaves u32.
fn carry_cases() -> Vec<Case> {
    type Sum = fn(i64, i64, i64) -> i64;
    let sums: [(&str, bool, Sum); 6] = [
        ("v_add_co_u32", false, |a, b, _| a + b),
        ("v_sub_co_u32", false, |a, b, _| a - b),
        ("v_subrev_co_u32", false, |a, b, _| b - a),
        ("v_addc_co_u32", true, |a, b, c| a + b + c),
        ("v_subb_co_u32", true, |a, b, c| a - b - c),
        ("v_subbrev_co_u32", true, |a, b, c| b - a - c),
    ];
    let mut cases = Vec::new();
    for (name, carries, f) in sums {
        for long in [false, true] {
            for clamp in [false, true] {
                if clamp && !long {
                    continue;
                }
                let (suffix, to, from) =
                    if long { ("_e64", "s[22:23]", "s[20:21]") } else { ("_e32", "vcc", "vcc") };
                let from = if carries { format!(", {from}") } else { String::new() };
                let end = if clamp { " clamp" } else { "" };
                let line = format!("{name}{suffix} v8, {to}, v2, v4{from}{end}");
                let mask = if long { Mask::Pair } else { Mask::Vcc };
                cases.push(Case::word_and_flag(line, mask, move |x| {
                    let carry = if long { x.pair } else { x.vcc };
                    let wide =
                        f((x.a as u32).into(), (x.b as u32).into(), i64::from(carry && carries));
                    let inside = wide.clamp(0, u32::MAX.into());
                    ((if clamp { inside } else { wide }) as u32, wide != inside)
                }));
            }
        }
    }
    cases
}

/// 64-bit results, counts of lanes, selections.
fn long_cases() -> Vec<Case> {
    let count = |bits: u32, lanes: usize| (0..lanes).map(|at| (bits >> at) & 1).sum::<u32>();
    let mut cases = vec![
        Case::wide("v_lshlrev_b64 v[8:9], v2, v[4:5]", Match::Bits, |x| x.b << (x.a % 64)),
        Case::wide("v_lshrrev_b64 v[8:9], v2, v[4:5]", Match::Bits, |x| x.b >> (x.a % 64)),
        Case::wide("v_ashrrev_i64 v[8:9], v2, v[4:5]", Match::Bits, |x| {
            ((x.b as i64) >> (x.a % 64)) as u64
        }),
        Case::wide("v_lshl_add_u64 v[8:9], v[2:3], v4, v[6:7]", Match::Bits, |x| {
            (x.a << (x.b % 8)).wrapping_add(x.c)
        }),
        Case::wide("v_lshl_add_u64 v[8:9], v[2:3], 3, s[24:25]", Match::Bits, |x| {
            (x.a << 3).wrapping_add(x.wave.scalar)
        }),
        Case::wide("v_mov_b64_e32 v[8:9], v[2:3]", Match::Bits, |x| x.a),
        Case::wide("v_mov_b64_e32 v[8:9], -5", Match::Bits, |_| -5_i64 as u64),
        Case::word("v_mbcnt_lo_u32_b32 v8, v2, v4", Match::Bits, move |x| {
            count(x.a as u32, x.lane.min(32)).wrapping_add(x.b as u32)
        }),
        Case::word("v_mbcnt_hi_u32_b32 v8, v2, v4", Match::Bits, move |x| {
            count(x.a as u32, x.lane.saturating_sub(32)).wrapping_add(x.b as u32)
        }),
        Case::word("v_cndmask_b32_e32 v8, v2, v4, vcc", Match::Bits, |x| {
            (if x.vcc { x.b } else { x.a }) as u32
        }),
        Case::word("v_cndmask_b32_e64 v8, v2, v4, s[20:21]", Match::Bits, |x| {
            (if x.pair { x.b } else { x.a }) as u32
        }),
        Case::word("v_cndmask_b32_e64 v8, -v2, |v4|, s[20:21]", Match::Bits, |x| {
            if x.pair { x.b as u32 & 0x7fff_ffff } else { x.a as u32 ^ 0x8000_0000 }
        }),
        Case::word("v_nop", Match::Bits, |x| x.d as u32),
    ];
    for (name, signed) in [("v_mad_u64_u32", false), ("v_mad_i64_i32", true)] {
        let line = format!("{name} v[8:9], s[22:23], v2, v4, v[6:7]");
        let meaning = move |x: &In<'_>| {
            let wide = |v: u64| if signed { i128::from(v as i32) } else { i128::from(v as u32) };
            let addend = if signed { i128::from(x.c as i64) } else { i128::from(x.c) };
            let sum = wide(x.a) * wide(x.b) + addend;
            let range =
                if signed { i64::MIN.into()..=i64::MAX.into() } else { 0..=u64::MAX.into() };
            Out { d: sum as u64, flag: !range.contains(&sum) }
        };
        let (mask, matching) = (Mask::Pair, Match::Bits);
        cases.push(Case { line, mask, matching, meaning: Box::new(meaning), always: 0 });
    }
    cases
}

pub(crate) fn cases() -> Vec<Case> {
    let mut cases = word_cases();
    cases.extend(wide_cases());
    cases.extend(short_cases());
    cases.extend(carry_cases());
    cases.extend(long_cases());
    cases
}

#[test]
fn integer_operations() {
    check(&cases(), &waves([Kind::Int; 4], 12, 0x1a7), &[Mode::DEFAULT]);
}

#[test]
fn small_integers_as_shifts_and_positions() {
    let kinds = [Kind::Small, Kind::Small, Kind::Small, Kind::Int];
    check(&cases(), &waves(kinds, 16, 0x5417), &[Mode::PLAIN]);
}
