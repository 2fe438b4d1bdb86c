//! Quantised weights with AVX-512: codes are unpacked to unsigned bytes in registers and
//! `vpdpbusd` adds four products a lane. A dot product starts from minus offset times the sum of
//! the activations, so that it ends as the exact integer of (code - offset); then one
//! multiplication and one FMA a block, as in `scalar`.

use std::arch::x86_64::*;

use backend::DType;

use crate::linear::activations::QuantizedBlock;
use crate::linear::kernels::Lanes;
use crate::linear::panel::{PanelLayout, block_code_bytes, block_panel_bytes, scale_bytes};
use crate::linear::prefetch::prefetch_ahead;
use backend::block::{BLOCK_LEN, BLOCKS_PER_SUPER, code_offset, has_min};

/// A quantised format: its type, and how a block's codes are unpacked.
trait Format {
    const DTYPE: DType;
    /// True if the halves of a block have their own scales.
    const SPLIT: bool = matches!(Self::DTYPE, DType::Q6_K);
    /// Groups `i` and `i + 4` (`i < 4`) of the block at `codes`, as unsigned bytes.
    ///
    /// # Safety
    /// AVX-512 F and BW are available and `codes` points to a whole block's codes.
    unsafe fn groups(codes: *const u8, i: usize) -> [__m512i; 2];
}

macro_rules! formats {
    ($($name:ident: $dtype:ident, $groups:ident;)*) => {$(
        struct $name;
        impl Format for $name {
            const DTYPE: DType = DType::$dtype;
            #[inline]
            #[target_feature(enable = "avx512f,avx512bw,avx512vl,avx512dq,avx512vnni")]
            unsafe fn groups(codes: *const u8, i: usize) -> [__m512i; 2] {
                // SAFETY: the caller's promise.
                unsafe { $groups(codes, i) }
            }
        }
    )*};
}

formats! {
    Q8_0: Q8_0, bytes;
    Q4_0: Q4_0, nibbles;
    Q4_1: Q4_1, nibbles;
    Q5_0: Q5_0, five_bits;
    Q5_1: Q5_1, five_bits;
    Q4K: Q4_K, nibbles;
    Q5K: Q5_K, five_bits;
    Q6K: Q6_K, six_bits;
}

/// A tile of `tile.len()` rows and one panel.
///
/// # Safety
/// The AVX-512 of `Isa::Avx512` is available; `panel` and `x` point to as much as the tile needs.
pub(super) unsafe fn multiply(
    layout: &PanelLayout,
    panel: *const u8,
    x: *const QuantizedBlock,
    rows: usize,
    tile: &mut [Lanes],
) {
    assert_eq!(tile.len(), rows, "quantised tiles are one panel wide");
    // SAFETY: the caller's promise.
    unsafe {
        match layout.dtype {
            DType::Q8_0 => choose::<Q8_0>(layout, panel, x, tile),
            DType::Q4_0 => choose::<Q4_0>(layout, panel, x, tile),
            DType::Q4_1 => choose::<Q4_1>(layout, panel, x, tile),
            DType::Q5_0 => choose::<Q5_0>(layout, panel, x, tile),
            DType::Q5_1 => choose::<Q5_1>(layout, panel, x, tile),
            DType::Q4_K => choose::<Q4K>(layout, panel, x, tile),
            DType::Q5_K => choose::<Q5K>(layout, panel, x, tile),
            DType::Q6_K => choose::<Q6K>(layout, panel, x, tile),
            dtype => unreachable!("{dtype:?} is not quantised"),
        }
    }
}

/// Chooses the kernel made for the number of rows. Safety: as `multiply`.
unsafe fn choose<F: Format>(
    layout: &PanelLayout,
    panel: *const u8,
    x: *const QuantizedBlock,
    tile: &mut [Lanes],
) {
    macro_rules! rows {
        ($($rows:literal),*) => {
            match tile.len() {
                $($rows => kernel::<F, $rows>(layout, panel, x, tile),)*
                rows => unreachable!("no AVX-512 kernel for {rows} rows"),
            }
        };
    }
    // SAFETY: the caller's promise.
    unsafe { rows!(1, 2, 3, 4, 5, 6, 7, 8) }
}

