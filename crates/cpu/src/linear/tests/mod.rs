//! Tests of the linear layers against slow, independent definitions.

mod formats;
mod parity;
mod shapes;

use backend::{DType, TensorShape, TensorView};
use half::f16;

use super::{LinearWorkspace, PackedWeight, linear};
use crate::isa::Isa;
use crate::pool::Pool;

const DTYPES: [DType; 11] = [
    DType::F32,
    DType::F16,
    DType::BF16,
    DType::Q8_0,
    DType::Q4_0,
    DType::Q4_1,
    DType::Q5_0,
    DType::Q5_1,
    DType::Q4_K,
    DType::Q5_K,
    DType::Q6_K,
];

/// xorshift64*, so that every run sees the same numbers.
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        self.0.wrapping_mul(0x2545_f491_4f6c_dd1d)
    }

    /// Uniform in -1..1.
    fn float(&mut self) -> f32 {
        (self.next() >> 40) as f32 / (1u64 << 23) as f32 - 1.0
    }

    fn floats(&mut self, len: usize) -> Vec<f32> {
        (0..len).map(|_| self.float()).collect()
    }
}

/// A stored matrix.
struct Matrix {
    shape: TensorShape,
    bytes: Vec<u8>,
}

impl Matrix {
    fn view(&self) -> TensorView<'_> {
        TensorView::new(self.shape, &self.bytes).unwrap()
    }

    /// Random codes of any value, with scales that make values of about 1.
    fn random(dtype: DType, rows: usize, cols: usize, random: &mut Random) -> Self {
        let len = dtype.row_bytes(cols).unwrap() * rows;
        let mut bytes: Vec<u8> = (0..len).map(|_| (random.next() >> 32) as u8).collect();
        for block in bytes.chunks_exact_mut(dtype.block_bytes()) {
            set_scales(dtype, block, random);
        }
        Self { shape: TensorShape { dtype, rows, cols }, bytes }
    }

    fn pack(&self, pool: &Pool, isa: Isa) -> PackedWeight {
        PackedWeight::pack(pool, &[self.view()], isa).unwrap()
    }
}

/// Replaces the floating-point fields of a storage block.
fn set_scales(dtype: DType, block: &mut [u8], random: &mut Random) {
    let mut put = |at: usize, size: f32| {
        let value = f16::from_f32(random.float() * size);
        block[at..at + 2].copy_from_slice(&value.to_le_bytes());
    };
    match dtype {
        DType::F32 => block.copy_from_slice(&random.float().to_le_bytes()),
        DType::F16 => put(0, 1.0),
        DType::BF16 => block.copy_from_slice(&random.float().to_le_bytes()[2..]),
        DType::Q8_0 => put(0, 1.0 / 128.0),
        DType::Q4_0 | DType::Q5_0 => put(0, 1.0 / 8.0),
        DType::Q4_1 | DType::Q5_1 => {
            put(0, 1.0 / 8.0);
            put(2, 1.0);
        }
        DType::Q4_K | DType::Q5_K => {
            put(0, 1.0 / 512.0);
            put(2, 1.0 / 64.0);
        }
        DType::Q6_K => put(208, 1.0 / 2048.0),
    }
}

/// The instruction sets that this machine can run.
fn isas() -> impl Iterator<Item = Isa> {
    Isa::ALL.into_iter().filter(|isa| isa.is_available())
}

/// `linear` into a fresh output.
fn multiply(
    pool: &Pool,
    rows: usize,
    x: &[f32],
    weight: &PackedWeight,
    bias: Option<&[f32]>,
) -> Vec<f32> {
    let mut ws = LinearWorkspace::new(rows, weight.cols());
    let mut out = vec![f32::NAN; rows * weight.rows()];
    linear(pool, &mut ws, rows, x, weight, bias, &mut out);
    out
}

fn bits(values: &[f32]) -> Vec<u32> {
    values.iter().map(|value| value.to_bits()).collect()
}
