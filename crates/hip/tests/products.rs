//! Fused matrix products through the device on the emulated MI300X against f64 on the host, and
//! against themselves in other company. No hardware takes part.
#![forbid(unsafe_code)]

mod emulator;

use backend::{
    AddNorm, BufferKind, DType, Device, DeviceError, LayerOps, StepLimits, TensorShape, TensorView,
};
use emulator::emulator;
use half::bf16;
use hip::{ActivationType, HipBuffer, HipConfig, HipDevice, HipWeight};
use types::StepInput;

const MAX_ROWS: usize = 144;
const VOCAB: usize = 301;
const EPS: f32 = 1e-5;

const TYPES: [ActivationType; 2] = [ActivationType::Bf16, ActivationType::F16];

fn device(activations: ActivationType) -> HipDevice {
    let config =
        HipConfig { library: Some(emulator()), max_graphs: 0, activations, ..HipConfig::default() };
    let mut device = HipDevice::new(&config).expect("the emulator is a device");
    let limits = StepLimits {
        max_num_seqs: 70,
        max_num_batched_tokens: MAX_ROWS,
        max_model_len: MAX_ROWS,
        vocab_size: VOCAB,
        max_linear_cols: 256,
        num_heads: 2,
        num_kv_heads: 2,
        head_dim: 16,
        block_size: 16,
    };
    device.reserve_workspace(&limits).expect("there is room");
    device
}

/// A `[rows, cols]` matrix of numbers that bf16 and f16 hold exactly.
#[derive(Clone)]
struct Matrix {
    cols: usize,
    values: Vec<f32>,
}

impl Matrix {
    fn new(rows: usize, cols: usize, seed: usize) -> Self {
        let mut state = seed as u64 * 2 + 1;
        let mut next = || {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
            bf16::from_f32((state >> 40) as f32 / 8_388_608.0 - 1.0).to_f32()
        };
        Self { cols, values: (0..rows * cols).map(|_| next()).collect() }
    }

    fn row(&self, row: usize) -> &[f32] {
        &self.values[row * self.cols..][..self.cols]
    }

    fn num_rows(&self) -> usize {
        self.values.len() / self.cols
    }

    fn bytes(&self) -> Vec<u8> {
        self.values.iter().flat_map(|value| value.to_le_bytes()).collect()
    }

    fn shape(&self) -> TensorShape {
        TensorShape { dtype: DType::F32, rows: self.num_rows(), cols: self.cols }
    }

    fn upload(&self, device: &mut HipDevice) -> HipWeight {
        let bytes = self.bytes();
        let view = TensorView::new(self.shape(), &bytes).expect("sizes agree");
        device.upload_weight(&[view]).expect("the weight fits")
    }

    /// As activations: a step of this many tokens, each its row.
    fn activations(&self, device: &mut HipDevice) -> HipBuffer {
        // One row alone would be a vector.
        let mut table = self.clone();
        table.values.extend_from_slice(self.row(0));
        let table = table.upload(device);
        let mut out = buffer(device, self.num_rows(), self.cols);
        device.embed(&table, 1.0, &mut out).expect("tokens are rows");
        out
    }
}

fn buffer(device: &mut HipDevice, rows: usize, cols: usize) -> HipBuffer {
    device.alloc_buffer(BufferKind::Activation, rows, cols).expect("there is room")
}

fn scratch(device: &mut HipDevice) -> HipBuffer {
    assert_eq!(device.buffer_bytes(BufferKind::Scratch, MAX_ROWS, 512), 0, "not needed here");
    device.alloc_buffer(BufferKind::Scratch, MAX_ROWS, 512).expect("it takes nothing")
}

/// Begins a step of `rows` tokens, which are numbered.
fn begin(device: &mut HipDevice, rows: usize) {
    let count: Vec<u32> = (0..rows as u32).collect();
    let input = StepInput {
        token_ids: count.clone(),
        positions: count.clone(),
        slot_mapping: count,
        query_start_loc: vec![0, rows as u32],
        seq_lens: vec![rows as u32],
        block_tables: (0..rows.div_ceil(16) as u32).collect(),
        block_table_start: vec![0, rows.div_ceil(16) as u32],
        ..StepInput::default()
    };
    device.begin_step(&input).expect("the step is small");
}

/// A sum of products in f64, and the sum of their magnitudes.
fn dot(a: &[f32], b: &[f32]) -> (f64, f64) {
    a.iter().zip(b).fold((0.0, 0.0), |(sum, size), (a, b)| {
        let product = f64::from(*a) * f64::from(*b);
        (sum + product, size + product.abs())
    })
}

