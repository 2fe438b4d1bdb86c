// Atomics, integer division, 64-bit arithmetic, branches, globals, flat and byte accesses.
#include "dialect.h"

__device__ uint counter = 7;
__constant__ uint table[4] = {1, 2, 3, 4};

KERNEL(1024) atomics(uint *histogram, float *sum, unsigned long *wide, const uchar *in, uint n) {
  __shared__ uint bins[256];
  uint t = thread_idx();
  if (t < 256) bins[t] = 0;
  barrier();
  for (uint i = t; i < n; i += 1024) __atomic_fetch_add(&bins[in[i]], 1u, __ATOMIC_RELAXED);
  barrier();
  if (t < 256) __atomic_fetch_add(&histogram[t], bins[t], __ATOMIC_RELAXED);
  if (t == 0) wide[1] = __atomic_fetch_add(&counter, 1u, __ATOMIC_SEQ_CST) + table[n & 3];
  unsigned long expected = t;
  __atomic_compare_exchange_n(wide, &expected, (unsigned long)t, false, __ATOMIC_ACQ_REL, __ATOMIC_RELAXED);
  __atomic_fetch_max(&wide[2], expected, __ATOMIC_RELAXED);
  __builtin_amdgcn_global_atomic_fadd_f32((__attribute__((address_space(1))) float *)sum, 1.0f);
}

KERNEL(256) division(const int *a, const int *b, int *out, const long *c, long *d, uint n) {
  uint i = block_idx() * 256 + thread_idx();
  if (i >= n) return;
  out[i] = a[i] / b[i] + a[i] % b[n - i];
  d[i] = c[i] / c[n - i] ^ (long)((unsigned long)c[i] % 10);
  if (b[i] > 100)
    out[i] *= __builtin_popcount(a[i]) + __builtin_clz(b[i]);
  else if (b[i] < -5)
    out[i] = (signed char)a[i] * (short)b[i];
}
