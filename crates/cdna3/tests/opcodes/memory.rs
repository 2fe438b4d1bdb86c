//! Loads, stores and atomics of every size and address space: global, flat (over global memory,
//! LDS and private memory), scratch, buffers and LDS, against bytes moved by the test.
//!
//! Each case works on a region of its own in which every lane has 32 bytes; the accessed ones begin
//! 16 bytes in. Lanes that are off must leave memory and registers alone.

use std::fmt::Write as _;

use crate::device::{Device, bytes};
use crate::inputs::Random;
use crate::soft::{self, F16, F32, F64};

/// Bytes of a case's region.
const REGION: usize = 2048;
/// Lanes that are on.
const EXEC: u64 = 0xfedc_ba98_f7f3_2d61;

/// `f(memory, data, compare)` of an element, on the bits of its size.
type Function = fn(u64, u64, u64) -> u64;

/// What happens to the bytes at the address.
#[derive(Clone, Copy)]
enum Effect {
    /// Into the register: sign extended; into one half.
    Load { signed: bool, half: Option<bool> },
    /// From the register, or from its high half.
    Store { high: bool },
    /// The kind of numbers in memory, and the function.
    Atomic(Numbers, Function),
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Numbers {
    Int,
    F32,
    F64,
    F16,
    Bf16,
}

/// An access without its address space.
#[derive(Clone, Copy)]
struct Access {
    name: &'static str,
    bytes: usize,
    effect: Effect,
}

const fn load(name: &'static str, bytes: usize, signed: bool) -> Access {
    Access { name, bytes, effect: Effect::Load { signed, half: None } }
}

const fn load_half(name: &'static str, bytes: usize, signed: bool, high: bool) -> Access {
    Access { name, bytes, effect: Effect::Load { signed, half: Some(high) } }
}

const fn store(name: &'static str, bytes: usize, high: bool) -> Access {
    Access { name, bytes, effect: Effect::Store { high } }
}

const fn atomic(name: &'static str, bytes: usize, numbers: Numbers, f: Function) -> Access {
    Access { name, bytes, effect: Effect::Atomic(numbers, f) }
}

/// The names that flat, global, scratch and buffer memory share.
const VECTOR: [Access; 22] = [
    load("load_ubyte", 1, false),
    load("load_sbyte", 1, true),
    load("load_ushort", 2, false),
    load("load_sshort", 2, true),
    load("load_dword", 4, false),
    load("load_dwordx2", 8, false),
    load("load_dwordx3", 12, false),
    load("load_dwordx4", 16, false),
    load_half("load_ubyte_d16", 1, false, false),
    load_half("load_ubyte_d16_hi", 1, false, true),
    load_half("load_sbyte_d16", 1, true, false),
    load_half("load_sbyte_d16_hi", 1, true, true),
    load_half("load_short_d16", 2, false, false),
    load_half("load_short_d16_hi", 2, false, true),
    store("store_byte", 1, false),
    store("store_byte_d16_hi", 1, true),
    store("store_short", 2, false),
    store("store_short_d16_hi", 2, true),
    store("store_dword", 4, false),
    store("store_dwordx2", 8, false),
    store("store_dwordx3", 12, false),
    store("store_dwordx4", 16, false),
];

fn smaller(old: u64, data: u64, _: u64) -> u64 {
    old.min(data)
}

fn larger(old: u64, data: u64, _: u64) -> u64 {
    old.max(data)
}

fn increment(old: u64, data: u64, _: u64) -> u64 {
    if old >= data { 0 } else { old + 1 }
}

fn decrement(old: u64, data: u64, _: u64) -> u64 {
    if old == 0 || old > data { data } else { old - 1 }
}

fn add_f64(old: u64, data: u64, _: u64) -> u64 {
    soft::add(F64, old, data)
}

fn add_f32(old: u64, data: u64, _: u64) -> u64 {
    soft::add(F32, old, data)
}

fn min_f64(old: u64, data: u64, _: u64) -> u64 {
    if f64::from_bits(data) < f64::from_bits(old) { data } else { old }
}

fn max_f64(old: u64, data: u64, _: u64) -> u64 {
    if f64::from_bits(data) > f64::from_bits(old) { data } else { old }
}

fn min_f32(old: u64, data: u64, _: u64) -> u64 {
    if F32.value(data) < F32.value(old) { data } else { old }
}

fn max_f32(old: u64, data: u64, _: u64) -> u64 {
    if F32.value(data) > F32.value(old) { data } else { old }
}

fn pk_add_f16(old: u64, data: u64, _: u64) -> u64 {
    let sum = |shift: u32| soft::add(F16, (old >> shift) & 0xffff, (data >> shift) & 0xffff);
    sum(0) | (sum(16) << 16)
}

/// bf16 as the upper half of an f32; nearest, ties to even, by the f32's dropped bits.
fn pk_add_bf16(old: u64, data: u64, _: u64) -> u64 {
    let sum = |shift: u32| {
        let wide = |v: u64| F32.value(((v >> shift) & 0xffff) << 16);
        // Sums of two bf16 of like size are exact in f64; one rounding to 8 bits.
        let exact = wide(old) + wide(data);
        soft::Exact::of(F64, exact.to_bits()).rounded(soft::Format { fraction: 7, exponent: 8 })
    };
    sum(0) | (sum(16) << 16)
}

/// Atomics of flat and global memory and of buffers.
fn vector_atomics() -> Vec<Access> {
    use Numbers::{Bf16, F16, F32, F64, Int};
    let mut all = vec![
        atomic("atomic_swap", 4, Int, |_, data, _| data),
        atomic(
            "atomic_cmpswap",
            4,
            Int,
            |old, data, compare| if old == compare { data } else { old },
        ),
        atomic("atomic_add", 4, Int, |old, data, _| (old + data) & 0xffff_ffff),
        atomic("atomic_sub", 4, Int, |old, data, _| old.wrapping_sub(data) & 0xffff_ffff),
        atomic(
            "atomic_smin",
            4,
            Int,
            |old, data, _| if (old as i32) < data as i32 { old } else { data },
        ),
        atomic("atomic_umin", 4, Int, smaller),
        atomic(
            "atomic_smax",
            4,
            Int,
            |old, data, _| if (old as i32) > data as i32 { old } else { data },
        ),
        atomic("atomic_umax", 4, Int, larger),
        atomic("atomic_and", 4, Int, |old, data, _| old & data),
        atomic("atomic_or", 4, Int, |old, data, _| old | data),
        atomic("atomic_xor", 4, Int, |old, data, _| old ^ data),
        atomic("atomic_inc", 4, Int, increment),
        atomic("atomic_dec", 4, Int, decrement),
        atomic("atomic_swap_x2", 8, Int, |_, data, _| data),
        atomic(
            "atomic_cmpswap_x2",
            8,
            Int,
            |old, data, compare| {
                if old == compare { data } else { old }
            },
        ),
        atomic("atomic_add_x2", 8, Int, |old, data, _| old.wrapping_add(data)),
        atomic("atomic_sub_x2", 8, Int, |old, data, _| old.wrapping_sub(data)),
        atomic("atomic_smin_x2", 8, Int, |old, data, _| (old as i64).min(data as i64) as u64),
        atomic("atomic_umin_x2", 8, Int, smaller),
        atomic("atomic_smax_x2", 8, Int, |old, data, _| (old as i64).max(data as i64) as u64),
        atomic("atomic_umax_x2", 8, Int, larger),
        atomic("atomic_and_x2", 8, Int, |old, data, _| old & data),
        atomic("atomic_or_x2", 8, Int, |old, data, _| old | data),
        atomic("atomic_xor_x2", 8, Int, |old, data, _| old ^ data),
        atomic("atomic_inc_x2", 8, Int, increment),
        atomic("atomic_dec_x2", 8, Int, decrement),
    ];
    all.extend([
        atomic("atomic_add_f32", 4, F32, add_f32),
        atomic("atomic_pk_add_f16", 4, F16, pk_add_f16),
        atomic("atomic_pk_add_bf16", 4, Bf16, pk_add_bf16),
        atomic("atomic_add_f64", 8, F64, add_f64),
        atomic("atomic_min_f64", 8, F64, min_f64),
        atomic("atomic_max_f64", 8, F64, max_f64),
    ]);
    all
}

const LDS: [Access; 21] = [
    load("read_u8", 1, false),
    load("read_i8", 1, true),
    load("read_u16", 2, false),
    load("read_i16", 2, true),
    load("read_b32", 4, false),
    load("read_b64", 8, false),
    load("read_b96", 12, false),
    load("read_b128", 16, false),
    load_half("read_u8_d16", 1, false, false),
    load_half("read_u8_d16_hi", 1, false, true),
    load_half("read_i8_d16", 1, true, false),
    load_half("read_i8_d16_hi", 1, true, true),
    load_half("read_u16_d16", 2, false, false),
    load_half("read_u16_d16_hi", 2, false, true),
    store("write_b8", 1, false),
    store("write_b8_d16_hi", 1, true),
    store("write_b16", 2, false),
    store("write_b16_d16_hi", 2, true),
    store("write_b32", 4, false),
    store("write_b64", 8, false),
    store("write_b128", 16, false),
];

/// Atomics of LDS: verb, type.
fn lds_atomics() -> Vec<Access> {
    use Numbers::{Bf16, F16, F32, F64, Int};
    vec![
        atomic("add u32", 4, Int, |old, data, _| (old + data) & 0xffff_ffff),
        atomic("sub u32", 4, Int, |old, data, _| old.wrapping_sub(data) & 0xffff_ffff),
        atomic("rsub u32", 4, Int, |old, data, _| data.wrapping_sub(old) & 0xffff_ffff),
        atomic("inc u32", 4, Int, increment),
        atomic("dec u32", 4, Int, decrement),
        atomic(
            "min i32",
            4,
            Int,
            |old, data, _| if (old as i32) < data as i32 { old } else { data },
        ),
        atomic(
            "max i32",
            4,
            Int,
            |old, data, _| if (old as i32) > data as i32 { old } else { data },
        ),
        atomic("min u32", 4, Int, smaller),
        atomic("max u32", 4, Int, larger),
        atomic("and b32", 4, Int, |old, data, _| old & data),
        atomic("or b32", 4, Int, |old, data, _| old | data),
        atomic("xor b32", 4, Int, |old, data, _| old ^ data),
        atomic("wrxchg b32", 4, Int, |_, data, _| data),
        atomic("cmpst b32", 4, Int, |old, data, compare| if old == compare { data } else { old }),
        atomic("min f32", 4, F32, min_f32),
        atomic("max f32", 4, F32, max_f32),
        atomic("add f32", 4, F32, add_f32),
        atomic("pk_add f16", 4, F16, pk_add_f16),
        atomic("pk_add bf16", 4, Bf16, pk_add_bf16),
        atomic("add u64", 8, Int, |old, data, _| old.wrapping_add(data)),
        atomic("sub u64", 8, Int, |old, data, _| old.wrapping_sub(data)),
        atomic("rsub u64", 8, Int, |old, data, _| data.wrapping_sub(old)),
        atomic("inc u64", 8, Int, increment),
        atomic("dec u64", 8, Int, decrement),
        atomic("min i64", 8, Int, |old, data, _| (old as i64).min(data as i64) as u64),
        atomic("max i64", 8, Int, |old, data, _| (old as i64).max(data as i64) as u64),
        atomic("min u64", 8, Int, smaller),
        atomic("max u64", 8, Int, larger),
        atomic("and b64", 8, Int, |old, data, _| old & data),
        atomic("or b64", 8, Int, |old, data, _| old | data),
        atomic("xor b64", 8, Int, |old, data, _| old ^ data),
        atomic("wrxchg b64", 8, Int, |_, data, _| data),
        atomic("cmpst b64", 8, Int, |old, data, compare| if old == compare { data } else { old }),
        atomic("min f64", 8, F64, min_f64),
        atomic("max f64", 8, F64, max_f64),
        atomic("add f64", 8, F64, add_f64),
    ]
}

/// Where an access goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Space {
    /// Scalar base and 32-bit offset.
    Global,
    /// 64-bit address.
    GlobalAddress,
    Flat,
    FlatLds,
    FlatScratch,
    Scratch,
    Buffer,
    /// LDS, and the order of `cmpst`'s data.
    Lds,
}

