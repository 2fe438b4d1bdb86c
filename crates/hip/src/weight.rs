//! Weights on the GPU: matrices in the activations' type, fragment-major; vectors in f32.
//!
//! Fragment-major (`kernels/gemm.h`): `[ceil(rows/16)][ceil(cols/32)][64 lanes][8]`, lane =
//! `cols%32/8*16 + rows%16`, element = `cols%8`, zeros beyond the matrix. The host converts and
//! repacks one strip of 16 rows after the other into the pinned ring, so that host memory stays
//! bounded by the ring whatever the matrix' size. Quantised blocks are expanded on the way: there
//! are no kernels that multiply them.

use backend::{TensorShape, TensorView};

use crate::element::ActivationType;
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
    /// `[rows, cols]`, fragment-major.
    Matrix { rows: usize, cols: usize },
    /// As a matrix, with rows gate 0, up 0, gate 1, up 1, ...
    GateUp { rows: usize, cols: usize },
}

impl HipWeight {
    /// Address and length of a vector. Panics on a matrix: the decoder gave the wrong weight.
    pub(crate) fn vector(&self) -> (u64, usize) {
        match self.kind {
            WeightKind::Vector { len } => (self.memory.address(), len),
            other => panic!("{other:?} stands where a vector is needed"),
        }
    }

    /// Address, rows and columns of a matrix. Panics on others, as above.
    pub(crate) fn matrix(&self) -> (u64, usize, usize) {
        match self.kind {
            WeightKind::Matrix { rows, cols } => (self.memory.address(), rows, cols),
            other => panic!("{other:?} stands where a matrix is needed"),
        }
    }

    /// Address, rows of both and columns of gate and up. Panics on others, as above.
    pub(crate) fn gate_up(&self) -> (u64, usize, usize) {
        match self.kind {
            WeightKind::GateUp { rows, cols } => (self.memory.address(), rows, cols),
            other => panic!("{other:?} stands where gate and up are needed"),
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
            Self::Matrix { rows, cols } | Self::GateUp { rows, cols } => {
                rows.div_ceil(STRIP_ROWS) * strip_bytes(cols)
            }
        }
    }
}

/// Bytes of 16 rows in fragments.
pub(crate) fn strip_bytes(cols: usize) -> usize {
    cols.div_ceil(32) * 1024
}

/// Writes the vector that `parts` make, end to end.
pub(crate) fn widen_vector(parts: &[TensorView<'_>], mut out: &mut [f32]) {
    for part in parts {
        let (row, rest) = out.split_at_mut(part.shape.cols);
        part.widen_row(0, row);
        out = rest;
    }
}

/// In which order the rows of a matrix come from its parts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum RowOrder {
    /// One part after the other.
    Stacked,
    /// The first row of each part, the second of each, ...
    Interleaved,
}

impl RowOrder {
    /// Part and row in it of row `row`; none beyond the matrix.
    fn find<'a>(
        self,
        parts: &'a [TensorView<'a>],
        row: usize,
    ) -> Option<(&'a TensorView<'a>, usize)> {
        if self == Self::Interleaved {
            let part = &parts[row % parts.len()];
            let row = row / parts.len();
            return (row < part.shape.rows).then_some((part, row));
        }
        let mut row = row;
        for part in parts {
            if row < part.shape.rows {
                return Some((part, row));
            }
            row -= part.shape.rows;
        }
        None
    }
}

