//! Floats by their definition: exact values in wide integers, rounded once to nearest even.

use crate::harness::Mode;

/// Limbs of an exact value; its unit is `2^-UNIT`.
const LIMBS: usize = 72;
/// Below twice the exponent of the smallest f64.
const UNIT: i32 = 2240;

/// A binary interchange format.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Format {
    /// Stored bits of the significand.
    pub(crate) fraction: u32,
    /// Bits of the exponent.
    pub(crate) exponent: u32,
}

pub(crate) const F16: Format = Format { fraction: 10, exponent: 5 };
pub(crate) const F32: Format = Format { fraction: 23, exponent: 8 };
pub(crate) const F64: Format = Format { fraction: 52, exponent: 11 };

impl Format {
    pub(crate) fn width(self) -> u32 {
        1 + self.exponent + self.fraction
    }

    pub(crate) fn sign(self) -> u64 {
        1 << (self.width() - 1)
    }

    pub(crate) fn infinity(self) -> u64 {
        ((1 << self.exponent) - 1) << self.fraction
    }

    fn quiet(self) -> u64 {
        1 << (self.fraction - 1)
    }

    pub(crate) fn nan(self) -> u64 {
        self.infinity() | self.quiet()
    }

    pub(crate) fn is_nan(self, bits: u64) -> bool {
        bits & !self.sign() > self.infinity()
    }

    pub(crate) fn is_signalling(self, bits: u64) -> bool {
        self.is_nan(bits) && bits & self.quiet() == 0
    }

    pub(crate) fn is_denormal(self, bits: u64) -> bool {
        bits & self.infinity() == 0 && bits & !self.sign() != 0
    }

    pub(crate) fn is_zero(self, bits: u64) -> bool {
        bits & !self.sign() == 0
    }

    pub(crate) fn quieted(self, bits: u64) -> u64 {
        bits | self.quiet()
    }

    pub(crate) fn one(self) -> u64 {
        ((1 << (self.exponent - 1)) - 1) << self.fraction
    }

    /// Denormals to zeros of their sign.
    pub(crate) fn flushed(self, bits: u64) -> u64 {
        if self.is_denormal(bits) { bits & self.sign() } else { bits }
    }

    /// Value of a finite number as `significand * 2^exponent`.
    fn parts(self, bits: u64) -> (u64, i32) {
        let fraction = bits & ((1 << self.fraction) - 1);
        let exponent = ((bits >> self.fraction) & ((1 << self.exponent) - 1)) as i32;
        let bias = (1 << (self.exponent - 1)) - 1;
        let significand = if exponent == 0 { fraction } else { fraction | (1 << self.fraction) };
        (significand, exponent.max(1) - bias - self.fraction as i32)
    }

    /// The value in f64; exact for all of f16 and f32.
    pub(crate) fn value(self, bits: u64) -> f64 {
        match self {
            F64 => f64::from_bits(bits),
            F32 => f64::from(f32::from_bits(bits as u32)),
            _ if self.is_nan(bits) => f64::NAN,
            _ => {
                let (significand, exponent) = self.parts(bits);
                let magnitude = if bits & !self.sign() == self.infinity() {
                    f64::INFINITY
                } else {
                    significand as f64 * 2.0_f64.powi(exponent)
                };
                if bits & self.sign() != 0 { -magnitude } else { magnitude }
            }
        }
    }

    /// Nearest, ties to even, of an f64.
    pub(crate) fn of(self, value: f64) -> u64 {
        let sign = if value.is_sign_negative() { self.sign() } else { 0 };
        if value.is_nan() {
            return self.nan();
        }
        if value.is_infinite() {
            return sign | self.infinity();
        }
        Exact::of(F64, value.to_bits()).rounded(self)
    }
}

/// A signed number without rounding.
#[derive(Clone)]
pub(crate) struct Exact {
    negative: bool,
    limbs: [u64; LIMBS],
}

