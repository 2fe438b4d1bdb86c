// gemm_big: out = x * w^T with epilogue (gemm.h) for many rows (prefill).
//
// Mapping: kernel gemm_big_{bf16,f16}_{64,128,256}, that many rows times 128 columns per
// work-group, of 128, 256, 512 lanes. Grid (ceil(rows / R) * ceil(n / 128)), one-dimensional: XCD
// i % 8 gets a run of neighbouring tiles, and within it 4 row tiles share each column tile while it
// is in L2. LDS is static: R * 256 bytes. Choose the largest R whose grid has 304 work-groups, else
// 64. The choice moves no bit, nor does the choice of gemm_skinny.
// A wave owns 64 x 64 of the output: 64 accumulators of the slice in work, 64 of the slices before.
// This second set is the price of a sum order that gemm_skinny's slices can follow: without it the
// tile could be 256 x 256. It costs 64 additions per slice and wave and half more L2 traffic per
// product; the additions hide behind the other wave of the SIMD.
// Weights go from memory to registers in fragments, one fragment of k ahead. x goes through LDS,
// double-buffered in steps of 64 columns, fragment-major as well: 8 lanes write 128 bytes in a row
// and a wave reads 1 KB in a row, so that there are no bank conflicts and nothing to swizzle.
// Bound: MFMA; LDS works at 37.5 % of its bandwidth.
#include "gemm.h"

constexpr u32 WAVE_TILES = 4;        // 16x16 tiles of a wave, each way
constexpr u32 WAVE_ROWS = 16 * WAVE_TILES;
constexpr u32 COLS = 2 * WAVE_ROWS;  // of a work-group
constexpr u32 STEP = 64;             // columns of k between barriers
constexpr u32 NUM_XCDS = 8;
constexpr u32 GROUP_ROWS = 4;        // row tiles that share a column tile

struct Tile {
  u32 row;
  u32 col;
};

// Work-group i runs on XCD i % 8: give each XCD a run of tiles, in groups of GROUP_ROWS row tiles.
INLINE Tile tile_of(u32 i, u32 num_rows, u32 num_cols) {
  u32 total = num_rows * num_cols, xcd = i % NUM_XCDS, whole = total / NUM_XCDS;
  u32 id = xcd * whole + min(xcd, total % NUM_XCDS) + i / NUM_XCDS;
  u32 per_group = GROUP_ROWS * num_cols, first = id / per_group * GROUP_ROWS;
  u32 height = min(num_rows - first, GROUP_ROWS), rest = id % per_group;
  return Tile{first + rest % height, rest / height};
}

template <typename E, u32 WAVES_M>
struct Big {
  static constexpr u32 ROWS = WAVE_ROWS * WAVES_M;
  // Fragments of x in LDS: [buffer][fragment of k][row tile][lane].
  typedef u32x4 Stage[2][2][ROWS / 16][WAVE];

  const GemmParams& p;
  Stage& stage;
  Window w, x;
  u32 w_offset, w_tile_bytes, x_offset, x_line, x_col, x_place, wave_row;
  f32x4 acc[WAVE_TILES][WAVE_TILES], sum[WAVE_TILES][WAVE_TILES];

  // Weights of fragment f for the wave's four column tiles.
  METHOD void load_w(u32x4 (&to)[WAVE_TILES], u32 f) {
#pragma unroll
    for (u32 n = 0; n < WAVE_TILES; ++n) {
      to[n] = load<CACHED>(w, w_offset + n * w_tile_bytes + f * FRAGMENT_BYTES);
    }
  }

  // This lane's share of 64 columns of x: four rows, 8 * WAVES apart, 16 bytes each.
  METHOD void load_x(u32x4 (&to)[4], u32 step) {
    u32 col = step * STEP + x_col;
    u32 offset = x_offset + step * STEP * 2;
#pragma unroll
    for (u32 i = 0; i < 4; ++i) {
      to[i] = load<CACHED>(x, col < p.k ? offset + i * x_line : OUTSIDE);
    }
  }

  template <bool ragged>
  METHOD void stage_x(u32x4 (&from)[4], u32 step) {
    u32x4* to = &stage[step % 2][0][0][0] + x_place;
    if (ragged) {
#pragma unroll
      for (u32 i = 0; i < 4; ++i) from[i] = cut_row(from[i], step * STEP + x_col, p.k);
    }
    // 16 * WAVES_M rows further are WAVES_M row tiles further.
#pragma unroll
    for (u32 i = 0; i < 4; ++i) to[i * WAVES_M * WAVE] = from[i];
  }