impl Space {
    fn prefix(self) -> &'static str {
        match self {
            Self::Global | Self::GlobalAddress => "global",
            Self::Flat | Self::FlatLds | Self::FlatScratch => "flat",
            Self::Scratch => "scratch",
            Self::Buffer => "buffer",
            Self::Lds => "ds",
        }
    }

    /// Operands of the address; of stores and atomics the data comes before what is behind `|`.
    fn address(self) -> &'static str {
        match self {
            Self::Global => "v1|, s[4:5]",
            Self::GlobalAddress => "v[12:13]|, off",
            Self::Flat | Self::FlatLds | Self::FlatScratch => "v[12:13]|",
            Self::Scratch => "v14|, off",
            Self::Buffer => "|v1, s[32:35], s31 offen",
            Self::Lds => "v1|",
        }
    }

    fn is_lds(self) -> bool {
        matches!(self, Self::FlatLds | Self::Lds)
    }

    fn is_scratch(self) -> bool {
        matches!(self, Self::FlatScratch | Self::Scratch)
    }
}

/// One access in a space; atomics with or without the old value.
struct Case {
    space: Space,
    access: Access,
    returns: bool,
}

fn registers(first: usize, bytes: usize) -> String {
    match bytes.div_ceil(4) {
        1 => format!("v{first}"),
        n => format!("v[{first}:{}]", first + n - 1),
    }
}

