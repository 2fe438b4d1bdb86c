//! The paged KV cache in memory: one allocation for all layers, written slot by slot.
//!
//! Layout `[layer][block][kv_head][keys | values]`: inside a head's part of a block the keys are
//! `[head_dim][block_size]`, so that vector lanes run along tokens when scores are computed, and
//! the values are `[block_size][head_dim]`, so that lanes run along the output. Never knows which
//! sequence a block belongs to. Called by the device's `rope_and_cache` and `paged_attention`.

use backend::{DeviceError, KvDType, KvLayout, KvScales};

use crate::aligned::AlignedVec;
use crate::isa::Isa;
use crate::ops::element::{BfloatElement, Fp8Element, HalfElement, KvElement, SingleElement};
use crate::par::SharedRows;
use crate::pool::Pool;

/// Smallest block.
pub const MIN_BLOCK_SIZE: usize = 8;
/// Largest block.
pub const MAX_BLOCK_SIZE: usize = 128;
/// Elements converted at a time while a token is written.
const WRITE_CHUNK: usize = 64;

/// The KV cache of all layers.
#[derive(Debug)]
pub struct CpuKvCache {
    layout: KvLayout,
    storage: Storage,
    /// By layer; empty for 1 everywhere.
    scales: Vec<KvScales>,
}

#[derive(Debug)]
enum Storage {
    Single(AlignedVec<f32>),
    Half(AlignedVec<u16>),
    Bfloat(AlignedVec<u16>),
    Fp8(AlignedVec<u8>),
}

