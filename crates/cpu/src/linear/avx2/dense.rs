//! Plain weights with AVX2: each activation is broadcast and multiplied with two registers of 8
//! weights, widened in registers; a tile keeps its sums in registers over all columns.

use std::arch::x86_64::*;

use backend::DType;

use crate::linear::kernels::Lanes;
use crate::linear::panel::{PANEL_ROWS, PanelLayout};

/// A plain element type.
trait Element {
    /// Bytes of one element.
    const BYTES: usize;
    /// Widens 8 elements.
    ///
    /// # Safety
    /// AVX2 and F16C are available and `at` points to 8 elements.
    unsafe fn load(at: *const u8) -> __m256;
}

struct F32;
struct F16;
struct Bf16;

impl Element for F32 {
    const BYTES: usize = 4;
    #[inline]
    #[target_feature(enable = "avx2,fma,f16c")]
    unsafe fn load(at: *const u8) -> __m256 {
        // SAFETY: the caller's promise.
        unsafe { _mm256_loadu_ps(at.cast()) }
    }
}

impl Element for F16 {
    const BYTES: usize = 2;
    #[inline]
    #[target_feature(enable = "avx2,fma,f16c")]
    unsafe fn load(at: *const u8) -> __m256 {
        // SAFETY: the caller's promise.
        _mm256_cvtph_ps(unsafe { _mm_loadu_si128(at.cast()) })
    }
}

impl Element for Bf16 {
    const BYTES: usize = 2;
    #[inline]
    #[target_feature(enable = "avx2,fma,f16c")]
    unsafe fn load(at: *const u8) -> __m256 {
        // SAFETY: the caller's promise.
        let bits = _mm256_cvtepu16_epi32(unsafe { _mm_loadu_si128(at.cast()) });
        _mm256_castsi256_ps(_mm256_slli_epi32::<16>(bits))
    }
}

/// A tile of `rows` rows and `tile.len() / rows` panels.
///
/// # Safety
/// AVX2, FMA and F16C are available; `panels` and `x` point to as much as the tile needs.
pub(super) unsafe fn multiply(
    layout: &PanelLayout,
    panels: *const u8,
    x: *const f32,
    rows: usize,
    tile: &mut [Lanes],
) {
    // SAFETY: the caller's promise.
    unsafe {
        match layout.dtype {
            DType::F32 => choose::<F32>(layout, panels, x, rows, tile),
            DType::F16 => choose::<F16>(layout, panels, x, rows, tile),
            DType::BF16 => choose::<Bf16>(layout, panels, x, rows, tile),
            dtype => unreachable!("{dtype:?} is not plain"),
        }
    }
}

/// Chooses the kernel made for the tile's shape. Safety: as `multiply`.
unsafe fn choose<T: Element>(
    layout: &PanelLayout,
    panels: *const u8,
    x: *const f32,
    rows: usize,
    tile: &mut [Lanes],
) {
    macro_rules! shapes {
        ($($rows:literal x $panels:literal),*) => {
            match (rows, tile.len() / rows) {
                $(($rows, $panels) => kernel::<T, $rows, $panels>(layout, panels, x, tile),)*
                (rows, panels) => unreachable!("no AVX2 kernel for {rows} rows, {panels} panels"),
            }
        };
    }
    // SAFETY: the caller's promise.
    unsafe {
        shapes!(1 x 1, 1 x 2, 1 x 3, 1 x 4, 2 x 1, 3 x 1, 4 x 1, 5 x 1, 6 x 1);
    }
}

#[target_feature(enable = "avx2,fma,f16c")]
unsafe fn kernel<T: Element, const ROWS: usize, const PANELS: usize>(
    layout: &PanelLayout,
    panels: *const u8,
    x: *const f32,
    tile: &mut [Lanes],
) {
    let cols = layout.cols;
    let mut acc = [[[_mm256_setzero_ps(); 2]; ROWS]; PANELS];
    for col in 0..cols {
        let mut weights = [[_mm256_setzero_ps(); 2]; PANELS];
        for (panel, weights) in weights.iter_mut().enumerate() {
            let at = panel * layout.panel_bytes + col * PANEL_ROWS * T::BYTES;
            // SAFETY: the panels have `cols` columns (the caller's promise).
            *weights = unsafe {
                [T::load(panels.add(at)), T::load(panels.add(at + PANEL_ROWS / 2 * T::BYTES))]
            };
        }
        for row in 0..ROWS {
            // SAFETY: `x` has `ROWS` rows of `cols` (the caller's promise).
            let x = _mm256_set1_ps(unsafe { *x.add(row * cols + col) });
            for panel in 0..PANELS {
                for half in 0..2 {
                    acc[panel][row][half] =
                        _mm256_fmadd_ps(x, weights[panel][half], acc[panel][row][half]);
                }
            }
        }
    }
    for (out, acc) in tile.iter_mut().zip(acc.as_flattened()) {
        // SAFETY: `out` is 16 floats.
        unsafe {
            _mm256_storeu_ps(out.as_mut_ptr(), acc[0]);
            _mm256_storeu_ps(out.as_mut_ptr().add(8), acc[1]);
        }
    }
}
