// A call through a pointer: the compiler cannot tell what the callee needs.
#include "dialect.h"

typedef uint (*function_t)(uint);
__attribute__((noinline)) static __device__ uint twice(uint value) { return value * 2; }
__attribute__((noinline)) static __device__ uint square(uint value) { return value * value; }

KERNEL(64) indirect(const uint *in, uint *out, uint which) {
  function_t function = which ? square : twice;
  out[thread_idx()] = function(in[thread_idx()]);
}
