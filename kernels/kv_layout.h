// Where the paged KV cache keeps an element: fragment-major, so that 64 lanes of 16 bytes are
// operands of two MFMAs as they lie (derivation: kernels/README.md).
//
// A block holds 16 tokens. `padded` is head_dim rounded up to 32; keys and values of a block and KV
// head are padded * 32 bytes each, in chunks of 32 elements d, a chunk being 64 pieces of 8 bf16:
//   K: piece (d % 32 / 8) * 16 + token,  element d % 8
//   V: piece (token / 4) * 16 + d % 16,  element (d / 16 % 2) * 4 + token % 4
// K's padding must be zero (rope_and_cache writes it) and all of the cache must be zeroed once.
#pragma once

#include "dialect.h"

constexpr u32 BLOCK_SIZE = 16;
constexpr u32 CHUNK_BYTES = 1024;

INLINE u32 padded_dim(u32 head_dim) { return (head_dim + 31) & ~31u; }
// Bytes of one KV head's keys, or values, in a block.
INLINE u32 head_bytes(u32 padded) { return padded * BLOCK_SIZE * 2; }
// Byte of a key's 8 elements from d, d a multiple of 8, within the head.
INLINE u32 key_piece(u32 d, u32 token) {
  return d / 32 * CHUNK_BYTES + (d % 32 / 8 * 16 + token) * 16;
}
// Byte of a value's element d within the head.
INLINE u32 value_element(u32 d, u32 token) {
  return d / 32 * CHUNK_BYTES + (token / 4 * 16 + d % 16) * 16 + (d / 16 % 2 * 4 + token % 4) * 2;
}