impl Case {
    fn is_compare(&self) -> bool {
        self.access.name.contains("cmp")
    }

    /// Bytes from the lane's place: small ones at an odd place.
    fn offset(&self) -> usize {
        16 + match self.access.bytes {
            1 => 3,
            2 => 2,
            _ => 0,
        }
    }

    fn line(&self) -> String {
        let (space, bytes) = (self.space, self.access.bytes);
        let (front, back) = space.address().split_once('|').expect("it has a mark");
        let offset = self.offset();
        let data = registers(4, if self.is_compare() { 2 * bytes } else { bytes });
        let result = registers(8, bytes);
        let join = |parts: &[&str]| {
            parts.iter().filter(|p| !p.is_empty()).copied().collect::<Vec<_>>().join(", ")
        };
        let name = match (self.access.name.split_once(' '), self.returns) {
            (Some((verb, ty)), true) => format!("{verb}_rtn_{ty}"),
            (Some((verb, ty)), false) => format!("{verb}_{ty}"),
            (None, _) => self.access.name.to_owned(),
        };
        let name = format!("{}_{name}", space.prefix());
        let tail = match (space, self.returns) {
            (Space::Lds, _) | (_, false) => "",
            (_, true) => " sc0",
        };
        match self.access.effect {
            Effect::Load { .. } => {
                let address = join(&[front, back.trim_start_matches(", ")]);
                format!("{name} {result}, {address} offset:{offset}")
            }
            Effect::Store { .. } => {
                format!(
                    "{name} {} offset:{offset}",
                    join(&[front, &data, back.trim_start_matches(", ")])
                )
            }
            Effect::Atomic(..) if space == Space::Lds => {
                let second = if self.is_compare() {
                    format!("{}, {}", registers(4, bytes), registers(4 + bytes / 4, bytes))
                } else {
                    data
                };
                let result = if self.returns { format!("{result}, ") } else { String::new() };
                format!("{name} {result}{front}, {second} offset:{offset}")
            }
            Effect::Atomic(..) => {
                let result = match (self.returns, space) {
                    (true, Space::Buffer) | (false, _) => "",
                    (true, _) => &result,
                };
                let operands = join(&[result, front, &data, back.trim_start_matches(", ")]);
                format!("{name} {operands} offset:{offset}{tail}")
            }
        }
    }