/// One layer's memory with its element type.
pub(crate) enum LayerView<'a> {
    Single(&'a [f32]),
    Half(&'a [u16]),
    Bfloat(&'a [u16]),
    Fp8(&'a [u8]),
}

/// Keys and values of a step's tokens inside fused QKV rows.
pub(crate) struct NewTokens<'a> {
    /// `[tokens, row_len]`.
    pub(crate) qkv: &'a [f32],
    pub(crate) row_len: usize,
    /// Where in a row the keys of KV head 0 start; the values follow the last head's keys.
    pub(crate) keys_start: usize,
    /// `[tokens]` global slots, all below `num_blocks * block_size`.
    pub(crate) slots: &'a [u32],
}

fn num_elements(layout: &KvLayout) -> usize {
    [layout.num_blocks, layout.block_size, layout.num_kv_heads, layout.head_dim]
        .iter()
        .fold(2 * layout.num_layers, |product, size| product.saturating_mul(*size))
}

impl CpuKvCache {
    pub(crate) fn bytes(layout: &KvLayout) -> usize {
        match layout.dtype {
            KvDType::F32 => AlignedVec::<f32>::bytes(num_elements(layout)),
            KvDType::F16 | KvDType::BF16 => AlignedVec::<u16>::bytes(num_elements(layout)),
            KvDType::Fp8 => AlignedVec::<u8>::bytes(num_elements(layout)),
        }
    }

    pub(crate) fn new(
        device: &str,
        layout: &KvLayout,
        scales: &[KvScales],
    ) -> Result<Self, DeviceError> {
        let range = MIN_BLOCK_SIZE..=MAX_BLOCK_SIZE;
        if !range.contains(&layout.block_size) || !layout.block_size.is_multiple_of(8) {
            return Err(DeviceError::Unsupported {
                device: device.to_owned(),
                what: format!(
                    "a KV block size of {}; use a multiple of 8 from {MIN_BLOCK_SIZE} to \
                     {MAX_BLOCK_SIZE}",
                    layout.block_size
                ),
            });
        }
        let (what, len) = ("the KV cache", num_elements(layout));
        let storage = match layout.dtype {
            KvDType::F32 => Storage::Single(AlignedVec::zeroed(device, what, len)?),
            KvDType::F16 => Storage::Half(AlignedVec::zeroed(device, what, len)?),
            KvDType::BF16 => Storage::Bfloat(AlignedVec::zeroed(device, what, len)?),
            KvDType::Fp8 => Storage::Fp8(AlignedVec::zeroed(device, what, len)?),
        };
        Ok(Self { layout: *layout, storage, scales: scales.to_vec() })
    }

    /// Shape and element type.
    pub fn layout(&self) -> &KvLayout {
        &self.layout
    }

    /// What is allocated.
    pub fn allocated_bytes(&self) -> usize {
        match &self.storage {
            Storage::Single(memory) => memory.allocated_bytes(),
            Storage::Half(memory) | Storage::Bfloat(memory) => memory.allocated_bytes(),
            Storage::Fp8(memory) => memory.allocated_bytes(),
        }
    }

    /// What multiplies a layer's stored numbers.
    pub(crate) fn scales(&self, layer: usize) -> KvScales {
        match self.storage {
            Storage::Fp8(_) => self.scales.get(layer).copied().unwrap_or_default(),
            _ => KvScales::default(),
        }
    }

    /// Elements of one head's part of a block.
    pub(crate) fn head_len(&self) -> usize {
        2 * self.layout.head_dim * self.layout.block_size
    }

    fn layer_range(&self, layer: usize) -> std::ops::Range<usize> {
        let len = self.layout.num_blocks * self.layout.num_kv_heads * self.head_len();
        layer * len..(layer + 1) * len
    }

    pub(crate) fn layer(&self, layer: usize) -> LayerView<'_> {
        let range = self.layer_range(layer);
        match &self.storage {
            Storage::Single(memory) => LayerView::Single(&memory[range]),
            Storage::Half(memory) => LayerView::Half(&memory[range]),
            Storage::Bfloat(memory) => LayerView::Bfloat(&memory[range]),
            Storage::Fp8(memory) => LayerView::Fp8(&memory[range]),
        }
    }

    /// Writes keys and values of new tokens into their slots of `layer`. The KV heads go to
    /// different tasks; their parts of memory are apart whatever the slots are.
    pub(crate) fn write(&mut self, pool: &Pool, isa: Isa, layer: usize, new: &NewTokens<'_>) {
        let range = self.layer_range(layer);
        let (layout, KvScales { key, value }) = (self.layout, self.scales(layer));
        let rest = Rest { pool, isa, layout: &layout, new, factors: (1.0 / key, 1.0 / value) };
        match &mut self.storage {
            Storage::Single(memory) => write::<SingleElement>(&mut memory[range], &rest),
            Storage::Half(memory) => write::<HalfElement>(&mut memory[range], &rest),
            Storage::Bfloat(memory) => write::<BfloatElement>(&mut memory[range], &rest),
            Storage::Fp8(memory) => write::<Fp8Element>(&mut memory[range], &rest),
        }
    }
}

/// What a write needs beyond the layer's memory.
struct Rest<'a> {
    pool: &'a Pool,
    isa: Isa,
    layout: &'a KvLayout,
    new: &'a NewTokens<'a>,
    /// What multiplies keys and values.
    factors: (f32, f32),
}

fn write<E: KvElement>(layer: &mut [E::Stored], rest: &Rest<'_>) {
    /// Fewer tokens than this are written by the calling thread alone.
    const MIN_TOKENS_FOR_POOL: usize = 32;
    let Rest { pool, isa, layout, new, factors } = *rest;
    let (block_size, head_dim) = (layout.block_size, layout.head_dim);
    let (num_kv_heads, head_len) = (layout.num_kv_heads, 2 * head_dim * block_size);
    let shared = SharedRows::new(layer);
    let write_head = |head: usize| {
        for (qkv, &slot) in new.qkv.chunks_exact(new.row_len).zip(new.slots) {
            let (block, offset) = (slot as usize / block_size, slot as usize % block_size);
            let start = (block * num_kv_heads + head) * head_len;
            // SAFETY: the segment belongs to one KV head, and only one task has that head; the
            // task drops a segment before it takes the next.
            let part = unsafe { shared.segment(start, head_len) };
            let key_at = new.keys_start + head * head_dim;
            let key = &qkv[key_at..key_at + head_dim];
            let value = &qkv[key_at + num_kv_heads * head_dim..][..head_dim];
            let (keys, values) = part.split_at_mut(head_dim * block_size);
            encode::<E>(isa, key, factors.0, |at, run| {
                // Keys are transposed: element `i` goes to `keys[i * block_size]`.
                let places = keys[at * block_size + offset..].iter_mut().step_by(block_size);
                places.zip(run).for_each(|(place, element)| *place = *element);
            });
            let values = &mut values[offset * head_dim..][..head_dim];
            encode::<E>(isa, value, factors.1, |at, run| {
                values[at..at + run.len()].copy_from_slice(run);
            });
        }
    };
    if new.slots.len() < MIN_TOKENS_FOR_POOL {
        (0..num_kv_heads).for_each(write_head);
    } else {
        pool.run(num_kv_heads, &|head, _| write_head(head));
    }
}

