//! `POST /v1/completions`: the request.

use types::TokenId;

use super::{Body, GenerationFields};
use crate::error::ApiError;

/// A text completion request as sent.
#[derive(Debug)]
pub(crate) struct CompletionRequest {
    pub(crate) generation: GenerationFields,
    pub(crate) prompt: Prompt,
    pub(crate) logprobs: Option<i64>,
}

/// One prompt or several, as text or as token ids.
#[derive(Debug)]
pub(crate) enum Prompt {
    Text(String),
    Texts(Vec<String>),
    Tokens(Vec<TokenId>),
    TokenLists(Vec<Vec<TokenId>>),
}

impl CompletionRequest {
    pub(crate) fn take(body: &mut Body<'_>) -> Result<Self, ApiError> {
        Ok(Self {
            generation: GenerationFields::take(body)?,
            prompt: take_prompt(body)?,
            logprobs: body.take("logprobs")?,
        })
    }
}

/// Chooses the prompt's type by its first characters, so that a large one is parsed once and
/// straight into its type instead of being buffered for every alternative.
fn take_prompt(body: &mut Body<'_>) -> Result<Prompt, ApiError> {
    let shape = |error: serde_json::Error| {
        tracing::debug!(%error, "prompt refused");
        ApiError::invalid(
            "prompt",
            "'prompt' must be a string, a list of strings, a list of token ids or a list of \
             such lists",
        )
    };
    let raw = body
        .take_raw("prompt")
        .ok_or_else(|| ApiError::invalid("prompt", "'prompt' is required"))?;
    let mut significant = raw.bytes().filter(|byte| !byte.is_ascii_whitespace());
    let parsed = match (significant.next(), significant.next()) {
        (Some(b'['), Some(b'"')) => serde_json::from_str(raw).map(Prompt::Texts),
        (Some(b'['), Some(b'[')) => serde_json::from_str(raw).map(Prompt::TokenLists),
        (Some(b'['), _) => serde_json::from_str(raw).map(Prompt::Tokens),
        _ => serde_json::from_str(raw).map(Prompt::Text),
    };
    parsed.map_err(shape)
}
