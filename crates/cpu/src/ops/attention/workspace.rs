//! Memory for attention, sized once, and the online-softmax merge that it holds the results of.

use std::sync::{Mutex, MutexGuard, PoisonError};

use backend::StepLimits;

use super::kernel::{PartialMut, Visible};
use super::{MIN_TILES_PER_THREAD, SPLITS_PER_THREAD};
use crate::step::tile_tokens;

/// Tokens per split, rounded down to whole blocks.
const SPLIT_TOKENS: usize = 256;
/// Lanes of the widest vectors; rows of scores are whole vectors.
const MAX_LANES: usize = 16;

/// Tokens of a split: fixed by the block size alone, so that boundaries are absolute.
pub(super) fn split_tokens(block_size: usize) -> usize {
    SPLIT_TOKENS / block_size * block_size
}

/// Distance between two rows of scores.
pub(super) fn score_stride(block_size: usize) -> usize {
    split_tokens(block_size).next_multiple_of(MAX_LANES)
}

/// All of attention's memory.
pub(crate) struct AttentionWorkspace {
    /// By thread; each lock is taken by its own thread only and never waited for.
    pub(super) threads: Vec<Mutex<TileScratch>>,
    /// Results of splits in flight; a slot is locked by the task that fills it, then by the merge.
    pub(super) slots: Vec<Mutex<Partial>>,
    /// Running results of divided tiles.
    pub(super) running: Vec<Partial>,
    /// Number of the first job of each divided tile; one more entry ends the last.
    pub(super) starts: Vec<usize>,
}

/// What one thread needs for one tile.
pub(super) struct TileScratch {
    /// `[rows, head_dim]`
    pub(super) queries: Vec<f32>,
    /// `[rows, score_stride]`
    pub(super) scores: Vec<f32>,
    /// `[rows]`
    pub(super) visible: Vec<Visible>,
    pub(super) running: Partial,
    pub(super) partial: Partial,
}

/// Softmax statistics and unnormalised output of some rows; see [`PartialMut`].
pub(super) struct Partial {
    max: Vec<f32>,
    sum: Vec<f32>,
    acc: Vec<f32>,
}

/// Takes a lock that protects plain numbers: after a panic they are only stale.
pub(super) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Rows of the largest tile.
fn max_rows(limits: &StepLimits) -> usize {
    tile_tokens(limits) * (limits.num_heads / limits.num_kv_heads)
}

impl AttentionWorkspace {
    pub(crate) fn new(limits: &StepLimits, num_threads: usize) -> Self {
        let (rows, head_dim) = (max_rows(limits), limits.head_dim);
        let stride = score_stride(limits.block_size);
        let num_units = num_threads * MIN_TILES_PER_THREAD;
        let thread = || Mutex::new(TileScratch::new(rows, head_dim, stride));
        let slot = || Mutex::new(Partial::new(rows, head_dim));
        Self {
            threads: (0..num_threads).map(|_| thread()).collect(),
            slots: (0..num_threads * SPLITS_PER_THREAD).map(|_| slot()).collect(),
            running: (0..num_units).map(|_| Partial::new(rows, head_dim)).collect(),
            starts: Vec::with_capacity(num_units + 1),
        }
    }

    pub(crate) fn bytes(limits: &StepLimits, num_threads: usize) -> usize {
        let (rows, head_dim) = (max_rows(limits), limits.head_dim);
        let scratch = TileScratch::bytes(rows, head_dim, score_stride(limits.block_size));
        let partial = Partial::bytes(rows, head_dim);
        let num_units = num_threads * MIN_TILES_PER_THREAD;
        num_threads * (size_of::<Mutex<TileScratch>>() + scratch)
            + num_threads * SPLITS_PER_THREAD * (size_of::<Mutex<Partial>>() + partial)
            + num_units * (size_of::<Partial>() + partial)
            + (num_units + 1) * size_of::<usize>()
    }

