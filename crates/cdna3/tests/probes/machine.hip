// What kernels ask of the machine: shapes of grids, hidden arguments, dynamic LDS, loads to LDS,
// time, hardware registers, lanes, calls, contended atomics, functions of f32.
#include "dialect.h"

// Each work-item's ids, sizes and the hidden arguments, at its place in the whole grid.
KERNEL(256) shapes(uint4_t *out, uint *sizes) {
  uint id[3] = {thread_idx(), __builtin_amdgcn_workitem_id_y(), __builtin_amdgcn_workitem_id_z()};
  uint group[3] = {block_idx(), __builtin_amdgcn_workgroup_id_y(), __builtin_amdgcn_workgroup_id_z()};
  const __attribute__((address_space(4))) uint *hidden =
      (const __attribute__((address_space(4))) uint *)__builtin_amdgcn_implicitarg_ptr();
  uint size[3] = {hidden[3] & 0xffff, hidden[3] >> 16, hidden[4] & 0xffff};
  uint x = group[0] * size[0] + id[0], y = group[1] * size[1] + id[1], z = group[2] * size[2] + id[2];
  uint at = (z * hidden[1] * size[1] + y) * hidden[0] * size[0] + x;
  out[at] = (uint4_t){x, y, z, id[0] | id[1] << 8 | id[2] << 16};
  if (at == 0)
    for (uint i = 0; i < 17; i++) sizes[i] = hidden[i];
}

// Reverses a block through dynamic LDS, behind a static part.
extern __shared__ uint dynamic[];
KERNEL(256) reversed(const uint *in, uint *out, uint n) {
  __shared__ uint first[4];
  uint t = thread_idx();
  if (t < 4) first[t] = t + 100;
  dynamic[t] = in[block_idx() * n + t];
  barrier();
  out[block_idx() * n + t] = dynamic[n - 1 - t] + first[t & 3];
}

// A tile straight from memory to LDS, then read by neighbours. In assembly, for clang 19 stops with
// an internal error at `__builtin_amdgcn_global_load_lds`.
static __device__ void load_to_lds(const uint *from, uint *to) {
  uint base = __builtin_amdgcn_readfirstlane((uint)(unsigned long)(__attribute__((address_space(3))) uint *)to);
  asm volatile("s_mov_b32 m0, %0\ns_nop 0\nglobal_load_lds_dword %1, off" : : "s"(base), "v"(from) : "memory");
}

KERNEL(64) to_lds(const uint *in, uint *out) {
  __shared__ uint tile[128];
  uint t = thread_idx();
  load_to_lds(in + t, tile);
  load_to_lds(in + 127 - t, tile + 64);
  asm volatile("s_waitcnt vmcnt(0)" : : : "memory");
  barrier();
  out[t] = tile[(t + 1) & 63] + tile[64 + (t ^ 3)];
}

// Time, hardware registers and single lanes.
KERNEL(64) registers(const uint *in, uint *out) {
  uint t = thread_idx();
  unsigned long before = __builtin_amdgcn_s_memtime();
  uint value = in[t];
  uint mode = __builtin_amdgcn_s_getreg(1 | 31 << 11), xcc = __builtin_amdgcn_s_getreg(20 | 3 << 11);
  uint picked = __builtin_amdgcn_readlane(value, in[0] & 63);
  uint first = t >= 5 ? __builtin_amdgcn_readfirstlane(value) : 0;
  unsigned long after = __builtin_amdgcn_s_memtime();
  out[t] = picked;
  out[64 + t] = first;
  if (t == 0) out[128] = mode, out[129] = xcc, out[130] = after > before;
}

#define DPP(value, control, rows)                                                                            \
  __builtin_bit_cast(float, __builtin_amdgcn_update_dpp(0, __builtin_bit_cast(int, value), control, rows, 0xf, false))

