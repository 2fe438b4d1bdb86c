//! The device: configuration, and the storage side of `backend`'s traits.

use backend::{
    BufferKind, DType, Device, DeviceError, KvLayout, KvScales, RopeTable, RowSource, StepLimits,
    TensorShape, TensorView,
};

use crate::activations::Activations;
use crate::aligned::AlignedVec;
use crate::isa::Isa;
use crate::kv::CpuKvCache;
use crate::pool::Pool;
use crate::weight::CpuWeight;
use crate::workspace::Workspace;

/// How to set up the device.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct CpuConfig {
    /// Threads that compute, the calling one included; `None` takes every core that the process
    /// may use.
    pub num_threads: Option<usize>,
    /// Use this instruction set instead of the best that the machine has (or that
    /// [`crate::ISA_ENV`] allows).
    pub isa: Option<Isa>,
    /// What operations round their results to, instead of what [`crate::ACTIVATIONS_ENV`] says.
    pub activations: Option<Activations>,
}

/// The CPU as a device.
pub struct CpuDevice {
    pub(crate) isa: Isa,
    pub(crate) activations: Activations,
    pub(crate) pool: Pool,
    pub(crate) rope: Option<RopeTable>,
    pub(crate) workspace: Option<Workspace>,
}

/// A `[rows, cols]` matrix of f32.
#[derive(Debug)]
pub struct CpuBuffer {
    data: AlignedVec<f32>,
    kind: BufferKind,
    rows: usize,
    cols: usize,
}

impl CpuBuffer {
    /// Rows that fit.
    pub fn rows(&self) -> usize {
        self.rows
    }

    /// Elements of a row.
    pub fn cols(&self) -> usize {
        self.cols
    }

    /// What it is for.
    pub(crate) fn kind(&self) -> BufferKind {
        self.kind
    }

    /// Bytes that the buffer takes.
    pub fn allocated_bytes(&self) -> usize {
        self.data.allocated_bytes()
    }

    /// The first rows. Panics if there are fewer: the decoder sized its buffers wrongly.
    pub(crate) fn first(&self, rows: usize) -> &[f32] {
        &self.data[..rows * self.cols]
    }

    /// The first rows, to be written; panics as [`CpuBuffer::first`].
    pub(crate) fn first_mut(&mut self, rows: usize) -> &mut [f32] {
        &mut self.data[..rows * self.cols]
    }
}

impl CpuDevice {
    /// Starts the worker pool and chooses the kernels.
    pub fn new(config: CpuConfig) -> Result<Self, DeviceError> {
        let failed = |reason: String| DeviceError::Failed {
            device: "cpu".to_owned(),
            op: "start".to_owned(),
            reason,
        };
        let isa = match config.isa {
            Some(isa) if !isa.is_available() => {
                let available = Isa::detect();
                return Err(failed(format!(
                    "no {isa} here, only {available}; choose that or less"
                )));
            }
            Some(isa) => isa,
            None => Isa::from_env().map_err(|error| failed(error.to_string()))?,
        };
        let activations = match config.activations {
            Some(activations) => activations,
            None => Activations::from_env().map_err(|error| failed(error.to_string()))?,
        };
        let available = || std::thread::available_parallelism().map_or(1, usize::from);
        let num_threads = config.num_threads.unwrap_or_else(available);
        let pool = Pool::new(num_threads).map_err(|error| failed(error.to_string()))?;
        tracing::debug!(%isa, num_threads, %activations, "CPU device started");
        Ok(Self { isa, activations, pool, rope: None, workspace: None })
    }

    /// Threads that compute.
    pub fn num_threads(&self) -> usize {
        self.pool.num_threads()
    }

    /// The instruction set in use.
    pub fn isa(&self) -> Isa {
        self.isa
    }

    /// A failed operation.
    pub(crate) fn failed(&self, op: &str, reason: impl Into<String>) -> DeviceError {
        DeviceError::Failed { device: self.name(), op: op.to_owned(), reason: reason.into() }
    }
}

impl Device for CpuDevice {
    type Buffer = CpuBuffer;
    type Weight = CpuWeight;
    type KvCache = CpuKvCache;

    fn name(&self) -> String {
        let num_threads = self.num_threads();
        let plural = if num_threads == 1 { "" } else { "s" };
        let bf16 = if self.activations == Activations::Bf16 { ", bf16 activations" } else { "" };
        format!("cpu ({}, {num_threads} thread{plural}{bf16})", self.isa)
    }

    fn expands(&self, stored: DType) -> Option<DType> {
        let dtype = self.activations.matrix_dtype(stored);
        (dtype != stored && !stored.is_plain()).then_some(dtype)
    }

    fn check(&self, _: &KvLayout, limits: &StepLimits) -> Result<(), DeviceError> {
        if limits.num_kv_heads == 0 || !limits.num_heads.is_multiple_of(limits.num_kv_heads) {
            return Err(DeviceError::Unsupported {
                device: self.name(),
                what: format!(
                    "{} query heads over {} KV heads; each KV head must serve the same number",
                    limits.num_heads, limits.num_kv_heads
                ),
            });
        }
        Ok(())
    }

    fn weight_bytes(&self, parts: &[TensorShape]) -> usize {
        CpuWeight::bytes(self.activations, parts)
    }

    fn upload_weight<S: RowSource>(&mut self, parts: &[S]) -> Result<CpuWeight, S::Error> {
        let stored = parts.iter().map(|part| Ok((part.shape(), part.read_all()?)));
        let stored = stored.collect::<Result<Vec<_>, S::Error>>()?;
        let views: Vec<_> =
            stored.iter().map(|(shape, data)| TensorView { shape: *shape, data }).collect();
        Ok(CpuWeight::new(self, &views)?)
    }

    fn buffer_bytes(&self, _: BufferKind, rows: usize, cols: usize) -> usize {
        AlignedVec::<f32>::bytes(rows.saturating_mul(cols))
    }

    fn alloc_buffer(
        &mut self,
        kind: BufferKind,
        rows: usize,
        cols: usize,
    ) -> Result<CpuBuffer, DeviceError> {
        let what = match kind {
            BufferKind::Activation | BufferKind::Scratch => "an activation buffer",
            BufferKind::Logits => "the logits buffer",
        };
        let data = AlignedVec::zeroed(&self.name(), what, rows.saturating_mul(cols))?;
        Ok(CpuBuffer { data, kind, rows, cols })
    }

    fn kv_cache_bytes(&self, layout: &KvLayout) -> usize {
        CpuKvCache::bytes(layout)
    }

    fn alloc_kv_cache(
        &mut self,
        layout: &KvLayout,
        scales: &[KvScales],
    ) -> Result<CpuKvCache, DeviceError> {
        CpuKvCache::new(&self.name(), layout, scales)
    }

    fn workspace_bytes(&self, limits: &StepLimits) -> usize {
        Workspace::bytes(limits, self.num_threads())
    }

    fn reserve_workspace(&mut self, limits: &StepLimits) -> Result<(), DeviceError> {
        let workspace = Workspace::new(limits, self.num_threads());
        debug_assert_eq!(workspace.allocated_bytes(), self.workspace_bytes(limits));
        self.workspace = Some(workspace);
        Ok(())
    }
}
