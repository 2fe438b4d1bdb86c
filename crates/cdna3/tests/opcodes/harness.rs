//! Many vector instructions in one kernel: operands in, results and masks out.
//!
//! A case is one line of assembly over fixed registers and its meaning, lane by lane. Registers:
//! `v[2:3]`, `v[4:5]`, `v[6:7]` sources a, b, c; `v[8:9]` the destination with an old value;
//! `vcc` and `s[20:21]` masks going in; `s[22:23]` a mask coming out; `s[24:25]` a scalar
//! operand. The instruction runs with some lanes off; every register that a case does not write
//! must keep its value.

use std::fmt::Write as _;

use crate::device::{Device, bytes};

/// Bytes of one wave's operands: 64 lanes of four 64-bit values, then four masks.
const INPUT_BYTES: usize = 64 * 32 + 32;
/// Bytes of one case's results in one wave.
const OUTPUT_BYTES: usize = 64 * 32;
/// LDS of the kernel; little of it is used.
const LDS_BYTES: u32 = 4096;
/// What `s[22:23]` holds before the instruction.
const OLD_MASK: u64 = 0x5a5a_0f0f_3c3c_9696;

/// The mode register's bits 4 to 9.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Mode(pub(crate) u32);

impl Mode {
    /// As HIP kernels begin: all denormals, `DX10_CLAMP`, `IEEE`.
    pub(crate) const DEFAULT: Self = Self(0x3f);
    /// No denormals in or out.
    pub(crate) const FLUSH: Self = Self(0x30);
    /// No denormals, NaN passes clamp, not IEEE: output modifiers work.
    pub(crate) const PLAIN: Self = Self(0x00);
    /// Denormal sources, flushed results, not IEEE.
    pub(crate) const IN_ONLY: Self = Self(0x15);
    /// Flushed sources, denormal results.
    pub(crate) const OUT_ONLY: Self = Self(0x3a);
    /// All of them.
    pub(crate) const ALL: [Self; 5] =
        [Self::DEFAULT, Self::FLUSH, Self::PLAIN, Self::IN_ONLY, Self::OUT_ONLY];

    /// Whether denormal sources count, in f32 (`false`) or in f16 and f64.
    pub(crate) fn allows_in(self, other: bool) -> bool {
        (self.0 >> (2 * u32::from(other))) & 1 == 1
    }

    /// Whether denormal results are kept.
    pub(crate) fn allows_out(self, other: bool) -> bool {
        (self.0 >> (2 * u32::from(other))) & 2 == 2
    }

    /// Whether clamp makes zero of NaN.
    pub(crate) fn is_dx10_clamp(self) -> bool {
        self.0 & 0x10 != 0
    }

    /// Whether signalling NaN are quieted by minima, and output modifiers ignored.
    pub(crate) fn is_ieee(self) -> bool {
        self.0 & 0x20 != 0
    }
}

/// One wave's operands.
#[derive(Clone, Debug)]
pub(crate) struct Operands {
    pub(crate) lanes: Vec<[u64; 4]>,
    pub(crate) vcc: u64,
    pub(crate) pair: u64,
    pub(crate) exec: u64,
    pub(crate) scalar: u64,
}

/// What a lane sees.
#[derive(Clone, Copy, Debug)]
pub(crate) struct In<'a> {
    pub(crate) a: u64,
    pub(crate) b: u64,
    pub(crate) c: u64,
    /// Old value of the destination.
    pub(crate) d: u64,
    /// Its bits of `vcc` and `s[20:21]`.
    pub(crate) vcc: bool,
    pub(crate) pair: bool,
    pub(crate) lane: usize,
    pub(crate) mode: Mode,
    pub(crate) wave: &'a Operands,
}

/// What a lane gives.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Out {
    /// The destination, all 64 bits.
    pub(crate) d: u64,
    /// Its bit of the mask result.
    pub(crate) flag: bool,
}

/// Where the mask result goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Mask {
    None,
    Vcc,
    Pair,
    /// `v_cmpx`: to a mask and to exec.
    VccAndExec,
    PairAndExec,
}

/// How results are compared.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Match {
    /// To the bit.
    Bits,
    /// To the bit, but any quiet NaN for a NaN: f32 low, f32 in both halves, f64, f16 low, f16 in
    /// all four quarters.
    F32,
    F32Pair,
    F64,
    F16,
    F16Pair,
}