// Rows of 4-bit weights times a vector; the sum goes up through the rows to lane 63.
KERNEL(64) gemv_dpp(const uint *weights, const float *scales, const float *x, float *out, uint k) {
  uint t = thread_idx();
  float sum = 0;
  for (uint i = t; i < k / 8; i += 64) {
    uint w = weights[block_idx() * (k / 8) + i];
    float group = 0;
    for (uint e = 0; e < 8; e++) group += ((float)((w >> (4 * e)) & 15) - 8.0f) * x[i * 8 + e];
    sum += group * scales[block_idx() * (k / 32) + i / 4];
  }
  sum += DPP(sum, 0x111, 0xf);
  sum += DPP(sum, 0x112, 0xf);
  sum += DPP(sum, 0x114, 0xf);
  sum += DPP(sum, 0x118, 0xf);
  sum += DPP(sum, 0x142, 0xa);
  sum += DPP(sum, 0x143, 0xc);
  float total = __builtin_bit_cast(float, __builtin_amdgcn_readlane(__builtin_bit_cast(int, sum), 63));
  if (t == 0) out[block_idx()] = total;
}

// All work-groups at the same places.
KERNEL(256) contended(uint *words, unsigned long *wide, float *sum) {
  uint at = block_idx() * 256 + thread_idx();
  __atomic_fetch_add(&words[0], at, __ATOMIC_RELAXED);
  __atomic_fetch_max(&words[1], at * 2654435761u, __ATOMIC_RELAXED);
  __atomic_fetch_min(&words[2], at * 2654435761u, __ATOMIC_RELAXED);
  __atomic_fetch_xor(&words[3], at * 2654435761u, __ATOMIC_RELAXED);
  __atomic_fetch_or(&words[4], 1u << (at & 31), __ATOMIC_RELAXED);
  __atomic_fetch_add(&wide[0], (unsigned long)at << 30, __ATOMIC_RELAXED);
  __atomic_fetch_sub(&wide[1], (unsigned long)at, __ATOMIC_RELAXED);
  // A loop of exchanges that fail when another lane was first.
  uint seen = __atomic_load_n((uint *)sum, __ATOMIC_RELAXED), wanted;
  do wanted = __builtin_bit_cast(uint, __builtin_bit_cast(float, seen) + 0.5f);
  while (!__atomic_compare_exchange_n((uint *)sum, &seen, wanted, false, __ATOMIC_RELAXED, __ATOMIC_RELAXED));
}

KERNEL(256) division64(const unsigned long *a, const unsigned long *b, unsigned long *out, uint n) {
  uint i = block_idx() * 256 + thread_idx();
  if (i >= n) return;
  out[4 * i] = a[i] / b[i];
  out[4 * i + 1] = a[i] % b[i];
  out[4 * i + 2] = (unsigned long)((long)a[i] / (long)b[i]);
  out[4 * i + 3] = (unsigned long)((long)a[i] % (long)b[i]);
}

KERNEL(256) functions(const float *x, const float *y, float *out, uint n) {
  uint i = block_idx() * 256 + thread_idx();
  if (i >= n) return;
  out[5 * i] = __builtin_expf(x[i]);
  out[5 * i + 1] = __builtin_sinf(x[i]);
  out[5 * i + 2] = __builtin_amdgcn_exp2f(x[i] * __builtin_amdgcn_logf(y[i]));
  out[5 * i + 3] = __builtin_logf(y[i]);
  out[5 * i + 4] = __builtin_sqrtf(y[i]) / x[i];
}

// A function that is called, and keeps registers on the stack.
__attribute__((noinline)) static __device__ uint mixed(uint value, uint depth) {
  volatile uint kept[4] = {value, value * 3, value ^ depth, depth};
  for (uint i = 0; i < depth; i++) kept[i & 3] += kept[(i + 1) & 3];
  return kept[0] + kept[1] * 5 + kept[2] * 7 + kept[3] * 11;
}

KERNEL(64) calls(const uint *in, uint *out) {
  uint t = thread_idx();
  out[t] = mixed(in[t], 5) + mixed(in[t ^ 1], t & 7);
}
