//! What `backend`'s traits hand out: activation and logits buffers, the paged KV cache; their sizes
//! and strides.

use backend::{BufferKind, KvDType, KvLayout, KvScales};

use crate::runtime::DeviceMemory;
use crate::sample::logits_stride;

/// Tokens of a KV block; the kernels' tiles are made of it.
pub(crate) const BLOCK_SIZE: usize = 16;

/// A `[rows, cols]` matrix: activations, or f32 logits with padded rows.
pub struct HipBuffer {
    pub(crate) memory: DeviceMemory,
    pub(crate) kind: BufferKind,
    pub(crate) rows: usize,
    pub(crate) cols: usize,
}

/// The paged KV cache, bf16 or FP8 in fragments (`kernels/kv_layout.h`): per layer keys, then values.
pub struct HipKvCache {
    pub(crate) memory: DeviceMemory,
    pub(crate) layout: KvLayout,
    /// By layer; empty for 1 everywhere.
    pub(crate) scales: Vec<KvScales>,
}

impl HipKvCache {
    /// Bytes from a block to the next.
    pub(crate) fn block_stride(&self) -> usize {
        let KvLayout { num_kv_heads, head_dim, dtype, .. } = self.layout;
        num_kv_heads * padded_head(head_dim) * BLOCK_SIZE * dtype.bytes()
    }

    /// Whether the FP8 kernels are to be used.
    pub(crate) fn is_fp8(&self) -> bool {
        self.layout.dtype == KvDType::Fp8
    }

    /// What multiplies a layer's stored numbers: 1 unless they are FP8.
    pub(crate) fn scales(&self, layer: usize) -> KvScales {
        self.scales.get(layer).copied().filter(|_| self.is_fp8()).unwrap_or_default()
    }

    /// Addresses of block 0's keys and values of a layer.
    pub(crate) fn layer(&self, layer: usize) -> (u64, u64) {
        let half = self.layout.num_blocks * self.block_stride();
        let keys = self.memory.address() + (2 * layer * half) as u64;
        (keys, keys + half as u64)
    }
}

/// `head_dim` as the cache pads it.
pub(crate) fn padded_head(head_dim: usize) -> usize {
    head_dim.next_multiple_of(32)
}

impl HipBuffer {
    /// Elements from a row to the next.
    pub(crate) fn stride(&self) -> usize {
        match self.kind {
            BufferKind::Activation | BufferKind::Scratch => self.cols,
            BufferKind::Logits => logits_stride(self.cols),
        }
    }

    pub(crate) fn element_bytes(&self) -> usize {
        element_bytes(self.kind)
    }
}

/// Bytes of a buffer of `rows` times `cols`, whose rows of logits are padded.
pub(crate) fn buffer_bytes(kind: BufferKind, rows: usize, cols: usize) -> usize {
    let stride = if kind == BufferKind::Logits { logits_stride(cols) } else { cols };
    rows.saturating_mul(stride).saturating_mul(element_bytes(kind))
}

/// Bytes of a cache, padding of heads and blocks included.
pub(crate) fn kv_cache_bytes(layout: &KvLayout) -> usize {
    let padded = KvLayout {
        head_dim: padded_head(layout.head_dim),
        block_size: layout.block_size.next_multiple_of(BLOCK_SIZE),
        ..*layout
    };
    padded.block_bytes() * layout.num_blocks
}

fn element_bytes(kind: BufferKind) -> usize {
    match kind {
        BufferKind::Activation => 2,
        BufferKind::Logits => 4,
        // The operations that would need it are one kernel each.
        BufferKind::Scratch => 0,
    }
}
