// rope_and_cache: for every token, RMSNorm of its query and key heads (if given), rotation of both
// at the token's position (RoFormer, arXiv 2104.09864, half-split form), queries back in place, keys
// and values into the token's slot of one layer's cache (`LayerOps::rope_and_cache`).
//
// Kernels: rope_and_cache (bf16, bf16 cache), rope_and_cache_fp8 (bf16, FP8 cache: keys and values times
// their factors, keys rounded once, from f32).
// Layout: qkv [num_tokens, num_heads + 2 * num_kv_heads, head_dim]; head_dim a multiple of 8,
// at most 512; cos and sin f32 [max_position, half_rotary]; norms f32 [head_dim]; cache: kv_layout.h.
// Keys and values in qkv are left as they were: attention reads them from the cache.
// Mapping: grid (num_tokens, ceil(heads * L / 256)), 256 lanes. A head takes L = padded head_dim / 8
// lanes rounded up to a power of two, 8 elements each; the norm's sum is 8 in order, then a tree.
// Rotation partners meet in LDS, within the wave. All arithmetic in f32, rounded once.
// Bound: memory; per token head_dim * (2 * (Hq + 2 Hkv) + 2 * Hq + 4 * Hkv) bytes, which is the
// minimum. A value's elements lie 16 bytes apart: a decode step writes 2 bytes of each 16 of the
// lines it touches.
#include "kv_layout.h"

struct RopeAndCacheParams {
  u64 qkv;        // [num_tokens, num_heads + 2 * num_kv_heads, head_dim]
  u64 positions;  // u32 [num_tokens], each below max_position
  u64 slots;      // u32 [num_tokens], block * 16 + offset; NO_SLOT writes nothing
  u64 cos;        // f32 [max_position, half_rotary]
  u64 sin;        // f32 [max_position, half_rotary]
  u64 q_norm;     // f32 [head_dim], or 0 for no norm of queries and keys
  u64 k_norm;     // f32 [head_dim], or 0
  u64 k_cache;    // the layer's block 0
  u64 v_cache;    // the layer's block 0
  u32 num_heads;
  u32 num_kv_heads;
  u32 head_dim;
  u32 half_rotary;   // rotary_dim / 2; at most head_dim / 2
  u32 block_stride;  // bytes from a block to the next, in both caches
  f32 eps;
  f32 k_factor;      // FP8 cache: multiplies keys before they are stored, 1 / their scale
  f32 v_factor;      // likewise values
};

constexpr u32 NO_SLOT = 0xffffffff;

// The wave's 64 pieces of 8 elements, the low and the high four apart: 16 bytes a lane each way.
struct Exchange {
  f32x4 halves[2][WAVE];
};

INLINE f32 partner(const local<Exchange> e, u32 first_lane, u32 d) {
  return e->halves[d / 4 % 2][first_lane + d / 8][d % 4];
}

// Turns v, the elements from d of a head whose pieces begin at first_lane.
INLINE void rotate(const RopeAndCacheParams& p, const local<Exchange> e, u32 first_lane, u32 d,
                   u32 position, f32* v) {
  u32 half = p.half_rotary;
  auto cos = at<const f32>(p.cos) + (u64)position * half;
  auto sin = at<const f32>(p.sin) + (u64)position * half;
#pragma unroll
  for (u32 j = 0; j < 8; ++j) {
    u32 at = d + j;
    if (at < half) {
      v[j] = v[j] * cos[at] - partner(e, first_lane, at + half) * sin[at];
    } else if (at < 2 * half) {
      v[j] = v[j] * cos[at - half] + partner(e, first_lane, at - half) * sin[at - half];
    }
  }
}

// As rotate, where half_rotary is a multiple of 8: a piece turns as a whole.
INLINE void rotate_piece(const RopeAndCacheParams& p, const local<Exchange> e, u32 first_lane,
                         u32 d, u32 position, f32* v) {
  u32 half = p.half_rotary;
  if (d >= 2 * half) return;
  bool low = d < half;
  u32 angle = low ? d : d - half, other = first_lane + (low ? d + half : d - half) / 8;
  u64 from = 4ull * position * half + 4ull * angle;
  auto cos = at<const f32x4>(p.cos + from), sin = at<const f32x4>(p.sin + from);
#pragma unroll
  for (u32 h = 0; h < 2; ++h) {
    f32x4 c = cos[h], s = sin[h], o = e->halves[h][other];
#pragma unroll
    for (u32 j = 0; j < 4; ++j) {
      f32 turned = o[j] * (low ? -s[j] : s[j]);
      v[4 * h + j] = __builtin_fmaf(v[4 * h + j], c[j], turned);
    }
  }
}

