// attn_decode: attention of one new token of a sequence over its paged keys and values
// (PagedAttention, arXiv 2309.06180; split over the context as in Flash-Decoding).
//
// Formula: `LayerOps::paged_attention`. Layout: q rows inside the fused qkv; caches: kv_layout.h; out
// [num_tokens, num_heads, head_dim]. Kernels attn_decode_d{P} (bf16, bf16 cache) and
// attn_decode_fp8_d{P} (bf16, FP8 cache) by padded head_dim P: 32, 64, 96, 128, 160, 192, 224, 256; a
// head that is not a multiple of 32 has zeros in q's and K's padding.
// Mapping: grid (num_kv_heads * ceil(group / 16), num_segments, num_seqs), one wave each: the query
// heads of a KV head are the 16 columns of the MFMAs, so each key and value is read once for all of
// them. A wave owns 256 tokens at absolute positions (SEGMENT), so that the order of every sum
// depends on the row's own position only. With one segment the output is final; otherwise
// attn_reduce merges. Sequences with other than one new token are left to attn_prefill.
// Bound: memory. A wave keeps two blocks of keys and values in flight, of FP8 four (16 KB at head_dim
// 128): keys of a later tile are asked for as soon as the scores are done, values after P V.
// FP8 is widened in registers, 4 clocks an element pair and 4 a packing: 512 clocks a 32-token tile of
// 8 KB at head_dim 128, of which memory supplies a SIMD one in about 3900 clocks.
// Blocks past the end of the table are read through an empty buffer descriptor: zeros, no traffic.
// Tried: four waves a work-group (no gain without something to share); loads without pin_order,
// which the compiler sinks to their uses; four waves a SIMD at head_dim 128, which spills 36 registers.
#include "attention.h"

struct AttnDecodeParams {
  u64 qkv;                // bf16 [num_tokens, qkv_stride]
  u64 k_cache;            // the layer's block 0
  u64 v_cache;            // the layer's block 0
  u64 block_tables;       // u32, all tables
  u64 block_table_start;  // u32 [num_seqs + 1]
  u64 seq_lens;           // u32 [num_seqs], new token included; 0 is passed over
  u64 query_start_loc;    // u32 [num_seqs + 1]
  u64 out;                // bf16 [num_tokens, num_heads, head_dim]
  u64 partial_out;        // f32 [num_seqs, num_heads, num_segments, padded]
  u64 partial_stats;      // f32 [num_seqs, num_heads, num_segments, 2]: maximum, sum
  u32 qkv_stride;         // elements of a fused row
  u32 num_heads;
  u32 num_kv_heads;
  u32 head_dim;
  u32 block_stride;       // bytes
  u32 num_segments;       // at least ceil(largest seq_len / 256)
  u32 window;             // 0: none
  f32 scale;              // of scores, times the scale of stored keys
  f32 soft_cap;           // 0: none
  f32 v_scale;            // of stored values
};

// All pieces of one KV head in a block.
template <typename Kv, u32 chunks>
INLINE void load_head(__amdgpu_buffer_rsrc_t block, typename Kv::Piece (&to)[chunks]) {
  if constexpr (Kv::CHUNKS_PER_LOAD == 1) {
#pragma unroll
    for (u32 c = 0; c < chunks; ++c) {
      to[c] = __builtin_amdgcn_raw_buffer_load_b128(block, lane_idx() * 16 + c * LOAD_BYTES, 0, 0);
    }
  } else {
#pragma unroll
    for (u32 c = 0; c + 1 < chunks; c += 2) {
      u32x4 both = __builtin_amdgcn_raw_buffer_load_b128(
          block, lane_idx() * 16 + c / 2 * LOAD_BYTES, 0, 0);
      to[c] = low_half(both);
      to[c + 1] = high_half(both);
    }
    if constexpr (chunks % 2 == 1) {
      to[chunks - 1] = __builtin_amdgcn_raw_buffer_load_b64(
          block, lane_idx() * 8 + chunks / 2 * LOAD_BYTES, 0, 0);
    }
  }
}

