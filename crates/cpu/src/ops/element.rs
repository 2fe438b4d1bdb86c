//! Element types of the KV cache: how a row of f32 is stored and loaded again.

use backend::{fp8_from_f32, fp8_to_f32};
use half::{bf16, f16};

use super::simd::{Lanes, simd_dispatch};
use crate::isa::Isa;

/// A stored element type.
pub(crate) trait KvElement: Send + Sync + 'static {
    /// What memory holds.
    type Stored: Copy + Default + Send + Sync + 'static;

    /// Widens one element.
    fn decode(stored: Self::Stored) -> f32;

    /// Narrows a row, to nearest even.
    fn encode_row(isa: Isa, from: &[f32], to: &mut [Self::Stored]);

    /// Widens a vector of elements.
    ///
    /// # Safety
    /// The CPU has the features of `L`; `from` is valid for `L::LEN` elements.
    unsafe fn load<L: Lanes>(from: *const Self::Stored) -> L;
}

/// IEEE single.
pub(crate) struct SingleElement;
/// IEEE half.
pub(crate) struct HalfElement;
/// bfloat16.
pub(crate) struct BfloatElement;
/// FP8 e4m3 FNUZ, without its scale.
pub(crate) struct Fp8Element;

impl KvElement for SingleElement {
    type Stored = f32;

    fn decode(stored: f32) -> f32 {
        stored
    }

    fn encode_row(_: Isa, from: &[f32], to: &mut [f32]) {
        to.copy_from_slice(from);
    }

    #[inline(always)]
    unsafe fn load<L: Lanes>(from: *const f32) -> L {
        // SAFETY: the caller's contract is the same.
        unsafe { L::load(from) }
    }
}

impl KvElement for HalfElement {
    type Stored = u16;

    fn decode(stored: u16) -> f32 {
        f16::from_bits(stored).to_f32()
    }

    fn encode_row(isa: Isa, from: &[f32], to: &mut [u16]) {
        encode_f16(isa, from, to);
    }

    #[inline(always)]
    unsafe fn load<L: Lanes>(from: *const u16) -> L {
        // SAFETY: the caller's contract is the same.
        unsafe { L::load_f16(from) }
    }
}

impl KvElement for BfloatElement {
    type Stored = u16;

    fn decode(stored: u16) -> f32 {
        bf16::from_bits(stored).to_f32()
    }

    fn encode_row(isa: Isa, from: &[f32], to: &mut [u16]) {
        encode_bf16(isa, from, to);
    }

    #[inline(always)]
    unsafe fn load<L: Lanes>(from: *const u16) -> L {
        // SAFETY: the caller's contract is the same.
        unsafe { L::load_bf16(from) }
    }
}

impl KvElement for Fp8Element {
    type Stored = u8;

    fn decode(stored: u8) -> f32 {
        fp8_to_f32(stored)
    }

    fn encode_row(_: Isa, from: &[f32], to: &mut [u8]) {
        for (to, &from) in to.iter_mut().zip(from) {
            *to = fp8_from_f32(from);
        }
    }

    #[inline(always)]
    unsafe fn load<L: Lanes>(from: *const u8) -> L {
        // SAFETY: the caller's contract is the same.
        unsafe { L::load_fp8(from) }
    }
}

simd_dispatch! {
    /// Narrows to IEEE halves, to nearest even.
    fn encode_f16(from: &[f32], to: &mut [u16]) = encode_f16_reference | encode_f16_lanes
}

simd_dispatch! {
    /// Narrows to bfloat16, to nearest even.
    fn encode_bf16(from: &[f32], to: &mut [u16]) = encode_bf16_reference | encode_bf16_lanes
}

fn encode_f16_reference(from: &[f32], to: &mut [u16]) {
    for (to, &from) in to.iter_mut().zip(from) {
        *to = f16::from_f32(from).to_bits();
    }
}

fn encode_bf16_reference(from: &[f32], to: &mut [u16]) {
    for (to, &from) in to.iter_mut().zip(from) {
        *to = bf16::from_f32(from).to_bits();
    }
}

/// # Safety
/// The CPU has the features of `L`.
#[inline(always)]
unsafe fn encode_f16_lanes<L: Lanes>(from: &[f32], to: &mut [u16]) {
    assert!(from.len() == to.len(), "rows to convert differ in length");
    let whole = from.len() - from.len() % L::LEN;
    for i in (0..whole).step_by(L::LEN) {
        // SAFETY: `i + L::LEN <= whole`, which is at most the length of both slices.
        unsafe { L::load(from.as_ptr().add(i)).store_f16(to.as_mut_ptr().add(i)) };
    }
    encode_f16_reference(&from[whole..], &mut to[whole..]);
}

