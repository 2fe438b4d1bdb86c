//! A decoder-only transformer as numbers: what the decoder, the memory plan and the server need to
//! know about a model, whatever file it came from. Holds no weights and reads no files.

use types::TokenId;

use crate::role::{LayerTensor, TensorRole};
use crate::rope::RopeSpec;

/// Decoder layers; the largest dense models have 126.
pub(crate) const MAX_LAYERS: usize = 1024;
/// Any width: hidden, MLP, all heads together.
pub(crate) const MAX_WIDTH: usize = 1 << 20;
/// Attention heads.
pub(crate) const MAX_HEADS: usize = 4096;
/// Elements per head.
pub(crate) const MAX_HEAD_DIM: usize = 1024;
/// Vocabulary entries.
pub(crate) const MAX_VOCAB: usize = 1 << 22;
/// Context length in tokens.
pub(crate) const MAX_POSITION: usize = 1 << 24;

/// Families that share the one decoder.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Family {
    /// Llama 2, 3 and whatever copies them (SmolLM2, ...).
    Llama,
    /// Llama with a sliding window.
    Mistral,
    /// Biases on q, k and v.
    Qwen2,
    /// Norms on each q and k head.
    Qwen3,
}

impl Family {
    /// Name for messages and `inspect`.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Llama => "llama",
            Self::Mistral => "mistral",
            Self::Qwen2 => "qwen2",
            Self::Qwen3 => "qwen3",
        }
    }
}

/// Everything about a model but its weights. Made by opening a model, which checks every number;
/// sizes are at least 1 and products of them fit comfortably in `usize`.
#[derive(Clone, Debug, PartialEq)]
pub struct ModelSpec {
    /// Which family it belongs to.
    pub family: Family,
    /// Decoder layers.
    pub num_layers: usize,
    /// Width of the residual stream.
    pub hidden_size: usize,
    /// Width of the MLP.
    pub intermediate_size: usize,
    /// Query heads; a multiple of `num_kv_heads`.
    pub num_heads: usize,
    /// Key/value heads.
    pub num_kv_heads: usize,
    /// Elements per head; even.
    pub head_dim: usize,
    /// Rows of the embedding and of the LM head.
    pub vocab_size: usize,
    /// Epsilon of every RMSNorm.
    pub norm_eps: f32,
    /// Rotary position embedding.
    pub rope: RopeSpec,
    /// Biases on q, k and v.
    pub attention_bias: bool,
    /// RMSNorm over each query and key head.
    pub qk_norm: bool,
    /// The LM head is the embedding.
    pub tie_word_embeddings: bool,
    /// A query at position `p` sees keys at positions `> p - window`, in the layers that
    /// [`ModelSpec::window`] names. `None` when it would not be shorter than the context.
    pub sliding_window: Option<u32>,
    /// `[num_layers]` which layers slide; `None` when all do.
    pub sliding_layers: Option<Vec<bool>>,
    /// Context length in tokens.
    pub max_position: usize,
    /// Tokens that end a sequence; sorted, each once, may be empty.
    pub eos_token_ids: Vec<TokenId>,
    /// Token that starts a sequence, if the model has one.
    pub bos_token_id: Option<TokenId>,
    /// Sampling that the model's authors recommend.
    pub generation: GenerationDefaults,
}

/// Sampling defaults from `generation_config.json`; GGUF files carry none.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct GenerationDefaults {
    /// Sampling temperature.
    pub temperature: Option<f32>,
    /// Nucleus size, in `(0, 1]`.
    pub top_p: Option<f32>,
    /// Number of candidates; 0 for all.
    pub top_k: Option<u32>,
    /// Repetition penalty, above 0.
    pub repetition_penalty: Option<f32>,
}

