//! The device: opening it, and the storage side of `backend`'s traits.

use std::cell::{Cell, RefCell};
use std::path::PathBuf;

use backend::{
    BufferKind, DType, Device, DeviceError, KvDType, KvLayout, KvScales, StepLimits, TensorShape,
    TensorView,
};

use crate::decode::DecodeState;
use crate::element::ActivationType;
use crate::error::HipFailure;
use crate::flights::Flights;
use crate::graphs::{Graphs, MAX_GRAPH_BYTES, MAX_GRAPHS, Reach};
use crate::kernels::{check_build, embedded_archs};
use crate::launch::{Kernels, PADDED_HEAD_DIMS};
use crate::runtime::{DeviceMemory, Gpu, Pinned, Runtime, Stream};
use crate::sample::{Samplers, logits_stride};
use crate::step::StepState;
use crate::stepping::Run;
use crate::weight::{
    HipWeight, RowOrder, STRIP_ROWS, WeightKind, pack_strip, strip_bytes, widen_vector,
};

/// Tokens of a KV block; the kernels' tiles are made of it.
pub(crate) const BLOCK_SIZE: usize = 16;

/// Context tokens of an attention segment (`kernels/attention.h`).
pub(crate) const SEGMENT_TOKENS: usize = 256;

/// Bytes of each half of the pinned ring through which weights go; a strip that is larger takes a
/// ring of its own size.
const RING_HALF_BYTES: usize = 8 << 20;

/// Partial results of attention that there is room for, per query head: 256-token segments of all
/// sequences of a launch together. Steps with more are launched by parts: each still has far more
/// work-groups than a GPU holds, and the memory stays at some 70 MB for 32 heads of 128 elements
/// where 256 sequences of 128k tokens would take 2 GB.
const MAX_PARTIAL_SEGMENTS: usize = 4096;

/// Which GPU to open, and how.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HipConfig {
    /// `N` of `hip:N`.
    pub index: u32,
    /// Library to open instead of the usual names.
    pub library: Option<PathBuf>,
    /// Decode steps kept as graphs; 0 launches every operation by itself.
    pub max_graphs: usize,
    /// Element type of activations, matrices and a plain KV cache.
    pub activations: ActivationType,
}

impl Default for HipConfig {
    fn default() -> Self {
        Self {
            index: 0,
            library: None,
            max_graphs: MAX_GRAPHS,
            activations: ActivationType::default(),
        }
    }
}

/// A GPU with our kernels.
pub struct HipDevice {
    // Fields are dropped in order: what lives on the stream first, the stream before the GPU.
    pub(crate) work: Option<Workspace>,
    pub(crate) rope: Option<Rope>,
    ring: Vec<Pinned>,
    pub(crate) kernels: Kernels,
    pub(crate) stream: Stream,
    pub(crate) gpu: Gpu,
    pub(crate) activations: ActivationType,
    description: String,
    max_graphs: usize,
}

/// Scratch for steps of a known largest size.
pub(crate) struct Workspace {
    pub(crate) limits: StepLimits,
    pub(crate) step: StepState,
    pub(crate) samplers: Samplers,
    pub(crate) flights: Flights,
    /// `None` where no graphs are wanted or possible.
    pub(crate) decode: Option<DecodeState>,
    pub(crate) graphs: Graphs,
    pub(crate) run: Run,
    /// Whether the step at hand has been sampled from.
    pub(crate) has_sampled: bool,
    /// What the operations of a capture can reach.
    pub(crate) reach: Cell<Reach>,
    /// The first launch that a capture refused.
    pub(crate) capture_failure: RefCell<Option<HipFailure>>,
    /// f32 `[partial_rows, padded head]`, of attention that is split.
    pub(crate) partial_out: DeviceMemory,
    /// f32 `[partial_rows, 2]`.
    pub(crate) partial_stats: DeviceMemory,
}

