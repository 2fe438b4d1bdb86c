//! Quantised weights with AVX2: codes are unpacked to unsigned bytes in registers, `vpmaddubsw`
//! adds pairs of products to 16 bits and `vpmaddwd` pairs of those to 32. Sums stay in 16 bits for
//! as long as the format cannot overflow them (activation codes are at most 127 in magnitude), so
//! the integers are exact; then one multiplication and one FMA a block, as in `scalar`.
//!
//! A panel is done as two halves of 8 rows, so that a tile's sums fit in 16 registers.

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
    /// True if codes are used as signed bytes: `code - 128` as sign and magnitude.
    const SIGNED: bool = matches!(Self::DTYPE, DType::Q8_0);
    /// How many group products of at most `2 * max_code * 127` fit in 16 bits: 8 x 3810 for 4-bit
    /// codes, 4 x 7874 for 5-bit, 2 x 16002 for 6-bit, 1 x 32512 for signed bytes.
    const PRODUCTS_PER_I16: usize = match Self::DTYPE {
        DType::Q8_0 => 1,
        DType::Q6_K => 2,
        DType::Q5_0 | DType::Q5_1 | DType::Q5_K => 4,
        _ => 8,
    };
    /// Rows `8 * half..` of groups `i` and `i + 4` (`i < 4`) of the block at `codes`.
    ///
    /// # Safety
    /// AVX2 is available and `codes` points to a whole block's codes; `half < 2`.
    unsafe fn groups(codes: *const u8, i: usize, half: usize) -> [__m256i; 2];
}