impl Exact {
    fn new(negative: bool, significand: u128, exponent: i32) -> Self {
        let mut limbs = [0; LIMBS];
        let at = (exponent + UNIT) as usize;
        let (limb, shift) = (at / 64, at % 64);
        let low = (significand as u64, (significand >> 64) as u64);
        limbs[limb] = low.0 << shift;
        limbs[limb + 1] = low.1 << shift;
        if shift > 0 {
            limbs[limb + 1] |= low.0 >> (64 - shift);
            limbs[limb + 2] = low.1 >> (64 - shift);
        }
        Self { negative, limbs }
    }

    /// A finite number of a format.
    pub(crate) fn of(format: Format, bits: u64) -> Self {
        let (significand, exponent) = format.parts(bits);
        Self::new(bits & format.sign() != 0, significand.into(), exponent)
    }

    /// Of two finite numbers.
    pub(crate) fn product(format: Format, a: u64, b: u64) -> Self {
        let ((x, i), (y, j)) = (format.parts(a), format.parts(b));
        Self::new((a ^ b) & format.sign() != 0, u128::from(x) * u128::from(y), i + j)
    }

    /// This times a finite number.
    pub(crate) fn times(&self, format: Format, bits: u64) -> Self {
        let (significand, exponent) = format.parts(bits);
        let mut sum = Self::new(false, 0, 0);
        // Bit by bit: shifted sums.
        for at in (0..64).filter(|at| (significand >> at) & 1 == 1) {
            sum = sum.plus(&self.shifted(at + exponent));
        }
        sum.negative = self.negative != (bits & format.sign() != 0);
        sum
    }

    /// This times `2^by`; what falls off the low end is lost.
    fn shifted(&self, by: i32) -> Self {
        let mut limbs = [0; LIMBS];
        for (index, limb) in limbs.iter_mut().enumerate() {
            let at = index as i64 * 64 - i64::from(by);
            if (-63..LIMBS as i64 * 64).contains(&at) {
                let (low, shift) = (at.div_euclid(64), at.rem_euclid(64));
                let part = |index: i64| {
                    usize::try_from(index)
                        .ok()
                        .and_then(|i| self.limbs.get(i))
                        .copied()
                        .unwrap_or(0)
                };
                *limb = part(low) >> shift;
                if shift > 0 {
                    *limb |= part(low + 1) << (64 - shift);
                }
            }
        }
        Self { negative: false, limbs }
    }

    /// Of magnitudes.
    pub(crate) fn is_at_most(&self, other: &Self) -> bool {
        !other.is_below(self)
    }

    fn is_below(&self, other: &Self) -> bool {
        self.limbs.iter().rev().lt(other.limbs.iter().rev())
    }

    fn is_zero(&self) -> bool {
        self.limbs.iter().all(|&limb| limb == 0)
    }

    /// The sum; an exact zero is +0 unless both are negative.
    fn plus(&self, other: &Self) -> Self {
        let (large, small) = if self.is_below(other) { (other, self) } else { (self, other) };
        let mut limbs = large.limbs;
        let mut carry = false;
        for (limb, &with) in limbs.iter_mut().zip(&small.limbs) {
            let (value, over, again) = if large.negative == small.negative {
                let (value, over) = limb.overflowing_add(with);
                let (value, again) = value.overflowing_add(carry.into());
                (value, over, again)
            } else {
                let (value, over) = limb.overflowing_sub(with);
                let (value, again) = value.overflowing_sub(carry.into());
                (value, over, again)
            };
            (*limb, carry) = (value, over | again);
        }
        let mut sum = Self { negative: large.negative, limbs };
        if sum.is_zero() {
            sum.negative = self.negative && other.negative;
        }
        sum
    }

    fn bit(&self, at: i64) -> bool {
        at >= 0 && (self.limbs[at as usize / 64] >> (at % 64)) & 1 == 1
    }

    fn any_below(&self, at: i64) -> bool {
        (0..at).any(|index| self.bit(index))
    }

