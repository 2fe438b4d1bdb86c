// admit: the sampler slots of sequences that enter the running set: state, allowed tokens, bias,
// stop tokens, and marks of the tokens seen so far (adjust.rs of the `sampling` crate).
//
// Layout: records AdmitRecord [grid], whose sources lie in one block that was copied before; each
// slot's arrays are its own. A slot stands in one record of a launch at most.
// Mapping: grid (admitted sequences), one work-group of 1024 lanes each.
// Bound: launch; 2 * vocab_size bytes are cleared and one atomic is done per token, both only where
// the sequence has penalties.
#include "sampler.h"

struct AdmitRecord {
  SamplerSlot state;  // its addresses are the slot's own arrays
  u64 mask;           // u32 [ceil(vocab_size / 32)], copied to state.mask if that is not 0
  u64 bias;           // {u32, f32} [state.num_bias]
  u64 stops;          // u32 [state.num_stops]
  u64 tokens;         // u32 [num_tokens] prompt, then output; read if state.seen is not 0
  u32 slot;
  u32 num_tokens;
  u32 num_prompt;
  u32 reserved;
};

struct AdmitParams {
  u64 records;  // AdmitRecord [grid]
  u64 slots;    // SamplerSlot [num_slots]
  u32 vocab_size;
  u32 reserved;
};

constexpr u32 THREADS = 1024;

INLINE void copy_words(u64 to, u64 from, u32 num) {
  for (u32 i = thread_idx(); i < num; i += THREADS) at<u32>(to)[i] = at<const u32>(from)[i];
}

// One more mark of a token; two marks share a word. Lanes may mark the same token.
INLINE void mark_seen(u64 seen, u32 token, bool in_prompt) {
  auto word = at<u32>(seen) + token / 2;
  u32 shift = token % 2 * 16;
  if (in_prompt) {
    __scoped_atomic_fetch_or(word, IN_PROMPT << shift, __ATOMIC_RELAXED, __MEMORY_SCOPE_WRKGRP);
    return;
  }
  u32 old = __scoped_atomic_load_n(word, __ATOMIC_RELAXED, __MEMORY_SCOPE_WRKGRP);
  // Counts stay at the most that fits: they must not run into the prompt's bit.
  while ((old >> shift & MAX_COUNT) < MAX_COUNT &&
         !__scoped_atomic_compare_exchange_n(word, &old, old + (1u << shift), false, __ATOMIC_RELAXED,
                                             __ATOMIC_RELAXED, __MEMORY_SCOPE_WRKGRP)) {
  }
}

KERNEL(THREADS, 4) admit(AdmitParams p) {
  u64 address = p.records + sizeof(AdmitRecord) * (u64)block_idx();
  auto record = (__attribute__((address_space(4))) const AdmitRecord*)address;
  copy_words(p.slots + sizeof(SamplerSlot) * (u64)record->slot, address, sizeof(SamplerSlot) / 4);
  auto& state = record->state;
  if (state.mask) copy_words(state.mask, record->mask, ceil_div(p.vocab_size, 32));
  copy_words(state.bias, record->bias, 2 * state.num_bias);
  copy_words(state.stops, record->stops, state.num_stops);
  if (!state.seen) return;
  u32 num_words = ceil_div(p.vocab_size, 2);
  for (u32 i = thread_idx(); i < num_words; i += THREADS) at<u32>(state.seen)[i] = 0;
  barrier();
  for (u32 i = thread_idx(); i < record->num_tokens; i += THREADS) {
    u32 token = at<const u32>(record->tokens)[i];
    if (token < p.vocab_size) mark_seen(state.seen, token, i < record->num_prompt);
  }
}