// Two blocks of one KV head; of nothing where a block is past the table's end.
template <typename Kv, u32 chunks>
INLINE void load_tile(u64 head_base, constant_u32 table, u32 tile_start, u32 num_blocks,
                      u32 block_stride, typename Kv::Piece (&to)[2][chunks]) {
#pragma unroll
  for (u32 b = 0; b < 2; ++b) {
    u32 idx = tile_start / BLOCK_SIZE + b;
    bool inside = idx < num_blocks;
    // Uniform by construction; said so, or each load becomes a loop over the lanes' descriptors.
    u64 base = head_base + (u64)table[inside ? idx : 0] * block_stride;
    base = uniform((u32)base) | (u64)uniform((u32)(base >> 32)) << 32;
    u32 bytes = uniform(inside ? head_bytes<Kv>(chunks * 32) : 0);
    auto rsrc = __builtin_amdgcn_make_buffer_rsrc((void*)base, 0, (i32)bytes, 0x00020000);
    load_head<Kv, chunks>(rsrc, to[b]);
  }
}

template <u32 chunks>
INLINE void store_partial(const AttnDecodeParams& p, u32 seq, u32 head, u32 segment,
                          const Running<chunks>& run) {
  u64 row = ((u64)seq * p.num_heads + head) * p.num_segments + segment;
  u32 group = lane_idx() / 16;
  auto to = at<f32x4>(p.partial_out + row * (chunks * 32 * 4) + group * 16);
#pragma unroll
  for (u32 t = 0; t < 2 * chunks; ++t) to[4 * t] = run.out[t];
  if (group == 0) at<f32x2>(p.partial_stats)[row] = f32x2{run.maximum, run.sum};
}

template <typename E, u32 chunks>
INLINE void store_final(const AttnDecodeParams& p, u32 token, u32 head, const Running<chunks>& run) {
  f32 scale = normalizer(run.sum, p.v_scale);
  u32 d = lane_idx() / 16 * 4;
  auto to = at<u32x2>(p.out + 2ull * (((u64)token * p.num_heads + head) * p.head_dim + d));
#pragma unroll
  for (u32 t = 0; t < 2 * chunks; ++t) {
    // As the merge of segments does: no negative zero.
    f32x4 v = (run.out[t] + 0.0f) * scale;
    u32x2 out = {E::narrowed_pair(v[0], v[1]), E::narrowed_pair(v[2], v[3])};
    if (16 * t + d < p.head_dim) to[4 * t] = out;
  }
}

