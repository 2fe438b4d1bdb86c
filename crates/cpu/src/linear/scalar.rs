//! Reference kernels: they define the arithmetic of every output element, and serve machines
//! without AVX2.
//!
//! Plain types, with `acc` starting at 0, for each column `k` in order:
//! `acc = fma(x[k], w[k], acc)`.
//!
//! Quantised types, for each block of 32 columns in order, with exact integer dot products of
//! activation codes and (code - offset):
//! `acc = fma(dot, scale * x.scale, acc)`, for `Q6_K` once per half block, then, if the format has
//! a minimum, `acc = fma(min, x.scaled_sum, acc)`.

use super::activations::QuantizedBlock;
use super::kernels::{Lanes, TileInput};
use super::panel::{PANEL_ROWS, PanelLayout};
use backend::DType;
use backend::block::{Block, Coefficients, code_offset, has_min};

pub(super) fn multiply(
    layout: &PanelLayout,
    panels: &[u8],
    rows: usize,
    input: TileInput<'_>,
    tile: &mut [Lanes],
) {
    for (panel, tile) in panels.chunks(layout.panel_bytes).zip(tile.chunks_mut(rows)) {
        match input {
            TileInput::Dense(x) => dense_panel(layout, panel, x, tile),
            TileInput::Quantized(x) => quantized_panel(layout, panel, x, tile),
        }
    }
}

fn dense_panel(layout: &PanelLayout, panel: &[u8], x: &[f32], tile: &mut [Lanes]) {
    tile.fill([0.0; PANEL_ROWS]);
    for col in 0..layout.cols {
        let weights: Lanes = std::array::from_fn(|lane| layout.read_plain(panel, lane, col));
        for (acc, x) in tile.iter_mut().zip(x.chunks_exact(layout.cols)) {
            for (acc, weight) in acc.iter_mut().zip(weights) {
                *acc = x[col].mul_add(weight, *acc);
            }
        }
    }
}

fn quantized_panel(layout: &PanelLayout, panel: &[u8], x: &[QuantizedBlock], tile: &mut [Lanes]) {
    tile.fill([0.0; PANEL_ROWS]);
    for block_idx in 0..layout.num_blocks() {
        for lane in 0..PANEL_ROWS {
            let block = layout.read_block(panel, lane, block_idx);
            let coefficients = block.coefficients(layout.dtype);
            for (acc, x) in tile.iter_mut().zip(x.chunks_exact(layout.num_blocks())) {
                acc[lane] =
                    add_block(layout.dtype, &block, &coefficients, &x[block_idx], acc[lane]);
            }
        }
    }
}

fn add_block(
    dtype: DType,
    block: &Block,
    coefficients: &Coefficients,
    x: &QuantizedBlock,
    mut acc: f32,
) -> f32 {
    let dots = half_dots(block, x, code_offset(dtype));
    let Coefficients { scale, min } = coefficients;
    if dtype == DType::Q6_K {
        acc = (dots[0] as f32).mul_add(scale[0] * x.scale, acc);
        acc = (dots[1] as f32).mul_add(scale[1] * x.scale, acc);
    } else {
        acc = ((dots[0] + dots[1]) as f32).mul_add(scale[0] * x.scale, acc);
    }
    if has_min(dtype) { min.mul_add(x.scaled_sum, acc) } else { acc }
}

fn half_dots(block: &Block, x: &QuantizedBlock, offset: i32) -> [i32; 2] {
    let mut dots = [0; 2];
    for (i, (&code, &x)) in block.codes.iter().zip(&x.codes).enumerate() {
        dots[i / 16] += (i32::from(code) - offset) * i32::from(x);
    }
    dots
}
