//! Scalar operations: one kernel, each operation on many operands, with the condition code before
//! and after, `vcc` and exec where they matter.

use std::fmt::Write as _;

use crate::device::{Device, bytes};
use crate::inputs::{Kind, Random, value};

/// What an operation sees.
#[derive(Clone, Copy, Debug)]
pub(crate) struct State {
    /// `s[20:21]`, `s[22:23]`, and the destination `s[24:25]`.
    a: u64,
    b: u64,
    d: u64,
    scc: bool,
    exec: u64,
}

type Meaning = fn(&mut State);

/// A line over those registers and what it does to the state.
struct Case(&'static str, Meaning);

const NUM_INPUTS: usize = 384;

fn low(x: &mut State, value: u32) {
    x.d = (x.d & !0xffff_ffff) | u64::from(value);
}

/// A 32-bit result whose condition code says that it is not zero.
fn flagged(x: &mut State, value: u32) {
    low(x, value);
    x.scc = value != 0;
}

fn flagged64(x: &mut State, value: u64) {
    x.d = value;
    x.scc = value != 0;
}

fn unsigned(x: &mut State, sum: i128) {
    low(x, sum as u32);
    x.scc = !(0..1 << 32).contains(&sum);
}

fn signed(x: &mut State, sum: i128) {
    low(x, sum as u32);
    x.scc = !(-(1 << 31)..1 << 31).contains(&sum);
}

fn u(v: u64) -> i128 {
    (v as u32).into()
}

fn i(v: u64) -> i128 {
    (v as i32).into()
}

fn select(x: &mut State, first: bool) {
    let value = if first { x.a } else { x.b };
    low(x, value as u32);
    x.scc = first;
}

/// First position from the low end with that bit.
fn first(v: u64, width: u32, bit: u64) -> u32 {
    (0..width).find(|at| (v >> at) & 1 == bit).unwrap_or(u32::MAX)
}

fn ones(v: u64, width: u32) -> u32 {
    (0..width).map(|at| (v >> at) as u32 & 1).sum()
}

fn reversed(v: u64, width: u32) -> u64 {
    (0..width).fold(0, |all, at| all | (((v >> at) & 1) << (width - 1 - at)))
}

/// From the high end the first bit that differs from the sign.
fn sign_end(v: u64, width: u32) -> u32 {
    let sign = (v >> (width - 1)) & 1;
    first(reversed(v, width), width, 1 - sign)
}

fn field(v: i128, offset: u32, width: u32, signed: bool, size: u32) -> u64 {
    let width = width.min(size);
    let field = (v >> offset) & ((1_i128 << width) - 1);
    let negative = signed && width > 0 && (field >> (width - 1)) & 1 == 1;
    (if negative { field - (1 << width) } else { field }) as u64
}

fn saveexec(x: &mut State, new: u64) {
    x.d = x.exec;
    x.exec = new;
    x.scc = new != 0;
}

fn wrexec(x: &mut State, new: u64) {
    (x.d, x.exec, x.scc) = (new, new, new != 0);
}

fn sums() -> Vec<Case> {
    vec![
        Case("s_add_u32 s24, s20, s22", |x| unsigned(x, u(x.a) + u(x.b))),
        Case("s_sub_u32 s24, s20, s22", |x| unsigned(x, u(x.a) - u(x.b))),
        Case("s_add_i32 s24, s20, s22", |x| signed(x, i(x.a) + i(x.b))),
        Case("s_sub_i32 s24, s20, s22", |x| signed(x, i(x.a) - i(x.b))),
        Case("s_addc_u32 s24, s20, s22", |x| unsigned(x, u(x.a) + u(x.b) + i128::from(x.scc))),
        Case("s_subb_u32 s24, s20, s22", |x| unsigned(x, u(x.a) - u(x.b) - i128::from(x.scc))),
        Case("s_addk_i32 s24, 0x8123", |x| signed(x, i(x.d) - 0x7edd)),
        Case("s_mulk_i32 s24, 0x8123", |x| low(x, (i(x.d) * -0x7edd) as u32)),
        Case("s_min_i32 s24, s20, s22", |x| select(x, i(x.a) < i(x.b))),
        Case("s_min_u32 s24, s20, s22", |x| select(x, u(x.a) < u(x.b))),
        Case("s_max_i32 s24, s20, s22", |x| select(x, i(x.a) > i(x.b))),
        Case("s_max_u32 s24, s20, s22", |x| select(x, u(x.a) > u(x.b))),
        Case("s_mul_i32 s24, s20, s22", |x| low(x, (i(x.a) * i(x.b)) as u32)),
        Case("s_mul_hi_u32 s24, s20, s22", |x| low(x, ((u(x.a) * u(x.b)) >> 32) as u32)),
        Case("s_mul_hi_i32 s24, s20, s22", |x| low(x, ((i(x.a) * i(x.b)) >> 32) as u32)),
        Case("s_absdiff_i32 s24, s20, s22", |x| {
            let difference = (i(x.a) - i(x.b)) as i32;
            flagged(x, difference.unsigned_abs());
        }),
        Case("s_lshl1_add_u32 s24, s20, s22", |x| unsigned(x, (u(x.a) << 1) + u(x.b))),
        Case("s_lshl2_add_u32 s24, s20, s22", |x| unsigned(x, (u(x.a) << 2) + u(x.b))),
        Case("s_lshl3_add_u32 s24, s20, s22", |x| unsigned(x, (u(x.a) << 3) + u(x.b))),
        Case("s_lshl4_add_u32 s24, s20, s22", |x| unsigned(x, (u(x.a) << 4) + u(x.b))),
        Case("s_abs_i32 s24, s20", |x| flagged(x, (x.a as i32).unsigned_abs())),
    ]
}

fn bits() -> Vec<Case> {
    vec![
        Case("s_and_b32 s24, s20, s22", |x| flagged(x, (x.a & x.b) as u32)),
        Case("s_or_b32 s24, s20, s22", |x| flagged(x, (x.a | x.b) as u32)),
        Case("s_xor_b32 s24, s20, s22", |x| flagged(x, (x.a ^ x.b) as u32)),
        Case("s_andn2_b32 s24, s20, s22", |x| flagged(x, (x.a & !x.b) as u32)),
        Case("s_orn2_b32 s24, s20, s22", |x| flagged(x, (x.a | !x.b) as u32)),
        Case("s_nand_b32 s24, s20, s22", |x| flagged(x, !(x.a & x.b) as u32)),
        Case("s_nor_b32 s24, s20, s22", |x| flagged(x, !(x.a | x.b) as u32)),
        Case("s_xnor_b32 s24, s20, s22", |x| flagged(x, !(x.a ^ x.b) as u32)),
        Case("s_and_b64 s[24:25], s[20:21], s[22:23]", |x| flagged64(x, x.a & x.b)),
        Case("s_or_b64 s[24:25], s[20:21], s[22:23]", |x| flagged64(x, x.a | x.b)),
        Case("s_xor_b64 s[24:25], s[20:21], s[22:23]", |x| flagged64(x, x.a ^ x.b)),
        Case("s_andn2_b64 s[24:25], s[20:21], s[22:23]", |x| flagged64(x, x.a & !x.b)),
        Case("s_orn2_b64 s[24:25], s[20:21], s[22:23]", |x| flagged64(x, x.a | !x.b)),
        Case("s_nand_b64 s[24:25], s[20:21], s[22:23]", |x| flagged64(x, !(x.a & x.b))),
        Case("s_nor_b64 s[24:25], s[20:21], s[22:23]", |x| flagged64(x, !(x.a | x.b))),
        Case("s_xnor_b64 s[24:25], s[20:21], s[22:23]", |x| flagged64(x, !(x.a ^ x.b))),
        Case("s_not_b32 s24, s20", |x| flagged(x, !x.a as u32)),
        Case("s_not_b64 s[24:25], s[20:21]", |x| flagged64(x, !x.a)),
        Case("s_pack_ll_b32_b16 s24, s20, s22", |x| {
            low(x, (x.a as u32 & 0xffff) | ((x.b as u32) << 16));
        }),
        Case("s_pack_lh_b32_b16 s24, s20, s22", |x| {
            low(x, (x.a as u32 & 0xffff) | (x.b as u32 & 0xffff_0000));
        }),
        Case("s_pack_hh_b32_b16 s24, s20, s22", |x| {
            low(x, ((x.a as u32) >> 16) | (x.b as u32 & 0xffff_0000));
        }),
        Case("s_brev_b32 s24, s20", |x| low(x, reversed(x.a & 0xffff_ffff, 32) as u32)),
        Case("s_brev_b64 s[24:25], s[20:21]", |x| x.d = reversed(x.a, 64)),
        Case("s_sext_i32_i8 s24, s20", |x| low(x, x.a as i8 as u32)),
        Case("s_sext_i32_i16 s24, s20", |x| low(x, x.a as i16 as u32)),
        Case("s_bitset0_b32 s24, s20", |x| low(x, x.d as u32 & !(1 << (x.a % 32)))),
        Case("s_bitset1_b32 s24, s20", |x| low(x, x.d as u32 | (1 << (x.a % 32)))),
        Case("s_bitset0_b64 s[24:25], s20", |x| x.d &= !(1 << (x.a % 64))),
        Case("s_bitset1_b64 s[24:25], s20", |x| x.d |= 1 << (x.a % 64)),
    ]
}

fn shifts() -> Vec<Case> {
    vec![
        Case("s_lshl_b32 s24, s20, s22", |x| flagged(x, (x.a as u32) << (x.b % 32))),
        Case("s_lshr_b32 s24, s20, s22", |x| flagged(x, x.a as u32 >> (x.b % 32))),
        Case("s_ashr_i32 s24, s20, s22", |x| flagged(x, (x.a as i32 >> (x.b % 32)) as u32)),
        Case("s_lshl_b64 s[24:25], s[20:21], s22", |x| flagged64(x, x.a << (x.b % 64))),
        Case("s_lshr_b64 s[24:25], s[20:21], s22", |x| flagged64(x, x.a >> (x.b % 64))),
        Case("s_ashr_i64 s[24:25], s[20:21], s22", |x| {
            flagged64(x, (x.a as i64 >> (x.b % 64)) as u64);
        }),
        Case("s_bfm_b32 s24, s20, s22", |x| low(x, ((1 << (x.a % 32)) - 1) << (x.b % 32))),
        Case("s_bfm_b64 s[24:25], s20, s22", |x| x.d = ((1 << (x.a % 64)) - 1) << (x.b % 64)),
        Case("s_bfe_u32 s24, s20, s22", |x| {
            let (offset, width) = (x.b as u32 % 32, (x.b as u32 >> 16) % 128);
            flagged(x, field(u(x.a), offset, width, false, 32) as u32);
        }),
        Case("s_bfe_i32 s24, s20, s22", |x| {
            let (offset, width) = (x.b as u32 % 32, (x.b as u32 >> 16) % 128);
            flagged(x, field(i(x.a), offset, width, true, 32) as u32);
        }),
        Case("s_bfe_u64 s[24:25], s[20:21], s22", |x| {
            let (offset, width) = (x.b as u32 % 64, (x.b as u32 >> 16) % 128);
            flagged64(x, field(x.a.into(), offset, width, false, 64));
        }),
        Case("s_bfe_i64 s[24:25], s[20:21], s22", |x| {
            let (offset, width) = (x.b as u32 % 64, (x.b as u32 >> 16) % 128);
            flagged64(x, field((x.a as i64).into(), offset, width, true, 64));
        }),
    ]
}

fn counts() -> Vec<Case> {
    vec![
        Case("s_bcnt0_i32_b32 s24, s20", |x| flagged(x, ones(!x.a, 32))),
        Case("s_bcnt1_i32_b32 s24, s20", |x| flagged(x, ones(x.a, 32))),
        Case("s_bcnt0_i32_b64 s24, s[20:21]", |x| flagged(x, ones(!x.a, 64))),
        Case("s_bcnt1_i32_b64 s24, s[20:21]", |x| flagged(x, ones(x.a, 64))),
        Case("s_ff0_i32_b32 s24, s20", |x| low(x, first(x.a, 32, 0))),
        Case("s_ff1_i32_b32 s24, s20", |x| low(x, first(x.a, 32, 1))),
        Case("s_ff0_i32_b64 s24, s[20:21]", |x| low(x, first(x.a, 64, 0))),
        Case("s_ff1_i32_b64 s24, s[20:21]", |x| low(x, first(x.a, 64, 1))),
        Case("s_flbit_i32_b32 s24, s20", |x| low(x, first(reversed(x.a, 32), 32, 1))),
        Case("s_flbit_i32_b64 s24, s[20:21]", |x| low(x, first(reversed(x.a, 64), 64, 1))),
        Case("s_flbit_i32 s24, s20", |x| low(x, sign_end(x.a, 32))),
        Case("s_flbit_i32_i64 s24, s[20:21]", |x| low(x, sign_end(x.a, 64))),
    ]
}

fn moves() -> Vec<Case> {
    vec![
        Case("s_mov_b32 s24, s20", |x| low(x, x.a as u32)),
        Case("s_mov_b32 s24, 0xdeadbeef", |x| low(x, 0xdead_beef)),
        Case("s_mov_b64 s[24:25], s[20:21]", |x| x.d = x.a),
        Case("s_mov_b64 s[24:25], -7", |x| x.d = -7_i64 as u64),
        Case("s_cmov_b32 s24, s20", |x| {
            if x.scc {
                low(x, x.a as u32);
            }
        }),
        Case("s_cmov_b64 s[24:25], s[20:21]", |x| {
            if x.scc {
                x.d = x.a;
            }
        }),
        Case("s_movk_i32 s24, 0x8123", |x| low(x, 0xffff_8123)),
        Case("s_cmovk_i32 s24, 0x8123", |x| {
            if x.scc {
                low(x, 0xffff_8123);
            }
        }),
        Case("s_cselect_b32 s24, s20, s22", |x| low(x, if x.scc { x.a } else { x.b } as u32)),
        Case("s_cselect_b64 s[24:25], s[20:21], s[22:23]", |x| {
            x.d = if x.scc { x.a } else { x.b };
        }),
    ]
}

fn execs() -> Vec<Case> {
    vec![
        Case("s_and_saveexec_b64 s[24:25], s[20:21]", |x| saveexec(x, x.a & x.exec)),
        Case("s_or_saveexec_b64 s[24:25], s[20:21]", |x| saveexec(x, x.a | x.exec)),
        Case("s_xor_saveexec_b64 s[24:25], s[20:21]", |x| saveexec(x, x.a ^ x.exec)),
        Case("s_andn2_saveexec_b64 s[24:25], s[20:21]", |x| saveexec(x, x.a & !x.exec)),
        Case("s_orn2_saveexec_b64 s[24:25], s[20:21]", |x| saveexec(x, x.a | !x.exec)),
        Case("s_nand_saveexec_b64 s[24:25], s[20:21]", |x| saveexec(x, !(x.a & x.exec))),
        Case("s_nor_saveexec_b64 s[24:25], s[20:21]", |x| saveexec(x, !(x.a | x.exec))),
        Case("s_xnor_saveexec_b64 s[24:25], s[20:21]", |x| saveexec(x, !(x.a ^ x.exec))),
        Case("s_andn1_saveexec_b64 s[24:25], s[20:21]", |x| saveexec(x, !x.a & x.exec)),
        Case("s_orn1_saveexec_b64 s[24:25], s[20:21]", |x| saveexec(x, !x.a | x.exec)),
        Case("s_andn1_wrexec_b64 s[24:25], s[20:21]", |x| wrexec(x, !x.a & x.exec)),
        Case("s_andn2_wrexec_b64 s[24:25], s[20:21]", |x| wrexec(x, x.a & !x.exec)),
    ]
}

fn compares() -> Vec<Case> {
    vec![
        Case("s_cmp_eq_i32 s20, s22", |x| x.scc = i(x.a) == i(x.b)),
        Case("s_cmp_lg_i32 s20, s22", |x| x.scc = i(x.a) != i(x.b)),
        Case("s_cmp_gt_i32 s20, s22", |x| x.scc = i(x.a) > i(x.b)),
        Case("s_cmp_ge_i32 s20, s22", |x| x.scc = i(x.a) >= i(x.b)),
        Case("s_cmp_lt_i32 s20, s22", |x| x.scc = i(x.a) < i(x.b)),
        Case("s_cmp_le_i32 s20, s22", |x| x.scc = i(x.a) <= i(x.b)),
        Case("s_cmp_eq_u32 s20, s22", |x| x.scc = u(x.a) == u(x.b)),
        Case("s_cmp_lg_u32 s20, s22", |x| x.scc = u(x.a) != u(x.b)),
        Case("s_cmp_gt_u32 s20, s22", |x| x.scc = u(x.a) > u(x.b)),
        Case("s_cmp_ge_u32 s20, s22", |x| x.scc = u(x.a) >= u(x.b)),
        Case("s_cmp_lt_u32 s20, s22", |x| x.scc = u(x.a) < u(x.b)),
        Case("s_cmp_le_u32 s20, s22", |x| x.scc = u(x.a) <= u(x.b)),
        Case("s_cmp_eq_u64 s[20:21], s[22:23]", |x| x.scc = x.a == x.b),
        Case("s_cmp_lg_u64 s[20:21], s[22:23]", |x| x.scc = x.a != x.b),
        Case("s_bitcmp0_b32 s20, s22", |x| x.scc = (x.a >> (x.b % 32)) & 1 == 0),
        Case("s_bitcmp1_b32 s20, s22", |x| x.scc = (x.a >> (x.b % 32)) & 1 == 1),
        Case("s_bitcmp0_b64 s[20:21], s22", |x| x.scc = (x.a >> (x.b % 64)) & 1 == 0),
        Case("s_bitcmp1_b64 s[20:21], s22", |x| x.scc = (x.a >> (x.b % 64)) & 1 == 1),
        Case("s_cmpk_eq_i32 s20, 0x8000", |x| x.scc = i(x.a) == -0x8000),
        Case("s_cmpk_lg_i32 s20, 0x8000", |x| x.scc = i(x.a) != -0x8000),
        Case("s_cmpk_gt_i32 s20, 0x8000", |x| x.scc = i(x.a) > -0x8000),
        Case("s_cmpk_ge_i32 s20, 0x8000", |x| x.scc = i(x.a) >= -0x8000),
        Case("s_cmpk_lt_i32 s20, 0x8000", |x| x.scc = i(x.a) < -0x8000),
        Case("s_cmpk_le_i32 s20, 0x8000", |x| x.scc = i(x.a) <= -0x8000),
        Case("s_cmpk_eq_u32 s20, 0x8000", |x| x.scc = u(x.a) == 0x8000),
        Case("s_cmpk_lg_u32 s20, 0x8000", |x| x.scc = u(x.a) != 0x8000),
        Case("s_cmpk_gt_u32 s20, 0x8000", |x| x.scc = u(x.a) > 0x8000),
        Case("s_cmpk_ge_u32 s20, 0x8000", |x| x.scc = u(x.a) >= 0x8000),
        Case("s_cmpk_lt_u32 s20, 0x8000", |x| x.scc = u(x.a) < 0x8000),
        Case("s_cmpk_le_u32 s20, 0x8000", |x| x.scc = u(x.a) <= 0x8000),
    ]
}

fn all() -> Vec<Case> {
    [sums, bits, shifts, counts, moves, execs, compares].iter().flat_map(|f| f()).collect()
}

/// The lines, for the count of what is tested.
pub(crate) fn lines() -> Vec<String> {
    all().iter().map(|case| case.0.to_owned()).collect()
}

/// Each work-group takes one input: 4 times 8 bytes, the last has the condition code in bit 0.
fn kernel_text(cases: &[Case]) -> String {
    let mut text = String::from(
        "s_load_dwordx4 s[4:7], s[0:1], 0\n\
         s_load_dword s8, s[0:1], 16\n\
         s_waitcnt lgkmcnt(0)\n\
         s_mul_i32 s10, s2, 40\n\
         s_add_u32 s4, s4, s10\n\
         s_addc_u32 s5, s5, 0\n\
         s_mul_i32 s10, s2, s8\n\
         s_add_u32 s6, s6, s10\n\
         s_addc_u32 s7, s7, 0\n\
         v_mov_b32_e32 v0, 0\n",
    );
    for (index, case) in cases.iter().enumerate() {
        writeln!(
            text,
            "s_load_dwordx4 s[20:23], s[4:5], 0\n\
             s_load_dwordx2 s[24:25], s[4:5], 16\n\
             s_load_dwordx4 s[28:31], s[4:5], 24\n\
             s_waitcnt lgkmcnt(0)\n\
             s_cmp_lg_u32 s30, 0\n\
             s_mov_b64 exec, s[28:29]\n\
             {}\n\
             s_mov_b64 s[26:27], exec\n\
             s_mov_b64 exec, 1\n\
             s_cselect_b32 s30, 1, 0\n\
             v_mov_b32_e32 v2, s24\n\
             v_mov_b32_e32 v3, s25\n\
             v_mov_b32_e32 v4, s26\n\
             v_mov_b32_e32 v5, s27\n\
             v_mov_b32_e32 v6, s30\n\
             v_mov_b32_e32 v1, {}\n\
             global_store_dwordx4 v1, v[2:5], s[6:7]\n\
             global_store_dword v1, v6, s[6:7] offset:16",
            case.0,
            index * 20
        )
        .expect("a String takes everything");
    }
    text + "s_endpgm\n"
}

#[test]
fn scalar_operations() {
    let cases = all();
    let mut random = Random(0x5a1);
    let states: Vec<State> = (0..NUM_INPUTS)
        .map(|index| {
            let kind = if index % 2 == 0 { Kind::Int } else { Kind::Small };
            let [a, mut b, d] = [(); 3].map(|()| value(kind, &mut random));
            match index % 8 {
                // Equal operands; fields of all widths.
                0 => b = a,
                1 | 3 => b = (random.next() % 64) | ((random.next() % 80) << 16),
                _ => {}
            }
            let exec = if index % 16 == 5 { 0 } else { random.next() };
            State { a, b, d, scc: random.next() % 2 == 1, exec }
        })
        .collect();
    let stride = cases.len() * 20;
    let mut device = Device::assemble(&kernel_text(&cases), 0);
    let mut input = Vec::new();
    for state in &states {
        input.extend(bytes!([state.a, state.b, state.d, state.exec, u64::from(state.scc)]));
    }
    let from = device.memory.allocate("in", &input);
    let to = device.memory.allocate("out", &vec![0; stride * states.len()]);
    let mut args = bytes!([from, to]);
    args.extend(bytes!([stride as u32]));
    device.launch("cases", states.len() as u32, 64, &args);
    let words = device.words("out");
    let mut failures = Vec::new();
    for (index, case) in cases.iter().enumerate() {
        for (number, state) in states.iter().enumerate() {
            let at = number * stride / 4 + index * 5;
            let pair = |at: usize| u64::from(words[at]) | (u64::from(words[at + 1]) << 32);
            let mut want = *state;
            (case.1)(&mut want);
            let got = (pair(at), pair(at + 2), words[at + 4] == 1);
            if got != (want.d, want.exec, want.scc) {
                failures.push(format!("{}: {state:x?}: got {got:x?}, want {want:x?}", case.0));
                break;
            }
        }
    }
    assert!(failures.is_empty(), "{} operations differ:\n{}", failures.len(), failures.join("\n"));
}
