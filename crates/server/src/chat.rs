//! `POST /v1/chat/completions`: deltas to chat answers, whole or streamed.

use axum::Json;
use axum::extract::State;
use axum::response::{IntoResponse, Response};

use crate::error::ApiError;
use crate::exchange::{self, Caller, Exchange, IdPrefix, SYSTEM_FINGERPRINT};
use crate::generate::ChoiceDelta;
use crate::logprobs;
use crate::prompt::prepare_chat;
use crate::request_body::RequestBody;
use crate::request_id::RequestIdHeader;
use crate::sse::{self, Dialect, Frames};
use crate::state::AppState;
use crate::trace::TraceContext;
use crate::wire::{ChatChoice, ChatMessage, ChatResponse, Usage};

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
    let deltas = exchange.gather().await?;
    let choices = deltas.into_iter().map(|mut delta| {
        let text = prefix.clone() + &std::mem::take(&mut delta.text);
        let message = ChatMessage { role: Some(ROLE), content: Some(text) };
        ChatChoice { message: Some(message), ..choice(&exchange, delta) }
    });
    let mut response = envelope(&exchange, WHOLE, choices.collect(), Some(exchange.usage()));
    response.system_fingerprint = Some(SYSTEM_FINGERPRINT);
    let wants_ids = exchange.request.output().return_token_ids;
    response.prompt_token_ids = wants_ids.then(|| exchange.request.prompt_of(0));
    Ok(Json(response).into_response())
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
            let usage = exchange.continuous_usage(index);
            let piece = |message| ChatChoice { index, delta: Some(message), ..Default::default() };
            let mut chunk = envelope(exchange, CHUNK, vec![piece(message)], usage);
            chunk.prompt_token_ids = wants_ids.then(|| exchange.request.prompt_of(index));
            frames.push(&chunk);
            if let Some(text) = &self.echo {
                let message = ChatMessage { role: None, content: Some(text.clone()) };
                frames.push(&envelope(exchange, CHUNK, vec![piece(message)], usage));
            }
        }
    }

    fn delta(&mut self, exchange: &Exchange, mut delta: ChoiceDelta, frames: &mut Frames) {
        let (index, is_last) = (delta.index, delta.finish.is_some());
        let text = std::mem::take(&mut delta.text);
        let message = ChatMessage { role: None, content: Some(text) };
        let choice = ChatChoice { delta: Some(message), ..choice(exchange, delta) };
        let usage = exchange.continuous_usage(index);
        let mut chunk = envelope(exchange, CHUNK, vec![choice], usage);
        chunk.system_fingerprint = is_last.then_some(SYSTEM_FINGERPRINT);
        frames.push(&chunk);
    }

    fn usage(&mut self, exchange: &Exchange, frames: &mut Frames) {
        frames.push(&envelope(exchange, CHUNK, Vec::new(), Some(exchange.usage())));
    }
}

/// A choice of a delta's tokens and end; its text is the caller's to place.
fn choice(exchange: &Exchange, delta: ChoiceDelta) -> ChatChoice {
    let names = exchange.logprob_names();
    let wants_ids = exchange.request.output().return_token_ids;
    ChatChoice {
        index: delta.index,
        logprobs: names.map(|names| logprobs::chat(&delta.tokens, names)),
        finish_reason: delta.finish.as_ref().map(|finish| finish.reason),
        token_ids: wants_ids.then(|| delta.token_ids()),
        stop_reason: delta.finish.and_then(|finish| finish.stop),
        ..ChatChoice::default()
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
