//! Plain weights with AVX-512: each activation is broadcast and multiplied with 16 weights, widened
//! in registers; a tile keeps its sums in registers over all columns.

use std::arch::x86_64::*;

use backend::DType;

use crate::linear::kernels::Lanes;
use crate::linear::panel::{PANEL_ROWS, PanelLayout};
use crate::linear::prefetch::prefetch_ahead;

/// A plain element type.
trait Element {
    /// Bytes of one element.
    const BYTES: usize;
    /// Widens 16 elements.
    ///
    /// # Safety
    /// AVX-512 F is available and `at` points to 16 elements.
    unsafe fn load(at: *const u8) -> __m512;
}

struct F32;
struct F16;
struct Bf16;

impl Element for F32 {
    const BYTES: usize = 4;
    #[inline]
    #[target_feature(enable = "avx512f,avx512bw,avx512vl,avx512dq")]
    unsafe fn load(at: *const u8) -> __m512 {
        // SAFETY: the caller's promise.
        unsafe { _mm512_loadu_ps(at.cast()) }
    }
}

impl Element for F16 {
    const BYTES: usize = 2;
    #[inline]
    #[target_feature(enable = "avx512f,avx512bw,avx512vl,avx512dq")]
    unsafe fn load(at: *const u8) -> __m512 {
        // SAFETY: the caller's promise.
        _mm512_cvtph_ps(unsafe { _mm256_loadu_si256(at.cast()) })
    }
}

impl Element for Bf16 {
    const BYTES: usize = 2;
    #[inline]
    #[target_feature(enable = "avx512f,avx512bw,avx512vl,avx512dq")]
    unsafe fn load(at: *const u8) -> __m512 {
        // SAFETY: the caller's promise.
        let bits = _mm512_cvtepu16_epi32(unsafe { _mm256_loadu_si256(at.cast()) });
        _mm512_castsi512_ps(_mm512_slli_epi32::<16>(bits))
    }
}

/// A tile of `rows` rows and `tile.len() / rows` panels.
///
/// # Safety
/// The AVX-512 of `Isa::Avx512` is available; `panels` and `x` point to as much as the tile needs.
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
                (rows, panels) => unreachable!("no AVX-512 kernel for {rows} rows, {panels} panels"),
            }
        };
    }
    // SAFETY: the caller's promise.
    unsafe {
        shapes!(
            1 x 1, 1 x 2, 1 x 3, 1 x 4, 2 x 1, 2 x 2, 3 x 1, 3 x 2, 4 x 1, 4 x 2, 5 x 1, 5 x 2,
            6 x 1, 6 x 2, 7 x 1, 7 x 2, 8 x 1, 8 x 2
        );
    }
}

#[target_feature(enable = "avx512f,avx512bw,avx512vl,avx512dq")]
unsafe fn kernel<T: Element, const ROWS: usize, const PANELS: usize>(
    layout: &PanelLayout,
    panels: *const u8,
    x: *const f32,
    tile: &mut [Lanes],
) {
    let cols = layout.cols;
    let mut acc = [[_mm512_setzero_ps(); ROWS]; PANELS];
    for col in 0..cols {
        let mut weights = [_mm512_setzero_ps(); PANELS];
        for (panel, weights) in weights.iter_mut().enumerate() {
            let at = panel * layout.panel_bytes + col * PANEL_ROWS * T::BYTES;
            prefetch_ahead(panels.wrapping_add(at), PANEL_ROWS * T::BYTES);
            // SAFETY: the panels have `cols` columns (the caller's promise).
            *weights = unsafe { T::load(panels.add(at)) };
        }
        for row in 0..ROWS {
            // SAFETY: `x` has `ROWS` rows of `cols` (the caller's promise).
            let x = _mm512_set1_ps(unsafe { *x.add(row * cols + col) });
            for panel in 0..PANELS {
                acc[panel][row] = _mm512_fmadd_ps(x, weights[panel], acc[panel][row]);
            }
        }
    }
    for (out, acc) in tile.iter_mut().zip(acc.as_flattened()) {
        // SAFETY: `out` is 16 floats.
        unsafe { _mm512_storeu_ps(out.as_mut_ptr(), *acc) };
    }
}
