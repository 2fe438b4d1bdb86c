//! `POST /v1/completions`: deltas to text completions, whole or streamed.

use axum::Json;
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use types::TokenId;

use crate::error::ApiError;
use crate::exchange::{self, Caller, Exchange, IdPrefix, SYSTEM_FINGERPRINT};
use crate::generate::ChoiceDelta;
use crate::logprobs;
use crate::prompt::prepare_completion;
use crate::request_body::RequestBody;
use crate::request_id::RequestIdHeader;
use crate::sse::{self, Dialect, Frames};
use crate::state::AppState;
use crate::trace::TraceContext;
use crate::wire::{CompletionChoice, CompletionResponse, Usage};

/// The handler.
pub(crate) async fn completions(
    State(state): State<AppState>,
    RequestIdHeader(request_id): RequestIdHeader,
    trace_context: TraceContext,
    RequestBody(body): RequestBody,
) -> Result<Response, ApiError> {
    let caller = Caller { request_id, trace_context };
    let prefix = IdPrefix::Completion;
    let (exchange, begun) =
        exchange::begin(&state, caller, body, prefix, prepare_completion).await?;
    let mut response = match exchange.request.output().stream {
        Some(_) => {
            let first = first_chunks(&exchange, &begun.echo);
            let dialect = CompletionStream { text_offsets: vec![0; first.len()], first };
            sse::respond(exchange, dialect)
        }
        None => whole(exchange, &begun.echo).await?,
    };
    begun.mark(&mut response);
    Ok(response)
}

/// The text to put before a choice.
fn echo_of(exchange: &Exchange, echo: &[String], choice_idx: usize) -> Option<String> {
    echo.get(choice_idx / exchange.request.n() as usize).cloned()
}

/// The whole answer, once every choice has ended.
async fn whole(mut exchange: Exchange, echo: &[String]) -> Result<Response, ApiError> {
    let mut first = first_chunks(&exchange, echo);
    let deltas = exchange.gather().await?;
    let choices = deltas.into_iter().map(|delta| {
        let first = first[delta.index].take();
        choice(&exchange, delta, first, &mut 0)
    });
    let choices = choices.collect();
    let mut response = envelope(&exchange, choices, Some(exchange.usage()));
    response.system_fingerprint = Some(SYSTEM_FINGERPRINT);
    Ok(Json(response).into_response())
}

/// The streamed form.
struct CompletionStream {
    /// Per choice, what its first chunk carries besides the delta.
    first: Vec<Option<FirstChunk>>,
    /// Per choice, where the next token's text begins.
    text_offsets: Vec<usize>,
}

/// What a choice's first chunk, or its whole answer, begins with.
struct FirstChunk {
    echo: String,
    prompt_token_ids: Option<Vec<TokenId>>,
}

fn first_chunks(exchange: &Exchange, echo: &[String]) -> Vec<Option<FirstChunk>> {
    let wants_ids = exchange.request.output().return_token_ids;
    let first = |index| FirstChunk {
        echo: echo_of(exchange, echo, index).unwrap_or_default(),
        prompt_token_ids: wants_ids.then(|| exchange.request.prompt_of(index).to_vec()),
    };
    (0..exchange.request.num_choices()).map(|index| Some(first(index))).collect()
}

impl Dialect for CompletionStream {
    fn opening(&mut self, _: &Exchange, _: &mut Frames) {}

    fn delta(&mut self, exchange: &Exchange, delta: ChoiceDelta, frames: &mut Frames) {
        let (index, is_last) = (delta.index, delta.finish.is_some());
        let first = self.first[index].take();
        let choice = choice(exchange, delta, first, &mut self.text_offsets[index]);
        let usage = exchange.continuous_usage(index);
        let mut chunk = envelope(exchange, vec![choice], usage);
        chunk.system_fingerprint = is_last.then_some(SYSTEM_FINGERPRINT);
        frames.push(&chunk);
    }

    fn usage(&mut self, exchange: &Exchange, frames: &mut Frames) {
        frames.push(&envelope(exchange, Vec::new(), Some(exchange.usage())));
    }
}

/// A choice of a delta's text, tokens and end; `text_offset` is where the next token's text begins.
fn choice(
    exchange: &Exchange,
    delta: ChoiceDelta,
    first: Option<FirstChunk>,
    text_offset: &mut usize,
) -> CompletionChoice {
    let names = exchange.logprob_names();
    let wants_ids = exchange.request.output().return_token_ids;
    let token_ids = wants_ids.then(|| delta.token_ids());
    let (text, prompt_token_ids) = match first {
        Some(first) => (first.echo + &delta.text, first.prompt_token_ids),
        None => (delta.text, None),
    };
    CompletionChoice {
        index: delta.index,
        text,
        logprobs: names.map(|names| logprobs::completion(&delta.tokens, names, text_offset)),
        finish_reason: delta.finish.as_ref().map(|finish| finish.reason),
        stop_reason: delta.finish.and_then(|finish| finish.stop),
        prompt_token_ids,
        token_ids,
    }
}

fn envelope<'a>(
    exchange: &'a Exchange,
    choices: Vec<CompletionChoice>,
    usage: Option<Usage>,
) -> CompletionResponse<'a> {
    CompletionResponse {
        id: &exchange.id,
        object: "text_completion",
        created: exchange.created,
        model: exchange.request.model(),
        choices,
        usage,
        system_fingerprint: None,
    }
}
