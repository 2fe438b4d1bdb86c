// What the matrix kernels share: parameters, the order of sums, epilogues.
//
// out[m][n] = sum_k x[m][k] * w[n][k] (+ bias[n]) (+ residual[m][n]), or of SiLU-mul pairs.
//
// Weights are fragment-major: [ceil(n/16)][ceil(k/32)][64 lanes][8], lane = (k%32)/8*16 + n%16,
// element = k%8, zero where n or k is beyond the matrix. A wave's load of one fragment is 1 KB in
// a row and feeds two 16x16x16 operations. The loader makes it (`weight.rs` of crates/hip).
//
// Order of sums, the same in every kernel, so that a row's bits depend neither on its company nor
// on the kernel chosen (ARCHITECTURE.md, invariant 9):
//  * k is cut into fragments of 32, fragments into SLICES runs of slice_fragments(k), a function
//    of k alone; the last runs may be short or empty;
//  * a slice starts from +0 and adds its fragments in order of k by 16x16x16 operations, weights as
//    operand A and rows of x as operand B: first elements 0..3 of each lane, then 4..7;
//  * slices are added in order: ((s0 + s1) + s2) + ...
// A fragment beyond the end is zero times zero: it adds +0 to a sum that cannot be -0, which
// changes no bit. Hence kernels may round the loop up as they like.
#pragma once
#include "element.h"

// Of classes, as INLINE is of free and static functions.
#define METHOD __device__ inline __attribute__((always_inline))

struct GemmParams {
  u64 x;         // elements [rows, x_stride], 16-byte aligned; columns from k on are never used
  u64 w;         // elements, fragment-major; n rows, k columns
  u64 bias;      // f32 [n], or 0; for SiLU-mul interleaved as the weights are
  u64 residual;  // elements [rows, out_stride], or 0; may be `out`
  u64 out;       // elements or f32 [rows, out_stride], 16-byte aligned
  u64 partial;   // u32 [rows, ceil(n/16), 2] for argmax_final: order of the value, column; or 0
  u32 rows;
  u32 n;
  u32 k;
  u32 x_stride;    // elements, a multiple of 8, at least k
  u32 out_stride;  // elements of the output's type, a multiple of 8, at least its columns
  u32 flags;
};

// Rows of w are gate 0, up 0, gate 1, up 1, ...: out has n / 2 columns, silu(gate) * up.
constexpr u32 SILU_MUL = 1;
// out is f32 (logits); then neither residual nor SILU_MUL.
constexpr u32 OUT_F32 = 2;

constexpr u32 SLICES = 8;
constexpr u32 FRAGMENT_BYTES = 1024;

INLINE u32 num_fragments(u32 k) { return ceil_div(k, 32); }
// Even, so that steps of 64 columns never cross from one slice into the next.
INLINE u32 slice_fragments(u32 k) { return 2 * ceil_div(num_fragments(k), 2 * SLICES); }

constexpr u32 NUM_XCDS = 8;
constexpr u32 GROUP_ROWS = 4;  // row tiles that share a column tile

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

// c + one fragment of w times one of x.
template <typename E>
INLINE f32x4 multiply(u32x4 w, u32x4 x, f32x4 c) {
  c = E::mfma(w.lo, x.lo, c);
  return E::mfma(w.hi, x.hi, c);
}

// A window of memory whose loads give 0 beyond `num_bytes`.
typedef __amdgpu_buffer_rsrc_t Window;
INLINE Window window(u64 address, u32 num_bytes) {
  return __builtin_amdgcn_make_buffer_rsrc((void*)address, 0, num_bytes, 0x00020000);
}
constexpr u32 OUTSIDE = 0xfffffff0;
constexpr int CACHED = 0;
constexpr int STREAMED = 2;  // nt: weights that no one reads again
// `common` bytes further, the same in all lanes.
template <int policy>
INLINE u32x4 load(Window w, u32 offset, u32 common = 0) {
  return __builtin_amdgcn_raw_buffer_load_b128(w, offset, common, policy);
}

// Eight elements of a row of x from column `first` on, those from column k on zeroed.
INLINE u32x4 cut_row(u32x4 v, u32 first, u32 k) {
#pragma unroll
  for (u32 j = 0; j < 4; ++j) {
    u32 at = first + 2 * j;
    v[j] = at + 1 < k ? v[j] : at < k ? v[j] & 0xffff : 0;
  }
  return v;
}

