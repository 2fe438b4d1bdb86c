//! `v_exp`, `v_log`, `v_rcp`, `v_rsq`, `v_sqrt`, `v_sin`, `v_cos`: within one unit in the last
//! place of the exact result. Denormal f32 are zero going in and coming out, whatever the mode;
//! f16 and f64 follow the mode.

use crate::device::{Device, bytes};
use crate::soft::{Exact, F16, F32, F64, Format};

/// A function of f32 or f16 and its value in f64, whose own error is far below an ulp of f32.
type Reference = fn(f64) -> f64;

const SINGLES: [(&str, Reference); 7] = [
    ("exp", f64::exp2),
    ("log", f64::log2),
    ("rcp", |v| 1.0 / v),
    ("rsq", |v| 1.0 / v.sqrt()),
    ("sqrt", f64::sqrt),
    ("sin", |v| sine_of_turns(v)),
    ("cos", |v| sine_of_turns(v.rem_euclid(1.0) + 0.25)),
];

/// Sine of whole turns, exact where it is zero or one.
fn sine_of_turns(turns: f64) -> f64 {
    let turn = turns - turns.round();
    if turn.abs() == 0.5 {
        return 0.0;
    }
    let reduced = if turn.abs() > 0.25 { 0.5_f64.copysign(turn) - turn } else { turn };
    (reduced * std::f64::consts::TAU).sin()
}

/// One instruction over dwords (or pairs) from memory, written back; `mode` is bits 4 to 9.
fn run(line: &str, input: &[u8], wide: bool, mode: u32) -> Vec<u8> {
    let (shift, size) = if wide { (3, "dwordx2") } else { (2, "dword") };
    let (from, to) = if wide { ("v[2:3]", "v[8:9]") } else { ("v2", "v8") };
    let text = format!(
        "s_load_dwordx4 s[4:7], s[0:1], 0\n\
         s_load_dword s8, s[0:1], 16\n\
         s_waitcnt lgkmcnt(0)\n\
         s_setreg_b32 hwreg(HW_REG_MODE, 4, 6), s8\n\
         s_lshl_b32 s10, s2, 6\n\
         v_add_u32_e32 v1, s10, v0\n\
         v_lshlrev_b32_e32 v1, {shift}, v1\n\
         global_load_{size} {from}, v1, s[4:5]\n\
         s_waitcnt vmcnt(0)\n\
         {line}\n\
         s_nop 4\n\
         global_store_{size} v1, {to}, s[6:7]\n\
         s_endpgm\n"
    );
    let mut device = Device::assemble(&text, 0);
    let from = device.memory.allocate("in", input);
    let to = device.memory.allocate("out", &vec![0; input.len()]);
    let mut args = bytes!([from, to]);
    args.extend(bytes!([mode]));
    let groups = input.len() / if wide { 512 } else { 256 };
    device.launch("cases", groups as u32, 64, &args);
    bytes!(device.words("out"))
}

/// Panics unless `got` is the exact value or a neighbour of its rounding; specials must be equal.
fn close(f: Format, name: &str, input: u64, got: u64, exact: f64, flush: bool) {
    let mut want = f.of(exact);
    if flush {
        want = f.flushed(want);
    }
    if f.is_nan(want) || f.is_nan(got) {
        assert!(f.is_nan(want) && f.is_nan(got), "{name} of {input:#x}: {got:#x}, not {want:#x}");
        return;
    }
    let signed = |bits: u64| {
        let magnitude = (bits & !f.sign()) as i64;
        if bits & f.sign() != 0 { -magnitude } else { magnitude }
    };
    // Next to the least normal number a flushed result is one step from it as well.
    let least = f.infinity() & f.infinity().wrapping_neg();
    let edge = flush && [got, want].iter().any(|v| v & !f.sign() == least);
    let distance = (signed(got) - signed(want)).abs();
    let near = distance <= 1 || (edge && distance <= least as i64);
    assert!(near, "{name} of {input:#x}: {got:#x}, not {want:#x}");
    if f.is_zero(want) || want & !f.sign() == f.infinity() {
        assert_eq!(got, want, "{name} of {input:#x}");
    }
}

/// All exponents and signs with 64 fractions each, and dense ranges where the functions live.
fn samples_f32() -> Vec<u32> {
    let mut samples = Vec::new();
    for high in 0..512_u32 {
        let mut fraction = high.wrapping_mul(0x9e37_79b9);
        for at in 0..62 {
            samples.push((high << 23) | (fraction & 0x7f_ffff));
            fraction = fraction.wrapping_mul(0x0019_660d).wrapping_add(0x3c6e_f35f + at);
        }
        samples.extend([high << 23, (high << 23) | 0x7f_ffff]);
    }
    samples.extend((0..32_768).map(|i| ((i as f32 - 16_384.0) / 128.0 + 0.001).to_bits()));
    samples.extend((0..16_384).map(|i| (i as f32 / 64.0 - 128.0).to_bits()));
    samples
}

