// Kernels with an error that an argument switches on: with 0 they are correct.
#include "dialect.h"

// Reads and writes `past` dwords behind its arrays.
KERNEL(64) outside(const uint *in, uint *out, uint past) {
  uint t = thread_idx();
  out[t + past] = in[t] + 1;
}

// Reads LDS `past` dwords further, behind the 256 bytes that the group has.
KERNEL(64) outside_lds(uint *out, uint past) {
  __shared__ uint place[64];
  uint t = thread_idx();
  place[t] = t;
  barrier();
  out[t] = place[t + past];
}

// Lane `skip` - 1 does not write its part of LDS.
KERNEL(64) unwritten_lds(uint *out, uint skip) {
  __shared__ ushort place[128];
  uint t = thread_idx();
  place[2 * t] = (ushort)t;
  if (t + 1 != skip) place[2 * t + 1] = (ushort)(t * 3);
  barrier();
  out[t] = place[127 - 2 * t] + place[126 - 2 * t];
}

// Copies; what it copies may hold nothing.
KERNEL(64) copy(const uint4_t *in, uint4_t *out) { out[thread_idx()] = in[thread_idx()]; }

// Uses loaded values: 1 as an address, 2 as a condition of each lane, 3 as the bound of a loop.
KERNEL(64) decide(const uint *in, uint *out, uint how) {
  uint t = thread_idx(), value = in[t], first = in[0];
  if (how == 1) out[value & 63] = t;
  if (how == 2 && value > 5) out[t] = 7;
  if (how == 3)
    for (uint i = 0; i < (first & 3); i++) out[64 + i] = i;
}

// Selects around what is undefined: bytes, halves, masks and a condition hide it.
KERNEL(64) hidden(const uint *in, const uint *nothing, uint *out) {
  uint t = thread_idx(), value = in[t], hole = nothing[t];
  uint kept = (hole & 0xffff0000u) | (value & 0xffff);
  uint byte = (kept & 0xff) + ((kept >> 8) & 0xff);
  uint chosen = value > 100 ? value : (value > 1000 ? hole : 3);
  ushort low = (ushort)kept;
  out[t] = byte + chosen + low * 3u + __builtin_amdgcn_perm(hole, value, 0x0c030100u);
}

// A matrix operation with rows of A that hold nothing; their results are not stored.
KERNEL(64) matrix_rows(const short4_t *a, const short4_t *b, float *out, uint rows) {
  uint t = thread_idx();
  float4_t sum = {};
  sum = __builtin_amdgcn_mfma_f32_16x16x16bf16_1k(a[t], b[t], sum, 0, 0, 0);
  for (uint e = 0; e < 4; e++)
    if (4 * (t / 16) + e < rows) out[64 * e + t] = sum[e];
}

// Waves read what the others wrote, behind a barrier or not.
KERNEL(256) exchange_lds(uint *out, uint without) {
  __shared__ uint place[256];
  uint t = thread_idx();
  place[t] = t;
  if (!without) barrier();
  out[block_idx() * 256 + t] = place[255 - t];
}

// Neighbouring waves write neighbouring bytes of a dword; with `overlap` the same ones.
KERNEL(128) bytes_lds(uchar *out, uint overlap) {
  __shared__ uchar place[260];
  uint t = thread_idx();
  place[t + 2 + (t < 64 ? overlap : 0)] = (uchar)t;
  barrier();
  out[t] = place[t + 2];
}

// Work-groups and waves write dwords of their own; with `overlap` also one of a neighbour.
KERNEL(128) write_global(uint *out, ushort *halves, uint overlap) {
  uint i = block_idx() * 128 + thread_idx();
  out[i + (overlap == 1 && thread_idx() == 127 ? 1 : 0)] = i;
  halves[i + (overlap == 2 && thread_idx() == 63 ? 1 : 0)] = (ushort)i;
}

// Every lane counts; with `plain`, some lanes without an atomic operation.
KERNEL(64) count(uint *counter, uint plain) {
  if (plain && block_idx() == 1)
    *counter = thread_idx();
  else
    __atomic_fetch_add(counter, 1u, __ATOMIC_RELAXED);
}

// The last work-group adds what all have written; with `without`, lacking the fences.
KERNEL(64) last_group(uint *parts, uint *counter, uint *out, uint groups, uint without) {
  __shared__ uint is_last;
  uint t = thread_idx();
  parts[block_idx() * 64 + t] = block_idx() + t;
  if (!without) __builtin_amdgcn_fence(__ATOMIC_RELEASE, "agent");
  barrier();
  if (t == 0) is_last = __atomic_fetch_add(counter, 1u, __ATOMIC_RELAXED) == groups - 1;
  barrier();
  if (!is_last) return;
  if (!without) __builtin_amdgcn_fence(__ATOMIC_ACQUIRE, "agent");
  uint sum = 0;
  for (uint g = 0; g < groups; g++) sum += parts[g * 64 + t];
  out[t] = sum;
}

// Some lanes stand aside at a barrier.
KERNEL(128) partial_barrier(uint *out, uint aside) {
  __shared__ uint place[128];
  uint t = thread_idx();
  place[t] = t;
  if (t >= aside) barrier();
  out[t] = place[t];
}

// Four dwords at an address that is `off` bytes off.
KERNEL(64) vector_global(const uchar *in, uint4_t *out, uint off) {
  uint t = thread_idx();
  out[t] = *(const uint4_t *)(in + 16 * t + off);
}

// The same in LDS.
KERNEL(64) vector_lds(uint4_t *out, uint off) {
  __shared__ uint4_t place[65];
  uint t = thread_idx();
  place[t] = uint4_t{t, t, t, t};
  if (t == 0) place[64] = uint4_t{};
  barrier();
  out[t] = *(uint4_t *)((uchar *)&place[t] + off);
}

// The last writer wins: the result depends on the order of work-groups and waves.
KERNEL(128) order_dependent(uint *out) { out[0] = block_idx() * 2 + thread_idx() / 64; }