// Zeros in the padding, where nothing was loaded.
template <typename Kv>
INLINE void store_value(u64 head, u32 d, u32 token, u32 padded, typename Kv::Piece piece) {
  for (u32 j = 0; j < 8; ++j) {
    auto element = Kv::element(piece, j);
    at<decltype(element)>(head + value_element<Kv>(d + j, token, padded))[0] = element;
  }
}

template <typename Kv>
INLINE void token_heads(const RopeAndCacheParams& p, local<Exchange> e) {
  typedef typename Kv::Element E;
  u32 token = block_idx(), padded = padded_dim(p.head_dim);
  u32 log_lanes = 32 - __builtin_clz(padded / 8 - 1);
  u32 item = block_idx_y() * 256 + thread_idx();
  u32 head = item >> log_lanes, d = (item & ((1u << log_lanes) - 1)) * 8;
  u32 num_heads = p.num_heads + 2 * p.num_kv_heads;
  bool inside = head < num_heads && d < p.head_dim;
  u64 piece = p.qkv + 2 * (((u64)token * num_heads + head) * p.head_dim + d);
  u32x4 raw = inside ? at<const u32x4>(piece)[0] : u32x4{0, 0, 0, 0};
  f32 v[8];
#pragma unroll
  for (u32 j = 0; j < 8; ++j) v[j] = E::wide((u16)(raw[j / 2] >> (j % 2 * 16)));

  u32 num_turned = p.num_heads + p.num_kv_heads;
  u64 norm = head < p.num_heads ? p.q_norm : p.k_norm;
  if (p.q_norm != 0) {
    f32 sum = 0.0f;
#pragma unroll
    for (u32 j = 0; j < 8; ++j) sum = __builtin_fmaf(v[j], v[j], sum);
    for (u32 mask = 1; mask >> log_lanes == 0; mask *= 2) sum += lane_xor(sum, mask);
    f32 scale = 1.0f / __builtin_sqrtf(sum / (f32)p.head_dim + p.eps);
    if (inside && head < num_turned) {
#pragma unroll
      for (u32 j = 0; j < 8; ++j) v[j] = v[j] * scale * at<const f32>(norm)[d + j];
    }
  }
  e->halves[0][lane_idx()] = f32x4{v[0], v[1], v[2], v[3]};
  e->halves[1][lane_idx()] = f32x4{v[4], v[5], v[6], v[7]};
  __builtin_amdgcn_fence(__ATOMIC_ACQ_REL, "wavefront");
  __builtin_amdgcn_wave_barrier();
  u32 first_lane = lane_idx() >> log_lanes << log_lanes;
  if (inside && head < num_turned) {
    u32 position = at<const u32>(p.positions)[token];
    if (p.half_rotary % 8 == 0) {
      rotate_piece(p, e, first_lane, d, position, v);
    } else {
      rotate(p, e, first_lane, d, position, v);
    }
  }
  if (head >= num_heads || d >= padded) return;
  if (head < p.num_heads) {
    if (inside) at<u32x4>(piece)[0] = Plain<E>::stored(v, 1.0f);
    return;
  }
  u32 slot = at<const u32>(p.slots)[token];
  if (slot == NO_SLOT) return;
  u32 kv_head = head - p.num_heads;
  u64 block = (u64)(slot / BLOCK_SIZE) * p.block_stride;
  if (kv_head < p.num_kv_heads) {
    u64 to = p.k_cache + block + (u64)kv_head * head_bytes<Kv>(padded);
    at<typename Kv::Piece>(to + key_piece<Kv>(d, slot % BLOCK_SIZE, padded))[0] =
        Kv::stored(v, p.k_factor);
  } else {
    u64 to = p.v_cache + block + (u64)(kv_head - p.num_kv_heads) * head_bytes<Kv>(padded);
    store_value<Kv>(to, d, slot % BLOCK_SIZE, padded, Kv::stored(v, p.v_factor));
  }
}

#define ROPE_AND_CACHE(name, ...)                              \
  KERNEL(256, 8) name(RopeAndCacheParams p) {                  \
    __shared__ Exchange exchange[4];                           \
    token_heads<__VA_ARGS__>(p, (local<Exchange>)&exchange[wave_idx()]); \
  }
ROPE_AND_CACHE(rope_and_cache, Plain<Bf16>)
ROPE_AND_CACHE(rope_and_cache_f16, Plain<F16>)
#if HAS_FP8_FNUZ
ROPE_AND_CACHE(rope_and_cache_fp8, Fp8<Bf16>)
#endif
