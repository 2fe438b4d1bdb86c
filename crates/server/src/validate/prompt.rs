//! Checks on prompts: their number, tokens and length, and the fields that shape a chat prompt.

use std::sync::Arc;

use serde_json::{Map, Value};
use types::TokenId;

use super::Context;
use crate::error::ApiError;
use crate::wire::{ChatFields, Content, ContentPart, GenerationFields, Message, Prompt};

const ROLES: [&str; 7] =
    ["system", "developer", "user", "assistant", "tool", "function", "latest_reminder"];

/// How a prompt that is too long is cut.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Truncation {
    /// Not at all.
    None,
    /// To this many tokens at its end.
    KeepLast(usize),
    /// To this many tokens at its start.
    KeepFirst(usize),
}

impl Truncation {
    pub(super) fn new(fields: &GenerationFields, context: &Context<'_>) -> Result<Self, ApiError> {
        let keep_first = match fields.truncation_side.as_deref() {
            None | Some("left") => false,
            Some("right") => true,
            Some(_) => {
                let message = "'truncation_side' must be 'left' or 'right'";
                return Err(ApiError::invalid("truncation_side", message));
            }
        };
        let max_model_len = context.limits().max_model_len;
        let len = match fields.truncate_prompt_tokens {
            None => return Ok(Self::None),
            // One token of the context is left for the answer.
            Some(-1) => max_model_len - 1,
            Some(sent) => usize::try_from(sent)
                .ok()
                .filter(|len| (1..max_model_len).contains(len))
                .ok_or_else(|| {
                    let message = format!(
                        "'truncate_prompt_tokens' must be -1 or between 1 and {}, got {sent}",
                        max_model_len - 1
                    );
                    ApiError::invalid("truncate_prompt_tokens", message)
                })?,
        };
        Ok(if keep_first { Self::KeepFirst(len) } else { Self::KeepLast(len) })
    }

    pub(crate) fn apply(self, tokens: &mut Vec<TokenId>) {
        match self {
            Self::None => {}
            Self::KeepFirst(len) => tokens.truncate(len),
            Self::KeepLast(len) => {
                tokens.drain(..tokens.len().saturating_sub(len));
            }
        }
    }
}

/// The prompts of a completions request, one by one.
pub(crate) enum PromptSource {
    Text(String),
    Tokens(Vec<TokenId>),
}

pub(super) fn split(prompt: Prompt, context: &Context<'_>) -> Result<Vec<PromptSource>, ApiError> {
    let sources: Vec<PromptSource> = match prompt {
        Prompt::Text(text) => vec![PromptSource::Text(text)],
        Prompt::Tokens(tokens) => vec![PromptSource::Tokens(tokens)],
        Prompt::Texts(texts) => texts.into_iter().map(PromptSource::Text).collect(),
        Prompt::TokenLists(lists) => lists.into_iter().map(PromptSource::Tokens).collect(),
    };
    let limit = context.config.limits.max_prompts;
    if sources.is_empty() || sources.len() > limit {
        let message = format!("'prompt' holds {} prompts; 1 to {limit} are allowed", sources.len());
        return Err(ApiError::invalid("prompt", message));
    }
    Ok(sources)
}

/// Token ids of a prompt, as sent or made of its text: one without a row in the model would fail its
/// whole step, other requests included.
pub(crate) fn check_token_ids(
    param: &str,
    tokens: &[TokenId],
    vocab_size: usize,
) -> Result<(), ApiError> {
    match tokens.iter().find(|token| **token as usize >= vocab_size) {
        None => Ok(()),
        Some(token) => {
            let message =
                format!("'{param}' has token id {token}, outside the vocabulary of {vocab_size}");
            Err(ApiError::invalid(param, message))
        }
    }
}

/// A prompt that fits the context with room for at least one token.
pub(crate) fn check_len(
    param: &str,
    tokens: Vec<TokenId>,
    max_model_len: usize,
) -> Result<Arc<[TokenId]>, ApiError> {
    match tokens.len() {
        0 => Err(ApiError::invalid(param, "the prompt has no tokens")),
        len if len >= max_model_len => Err(ApiError::context_length(
            param,
            format!(
                "This model's maximum context length is {max_model_len} tokens, but the prompt has \
                 {len} tokens and at least one is needed for the answer."
            ),
        )),
        _ => Ok(tokens.into()),
    }
}