/// The rotation table.
pub(crate) struct Rope {
    pub(crate) half: usize,
    pub(crate) num_positions: usize,
    pub(crate) cos: DeviceMemory,
    pub(crate) sin: DeviceMemory,
}

/// A `[rows, cols]` matrix: activations, or f32 logits with padded rows.
pub struct HipBuffer {
    pub(crate) memory: DeviceMemory,
    pub(crate) kind: BufferKind,
    pub(crate) rows: usize,
    pub(crate) cols: usize,
}

/// The paged KV cache, bf16 or FP8 in fragments (`kernels/kv_layout.h`): per layer keys, then values.
pub struct HipKvCache {
    pub(crate) memory: DeviceMemory,
    pub(crate) layout: KvLayout,
    /// By layer; empty for 1 everywhere.
    scales: Vec<KvScales>,
}

impl HipKvCache {
    /// Bytes from a block to the next.
    pub(crate) fn block_stride(&self) -> usize {
        let KvLayout { num_kv_heads, head_dim, dtype, .. } = self.layout;
        num_kv_heads * padded_head(head_dim) * BLOCK_SIZE * dtype.bytes()
    }

    /// Whether the FP8 kernels are to be used.
    pub(crate) fn is_fp8(&self) -> bool {
        self.layout.dtype == KvDType::Fp8
    }

    /// What multiplies a layer's stored numbers: 1 unless they are FP8.
    pub(crate) fn scales(&self, layer: usize) -> KvScales {
        self.scales.get(layer).copied().filter(|_| self.is_fp8()).unwrap_or_default()
    }

    /// Addresses of block 0's keys and values of a layer.
    pub(crate) fn layer(&self, layer: usize) -> (u64, u64) {
        let half = self.layout.num_blocks * self.block_stride();
        let keys = self.memory.address() + (2 * layer * half) as u64;
        (keys, keys + half as u64)
    }
}

/// `head_dim` as the cache pads it.
pub(crate) fn padded_head(head_dim: usize) -> usize {
    head_dim.next_multiple_of(32)
}

impl HipBuffer {
    /// Elements from a row to the next.
    pub(crate) fn stride(&self) -> usize {
        match self.kind {
            BufferKind::Activation | BufferKind::Scratch => self.cols,
            BufferKind::Logits => logits_stride(self.cols),
        }
    }

    pub(crate) fn element_bytes(&self) -> usize {
        element_bytes(self.kind)
    }
}

fn element_bytes(kind: BufferKind) -> usize {
    match kind {
        BufferKind::Activation => 2,
        BufferKind::Logits => 4,
        // The operations that would need it are one kernel each.
        BufferKind::Scratch => 0,
    }
}

/// Segments of the longest sequence.
pub(crate) fn max_segments(limits: &StepLimits) -> usize {
    limits.max_model_len.div_ceil(SEGMENT_TOKENS)
}

/// Segments of all sequences of an attention launch that there is room for.
pub(crate) fn partial_segments(limits: &StepLimits) -> usize {
    let longest = max_segments(limits);
    limits.max_num_seqs.saturating_mul(longest).min(MAX_PARTIAL_SEGMENTS.max(longest))
}

fn partial_rows(limits: &StepLimits) -> usize {
    partial_segments(limits) * limits.num_heads
}

impl HipDevice {
    /// Opens the runtime and the device and loads the kernels.
    ///
    /// # Errors
    /// [`HipFailure`]: no runtime, no such device, no kernels for it, or a failing call.
    pub fn new(config: &HipConfig) -> Result<Self, HipFailure> {
        check_build(&embedded_archs())?;
        let runtime = Runtime::open(config.library.as_deref())?;
        let gpu = Gpu::new(&runtime, config.index)?;
        let arch = gpu.arch()?;
        let kernels = Kernels::load(&gpu, &arch, config.activations)?;
        let description = format!("{} ({}, {arch})", gpu.label(), gpu.name()?);
        tracing::info!(device = description, library = runtime.library_name(), "HIP device opened");
        let stream = gpu.stream()?;
        Ok(Self {
            work: None,
            rope: None,
            ring: Vec::new(),
            kernels,
            stream,
            gpu,
            description,
            max_graphs: config.max_graphs,
            activations: config.activations,
        })
    }

