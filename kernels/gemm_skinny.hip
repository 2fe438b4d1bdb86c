// gemm_skinny: out = x * w^T with epilogue (gemm.h) for few rows; streams each weight once.
//
// Mapping: kernel gemm_skinny_{bf16,f16}_{m}x{n}, m row tiles and n column tiles of 16 per
// work-group: 1x1, 1x2, 1x4, 2x2, 4x1. Grid (ceil(ceil(n/16) / n tiles), ceil(rows / (16 * m))), 512
// lanes, 8 KB of LDS (static). Choose m = 1, 2, 4 for rows <= 16, 32, 64; of 1x4, 1x2, 1x1 the first
// whose grid has 304 work-groups, else 1x1. The choice moves no bit. More rows than 64 are computed
// too, reading the weights once per row of the grid.
// A work-group's 8 waves are the 8 slices of k: all of them stream a part of the same columns, so
// that narrow matrices still fill the memory pipe without a second pass over the grid; the slices
// meet in LDS, in order. A wave asks for 8 KB of weights before it waits, and uses each fragment
// for its m row tiles. x comes in fragments, never more than k columns of it; every work-group
// reads it whole, from L2: rows / (16 * n tiles) bytes for each byte of weights.
// Bound: memory; n * k * 2 + rows * k * 2 + rows * n * 2 bytes.
#include "gemm.h"

constexpr u32 THREADS = 64 * SLICES;

template <typename E, u32 M, u32 N>
struct Skinny {
  // Fragments of k per group of loads: 8 KB of weights in all.
  static constexpr u32 DEPTH = 8 / N;

  const GemmParams& p;
  Window w[N], x[M];
  u32 w_offset, x_offset, lane_col, k_end;
  f32x4 acc[N][M];

  // Row fragments of fragment `f`, zero from the slice's end on.
  METHOD void load_x(u32x4 (&to)[M], u32 f) {
    u32 offset = f * 32 + lane_col < k_end ? x_offset + f * 64 : OUTSIDE;
#pragma unroll
    for (u32 m = 0; m < M; ++m) to[m] = load<CACHED>(x[m], offset);
  }

  METHOD void use(const u32x4 (&weights)[N][DEPTH], u32x4 (&rows)[M], u32 j, u32 f, bool ragged) {
    if (ragged) {
#pragma unroll
      for (u32 m = 0; m < M; ++m) rows[m] = cut_row(rows[m], f * 32 + lane_col, p.k);
    }
#pragma unroll
    for (u32 n = 0; n < N; ++n) {
#pragma unroll
      for (u32 m = 0; m < M; ++m) acc[n][m] = multiply<E>(weights[n][j], rows[m], acc[n][m]);
    }
  }

  // One slice. With `ragged`, k is no multiple of 8 and a lane's last elements are no part of x.
  template <bool ragged>
  METHOD void run(u32 begin, u32 end) {
    for (u32 f = begin; f < end; f += DEPTH) {
      u32x4 weights[N][DEPTH], rows[2][M];
      load_x(rows[0], f);
#pragma unroll
      for (u32 j = 0; j < DEPTH; ++j) {
#pragma unroll
        for (u32 n = 0; n < N; ++n) {
          weights[n][j] = load<STREAMED>(w[n], w_offset + (f + j) * FRAGMENT_BYTES);
        }
      }
      pin_order();
#pragma unroll
      for (u32 j = 0; j < DEPTH; ++j) {
        if (j + 1 < DEPTH) load_x(rows[(j + 1) % 2], f + j + 1);
        pin_order();
        use(weights, rows[j % 2], j, f + j, ragged);
      }
    }
  }
};

template <typename E, u32 M, u32 N>
INLINE void gemm_skinny(const GemmParams& p) {
  __shared__ f32x4 parts[SLICES][WAVE];
  u32 wave = wave_idx(), lane = lane_idx(), total = num_fragments(p.k);
  u32 tile = block_idx() * N, row = block_idx_y() * 16 * M;
  u32 begin = min(wave * slice_fragments(p.k), total);
  u32 end = min(begin + slice_fragments(p.k), total);
  Skinny<E, M, N> s{p};
  // The window of a column tile ends with the slice: what a group loads beyond is zero.
#pragma unroll
  for (u32 n = 0; n < N; ++n) {
    u32 bytes = (tile + n) * 16 < p.n ? end * FRAGMENT_BYTES : 0;
    s.w[n] = window(p.w + (u64)(tile + n) * total * FRAGMENT_BYTES, bytes);
  }
  s.w_offset = lane * 16;
  s.lane_col = lane / 16 * 8;
  s.k_end = min(end * 32, p.k);
  s.x_offset = 2 * (lane % 16 * p.x_stride + s.lane_col);
#pragma unroll
  for (u32 m = 0; m < M; ++m) {
    u32 first = row + 16 * m, num_rows = first < p.rows ? min(p.rows - first, 16) : 0;
    s.x[m] = window(p.x + 2ull * first * p.x_stride, 2 * p.x_stride * num_rows);
#pragma unroll
    for (u32 n = 0; n < N; ++n) s.acc[n][m] = f32x4{};
  }
  if (p.k % 8) {
    s.template run<true>(begin, end);
  } else {
    s.template run<false>(begin, end);
  }
  // Tile q ends up in wave q.
  f32x4 sum = {};
#pragma unroll
  for (u32 q = 0; q < M * N; ++q) {
    if (q) barrier();
    parts[wave][lane] = s.acc[q / M][q % M];
    barrier();
    if (wave == q) {
      sum = parts[0][lane];
#pragma unroll
      for (u32 i = 1; i < SLICES; ++i) sum += parts[i][lane];
    }
  }
  if (wave >= M * N || (tile + wave / M) * 16 >= p.n) return;
  finish_tile<E>(p, sum, row + wave % M * 16 + lane % 16,
                 (tile + wave / M) * 16 + lane / 16 * 4);
}

#define SKINNY(m, n)                                                                       \
  KERNEL(THREADS, 5) gemm_skinny_bf16_##m##x##n(GemmParams p) { gemm_skinny<Bf16, m, n>(p); } \
  KERNEL(THREADS, 5) gemm_skinny_f16_##m##x##n(GemmParams p) { gemm_skinny<F16, m, n>(p); }

SKINNY(1, 1)
SKINNY(1, 2)
SKINNY(1, 4)
SKINNY(2, 2)
SKINNY(4, 1)
