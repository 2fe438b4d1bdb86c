//! The paged KV cache's layout as the tests know it, written from its definition and not from the
//! kernels' arithmetic: `[block][kv head][d / 32][64 lanes][8]` for keys and values, in FP8
//! `[block][kv head][d / 64][64 lanes][2][8]` with a last `[64 lanes][8]` if the chunks are odd.

/// Tokens of a block.
pub const BLOCK_SIZE: usize = 16;

/// How the cache stores its numbers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CacheType {
    /// In the activations' 16 bits.
    Plain,
    /// FP8 e4m3 FNUZ.
    Fp8,
}

impl CacheType {
    /// Each of them.
    pub const ALL: [Self; 2] = [Self::Plain, Self::Fp8];

    /// Bytes of an element.
    pub fn bytes(self) -> usize {
        match self {
            Self::Plain => 2,
            Self::Fp8 => 1,
        }
    }

    /// What kernels of this cache are called between operation and head size.
    pub fn infix(self) -> &'static str {
        match self {
            Self::Plain => "",
            Self::Fp8 => "fp8_",
        }
    }
}

/// Shape of one layer's keys, or values.
#[derive(Clone, Copy, Debug)]
pub struct CacheShape {
    /// KV heads.
    pub num_kv_heads: usize,
    /// Elements of a head, before padding.
    pub head_dim: usize,
    /// Blocks.
    pub num_blocks: usize,
    /// Storage.
    pub cache_type: CacheType,
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

    /// Where in a head's part of a block the 8 elements of a lane start.
    fn piece(&self, chunk: usize, lane: usize) -> usize {
        let num_chunks = self.padded() / 32;
        match self.cache_type {
            CacheType::Plain => (chunk * 64 + lane) * 8,
            CacheType::Fp8 if chunk == num_chunks - 1 && num_chunks % 2 == 1 => {
                (chunk * 64 + lane) * 8
            }
            CacheType::Fp8 => chunk / 2 * 1024 + lane * 16 + chunk % 2 * 8,
        }
    }

    /// Index of element `d` of a slot's key.
    pub fn key(&self, slot: usize, kv_head: usize, d: usize) -> usize {
        let lane = d % 32 / 8 * 16 + slot % BLOCK_SIZE;
        self.head_start(slot, kv_head) + self.piece(d / 32, lane) + d % 8
    }

    /// Index of element `d` of a slot's value.
    pub fn value(&self, slot: usize, kv_head: usize, d: usize) -> usize {
        let token = slot % BLOCK_SIZE;
        let lane = token / 4 * 16 + d % 16;
        let element = d / 16 % 2 * 4 + token % 4;
        self.head_start(slot, kv_head) + self.piece(d / 32, lane) + element
    }
}
