// Elementwise arithmetic with a ragged tail; exponential, logarithm, sine, packed math.
#include "dialect.h"

KERNEL(256) silu_mul(const float *gate, const float *up, float *out, uint n) {
  uint i = block_idx() * 256 + thread_idx();
  if (i >= n) return;
  float g = gate[i];
  out[i] = g / (1.0f + __builtin_expf(-g)) * up[i];
}

KERNEL(256) transcendental(const float *in, float *out, const double *in64, double *out64, uint n) {
  for (uint i = block_idx() * 256 + thread_idx(); i < n; i += 1024) {
    float x = in[i];
    out[i] = __builtin_logf(x) + __builtin_amdgcn_sinf(x) * __builtin_sqrtf(x) + __builtin_exp2f(x) + __builtin_floorf(x);
    out64[i] = __builtin_fma(in64[i], in64[i], 0.5) / in64[n - i] + __builtin_sqrt(in64[i]);
  }
}

KERNEL(256) packed(const float2_t *a, const float2_t *b, float2_t *out, const half2_t *c, half2_t *d) {
  uint i = thread_idx();
  out[i] = a[i] * b[i] + out[i];
  d[i] = c[i] * c[i + 1] + d[i];
}