impl ModelSpec {
    /// Checks what no single field can tell. `error` gets the field as `config.json` names it.
    pub(crate) fn check<E>(&self, error: impl Fn(&'static str, String) -> E) -> Result<(), E> {
        if !self.num_heads.is_multiple_of(self.num_kv_heads) {
            let reason = format!("{} does not divide {} heads", self.num_kv_heads, self.num_heads);
            return Err(error("num_key_value_heads", reason));
        }
        if !self.head_dim.is_multiple_of(2) || self.head_dim > MAX_HEAD_DIM {
            let reason = format!("must be even and at most {MAX_HEAD_DIM}, not {}", self.head_dim);
            return Err(error("head_dim", reason));
        }
        if self.num_heads * self.head_dim > MAX_WIDTH {
            let reason = format!("{} heads of {} are too wide", self.num_heads, self.head_dim);
            return Err(error("num_attention_heads", reason));
        }
        let past_vocab = |id: &&TokenId| **id as usize >= self.vocab_size;
        if let Some(id) = self.eos_token_ids.iter().find(past_vocab) {
            return Err(error("eos_token_id", format!("{id} is not in the vocabulary")));
        }
        if let Some(id) = self.bos_token_id.as_ref().filter(past_vocab) {
            return Err(error("bos_token_id", format!("{id} is not in the vocabulary")));
        }
        Ok(())
    }

    /// Sliding window of one layer, if it has one.
    pub fn window(&self, layer_idx: usize) -> Option<u32> {
        let slides = self.sliding_layers.as_ref().is_none_or(|layers| layers[layer_idx]);
        self.sliding_window.filter(|_| slides)
    }

    /// `(rows, cols)` that a weight has in this model.
    pub fn dims(&self, role: TensorRole) -> (usize, usize) {
        let q_rows = self.num_heads * self.head_dim;
        let kv_rows = self.num_kv_heads * self.head_dim;
        let (hidden, ffn) = (self.hidden_size, self.intermediate_size);
        match role {
            TensorRole::Embedding | TensorRole::LmHead => (self.vocab_size, hidden),
            TensorRole::FinalNorm => (1, hidden),
            TensorRole::Layer { tensor, .. } => match tensor {
                LayerTensor::AttnNorm | LayerTensor::FfnNorm => (1, hidden),
                LayerTensor::Q => (q_rows, hidden),
                LayerTensor::K | LayerTensor::V => (kv_rows, hidden),
                LayerTensor::O => (hidden, q_rows),
                LayerTensor::QBias => (1, q_rows),
                LayerTensor::KBias | LayerTensor::VBias => (1, kv_rows),
                LayerTensor::QNorm | LayerTensor::KNorm => (1, self.head_dim),
                LayerTensor::Gate | LayerTensor::Up => (ffn, hidden),
                LayerTensor::Down => (hidden, ffn),
            },
        }
    }

    /// Every weight that the decoder needs, in the order of their use. The LM head is not among
    /// them when it is tied to the embedding.
    pub fn roles(&self) -> impl Iterator<Item = TensorRole> + '_ {
        let head = (!self.tie_word_embeddings).then_some(TensorRole::LmHead);
        let layers = (0..self.num_layers).flat_map(|idx| {
            self.layer_tensors().map(move |tensor| TensorRole::Layer { idx, tensor })
        });
        std::iter::once(TensorRole::Embedding)
            .chain(layers)
            .chain(std::iter::once(TensorRole::FinalNorm))
            .chain(head)
    }

    /// The weights of each layer, in the order of their use.
    pub fn layer_tensors(&self) -> impl Iterator<Item = LayerTensor> + use<> {
        const ALL: [LayerTensor; 14] = [
            LayerTensor::AttnNorm,
            LayerTensor::Q,
            LayerTensor::K,
            LayerTensor::V,
            LayerTensor::QBias,
            LayerTensor::KBias,
            LayerTensor::VBias,
            LayerTensor::QNorm,
            LayerTensor::KNorm,
            LayerTensor::O,
            LayerTensor::FfnNorm,
            LayerTensor::Gate,
            LayerTensor::Up,
            LayerTensor::Down,
        ];
        let (bias, qk_norm) = (self.attention_bias, self.qk_norm);
        ALL.into_iter().filter(move |tensor| match tensor {
            LayerTensor::QBias | LayerTensor::KBias | LayerTensor::VBias => bias,
            LayerTensor::QNorm | LayerTensor::KNorm => qk_norm,
            _ => true,
        })
    }
}
