// What decode and prefill attention share: one wave's scores, online softmax and output for 16
// columns (query rows) at a time, over keys and values that lie as kv_layout.h says.
//
// A token's result is the same in decode and in any prefill chunk, bit by bit, because both do this:
//  * tokens are taken in tiles of 32 (two blocks) at absolute positions, in order, into a running
//    maximum, sum and output (online softmax, arXiv 1805.02867);
//  * a running result is closed at every multiple of SEGMENT tokens and merged, in order, into the
//    sequence's result, by `merge` (the order that the CPU backend has);
//  * a tile in which a column sees nothing leaves no trace: it multiplies by 1 and adds 0.
// Arithmetic is written without contraction, so that both compile to the same operations.
//
// `Kv` is how the cache stores numbers (kv_layout.h): what is narrower than the activations is widened,
// exactly, to operands in registers, so that FP8 changes numbers and no order.
//
// Registers, by lane l of a wave (column j = l % 16, group G = l / 16): scores S^T = K Q^T hold
// tokens 4G + r; the output O^T = V^T P^T holds elements d = 16 t + 4G + r of tile t. S^T's layout
// is that of P^T as operand, so probabilities never leave their lane.
#pragma once

#pragma clang fp contract(off)

#include "kv_layout.h"

// Reads through it are scalar: for what a launch does not write and all lanes read alike.
typedef __attribute__((address_space(4))) const u32* constant_u32;
INLINE constant_u32 constant_at(u64 address) { return (constant_u32)address; }

constexpr u32 TILE = 32;
constexpr u32 SEGMENT = 256;

// How dot products become exponents of 2: dot * factor, or with a soft cap a saturating function.
struct Scoring {
  f32 factor;  // scale * log2 e, positive; with a cap 1
  f32 inner;   // with a cap: 2 * scale * log2 e / cap
  f32 cap;     // soft cap * log2 e, or 0 for none
};

INLINE Scoring scoring(f32 scale, f32 soft_cap) {
  if (soft_cap > 0.0f) return {1.0f, 2.0f * LOG2_E * scale / soft_cap, soft_cap * LOG2_E};
  return {scale * LOG2_E, 0.0f, 0.0f};
}

INLINE void apply_cap(Scoring how, f32x4 (&s)[2]) {
  if (how.cap == 0.0f) return;
  // A branch that the compiler may not flatten: without a cap the loop must not pay for it.
  asm volatile("");
  // cap * tanh(y) = cap - 2 cap / (e^2y + 1).
#pragma unroll
  for (u32 b = 0; b < 2; ++b) {
#pragma unroll
    for (u32 r = 0; r < 4; ++r) {
      s[b][r] = how.cap - 2.0f * how.cap * rcp_fast(exp2_fast(s[b][r] * how.inner) + 1.0f);
    }
  }
}

// Positions that a column sees: first, and one past the last.
struct Visible {
  u32 first;
  u32 end;
};

// The running result of one column tile: maximum (in exponents of 2), this lane's part of the sum,
// unnormalised output.
template <u32 chunks>
struct Running {
  f32 maximum;
  f32 sum;
  f32x4 out[2 * chunks];
};

template <u32 chunks>
INLINE void reset(Running<chunks>& run) {
  run.maximum = -INFINITY_F32;
  run.sum = 0.0f;
#pragma unroll
  for (u32 t = 0; t < 2 * chunks; ++t) run.out[t] = f32x4{0, 0, 0, 0};
}

// Maximum or sum over the lanes that share a column.
INLINE f32 column_max(f32 v) {
  v = max(v, lane_xor(v, 16));
  return max(v, lane_xor(v, 32));
}
INLINE f32 column_sum(f32 v) {
  v += lane_xor(v, 16);
  return v + lane_xor(v, 32);
}

INLINE u32x2 low_half(u32x4 v) { return u32x2{v[0], v[1]}; }
INLINE u32x2 high_half(u32x4 v) { return u32x2{v[2], v[3]}; }

// A column's query as fragments, from a row of the fused qkv; zeros if the column has none.
template <u32 chunks>
INLINE void load_query(u64 row, u32 head, bool present, u32 head_dim, u32x4 (&query)[chunks]) {
  u32 d = lane_idx() / 16 * 8;
  auto from = at<const u32x4>(row + 2ull * ((u64)head * head_dim + d));
#pragma unroll
  for (u32 c = 0; c < chunks; ++c) {
    query[c] = present && c * 32 + d < head_dim ? from[4 * c] : u32x4{0, 0, 0, 0};
  }
}

// Scores of a tile: keys and queries are fragments of the same 32 elements, chunk by chunk. The two
// blocks alternate, so that no MFMA waits for the one before it.
template <typename Kv, u32 chunks>
INLINE void tile_scores(const typename Kv::Piece (&keys)[2][chunks],
                        const u32x4 (&queries)[chunks], f32x4 (&s)[2]) {
  typedef typename Kv::Element E;
  s[0] = s[1] = f32x4{0, 0, 0, 0};
#pragma unroll
  for (u32 c = 0; c < chunks; ++c) {
    u32x4 k[2] = {Kv::fragment(keys[0][c]), Kv::fragment(keys[1][c])};
#pragma unroll
    for (u32 b = 0; b < 2; ++b) s[b] = E::mfma(low_half(k[b]), low_half(queries[c]), s[b]);
#pragma unroll
    for (u32 b = 0; b < 2; ++b) s[b] = E::mfma(high_half(k[b]), high_half(queries[c]), s[b]);
  }
}