/// Writes strip `strip` of the matrix that `parts` make up; `out` has `strip_bytes(cols) / 2`
/// elements of `to`, `wide` is scratch for a row.
pub(crate) fn pack_strip(
    parts: &[TensorView<'_>],
    (to, order): (ActivationType, RowOrder),
    strip: usize,
    wide: &mut [f32],
    out: &mut [u16],
) {
    out.fill(0);
    for row in 0..STRIP_ROWS {
        let Some((part, at)) = order.find(parts, strip * STRIP_ROWS + row) else { break };
        if part.shape.dtype == to.dtype() {
            let (elements, _) = part.row(at).as_chunks::<2>();
            pack_row(elements, row, |bytes| u16::from_le_bytes(*bytes), out);
        } else {
            part.widen_row(at, wide);
            pack_row(wide, row, |value| to.narrow(*value), out);
        }
    }
}

fn pack_row<T>(row: &[T], row_in_strip: usize, narrow: impl Fn(&T) -> u16, out: &mut [u16]) {
    for (piece, from) in row.chunks(8).enumerate() {
        let lane = piece % 4 * 16 + row_in_strip;
        let to = &mut out[(piece / 4 * 64 + lane) * 8..][..8];
        for (from, to) in from.iter().zip(to) {
            *to = narrow(from);
        }
    }
}

#[cfg(test)]
mod tests {
    use backend::DType;
    use half::{bf16, f16};

    use super::*;

    const STACKED: (ActivationType, RowOrder) = (ActivationType::Bf16, RowOrder::Stacked);

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
            pack_strip(&views, STACKED, strip, &mut vec![0.0; cols], &mut out);
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
    fn gate_and_up_take_turns() {
        let rows = 9;
        let part = |sign: f32| -> Vec<u8> {
            (1..=rows * 8).flat_map(|i| (sign * i as f32).to_le_bytes()).collect()
        };
        let (gate, up) = (part(1.0), part(-1.0));
        let shape = TensorShape { dtype: DType::F32, rows, cols: 8 };
        let view = |bytes| TensorView::new(shape, bytes).expect("sizes agree");
        for strip in 0..2 {
            let mut out = vec![0xffffu16; strip_bytes(8) / 2];
            pack_strip(
                &[view(&gate), view(&up)],
                (ActivationType::Bf16, RowOrder::Interleaved),
                strip,
                &mut [0.0; 8],
                &mut out,
            );
            for row in strip * 16..strip * 16 + 16 {
                let sign = if row % 2 == 0 { 1.0 } else { -1.0 };
                for col in 0..8 {
                    let found = bf16::from_bits(out[row % 16 * 8 + col]).to_f32();
                    let number = (row / 2 * 8 + col + 1) as f32;
                    let expected = if row < 2 * rows { sign * number } else { 0.0 };
                    assert_eq!(found, expected, "row {row}, col {col}");
                }
            }
        }
    }

    #[test]
    fn quantised_rows_are_expanded_to_their_values() {
        // Two blocks of Q4_1 a row: f16 scale and minimum, then element `j` in the low and element
        // `j + 16` in the high nibble of byte `j`.
        let (rows, cols) = (3, 64);
        let block = |seed: usize| -> Vec<u8> {
            let (scale, minimum) = (f16::from_f32(0.25), f16::from_f32(-1.5));
            let nibbles = (0..16).map(|j| (((j + seed) % 16) | ((15 - j) << 4)) as u8);
            [scale, minimum].iter().flat_map(|v| v.to_le_bytes()).chain(nibbles).collect()
        };
        let bytes: Vec<u8> = (0..rows * 2).flat_map(block).collect();
        let shape = TensorShape { dtype: DType::Q4_1, rows, cols };
        let views = [TensorView::new(shape, &bytes).expect("sizes agree")];
        let mut out = vec![0u16; strip_bytes(cols) / 2];
        pack_strip(&views, STACKED, 0, &mut vec![0.0; cols], &mut out);
        for row in 0..rows {
            for col in 0..cols {
                let (seed, j) = (row * 2 + col / 32, col % 32);
                let code = if j < 16 { (j + seed) % 16 } else { 15 - (j - 16) };
                let lane = col % 32 / 8 * 16 + row;
                let found = bf16::from_bits(out[(col / 32 * 64 + lane) * 8 + col % 8]);
                assert_eq!(found.to_f32(), code as f32 * 0.25 - 1.5, "row {row}, col {col}");
            }
        }
    }

    /// Numbers that f16 holds and bf16 does not, from either type.
    #[test]
    fn f16_is_copied_bit_by_bit_and_others_are_rounded_to_it() {
        let numbers: Vec<f32> = (0..16 * 8).map(|i| 1.0 + i as f32 / 1024.0).collect();
        let halves: Vec<u8> =
            numbers.iter().flat_map(|v| f16::from_f32(*v).to_bits().to_le_bytes()).collect();
        let singles: Vec<u8> = numbers.iter().flat_map(|v| v.to_le_bytes()).collect();
        for (dtype, bytes) in [(DType::F16, &halves), (DType::F32, &singles)] {
            let shape = TensorShape { dtype, rows: 16, cols: 8 };
            let views = [TensorView::new(shape, bytes).expect("sizes agree")];
            let mut out = vec![0u16; strip_bytes(8) / 2];
            let to = (ActivationType::F16, RowOrder::Stacked);
            pack_strip(&views, to, 0, &mut [0.0; 8], &mut out);
            let found = out[..16 * 8].iter().map(|bits| f16::from_bits(*bits).to_f32());
            assert!(found.eq(numbers.iter().copied()), "{dtype:?}");
        }
    }

    #[test]
    fn sizes_count_the_padding() {
        let matrix = WeightKind::Matrix { rows: 17, cols: 33 };
        assert_eq!(matrix.bytes(), 2 * 2 * 1024);
        assert_eq!(WeightKind::Vector { len: 5 }.bytes(), 20);
    }
}