/// Narrows a row times `factor`, a run at a time: `put` is told where a run starts.
fn encode<E: KvElement>(
    isa: Isa,
    row: &[f32],
    factor: f32,
    mut put: impl FnMut(usize, &[E::Stored]),
) {
    let (mut scaled, mut encoded) = ([0.0; WRITE_CHUNK], [E::Stored::default(); WRITE_CHUNK]);
    for (idx, run) in row.chunks(WRITE_CHUNK).enumerate() {
        let (scaled, encoded) = (&mut scaled[..run.len()], &mut encoded[..run.len()]);
        scaled.iter_mut().zip(run).for_each(|(scaled, value)| *scaled = value * factor);
        E::encode_row(isa, scaled, encoded);
        put(idx * WRITE_CHUNK, encoded);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ops::testing::noise;

    fn layout(dtype: KvDType) -> KvLayout {
        KvLayout {
            num_layers: 2,
            num_blocks: 5,
            block_size: 8,
            num_kv_heads: 3,
            head_dim: 72,
            dtype,
        }
    }

    #[test]
    fn size_is_what_is_allocated() {
        for dtype in [KvDType::F32, KvDType::F16, KvDType::BF16, KvDType::Fp8] {
            let cache = CpuKvCache::new("cpu", &layout(dtype), &[]).unwrap();
            assert_eq!(cache.allocated_bytes(), CpuKvCache::bytes(&layout(dtype)));
            assert_eq!(cache.allocated_bytes() - 64, 5 * layout(dtype).block_bytes());
        }
    }

    #[test]
    fn odd_block_sizes_are_refused() {
        for block_size in [0, 4, 12, 136] {
            let layout = KvLayout { block_size, ..layout(KvDType::F32) };
            let error = CpuKvCache::new("cpu", &layout, &[]).unwrap_err();
            assert!(error.to_string().contains("multiple of 8"), "{error}");
        }
    }

    #[test]
    fn tokens_land_in_their_slots_only() {
        for threads in [1, 3] {
            let pool = Pool::new(threads).unwrap();
            let mut cache = CpuKvCache::new("cpu", &layout(KvDType::F32), &[]).unwrap();
            // Queries of 2 heads, then 3 keys, then 3 values; 33 tokens so that the pool is used.
            let (row_len, keys_start) = ((2 + 6) * 72, 2 * 72);
            let slots: Vec<u32> = (0..33).map(|i| i * 7 % 40).collect();
            let qkv = noise(33 * row_len, 1);
            let new = NewTokens { qkv: &qkv, row_len, keys_start, slots: &slots };
            cache.write(&pool, Isa::detect(), 1, &new);
            let (LayerView::Single(first), LayerView::Single(second)) =
                (cache.layer(0), cache.layer(1))
            else {
                panic!("an f32 cache gives f32 views")
            };
            assert!(first.iter().all(|v| *v == 0.0));
            for (token, &slot) in slots.iter().enumerate() {
                let (block, offset) = (slot as usize / 8, slot as usize % 8);
                for head in 0..3 {
                    let part = &second[(block * 3 + head) * 2 * 72 * 8..][..2 * 72 * 8];
                    for i in 0..72 {
                        let key = qkv[token * row_len + keys_start + head * 72 + i];
                        let value = qkv[token * row_len + keys_start + (3 + head) * 72 + i];
                        assert_eq!(part[i * 8 + offset], key);
                        assert_eq!(part[72 * 8 + offset * 72 + i], value);
                    }
                }
            }
            assert_eq!(second.iter().filter(|v| **v != 0.0).count(), 33 * 2 * 3 * 72);
        }
    }
}
