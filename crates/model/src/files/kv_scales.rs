//! Scales of an FP8 KV cache that came with a checkpoint: one number for a layer's keys, one for its
//! values. Two spellings are read, that of compressed-tensors and that of TensorRT Model Optimizer.
//! They change nothing in other caches, so opening a model only asks whether a name is one of theirs.

use backend::{DType, KvScales};
use half::{bf16, f16};

use super::ModelFiles;
use crate::ModelError;
use crate::role::Naming;

/// After `model.layers.N.`: keys, values.
const SPELLINGS: [[&str; 2]; 2] = [
    ["self_attn.k_scale", "self_attn.v_scale"],
    ["self_attn.k_proj.k_scale", "self_attn.v_proj.v_scale"],
];

/// Calibrated for OCP's e4m3, up to 448, of which the same bits are half as much in FNUZ: the scale
/// takes over the factor.
const FNUZ_FACTOR: f32 = 2.0;

fn name(layer: usize, suffix: &str) -> String {
    format!("model.layers.{layer}.{suffix}")
}

impl ModelFiles {
    /// Scales by layer, 1 where the files have none.
    ///
    /// # Errors
    /// A scale without its partner, of another shape than one number, or not finite and positive.
    pub fn kv_scales(&self) -> Result<Vec<KvScales>, ModelError> {
        (0..self.spec.num_layers).map(|layer| self.layer_kv_scales(layer)).collect()
    }

    /// Whether a tensor is a scale of the KV cache.
    pub(super) fn is_kv_scale(&self, tensor: &str) -> bool {
        let of_layer = |layer| SPELLINGS.iter().flatten().any(|end| name(layer, end) == tensor);
        let may_be = self.naming == Naming::HuggingFace && tensor.ends_with("_scale");
        may_be && (0..self.spec.num_layers).any(of_layer)
    }

    fn layer_kv_scales(&self, layer: usize) -> Result<KvScales, ModelError> {
        for names in SPELLINGS.map(|spelling| spelling.map(|suffix| name(layer, suffix))) {
            match [self.kv_scale(&names[0])?, self.kv_scale(&names[1])?] {
                [None, None] => {}
                [Some(key), Some(value)] => return Ok(KvScales { key, value }),
                [key, _] => {
                    let [key_name, value_name] = names;
                    let lost = if key.is_none() { key_name } else { value_name };
                    let reason = "is missing, while its partner is there; keys and values of a \
                                  layer have a scale each or none";
                    return Err(ModelError::tensor(self.path(), lost, reason));
                }
            }
        }
        Ok(KvScales::default())
    }

    fn kv_scale(&self, name: &str) -> Result<Option<f32>, ModelError> {
        let refused = |reason: String| ModelError::tensor(self.path(), name.to_owned(), reason);
        let Some(tensor) = self.table.tensors.get(name) else { return Ok(None) };
        if tensor.rows * tensor.cols != 1 {
            let (rows, cols) = (tensor.rows, tensor.cols);
            return Err(refused(format!(
                "has shape [{rows}, {cols}]; one number for the whole layer is served"
            )));
        }
        let mut bytes = [0; 4];
        self.table.read_at(tensor, 0, &mut bytes[..tensor.num_bytes.min(4)])?;
        let scale = match &tensor.dtype {
            Ok(DType::F32) => f32::from_le_bytes(bytes),
            Ok(DType::F16) => f16::from_le_bytes([bytes[0], bytes[1]]).to_f32(),
            Ok(DType::BF16) => bf16::from_le_bytes([bytes[0], bytes[1]]).to_f32(),
            other => return Err(refused(format!("dtype {other:?}; F32, F16 and BF16 are served"))),
        };
        if !(scale.is_finite() && scale > 0.0) {
            return Err(refused(format!("is {scale}; a scale is finite and positive")));
        }
        Ok(Some(scale * FNUZ_FACTOR))
    }
}
