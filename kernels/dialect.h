// The part of HIP and of the gfx942 instruction set that the kernels need, freestanding.
//
// Kernels are compiled with -nogpuinc -nogpulib: neither HIP's headers nor the ROCm device library
// take part, so clang and lld are all a build machine needs.
//
// Conventions of every kernel:
//  * one parameter struct by value: device addresses as u64, counts as u32, numbers as f32;
//  * bf16 is stored as u16 and computed in f32; results are rounded to nearest even;
//  * pointers are in the global address space, so that accesses are global_*, never flat_*.
#pragma once

#define __global__ __attribute__((global))
#define __device__ __attribute__((device))
#define __shared__ __attribute__((shared))
#define __constant__ __attribute__((constant))

// A kernel of at most `threads` work-items per work-group that needs `waves` waves per SIMD. With
// two or more, clang-19 selects the forms of MFMA that work on VGPRs, without copies to and from
// AGPRs.
#define KERNEL(threads, waves) \
  extern "C" __global__ __attribute__((amdgpu_flat_work_group_size(threads, threads), \
                                       amdgpu_waves_per_eu(waves))) void
#define INLINE static __device__ inline __attribute__((always_inline))

typedef unsigned char u8;
typedef unsigned short u16;
typedef unsigned int u32;
typedef unsigned long long u64;
typedef int i32;
typedef float f32;
typedef double f64;

typedef f32 f32x2 __attribute__((ext_vector_type(2)));
typedef f32 f32x4 __attribute__((ext_vector_type(4)));
typedef f32 f32x16 __attribute__((ext_vector_type(16)));
typedef u16 u16x2 __attribute__((ext_vector_type(2)));
typedef u16 u16x4 __attribute__((ext_vector_type(4)));
typedef short i16x4 __attribute__((ext_vector_type(4)));
typedef u32 u32x2 __attribute__((ext_vector_type(2)));
typedef u32 u32x4 __attribute__((ext_vector_type(4)));

template <typename T>
using global = __attribute__((address_space(1))) T*;
template <typename T>
using local = __attribute__((address_space(3))) T*;

// A device address of a parameter struct as a pointer.
template <typename T>
INLINE global<T> at(u64 address) {
  return (global<T>)address;
}

constexpr u32 WAVE = 64;
constexpr f32 LOG2_E = 1.44269504088896340736f;
constexpr f32 LN_2 = 0.69314718055994530942f;
constexpr f32 INFINITY_F32 = __builtin_inff();

INLINE u32 thread_idx() { return __builtin_amdgcn_workitem_id_x(); }
INLINE u32 block_idx() { return __builtin_amdgcn_workgroup_id_x(); }
INLINE u32 block_idx_y() { return __builtin_amdgcn_workgroup_id_y(); }
INLINE u32 block_idx_z() { return __builtin_amdgcn_workgroup_id_z(); }
INLINE u32 lane_idx() { return __builtin_amdgcn_mbcnt_hi(~0u, __builtin_amdgcn_mbcnt_lo(~0u, 0u)); }
// The same in all lanes of a wave, and known to be: addresses made from it are scalar.
INLINE u32 uniform(u32 value) { return __builtin_amdgcn_readfirstlane(value); }
INLINE u32 wave_idx() { return uniform(thread_idx() / WAVE); }

// Orders LDS and global accesses of the work-group before and after.
INLINE void barrier() {
  __builtin_amdgcn_fence(__ATOMIC_RELEASE, "workgroup");
  __builtin_amdgcn_s_barrier();
  __builtin_amdgcn_fence(__ATOMIC_ACQUIRE, "workgroup");
}

// Nothing is moved across: behind a group of loads it keeps the compiler from sinking them to their
// uses, which would leave few bytes in flight.
INLINE void pin_order() { __builtin_amdgcn_sched_barrier(0); }

INLINE u32 bits(f32 value) { return __builtin_bit_cast(u32, value); }
INLINE f32 from_bits(u32 value) { return __builtin_bit_cast(f32, value); }

INLINE f32 widen(u16 bf16) { return from_bits((u32)bf16 << 16); }
// To nearest even; NaN stays NaN, with the quiet bit set.
INLINE u16 narrow(f32 value) {
  u32 b = bits(value);
  u32 rounded = b + 0x7fff + ((b >> 16) & 1);
  rounded = value != value ? b | 0x400000 : rounded;
  return (u16)(rounded >> 16);
}
// Two at once, the first in the low half. For finite values: NaN may become infinity.
INLINE u32 narrow_pair(f32 low, f32 high) {
  u32 a = bits(low), b = bits(high);
  a += 0x7fff + ((a >> 16) & 1);
  b += 0x7fff + ((b >> 16) & 1);
  return __builtin_amdgcn_perm(b, a, 0x07060302);
}

INLINE f32 max(f32 a, f32 b) { return __builtin_fmaxf(a, b); }
INLINE f32 min(f32 a, f32 b) { return __builtin_fminf(a, b); }
INLINE u32 max(u32 a, u32 b) { return a > b ? a : b; }
INLINE u32 min(u32 a, u32 b) { return a < b ? a : b; }
INLINE u32 ceil_div(u32 a, u32 b) { return (a + b - 1) / b; }
// Within 1 ulp.
INLINE f32 exp2_fast(f32 value) { return __builtin_amdgcn_exp2f(value); }
INLINE f32 log2_fast(f32 value) { return __builtin_amdgcn_logf(value); }
INLINE f32 rcp_fast(f32 value) { return __builtin_amdgcn_rcpf(value); }

// The value of the lane whose number differs in the bits of `mask`.
INLINE u32 lane_xor(u32 value, u32 mask) {
  return __builtin_amdgcn_ds_bpermute((lane_idx() ^ mask) << 2, value);
}
INLINE f32 lane_xor(f32 value, u32 mask) { return from_bits(lane_xor(bits(value), mask)); }

// One step of a reduction within 16 lanes by DPP, without LDS.
template <u32 control>
INLINE f32 row_move(f32 value) {
  return from_bits(__builtin_amdgcn_update_dpp(0, bits(value), control, 0xf, 0xf, false));
}
// Sum and maximum over the wave, the same bits in all lanes: each step adds two values that both
// partners have, so that the order of the sum is one balanced tree.
INLINE f32 wave_sum(f32 v) {
  v += row_move<0xb1>(v);   // quad_perm [1,0,3,2]
  v += row_move<0x4e>(v);   // quad_perm [2,3,0,1]
  v += row_move<0x141>(v);  // row_half_mirror
  v += row_move<0x140>(v);  // row_mirror
  v += lane_xor(v, 16);
  v += lane_xor(v, 32);
  return v;
}
INLINE f32 wave_max(f32 v) {
  v = max(v, row_move<0xb1>(v));
  v = max(v, row_move<0x4e>(v));
  v = max(v, row_move<0x141>(v));
  v = max(v, row_move<0x140>(v));
  v = max(v, lane_xor(v, 16));
  return max(v, lane_xor(v, 32));
}

// d[i][j] = c + sum_k a[i][k] b[k][j], 16x16x16. Lane l: a holds row l%16, k = 4(l/16)+e; b holds
// column l%16, the same k; c and d hold column l%16, rows 4(l/16)+r (AMD matrix instruction
// calculator, CDNA3).
INLINE f32x4 mfma_16x16x16(u32x2 a, u32x2 b, f32x4 c) {
  return __builtin_amdgcn_mfma_f32_16x16x16bf16_1k(__builtin_bit_cast(i16x4, a),
                                                   __builtin_bit_cast(i16x4, b), c, 0, 0, 0);
}