#[test]
fn singles_are_within_an_ulp() {
    let samples = samples_f32();
    for mode in [0x3f, 0x30] {
        for (name, reference) in SINGLES {
            let out = run(&format!("v_{name}_f32_e32 v8, v2"), &bytes!(samples), false, mode);
            let out = out.chunks_exact(4).map(|c| u32::from_le_bytes([c[0], c[1], c[2], c[3]]));
            for (&input, got) in samples.iter().zip(out) {
                let source = F32.value(F32.flushed(input.into()));
                close(F32, name, input.into(), got.into(), reference(source), true);
            }
        }
    }
    let out = run("v_rcp_iflag_f32_e32 v8, v2", &bytes!(samples), false, 0x3f);
    let out = out.chunks_exact(4).map(|c| u32::from_le_bytes([c[0], c[1], c[2], c[3]]));
    for (&input, got) in samples.iter().zip(out) {
        let source = F32.value(F32.flushed(input.into()));
        close(F32, "rcp_iflag", input.into(), got.into(), 1.0 / source, true);
    }
}

#[test]
fn halves_are_within_an_ulp_in_both_denormal_modes() {
    // Every f16 there is.
    let samples: Vec<u32> = (0..65_536).collect();
    for (mode, flush) in [(0x3f, false), (0x30, true)] {
        for (name, reference) in SINGLES {
            let out = run(&format!("v_{name}_f16_e32 v8, v2"), &bytes!(samples), false, mode);
            let out = out.chunks_exact(4).map(|c| u32::from_le_bytes([c[0], c[1], c[2], c[3]]));
            for (&input, got) in samples.iter().zip(out) {
                let source = if flush { F16.flushed(input.into()) } else { input.into() };
                let exact = reference(F16.value(source));
                close(F16, name, input.into(), got.into(), exact, flush);
            }
        }
    }
}

/// Whether `low <= 1 <= high` for exact products with `factors` of both neighbours of `got`: then
/// the exact root or reciprocal lies between them.
fn brackets(got: u64, product: impl Fn(u64) -> Exact) -> bool {
    let one = Exact::of(F64, F64.one());
    let (down, up) = (product(got - 1), product(got + 1));
    let [down, up] = [down, up].map(|value| value.is_at_most(&one));
    // A product grows with its factor.
    down && !up
}

#[test]
fn doubles_are_within_an_ulp() {
    let mut random = crate::inputs::Random(0xd0b1e);
    let mut samples: Vec<u64> = (0..4096)
        .map(|_| (random.next() & 0x000f_ffff_ffff_ffff) | ((700 + random.next() % 600) << 52))
        .collect();
    samples.extend((0..64).map(|i| (f64::from(i) + 1.0).to_bits()));
    let result = |name: &str| {
        let out = run(&format!("v_{name}_f64_e32 v[8:9], v[2:3]"), &bytes!(samples), true, 0x3f);
        out.chunks_exact(8)
            .map(|c| u64::from_le_bytes(c.try_into().expect("8 bytes")))
            .collect::<Vec<_>>()
    };
    for (&x, got) in samples.iter().zip(result("rcp")) {
        let ok = brackets(got, |y| Exact::product(F64, x, y));
        assert!(ok, "rcp of {x:#x}: {got:#x}");
    }
    for (&x, got) in samples.iter().zip(result("sqrt")) {
        let exact = Exact::of(F64, x);
        let below = Exact::product(F64, got - 1, got - 1).is_at_most(&exact);
        let above = exact.is_at_most(&Exact::product(F64, got + 1, got + 1));
        assert!(below && above, "sqrt of {x:#x}: {got:#x}");
    }
    for (&x, got) in samples.iter().zip(result("rsq")) {
        let ok = brackets(got, |y| Exact::product(F64, y, y).times(F64, x));
        assert!(ok, "rsq of {x:#x}: {got:#x}");
    }
}

#[test]
fn doubles_without_a_result_are_as_ieee_says() {
    let inputs = [0.0, -0.0, f64::INFINITY, f64::NEG_INFINITY, -1.0, f64::NAN, 1e-310, -1e-310];
    let mut samples: Vec<u64> = inputs.iter().map(|v: &f64| v.to_bits()).collect();
    samples.resize(64, F64.one());
    for (mode, flush) in [(0x3f, false), (0x30, true)] {
        for (name, reference) in &SINGLES[2..5] {
            let line = format!("v_{name}_f64_e32 v[8:9], v[2:3]");
            let out = run(&line, &bytes!(samples), true, mode);
            for (&input, got) in samples.iter().zip(out.chunks_exact(8)) {
                let got = u64::from_le_bytes(got.try_into().expect("8 bytes"));
                let source = if flush { F64.flushed(input) } else { input };
                close(F64, name, input, got, reference(f64::from_bits(source)), flush);
            }
        }
    }
}

/// The mnemonics that these tests run.
pub(crate) fn mnemonics() -> Vec<String> {
    let mut names = vec!["v_rcp_iflag_f32".to_owned()];
    for (name, _) in SINGLES {
        names.extend([format!("v_{name}_f32"), format!("v_{name}_f16")]);
    }
    names.extend(["rcp", "rsq", "sqrt"].map(|name| format!("v_{name}_f64")));
    names
}
