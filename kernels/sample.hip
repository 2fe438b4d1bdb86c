// sample: one token per row of logits, with the meaning of the `sampling` crate: allowed tokens,
// min_tokens, bias, penalties; then the most likely token, or temperature, min_p, top_k, top_p and
// one draw by inverse CDF in token order with one Philox number (Salmon et al., SC'11) keyed by the
// seed and counted by the output position. Optional log-probabilities of the raw logits.
//
// Layout: logits f32 [rows, stride], stride a multiple of 4 and at least vocab_size; slots:
// SamplerSlot of sampler.h. Logits are overwritten where a slot adjusts them. Rows of padding and of
// slots that want the most likely token and nothing else are passed over: argmax_final runs before. So
// are those of which it says in `tokens` that their logits are not finite: it has looked at all of
// them, which spares a pass here.
// Mapping: grid (rows), one work-group of 1024 lanes per row, 16 bytes a lane.
// Weights are the CPU's f32 weights bit by bit. Masses are summed as integers, in units of 2^-44 of
// the best token's weight: such sums do not depend on their order, so LDS atomics may make them and
// a result is still a function of the row alone. Against the CPU's f64 sums a total is off by less
// than 2^-26; an edge or draw differs only if it falls into that.
// top_k and top_p need no sort: a histogram of the distance to the best logit finds the bin in which
// the edge lies, three radix passes over the logits of that bin find its value, one more the token.
// Bound: cache; a pass reads vocab_size * 4 bytes: 1 greedy, 2 with temperature, 8 with top_k, 9 with
// top_p, 15 with both, 1 + n more for n log-probabilities; one more, and one written, where logits
// are adjusted.
#include "sampler.h"

#pragma clang fp contract(off)

struct SampleParams {
  u64 logits;        // f32 [rows, stride]
  u64 work;          // f32 [rows, stride]; for rows that want log-probabilities of adjusted logits
  u64 slots;         // SamplerSlot [num_slots]
  u64 rows;          // {u32 slot, u32 num_output} [rows]
  u64 tokens;        // u32 [rows], in: of argmax_final; out
  u64 last_tokens;   // u32 [num_slots]: the token of each slot's latest row
  u64 logprobs;      // {f32 logprob, u32 rank} [rows]; written if asked for
  u64 top;           // {u32 token, f32 logprob} [rows, max_top]; written if asked for
  u32 vocab_size;
  u32 stride;
  u32 max_top;       // alternatives that there is room for
  u32 reserved;
};

constexpr u32 THREADS = 1024;
constexpr u32 NUM_WAVES = THREADS / WAVE;
constexpr u32 NUM_BINS = 2048;
constexpr f32 BINS_PER_NAT = 64.0f;
constexpr f32 GREEDY_EPSILON = 1e-5f;
constexpr f32 MAX_F32 = 3.40282347e38f;
constexpr f32 MASS_UNITS = 17592186044416.0f;  // 2^44; 2^19 tokens of the best weight fit 64 bits

struct Shared {
  u64 bins[NUM_BINS];
  u64 waves[NUM_WAVES];
  u64 found[2];
};
typedef local<Shared> SharedPtr;
// Loads are scalar, and stand where the field is used.
typedef __attribute__((address_space(4))) const SamplerSlot* SlotPtr;

INLINE f32 sanitized(f32 x) { return x >= -INFINITY_F32 ? min(x, MAX_F32) : -INFINITY_F32; }

// e^x for x <= 0, the operations of `sampling`'s exp.rs one by one.
INLINE f32 exp_nonpositive(f32 x) {
  const f32 LOWEST = -87.3f, MAGIC = 12582912.0f;
  f32 clamped = x > LOWEST ? x : LOWEST;
  f32 shifted = clamped * LOG2_E + MAGIC;
  f32 n = shifted - MAGIC;
  f32 r = clamped - n * 0.693359375f - n * -2.12194440e-4f;
  f32 p = 1.0f / 5040.0f;
  p = p * r + 1.0f / 720.0f;
  p = p * r + 1.0f / 120.0f;
  p = p * r + 1.0f / 24.0f;
  p = p * r + 1.0f / 6.0f;
  p = p * r + 0.5f;
  p = p * r + 1.0f;
  p = p * r + 1.0f;
  return x > LOWEST ? from_bits(bits(p) + (bits(shifted) << 23)) : 0.0f;
}

