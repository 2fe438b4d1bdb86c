//! Block formats, packing and activation quantisation, element by element.

use backend::DType;

use super::*;
use crate::linear::activations::{QuantizedBlock, quantize_blocks};
use crate::linear::{PackError, kernels};
use backend::block::BLOCK_LEN;

fn f16_at(bytes: &[u8], at: usize) -> f64 {
    f16::from_le_bytes([bytes[at], bytes[at + 1]]).to_f64()
}

fn bit(bytes: &[u8], idx: usize) -> u8 {
    (bytes[idx / 8] >> (idx % 8)) & 1
}

fn nibble(byte: u8, is_high: bool) -> u8 {
    if is_high { byte >> 4 } else { byte & 15 }
}

/// Element `col` of a row by the text of `ggml-common.h`, one element at a time and in f64.
pub(super) fn element(dtype: DType, row: &[u8], col: usize) -> f64 {
    let b = &row[col / dtype.block_len() * dtype.block_bytes()..][..dtype.block_bytes()];
    let i = col % dtype.block_len();
    let legacy = |qs: usize| nibble(b[qs + i % 16], i >= 16);
    match dtype {
        DType::F32 => f64::from(f32::from_le_bytes([b[0], b[1], b[2], b[3]])),
        DType::F16 => f16_at(b, 0),
        DType::BF16 => f64::from(f32::from_le_bytes([0, 0, b[0], b[1]])),
        DType::Q8_0 => f16_at(b, 0) * f64::from(b[2 + i].cast_signed()),
        DType::Q4_0 => f16_at(b, 0) * (f64::from(legacy(2)) - 8.0),
        DType::Q4_1 => f16_at(b, 0) * f64::from(legacy(4)) + f16_at(b, 2),
        DType::Q5_0 => f16_at(b, 0) * (f64::from(legacy(6) + 16 * bit(&b[2..6], i)) - 16.0),
        DType::Q5_1 => f16_at(b, 0) * f64::from(legacy(8) + 16 * bit(&b[4..8], i)) + f16_at(b, 2),
        DType::Q4_K => k_value(b, i, nibble(b[16 + i / 64 * 32 + i % 32], i % 64 >= 32)),
        DType::Q5_K => {
            let fifth = (b[16 + i % 32] >> (i / 32)) & 1;
            k_value(b, i, nibble(b[48 + i / 64 * 32 + i % 32], i % 64 >= 32) + 16 * fifth)
        }
        DType::Q6_K => {
            let low = nibble(b[i / 128 * 64 + i % 64], i % 128 >= 64);
            let high = (b[128 + i / 128 * 32 + i % 32] >> (i % 128 / 32 * 2)) & 3;
            let scale = f64::from(b[192 + i / 16].cast_signed());
            f16_at(b, 208) * scale * (f64::from(low + 16 * high) - 32.0)
        }
    }
}

/// `d * scale * code - dmin * min` with 6-bit scales: the first four pairs are the low six bits of
/// bytes 0..4 and 4..8; the last four have their low nibbles in bytes 8..12 and their two high
/// bits on top of the first eight bytes.
fn k_value(b: &[u8], i: usize, code: u8) -> f64 {
    let (s, j) = (&b[4..16], i / 32);
    let (scale, min) = match j {
        0..4 => (s[j] % 64, s[j + 4] % 64),
        _ => (s[j + 4] % 16 + s[j - 4] / 64 * 16, s[j + 4] / 16 + s[j] / 64 * 16),
    };
    f16_at(b, 0) * f64::from(scale) * f64::from(code) - f16_at(b, 2) * f64::from(min)
}

#[test]
fn rows_read_from_storage_and_from_panels_are_the_stored_values() {
    let pool = Pool::new(2).unwrap();
    let mut random = Random(1);
    for dtype in DTYPES {
        for rows in [1, 15, 16, 17, 33] {
            let cols = if dtype.is_plain() { 37 } else { 512 };
            let matrix = Matrix::random(dtype, rows, cols, &mut random);
            let packed = matrix.pack(&pool, Isa::Scalar);
            for row in 0..rows {
                let (mut stored, mut unpacked) = (vec![0.0; cols], vec![0.0; cols]);
                matrix.view().widen_row(row, &mut stored);
                packed.dequantize_row(row, &mut unpacked);
                assert_eq!(bits(&stored), bits(&unpacked), "{dtype:?} row {row} of {rows}");
                for (col, &value) in stored.iter().enumerate() {
                    let expected = element(dtype, matrix.view().row(row), col);
                    // Formats with a minimum round the sum and sometimes the product.
                    let error = (f64::from(value) - expected).abs();
                    assert!(error <= 1e-6, "{dtype:?} [{row}, {col}]: {value} != {expected}");
                }
            }
        }
    }
}

