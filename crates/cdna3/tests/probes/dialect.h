// The part of HIP that the probes need, without its headers.
#pragma once

#define __global__ __attribute__((global))
#define __device__ __attribute__((device))
#define __shared__ __attribute__((shared))
#define __constant__ __attribute__((constant))
#define KERNEL(threads) extern "C" __global__ __attribute__((amdgpu_flat_work_group_size(1, threads))) void

typedef unsigned int uint;
typedef unsigned short ushort;
typedef unsigned char uchar;
typedef float float2_t __attribute__((ext_vector_type(2)));
typedef float float4_t __attribute__((ext_vector_type(4)));
typedef float float16_t __attribute__((ext_vector_type(16)));
typedef short short4_t __attribute__((ext_vector_type(4)));
typedef uint uint4_t __attribute__((ext_vector_type(4)));
typedef _Float16 half2_t __attribute__((ext_vector_type(2)));

static inline __device__ uint thread_idx() { return __builtin_amdgcn_workitem_id_x(); }
static inline __device__ uint block_idx() { return __builtin_amdgcn_workgroup_id_x(); }
static inline __device__ void barrier() {
  __builtin_amdgcn_fence(__ATOMIC_RELEASE, "workgroup");
  __builtin_amdgcn_s_barrier();
  __builtin_amdgcn_fence(__ATOMIC_ACQUIRE, "workgroup");
}
static inline __device__ float lane_xor(float value, uint mask) {
  uint lane = __builtin_amdgcn_mbcnt_hi(~0u, __builtin_amdgcn_mbcnt_lo(~0u, 0u));
  return __builtin_bit_cast(float, __builtin_amdgcn_ds_bpermute((lane ^ mask) << 2, __builtin_bit_cast(int, value)));
}
static inline __device__ float to_float(ushort bf16) { return __builtin_bit_cast(float, (uint)bf16 << 16); }
static inline __device__ ushort to_bf16(float value) {
  uint bits = __builtin_bit_cast(uint, value);
  return (ushort)((bits + 0x7fff + ((bits >> 16) & 1)) >> 16);
}
