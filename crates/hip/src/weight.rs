//! Weights on the GPU: matrices in bf16, fragment-major; vectors in f32.
//!
//! Fragment-major (`kernels/gemm.h`): `[ceil(rows/16)][ceil(cols/32)][64 lanes][8]`, lane =
//! `cols%32/8*16 + rows%16`, element = `cols%8`, zeros beyond the matrix. The host converts and
//! repacks one strip of 16 rows after the other into the pinned ring, so that host memory stays
//! bounded by the ring whatever the matrix' size.

use backend::{DType, TensorShape, TensorView};
use half::{bf16, f16};

use crate::runtime::DeviceMemory;

/// Rows of a strip.
pub(crate) const STRIP_ROWS: usize = 16;

/// An uploaded weight.
pub struct HipWeight {
    pub(crate) memory: DeviceMemory,
    pub(crate) kind: WeightKind,
}

/// What a weight is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum WeightKind {
    /// A norm or bias, `len` f32.
    Vector { len: usize },
    /// `[rows, cols]` bf16, fragment-major.
    Matrix { rows: usize, cols: usize },
}

impl HipWeight {
    /// Address and length of a vector. Panics on a matrix: the decoder gave the wrong weight.
    pub(crate) fn vector(&self) -> (u64, usize) {
        match self.kind {
            WeightKind::Vector { len } => (self.memory.address(), len),
            WeightKind::Matrix { .. } => panic!("a matrix stands where a vector is needed"),
        }
    }

    /// Address, rows and columns of a matrix. Panics on a vector, as above.
    pub(crate) fn matrix(&self) -> (u64, usize, usize) {
        match self.kind {
            WeightKind::Matrix { rows, cols } => (self.memory.address(), rows, cols),
            WeightKind::Vector { .. } => panic!("a vector stands where a matrix is needed"),
        }
    }
}

impl WeightKind {
    /// Parts of one row each make a vector.
    pub(crate) fn of(parts: &[TensorShape]) -> Self {
        let cols = parts.first().map_or(0, |part| part.cols);
        if parts.iter().all(|part| part.rows == 1) {
            return Self::Vector { len: parts.iter().map(|part| part.cols).sum() };
        }
        Self::Matrix { rows: parts.iter().map(|part| part.rows).sum(), cols }
    }

    /// Bytes on the device.
    pub(crate) fn bytes(self) -> usize {
        match self {
            Self::Vector { len } => len * size_of::<f32>(),
            Self::Matrix { rows, cols } => rows.div_ceil(STRIP_ROWS) * strip_bytes(cols),
        }
    }
}

/// Bytes of 16 rows in fragments.
pub(crate) fn strip_bytes(cols: usize) -> usize {
    cols.div_ceil(32) * 1024
}

/// One element of a row of plain numbers.
fn element(dtype: DType, row: &[u8], col: usize) -> f32 {
    match dtype {
        DType::F32 => {
            let bytes = row[4 * col..][..4].try_into().expect("four bytes");
            f32::from_le_bytes(bytes)
        }
        DType::F16 => f16::from_le_bytes([row[2 * col], row[2 * col + 1]]).to_f32(),
        DType::BF16 => bf16::from_le_bytes([row[2 * col], row[2 * col + 1]]).to_f32(),
        _ => unreachable!("quantised parts were refused"),
    }
}

/// Writes the vector that `parts` make, end to end.
pub(crate) fn widen_vector(parts: &[TensorView<'_>], out: &mut [f32]) {
    let mut at = 0;
    for part in parts {
        for col in 0..part.shape.cols {
            out[at] = element(part.shape.dtype, part.row(0), col);
            at += 1;
        }
    }
}

/// Writes strip `strip` of the matrix that `parts` stack up to; `out` has `strip_bytes(cols) / 2`
/// elements.
pub(crate) fn pack_strip(parts: &[TensorView<'_>], strip: usize, out: &mut [u16]) {
    out.fill(0);
    let mut start = 0;
    for part in parts {
        let wanted = strip * STRIP_ROWS..(strip + 1) * STRIP_ROWS;
        let (first, end) = (wanted.start.max(start), wanted.end.min(start + part.shape.rows));
        for row in first..end {
            pack_row(part.shape.dtype, part.row(row - start), part.shape.cols, row % 16, out);
        }
        start += part.shape.rows;
    }
}

fn pack_row(dtype: DType, row: &[u8], cols: usize, row_in_strip: usize, out: &mut [u16]) {
    for piece in 0..cols.div_ceil(8) {
        let lane = piece % 4 * 16 + row_in_strip;
        let to = &mut out[(piece / 4 * 64 + lane) * 8..][..8];
        for (col, to) in (piece * 8..cols.min(piece * 8 + 8)).zip(to) {
            *to = match dtype {
                DType::BF16 => u16::from_le_bytes([row[2 * col], row[2 * col + 1]]),
                _ => bf16::from_f32(element(dtype, row, col)).to_bits(),
            };
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_strip_across_two_parts_holds_each_element_at_its_place() {
        let cols = 40;
        let part = |rows: usize, seed: usize| -> Vec<u8> {
            let value = |i: usize| ((i * 7 + seed) % 251) as f32;
            (0..rows * cols).flat_map(|i| value(i).to_le_bytes()).collect()
        };
        let (first, second) = (part(5, 1), part(20, 2));
        let shape = |rows| TensorShape { dtype: DType::F32, rows, cols };
        let views = [
            TensorView::new(shape(5), &first).expect("sizes agree"),
            TensorView::new(shape(20), &second).expect("sizes agree"),
        ];
        for strip in 0..2 {
            let mut out = vec![0xffffu16; strip_bytes(cols) / 2];
            pack_strip(&views, strip, &mut out);
            for row in strip * 16..strip * 16 + 16 {
                for col in 0..64 {
                    let lane = col % 32 / 8 * 16 + row % 16;
                    let found = out[(col / 32 * 64 + lane) * 8 + col % 8];
                    let expected = match row {
                        _ if col >= cols || row >= 25 => 0.0,
                        0..5 => ((row * cols + col) * 7 + 1) as f32 % 251.0,
                        _ => (((row - 5) * cols + col) * 7 + 2) as f32 % 251.0,
                    };
                    assert_eq!(bf16::from_bits(found).to_f32(), expected, "row {row}, col {col}");
                }
            }
        }
    }

    #[test]
    fn sizes_count_the_padding() {
        let matrix = WeightKind::Matrix { rows: 17, cols: 33 };
        assert_eq!(matrix.bytes(), 2 * 2 * 1024);
        assert_eq!(WeightKind::Vector { len: 5 }.bytes(), 20);
    }
}