// A number in [0, 1) with 53 bits for an output position.
INLINE f64 uniform_number(u64 seed, u32 position) {
  u32 s[4] = {position, 0, 0, 0}, key[2] = {(u32)seed, (u32)(seed >> 32)};
  for (u32 round = 0; round < 10; ++round) {
    u64 a = (u64)0xd2511f53u * s[0], b = (u64)0xcd9e8d57u * s[2];
    u32 next[4] = {(u32)(b >> 32) ^ s[1] ^ key[0], (u32)b, (u32)(a >> 32) ^ s[3] ^ key[1], (u32)a};
    for (u32 i = 0; i < 4; ++i) s[i] = next[i];
    key[0] += 0x9e3779b9;
    key[1] += 0xbb67ae85;
  }
  u64 bits53 = ((u64)s[0] << 32 | s[1]) >> 11;
  return (f64)bits53 * (1.0 / 9007199254740992.0);
}

// Ascending from the most likely logit on. Positive and negative zero are equal.
INLINE u32 rank_key(f32 x) {
  u32 b = bits(x + 0.0f);
  return b >> 31 ? b : ~(b | 0x80000000);
}

// The row as the filters see it: final logits, and which tokens are left.
struct Row {
  global<f32> logits;
  u32 vocab_size;
  f32 maximum;
  f32 scale;
  f32 min_p;
  // The last token left in the order by logit, then by lower id.
  u32 edge_key;
  u32 edge_token;
};

INLINE bool is_left(const Row& row, f32 x, u32 token) {
  u32 key = rank_key(x);
  return key < row.edge_key || (key == row.edge_key && token <= row.edge_token);
}

INLINE u64 mass(const Row& row, f32 x, u32 token) {
  f32 w = exp_nonpositive((x - row.maximum) * row.scale);
  bool left = w >= row.min_p && is_left(row, x, token);
  return left ? (u64)(w * MASS_UNITS) : 0;
}

INLINE u32 bin_of(const Row& row, f32 x) {
  f32 bin = (row.maximum - x) * (row.scale * BINS_PER_NAT);
  return bin < (f32)(NUM_BINS - 1) ? (u32)bin : NUM_BINS - 1;
}

// Calls f(x, token) for the tokens from 4 * first_quad to 4 * end_quad that the vocabulary has,
// quads `step` apart.
template <typename F>
INLINE void for_quads(const Row& row, u32 first_quad, u32 end_quad, u32 step, F f) {
  auto quads = (global<const f32x4>)row.logits;
  for (u32 i = first_quad; i < end_quad; i += step) {
    f32x4 v = quads[i];
#pragma unroll
    for (u32 j = 0; j < 4; ++j) {
      if (4 * i + j < row.vocab_size) f(sanitized(v[j]), 4 * i + j);
    }
  }
}

template <typename F>
INLINE void for_all(const Row& row, F f) {
  for_quads(row, thread_idx(), ceil_div(row.vocab_size, 4), THREADS, f);
}

INLINE u64 lane_xor(u64 v, u32 mask) {
  return lane_xor((u32)v, mask) | (u64)lane_xor((u32)(v >> 32), mask) << 32;
}
INLINE u64 wave_sum(u64 v) {
#pragma unroll
  for (u32 mask = 1; mask < WAVE; mask *= 2) v += lane_xor(v, mask);
  return v;
}
INLINE u64 wave_min(u64 v) {
#pragma unroll
  for (u32 mask = 1; mask < WAVE; mask *= 2) {
    u64 other = lane_xor(v, mask);
    v = other < v ? other : v;
  }
  return v;
}
// The sum of the lanes up to this one.
INLINE u64 wave_scan(u64 v) {
#pragma unroll
  for (u32 distance = 1; distance < WAVE; distance *= 2) {
    u32 from = (lane_idx() - distance) << 2;
    u64 other = (u32)__builtin_amdgcn_ds_bpermute(from, (u32)v) |
                (u64)(u32)__builtin_amdgcn_ds_bpermute(from, (u32)(v >> 32)) << 32;
    v += lane_idx() >= distance ? other : 0;
  }
  return v;
}

