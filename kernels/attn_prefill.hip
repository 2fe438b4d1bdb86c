// attn_prefill: causal attention of a sequence's new tokens over its paged keys and values, its
// cached prefix and earlier chunks included.
//
// Formula: `LayerOps::paged_attention`, flash attention (arXiv 2205.14135) over tiles of 32 tokens;
// the order of every sum is attn_decode's (attention.h), so a token's bits are the same in both.
// Layout: as attn_decode. Kernels attn_prefill_d{P} (bf16, bf16 cache) and attn_prefill_fp8_d{P} (bf16,
// FP8 cache) by padded head_dim P: 32, 64, 96, 128, 160, 192, 224, 256.
// Mapping: the rows of a (sequence, KV head) are its new tokens times the group's query heads,
// token by token. Grid (num_kv_heads, max_row_tiles, num_seqs): a work-group of 8 waves takes 256
// rows (128 above head_dim 128), a wave 32 (16) of them as columns of the MFMAs; late row tiles,
// which see the most, go first. Tiles that no row of a wave sees are skipped.
// Keys and values go through LDS, two tiles of 32 tokens in turn, in the order in which they lie:
// each wave fetches an eighth of the next tile while it computes on this one; linear reads and
// writes of 16 bytes a lane meet no bank conflict. One barrier a tile. FP8 is widened on its way into
// LDS, by the one wave that fetched it.
// Bound: MFMA; 4 * head_dim * query heads * seen pairs useful operations.
// Registers: output of the segment and of the sequence, 64 each at head_dim 128: two waves a SIMD.
#include "attention.h"

struct AttnPrefillParams {
  u64 qkv;                // bf16 [num_tokens, qkv_stride]
  u64 k_cache;            // the layer's block 0
  u64 v_cache;            // the layer's block 0
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
  f32 scale;              // of scores, times the scale of stored keys
  f32 soft_cap;           // 0: none
  f32 v_scale;            // of stored values
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

// Fragments of a tile in LDS, 1 KB each: keys of both blocks, then values.
template <u32 chunks>
constexpr u32 FRAGMENTS = 4 * chunks;
// Loads that fetch one block's keys or values, a tile, a wave's part of it: those from the wave's
// number on, eight apart. All at once, or for the largest heads, whose registers do not hold that
// many, keys and values one after the other.
template <typename Kv, u32 chunks>
constexpr u32 LOADS_PER_HEAD = (chunks + Kv::CHUNKS_PER_LOAD - 1) / Kv::CHUNKS_PER_LOAD;
template <typename Kv, u32 chunks>
constexpr u32 PARTS = LOADS_PER_HEAD<Kv, chunks> > 6 ? 2 : 1;
template <typename Kv, u32 chunks>
constexpr u32 PART = 4 * LOADS_PER_HEAD<Kv, chunks> / PARTS<Kv, chunks>;
template <typename Kv, u32 chunks>
constexpr u32 PER_WAVE = (PART<Kv, chunks> + WAVES - 1) / WAVES;

struct Source {
  u64 k_head;
  u64 v_head;
  constant_u32 table;
  u32 num_blocks;
  u32 block_stride;
  u32 length;
};

template <typename Kv, u32 chunks>
INLINE void fetch(const Source& from, u32 part, u32 wave, u32 tile,
                  u32x4 (&pieces)[PER_WAVE<Kv, chunks>]) {
  constexpr u32 per_head = LOADS_PER_HEAD<Kv, chunks>;
#pragma unroll
  for (u32 i = 0; i < PER_WAVE<Kv, chunks>; ++i) {
    u32 within = wave + WAVES * i, load = part * PART<Kv, chunks> + within;
    u64 base = load >= 2 * per_head ? from.v_head : from.k_head;
    u32 idx = tile / BLOCK_SIZE + load / per_head % 2;
    pieces[i] = u32x4{0, 0, 0, 0};
    if (within < PART<Kv, chunks> && idx < from.num_blocks) {
      base += (u64)from.table[idx] * from.block_stride + load % per_head * LOAD_BYTES;
      // A chunk that stands alone is half a load.
      if (chunks % Kv::CHUNKS_PER_LOAD != 0 && load % per_head == per_head - 1) {
        u32x2 piece = at<const u32x2>(base)[lane_idx()];
        pieces[i] = u32x4{piece[0], piece[1], 0, 0};
      } else {
        pieces[i] = at<const u32x4>(base)[lane_idx()];
      }
    }
  }
}

// Writes one load's chunks, as operands, to where `lds` keeps the first of them.
template <typename Kv>
INLINE void stage_load(u32x4 load, bool is_value, u32 block_start, u32 end, bool second,
                       local<u32x4> lds) {
  typename Kv::Piece pieces[Kv::CHUNKS_PER_LOAD];
  if constexpr (Kv::CHUNKS_PER_LOAD == 1) {
    pieces[0] = load;
  } else {
    pieces[0] = low_half(load);
    pieces[1] = high_half(load);
  }
#pragma unroll
  for (u32 c = 0; c < Kv::CHUNKS_PER_LOAD; ++c) {
    if (is_value) pieces[c] = drop_unwritten<Kv>(pieces[c], block_start, end);
    if (c == 0 || second) lds[c * WAVE + lane_idx()] = Kv::fragment(pieces[c]);
  }
}

template <typename Kv, u32 chunks>
INLINE void stage(const Source& from, u32 part, u32 wave, u32 tile,
                  u32x4 (&pieces)[PER_WAVE<Kv, chunks>], local<u32x4> lds) {
  constexpr u32 per_head = LOADS_PER_HEAD<Kv, chunks>;
#pragma unroll
  for (u32 i = 0; i < PER_WAVE<Kv, chunks>; ++i) {
    u32 within = wave + WAVES * i, load = part * PART<Kv, chunks> + within;
    u32 block_start = tile + load / per_head % 2 * BLOCK_SIZE;
    bool cut = load >= 2 * per_head && tile + TILE > from.length;
    u32 first = load / per_head * chunks + load % per_head * Kv::CHUNKS_PER_LOAD;
    bool second = chunks % Kv::CHUNKS_PER_LOAD == 0 || load % per_head != per_head - 1;
    if (within < PART<Kv, chunks>) {
      stage_load<Kv>(pieces[i], cut, block_start, from.length, second, lds + first * WAVE);
    }
  }
}

template <typename E, u32 chunks, u32 tiles>
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
        s[n][b] = E::mfma(low_half(k[b]), low_half(queries[n][c]), s[n][b]);
      }
    }
