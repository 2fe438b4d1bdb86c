// attn_prefill: causal attention of a sequence's new tokens over its paged keys and values, its
// cached prefix and earlier chunks included.
//
// Formula: `LayerOps::paged_attention`, flash attention (arXiv 2205.14135) over tiles of 32 tokens;
// the order of every sum is attn_decode's (attention.h), so a token's bits are the same in both.
// Layout: as attn_decode. Templates by padded head_dim: 32, 64, 96, 128, 160, 192, 224, 256.
// Mapping: the rows of a (sequence, KV head) are its new tokens times the group's query heads,
// token by token. Grid (num_kv_heads, max_row_tiles, num_seqs): a work-group of 8 waves takes 256
// rows (128 above head_dim 128), a wave 32 (16) of them as columns of the MFMAs; late row tiles,
// which see the most, go first. Tiles that no row of a wave sees are skipped.
// Keys and values go through LDS, two tiles of 32 tokens in turn, in the order in which they lie:
// each wave fetches an eighth of the next tile while it computes on this one; linear reads and
// writes of 16 bytes a lane meet no bank conflict. One barrier a tile.
// Bound: MFMA; 4 * head_dim * query heads * seen pairs useful operations.
// Registers: output of the segment and of the sequence, 64 each at head_dim 128: two waves a SIMD.
#include "attention.h"

struct AttnPrefillParams {
  u64 qkv;                // bf16 [num_tokens, qkv_stride]
  u64 k_cache;            // bf16, the layer's block 0
  u64 v_cache;            // bf16, the layer's block 0
  u64 block_tables;       // u32, all tables
  u64 block_table_start;  // u32 [num_seqs + 1]
  u64 seq_lens;           // u32 [num_seqs], new tokens included
  u64 query_start_loc;    // u32 [num_seqs + 1]
  u64 out;                // bf16 [num_tokens, num_heads, head_dim]
  u32 qkv_stride;         // elements of a fused row
  u32 num_heads;
  u32 num_kv_heads;
  u32 head_dim;
  u32 block_stride;       // bytes
  u32 min_query_len;      // sequences with fewer new tokens are passed over; 2 beside attn_decode
  u32 window;             // 0: none
  f32 scale;
  f32 soft_cap;           // 0: none
  u32 reserved;
};

constexpr u32 WAVES = 8;

// One row of the work-group's stack.
struct Row {
  u32 token;  // in the step
  u32 head;
  Visible visible;
  bool valid;
};

// A sequence's part of the step.
struct Sequence {
  u32 first_token;
  u32 query_len;
  u32 length;
  u32 group;
  u32 num_rows;
  u32 first_head;
};

INLINE Row row_of(const Sequence& seq, u32 window, u32 row) {
  bool valid = row < seq.num_rows;
  u32 query = row / seq.group;
  Visible visible = sees(seq.length - seq.query_len + query, window);
  return {seq.first_token + query, seq.first_head + row % seq.group,
          valid ? visible : Visible{0, 0}, valid};
}

// A wave's part of a tile's fragments (1 KB each), 2 * chunks of keys, then as many of values:
// those from `first` on, eight apart. All at once, or for the largest heads, whose registers do not
// hold that many, keys and values one after the other.
template <u32 chunks>
constexpr u32 FRAGMENTS = 4 * chunks;
template <u32 chunks>
constexpr u32 PARTS = chunks > 6 ? 2 : 1;
template <u32 chunks>
constexpr u32 PART = FRAGMENTS<chunks> / PARTS<chunks>;
template <u32 chunks>
constexpr u32 PER_WAVE = (PART<chunks> + WAVES - 1) / WAVES;

struct Source {
  u64 k_head;
  u64 v_head;
  constant_u32 table;
  u32 num_blocks;
  u32 block_stride;
  u32 length;
};

template <u32 chunks>
INLINE void fetch(const Source& from, u32 part, u32 wave, u32 tile,
                  u32x4 (&pieces)[PER_WAVE<chunks>]) {
#pragma unroll
  for (u32 i = 0; i < PER_WAVE<chunks>; ++i) {
    u32 within = wave + WAVES * i, fragment = part * PART<chunks> + within;
    u64 base = fragment >= 2 * chunks ? from.v_head : from.k_head;
    u32 idx = tile / BLOCK_SIZE + fragment / chunks % 2;
    pieces[i] = u32x4{0, 0, 0, 0};
    if (within < PART<chunks> && idx < from.num_blocks) {
      base += (u64)from.table[idx] * from.block_stride + fragment % chunks * CHUNK_BYTES;
      pieces[i] = at<const u32x4>(base)[lane_idx()];
    }
  }
}

