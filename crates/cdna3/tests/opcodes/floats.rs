//! Float arithmetic in f32, f16 and f64: operators, minima, fused steps, exponents, divisions.

use crate::harness::{Case, In, Mask, Match, Mode, Out, check, keep_high};
use crate::inputs::{Kind, waves};
use crate::soft::{self, F16, F32, F64, Format};

/// A function of up to three sources and the old destination.
type Function = fn(Format, Mode, [u64; 4]) -> u64;

/// How long encodings are written.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Encoding {
    /// A short form exists: `_e32` and `_e64`.
    Short,
    /// The long form only.
    Long,
    /// The long form only, with `op_sel` for 16-bit halves.
    LongSelect,
}

struct Op {
    name: &'static str,
    format: Format,
    sources: usize,
    encoding: Encoding,
    function: Function,
}

/// A source as the operation sees it: modifiers, then denormals by the mode.
fn source(op_format: Format, mode: Mode, bits: u64, neg: bool, abs: bool) -> u64 {
    let sign = op_format.sign();
    let bits = bits & (sign | (sign - 1));
    let bits = if abs { bits & !sign } else { bits };
    let bits = if neg { bits ^ sign } else { bits };
    if mode.allows_in(op_format != F32) { bits } else { op_format.flushed(bits) }
}

/// Output modifiers, clamp, and denormals by the mode. Output modifiers do nothing in IEEE mode or
/// with denormal results, and lose the sign of zero.
pub(crate) fn finished(format: Format, mode: Mode, bits: u64, factor: f64, clamp: bool) -> u64 {
    let (other, mut bits) = (format != F32, bits);
    if factor != 1.0 && !mode.is_ieee() && !mode.allows_out(other) {
        bits = format.flushed(soft::mul(format, bits, format.of(factor)));
        if format.is_zero(bits) {
            bits = 0;
        }
    }
    if clamp {
        bits = if format.is_nan(bits) {
            if mode.is_dx10_clamp() { 0 } else { bits }
        } else if bits & format.sign() != 0 {
            0
        } else {
            bits.min(format.one())
        };
    }
    if mode.allows_out(other) { bits } else { format.flushed(bits) }
}

fn registers(format: Format) -> [&'static str; 4] {
    match format {
        F64 => ["v[2:3]", "v[4:5]", "v[6:7]", "v[8:9]"],
        _ => ["v2", "v4", "v6", "v8"],
    }
}

/// How an instance of an operation is written.
#[derive(Clone, Copy, Default)]
struct Variant {
    neg: u8,
    abs: u8,
    op_sel: u8,
    factor: u8,
    clamp: bool,
    /// Source a is `s[24:25]`.
    scalar: bool,
}

const FACTORS: [(&str, f64); 4] = [("", 1.0), (" mul:2", 2.0), (" mul:4", 4.0), (" div:2", 0.5)];

