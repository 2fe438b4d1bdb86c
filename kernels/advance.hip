// advance: the first node of a decode step's graph. Moves each row of the step on by one token: its
// position, its slot in the KV cache, its length, the token that was sampled last. What does not
// follow from the step before (joins, other rows, new blocks) comes as a descriptor that the host
// has written to pinned memory.
//
// Layout: `ring`: two descriptors of `ring_words` u32 each, taken in turns by the number in `turn`,
// which counts steps: Header, then num_changes Change, then num_blocks Block. All other arrays have
// fixed addresses. A row that no change names goes on where it stood; rows from header.num_rows on
// are padding: slot NO_SLOT, length 0, token 0, which every other kernel passes over.
// Mapping: one work-group of 1024 lanes. Changes first, rows behind a barrier.
// Bound: latency: a read of host memory for the header, one for the rest, three of device memory.
#include "dialect.h"

struct Header {
  u32 number;       // that of the step, as `turn` has it
  u32 num_rows;     // at most `num_rows` of the launch
  u32 num_changes;
  u32 num_blocks;
};

struct Change {
  u32 row;
  u32 reserved[3];
  u32 slot;        // the sequence's sampler slot
  u32 position;    // of its new token
  u32 num_output;  // tokens sampled for it before
  u32 token;       // the new token, or LAST_TOKEN
};

struct Block {
  u32 at;     // slot * max_blocks + place in the sequence's block table
  u32 block;
};

struct AdvanceParams {
  u64 ring;               // see above, pinned host memory
  u64 turn;               // u32
  u64 rows;               // u32x4 [max_rows]: the second half of Change, for the next step
  u64 tables;             // u32 [num_slots, max_blocks]
  u64 last_tokens;        // u32 [num_slots]: the token sampled last for each slot
  u64 token_ids;          // u32 [max_rows], out
  u64 positions;          // u32 [max_rows], out
  u64 slots;              // u32 [max_rows], out: place in the KV cache, NO_SLOT for padding
  u64 seq_lens;           // u32 [max_rows], out: 0 for padding
  u64 block_table_start;  // u32 [max_rows], out: index into tables
  u64 sample_rows;        // u32x2 [max_rows], out: sampler slot (NO_SLOT for padding), num_output
  u32 ring_words;
  u32 num_rows;           // rows of the step, padding included
  u32 max_blocks;
  u32 block_size;
};

constexpr u32 NO_SLOT = 0xffffffff;
constexpr u32 LAST_TOKEN = 0xffffffff;
constexpr u32 THREADS = 1024;

KERNEL(THREADS, 4) advance(AdvanceParams p) {
  u32 turn = uniform(at<const u32>(p.turn)[0]);
  u64 ring = p.ring + 4ull * p.ring_words * (turn % 2);
  auto header = at<const Header>(ring);
  u32 num_rows = uniform(header->num_rows), num_changes = uniform(header->num_changes);
  // The host has counted otherwise: nothing that follows could be right.
  if (uniform(header->number) != turn) __builtin_trap();
  u64 changes = ring + sizeof(Header), blocks = changes + num_changes * sizeof(Change);
  for (u32 i = thread_idx(); i < num_changes; i += THREADS) {
    auto change = at<const u32x4>(changes + i * sizeof(Change));
    at<u32x4>(p.rows)[change[0][0]] = change[1];
  }
  u32 num_blocks = uniform(header->num_blocks);
  for (u32 i = thread_idx(); i < num_blocks; i += THREADS) {
    u32x2 block = at<const u32x2>(blocks)[i];
    at<u32>(p.tables)[block[0]] = block[1];
  }
  barrier();
  if (thread_idx() == 0) at<u32>(p.turn)[0] = turn + 1;
  for (u32 row = thread_idx(); row < p.num_rows; row += THREADS) {
    bool is_padding = row >= num_rows;
    u32x4 state = is_padding ? u32x4{NO_SLOT, 0, 0, 0} : at<const u32x4>(p.rows)[row];
    u32 slot = state[0], position = state[1], token = state[3];
    u32 table = is_padding ? 0 : slot * p.max_blocks, place = NO_SLOT;
    if (!is_padding) {
      if (token == LAST_TOKEN) token = at<const u32>(p.last_tokens)[slot];
      u32 block = at<const u32>(p.tables)[table + position / p.block_size];
      place = block * p.block_size + position % p.block_size;
      at<u32x4>(p.rows)[row] = u32x4{slot, position + 1, state[2] + 1, LAST_TOKEN};
    }
    at<u32>(p.token_ids)[row] = token;
    at<u32>(p.positions)[row] = position;
    at<u32>(p.slots)[row] = place;
    at<u32>(p.seq_lens)[row] = is_padding ? 0 : position + 1;
    at<u32>(p.block_table_start)[row] = table;
    at<u32x2>(p.sample_rows)[row] = u32x2{slot, state[2]};
  }
}

// take_last_tokens: puts the token that was sampled last for a slot where a step's token was not
// known to the host (`StepInput::deferred`).
//
// Layout: deferred u32x2 [num_deferred]: index of the token, slot. Grid (ceil(num_deferred / 256)).
struct TakeLastTokensParams {
  u64 deferred;     // u32x2 [num_deferred]
  u64 last_tokens;  // u32 [num_slots]
  u64 token_ids;    // u32 [num_tokens]
  u32 num_deferred;
  u32 reserved;
};

KERNEL(256, 8) take_last_tokens(TakeLastTokensParams p) {
  u32 i = block_idx() * 256 + thread_idx();
  if (i >= p.num_deferred) return;
  u32x2 deferred = at<const u32x2>(p.deferred)[i];
  at<u32>(p.token_ids)[deferred[0]] = at<const u32>(p.last_tokens)[deferred[1]];
}
