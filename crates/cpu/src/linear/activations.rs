//! Activations quantised to int8, the left operand of the quantised kernels.
//!
//! Each block of 32 becomes `x = scale * code` with `scale = max|x| / 127` and codes rounded to
//! nearest, ties to even. A block with a NaN or an infinity gets a NaN scale, so that the outputs
//! show it; a block too small to matter (below [`FLUSH_BELOW`]) becomes zero.
//!
//! Plain Rust, compiled once per instruction set by the kernel files: there is one definition and
//! no second version to keep equal. Done once per linear call, before the output tasks start.

use super::kernels;
use crate::{isa::Isa, pool::Pool};
use backend::block::BLOCK_LEN;

/// `Q6_K` weights have a scale per half block.
const HALF: usize = BLOCK_LEN / 2;
/// Blocks whose largest magnitude is below this are taken as zero, so that `127 / max` is finite.
const FLUSH_BELOW: f32 = 1e-30;
/// Adding this to a number of magnitude below 2^22 rounds it to an integer, ties to even, and
/// leaves that integer in the low bits of the representation.
const ROUND_MAGIC: f32 = 12_582_912.0;
/// Blocks that one task quantises: about 2 us, twice the cost of a parallel region.
const BLOCKS_PER_TASK: usize = 128;

/// 32 quantised activations and what the kernels need to know of them.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
#[repr(C)]
pub(super) struct QuantizedBlock {
    pub(super) codes: [i8; BLOCK_LEN],
    /// `x = scale * code`.
    pub(super) scale: f32,
    /// `scale * (sum of codes)`, multiplied with a weight's minimum.
    pub(super) scaled_sum: f32,
    /// Minus the sum of codes; times a weight format's offset it starts the dot product.
    pub(super) neg_sum: i32,
    /// The same for the first and the second half.
    pub(super) neg_half_sums: [i32; 2],
}

/// Quantises whole blocks. Inlined into a wrapper per instruction set, which gives the compiler
/// its vector width; the result does not depend on it.
#[inline(always)]
pub(super) fn quantize_blocks(x: &[[f32; BLOCK_LEN]], out: &mut [QuantizedBlock]) {
    for (x, out) in x.iter().zip(out) {
        quantize_block(x, out);
    }
}

#[inline(always)]
fn quantize_block(x: &[f32; BLOCK_LEN], out: &mut QuantizedBlock) {
    // As integers, magnitudes order like the floats they are, and NaN is above infinity.
    let max_bits = x.iter().fold(0, |max, x| (x.to_bits() & 0x7fff_ffff).max(max));
    let max = f32::from_bits(max_bits);
    if !(FLUSH_BELOW..=f32::MAX).contains(&max) {
        let scale = if max.is_finite() { 0.0 } else { f32::NAN };
        *out = QuantizedBlock { scale, scaled_sum: scale, ..QuantizedBlock::default() };
        return;
    }
    let inverse = 127.0 / max;
    let mut half_sums = [0; 2];
    let halves = x.as_chunks::<HALF>().0.iter().zip(out.codes.as_chunks_mut::<HALF>().0);
    for ((x, codes), sum) in halves.zip(&mut half_sums) {
        for (x, out) in x.iter().zip(codes) {
            let rounded = (x * inverse + ROUND_MAGIC).to_bits();
            let code = rounded.wrapping_sub(ROUND_MAGIC.to_bits()).cast_signed();
            *out = code as i8;
            *sum += code;
        }
    }
    let sum = half_sums[0] + half_sums[1];
    out.scale = max / 127.0;
    out.scaled_sum = out.scale * sum as f32;
    out.neg_sum = -sum;
    out.neg_half_sums = half_sums.map(|sum| -sum);
}

/// Scratch for one linear call at a time: the quantised activations.
pub struct LinearWorkspace {
    blocks: Vec<QuantizedBlock>,
}

impl LinearWorkspace {
    /// Room for calls of at most `max_rows * max_cols` activations.
    pub fn new(max_rows: usize, max_cols: usize) -> Self {
        Self { blocks: vec![QuantizedBlock::default(); Self::num_blocks(max_rows, max_cols)] }
    }

    /// What [`LinearWorkspace::new`] allocates.
    pub fn bytes(max_rows: usize, max_cols: usize) -> usize {
        Self::num_blocks(max_rows, max_cols) * size_of::<QuantizedBlock>()
    }

    fn num_blocks(max_rows: usize, max_cols: usize) -> usize {
        (max_rows * max_cols).div_ceil(BLOCK_LEN)
    }

    /// Quantises `x`, a whole number of blocks; returns them in the same order.
    ///
    /// # Panics
    /// If `x` is larger than the workspace.
    pub(super) fn quantize(&mut self, pool: &Pool, isa: Isa, x: &[f32]) -> &[QuantizedBlock] {
        let (x, rest) = x.as_chunks::<BLOCK_LEN>();
        assert!(rest.is_empty(), "activations must be whole blocks");
        assert!(
            x.len() <= self.blocks.len(),
            "a linear workspace of {} blocks is too small for {}",
            self.blocks.len(),
            x.len()
        );
        let out = &mut self.blocks[..x.len()];
        pool.for_each_chunk(out, BLOCKS_PER_TASK, |task_idx, out| {
            let first = task_idx * BLOCKS_PER_TASK;
            kernels::quantize_blocks(isa, &x[first..first + out.len()], out);
        });
        out
    }
}
