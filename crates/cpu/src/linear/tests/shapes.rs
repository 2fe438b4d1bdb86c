//! Results do not depend on how a call is cut: rows per call, threads, tiles, parts.

use super::*;

#[test]
fn rows_in_one_call_equal_rows_one_by_one() {
    let pools = [1, 2, 3].map(|num_threads| Pool::new(num_threads).unwrap());
    let mut random = Random(20);
    for dtype in DTYPES {
        let cols = if dtype.is_plain() { 67 } else { 256 };
        let weight_rows = 83;
        let matrix = Matrix::random(dtype, weight_rows, cols, &mut random);
        let x = random.floats(33 * cols);
        for isa in isas() {
            let weight = matrix.pack(&pools[0], isa);
            let single: Vec<u32> = x
                .chunks(cols)
                .flat_map(|x| bits(&multiply(&pools[0], 1, x, &weight, None)))
                .collect();
            for rows in [1, 2, 3, 5, 8, 15, 16, 17, 33] {
                for pool in &pools {
                    let out = multiply(pool, rows, &x[..rows * cols], &weight, None);
                    let case =
                        format!("{dtype:?} {isa} {rows} rows, {} threads", pool.num_threads());
                    assert_eq!(bits(&out), single[..rows * weight_rows], "{case}");
                }
            }
        }
    }
}

#[test]
fn stacked_parts_of_different_types_equal_the_parts_alone() {
    let pool = Pool::new(2).unwrap();
    let mut random = Random(21);
    let cols = 256;
    let parts: Vec<Matrix> = [(DType::Q4_K, 40), (DType::BF16, 7), (DType::Q6_K, 33)]
        .map(|(dtype, rows)| Matrix::random(dtype, rows, cols, &mut random))
        .into();
    let views: Vec<TensorView<'_>> = parts.iter().map(Matrix::view).collect();
    for isa in isas() {
        let stacked = PackedWeight::pack(&pool, &views, isa).unwrap();
        assert_eq!((stacked.rows(), stacked.cols()), (80, cols));
        for rows in [1, 19] {
            let x = random.floats(rows * cols);
            let out = multiply(&pool, rows, &x, &stacked, None);
            let mut first = 0;
            for part in &parts {
                let alone = multiply(&pool, rows, &x, &part.pack(&pool, isa), None);
                for (row, alone) in alone.chunks(part.shape.rows).enumerate() {
                    let out = &out[row * 80 + first..][..part.shape.rows];
                    assert_eq!(bits(out), bits(alone), "{isa} {:?} row {row}", part.shape.dtype);
                }
                first += part.shape.rows;
            }
        }
        let (mut from_stack, mut from_part) = (vec![0.0; cols], vec![0.0; cols]);
        stacked.dequantize_row(40 + 7 + 20, &mut from_stack);
        parts[2].pack(&pool, isa).dequantize_row(20, &mut from_part);
        assert_eq!(bits(&from_stack), bits(&from_part));
    }
}

#[test]
fn bias_is_added_once_to_every_row() {
    let pool = Pool::new(2).unwrap();
    let mut random = Random(22);
    let (rows, cols, weight_rows) = (9, 64, 21);
    for dtype in [DType::F16, DType::Q8_0] {
        let weight =
            Matrix::random(dtype, weight_rows, cols, &mut random).pack(&pool, Isa::detect());
        let x = random.floats(rows * cols);
        let bias = random.floats(weight_rows);
        let plain = multiply(&pool, rows, &x, &weight, None);
        let biased = multiply(&pool, rows, &x, &weight, Some(&bias));
        let expected: Vec<f32> =
            plain.iter().zip(bias.iter().cycle()).map(|(out, bias)| out + bias).collect();
        assert_eq!(bits(&biased), bits(&expected));
    }
}

#[test]
fn no_rows_is_no_work() {
    let pool = Pool::new(2).unwrap();
    let weight = Matrix::random(DType::Q4_0, 5, 32, &mut Random(23)).pack(&pool, Isa::Scalar);
    assert!(multiply(&pool, 0, &[], &weight, None).is_empty());
}

#[test]
fn a_workspace_serves_calls_up_to_its_size_and_refuses_larger_ones() {
    let pool = Pool::new(1).unwrap();
    let weight = Matrix::random(DType::Q4_0, 5, 64, &mut Random(24)).pack(&pool, Isa::Scalar);
    let mut ws = LinearWorkspace::new(2, 64);
    assert_eq!(LinearWorkspace::bytes(2, 64), 4 * 52);
    let mut out = [0.0; 15];
    linear(&pool, &mut ws, 2, &[1.0; 128], &weight, None, &mut out);
    let refused = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
        linear(&pool, &mut ws, 3, &[1.0; 192], &weight, None, &mut out);
    }));
    let message = *refused.unwrap_err().downcast::<String>().unwrap();
    assert_eq!(message, "a linear workspace of 4 blocks is too small for 6");
}
