// One matrix operation in each work-group: operands and result in the order of the registers.
#include "dialect.h"

typedef int int4_t __attribute__((ext_vector_type(4)));
typedef _Float16 half4_t __attribute__((ext_vector_type(4)));

// Operand A is different in each work-group, B and C are shared. Register r of lane t is at
// r * 64 + t in C and D.
#define LAYOUT(name, source, result, registers, builtin)                                   \
  KERNEL(64) name(const source *a, const source *b, const uint *c, uint *d) {              \
    uint t = thread_idx();                                                                 \
    result sum;                                                                            \
    for (uint r = 0; r < registers; r++)                                                   \
      sum[r] = __builtin_bit_cast(__typeof__(sum[0] + 0), c[r * 64 + t]);                  \
    sum = builtin(a[block_idx() * 64 + t], b[t], sum, 0, 0, 0);                            \
    for (uint r = 0; r < registers; r++)                                                   \
      d[(block_idx() * registers + r) * 64 + t] =                                          \
          __builtin_bit_cast(uint, (__typeof__(sum[0] + 0))sum[r]);                        \
  }

LAYOUT(bf16_16, short4_t, float4_t, 4, __builtin_amdgcn_mfma_f32_16x16x16bf16_1k)
LAYOUT(f16_16, half4_t, float4_t, 4, __builtin_amdgcn_mfma_f32_16x16x16f16)
LAYOUT(bf16_32, short4_t, float16_t, 16, __builtin_amdgcn_mfma_f32_32x32x8bf16_1k)
LAYOUT(f16_32, half4_t, float16_t, 16, __builtin_amdgcn_mfma_f32_32x32x8f16)
LAYOUT(fp8_16, long, float4_t, 4, __builtin_amdgcn_mfma_f32_16x16x32_fp8_fp8)
LAYOUT(i8_16, long, int4_t, 4, __builtin_amdgcn_mfma_i32_16x16x32_i8)
