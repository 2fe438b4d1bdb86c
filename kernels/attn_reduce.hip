// attn_reduce: merges the segments that attn_decode left as partial results, in their order.
//
// Formula: online softmax merge (arXiv 1805.02867), `merge` of attention.h: the same operations as
// attn_prefill does at the same places. Layout: as attn_decode writes; out bf16 [num_tokens,
// num_heads, head_dim]. Sequences of one visible segment, or of other than one new token, are
// passed over: their output is final.
// Mapping: grid (num_seqs, ceil(num_heads * padded / 1024)), 256 lanes; a lane owns 4 elements of a
// head and runs over the segments, four loads at a time. Of four segments' statistics a lane asks for
// one; four lanes in a row, which never belong to two heads, tell each other.
// Bound: memory; segments * num_heads * (padded + 2) * 4 bytes read, which is the minimum.
#include "attention.h"

struct AttnReduceParams {
  u64 seq_lens;         // u32 [num_seqs]
  u64 query_start_loc;  // u32 [num_seqs + 1]
  u64 partial_out;      // f32 [num_seqs, num_heads, num_segments, padded]
  u64 partial_stats;    // f32 [num_seqs, num_heads, num_segments, 2]: maximum, sum
  u64 out;              // bf16 [num_tokens, num_heads, head_dim]
  u32 num_heads;
  u32 head_dim;
  u32 num_segments;     // as attn_decode was given
  u32 window;           // 0: none
  f32 v_scale;          // as attn_decode was given
  u32 reserved;
};

constexpr u32 AHEAD = 4;

// What lane `from` of four in a row has.
template <u32 from>
INLINE f32x2 of_four(f32x2 own) {
  return f32x2{row_move<from * 0x55>(own[0]), row_move<from * 0x55>(own[1])};
}

template <typename E>
INLINE void merge_segments(const AttnReduceParams& p) {
  u32 seq = block_idx();
  u32 length = constant_at(p.seq_lens)[seq], token = constant_at(p.query_start_loc)[seq];
  if (length == 0 || constant_at(p.query_start_loc)[seq + 1] != token + 1) return;
  Visible visible = sees(length - 1, p.window);
  u32 first = visible.first / SEGMENT, end = ceil_div(visible.end, SEGMENT);
  u32 padded = padded_dim(p.head_dim), lanes_per_head = padded / 4;
  u32 item = block_idx_y() * 256 + thread_idx();
  u32 head = item / lanes_per_head, d = item % lanes_per_head * 4;
  if (end - first == 1 || head >= p.num_heads) return;
  u64 row = ((u64)seq * p.num_heads + head) * p.num_segments;
  f32x4 total = {0, 0, 0, 0};
  f32 maximum = -INFINITY_F32, sum = 0.0f;
  for (u32 segment = first; segment < end; segment += AHEAD) {
    f32x4 next[AHEAD];
    f32x2 own = {0, 0};
#pragma unroll
    for (u32 i = 0; i < AHEAD; ++i) {
      u64 from = row + segment + i;
      if (segment + i < end) {
        next[i] = at<const f32x4>(p.partial_out + 4 * (from * padded + d))[0];
        if (item % AHEAD == i) own = at<const f32x2>(p.partial_stats)[from];
      }
    }
    pin_order();
    f32x2 stats[AHEAD] = {of_four<0>(own), of_four<1>(own), of_four<2>(own), of_four<3>(own)};
#pragma unroll
    for (u32 i = 0; i < AHEAD; ++i) {
      if (segment + i < end) {
        Merge m = merge(maximum, sum, stats[i][0], stats[i][1]);
        for (u32 j = 0; j < 4; ++j) total[j] = merged(m, total[j], next[i][j]);
        maximum = m.maximum;
        sum = m.sum;
      }
    }
  }
  f32 scale = normalizer(sum, p.v_scale);
  if (d >= p.head_dim) return;
  u32x2 out = {E::narrowed_pair(total[0] * scale, total[1] * scale),
               E::narrowed_pair(total[2] * scale, total[3] * scale)};
  at<u32x2>(p.out + 2ull * (((u64)token * p.num_heads + head) * p.head_dim + d))[0] = out;
}

KERNEL(256, 4) attn_reduce(AttnReduceParams p) { merge_segments<Bf16>(p); }
KERNEL(256, 4) attn_reduce_f16(AttnReduceParams p) { merge_segments<F16>(p); }
