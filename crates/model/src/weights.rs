//! Which weights a decoder keeps and how they are fused, told once: the memory plan walks this
//! description to count bytes and the loader walks it to upload, so the two cannot disagree.

use std::cell::Cell;

use backend::{DType, Device, DeviceError, RowSource, TensorShape};
use thiserror::Error;
use types::{LoadPhase, LoadProgress};

use crate::{LayerTensor, ModelError, ModelFiles, ModelSpec, TensorRole};

/// All weights of a decoder. `W` is an uploaded weight, or its size while planning.
pub(crate) struct Weights<W> {
    pub(crate) embedding: W,
    /// `None` when the embedding serves as LM head.
    pub(crate) lm_head: Option<W>,
    pub(crate) layers: Vec<LayerWeights<W>>,
    pub(crate) final_norm: W,
}

/// One layer's weights, fused as the backend's operations want them.
pub(crate) struct LayerWeights<W> {
    pub(crate) attn_norm: W,
    /// Rows of q, k, v.
    pub(crate) qkv: W,
    pub(crate) qkv_bias: Option<W>,
    pub(crate) qk_norm: Option<(W, W)>,
    pub(crate) o: W,
    pub(crate) ffn_norm: W,
    /// Rows of gate, up.
    pub(crate) gate_up: W,
    pub(crate) down: W,
}

/// Takes weights one after the other.
pub(crate) trait WeightSink {
    type Weight;
    /// Matrices stacked by rows, or vectors joined end to end.
    fn weight(&mut self, roles: &[TensorRole]) -> Result<Self::Weight, WeightError>;
    /// Gate and up of a layer.
    fn gate_up(&mut self, roles: [TensorRole; 2]) -> Result<Self::Weight, WeightError>;
}

/// Why weights could not be taken over.
#[derive(Debug, Error)]
pub enum WeightError {
    /// The files are wrong.
    #[error(transparent)]
    Model(#[from] ModelError),
    /// The device refused.
    #[error(transparent)]
    Device(#[from] DeviceError),
}

impl<W> Weights<W> {
    /// Walks all weights of `spec` into `sink`, the largest first: a device in host memory holds a
    /// weight's raw bytes while it packs them, and that costs least while little else is there.
    pub(crate) fn build<S: WeightSink<Weight = W>>(
        spec: &ModelSpec,
        sink: &mut S,
    ) -> Result<Self, WeightError> {
        Ok(Self {
            embedding: sink.weight(&[TensorRole::Embedding])?,
            lm_head: match spec.tie_word_embeddings {
                true => None,
                false => Some(sink.weight(&[TensorRole::LmHead])?),
            },
            layers: (0..spec.num_layers)
                .map(|idx| LayerWeights::build(spec, idx, sink))
                .collect::<Result<_, _>>()?,
            final_norm: sink.weight(&[TensorRole::FinalNorm])?,
        })
    }
}

impl<W> LayerWeights<W> {
    fn build<S: WeightSink<Weight = W>>(
        spec: &ModelSpec,
        idx: usize,
        sink: &mut S,
    ) -> Result<Self, WeightError> {
        use LayerTensor::{
            AttnNorm, Down, FfnNorm, Gate, K, KBias, KNorm, O, Q, QBias, QNorm, Up, V, VBias,
        };
        let role = |tensor| TensorRole::Layer { idx, tensor };
        Ok(Self {
            attn_norm: sink.weight(&[role(AttnNorm)])?,
            qkv: sink.weight(&[role(Q), role(K), role(V)])?,
            qkv_bias: match spec.attention_bias {
                true => Some(sink.weight(&[role(QBias), role(KBias), role(VBias)])?),
                false => None,
            },
            qk_norm: match spec.qk_norm {
                true => Some((sink.weight(&[role(QNorm)])?, sink.weight(&[role(KNorm)])?)),
                false => None,
            },
            o: sink.weight(&[role(O)])?,
            ffn_norm: sink.weight(&[role(FfnNorm)])?,
            gate_up: sink.gate_up([role(Gate), role(Up)])?,
            down: sink.weight(&[role(Down)])?,
        })
    }
}

/// Adds up what the uploaded weights will take on a device.
pub(crate) struct ByteCounter<'a, D> {
    pub(crate) files: &'a ModelFiles,
    pub(crate) device: &'a D,
    pub(crate) total_bytes: usize,
    /// Types of matrices that the device expands, each once, with what it makes of them.
    pub(crate) expanded: Vec<(DType, DType)>,
}

impl<D: Device> ByteCounter<'_, D> {
    fn note_expanded(&mut self, stored: DType) {
        if let Some(to) = self.device.expands(stored)
            && !self.expanded.contains(&(stored, to))
        {
            self.expanded.push((stored, to));
        }
    }
}

