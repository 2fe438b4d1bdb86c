//! The paged KV cache's layout as the tests know it, written from its definition and not from the
//! kernels' arithmetic: `[block][kv head][d / 32][64 lanes][8]` for keys and values.

/// Tokens of a block.
pub const BLOCK_SIZE: usize = 16;

/// Shape of one layer's keys, or values.
#[derive(Clone, Copy, Debug)]
pub struct CacheShape {
    /// KV heads.
    pub num_kv_heads: usize,
    /// Elements of a head, before padding.
    pub head_dim: usize,
    /// Blocks.
    pub num_blocks: usize,
}

impl CacheShape {
    /// `head_dim` rounded up to whole chunks of 32.
    pub fn padded(&self) -> usize {
        self.head_dim.next_multiple_of(32)
    }

    /// Elements of a block.
    pub fn block_len(&self) -> usize {
        self.num_kv_heads * self.padded() * BLOCK_SIZE
    }

    /// Elements of the layer.
    pub fn len(&self) -> usize {
        self.num_blocks * self.block_len()
    }

    /// True if there is no block.
    pub fn is_empty(&self) -> bool {
        self.num_blocks == 0
    }

    fn head_start(&self, slot: usize, kv_head: usize) -> usize {
        slot / BLOCK_SIZE * self.block_len() + kv_head * self.padded() * BLOCK_SIZE
    }

    /// Index of element `d` of a slot's key.
    pub fn key(&self, slot: usize, kv_head: usize, d: usize) -> usize {
        let lane = d % 32 / 8 * 16 + slot % BLOCK_SIZE;
        self.head_start(slot, kv_head) + (d / 32 * 64 + lane) * 8 + d % 8
    }

    /// Index of element `d` of a slot's value.
    pub fn value(&self, slot: usize, kv_head: usize, d: usize) -> usize {
        let token = slot % BLOCK_SIZE;
        let lane = token / 4 * 16 + d % 16;
        let element = d / 16 % 2 * 4 + token % 4;
        self.head_start(slot, kv_head) + (d / 32 * 64 + lane) * 8 + element
    }
}