template <typename Kv, u32 chunks>
INLINE void decode_wave(const AttnDecodeParams& p) {
  typedef typename Kv::Element E;
  // Registers of a block's keys, in fours. Large heads fill them with keys or values alone, which are
  // then in flight in turns; small ones of FP8 leave room for a second tile.
  constexpr u32 size = chunks * Kv::ELEMENT_BYTES;
  constexpr bool both = size <= 8;
  constexpr u32 ahead = Kv::ELEMENT_BYTES == 1 && size <= 4 ? 2 : 1;
  u32 seq = block_idx_z(), segment = block_idx_y();
  u32 length = constant_at(p.seq_lens)[seq];
  u32 token = constant_at(p.query_start_loc)[seq];
  if (length == 0 || constant_at(p.query_start_loc)[seq + 1] != token + 1) return;
  Visible visible = sees(length - 1, p.window);
  if (segment * SEGMENT >= visible.end || (segment + 1) * SEGMENT <= visible.first) return;
  u32 group = p.num_heads / p.num_kv_heads;
  u32 kv_head = block_idx() % p.num_kv_heads, column_tile = block_idx() / p.num_kv_heads;
  u32 head = kv_head * group + column_tile * 16 + lane_idx() % 16, end_head = (kv_head + 1) * group;
  constant_u32 table = constant_at(p.block_tables) + constant_at(p.block_table_start)[seq];
  u32 num_blocks = ceil_div(length, BLOCK_SIZE);
  u64 head_offset = (u64)kv_head * head_bytes<Kv>(chunks * 32);
  u64 k_head = p.k_cache + head_offset, v_head = p.v_cache + head_offset;
  u32 start = max(segment * SEGMENT, visible.first / TILE * TILE);
  u32 end = min((segment + 1) * SEGMENT, visible.end);

  typename Kv::Piece keys[ahead][2][chunks], values[ahead][2][chunks];
  u32x4 queries[chunks];
  u64 row = p.qkv + 2ull * token * p.qkv_stride;
  load_query<chunks>(row, head, head < end_head, p.head_dim, queries);
  // Past the end nothing is asked for.
  u32 nothing = num_blocks * BLOCK_SIZE;
#pragma unroll
  for (u32 i = 0; i < ahead; ++i) {
    u32 tile = i == 0 || start + i * TILE < end ? start + i * TILE : nothing;
    load_tile<Kv, chunks>(k_head, table, tile, num_blocks, p.block_stride, keys[i]);
    if constexpr (both) {
      load_tile<Kv, chunks>(v_head, table, tile, num_blocks, p.block_stride, values[i]);
    }
  }
  pin_order();
  Scoring how = scoring(p.scale, p.soft_cap);
  Running<chunks> run;
  reset(run);
  for (u32 first = start; first < end; first += ahead * TILE) {
#pragma unroll
    for (u32 i = 0; i < ahead; ++i) {
      u32 tile = first + i * TILE;
      if (i > 0 && tile >= end) break;
      f32x4 s[2];
      u32x2 probabilities[2];
      tile_scores<Kv, chunks>(keys[i], queries, s);
      pin_order();
      u32 next = tile + ahead * TILE < end ? tile + ahead * TILE : nothing;
      if constexpr (both) {
        load_tile<Kv, chunks>(k_head, table, next, num_blocks, p.block_stride, keys[i]);
      } else {
        load_tile<Kv, chunks>(v_head, table, tile, num_blocks, p.block_stride, values[i]);
      }
      pin_order();
      bool all_visible = tile >= visible.first && tile + TILE <= visible.end;
      tile_probabilities<E, chunks>(run, s, how, tile, visible, all_visible, probabilities);
      if (tile + TILE > length) {
#pragma unroll
        for (u32 b = 0; b < 2; ++b) {
#pragma unroll
          for (u32 c = 0; c < chunks; ++c) {
            values[i][b][c] = drop_unwritten<Kv>(values[i][b][c], tile + 16 * b, length);
          }
        }
      }
#pragma unroll
      for (u32 b = 0; b < 2; ++b) add_block<Kv, chunks>(run, values[i][b], probabilities[b]);
      pin_order();
      if constexpr (both) {
        load_tile<Kv, chunks>(v_head, table, next, num_blocks, p.block_stride, values[i]);
      } else {
        load_tile<Kv, chunks>(k_head, table, next, num_blocks, p.block_stride, keys[i]);
      }
      pin_order();
    }
  }
  run.sum = column_sum(run.sum);
  if (head >= end_head) return;
  bool only = visible.first / SEGMENT == (visible.end - 1) / SEGMENT;
  if (only) {
    store_final<E, chunks>(p, token, head, run);
  } else {
    store_partial<chunks>(p, seq, head, segment, run);
  }
}

#define DECODE(type, padded, waves, ...)                            \
  KERNEL(64, waves) attn_decode_##type##d##padded(AttnDecodeParams p) { \
    decode_wave<__VA_ARGS__, padded / 32>(p);                        \
  }
DECODE(, 32, 4, Plain<Bf16>)
DECODE(, 64, 4, Plain<Bf16>)
DECODE(, 96, 3, Plain<Bf16>)
DECODE(, 128, 3, Plain<Bf16>)
DECODE(, 160, 2, Plain<Bf16>)
DECODE(, 192, 2, Plain<Bf16>)
DECODE(, 224, 2, Plain<Bf16>)
DECODE(, 256, 2, Plain<Bf16>)
DECODE(f16_, 32, 4, Plain<F16>)
DECODE(f16_, 64, 4, Plain<F16>)
DECODE(f16_, 96, 3, Plain<F16>)
DECODE(f16_, 128, 3, Plain<F16>)
DECODE(f16_, 160, 2, Plain<F16>)
DECODE(f16_, 192, 2, Plain<F16>)
DECODE(f16_, 224, 2, Plain<F16>)
DECODE(f16_, 256, 2, Plain<F16>)
#if HAS_FP8_FNUZ
DECODE(fp8_, 32, 4, Fp8<Bf16>)
DECODE(fp8_, 64, 4, Fp8<Bf16>)
DECODE(fp8_, 96, 3, Fp8<Bf16>)
DECODE(fp8_, 128, 3, Fp8<Bf16>)
DECODE(fp8_, 160, 2, Fp8<Bf16>)
DECODE(fp8_, 192, 2, Fp8<Bf16>)
DECODE(fp8_, 224, 2, Fp8<Bf16>)
DECODE(fp8_, 256, 2, Fp8<Bf16>)
#endif