impl<D: Device> WeightSink for ByteCounter<'_, D> {
    type Weight = ();

    fn weight(&mut self, roles: &[TensorRole]) -> Result<(), WeightError> {
        let shapes = roles.iter().map(|role| self.files.shape(*role));
        let shapes = shapes.collect::<Result<Vec<_>, _>>()?;
        self.total_bytes += self.device.weight_bytes(&shapes);
        // Vectors are f32 everywhere, whatever their type in the file.
        let matrices = shapes.iter().filter(|shape| shape.rows > 1);
        matrices.for_each(|shape| self.note_expanded(shape.dtype));
        Ok(())
    }

    fn gate_up(&mut self, roles: [TensorRole; 2]) -> Result<(), WeightError> {
        self.weight(&roles)
    }
}

/// Hands weights to a device, which reads them.
pub(crate) struct Uploader<'a, D> {
    pub(crate) files: &'a ModelFiles,
    pub(crate) device: &'a mut D,
    pub(crate) meter: Meter<'a>,
}

/// Reports how many of the files' bytes have been read.
pub(crate) struct Meter<'a> {
    report: &'a dyn Fn(LoadProgress),
    done_bytes: Cell<u64>,
    total_bytes: u64,
}

/// A weight in the files.
struct StoredWeight<'a> {
    files: &'a ModelFiles,
    role: TensorRole,
    shape: TensorShape,
    meter: &'a Meter<'a>,
}

impl<'a> StoredWeight<'a> {
    fn open(
        files: &'a ModelFiles,
        role: TensorRole,
        meter: &'a Meter<'a>,
    ) -> Result<Self, ModelError> {
        Ok(Self { files, role, shape: files.shape(role)?, meter })
    }
}

impl<'a> Meter<'a> {
    pub(crate) fn new(report: &'a dyn Fn(LoadProgress), total_bytes: u64) -> Self {
        Self { report, done_bytes: Cell::new(0), total_bytes }
    }

    fn enter(&self, phase: LoadPhase) {
        let (done_bytes, total_bytes) = (self.done_bytes.get(), self.total_bytes);
        (self.report)(LoadProgress { phase, done_bytes, total_bytes });
    }
}

impl RowSource for StoredWeight<'_> {
    type Error = WeightError;

    fn shape(&self) -> TensorShape {
        self.shape
    }

    /// From here until the device asks for more, it brings what was read into its layout.
    fn read_rows(&self, first: usize, out: &mut [u8]) -> Result<(), WeightError> {
        self.meter.enter(LoadPhase::LoadingWeights);
        self.files.read_into(self.role, first * self.shape.row_bytes(), out)?;
        self.meter.done_bytes.update(|done| done + out.len() as u64);
        self.meter.enter(LoadPhase::UploadingWeights);
        Ok(())
    }
}

impl<D: Device> WeightSink for Uploader<'_, D> {
    type Weight = D::Weight;

    fn weight(&mut self, roles: &[TensorRole]) -> Result<D::Weight, WeightError> {
        let Self { files, device, meter } = self;
        let parts = roles.iter().map(|role| StoredWeight::open(files, *role, meter));
        device.upload_weight(&parts.collect::<Result<Vec<_>, _>>()?)
    }

    fn gate_up(&mut self, roles: [TensorRole; 2]) -> Result<D::Weight, WeightError> {
        let Self { files, device, meter } = self;
        let [gate, up] = roles.map(|role| StoredWeight::open(files, role, meter));
        device.upload_gate_up(gate?, up?)
    }
}