  METHOD void use(const u32x4 (&weights)[WAVE_TILES], u32 buffer, u32 f) {
    u32x4 rows[WAVE_TILES];
#pragma unroll
    for (u32 m = 0; m < WAVE_TILES; ++m) {
      rows[m] = stage[buffer][f][wave_row * WAVE_TILES + m][lane_idx()];
    }
#pragma unroll
    for (u32 half = 0; half < 2; ++half) {
#pragma unroll
      for (u32 m = 0; m < WAVE_TILES; ++m) {
#pragma unroll
        for (u32 n = 0; n < WAVE_TILES; ++n) {
          u32x4 a = weights[n], b = rows[m];
          acc[n][m] = E::mfma(half ? a.hi : a.lo, half ? b.hi : b.lo, acc[n][m]);
        }
      }
    }
  }

  METHOD void end_slice() {
#pragma unroll
    for (u32 n = 0; n < WAVE_TILES; ++n) {
#pragma unroll
      for (u32 m = 0; m < WAVE_TILES; ++m) {
        sum[n][m] += acc[n][m];
        acc[n][m] = f32x4{};
      }
    }
  }

  // With `ragged`, k is no multiple of 8 and a lane's last elements are no part of x.
  template <bool ragged>
  METHOD void run() {
    u32 num_steps = ceil_div(p.k, STEP), per_slice = slice_fragments(p.k) / 2, left = per_slice;
    u32x4 weights[2][WAVE_TILES], rows[4];
    load_x(rows, 0);
    load_w(weights[0], 0);
    stage_x<ragged>(rows, 0);
    barrier();
    for (u32 step = 0; step < num_steps; ++step) {
      u32 buffer = step % 2;
      // Beyond the last step both load zeros or neighbours that no one uses.
      load_w(weights[1], 2 * step + 1);
      load_x(rows, step + 1);
      pin_order();
      use(weights[0], buffer, 0);
      pin_order();
      load_w(weights[0], 2 * step + 2);
      pin_order();
      use(weights[1], buffer, 1);
      stage_x<ragged>(rows, step + 1);
      if (--left == 0) {
        end_slice();
        left = per_slice;
      }
      barrier();
    }
    end_slice();
  }
};

template <typename E, u32 WAVES_M>
INLINE void gemm_big(const GemmParams& p) {
  typedef Big<E, WAVES_M> B;
  __shared__ typename B::Stage stage;
  u32 wave = wave_idx(), lane = lane_idx(), total = num_fragments(p.k);
  Tile tile = tile_of(block_idx(), ceil_div(p.rows, B::ROWS), ceil_div(p.n, COLS));
  u32 row = tile.row * B::ROWS, col = tile.col * COLS + wave % 2 * WAVE_ROWS;
  B b{p, stage};
  u32 num_tiles = col < p.n ? min(ceil_div(p.n - col, 16), WAVE_TILES) : 0;
  b.w_tile_bytes = total * FRAGMENT_BYTES;
  b.w = window(p.w + (u64)(col / 16) * b.w_tile_bytes, num_tiles * b.w_tile_bytes);
  b.w_offset = lane * 16;
  b.wave_row = wave / 2;
  // Wave w loads 8 rows of 128 bytes, row 8 * w + lane % 8 first, columns lane / 8 * 8.
  u32 first = wave * 8 + lane % 8;
  b.x_col = lane / 8 * 8;
  b.x = window(p.x + 2ull * row * p.x_stride, 2 * p.x_stride * min(p.rows - row, B::ROWS));
  b.x_offset = 2 * (first * p.x_stride + b.x_col);
  b.x_line = 2 * 16 * WAVES_M * p.x_stride;
  b.x_place = (b.x_col / 32 * (B::ROWS / 16) + first / 16) * WAVE + b.x_col % 32 / 8 * 16 +
              first % 16;
#pragma unroll
  for (u32 n = 0; n < WAVE_TILES; ++n) {
#pragma unroll
    for (u32 m = 0; m < WAVE_TILES; ++m) b.acc[n][m] = b.sum[n][m] = f32x4{};
  }
  if (p.k % 8) {
    b.template run<true>();
  } else {
    b.template run<false>();
  }
#pragma unroll
  for (u32 m = 0; m < WAVE_TILES; ++m) {
#pragma unroll
    for (u32 n = 0; n < WAVE_TILES; ++n) {
      if (col + n * 16 >= p.n) continue;
      finish_tile<E>(p, b.sum[n][m], row + (b.wave_row * WAVE_TILES + m) * 16 + lane % 16,
                     col + n * 16 + lane / 16 * 4);
    }
  }
}

#define BIG(rows)                                                                         \
  KERNEL(2 * rows, 2) gemm_big_bf16_##rows(GemmParams p) { gemm_big<Bf16, rows / 64>(p); } \
  KERNEL(2 * rows, 2) gemm_big_f16_##rows(GemmParams p) { gemm_big<F16, rows / 64>(p); }

BIG(64)
BIG(128)
BIG(256)