/// One rounding to the type (half a unit in the last place is at most 2^-8 or 2^-11 of the value's
/// power of two), and f32 sums: 2^-24 of the magnitudes for each of a few dozen roundings.
fn assert_rounded_once(
    activations: ActivationType,
    found: f32,
    exact: f64,
    magnitude: f64,
    what: &str,
) {
    let relative = match activations {
        ActivationType::Bf16 => 1.0 / 256.0,
        ActivationType::F16 => 1.0 / 2048.0,
    };
    // Below the least normal f16 the unit stays.
    let bound = exact.abs().max(1.0 / 16_384.0) * relative + 4e-6 * magnitude;
    assert!((f64::from(found) - exact).abs() <= bound, "{what}: {found}, not {exact}");
}

const ROWS: [usize; 9] = [1, 15, 16, 17, 63, 64, 65, 129, 130];
/// Columns in and out.
const SIZES: [[usize; 2]; 4] = [[8, 8], [40, 24], [72, 136], [264, 88]];

#[test]
fn silu_mul_of_both_products() {
    for (activations, [k, n]) in TYPES.into_iter().flat_map(|it| SIZES.map(|size| (it, size))) {
        let mut device = device(activations);
        let (gate, up) = (Matrix::new(n, k, 1), Matrix::new(n, k, 2));
        let (gate_bytes, up_bytes) = (gate.bytes(), up.bytes());
        let view = |bytes| TensorView::new(gate.shape(), bytes).expect("sizes agree");
        let weight = device.upload_gate_up(view(&gate_bytes), view(&up_bytes)).expect("it fits");
        for rows in ROWS {
            let x = Matrix::new(rows, k, 3);
            begin(&mut device, rows);
            let input = x.activations(&mut device);
            let (mut out, mut none) = (buffer(&mut device, rows, n), scratch(&mut device));
            device.linear_silu_mul(rows, &input, &weight, &mut none, &mut out).expect("it runs");
            for row in [0, rows / 2, rows - 1] {
                let found = device.read_row(&out, row).expect("the row is there");
                for (col, found) in found.into_iter().enumerate() {
                    let (gate, gate_size) = dot(x.row(row), gate.row(col));
                    let (up, up_size) = dot(x.row(row), up.row(col));
                    let exact = gate / (1.0 + (-gate).exp()) * up;
                    let magnitude = gate_size * up.abs() + gate.abs() * up_size + 1e-3;
                    let what = format!("{rows} x {k} x {n} at {row}, {col}");
                    assert_rounded_once(activations, found, exact, magnitude, &what);
                }
            }
        }
    }
}

/// Residual and norm of `rows` rows after the product was added.
fn add_norm(
    device: &mut HipDevice,
    (x, residual): (&Matrix, &Matrix),
    weight: &HipWeight,
    norm: &HipWeight,
) -> [Vec<Vec<f32>>; 2] {
    let rows = x.num_rows();
    begin(device, rows);
    let (input, mut sum) = (x.activations(device), residual.activations(device));
    let (mut out, mut none) = (buffer(device, rows, residual.cols), scratch(device));
    let to = AddNorm { residual: &mut sum, norm, eps: EPS, out: &mut out, scratch: &mut none };
    device.linear_add_norm(rows, &input, weight, to).expect("it runs");
    let mut read = |buffer: &HipBuffer| -> Vec<Vec<f32>> {
        (0..rows).map(|row| device.read_row(buffer, row).expect("the row is there")).collect()
    };
    [read(&sum), read(&out)]
}

#[test]
fn the_product_joins_the_residual_and_the_sum_is_normed() {
    for (activations, [k, n]) in TYPES.into_iter().flat_map(|it| SIZES.map(|size| (it, size))) {
        let mut device = device(activations);
        let (weight, norm) = (Matrix::new(n, k, 4), Matrix::new(1, n, 5));
        let (on_device, norm_on_device) = (weight.upload(&mut device), norm.upload(&mut device));
        for rows in ROWS {
            let (x, residual) = (Matrix::new(rows, k, 6), Matrix::new(rows, n, 7));
            let [sums, normed] =
                add_norm(&mut device, (&x, &residual), &on_device, &norm_on_device);
            for row in [0, rows / 2, rows - 1] {
                let what = format!("{rows} x {k} x {n} at {row}");
                let (sum, old) = (&sums[row], residual.row(row));
                for (col, found) in sum.iter().enumerate() {
                    let (product, size) = dot(x.row(row), weight.row(col));
                    let exact = product + f64::from(old[col]);
                    assert_rounded_once(activations, *found, exact, size + 1.0, &what);
                }
                // The norm is of the sum as it is stored.
                let square = dot(sum, sum).0 / n as f64;
                let scale = 1.0 / (square + f64::from(EPS)).sqrt();
                for (col, found) in normed[row].iter().enumerate() {
                    let exact = f64::from(sum[col]) * scale * f64::from(norm.row(0)[col]);
                    assert_rounded_once(activations, *found, exact, exact.abs(), &what);
                }
            }
        }
    }
}

