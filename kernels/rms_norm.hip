// rms_norm:     out = x / sqrt(mean(x^2) + eps) * weight        (RMSNorm, arXiv 1910.07467)
// add_rms_norm: residual = narrowed(residual + delta); out = rms_norm(residual)
//
// Elements are bf16, or f16 in {add_,}rms_norm_f16.
// Layout: rows of `cols` elements, cols a multiple of 8; weight f32 [cols] (a checkpoint's bf16 widened,
// so that offsets such as Gemma's 1 + w are not rounded again). In the second, the norm reads the
// sum as it was stored, so that it equals a rms_norm of the stored residual bit by bit.
// Mapping: one work-group of 256 per row. Lane t owns the 8 elements at 8 * (t + 256 * i); its sum
// runs over i in order, then a balanced tree over lanes, then the four waves in order: the order
// depends on cols only.
// Bound: memory; rows * cols * 4 (8 with the addition) bytes and the weight once. Up to 8192
// columns the row stays in registers, so that x is read once; longer rows are read twice, the
// second time from cache.
#include "element.h"

struct RmsNormParams {
  u64 x;       // elements [rows, cols]; of add_rms_norm: the residual, read and written
  u64 delta;   // elements [rows, cols]; not read by rms_norm
  u64 weight;  // f32 [cols]
  u64 out;     // elements [rows, cols]
  u32 cols;
  f32 eps;
};

// Pieces of 2048 columns that stay in registers.
constexpr u32 KEPT = 4;

template <typename E>
INLINE f32 low_half(u32 pair) {
  return E::wide((u16)pair);
}
template <typename E>
INLINE f32 high_half(u32 pair) {
  return E::wide((u16)(pair >> 16));
}

template <typename E>
INLINE f32 sum_of_squares(u32x4 v, f32 sum) {
  for (u32 j = 0; j < 4; ++j) {
    f32 low = low_half<E>(v[j]), high = high_half<E>(v[j]);
    sum = __builtin_fmaf(low, low, sum);
    sum = __builtin_fmaf(high, high, sum);
  }
  return sum;
}

template <typename E>
INLINE u32x4 add_pairs(u32x4 a, u32x4 b) {
  u32x4 sum;
  for (u32 j = 0; j < 4; ++j) {
    sum[j] = E::narrowed_pair(low_half<E>(a[j]) + low_half<E>(b[j]),
                              high_half<E>(a[j]) + high_half<E>(b[j]));
  }
  return sum;
}

template <typename E>
INLINE void store_normed(const RmsNormParams& p, u64 row_bytes, u32 i, u32x4 v, f32 scale) {
  auto weight = at<const f32x4>(p.weight);
  f32x4 w0 = weight[2 * i], w1 = weight[2 * i + 1];
  u32x4 out;
  for (u32 j = 0; j < 4; ++j) {
    f32 wl = j < 2 ? w0[2 * j] : w1[2 * j - 4], wh = j < 2 ? w0[2 * j + 1] : w1[2 * j - 3];
    out[j] = E::narrowed_pair(low_half<E>(v[j]) * scale * wl, high_half<E>(v[j]) * scale * wh);
  }
  at<u32x4>(p.out + row_bytes)[i] = out;
}

template <typename E, bool add>
INLINE void norm_row(const RmsNormParams& p) {
  __shared__ f32 partial[4];
  u64 row_bytes = 2ull * p.cols * block_idx();
  u32 num = p.cols / 8, t = thread_idx();
  auto x = at<u32x4>(p.x + row_bytes);
  auto delta = at<const u32x4>(p.delta + row_bytes);
  u32x4 kept[KEPT];
  f32 sum = 0.0f;
#pragma unroll
  for (u32 k = 0; k < KEPT; ++k) {
    u32 i = t + 256 * k;
    if (i < num) {
      kept[k] = x[i];
      if (add) {
        kept[k] = add_pairs<E>(kept[k], delta[i]);
        x[i] = kept[k];
      }
      sum = sum_of_squares<E>(kept[k], sum);
    }
  }
  for (u32 i = t + 256 * KEPT; i < num; i += 256) {
    u32x4 v = x[i];
    if (add) {
      v = add_pairs<E>(v, delta[i]);
      x[i] = v;
    }
    sum = sum_of_squares<E>(v, sum);
  }
  sum = wave_sum(sum);
  if (lane_idx() == 0) partial[wave_idx()] = sum;
  barrier();
  sum = ((partial[0] + partial[1]) + partial[2]) + partial[3];
  f32 scale = 1.0f / __builtin_sqrtf(sum / (f32)p.cols + p.eps);
#pragma unroll
  for (u32 k = 0; k < KEPT; ++k) {
    u32 i = t + 256 * k;
    if (i < num) store_normed<E>(p, row_bytes, i, kept[k], scale);
  }
  // A lane reads back what it wrote itself.
  for (u32 i = t + 256 * KEPT; i < num; i += 256) store_normed<E>(p, row_bytes, i, x[i], scale);
}

KERNEL(256, 8) rms_norm(RmsNormParams p) { norm_row<Bf16, false>(p); }
KERNEL(256, 8) add_rms_norm(RmsNormParams p) { norm_row<Bf16, true>(p); }
KERNEL(256, 8) rms_norm_f16(RmsNormParams p) { norm_row<F16, false>(p); }
KERNEL(256, 8) add_rms_norm_f16(RmsNormParams p) { norm_row<F16, true>(p); }
