// embed: out[t] = table[token_ids[t]] * scale, for the tokens of a step.
//
// Formula: `LayerOps::embed`. Elements are bf16, or f16 in embed_fragments_f16. Layout: table
// [vocab, cols], out [rows, cols], both with rows of `cols` elements; cols a multiple of 8. A token
// outside the vocabulary gives a row of zeros: the host validates prompts, but the GPU's own last token
// may be NO_TOKEN (sampler.h), and no id may read outside the table.
// Mapping: one work-group of 256 per row; a lane moves 16 bytes at a time.
// Bound: memory; rows * (4 + 2 * 2 * cols) bytes, which is the minimum.
#include "element.h"

struct EmbedParams {
  u64 token_ids;   // u32 [rows]
  u64 table;       // elements [vocab_size, cols]
  u64 out;         // elements [rows, cols]
  u32 cols;
  u32 vocab_size;
  f32 scale;
  u32 reserved;
};

template <typename E>
INLINE u32x4 scaled(u32x4 v, f32 scale) {
  for (u32 j = 0; j < 4; ++j) {
    f32 low = E::wide((u16)v[j]), high = E::wide((u16)(v[j] >> 16));
    v[j] = E::narrowed_pair(low * scale, high * scale);
  }
  return v;
}

KERNEL(256, 8) embed(EmbedParams p) {
  u32 row = block_idx();
  u32 token = uniform(at<const u32>(p.token_ids)[row]);
  bool known = token < p.vocab_size;
  auto from = at<const u32x4>(p.table + 2ull * p.cols * (known ? token : 0));
  auto to = at<u32x4>(p.out + 2ull * p.cols * row);
  for (u32 i = thread_idx(); i < p.cols / 8; i += 256) {
    u32x4 v = known ? from[i] : u32x4{0, 0, 0, 0};
    if (p.scale != 1.0f) v = scaled<Bf16>(v, p.scale);
    to[i] = v;
  }
}

// As embed, from a table in fragments (gemm.h): an LM head that shares the embedding's weight needs
// them so, and one copy serves both. A piece of 8 elements is contiguous; pieces lie 256 bytes
// apart, so half of each 128-byte line's bytes and more are read in vain: rows are few beside the
// weights of a step. Rows of the table have ceil(cols / 32) fragments.
template <typename E>
INLINE void embed_from_fragments(const EmbedParams& p) {
  u32 row = block_idx();
  u32 token = uniform(at<const u32>(p.token_ids)[row]);
  bool known = token < p.vocab_size;
  u32 index = known ? token : 0;
  u64 strip = p.table + (u64)(index / 16) * ceil_div(p.cols, 32) * 1024 + index % 16 * 16;
  auto to = at<u32x4>(p.out + 2ull * p.cols * row);
  for (u32 i = thread_idx(); i < p.cols / 8; i += 256) {
    u32x4 v = known ? *at<const u32x4>(strip + i / 4 * 1024 + i % 4 * 256) : u32x4{0, 0, 0, 0};
    if (p.scale != 1.0f) v = scaled<E>(v, p.scale);
    to[i] = v;
  }
}

KERNEL(256, 8) embed_fragments(EmbedParams p) { embed_from_fragments<Bf16>(p); }
KERNEL(256, 8) embed_fragments_f16(EmbedParams p) { embed_from_fragments<F16>(p); }
