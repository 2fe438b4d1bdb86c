//! From what was sent to what may be done. Every field is checked here, once; what comes out has
//! private fields and cannot be wrong. Called on the preparation pool.

mod output;
mod prompt;
mod request;
mod sampling;
mod stopping;
mod unsupported;

use engine::ExecutorLimits;

pub(crate) use prompt::{PromptSource, Truncation, ValidChat, check_len, check_token_ids};
pub(crate) use request::{Generation, ValidRequest, resolve_model};
pub(crate) use stopping::Stopping;

use crate::config::ServerConfig;
use crate::error::ApiError;
use crate::served_model::ServedModel;
use crate::wire::{Body, ChatCompletionRequest, ChatFields, CompletionRequest};

/// What requests are checked against.
#[derive(Clone, Copy)]
pub(crate) struct Context<'a> {
    pub(crate) config: &'a ServerConfig,
    pub(crate) model: &'a ServedModel,
}

impl Context<'_> {
    pub(crate) fn limits(&self) -> ExecutorLimits {
        self.model.engine.limits()
    }
}

/// A chat request before its prompt is made.
pub(crate) struct CheckedChat {
    pub(crate) generation: Generation,
    pub(crate) chat: ValidChat,
    pub(crate) unknown_fields: Vec<String>,
}

/// A completions request before its prompts are made.
pub(crate) struct CheckedCompletion {
    pub(crate) generation: Generation,
    pub(crate) prompts: Vec<PromptSource>,
    pub(crate) unknown_fields: Vec<String>,
}

/// Checks a chat request.
pub(crate) fn check_chat(
    mut body: Body<'_>,
    context: &Context<'_>,
) -> Result<CheckedChat, ApiError> {
    unsupported::check_chat(&mut body)?;
    let request = ChatCompletionRequest::take(&mut body)?;
    let logprobs = output::chat_logprobs(request.logprobs, request.top_logprobs, context)?;
    let max_tokens = match (request.max_completion_tokens, request.generation.max_tokens) {
        (Some(sent), _) => Some(("max_completion_tokens", sent)),
        (None, Some(sent)) => Some(("max_tokens", sent)),
        (None, None) => None,
    };
    let generation =
        Generation::new(request.generation, max_tokens, logprobs, request::Kind::Chat, context)?;
    let chat = ValidChat::new(request.chat, context)?;
    Ok(CheckedChat { generation, chat, unknown_fields: body.into_unknown() })
}

/// Checks a completions request.
pub(crate) fn check_completion(
    mut body: Body<'_>,
    context: &Context<'_>,
) -> Result<CheckedCompletion, ApiError> {
    unsupported::check_completion(&mut body)?;
    let request = CompletionRequest::take(&mut body)?;
    let logprobs = output::num_logprobs("logprobs", request.logprobs, context)?;
    let max_tokens = request.generation.max_tokens.map(|sent| ("max_tokens", sent));
    let kind = request::Kind::Completion;
    let generation = Generation::new(request.generation, max_tokens, logprobs, kind, context)?;
    let prompts = prompt::split(request.prompt, context)?;
    let unknown_fields = body.into_unknown();
    Ok(CheckedCompletion { generation, prompts, unknown_fields })
}

/// Checks the conversation of a request that only tokenises.
pub(crate) fn check_tokenize_chat(
    body: &mut Body<'_>,
    fields: ChatFields,
    context: &Context<'_>,
) -> Result<ValidChat, ApiError> {
    unsupported::check_render(body)?;
    ValidChat::new(fields, context)
}