    /// What the lane's registers `v[8:11]` and its 32 bytes become.
    fn apply(&self, data: &[u32], result: &mut [u32], memory: &mut [u8]) {
        let (bytes, offset) = (self.access.bytes, self.offset());
        let place = &mut memory[offset..offset + bytes];
        match self.access.effect {
            Effect::Load { signed, half } => {
                let mut padded = [0; 16];
                padded[..bytes].copy_from_slice(place);
                if bytes >= 4 {
                    for (word, four) in result.iter_mut().zip(padded.chunks(4)).take(bytes / 4) {
                        *word = u32::from_le_bytes([four[0], four[1], four[2], four[3]]);
                    }
                    return;
                }
                let value = u32::from(padded[0]) | (u32::from(padded[1]) << 8);
                let sign = 1 << (8 * bytes - 1);
                let value = if signed && value & sign != 0 { value | !(sign - 1) } else { value };
                result[0] = match half {
                    None => value,
                    Some(false) => (result[0] & 0xffff_0000) | (value & 0xffff),
                    Some(true) => (result[0] & 0xffff) | (value << 16),
                };
            }
            Effect::Store { high } => {
                let words = if high { vec![data[0] >> 16] } else { data.to_vec() };
                place.copy_from_slice(&bytes!(words)[..bytes]);
            }
            Effect::Atomic(_, function) => {
                let number = |words: &[u32]| {
                    let low = u64::from(words[0]);
                    if bytes == 8 { low | (u64::from(words[1]) << 32) } else { low }
                };
                let mut padded = [0; 8];
                padded[..bytes].copy_from_slice(place);
                let old = u64::from_le_bytes(padded);
                let (first, second) = (number(data), number(&data[bytes / 4..]));
                // LDS has the comparand first, the others the new value.
                let lds_compare = self.space == Space::Lds && self.is_compare();
                let (data, compare) = if lds_compare { (second, first) } else { (first, second) };
                let new = function(old, data, compare);
                place.copy_from_slice(&new.to_le_bytes()[..bytes]);
                if self.returns {
                    result[0] = old as u32;
                    if bytes == 8 {
                        result[1] = (old >> 32) as u32;
                    }
                }
            }
        }
    }

