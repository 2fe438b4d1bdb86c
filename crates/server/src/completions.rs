//! `POST /v1/completions`: deltas to text completions, whole or streamed.

use axum::Json;
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use types::TokenId;

use crate::error::ApiError;
use crate::exchange::{self, Caller, Exchange, IdPrefix, SYSTEM_FINGERPRINT};
use crate::generate::{ChoiceDelta, Finish};
use crate::logprobs::{self, TokenNames};
use crate::prompt::prepare_completion;
use crate::request_body::RequestBody;
use crate::request_id::RequestIdHeader;
use crate::sse::{self, Dialect, Frames};
use crate::state::AppState;
use crate::trace::TraceContext;
use crate::wire::{CompletionChoice, CompletionLogprobs, CompletionResponse, Usage};

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
            let dialect = CompletionStream::new(&exchange, &begun.echo);
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
    let mut gathered: Vec<Gathered> = (0..exchange.request.num_choices())
        .map(|index| Gathered {
            text: echo_of(&exchange, echo, index).unwrap_or_default(),
            ..Gathered::default()
        })
        .collect();
    while let Some(delta) = exchange.next().await {
        let delta = delta?;
        gathered[delta.index].add(&exchange, delta);
    }
    let wants_ids = exchange.request.output().return_token_ids;
    let choices = gathered
        .into_iter()
        .enumerate()
        .map(|(index, choice)| {
            let prompt = wants_ids.then(|| exchange.request.prompt_of(index).to_vec());
            choice.into_choice(index, prompt)
        })
        .collect();
    let mut response = envelope(&exchange, choices, Some(exchange.usage()));
    response.system_fingerprint = Some(SYSTEM_FINGERPRINT);
    Ok(Json(response).into_response())
}

/// A choice of a whole answer in the making.
#[derive(Default)]
struct Gathered {
    text: String,
    token_ids: Vec<TokenId>,
    text_offset: usize,
    logprobs: Option<CompletionLogprobs>,
    finish: Option<Finish>,
}

impl Gathered {
    fn add(&mut self, exchange: &Exchange, delta: ChoiceDelta) {
        self.text.push_str(&delta.text);
        self.token_ids.extend(delta.tokens.iter().map(|sampled| sampled.token));
        if let Some(new) = delta_logprobs(exchange, &delta, &mut self.text_offset) {
            let all = self.logprobs.get_or_insert_default();
            all.text_offset.extend(new.text_offset);
            all.token_logprobs.extend(new.token_logprobs);
            all.tokens.extend(new.tokens);
            all.top_logprobs.extend(new.top_logprobs);
        }
        self.finish = delta.finish.or(self.finish.take());
    }

    fn into_choice(self, index: usize, prompt: Option<Vec<TokenId>>) -> CompletionChoice {
        CompletionChoice {
            index,
            text: self.text,
            logprobs: self.logprobs,
            finish_reason: self.finish.as_ref().map(|finish| finish.reason),
            stop_reason: self.finish.and_then(|finish| finish.stop),
            token_ids: prompt.is_some().then_some(self.token_ids),
            prompt_token_ids: prompt,
        }
    }
}

/// The streamed form.
struct CompletionStream {
    /// Per choice, what its first chunk carries besides the delta.
    first: Vec<Option<FirstChunk>>,
    /// Per choice, where the next token's text begins.
    text_offsets: Vec<usize>,
}

struct FirstChunk {
    echo: String,
    prompt_token_ids: Option<Vec<TokenId>>,
}

impl CompletionStream {
    fn new(exchange: &Exchange, echo: &[String]) -> Self {
        let wants_ids = exchange.request.output().return_token_ids;
        let num_choices = exchange.request.num_choices();
        let first = |index| FirstChunk {
            echo: echo_of(exchange, echo, index).unwrap_or_default(),
            prompt_token_ids: wants_ids.then(|| exchange.request.prompt_of(index).to_vec()),
        };
        Self {
            first: (0..num_choices).map(|index| Some(first(index))).collect(),
            text_offsets: vec![0; num_choices],
        }
    }
}

impl Dialect for CompletionStream {
    fn opening(&mut self, _: &Exchange, _: &mut Frames) {}

    fn delta(&mut self, exchange: &Exchange, delta: ChoiceDelta, frames: &mut Frames) {
        let index = delta.index;
        let logprobs = delta_logprobs(exchange, &delta, &mut self.text_offsets[index]);
        let wants_ids = exchange.request.output().return_token_ids;
        let token_ids =
            wants_ids.then(|| delta.tokens.iter().map(|sampled| sampled.token).collect());
        let (text, prompt_token_ids) = match self.first[index].take() {
            Some(first) => (first.echo + &delta.text, first.prompt_token_ids),
            None => (delta.text, None),
        };
        let is_last = delta.finish.is_some();
        let choice = CompletionChoice {
            index,
            text,
            logprobs,
            finish_reason: delta.finish.as_ref().map(|finish| finish.reason),
            stop_reason: delta.finish.and_then(|finish| finish.stop),
            prompt_token_ids,
            token_ids,
        };
        let stream = exchange.request.output().stream;
        let wants_usage = stream.is_some_and(|stream| stream.continuous_usage);
        let usage = wants_usage.then(|| exchange.usage_of(index));
        let mut chunk = envelope(exchange, vec![choice], usage);
        chunk.system_fingerprint = is_last.then_some(SYSTEM_FINGERPRINT);
        frames.push(&chunk);
    }

    fn usage(&mut self, exchange: &Exchange, frames: &mut Frames) {
        frames.push(&envelope(exchange, Vec::new(), Some(exchange.usage())));
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

fn delta_logprobs(
    exchange: &Exchange,
    delta: &ChoiceDelta,
    text_offset: &mut usize,
) -> Option<CompletionLogprobs> {
    exchange.request.output().logprobs?;
    let as_ids = exchange.request.output().tokens_as_ids;
    let names = TokenNames { tokenizer: &exchange.model.tokenizer, as_ids };
    Some(logprobs::completion(&delta.tokens, names, text_offset))
}
