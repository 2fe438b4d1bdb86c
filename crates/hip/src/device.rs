//! The device: opening it, and the storage side of `backend`'s traits.

use std::path::PathBuf;

use backend::{
    BufferKind, DType, Device, DeviceError, KvLayout, KvScales, RowSource, StepLimits, TensorShape,
};

use crate::buffers::{
    BLOCK_SIZE, HipBuffer, HipKvCache, buffer_bytes, kv_cache_bytes, padded_head,
};
use crate::element::ActivationType;
use crate::error::HipFailure;
use crate::graphs::{GraphLimits, MAX_GRAPH_BYTES, MAX_GRAPHS};
use crate::kernels::{check_build, embedded_archs};
use crate::launch::{Kernels, PADDED_HEAD_DIMS};
use crate::runtime::{DeviceMemory, Gpu, Runtime, Stream};
use crate::upload::{UploadFailure, UploadRing};
use crate::weight::{HipWeight, WeightKind};
use crate::workspace::Workspace;

/// Which GPU to open, and how.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HipConfig {
    /// `N` of `hip:N`.
    pub index: u32,
    /// Library to open instead of the usual names.
    pub library: Option<PathBuf>,
    /// Decode steps kept as graphs; 0 launches every operation by itself.
    pub max_graphs: usize,
    /// Device memory that graphs may take, by an estimate; one is kept whatever it takes.
    pub max_graph_bytes: usize,
    /// Element type of activations, matrices and a plain KV cache.
    pub activations: ActivationType,
}

impl Default for HipConfig {
    fn default() -> Self {
        Self {
            index: 0,
            library: None,
            max_graphs: MAX_GRAPHS,
            max_graph_bytes: MAX_GRAPH_BYTES,
            activations: ActivationType::default(),
        }
    }
}

/// A GPU with our kernels.
pub struct HipDevice {
    // Fields are dropped in order: what lives on the stream first, the stream before the GPU.
    pub(crate) work: Option<Workspace>,
    pub(crate) rope: Option<Rope>,
    ring: UploadRing,
    pub(crate) kernels: Kernels,
    pub(crate) stream: Stream,
    pub(crate) gpu: Gpu,
    pub(crate) activations: ActivationType,
    description: String,
    graphs: GraphLimits,
}

/// The rotation table.
pub(crate) struct Rope {
    pub(crate) half: usize,
    pub(crate) num_positions: usize,
    pub(crate) cos: DeviceMemory,
    pub(crate) sin: DeviceMemory,
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
            ring: UploadRing::default(),
            kernels,
            stream,
            gpu,
            description,
            graphs: GraphLimits {
                max_graphs: config.max_graphs,
                max_bytes: config.max_graph_bytes,
            },
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
    fn weight_kind<S: RowSource>(&self, parts: &[S]) -> Result<WeightKind, DeviceError> {
        let shapes: Vec<_> = parts.iter().map(RowSource::shape).collect();
        let kind = WeightKind::of(&shapes);
        if let WeightKind::Matrix { cols, .. } = kind
            && (shapes.iter().any(|shape| shape.cols != cols) || !cols.is_multiple_of(8))
        {
            return Err(self.unsupported(format!("a matrix of {cols} columns, no multiple of 8")));
        }
        Ok(kind)
    }

    fn check_layout(&self, layout: &KvLayout) -> Result<(), DeviceError> {
        if layout.block_size != BLOCK_SIZE {
            let asked = layout.block_size;
            return Err(self.unsupported(format!("--block-size {asked}; use {BLOCK_SIZE}")));
        }
        match self.activations.refuses_cache(layout.dtype, self.kernels.has_fp8_cache()) {
            None => Ok(()),
            Some(why) => Err(self.unsupported(why)),
        }
    }

    fn check_heads(&self, limits: &StepLimits) -> Result<(), DeviceError> {
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
        Ok(())
    }

