// argmax: the most likely token of each row, the lowest id among equals (step 4 of the `sampling`
// crate), for rows that ask for nothing else; `sample` passes over those and writes the others.
//
// Layout: logits f32 [rows, stride], stride a multiple of 4 and at least vocab_size. NaN counts as
// minus infinity; a row of nothing else gives token 0. Rows of padding are passed over. Two launches:
// argmax_partial, grid (num_parts, rows), 256 lanes, each part a contiguous share of the row;
// argmax_final, grid (rows), 1024 lanes. One work-group alone could not draw a row of a large
// vocabulary from memory in time. The LM head's epilogue (gemm.h) leaves the same parts, 16 columns
// each.
// Bound: memory; rows * vocab_size * 4 bytes, which is the minimum.
#include "sampler.h"

struct ArgmaxParams {
  u64 logits;       // f32 [rows, stride]
  u64 partial;      // u32 [rows, num_parts, 2]: order of the value, token
  u64 rows;         // {u32 slot, u32 num_output} [rows]
  u64 tokens;       // u32 [rows]
  u64 last_tokens;  // u32 [num_slots]: the token of each slot's latest row
  u32 vocab_size;
  u32 stride;
  u32 num_parts;
  u32 reserved;
};

// Higher is more likely; 0 for NaN and minus infinity. Positive and negative zero are equal.
INLINE u32 order_of(f32 logit) {
  if (!(logit > -INFINITY_F32)) return 0;
  u32 b = bits(logit + 0.0f);
  return b >> 31 ? ~b : b | 0x80000000;
}

struct Best {
  u32 order;
  u32 token;
};

INLINE Best better(Best a, Best b) {
  return a.order > b.order || (a.order == b.order && a.token < b.token) ? a : b;
}

INLINE Best wave_best(Best best) {
#pragma unroll
  for (u32 mask = 1; mask < WAVE; mask *= 2) {
    best = better(best, Best{lane_xor(best.order, mask), lane_xor(best.token, mask)});
  }
  return best;
}

KERNEL(256, 8) argmax_partial(ArgmaxParams p) {
  __shared__ u32x2 waves[4];
  u32 row = block_idx_y(), part = block_idx();
  if (uniform(at<const u32x2>(p.rows)[row][0]) == PADDING_SLOT) return;
  u32 num_quads = ceil_div(p.vocab_size, 4);
  u32 per_part = ceil_div(num_quads, p.num_parts);
  u32 end = min((part + 1) * per_part, num_quads);
  auto logits = at<const f32x4>(p.logits + 4ull * p.stride * row);
  Best best = {0, 0xffffffff};
  for (u32 i = part * per_part + thread_idx(); i < end; i += 256) {
    f32x4 v = logits[i];
#pragma unroll
    for (u32 j = 0; j < 4; ++j) {
      // Lane by lane tokens come in ascending order: only a higher value replaces.
      u32 order = order_of(v[j]);
      if (4 * i + j < p.vocab_size && order > best.order) best = {order, 4 * i + j};
    }
  }
  best = wave_best(best);
  if (lane_idx() == 0) waves[wave_idx()] = u32x2{best.order, best.token};
  barrier();
  if (thread_idx() != 0) return;
  for (u32 w = 1; w < 4; ++w) best = better(best, Best{waves[w][0], waves[w][1]});
  at<u32x2>(p.partial)[(u64)row * p.num_parts + part] = u32x2{best.order, best.token};
}

constexpr u32 FINAL_THREADS = 1024;

KERNEL(FINAL_THREADS, 4) argmax_final(ArgmaxParams p) {
  __shared__ u32x2 waves[FINAL_THREADS / WAVE];
  u32 row = block_idx();
  u32 slot = uniform(at<const u32x2>(p.rows)[row][0]);
  if (slot == PADDING_SLOT) return;
  auto parts = at<const u32x2>(p.partial) + (u64)row * p.num_parts;
  Best best = {0, 0xffffffff};
#pragma unroll 4
  for (u32 part = thread_idx(); part < p.num_parts; part += FINAL_THREADS) {
    u32x2 v = parts[part];
    best = better(best, Best{v[0], v[1]});
  }
  best = wave_best(best);
  if (lane_idx() == 0) waves[wave_idx()] = u32x2{best.order, best.token};
  barrier();
  if (thread_idx() != 0) return;
  for (u32 w = 1; w < FINAL_THREADS / WAVE; ++w) {
    best = better(best, Best{waves[w][0], waves[w][1]});
  }
  u32 token = best.order == 0 ? 0 : best.token;
  at<u32>(p.tokens)[row] = token;
  at<u32>(p.last_tokens)[slot] = token;
}
