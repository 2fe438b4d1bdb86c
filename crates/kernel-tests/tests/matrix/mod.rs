//! A matrix product on the device, and its reference in f64.

use cdna3::exec::LaunchReport;
use kernel_tests::{Device, Element, Noise, Params, f32_bytes};

/// Index in the fragment-major layout, from its definition: `[n/16][k/32][64 lanes][8]`.
pub(crate) fn fragment_index(row: usize, col: usize, k: usize) -> usize {
    let fragment = row / 16 * k.div_ceil(32) + col / 32;
    let lane = col % 32 / 8 * 16 + row % 16;
    (fragment * 64 + lane) * 8 + col % 8
}

/// Elements of a fragment-major weight.
pub(crate) fn fragment_len(n: usize, k: usize) -> usize {
    n.next_multiple_of(16) * k.next_multiple_of(32)
}

/// What the epilogue does.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Epilogue {
    pub(crate) bias: bool,
    pub(crate) residual: bool,
    pub(crate) silu_mul: bool,
    /// f32 output and the best column of each tile.
    pub(crate) logits: bool,
}

/// Operands of `x * w^T`.
#[derive(Clone, Debug)]
pub(crate) struct Product {
    pub(crate) element: Element,
    pub(crate) rows: usize,
    pub(crate) n: usize,
    pub(crate) k: usize,
    pub(crate) epilogue: Epilogue,
    x: Vec<f32>,
    w: Vec<f32>,
    bias: Vec<f32>,
    residual: Vec<f32>,
}

impl Product {
    pub(crate) fn new(element: Element, [rows, n, k]: [usize; 3], epilogue: Epilogue) -> Self {
        let mut noise = Noise::new((rows * 31 + n * 7 + k) as u64);
        let mut of =
            |len: usize| -> Vec<f32> { (0..len).map(|_| element.rounded(noise.unit())).collect() };
        let (x, w, residual) = (of(rows * k), of(n * k), of(rows * n));
        let bias = noise.f32s(n, 1.0);
        Self { element, rows, n, k, epilogue, x, w, bias, residual }
    }

    /// The same with equal rows of the weight from `first` on, so that columns tie.
    pub(crate) fn tied_from(mut self, first: usize) -> Self {
        let row = self.w[first * self.k..(first + 1) * self.k].to_vec();
        self.w[first * self.k..].chunks_mut(self.k).for_each(|to| to.copy_from_slice(&row));
        self
    }

    /// The same with one element of x replaced.
    pub(crate) fn with_x(mut self, row: usize, col: usize, value: f32) -> Self {
        self.x[row * self.k + col] = value;
        self
    }

    /// The same with one element of column `col`'s weights replaced.
    pub(crate) fn with_w(mut self, col: usize, value: f32) -> Self {
        self.w[col * self.k] = value;
        self
    }

    /// The same operands for some of the rows only.
    pub(crate) fn only(&self, rows: std::ops::Range<usize>) -> Self {
        let (x, residual) = (&self.x, &self.residual);
        Self {
            rows: rows.len(),
            x: x[rows.start * self.k..rows.end * self.k].to_vec(),
            residual: residual[rows.start * self.n..rows.end * self.n].to_vec(),
            ..self.clone()
        }
    }

    fn x_stride(&self) -> usize {
        self.k.next_multiple_of(8) + 8
    }

    /// Columns of the output.
    pub(crate) fn cols(&self) -> usize {
        if self.epilogue.silu_mul { self.n / 2 } else { self.n }
    }

    fn out_stride(&self) -> usize {
        self.cols().next_multiple_of(8) + 8
    }

    /// Rows of `values` at a stride, NaN between them: what must not be read.
    fn strided(&self, values: &[f32], cols: usize, stride: usize) -> Vec<u8> {
        let mut bytes = vec![0xff; self.rows * stride * 2];
        for (row, values) in values.chunks(cols).enumerate() {
            let at = row * stride * 2;
            bytes[at..at + cols * 2].copy_from_slice(&self.element.bytes(values));
        }
        bytes
    }

    fn fragments(&self) -> Vec<u8> {
        let mut w = vec![0.0; fragment_len(self.n, self.k)];
        for (i, &v) in self.w.iter().enumerate() {
            w[fragment_index(i / self.k, i % self.k, self.k)] = v;
        }
        self.element.bytes(&w)
    }