INLINE u64 uniform(u64 v) { return uniform((u32)v) | (u64)uniform((u32)(v >> 32)) << 32; }

INLINE u64 group_sum(SharedPtr shared, u64 v) {
  v = wave_sum(v);
  barrier();
  if (lane_idx() == 0) shared->waves[wave_idx()] = v;
  barrier();
  u64 sum = 0;
  for (u32 w = 0; w < NUM_WAVES; ++w) sum += shared->waves[w];
  return uniform(sum);
}
INLINE u64 group_min(SharedPtr shared, u64 v) {
  v = wave_min(v);
  barrier();
  if (lane_idx() == 0) shared->waves[wave_idx()] = v;
  barrier();
  u64 best = shared->waves[0];
  for (u32 w = 1; w < NUM_WAVES; ++w) best = shared->waves[w] < best ? shared->waves[w] : best;
  return uniform(best);
}

// The first token in the order by logit, then by lower id, that comes after (key, token): its key
// in the high half. All ones if there is none.
INLINE u64 best_after(SharedPtr shared, const Row& row, u64 after, bool any) {
  u64 best = ~0ull;
  for_all(row, [&](f32 x, u32 token) {
    u64 place = (u64)rank_key(x) << 32 | token;
    if ((any || place > after) && place < best) best = place;
  });
  return group_min(shared, best);
}

// The bin in which the running sum of `bins` reaches `target`, the last one if none does, and what
// is left of the target before it.
INLINE void find_bin(SharedPtr shared, u64 target, u32& bin, u64& rest) {
  static_assert(NUM_BINS == 2 * THREADS, "two bins a lane");
  barrier();
  u64 low = shared->bins[2 * thread_idx()], high = shared->bins[2 * thread_idx() + 1];
  u64 upto = wave_scan(low + high);
  if (lane_idx() == WAVE - 1) shared->waves[wave_idx()] = upto;
  barrier();
  u64 before = upto - low - high;
  for (u32 w = 0; w < wave_idx(); ++w) before += shared->waves[w];
  bool reached = before + low + high >= target || thread_idx() == THREADS - 1;
  if (before < target && reached) {
    bool is_high = before + low < target;
    shared->found[0] = 2 * thread_idx() + is_high;
    shared->found[1] = target - before - (is_high ? low : 0);
  }
  barrier();
  bin = uniform((u32)shared->found[0]);
  rest = uniform(shared->found[1]);
}

// The n-th token, from 1, of those with this key, in the order of ids.
INLINE u32 nth_equal(SharedPtr shared, const Row& row, u32 key, u64 n) {
  u32 num_quads = ceil_div(row.vocab_size, 4), per_wave = ceil_div(num_quads, NUM_WAVES);
  u32 first = wave_idx() * per_wave, end = min(first + per_wave, num_quads);
  u64 count = 0;
  for_quads(row, first + lane_idx(), end, WAVE, [&](f32 x, u32) { count += rank_key(x) == key; });
  count = wave_sum(count);
  barrier();
  if (lane_idx() == 0) shared->waves[wave_idx()] = count;
  barrier();
  u64 before = 0;
  for (u32 w = 0; w < wave_idx(); ++w) before += shared->waves[w];
  if (before < n && n <= before + count) {
    for (u32 base = first; base < end; base += WAVE) {
      u64 here = 0;
      for_quads(row, base + lane_idx(), min(end, base + WAVE), WAVE,
                [&](f32 x, u32) { here += rank_key(x) == key; });
      u64 upto = wave_scan(here), from = before + upto - here;
      for_quads(row, base + lane_idx(), min(end, base + WAVE), WAVE, [&](f32 x, u32 token) {
        if (rank_key(x) == key && ++from == n) shared->found[0] = token;
      });
      before += wave_sum(here);
    }
  }
  barrier();
  return uniform((u32)shared->found[0]);
}

