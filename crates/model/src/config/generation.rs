//! Special tokens and sampling defaults: `generation_config.json` where there is one, together
//! with what `config.json` says about tokens.

use std::path::Path;

use types::TokenId;

use crate::json::JsonObject;
use crate::{GenerationDefaults, ModelError};

/// End tokens that a file may list.
const MAX_EOS_TOKENS: usize = 64;

/// What both files say about generating.
pub(super) struct Generation {
    pub(super) eos_token_ids: Vec<TokenId>,
    pub(super) bos_token_id: Option<TokenId>,
    pub(super) defaults: GenerationDefaults,
}

/// Reads both files. End tokens are the union of the two: chat models often name only the
/// end-of-text token in one and add the end-of-turn token in the other.
pub(super) fn read(folder: &Path, config: &JsonObject) -> Result<Generation, ModelError> {
    let path = folder.join("generation_config.json");
    let mut eos_token_ids = token_ids(config, "eos_token_id")?;
    let mut bos_token_id = token_ids(config, "bos_token_id")?.first().copied();
    let mut defaults = GenerationDefaults::default();
    if path.try_exists().map_err(|source| ModelError::io(&path, source))? {
        let generation = JsonObject::read(&path)?;
        eos_token_ids.extend(token_ids(&generation, "eos_token_id")?);
        bos_token_id = bos_token_id.or(token_ids(&generation, "bos_token_id")?.first().copied());
        defaults = sampling(&generation)?;
    }
    eos_token_ids.sort_unstable();
    eos_token_ids.dedup();
    Ok(Generation { eos_token_ids, bos_token_id, defaults })
}

/// A token, or a list of them.
fn token_ids(object: &JsonObject, field: &str) -> Result<Vec<TokenId>, ModelError> {
    let Some(value) = object.get(field) else { return Ok(Vec::new()) };
    let one = std::slice::from_ref(value);
    let list = value.as_array().map_or(one, Vec::as_slice);
    if list.len() > MAX_EOS_TOKENS {
        return Err(object.error(field, format!("lists more than {MAX_EOS_TOKENS} tokens")));
    }
    let id = |id: &serde_json::Value| id.as_u64().and_then(|id| TokenId::try_from(id).ok());
    list.iter()
        .map(|value| {
            id(value).ok_or_else(|| object.error(field, format!("must be a token id, not {value}")))
        })
        .collect()
}

/// Sampling parameters, in the ranges that requests have.
fn sampling(object: &JsonObject) -> Result<GenerationDefaults, ModelError> {
    let number = |field: &str, allowed: &str, is_allowed: fn(f64) -> bool| match object.get(field) {
        None => Ok(None),
        Some(value) => match value.as_f64().filter(|number| is_allowed(*number)) {
            Some(number) => Ok(Some(number as f32)),
            None => Err(object.error(field, format!("must be {allowed}, not {value}"))),
        },
    };
    let top_k = match object.get("top_k") {
        None => None,
        Some(value) => match value.as_u64().and_then(|k| u32::try_from(k).ok()) {
            Some(k) => Some(k),
            None => {
                let reason = format!("must be a whole number, 0 for all, not {value}");
                return Err(object.error("top_k", reason));
            }
        },
    };
    Ok(GenerationDefaults {
        temperature: number("temperature", "in 0..=2", |t| (0.0..=2.0).contains(&t))?,
        top_p: number("top_p", "in (0, 1]", |p| p > 0.0 && p <= 1.0)?,
        top_k,
        repetition_penalty: number("repetition_penalty", "above 0", |p| p > 0.0 && p < 1e6)?,
    })
}
