//! Parameter structs of the kernels, mirrored from the head of each `kernels/*.hip`, which tells
//! what each field is. Addresses are u64, counts u32. Sizes are held to the code objects' metadata
//! when kernels are loaded; names of fields are the kernels' own.
#![allow(missing_docs, reason = "documented where the kernel reads them")]

use bytemuck::{Pod, Zeroable};

macro_rules! params {
    ($($name:ident { $($field:ident: $ty:ty),* $(,)? })*) => {$(
        #[repr(C)]
        #[derive(Clone, Copy, Debug, Pod, Zeroable)]
        pub(crate) struct $name { $(pub(crate) $field: $ty),* }
    )*};
}

params! {
    AdvanceParams {
        ring: u64, turn: u64, rows: u64, tables: u64, last_tokens: u64,
        token_ids: u64, positions: u64, slots: u64, seq_lens: u64, block_table_start: u64,
        sample_rows: u64, ring_words: u32, num_rows: u32, max_blocks: u32, block_size: u32,
    }
    TakeLastTokensParams {
        deferred: u64, last_tokens: u64, token_ids: u64, num_deferred: u32, reserved: u32,
    }
    EmbedParams {
        token_ids: u64, table: u64, out: u64, cols: u32, vocab_size: u32, scale: f32, reserved: u32,
    }
    RmsNormParams { x: u64, delta: u64, weight: u64, out: u64, cols: u32, eps: f32 }
    GemmParams {
        x: u64, w: u64, bias: u64, residual: u64, out: u64, partial: u64,
        rows: u32, n: u32, k: u32, x_stride: u32, out_stride: u32, flags: u32,
    }
    RopeAndCacheParams {
        qkv: u64, positions: u64, slots: u64, cos: u64, sin: u64, q_norm: u64, k_norm: u64,
        k_cache: u64, v_cache: u64,
        num_heads: u32, num_kv_heads: u32, head_dim: u32, half_rotary: u32, block_stride: u32,
        eps: f32, k_factor: f32, v_factor: f32,
    }
    AttnDecodeParams {
        qkv: u64, k_cache: u64, v_cache: u64, block_tables: u64, block_table_start: u64,
        seq_lens: u64, query_start_loc: u64, out: u64, partial_out: u64, partial_stats: u64,
        qkv_stride: u32, num_heads: u32, num_kv_heads: u32, head_dim: u32, block_stride: u32,
        num_segments: u32, window: u32, scale: f32, soft_cap: f32, v_scale: f32,
    }
    AttnReduceParams {
        seq_lens: u64, query_start_loc: u64, partial_out: u64, partial_stats: u64, out: u64,
        num_heads: u32, head_dim: u32, num_segments: u32, window: u32, v_scale: f32, reserved: u32,
    }
    AttnPrefillParams {
        qkv: u64, k_cache: u64, v_cache: u64, block_tables: u64, block_table_start: u64,
        seq_lens: u64, query_start_loc: u64, out: u64,
        qkv_stride: u32, num_heads: u32, num_kv_heads: u32, head_dim: u32, block_stride: u32,
        min_query_len: u32, window: u32, scale: f32, soft_cap: f32, v_scale: f32,
    }
    SiluMulParams { gate_up: u64, out: u64, cols: u32, reserved: u32 }
    GatherRowsParams { x: u64, indices: u64, out: u64, cols: u32, reserved: u32 }
    ArgmaxParams {
        partial: u64, rows: u64, tokens: u64, last_tokens: u64, num_parts: u32, reserved: u32,
    }
    SamplerSlotState {
        seed: u64, mask: u64, bias: u64, stops: u64, seen: u64,
        temperature: f32, top_p: f32, min_p: f32, top_k: u32,
        repetition: f32, presence: f32, frequency: f32,
        num_bias: u32, num_stops: u32, min_tokens: u32, num_logprobs: u32, plain: u32,
        reserved: [u32; 2],
    }
    AdmitRecord {
        state: SamplerSlotState, mask: u64, bias: u64, stops: u64, tokens: u64,
        slot: u32, num_tokens: u32, num_prompt: u32, reserved: u32,
    }
    AdmitParams { records: u64, slots: u64, vocab_size: u32, reserved: u32 }
    SampleParams {
        logits: u64, work: u64, slots: u64, rows: u64, tokens: u64, last_tokens: u64,
        logprobs: u64, top: u64, vocab_size: u32, stride: u32, max_top: u32, reserved: u32,
    }
}
