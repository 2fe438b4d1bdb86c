//! One linear call: quantise the activations if needed, cut the output into tasks, run them.

use std::ops::Range;

use super::activations::{LinearWorkspace, QuantizedBlock};
use super::kernels::{self, Lanes, MAX_TILE_PANELS, MAX_TILE_ROWS, TileInput};
use super::panel::PANEL_ROWS;
use super::weight::{PackedPart, PackedWeight};
use crate::par::SharedRows;
use crate::pool::Pool;

/// Tasks per thread that a call is cut into if it is large enough: enough to even out threads that
/// are interrupted, few enough that claiming them costs nothing.
const TASKS_PER_THREAD: usize = 4;

/// `out[r] = x[r] * weight^T + bias` for `rows` rows: `x` is `[rows, weight.cols()]`, `out` is
/// `[rows, weight.rows()]`, `bias` has `weight.rows()` elements.
///
/// # Panics
/// If a slice is too short, or `ws` too small for `x` of a quantised weight.
pub fn linear(
    pool: &Pool,
    ws: &mut LinearWorkspace,
    rows: usize,
    x: &[f32],
    weight: &PackedWeight,
    bias: Option<&[f32]>,
    out: &mut [f32],
) {
    assert!(x.len() >= rows * weight.cols(), "x must be [{rows}, {}]", weight.cols());
    assert!(out.len() >= rows * weight.rows(), "out must be [{rows}, {}]", weight.rows());
    assert!(
        bias.is_none_or(|bias| bias.len() == weight.rows()),
        "bias must be [{}]",
        weight.rows()
    );
    if rows == 0 {
        return;
    }
    let x = &x[..rows * weight.cols()];
    let quantized: &[QuantizedBlock] =
        if weight.parts.iter().all(|part| part.layout.dtype.is_plain()) {
            &[]
        } else {
            ws.quantize(pool, weight.isa(), x)
        };
    let call = Call {
        x,
        quantized,
        rows,
        weight,
        bias,
        out: SharedRows::new(out),
        cut: Cut::new(pool.num_threads(), rows, weight),
    };
    pool.run(call.cut.num_tasks(weight), &|task_idx, _| call.run_task(task_idx));
}

/// How a call is cut: each part's panels into strips, the rows into bands.
#[derive(Clone, Copy, Debug)]
struct Cut {
    panels_per_strip: usize,
    rows_per_band: usize,
    num_bands: usize,
}

impl Cut {
    fn new(num_threads: usize, rows: usize, weight: &PackedWeight) -> Self {
        let num_panels: usize = weight.parts.iter().map(PackedPart::num_panels).sum();
        let wanted = TASKS_PER_THREAD * num_threads;
        let panels_per_strip = num_panels.div_ceil(wanted);
        let num_strips = num_panels.div_ceil(panels_per_strip);
        // Too few strips for the threads: cut the rows as well, into whole tiles.
        let num_bands = wanted.div_ceil(num_strips).min(rows.div_ceil(MAX_TILE_ROWS));
        let rows_per_band = rows.div_ceil(num_bands).next_multiple_of(MAX_TILE_ROWS);
        Self { panels_per_strip, rows_per_band, num_bands: rows.div_ceil(rows_per_band) }
    }

    fn num_tasks(&self, weight: &PackedWeight) -> usize {
        weight.parts.iter().map(|part| self.num_strips(part)).sum::<usize>() * self.num_bands
    }

    fn num_strips(&self, part: &PackedPart) -> usize {
        part.num_panels().div_ceil(self.panels_per_strip)
    }

    /// The part, panels and rows of a task. Different tasks never share an output element.
    fn task<'w>(
        &self,
        weight: &'w PackedWeight,
        rows: usize,
        task_idx: usize,
    ) -> (&'w PackedPart, Range<usize>, Range<usize>) {
        let (mut strip_idx, band_idx) = (task_idx / self.num_bands, task_idx % self.num_bands);
        let first_row = band_idx * self.rows_per_band;
        let band = first_row..rows.min(first_row + self.rows_per_band);
        for part in &weight.parts {
            let num_strips = self.num_strips(part);
            if strip_idx < num_strips {
                let first = strip_idx * self.panels_per_strip;
                let panels = first..part.num_panels().min(first + self.panels_per_strip);
                return (part, panels, band);
            }
            strip_idx -= num_strips;
        }
        unreachable!("task {task_idx} is beyond the last strip");
    }
}

struct Call<'a> {
    x: &'a [f32],
    quantized: &'a [QuantizedBlock],
    rows: usize,
    weight: &'a PackedWeight,
    bias: Option<&'a [f32]>,
    out: SharedRows<'a, f32>,
    cut: Cut,
}

impl Call<'_> {
    fn run_task(&self, task_idx: usize) {
        let (part, panels, band) = self.cut.task(self.weight, self.rows, task_idx);
        let shape = kernels::tile_shape(self.weight.isa(), part.layout.dtype, self.rows);
        let mut tile = [[0.0; PANEL_ROWS]; MAX_TILE_ROWS * MAX_TILE_PANELS];
        // Panels outermost: a tile's panels stay in the nearest cache while all rows pass by.
        for first_panel in panels.clone().step_by(shape.panels) {
            let num_panels = shape.panels.min(panels.end - first_panel);
            for first_row in band.clone().step_by(shape.rows) {
                let rows = shape.rows.min(band.end - first_row);
                let tile = &mut tile[..rows * num_panels];
                self.run_tile(part, first_panel, first_row, rows, tile);
            }
        }
    }

    /// Multiplies `rows` rows with `tile.len() / rows` panels; `tile` is overwritten.
    fn run_tile(
        &self,
        part: &PackedPart,
        first_panel: usize,
        first_row: usize,
        rows: usize,
        tile: &mut [Lanes],
    ) {
        let layout = &part.layout;
        let input = if layout.dtype.is_plain() {
            TileInput::Dense(&self.x[first_row * layout.cols..])
        } else {
            TileInput::Quantized(&self.quantized[first_row * layout.num_blocks()..])
        };
        let isa = self.weight.isa();
        kernels::multiply(isa, layout, part.panels_from(first_panel), rows, input, tile);
        for (panel_offset, tile) in tile.chunks(rows).enumerate() {
            self.store(part, first_panel + panel_offset, first_row, tile);
        }
    }

    /// Adds the bias to one panel's outputs and writes those that belong to real rows.
    fn store(&self, part: &PackedPart, panel_idx: usize, first_row: usize, tile: &[Lanes]) {
        let num_lanes = PANEL_ROWS.min(part.rows - panel_idx * PANEL_ROWS);
        let first_col = part.first_row + panel_idx * PANEL_ROWS;
        for (row_offset, lanes) in tile.iter().enumerate() {
            let start = (first_row + row_offset) * self.weight.rows() + first_col;
            // SAFETY: `Cut::task` gives every (panel, row) pair to one task only, and a task
            // visits each of its pairs once.
            let out = unsafe { self.out.segment(start, num_lanes) };
            match (self.bias, <&mut Lanes>::try_from(&mut *out)) {
                // Whole panels are the rule, and a copy of known length is two instructions.
                (None, Ok(out)) => *out = *lanes,
                (None, Err(_)) => out.copy_from_slice(&lanes[..num_lanes]),
                (Some(bias), _) => {
                    for ((out, acc), bias) in out.iter_mut().zip(lanes).zip(&bias[first_col..]) {
                        *out = acc + bias;
                    }
                }
            }
        }
    }
}
