//! Parity of the kernels that work on rows: embed, gather_rows, silu_mul, rms_norm, add_rms_norm.

use kernel_tests::{Device, Element, Noise, Params, f32_bytes, u32_bytes};
use types::NO_TOKEN;

/// Rounding to nearest costs at most one floor, so that any error of the f32 arithmetic that moves
/// a result by more than its own rounding shows. Inputs are fixed: no allowance is needed.
const ROUNDED_ONCE: f64 = 1.0;

/// Below the least normal f16, 2^-14, the floor is that of 2^-14.
const SMALLEST: f64 = 1.0 / 16384.0;

/// `len` numbers in `[-scale, scale)` that the type holds exactly.
fn numbers(noise: &mut Noise, element: Element, len: usize, scale: f32) -> Vec<f32> {
    noise.f32s(len, scale).into_iter().map(|value| element.rounded(value)).collect()
}

/// An allocation as numbers.
fn read(device: &Device, element: Element, name: &str) -> Vec<f32> {
    element.widened(&device.bytes(name))
}

/// Row counts and widths around the sizes of lanes, waves and work-groups.
const SHAPES: [(usize, usize); 9] =
    [(1, 8), (1, 2048), (15, 24), (16, 64), (17, 136), (63, 16), (64, 72), (65, 40), (2, 4104)];

/// Row after row in fragments (`kernels/gemm.h`), zeros beyond the table.
fn in_fragments(table: &[f32], cols: usize) -> Vec<f32> {
    let rows = table.len() / cols;
    let mut out = vec![0.0; rows.next_multiple_of(16) * cols.next_multiple_of(32)];
    for (row, values) in table.chunks(cols).enumerate() {
        for (col, value) in values.iter().enumerate() {
            let fragment = row / 16 * cols.div_ceil(32) + col / 32;
            let lane = col % 32 / 8 * 16 + row % 16;
            out[(fragment * 64 + lane) * 8 + col % 8] = *value;
        }
    }
    out
}

#[test]
fn embed_copies_scaled_rows_and_zeroes_strays() {
    let mut device = Device::load("embed.hip");
    let kernels = [
        ("embed", Element::Bf16),
        ("embed_fragments", Element::Bf16),
        ("embed_fragments_f16", Element::F16),
    ];
    for (name, element) in kernels {
        for (rows, cols) in SHAPES {
            for scale in [1.0f32, 45.25] {
                device.reset();
                let (vocab, mut noise) = (37, Noise::new(rows as u64));
                let table = numbers(&mut noise, element, vocab * cols, 1.0);
                let stored =
                    if name == "embed" { table.clone() } else { in_fragments(&table, cols) };
                let mut ids: Vec<u32> = (0..rows).map(|_| noise.below(vocab) as u32).collect();
                // The next id after the last one, and what stands where there is no token.
                ids[rows - 1] = if rows > 1 { vocab as u32 } else { 0 };
                if rows > 2 {
                    ids[0] = NO_TOKEN;
                }
                let params = Params::new()
                    .u64(device.allocate("ids", &u32_bytes(&ids)))
                    .u64(device.allocate("table", &element.bytes(&stored)))
                    .u64(device.poisoned("out", rows * cols * 2))
                    .size(cols)
                    .size(vocab)
                    .f32(scale)
                    .u32(0);
                device.launch(name, [rows, 1, 1], 256, &params);
                let expect: Vec<f64> = ids
                    .iter()
                    .flat_map(|&id| {
                        let row = table.get(id as usize * cols..(id as usize + 1) * cols);
                        let row = row.map_or(vec![0.0; cols], <[f32]>::to_vec);
                        row.into_iter().map(|v| f64::from(v) * f64::from(scale))
                    })
                    .collect();
                let bound = if scale == 1.0 { 0.0 } else { ROUNDED_ONCE };
                let worst = element.worst_error(&read(&device, element, "out"), &expect, SMALLEST);
                assert!(worst <= bound, "{name} {rows} x {cols} scale {scale}: {worst} floors");
            }
        }
    }
}

#[test]
fn gather_rows_copies() {
    let mut device = Device::load("gather_rows.hip");
    for (rows, cols) in SHAPES {
        device.reset();
        let (num_tokens, mut noise) = (rows + 3, Noise::new(7));
        let x = numbers(&mut noise, Element::Bf16, num_tokens * cols, 1.0);
        let indices: Vec<u32> = (0..rows).map(|_| noise.below(num_tokens) as u32).collect();
        let params = Params::new()
            .u64(device.allocate("x", &Element::Bf16.bytes(&x)))
            .u64(device.allocate("indices", &u32_bytes(&indices)))
            .u64(device.poisoned("out", rows * cols * 2))
            .size(cols)
            .u32(0);
        device.launch("gather_rows", [rows, 1, 1], 256, &params);
        let expect: Vec<f32> = indices
            .iter()
            .flat_map(|&i| x[i as usize * cols..(i as usize + 1) * cols].to_vec())
            .collect();
        assert_eq!(read(&device, Element::Bf16, "out"), expect, "{rows} x {cols}");
    }
}

