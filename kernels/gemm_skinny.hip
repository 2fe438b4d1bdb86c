// gemm_skinny: out = x * w^T with epilogue (gemm.h) for few rows; streams each weight once.
// gemm_mid: the same for so many rows that weights are read again, and so few that gemm_big's tiles
// would leave most of the GPU idle.
//
// Mapping: kernel gemm_skinny_{bf16,f16}_{m}x{n}, m row tiles and n column tiles of 16 per
// work-group: 1x1, 1x2, 1x4, 2x2, 2x4, 4x1, 4x2. Grid (ceil(ceil(n/16) / n tiles),
// ceil(rows / (16 * m))), 512 lanes, 8 KB of LDS (static). Choose m = 1, 2, 4 for rows <= 16, 32, 64,
// and the most column tiles whose grid has 304 work-groups (152 above 16 rows or where a slice has
// less than 8 fragments), else the fewest. The choice moves no bit. More rows than 64 are computed
// too, reading the weights once per row of the grid.
// gemm_mid_{bf16,f16}_4x{2,4}: the same work-groups, one-dimensional grid of
// ceil(rows / 64) * ceil(n / (16 * n tiles)) in gemm_big's order, which keeps work-groups of the same
// weights on one XCD. That is k split over the waves of a GPU without partial results in memory.
// A work-group's 8 waves are the 8 slices of k: all of them stream a part of the same columns, so
// that narrow matrices still fill the memory pipe without a second pass over the grid; the slices
// meet in LDS, in order. A wave asks for 8 KB of weights before it waits, and uses each fragment
// for its m row tiles. x comes in fragments, never more than k columns of it; every work-group
// reads it whole, from L2: rows / (16 * n tiles) bytes for each byte of weights.
// Bound: memory; n * k * 2 + rows * k * 2 + rows * n * 2 bytes.
#include "gemm.h"

constexpr u32 THREADS = 64 * SLICES;

template <typename E, u32 M, u32 N, int policy>
struct Skinny {
  // Fragments of k per group of loads: 8 KB of weights in all.
  static constexpr u32 DEPTH = 8 / N;
  // x comes one piece ahead: a fragment of all row tiles, or where accumulators leave no room for
  // two of these, of half of them.
  static constexpr u32 PIECES = M * N > 4 && M > 2 ? 2 : 1;
  static constexpr u32 PIECE = M / PIECES;

  const GemmParams& p;
  Window w[N], x[M];
  u32 w_offset, x_offset, lane_col, k_end;
  f32x4 acc[N][M];

  // Piece i of the group of fragments that begins with `f`: a fragment's PIECE row tiles, zero from
  // the slice's end on.
  METHOD void load_x(u32x4 (&to)[PIECE], u32 f, u32 i) {
    u32 at = f + i / PIECES;
    u32 offset = at * 32 + lane_col < k_end ? x_offset + at * 64 : OUTSIDE;
#pragma unroll
    for (u32 m = 0; m < PIECE; ++m) to[m] = load<CACHED>(x[i % PIECES * PIECE + m], offset);
  }

  METHOD void use(const u32x4 (&weights)[N][DEPTH], u32x4 (&rows)[PIECE], u32 f, u32 i,
                  bool ragged) {
    u32 j = i / PIECES, first = i % PIECES * PIECE;
    if (ragged) {
#pragma unroll
      for (u32 m = 0; m < PIECE; ++m) rows[m] = cut_row(rows[m], (f + j) * 32 + lane_col, p.k);
    }
#pragma unroll
    for (u32 n = 0; n < N; ++n) {
#pragma unroll
      for (u32 m = 0; m < PIECE; ++m) {
        acc[n][first + m] = multiply<E>(weights[n][j], rows[m], acc[n][first + m]);
      }
    }
  }

