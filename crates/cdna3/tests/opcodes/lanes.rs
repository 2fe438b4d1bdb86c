//! Lanes that read other lanes: every DPP pattern and mask; parts of registers: SDWA; moves
//! between lanes and scalars.

use crate::floats::finished;
use crate::harness::{Case, In, Mask, Match, Mode, check};
use crate::inputs::{Kind, waves};
use crate::soft::{self, F16, F32};

type Lane = fn(usize) -> Option<usize>;

/// The lane that a lane reads, if there is one.
type Source = Box<dyn Fn(usize) -> Option<usize>>;

/// Patterns by the guide's table: text, and the lane that lane `l` reads.
fn patterns() -> Vec<(String, Source)> {
    let mut patterns: Vec<(String, Source)> = Vec::new();
    for perm in [[0, 1, 2, 3], [3, 2, 1, 0], [1, 1, 3, 0], [2, 2, 2, 2]] {
        let text = format!("quad_perm:[{},{},{},{}]", perm[0], perm[1], perm[2], perm[3]);
        patterns.push((text, Box::new(move |l| Some(l / 4 * 4 + perm[l % 4]))));
    }
    for n in 1..16 {
        let row = |l: usize| l / 16 * 16;
        patterns
            .push((format!("row_shl:{n}"), Box::new(move |l| (l % 16 + n < 16).then_some(l + n))));
        patterns.push((format!("row_shr:{n}"), Box::new(move |l| (l % 16 >= n).then(|| l - n))));
        patterns.push((
            format!("row_ror:{n}"),
            Box::new(move |l| Some(row(l) + (l % 16 + 16 - n) % 16)),
        ));
    }
    for n in [0, 5, 15] {
        patterns.push((format!("row_newbcast:{n}"), Box::new(move |l| Some(l / 16 * 16 + n))));
    }
    let others: [(&str, Lane); 8] = [
        ("wave_shl:1", |l| (l < 63).then_some(l + 1)),
        ("wave_rol:1", |l| Some((l + 1) % 64)),
        ("wave_shr:1", |l| l.checked_sub(1)),
        ("wave_ror:1", |l| Some((l + 63) % 64)),
        ("row_mirror", |l| Some(l / 16 * 16 + 15 - l % 16)),
        ("row_half_mirror", |l| Some(l / 8 * 8 + 7 - l % 8)),
        ("row_bcast:15", |l| (l >= 16).then(|| l / 16 * 16 - 1)),
        ("row_bcast:31", |l| (l >= 32).then_some(31)),
    ];
    patterns.extend(others.map(|(text, lane)| {
        let lane: Source = Box::new(lane);
        (text.to_owned(), lane)
    }));
    patterns
}

/// What source 0 is in a lane through DPP: `None` keeps the destination.
fn fetched(
    x: &In<'_>,
    from: Option<usize>,
    masks: (u32, u32, bool),
    value: impl Fn(&[u64; 4]) -> u32,
) -> Option<u32> {
    let (rows, banks, bound) = masks;
    if (rows >> (x.lane / 16)) & 1 == 0 || (banks >> (x.lane % 16 / 4)) & 1 == 0 {
        return None;
    }
    match from.filter(|from| (x.wave.exec >> from) & 1 == 1) {
        Some(from) => Some(value(&x.wave.lanes[from])),
        None if bound => Some(0),
        None => None,
    }
}

