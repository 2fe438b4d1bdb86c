// RMSNorm of a row by a work-group: cross-lane sums, LDS between waves.
#include "dialect.h"

KERNEL(256) rms_norm(const ushort *x, const ushort *weight, ushort *out, uint n, float epsilon) {
  __shared__ float partial[4];
  uint t = thread_idx();
  const ushort *row = x + (unsigned long)block_idx() * n;
  float sum = 0;
  for (uint i = t; i < n; i += 256) sum += to_float(row[i]) * to_float(row[i]);
  sum += __builtin_bit_cast(float, __builtin_amdgcn_update_dpp(0, __builtin_bit_cast(int, sum), 0xb1, 0xf, 0xf, true));
  sum += __builtin_bit_cast(float, __builtin_amdgcn_update_dpp(0, __builtin_bit_cast(int, sum), 0x141, 0xf, 0xf, false));
  sum += __builtin_bit_cast(float, __builtin_amdgcn_ds_swizzle(__builtin_bit_cast(int, sum), 0x101f));
  for (uint mask = 8; mask < 64; mask *= 2) sum += lane_xor(sum, mask);
  if ((t & 63) == 0) partial[t / 64] = sum;
  barrier();
  float total = partial[0] + partial[1] + partial[2] + partial[3];
  float scale = __builtin_amdgcn_rsqf(total / (float)n + epsilon);
  for (uint i = t; i < n; i += 256) out[(unsigned long)block_idx() * n + i] = to_bf16(to_float(row[i]) * scale * to_float(weight[i]));
}
