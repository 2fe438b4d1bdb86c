//! Vectors of f32 as one trait, so that each kernel is written once and compiled for AVX2 and for
//! AVX-512.
//!
//! Kernels generic over [`Lanes`] are `#[inline(always)]` and are called only from functions with
//! the matching `#[target_feature]`, which [`simd_dispatch`] writes. Vectors never cross a function
//! that is not inlined.

pub(crate) mod avx2;
pub(crate) mod avx512;

#[cfg(test)]
mod tests;

/// A vector of f32 lanes.
///
/// # Safety
/// Every function must run on a CPU with the type's features: [`avx2`] needs AVX2, FMA and F16C,
/// [`avx512`] needs AVX-512 F, BW, DQ and VL. Pointers must be valid for [`Lanes::LEN`] elements of
/// any alignment.
pub(crate) trait Lanes: Copy {
    /// Number of lanes.
    const LEN: usize;
    unsafe fn splat(value: f32) -> Self;
    unsafe fn load(from: *const f32) -> Self;
    unsafe fn store(self, to: *mut f32);
    /// Widens IEEE halves.
    unsafe fn load_f16(from: *const u16) -> Self;
    /// Narrows to IEEE halves, to nearest even.
    unsafe fn store_f16(self, to: *mut u16);
    /// Widens bfloat16.
    unsafe fn load_bf16(from: *const u16) -> Self;
    /// Narrows to bfloat16, to nearest even; NaN stays NaN.
    unsafe fn store_bf16(self, to: *mut u16);
    /// Widens FP8 e4m3 FNUZ.
    unsafe fn load_fp8(from: *const u8) -> Self;
    unsafe fn add(self, other: Self) -> Self;
    unsafe fn sub(self, other: Self) -> Self;
    unsafe fn mul(self, other: Self) -> Self;
    unsafe fn div(self, other: Self) -> Self;
    /// `self * factor + addend`, rounded once.
    unsafe fn fma(self, factor: Self, addend: Self) -> Self;
    /// Lane-wise maximum; `other` where either is NaN.
    unsafe fn max(self, other: Self) -> Self;
    /// Lane-wise minimum; `other` where either is NaN.
    unsafe fn min(self, other: Self) -> Self;
    /// To the nearest integer, ties to even.
    unsafe fn round(self) -> Self;
    /// `2^self` for integers in `-126..=127`.
    unsafe fn pow2(self) -> Self;
    /// Zero in lanes where `x < bound`.
    unsafe fn zero_where_less(self, x: Self, bound: Self) -> Self;
    /// Sum of all lanes: halves are added until one lane is left.
    unsafe fn reduce_add(self) -> f32;
    /// Largest lane.
    unsafe fn reduce_max(self) -> f32;
}

/// Below this `e^x` would be subnormal; [`exp`] gives zero.
const EXP_LOWEST: f32 = -87.336_54;
/// Above this the power of two would overflow; [`exp`] stays at `e^88.37`.
const EXP_HIGHEST: f32 = 88.376_26;

/// `e^x`, relative error below 2e-7 where the result is normal; zero below -87.3 (minus infinity
/// included), `e^88.37` above 88.37, NaN for NaN. The only exponential of the SIMD kernels.
///
/// Range reduction by `ln 2` in two parts (Cody and Waite) and the Taylor series to degree 7 on
/// `|r| <= ln(2) / 2`, whose first omitted term is below 2^-27.
///
/// # Safety
/// As [`Lanes`].
#[inline(always)]
pub(crate) unsafe fn exp<L: Lanes>(x: L) -> L {
    // SAFETY: the caller guarantees the CPU features of `L`.
    unsafe {
        let clamped = L::splat(EXP_HIGHEST).min(L::splat(EXP_LOWEST).max(x));
        let n = clamped.mul(L::splat(std::f32::consts::LOG2_E)).round();
        let r = n.fma(L::splat(-0.693_359_4), clamped);
        let r = n.fma(L::splat(2.121_944_4e-4), r);
        let mut p = L::splat(1.0 / 5040.0);
        for coefficient in [1.0 / 720.0, 1.0 / 120.0, 1.0 / 24.0, 1.0 / 6.0, 0.5, 1.0, 1.0] {
            p = p.fma(r, L::splat(coefficient));
        }
        p.mul(n.pow2()).zero_where_less(x, L::splat(EXP_LOWEST))
    }
}

/// Writes a safe function that runs one of three versions of an operation: the plain reference or
/// the generic kernel compiled for AVX2 or AVX-512.
macro_rules! simd_dispatch {
    (
        $(#[$doc:meta])*
        $vis:vis fn $name:ident$(<$t:ident: $bound:path>)?($($arg:ident: $ty:ty),* $(,)?) $(-> $ret:ty)?
            = $reference:path | $kernel:ident
    ) => {
        $(#[$doc])*
        $vis fn $name$(<$t: $bound>)?(isa: $crate::isa::Isa, $($arg: $ty),*) $(-> $ret)? {
            #[cfg(target_arch = "x86_64")]
            #[target_feature(enable = "avx2,fma,f16c")]
            fn avx2$(<$t: $bound>)?($($arg: $ty),*) $(-> $ret)? {
                // SAFETY: this function has the features of these lanes.
                unsafe { $kernel::<$crate::ops::simd::avx2::F32x8 $(, $t)?>($($arg),*) }
            }
            #[cfg(target_arch = "x86_64")]
            #[target_feature(enable = "avx2,fma,f16c,avx512f,avx512bw,avx512dq,avx512vl")]
            fn avx512$(<$t: $bound>)?($($arg: $ty),*) $(-> $ret)? {
                // SAFETY: this function has the features of these lanes.
                unsafe { $kernel::<$crate::ops::simd::avx512::F32x16 $(, $t)?>($($arg),*) }
            }
            match isa {
                $crate::isa::Isa::Scalar => $reference($($arg),*),
                // SAFETY: a device refuses an `Isa` that its CPU lacks, and tests ask
                // `is_available` first.
                #[cfg(target_arch = "x86_64")]
                $crate::isa::Isa::Avx2 => unsafe { avx2($($arg),*) },
                // SAFETY: as above.
                #[cfg(target_arch = "x86_64")]
                $crate::isa::Isa::Avx512 => unsafe { avx512($($arg),*) },
                #[cfg(not(target_arch = "x86_64"))]
                _ => $reference($($arg),*),
            }
        }
    };
}
pub(crate) use simd_dispatch;