#[test]
fn a_row_has_the_same_bits_in_any_company() {
    let mut device = device(ActivationType::Bf16);
    let (k, n) = (264, 136);
    let (weight, norm) = (Matrix::new(n, k, 8), Matrix::new(1, n, 9));
    let (weight, norm) = (weight.upload(&mut device), norm.upload(&mut device));
    let (x, residual) = (Matrix::new(130, k, 10), Matrix::new(130, n, 11));
    let all = add_norm(&mut device, (&x, &residual), &weight, &norm);
    let some = |matrix: &Matrix, rows: usize| Matrix {
        cols: matrix.cols,
        values: matrix.values[(130 - rows) * matrix.cols..].to_vec(),
    };
    // The last rows: by slices of k on eight waves, and from the skinny kernel's narrow shapes.
    for rows in [1, 16, 17, 40, 65, 129] {
        let few = add_norm(&mut device, (&some(&x, rows), &some(&residual, rows)), &weight, &norm);
        for (few, all) in few.iter().zip(&all) {
            assert_eq!(few[..], all[130 - rows..], "{rows} rows");
        }
    }
}

/// So wide that 65 rows go to the large kernel (`gemm_shape.rs` has this shape in its tests), and fewer
/// to the skinny kernel's wide shapes.
#[test]
fn a_row_of_a_wide_product_has_the_same_bits_in_any_company() {
    let mut device = device(ActivationType::Bf16);
    // Five slices of k, the last one short.
    let (k, n) = (264, 27_000);
    let weight = Matrix::new(n, k, 14).upload(&mut device);
    let x = Matrix::new(65, k, 15);
    let last_row = |device: &mut HipDevice, rows: usize| {
        begin(device, rows);
        let some = Matrix { cols: k, values: x.values[(65 - rows) * k..].to_vec() };
        let input = some.activations(device);
        let mut out = buffer(device, rows, n);
        device.linear(rows, &input, &weight, None, &mut out).expect("it runs");
        device.read_row(&out, rows - 1).expect("the row is there")
    };
    let of_all = last_row(&mut device, 65);
    assert!(of_all.iter().any(|value| *value != 0.0), "a product of nothing proves nothing");
    for rows in [1, 17, 33] {
        assert_eq!(last_row(&mut device, rows), of_all, "{rows} rows");
    }
}

#[test]
fn logits_are_f32() {
    let mut device = device(ActivationType::Bf16);
    let k = 72;
    let head = Matrix::new(VOCAB, k, 12);
    let weight = head.upload(&mut device);
    for rows in [1, 17, 64, 65, 70] {
        let x = Matrix::new(rows, k, 13);
        begin(&mut device, rows);
        let input = x.activations(&mut device);
        let kind = BufferKind::Logits;
        let mut logits = device.alloc_buffer(kind, rows, VOCAB).expect("there is room");
        device.lm_head(rows, &input, &weight, &mut logits).expect("it runs");
        for row in [0, rows - 1] {
            let found = device.read_row(&logits, row).expect("the row is there");
            for (col, found) in found.into_iter().enumerate() {
                let (exact, size) = dot(x.row(row), head.row(col));
                // f32 sums alone: as in `assert_rounded_once`.
                let error = (f64::from(found) - exact).abs();
                assert!(error <= 4e-6 * size, "{rows} rows at {row}, {col}: {found}, not {exact}");
            }
        }
    }
}

#[test]
fn gate_and_up_of_different_shapes_are_refused() {
    let mut device = device(ActivationType::Bf16);
    let (gate, up) = (Matrix::new(16, 8, 1), Matrix::new(24, 8, 2));
    let (gate_bytes, up_bytes) = (gate.bytes(), up.bytes());
    let gate = TensorView::new(gate.shape(), &gate_bytes).expect("sizes agree");
    let up = TensorView::new(up.shape(), &up_bytes).expect("sizes agree");
    let refused = device.upload_gate_up(gate, up);
    assert!(matches!(refused, Err(DeviceError::Unsupported { .. })), "they differ");
}
