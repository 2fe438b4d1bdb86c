//! Matrix products: all kernels and tiles, partly empty ones, biases, activations and logits.

use backend::{AddNorm, BufferKind, LayerOps, StepLimits};

use crate::{Bound, LIMITS, Matrix, compare, cpu, hip, read, zeros};

/// Sums of k products in f32, in two orders: a few 2^-24 of the largest partial sum, which is a few
/// of the row's largest results. Of the bf16 that are stored that moves, as measured, 1 of 1,728;
/// bound three times that share.
const STORED: Bound = Bound { relative: 1.0 / 128.0, of_largest: 1e-6, share: 0.002 };
/// f32 results are other bits often. Measured: 0.27 of this bound.
const LOGITS: Bound = Bound { relative: 2e-6, of_largest: 2e-6, share: 1.0 };

/// As `STORED`, through a sigmoid whose exponentials are two: a gate far below zero leaves nearly
/// nothing of what its logit's error is relative to.
const GATED: Bound = Bound { relative: 1.0 / 128.0, of_largest: 1e-6, share: 0.002 };

/// Rows of x, outputs, inputs.
type Size = (usize, usize, usize);

fn product<D: LayerOps>(
    device: &mut D,
    (rows, n, k): Size,
    biased: bool,
    kind: BufferKind,
) -> Vec<Vec<f32>> {
    let x = Matrix::random(rows as u32, rows, k).fill(device);
    let weight = Matrix::random(n as u32, n, k).upload(device);
    let bias = biased.then(|| Matrix::random(7, 1, n).upload(device));
    let mut out = device.alloc_buffer(kind, rows, n).expect("there is room");
    device.linear(rows, &x, &weight, bias.as_ref(), &mut out).expect("it runs");
    read(device, &out, rows)
}

fn check(sizes: &[Size], kind: BufferKind, bound: Bound) {
    let (mut hip, mut cpu) = (hip(&LIMITS), cpu(&LIMITS));
    for (idx, size) in sizes.iter().enumerate() {
        let biased = idx % 2 == 1;
        let what = format!("linear {size:?}, bias {biased}, {kind:?}");
        let found = product(&mut hip, *size, biased, kind);
        compare(&what, &found, &product(&mut cpu, *size, biased, kind), bound);
    }
}

#[test]
fn few_rows() {
    // Up to 16, 32 and 64 rows are other tiles; k is no multiple of 32, or leaves slices empty.
    let sizes = [
        (1, 8, 8),
        (1, 40, 72),
        (3, 576, 1000),
        (15, 72, 576),
        (16, 104, 1544),
        (17, 88, 40),
        (32, 136, 200),
        (33, 72, 328),
        (63, 40, 264),
        (64, 200, 88),
    ];
    check(&sizes, BufferKind::Activation, STORED);
}

#[test]
fn many_rows() {
    let sizes = [(65, 40, 72), (65, 136, 328), (127, 72, 40), (129, 200, 264), (300, 264, 136)];
    check(&sizes, BufferKind::Activation, STORED);
}

#[test]
fn heads_of_odd_vocabularies() {
    // The last two are wide enough for two column tiles.
    let sizes = [(1, 90, 64), (5, 127, 40), (20, 1001, 72), (40, 33, 576), (2, 9741, 40)];
    check(&sizes, BufferKind::Logits, LOGITS);
}

#[test]
fn sizes_that_fill_the_gpu_take_the_larger_tiles() {
    // 304 work-groups of 128 and of 256 rows (`gemm_shape.rs` of crates/hip has both sizes in its tests).
    for size in [(130, 19_457, 40), (250, 38_913, 40)] {
        check(&[size], BufferKind::Logits, LOGITS);
    }
}

fn tied<D: LayerOps>(device: &mut D, vocab: usize, hidden: usize) -> Vec<Vec<f32>> {
    let table = Matrix::random(11, vocab, hidden).upload(device);
    let rows = 6;
    let mut step = crate::tokens(rows);
    step.token_ids = (0..rows).map(|row| (row * 37 % vocab) as u32).collect();
    device.begin_step(&step).expect("the step is small");
    let mut x = zeros(device, rows, hidden);
    device.embed(&table, 1.0, &mut x).expect("it runs");
    let mut logits = device.alloc_buffer(BufferKind::Logits, rows, vocab).expect("there is room");
    device.linear(rows, &x, &table, None, &mut logits).expect("it runs");
    read(device, &logits, rows)
}

