//! The model as the server needs it once it is loaded. Filled by the binary.

use std::sync::Arc;

use engine::EngineHandle;
use tokenizer::{ChatTemplate, Tokenizer};
use types::TokenId;

/// A model ready to serve.
pub struct ServedModel {
    /// Names that requests may use; the first one is the default. Never empty.
    pub names: Vec<String>,
    /// Its vocabulary.
    pub tokenizer: Arc<Tokenizer>,
    /// Its chat template; without one, chat requests are refused.
    pub chat_template: Option<ChatTemplate>,
    /// Where requests run. Its limits carry the context length.
    pub engine: EngineHandle,
    /// Sampling defaults of the model's `generation_config.json`.
    pub defaults: SamplingDefaults,
    /// Tokens that end an answer.
    pub eos_token_ids: Vec<TokenId>,
    /// Further labels of the `cache_config_info` metric, such as `cache_dtype`.
    pub cache_labels: Vec<(String, String)>,
}

/// What a model's makers recommend; each value applies when a request leaves its field out.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct SamplingDefaults {
    /// `temperature`.
    pub temperature: Option<f32>,
    /// `top_k`; 0 keeps all tokens.
    pub top_k: Option<u32>,
    /// `top_p`.
    pub top_p: Option<f32>,
    /// `min_p`.
    pub min_p: Option<f32>,
    /// `repetition_penalty`.
    pub repetition_penalty: Option<f32>,
    /// `seed`; without one each request draws its own.
    pub seed: Option<u64>,
    /// Output limit of chat requests that do not name one.
    pub max_new_tokens: Option<u32>,
}

impl ServedModel {
    /// The name of the model where none was asked for.
    pub fn canonical_name(&self) -> &str {
        self.names.first().expect("a served model has a name")
    }
}