// Higher is more likely, and never 0. NaN is above all, so that one in a row is what is found of the
// row: argmax_final tells. Positive and negative zero are equal.
INLINE u32 logit_order(f32 logit) {
  if (logit != logit) return 0xffffffff;
  u32 b = bits(logit + 0.0f);
  return b >> 31 ? ~b : b | 0x80000000;
}

// The best of a tile's 16 columns for each of its rows.
INLINE void store_best(const GemmParams& p, f32x4 v, u32 row, u32 col) {
  u32 order = 0, token = 0xffffffff;
#pragma unroll
  for (u32 r = 0; r < 4; ++r) {
    u32 o = logit_order(v[r]);
    if (col + r < p.n && o > order) order = o, token = col + r;
  }
#pragma unroll
  for (u32 mask = 16; mask < WAVE; mask *= 2) {
    u32 o = lane_xor(order, mask), t = lane_xor(token, mask);
    if (o > order || (o == order && t < token)) order = o, token = t;
  }
  if (lane_idx() < 16 && row < p.rows) {
    at<u32x2>(p.partial)[(u64)row * ceil_div(p.n, 16) + col / 16] = u32x2{order, token};
  }
}

template <typename E>
INLINE void store_silu_mul(const GemmParams& p, f32x4 v, u32 row, u32 col) {
  u16 out[2];
#pragma unroll
  for (u32 i = 0; i < 2; ++i) {
    f32 gate = v[2 * i];
    out[i] = E::narrowed(gate * rcp_fast(1.0f + exp2_fast(gate * -LOG2_E)) * v[2 * i + 1]);
  }
  u64 index = (u64)row * p.out_stride + col / 2;
  if (col + 4 <= p.n) {
    at<u32>(p.out + 2 * index)[0] = out[0] | (u32)out[1] << 16;
  } else if (col + 2 <= p.n) {
    at<u16>(p.out)[index] = out[0];
  }
}

template <typename E>
INLINE void store_elements(const GemmParams& p, f32x4 v, u32 row, u32 col) {
  u64 index = (u64)row * p.out_stride + col;
  if (col + 4 <= p.n) {
    if (p.residual) {
      u16x4 old = *at<const u16x4>(p.residual + 2 * index);
#pragma unroll
      for (u32 r = 0; r < 4; ++r) v[r] += E::wide(old[r]);
    }
    u16x4 out;
#pragma unroll
    for (u32 r = 0; r < 4; ++r) out[r] = E::narrowed(v[r]);
    *at<u16x4>(p.out + 2 * index) = out;
    return;
  }
#pragma unroll
  for (u32 r = 0; r < 4; ++r) {
    if (col + r >= p.n) return;
    f32 sum = p.residual ? v[r] + E::wide(at<const u16>(p.residual)[index + r]) : v[r];
    at<u16>(p.out)[index + r] = E::narrowed(sum);
  }
}

INLINE void store_f32(const GemmParams& p, f32x4 v, u32 row, u32 col) {
  u64 index = (u64)row * p.out_stride + col;
  if (col + 4 <= p.n) {
    *at<f32x4>(p.out + 4 * index) = v;
    return;
  }
#pragma unroll
  for (u32 r = 0; r < 4; ++r) {
    if (col + r < p.n) at<f32>(p.out)[index + r] = v[r];
  }
}

// Epilogue of one 16x16 tile: this lane's row of the output and its 4 columns from `col` on. All
// lanes of the wave come here, with rows and columns beyond the matrix too.
template <typename E>
INLINE void finish_tile(const GemmParams& p, f32x4 v, u32 row, u32 col) {
  if (p.bias) {
    Window bias = window(p.bias, 4 * p.n);
#pragma unroll
    for (u32 r = 0; r < 4; ++r) {
      v[r] += from_bits(__builtin_amdgcn_raw_buffer_load_b32(bias, 4 * (col + r), 0, CACHED));
    }
  }
  if (p.partial) store_best(p, v, row, col);
  if (row >= p.rows || col >= p.n) return;
  if (p.flags & OUT_F32) {
    store_f32(p, v, row, col);
  } else if (p.flags & SILU_MUL) {
    store_silu_mul<E>(p, v, row, col);
  } else {
    store_elements<E>(p, v, row, col);
  }
}