#pragma unroll
    for (u32 n = 0; n < tiles; ++n) {
#pragma unroll
      for (u32 b = 0; b < 2; ++b) {
        s[n][b] = E::mfma(high_half(k[b]), high_half(queries[n][c]), s[n][b]);
      }
    }
  }
}

template <typename E, u32 chunks, u32 tiles>
INLINE void add_from_lds(local<u32x4> lds, const u32x2 (&p)[tiles][2],
                         Running<chunks> (&run)[tiles]) {
#pragma unroll
  for (u32 b = 0; b < 2; ++b) {
#pragma unroll
    for (u32 c = 0; c < chunks; ++c) {
      u32x4 v = lds[((2 + b) * chunks + c) * WAVE + lane_idx()];
#pragma unroll
      for (u32 n = 0; n < tiles; ++n) {
        run[n].out[2 * c] = E::mfma(low_half(v), p[n][b], run[n].out[2 * c]);
        run[n].out[2 * c + 1] = E::mfma(high_half(v), p[n][b], run[n].out[2 * c + 1]);
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

template <typename E, u32 chunks>
INLINE void store_row(const AttnPrefillParams& p, const Row& row, const Running<chunks>& total) {
  f32 scale = normalizer(total.sum, p.v_scale);
  u32 d = lane_idx() / 16 * 4;
  auto to = at<u32x2>(p.out + 2ull * (((u64)row.token * p.num_heads + row.head) * p.head_dim + d));
#pragma unroll
  for (u32 t = 0; t < 2 * chunks; ++t) {
    f32x4 v = total.out[t] * scale;
    u32x2 out = {E::narrowed_pair(v[0], v[1]), E::narrowed_pair(v[2], v[3])};
    if (row.valid && 16 * t + d < p.head_dim) to[4 * t] = out;
  }
}

// `tiles` column tiles a wave.
template <typename Kv, u32 chunks, u32 tiles>
INLINE void prefill_group(const AttnPrefillParams& p, local<u32x4> lds) {
  typedef typename Kv::Element E;
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

  u64 head_offset = (u64)kv_head * head_bytes<Kv>(chunks * 32);
  Source from = {p.k_cache + head_offset, p.v_cache + head_offset,
                 constant_at(p.block_tables) + constant_at(p.block_table_start)[seq_idx],
                 ceil_div(seq.length, BLOCK_SIZE), p.block_stride, seq.length};
  u32x4 pieces[PER_WAVE<Kv, chunks>];
#pragma unroll
  for (u32 part = 0; part < PARTS<Kv, chunks>; ++part) {
    fetch<Kv, chunks>(from, part, wave, start, pieces);
    stage<Kv, chunks>(from, part, wave, start, pieces, lds);
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
    if (more) fetch<Kv, chunks>(from, 0, wave, tile + TILE, pieces);
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
      scores_from_lds<E, chunks, tiles>(data, queries, s);
      bool all_visible = tile >= high.first && tile + TILE <= low.end;
#pragma unroll
      for (u32 n = 0; n < tiles; ++n) {
        Visible visible = ends[n] == 0 ? Visible{0, 0} : sees(ends[n] - 1, p.window);
        tile_probabilities<E, chunks>(run[n], s[n], how, tile, visible, all_visible,
                                   probabilities[n]);
      }
    }
    if (PARTS<Kv, chunks> == 2 && more) {
      stage<Kv, chunks>(from, 0, wave, tile + TILE, pieces, other);
      fetch<Kv, chunks>(from, 1, wave, tile + TILE, pieces);
      pin_order();
    }
    if (sees_some) add_from_lds<E, chunks, tiles>(data, probabilities, run);
    if (more) stage<Kv, chunks>(from, PARTS<Kv, chunks> - 1, wave, tile + TILE, pieces, other);
    current ^= 1;
    barrier();
  }
  // The rows are worked out again: kept through the loop they would cost spills.
  asm volatile("" : "+s"(wave_row));
#pragma unroll
  for (u32 n = 0; n < tiles; ++n) {
    close<chunks>(total[n], run[n]);
    Row row = row_of(seq, p.window, wave_row + 16 * n + lane_idx() % 16);
    store_row<E, chunks>(p, row, total[n]);
  }
}

#define PREFILL(type, padded, tiles, ...)                                 \
  KERNEL(512, 2) attn_prefill_##type##d##padded(AttnPrefillParams p) {    \
    __shared__ u32x4 lds[2 * FRAGMENTS<padded / 32> * WAVE];              \
    prefill_group<__VA_ARGS__, padded / 32, tiles>(p, (local<u32x4>)lds); \
  }
PREFILL(, 32, 2, Plain<Bf16>)
PREFILL(, 64, 2, Plain<Bf16>)
PREFILL(, 96, 2, Plain<Bf16>)
PREFILL(, 128, 2, Plain<Bf16>)
PREFILL(, 160, 1, Plain<Bf16>)
PREFILL(, 192, 1, Plain<Bf16>)
PREFILL(, 224, 1, Plain<Bf16>)
PREFILL(, 256, 1, Plain<Bf16>)
PREFILL(f16_, 32, 2, Plain<F16>)
PREFILL(f16_, 64, 2, Plain<F16>)
PREFILL(f16_, 96, 2, Plain<F16>)
PREFILL(f16_, 128, 2, Plain<F16>)
PREFILL(f16_, 160, 1, Plain<F16>)
PREFILL(f16_, 192, 1, Plain<F16>)
PREFILL(f16_, 224, 1, Plain<F16>)
PREFILL(f16_, 256, 1, Plain<F16>)
#if HAS_FP8_FNUZ
PREFILL(fp8_, 32, 2, Fp8<Bf16>)
PREFILL(fp8_, 64, 2, Fp8<Bf16>)
PREFILL(fp8_, 96, 2, Fp8<Bf16>)
PREFILL(fp8_, 128, 2, Fp8<Bf16>)
PREFILL(fp8_, 160, 1, Fp8<Bf16>)
PREFILL(fp8_, 192, 1, Fp8<Bf16>)
PREFILL(fp8_, 224, 1, Fp8<Bf16>)
PREFILL(fp8_, 256, 1, Fp8<Bf16>)
#endif
