// Attention of one query over a paged cache, with the maximum and the sum kept up online: each wave
// takes every fourth page, the waves' parts are joined through LDS.
#include "dialect.h"

#define DIM 64
#define PAGE 16
#define WAVES 4

// q: [sequence][head][64] f32; keys, values: [page][head][16][64] bf16; pages: [sequence][max_pages];
// lengths: [sequence]; out like q. Grid: heads, sequences.
KERNEL(256) paged_attention(const float *q, const ushort *keys, const ushort *values, const uint *pages,
                            const uint *lengths, float *out, uint heads, uint max_pages, float scale) {
  __shared__ float parts[WAVES][DIM], maxima[WAVES], sums[WAVES];
  uint head = block_idx(), sequence = __builtin_amdgcn_workgroup_id_y();
  uint wave = thread_idx() / 64, lane = thread_idx() % 64;
  uint length = lengths[sequence];
  float query = q[(sequence * heads + head) * DIM + lane] * scale * 1.44269504f;
  float maximum = -__builtin_inff(), sum = 0, part = 0;
  for (uint at = wave; at * PAGE < length; at += WAVES) {
    uint base = (pages[sequence * max_pages + at] * heads + head) * PAGE * DIM;
    uint count = length - at * PAGE < PAGE ? length - at * PAGE : PAGE;
    for (uint key = 0; key < count; key++) {
      float score = query * to_float(keys[base + key * DIM + lane]);
      for (uint mask = 1; mask < 64; mask *= 2) score += lane_xor(score, mask);
      float higher = __builtin_fmaxf(maximum, score);
      float old = __builtin_amdgcn_exp2f(maximum - higher), weight = __builtin_amdgcn_exp2f(score - higher);
      sum = sum * old + weight;
      part = part * old + weight * to_float(values[base + key * DIM + lane]);
      maximum = higher;
    }
  }
  parts[wave][lane] = part;
  if (lane == 0) maxima[wave] = maximum, sums[wave] = sum;
  barrier();
  if (wave != 0) return;
  for (uint w = 0; w < WAVES; w++) maximum = __builtin_fmaxf(maximum, maxima[w]);
  sum = part = 0;
  for (uint w = 0; w < WAVES; w++) {
    if (sums[w] == 0) continue;
    float weight = __builtin_amdgcn_exp2f(maxima[w] - maximum);
    sum += sums[w] * weight;
    part += parts[w][lane] * weight;
  }
  out[(sequence * heads + head) * DIM + lane] = part / sum;
}
