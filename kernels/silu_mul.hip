// silu_mul: out = silu(gate) * up, silu(v) = v / (1 + e^-v) (SwiGLU, arXiv 2002.05202).
//
// Elements are bf16, or f16 in silu_mul_f16.
// Layout: gate_up [rows, 2 * cols], a row is gate then up; out [rows, cols]; cols a multiple of 8.
// Mapping: grid (ceil(cols / 2048), rows), 256 lanes, 16 bytes a lane.
// Bound: memory; rows * cols * 6 bytes, which is the minimum. Used where the GEMM's epilogue does
// not do it already.
#include "element.h"

struct SiluMulParams {
  u64 gate_up;  // elements [rows, 2 * cols]
  u64 out;      // elements [rows, cols]
  u32 cols;
  u32 reserved;
};

INLINE f32 silu_mul_one(f32 gate, f32 up) {
  // e^-v overflows to infinity for v below -88: the quotient is then -0, as it should be.
  return gate * rcp_fast(1.0f + exp2_fast(gate * -LOG2_E)) * up;
}

template <typename E>
INLINE void silu_mul_row(const SiluMulParams& p) {
  u32 i = block_idx() * 256 + thread_idx();
  if (i >= p.cols / 8) return;
  u64 row = block_idx_y();
  auto gates = at<const u32x4>(p.gate_up + 4ull * p.cols * row);
  auto ups = at<const u32x4>(p.gate_up + 4ull * p.cols * row + 2ull * p.cols);
  u32x4 gate = gates[i], up = ups[i], out;
  for (u32 j = 0; j < 4; ++j) {
    f32 low = silu_mul_one(E::wide((u16)gate[j]), E::wide((u16)up[j]));
    f32 high = silu_mul_one(E::wide((u16)(gate[j] >> 16)), E::wide((u16)(up[j] >> 16)));
    out[j] = E::narrowed_pair(low, high);
  }
  at<u32x4>(p.out + 2ull * p.cols * row)[i] = out;
}

KERNEL(256, 8) silu_mul(SiluMulParams p) { silu_mul_row<Bf16>(p); }
KERNEL(256, 8) silu_mul_f16(SiluMulParams p) { silu_mul_row<F16>(p); }