    /// Random bits, or numbers of a size that sums neither overflow nor leave the normal numbers;
    /// small integers now and then, and the comparand equal to memory in every other lane.
    fn fill(&self, random: &mut Random, memory: &mut [u8], data: &mut [u32]) {
        for (index, lane) in memory.chunks_mut(32).enumerate() {
            let words = &mut data[4 * index..4 * index + 4];
            for byte in lane.iter_mut() {
                *byte = random.next() as u8;
            }
            words.fill_with(|| random.next() as u32);
            let Effect::Atomic(numbers, _) = self.access.effect else { continue };
            let (offset, bytes) = (self.offset(), self.access.bytes);
            let mut number = || match numbers {
                Numbers::Int if index % 4 == 1 => random.next() % 3,
                Numbers::Int => random.next(),
                Numbers::F32 => F32.of(random.below(1 << 20) as f64 / 64.0 - 5000.0),
                Numbers::F64 => (random.below(1 << 30) as f64 / 64.0 - 5000.0).to_bits(),
                Numbers::F16 => [0, 16].iter().fold(0, |all, shift| {
                    all | (F16.of(random.below(4096) as f64 / 16.0 - 100.0) << shift)
                }),
                Numbers::Bf16 => [16, 32].iter().fold(0, |all, shift| {
                    let value = F32.of(random.below(256) as f64 / 16.0 - 8.0) >> 16;
                    all | (value << (shift - 16))
                }),
            };
            let (old, first, second) = (number(), number(), number());
            let mut put = |at: usize, value: u64| {
                words[at] = value as u32;
                if bytes == 8 {
                    words[at + 1] = (value >> 32) as u32;
                }
            };
            let equal = self.is_compare() && index % 2 == 0;
            let lds = self.space == Space::Lds;
            put(0, if equal && lds { old } else { first });
            if self.is_compare() {
                put(bytes / 4, if equal && !lds { old } else { second });
            }
            lane[offset..offset + bytes].copy_from_slice(&old.to_le_bytes()[..bytes]);
        }
    }