fn case(op: &Op, long: bool, variant: Variant) -> Case {
    let names = registers(op.format);
    let suffix = match (op.encoding, long) {
        (Encoding::Short, true) => "_e64",
        (Encoding::Short, false) => "_e32",
        _ => "",
    };
    let mut line = format!("{}{suffix} {}", op.name, names[3]);
    for (index, register) in names.into_iter().enumerate().take(op.sources) {
        let name = match (index, variant.scalar, op.format) {
            (0, true, F64) => "s[24:25]",
            (0, true, _) => "s24",
            _ => register,
        };
        let bit = |bits: u8| (bits >> index) & 1 == 1;
        let name = if bit(variant.abs) { format!("|{name}|") } else { name.to_owned() };
        line += &format!(", {}{name}", if bit(variant.neg) { "-" } else { "" });
    }
    if variant.op_sel != 0 {
        // The destination's bit comes last, behind those of the sources.
        let bits: Vec<String> = (0..op.sources)
            .chain([3])
            .map(|index| ((variant.op_sel >> index) & 1).to_string())
            .collect();
        line += &format!(" op_sel:[{}]", bits.join(","));
    }
    if variant.clamp {
        line += " clamp";
    }
    line += FACTORS[usize::from(variant.factor)].0;
    let (format, function, sources) = (op.format, op.function, op.sources);
    let selects = op.encoding == Encoding::LongSelect || op.name == "v_mac_f16";
    let meaning = move |x: &In<'_>| {
        let first = if variant.scalar { x.wave.scalar } else { x.a };
        let mut values = [first, x.b, x.c, x.d];
        for (index, value) in values.iter_mut().enumerate() {
            let bit = |bits: u8| index < sources && (bits >> index) & 1 == 1;
            let shift = if bit(variant.op_sel) { 16 } else { 0 };
            let (neg, abs) = (bit(variant.neg), bit(variant.abs));
            *value = source(format, x.mode, *value >> shift, neg, abs);
        }
        let bits = function(format, x.mode, values);
        let factor = FACTORS[usize::from(variant.factor)].1;
        let bits = finished(format, x.mode, bits, factor, variant.clamp);
        match format {
            F64 => bits,
            F32 => keep_high(x.d, bits as u32),
            _ if variant.op_sel & 8 != 0 => (x.d & !0xffff_0000) | (bits << 16),
            _ if selects => (x.d & !0xffff) | bits,
            _ => keep_high(x.d, bits as u32),
        }
    };
    let matching = match (format, variant.op_sel & 8) {
        (F64, _) => Match::F64,
        (F32, _) => Match::F32,
        (_, 0) => Match::F16,
        _ => Match::F16Pair,
    };
    Case::wide(line, matching, meaning)
}

fn variants(op: &Op) -> Vec<Case> {
    let mut cases = Vec::new();
    if op.encoding == Encoding::Short {
        cases.push(case(op, false, Variant::default()));
        cases.push(case(op, false, Variant { scalar: true, ..Variant::default() }));
    }
    let all = [
        Variant::default(),
        Variant { neg: 0b001, ..Variant::default() },
        Variant { neg: 0b110, abs: 0b101, ..Variant::default() },
        Variant { abs: 0b010, clamp: true, ..Variant::default() },
        Variant { factor: 1, ..Variant::default() },
        Variant { factor: 2, neg: 0b010, ..Variant::default() },
        Variant { factor: 3, clamp: true, ..Variant::default() },
    ];
    cases.extend(all.map(|variant| case(op, true, variant)));
    if op.encoding == Encoding::LongSelect {
        let selected = [0b0001, 0b0110, 0b1000, 0b1101];
        cases.extend(selected.map(|op_sel| {
            let neg = op_sel & 1;
            case(op, true, Variant { op_sel, neg, ..Variant::default() })
        }));
    }
    cases
}

const fn op(
    name: &'static str,
    format: Format,
    sources: usize,
    encoding: Encoding,
    function: Function,
) -> Op {
    Op { name, format, sources, encoding, function }
}

fn add(f: Format, _: Mode, [a, b, ..]: [u64; 4]) -> u64 {
    soft::add(f, a, b)
}

fn sub(f: Format, _: Mode, [a, b, ..]: [u64; 4]) -> u64 {
    soft::add(f, a, b ^ f.sign())
}

fn subrev(f: Format, _: Mode, [a, b, ..]: [u64; 4]) -> u64 {
    soft::add(f, b, a ^ f.sign())
}

fn mul(f: Format, _: Mode, [a, b, ..]: [u64; 4]) -> u64 {
    soft::mul(f, a, b)
}

fn fma(f: Format, _: Mode, [a, b, c, _]: [u64; 4]) -> u64 {
    soft::fma(f, a, b, c)
}

fn fmac(f: Format, _: Mode, [a, b, _, d]: [u64; 4]) -> u64 {
    soft::fma(f, a, b, d)
}

fn min(f: Format, mode: Mode, [a, b, ..]: [u64; 4]) -> u64 {
    soft::min(f, mode, a, b)
}