template <u32 chunks>
INLINE void stage(const Source& from, u32 part, u32 wave, u32 tile,
                  u32x4 (&pieces)[PER_WAVE<chunks>], local<u32x4> lds) {
#pragma unroll
  for (u32 i = 0; i < PER_WAVE<chunks>; ++i) {
    u32 within = wave + WAVES * i, fragment = part * PART<chunks> + within;
    u32 block_start = tile + fragment / chunks % 2 * BLOCK_SIZE;
    if (fragment >= 2 * chunks && tile + TILE > from.length) {
      pieces[i] = drop_unwritten(pieces[i], block_start, from.length);
    }
    if (within < PART<chunks>) lds[fragment * WAVE + lane_idx()] = pieces[i];
  }
}

template <u32 chunks, u32 tiles>
INLINE void scores_from_lds(local<u32x4> lds, const u32x4 (&queries)[tiles][chunks],
                            f32x4 (&s)[tiles][2]) {
#pragma unroll
  for (u32 n = 0; n < tiles; ++n) s[n][0] = s[n][1] = f32x4{0, 0, 0, 0};
#pragma unroll
  for (u32 c = 0; c < chunks; ++c) {
    u32x4 k[2] = {lds[c * WAVE + lane_idx()], lds[(chunks + c) * WAVE + lane_idx()]};
#pragma unroll
    for (u32 n = 0; n < tiles; ++n) {
#pragma unroll
      for (u32 b = 0; b < 2; ++b) {
        s[n][b] = mfma_16x16x16(low_half(k[b]), low_half(queries[n][c]), s[n][b]);
      }
    }
#pragma unroll
    for (u32 n = 0; n < tiles; ++n) {
#pragma unroll
      for (u32 b = 0; b < 2; ++b) {
        s[n][b] = mfma_16x16x16(high_half(k[b]), high_half(queries[n][c]), s[n][b]);
      }
    }
  }
}

template <u32 chunks, u32 tiles>
INLINE void add_from_lds(local<u32x4> lds, const u32x2 (&p)[tiles][2],
                         Running<chunks> (&run)[tiles]) {
#pragma unroll
  for (u32 b = 0; b < 2; ++b) {
#pragma unroll
    for (u32 c = 0; c < chunks; ++c) {
      u32x4 v = lds[((2 + b) * chunks + c) * WAVE + lane_idx()];
#pragma unroll
      for (u32 n = 0; n < tiles; ++n) {
        run[n].out[2 * c] = mfma_16x16x16(low_half(v), p[n][b], run[n].out[2 * c]);
        run[n].out[2 * c + 1] = mfma_16x16x16(high_half(v), p[n][b], run[n].out[2 * c + 1]);
      }
    }
  }
}

// Closes a segment: its result goes into the sequence's.
template <u32 chunks>
INLINE void close(Running<chunks>& total, Running<chunks>& run) {
  Merge m = merge(total.maximum, total.sum, run.maximum, column_sum(run.sum));
#pragma unroll
  for (u32 t = 0; t < 2 * chunks; ++t) {
#pragma unroll
    for (u32 r = 0; r < 4; ++r) total.out[t][r] = merged(m, total.out[t][r], run.out[t][r]);
  }
  total.maximum = m.maximum;
  total.sum = m.sum;
  reset(run);
}

template <u32 chunks>
INLINE void store_row(const AttnPrefillParams& p, const Row& row, const Running<chunks>& total) {
  f32 scale = normalizer(total.sum);
  u32 d = lane_idx() / 16 * 4;
  auto to = at<u32x2>(p.out + 2ull * (((u64)row.token * p.num_heads + row.head) * p.head_dim + d));
#pragma unroll
  for (u32 t = 0; t < 2 * chunks; ++t) {
    f32x4 v = total.out[t] * scale;
    u32x2 out = {narrow(v[0]) | (u32)narrow(v[1]) << 16, narrow(v[2]) | (u32)narrow(v[3]) << 16};
    if (row.valid && 16 * t + d < p.head_dim) to[4 * t] = out;
  }
}

