//! `config.json` and `generation_config.json` of a Hugging Face folder, read into a [`ModelSpec`].
//!
//! Fields and their defaults are those of the `configuration_*.py` classes in `transformers`. What
//! would change the computation and is not served is refused by name, never ignored. Called by
//! `files`.

mod attention;
mod generation;
mod rope;

use std::path::Path;

use crate::json::JsonObject;
use crate::spec::{MAX_HEAD_DIM, MAX_HEADS, MAX_LAYERS, MAX_POSITION, MAX_VOCAB, MAX_WIDTH};
use crate::{Family, ModelError, ModelSpec};

/// Values of `architectures` that are served.
const SERVED_ARCHITECTURES: [&str; 4] =
    ["LlamaForCausalLM", "MistralForCausalLM", "Qwen2ForCausalLM", "Qwen3ForCausalLM"];

/// Epsilon that every served configuration class defaults to.
const DEFAULT_NORM_EPS: f64 = 1e-6;
/// `Qwen3Config`'s default.
const QWEN3_HEAD_DIM: usize = 128;

/// Reads the configuration of the model in `folder`.
pub(crate) fn read(folder: &Path) -> Result<ModelSpec, ModelError> {
    let config = JsonObject::read(&folder.join("config.json"))?;
    let family = family(&config)?;
    refuse_unserved(&config)?;

    let num_heads = config.required_count("num_attention_heads", MAX_HEADS)?;
    let hidden_size = config.required_count("hidden_size", MAX_WIDTH)?;
    let num_layers = config.required_count("num_hidden_layers", MAX_LAYERS)?;
    let head_dim = head_dim(&config, family, hidden_size, num_heads)?;
    let stated_position = config.required_count("max_position_embeddings", MAX_POSITION)?;
    let rope = rope::read(&config, head_dim, stated_position)?;
    let max_position = rope::context_length(&rope, stated_position);
    let norm_eps = config.number_above("rms_norm_eps", 0.0)?.unwrap_or(DEFAULT_NORM_EPS);
    let (sliding_window, sliding_layers) =
        attention::sliding_window(&config, family, num_layers, max_position)?;
    let generation = generation::read(folder, &config)?;
    let spec = ModelSpec {
        family,
        num_layers,
        hidden_size,
        intermediate_size: config.required_count("intermediate_size", MAX_WIDTH)?,
        num_heads,
        num_kv_heads: num_kv_heads(&config, family, num_heads)?,
        head_dim,
        vocab_size: config.required_count("vocab_size", MAX_VOCAB)?,
        norm_eps: norm_eps as f32,
        rope,
        attention_bias: attention::has_bias(&config, family)?,
        qk_norm: family == Family::Qwen3,
        tie_word_embeddings: config.flag("tie_word_embeddings")?.unwrap_or(false),
        sliding_window,
        sliding_layers,
        max_position,
        eos_token_ids: generation.eos_token_ids,
        bos_token_id: generation.bos_token_id,
        generation: generation.defaults,
    };
    spec.check(|field, reason| config.error(field, reason))?;
    Ok(spec)
}

/// The family by `architectures`, or by `model_type` where that is all there is.
fn family(config: &JsonObject) -> Result<Family, ModelError> {
    if let Some(code) =
        config.get("auto_map").filter(|map| map.as_object().is_none_or(|m| !m.is_empty()))
    {
        let reason = format!(
            "the model wants its own code run ({code}), which is never done; use a checkpoint in one of the served architectures"
        );
        return Err(config.error("auto_map", reason));
    }
    let architecture = match config.get("architectures").and_then(|list| list.get(0)) {
        Some(name) => name.as_str().unwrap_or_default(),
        None => {
            config.text("model_type")?.ok_or_else(|| config.error("architectures", "is missing"))?
        }
    };
    match architecture {
        "LlamaForCausalLM" | "llama" => Ok(Family::Llama),
        "MistralForCausalLM" | "mistral" => Ok(Family::Mistral),
        "Qwen2ForCausalLM" | "qwen2" => Ok(Family::Qwen2),
        "Qwen3ForCausalLM" | "qwen3" => Ok(Family::Qwen3),
        found => Err(ModelError::Architecture {
            path: config.path().to_owned(),
            found: found.to_owned(),
            served: &SERVED_ARCHITECTURES,
        }),
    }
}

/// Refuses settings that change the computation and that the decoder does not have.
fn refuse_unserved(config: &JsonObject) -> Result<(), ModelError> {
    if let Some(quantization) = config.get("quantization_config") {
        let method = quantization.get("quant_method").and_then(|m| m.as_str()).unwrap_or("unknown");
        let reason =
            format!("method `{method}` is not served; use the bf16 checkpoint or a GGUF file");
        return Err(config.error("quantization_config", reason));
    }
    if let Some(activation) = config.text("hidden_act")?
        && activation != "silu"
    {
        return Err(config.error("hidden_act", format!("must be `silu`, not `{activation}`")));
    }
    if config.flag("mlp_bias")? == Some(true) {
        return Err(config.error("mlp_bias", "biases in the MLP are not served"));
    }
    if let Some(factor) = config.number_above("partial_rotary_factor", 0.0)?
        && factor != 1.0
    {
        return Err(config.error("partial_rotary_factor", format!("must be 1, not {factor}")));
    }
    Ok(())
}

fn head_dim(
    config: &JsonObject,
    family: Family,
    hidden_size: usize,
    num_heads: usize,
) -> Result<usize, ModelError> {
    if let Some(head_dim) = config.count("head_dim", MAX_HEAD_DIM)? {
        return Ok(head_dim);
    }
    if family == Family::Qwen3 {
        return Ok(QWEN3_HEAD_DIM);
    }
    if !hidden_size.is_multiple_of(num_heads) {
        let reason = format!("{num_heads} does not divide hidden_size {hidden_size}");
        return Err(config.error("num_attention_heads", reason));
    }
    Ok(hidden_size / num_heads)
}

/// `LlamaConfig` defaults to one KV head per head; the others' defaults belong to one model size.
fn num_kv_heads(
    config: &JsonObject,
    family: Family,
    num_heads: usize,
) -> Result<usize, ModelError> {
    match config.count("num_key_value_heads", MAX_HEADS)? {
        Some(num_kv_heads) => Ok(num_kv_heads),
        None if family == Family::Llama => Ok(num_heads),
        None => Err(config.error("num_key_value_heads", "is missing")),
    }
}
