//! Packed weights: a matrix, possibly stacked from parts of different types, in panel form.
//!
//! Packing happens once, at load, in parallel over panels. Quantised weights stay quantised.
//! Called by the device's `upload_weight`; read by the kernels and by the embedding.

use backend::{DType, TensorShape, TensorView};
use thiserror::Error;

use super::panel::{PANEL_ALIGN, PANEL_ROWS, PanelLayout};
use crate::{isa::Isa, pool::Pool};
use backend::block::{BLOCK_LEN, read_block};

/// A weight could not be packed.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
pub enum PackError {
    /// There is nothing to pack.
    #[error(
        "part {part_idx} of the weight is empty ({rows} x {cols}); it needs at least one row and one column"
    )]
    Empty {
        /// Which part; 0 also if there are none.
        part_idx: usize,
        /// Its rows.
        rows: usize,
        /// Its columns.
        cols: usize,
    },
    /// Parts cannot be stacked.
    #[error("part {part_idx} of the weight has {cols} columns, part 0 has {expected}")]
    ColsDiffer {
        /// Which part.
        part_idx: usize,
        /// Its columns.
        cols: usize,
        /// Columns of part 0.
        expected: usize,
    },
    /// The columns are not whole blocks, or the size overflows.
    #[error("part {part_idx} of the weight: {rows} x {cols} is not a valid {dtype:?} shape")]
    Shape {
        /// Which part.
        part_idx: usize,
        /// Its rows.
        rows: usize,
        /// Its columns.
        cols: usize,
        /// Its type.
        dtype: DType,
    },
    /// The memory could not be had.
    #[error("no memory for a packed weight of {bytes} bytes")]
    OutOfMemory {
        /// Size asked for.
        bytes: usize,
    },
    /// The kernels would not run here.
    #[error("the instruction set {isa} is not available on this machine")]
    IsaUnavailable {
        /// What was asked for.
        isa: Isa,
    },
}

/// A `[rows, cols]` weight in panel form, bound to the instruction set that will multiply it.
pub struct PackedWeight {
    pub(super) parts: Vec<PackedPart>,
    rows: usize,
    cols: usize,
    isa: Isa,
}

/// Consecutive output rows of one type.
pub(super) struct PackedPart {
    pub(super) layout: PanelLayout,
    /// First output row.
    pub(super) first_row: usize,
    pub(super) rows: usize,
    bytes: Vec<u8>,
    /// Padding before the first panel, which starts on a [`PANEL_ALIGN`] boundary.
    start: usize,
}

impl PackedPart {
    pub(super) fn num_panels(&self) -> usize {
        self.rows.div_ceil(PANEL_ROWS)
    }

    /// The panels from `first` on.
    pub(super) fn panels_from(&self, first: usize) -> &[u8] {
        &self.bytes[self.start + first * self.layout.panel_bytes..]
    }

    fn pack(
        pool: &Pool,
        first_row: usize,
        view: &TensorView<'_>,
        layout: PanelLayout,
    ) -> Option<Self> {
        let size = allocation_bytes(&layout, view.shape.rows)?;
        let mut bytes = Vec::new();
        bytes.try_reserve_exact(size).ok()?;
        bytes.resize(size, 0);
        let start = bytes.as_ptr().align_offset(PANEL_ALIGN);
        let panels_end = start + (size - PANEL_ALIGN);
        pool.for_each_chunk(
            &mut bytes[start..panels_end],
            layout.panel_bytes,
            |panel_idx, panel| {
                pack_panel(view, &layout, panel_idx, panel);
            },
        );
        Some(Self { layout, first_row, rows: view.shape.rows, bytes, start })
    }
}

/// Panels plus what aligning the first may cost.
fn allocation_bytes(layout: &PanelLayout, rows: usize) -> Option<usize> {
    rows.div_ceil(PANEL_ROWS).checked_mul(layout.panel_bytes)?.checked_add(PANEL_ALIGN)
}

fn pack_panel(view: &TensorView<'_>, layout: &PanelLayout, panel_idx: usize, panel: &mut [u8]) {
    let first = panel_idx * PANEL_ROWS;
    for lane in 0..PANEL_ROWS.min(view.shape.rows - first) {
        let row = view.row(first + lane);
        if layout.dtype.is_plain() {
            layout.write_plain_row(panel, lane, row);
        } else {
            for block_idx in 0..layout.num_blocks() {
                let block = read_block(layout.dtype, row, block_idx);
                layout.write_block(panel, lane, block_idx, &block);
            }
        }
    }
}