#[test]
fn one_weight_is_embedding_and_head() {
    let (mut hip, mut cpu) = (hip(&LIMITS), cpu(&LIMITS));
    for (vocab, hidden) in [(97, 40), (1003, 576)] {
        let found = tied(&mut hip, vocab, hidden);
        let what = format!("tied head {vocab} x {hidden}");
        compare(&what, &found, &tied(&mut cpu, vocab, hidden), LOGITS);
    }
}

/// The residual stream after a branch, and its norm.
fn joined<D: LayerOps>(device: &mut D, (rows, n, k): Size) -> Vec<Vec<f32>> {
    let x = Matrix::random(12, rows, k).fill(device);
    let weight = Matrix::random(13, n, k).upload(device);
    let mut residual = Matrix::random(14, rows, n).scaled(20.0).fill(device);
    let norm = Matrix::random(15, 1, n).upload(device);
    let mut out = zeros(device, rows, n);
    let mut scratch = device.alloc_buffer(BufferKind::Scratch, rows, n).expect("there is room");
    let (out, scratch) = (&mut out, &mut scratch);
    let to = AddNorm { residual: &mut residual, norm: &norm, eps: 1e-5, out, scratch };
    device.linear_add_norm(rows, &x, &weight, to).expect("it runs");
    [read(device, &residual, rows), read(device, out, rows)].concat()
}

#[test]
fn branches_join_the_residual_stream() {
    let (mut hip, mut cpu) = (hip(&LIMITS), cpu(&LIMITS));
    for size in [(1, 40, 72), (16, 576, 1536), (33, 72, 328), (65, 136, 200)] {
        let found = joined(&mut hip, size);
        let what = format!("linear_add_norm {size:?}");
        compare(&what, &found, &joined(&mut cpu, size), STORED);
    }
}

fn gated<D: LayerOps>(device: &mut D, (rows, n, k): Size) -> Vec<Vec<f32>> {
    let x = Matrix::random(16, rows, k).fill(device);
    let (gate, up) = (Matrix::random(17, n, k), Matrix::random(18, n, k));
    let (gate, up) = (gate.bytes(), up.bytes());
    let weight = device.upload_gate_up(Matrix::view(n, k, &gate), Matrix::view(n, k, &up));
    let weight = weight.expect("the weight fits");
    let mut out = zeros(device, rows, n);
    let scratch = device.alloc_buffer(BufferKind::Scratch, rows, 2 * n);
    let mut scratch = scratch.expect("there is room");
    device.linear_silu_mul(rows, &x, &weight, &mut scratch, &mut out).expect("it runs");
    read(device, &out, rows)
}

#[test]
fn gates_open() {
    let (mut hip, mut cpu) = (hip(&LIMITS), cpu(&LIMITS));
    for size in [(1, 24, 72), (16, 1536, 576), (33, 72, 328), (65, 136, 200)] {
        let found = gated(&mut hip, size);
        compare(&format!("linear_silu_mul {size:?}"), &found, &gated(&mut cpu, size), GATED);
    }
}

fn logits<D: LayerOps>(device: &mut D, (rows, n, k): Size) -> Vec<Vec<f32>> {
    let x = Matrix::random(19, rows, k).fill(device);
    let weight = Matrix::random(20, n, k).upload(device);
    let mut out = device.alloc_buffer(BufferKind::Logits, rows, n).expect("there is room");
    device.lm_head(rows, &x, &weight, &mut out).expect("it runs");
    read(device, &out, rows)
}

#[test]
fn the_lm_head_gives_the_logits_of_a_product() {
    for size in [(1, 1003, 40), (17, 333, 576), (65, 97, 72)] {
        let limits = StepLimits { vocab_size: size.1, ..LIMITS };
        let found = logits(&mut hip(&limits), size);
        compare(&format!("lm_head {size:?}"), &found, &logits(&mut cpu(&limits), size), LOGITS);
    }
}