// `tiles` column tiles a wave.
template <u32 chunks, u32 tiles>
INLINE void prefill_group(const AttnPrefillParams& p, local<u32x4> lds) {
  constexpr u32 buffer = FRAGMENTS<chunks> * WAVE, rows_per_wave = 16 * tiles;
  u32 seq_idx = block_idx_z(), kv_head = block_idx(), wave = wave_idx();
  Sequence seq;
  seq.first_token = constant_at(p.query_start_loc)[seq_idx];
  seq.query_len = constant_at(p.query_start_loc)[seq_idx + 1] - seq.first_token;
  seq.length = constant_at(p.seq_lens)[seq_idx];
  seq.group = p.num_heads / p.num_kv_heads;
  seq.num_rows = seq.query_len * seq.group;
  seq.first_head = kv_head * seq.group;
  u32 num_tiles = ceil_div(seq.num_rows, rows_per_wave * WAVES);
  if (seq.query_len < p.min_query_len || block_idx_y() >= num_tiles) return;
  u32 first_row = (num_tiles - 1 - block_idx_y()) * rows_per_wave * WAVES;
  u32 last_row = min(first_row + rows_per_wave * WAVES, seq.num_rows) - 1;
  u32 start = row_of(seq, p.window, first_row).visible.first / TILE * TILE;
  u32 end = row_of(seq, p.window, last_row).visible.end;

  u64 head_offset = (u64)kv_head * (chunks * CHUNK_BYTES);
  Source from = {p.k_cache + head_offset, p.v_cache + head_offset,
                 constant_at(p.block_tables) + constant_at(p.block_table_start)[seq_idx],
                 ceil_div(seq.length, BLOCK_SIZE), p.block_stride, seq.length};
  u32x4 pieces[PER_WAVE<chunks>];
#pragma unroll
  for (u32 part = 0; part < PARTS<chunks>; ++part) {
    fetch<chunks>(from, part, wave, start, pieces);
    stage<chunks>(from, part, wave, start, pieces, lds);
  }

  u32 wave_row = first_row + wave * rows_per_wave;
  u32 ends[tiles];
  u32x4 queries[tiles][chunks];
  Running<chunks> run[tiles], total[tiles];
#pragma unroll
  for (u32 n = 0; n < tiles; ++n) {
    Row row = row_of(seq, p.window, wave_row + 16 * n + lane_idx() % 16);
    ends[n] = row.visible.end;
    u64 from = p.qkv + 2ull * row.token * p.qkv_stride;
    load_query<chunks>(from, row.head, row.valid, p.head_dim, queries[n]);
    reset(run[n]);
    reset(total[n]);
  }
  // What all and what any of the wave's rows see; a wave without rows sees nothing.
  u32 wave_last = min(wave_row + rows_per_wave - 1, last_row);
  bool has_rows = wave_row <= last_row;
  Visible low = row_of(seq, p.window, wave_row).visible;
  Visible high = row_of(seq, p.window, wave_last).visible;
  Scoring how = scoring(p.scale, p.soft_cap);
  // Waited for here: within the loop the compiler would wait for the queries and, because it cannot
  // tell them apart, for the tile that was just asked for.
  __builtin_amdgcn_s_waitcnt(0x0f70);
  barrier();
  u32 current = 0;
  for (u32 tile = start; tile < end; tile += TILE) {
    bool more = tile + TILE < end;
    if (more) fetch<chunks>(from, 0, wave, tile + TILE, pieces);
    pin_order();
    if (tile % SEGMENT == 0 && tile != start) {
#pragma unroll
      for (u32 n = 0; n < tiles; ++n) close<chunks>(total[n], run[n]);
    }
    local<u32x4> data = lds + current * buffer, other = lds + (current ^ 1) * buffer;
    bool sees_some = has_rows && tile < high.end && tile + TILE > low.first;
    u32x2 probabilities[tiles][2];
    if (sees_some) {
      f32x4 s[tiles][2];
      scores_from_lds<chunks, tiles>(data, queries, s);
      bool all_visible = tile >= high.first && tile + TILE <= low.end;
#pragma unroll
      for (u32 n = 0; n < tiles; ++n) {
        Visible visible = ends[n] == 0 ? Visible{0, 0} : sees(ends[n] - 1, p.window);
        tile_probabilities<chunks>(run[n], s[n], how, tile, visible, all_visible,
                                   probabilities[n]);
      }
    }
    if (PARTS<chunks> == 2 && more) {
      stage<chunks>(from, 0, wave, tile + TILE, pieces, other);
      fetch<chunks>(from, 1, wave, tile + TILE, pieces);
      pin_order();
    }
    if (sees_some) add_from_lds<chunks, tiles>(data, probabilities, run);
    if (more) stage<chunks>(from, PARTS<chunks> - 1, wave, tile + TILE, pieces, other);
    current ^= 1;
    barrier();
  }
  // The rows are worked out again: kept through the loop they would cost spills.
  asm volatile("" : "+s"(wave_row));
#pragma unroll
  for (u32 n = 0; n < tiles; ++n) {
    close<chunks>(total[n], run[n]);
    Row row = row_of(seq, p.window, wave_row + 16 * n + lane_idx() % 16);
    store_row<chunks>(p, row, total[n]);
  }
}

#define PREFILL(padded, tiles)                                        \
  KERNEL(512, 2) attn_prefill_d##padded(AttnPrefillParams p) {        \
    __shared__ u32x4 lds[2 * FRAGMENTS<padded / 32> * WAVE];             \
    prefill_group<padded / 32, tiles>(p, (local<u32x4>)lds);          \
  }
PREFILL(32, 2)
PREFILL(64, 2)
PREFILL(96, 2)
PREFILL(128, 2)
PREFILL(160, 1)
PREFILL(192, 1)
PREFILL(224, 1)
PREFILL(256, 1)