    /// Nearest, ties to even.
    pub(crate) fn rounded(&self, format: Format) -> u64 {
        let sign = if self.negative { format.sign() } else { 0 };
        let Some(top_limb) = self.limbs.iter().rposition(|&limb| limb != 0) else { return sign };
        let top = top_limb as i64 * 64 + 63 - i64::from(self.limbs[top_limb].leading_zeros());
        let bias = (1_i64 << (format.exponent - 1)) - 1;
        let least = 1 - bias - i64::from(format.fraction) + i64::from(UNIT);
        // Position of the last kept bit.
        let last = (top - i64::from(format.fraction)).max(least);
        let mut kept = 0_u64;
        for at in (last..=top).rev() {
            kept = (kept << 1) | u64::from(self.bit(at));
        }
        let half = self.bit(last - 1);
        if half && (kept & 1 == 1 || self.any_below(last - 1)) {
            kept += 1;
        }
        // The hidden bit carries into the exponent.
        let code = kept as i128 + (i128::from(last - least) << format.fraction);
        sign | (code.min(i128::from(format.infinity())) as u64)
    }
}

fn infinities(format: Format, values: &[u64]) -> bool {
    values.iter().any(|v| v & !format.sign() == format.infinity())
}

/// `a * b + c`, one rounding.
pub(crate) fn fma(format: Format, a: u64, b: u64, c: u64) -> u64 {
    if [a, b, c].iter().any(|&v| format.is_nan(v)) {
        return format.nan();
    }
    let product_sign = (a ^ b) & format.sign();
    if infinities(format, &[a, b]) {
        let undefined = format.is_zero(a)
            || format.is_zero(b)
            || (infinities(format, &[c]) && c & format.sign() != product_sign);
        return if undefined { format.nan() } else { product_sign | format.infinity() };
    }
    if infinities(format, &[c]) {
        return c;
    }
    Exact::product(format, a, b).plus(&Exact::of(format, c)).rounded(format)
}

/// `a * b`.
pub(crate) fn mul(format: Format, a: u64, b: u64) -> u64 {
    fma(format, a, b, (a ^ b) & format.sign())
}

/// `a + b`.
pub(crate) fn add(format: Format, a: u64, b: u64) -> u64 {
    fma(format, a, format.one(), b)
}

/// A number of one format in another.
pub(crate) fn convert(from: Format, to: Format, bits: u64) -> u64 {
    let sign = if bits & from.sign() != 0 { to.sign() } else { 0 };
    if from.is_nan(bits) {
        to.nan()
    } else if infinities(from, &[bits]) {
        sign | to.infinity()
    } else {
        Exact::of(from, bits).rounded(to)
    }
}

fn order(format: Format, a: u64, b: u64) -> std::cmp::Ordering {
    let key = |v: u64| {
        let magnitude = (v & !format.sign()) as i64;
        if v & format.sign() != 0 { -magnitude - 1 } else { magnitude }
    };
    key(a).cmp(&key(b))
}

/// The guide's minimum or maximum: quieted signalling NaN in IEEE mode, otherwise a NaN loses;
/// -0 is below +0.
fn extreme(format: Format, mode: Mode, a: u64, b: u64, wanted: std::cmp::Ordering) -> u64 {
    if mode.is_ieee() && format.is_signalling(a) {
        format.quieted(a)
    } else if mode.is_ieee() && format.is_signalling(b) {
        format.quieted(b)
    } else if format.is_nan(a) {
        b
    } else if format.is_nan(b) || order(format, a, b) == wanted {
        a
    } else {
        b
    }
}

pub(crate) fn min(format: Format, mode: Mode, a: u64, b: u64) -> u64 {
    extreme(format, mode, a, b, std::cmp::Ordering::Less)
}

pub(crate) fn max(format: Format, mode: Mode, a: u64, b: u64) -> u64 {
    extreme(format, mode, a, b, std::cmp::Ordering::Greater)
}

/// The guide's median: minimum of three with a NaN among them, otherwise the larger of the two
/// that are not the maximum.
pub(crate) fn med3(format: Format, mode: Mode, [a, b, c]: [u64; 3]) -> u64 {
    if [a, b, c].iter().any(|&v| format.is_nan(v)) {
        return min(format, mode, min(format, mode, a, b), c);
    }
    let equal = |x: u64, y: u64| x == y || (format.is_zero(x) && format.is_zero(y));
    let largest = max(format, mode, max(format, mode, a, b), c);
    if equal(largest, a) {
        max(format, mode, b, c)
    } else if equal(largest, b) {
        max(format, mode, a, c)
    } else {
        max(format, mode, a, b)
    }
}
