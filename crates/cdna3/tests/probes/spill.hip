// Few registers and a private array: spills to scratch, dynamic indices.
#include "dialect.h"

extern "C" __global__ __attribute__((amdgpu_flat_work_group_size(1, 1024), amdgpu_waves_per_eu(8)))
void spilling(const float *in, float *out, const uint *order, uint n) {
  float values[96];
  uint t = thread_idx();
#pragma unroll
  for (uint i = 0; i < 96; i++) values[i] = in[i * n + t];
  for (uint i = 0; i < n; i++) {
    values[order[i] % 96] += values[(order[i] + 1) % 96];
#pragma unroll
    for (uint j = 0; j < 95; j++) values[j] = values[j] * values[j + 1] + (float)i;
  }
#pragma unroll
  for (uint i = 0; i < 96; i++) out[i * n + t] = values[i];
}
