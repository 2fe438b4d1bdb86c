// argmax_final: the most likely token of each row, the lowest id among equals (step 4 of the
// `sampling` crate), from the parts that the LM head's epilogue leaves (gemm.h): the best of each 16
// columns. For rows that ask for nothing else; `sample` passes over those and writes the others.
//
// A row whose best is no finite number (NaN is above all numbers, see logit_order) gives NO_TOKEN.
// Rows of padding are passed over.
// Mapping: grid (rows), one work-group of 1024 lanes per row, 8 bytes a lane.
// Bound: memory (cache); rows * num_parts * 8 bytes, an eighth of the logits.
#include "sampler.h"

struct ArgmaxParams {
  u64 partial;      // u32 [rows, num_parts, 2]: order of the value, token
  u64 rows;         // {u32 slot, u32 num_output} [rows]
  u64 tokens;       // u32 [rows]
  u64 last_tokens;  // u32 [num_slots]: the token of each slot's latest row
  u32 num_parts;
  u32 reserved;
};

// Orders of the finite numbers of largest magnitude, see logit_order.
constexpr u32 LOWEST_FINITE = 0x00800000;
constexpr u32 HIGHEST_FINITE = 0xff7fffff;

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

constexpr u32 THREADS = 1024;

KERNEL(THREADS, 4) argmax_final(ArgmaxParams p) {
  __shared__ u32x2 waves[THREADS / WAVE];
  u32 row = block_idx();
  u32 slot = uniform(at<const u32x2>(p.rows)[row][0]);
  if (slot == PADDING_SLOT) return;
  auto parts = at<const u32x2>(p.partial) + (u64)row * p.num_parts;
  Best best = {0, 0xffffffff};
#pragma unroll 4
  for (u32 part = thread_idx(); part < p.num_parts; part += THREADS) {
    u32x2 v = parts[part];
    best = better(best, Best{v[0], v[1]});
  }
  best = wave_best(best);
  if (lane_idx() == 0) waves[wave_idx()] = u32x2{best.order, best.token};
  barrier();
  if (thread_idx() != 0) return;
  for (u32 w = 1; w < THREADS / WAVE; ++w) {
    best = better(best, Best{waves[w][0], waves[w][1]});
  }
  bool is_finite = best.order >= LOWEST_FINITE && best.order <= HIGHEST_FINITE;
  u32 token = is_finite ? best.token : NO_TOKEN;
  at<u32>(p.tokens)[row] = token;
  at<u32>(p.last_tokens)[slot] = token;
}
