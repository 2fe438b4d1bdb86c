// repack_w: a row-major weight, or a part of one, to the fragment-major layout of gemm.h.
//
// dst row = first + step * (row of src). Parts of a fused matrix come one by one: QKV with step 1
// and three values of first; gate and up with step 2, first 0 and 1, which is the order that the
// SiLU-mul epilogue wants. Rows of other parts are left alone; rows from n to the next multiple of
// 16 and columns from k to the next multiple of 32 become zero.
//
// Types: bf16, f16 or f32 to bf16 or f16, rounded to nearest even; equal types are copied bit by
// bit. Layout: src [src_rows, src_stride], any alignment of its type; dst as in gemm.h.
// Mapping: with tiles = ceil((first + step * (src_rows - 1) + 1) / 16) - first / 16, grid
// (ceil(ceil(k/32) / 4), tiles), 256 lanes, no LDS; a wave makes one fragment.
// Bound: memory; once per load of a model.
#include "gemm.h"

struct RepackParams {
  u64 src;
  u64 dst;
  u32 src_rows;
  u32 src_stride;  // elements
  u32 k;           // columns of both
  u32 n;           // rows of the whole dst
  u32 first;
  u32 step;        // at least 1
  u32 src_type;    // 0 bf16, 1 f16, 2 f32
  u32 dst_type;    // 0 bf16, 1 f16
};

constexpr u32 TYPE_BF16 = 0, TYPE_F16 = 1;

INLINE u16 converted(const RepackParams& p, u64 index) {
  if (p.src_type <= TYPE_F16) {
    u16 v = at<const u16>(p.src)[index];
    if (p.src_type == p.dst_type) return v;
    return p.src_type == TYPE_BF16 ? F16::narrowed(widen(v)) : narrow(F16::wide(v));
  }
  f32 v = at<const f32>(p.src)[index];
  return p.dst_type == TYPE_BF16 ? narrow(v) : F16::narrowed(v);
}

KERNEL(256, 8) repack_w(RepackParams p) {
  u32 fragment = block_idx() * 4 + wave_idx(), lane = lane_idx();
  if (fragment >= num_fragments(p.k)) return;
  u32 tile = p.first / 16 + block_idx_y(), row = tile * 16 + lane % 16;
  u32 col = fragment * 32 + lane / 16 * 8;
  u32 src_row = (row - p.first) / p.step;
  bool mine = row >= p.first && src_row * p.step == row - p.first && src_row < p.src_rows;
  bool pad = row >= p.n;
  if (!mine && !pad) return;
  u16x8 out = {};
  if (!pad) {
    u64 index = (u64)src_row * p.src_stride + col;
#pragma unroll
    for (u32 j = 0; j < 8; ++j) {
      if (col + j < p.k) out[j] = converted(p, index + j);
    }
  }
  u64 at_fragment = (u64)tile * num_fragments(p.k) + fragment;
  at<u16x8>(p.dst + at_fragment * FRAGMENT_BYTES)[lane] = out;
}