    /// The lane's 32 bytes into LDS or into its private memory, back behind the access, and the
    /// 64-bit address of the access in `v[12:13]`.
    fn surroundings(&self) -> [&'static str; 3] {
        let (before, after) = if self.space.is_lds() {
            (
                "ds_write_b128 v1, v[16:19]\nds_write_b128 v1, v[20:23] offset:16\n",
                "ds_read_b128 v[16:19], v1\nds_read_b128 v[20:23], v1 offset:16\n",
            )
        } else if self.space.is_scratch() {
            (
                "scratch_store_dwordx4 v14, v[16:19], off\n\
                 scratch_store_dwordx4 v14, v[20:23], off offset:16\n",
                "scratch_load_dwordx4 v[16:19], v14, off\n\
                 scratch_load_dwordx4 v[20:23], v14, off offset:16\n",
            )
        } else {
            ("", "")
        };
        let address = match self.space {
            Space::FlatLds => {
                "s_mov_b64 s[36:37], src_shared_base\nv_mov_b32_e32 v12, v1\n\
                               v_mov_b32_e32 v13, s37\n"
            }
            Space::FlatScratch => {
                "s_mov_b64 s[36:37], src_private_base\nv_mov_b32_e32 v12, v14\n\
                                   v_mov_b32_e32 v13, s37\n"
            }
            _ => {
                "v_mov_b32_e32 v12, s4\nv_mov_b32_e32 v13, s5\n\
                  v_add_co_u32_e32 v12, vcc, v12, v1\nv_addc_co_u32_e32 v13, vcc, 0, v13, vcc\n"
            }
        };
        [before, after, address]
    }

    /// Fills registers and memory, accesses with some lanes off, keeps what came of it.
    fn instructions(&self, text: &mut String) {
        let [before, after, address] = self.surroundings();
        let buffer_result = if self.space == Space::Buffer && self.returns {
            "v_mov_b32_e32 v8, v4\n".to_owned()
                + if self.access.bytes == 8 { "v_mov_b32_e32 v9, v5\n" } else { "" }
        } else {
            String::new()
        };
        let copies_back = if after.is_empty() {
            String::new()
        } else {
            format!(
                "{after}s_waitcnt vmcnt(0) lgkmcnt(0)\n\
                 global_store_dwordx4 v1, v[16:19], s[4:5]\n\
                 global_store_dwordx4 v1, v[20:23], s[4:5] offset:16\n"
            )
        };
        write!(
            text,
            "global_load_dwordx4 v[16:19], v1, s[4:5]\n\
             global_load_dwordx4 v[20:23], v1, s[4:5] offset:16\n\
             global_load_dwordx4 v[4:7], v15, s[6:7]\n\
             global_load_dwordx4 v[8:11], v15, s[8:9]\n\
             s_sub_u32 s32, s4, 64\n\
             s_subb_u32 s33, s5, 0\n\
             s_mov_b32 s34, 0x10000\n\
             s_mov_b32 s35, 0x20000\n\
             s_mov_b32 s31, 64\n\
             s_waitcnt vmcnt(0)\n\
             {before}{address}\
             s_waitcnt vmcnt(0) lgkmcnt(0)\n\
             s_mov_b64 exec, s[40:41]\n\
             {}\n\
             s_waitcnt vmcnt(0) lgkmcnt(0)\n\
             {buffer_result}\
             s_mov_b64 exec, -1\n\
             {copies_back}\
             global_store_dwordx4 v15, v[8:11], s[8:9]\n\
             s_waitcnt vmcnt(0)\n\
             s_add_u32 s4, s4, {REGION}\n\
             s_addc_u32 s5, s5, 0\n\
             s_add_u32 s6, s6, 1024\n\
             s_addc_u32 s7, s7, 0\n\
             s_add_u32 s8, s8, 1024\n\
             s_addc_u32 s9, s9, 0\n",
            self.line()
        )
        .expect("a String takes everything");
    }
}

