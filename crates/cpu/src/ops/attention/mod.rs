//! Paged attention: which rows, heads and splits are computed by whom, and how splits combine.
//!
//! A sequence is cut at fixed absolute positions into splits of about 256 tokens. Every row takes
//! its splits one by one in order and merges each into its running result (online softmax,
//! arXiv 1805.02867), so a row's bits are the same in decode, in any prefill chunk, in any batch
//! and for any number of threads. Two ways to spread the work give the same bits: with many tiles
//! each task runs a whole tile; with few, long ones the splits of a tile go to different tasks and
//! the calling thread merges them in order.

mod kernel;
mod tiled;
mod workspace;

#[cfg(test)]
mod tests;

use backend::AttentionSpec;

use crate::isa::Isa;
use crate::kv::{CpuKvCache, LayerView};
use crate::par::SharedRows;
use crate::pool::Pool;
use crate::step::{StepState, Tile};

use super::element::{BfloatElement, Fp8Element, HalfElement, KvElement, SingleElement};
use kernel::{PartialMut, SplitJob, Visible, attend_split};
pub(crate) use workspace::AttentionWorkspace;
use workspace::{Partial, TileScratch, lock, split_tokens};

/// Tiles per thread from which whole tiles are dealt out.
const MIN_TILES_PER_THREAD: usize = 4;
/// Splits in flight per thread when tiles are divided.
const SPLITS_PER_THREAD: usize = 8;

/// One layer's attention over a step. The cache holds every block of the step's tables.
pub(crate) struct Attention<'a> {
    pub(crate) pool: &'a Pool,
    pub(crate) isa: Isa,
    pub(crate) step: &'a StepState,
    /// `[tokens, qkv_len]`, queries first.
    pub(crate) qkv: &'a [f32],
    pub(crate) qkv_len: usize,
    pub(crate) cache: &'a CpuKvCache,
    pub(crate) layer: usize,
    pub(crate) spec: AttentionSpec,
}

/// A tile and one of its KV heads.
#[derive(Clone, Copy)]
struct Unit {
    tile: Tile,
    kv_head: usize,
}