fn max(f: Format, mode: Mode, [a, b, ..]: [u64; 4]) -> u64 {
    soft::max(f, mode, a, b)
}

fn min3(f: Format, mode: Mode, [a, b, c, _]: [u64; 4]) -> u64 {
    soft::min(f, mode, soft::min(f, mode, a, b), c)
}

fn max3(f: Format, mode: Mode, [a, b, c, _]: [u64; 4]) -> u64 {
    soft::max(f, mode, soft::max(f, mode, a, b), c)
}

fn med3(f: Format, mode: Mode, [a, b, c, _]: [u64; 4]) -> u64 {
    soft::med3(f, mode, [a, b, c])
}

/// A rounding to whole numbers, as on f64: exact for the other formats.
fn whole(f: Format, bits: u64, rounding: fn(f64) -> f64) -> u64 {
    if f.is_nan(bits) { f.nan() } else { f.of(rounding(f.value(bits))) }
}

fn trunc(f: Format, _: Mode, [a, ..]: [u64; 4]) -> u64 {
    whole(f, a, f64::trunc)
}

fn ceil(f: Format, _: Mode, [a, ..]: [u64; 4]) -> u64 {
    whole(f, a, f64::ceil)
}

fn floor(f: Format, _: Mode, [a, ..]: [u64; 4]) -> u64 {
    whole(f, a, f64::floor)
}

fn rndne(f: Format, _: Mode, [a, ..]: [u64; 4]) -> u64 {
    whole(f, a, f64::round_ties_even)
}

/// `a - floor(a)`, below one.
fn fract(f: Format, mode: Mode, [a, ..]: [u64; 4]) -> u64 {
    let rounded_down = floor(f, mode, [a, 0, 0, 0]);
    let fraction = soft::add(f, a, rounded_down ^ f.sign());
    if fraction == f.one() { f.one() - 1 } else { fraction }
}

/// Exponent of `0.5 <= |x| < 1` times a power of two.
fn exponent(f: Format, bits: u64) -> i32 {
    if f.is_zero(bits) || bits & !f.sign() >= f.infinity() {
        return 0;
    }
    let (mut magnitude, mut power) = (f.value(bits).abs(), 0);
    while magnitude >= 1.0 {
        (magnitude, power) = (magnitude / 2.0, power + 1);
    }
    while magnitude < 0.5 {
        (magnitude, power) = (magnitude * 2.0, power - 1);
    }
    power
}

fn frexp_mant(f: Format, _: Mode, [a, ..]: [u64; 4]) -> u64 {
    if f.is_nan(a) {
        return f.nan();
    }
    if f.is_zero(a) || a & !f.sign() == f.infinity() {
        return a;
    }
    scaled(f, a, -exponent(f, a))
}

/// `bits * 2^power`, one rounding.
fn scaled(f: Format, bits: u64, power: i32) -> u64 {
    if f.is_nan(bits) {
        return f.nan();
    }
    if f.is_zero(bits) || bits & !f.sign() == f.infinity() {
        return bits;
    }
    let mut power = power.clamp(-2300, 2300);
    if f == F64 {
        // Exact steps while the value is normal; the step into the denormals is one product.
        let mut value = f64::from_bits(bits);
        while power > 0 && value.is_finite() && value != 0.0 {
            let step = power.min(60);
            (value, power) = (value * 2.0_f64.powi(step), power - step);
        }
        let mut room = if value == 0.0 || value.is_infinite() {
            0
        } else {
            (exponent(F64, value.to_bits()) + 1020).max(0)
        };
        while power < 0 && room > 0 {
            let step = (-power).min(room).min(60);
            (value, power, room) = (value * 2.0_f64.powi(-step), power + step, room - step);
        }
        return (value * 2.0_f64.powi(power.clamp(-1074, 0))).to_bits();
    }
    f.of(f.value(bits) * 2.0_f64.powi(power.clamp(-700, 700)))
}

