// gemm_big: out = x * w^T with epilogue (gemm.h) for many rows (prefill).
//
// Mapping: kernel gemm_big_{bf16,f16}_{64,128,256}, that many rows times 128 columns per
// work-group, of 128, 256, 512 lanes. Grid (ceil(rows / R) * ceil(n / 128)), one-dimensional: XCD
// i % 8 gets a run of neighbouring tiles, and within it 4 row tiles share each column tile while it
// is in L2. LDS is static: R * 256 bytes. Choose the largest R whose grid has 304 work-groups, else
// 64, or gemm_mid where that is estimated to be slower (`gemm_shape.rs` of crates/hip). The choice
// moves no bit, nor does the choice of gemm_skinny.
// A wave owns 64 x 64 of the output: 64 accumulators of the slice in work, 64 of the slices before.
// This second set is the price of a sum order that gemm_skinny's slices can follow: without it the
// tile could be 256 x 256. It costs 32 packed additions per slice and wave and half more L2 traffic per
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

template <typename E, u32 WAVES_M>
struct Big {
  static constexpr u32 ROWS = WAVE_ROWS * WAVES_M;
  // Fragments of x in LDS: [buffer][fragment of k][row tile][lane].
  typedef u32x4 Stage[2][2][ROWS / 16][WAVE];

  const GemmParams& p;
  Stage& stage;
  Window w, x;
  // Bytes: w_tile of the wave's column tiles, x_offset of the lane's four rows.
  u32 w_tile[WAVE_TILES], x_offset[4], x_col, x_place, wave_row, last_fragment, last_step;
  u32x4 weights[2][WAVE_TILES], rows[4];
  f32x4 acc[WAVE_TILES][WAVE_TILES], sum[WAVE_TILES][WAVE_TILES];

  // Weights of fragment f for the wave's four column tiles. Beyond the last fragment the last one
  // again, which x multiplies by zero or no one uses.
  METHOD void load_w(u32x4 (&to)[WAVE_TILES], u32 f) {
    u32 at = min(f, last_fragment) * FRAGMENT_BYTES;
#pragma unroll
    for (u32 n = 0; n < WAVE_TILES; ++n) {
      to[n] = load<CACHED>(w, lane_idx() * 16, w_tile[n] + at);
    }
  }

  // This lane's share of 64 columns of x: four rows, 16 bytes each.
  template <bool ragged>
  METHOD void load_x(u32x4 (&to)[4], u32 step) {
    u32 at = min(step, last_step) * STEP * 2;
#pragma unroll
    for (u32 i = 0; i < 4; ++i) {
      bool is_inside = !ragged || step * STEP + x_col < p.k;
      to[i] = load<CACHED>(x, is_inside ? x_offset[i] : OUTSIDE, at);
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

  // With `first`, a slice starts: from a constant zero, so that no register is cleared.
  template <bool first>
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
          f32x4 c = first && !half ? f32x4{} : acc[n][m];
          acc[n][m] = E::mfma(half ? a.hi : a.lo, half ? b.hi : b.lo, c);
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
      }
    }
  }

  template <bool ragged, bool first>
  METHOD void one_step(u32 step) {
    barrier();
    load_w(weights[1], 2 * step + 1);
    load_x<ragged>(rows, step + 1);
    pin_order();
    use<first>(weights[0], step % 2, 0);
    pin_order();
    load_w(weights[0], 2 * step + 2);
    pin_order();
    use<false>(weights[1], step % 2, 1);
    stage_x<ragged>(rows, step + 1);
  }

  // With `ragged`, k is no multiple of 64: some lanes' last elements are no part of x.
  template <bool ragged>
  METHOD void run() {
    u32 num_steps = last_step + 1, per_slice = slice_fragments(p.k) / 2;
    load_x<ragged>(rows, 0);
    load_w(weights[0], 0);
    pin_order();
    stage_x<ragged>(rows, 0);
    for (u32 step = 0; step < num_steps;) {
      u32 end = min(step + per_slice, num_steps);
      one_step<ragged, true>(step);
      for (++step; step < end; ++step) one_step<ragged, false>(step);
      end_slice();
    }
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
  u32 tile_bytes = total * FRAGMENT_BYTES;
  // Offsets that a wave has in common are scalars. Documents differ on whether these count when a
  // window's end is checked, so that columns and rows beyond the matrix take its last ones'
  // addresses instead; no one stores what comes of them.
  u32 num_tiles = col < p.n ? min(ceil_div(p.n - col, 16), WAVE_TILES) : 1;
  u32 first_tile = min(col / 16, (p.n - 1) / 16);
  b.w = window(p.w + (u64)first_tile * tile_bytes, num_tiles * tile_bytes);
#pragma unroll
  for (u32 n = 0; n < WAVE_TILES; ++n) b.w_tile[n] = min(n, num_tiles - 1) * tile_bytes;
  b.last_fragment = total - 1;
  b.last_step = ceil_div(p.k, STEP) - 1;
  b.wave_row = wave / 2;
  // Wave w loads 8 rows of 128 bytes, row 8 * w + lane % 8 first, columns lane / 8 * 8.
  u32 first = wave * 8 + lane % 8, num_rows = min(p.rows - row, B::ROWS);
  b.x_col = lane / 8 * 8;
  b.x = window(p.x + 2ull * row * p.x_stride, 2 * p.x_stride * num_rows);
#pragma unroll
  for (u32 i = 0; i < 4; ++i) {
    b.x_offset[i] = 2 * (min(first + i * 16 * WAVES_M, num_rows - 1) * p.x_stride + b.x_col);
  }
  b.x_place = (b.x_col / 32 * (B::ROWS / 16) + first / 16) * WAVE + b.x_col % 32 / 8 * 16 +
              first % 16;
#pragma unroll
  for (u32 n = 0; n < WAVE_TILES; ++n) {
#pragma unroll
    for (u32 m = 0; m < WAVE_TILES; ++m) b.sum[n][m] = f32x4{};
  }
  if (p.k % STEP) {
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