impl Attention<'_> {
    /// Writes `[tokens, num_heads * head_dim]`.
    pub(crate) fn run(&self, workspace: &mut AttentionWorkspace, out: &mut [f32]) {
        let num_kv_heads = self.cache.layout().num_kv_heads;
        let num_units = self.step.tiles.len() * num_kv_heads;
        let out = SharedRows::new(out);
        let has_long = self.step.tiles.iter().any(|tile| self.splits(*tile).len() > 1);
        if num_units < MIN_TILES_PER_THREAD * self.pool.num_threads() && has_long {
            return self.run_divided(workspace, num_units, &out);
        }
        let workspace = &*workspace;
        self.pool.run(num_units, &|idx, thread| {
            // Late tiles of a prefill see the most, so they go first.
            let unit = self.unit(num_units - 1 - idx);
            let scratch = &mut *lock(&workspace.threads[thread]);
            self.attend_unit(unit, scratch);
            self.write_out(unit, &scratch.running, &out);
        });
    }

    fn unit(&self, idx: usize) -> Unit {
        let num_kv_heads = self.cache.layout().num_kv_heads;
        Unit { tile: self.step.tiles[idx / num_kv_heads], kv_head: idx % num_kv_heads }
    }

    fn split_tokens(&self) -> usize {
        split_tokens(self.cache.layout().block_size)
    }

    /// Query heads of a KV head.
    fn group(&self) -> usize {
        self.spec.num_heads / self.cache.layout().num_kv_heads
    }

    fn num_rows(&self, tile: Tile) -> usize {
        tile.num_tokens as usize * self.group()
    }

    /// First and one past the last position that a query sees.
    fn sees(&self, token: usize) -> (usize, usize) {
        let end = self.step.positions[token] as usize + 1;
        let window = self.spec.sliding_window.map_or(end, |window| window as usize);
        (end.saturating_sub(window), end)
    }

    /// Splits that any row of a tile sees.
    fn splits(&self, tile: Tile) -> std::ops::Range<usize> {
        let first = tile.first_token as usize;
        let (start, _) = self.sees(first);
        let (_, end) = self.sees(first + tile.num_tokens as usize - 1);
        start / self.split_tokens()..end.div_ceil(self.split_tokens())
    }

    fn attend_unit(&self, unit: Unit, scratch: &mut TileScratch) {
        let num_rows = self.num_rows(unit.tile);
        self.pack_queries(unit, &mut scratch.queries);
        scratch.running.reset(num_rows);
        for split in self.splits(unit.tile) {
            let TileScratch { queries, scores, visible, running, partial } = scratch;
            self.attend(unit, split, queries, scores, visible, partial);
            running.merge(partial, num_rows, self.cache.layout().head_dim);
        }
    }

    /// Tiles whose splits go to different tasks, a bounded number of splits at a time.
    fn run_divided(
        &self,
        workspace: &mut AttentionWorkspace,
        num_units: usize,
        out: &SharedRows<'_, f32>,
    ) {
        let AttentionWorkspace { threads, slots, running, starts } = workspace;
        starts.clear();
        starts.push(0);
        for idx in 0..num_units {
            running[idx].reset(self.num_rows(self.unit(idx).tile));
            starts.push(starts[idx] + self.splits(self.unit(idx).tile).len());
        }
        let (threads, slots, starts) = (&*threads, &*slots, &*starts);
        let find = |job: usize| {
            let idx = starts.partition_point(|start| *start <= job) - 1;
            (idx, self.splits(self.unit(idx).tile).start + job - starts[idx])
        };
        let num_jobs = starts[num_units];
        for first in (0..num_jobs).step_by(slots.len()) {
            let num_slots = slots.len().min(num_jobs - first);
            self.pool.run(num_slots, &|slot, thread| {
                let (idx, split) = find(first + slot);
                let TileScratch { queries, scores, visible, .. } = &mut *lock(&threads[thread]);
                self.pack_queries(self.unit(idx), queries);
                let partial = &mut *lock(&slots[slot]);
                self.attend(self.unit(idx), split, queries, scores, visible, partial);
            });
            for (slot, partial) in slots[..num_slots].iter().enumerate() {
                let (idx, _) = find(first + slot);
                let num_rows = self.num_rows(self.unit(idx).tile);
                running[idx].merge(&lock(partial), num_rows, self.cache.layout().head_dim);
            }
        }
        for (idx, running) in running[..num_units].iter().enumerate() {
            self.write_out(self.unit(idx), running, out);
        }
    }

    /// Copies a unit's queries, scaled: row `token * group + head`.
    fn pack_queries(&self, unit: Unit, queries: &mut [f32]) {
        let (group, head_dim) = (self.group(), self.cache.layout().head_dim);
        let first_head = unit.kv_head * group * head_dim;
        let first_token = unit.tile.first_token as usize;
        let scale = self.spec.scale * self.cache.scales(self.layer).key;
        let rows = queries.chunks_exact_mut(group * head_dim);
        for (i, rows) in rows.take(unit.tile.num_tokens as usize).enumerate() {
            let heads = &self.qkv[(first_token + i) * self.qkv_len + first_head..][..rows.len()];
            for (to, from) in rows.iter_mut().zip(heads) {
                *to = from * scale;
            }
        }
    }

    /// One split's share of a unit.
    fn attend(
        &self,
        unit: Unit,
        split: usize,
        queries: &[f32],
        scores: &mut [f32],
        visible: &mut [Visible],
        partial: &mut Partial,
    ) {
        let num_rows = self.num_rows(unit.tile);
        let visible = &mut visible[..num_rows];
        self.fill_visible(unit.tile, split, visible);
        let layout = self.cache.layout();
        let queries = &queries[..num_rows * layout.head_dim];
        let out = partial.rows(num_rows, layout.head_dim);
        match self.cache.layer(self.layer) {
            LayerView::Single(layer) => {
                self.dispatch::<SingleElement>(layer, unit, split, queries, scores, visible, out);
            }
            LayerView::Half(layer) => {
                self.dispatch::<HalfElement>(layer, unit, split, queries, scores, visible, out);
            }
            LayerView::Bfloat(layer) => {
                self.dispatch::<BfloatElement>(layer, unit, split, queries, scores, visible, out);
            }
            LayerView::Fp8(layer) => {
                self.dispatch::<Fp8Element>(layer, unit, split, queries, scores, visible, out);
            }
        }
    }

    fn dispatch<E: KvElement>(
        &self,
        layer: &[E::Stored],
        unit: Unit,
        split: usize,
        queries: &[f32],
        scores: &mut [f32],
        visible: &[Visible],
        out: PartialMut<'_>,
    ) {
        let layout = self.cache.layout();
        let blocks_per_split = self.split_tokens() / layout.block_size;
        let num_seen = visible.last().map_or(0, |last| last.to).div_ceil(layout.block_size);
        let table = &self.step.block_table(unit.tile.seq)[split * blocks_per_split..];
        let job = SplitJob::<E> {
            layer,
            blocks: &table[..num_seen],
            num_kv_heads: layout.num_kv_heads,
            kv_head: unit.kv_head,
            block_size: layout.block_size,
            head_dim: layout.head_dim,
            queries,
            visible,
            soft_cap: self.spec.soft_cap,
        };
        let stride = workspace::score_stride(layout.block_size);
        attend_split(self.kernel_isa(), &job, scores, stride, out);
    }

    /// The widest lanes that divide blocks and heads.
    fn kernel_isa(&self) -> Isa {
        let layout = self.cache.layout();
        let fits = |lanes| {
            layout.block_size.is_multiple_of(lanes) && layout.head_dim.is_multiple_of(lanes)
        };
        let widest = match (fits(16), fits(8)) {
            (true, _) => Isa::Avx512,
            (false, true) => Isa::Avx2,
            (false, false) => Isa::Scalar,
        };
        self.isa.min(widest)
    }

    fn fill_visible(&self, tile: Tile, split: usize, visible: &mut [Visible]) {
        let (start, len) = (split * self.split_tokens(), self.split_tokens());
        for (i, rows) in visible.chunks_exact_mut(self.group()).enumerate() {
            let (from, to) = self.sees(tile.first_token as usize + i);
            let from = from.saturating_sub(start).min(len);
            let to = to.saturating_sub(start).min(len);
            rows.fill(Visible { from, to });
        }
    }

    fn write_out(&self, unit: Unit, running: &Partial, out: &SharedRows<'_, f32>) {
        let (group, head_dim) = (self.group(), self.cache.layout().head_dim);
        let v_scale = self.cache.scales(self.layer).value;
        for i in 0..unit.tile.num_tokens as usize {
            let token = unit.tile.first_token as usize + i;
            let start = (token * self.spec.num_heads + unit.kv_head * group) * head_dim;
            // SAFETY: the segment is one token's heads of one KV head. A unit is the only one with
            // its tokens and KV head, is written by one task, and takes one segment at a time.
            let heads = unsafe { out.segment(start, group * head_dim) };
            for (g, head) in heads.chunks_exact_mut(head_dim).enumerate() {
                running.normalized(i * group + g, v_scale, head);
            }
        }
    }
}
