//! Which matrix kernel computes a product, and its grid: by the product's shape alone. The choice
//! moves no bit of the result (`kernels/gemm.h`).
//!
//! Figures are those of the counters' model of an MI300X; not measured on hardware. Called by the
//! layer operations; launches nothing itself.

/// Rows up to which the skinny kernels stream the weights once.
const MAX_SKINNY_ROWS: usize = 64;
/// Under this many work-groups a GPU of 304 CUs is not full.
const FULL_GRID: usize = 304;
/// SIMDs of those CUs: a wave keeps one busy with matrix operations.
const NUM_SIMDS: usize = 1216;
/// Multiply-adds a second of a SIMD, under matrix load.
const SIMD_MULTIPLY_ADDS_PER_S: f64 = 256.0 * 1.2e9;
/// All L2 caches together.
const L2_BYTES_PER_S: f64 = 16_384.0 * 2.1e9;
/// What the mid kernels must gain over the big one in the estimate: below, what it leaves out
/// decides (CUs without an even share, latency).
const MID_GAIN: f64 = 1.5;
/// Bytes of an element.
const ELEMENT: usize = 2;
/// Slices of k, `kernels/gemm.h`.
const SLICES: usize = 8;
/// Columns of k in a fragment.
const FRAGMENT: usize = 32;
/// Fragments of a slice that a wave asks for at once: 8 KB.
const FULL_SLICE: usize = 8;

/// A kernel's place in `Kernels`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum GemmKernel {
    Skinny(usize),
    Mid(usize),
    Big(usize),
}

/// How a product is launched.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct GemmShape {
    pub(crate) kernel: GemmKernel,
    pub(crate) grid: [usize; 3],
    /// Of a work-group.
    pub(crate) num_lanes: u32,
}

/// The launch of `rows` rows of x times a weight of `n` rows and `k` columns.
pub(crate) fn gemm_shape(rows: usize, n: usize, k: usize) -> GemmShape {
    if rows <= MAX_SKINNY_ROWS {
        return skinny(rows, n, k);
    }
    let (big, big_s) = big(rows, n);
    let mids = [(4, 1), (2, 0)].map(|(col_tiles, place)| mid(rows, n, col_tiles, place));
    let (mid, mid_s) = if mids[1].1 < mids[0].1 { mids[1] } else { mids[0] };
    if mid_s * MID_GAIN <= big_s { mid } else { big }
}

/// More column tiles read x less often: the most that leave enough work-groups. Up to 16 rows x is
/// little against the weights and the grid is full. Above, x would be most of what L2 gives, and
/// half the grid still asks for 12 KB in each of 1216 waves, four times what hides the latency of
/// memory. Where slices are short one column tile has less than 8 KB to ask for: half as many waves
/// with twice as much are as good.
fn skinny(rows: usize, n: usize, k: usize) -> GemmShape {
    let is_short = k.div_ceil(FRAGMENT).div_ceil(SLICES) < FULL_SLICE;
    let (least_groups, shapes): (usize, &[_]) = match rows {
        0..=16 if is_short => (FULL_GRID / 2, &[(1, 4, 2), (1, 2, 1), (1, 1, 0)]),
        0..=16 => (FULL_GRID, &[(1, 4, 2), (1, 2, 1), (1, 1, 0)]),
        17..=32 => (FULL_GRID / 2, &[(2, 4, 4), (2, 2, 3)]),
        _ => (FULL_GRID / 2, &[(4, 2, 6), (4, 1, 5)]),
    };
    let (last, wider) = shapes.split_last().expect("no list is empty");
    let fills = |shape: &&(usize, usize, usize)| n.div_ceil(16 * shape.1) >= least_groups;
    let &(row_tiles, col_tiles, place) = wider.iter().find(fills).unwrap_or(last);
    let grid = [n.div_ceil(16 * col_tiles), rows.div_ceil(16 * row_tiles), 1];
    GemmShape { kernel: GemmKernel::Skinny(place), grid, num_lanes: 512 }
}