fn ldexp(f: Format, _: Mode, [a, b, ..]: [u64; 4]) -> u64 {
    scaled(f, a, b as u32 as i32)
}

fn div_fixup(f: Format, _: Mode, [quotient, denominator, numerator, _]: [u64; 4]) -> u64 {
    let sign = (denominator ^ numerator) & f.sign();
    let is_infinite = |v: u64| v & !f.sign() == f.infinity();
    let biased = |v: u64| ((v & f.infinity()) >> f.fraction) as i32;
    let underflow = if f == F64 { -1075 } else { -150 };
    if f.is_nan(numerator) || f.is_nan(denominator) {
        f.nan()
    } else if (f.is_zero(numerator) && f.is_zero(denominator))
        || (is_infinite(numerator) && is_infinite(denominator))
    {
        f.sign() | f.nan()
    } else if f.is_zero(denominator) || is_infinite(numerator) {
        sign | f.infinity()
    } else if is_infinite(denominator)
        || f.is_zero(numerator)
        || (f != F16 && biased(numerator) - biased(denominator) < underflow)
    {
        sign
    } else if f.is_nan(quotient) {
        sign | f.infinity()
    } else {
        sign | (quotient & !f.sign())
    }
}

/// Two roundings, denormals always flushed.
fn mad_f16(f: Format, _: Mode, [a, b, c, _]: [u64; 4]) -> u64 {
    let product = f.flushed(soft::mul(f, f.flushed(a), f.flushed(b)));
    f.flushed(soft::add(f, product, f.flushed(c)))
}

fn mac_f16(f: Format, mode: Mode, [a, b, _, d]: [u64; 4]) -> u64 {
    mad_f16(f, mode, [a, b, d, 0])
}

fn ops() -> Vec<Op> {
    use Encoding::{Long, LongSelect, Short};
    vec![
        op("v_add_f32", F32, 2, Short, add),
        op("v_sub_f32", F32, 2, Short, sub),
        op("v_subrev_f32", F32, 2, Short, subrev),
        op("v_mul_f32", F32, 2, Short, mul),
        op("v_min_f32", F32, 2, Short, min),
        op("v_max_f32", F32, 2, Short, max),
        op("v_fmac_f32", F32, 2, Short, fmac),
        op("v_fma_f32", F32, 3, Long, fma),
        op("v_min3_f32", F32, 3, Long, min3),
        op("v_max3_f32", F32, 3, Long, max3),
        op("v_med3_f32", F32, 3, Long, med3),
        op("v_div_fixup_f32", F32, 3, Long, div_fixup),
        op("v_trunc_f32", F32, 1, Short, trunc),
        op("v_ceil_f32", F32, 1, Short, ceil),
        op("v_floor_f32", F32, 1, Short, floor),
        op("v_rndne_f32", F32, 1, Short, rndne),
        op("v_fract_f32", F32, 1, Short, fract),
        op("v_frexp_mant_f32", F32, 1, Short, frexp_mant),
        op("v_add_f16", F16, 2, Short, add),
        op("v_sub_f16", F16, 2, Short, sub),
        op("v_subrev_f16", F16, 2, Short, subrev),
        op("v_mul_f16", F16, 2, Short, mul),
        op("v_min_f16", F16, 2, Short, min),
        op("v_max_f16", F16, 2, Short, max),
        op("v_mac_f16", F16, 2, Short, mac_f16),
        op("v_fma_f16", F16, 3, LongSelect, fma),
        op("v_mad_f16", F16, 3, LongSelect, mad_f16),
        op("v_min3_f16", F16, 3, LongSelect, min3),
        op("v_max3_f16", F16, 3, LongSelect, max3),
        op("v_med3_f16", F16, 3, LongSelect, med3),
        op("v_div_fixup_f16", F16, 3, LongSelect, div_fixup),
        op("v_trunc_f16", F16, 1, Short, trunc),
        op("v_ceil_f16", F16, 1, Short, ceil),
        op("v_floor_f16", F16, 1, Short, floor),
        op("v_rndne_f16", F16, 1, Short, rndne),
        op("v_fract_f16", F16, 1, Short, fract),
        op("v_frexp_mant_f16", F16, 1, Short, frexp_mant),
        op("v_add_f64", F64, 2, Long, add),
        op("v_mul_f64", F64, 2, Long, mul),
        op("v_min_f64", F64, 2, Long, min),
        op("v_max_f64", F64, 2, Long, max),
        op("v_fma_f64", F64, 3, Long, fma),
        op("v_fmac_f64", F64, 2, Short, fmac),
        op("v_div_fixup_f64", F64, 3, Long, div_fixup),
        op("v_trunc_f64", F64, 1, Short, trunc),
        op("v_ceil_f64", F64, 1, Short, ceil),
        op("v_floor_f64", F64, 1, Short, floor),
        op("v_rndne_f64", F64, 1, Short, rndne),
        op("v_fract_f64", F64, 1, Short, fract),
        op("v_frexp_mant_f64", F64, 1, Short, frexp_mant),
    ]
}