#[target_feature(enable = "avx512f,avx512bw,avx512vl,avx512dq,avx512vnni")]
unsafe fn kernel<F: Format, const ROWS: usize>(
    layout: &PanelLayout,
    panel: *const u8,
    x: *const QuantizedBlock,
    tile: &mut [Lanes],
) {
    let num_blocks = layout.num_blocks();
    let block_bytes = block_panel_bytes(F::DTYPE);
    let mut acc = [_mm512_setzero_ps(); ROWS];
    for block_idx in 0..num_blocks {
        // SAFETY: the panel and the `ROWS` rows have `num_blocks` blocks (the caller's promise).
        unsafe {
            let x = x.add(block_idx);
            let codes = panel.add(block_idx * block_code_bytes(F::DTYPE));
            prefetch_ahead(panel.wrapping_add(block_idx * block_bytes), block_bytes);
            let dots = block_dots::<F, ROWS>(codes, x, num_blocks);
            let scales = load_scales::<F>(panel.add(layout.scales_at), block_idx);
            for row in 0..ROWS {
                let x = &*x.add(row * num_blocks);
                let x_scale = _mm512_set1_ps(x.scale);
                for half in 0..=usize::from(F::SPLIT) {
                    let scale = _mm512_mul_ps(scales.scale[half], x_scale);
                    let dot = _mm512_cvtepi32_ps(dots[row][half]);
                    acc[row] = _mm512_fmadd_ps(dot, scale, acc[row]);
                }
                if has_min(F::DTYPE) {
                    acc[row] = _mm512_fmadd_ps(scales.min, _mm512_set1_ps(x.scaled_sum), acc[row]);
                }
            }
        }
    }
    for (out, acc) in tile.iter_mut().zip(acc) {
        // SAFETY: `out` is 16 floats.
        unsafe { _mm512_storeu_ps(out.as_mut_ptr(), acc) };
    }
}

/// The exact integer dot products of one block with each row: the whole block's in `[row][0]`, or
/// for split formats one of each half.
///
/// # Safety
/// As [`Format::groups`]; rows are `row_stride` blocks apart.
#[inline]
#[target_feature(enable = "avx512f,avx512bw,avx512vl,avx512dq,avx512vnni")]
unsafe fn block_dots<F: Format, const ROWS: usize>(
    codes: *const u8,
    x: *const QuantizedBlock,
    row_stride: usize,
) -> [[__m512i; 2]; ROWS] {
    let offset = const { code_offset(F::DTYPE) };
    let mut dots = [[_mm512_setzero_si512(); 2]; ROWS];
    // SAFETY: the caller's promise; a group's four activations lie within its block.
    unsafe {
        if offset != 0 {
            for row in 0..ROWS {
                let x = &*x.add(row * row_stride);
                let starts = if F::SPLIT { x.neg_half_sums } else { [x.neg_sum, 0] };
                dots[row] =
                    [_mm512_set1_epi32(offset * starts[0]), _mm512_set1_epi32(offset * starts[1])];
            }
        }
        for i in 0..4 {
            let weights = F::groups(codes, i);
            for half in 0..2 {
                let sum = if F::SPLIT { half } else { 0 };
                for row in 0..ROWS {
                    let x = &*x.add(row * row_stride);
                    let group: *const i32 = x.codes.as_ptr().add(4 * (i + 4 * half)).cast();
                    let x = _mm512_set1_epi32(group.read_unaligned());
                    dots[row][sum] = _mm512_dpbusd_epi32(dots[row][sum], weights[half], x);
                }
            }
        }
    }
    dots
}

/// A block's scales (of both halves) and minima as f32.
struct BlockScales {
    scale: [__m512; 2],
    min: __m512,
}

/// # Safety
/// AVX-512 is available and `scales` points to the scales of a panel with more than `block_idx`
/// blocks.
#[inline]
#[target_feature(enable = "avx512f,avx512bw,avx512vl,avx512dq,avx512vnni")]
unsafe fn load_scales<F: Format>(scales: *const u8, block_idx: usize) -> BlockScales {
    let storage_idx = block_idx / (F::DTYPE.block_len() / BLOCK_LEN);
    let sub_at = (block_idx % BLOCKS_PER_SUPER) * 32;
    let zero = _mm512_setzero_ps();
    // SAFETY: offsets as documented in `panel`.
    unsafe {
        let base = scales.add(storage_idx * scale_bytes(F::DTYPE));
        let d = halves(base);
        match F::DTYPE {
            DType::Q4_1 | DType::Q5_1 => BlockScales { scale: [d; 2], min: halves(base.add(32)) },
            DType::Q4_K | DType::Q5_K => {
                let sub = base.add(64 + sub_at);
                let scale = _mm512_mul_ps(d, small_unsigned(sub));
                let min = _mm512_mul_ps(halves(base.add(32)), small_unsigned(sub.add(16)));
                BlockScales { scale: [scale; 2], min: _mm512_xor_ps(min, _mm512_set1_ps(-0.0)) }
            }
            DType::Q6_K => {
                let sub = base.add(32 + sub_at);
                let first = _mm512_mul_ps(d, small_signed(sub));
                let second = _mm512_mul_ps(d, small_signed(sub.add(16)));
                BlockScales { scale: [first, second], min: zero }
            }
            _ => BlockScales { scale: [d; 2], min: zero },
        }
    }
}

