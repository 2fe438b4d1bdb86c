//! Which weights a decoder keeps and how they are fused, told once: the memory plan walks this
//! description to count bytes and the loader walks it to upload, so the two cannot disagree.

use backend::{DType, Device, DeviceError, TensorShape, TensorView};
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
    /// Matrices stacked by rows.
    fn matrix(&mut self, roles: &[TensorRole]) -> Result<Self::Weight, WeightError>;
    /// Gate and up of a layer.
    fn gate_up(&mut self, roles: [TensorRole; 2]) -> Result<Self::Weight, WeightError>;
    /// Vectors joined end to end.
    fn vector(&mut self, roles: &[TensorRole]) -> Result<Self::Weight, WeightError>;
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
    /// Vectors that are used as one are stored in different types.
    #[error(
        "the biases of layer {layer_idx} have different element types; convert the model so that q, k and v biases agree"
    )]
    MixedVector {
        /// The layer.
        layer_idx: usize,
    },
}

impl<W> Weights<W> {
    /// Walks all weights of `spec` into `sink`, the largest first: while a weight is uploaded its
    /// raw bytes are there too, and that costs least while little else is.
    pub(crate) fn build<S: WeightSink<Weight = W>>(
        spec: &ModelSpec,
        sink: &mut S,
    ) -> Result<Self, WeightError> {
        Ok(Self {
            embedding: sink.matrix(&[TensorRole::Embedding])?,
            lm_head: match spec.tie_word_embeddings {
                true => None,
                false => Some(sink.matrix(&[TensorRole::LmHead])?),
            },
            layers: (0..spec.num_layers)
                .map(|idx| LayerWeights::build(spec, idx, sink))
                .collect::<Result<_, _>>()?,
            final_norm: sink.vector(&[TensorRole::FinalNorm])?,
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
            attn_norm: sink.vector(&[role(AttnNorm)])?,
            qkv: sink.matrix(&[role(Q), role(K), role(V)])?,
            qkv_bias: match spec.attention_bias {
                true => Some(sink.vector(&[role(QBias), role(KBias), role(VBias)])?),
                false => None,
            },
            qk_norm: match spec.qk_norm {
                true => Some((sink.vector(&[role(QNorm)])?, sink.vector(&[role(KNorm)])?)),
                false => None,
            },
            o: sink.matrix(&[role(O)])?,
            ffn_norm: sink.vector(&[role(FfnNorm)])?,
            gate_up: sink.gate_up([role(Gate), role(Up)])?,
            down: sink.matrix(&[role(Down)])?,
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

    fn matrix(&mut self, roles: &[TensorRole]) -> Result<(), WeightError> {
        let shapes = roles.iter().map(|role| self.files.shape(*role));
        let shapes = shapes.collect::<Result<Vec<_>, _>>()?;
        self.total_bytes += self.device.weight_bytes(&shapes);
        shapes.iter().for_each(|shape| self.note_expanded(shape.dtype));
        Ok(())
    }

    fn gate_up(&mut self, roles: [TensorRole; 2]) -> Result<(), WeightError> {
        self.matrix(&roles)
    }

    fn vector(&mut self, roles: &[TensorRole]) -> Result<(), WeightError> {
        let shape = joined_shape(self.files, roles)?;
        self.total_bytes += self.device.weight_bytes(&[shape]);
        Ok(())
    }
}

/// Reads weights and uploads them, reporting progress by file bytes.
pub(crate) struct Uploader<'a, D> {
    pub(crate) files: &'a ModelFiles,
    pub(crate) device: &'a mut D,
    pub(crate) progress: &'a dyn Fn(LoadProgress),
    pub(crate) done_bytes: u64,
    pub(crate) total_bytes: u64,
}

impl<D: Device> Uploader<'_, D> {
    /// Reading or uploading begins.
    fn enter(&self, phase: LoadPhase) {
        let (done_bytes, total_bytes) = (self.done_bytes, self.total_bytes);
        (self.progress)(LoadProgress { phase, done_bytes, total_bytes });
    }

    /// Reads matrices and hands them to `upload`.
    fn load(
        &mut self,
        roles: &[TensorRole],
        upload: impl FnOnce(&mut D, &[TensorView<'_>]) -> Result<D::Weight, DeviceError>,
    ) -> Result<D::Weight, WeightError> {
        self.enter(LoadPhase::LoadingWeights);
        let loaded: Vec<(TensorShape, Vec<u8>)> = roles
            .iter()
            .map(|role| Ok((self.files.shape(*role)?, self.files.load(*role)?)))
            .collect::<Result<_, ModelError>>()?;
        let views: Vec<_> = loaded.iter().map(|(shape, data)| view(*shape, data)).collect();
        self.upload(&views, upload)
    }

    fn upload(
        &mut self,
        views: &[TensorView<'_>],
        upload: impl FnOnce(&mut D, &[TensorView<'_>]) -> Result<D::Weight, DeviceError>,
    ) -> Result<D::Weight, WeightError> {
        self.enter(LoadPhase::UploadingWeights);
        let weight = upload(self.device, views)?;
        self.done_bytes += views.iter().map(|view| view.data.len() as u64).sum::<u64>();
        self.enter(LoadPhase::UploadingWeights);
        Ok(weight)
    }
}

impl<D: Device> WeightSink for Uploader<'_, D> {
    type Weight = D::Weight;

    fn matrix(&mut self, roles: &[TensorRole]) -> Result<D::Weight, WeightError> {
        self.load(roles, |device, parts| device.upload_weight(parts))
    }

    fn gate_up(&mut self, roles: [TensorRole; 2]) -> Result<D::Weight, WeightError> {
        self.load(&roles, |device, parts| device.upload_gate_up(parts[0], parts[1]))
    }

    fn vector(&mut self, roles: &[TensorRole]) -> Result<D::Weight, WeightError> {
        self.enter(LoadPhase::LoadingWeights);
        let shape = joined_shape(self.files, roles)?;
        let mut data = Vec::new();
        for role in roles {
            data.extend_from_slice(&self.files.load(*role)?);
        }
        self.upload(&[view(shape, &data)], |device, parts| device.upload_weight(parts))
    }
}

fn view(shape: TensorShape, data: &[u8]) -> TensorView<'_> {
    TensorView::new(shape, data).expect("an opened model hands out whole tensors")
}

/// The shape of vectors joined end to end.
fn joined_shape(files: &ModelFiles, roles: &[TensorRole]) -> Result<TensorShape, WeightError> {
    let mut joined = files.shape(roles[0])?;
    for role in &roles[1..] {
        let shape = files.shape(*role)?;
        if shape.dtype != joined.dtype {
            let TensorRole::Layer { idx, .. } = role else {
                unreachable!("only biases are joined")
            };
            return Err(WeightError::MixedVector { layer_idx: *idx });
        }
        joined.cols += shape.cols;
    }
    Ok(joined)
}
