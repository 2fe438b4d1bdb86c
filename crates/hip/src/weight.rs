//! Weights on the GPU: matrices in the activations' type, fragment-major; vectors in f32.
//!
//! Fragment-major (`kernels/gemm.h`): `[ceil(rows/16)][ceil(cols/32)][64 lanes][8]`, lane =
//! `cols%32/8*16 + rows%16`, element = `cols%8`, zeros beyond the matrix. The host reads, converts and
//! repacks some strips of 16 rows at a time into the pinned ring, so that host memory stays bounded by
//! the ring and [`STAGING_BYTES`] whatever the matrix' size. Quantised blocks are expanded on the way:
//! there are no kernels that multiply them.

use std::ops::Range;

use backend::{RowSource, TensorShape, TensorView};

use crate::element::ActivationType;
use crate::runtime::DeviceMemory;

/// Rows of a strip.
pub(crate) const STRIP_ROWS: usize = 16;

/// Most bytes that are read from a part of a matrix at once, unless one strip has more: enough that
/// the call costs nothing, little beside the ring.
pub(crate) const STAGING_BYTES: usize = 1 << 20;

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

/// In which order the rows of a matrix come from its parts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum RowOrder {
    /// One part after the other.
    Stacked,
    /// The first row of each part, the second of each, ...
    Interleaved,
}

impl RowOrder {
    /// Rows of part `idx` before row `row` of the matrix; parts have `part_rows` rows.
    fn rows_before(self, part_rows: &[usize], idx: usize, row: usize) -> usize {
        let rows = match self {
            Self::Stacked => row.saturating_sub(part_rows[..idx].iter().sum()),
            Self::Interleaved => (row + part_rows.len() - 1 - idx) / part_rows.len(),
        };
        rows.min(part_rows[idx])
    }

    /// Row of the matrix that is row `row` of part `idx`.
    fn place(self, part_rows: &[usize], idx: usize, row: usize) -> usize {
        match self {
            Self::Stacked => part_rows[..idx].iter().sum::<usize>() + row,
            Self::Interleaved => row * part_rows.len() + idx,
        }
    }
}

/// Reads weights and brings them into the GPU's form. Keeps its memory from weight to weight.
#[derive(Default)]
pub(crate) struct Packer {
    /// Rows as they are stored.
    raw: Vec<u8>,
    /// One row in f32.
    wide: Vec<f32>,
}

impl Packer {
    /// The vector that `parts` make, end to end.
    pub(crate) fn vector<S: RowSource>(&mut self, parts: &[S]) -> Result<Vec<f32>, S::Error> {
        let mut values = Vec::new();
        for part in parts {
            let shape = part.shape();
            self.raw.resize(shape.row_bytes(), 0);
            part.read_rows(0, &mut self.raw)?;
            let start = values.len();
            values.resize(start + shape.cols, 0.0);
            TensorView { shape, data: &self.raw }.widen_row(0, &mut values[start..]);
        }
        Ok(values)
    }

    /// Writes the strips from `first` on of the matrix that `parts` make up, as many as `out` holds,
    /// in `to`.
    pub(crate) fn strips<S: RowSource>(
        &mut self,
        parts: &[S],
        (to, order): (ActivationType, RowOrder),
        first: usize,
        out: &mut [u16],
    ) -> Result<(), S::Error> {
        let strip_len = strip_bytes(parts[0].shape().cols) / 2;
        let row_bytes = parts.iter().map(|part| part.shape().row_bytes()).max().unwrap_or_default();
        let at_once = (STAGING_BYTES / (STRIP_ROWS * row_bytes).max(1)).max(1);
        let mut first_row = first * STRIP_ROWS;
        for out in out.chunks_mut(at_once * strip_len) {
            let rows = first_row..first_row + out.len() / strip_len * STRIP_ROWS;
            first_row = rows.end;
            self.rows(parts, (to, order), rows, out)?;
        }
        Ok(())
    }