    /// Launches `kernel` alone on the device.
    pub(crate) fn launch(
        &self,
        device: &mut Device,
        kernel: &str,
        grid: [usize; 3],
        block: usize,
    ) -> LaunchReport {
        device.reset();
        let Epilogue { bias, residual, silu_mul, logits } = self.epilogue;
        let (stride, size) = (self.out_stride(), if logits { 4 } else { 2 });
        let x = device.allocate("x", &self.strided(&self.x, self.k, self.x_stride()));
        let w = device.allocate("w", &self.fragments());
        let bias = if bias { device.allocate("bias", &f32_bytes(&self.bias)) } else { 0 };
        let old = self.strided(&self.residual, self.n, self.n.next_multiple_of(8) + 8);
        let residual = if residual { device.allocate("residual", &old) } else { 0 };
        let out = device.poisoned("out", self.rows * stride * size);
        let partial_bytes = self.rows * self.n.div_ceil(16) * 8;
        let partial = if logits { device.poisoned("partial", partial_bytes) } else { 0 };
        let params = Params::new()
            .u64(x)
            .u64(w)
            .u64(bias)
            .u64(residual)
            .u64(out)
            .u64(partial)
            .size(self.rows)
            .size(self.n)
            .size(self.k)
            .size(self.x_stride())
            .size(stride)
            .u32(u32::from(silu_mul) | u32::from(logits) << 1);
        device.launch(kernel, grid, block, &params)
    }

    /// Launches `kernel` and returns the output's rows without what lies between them.
    pub(crate) fn run(
        &self,
        device: &mut Device,
        kernel: &str,
        grid: [usize; 3],
        block: usize,
    ) -> Vec<f32> {
        self.launch(device, kernel, grid, block);
        let Epilogue { logits, .. } = self.epilogue;
        let (stride, size) = (self.out_stride(), if logits { 4 } else { 2 });
        let bytes = device.bytes("out");
        let rows = bytes.chunks(stride * size);
        let row = |row: &[u8]| -> Vec<f32> {
            let (used, between) = row.split_at(self.cols() * size);
            assert!(between.iter().all(|&byte| byte == 0xff), "written beyond the row");
            if logits {
                let (words, _) = used.as_chunks::<4>();
                words.iter().map(|&word| f32::from_le_bytes(word)).collect()
            } else {
                self.element.widened(used)
            }
        };
        rows.flat_map(row).collect()
    }

    /// Sums and sums of magnitudes in f64, before the epilogue.
    fn sums(&self) -> Vec<[f64; 2]> {
        let rows = self.x.chunks(self.k);
        rows.flat_map(|x| {
            self.w.chunks(self.k).map(move |w| {
                x.iter().zip(w).fold([0.0, 0.0], |[sum, size], (&x, &w)| {
                    let product = f64::from(x) * f64::from(w);
                    [sum + product, size + product.abs()]
                })
            })
        })
        .collect()
    }

    fn expected(&self) -> Vec<[f64; 2]> {
        let mut sums = self.sums();
        for (i, [sum, _]) in sums.iter_mut().enumerate() {
            if self.epilogue.bias {
                *sum += f64::from(self.bias[i % self.n]);
            }
            if self.epilogue.residual {
                *sum += f64::from(self.residual[i]);
            }
        }
        if !self.epilogue.silu_mul {
            return sums;
        }
        let (pairs, _) = sums.as_chunks::<2>();
        let one = |&[[gate, a], [up, b]]: &[[f64; 2]; 2]| {
            // Derivatives bound what an error of gate and up does to the product.
            [gate / (1.0 + (-gate).exp()) * up, 1.1 * a * up.abs() + b * gate.abs()]
        };
        pairs.iter().map(one).collect()
    }

    /// The largest error, in floors: rounding of the result to its type, or `2^-22` of the sum of
    /// magnitudes where that is more (f32 accumulation, sums that cancel).
    pub(crate) fn worst_error(&self, results: &[f32]) -> f64 {
        let expected = self.expected();
        assert_eq!(results.len(), expected.len(), "as many results as references");
        let relative = if self.epilogue.logits { 0.0 } else { self.element.relative_floor() };
        results.iter().zip(expected).fold(0.0, |worst, (&result, [value, size])| {
            assert!(!result.is_nan(), "a result is not a number; expected {value}");
            let floor = value.abs() * relative + size * 2f64.powi(-22) + 1e-9;
            worst.max((f64::from(result) - value).abs() / floor)
        })
    }
}
