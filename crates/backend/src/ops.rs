//! The fused operations of a decoder layer: exactly the kernels that we write, no more.
//!
//! Every operation works on the first `rows` rows of its buffers; outputs are caller-owned.
//! Operations between `begin_step` and `finish_step` see that step's positions, slots and block
//! tables. A device may answer `begin_step` with more rows than the step has (padding, which leaves
//! no trace), or that it repeats by itself what it was told for an earlier step of the same shape;
//! then no operation may be called. Finished steps are collected in order.
//!
//! Batch invariance: a row's result must not depend on which other rows share the call, on `rows`,
//! nor on whether a token was computed in a prefill chunk or a decode step. Devices guarantee it by
//! a fixed reduction order per output element.

use types::{Sampled, StepCounts, StepInput};

use crate::{Device, DeviceError};

/// The largest step a device must be ready for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct StepLimits {
    /// Sequences per step; also the number of sampler slots and of logits rows.
    pub max_num_seqs: usize,
    /// New tokens per step.
    pub max_num_batched_tokens: usize,
    /// Tokens per sequence.
    pub max_model_len: usize,
    /// Vocabulary rows of the LM head.
    pub vocab_size: usize,
    /// Widest input of any linear layer.
    pub max_linear_cols: usize,
    /// Query heads.
    pub num_heads: usize,
    /// Key/value heads.
    pub num_kv_heads: usize,
    /// Elements per head.
    pub head_dim: usize,
    /// Tokens per KV block.
    pub block_size: usize,
}

/// Cosines and sines by position, already scaled for the model's rope variant.
///
/// Layout `[max_position, rotary_dim / 2]` each; rotation is the half-split ("NeoX") form:
/// element `i` pairs with `i + rotary_dim / 2` (RoFormer, arXiv 2104.09864, as laid out by
/// GPT-NeoX). Loaders reorder rows of checkpoints that were stored interleaved.
#[derive(Clone, Debug)]
pub struct RopeTable {
    /// Leading elements of each head that rotate.
    pub rotary_dim: usize,
    /// `[max_position, rotary_dim / 2]`.
    pub cos: Vec<f32>,
    /// `[max_position, rotary_dim / 2]`.
    pub sin: Vec<f32>,
}

/// Shape of the fused QKV row: `[num_heads + 2 * num_kv_heads, head_dim]`, queries first, then
/// keys, then values.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct QkvSpec {
    /// Query heads.
    pub num_heads: usize,
    /// Key/value heads.
    pub num_kv_heads: usize,
    /// Elements per head.
    pub head_dim: usize,
    /// Epsilon of the q/k norms.
    pub norm_eps: f32,
}

/// What attention needs beyond the cache and the step's metadata.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct AttentionSpec {
    /// Query heads; query head `h` reads KV head `h * num_kv_heads / num_heads`.
    pub num_heads: usize,
    /// Multiplies the scores; usually `head_dim^-0.5`.
    pub scale: f32,
    /// A query at position `p` sees keys at positions `> p - window`.
    pub sliding_window: Option<u32>,
    /// `cap * tanh(score / cap)` before the softmax.
    pub soft_cap: Option<f32>,
}

/// What is left to be called of a step that has begun.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StepRun {
    /// Every operation, on this many rows.
    Compute(StepRows),
    /// None: the device repeats the operations of an earlier step, with the weights, buffers and
    /// cache that those had.
    Replay,
}

/// Rows of a step's operations, padding included.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct StepRows {
    /// New tokens.
    pub num_tokens: usize,
    /// Rows of logits.
    pub num_logits: usize,
}

impl StepRows {
    /// The step's own rows, without padding.
    pub fn of(step: &StepInput) -> Self {
        Self { num_tokens: step.num_tokens(), num_logits: step.logits_indices.len() }
    }
}

/// How a step ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StepEnd {
    /// It is under way, or done; one `collect` is due for it.
    Launched,
    /// The device could not keep the operations for repetition and computed nothing: the step is to
    /// be begun again. It will not answer so a second time.
    Again,
}

/// How the result of a layer's branch joins the residual stream, and the norm that follows.
pub struct AddNorm<'a, D: Device + ?Sized> {
    /// `[rows, cols]`; the branch is added to it.
    pub residual: &'a mut D::Buffer,
    /// `[cols]`, the norm's weight.
    pub norm: &'a D::Weight,
    /// The norm's epsilon.
    pub eps: f32,
    /// `[rows, cols]`, the norm of the sum.
    pub out: &'a mut D::Buffer,
    /// `[rows, cols]` of [`BufferKind::Scratch`](crate::BufferKind).
    pub scratch: &'a mut D::Buffer,
}

/// The decoder layer's operations on a device.
pub trait LayerOps: Device {
    /// Steps that may be finished before the oldest of them is collected; 1 or more. With more than
    /// one, the device keeps the last sampled token of each slot and puts it in for
    /// [`StepInput`]'s deferred tokens.
    fn max_steps_in_flight(&self) -> usize {
        1
    }

    /// How steps were run so far. Called once a step, so it only copies.
    fn step_counts(&self) -> StepCounts {
        StepCounts::default()
    }

    /// Takes over the step's metadata and sets up the sampling state of admitted sequences; says
    /// what is to be called then. A step without sampling rows is always computed.
    fn begin_step(&mut self, step: &StepInput) -> Result<StepRun, DeviceError>;