fn cases() -> Vec<Case> {
    let mut cases = Vec::new();
    let spaces = [
        Space::Global,
        Space::GlobalAddress,
        Space::Flat,
        Space::FlatLds,
        Space::FlatScratch,
        Space::Scratch,
        Space::Buffer,
    ];
    for space in spaces {
        cases.extend(VECTOR.map(|access| Case { space, access, returns: false }));
        if space.is_scratch() {
            continue;
        }
        for access in vector_atomics() {
            // Buffers have none of these in bf16.
            if space == Space::Buffer && access.name.ends_with("bf16") {
                continue;
            }
            cases.extend([false, true].map(|returns| Case { space, access, returns }));
        }
    }
    let space = Space::Lds;
    cases.extend(LDS.map(|access| Case { space, access, returns: false }));
    cases.push(Case { space, access: store("write_b96", 12, false), returns: false });
    for access in lds_atomics() {
        let only_returns = access.name.starts_with("wrxchg");
        let forms = if only_returns { vec![true] } else { vec![false, true] };
        cases.extend(forms.into_iter().map(|returns| Case { space, access, returns }));
    }
    cases
}

/// The lines, for the count of what is tested.
pub(crate) fn lines() -> Vec<String> {
    cases().iter().map(Case::line).collect()
}

/// Arguments: regions, data and results, one after the other in each.
fn kernel_text(cases: &[Case]) -> String {
    let mut text = format!(
        "s_load_dwordx4 s[4:7], s[0:1], 0\n\
         s_load_dwordx2 s[8:9], s[0:1], 16\n\
         v_lshlrev_b32_e32 v1, 5, v0\n\
         v_lshlrev_b32_e32 v15, 4, v0\n\
         v_mov_b32_e32 v14, 32\n\
         s_mov_b32 m0, -1\n\
         s_mov_b32 s40, {:#x}\n\
         s_mov_b32 s41, {:#x}\n\
         s_waitcnt lgkmcnt(0)\n",
        EXEC as u32,
        EXEC >> 32
    );
    for case in cases {
        case.instructions(&mut text);
    }
    text + "s_endpgm\n"
}

#[test]
fn every_access_moves_its_bytes() {
    let cases = cases();
    let mut random = Random(0x3e3);
    let mut memory = vec![0; REGION * cases.len()];
    let mut data = vec![0_u32; 256 * cases.len()];
    for ((case, memory), data) in
        cases.iter().zip(memory.chunks_mut(REGION)).zip(data.chunks_mut(256))
    {
        case.fill(&mut random, memory, data);
    }
    let mut results: Vec<u32> = data.iter().map(|_| random.next() as u32).collect();
    let mut device = Device::assemble(&kernel_text(&cases), REGION as u32);
    let addresses = [
        device.memory.allocate("memory", &memory),
        device.memory.allocate("data", &bytes!(data)),
        device.memory.allocate("results", &bytes!(results)),
    ];
    device.launch("cases", 1, 64, &bytes!(addresses));
    let (got_memory, got_results) = (bytes!(device.words("memory")), device.words("results"));
    let mut failures = Vec::new();
    for (index, case) in cases.iter().enumerate() {
        let memory = &mut memory[index * REGION..(index + 1) * REGION];
        for lane in (0..64).filter(|lane| (EXEC >> lane) & 1 == 1) {
            let at = 256 * index + 4 * lane;
            let place = &mut memory[32 * lane..32 * lane + 32];
            case.apply(&data[at..at + 4], &mut results[at..at + 4], place);
        }
        let at = index * REGION;
        let bytes_differ = got_memory[at..at + REGION] != *memory;
        let at = 256 * index;
        let registers = (0..256).find(|l| got_results[at + l] != results[at + l]);
        if bytes_differ || registers.is_some() {
            let first = registers.map(|l| (l / 4, got_results[at + l], results[at + l]));
            failures.push(format!(
                "{} in {:?}: memory differs: {bytes_differ}; register {first:x?}",
                case.line(),
                case.space
            ));
        }
    }
    assert!(failures.is_empty(), "{} accesses differ:\n{}", failures.len(), failures.join("\n"));
}
