//! Values of stored rows, element by element as `ggml-common.h` lays the blocks out.

use backend::DType;

/// The f32 values of one row of `dtype`.
pub(crate) fn dequantize_row(dtype: DType, bytes: &[u8]) -> Vec<f32> {
    let blocks = bytes.chunks_exact(dtype.block_bytes());
    assert!(blocks.remainder().is_empty(), "a row is a whole number of blocks");
    blocks.flat_map(|block| dequantize_block(dtype, block)).collect()
}

fn dequantize_block(dtype: DType, block: &[u8]) -> Vec<f32> {
    // The scale and, in some types, the minimum.
    let [first, second] = [0, 2].map(|at| if dtype.is_plain() { 0.0 } else { f16(block, at) });
    match dtype {
        DType::F32 => vec![f32::from_le_bytes([block[0], block[1], block[2], block[3]])],
        DType::F16 => vec![f16(block, 0)],
        DType::BF16 => vec![f32::from_bits(u32::from(u16_at(block, 0)) << 16)],
        DType::Q8_0 => block[2..34].iter().map(|&q| first * f32::from(q as i8)).collect(),
        DType::Q4_0 => four_bit(block, 2, None, |q| first * (q - 8.0)),
        DType::Q4_1 => four_bit(block, 4, None, |q| first * q + second),
        DType::Q5_0 => four_bit(block, 6, Some(2), |q| first * (q - 16.0)),
        DType::Q5_1 => four_bit(block, 8, Some(4), |q| first * q + second),
        DType::Q4_K => (0..256).map(|i| k_4_or_5(block, i, false)).collect(),
        DType::Q5_K => (0..256).map(|i| k_4_or_5(block, i, true)).collect(),
        DType::Q6_K => (0..256).map(|i| q6_k(block, i)).collect(),
    }
}

/// Blocks of 32: element `i` is the low nibble of byte `i`, element `16 + i` its high nibble, with
/// a fifth bit from bit `i` of the little-endian word at `high`.
fn four_bit(block: &[u8], low: usize, high: Option<usize>, value: impl Fn(f32) -> f32) -> Vec<f32> {
    let element = |i: usize| {
        let byte = block[low + i % 16];
        let nibble = if i < 16 { byte & 15 } else { byte >> 4 };
        let fifth = high.map_or(0, |high| block[high + i / 8] >> (i % 8) & 1);
        value(f32::from(nibble | fifth << 4))
    };
    (0..32).map(element).collect()
}

/// Element `i` of a Q4_K or Q5_K block: d, dmin, 12 bytes of scales, (32 bytes of fifth bits,) 128
/// bytes of nibbles. Each 64 elements share 32 bytes: low nibbles first.
fn k_4_or_5(block: &[u8], i: usize, five: bool) -> f32 {
    let (group, lane) = (i / 32, i % 32);
    let nibbles = if five { 48 } else { 16 };
    let byte = block[nibbles + group / 2 * 32 + lane];
    let nibble = if group.is_multiple_of(2) { byte & 15 } else { byte >> 4 };
    let fifth = if five { block[16 + lane] >> group & 1 } else { 0 };
    let (scale, minimum) = six_bit_pair(&block[4..16], group);
    let q = f32::from(nibble | fifth << 4);
    f16(block, 0) * f32::from(scale) * q - f16(block, 2) * f32::from(minimum)
}

/// Scale and minimum of one of eight groups, packed six bits each into twelve bytes.
fn six_bit_pair(packed: &[u8], group: usize) -> (u8, u8) {
    if group < 4 {
        return (packed[group] & 63, packed[group + 4] & 63);
    }
    let low = packed[group + 4];
    (low & 15 | packed[group - 4] >> 6 << 4, low >> 4 | packed[group] >> 6 << 4)
}

/// Element `i` of a Q6_K block: 128 bytes of low nibbles, 64 bytes of two high bits, 16 signed
/// scales, d. Each 128 elements share 64 + 32 bytes.
fn q6_k(block: &[u8], i: usize) -> f32 {
    let (half, quarter, lane) = (i / 128, i % 128 / 32, i % 32);
    let byte = block[half * 64 + quarter % 2 * 32 + lane];
    let nibble = if quarter < 2 { byte & 15 } else { byte >> 4 };
    let high = block[128 + half * 32 + lane] >> (2 * quarter) & 3;
    let scale = f32::from(block[192 + i / 16] as i8);
    f16(block, 208) * scale * (f32::from(nibble | high << 4) - 32.0)
}

fn u16_at(bytes: &[u8], at: usize) -> u16 {
    u16::from_le_bytes([bytes[at], bytes[at + 1]])
}

/// IEEE half precision: sign, five exponent bits of bias 15, ten fraction bits.
fn f16(bytes: &[u8], at: usize) -> f32 {
    let bits = u16_at(bytes, at);
    let sign = if bits >> 15 == 1 { -1.0 } else { 1.0 };
    let fraction = f32::from(bits & 0x3ff);
    match bits >> 10 & 31 {
        0 => sign * fraction * 2f32.powi(-24),
        31 if fraction == 0.0 => sign * f32::INFINITY,
        31 => f32::NAN,
        exponent => sign * (1024.0 + fraction) * 2f32.powi(i32::from(exponent) - 25),
    }
}