/// A conversation ready for the template.
pub(crate) struct ValidChat {
    /// A list of messages.
    pub(crate) messages: Value,
    pub(crate) add_generation_prompt: bool,
    pub(crate) continue_final_message: bool,
    pub(crate) template_kwargs: Map<String, Value>,
}

impl ValidChat {
    pub(crate) fn new(fields: ChatFields, context: &Context<'_>) -> Result<Self, ApiError> {
        let limit = context.config.limits.max_messages;
        if fields.messages.is_empty() || fields.messages.len() > limit {
            let message = format!("'messages' must have 1 to {limit} entries");
            return Err(ApiError::invalid("messages", message));
        }
        let continue_final_message = fields.continue_final_message.unwrap_or(false);
        // Continuing the last message leaves no place for a new one's opening.
        let add_generation_prompt = fields.add_generation_prompt.unwrap_or(!continue_final_message);
        if continue_final_message && add_generation_prompt {
            let message =
                "'continue_final_message' and 'add_generation_prompt' must not both be true";
            return Err(ApiError::invalid("continue_final_message", message));
        }
        let template_kwargs = fields.chat_template_kwargs.unwrap_or_default();
        let allowed = &context.config.allowed_template_kwargs;
        if let Some(key) = template_kwargs.keys().find(|key| !allowed.contains(key)) {
            let message = format!("the template variable '{key}' may not be set by requests");
            return Err(ApiError::invalid("chat_template_kwargs", message));
        }
        let messages = fields.messages.into_iter().map(message).collect::<Result<_, _>>()?;
        Ok(Self { messages, add_generation_prompt, continue_final_message, template_kwargs })
    }

    /// The last message's text, where the answer continues it.
    pub(crate) fn continued_text(&self) -> Option<&str> {
        let last = self.messages.as_array()?.last().filter(|_| self.continue_final_message)?;
        last.get("content").and_then(Value::as_str)
    }
}

/// A message in the form that templates expect: `content` is one string.
fn message(message: Message) -> Result<Value, ApiError> {
    if !ROLES.contains(&message.role.as_str()) {
        let text = format!("'messages' has the unknown role '{}'", message.role);
        return Err(ApiError::invalid("messages", text));
    }
    let mut fields = message.other;
    let content = match message.content {
        Some(Content::Text(text)) => Value::String(text),
        Some(Content::Parts(parts)) => Value::String(join(parts)?),
        None if message.role == "assistant" => Value::Null,
        None => {
            let text = format!("'messages' has a '{}' message without content", message.role);
            return Err(ApiError::invalid("messages", text));
        }
    };
    // Both names are in use, by clients and by templates.
    for (from, to) in [("reasoning_content", "reasoning"), ("reasoning", "reasoning_content")] {
        if let Some(reasoning) = fields.get(from).cloned() {
            fields.entry(to).or_insert(reasoning);
        }
    }
    fields.insert("role".into(), message.role.into());
    fields.insert("content".into(), content);
    Ok(Value::Object(fields))
}

fn join(parts: Vec<ContentPart>) -> Result<String, ApiError> {
    let mut texts = Vec::with_capacity(parts.len());
    for part in parts {
        match (part.kind.as_str(), part.text, part.refusal) {
            ("text" | "input_text" | "output_text", Some(text), _) | ("refusal", _, Some(text)) => {
                texts.push(text)
            }
            ("text" | "input_text" | "output_text" | "refusal", ..) => {
                return Err(ApiError::invalid("messages", "a content part has no text"));
            }
            (kind, ..) => {
                let message = format!(
                    "'messages' has a content part of type '{kind}'; this model takes text only"
                );
                return Err(ApiError::invalid("messages", message));
            }
        }
    }
    Ok(texts.join("\n"))
}
