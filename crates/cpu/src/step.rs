//! The current step's metadata, copied into vectors that keep their memory, and its split into
//! attention tiles.

use types::{SampleRow, StepInput, TokenId};

use backend::StepLimits;

/// Query rows of a tile: enough to share each key and value load, few enough for the cache.
const TILE_ROWS: usize = 32;

/// Consecutive new tokens of one sequence, attended together.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Tile {
    pub(crate) seq: u32,
    /// Index of the first token in the step.
    pub(crate) first_token: u32,
    pub(crate) num_tokens: u32,
}

/// The step between two calls of `begin_step`.
#[derive(Debug)]
pub(crate) struct StepState {
    pub(crate) token_ids: Vec<TokenId>,
    pub(crate) positions: Vec<u32>,
    pub(crate) slots: Vec<u32>,
    block_tables: Vec<u32>,
    block_table_start: Vec<u32>,
    pub(crate) logits_indices: Vec<u32>,
    pub(crate) sample: Vec<SampleRow>,
    pub(crate) tiles: Vec<Tile>,
    tile_tokens: usize,
    /// The largest block id of any table or slot, to be checked against the cache.
    pub(crate) max_block: u32,
    /// The largest position, to be checked against the rotation table.
    pub(crate) max_position: u32,
}

struct Capacities {
    tokens: usize,
    seqs: usize,
    blocks: usize,
    tiles: usize,
}

impl Capacities {
    fn new(limits: &StepLimits) -> Self {
        let blocks_per_seq = limits.max_model_len.div_ceil(limits.block_size);
        let tokens = limits.max_num_batched_tokens;
        Self {
            tokens,
            seqs: limits.max_num_seqs,
            blocks: limits.max_num_seqs * blocks_per_seq,
            tiles: tokens.div_ceil(tile_tokens(limits)) + limits.max_num_seqs,
        }
    }
}

/// Tokens per tile for a model's group of query heads.
pub(crate) fn tile_tokens(limits: &StepLimits) -> usize {
    (TILE_ROWS / (limits.num_heads / limits.num_kv_heads)).max(1)
}

impl StepState {
    pub(crate) fn new(limits: &StepLimits) -> Self {
        let size = Capacities::new(limits);
        Self {
            token_ids: Vec::with_capacity(size.tokens),
            positions: Vec::with_capacity(size.tokens),
            slots: Vec::with_capacity(size.tokens),
            block_tables: Vec::with_capacity(size.blocks),
            block_table_start: Vec::with_capacity(size.seqs + 1),
            logits_indices: Vec::with_capacity(size.seqs),
            sample: Vec::with_capacity(size.seqs),
            tiles: Vec::with_capacity(size.tiles),
            tile_tokens: tile_tokens(limits),
            max_block: 0,
            max_position: 0,
        }
    }

    pub(crate) fn bytes(limits: &StepLimits) -> usize {
        let size = Capacities::new(limits);
        // Per token: id, position, slot. Per sequence: table start and logits index.
        let words = 3 * size.tokens + size.blocks + 2 * size.seqs + 1;
        words * size_of::<u32>()
            + size.seqs * size_of::<SampleRow>()
            + size.tiles * size_of::<Tile>()
    }

    pub(crate) fn allocated_bytes(&self) -> usize {
        let words = self.token_ids.capacity()
            + self.positions.capacity()
            + self.slots.capacity()
            + self.block_tables.capacity()
            + self.block_table_start.capacity()
            + self.logits_indices.capacity();
        words * size_of::<u32>()
            + self.sample.capacity() * size_of::<SampleRow>()
            + self.tiles.capacity() * size_of::<Tile>()
    }