/// Operations whose second source is an integer, and those with an integer result.
fn exponent_cases() -> Vec<Case> {
    let source_of = |f: Format, x: &In<'_>| source(f, x.mode, x.a, false, false);
    let ldexp_of = move |f: Format, x: &In<'_>, power: i32| {
        let bits = ldexp(f, x.mode, [source_of(f, x), u64::from(power as u32), 0, 0]);
        finished(f, x.mode, bits, 1.0, false)
    };
    vec![
        Case::word("v_ldexp_f32 v8, v2, v4", Match::F32, move |x| {
            ldexp_of(F32, x, x.b as u32 as i32) as u32
        }),
        Case::word("v_ldexp_f32 v8, v2, v4 clamp", Match::F32, move |x| {
            let bits = ldexp(F32, x.mode, [source_of(F32, x), x.b & 0xffff_ffff, 0, 0]);
            finished(F32, x.mode, bits, 1.0, true) as u32
        }),
        Case::wide("v_ldexp_f64 v[8:9], v[2:3], v4", Match::F64, move |x| {
            ldexp_of(F64, x, x.b as u32 as i32)
        }),
        Case::word("v_ldexp_f16_e32 v8, v2, v4", Match::F16, move |x| {
            ldexp_of(F16, x, (x.b as i16).into()) as u32
        }),
        Case::word("v_ldexp_f16_e64 v8, v2, v4", Match::F16, move |x| {
            ldexp_of(F16, x, (x.b as i16).into()) as u32
        }),
        Case::word("v_frexp_exp_i32_f32_e32 v8, v2", Match::Bits, move |x| {
            exponent(F32, source_of(F32, x)) as u32
        }),
        Case::word("v_frexp_exp_i32_f64_e32 v8, v[2:3]", Match::Bits, move |x| {
            exponent(F64, source_of(F64, x)) as u32
        }),
        Case::word("v_frexp_exp_i16_f16_e32 v8, v2", Match::Bits, move |x| {
            exponent(F16, source_of(F16, x)) as u32 & 0xffff
        }),
    ]
}