    /// Writes rows `rows`, whole strips, to `out`.
    fn rows<S: RowSource>(
        &mut self,
        parts: &[S],
        (to, order): (ActivationType, RowOrder),
        rows: Range<usize>,
        out: &mut [u16],
    ) -> Result<(), S::Error> {
        let part_rows: Vec<usize> = parts.iter().map(|part| part.shape().rows).collect();
        out.fill(0);
        for (idx, part) in parts.iter().enumerate() {
            let first = order.rows_before(&part_rows, idx, rows.start);
            let num = order.rows_before(&part_rows, idx, rows.end) - first;
            if num == 0 {
                continue;
            }
            let shape = TensorShape { rows: num, ..part.shape() };
            self.raw.resize(num * shape.row_bytes(), 0);
            part.read_rows(first, &mut self.raw)?;
            let view = TensorView { shape, data: &self.raw };
            self.wide.resize(shape.cols, 0.0);
            for row in 0..num {
                let place = order.place(&part_rows, idx, first + row) - rows.start;
                let strip = &mut out[place / STRIP_ROWS * strip_bytes(shape.cols) / 2..];
                let row_in_strip = place % STRIP_ROWS;
                if shape.dtype == to.dtype() {
                    let (elements, _) = view.row(row).as_chunks::<2>();
                    pack_row(elements, row_in_strip, |bytes| u16::from_le_bytes(*bytes), strip);
                } else {
                    view.widen_row(row, &mut self.wide);
                    pack_row(&self.wide, row_in_strip, |value| to.narrow(*value), strip);
                }
            }
        }
        Ok(())
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
    use std::cell::RefCell;

    use backend::{DType, DeviceError};
    use half::{bf16, f16};

    use super::*;

    const STACKED: (ActivationType, RowOrder) = (ActivationType::Bf16, RowOrder::Stacked);

    fn pack(
        parts: &[TensorView<'_>],
        how: (ActivationType, RowOrder),
        first: usize,
        out: &mut [u16],
    ) {
        Packer::default().strips(parts, how, first, out).expect("memory can be read");
    }

    /// A part that notes what is read of it.
    struct Noted<'a> {
        rows: TensorView<'a>,
        reads: &'a RefCell<Vec<(usize, usize)>>,
    }

    impl RowSource for Noted<'_> {
        type Error = DeviceError;

        fn shape(&self) -> TensorShape {
            self.rows.shape
        }

        fn read_rows(&self, first: usize, out: &mut [u8]) -> Result<(), DeviceError> {
            self.reads.borrow_mut().push((first, out.len()));
            self.rows.read_rows(first, out)
        }
    }

    /// Each row is read once, at most [`STAGING_BYTES`] at a time, and the strips are those that are
    /// made one by one.
    #[test]
    fn many_strips_are_read_in_bounded_runs() {
        // 128 KiB a row: eight rows are a run's share, so that a strip of 16 is one.
        for (cols, strips_at_once) in [(1 << 15, 1), (1 << 13, 2), (1 << 12, 4)] {
            for order in [RowOrder::Stacked, RowOrder::Interleaved] {
                let (rows, how) = (40, (ActivationType::Bf16, order));
                let part = |seed: usize| -> Vec<u8> {
                    let value = |i: usize| ((i * 31 + seed + i / cols) % 127) as f32;
                    (0..rows * cols).flat_map(|i| value(i).to_le_bytes()).collect()
                };
                let bytes = [part(3), part(5)];
                let shape = TensorShape { dtype: DType::F32, rows, cols };
                let views = [0, 1].map(|i| TensorView { shape, data: &bytes[i] });
                let reads = [RefCell::default(), RefCell::default()];
                let noted = [0, 1].map(|i| Noted { rows: views[i], reads: &reads[i] });
                let strip = strip_bytes(cols) / 2;
                let mut found = vec![0xffff; 5 * strip];
                Packer::default().strips(&noted, how, 0, &mut found).expect("it can be read");
                let mut expect = vec![0xffff; 5 * strip];
                for (idx, out) in expect.chunks_exact_mut(strip).enumerate() {
                    pack(&views, how, idx, out);
                }
                assert_eq!(found, expect, "{cols} columns, {order:?}");
                for reads in &reads {
                    let mut next = 0;
                    for (first, len) in reads.borrow().iter() {
                        assert_eq!(*first, next, "{cols} columns, {order:?}");
                        assert!(*len <= strips_at_once * STRIP_ROWS * shape.row_bytes());
                        next += len / shape.row_bytes();
                    }
                    assert_eq!(next, rows, "{cols} columns, {order:?}");
                }
            }
        }
    }

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
            pack(&views, STACKED, strip, &mut out);
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
            let order = (ActivationType::Bf16, RowOrder::Interleaved);
            pack(&[view(&gate), view(&up)], order, strip, &mut out);
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
        pack(&views, STACKED, 0, &mut out);
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
            pack(&views, to, 0, &mut out);
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
