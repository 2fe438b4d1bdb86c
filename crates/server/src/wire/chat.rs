//! `POST /v1/chat/completions`: the request.

use serde::Deserialize;
use serde_json::{Map, Value};

use super::{Body, GenerationFields};
use crate::error::ApiError;

/// A chat request as sent.
#[derive(Debug, Default)]
pub(crate) struct ChatCompletionRequest {
    pub(crate) generation: GenerationFields,
    pub(crate) chat: ChatFields,
    pub(crate) max_completion_tokens: Option<u64>,
    pub(crate) logprobs: Option<bool>,
    pub(crate) top_logprobs: Option<i64>,
}

/// What turns messages into a prompt; shared with `/tokenize`.
#[derive(Debug, Default)]
pub(crate) struct ChatFields {
    pub(crate) messages: Vec<Message>,
    pub(crate) add_generation_prompt: Option<bool>,
    pub(crate) continue_final_message: Option<bool>,
    pub(crate) chat_template_kwargs: Option<Map<String, Value>>,
}

/// One message; fields beyond `role` and `content` are handed to the template as they are.
#[derive(Clone, Debug, Deserialize)]
pub(crate) struct Message {
    pub(crate) role: String,
    pub(crate) content: Option<Content>,
    #[serde(flatten)]
    pub(crate) other: Map<String, Value>,
}

/// A message's content.
#[derive(Clone, Debug, Deserialize)]
#[serde(untagged, expecting = "expected a string or a list of content parts")]
pub(crate) enum Content {
    Text(String),
    Parts(Vec<ContentPart>),
}

/// One content part; only text is served.
#[derive(Clone, Debug, Deserialize)]
pub(crate) struct ContentPart {
    #[serde(rename = "type")]
    pub(crate) kind: String,
    pub(crate) text: Option<String>,
    pub(crate) refusal: Option<String>,
}

impl ChatCompletionRequest {
    pub(crate) fn take(body: &mut Body<'_>) -> Result<Self, ApiError> {
        Ok(Self {
            generation: GenerationFields::take(body)?,
            chat: ChatFields::take(body)?,
            max_completion_tokens: body.take("max_completion_tokens")?,
            logprobs: body.take("logprobs")?,
            top_logprobs: body.take("top_logprobs")?,
        })
    }
}

impl ChatFields {
    pub(crate) fn take(body: &mut Body<'_>) -> Result<Self, ApiError> {
        Ok(Self {
            messages: body.require("messages")?,
            add_generation_prompt: body.take("add_generation_prompt")?,
            continue_final_message: body.take("continue_final_message")?,
            chat_template_kwargs: body.take("chat_template_kwargs")?,
        })
    }
}