// What a filter sums up: probability (top_p) or tokens (top_k).
INLINE u64 value(const Row& row, bool by_mass, f32 x, u32 token) {
  return by_mass ? mass(row, x, token) : 1;
}

// Makes the token at which the running sum of values, in order, reaches `target` the last one left.
// One pass by distance to the best logit, then three by 11, 11 and 10 bits of the order of those
// that share its bin.
INLINE void cut_at(SharedPtr shared, Row& row, u64 target, bool by_mass) {
  u32 coarse = 0, key = 0;
  u64 rest = target;
#pragma unroll 1
  for (u32 level = 0; level < 4; ++level) {
    // `key` holds the bits of the order that are known, those above `known`.
    u32 shift = level < 2 ? 21 : level == 2 ? 10 : 0, known = level < 3 ? 21 : 10;
    u32 width = level == 3 ? 10 : 11;
    barrier();
    for (u32 i = thread_idx(); i < NUM_BINS; i += THREADS) shared->bins[i] = 0;
    barrier();
    for_all(row, [&](f32 x, u32 token) {
      u32 bin = bin_of(row, x), order = rank_key(x);
      if (level != 0 && (bin != coarse || (level > 1 && order >> known != key))) return;
      u64 v = value(row, by_mass, x, token);
      u32 place = level == 0 ? bin : order >> shift & ((1u << width) - 1);
      if (v != 0) {
        __scoped_atomic_fetch_add(&shared->bins[place], v, __ATOMIC_RELAXED, __MEMORY_SCOPE_WRKGRP);
      }
    });
    u32 found;
    find_bin(shared, rest, found, rest);
    if (level == 0) {
      coarse = found;
    } else {
      key = key << width | found;
    }
  }
  u64 all = uniform(shared->bins[key & 1023]);
  // Equal logits have equal values: how many of them the rest takes.
  u64 count = 0;
  for_all(row, [&](f32 x, u32 token) {
    count += rank_key(x) == key && value(row, by_mass, x, token) != 0;
  });
  count = group_sum(shared, count);
  u64 each = all / max((u32)count, 1u);
  u64 n = each == 0 ? 1 : (rest + each - 1) / each;
  row.edge_token = nth_equal(shared, row, key, n);
  row.edge_key = key;
}

// top_k, then top_p of what it leaves.
INLINE void filter(SharedPtr shared, Row& row, SlotPtr slot) {
#pragma unroll 1
  for (u32 by_mass = 0; by_mass < 2; ++by_mass) {
    u64 target = slot->top_k;
    if (by_mass) {
      if (slot->top_p >= 1.0f) continue;
      u64 total = 0;
      for_all(row, [&](f32 x, u32 token) { total += mass(row, x, token); });
      total = group_sum(shared, total);
      target = (u64)__builtin_ceil((f64)slot->top_p * (f64)total);
      target = target > 0 ? target : 1;
    } else if (target == 0 || target >= row.vocab_size) {
      continue;
    }
    cut_at(shared, row, target, by_mass != 0);
  }
}

// The first token at which the running sum of masses passes `number` times the total.
INLINE u32 draw(SharedPtr shared, const Row& row, f64 number) {
  u32 first = 0, end = ceil_div(row.vocab_size, 4);
  u64 target = 0;
  // Twice: which of 16 parts.
  for (u32 level = 0; level < 2; ++level) {
    u32 per_wave = ceil_div(end - first, NUM_WAVES);
    u32 from = min(first + wave_idx() * per_wave, end), to = min(from + per_wave, end);
    u64 sum = 0;
    for_quads(row, from + lane_idx(), to, WAVE, [&](f32 x, u32 t) { sum += mass(row, x, t); });
    sum = wave_sum(sum);
    barrier();
    if (lane_idx() == 0) shared->waves[wave_idx()] = sum;
    barrier();
    if (level == 0) {
      u64 total = 0;
      for (u32 w = 0; w < NUM_WAVES; ++w) total += shared->waves[w];
      target = (u64)(number * (f64)total);
      target = target < total ? target : total - 1;
    }
    u32 part = 0;
    while (part < NUM_WAVES - 1 && shared->waves[part] <= target) target -= shared->waves[part++];
    barrier();
    first = min(first + part * per_wave, end);
    end = min(first + per_wave, end);
  }
  if (wave_idx() == 0) {
    bool found = false;
    for (u32 base = first; base < end && !found; base += WAVE) {
      u64 sum = 0;
      u32 i = base + lane_idx(), last = min(end, base + WAVE);
      for_quads(row, i, last, WAVE, [&](f32 x, u32 t) { sum += mass(row, x, t); });
      u64 reached = wave_scan(sum) - sum;
      bool mine = reached <= target && reached + sum > target;
      if (mine) {
        for_quads(row, i, last, WAVE, [&](f32 x, u32 t) {
          u64 m = mass(row, x, t);
          if (reached <= target && reached + m > target) shared->found[0] = t;
          reached += m;
        });
      }
      found = __builtin_amdgcn_ballot_w64(mine) != 0;
      target -= wave_sum(sum) * !found;
    }
  }
  barrier();
  return uniform((u32)shared->found[0]);
}

