//! Sampling fields to [`SamplingParams`]: defaults from the model, ranges from the API.

use types::{SamplingParams, TokenId};

use super::Context;
use crate::error::ApiError;
use crate::wire::GenerationFields;

/// Bounds that the API clamps `logit_bias` values to.
const LOGIT_BIAS_RANGE: (f64, f64) = (-100.0, 100.0);

/// Everything but the seed, the log-probabilities and the stop tokens, which other parts decide.
pub(super) fn sampling(
    fields: &GenerationFields,
    context: &Context<'_>,
) -> Result<SamplingParams, ApiError> {
    let defaults = &context.model.defaults;
    let pick = |sent: Option<f64>, default: Option<f32>, neutral: f64| {
        sent.or(default.map(f64::from)).unwrap_or(neutral)
    };
    let temperature = pick(fields.temperature, defaults.temperature, 1.0);
    let top_p = pick(fields.top_p, defaults.top_p, 1.0);
    let min_p = pick(fields.min_p, defaults.min_p, 0.0);
    let repetition = pick(fields.repetition_penalty, defaults.repetition_penalty, 1.0);
    let temperature = between("temperature", temperature, 0.0, 2.0)?;
    let min_p = between("min_p", min_p, 0.0, 1.0)?;
    if !(top_p > 0.0 && top_p <= 1.0) {
        return Err(ApiError::invalid("top_p", format!("'top_p' must be in (0, 1], got {top_p}")));
    }
    let repetition_penalty = repetition as f32;
    if !(repetition_penalty > 0.0 && repetition_penalty.is_finite()) {
        let message =
            format!("'repetition_penalty' must be greater than 0 and finite, got {repetition}");
        return Err(ApiError::invalid("repetition_penalty", message));
    }
    let presence = fields.presence_penalty.unwrap_or(0.0);
    let frequency = fields.frequency_penalty.unwrap_or(0.0);
    Ok(SamplingParams {
        temperature,
        top_k: top_k(fields.top_k, defaults.top_k)?,
        // A positive value too small for f32 still keeps the most likely token.
        top_p: (top_p as f32).max(f32::MIN_POSITIVE),
        min_p,
        repetition_penalty,
        presence_penalty: between("presence_penalty", presence, -2.0, 2.0)?,
        frequency_penalty: between("frequency_penalty", frequency, -2.0, 2.0)?,
        logit_bias: logit_bias(fields, context)?,
        allowed_token_ids: allowed_token_ids(fields, context)?,
        ..SamplingParams::default()
    })
}

fn between(name: &str, value: f64, low: f64, high: f64) -> Result<f32, ApiError> {
    if (low..=high).contains(&value) {
        return Ok(value as f32);
    }
    let message = format!("'{name}' must be between {low} and {high}, got {value}");
    Err(ApiError::invalid(name, message))
}

fn top_k(sent: Option<i64>, default: Option<u32>) -> Result<u32, ApiError> {
    match sent {
        None => Ok(default.unwrap_or(0)),
        Some(-1 | 0) => Ok(0),
        // Larger than any vocabulary means the same as all of it.
        Some(value) if value > 0 => Ok(u32::try_from(value).unwrap_or(0)),
        Some(value) => {
            let message = format!("'top_k' must be -1 or 0 (off) or at least 1, got {value}");
            Err(ApiError::invalid("top_k", message))
        }
    }
}

fn logit_bias(
    fields: &GenerationFields,
    context: &Context<'_>,
) -> Result<Vec<(TokenId, f32)>, ApiError> {
    let Some(sent) = &fields.logit_bias else { return Ok(Vec::new()) };
    check_len("logit_bias", sent.len(), context)?;
    let mut biases = Vec::with_capacity(sent.len());
    for (key, bias) in sent {
        let token = key
            .parse::<i64>()
            .map_err(|_| ApiError::invalid("logit_bias", format!("'{key}' is not a token id")))?;
        let token = token_id("logit_bias", token, context)?;
        biases.push((token, bias.clamp(LOGIT_BIAS_RANGE.0, LOGIT_BIAS_RANGE.1) as f32));
    }
    biases.sort_by_key(|(token, _)| *token);
    biases.dedup_by_key(|(token, _)| *token);
    Ok(biases)
}

fn allowed_token_ids(
    fields: &GenerationFields,
    context: &Context<'_>,
) -> Result<Option<Vec<TokenId>>, ApiError> {
    let Some(sent) = &fields.allowed_token_ids else { return Ok(None) };
    if sent.is_empty() {
        let message = "'allowed_token_ids' must not be empty";
        return Err(ApiError::invalid("allowed_token_ids", message));
    }
    token_ids("allowed_token_ids", sent, context).map(Some)
}

/// A list of token ids, checked against the vocabulary, sorted, each once.
pub(super) fn token_ids(
    name: &str,
    sent: &[i64],
    context: &Context<'_>,
) -> Result<Vec<TokenId>, ApiError> {
    check_len(name, sent.len(), context)?;
    let mut tokens =
        sent.iter().map(|token| token_id(name, *token, context)).collect::<Result<Vec<_>, _>>()?;
    tokens.sort_unstable();
    tokens.dedup();
    Ok(tokens)
}

fn token_id(name: &str, token: i64, context: &Context<'_>) -> Result<TokenId, ApiError> {
    let vocab_size = context.limits().vocab_size;
    TokenId::try_from(token).ok().filter(|token| (*token as usize) < vocab_size).ok_or_else(|| {
        let message =
            format!("'{name}' has token id {token}, outside the vocabulary of {vocab_size}");
        ApiError::invalid(name, message)
    })
}

fn check_len(name: &str, len: usize, context: &Context<'_>) -> Result<(), ApiError> {
    let limit = context.config.limits.max_token_list;
    if len > limit {
        let message = format!("'{name}' has {len} entries; at most {limit} are allowed");
        return Err(ApiError::invalid(name, message));
    }
    Ok(())
}
