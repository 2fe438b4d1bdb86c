//! What needs more than one instruction to be seen: program flow, the mode register, exchanges
//! through LDS, loads of scalars, loads to LDS, buffers with a stride, accesses out of range.

use cdna3::exec::Dim3;

use crate::device::{Device, bytes};
use crate::harness::{Case, In, Match, Mode, check};
use crate::inputs::{Kind, waves};

/// The lane that a lane reads.
type LaneOf = fn(usize) -> usize;
/// What a lane loads from the words of memory.
type Loaded = fn(&[u32], usize) -> u32;

fn low(v: u64) -> u64 {
    v & 0xffff_ffff
}

/// `taken` tells from vcc, exec and the scalar operand whether the branch is taken.
fn branch(name: &str, before: &str, number: usize, taken: fn(&In<'_>) -> bool) -> Case {
    let line = format!(
        "{before}v_mov_b32_e32 v8, 1\n{name} .Lto{number}\nv_mov_b32_e32 v8, 2\n.Lto{number}:"
    );
    Case::word(line, Match::Bits, move |x| if taken(x) { 1 } else { 2 })
}

fn flow_cases() -> Vec<Case> {
    let compare = "s_bitcmp1_b32 s24, 3\n";
    let bit = |x: &In<'_>| (x.wave.scalar >> 3) & 1 == 1;
    let clear_vcc = "s_bitcmp1_b32 s24, 3\ns_cselect_b64 vcc, vcc, 0\n";
    // Exec is put back before the result is looked at.
    let exec = |name: &str, number: usize, want: u32, other: u32| {
        let line = format!(
            "s_mov_b64 s[28:29], exec\ns_bitcmp1_b32 s24, 3\ns_cselect_b64 exec, exec, 0\n\
             {name} .Lto{number}\ns_mov_b64 exec, s[28:29]\nv_mov_b32_e32 v8, 2\n\
             s_branch .Lend{number}\n.Lto{number}:\ns_mov_b64 exec, s[28:29]\n\
             v_mov_b32_e32 v8, 1\n.Lend{number}:"
        );
        Case::word(line, Match::Bits, move |x| if bit(x) { want } else { other })
    };
    vec![
        branch("s_branch", "", 0, |_| true),
        branch("s_cbranch_scc0", compare, 1, |x| (x.wave.scalar >> 3) & 1 == 0),
        branch("s_cbranch_scc1", compare, 2, |x| (x.wave.scalar >> 3) & 1 == 1),
        branch("s_cbranch_vccnz", "", 3, |x| x.wave.vcc != 0),
        branch("s_cbranch_vccz", "", 4, |x| x.wave.vcc == 0),
        Case::word(
            format!(
                "s_mov_b64 s[28:29], vcc\n{clear_vcc}v_mov_b32_e32 v8, 1\n\
                 s_cbranch_vccz .Lto5\nv_mov_b32_e32 v8, 2\n.Lto5:\ns_mov_b64 vcc, s[28:29]"
            ),
            Match::Bits,
            move |x| if bit(x) { 2 } else { 1 },
        ),
        // One half of vcc is enough.
        Case::word(
            "s_mov_b64 s[28:29], vcc\ns_mov_b64 vcc, 1\ns_lshl_b64 vcc, vcc, 40\n\
             v_mov_b32_e32 v8, 1\ns_cbranch_vccnz .Lto10\nv_mov_b32_e32 v8, 2\n.Lto10:\n\
             s_cbranch_vccz .Lto11\nv_add_u32_e32 v8, 4, v8\n.Lto11:\n\
             s_mov_b64 vcc, s[28:29]",
            Match::Bits,
            |_| 5,
        ),
        exec("s_cbranch_execnz", 6, 1, 2),
        exec("s_cbranch_execz", 7, 2, 1),
        // A call to an address, a call to a label, and returns.
        Case::word(
            "s_getpc_b64 s[28:29]\n.Lpc8:\ns_add_u32 s28, s28, .Lfn8-.Lpc8\n\
             s_addc_u32 s29, s29, 0\ns_swappc_b64 s[30:31], s[28:29]\n\
             v_add_u32_e32 v8, 1, v8\ns_branch .Lend8\n.Lfn8:\nv_mov_b32_e32 v8, v2\n\
             s_setpc_b64 s[30:31]\n.Lend8:",
            Match::Bits,
            |x| (x.a as u32).wrapping_add(1),
        ),
        Case::word(
            "s_call_b64 s[30:31], .Lfn9\nv_add_u32_e32 v8, 2, v8\ns_branch .Lend9\n.Lfn9:\n\
             v_mov_b32_e32 v8, v2\ns_setpc_b64 s[30:31]\n.Lend9:",
            Match::Bits,
            |x| (x.a as u32).wrapping_add(2),
        ),
    ]
}

/// What has no result but must not stop a wave, and time.
fn other_cases() -> Vec<Case> {
    vec![
        // Time goes on.
        Case::word(
            "s_memtime s[28:29]\ns_waitcnt lgkmcnt(0)\ns_memrealtime s[30:31]\n\
             s_waitcnt lgkmcnt(0)\ns_cmp_lg_u64 s[28:29], s[30:31]\n\
             s_cselect_b32 s28, 1, 0\nv_mov_b32_e32 v8, s28",
            Match::Bits,
            |_| 1,
        ),
        // Nothing to see: these only must not stop.
        Case::word(
            "s_nop 3\ns_sleep 1\ns_setprio 2\ns_wakeup\ns_icache_inv\ns_dcache_inv\n\
             s_dcache_wb\ns_dcache_inv_vol\ns_dcache_wb_vol\ns_barrier\nbuffer_wbl2 sc1\n\
             buffer_inv sc1\ns_waitcnt 0",
            Match::Bits,
            |x| x.d as u32,
        ),
    ]
}

/// The fields of the mode register, read, and written without touching the others.
fn mode_cases() -> Vec<Case> {
    let restored = "s_setreg_b32 hwreg(HW_REG_MODE, 4, 6), s28";
    let saved = "s_getreg_b32 s28, hwreg(HW_REG_MODE, 4, 6)";
    vec![
        Case::word(format!("{saved}\nv_mov_b32_e32 v8, s28"), Match::Bits, |x| x.mode.0),
        Case::word(
            "s_getreg_b32 s28, hwreg(HW_REG_MODE, 8, 2)\nv_mov_b32_e32 v8, s28",
            Match::Bits,
            |x| x.mode.0 >> 4,
        ),
        Case::word(
            format!(
                "{saved}\ns_setreg_imm32_b32 hwreg(HW_REG_MODE, 5, 2), 1\n\
                 s_getreg_b32 s29, hwreg(HW_REG_MODE, 4, 6)\n{restored}\nv_mov_b32_e32 v8, s29"
            ),
            Match::Bits,
            |x| (x.mode.0 & !6) | 2,
        ),
        Case::word(
            format!(
                "{saved}\ns_mov_b32 s30, 0xffffff2a\n\
                 s_setreg_b32 hwreg(HW_REG_MODE, 4, 4), s30\n\
                 s_getreg_b32 s29, hwreg(HW_REG_MODE, 4, 6)\n{restored}\nv_mov_b32_e32 v8, s29"
            ),
            Match::Bits,
            |x| (x.mode.0 & !15) | 10,
        ),
    ]
}

/// Data of other lanes through LDS' crossbar, which needs no LDS; lanes that are off give 0.
fn exchange_cases() -> Vec<Case> {
    fn from(x: &In<'_>, lane: usize) -> u32 {
        if (x.wave.exec >> lane) & 1 == 1 { x.wave.lanes[lane][1] as u32 } else { 0 }
    }
    let swizzles: [(&str, LaneOf); 6] = [
        ("QUAD_PERM,3,0,2,1", |l| l / 4 * 4 + [3, 0, 2, 1][l % 4]),
        ("SWAP,16", |l| l ^ 16),
        ("SWAP,1", |l| l ^ 1),
        ("REVERSE,8", |l| l / 8 * 8 + 7 - l % 8),
        ("BROADCAST,32,9", |l| l / 32 * 32 + 9),
        ("BITMASK_PERM,\"01pi0\"", |l| l / 32 * 32 + (8 | (l & 4) | (!l & 2))),
    ];
    let mut cases: Vec<Case> = swizzles
        .into_iter()
        .map(|(text, lane)| {
            let line = format!("ds_swizzle_b32 v8, v4 offset:swizzle({text})\ns_waitcnt 0");
            Case::word(line, Match::Bits, move |x| from(x, lane(x.lane)))
        })
        .collect();
    cases.push(Case::word("ds_bpermute_b32 v8, v2, v4 offset:20\ns_waitcnt 0", Match::Bits, |x| {
        from(x, (x.a as u32).wrapping_add(20) as usize / 4 % 64)
    }));
    // The highest lane that pushes to a place wins.
    cases.push(Case::word("ds_permute_b32 v8, v2, v4 offset:8\ns_waitcnt 0", Match::Bits, |x| {
        let to = |lane: usize| (x.wave.lanes[lane][0] as u32).wrapping_add(8) as usize / 4 % 64;
        let pushes = |&lane: &usize| (x.wave.exec >> lane) & 1 == 1 && to(lane) == x.lane;
        (0..64).rev().find(pushes).map_or(0, |lane| x.wave.lanes[lane][1] as u32)
    }));
    cases
}

/// Two addresses in one instruction, and places behind the end of LDS.
fn pair_cases() -> Vec<Case> {
    let start = "v_lshlrev_b32_e32 v16, 4, v0\nds_write_b64 v16, v[2:3]\n\
                 ds_write_b64 v16, v[4:5] offset:8\ns_waitcnt 0\n";
    vec![
        Case::wide(
            format!("{start}ds_read2_b32 v[8:9], v16 offset0:1 offset1:2\ns_waitcnt 0"),
            Match::Bits,
            |x| (x.a >> 32) | (x.b << 32),
        ),
        Case::wide(
            format!(
                "{start}ds_read2_b64 v[20:23], v16 offset0:1 offset1:0\ns_waitcnt 0\n\
                 v_xor_b32_e32 v8, v20, v22\nv_sub_u32_e32 v9, v21, v23"
            ),
            Match::Bits,
            |x| low(x.a ^ x.b) | ((x.b >> 32).wrapping_sub(x.a >> 32) << 32),
        ),
        Case::wide(
            "v_lshlrev_b32_e32 v16, 4, v0\nds_write2_b32 v16, v2, v4 offset0:3 offset1:1\n\
             s_waitcnt 0\nds_read_b32 v8, v16 offset:4\nds_read_b32 v9, v16 offset:12\n\
             s_waitcnt 0",
            Match::Bits,
            |x| low(x.b) | (x.a << 32),
        ),
        Case::wide(
            "v_lshlrev_b32_e32 v16, 4, v0\nds_write2_b64 v16, v[2:3], v[4:5] offset0:1 offset1:0\n\
             s_waitcnt 0\nds_read_b32 v8, v16 offset:4\nds_read_b32 v9, v16 offset:8\n\
             s_waitcnt 0",
            Match::Bits,
            |x| (x.b >> 32) | (x.a << 32),
        ),
        Case::wide(
            "v_lshlrev_b32_e32 v16, 2, v0\nds_write2st64_b32 v16, v2, v4 offset0:3 offset1:1\n\
             s_waitcnt 0\nds_read_b32 v8, v16 offset:256\nds_read_b32 v9, v16 offset:768\n\
             s_waitcnt 0",
            Match::Bits,
            |x| low(x.b) | (x.a << 32),
        ),
        Case::wide(
            "v_lshlrev_b32_e32 v16, 2, v0\nds_write_b32 v16, v2 offset:512\n\
             ds_write_b32 v16, v4\ns_waitcnt 0\n\
             ds_read2st64_b32 v[8:9], v16 offset0:2 offset1:0\ns_waitcnt 0",
            Match::Bits,
            |x| low(x.a) | (x.b << 32),
        ),
        Case::wide(
            "v_lshlrev_b32_e32 v16, 3, v0\n\
             ds_write2st64_b64 v16, v[2:3], v[4:5] offset0:2 offset1:1\ns_waitcnt 0\n\
             ds_read2st64_b64 v[20:23], v16 offset0:1 offset1:2\ns_waitcnt 0\n\
             v_xor_b32_e32 v8, v20, v23\nv_sub_u32_e32 v9, v21, v22",
            Match::Bits,
            |x| low(x.b ^ (x.a >> 32)) | ((x.b >> 32).wrapping_sub(x.a) << 32),
        ),
        // Behind the end: nothing is written, zero is read.
        Case::word(
            "v_mov_b32_e32 v16, 0x2000\nds_write_b32 v16, v2\ns_waitcnt 0\n\
             ds_read_b32 v8, v16\ns_waitcnt 0",
            Match::Bits,
            |_| 0,
        ),
    ]
}

fn all() -> Vec<Case> {
    [flow_cases(), other_cases(), mode_cases(), exchange_cases(), pair_cases()]
        .into_iter()
        .flatten()
        .collect()
}

/// The lines, for the count of what is tested.
pub(crate) fn lines() -> Vec<String> {
    let cases = all();
    let lines = cases.iter().flat_map(|case| case.line.lines()).map(str::to_owned);
    lines
        .chain([SCALAR_LOADS, TO_LDS, STRIDES].iter().flat_map(|t| t.lines().map(str::to_owned)))
        .collect()
}

#[test]
fn branches_calls_and_the_mode() {
    let cases: Vec<Case> =
        [flow_cases(), other_cases(), mode_cases()].into_iter().flatten().collect();
    check(&cases, &waves([Kind::Int; 4], 4, 0xf1), &Mode::ALL);
}

#[test]
fn exchanges_through_lds() {
    let cases: Vec<Case> = [exchange_cases(), pair_cases()].into_iter().flatten().collect();
    check(&cases, &waves([Kind::Int; 4], 4, 0xf2), &[Mode::DEFAULT]);
}

#[test]
fn what_stops_a_wave_is_named() {
    let stops = [
        ("s_trap 3", "s_trap 3"),
        ("s_sethalt 1", "unsupported: no meaning for this operation"),
        // A call to where there is no code.
        ("s_mov_b64 s[28:29], 64\ns_swappc_b64 s[30:31], s[28:29]", "no instruction at 0x40"),
        ("s_mov_b64 s[28:29], 64\ns_setpc_b64 s[28:29]", "no instruction at 0x40"),
        ("s_setreg_imm32_b32 hwreg(HW_REG_MODE, 0, 2), 1", "rounding"),
        ("s_getreg_b32 s28, hwreg(HW_REG_HW_ID)", "s_getreg of this hardware register"),
    ];
    for (text, why) in stops {
        let mut device = Device::assemble(&format!("{text}\ns_endpgm\n"), 0);
        let one = Dim3([1, 1, 1]);
        let fault = device.try_launch("cases", one, one, 0, &[]).expect_err(text);
        let (message, last) = (fault.to_string(), text.lines().last().unwrap_or_default());
        assert!(message.contains(why), "{text}: {message}");
        let mnemonic = last.split_whitespace().next().unwrap_or_default();
        assert!(message.contains(mnemonic), "{text}: {message}");
    }
}

#[test]
fn what_has_no_definition_is_refused_before_it_runs() {
    let refused = [
        "v_mfma_f32_16x16x8_xf32 v[0:3], v[4:5], v[6:7], v[0:3]",
        "v_mfma_f32_32x32x4_xf32 v[16:31], v[4:5], v[6:7], v[16:31]",
        "v_mfma_f32_4x4x4_16b_f16 v[0:3], v[4:5], v[6:7], v[0:3] cbsz:5",
        "v_mfma_f32_4x4x4_16b_f16 v[0:3], v[4:5], v[6:7], v[0:3] cbsz:2 abid:4",
        "v_mul_i32_i24_e64 v8, v2, v4 clamp",
        "v_mad_u64_u32 v[8:9], s[22:23], v2, v4, v[6:7] clamp",
        "v_cvt_pkrtz_f16_f32 v8, v2, v4 clamp",
        "v_dot2c_f32_f16_e64 v8, -v2, v4",
    ];
    for line in refused {
        let why = Device::unsupported(&format!("{line}\ns_endpgm\n"));
        assert_eq!(why.as_deref(), Some(line));
    }
}

/// Runs a kernel on words at its first argument; the second has room for as many as it returns.
fn run(text: &str, input: &[u32], room: usize) -> Vec<u32> {
    let mut device = Device::assemble(text, 4096);
    let pointers = [
        device.memory.allocate("in", &bytes!(input)),
        device.memory.allocate("out", &vec![0xaa; 4 * room]),
    ];
    device.launch("cases", 1, 64, &bytes!(pointers));
    device.words("out")
}

fn input(count: u32) -> Vec<u32> {
    (0..count).map(|i| 0x0102_0304_u32.wrapping_mul(2 * i + 1)).collect()
}

/// Every width of scalar load, by constant and by register, and through buffer resources.
const SCALAR_LOADS: &str = "\
s_load_dwordx4 s[4:7], s[0:1], 0
s_waitcnt lgkmcnt(0)
s_movk_i32 s9, 0x20
s_add_u32 s12, s4, 64
s_addc_u32 s13, s5, 0
s_movk_i32 s14, 0x50
s_mov_b32 s15, 0x20000
s_load_dword s20, s[4:5], 0x4
s_load_dwordx2 s[22:23], s[4:5], s9
s_load_dwordx4 s[24:27], s[4:5], s9 offset:0x10
s_load_dwordx8 s[28:35], s[4:5], 0x40
s_load_dwordx16 s[36:51], s[4:5], 0x80
s_buffer_load_dword s52, s[12:15], 0x4
s_buffer_load_dwordx2 s[54:55], s[12:15], s9
s_buffer_load_dwordx4 s[56:59], s[12:15], 0x48
s_buffer_load_dwordx8 s[60:67], s[12:15], 0x10
s_buffer_load_dwordx16 s[68:83], s[12:15], 0x20
s_waitcnt lgkmcnt(0)
v_mov_b32_e32 v0, 0
";

#[test]
fn scalars_are_loaded() {
    let mut text = SCALAR_LOADS.to_owned();
    for register in 20..84 {
        text += &format!(
            "v_mov_b32_e32 v1, s{register}\nglobal_store_dword v0, v1, s[6:7] offset:{}\n",
            4 * (register - 20)
        );
    }
    let data = input(256);
    let out = run(&(text + "s_endpgm\n"), &data, 64);
    let at = |register: usize| &out[register - 20..];
    assert_eq!(at(20)[0], data[1]);
    assert_eq!(at(22)[..2], data[8..10]);
    assert_eq!(at(24)[..4], data[12..16]);
    assert_eq!(at(28)[..8], data[16..24]);
    assert_eq!(at(36)[..16], data[32..48]);
    // The buffer begins 16 words in and has 20; behind its end there are zeros.
    let buffer = |word: usize| if word < 20 { data[16 + word] } else { 0 };
    assert_eq!(at(52)[0], buffer(1));
    for (register, first, count) in [(54, 8, 2), (56, 18, 4), (60, 4, 8), (68, 8, 16)] {
        let want: Vec<u32> = (first..first + count).map(buffer).collect();
        assert_eq!(at(register)[..count], want, "s{register}");
    }
}

/// Loads to LDS: a dword for each lane that is on, at M0 and the offset, whatever was loaded.
const TO_LDS: &str = "\
s_load_dwordx4 s[4:7], s[0:1], 0
v_lshlrev_b32_e32 v1, 2, v0
v_lshlrev_b32_e32 v2, 3, v0
v_mov_b32_e32 v3, -1
ds_write_b32 v1, v3
ds_write_b32 v1, v3 offset:256
ds_write_b32 v1, v3 offset:512
ds_write_b32 v1, v3 offset:768
ds_write_b32 v1, v3 offset:1024
s_waitcnt lgkmcnt(0)
s_mov_b32 s12, s4
s_mov_b32 s13, s5
s_movk_i32 s14, 0x1000
s_mov_b32 s15, 0x20000
s_mov_b32 s20, 0xfffffffd
s_mov_b32 s21, 0x7fffffff
s_mov_b64 exec, s[20:21]
s_mov_b32 m0, 0
global_load_lds_dword v2, s[4:5]
s_mov_b32 m0, 240
global_load_lds_dword v1, s[4:5] offset:16
s_mov_b32 m0, 512
global_load_lds_ushort v2, s[4:5]
s_mov_b32 m0, 768
global_load_lds_ubyte v2, s[4:5]
s_mov_b32 m0, 1024
buffer_load_dword v2, s[12:15], 0 offen lds
s_waitcnt vmcnt(0)
s_mov_b64 exec, -1
";

#[test]
fn loads_go_to_lds() {
    let mut text = TO_LDS.to_owned();
    for at in 0..5 {
        text += &format!(
            "ds_read_b32 v3, v1 offset:{0}\ns_waitcnt lgkmcnt(0)\n\
             global_store_dword v1, v3, s[6:7] offset:{0}\n",
            256 * at
        );
    }
    let data = input(256);
    let out = run(&(text + "s_endpgm\n"), &data, 320);
    let loaded: [(&str, Loaded); 5] = [
        ("dword", |data, lane| data[2 * lane]),
        // At M0 240, offset 16: both on the address and on the place in LDS.
        ("offset", |data, lane| data[lane + 4]),
        ("ushort", |data, lane| data[2 * lane] & 0xffff),
        ("ubyte", |data, lane| data[2 * lane] & 0xff),
        ("buffer", |data, lane| data[2 * lane]),
    ];
    for (index, (what, value)) in loaded.into_iter().enumerate() {
        for lane in 0..64 {
            let on = lane != 1 && lane != 63;
            let want = if on { value(&data, lane) } else { u32::MAX };
            assert_eq!(out[64 * index + lane], want, "{what}, lane {lane}");
        }
    }
}

/// A buffer of 20 records of 12 bytes: by index, by index and offset, stored by index.
const STRIDES: &str = "\
s_load_dwordx4 s[4:7], s[0:1], 0
v_lshlrev_b32_e32 v1, 2, v0
v_mov_b32_e32 v2, v0
v_mov_b32_e32 v3, 4
s_waitcnt lgkmcnt(0)
s_mov_b32 s12, s4
s_or_b32 s13, s5, 0xc0000
s_movk_i32 s14, 20
s_mov_b32 s15, 0x20000
buffer_load_dword v4, v2, s[12:15], 0 idxen offset:8
buffer_load_dword v5, v[2:3], s[12:15], 0 idxen offen
buffer_load_ushort v6, v[2:3], s[12:15], 0 idxen offen offset:2
s_waitcnt vmcnt(0)
global_store_dword v1, v4, s[6:7]
global_store_dword v1, v5, s[6:7] offset:256
global_store_dword v1, v6, s[6:7] offset:512
s_add_u32 s12, s6, 768
s_addc_u32 s13, s7, 0
s_or_b32 s13, s13, 0xc0000
buffer_store_dword v0, v2, s[12:15], 0 idxen offset:4
s_endpgm
";

#[test]
fn buffers_have_records() {
    let data = input(256);
    let out = run(STRIDES, &data, 192 + 256);
    for lane in 0..64 {
        let record = |word: usize| if lane < 20 { data[3 * lane + word] } else { 0 };
        assert_eq!(out[lane], record(2), "{lane}: by index");
        assert_eq!(out[64 + lane], record(1), "{lane}: by index and offset");
        assert_eq!(out[128 + lane], record(1) >> 16, "{lane}: half of it");
        let stored = if lane < 20 { lane as u32 } else { 0xaaaa_aaaa };
        assert_eq!(out[192 + 3 * lane + 1], stored, "{lane}: stored");
        assert_eq!(out[192 + 3 * lane], 0xaaaa_aaaa, "{lane}: beside it");
    }
}
