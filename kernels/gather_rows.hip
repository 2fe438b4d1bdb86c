// gather_rows: out[i] = x[indices[i]], the hidden states that become logits.
//
// Formula: `LayerOps::gather_rows`. Layout: x bf16 [num_tokens, cols], out bf16 [rows, cols]; cols
// a multiple of 8. Mapping: one work-group of 256 per row; a lane moves 16 bytes at a time.
// Bound: memory; rows * (4 + 4 * cols) bytes, which is the minimum.
#include "dialect.h"

struct GatherRowsParams {
  u64 x;        // bf16 [num_tokens, cols]
  u64 indices;  // u32 [rows], each below num_tokens
  u64 out;      // bf16 [rows, cols]
  u32 cols;
  u32 reserved;
};

KERNEL(256, 8) gather_rows(GatherRowsParams p) {
  u32 row = block_idx();
  u32 index = uniform(at<const u32>(p.indices)[row]);
  auto from = at<const u32x4>(p.x + 2ull * p.cols * index);
  auto to = at<u32x4>(p.out + 2ull * p.cols * row);
  for (u32 i = thread_idx(); i < p.cols / 8; i += 256) to[i] = from[i];
}