fn dpp_cases() -> Vec<Case> {
    let masks = [
        ("row_mask:0xf bank_mask:0xf", (15, 15, false)),
        ("row_mask:0xf bank_mask:0xf bound_ctrl:0", (15, 15, true)),
        ("row_mask:0x5 bank_mask:0xb", (5, 11, false)),
        ("row_mask:0xe bank_mask:0x6 bound_ctrl:0", (14, 6, true)),
    ];
    let mut cases = Vec::new();
    for (text, masks) in masks {
        for (pattern, from) in patterns() {
            let line = format!("v_mov_b32_dpp v8, v2 {pattern} {text}");
            cases.push(Case::word(line, Match::Bits, move |x| {
                fetched(x, from(x.lane), masks, |lane| lane[0] as u32).unwrap_or(x.d as u32)
            }));
        }
    }
    let right = |l: usize| (l % 16 >= 3).then(|| l - 3);
    let masks = (15, 13, true);
    let end = "row_shr:3 row_mask:0xf bank_mask:0xd bound_ctrl:0";
    cases.push(Case::word(format!("v_add_u32_dpp v8, v2, v4 {end}"), Match::Bits, move |x| {
        let source = fetched(x, right(x.lane), masks, |lane| lane[0] as u32);
        source.map_or(x.d as u32, |v| v.wrapping_add(x.b as u32))
    }));
    // In place: what a lane reads is what was there before.
    cases.push(Case::word(format!("v_add_u32_dpp v8, v8, v8 {end}"), Match::Bits, move |x| {
        let source = fetched(x, right(x.lane), masks, |lane| lane[3] as u32);
        source.map_or(x.d as u32, |v| v.wrapping_add(x.d as u32))
    }));
    cases.push(Case::word(format!("v_add_f32_dpp v8, -v2, |v4| {end}"), Match::F32, move |x| {
        let source = fetched(x, right(x.lane), masks, |lane| lane[0] as u32);
        source.map_or(x.d as u32, |v| {
            let (a, b) = (u64::from(v ^ 0x8000_0000), x.b & 0x7fff_ffff);
            soft::add(F32, a, b) as u32
        })
    }));
    cases.push(Case::word(format!("v_fmac_f32_dpp v8, v2, v4 {end}"), Match::F32, move |x| {
        let source = fetched(x, right(x.lane), masks, |lane| lane[0] as u32);
        source.map_or(x.d as u32, |v| {
            soft::fma(F32, v.into(), x.b & 0xffff_ffff, x.d & 0xffff_ffff) as u32
        })
    }));
    cases.push(Case::word(
        format!("v_cndmask_b32_dpp v8, v2, v4, vcc {end}"),
        Match::Bits,
        move |x| {
            let source = fetched(x, right(x.lane), masks, |lane| lane[0] as u32);
            source.map_or(x.d as u32, |v| if x.vcc { x.b as u32 } else { v })
        },
    ));
    cases
}

/// A part of a register: text, shift, width.
const PARTS: [(&str, u32, u32); 7] = [
    ("BYTE_0", 0, 8),
    ("BYTE_1", 8, 8),
    ("BYTE_2", 16, 8),
    ("BYTE_3", 24, 8),
    ("WORD_0", 0, 16),
    ("WORD_1", 16, 16),
    ("DWORD", 0, 32),
];

fn part(value: u64, (_, shift, width): (&str, u32, u32), signed: bool) -> u32 {
    let field = (value as u32 >> shift) & (u32::MAX >> (32 - width));
    let negative = signed && (field >> (width - 1)) & 1 == 1;
    if negative { field | !(u32::MAX >> (32 - width)) } else { field }
}

/// The destination with `value` in a part; the rest zero, of the part's sign, or as it was.
fn merged(old: u64, value: u32, (_, shift, width): (&str, u32, u32), unused: &str) -> u32 {
    let mask = (u32::MAX >> (32 - width)) << shift;
    let placed = (value << shift) & mask;
    let above = if shift + width == 32 { 0 } else { u32::MAX << (shift + width) };
    match unused {
        "UNUSED_PRESERVE" => placed | (old as u32 & !mask),
        "UNUSED_SEXT" if (placed >> (shift + width - 1)) & 1 == 1 => placed | above,
        _ => placed,
    }
}

const UNUSED: [&str; 3] = ["UNUSED_PAD", "UNUSED_SEXT", "UNUSED_PRESERVE"];

