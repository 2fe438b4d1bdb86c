//! `POST /tokenize` and `/detokenize`.

use axum::Json;
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use tokenizer::EncodeOptions;

use crate::error::ApiError;
use crate::prompt::{encode_text, render};
use crate::request_body::RequestBody;
use crate::state::AppState;
use crate::validate::{Context, check_token_ids, check_tokenize_chat, resolve_model};
use crate::wire::{
    Body, DetokenizeRequest, DetokenizeResponse, TokenizeInput, TokenizeRequest, TokenizeResponse,
};

/// `POST /tokenize`: text or a conversation to token ids.
pub(crate) async fn tokenize(
    State(state): State<AppState>,
    RequestBody(bytes): RequestBody,
) -> Result<Response, ApiError> {
    on_pool(&state, move |context| {
        let mut body = Body::parse(&bytes)?;
        let request = TokenizeRequest::take(&mut body)?;
        tokenize_now(request, body, context)
    })
    .await
    .map(|response| Json(response).into_response())
}

/// `POST /detokenize`: token ids to text.
pub(crate) async fn detokenize(
    State(state): State<AppState>,
    RequestBody(bytes): RequestBody,
) -> Result<Response, ApiError> {
    on_pool(&state, move |context| {
        let request = DetokenizeRequest::take(&mut Body::parse(&bytes)?)?;
        resolve_model(request.model, context.model)?;
        check_token_ids("tokens", &request.tokens, context.limits().vocab_size)?;
        Ok(DetokenizeResponse { prompt: context.model.tokenizer.decode(&request.tokens, false) })
    })
    .await
    .map(|response| Json(response).into_response())
}

async fn on_pool<T: Send + 'static>(
    state: &AppState,
    job: impl FnOnce(&Context<'_>) -> Result<T, ApiError> + Send + 'static,
) -> Result<T, ApiError> {
    let (model, in_flight) = state.lifecycle.admit()?;
    let config = state.config.clone();
    let result =
        state.preparation.run(move || job(&Context { config: &config, model: &model })).await;
    drop(in_flight);
    result
}

fn tokenize_now(
    request: TokenizeRequest,
    mut body: Body<'_>,
    context: &Context<'_>,
) -> Result<TokenizeResponse, ApiError> {
    resolve_model(request.model, context.model)?;
    let tokenizer = &context.model.tokenizer;
    let tokens = match request.input {
        TokenizeInput::Prompt(text) => {
            let add_special = request.add_special_tokens.unwrap_or(true);
            let options = EncodeOptions { add_special, ..EncodeOptions::PROMPT };
            encode_text("prompt", &text, options, tokenizer)?
        }
        TokenizeInput::Chat(fields) => {
            let chat = check_tokenize_chat(&mut body, fields, context)?;
            let add_special = request.add_special_tokens.unwrap_or(false);
            let options = EncodeOptions { add_special, ..EncodeOptions::RENDERED };
            encode_text("messages", &render(&chat, context.model)?, options, tokenizer)?
        }
    };
    let text_of = |token: &u32| tokenizer.token_text(*token).unwrap_or_default().to_owned();
    let wants_texts = request.return_token_strs.unwrap_or(false);
    Ok(TokenizeResponse {
        count: tokens.len(),
        max_model_len: context.limits().max_model_len,
        token_strs: wants_texts.then(|| tokens.iter().map(text_of).collect()),
        tokens,
    })
}