// Probabilities of a tile of two blocks, as operands for P V, relative to the new maximum; the
// running result is rescaled to it.
template <typename E, u32 chunks>
INLINE void tile_probabilities(Running<chunks>& run, f32x4 (&s)[2], Scoring scoring, u32 tile_start,
                               Visible visible, bool all_visible, u32x2 (&p)[2]) {
  u32 group = lane_idx() / 16;
  f32 tile_max = -INFINITY_F32;
  apply_cap(scoring, s);
  if (!all_visible) {
    asm volatile("");
#pragma unroll
    for (u32 b = 0; b < 2; ++b) {
#pragma unroll
      for (u32 r = 0; r < 4; ++r) {
        u32 token = tile_start + 16 * b + 4 * group + r;
        bool seen = token >= visible.first && token < visible.end;
        s[b][r] = seen ? s[b][r] : -INFINITY_F32;
      }
    }
  }
#pragma unroll
  for (u32 b = 0; b < 2; ++b) {
#pragma unroll
    for (u32 r = 0; r < 4; ++r) tile_max = max(tile_max, s[b][r]);
  }
  f32 maximum = max(run.maximum, column_max(tile_max) * scoring.factor);
  // A column that has seen nothing yet subtracts 0 from its minus infinities.
  f32 base = maximum == -INFINITY_F32 ? 0.0f : maximum;
  f32 keep = exp2_fast(run.maximum - base);
#pragma unroll
  for (u32 b = 0; b < 2; ++b) {
#pragma unroll
    for (u32 r = 0; r < 4; ++r) s[b][r] = exp2_fast(__builtin_fmaf(s[b][r], scoring.factor, -base));
    p[b] = u32x2{E::probability_pair(s[b][0], s[b][1]), E::probability_pair(s[b][2], s[b][3])};
  }
  // Pairs are added at once.
  f32x4 four = s[0] + s[1];
  f32x2 two = f32x2{four[0], four[1]} + f32x2{four[2], four[3]};
  f32 sum = two[0] + two[1];
  // Multiplying by 1 changes nothing: it is left out when no column's maximum moved.
  if (__builtin_amdgcn_ballot_w64(maximum != run.maximum) != 0) {
#pragma unroll
    for (u32 t = 0; t < 2 * chunks; ++t) run.out[t] *= keep;
    run.sum *= keep;
  }
  run.sum += sum;
  run.maximum = maximum;
}

// Adds a block's values times its probabilities.
template <typename Kv, u32 chunks>
INLINE void add_block(Running<chunks>& run, const typename Kv::Piece (&values)[chunks], u32x2 p) {
  typedef typename Kv::Element E;
#pragma unroll
  for (u32 c = 0; c < chunks; ++c) {
    u32x4 v = Kv::fragment(values[c]);
    run.out[2 * c] = E::mfma(low_half(v), p, run.out[2 * c]);
    run.out[2 * c + 1] = E::mfma(high_half(v), p, run.out[2 * c + 1]);
  }
}

// Values of tokens from `end` on are whatever the block held before: they become 0, because 0 times
// NaN is not 0. `block_start` is the position of the block's first token.
template <typename Kv>
INLINE typename Kv::Piece drop_unwritten(typename Kv::Piece values, u32 block_start, u32 end) {
  u32 first = block_start + lane_idx() / 16 * 4;
  return Kv::first_tokens(values, end > first ? end - first : 0);
}

// Factors of one merge step: total = total * keep + next * gain.
struct Merge {
  f32 keep;
  f32 gain;
  f32 maximum;
  f32 sum;
};

// The first result that saw anything is taken as it is; one that saw nothing changes nothing.
INLINE Merge merge(f32 maximum, f32 sum, f32 next_maximum, f32 next_sum) {
  if (next_sum == 0.0f) return {1.0f, 0.0f, maximum, sum};
  if (sum == 0.0f) return {0.0f, 1.0f, next_maximum, next_sum};
  f32 m = max(maximum, next_maximum);
  f32 keep = exp2_fast(maximum - m), gain = exp2_fast(next_maximum - m);
  return {keep, gain, m, sum * keep + next_sum * gain};
}

INLINE f32 merged(Merge m, f32 total, f32 next) { return total * m.keep + next * m.gain; }

// What makes a result of unnormalised sums of stored values. Of a row that saw nothing (there is none
// in a valid step): zeros.
INLINE f32 normalizer(f32 sum, f32 v_scale) {
  return (sum > 0.0f ? rcp_fast(sum) : 0.0f) * v_scale;
}

// What the query at a position sees.
INLINE Visible sees(u32 position, u32 window) {
  u32 end = position + 1;
  return {window != 0 && end > window ? end - window : 0, end};
}
