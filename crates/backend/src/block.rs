//! GGUF quantisation blocks, read into one common form.
//!
//! Layouts are those of `ggml-common.h` (`block_q8_0` .. `block_q6_K`), the element order that of
//! `dequantize_row_*` in `ggml-quants.c`. Whatever the format, 32 consecutive elements become a
//! [`Block`]: unsigned codes and a few small numbers that turn a code into a value:
//! `value = scale * (code - offset) + minimum`.
//!
//! Knows nothing of a device's own layout. Called by devices when weights are uploaded: those that
//! compute on blocks take [`Block`]s, those that expand take rows.

use half::f16;

use crate::{DType, TensorView};

/// Elements of a [`Block`]; also the block length of the quantised activations.
pub const BLOCK_LEN: usize = 32;
/// Blocks in a 256-element super-block of the `_K` formats.
pub const BLOCKS_PER_SUPER: usize = 8;

/// 32 consecutive weights of one row.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Block {
    /// Unsigned codes; the stored bits plus, for `Q8_0`, 128.
    pub codes: [u8; BLOCK_LEN],
    /// f16 bits of `d`.
    pub d: u16,
    /// f16 bits of `m` (`Q4_1`, `Q5_1`) or `dmin` (`Q4_K`, `Q5_K`), else 0.
    pub m: u16,
    /// `Q4_K`, `Q5_K`: 6-bit scale and minimum. `Q6_K`: the i8 scales of both halves. Else 0.
    pub sub: [u8; 2],
}

/// A block's numbers as f32; every product here is exact.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Coefficients {
    /// Scale of elements 0..16 and of elements 16..32.
    pub scale: [f32; 2],
    /// Added to every element.
    pub min: f32,
}

/// What a code of this format must be lowered by before scaling.
pub const fn code_offset(dtype: DType) -> i32 {
    match dtype {
        DType::Q8_0 => 128,
        DType::Q6_K => 32,
        DType::Q5_0 => 16,
        DType::Q4_0 => 8,
        DType::Q4_1 | DType::Q5_1 | DType::Q4_K | DType::Q5_K => 0,
        DType::F32 | DType::F16 | DType::BF16 => 0,
    }
}

/// True if elements have a minimum.
pub const fn has_min(dtype: DType) -> bool {
    matches!(dtype, DType::Q4_1 | DType::Q5_1 | DType::Q4_K | DType::Q5_K)
}

impl Block {
    /// The numbers that turn codes into values.
    #[inline]
    pub fn coefficients(&self, dtype: DType) -> Coefficients {
        let d = f16::from_bits(self.d).to_f32();
        let m = f16::from_bits(self.m).to_f32();
        let [sub0, sub1] = self.sub;
        match dtype {
            DType::Q4_K | DType::Q5_K => {
                Coefficients { scale: [d * f32::from(sub0); 2], min: -(m * f32::from(sub1)) }
            }
            DType::Q6_K => {
                let scale = [sub0, sub1].map(|sub| d * f32::from(sub.cast_signed()));
                Coefficients { scale, min: 0.0 }
            }
            _ => Coefficients { scale: [d; 2], min: m },
        }
    }

    /// The 32 values, rounded as `dequantize_row_*` does: product first, then sum.
    #[inline]
    pub fn dequantize(&self, dtype: DType, out: &mut [f32; BLOCK_LEN]) {
        let Coefficients { scale, min } = self.coefficients(dtype);
        let offset = code_offset(dtype);
        for (i, (out, &code)) in out.iter_mut().zip(&self.codes).enumerate() {
            let value = scale[i / 16] * (i32::from(code) - offset) as f32;
            *out = if has_min(dtype) { value + min } else { value };
        }
    }
}

/// Reads block `block_idx`, of 32 elements, of a row of a quantised type. Panics for a plain one.
#[inline]
pub fn read_block(dtype: DType, row: &[u8], block_idx: usize) -> Block {
    let blocks_per_storage = dtype.block_len() / BLOCK_LEN;
    let bytes = &row[block_idx / blocks_per_storage * dtype.block_bytes()..][..dtype.block_bytes()];
    let sub_idx = block_idx % blocks_per_storage;
    match dtype {
        DType::Q8_0 => read_q8_0(bytes),
        DType::Q4_0 => legacy(bytes, false, false),
        DType::Q4_1 => legacy(bytes, true, false),
        DType::Q5_0 => legacy(bytes, false, true),
        DType::Q5_1 => legacy(bytes, true, true),
        DType::Q4_K => read_q45_k(bytes, sub_idx, false),
        DType::Q5_K => read_q45_k(bytes, sub_idx, true),
        DType::Q6_K => read_q6_k(bytes, sub_idx),
        DType::F32 | DType::F16 | DType::BF16 => unreachable!("{dtype:?} has no blocks"),
    }
}

