// Matrix multiplication through LDS with bf16 and fp8 matrix operations.
#include "dialect.h"

KERNEL(256) gemm_bf16(const uint4_t *a, const uint4_t *b, float *c, uint k) {
  __shared__ uint4_t tile[2][256];
  uint t = thread_idx();
  float4_t sum[4] = {};
  for (uint step = 0; step < k / 32; step++) {
    tile[0][t] = a[step * 256 + t];
    tile[1][t] = b[step * 256 + t];
    barrier();
    short4_t left = *(short4_t *)&tile[0][t ^ 1];
#pragma unroll
    for (uint j = 0; j < 4; j++) {
      short4_t right = *(short4_t *)&tile[1][(t * 4 + j) & 255];
      sum[j] = __builtin_amdgcn_mfma_f32_16x16x16bf16_1k(left, right, sum[j], 0, 0, 0);
    }
    barrier();
  }
  for (uint j = 0; j < 4; j++)
    for (uint e = 0; e < 4; e++) c[(block_idx() * 256 + t) * 16 + j * 4 + e] = sum[j][e];
}

KERNEL(64) gemm_fp8(const long *a, const long *b, float *c, uint k) {
  uint t = thread_idx();
  float16_t sum = {};
  for (uint step = 0; step < k; step++)
    sum = __builtin_amdgcn_mfma_f32_32x32x16_fp8_fp8(a[step * 64 + t], b[step * 64 + t], sum, 0, 0, 0);
  for (uint e = 0; e < 16; e++) c[t * 16 + e] = sum[e];
}
