// Matrix multiplication through two LDS buffers: one is filled while the other is used. One kernel
// for each family of matrix operations; one wave and one n x n tile of C in each work-group.
#include "dialect.h"

typedef _Float16 half4_t __attribute__((ext_vector_type(4)));
typedef int int4_t __attribute__((ext_vector_type(4)));
typedef int int16_t_ __attribute__((ext_vector_type(16)));
typedef double double4_t __attribute__((ext_vector_type(4)));

// Row of element r of a lane's part of C, by the ISA guide.
template <int N, bool WIDE> static __device__ uint row_of(uint lane, uint r) {
  if (WIDE) return 4 * r + lane / 16;
  return N == 16 ? 4 * (lane / 16) + r : 8 * (r / 4) + 4 * (lane / 32) + r % 4;
}

// a: [m][k] row by row, b: [n][k] column by column; c: [m][n].
template <typename Op>
static __device__ void multiply(const typename Op::Element *a, const typename Op::Element *b,
                                typename Op::Result *c, uint k, uint columns) {
  typedef typename Op::Element Element;
  typedef typename Op::Fragment Fragment;
  const uint N = Op::N, K = Op::K, PER_LANE = N * K / 64;
  __shared__ Fragment tiles[2][2][64];
  uint lane = thread_idx(), row = lane % N, part = lane / N * PER_LANE;
  const Element *from_a = a + (__builtin_amdgcn_workgroup_id_y() * N + row) * k + part;
  const Element *from_b = b + (block_idx() * N + row) * k + part;
  typename Op::Sum sum = {};
  // Neighbours' fragments are kept, so that the data has to go through LDS.
  tiles[0][0][lane ^ 1] = *(const Fragment *)from_a;
  tiles[0][1][lane ^ 1] = *(const Fragment *)from_b;
  barrier();
  for (uint step = 0; step < k / K; step++) {
    uint next = step + 1;
    if (next < k / K) {
      tiles[next & 1][0][lane ^ 1] = *(const Fragment *)(from_a + next * K);
      tiles[next & 1][1][lane ^ 1] = *(const Fragment *)(from_b + next * K);
    }
    sum = Op::step(tiles[step & 1][0][lane ^ 1], tiles[step & 1][1][lane ^ 1], sum);
    barrier();
  }
  for (uint r = 0; r < N * N / 64; r++) {
    uint i = __builtin_amdgcn_workgroup_id_y() * N + row_of<Op::N, sizeof(Element) == 8>(lane, r);
    c[i * columns + block_idx() * N + lane % N] = sum[r];
  }
}

#define FAMILY(name, element, fragment, sum_type, result, n, depth, call)                                   \
  struct name##_op {                                                                                        \
    typedef element Element;                                                                                \
    typedef fragment Fragment;                                                                              \
    typedef sum_type Sum;                                                                                   \
    typedef result Result;                                                                                  \
    static const int N = n, K = depth;                                                                      \
    static __device__ Sum step(Fragment x, Fragment y, Sum sum) { return call(x, y, sum, 0, 0, 0); }        \
  };                                                                                                        \
  KERNEL(64) name(const element *a, const element *b, result *c, uint k, uint columns) {                    \
    multiply<name##_op>(a, b, c, k, columns);                                                               \
  }

FAMILY(tiles_f16, _Float16, half4_t, float4_t, float, 16, 16, __builtin_amdgcn_mfma_f32_16x16x16f16)
FAMILY(tiles_bf16, short, short4_t, float16_t, float, 32, 8, __builtin_amdgcn_mfma_f32_32x32x8bf16_1k)
FAMILY(tiles_fp8, uchar, long, float4_t, float, 16, 32, __builtin_amdgcn_mfma_f32_16x16x32_fp8_fp8)
FAMILY(tiles_bf8, uchar, long, float16_t, float, 32, 16, __builtin_amdgcn_mfma_f32_32x32x16_bf8_bf8)
FAMILY(tiles_i8, signed char, long, int16_t_, int, 32, 16, __builtin_amdgcn_mfma_i32_32x32x16_i8)
FAMILY(tiles_f32, float, float, float4_t, float, 16, 4, __builtin_amdgcn_mfma_f32_16x16x4f32)
FAMILY(tiles_f64, double, double, double4_t, double, 16, 4, __builtin_amdgcn_mfma_f64_16x16x4f64)
