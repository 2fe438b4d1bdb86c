//! The micro-kernels' common interface, and the choice of one by instruction set and type.
//!
//! A kernel multiplies a *tile*: a few activation rows with a few panels, over all columns. Every
//! kernel adds the products of one output element in the same order with the same roundings
//! (defined by `scalar`), so tiles of any size on any instruction set give the same bits.
//!
//! Called by the linear driver with sizes already checked.

use backend::DType;

use super::activations::{self, QuantizedBlock};
use super::panel::{PANEL_ROWS, PanelLayout};
use super::scalar;
#[cfg(target_arch = "x86_64")]
use super::{avx2, avx512};
use crate::isa::Isa;
use backend::block::BLOCK_LEN;

/// One row of outputs of one panel.
pub(super) type Lanes = [f32; PANEL_ROWS];

/// Most activation rows of a tile.
pub(super) const MAX_TILE_ROWS: usize = 8;
/// Most panels of a tile.
pub(super) const MAX_TILE_PANELS: usize = 4;

/// Left operand of a tile: `rows` rows of `layout.cols` activations.
#[derive(Clone, Copy)]
pub(super) enum TileInput<'a> {
    /// For plain weights.
    Dense(&'a [f32]),
    /// For quantised weights.
    Quantized(&'a [QuantizedBlock]),
}

/// Rows and panels that the kernels like best for a call of `rows` rows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct TileShape {
    pub(super) rows: usize,
    pub(super) panels: usize,
}

/// The best tile for this instruction set and type.
pub(super) fn tile_shape(isa: Isa, dtype: DType, rows: usize) -> TileShape {
    match (isa, dtype.is_plain()) {
        // One row: several panels hide the latency of the additions.
        (Isa::Avx512 | Isa::Avx2, true) if rows == 1 => TileShape { rows: 1, panels: 4 },
        (Isa::Avx512, true) => TileShape { rows: 8, panels: 2 },
        (Isa::Avx512, false) => TileShape { rows: 8, panels: 1 },
        (Isa::Avx2, true) => TileShape { rows: 6, panels: 1 },
        (Isa::Avx2, false) => TileShape { rows: 4, panels: 1 },
        (Isa::Scalar, _) => TileShape { rows: 8, panels: 1 },
    }
}

/// Computes one tile: `tile[panel * rows + row]` becomes the products of activation row `row` with
/// the 16 rows of panel `panel`. `panels` starts at the first panel of the tile.
pub(super) fn multiply(
    isa: Isa,
    layout: &PanelLayout,
    panels: &[u8],
    rows: usize,
    input: TileInput<'_>,
    tile: &mut [Lanes],
) {
    let num_panels = tile.len() / rows;
    assert!(panels.len() >= num_panels * layout.panel_bytes, "panels out of range");
    match input {
        TileInput::Dense(x) => assert!(x.len() >= rows * layout.cols, "rows out of range"),
        TileInput::Quantized(x) => {
            assert!(x.len() >= rows * layout.num_blocks(), "rows out of range");
        }
    }
    match isa {
        Isa::Scalar => scalar::multiply(layout, panels, rows, input, tile),
        #[cfg(target_arch = "x86_64")]
        Isa::Avx2 => avx2::multiply(layout, panels, rows, input, tile),
        #[cfg(target_arch = "x86_64")]
        Isa::Avx512 => avx512::multiply(layout, panels, rows, input, tile),
        #[cfg(not(target_arch = "x86_64"))]
        Isa::Avx2 | Isa::Avx512 => unreachable!("weights are never packed for a foreign machine"),
    }
}

/// Quantises activations with the instruction set's vector width.
pub(super) fn quantize_blocks(isa: Isa, x: &[[f32; BLOCK_LEN]], out: &mut [QuantizedBlock]) {
    match isa {
        Isa::Scalar => activations::quantize_blocks(x, out),
        #[cfg(target_arch = "x86_64")]
        Isa::Avx2 => avx2::quantize_blocks(x, out),
        #[cfg(target_arch = "x86_64")]
        Isa::Avx512 => avx512::quantize_blocks(x, out),
        #[cfg(not(target_arch = "x86_64"))]
        Isa::Avx2 | Isa::Avx512 => unreachable!("weights are never packed for a foreign machine"),
    }
}
