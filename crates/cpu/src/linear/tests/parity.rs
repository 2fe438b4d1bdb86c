//! Kernels against f64 sums, and against each other bit for bit.

use super::formats::element;
use super::*;
use crate::linear::activations::{QuantizedBlock, quantize_blocks};

/// Largest `|out - exact| / sum |terms|` that plain f32 chains of FMAs are allowed: 4 times the
/// 1.5e-7 measured over these shapes.
const DENSE_TOLERANCE: f64 = 6e-7;
/// The same for quantised kernels against the exact sum over the quantised activations: 4 times
/// the 1.4e-7 measured.
const QUANTIZED_TOLERANCE: f64 = 6e-7;
/// The same against the unquantised activations, which differ by up to half a code in 127: twice
/// the 2.9e-3 measured.
const ROUNDED_TOLERANCE: f64 = 6e-3;

fn cols_for(dtype: DType) -> &'static [usize] {
    match dtype.block_len() {
        1 => &[1, 2, 31, 64, 96, 577],
        32 => &[32, 64, 96, 256, 512, 576],
        _ => &[256, 512, 768],
    }
}

/// The activations that the quantised kernels see.
fn rounded(x: &[f32]) -> Vec<f64> {
    let (blocks, _) = x.as_chunks();
    let mut out = vec![QuantizedBlock::default(); blocks.len()];
    quantize_blocks(blocks, &mut out);
    out.iter()
        .flat_map(|block| block.codes.map(|code| f64::from(code) * f64::from(block.scale)))
        .collect()
}

/// Largest error of `out` relative to the sum of the terms' magnitudes.
fn relative_error(matrix: &Matrix, x: &[f64], out: &[f32]) -> f64 {
    let shape = matrix.shape;
    let mut worst = 0.0f64;
    for (x, out) in x.chunks(shape.cols).zip(out.chunks(shape.rows)) {
        for (row, &out) in out.iter().enumerate() {
            let weights = matrix.view().row(row);
            let terms: Vec<f64> =
                (0..shape.cols).map(|col| x[col] * element(shape.dtype, weights, col)).collect();
            let exact: f64 = terms.iter().sum();
            let magnitude: f64 = terms.iter().map(|term| term.abs()).sum();
            worst = worst.max((f64::from(out) - exact).abs() / magnitude.max(1e-30));
        }
    }
    worst
}

#[test]
fn scalar_kernels_agree_with_f64() {
    let pool = Pool::new(1).unwrap();
    let mut random = Random(10);
    for dtype in DTYPES {
        for &cols in cols_for(dtype) {
            let matrix = Matrix::random(dtype, 17, cols, &mut random);
            let x = random.floats(3 * cols);
            let out = multiply(&pool, 3, &x, &matrix.pack(&pool, Isa::Scalar), None);
            let exact: Vec<f64> = x.iter().map(|&x| f64::from(x)).collect();
            if dtype.is_plain() {
                let error = relative_error(&matrix, &exact, &out);
                assert!(error <= DENSE_TOLERANCE, "{dtype:?} {cols}: {error:e}");
            } else {
                let error = relative_error(&matrix, &rounded(&x), &out);
                assert!(error <= QUANTIZED_TOLERANCE, "{dtype:?} {cols}: {error:e}");
                let error = relative_error(&matrix, &exact, &out);
                assert!(error <= ROUNDED_TOLERANCE, "{dtype:?} {cols}: {error:e}");
            }
        }
    }
}

#[test]
fn simd_kernels_equal_the_scalar_ones_bit_for_bit() {
    let pool = Pool::new(1).unwrap();
    let mut random = Random(11);
    for dtype in DTYPES {
        for &cols in cols_for(dtype) {
            for (weight_rows, rows) in [(1, 1), (15, 4), (16, 7), (17, 16), (33, 33), (80, 1)] {
                let matrix = Matrix::random(dtype, weight_rows, cols, &mut random);
                let x = random.floats(rows * cols);
                let expected = multiply(&pool, rows, &x, &matrix.pack(&pool, Isa::Scalar), None);
                for isa in isas() {
                    let out = multiply(&pool, rows, &x, &matrix.pack(&pool, isa), None);
                    let case = format!("{dtype:?} {isa} {rows}x{cols}x{weight_rows}");
                    assert_eq!(bits(&out), bits(&expected), "{case}");
                }
            }
        }
    }
}

#[test]
fn extreme_codes_do_not_overflow_any_kernel() {
    let pool = Pool::new(1).unwrap();
    let cols = 256;
    for dtype in DTYPES.into_iter().filter(|dtype| !dtype.is_plain()) {
        for code_byte in [0x00, 0x7f, 0x80, 0xff] {
            let mut matrix = Matrix::random(dtype, 16, cols, &mut Random(12));
            matrix.bytes.fill(code_byte);
            for block in matrix.bytes.chunks_exact_mut(dtype.block_bytes()) {
                set_scales(dtype, block, &mut Random(13));
            }
            for sign in [1.0, -1.0] {
                let x = vec![sign * 5.0; cols];
                let expected = multiply(&pool, 1, &x, &matrix.pack(&pool, Isa::Scalar), None);
                let error = relative_error(&matrix, &rounded(&x), &expected);
                assert!(error <= QUANTIZED_TOLERANCE, "{dtype:?} {code_byte:#x}: {error:e}");
                for isa in isas() {
                    let out = multiply(&pool, 1, &x, &matrix.pack(&pool, isa), None);
                    assert_eq!(bits(&out), bits(&expected), "{dtype:?} {isa} {code_byte:#x}");
                }
            }
        }
    }
}

#[test]
fn non_finite_activations_show_in_their_own_row_only() {
    let pool = Pool::new(2).unwrap();
    let mut random = Random(14);
    for dtype in DTYPES {
        let cols = 256;
        let matrix = Matrix::random(dtype, 17, cols, &mut random);
        let clean = random.floats(3 * cols);
        for value in [f32::NAN, f32::INFINITY, f32::NEG_INFINITY] {
            let mut x = clean.clone();
            x[cols + 40] = value;
            for isa in isas() {
                let weight = matrix.pack(&pool, isa);
                let expected = multiply(&pool, 3, &clean, &weight, None);
                let out = multiply(&pool, 3, &x, &weight, None);
                assert!(out[17..34].iter().all(|out| !out.is_finite()), "{dtype:?} {isa}");
                assert_eq!(bits(&out[..17]), bits(&expected[..17]), "{dtype:?} {isa}");
                assert_eq!(bits(&out[34..]), bits(&expected[34..]), "{dtype:?} {isa}");
            }
        }
    }
}