#[test]
fn silu_mul_matches_f64() {
    let mut device = Device::load("silu_mul.hip");
    let cases = Element::ALL.into_iter().flat_map(|element| SHAPES.map(|shape| (element, shape)));
    for (element, (rows, cols)) in cases {
        device.reset();
        let mut noise = Noise::new(11);
        let mut gate_up = numbers(&mut noise, element, rows * 2 * cols, 8.0);
        // Far tails of the gate: e^-v leaves f32's range on one side.
        (gate_up[0], gate_up[1], gate_up[2]) = (-100.0, 100.0, 0.0);
        let params = Params::new()
            .u64(device.allocate("gate_up", &element.bytes(&gate_up)))
            .u64(device.poisoned("out", rows * cols * 2))
            .size(cols)
            .u32(0);
        let kernel = element.kernel("silu_mul");
        device.launch(&kernel, [cols.div_ceil(2048), rows, 1], 256, &params);
        let expect: Vec<f64> = gate_up
            .chunks(2 * cols)
            .flat_map(|row| {
                let (gates, ups) = row.split_at(cols);
                gates.iter().zip(ups).map(|(&gate, &up)| {
                    let gate = f64::from(gate);
                    gate / (1.0 + (-gate).exp()) * f64::from(up)
                })
            })
            .collect();
        let scale = if element == Element::F16 { SMALLEST } else { 1e-30 };
        let worst = element.worst_error(&read(&device, element, "out"), &expect, scale);
        assert!(worst <= ROUNDED_ONCE, "{kernel} {rows} x {cols}: {worst} floors");
    }
}

fn normed(row: &[f32], weight: &[f32], eps: f32) -> Vec<f64> {
    let mean = row.iter().map(|&v| f64::from(v).powi(2)).sum::<f64>() / row.len() as f64;
    let scale = 1.0 / (mean + f64::from(eps)).sqrt();
    row.iter().zip(weight).map(|(&v, &w)| f64::from(v) * scale * f64::from(w)).collect()
}

struct Norm {
    element: Element,
    cols: usize,
    weight: Vec<f32>,
    x: Vec<f32>,
    delta: Vec<f32>,
}

const EPS: f32 = 1e-5;

impl Norm {
    fn new(element: Element, rows: usize, cols: usize) -> Self {
        let mut noise = Noise::new(cols as u64);
        let weight = noise.f32s(cols, 2.0);
        let mut x = numbers(&mut noise, element, rows * cols, 3.0);
        let delta = numbers(&mut noise, element, rows * cols, 1.0);
        // The first row is nothing but zeros: eps alone keeps it finite.
        x[..cols].fill(0.0);
        Self { element, cols, weight, x, delta }
    }

    fn launch(&self, device: &mut Device, name: &str) {
        device.reset();
        let rows = self.x.len() / self.cols;
        let params = Params::new()
            .u64(device.allocate("x", &self.element.bytes(&self.x)))
            .u64(device.allocate("delta", &self.element.bytes(&self.delta)))
            .u64(device.allocate("weight", &f32_bytes(&self.weight)))
            .u64(device.poisoned("out", rows * self.cols * 2))
            .size(self.cols)
            .f32(EPS);
        device.launch(&self.element.kernel(name), [rows, 1, 1], 256, &params);
    }

    fn read(&self, device: &Device, name: &str) -> Vec<f32> {
        read(device, self.element, name)
    }
}

#[test]
fn norms_match_f64() {
    let mut device = Device::load("rms_norm.hip");
    // One wider than what stays in registers.
    let shapes = SHAPES.into_iter().chain([(1, 8192), (2, 8200), (1, 16384)]);
    for (element, (rows, cols)) in
        shapes.flat_map(|shape| Element::ALL.map(|element| (element, shape)))
    {
        let scale = if element == Element::F16 { SMALLEST } else { 1e-30 };
        let norm = Norm::new(element, rows, cols);
        let check = |what: &str, found: &[f32], exact: &[f64]| {
            let worst = element.worst_error(found, exact, scale);
            assert!(worst <= ROUNDED_ONCE, "{element:?} {rows} x {cols}: {what} {worst} floors");
        };
        norm.launch(&mut device, "rms_norm");
        let expect = |x: &[f32]| -> Vec<f64> {
            x.chunks(cols).flat_map(|row| normed(row, &norm.weight, EPS)).collect()
        };
        check("norm", &norm.read(&device, "out"), &expect(&norm.x));
        norm.launch(&mut device, "add_rms_norm");
        let sum = norm.read(&device, "x");
        let pairs = norm.x.iter().zip(&norm.delta);
        let exact: Vec<f64> = pairs.map(|(&a, &b)| f64::from(a) + f64::from(b)).collect();
        check("sum", &sum, &exact);
        check("norm of sum", &norm.read(&device, "out"), &expect(&sum));
    }
}

#[test]
fn a_norm_does_not_depend_on_company_or_on_the_fused_addition() {
    let mut device = Device::load("rms_norm.hip");
    for element in Element::ALL {
        let together = Norm::new(element, 5, 4104);
        together.launch(&mut device, "add_rms_norm");
        let (sum, out) = (together.read(&device, "x"), together.read(&device, "out"));
        for row in 0..5 {
            let at = row * 4104..(row + 1) * 4104;
            let weight = together.weight.clone();
            let x = sum[at.clone()].to_vec();
            let alone = Norm { element, cols: 4104, weight, x, delta: Vec::new() };
            alone.launch(&mut device, "rms_norm");
            assert_eq!(alone.read(&device, "out"), out[at], "{element:?} row {row}");
        }
    }
}