/// Constants: literals, inline constants, and what they are in each type.
fn constant_cases() -> Vec<Case> {
    let f32_of = |value: f32| u64::from(value.to_bits());
    let two = |f: Format, x: &In<'_>, a: u64, b: u64| {
        let [a, b] = [a, b].map(|v| source(f, x.mode, v, false, false));
        finished(f, x.mode, soft::add(f, a, b), 1.0, false)
    };
    vec![
        Case::word("v_add_f32_e32 v8, 0.15915494, v4", Match::F32, move |x| {
            two(F32, x, 0x3e22_f983, x.b) as u32
        }),
        Case::word("v_add_f32_e32 v8, 0x40490fdb, v4", Match::F32, move |x| {
            two(F32, x, 0x4049_0fdb, x.b) as u32
        }),
        Case::word("v_add_f32_e64 v8, v4, 3", Match::F32, move |x| two(F32, x, x.b, 3) as u32),
        Case::word("v_add_f16_e32 v8, 0.5, v4", Match::F16, move |x| {
            two(F16, x, 0x3800, x.b) as u32
        }),
        Case::word("v_add_f16_e32 v8, 0x4248, v4", Match::F16, move |x| {
            two(F16, x, 0x4248, x.b) as u32
        }),
        Case::wide("v_add_f64 v[8:9], v[2:3], -4.0", Match::F64, move |x| {
            two(F64, x, x.a, (-4.0_f64).to_bits())
        }),
        Case::wide("v_add_f64 v[8:9], v[2:3], 17", Match::F64, move |x| two(F64, x, x.a, 17)),
        Case::word("v_fmamk_f32 v8, v2, 0x40490fdb, v4", Match::F32, move |x| {
            let [a, b] = [x.a, x.b].map(|v| source(F32, x.mode, v, false, false));
            let value = soft::fma(F32, a, f32_of(f32::from_bits(0x4049_0fdb)), b);
            finished(F32, x.mode, value, 1.0, false) as u32
        }),
        Case::word("v_fmaak_f32 v8, v2, v4, 0xc0490fdb", Match::F32, move |x| {
            let [a, b] = [x.a, x.b].map(|v| source(F32, x.mode, v, false, false));
            finished(F32, x.mode, soft::fma(F32, a, b, 0xc049_0fdb), 1.0, false) as u32
        }),
    ]
}

/// `v_div_scale` where the guide's text leaves no doubt: zeros, a quotient near the largest
/// numbers, denormal denominators, tiny numerators, and what needs no scaling.
fn div_scale(f: Format, x: u64, denominator: u64, numerator: u64) -> Option<(u64, bool)> {
    let (far, by, low) = if f == F32 { (96, 64, 23) } else { (768, 128, 53) };
    let biased = |v: u64| ((v & f.infinity()) >> f.fraction) as i32;
    if f.is_zero(denominator) || f.is_zero(numerator) {
        return Some((f.nan(), false));
    }
    if biased(numerator) - biased(denominator) >= far {
        return Some((if x == denominator { scaled(f, x, by) } else { x }, true));
    }
    if f.is_denormal(denominator) {
        return Some((scaled(f, x, by), false));
    }
    let bias = (1 << (f.exponent - 1)) - 1;
    // Neither the reciprocal nor the quotient comes near the denormals.
    let distance = biased(numerator) - biased(denominator);
    let room = if f.is_denormal(numerator) { f.fraction as i32 + 3 } else { 3 };
    if biased(denominator) > 2 * bias - 3 || distance < room - bias {
        return None;
    }
    Some(if biased(numerator) <= low { (scaled(f, x, by), false) } else { (x, false) })
}

