//! Operands: every pair of special values, then random ones.

use crate::harness::Operands;

/// A small generator (splitmix64), seeded by the test.
pub(crate) struct Random(pub(crate) u64);

impl Random {
    pub(crate) fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    pub(crate) fn below(&mut self, n: usize) -> usize {
        (self.next() % n as u64) as usize
    }

    fn of(&mut self, values: &[u64]) -> u64 {
        values[self.below(values.len())]
    }
}

/// What the operands are made of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    F32,
    /// Two f32.
    F32Pair,
    F64,
    /// Two f16, above them another two.
    F16,
    Int,
    /// 32-bit integers small enough to be shifts and positions now and then.
    Small,
}

const F16: [u64; 20] = [
    0x0000, 0x8000, 0x7c00, 0xfc00, 0x7e00, 0xfe01, 0x7c01, 0xfd55, 0x0001, 0x8001, 0x03ff, 0x83ff,
    0x0400, 0x8400, 0x7bff, 0xfbff, 0x3c00, 0xbc00, 0x3800, 0x4248,
];
const F32: [u64; 24] = [
    0x0000_0000,
    0x8000_0000,
    0x7f80_0000,
    0xff80_0000,
    0x7fc0_0000,
    0xffc0_0123,
    0x7f80_0001,
    0xffa0_0000,
    0x0000_0001,
    0x8000_0001,
    0x007f_ffff,
    0x807f_ffff,
    0x0080_0000,
    0x8080_0000,
    0x7f7f_ffff,
    0xff7f_ffff,
    0x3f80_0000,
    0xbf80_0000,
    0x3f00_0000,
    0x4049_0fdb,
    0x4f00_0000,
    0xcf00_0000,
    0x4f80_0000,
    0x3f7f_ffff,
];
const F64: [u64; 20] = [
    0,
    1 << 63,
    0x7ff0 << 48,
    0xfff0 << 48,
    0x7ff8 << 48,
    0xfff8_0000_0000_0123,
    0x7ff0_0000_0000_0001,
    0xfff4 << 48,
    1,
    0x8000_0000_0000_0001,
    0x000f_ffff_ffff_ffff,
    0x0010 << 48,
    0x8010 << 48,
    0x7fef_ffff_ffff_ffff,
    0xffef_ffff_ffff_ffff,
    0x3ff0 << 48,
    0xbff0 << 48,
    0x3fe0 << 48,
    0x41e0 << 48,
    0x41df_ffff_ffff_ffff,
];
const INTS: [u64; 20] = [
    0,
    1,
    2,
    u64::MAX,
    0x7fff_ffff,
    0x8000_0000,
    0xffff_ffff,
    0x8000_0001,
    0x7fff,
    0x8000,
    0xffff,
    0x1_0000,
    0x7f,
    0x80,
    0xff,
    0x00ff_ffff,
    0x0080_0000,
    i64::MAX as u64,
    1 << 63,
    0x5555_aaaa_5555_aaaa,
];

fn f16(random: &mut Random) -> u64 {
    match random.below(4) {
        0 => random.of(&F16),
        // Near one, so that sums cancel and stay in range.
        1 => (random.next() & 0x83ff) | 0x3c00 | ((random.next() & 3) << 10),
        _ => random.next() & 0xffff,
    }
}

fn f32(random: &mut Random) -> u64 {
    match random.below(4) {
        0 => random.of(&F32),
        1 => (random.next() & 0x807f_ffff) | ((120 + random.next() % 16) << 23),
        2 => (random.next() & 0x807f_ffff) | ((random.next() % 40) << 23),
        _ => random.next() & 0xffff_ffff,
    }
}

fn f64(random: &mut Random) -> u64 {
    let fraction = random.next() & 0x800f_ffff_ffff_ffff;
    match random.below(4) {
        0 => random.of(&F64),
        1 => fraction | ((1015 + random.next() % 40) << 52),
        2 => fraction | ((random.next() % 100) << 52),
        _ => random.next(),
    }
}

/// One value of a kind.
pub(crate) fn value(kind: Kind, random: &mut Random) -> u64 {
    match kind {
        Kind::F32 => f32(random) | (random.next() << 32),
        Kind::F32Pair => f32(random) | (f32(random) << 32),
        Kind::F64 => f64(random),
        Kind::F16 => (0..4).fold(0, |all, at| all | (f16(random) << (16 * at))),
        Kind::Int => match random.below(3) {
            0 => random.of(&INTS),
            1 => random.of(&INTS).wrapping_add(random.next() << 32),
            _ => random.next(),
        },
        Kind::Small => match random.below(3) {
            0 => random.next() % 70,
            1 => random.of(&INTS),
            _ => random.next(),
        },
    }
}

fn specials(kind: Kind) -> &'static [u64] {
    match kind {
        Kind::F32 | Kind::F32Pair => &F32,
        Kind::F64 => &F64,
        Kind::F16 => &F16,
        Kind::Int | Kind::Small => &INTS,
    }
}

/// Waves in which all pairs of special values come first as a and b, then `num_random` of random
/// operands; kinds of a, b, c, d.
pub(crate) fn waves(kinds: [Kind; 4], num_random: usize, seed: u64) -> Vec<Operands> {
    let mut random = Random(seed);
    let (first, second) = (specials(kinds[0]), specials(kinds[1]));
    let num_pairs = first.len() * second.len();
    let num_waves = num_pairs.div_ceil(64) + num_random;
    let mut lane_at = |index: usize| {
        let mut operands = kinds.map(|kind| value(kind, &mut random));
        if index < num_pairs {
            operands[0] = (operands[0] & !0xffff_ffff) | first[index / second.len()];
            operands[1] = (operands[1] & !0xffff_ffff) | second[index % second.len()];
            for at in [0, 1] {
                if matches!(kinds[at], Kind::F64 | Kind::Int) {
                    let values = [first[index / second.len()], second[index % second.len()]];
                    operands[at] = values[at];
                }
            }
        }
        operands
    };
    let all: Vec<Vec<[u64; 4]>> = (0..num_waves)
        .map(|wave| (0..64).map(|lane| lane_at(wave * 64 + lane)).collect())
        .collect();
    all.into_iter()
        .enumerate()
        .map(|(number, lanes)| {
            let exec = match number % 3 {
                0 => u64::MAX,
                1 => random.next() | (1 << 17),
                _ => random.next() | random.next(),
            };
            let (vcc, pair, scalar) = (random.next(), random.next(), value(kinds[1], &mut random));
            Operands { lanes, vcc, pair, exec, scalar }
        })
        .collect()
}