impl TensorView<'_> {
    /// Writes row `row` as f32 into `out`, whatever type it is stored in.
    ///
    /// # Panics
    /// If there is no such row, or `out` has not the length of a row.
    pub fn widen_row(&self, row: usize, out: &mut [f32]) {
        let (dtype, bytes) = (self.shape.dtype, self.row(row));
        assert_eq!(out.len(), self.shape.cols, "output length must be the number of columns");
        if dtype.is_plain() {
            for (out, element) in out.iter_mut().zip(bytes.chunks_exact(dtype.block_bytes())) {
                *out = read_plain(dtype, element);
            }
            return;
        }
        let (blocks, _) = out.as_chunks_mut::<BLOCK_LEN>();
        for (block_idx, out) in blocks.iter_mut().enumerate() {
            read_block(dtype, bytes, block_idx).dequantize(dtype, out);
        }
    }
}

/// Widens one little-endian element of a plain type. Panics for a quantised one.
#[inline]
pub fn read_plain(dtype: DType, bytes: &[u8]) -> f32 {
    match dtype {
        DType::F32 => f32::from_le_bytes([bytes[0], bytes[1], bytes[2], bytes[3]]),
        DType::F16 => f16::from_bits(u16_at(bytes, 0)).to_f32(),
        // Not through `half::bf16`, which quiets signalling NaNs; kernels just shift.
        DType::BF16 => f32::from_bits(u32::from(u16_at(bytes, 0)) << 16),
        _ => unreachable!("{dtype:?} is not plain"),
    }
}

fn u16_at(bytes: &[u8], at: usize) -> u16 {
    u16::from_le_bytes([bytes[at], bytes[at + 1]])
}

/// `block_q8_0`: `d`, `qs[32]` (i8).
fn read_q8_0(bytes: &[u8]) -> Block {
    let codes = std::array::from_fn(|i| bytes[2 + i] ^ 0x80);
    Block { codes, d: u16_at(bytes, 0), m: 0, sub: [0; 2] }
}

/// `block_q4_0`, `q4_1`, `q5_0`, `q5_1`: `d`, [`m`], [`qh[4]`], `qs[16]`. Byte `j` of `qs` holds
/// the low bits of element `j` and, in its high nibble, of element `j + 16`; bit `i` of `qh` is
/// the fifth bit of element `i`.
fn legacy(bytes: &[u8], has_m: bool, has_fifth_bit: bool) -> Block {
    let m = if has_m { u16_at(bytes, 2) } else { 0 };
    let mut at = if has_m { 4 } else { 2 };
    let mut high = 0;
    if has_fifth_bit {
        high = u32::from_le_bytes([bytes[at], bytes[at + 1], bytes[at + 2], bytes[at + 3]]);
        at += 4;
    }
    let codes = std::array::from_fn(|i| {
        let low = (bytes[at + i % 16] >> (i / 16 * 4)) & 0x0f;
        low | (((high >> i) as u8 & 1) << 4)
    });
    Block { codes, d: u16_at(bytes, 0), m, sub: [0; 2] }
}

/// `block_q4_K`, `block_q5_K`: `d`, `dmin`, `scales[12]`, [`qh[32]`], `qs[128]`. Sub-blocks `2p`
/// and `2p + 1` are the low and high nibbles of bytes `32p..32p + 32` of `qs`; bit `j` of `qh[l]`
/// is the fifth bit of element `l` of sub-block `j`.
fn read_q45_k(bytes: &[u8], sub_idx: usize, has_fifth_bit: bool) -> Block {
    let scales = &bytes[4..16];
    let high = has_fifth_bit.then(|| &bytes[16..48]);
    let nibbles = &bytes[if has_fifth_bit { 48 } else { 16 } + sub_idx / 2 * 32..][..32];
    let codes = std::array::from_fn(|i| {
        let low = (nibbles[i] >> (sub_idx % 2 * 4)) & 0x0f;
        low | high.map_or(0, |high| ((high[i] >> sub_idx) & 1) << 4)
    });
    Block { codes, d: u16_at(bytes, 0), m: u16_at(bytes, 2), sub: six_bit_scales(scales, sub_idx) }
}

/// Scale and minimum of a sub-block (`get_scale_min_k4`): eight pairs of 6-bit numbers in 12 bytes.
fn six_bit_scales(scales: &[u8], j: usize) -> [u8; 2] {
    if j < 4 {
        return [scales[j] & 63, scales[j + 4] & 63];
    }
    [
        (scales[j + 4] & 0x0f) | ((scales[j - 4] >> 6) << 4),
        (scales[j + 4] >> 4) | ((scales[j] >> 6) << 4),
    ]
}

/// `block_q6_K`: `ql[128]`, `qh[64]`, `scales[16]` (i8), `d`. Each half of 128 elements has 64
/// bytes of `ql` and 32 of `qh`; its sub-block `s` takes nibble `s / 2` of `ql[32 * (s % 2) + l]`
/// and bits `2s..2s + 2` of `qh[l]`.
fn read_q6_k(bytes: &[u8], sub_idx: usize) -> Block {
    let (half, s) = (sub_idx / 4, sub_idx % 4);
    let low = &bytes[half * 64 + s % 2 * 32..][..32];
    let high = &bytes[128 + half * 32..][..32];
    let scales = &bytes[192 + half * 8 + s * 2..][..2];
    let codes = std::array::from_fn(|l| {
        ((low[l] >> (s / 2 * 4)) & 0x0f) | (((high[l] >> (2 * s)) & 3) << 4)
    });
    Block { codes, d: u16_at(bytes, 208), m: 0, sub: [scales[0], scales[1]] }
}