/// The panel layout of each part, or why the parts do not make a matrix.
fn check_parts(
    parts: &[TensorShape],
) -> impl Iterator<Item = Result<(TensorShape, PanelLayout), PackError>> {
    parts.iter().enumerate().map(|(part_idx, &shape)| {
        let TensorShape { dtype, rows, cols } = shape;
        let expected = parts[0].cols;
        if rows == 0 || cols == 0 {
            return Err(PackError::Empty { part_idx, rows, cols });
        }
        if cols != expected {
            return Err(PackError::ColsDiffer { part_idx, cols, expected });
        }
        PanelLayout::new(dtype, cols)
            .filter(|layout| allocation_bytes(layout, rows).is_some())
            .map(|layout| (shape, layout))
            .ok_or(PackError::Shape { part_idx, rows, cols, dtype })
    })
}

impl PackedWeight {
    /// Packs parts stacked by rows; all have the same number of columns.
    pub fn pack(pool: &Pool, parts: &[TensorView<'_>], isa: Isa) -> Result<Self, PackError> {
        if !isa.is_available() {
            return Err(PackError::IsaUnavailable { isa });
        }
        let shapes: Vec<TensorShape> = parts.iter().map(|part| part.shape).collect();
        let cols = shapes.first().ok_or(PackError::Empty { part_idx: 0, rows: 0, cols: 0 })?.cols;
        let mut rows = 0;
        let mut packed = Vec::with_capacity(parts.len());
        for (checked, view) in check_parts(&shapes).zip(parts) {
            let (shape, layout) = checked?;
            let part = PackedPart::pack(pool, rows, view, layout)
                .ok_or_else(|| PackError::OutOfMemory { bytes: Self::packed_bytes(&shapes) })?;
            rows += shape.rows;
            packed.push(part);
        }
        Ok(Self { parts: packed, rows, cols, isa })
    }

    /// Exactly what [`PackedWeight::pack`] allocates for weights of these shapes; 0 for shapes
    /// that it refuses. The layout is the same for every instruction set.
    pub fn packed_bytes(parts: &[TensorShape]) -> usize {
        let sizes: Result<Vec<usize>, PackError> = check_parts(parts)
            .map(|part| part.map(|(shape, layout)| allocation_bytes(&layout, shape.rows)))
            .map(|size| size.map(|size| size.expect("check_parts refuses sizes that overflow")))
            .collect();
        sizes.map_or(0, |sizes| sizes.iter().sum())
    }

    /// Output features, over all parts.
    pub fn rows(&self) -> usize {
        self.rows
    }

    /// Input features.
    pub fn cols(&self) -> usize {
        self.cols
    }

    /// The instruction set of the kernels that will multiply this weight.
    pub fn isa(&self) -> Isa {
        self.isa
    }

    #[cfg(test)]
    pub(super) fn allocated_bytes(&self) -> usize {
        self.parts.iter().map(|part| part.bytes.capacity()).sum()
    }

    /// Writes row `row` as f32 into `out` (`cols` elements), rounded as `dequantize_row_*` of
    /// `ggml-quants.c` does. Panics if `row` or the length is wrong.
    pub fn dequantize_row(&self, row: usize, out: &mut [f32]) {
        assert_eq!(out.len(), self.cols, "output length must be the number of columns");
        let part = self
            .parts
            .iter()
            .find(|part| (part.first_row..part.first_row + part.rows).contains(&row))
            .expect("row must be below rows()");
        let (panel_idx, lane) =
            ((row - part.first_row) / PANEL_ROWS, (row - part.first_row) % PANEL_ROWS);
        let (panel, layout) = (part.panels_from(panel_idx), &part.layout);
        if layout.dtype.is_plain() {
            for (col, out) in out.iter_mut().enumerate() {
                *out = layout.read_plain(panel, lane, col);
            }
            return;
        }
        let (blocks, _) = out.as_chunks_mut::<BLOCK_LEN>();
        for (block_idx, out) in blocks.iter_mut().enumerate() {
            layout.read_block(panel, lane, block_idx).dequantize(layout.dtype, out);
        }
    }
}