/// 16 f16. Safety: AVX-512 F; 32 readable bytes.
#[inline]
#[target_feature(enable = "avx512f,avx512bw,avx512vl,avx512dq,avx512vnni")]
unsafe fn halves(at: *const u8) -> __m512 {
    // SAFETY: the caller's promise.
    _mm512_cvtph_ps(unsafe { _mm256_loadu_si256(at.cast()) })
}

/// 16 u8. Safety: AVX-512 F; 16 readable bytes.
#[inline]
#[target_feature(enable = "avx512f,avx512bw,avx512vl,avx512dq,avx512vnni")]
unsafe fn small_unsigned(at: *const u8) -> __m512 {
    // SAFETY: the caller's promise.
    _mm512_cvtepi32_ps(_mm512_cvtepu8_epi32(unsafe { _mm_loadu_si128(at.cast()) }))
}

/// 16 i8. Safety: AVX-512 F; 16 readable bytes.
#[inline]
#[target_feature(enable = "avx512f,avx512bw,avx512vl,avx512dq,avx512vnni")]
unsafe fn small_signed(at: *const u8) -> __m512 {
    // SAFETY: the caller's promise.
    _mm512_cvtepi32_ps(_mm512_cvtepi8_epi32(unsafe { _mm_loadu_si128(at.cast()) }))
}

/// Codes stored as bytes. Safety: as [`Format::groups`], here and below.
#[inline]
#[target_feature(enable = "avx512f,avx512bw,avx512vl,avx512dq,avx512vnni")]
unsafe fn bytes(codes: *const u8, i: usize) -> [__m512i; 2] {
    // SAFETY: the caller's promise.
    unsafe {
        [
            _mm512_loadu_si512(codes.add(64 * i).cast()),
            _mm512_loadu_si512(codes.add(64 * (i + 4)).cast()),
        ]
    }
}

/// Codes of four bits.
#[inline]
#[target_feature(enable = "avx512f,avx512bw,avx512vl,avx512dq,avx512vnni")]
unsafe fn nibbles(codes: *const u8, i: usize) -> [__m512i; 2] {
    // SAFETY: the caller's promise.
    let both = unsafe { _mm512_loadu_si512(codes.add(64 * i).cast()) };
    let mask = _mm512_set1_epi8(0x0f);
    [_mm512_and_si512(both, mask), _mm512_and_si512(_mm512_srli_epi16::<4>(both), mask)]
}

/// Nibbles and, as one mask bit per byte, the fifth bits.
#[inline]
#[target_feature(enable = "avx512f,avx512bw,avx512vl,avx512dq,avx512vnni")]
unsafe fn five_bits(codes: *const u8, i: usize) -> [__m512i; 2] {
    let sixteen = _mm512_set1_epi8(16);
    // SAFETY: the caller's promise; the masks are 8 words after the nibbles.
    unsafe {
        let [low, high] = nibbles(codes, i);
        let masks: *const u64 = codes.add(256).cast();
        [
            _mm512_mask_add_epi8(low, masks.add(i).read_unaligned(), low, sixteen),
            _mm512_mask_add_epi8(high, masks.add(i + 4).read_unaligned(), high, sixteen),
        ]
    }
}

/// Nibbles and the two high bits, which are bits `2i..2i + 2` of their bytes.
#[inline]
#[target_feature(enable = "avx512f,avx512bw,avx512vl,avx512dq,avx512vnni")]
unsafe fn six_bits(codes: *const u8, i: usize) -> [__m512i; 2] {
    // SAFETY: the caller's promise; the high bits are two vectors after the nibbles.
    unsafe {
        let mut groups = nibbles(codes, i);
        for (vector, group) in groups.iter_mut().enumerate() {
            let bits = _mm512_loadu_si512(codes.add(256 + 64 * vector).cast());
            let moved = match i {
                0 => _mm512_slli_epi16::<4>(bits),
                1 => _mm512_slli_epi16::<2>(bits),
                2 => bits,
                _ => _mm512_srli_epi16::<2>(bits),
            };
            *group = _mm512_or_si512(*group, _mm512_and_si512(moved, _mm512_set1_epi8(0x30)));
        }
        groups
    }
}