macro_rules! formats {
    ($($name:ident: $dtype:ident, $groups:ident;)*) => {$(
        struct $name;
        impl Format for $name {
            const DTYPE: DType = DType::$dtype;
            #[inline]
            #[target_feature(enable = "avx2,fma,f16c")]
            unsafe fn groups(codes: *const u8, i: usize, half: usize) -> [__m256i; 2] {
                // SAFETY: the caller's promise.
                unsafe { $groups(codes, i, half) }
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
/// AVX2, FMA and F16C are available; `panel` and `x` point to as much as the tile needs.
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
                rows => unreachable!("no AVX2 kernel for {rows} rows"),
            }
        };
    }
    // SAFETY: the caller's promise.
    unsafe { rows!(1, 2, 3, 4) }
}

#[target_feature(enable = "avx2,fma,f16c")]
unsafe fn kernel<F: Format, const ROWS: usize>(
    layout: &PanelLayout,
    panel: *const u8,
    x: *const QuantizedBlock,
    tile: &mut [Lanes],
) {
    for half in 0..2 {
        // SAFETY: the caller's promise.
        let acc = unsafe { half_panel::<F, ROWS>(layout, panel, x, half) };
        for (out, acc) in tile.iter_mut().zip(acc) {
            // SAFETY: `out` is 16 floats, of which this writes one half.
            unsafe { _mm256_storeu_ps(out.as_mut_ptr().add(8 * half), acc) };
        }
    }
}

/// All columns of 8 weight rows. Safety: as `multiply`; `half < 2`.
#[inline]
#[target_feature(enable = "avx2,fma,f16c")]
unsafe fn half_panel<F: Format, const ROWS: usize>(
    layout: &PanelLayout,
    panel: *const u8,
    x: *const QuantizedBlock,
    half: usize,
) -> [__m256; ROWS] {
    let num_blocks = layout.num_blocks();
    let block_bytes = block_panel_bytes(F::DTYPE);
    let mut acc = [_mm256_setzero_ps(); ROWS];
    for block_idx in 0..num_blocks {
        // SAFETY: the panel and the `ROWS` rows have `num_blocks` blocks (the caller's promise).
        unsafe {
            let x = x.add(block_idx);
            let codes = panel.add(block_idx * block_code_bytes(F::DTYPE));
            if half == 0 {
                prefetch_ahead(panel.wrapping_add(block_idx * block_bytes), block_bytes);
            }
            let dots = block_dots::<F, ROWS>(codes, x, num_blocks, half);
            let scales = load_scales::<F>(panel.add(layout.scales_at), block_idx, half);
            for row in 0..ROWS {
                let x = &*x.add(row * num_blocks);
                let x_scale = _mm256_set1_ps(x.scale);
                for part in 0..=usize::from(F::SPLIT) {
                    let scale = _mm256_mul_ps(scales.scale[part], x_scale);
                    let dot = _mm256_cvtepi32_ps(dots[row][part]);
                    acc[row] = _mm256_fmadd_ps(dot, scale, acc[row]);
                }
                if has_min(F::DTYPE) {
                    acc[row] = _mm256_fmadd_ps(scales.min, _mm256_set1_ps(x.scaled_sum), acc[row]);
                }
            }
        }
    }
    acc
}

/// The exact integer dot products of one block with each row: the whole block's in `[row][0]`, or
/// for split formats one of each half of the block.
///
/// # Safety
/// As [`Format::groups`]; rows are `row_stride` blocks apart.
#[inline]
#[target_feature(enable = "avx2,fma,f16c")]
unsafe fn block_dots<F: Format, const ROWS: usize>(
    codes: *const u8,
    x: *const QuantizedBlock,
    row_stride: usize,
    half: usize,
) -> [[__m256i; 2]; ROWS] {
    let ones = _mm256_set1_epi16(1);
    let offset = if F::SIGNED { 0 } else { const { code_offset(F::DTYPE) } };
    // Split formats sum the two groups of an unpacking apart; those have 2 products each.
    let separate = F::SPLIT || F::PRODUCTS_PER_I16 == 1;
    let steps_per_flush = if separate { F::PRODUCTS_PER_I16 } else { F::PRODUCTS_PER_I16 / 2 };
    let mut dots = [[_mm256_setzero_si256(); 2]; ROWS];
    let mut sums = [[_mm256_setzero_si256(); 2]; ROWS];
    // SAFETY: the caller's promise; a group's four activations lie within its block.
    unsafe {
        if offset != 0 {
            for row in 0..ROWS {
                let x = &*x.add(row * row_stride);
                let starts = if F::SPLIT { x.neg_half_sums } else { [x.neg_sum, 0] };
                dots[row] =
                    [_mm256_set1_epi32(offset * starts[0]), _mm256_set1_epi32(offset * starts[1])];
            }
        }
        for i in 0..4 {
            let weights = F::groups(codes, i, half);
            for row in 0..ROWS {
                for part in 0..2 {
                    let x = &*x.add(row * row_stride);
                    let group: *const i32 = x.codes.as_ptr().add(4 * (i + 4 * part)).cast();
                    let x = _mm256_set1_epi32(group.read_unaligned());
                    let sum = &mut sums[row][if separate { part } else { 0 }];
                    *sum = _mm256_add_epi16(*sum, products::<F>(weights[part], x));
                }
                if (i + 1) % steps_per_flush != 0 {
                    continue;
                }
                for part in 0..=usize::from(separate) {
                    let dot = &mut dots[row][if F::SPLIT { part } else { 0 }];
                    *dot = _mm256_add_epi32(*dot, _mm256_madd_epi16(sums[row][part], ones));
                    sums[row][part] = _mm256_setzero_si256();
                }
            }
        }
    }
    dots
}

/// Sums of two products in each 16-bit lane; exact, see [`Format::PRODUCTS_PER_I16`].
#[inline]
#[target_feature(enable = "avx2,fma,f16c")]
fn products<F: Format>(weights: __m256i, x: __m256i) -> __m256i {
    if F::SIGNED {
        // The first operand must be unsigned: move the weights' signs to the activations.
        let signed = _mm256_xor_si256(weights, _mm256_set1_epi8(-128));
        return _mm256_maddubs_epi16(_mm256_abs_epi8(signed), _mm256_sign_epi8(x, signed));
    }
    _mm256_maddubs_epi16(weights, x)
}

/// A block's scales (of both halves) and minima as f32.
struct BlockScales {
    scale: [__m256; 2],
    min: __m256,
}

/// # Safety
/// AVX2 and F16C are available and `scales` points to the scales of a panel with more than
/// `block_idx` blocks; `half < 2`.
#[inline]
#[target_feature(enable = "avx2,fma,f16c")]
unsafe fn load_scales<F: Format>(scales: *const u8, block_idx: usize, half: usize) -> BlockScales {
    let storage_idx = block_idx / (F::DTYPE.block_len() / BLOCK_LEN);
    let sub_at = (block_idx % BLOCKS_PER_SUPER) * 32 + half * 8;
    let zero = _mm256_setzero_ps();
    // SAFETY: offsets as documented in `panel`.
    unsafe {
        let base = scales.add(storage_idx * scale_bytes(F::DTYPE));
        let d = halves(base.add(16 * half));
        match F::DTYPE {
            DType::Q4_1 | DType::Q5_1 => {
                BlockScales { scale: [d; 2], min: halves(base.add(32 + 16 * half)) }
            }
            DType::Q4_K | DType::Q5_K => {
                let sub = base.add(64 + sub_at);
                let scale = _mm256_mul_ps(d, small_unsigned(sub));
                let dmin = halves(base.add(32 + 16 * half));
                let min = _mm256_mul_ps(dmin, small_unsigned(sub.add(16)));
                BlockScales { scale: [scale; 2], min: _mm256_xor_ps(min, _mm256_set1_ps(-0.0)) }
            }
            DType::Q6_K => {
                let sub = base.add(32 + sub_at);
                let first = _mm256_mul_ps(d, small_signed(sub));
                let second = _mm256_mul_ps(d, small_signed(sub.add(16)));
                BlockScales { scale: [first, second], min: zero }
            }
            _ => BlockScales { scale: [d; 2], min: zero },
        }
    }
}

/// 8 f16. Safety: F16C; 16 readable bytes.
#[inline]
#[target_feature(enable = "avx2,fma,f16c")]
unsafe fn halves(at: *const u8) -> __m256 {
    // SAFETY: the caller's promise.
    _mm256_cvtph_ps(unsafe { _mm_loadu_si128(at.cast()) })
}

/// 8 u8. Safety: AVX2; 8 readable bytes.
#[inline]
#[target_feature(enable = "avx2,fma,f16c")]
unsafe fn small_unsigned(at: *const u8) -> __m256 {
    // SAFETY: the caller's promise.
    _mm256_cvtepi32_ps(_mm256_cvtepu8_epi32(unsafe { _mm_loadl_epi64(at.cast()) }))
}

/// 8 i8. Safety: AVX2; 8 readable bytes.
#[inline]
#[target_feature(enable = "avx2,fma,f16c")]
unsafe fn small_signed(at: *const u8) -> __m256 {
    // SAFETY: the caller's promise.
    _mm256_cvtepi32_ps(_mm256_cvtepi8_epi32(unsafe { _mm_loadl_epi64(at.cast()) }))
}

/// Codes stored as bytes. Safety: as [`Format::groups`], here and below.
#[inline]
#[target_feature(enable = "avx2,fma,f16c")]
unsafe fn bytes(codes: *const u8, i: usize, half: usize) -> [__m256i; 2] {
    // SAFETY: the caller's promise.
    unsafe {
        let codes = codes.add(32 * half);
        [
            _mm256_loadu_si256(codes.add(64 * i).cast()),
            _mm256_loadu_si256(codes.add(64 * (i + 4)).cast()),
        ]
    }
}

/// Codes of four bits.
#[inline]
#[target_feature(enable = "avx2,fma,f16c")]
unsafe fn nibbles(codes: *const u8, i: usize, half: usize) -> [__m256i; 2] {
    // SAFETY: the caller's promise.
    let both = unsafe { _mm256_loadu_si256(codes.add(64 * i + 32 * half).cast()) };
    let mask = _mm256_set1_epi8(0x0f);
    [_mm256_and_si256(both, mask), _mm256_and_si256(_mm256_srli_epi16::<4>(both), mask)]
}

/// Nibbles and, as one bit per byte, the fifth bits.
#[inline]
#[target_feature(enable = "avx2,fma,f16c")]
unsafe fn five_bits(codes: *const u8, i: usize, half: usize) -> [__m256i; 2] {
    // SAFETY: the caller's promise; the bits are 8 words of 64 after the nibbles.
    unsafe {
        let [low, high] = nibbles(codes, i, half);
        let words: *const u32 = codes.add(256 + 4 * half).cast();
        [
            _mm256_or_si256(low, spread_bits(words.add(2 * i).read_unaligned())),
            _mm256_or_si256(high, spread_bits(words.add(2 * (i + 4)).read_unaligned())),
        ]
    }
}

/// 16 in byte `i` if bit `i` is set, else 0.
#[inline]
#[target_feature(enable = "avx2,fma,f16c")]
fn spread_bits(bits: u32) -> __m256i {
    let byte_of =
        _mm256_setr_epi64x(0, 0x0101_0101_0101_0101, 0x0202_0202_0202_0202, 0x0303_0303_0303_0303);
    let bit_of = _mm256_set1_epi64x(0x8040_2010_0804_0201_u64.cast_signed());
    let repeated = _mm256_shuffle_epi8(_mm256_set1_epi32(bits.cast_signed()), byte_of);
    let is_set = _mm256_cmpeq_epi8(_mm256_and_si256(repeated, bit_of), bit_of);
    _mm256_and_si256(is_set, _mm256_set1_epi8(16))
}

/// Nibbles and the two high bits, which are bits `2i..2i + 2` of their bytes.
#[inline]
#[target_feature(enable = "avx2,fma,f16c")]
unsafe fn six_bits(codes: *const u8, i: usize, half: usize) -> [__m256i; 2] {
    // SAFETY: the caller's promise; the high bits are two vectors of 64 after the nibbles.
    unsafe {
        let mut groups = nibbles(codes, i, half);
        for (vector, group) in groups.iter_mut().enumerate() {
            let bits = _mm256_loadu_si256(codes.add(256 + 64 * vector + 32 * half).cast());
            let moved = match i {
                0 => _mm256_slli_epi16::<4>(bits),
                1 => _mm256_slli_epi16::<2>(bits),
                2 => bits,
                _ => _mm256_srli_epi16::<2>(bits),
            };
            *group = _mm256_or_si256(*group, _mm256_and_si256(moved, _mm256_set1_epi8(0x30)));
        }
        groups
    }
}
