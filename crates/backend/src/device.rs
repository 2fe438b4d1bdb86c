//! What a device stores: weights, activation buffers and the paged KV cache, each with the exact
//! size it will take, so that memory can be planned before anything is allocated.

use crate::{DType, DeviceError, RowSource, StepLimits, TensorShape};

/// What a buffer is for; devices choose the element type by it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BufferKind {
    /// Hidden states and everything derived from them (f32 on the CPU, bf16 on gfx942).
    Activation,
    /// Logits, f32 everywhere.
    Logits,
    /// What the parts of a fused operation hand on to each other, on devices that do it in parts;
    /// others give it no memory.
    Scratch,
}

/// Element type of the KV cache.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum KvDType {
    /// IEEE single.
    F32,
    /// IEEE half.
    F16,
    /// bfloat16.
    BF16,
    /// FP8 e4m3 as gfx942 has it ([`crate::fp8`]), times the cache's scales ([`KvScales`]).
    Fp8,
}

/// What one layer's FP8 numbers are multiplied with to be keys and values; other element types have
/// none. A power of two changes no relative error as long as nothing saturates.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct KvScales {
    /// Of keys.
    pub key: f32,
    /// Of values.
    pub value: f32,
}

impl Default for KvScales {
    fn default() -> Self {
        Self { key: 1.0, value: 1.0 }
    }
}

impl KvDType {
    /// Bytes of one element.
    pub fn bytes(self) -> usize {
        match self {
            Self::F32 => 4,
            Self::F16 | Self::BF16 => 2,
            Self::Fp8 => 1,
        }
    }
}

/// Shape of the paged KV cache of a whole model.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct KvLayout {
    /// Decoder layers.
    pub num_layers: usize,
    /// Physical blocks, shared by all sequences; the same block id is used in every layer.
    pub num_blocks: usize,
    /// Tokens per block.
    pub block_size: usize,
    /// Key/value heads.
    pub num_kv_heads: usize,
    /// Elements per head.
    pub head_dim: usize,
    /// Element type.
    pub dtype: KvDType,
}

impl KvLayout {
    /// Bytes that one block takes over all layers, keys and values.
    pub fn block_bytes(&self) -> usize {
        2 * self.num_layers
            * self.block_size
            * self.num_kv_heads
            * self.head_dim
            * self.dtype.bytes()
    }
}

/// Storage on one device.
///
/// The `*_bytes` functions give the size that the matching allocation really takes; the memory
/// plan adds them up and a test compares the sum with what was allocated.
pub trait Device: Send + 'static {
    /// A `[rows, cols]` matrix of activations or logits.
    type Buffer: Send;
    /// An uploaded weight in the device's own layout.
    type Weight: Send + Sync;
    /// The paged KV cache of all layers.
    type KvCache: Send;

    /// Name for messages, e.g. `cpu (avx512, 2 threads)`.
    fn name(&self) -> String;

    /// The type that matrices stored as `stored` become on the device, if it does not multiply
    /// them as they are.
    fn expands(&self, stored: DType) -> Option<DType> {
        let _ = stored;
        None
    }

    /// Refuses what there is no code for, with the remedy; asked before any weight is read. What it
    /// lets through may still not fit into memory.
    fn check(&self, layout: &KvLayout, limits: &StepLimits) -> Result<(), DeviceError>;

    /// Size of `upload_weight` for these parts.
    fn weight_bytes(&self, parts: &[TensorShape]) -> usize;
    /// Reads and uploads one matrix given as parts stacked by rows (a fused QKV weight has three,
    /// each with its own element type). All parts have the same `cols`. Parts of one row each are a
    /// vector (a norm, a bias), joined end to end.
    fn upload_weight<S: RowSource>(&mut self, parts: &[S]) -> Result<Self::Weight, S::Error>;

    /// Reads and uploads gate and up, of one shape, as
    /// [`LayerOps::linear_silu_mul`](crate::LayerOps) wants them. Takes as much as `upload_weight`
    /// of both.
    fn upload_gate_up<S: RowSource>(&mut self, gate: S, up: S) -> Result<Self::Weight, S::Error> {
        self.upload_weight(&[gate, up])
    }

    /// Size of `alloc_buffer`.
    fn buffer_bytes(&self, kind: BufferKind, rows: usize, cols: usize) -> usize;
    /// Allocates a zeroed buffer of at most `rows` rows.
    fn alloc_buffer(
        &mut self,
        kind: BufferKind,
        rows: usize,
        cols: usize,
    ) -> Result<Self::Buffer, DeviceError>;

    /// Size of `alloc_kv_cache`.
    fn kv_cache_bytes(&self, layout: &KvLayout) -> usize;
    /// Allocates the KV cache. `scales` are the layers', finite and positive; empty for 1 everywhere.
    fn alloc_kv_cache(
        &mut self,
        layout: &KvLayout,
        scales: &[KvScales],
    ) -> Result<Self::KvCache, DeviceError>;

    /// Scratch that the device itself keeps for steps of at most this size (quantised
    /// activations, attention partials, sampler state), to be counted in the plan.
    fn workspace_bytes(&self, limits: &StepLimits) -> usize;
    /// Memory of the host that a device with its own memory pins for such steps while it serves.
    fn pinned_bytes(&self, limits: &StepLimits) -> usize {
        let _ = limits;
        0
    }
    /// Allocates that scratch; called once, when all weights are uploaded and before the first step.
    fn reserve_workspace(&mut self, limits: &StepLimits) -> Result<(), DeviceError>;
}
