// Corners that compiled code reaches rarely, in assembly where the compiler would avoid them.
#include "dialect.h"

// Stores and loads LDS with accumulation registers as data.
KERNEL(64) lds_with_agprs(const uint *in, uint *out) {
  __shared__ uint place[64];
  uint t = thread_idx(), result;
  uint at = (uint)(unsigned long)(__attribute__((address_space(3))) uint *)&place[t ^ 1];
  asm volatile("v_accvgpr_write_b32 a5, %2\n"
               "s_nop 4\n"
               "ds_write_b32 %1, a5\n"
               "s_waitcnt lgkmcnt(0)\n"
               "ds_read_b32 a7, %1\n"
               "s_waitcnt lgkmcnt(0)\n"
               "v_accvgpr_read_b32 %0, a7"
               : "=v"(result)
               : "v"(at), "v"(in[t])
               : "a5", "a7", "memory");
  barrier();
  out[t] = result;
  out[64 + t] = *(volatile uint *)&place[t];
}

// Source and destination of a DPP operation are one register.
KERNEL(64) dpp_in_place(const uint *in, uint *out) {
  uint t = thread_idx(), moved = in[t], summed = in[t];
  asm volatile("s_nop 4\n"
               "v_mov_b32_dpp %0, %0 row_ror:3 row_mask:0xf bank_mask:0xf\n"
               "v_add_u32_dpp %1, %1, %1 row_shr:1 row_mask:0xf bank_mask:0xf"
               : "+v"(moved), "+v"(summed));
  out[t] = moved;
  out[64 + t] = summed;
}

// What LDS holds before it is written.
KERNEL(64) fresh_lds(uint *out) {
  __shared__ uint place[64];
  uint t = thread_idx(), result;
  uint at = (uint)(unsigned long)(__attribute__((address_space(3))) uint *)&place[t];
  asm volatile("ds_read_b32 %0, %1\ns_waitcnt lgkmcnt(0)" : "=v"(result) : "v"(at) : "memory");
  out[t] = result;
  if (result == 1) place[t] = 0;
}

// A raw buffer of `size` bytes, copied with each lane's dword up to four times its end.
KERNEL(64) raw_buffer(uint *in, uint *out, uint size) {
  uint t = thread_idx();
  __amdgpu_buffer_rsrc_t from = __builtin_amdgcn_make_buffer_rsrc(in, 0, size, 0x00020000);
  __amdgpu_buffer_rsrc_t to = __builtin_amdgcn_make_buffer_rsrc(out, 0, size, 0x00020000);
  uint one = __builtin_amdgcn_raw_buffer_load_b32(from, t * 4, 0, 0);
  uint4_t four = __builtin_amdgcn_raw_buffer_load_b128(from, t * 16, 0, 0);
  __builtin_amdgcn_raw_buffer_store_b32(one + 1, to, t * 4, 0, 0);
  for (uint e = 0; e < 4; e++) out[64 + t * 4 + e] = four[e];
  out[64 + 256 + t] = one;
}