#[test]
fn packed_bytes_is_what_packing_allocates_and_barely_grows() {
    let pool = Pool::new(1).unwrap();
    let mut random = Random(2);
    for dtype in DTYPES {
        for (rows, cols) in [(1, 256), (17, 256), (192, 768), (1536, 768)] {
            let matrix = Matrix::random(dtype, rows, cols, &mut random);
            let packed = matrix.pack(&pool, Isa::Scalar);
            let bytes = PackedWeight::packed_bytes(&[matrix.shape]);
            assert_eq!(bytes, packed.allocated_bytes(), "{dtype:?} {rows}x{cols}");
            if rows % 16 == 0 {
                let growth = bytes as f64 / matrix.bytes.len() as f64 - 1.0;
                assert!(growth < 0.03, "{dtype:?} {rows}x{cols} grows by {growth}");
            }
        }
    }
}

#[test]
fn shapes_that_make_no_matrix_are_refused() {
    let pool = Pool::new(1).unwrap();
    let mut random = Random(3);
    let narrow = Matrix::random(DType::F32, 2, 32, &mut random);
    let wide = Matrix::random(DType::Q8_0, 2, 64, &mut random);
    let refusal = |parts: &[TensorView<'_>]| PackedWeight::pack(&pool, parts, Isa::Scalar).err();
    assert_eq!(refusal(&[]), Some(PackError::Empty { part_idx: 0, rows: 0, cols: 0 }));
    assert_eq!(
        refusal(&[narrow.view(), wide.view()]),
        Some(PackError::ColsDiffer { part_idx: 1, cols: 64, expected: 32 })
    );
    let empty = TensorShape { dtype: DType::F16, rows: 0, cols: 8 };
    let view = TensorView::new(empty, &[]).unwrap();
    assert_eq!(refusal(&[view]), Some(PackError::Empty { part_idx: 0, rows: 0, cols: 8 }));
    assert_eq!(PackedWeight::packed_bytes(&[narrow.shape, wide.shape]), 0);
    let ragged = TensorShape { dtype: DType::Q4_K, rows: 1, cols: 300 };
    assert_eq!(PackedWeight::packed_bytes(&[ragged]), 0);
}

/// Activation quantisation by its definition.
fn quantize_plainly(x: &[f32; BLOCK_LEN]) -> QuantizedBlock {
    let max = x.iter().fold(0.0f32, |max, x| max.max(x.abs()));
    let codes = x.map(|x| (x * (127.0 / max)).round_ties_even() as i8);
    let sum = |codes: &[i8]| codes.iter().map(|&code| i32::from(code)).sum::<i32>();
    let scale = max / 127.0;
    QuantizedBlock {
        codes,
        scale,
        scaled_sum: scale * sum(&codes) as f32,
        neg_sum: -sum(&codes),
        neg_half_sums: [-sum(&codes[..16]), -sum(&codes[16..])],
    }
}

#[test]
fn activations_are_rounded_to_nearest_even_on_every_instruction_set() {
    let mut random = Random(4);
    let mut blocks: Vec<[f32; BLOCK_LEN]> = (0..200)
        .map(|i| std::array::from_fn(|_| random.float() * 10f32.powi(i % 40 - 20)))
        .collect();
    // Exact ties: scale 1 because the largest is 127.
    blocks.push(std::array::from_fn(|i| if i == 0 { 127.0 } else { i as f32 - 16.5 }));
    blocks.push([-3.0; BLOCK_LEN]);
    let expected: Vec<QuantizedBlock> = blocks.iter().map(quantize_plainly).collect();
    assert_eq!(expected[200].codes[1..5], [-16, -14, -14, -12]);
    for isa in isas() {
        let mut out = vec![QuantizedBlock::default(); blocks.len()];
        kernels::quantize_blocks(isa, &blocks, &mut out);
        assert_eq!(out, expected, "{isa}");
    }
}

#[test]
fn blocks_without_a_usable_scale_become_zero_or_nan() {
    for (value, expected) in
        [(0.0, 0.0), (1e-31, 0.0), (f32::NAN, f32::NAN), (f32::NEG_INFINITY, f32::NAN)]
    {
        let mut x = [0.0; BLOCK_LEN];
        x[7] = value;
        let mut out = [QuantizedBlock::default()];
        quantize_blocks(&[x], &mut out);
        assert_eq!(out[0].codes, [0; BLOCK_LEN]);
        assert_eq!(bits(&[out[0].scale, out[0].scaled_sum]), bits(&[expected, expected]));
    }
}
