//! `POST /tokenize` and `POST /detokenize`, in vLLM's shapes.

use serde::Serialize;
use types::TokenId;

use super::{Body, ChatFields};
use crate::error::ApiError;

/// Text or a conversation to tokenise.
#[derive(Debug)]
pub(crate) struct TokenizeRequest {
    pub(crate) model: Option<String>,
    pub(crate) input: TokenizeInput,
    pub(crate) add_special_tokens: Option<bool>,
    pub(crate) return_token_strs: Option<bool>,
}

#[derive(Debug)]
pub(crate) enum TokenizeInput {
    Prompt(String),
    Chat(ChatFields),
}

/// The answer of `/tokenize`.
#[derive(Debug, Serialize)]
pub(crate) struct TokenizeResponse {
    pub(crate) count: usize,
    pub(crate) max_model_len: usize,
    pub(crate) tokens: Vec<TokenId>,
    pub(crate) token_strs: Option<Vec<String>>,
}

/// Tokens to turn into text.
#[derive(Debug)]
pub(crate) struct DetokenizeRequest {
    pub(crate) model: Option<String>,
    pub(crate) tokens: Vec<TokenId>,
}

/// The answer of `/detokenize`.
#[derive(Debug, Serialize)]
pub(crate) struct DetokenizeResponse {
    pub(crate) prompt: String,
}

impl TokenizeRequest {
    pub(crate) fn take(body: &mut Body<'_>) -> Result<Self, ApiError> {
        let input = match body.take("prompt")? {
            Some(prompt) => TokenizeInput::Prompt(prompt),
            None if body.has("messages") => TokenizeInput::Chat(ChatFields::take(body)?),
            None => {
                return Err(ApiError::invalid("prompt", "'prompt' or 'messages' is required"));
            }
        };
        Ok(Self {
            model: body.take("model")?,
            input,
            add_special_tokens: body.take("add_special_tokens")?,
            return_token_strs: body.take("return_token_strs")?,
        })
    }
}

impl DetokenizeRequest {
    pub(crate) fn take(body: &mut Body<'_>) -> Result<Self, ApiError> {
        Ok(Self { model: body.take("model")?, tokens: body.require("tokens")? })
    }
}
