//! The one decoder: embedding, pre-norm attention and SwiGLU layers, LM head. Llama, Mistral,
//! Qwen2 and Qwen3 differ only in their [`ModelSpec`].
//!
//! Generic over the device and free of it: every line is one fused operation of
//! [`backend::LayerOps`]. Buffers are allocated once; a step allocates nothing here.

use backend::{
    AddNorm, AttentionSpec, BufferKind, Device, DeviceError, KvLayout, KvScales, LayerOps, QkvSpec,
    StepRows,
};

use crate::ModelSpec;
use crate::weights::{LayerWeights, Weights};

/// Weights, activations and KV cache of one model on one device.
pub(crate) struct Decoder<D: LayerOps> {
    spec: ModelSpec,
    weights: Weights<D::Weight>,
    buffers: Buffers<D>,
    kv_cache: D::KvCache,
}

/// The activations of a step. `T` is the most tokens of a step, `S` the most sequences.
struct Buffers<D: Device> {
    stream: Stream<D>,
    /// `[T, (num_heads + 2 * num_kv_heads) * head_dim]`.
    qkv: D::Buffer,
    /// `[T, num_heads * head_dim]`.
    attention: D::Buffer,
    /// `[T, 2 * intermediate]`; scratch.
    gate_up: D::Buffer,
    /// `[T, intermediate]`.
    activated: D::Buffer,
    /// `[S, hidden]` the rows that become logits.
    gathered: D::Buffer,
    /// `[S, vocab]`.
    logits: D::Buffer,
}

/// The residual stream of a step.
struct Stream<D: Device> {
    /// `[T, hidden]`.
    residual: D::Buffer,
    /// `[T, hidden]` normed input of the next linear layer.
    normed: D::Buffer,
    /// `[T, hidden]` what attention or the MLP adds to the residual stream; scratch.
    delta: D::Buffer,
}

impl<D: LayerOps> Stream<D> {
    /// Where a branch's last linear layer puts its result, with the norm that comes after it.
    fn join<'a>(&'a mut self, norm: &'a D::Weight, eps: f32) -> AddNorm<'a, D> {
        let Self { residual, normed, delta } = self;
        AddNorm { residual, norm, eps, out: normed, scratch: delta }
    }
}

/// `(kind, rows, cols)` of every buffer, in the order of [`Stream`]'s and [`Buffers`]'s fields.
pub(crate) fn buffer_shapes(
    spec: &ModelSpec,
    max_num_batched_tokens: usize,
    max_num_seqs: usize,
) -> [(BufferKind, usize, usize); 9] {
    let (tokens, seqs) = (max_num_batched_tokens, max_num_seqs);
    let q_cols = spec.num_heads * spec.head_dim;
    let qkv_cols = (spec.num_heads + 2 * spec.num_kv_heads) * spec.head_dim;
    let (activation, scratch) = (BufferKind::Activation, BufferKind::Scratch);
    [
        (activation, tokens, spec.hidden_size),
        (activation, tokens, spec.hidden_size),
        (scratch, tokens, spec.hidden_size),
        (activation, tokens, qkv_cols),
        (activation, tokens, q_cols),
        (scratch, tokens, 2 * spec.intermediate_size),
        (activation, tokens, spec.intermediate_size),
        (activation, seqs, spec.hidden_size),
        (BufferKind::Logits, seqs, spec.vocab_size),
    ]
}

impl<D: LayerOps> Decoder<D> {
    /// Joins uploaded weights with freshly allocated buffers and cache.
    pub(crate) fn new(
        device: &mut D,
        spec: ModelSpec,
        weights: Weights<D::Weight>,
        max_num_batched_tokens: usize,
        max_num_seqs: usize,
        kv_layout: &KvLayout,
        kv_scales: &[KvScales],
    ) -> Result<Self, DeviceError> {
        let shapes = buffer_shapes(&spec, max_num_batched_tokens, max_num_seqs);
        let mut alloc = |i: usize| device.alloc_buffer(shapes[i].0, shapes[i].1, shapes[i].2);
        let buffers = Buffers {
            stream: Stream { residual: alloc(0)?, normed: alloc(1)?, delta: alloc(2)? },
            qkv: alloc(3)?,
            attention: alloc(4)?,
            gate_up: alloc(5)?,
            activated: alloc(6)?,
            gathered: alloc(7)?,
            logits: alloc(8)?,
        };
        let kv_cache = device.alloc_kv_cache(kv_layout, kv_scales)?;
        Ok(Self { spec, weights, buffers, kv_cache })
    }

    /// Computes the step that the device has begun; returns its logits.
    pub(crate) fn forward(
        &mut self,
        device: &mut D,
        rows: StepRows,
    ) -> Result<&mut D::Buffer, DeviceError> {
        let Self { spec, weights, buffers: b, kv_cache } = self;
        let (StepRows { num_tokens: rows, num_logits }, eps) = (rows, spec.norm_eps);
        device.embed(&weights.embedding, 1.0, &mut b.stream.residual)?;
        let first = &weights.layers[0].attn_norm;
        device.rms_norm(rows, &b.stream.residual, first, eps, &mut b.stream.normed)?;
        for (idx, layer) in weights.layers.iter().enumerate() {
            attention(device, spec, idx, layer, rows, b, kv_cache)?;
            let to = b.stream.join(&layer.ffn_norm, eps);
            device.linear_add_norm(rows, &b.attention, &layer.o, to)?;
            let (x, gate_up) = (&b.stream.normed, &layer.gate_up);
            device.linear_silu_mul(rows, x, gate_up, &mut b.gate_up, &mut b.activated)?;
            let next = weights.layers.get(idx + 1);
            let norm = next.map_or(&weights.final_norm, |next| &next.attn_norm);
            let to = b.stream.join(norm, eps);
            device.linear_add_norm(rows, &b.activated, &layer.down, to)?;
        }
        device.gather_rows(&b.stream.normed, &mut b.gathered)?;
        let lm_head = weights.lm_head.as_ref().unwrap_or(&weights.embedding);
        device.lm_head(num_logits, &b.gathered, lm_head, &mut b.logits)?;
        Ok(&mut b.logits)
    }
}

/// `attention = attention(normed)`, keys and values cached on the way.
fn attention<D: LayerOps>(
    device: &mut D,
    spec: &ModelSpec,
    layer_idx: usize,
    layer: &LayerWeights<D::Weight>,
    rows: usize,
    b: &mut Buffers<D>,
    kv_cache: &mut D::KvCache,
) -> Result<(), DeviceError> {
    let qkv_spec = QkvSpec {
        num_heads: spec.num_heads,
        num_kv_heads: spec.num_kv_heads,
        head_dim: spec.head_dim,
        norm_eps: spec.norm_eps,
    };
    let attention_spec = AttentionSpec {
        num_heads: spec.num_heads,
        scale: (spec.head_dim as f32).powf(-0.5),
        sliding_window: spec.window(layer_idx),
        soft_cap: None,
    };
    let qk_norm = layer.qk_norm.as_ref().map(|(q, k)| (q, k));
    device.linear(rows, &b.stream.normed, &layer.qkv, layer.qkv_bias.as_ref(), &mut b.qkv)?;
    device.rope_and_cache(layer_idx, &mut b.qkv, &qkv_spec, qk_norm, kv_cache)?;
    device.paged_attention(layer_idx, &b.qkv, kv_cache, &attention_spec, &mut b.attention)
}