    /// Ends the step: all of its operations were called. Does not wait for them.
    fn finish_step(&mut self) -> Result<StepEnd, DeviceError>;

    /// Waits for the oldest finished step and appends one [`Sampled`] per sampling row, in order.
    fn collect(&mut self, out: &mut Vec<Sampled>) -> Result<(), DeviceError>;

    /// Makes the rotation table known to the device; called once.
    fn set_rope(&mut self, table: RopeTable) -> Result<(), DeviceError>;

    /// `out[t] = table[token_ids[t]] * scale` for every token of the step.
    fn embed(
        &mut self,
        table: &Self::Weight,
        scale: f32,
        out: &mut Self::Buffer,
    ) -> Result<(), DeviceError>;

    /// `out = x / sqrt(mean(x^2) + eps) * weight` per row (RMSNorm, arXiv 1910.07467).
    fn rms_norm(
        &mut self,
        rows: usize,
        x: &Self::Buffer,
        weight: &Self::Weight,
        eps: f32,
        out: &mut Self::Buffer,
    ) -> Result<(), DeviceError>;

    /// `residual += delta; out = rms_norm(residual)`.
    fn add_rms_norm(
        &mut self,
        rows: usize,
        residual: &mut Self::Buffer,
        delta: &Self::Buffer,
        weight: &Self::Weight,
        eps: f32,
        out: &mut Self::Buffer,
    ) -> Result<(), DeviceError>;

    /// `out = x * weight^T + bias`; `x` is `[rows, weight.cols]`, `out` `[rows, weight.rows]`.
    fn linear(
        &mut self,
        rows: usize,
        x: &Self::Buffer,
        weight: &Self::Weight,
        bias: Option<&Self::Weight>,
        out: &mut Self::Buffer,
    ) -> Result<(), DeviceError>;

    /// `residual += x * weight^T; out = rms_norm(residual)`. The provided body is the meaning;
    /// devices may round the sum less often.
    fn linear_add_norm(
        &mut self,
        rows: usize,
        x: &Self::Buffer,
        weight: &Self::Weight,
        to: AddNorm<'_, Self>,
    ) -> Result<(), DeviceError> {
        let AddNorm { residual, norm, eps, out, scratch } = to;
        self.linear(rows, x, weight, None, scratch)?;
        self.add_rms_norm(rows, residual, scratch, norm, eps, out)
    }

    /// `out = silu(x * gate^T) * (x * up^T)` (SwiGLU, arXiv 2002.05202) for a weight of
    /// `upload_gate_up`; `scratch` is `[rows, 2 * out.cols]` of
    /// [`BufferKind::Scratch`](crate::BufferKind). The provided body is the meaning; devices may
    /// round less often.
    fn linear_silu_mul(
        &mut self,
        rows: usize,
        x: &Self::Buffer,
        gate_up: &Self::Weight,
        scratch: &mut Self::Buffer,
        out: &mut Self::Buffer,
    ) -> Result<(), DeviceError> {
        self.linear(rows, x, gate_up, None, scratch)?;
        self.silu_mul(rows, scratch, out)
    }

    /// `logits = x * weight^T`, the rows that `sample` chooses from.
    fn lm_head(
        &mut self,
        rows: usize,
        x: &Self::Buffer,
        weight: &Self::Weight,
        logits: &mut Self::Buffer,
    ) -> Result<(), DeviceError> {
        self.linear(rows, x, weight, None, logits)
    }

    /// For every token of the step, in place on the fused QKV rows: RMSNorm of each query and key
    /// head (if given), rotation of queries and keys at the token's position, then keys and values
    /// written to the token's slot of `layer`.
    fn rope_and_cache(
        &mut self,
        layer: usize,
        qkv: &mut Self::Buffer,
        spec: &QkvSpec,
        qk_norm: Option<(&Self::Weight, &Self::Weight)>,
        cache: &mut Self::KvCache,
    ) -> Result<(), DeviceError>;

    /// Causal attention of every token of the step over its sequence's cached keys and values
    /// (its own included); reads queries from the fused QKV rows, writes
    /// `[num_tokens, num_heads * head_dim]`.
    fn paged_attention(
        &mut self,
        layer: usize,
        qkv: &Self::Buffer,
        cache: &Self::KvCache,
        spec: &AttentionSpec,
        out: &mut Self::Buffer,
    ) -> Result<(), DeviceError>;

    /// `out = silu(gate) * up` where a row of `gate_up` is `[gate, up]` (SwiGLU, arXiv 2002.05202).
    fn silu_mul(
        &mut self,
        rows: usize,
        gate_up: &Self::Buffer,
        out: &mut Self::Buffer,
    ) -> Result<(), DeviceError>;

    /// `out[i] = x[logits_indices[i]]` for the step's sampling rows.
    fn gather_rows(&mut self, x: &Self::Buffer, out: &mut Self::Buffer) -> Result<(), DeviceError>;

    /// Samples one token per logits row and updates the sampling states; `collect` hands the tokens
    /// out. The meaning is the `sampling` crate's. Called once in a step that has sampling rows.
    fn sample(&mut self, logits: &mut Self::Buffer) -> Result<(), DeviceError>;

    /// Copies one row of a logits or activation buffer to the host as f32 (tests and `inspect`).
    /// Waits for it, so it has no place in a step with sampling rows.
    fn read_row(&mut self, buffer: &Self::Buffer, row: usize) -> Result<Vec<f32>, DeviceError>;
}
