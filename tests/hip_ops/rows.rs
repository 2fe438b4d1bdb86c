//! Operations on rows: embedding, norms, SiLU, gathering.

use backend::LayerOps;
use cpu::Isa;

use crate::{Bound, LIMITS, Matrix, compare, cpu, hip, read, tokens, zeros};

/// bf16 has 8 digits: neighbours are at most 2^-7 of a number apart. Nothing cancels here. Measured:
/// 2 of 82,160 numbers are neighbours; bound four times that share.
const NEIGHBOURS: Bound = Bound { relative: 1.0 / 128.0, of_largest: 0.0, share: 1e-4 };
/// Norms against other orders of the sum of squares than AVX-512's: 6 of 41,080 with AVX2, 3 of 10,280 in
/// plain code; bound four times the latter.
const NEIGHBOURS_OF_OTHER_SUMS: Bound = Bound { share: 1.2e-3, ..NEIGHBOURS };
/// Copies.
const SAME: Bound = Bound { relative: 0.0, of_largest: 0.0, share: 0.0 };

/// Widths below, between and above the work-groups' pieces of 2048; the norm keeps 8192 in registers.
const WIDTHS: [usize; 5] = [8, 40, 576, 2056, 8216];

fn embedded<D: LayerOps>(device: &mut D, table: &Matrix, scale: f32) -> Vec<Vec<f32>> {
    let weight = table.upload(device);
    let mut out = zeros(device, 7, table.cols);
    let mut step = tokens(7);
    step.token_ids = vec![0, 16, 15, 17, 16, table.rows as u32 - 1, 3];
    device.begin_step(&step).expect("the step is small");
    device.embed(&weight, scale, &mut out).expect("it runs");
    read(device, &out, 7)
}

#[test]
fn embedding() {
    let (mut hip, mut cpu) = (hip(&LIMITS), cpu(&LIMITS));
    for (rows, cols) in [(19, 40), (33, 576), (1001, 64)] {
        let table = Matrix::random(rows as u32, rows, cols);
        for scale in [1.0, 23.7] {
            let what = format!("embed {rows} x {cols} by {scale}");
            let found = embedded(&mut hip, &table, scale);
            compare(&what, &found, &embedded(&mut cpu, &table, scale), SAME);
        }
    }
}

fn normed<D: LayerOps>(device: &mut D, cols: usize, added: bool) -> Vec<Vec<f32>> {
    let rows = 5;
    let mut x = Matrix::random(1, rows, cols).fill(device);
    let delta = Matrix::random(2, rows, cols).scaled(0.3).fill(device);
    let weight = Matrix::random(3, 1, cols).upload(device);
    let mut out = zeros(device, rows, cols);
    if added {
        device.add_rms_norm(rows, &mut x, &delta, &weight, 1e-5, &mut out).expect("it runs");
        return [read(device, &x, rows), read(device, &out, rows)].concat();
    }
    device.rms_norm(rows, &x, &weight, 1e-5, &mut out).expect("it runs");
    read(device, &out, rows)
}

#[test]
fn norms() {
    let (mut hip, mut cpu) = (hip(&LIMITS), cpu(&LIMITS));
    let bound = match cpu.isa() {
        Isa::Avx512 => NEIGHBOURS,
        Isa::Avx2 | Isa::Scalar => NEIGHBOURS_OF_OTHER_SUMS,
    };
    for cols in WIDTHS {
        for added in [false, true] {
            let what = if added { "add_rms_norm" } else { "rms_norm" };
            let found = normed(&mut hip, cols, added);
            let expected = normed(&mut cpu, cols, added);
            compare(&format!("{what} of {cols}"), &found, &expected, bound);
        }
    }
}

fn gated<D: LayerOps>(device: &mut D, cols: usize) -> Vec<Vec<f32>> {
    let rows = 5;
    let gate_up = Matrix::random(4, rows, 2 * cols).scaled(9.0).fill(device);
    let mut out = zeros(device, rows, cols);
    device.silu_mul(rows, &gate_up, &mut out).expect("it runs");
    read(device, &out, rows)
}

#[test]
fn silu() {
    let (mut hip, mut cpu) = (hip(&LIMITS), cpu(&LIMITS));
    for cols in WIDTHS {
        let found = gated(&mut hip, cols);
        compare(&format!("silu_mul of {cols}"), &found, &gated(&mut cpu, cols), NEIGHBOURS);
    }
}

fn gathered<D: LayerOps>(device: &mut D, cols: usize) -> Vec<Vec<f32>> {
    let x = Matrix::random(5, 70, cols).fill(device);
    let mut out = zeros(device, 9, cols);
    let mut step = tokens(70);
    step.logits_indices = vec![0, 69, 1, 63, 64, 65, 2, 2, 33];
    device.begin_step(&step).expect("the step is small");
    device.gather_rows(&x, &mut out).expect("it runs");
    read(device, &out, 9)
}

#[test]
fn gathering() {
    let (mut hip, mut cpu) = (hip(&LIMITS), cpu(&LIMITS));
    for cols in WIDTHS {
        let found = gathered(&mut hip, cols);
        compare(&format!("gather_rows of {cols}"), &found, &gathered(&mut cpu, cols), SAME);
    }
}
