// silu_mul: out = silu(gate) * up, silu(v) = v / (1 + e^-v) (SwiGLU, arXiv 2002.05202).
//
// Layout: gate_up bf16 [rows, 2 * cols], a row is gate then up; out bf16 [rows, cols]; cols a
// multiple of 8. Mapping: grid (ceil(cols / 2048), rows), 256 lanes, 16 bytes a lane.
// Bound: memory; rows * cols * 6 bytes, which is the minimum. Used where the GEMM's epilogue does
// not do it already.
#include "dialect.h"

struct SiluMulParams {
  u64 gate_up;  // bf16 [rows, 2 * cols]
  u64 out;      // bf16 [rows, cols]
  u32 cols;
  u32 reserved;
};

INLINE f32 silu_mul_one(f32 gate, f32 up) {
  // e^-v overflows to infinity for v below -88: the quotient is then -0, as it should be.
  return gate * rcp_fast(1.0f + exp2_fast(gate * -LOG2_E)) * up;
}

KERNEL(256, 8) silu_mul(SiluMulParams p) {
  u32 i = block_idx() * 256 + thread_idx();
  if (i >= p.cols / 8) return;
  u64 row = block_idx_y();
  auto gates = at<const u32x4>(p.gate_up + 4ull * p.cols * row);
  auto ups = at<const u32x4>(p.gate_up + 4ull * p.cols * row + 2ull * p.cols);
  u32x4 gate = gates[i], up = ups[i], out;
  for (u32 j = 0; j < 4; ++j) {
    f32 low = silu_mul_one(from_bits(gate[j] << 16), from_bits(up[j] << 16));
    f32 high = silu_mul_one(from_bits(gate[j] & 0xffff0000), from_bits(up[j] & 0xffff0000));
    out[j] = narrow(low) | (u32)narrow(high) << 16;
  }
  at<u32x4>(p.out + 2ull * p.cols * row)[i] = out;
}
