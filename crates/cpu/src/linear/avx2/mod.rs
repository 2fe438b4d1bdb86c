//! AVX2 kernels: two registers are one panel wide; `vpmaddubsw` does the int8 dot products.
//!
//! Bit-equal to `scalar`. Called through `kernels` only, which checks sizes.
#![expect(clippy::needless_range_loop, reason = "one index runs over several register arrays")]

mod dense;
mod quantized;

use super::activations::{self, QuantizedBlock};
use super::kernels::{Lanes, TileInput};
use super::panel::PanelLayout;
use backend::block::BLOCK_LEN;

/// See [`super::kernels::multiply`].
pub(super) fn multiply(
    layout: &PanelLayout,
    panels: &[u8],
    rows: usize,
    input: TileInput<'_>,
    tile: &mut [Lanes],
) {
    // SAFETY: weights are packed for AVX2 only where it is available (`PackedWeight::pack`);
    // `kernels::multiply` has checked that `panels` and the input hold the tile.
    unsafe {
        match input {
            TileInput::Dense(x) => dense::multiply(layout, panels.as_ptr(), x.as_ptr(), rows, tile),
            TileInput::Quantized(x) => {
                quantized::multiply(layout, panels.as_ptr(), x.as_ptr(), rows, tile);
            }
        }
    }
}

/// See [`super::kernels::quantize_blocks`].
pub(super) fn quantize_blocks(x: &[[f32; BLOCK_LEN]], out: &mut [QuantizedBlock]) {
    #[target_feature(enable = "avx2,fma,f16c")]
    fn wide(x: &[[f32; BLOCK_LEN]], out: &mut [QuantizedBlock]) {
        activations::quantize_blocks(x, out);
    }
    // SAFETY: as for `multiply`.
    unsafe { wide(x, out) }
}