fn division_cases() -> Vec<Case> {
    let mut cases = Vec::new();
    for (line, f, mask, swap) in [
        ("v_div_scale_f32 v8, vcc, v4, v4, v2", F32, Mask::Vcc, false),
        ("v_div_scale_f32 v8, s[22:23], v2, v4, v2", F32, Mask::Pair, true),
        ("v_div_scale_f64 v[8:9], vcc, v[4:5], v[4:5], v[2:3]", F64, Mask::Vcc, false),
        ("v_div_scale_f64 v[8:9], s[22:23], v[2:3], v[4:5], v[2:3]", F64, Mask::Pair, true),
    ] {
        let meaning = move |x: &In<'_>| {
            let [a, b] = [x.a, x.b].map(|v| source(f, x.mode, v, false, false));
            let (value, flag) = div_scale(f, if swap { a } else { b }, b, a).expect("chosen so");
            Out { d: if f == F64 { value } else { keep_high(x.d, value as u32) }, flag }
        };
        let matching = if f == F64 { Match::F64 } else { Match::F32 };
        cases.push(Case {
            line: line.to_owned(),
            mask,
            matching,
            meaning: Box::new(meaning),
            always: 0,
        });
    }
    // Scaled back by the exponent of the addend.
    let fmas = |f: Format, x: &In<'_>| {
        let [a, b, c] = [x.a, x.b, x.c].map(|v| source(f, x.mode, v, false, false));
        let value = soft::fma(f, a, b, c);
        if !x.vcc {
            return value;
        }
        let by = if f == F32 { 64 } else { 128 };
        let up = ((c & f.infinity()) >> f.fraction) > (1 << (f.exponent - 1)) - 1;
        scaled(f, value, if up { by } else { -by })
    };
    cases.push(Case::word("v_div_fmas_f32 v8, v2, v4, v6", Match::F32, move |x| {
        fmas(F32, x) as u32
    }));
    cases.push(Case::wide("v_div_fmas_f64 v[8:9], v[2:3], v[4:5], v[6:7]", Match::F64, move |x| {
        fmas(F64, x)
    }));
    cases
}

/// All cases, for the count of what is tested.
pub(crate) fn cases() -> Vec<Case> {
    let mut cases: Vec<Case> = ops().iter().flat_map(variants).collect();
    cases.extend(exponent_cases());
    cases.extend(constant_cases());
    cases.extend(division_cases());
    cases
}

fn run(format: Format, kind: Kind) {
    let ops = ops();
    let chosen = ops.iter().filter(|op| op.format == format);
    let cases: Vec<Case> = chosen.flat_map(variants).collect();
    check(&cases, &waves([kind; 4], 12, 0xf10a7), &Mode::ALL);
}

#[test]
fn f32_arithmetic() {
    run(F32, Kind::F32);
}

#[test]
fn f16_arithmetic() {
    run(F16, Kind::F16);
}

#[test]
fn f64_arithmetic() {
    run(F64, Kind::F64);
}

#[test]
fn exponents() {
    for kind in [Kind::F32, Kind::F16, Kind::F64] {
        let name = format!("{kind:?}").to_lowercase();
        let cases: Vec<Case> = exponent_cases()
            .into_iter()
            .filter(|case| case.line.split_whitespace().next().is_some_and(|m| m.contains(&name)))
            .collect();
        assert!(!cases.is_empty());
        check(&cases, &waves([kind, Kind::Small, kind, kind], 12, 0xe4b), &Mode::ALL);
    }
}

#[test]
fn constants() {
    for (kind, ty) in [(Kind::F32, "f32"), (Kind::F16, "f16"), (Kind::F64, "f64")] {
        let cases: Vec<Case> = constant_cases()
            .into_iter()
            .filter(|case| case.line.split_whitespace().next().is_some_and(|m| m.contains(ty)))
            .collect();
        check(&cases, &waves([kind; 4], 6, 0xc0757), &Mode::ALL);
    }
}

#[test]
fn steps_of_a_division() {
    for (kind, f, ty) in [(Kind::F32, F32, "f32"), (Kind::F64, F64, "f64")] {
        let mut waves = waves([kind; 4], 12, 0xd1f);
        let normal = f.one();
        for lane in waves.iter_mut().flat_map(|wave| &mut wave.lanes) {
            let mask = f.sign() | (f.sign() - 1);
            let special = |v: u64| v & f.infinity() == f.infinity();
            if special(lane[0])
                || special(lane[1])
                || div_scale(f, 0, lane[1] & mask, lane[0] & mask).is_none()
            {
                (lane[0], lane[1]) = (normal + 12345, normal + 678);
            }
        }
        let cases: Vec<Case> = division_cases()
            .into_iter()
            .filter(|case| case.line.split_whitespace().next().is_some_and(|m| m.contains(ty)))
            .collect();
        check(&cases, &waves, &[Mode::DEFAULT]);
    }
}
