//! Attention's options in `config.json`: biases and the sliding window.

use crate::json::JsonObject;
use crate::spec::{MAX_LAYERS, MAX_POSITION};
use crate::{Family, ModelError};

/// `MistralConfig`'s window when the field is not written at all.
const MISTRAL_WINDOW: usize = 4096;
/// `Qwen2Config`'s and `Qwen3Config`'s first sliding layer.
const QWEN_MAX_WINDOW_LAYERS: usize = 28;

/// The window and `[num_layers]` who has it; `(None, None)` if it is not shorter than the context.
type Window = (Option<u32>, Option<Vec<bool>>);

/// True when q, k and v have biases. `attention_bias` gives Llama and Qwen3 one on the output
/// projection as well, which the decoder does not have.
pub(super) fn has_bias(config: &JsonObject, family: Family) -> Result<bool, ModelError> {
    if family == Family::Qwen2 {
        return Ok(true);
    }
    if config.flag("attention_bias")? == Some(true) {
        let reason = "must be false: a bias on the attention output is not served";
        return Err(config.error("attention_bias", reason));
    }
    Ok(false)
}

/// Reads the sliding window as the family's configuration class does.
pub(super) fn sliding_window(
    config: &JsonObject,
    family: Family,
    num_layers: usize,
    max_position: usize,
) -> Result<Window, ModelError> {
    let stated = config.count("sliding_window", MAX_POSITION)?;
    let opted_in = config.flag("use_sliding_window")? == Some(true);
    let window = match family {
        Family::Llama => None,
        Family::Mistral if config.has("sliding_window") => stated,
        Family::Mistral => Some(MISTRAL_WINDOW),
        Family::Qwen2 | Family::Qwen3 => stated.filter(|_| opted_in),
    };
    let Some(window) = window.filter(|window| *window < max_position) else {
        return Ok((None, None));
    };
    let layers = match layer_types(config, num_layers)? {
        Some(layers) => Some(layers),
        None if family == Family::Mistral => None,
        None => {
            let first = match config.get("max_window_layers").map(|value| value.as_u64()) {
                None => QWEN_MAX_WINDOW_LAYERS,
                Some(Some(first)) if first <= MAX_LAYERS as u64 => first as usize,
                Some(_) => {
                    let reason = format!("must be a whole number up to {MAX_LAYERS}");
                    return Err(config.error("max_window_layers", reason));
                }
            };
            Some((0..num_layers).map(|layer_idx| layer_idx >= first).collect())
        }
    };
    Ok((Some(window as u32), layers))
}

/// Which layers slide, where `layer_types` says so.
fn layer_types(config: &JsonObject, num_layers: usize) -> Result<Option<Vec<bool>>, ModelError> {
    let Some(types) = config.get("layer_types") else { return Ok(None) };
    let types = types.as_array().map(Vec::as_slice).unwrap_or_default();
    if types.len() != num_layers {
        let reason = format!("must list one type for each of {num_layers} layers");
        return Err(config.error("layer_types", reason));
    }
    let slides = |layer: &serde_json::Value| match layer.as_str() {
        Some("sliding_attention") => Ok(true),
        Some("full_attention") => Ok(false),
        _ => {
            let reason = format!("{layer} is not served; sliding_attention and full_attention are");
            Err(config.error("layer_types", reason))
        }
    };
    types.iter().map(slides).collect::<Result<_, _>>().map(Some)
}