// Steps 2 and 3 of the `sampling` crate, from `raw` into row.logits (which may be the same).
INLINE void adjust(Row& row, global<const f32> raw, SlotPtr slot, u32 num_output) {
  auto mask = at<const u32>(slot->mask);
  for (u32 t = thread_idx(); t < row.vocab_size; t += THREADS) {
    bool allowed = slot->mask == 0 || (mask[t / 32] >> (t % 32) & 1) != 0;
    row.logits[t] = allowed ? sanitized(raw[t]) : -INFINITY_F32;
  }
  barrier();
  if (num_output < slot->min_tokens) {
    for (u32 i = thread_idx(); i < slot->num_stops; i += THREADS) {
      u32 token = at<const u32>(slot->stops)[i];
      if (token < row.vocab_size) row.logits[token] = -INFINITY_F32;
    }
    barrier();
  }
  for (u32 i = thread_idx(); i < slot->num_bias; i += THREADS) {
    u32x2 bias = at<const u32x2>(slot->bias)[i];
    if (bias[0] < row.vocab_size) row.logits[bias[0]] += from_bits(bias[1]);
  }
  barrier();
  if (slot->seen == 0) return;
  auto seen = at<const u16>(slot->seen);
  for (u32 t = thread_idx(); t < row.vocab_size; t += THREADS) {
    u32 mark = seen[t], times = mark & MAX_COUNT;
    if (mark == 0) continue;
    f32 x = row.logits[t];
    x = x > 0.0f ? x / slot->repetition : x * slot->repetition;
    if (times != 0) x = x - slot->frequency * (f32)times - slot->presence;
    row.logits[t] = x;
  }
  barrier();
}

// ln of a number of at least 1, within 1e-15: by the series of atanh.
INLINE f64 natural_log(f64 v) {
  u64 b = __builtin_bit_cast(u64, v);
  i32 exponent = (i32)(b >> 52) - 1023;
  f64 m = __builtin_bit_cast(f64, (b & 0xfffffffffffffull) | 0x3ff0000000000000ull);
  if (m > 1.5) {
    m *= 0.5;
    exponent += 1;
  }
  f64 s = (m - 1.0) / (m + 1.0), square = s * s, sum = 0.0;
  for (i32 k = 25; k >= 1; k -= 2) sum = sum * square + 1.0 / (f64)k;
  return 2.0 * s * sum + (f64)exponent * 0.69314718055994530942;
}

INLINE f32 logprob_of(f32 x, f32 maximum, f64 log_sum) {
  return x == -INFINITY_F32 ? x : (f32)(((f64)x - (f64)maximum) - log_sum);
}

INLINE f32 logit_of_key(u32 key) {
  return from_bits(key >> 31 ? key : ~key & 0x7fffffff);
}