  // One slice. With `ragged`, k is no multiple of 8 and a lane's last elements are no part of x.
  template <bool ragged>
  METHOD void run(u32 begin, u32 end) {
    for (u32 f = begin; f < end; f += DEPTH) {
      u32x4 weights[N][DEPTH], rows[2][PIECE];
      load_x(rows[0], f, 0);
#pragma unroll
      for (u32 j = 0; j < DEPTH; ++j) {
#pragma unroll
        for (u32 n = 0; n < N; ++n) {
          weights[n][j] = load<policy>(w[n], w_offset + (f + j) * FRAGMENT_BYTES);
        }
      }
      pin_order();
#pragma unroll
      for (u32 i = 0; i < DEPTH * PIECES; ++i) {
        if (i + 1 < DEPTH * PIECES) load_x(rows[(i + 1) % 2], f, i + 1);
        pin_order();
        use(weights, rows[i % 2], f, i, ragged);
      }
    }
  }
};

// M x N tiles of the output from row `row` and column tile `tile` on.
template <typename E, u32 M, u32 N, int policy>
INLINE void gemm_slices(const GemmParams& p, u32 tile, u32 row) {
  constexpr u32 PER_WAVE = (M * N + SLICES - 1) / SLICES;
  __shared__ f32x4 parts[SLICES][WAVE];
  u32 wave = wave_idx(), lane = lane_idx(), total = num_fragments(p.k);
  u32 begin = min(wave * slice_fragments(p.k), total);
  u32 end = min(begin + slice_fragments(p.k), total);
  Skinny<E, M, N, policy> s{p};
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
  // Tile q ends up in wave q % SLICES.
  f32x4 sums[PER_WAVE] = {};
#pragma unroll
  for (u32 q = 0; q < M * N; ++q) {
    if (q) barrier();
    parts[wave][lane] = s.acc[q / M][q % M];
    barrier();
    if (wave == q % SLICES) {
      f32x4 sum = parts[0][lane];
#pragma unroll
      for (u32 i = 1; i < SLICES; ++i) sum += parts[i][lane];
      sums[q / SLICES] = sum;
    }
  }
#pragma unroll
  for (u32 i = 0; i < PER_WAVE; ++i) {
    u32 q = i * SLICES + wave, at = tile + q / M;
    if (q >= M * N || at * 16 >= p.n) return;
    finish_tile<E>(p, sums[i], row + q % M * 16 + lane % 16, at * 16 + lane / 16 * 4);
  }
}

template <typename E, u32 M, u32 N>
INLINE void gemm_skinny(const GemmParams& p) {
  gemm_slices<E, M, N, STREAMED>(p, block_idx() * N, block_idx_y() * 16 * M);
}

// Work-groups share weights and rows: neighbours run on one XCD.
template <typename E, u32 M, u32 N>
INLINE void gemm_mid(const GemmParams& p) {
  Tile tile = tile_of(block_idx(), ceil_div(p.rows, 16 * M), ceil_div(p.n, 16 * N));
  gemm_slices<E, M, N, CACHED>(p, tile.col * N, tile.row * 16 * M);
}

#define SKINNY(m, n)                                                                       \
  KERNEL(THREADS, 5) gemm_skinny_bf16_##m##x##n(GemmParams p) { gemm_skinny<Bf16, m, n>(p); } \
  KERNEL(THREADS, 5) gemm_skinny_f16_##m##x##n(GemmParams p) { gemm_skinny<F16, m, n>(p); }

SKINNY(1, 1)
SKINNY(1, 2)
SKINNY(1, 4)
SKINNY(2, 2)
SKINNY(2, 4)
SKINNY(4, 1)
SKINNY(4, 2)

#define MID(n, waves)                                                                    \
  KERNEL(THREADS, waves) gemm_mid_bf16_4x##n(GemmParams p) { gemm_mid<Bf16, 4, n>(p); } \
  KERNEL(THREADS, waves) gemm_mid_f16_4x##n(GemmParams p) { gemm_mid<F16, 4, n>(p); }

MID(2, 5)
MID(4, 4)