fn sdwa_cases() -> Vec<Case> {
    let mut cases = Vec::new();
    for (number, first) in PARTS.into_iter().enumerate() {
        for (other, to) in PARTS.into_iter().enumerate() {
            let second = PARTS[(number + 2 * other) % 7];
            let unused = UNUSED[(number + other) % 3];
            for (signs, [sign_a, sign_b]) in
                [("v2, v4", [false, false]), ("sext(v2), sext(v4)", [true, true])]
            {
                let line = format!(
                    "v_add_u32_sdwa v8, {signs} dst_sel:{} dst_unused:{unused} src0_sel:{} \
                     src1_sel:{}",
                    to.0, first.0, second.0
                );
                cases.push(Case::word(line, Match::Bits, move |x| {
                    let sum = part(x.a, first, sign_a).wrapping_add(part(x.b, second, sign_b));
                    merged(x.d, sum, to, unused)
                }));
            }
        }
        let line = format!(
            "v_cmp_lt_i32_sdwa s[22:23], sext(v2), v4 src0_sel:{} src1_sel:WORD_1",
            first.0
        );
        cases.push(Case::flag(line, Mask::Pair, move |x| {
            (part(x.a, first, true) as i32) < part(x.b, PARTS[5], false) as i32
        }));
    }
    for to in [PARTS[4], PARTS[5]] {
        let line = format!(
            "v_mul_f16_sdwa v8, -v2, |v4| dst_sel:{} dst_unused:UNUSED_PRESERVE src0_sel:WORD_1 \
             src1_sel:WORD_0",
            to.0
        );
        cases.push(Case::word(line, Match::F16Pair, move |x| {
            let (a, b) = (((x.a >> 16) & 0xffff) ^ 0x8000, x.b & 0x7fff);
            merged(x.d, soft::mul(F16, a, b) as u32, to, "UNUSED_PRESERVE")
        }));
    }
    cases.push(Case::word(
        "v_mov_b32_sdwa v8, v2 dst_sel:BYTE_2 dst_unused:UNUSED_PRESERVE src0_sel:BYTE_3",
        Match::Bits,
        |x| merged(x.d, (x.a as u32) >> 24, PARTS[2], "UNUSED_PRESERVE"),
    ));
    cases.push(Case::word(
        "v_lshlrev_b32_sdwa v8, v2, v4 dst_sel:DWORD dst_unused:UNUSED_PAD src0_sel:BYTE_1 \
         src1_sel:WORD_1",
        Match::Bits,
        |x| ((x.b as u32) >> 16) << ((x.a >> 8) % 32),
    ));
    cases.push(Case::word(
        "v_add_f32_sdwa v8, v2, |v4| clamp dst_sel:DWORD dst_unused:UNUSED_PAD src0_sel:DWORD \
         src1_sel:DWORD",
        Match::F32,
        |x| {
            let sum = soft::add(F32, x.a & 0xffff_ffff, x.b & 0x7fff_ffff);
            finished(F32, x.mode, sum, 1.0, true) as u32
        },
    ));
    cases.push(Case::word(
        "v_cvt_f32_f16_sdwa v8, v2 dst_sel:DWORD dst_unused:UNUSED_PAD src0_sel:WORD_1",
        Match::F32,
        |x| soft::convert(F16, F32, (x.a >> 16) & 0xffff) as u32,
    ));
    cases
}

/// Moves between lanes, scalars and accumulation registers.
fn move_cases() -> Vec<Case> {
    let first = |x: &In<'_>| x.wave.lanes[x.wave.exec.trailing_zeros() as usize % 64];
    let all = |x: &In<'_>, lane: usize| x.wave.lanes[lane][0] as u32;
    vec![
        Case::word("v_readfirstlane_b32 s28, v2\nv_mov_b32_e32 v8, s28", Match::Bits, move |x| {
            first(x)[0] as u32
        }),
        Case::word("v_readlane_b32 s28, v2, 37\nv_mov_b32_e32 v8, s28", Match::Bits, move |x| {
            all(x, 37)
        }),
        Case::word("v_readlane_b32 s28, v2, s24\nv_mov_b32_e32 v8, s28", Match::Bits, move |x| {
            all(x, x.wave.scalar as usize % 64)
        }),
        Case::word(
            "v_mov_b32_e32 v8, 0\nv_writelane_b32 v8, s24, 11\nv_writelane_b32 v8, s25, 63",
            Match::Bits,
            |x| match x.lane {
                11 => x.wave.scalar as u32,
                63 => (x.wave.scalar >> 32) as u32,
                _ => 0,
            },
        )
        .on_in_any_case(&[11, 63]),
        Case::word("v_swap_b32 v8, v2", Match::Bits, |x| x.a as u32),
        Case::word("v_swap_b32 v2, v8\nv_mov_b32_e32 v8, v2", Match::Bits, |x| x.d as u32),
        Case::word(
            "v_accvgpr_write_b32 a3, v2\nv_accvgpr_mov_b32 a9, a3\ns_nop 1\n\
             v_accvgpr_read_b32 v8, a9",
            Match::Bits,
            |x| x.a as u32,
        ),
    ]
}

pub(crate) fn cases() -> Vec<Case> {
    let mut cases = dpp_cases();
    cases.extend(sdwa_cases());
    cases.extend(move_cases());
    cases
}

#[test]
fn dpp_patterns() {
    check(&dpp_cases(), &waves([Kind::F32; 4], 3, 0xd9), &[Mode::DEFAULT]);
}

#[test]
fn parts_of_registers() {
    check(&sdwa_cases(), &waves([Kind::Int; 4], 6, 0x5d), &[Mode::DEFAULT]);
}

#[test]
fn moves_between_lanes() {
    check(&move_cases(), &waves([Kind::Int; 4], 6, 0x30), &[Mode::DEFAULT]);
}