/// Work-groups of 64 rows by `col_tiles` of 16 columns, whose eight waves are the slices of k, with
/// its time. A load of x uses half of each line.
fn mid(rows: usize, n: usize, col_tiles: usize, place: usize) -> (GemmShape, f64) {
    let cols = 16 * col_tiles;
    let num_groups = rows.div_ceil(64) * n.div_ceil(cols);
    let shape =
        GemmShape { kernel: GemmKernel::Mid(place), grid: [num_groups, 1, 1], num_lanes: 512 };
    (shape, seconds(num_groups, SLICES, 64 * cols, cols + 2 * 64))
}

/// The largest tile that fills the GPU, else 64 rows by 128 columns; with its time. Each wave has 64
/// rows and columns, so that every 64 rows read the weights anew.
fn big(rows: usize, n: usize) -> (GemmShape, f64) {
    let groups = |tile_rows: usize| rows.div_ceil(tile_rows) * n.div_ceil(128);
    let sizes = [(256, 2), (128, 1)];
    let fills = |size: &(usize, usize)| groups(size.0) >= FULL_GRID;
    let (tile_rows, place) = sizes.into_iter().find(fills).unwrap_or((64, 0));
    let num_groups = groups(tile_rows);
    let num_lanes = 2 * tile_rows as u32;
    let shape = GemmShape { kernel: GemmKernel::Big(place), grid: [num_groups, 1, 1], num_lanes };
    let num_waves = tile_rows / 32;
    (shape, seconds(num_groups, num_waves, tile_rows * 128, 2 * tile_rows + tile_rows))
}

/// Time of one column of k: matrix units that have a wave, or L2, whichever is slower.
/// `read_elements`: what a work-group reads of a column, in lines.
fn seconds(num_groups: usize, num_waves: usize, outputs: usize, read_elements: usize) -> f64 {
    let simds = NUM_SIMDS.min(num_groups * num_waves) as f64;
    let matrix = (num_groups * outputs) as f64 / (simds * SIMD_MULTIPLY_ADDS_PER_S);
    let l2 = (num_groups * read_elements * ELEMENT) as f64 / L2_BYTES_PER_S;
    matrix.max(l2)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(rows: usize, n: usize, k: usize, expect: (GemmKernel, usize, usize)) {
        let GemmShape { kernel, grid, .. } = gemm_shape(rows, n, k);
        assert_eq!((kernel, grid[0], grid[1]), expect, "{rows} x {n} x {k}");
    }

    #[test]
    fn wide_weights_read_x_less_often() {
        use GemmKernel::Skinny;
        // Llama-3.1-8B: output, QKV, gate and up.
        check(1, 4096, 4096, (Skinny(0), 256, 1));
        check(1, 6144, 4096, (Skinny(0), 384, 1));
        check(16, 28_672, 4096, (Skinny(2), 448, 1));
        check(17, 4096, 4096, (Skinny(3), 128, 1));
        check(32, 28_672, 4096, (Skinny(4), 448, 1));
        check(64, 4096, 4096, (Skinny(5), 256, 1));
        check(33, 6144, 4096, (Skinny(6), 192, 1));
        // A short k: a rank of Llama-3.1-70B's output.
        check(1, 8192, 1024, (Skinny(1), 256, 1));
        check(1, 8192, 2048, (Skinny(0), 512, 1));
        check(1, 1536, 1536, (Skinny(0), 96, 1));
    }

    #[test]
    fn small_prompts_fill_the_gpu_by_slices_of_k() {
        use GemmKernel::{Big, Mid};
        check(256, 4096, 4096, (Mid(1), 256, 1));
        check(65, 1536, 8960, (Mid(0), 96, 1));
        check(256, 1536, 1536, (Mid(1), 96, 1));
        check(65, 27_000, 264, (Big(0), 422, 1));
        check(130, 19_457, 40, (Big(1), 306, 1));
        check(250, 38_913, 40, (Big(2), 305, 1));
        // There the tiles of the big kernel fill most of it.
        check(1024, 4096, 4096, (Big(0), 512, 1));
        check(2048, 4096, 14_336, (Big(1), 512, 1));
        check(8192, 4096, 4096, (Big(2), 1024, 1));
    }
}
