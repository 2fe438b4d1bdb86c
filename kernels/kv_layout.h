// Where the paged KV cache keeps an element, and how it is stored: fragment-major, so that what 64
// lanes load in a row are operands of MFMAs as they lie (derivation: kernels/README.md).
//
// A block holds 16 tokens. `padded` is head_dim rounded up to 32; keys and values of a block and KV
// head are padded / 32 chunks of 32 elements d, a chunk being 64 pieces of 8 elements, one a lane:
//   K: lane (d % 32 / 8) * 16 + token,  element d % 8
//   V: lane (token / 4) * 16 + d % 16,  element (d / 16 % 2) * 4 + token % 4
// Plain storage (bf16, f16): pieces of 16 bytes, lane by lane, chunk by chunk. FP8: chunks in pairs,
// a lane's 8 bytes of both next to each other; where their number is odd the last stands alone.
// K's padding must be zero (rope_and_cache writes it) and all of the cache must be zeroed once.
//
// FP8 exists where the conversions do, and in their format: CDNA3's FNUZ. CDNA2 (gfx90a) has none, and
// gfx950's instructions of the same names mean another format, OCP's. Elsewhere its kernels are left out.
#pragma once

#include "element.h"

#if defined(__gfx940__) || defined(__gfx941__) || defined(__gfx942__)
#define HAS_FP8_FNUZ 1
#else
#define HAS_FP8_FNUZ 0
#endif

constexpr u32 BLOCK_SIZE = 16;
// 64 lanes of 16 bytes.
constexpr u32 LOAD_BYTES = 1024;

INLINE u32 padded_dim(u32 head_dim) { return (head_dim + 31) & ~31u; }

// As activations are stored: keys and values in the activations' type.
template <typename E>
struct Plain {
  typedef E Element;
  typedef u32x4 Piece;
  static constexpr u32 ELEMENT_BYTES = 2;
  static constexpr u32 CHUNKS_PER_LOAD = 1;

  INLINE u32 piece(u32 chunk, u32 lane, u32) { return chunk * LOAD_BYTES + lane * 16; }
  // What rope_and_cache stores of 8 numbers, times a factor that only FP8 has.
  INLINE Piece stored(const f32* v, f32) {
    Piece out;
#pragma unroll
    for (u32 j = 0; j < 4; ++j) out[j] = E::narrowed_pair(v[2 * j], v[2 * j + 1]);
    return out;
  }
  INLINE u16 element(Piece piece, u32 j) { return (u16)(piece[j / 2] >> (j % 2 * 16)); }
  // A chunk's operands of two MFMAs.
  INLINE u32x4 fragment(Piece piece) { return piece; }
  // Tokens from the `num`-th on of a value's four become zero.
  INLINE Piece first_tokens(Piece values, u32 num) {
    u32 low = num >= 2 ? ~0u : num == 1 ? 0xffff : 0;
    u32 high = num >= 4 ? ~0u : num == 3 ? 0xffff : 0;
    return Piece{values[0] & low, values[1] & high, values[2] & low, values[3] & high};
  }
};

#if HAS_FP8_FNUZ
// Largest number of FP8 e4m3 FNUZ.
constexpr f32 FP8_MAX = 240.0f;

// What is larger becomes the largest, infinities too; NaN stays. (v_med3_f32 would drop it.)
INLINE f32 saturated(f32 v) {
  f32 clamped = __builtin_amdgcn_fmed3f(v, -FP8_MAX, FP8_MAX);
  return v != v ? v : clamped;
}

// Four numbers as FP8, rounded to nearest even, the first in the low byte.
INLINE u32 to_fp8(f32 a, f32 b, f32 c, f32 d) {
  u32 packed = __builtin_amdgcn_cvt_pk_fp8_f32(saturated(a), saturated(b), 0, false);
  return __builtin_amdgcn_cvt_pk_fp8_f32(saturated(c), saturated(d), packed, true);
}

// FP8 e4m3 FNUZ (bias 8, largest 240, no infinities, 0x80 is NaN), times a scale that the kernels'
// parameters carry.
template <typename E>
struct Fp8 {
  typedef E Element;
  typedef u32x2 Piece;
  static constexpr u32 ELEMENT_BYTES = 1;
  static constexpr u32 CHUNKS_PER_LOAD = 2;

  INLINE u32 piece(u32 chunk, u32 lane, u32 padded) {
    bool alone = chunk % 2 == 0 && chunk + 1 == padded / 32;
    return chunk / 2 * LOAD_BYTES + (alone ? lane * 8 : lane * 16 + chunk % 2 * 8);
  }
  INLINE Piece stored(const f32* v, f32 factor) {
    f32 s[8];
#pragma unroll
    for (u32 j = 0; j < 8; ++j) s[j] = v[j] * factor;
    return Piece{to_fp8(s[0], s[1], s[2], s[3]), to_fp8(s[4], s[5], s[6], s[7])};
  }
  INLINE u8 element(Piece piece, u32 j) { return (u8)(piece[j / 4] >> (j % 4 * 8)); }
  // Exact: every FP8 number is one of bf16 and of f16, so rounding rounds nothing.
  INLINE u32x2 widened(u32 four) {
    f32x2 low = __builtin_amdgcn_cvt_pk_f32_fp8(four, false);
    f32x2 high = __builtin_amdgcn_cvt_pk_f32_fp8(four, true);
    return u32x2{E::exact_pair(low[0], low[1]), E::exact_pair(high[0], high[1])};
  }
  INLINE u32x4 fragment(Piece piece) {
    u32x2 low = widened(piece[0]), high = widened(piece[1]);
    return u32x4{low[0], low[1], high[0], high[1]};
  }
  INLINE Piece first_tokens(Piece values, u32 num) {
    u32 keep = num >= 4 ? ~0u : ~(~0u << (8 * num));
    return Piece{values[0] & keep, values[1] & keep};
  }
};
#endif

// Bytes of one KV head's keys, or values, in a block.
template <typename Kv>
INLINE u32 head_bytes(u32 padded) { return padded * BLOCK_SIZE * Kv::ELEMENT_BYTES; }
// Byte of a key's 8 elements from d, d a multiple of 8, within the head.
template <typename Kv>
INLINE u32 key_piece(u32 d, u32 token, u32 padded) {
  return Kv::piece(d / 32, d % 32 / 8 * 16 + token, padded);
}
// Byte of a value's element d within the head.
template <typename Kv>
INLINE u32 value_element(u32 d, u32 token, u32 padded) {
  return Kv::piece(d / 32, token / 4 * 16 + d % 16, padded) +
         (d / 16 % 2 * 4 + token % 4) * Kv::ELEMENT_BYTES;
}