INLINE void describe(const SampleParams& p, SharedPtr shared, Row row, u32 chosen, u32 num_top) {
  u64 place = best_after(shared, row, 0, true);
  row.maximum = logit_of_key((u32)(place >> 32));
  row.scale = 1.0f;
  row.min_p = 0.0f;
  row.edge_key = row.edge_token = 0xffffffff;
  f32 logit = sanitized(row.logits[chosen]);
  u64 total = 0, rank = 0;
  for_all(row, [&](f32 x, u32 token) {
    total += mass(row, x, token);
    rank += token < chosen ? x >= logit : x > logit;
  });
  total = group_sum(shared, total);
  rank = group_sum(shared, rank);
  f64 log_sum = natural_log((f64)total * (1.0 / (f64)MASS_UNITS));
  u32 index = block_idx();
  if (thread_idx() == 0) {
    f32 logprob = logprob_of(logit, row.maximum, log_sum);
    at<u32x2>(p.logprobs)[index] = u32x2{bits(logprob), (u32)rank + 1};
  }
  num_top = min(num_top, min(p.max_top, row.vocab_size));
  for (u32 i = 0; i < num_top; ++i) {
    if (i > 0) place = best_after(shared, row, place, false);
    if (thread_idx() == 0) {
      f32 logprob = logprob_of(logit_of_key((u32)(place >> 32)), row.maximum, log_sum);
      at<u32x2>(p.top)[(u64)index * p.max_top + i] = u32x2{(u32)place, bits(logprob)};
    }
  }
}

// The answer when every token is impossible: the first allowed one.
INLINE u32 fallback(SharedPtr shared, SlotPtr slot, u32 vocab_size) {
  if (slot->mask == 0) return 0;
  u64 first = ~0ull;
  for (u32 t = thread_idx(); t < vocab_size; t += THREADS) {
    bool allowed = (at<const u32>(slot->mask)[t / 32] >> (t % 32) & 1) != 0;
    if (allowed && t < first) first = t;
  }
  first = group_min(shared, first);
  return first == ~0ull ? 0 : (u32)first;
}

INLINE u32 choose(SharedPtr shared, Row& row, SlotPtr slot, u32 num_output) {
  u64 best = best_after(shared, row, 0, true);
  row.maximum = logit_of_key((u32)(best >> 32));
  if (row.maximum == -INFINITY_F32) return fallback(shared, slot, row.vocab_size);
  if (slot->temperature < GREEDY_EPSILON) return (u32)best;
  row.scale = 1.0f / slot->temperature;
  row.min_p = slot->min_p;
  filter(shared, row, slot);
  return draw(shared, row, uniform_number(slot->seed, num_output));
}

KERNEL(1024, 4) sample(SampleParams p) {
  __shared__ Shared memory;
  SharedPtr shared = (SharedPtr)&memory;
  u32 index = block_idx();
  u32x2 who = at<const u32x2>(p.rows)[index];
  u32 slot_idx = uniform(who[0]), num_output = uniform(who[1]);
  if (slot_idx == PADDING_SLOT) return;
  SlotPtr slot = (SlotPtr)(p.slots + sizeof(SamplerSlot) * (u64)slot_idx);
  if (slot->plain || uniform(at<const u32>(p.tokens)[index]) == NO_TOKEN) return;
  u64 offset = 4ull * p.stride * index;
  auto raw = at<f32>(p.logits + offset);
  bool adjusts = slot->mask != 0 || slot->seen != 0 || slot->num_bias != 0 ||
                 (num_output < slot->min_tokens && slot->num_stops != 0);
  Row row = {raw, p.vocab_size, 0.0f, 1.0f, 0.0f, 0xffffffff, 0xffffffff};
  if (adjusts) {
    if (slot->num_logprobs != 0) row.logits = at<f32>(p.work + offset);
    adjust(row, raw, slot, num_output);
  }
  u32 token = choose(shared, row, slot, num_output);
  if (thread_idx() == 0) {
    at<u32>(p.tokens)[index] = token;
    at<u32>(p.last_tokens)[slot_idx] = token;
    if (slot->seen != 0) {
      auto mark = at<u16>(slot->seen) + token;
      if ((*mark & MAX_COUNT) < MAX_COUNT) *mark += 1;
    }
  }
  if (slot->num_logprobs != 0) {
    row.logits = raw;
    describe(p, shared, row, token, slot->num_logprobs - 1);
  }
}