    pub(crate) fn allocated_bytes(&self) -> usize {
        let threads = self.threads.iter().map(|scratch| lock(scratch).allocated_bytes());
        let slots = self.slots.iter().map(|slot| lock(slot).allocated_bytes());
        let running = self.running.iter().map(Partial::allocated_bytes);
        self.threads.capacity() * size_of::<Mutex<TileScratch>>()
            + self.slots.capacity() * size_of::<Mutex<Partial>>()
            + self.running.capacity() * size_of::<Partial>()
            + self.starts.capacity() * size_of::<usize>()
            + threads.chain(slots).chain(running).sum::<usize>()
    }
}

impl TileScratch {
    fn new(rows: usize, head_dim: usize, stride: usize) -> Self {
        Self {
            queries: vec![0.0; rows * head_dim],
            scores: vec![0.0; rows * stride],
            visible: vec![Visible::default(); rows],
            running: Partial::new(rows, head_dim),
            partial: Partial::new(rows, head_dim),
        }
    }

    fn bytes(rows: usize, head_dim: usize, stride: usize) -> usize {
        rows * ((head_dim + stride) * size_of::<f32>() + size_of::<Visible>())
            + 2 * Partial::bytes(rows, head_dim)
    }

    fn allocated_bytes(&self) -> usize {
        (self.queries.capacity() + self.scores.capacity()) * size_of::<f32>()
            + self.visible.capacity() * size_of::<Visible>()
            + self.running.allocated_bytes()
            + self.partial.allocated_bytes()
    }
}

impl Partial {
    fn new(rows: usize, head_dim: usize) -> Self {
        Self { max: vec![0.0; rows], sum: vec![0.0; rows], acc: vec![0.0; rows * head_dim] }
    }

    fn bytes(rows: usize, head_dim: usize) -> usize {
        rows * (head_dim + 2) * size_of::<f32>()
    }

    fn allocated_bytes(&self) -> usize {
        (self.max.capacity() + self.sum.capacity() + self.acc.capacity()) * size_of::<f32>()
    }

    /// Makes the first rows those of an empty sequence.
    pub(super) fn reset(&mut self, num_rows: usize) {
        self.max[..num_rows].fill(f32::NEG_INFINITY);
        self.sum[..num_rows].fill(0.0);
    }

    pub(super) fn rows(&mut self, num_rows: usize, head_dim: usize) -> PartialMut<'_> {
        PartialMut {
            max: &mut self.max[..num_rows],
            sum: &mut self.sum[..num_rows],
            acc: &mut self.acc[..num_rows * head_dim],
        }
    }

    /// Merges the next split's result. A row that saw nothing yet takes it over as it is, and a row
    /// that sees nothing in the split stays as it is, so where a row starts leaves no trace.
    pub(super) fn merge(&mut self, next: &Self, num_rows: usize, head_dim: usize) {
        for row in 0..num_rows {
            let acc = &mut self.acc[row * head_dim..][..head_dim];
            let next_acc = &next.acc[row * head_dim..][..head_dim];
            if next.sum[row] == 0.0 {
                continue;
            }
            if self.sum[row] == 0.0 {
                acc.copy_from_slice(next_acc);
                (self.max[row], self.sum[row]) = (next.max[row], next.sum[row]);
                continue;
            }
            let max = self.max[row].max(next.max[row]);
            let keep = (self.max[row] - max).exp();
            let gain = (next.max[row] - max).exp();
            for (acc, next) in acc.iter_mut().zip(next_acc) {
                *acc = *acc * keep + next * gain;
            }
            self.sum[row] = self.sum[row] * keep + next.sum[row] * gain;
            self.max[row] = max;
        }
    }

    /// Writes a row's attention output; `v_scale` is that of stored values.
    pub(super) fn normalized(&self, row: usize, v_scale: f32, out: &mut [f32]) {
        let factor = 1.0 / self.sum[row] * v_scale;
        let acc = &self.acc[row * out.len()..][..out.len()];
        for (out, acc) in out.iter_mut().zip(acc) {
            *out = acc * factor;
        }
    }
}