    /// Takes over the metadata. The engine guarantees its shape; see [`StepInput`].
    pub(crate) fn set(&mut self, input: &StepInput, block_size: usize) {
        debug_assert_eq!(input.query_start_loc.len(), input.num_seqs() + 1);
        debug_assert_eq!(input.block_table_start.len(), input.num_seqs() + 1);
        // Logits may be computed without sampling from them, as tests do.
        debug_assert!(input.sample.is_empty() || input.sample.len() == input.logits_indices.len());
        copy(&mut self.token_ids, &input.token_ids);
        copy(&mut self.positions, &input.positions);
        copy(&mut self.slots, &input.slot_mapping);
        copy(&mut self.block_tables, &input.block_tables);
        copy(&mut self.block_table_start, &input.block_table_start);
        copy(&mut self.logits_indices, &input.logits_indices);
        self.sample.clear();
        self.sample.extend_from_slice(&input.sample);
        let max_slot = self.slots.iter().copied().max().unwrap_or(0);
        let max_of_tables = self.block_tables.iter().copied().max().unwrap_or(0);
        self.max_block = max_of_tables.max(max_slot / block_size as u32);
        self.max_position = self.positions.iter().copied().max().unwrap_or(0);
        self.cut_tiles(&input.query_start_loc);
    }

    fn cut_tiles(&mut self, query_start_loc: &[u32]) {
        self.tiles.clear();
        for (seq, bounds) in query_start_loc.windows(2).enumerate() {
            for first in (bounds[0]..bounds[1]).step_by(self.tile_tokens) {
                let num_tokens = (bounds[1] - first).min(self.tile_tokens as u32);
                self.tiles.push(Tile { seq: seq as u32, first_token: first, num_tokens });
            }
        }
    }

    /// The sequence's blocks in order.
    pub(crate) fn block_table(&self, seq: u32) -> &[u32] {
        let bounds = &self.block_table_start[seq as usize..][..2];
        &self.block_tables[bounds[0] as usize..bounds[1] as usize]
    }
}

fn copy(to: &mut Vec<u32>, from: &[u32]) {
    to.clear();
    to.extend_from_slice(from);
}

#[cfg(test)]
mod tests {
    use super::*;

    const LIMITS: StepLimits = StepLimits {
        max_num_seqs: 3,
        max_num_batched_tokens: 50,
        max_model_len: 100,
        vocab_size: 10,
        max_linear_cols: 8,
        num_heads: 6,
        num_kv_heads: 2,
        head_dim: 8,
        block_size: 16,
    };

    #[test]
    fn tiles_cover_each_sequence() {
        let mut step = StepState::new(&LIMITS);
        let input = StepInput {
            token_ids: vec![0; 24],
            query_start_loc: vec![0, 1, 23, 24],
            seq_lens: vec![1, 22, 1],
            block_table_start: vec![0, 1, 3, 4],
            block_tables: vec![4, 1, 9, 2],
            ..Default::default()
        };
        step.set(&input, 16);
        let tile = |seq, first_token, num_tokens| Tile { seq, first_token, num_tokens };
        let expect =
            [tile(0, 0, 1), tile(1, 1, 10), tile(1, 11, 10), tile(1, 21, 2), tile(2, 23, 1)];
        assert_eq!(step.tiles, expect);
        assert_eq!(step.block_table(1), [1, 9]);
        assert_eq!(step.max_block, 9);
    }

    #[test]
    fn the_largest_step_fits_what_was_planned() {
        let mut step = StepState::new(&LIMITS);
        assert_eq!(step.allocated_bytes(), StepState::bytes(&LIMITS));
        let input = StepInput {
            token_ids: vec![0; 50],
            positions: vec![0; 50],
            slot_mapping: vec![0; 50],
            query_start_loc: vec![0, 1, 2, 50],
            seq_lens: vec![100; 3],
            block_table_start: vec![0, 7, 14, 21],
            block_tables: vec![0; 21],
            logits_indices: vec![0; 3],
            sample: vec![SampleRow { slot: types::SamplerSlot(0), num_output: 0 }; 3],
            admitted: Vec::new(),
            deferred: Vec::new(),
        };
        step.set(&input, 16);
        assert_eq!(step.allocated_bytes(), StepState::bytes(&LIMITS));
    }
}
