// What the sampling kernels share: the state of a sampler slot and who samples from which row.
#pragma once
#include "dialect.h"

// One running sequence's sampling state, 96 bytes; `admit` writes it.
struct SamplerSlot {
  u64 seed;
  u64 mask;         // u32 [ceil(vocab_size / 32)], bit t % 32 of word t / 32 allows t; 0: all allowed
  u64 bias;         // {u32 token, f32 bias} [num_bias], each token once
  u64 stops;        // u32 [num_stops], impossible before min_tokens
  u64 seen;         // u16 [vocab_size], bit 15: in the prompt, rest: times in the output; 0: no penalties
  f32 temperature;  // below 1e-5: greedy
  f32 top_p;
  f32 min_p;
  u32 top_k;        // 0: all
  f32 repetition;
  f32 presence;
  f32 frequency;
  u32 num_bias;
  u32 num_stops;
  u32 min_tokens;
  u32 num_logprobs;  // 0: none; otherwise one more than the alternatives wanted
  u32 plain;         // not 0: the most likely token of the raw logits is all that is wanted
  u32 reserved[2];
};

// Who samples from a row of logits: {u32 slot, u32 num_output}. Rows of this slot are padding.
constexpr u32 PADDING_SLOT = 0xffffffff;

// Stands where a token would, for a row without finite logits (`types::NO_TOKEN`). The next step may
// take it from last_tokens before the host has ended the sequence: embed gives it a row of zeros.
constexpr u32 NO_TOKEN = 0xffffffff;

// A mark of `seen`.
constexpr u32 IN_PROMPT = 0x8000;
constexpr u32 MAX_COUNT = 0x7fff;
