// FP8 conversion both ways, and a matrix-vector product with 4-bit weights.
#include "dialect.h"

KERNEL(256) quantise_fp8(const float4_t *in, uint *out, float *back, float scale) {
  uint i = block_idx() * 256 + thread_idx();
  float4_t x = in[i] * scale;
  for (int e = 0; e < 4; e++) x[e] = __builtin_amdgcn_fmed3f(x[e], 240.0f, -240.0f);
  uint packed = __builtin_amdgcn_cvt_pk_fp8_f32(x[0], x[1], 0, false);
  packed = __builtin_amdgcn_cvt_pk_fp8_f32(x[2], x[3], packed, true);
  out[i] = packed;
  back[i] = __builtin_amdgcn_cvt_f32_fp8(packed, 2) + __builtin_amdgcn_cvt_f32_bf8(packed, 1);
}

KERNEL(64) gemv_int4(const uint *weights, const ushort *scales, const float *x, float *out, uint k) {
  uint t = thread_idx();
  float sum = 0;
  for (uint i = t; i < k / 8; i += 64) {
    uint w = weights[block_idx() * (k / 8) + i];
    float group = 0;
#pragma unroll
    for (uint e = 0; e < 8; e++) group += ((float)((w >> (4 * e)) & 15) - 8.0f) * x[i * 8 + e];
    sum += group * to_float(scales[i / 4]);
  }
  for (uint mask = 1; mask < 64; mask *= 2) sum += lane_xor(sum, mask);
  if (t == 0) out[block_idx()] = sum;
}