    fn upload<S: RowSource>(
        &mut self,
        kind: WeightKind,
        parts: &[S],
    ) -> Result<HipWeight, S::Error> {
        let uploaded = self.ring.weight(&self.gpu, &self.stream, (kind, self.activations), parts);
        uploaded.map_err(|failure| match failure {
            UploadFailure::Gpu(failure) => self.error("a weight", failure).into(),
            UploadFailure::Source(error) => error,
        })
    }

    /// Waits for the last uploads and gives the ring's memory back.
    fn end_uploads(&mut self) -> Result<(), HipFailure> {
        self.stream.synchronize()?;
        self.ring = UploadRing::default();
        Ok(())
    }

    /// Uploads numbers to the start of `memory`.
    pub(crate) fn upload_f32(
        &mut self,
        memory: &DeviceMemory,
        values: &[f32],
    ) -> Result<(), HipFailure> {
        self.ring.numbers(&self.gpu, &self.stream, memory, values)
    }

    fn zeroed(&self, bytes: usize) -> Result<DeviceMemory, HipFailure> {
        let memory = self.gpu.alloc(bytes)?;
        self.stream.zero(&memory)?;
        self.stream.synchronize()?;
        Ok(memory)
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

    fn check(&self, layout: &KvLayout, limits: &StepLimits) -> Result<(), DeviceError> {
        self.check_layout(layout)?;
        self.check_heads(limits)
    }

    fn weight_bytes(&self, parts: &[TensorShape]) -> usize {
        WeightKind::of(parts).bytes()
    }

    fn upload_weight<S: RowSource>(&mut self, parts: &[S]) -> Result<HipWeight, S::Error> {
        let kind = self.weight_kind(parts)?;
        self.upload(kind, parts)
    }

    fn upload_gate_up<S: RowSource>(&mut self, gate: S, up: S) -> Result<HipWeight, S::Error> {
        let parts = [gate, up];
        let is_pair = parts[0].shape().rows == parts[1].shape().rows;
        let kind = match self.weight_kind(&parts)? {
            WeightKind::Matrix { rows, cols } if is_pair => WeightKind::GateUp { rows, cols },
            _ => return Err(self.unsupported("gate and up of different shapes".to_owned()).into()),
        };
        self.upload(kind, &parts)
    }

    fn buffer_bytes(&self, kind: BufferKind, rows: usize, cols: usize) -> usize {
        buffer_bytes(kind, rows, cols)
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
        kv_cache_bytes(layout)
    }

    fn alloc_kv_cache(
        &mut self,
        layout: &KvLayout,
        scales: &[KvScales],
    ) -> Result<HipKvCache, DeviceError> {
        self.check_layout(layout)?;
        // Padding must read as zero, and so must what is not yet written.
        let forgotten = self.forget_graphs();
        let memory = forgotten.and_then(|()| self.zeroed(self.kv_cache_bytes(layout)));
        let memory = memory.map_err(|failure| self.error("the KV cache", failure))?;
        Ok(HipKvCache { memory, layout: *layout, scales: scales.to_vec() })
    }

    fn workspace_bytes(&self, limits: &StepLimits) -> usize {
        Workspace::device_bytes(limits, self.graphs)
    }

    fn pinned_bytes(&self, limits: &StepLimits) -> usize {
        Workspace::pinned_bytes(limits, self.graphs)
    }

    fn reserve_workspace(&mut self, limits: &StepLimits) -> Result<(), DeviceError> {
        self.check_heads(limits)?;
        let ended = self.end_uploads();
        ended.map_err(|failure| self.error("the weights", failure))?;
        let work = Workspace::new(&self.gpu, &self.stream, limits, self.graphs);
        self.work = Some(work.map_err(|failure| self.error("the workspace", failure))?);
        debug_assert_eq!(self.gpu.pinned_bytes(), self.pinned_bytes(limits), "pinned memory");
        Ok(())
    }
}
