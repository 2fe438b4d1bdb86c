//! What a weight is for, independent of how a file names it.

/// One weight of the model.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum TensorRole {
    /// `[vocab_size, hidden_size]` token embeddings.
    Embedding,
    /// `[1, hidden_size]` norm before the LM head.
    FinalNorm,
    /// `[vocab_size, hidden_size]`; absent when the spec ties it to the embedding.
    LmHead,
    /// A weight of one decoder layer.
    Layer {
        /// Layer, from 0.
        idx: usize,
        /// Which of the layer's weights.
        tensor: LayerTensor,
    },
}

/// The weights of a decoder layer. Linear weights are `[output features, input features]`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum LayerTensor {
    /// `[1, hidden_size]` norm before attention.
    AttnNorm,
    /// `[num_heads * head_dim, hidden_size]` queries.
    Q,
    /// `[num_kv_heads * head_dim, hidden_size]` keys.
    K,
    /// `[num_kv_heads * head_dim, hidden_size]` values.
    V,
    /// `[hidden_size, num_heads * head_dim]` attention output.
    O,
    /// `[1, num_heads * head_dim]`.
    QBias,
    /// `[1, num_kv_heads * head_dim]`.
    KBias,
    /// `[1, num_kv_heads * head_dim]`.
    VBias,
    /// `[1, head_dim]` norm of each query head.
    QNorm,
    /// `[1, head_dim]` norm of each key head.
    KNorm,
    /// `[1, hidden_size]` norm before the MLP.
    FfnNorm,
    /// `[intermediate_size, hidden_size]`.
    Gate,
    /// `[intermediate_size, hidden_size]`.
    Up,
    /// `[hidden_size, intermediate_size]`.
    Down,
}

/// How a file format names its tensors.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Naming {
    /// As the `transformers` modules are called.
    HuggingFace,
    /// As `gguf-py/gguf/constants.py` (`TENSOR_NAMES`) lists them.
    Gguf,
}

impl Naming {
    /// The name that `role` has in a file.
    pub(crate) fn name(self, role: TensorRole) -> String {
        match (self, role) {
            (Self::HuggingFace, TensorRole::Embedding) => "model.embed_tokens.weight".into(),
            (Self::HuggingFace, TensorRole::FinalNorm) => "model.norm.weight".into(),
            (Self::HuggingFace, TensorRole::LmHead) => "lm_head.weight".into(),
            (Self::HuggingFace, TensorRole::Layer { idx, tensor }) => {
                format!("model.layers.{idx}.{}", hugging_face_layer_name(tensor))
            }
            (Self::Gguf, TensorRole::Embedding) => "token_embd.weight".into(),
            (Self::Gguf, TensorRole::FinalNorm) => "output_norm.weight".into(),
            (Self::Gguf, TensorRole::LmHead) => "output.weight".into(),
            (Self::Gguf, TensorRole::Layer { idx, tensor }) => {
                format!("blk.{idx}.{}", gguf_layer_name(tensor))
            }
        }
    }
}

fn hugging_face_layer_name(tensor: LayerTensor) -> &'static str {
    match tensor {
        LayerTensor::AttnNorm => "input_layernorm.weight",
        LayerTensor::Q => "self_attn.q_proj.weight",
        LayerTensor::K => "self_attn.k_proj.weight",
        LayerTensor::V => "self_attn.v_proj.weight",
        LayerTensor::O => "self_attn.o_proj.weight",
        LayerTensor::QBias => "self_attn.q_proj.bias",
        LayerTensor::KBias => "self_attn.k_proj.bias",
        LayerTensor::VBias => "self_attn.v_proj.bias",
        LayerTensor::QNorm => "self_attn.q_norm.weight",
        LayerTensor::KNorm => "self_attn.k_norm.weight",
        LayerTensor::FfnNorm => "post_attention_layernorm.weight",
        LayerTensor::Gate => "mlp.gate_proj.weight",
        LayerTensor::Up => "mlp.up_proj.weight",
        LayerTensor::Down => "mlp.down_proj.weight",
    }
}

fn gguf_layer_name(tensor: LayerTensor) -> &'static str {
    match tensor {
        LayerTensor::AttnNorm => "attn_norm.weight",
        LayerTensor::Q => "attn_q.weight",
        LayerTensor::K => "attn_k.weight",
        LayerTensor::V => "attn_v.weight",
        LayerTensor::O => "attn_output.weight",
        LayerTensor::QBias => "attn_q.bias",
        LayerTensor::KBias => "attn_k.bias",
        LayerTensor::VBias => "attn_v.bias",
        LayerTensor::QNorm => "attn_q_norm.weight",
        LayerTensor::KNorm => "attn_k_norm.weight",
        LayerTensor::FfnNorm => "ffn_norm.weight",
        LayerTensor::Gate => "ffn_gate.weight",
        LayerTensor::Up => "ffn_up.weight",
        LayerTensor::Down => "ffn_down.weight",
    }
}