/// # Safety
/// The CPU has the features of `L`.
#[inline(always)]
unsafe fn encode_bf16_lanes<L: Lanes>(from: &[f32], to: &mut [u16]) {
    assert!(from.len() == to.len(), "rows to convert differ in length");
    let whole = from.len() - from.len() % L::LEN;
    for i in (0..whole).step_by(L::LEN) {
        // SAFETY: `i + L::LEN <= whole`, which is at most the length of both slices.
        unsafe { L::load(from.as_ptr().add(i)).store_bf16(to.as_mut_ptr().add(i)) };
    }
    encode_bf16_reference(&from[whole..], &mut to[whole..]);
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ops::testing::{AWKWARD_LENGTHS, for_each_isa, noise};

    /// Values around every rounding decision: all exponents, ties, subnormals, infinities, NaN.
    fn edge_values() -> Vec<f32> {
        let mut values = vec![0.0, -0.0, f32::INFINITY, f32::NEG_INFINITY, f32::MAX, f32::MIN];
        for exponent in 0..255u32 {
            for mantissa in [0, 0xfff, 0x1000, 0x1001, 0x2fff, 0x3000, 0x7fff, 0x8000, 0x8001] {
                for high in [0u32, 0x1_0000, 0x7f_0000] {
                    let bits = exponent << 23 | high | mantissa;
                    values.extend([f32::from_bits(bits), -f32::from_bits(bits)]);
                }
            }
        }
        values.extend(noise(1001, 9));
        values
    }

    #[test]
    fn narrowing_is_that_of_the_half_crate() {
        for_each_isa(|isa| {
            let values = edge_values();
            let mut encoded = vec![0u16; values.len()];
            HalfElement::encode_row(isa, &values, &mut encoded);
            for (&value, &bits) in values.iter().zip(&encoded) {
                assert_eq!(bits, f16::from_f32(value).to_bits(), "{isa} f16 of {value:e}");
            }
            BfloatElement::encode_row(isa, &values, &mut encoded);
            for (&value, &bits) in values.iter().zip(&encoded) {
                assert_eq!(bits, bf16::from_f32(value).to_bits(), "{isa} bf16 of {value:e}");
            }
        });
    }

    simd_dispatch! {
        fn widen_fp8(from: &[u8], to: &mut [f32]) = widen_fp8_reference | widen_fp8_lanes
    }

    fn widen_fp8_reference(from: &[u8], to: &mut [f32]) {
        to.iter_mut().zip(from).for_each(|(to, from)| *to = Fp8Element::decode(*from));
    }

    #[inline(always)]
    unsafe fn widen_fp8_lanes<L: Lanes>(from: &[u8], to: &mut [f32]) {
        for (from, to) in from.chunks_exact(L::LEN).zip(to.chunks_exact_mut(L::LEN)) {
            // SAFETY: both chunks have `L::LEN` elements.
            unsafe { Fp8Element::load::<L>(from.as_ptr()).store(to.as_mut_ptr()) };
        }
    }

    #[test]
    fn every_fp8_widens_to_its_number() {
        for_each_isa(|isa| {
            let codes: Vec<u8> = (0..=u8::MAX).collect();
            let mut wide = vec![0.0; codes.len()];
            widen_fp8(isa, &codes, &mut wide);
            for (&code, &wide) in codes.iter().zip(&wide) {
                let number = fp8_to_f32(code);
                let same = wide.to_bits() == number.to_bits() || (wide.is_nan() && code == 0x80);
                assert!(same, "{isa}: {code:#x} is {number}, not {wide}");
            }
        });
    }

    #[test]
    fn nan_stays_nan_at_any_length() {
        for_each_isa(|isa| {
            for len in AWKWARD_LENGTHS {
                let values = vec![f32::from_bits(0x7f80_0001); len];
                let mut encoded = vec![0u16; len];
                HalfElement::encode_row(isa, &values, &mut encoded);
                assert!(encoded.iter().all(|bits| HalfElement::decode(*bits).is_nan()));
                BfloatElement::encode_row(isa, &values, &mut encoded);
                assert!(encoded.iter().all(|bits| BfloatElement::decode(*bits).is_nan()));
            }
        });
    }
}
