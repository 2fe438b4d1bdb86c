// Element types of activations: bf16 and f16, stored in 16 bits, computed in f32.
//
// `mfma` is d = c + a * b of 16x16x16 (layout: dialect.h); operands are bits. `narrowed` rounds to
// nearest even. `narrowed_pair` packs two, the first in the low half; `exact_pair` likewise for numbers
// that the type has; `probability_pair` for numbers in 0..=1, where only the mean of the rounding
// matters.
#pragma once

#include "dialect.h"

typedef _Float16 f16x2 __attribute__((ext_vector_type(2)));
typedef _Float16 f16x4 __attribute__((ext_vector_type(4)));

struct Bf16 {
  INLINE f32x4 mfma(u32x2 a, u32x2 b, f32x4 c) { return mfma_16x16x16(a, b, c); }
  INLINE f32 wide(u16 v) { return widen(v); }
  INLINE u16 narrowed(f32 v) { return narrow(v); }
  INLINE u32 narrowed_pair(f32 low, f32 high) { return narrow(low) | (u32)narrow(high) << 16; }
  INLINE u32 exact_pair(f32 low, f32 high) {
    return __builtin_amdgcn_perm(bits(high), bits(low), 0x07060302);
  }
  // Halves go up, not to even: one addition less a value, and no bias that a sum over tokens would
  // show.
  INLINE u32 probability_pair(f32 low, f32 high) {
    return __builtin_amdgcn_perm(bits(high) + 0x8000, bits(low) + 0x8000, 0x07060302);
  }
};

struct F16 {
  INLINE f32x4 mfma(u32x2 a, u32x2 b, f32x4 c) {
    return __builtin_amdgcn_mfma_f32_16x16x16f16(__builtin_bit_cast(f16x4, a),
                                                 __builtin_bit_cast(f16x4, b), c, 0, 0, 0);
  }
  INLINE f32 wide(u16 v) { return (f32)__builtin_bit_cast(_Float16, v); }
  INLINE u16 narrowed(f32 v) { return __builtin_bit_cast(u16, (_Float16)v); }
  INLINE u32 narrowed_pair(f32 low, f32 high) {
    return __builtin_bit_cast(u32, f16x2{(_Float16)low, (_Float16)high});
  }
  INLINE u32 exact_pair(f32 low, f32 high) {
    return __builtin_bit_cast(u32, __builtin_amdgcn_cvt_pkrtz(low, high));
  }
  INLINE u32 probability_pair(f32 low, f32 high) { return narrowed_pair(low, high); }
};
