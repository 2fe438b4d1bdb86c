//! `POST /v1/chat/completions`: deltas to chat answers, whole or streamed.

use axum::Json;
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use types::TokenId;

use crate::error::ApiError;
use crate::exchange::{self, Caller, Exchange, IdPrefix, SYSTEM_FINGERPRINT};
use crate::generate::{ChoiceDelta, Finish};
use crate::logprobs::{self, TokenNames};
use crate::prompt::prepare_chat;
use crate::request_body::RequestBody;
use crate::request_id::RequestIdHeader;
use crate::sse::{self, Dialect, Frames};
use crate::state::AppState;
use crate::trace::TraceContext;
use crate::wire::{ChatChoice, ChatLogprobs, ChatMessage, ChatResponse, Usage};

const WHOLE: &str = "chat.completion";
const CHUNK: &str = "chat.completion.chunk";
const ROLE: &str = "assistant";

/// The handler.
pub(crate) async fn chat_completions(
    State(state): State<AppState>,
    RequestIdHeader(request_id): RequestIdHeader,
    trace_context: TraceContext,
    RequestBody(body): RequestBody,
) -> Result<Response, ApiError> {
    let caller = Caller { request_id, trace_context };
    let (exchange, mut begun) =
        exchange::begin(&state, caller, body, IdPrefix::Chat, prepare_chat).await?;
    let echo = begun.echo.pop();
    let mut response = match exchange.request.output().stream {
        Some(_) => sse::respond(exchange, ChatStream { echo }),
        None => whole(exchange, echo).await?,
    };
    begun.mark(&mut response);
    Ok(response)
}

/// The whole answer, once every choice has ended.
async fn whole(mut exchange: Exchange, echo: Option<String>) -> Result<Response, ApiError> {
    let prefix = echo.unwrap_or_default();
    let mut gathered: Vec<Gathered> = (0..exchange.request.num_choices())
        .map(|_| Gathered { text: prefix.clone(), ..Gathered::default() })
        .collect();
    while let Some(delta) = exchange.next().await {
        let delta = delta?;
        gathered[delta.index].add(&exchange, delta);
    }
    let wants_ids = exchange.request.output().return_token_ids;
    let choices = gathered
        .into_iter()
        .enumerate()
        .map(|(index, choice)| choice.into_choice(index, wants_ids))
        .collect();
    let mut response = envelope(&exchange, WHOLE, choices, Some(exchange.usage()));
    response.system_fingerprint = Some(SYSTEM_FINGERPRINT);
    response.prompt_token_ids = wants_ids.then(|| exchange.request.prompt_of(0));
    Ok(Json(response).into_response())
}

/// A choice of a whole answer in the making.
#[derive(Default)]
struct Gathered {
    text: String,
    token_ids: Vec<TokenId>,
    logprobs: Option<ChatLogprobs>,
    finish: Option<Finish>,
}

impl Gathered {
    fn add(&mut self, exchange: &Exchange, delta: ChoiceDelta) {
        self.text.push_str(&delta.text);
        self.token_ids.extend(delta.tokens.iter().map(|sampled| sampled.token));
        if let Some(logprobs) = delta_logprobs(exchange, &delta) {
            match &mut self.logprobs {
                Some(so_far) => so_far.content.extend(logprobs.content),
                None => self.logprobs = Some(logprobs),
            }
        }
        self.finish = delta.finish.or(self.finish.take());
    }

    fn into_choice(self, index: usize, wants_ids: bool) -> ChatChoice {
        ChatChoice {
            index,
            message: Some(ChatMessage { role: Some(ROLE), content: Some(self.text) }),
            delta: None,
            logprobs: self.logprobs,
            finish_reason: self.finish.as_ref().map(|finish| finish.reason),
            stop_reason: self.finish.and_then(|finish| finish.stop),
            token_ids: wants_ids.then_some(self.token_ids),
        }
    }
}

/// The streamed form.
struct ChatStream {
    /// Text of the last message, repeated before each answer.
    echo: Option<String>,
}

impl Dialect for ChatStream {
    fn opening(&mut self, exchange: &Exchange, frames: &mut Frames) {
        let wants_ids = exchange.request.output().return_token_ids;
        for index in 0..exchange.request.num_choices() {
            let message = ChatMessage { role: Some(ROLE), content: Some(String::new()) };
            let usage = continuous_usage(exchange, index);
            let mut chunk = envelope(exchange, CHUNK, vec![piece(index, message)], usage);
            chunk.prompt_token_ids = wants_ids.then(|| exchange.request.prompt_of(index));
            frames.push(&chunk);
            if let Some(text) = &self.echo {
                let message = ChatMessage { role: None, content: Some(text.clone()) };
                frames.push(&envelope(exchange, CHUNK, vec![piece(index, message)], usage));
            }
        }
    }

    fn delta(&mut self, exchange: &Exchange, delta: ChoiceDelta, frames: &mut Frames) {
        let logprobs = delta_logprobs(exchange, &delta);
        let message = ChatMessage { role: None, content: Some(delta.text) };
        let mut choice = piece(delta.index, message);
        choice.logprobs = logprobs;
        if exchange.request.output().return_token_ids {
            choice.token_ids = Some(delta.tokens.iter().map(|sampled| sampled.token).collect());
        }
        let is_last = delta.finish.is_some();
        if let Some(finish) = delta.finish {
            choice.finish_reason = Some(finish.reason);
            choice.stop_reason = finish.stop;
        }
        let usage = continuous_usage(exchange, delta.index);
        let mut chunk = envelope(exchange, CHUNK, vec![choice], usage);
        chunk.system_fingerprint = is_last.then_some(SYSTEM_FINGERPRINT);
        frames.push(&chunk);
    }

    fn usage(&mut self, exchange: &Exchange, frames: &mut Frames) {
        frames.push(&envelope(exchange, CHUNK, Vec::new(), Some(exchange.usage())));
    }
}

fn piece(index: usize, delta: ChatMessage) -> ChatChoice {
    ChatChoice {
        index,
        message: None,
        delta: Some(delta),
        logprobs: None,
        finish_reason: None,
        stop_reason: None,
        token_ids: None,
    }
}

fn envelope<'a>(
    exchange: &'a Exchange,
    object: &'static str,
    choices: Vec<ChatChoice>,
    usage: Option<Usage>,
) -> ChatResponse<'a> {
    ChatResponse {
        id: &exchange.id,
        object,
        created: exchange.created,
        model: exchange.request.model(),
        choices,
        usage,
        system_fingerprint: None,
        prompt_token_ids: None,
    }
}

fn continuous_usage(exchange: &Exchange, choice_idx: usize) -> Option<Usage> {
    let stream = exchange.request.output().stream?;
    stream.continuous_usage.then(|| exchange.usage_of(choice_idx))
}

fn delta_logprobs(exchange: &Exchange, delta: &ChoiceDelta) -> Option<ChatLogprobs> {
    exchange.request.output().logprobs?;
    let as_ids = exchange.request.output().tokens_as_ids;
    let names = TokenNames { tokenizer: &exchange.model.tokenizer, as_ids };
    Some(logprobs::chat(&delta.tokens, names))
}