    /// Element type of activations, matrices and a plain KV cache.
    pub fn activations(&self) -> ActivationType {
        self.activations
    }

    /// Free and total bytes of device memory now.
    ///
    /// # Errors
    /// [`HipFailure`] if the device does not answer.
    pub fn memory_bytes(&self) -> Result<(u64, u64), HipFailure> {
        self.gpu.memory()
    }

    pub(crate) fn error(&self, what: &str, failure: HipFailure) -> DeviceError {
        failure.into_device_error(&self.name(), what)
    }

    pub(crate) fn failed(&self, op: &str, reason: String) -> DeviceError {
        DeviceError::Failed { device: self.name(), op: op.to_owned(), reason }
    }

    fn unsupported(&self, what: String) -> DeviceError {
        DeviceError::Unsupported { device: self.name(), what }
    }

    /// What parts make up; refuses what there are no kernels for.
    fn weight_kind(&self, parts: &[TensorView<'_>]) -> Result<WeightKind, DeviceError> {
        let shapes: Vec<_> = parts.iter().map(|part| part.shape).collect();
        let kind = WeightKind::of(&shapes);
        if let WeightKind::Matrix { cols, .. } = kind
            && (shapes.iter().any(|shape| shape.cols != cols) || !cols.is_multiple_of(8))
        {
            return Err(self.unsupported(format!("a matrix of {cols} columns, no multiple of 8")));
        }
        Ok(kind)
    }

    fn zeroed(&self, bytes: usize) -> Result<DeviceMemory, HipFailure> {
        let memory = self.gpu.alloc(bytes)?;
        self.stream.zero(&memory)?;
        self.stream.synchronize()?;
        Ok(memory)
    }

    /// Both halves of the ring, each with room for `bytes`.
    fn grow_ring(&mut self, bytes: usize) -> Result<(), HipFailure> {
        if self.ring.first().is_none_or(|half| half.bytes() < bytes) {
            self.ring.clear();
            let bytes = bytes.max(RING_HALF_BYTES);
            self.ring = vec![self.gpu.alloc_pinned(bytes)?, self.gpu.alloc_pinned(bytes)?];
        }
        Ok(())
    }

    fn upload(
        &mut self,
        kind: WeightKind,
        parts: &[TensorView<'_>],
    ) -> Result<HipWeight, HipFailure> {
        let memory = self.gpu.alloc(kind.bytes())?;
        match kind {
            WeightKind::Vector { len } => {
                let mut values = vec![0.0f32; len];
                widen_vector(parts, &mut values);
                self.upload_f32(&memory, &values)?;
            }
            WeightKind::Matrix { rows, cols } | WeightKind::GateUp { rows, cols } => {
                let to = self.activations;
                let order = match kind {
                    WeightKind::GateUp { .. } => RowOrder::Interleaved,
                    _ => RowOrder::Stacked,
                };
                let strip = strip_bytes(cols);
                self.grow_ring(strip)?;
                let strips = rows.div_ceil(STRIP_ROWS);
                let mut wide = vec![0.0f32; cols];
                let per_half = (self.ring[0].bytes() / strip).max(1);
                for (turn, first) in (0..strips).step_by(per_half).enumerate() {
                    // One copy at most is under way, from the other half, while this is packed.
                    let end = (first + per_half).min(strips);
                    let half = &mut self.ring[turn % 2];
                    let words = half.as_mut_slice::<u16>((end - first) * strip / 2);
                    for (idx, out) in (first..end).zip(words.chunks_exact_mut(strip / 2)) {
                        pack_strip(parts, (to, order), idx, &mut wide, out);
                    }
                    self.stream.synchronize()?;
                    let half = &self.ring[turn % 2];
                    self.stream.upload(&memory, first * strip, half, (end - first) * strip)?;
                }
                self.stream.synchronize()?;
            }
        }
        Ok(HipWeight { memory, kind })
    }

    /// Copies numbers to the start of `memory` through the ring.
    pub(crate) fn upload_f32(
        &mut self,
        memory: &DeviceMemory,
        values: &[f32],
    ) -> Result<(), HipFailure> {
        self.grow_ring(RING_HALF_BYTES)?;
        let per_turn = self.ring[0].bytes() / 4;
        for (turn, part) in values.chunks(per_turn).enumerate() {
            self.ring[0].as_mut_slice::<f32>(part.len()).copy_from_slice(part);
            self.stream.upload(memory, turn * per_turn * 4, &self.ring[0], part.len() * 4)?;
            self.stream.synchronize()?;
        }
        Ok(())
    }

    fn has_graphs(&self, limits: &StepLimits) -> bool {
        self.max_graphs > 0 && DecodeState::is_possible(limits)
    }

    fn workspace(&self, limits: &StepLimits) -> Result<Workspace, HipFailure> {
        let rows = partial_rows(limits);
        let samplers = Samplers::new(&self.gpu, limits)?;
        let last_tokens = samplers.last_tokens();
        let decode = self
            .has_graphs(limits)
            .then(|| DecodeState::new(&self.gpu, &self.stream, limits, last_tokens))
            .transpose()?;
        let max_rows = limits.max_num_seqs.min(limits.max_num_batched_tokens);
        Ok(Workspace {
            limits: *limits,
            step: StepState::new(&self.gpu, limits)?,
            samplers,
            flights: Flights::new(&self.gpu, limits.max_num_seqs)?,
            decode,
            graphs: Graphs::new(self.max_graphs, max_rows),
            run: Run::Nothing,
            has_sampled: false,
            reach: Cell::default(),
            capture_failure: RefCell::default(),
            partial_out: self.gpu.alloc(rows * padded_head(limits.head_dim) * 4)?,
            partial_stats: self.gpu.alloc(rows * 2 * 4)?,
        })
    }

    /// Forgets graphs whose operations may reach what is about to be another.
    pub(crate) fn forget_graphs(&mut self) -> Result<(), HipFailure> {
        if let Some(work) = self.work.as_mut().filter(|work| !work.graphs.is_empty()) {
            self.stream.synchronize()?;
            work.graphs.clear();
        }
        Ok(())
    }
}

impl Drop for HipDevice {
    /// What is freed next must not be in use, and nothing can be freed under capture.
    fn drop(&mut self) {
        self.stream.abandon_capture();
        // A device that is lost waits for nothing.
        let _ = self.stream.synchronize();
    }
}

impl Device for HipDevice {
    type Buffer = HipBuffer;
    type Weight = HipWeight;
    type KvCache = HipKvCache;

    fn name(&self) -> String {
        self.description.clone()
    }

    fn expands(&self, stored: DType) -> Option<DType> {
        (!stored.is_plain()).then_some(self.activations.dtype())
    }

    fn weight_bytes(&self, parts: &[TensorShape]) -> usize {
        WeightKind::of(parts).bytes()
    }

    fn upload_weight(&mut self, parts: &[TensorView<'_>]) -> Result<HipWeight, DeviceError> {
        let kind = self.weight_kind(parts)?;
        self.upload(kind, parts).map_err(|failure| self.error("a weight", failure))
    }

    fn upload_gate_up(
        &mut self,
        gate: TensorView<'_>,
        up: TensorView<'_>,
    ) -> Result<HipWeight, DeviceError> {
        let parts = [gate, up];
        let kind = match self.weight_kind(&parts)? {
            WeightKind::Matrix { rows, cols } if gate.shape.rows == up.shape.rows => {
                WeightKind::GateUp { rows, cols }
            }
            _ => return Err(self.unsupported("gate and up of different shapes".to_owned())),
        };
        self.upload(kind, &parts).map_err(|failure| self.error("a weight", failure))
    }

    fn buffer_bytes(&self, kind: BufferKind, rows: usize, cols: usize) -> usize {
        let stride = if kind == BufferKind::Logits { logits_stride(cols) } else { cols };
        rows.saturating_mul(stride).saturating_mul(element_bytes(kind))
    }

    fn alloc_buffer(
        &mut self,
        kind: BufferKind,
        rows: usize,
        cols: usize,
    ) -> Result<HipBuffer, DeviceError> {
        if kind == BufferKind::Activation && !cols.is_multiple_of(8) {
            return Err(self.unsupported(format!("rows of {cols} numbers, no multiple of 8")));
        }
        let forgotten = self.forget_graphs();
        let memory = forgotten.and_then(|()| self.zeroed(self.buffer_bytes(kind, rows, cols)));
        let memory = memory.map_err(|failure| self.error("an activation buffer", failure))?;
        Ok(HipBuffer { memory, kind, rows, cols })
    }

    fn kv_cache_bytes(&self, layout: &KvLayout) -> usize {
        let padded = KvLayout {
            head_dim: padded_head(layout.head_dim),
            block_size: layout.block_size.next_multiple_of(BLOCK_SIZE),
            ..*layout
        };
        padded.block_bytes() * layout.num_blocks
    }

    fn alloc_kv_cache(
        &mut self,
        layout: &KvLayout,
        scales: &[KvScales],
    ) -> Result<HipKvCache, DeviceError> {
        let has_fp8 = self.kernels.has_fp8_cache();
        let is_there = layout.dtype == self.activations.kv_dtype()
            || (layout.dtype == KvDType::Fp8 && has_fp8);
        if !is_there || layout.block_size != BLOCK_SIZE {
            let types = if has_fp8 { "bf16 or fp8" } else { "f16 (or --dtype bfloat16)" };
            return Err(self.unsupported(format!(
                "a KV cache of {:?} in blocks of {}; use --kv-cache-dtype {types} and \
                 --block-size 16",
                layout.dtype, layout.block_size
            )));
        }
        // Padding must read as zero, and so must what is not yet written.
        let forgotten = self.forget_graphs();
        let memory = forgotten.and_then(|()| self.zeroed(self.kv_cache_bytes(layout)));
        let memory = memory.map_err(|failure| self.error("the KV cache", failure))?;
        Ok(HipKvCache { memory, layout: *layout, scales: scales.to_vec() })
    }

    fn workspace_bytes(&self, limits: &StepLimits) -> usize {
        let graphs =
            if self.has_graphs(limits) { DecodeState::bytes(limits) + MAX_GRAPH_BYTES } else { 0 };
        StepState::bytes(limits)
            + Samplers::device_bytes(limits)
            + graphs
            + partial_rows(limits) * (padded_head(limits.head_dim) + 2) * 4
    }

    fn reserve_workspace(&mut self, limits: &StepLimits) -> Result<(), DeviceError> {
        let StepLimits { num_heads, num_kv_heads, head_dim, .. } = *limits;
        if num_kv_heads == 0 || !num_heads.is_multiple_of(num_kv_heads) {
            return Err(self.unsupported(format!(
                "{num_heads} query heads over {num_kv_heads} KV heads; each KV head must serve the \
                 same number"
            )));
        }
        if !PADDED_HEAD_DIMS.contains(&padded_head(head_dim)) || !head_dim.is_multiple_of(8) {
            return Err(self.unsupported(format!("attention heads of {head_dim} elements")));
        }
        let work = self.workspace(limits);
        self.work = Some(work.map_err(|failure| self.error("the workspace", failure))?);
        // Weights are uploaded: the ring has done its work.
        self.ring.clear();
        Ok(())
    }
}