type Meaning = Box<dyn Fn(&In<'_>) -> Out>;

/// One instruction.
pub(crate) struct Case {
    pub(crate) line: String,
    pub(crate) mask: Mask,
    pub(crate) matching: Match,
    pub(crate) meaning: Meaning,
    /// Lanes that are written even when they are off.
    pub(crate) always: u64,
}

impl Case {
    /// The same, with lanes that the instruction writes whatever exec says.
    pub(crate) fn on_in_any_case(mut self, lanes: &[usize]) -> Self {
        self.always = lanes.iter().fold(0, |mask, lane| mask | (1 << lane));
        self
    }

    /// A case that writes all of `d`.
    pub(crate) fn wide(
        line: impl Into<String>,
        matching: Match,
        f: impl Fn(&In<'_>) -> u64 + 'static,
    ) -> Self {
        let meaning = Box::new(move |x: &In<'_>| Out { d: f(x), flag: false });
        Self { line: line.into(), mask: Mask::None, matching, meaning, always: 0 }
    }

    /// A case that writes the low dword.
    pub(crate) fn word(
        line: impl Into<String>,
        matching: Match,
        f: impl Fn(&In<'_>) -> u32 + 'static,
    ) -> Self {
        Self::wide(line, matching, move |x| keep_high(x.d, f(x)))
    }

    /// A case that writes a mask only.
    pub(crate) fn flag(
        line: impl Into<String>,
        mask: Mask,
        f: impl Fn(&In<'_>) -> bool + 'static,
    ) -> Self {
        let meaning = Box::new(move |x: &In<'_>| Out { d: x.d, flag: f(x) });
        Self { line: line.into(), mask, matching: Match::Bits, meaning, always: 0 }
    }

    /// A case that writes the low dword and a mask.
    pub(crate) fn word_and_flag(
        line: impl Into<String>,
        mask: Mask,
        f: impl Fn(&In<'_>) -> (u32, bool) + 'static,
    ) -> Self {
        let meaning = Box::new(move |x: &In<'_>| {
            let (word, flag) = f(x);
            Out { d: keep_high(x.d, word), flag }
        });
        Self { line: line.into(), mask, matching: Match::Bits, meaning, always: 0 }
    }
}

/// `d` with its low dword replaced.
pub(crate) fn keep_high(d: u64, low: u32) -> u64 {
    (d & !0xffff_ffff) | u64::from(low)
}

fn kernel_text(cases: &[Case]) -> String {
    let mut text = String::from(
        "s_load_dwordx4 s[4:7], s[0:1], 0\n\
         s_load_dwordx2 s[8:9], s[0:1], 16\n\
         s_waitcnt lgkmcnt(0)\n\
         s_mul_i32 s10, s2, 2080\n\
         s_add_u32 s4, s4, s10\n\
         s_addc_u32 s5, s5, 0\n\
         s_mul_i32 s10, s2, s9\n\
         s_add_u32 s6, s6, s10\n\
         s_addc_u32 s7, s7, 0\n\
         s_load_dwordx8 s[12:19], s[4:5], 2048\n\
         s_waitcnt lgkmcnt(0)\n\
         v_lshlrev_b32_e32 v1, 5, v0\n\
         s_setreg_b32 hwreg(HW_REG_MODE, 4, 6), s8\n",
    );
    for case in cases {
        writeln!(
            text,
            "global_load_dwordx4 v[2:5], v1, s[4:5]\n\
             global_load_dwordx4 v[6:9], v1, s[4:5] offset:16\n\
             s_mov_b64 vcc, s[12:13]\n\
             s_mov_b64 s[20:21], s[14:15]\n\
             s_mov_b32 s22, 0x3c3c9696\n\
             s_mov_b32 s23, 0x5a5a0f0f\n\
             s_mov_b64 s[24:25], s[18:19]\n\
             s_waitcnt vmcnt(0)\n\
             s_mov_b64 exec, s[16:17]\n\
             s_nop 4\n\
             {}\n\
             s_nop 4\n\
             s_mov_b64 s[26:27], exec\n\
             s_mov_b64 exec, -1\n\
             v_mov_b32_e32 v10, s22\n\
             v_mov_b32_e32 v11, s23\n\
             v_mov_b32_e32 v12, vcc_lo\n\
             v_mov_b32_e32 v13, vcc_hi\n\
             v_mov_b32_e32 v14, s26\n\
             v_mov_b32_e32 v15, s27\n\
             global_store_dwordx4 v1, v[8:11], s[6:7]\n\
             global_store_dwordx4 v1, v[12:15], s[6:7] offset:16\n\
             s_add_u32 s6, s6, 2048\n\
             s_addc_u32 s7, s7, 0",
            case.line
        )
        .expect("a String takes everything");
    }
    text.push_str("s_endpgm\n");
    text
}

/// Runs the cases over the operands in every mode; panics with what differs.
pub(crate) fn check(cases: &[Case], waves: &[Operands], modes: &[Mode]) {
    let mut device = Device::assemble(&kernel_text(cases), LDS_BYTES);
    let mut input = Vec::with_capacity(INPUT_BYTES * waves.len());
    for wave in waves {
        input.extend(bytes!(wave.lanes.concat()));
        input.extend(bytes!([wave.vcc, wave.pair, wave.exec, wave.scalar]));
    }
    let in_address = device.memory.allocate("in", &input);
    let stride = OUTPUT_BYTES * cases.len();
    let mut failures = Vec::new();
    for &mode in modes {
        let name = format!("out {mode:?}");
        let out = device.memory.allocate(&name, &vec![0; stride * waves.len()]);
        let mut args = bytes!([in_address, out]);
        args.extend(bytes!([mode.0, stride as u32]));
        device.launch("cases", waves.len() as u32, 64, &args);
        let results = device.words(&name);
        for (index, case) in cases.iter().enumerate() {
            let found = waves.iter().enumerate().find_map(|(number, wave)| {
                let at = (number * stride + index * OUTPUT_BYTES) / 4;
                compare(case, wave, mode, &results[at..at + OUTPUT_BYTES / 4])
            });
            failures.extend(found.map(|what| format!("{} in {mode:x?}: {what}", case.line)));
        }
    }
    let num = failures.len();
    let shown = failures[..num.min(40)].join("\n");
    assert!(failures.is_empty(), "{num} of {} cases differ:\n{shown}", cases.len() * modes.len());
}

fn compare(case: &Case, wave: &Operands, mode: Mode, words: &[u32]) -> Option<String> {
    let pair = |at: usize| u64::from(words[at]) | (u64::from(words[at + 1]) << 32);
    let mut flags = 0;
    for lane in 0..64 {
        let [a, b, c, d] = wave.lanes[lane];
        let bit = |mask: u64| (mask >> lane) & 1 == 1;
        let x = In { a, b, c, d, vcc: bit(wave.vcc), pair: bit(wave.pair), lane, mode, wave };
        let want =
            if bit(wave.exec | case.always) { (case.meaning)(&x) } else { Out { d, flag: false } };
        flags |= u64::from(want.flag) << lane;
        let got = pair(lane * 8);
        if !matches(case.matching, got, want.d) {
            let exec = bit(wave.exec);
            return Some(format!(
                "lane {lane} (on: {exec}) a {a:#x} b {b:#x} c {c:#x} d {d:#x} s {:#x}: got \
                 {got:#x}, want {:#x}",
                wave.scalar, want.d
            ));
        }
    }
    let mut want = [OLD_MASK, wave.vcc, wave.exec];
    match case.mask {
        Mask::None => {}
        Mask::Vcc => want[1] = flags,
        Mask::Pair => want[0] = flags,
        Mask::VccAndExec => (want[1], want[2]) = (flags, flags),
        Mask::PairAndExec => (want[0], want[2]) = (flags, flags),
    }
    let got = [pair(2), pair(4), pair(6)];
    (got != want).then(|| format!("s[22:23], vcc, exec: got {got:#x?}, want {want:#x?}"))
}

fn matches(matching: Match, got: u64, want: u64) -> bool {
    let same = |width: u32, exponent: u64, quiet: u64, shift: u32| {
        let field = |v: u64| (v >> shift) & (u64::MAX >> (64 - width));
        let is_nan = |v: u64| {
            let magnitude = field(v) & (u64::MAX >> (65 - width));
            magnitude > exponent
        };
        field(got) == field(want) || (is_nan(got) && is_nan(want) && field(got) & quiet != 0)
    };
    let f16 = |shift| same(16, 0x7c00, 0x200, shift);
    let f32 = |shift| same(32, 0x7f80_0000, 0x40_0000, shift);
    let high = got >> 32 == want >> 32;
    match matching {
        Match::Bits => got == want,
        Match::F32 => high && f32(0),
        Match::F32Pair => f32(0) && f32(32),
        Match::F64 => same(64, 0x7ff0_0000_0000_0000, 1 << 51, 0),
        Match::F16 => high && (got >> 16) & 0xffff == (want >> 16) & 0xffff && f16(0),
        Match::F16Pair => high && f16(0) && f16(16),
    }
}
