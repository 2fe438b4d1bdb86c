//! Prompts to tokens: the chat template, the tokenizer, truncation. Runs on the preparation pool.

use tokenizer::{ChatContext, EncodeOptions, Tokenizer};
use types::TokenId;

use crate::error::ApiError;
use crate::served_model::ServedModel;
use crate::validate::{
    self, Context, PromptSource, Truncation, ValidChat, ValidRequest, check_token_ids,
};
use crate::wire::Body;

/// A request ready for the engine.
pub(crate) struct Prepared {
    pub(crate) request: ValidRequest,
    /// Text to put before the answers, one per prompt; empty unless `echo` was asked for.
    pub(crate) echo: Vec<String>,
    /// The answer goes on with the prompt's last text.
    pub(crate) continues_text: bool,
    pub(crate) unknown_fields: Vec<String>,
}

/// Makes a chat request ready.
pub(crate) fn prepare_chat(bytes: &[u8], context: &Context<'_>) -> Result<Prepared, ApiError> {
    let checked = validate::check_chat(Body::parse(bytes)?, context)?;
    let text = render(&checked.chat, context.model)?;
    let generation = checked.generation;
    let options =
        EncodeOptions { add_special: generation.add_special_tokens(), ..EncodeOptions::RENDERED };
    let tokens = encode("messages", &text, options, generation.truncation(), context)?;
    let continued = checked.chat.continued_text();
    let request = generation.with_prompts(vec![tokens], "messages", context)?;
    let wants_echo = request.output().echo;
    Ok(Prepared {
        echo: continued.filter(|_| wants_echo).map(str::to_owned).into_iter().collect(),
        continues_text: continued.is_some(),
        request,
        unknown_fields: checked.unknown_fields,
    })
}

/// Makes a text completion request ready.
pub(crate) fn prepare_completion(
    bytes: &[u8],
    context: &Context<'_>,
) -> Result<Prepared, ApiError> {
    let checked = validate::check_completion(Body::parse(bytes)?, context)?;
    let generation = checked.generation;
    let options =
        EncodeOptions { add_special: generation.add_special_tokens(), ..EncodeOptions::PROMPT };
    let mut prompts = Vec::with_capacity(checked.prompts.len());
    let mut texts = Vec::with_capacity(checked.prompts.len());
    for source in checked.prompts {
        let (tokens, text) = match source {
            PromptSource::Text(text) => {
                let tokens = encode("prompt", &text, options, generation.truncation(), context)?;
                (tokens, Some(text))
            }
            PromptSource::Tokens(mut tokens) => {
                generation.truncation().apply(&mut tokens);
                check_token_ids("prompt", &tokens, context.limits().vocab_size)?;
                (tokens, None)
            }
        };
        prompts.push(tokens);
        texts.push(text);
    }
    let request = generation.with_prompts(prompts, "prompt", context)?;
    let echo = if request.output().echo {
        echo_texts(&request, texts, &context.model.tokenizer)
    } else {
        Vec::new()
    };
    let unknown_fields = checked.unknown_fields;
    Ok(Prepared { request, echo, continues_text: true, unknown_fields })
}

/// The prompts as text: as sent, or decoded where tokens were sent.
fn echo_texts(
    request: &ValidRequest,
    texts: Vec<Option<String>>,
    tokenizer: &Tokenizer,
) -> Vec<String> {
    let n = request.n() as usize;
    let decode = |prompt_idx: usize| {
        let tokens = request.prompt_of(prompt_idx * n);
        tokenizer.decode(tokens, request.output().skip_special_tokens)
    };
    texts
        .into_iter()
        .enumerate()
        .map(|(prompt_idx, text)| text.unwrap_or_else(|| decode(prompt_idx)))
        .collect()
}

/// Tokenises text, refusing at once what cannot fit whatever its tokens are.
fn encode(
    param: &str,
    text: &str,
    options: EncodeOptions,
    truncation: Truncation,
    context: &Context<'_>,
) -> Result<Vec<TokenId>, ApiError> {
    let tokenizer = &context.model.tokenizer;
    let max_model_len = context.limits().max_model_len;
    let at_least = tokenizer.min_num_tokens(text.len());
    if truncation == Truncation::None && at_least >= max_model_len {
        let message = format!(
            "This model's maximum context length is {max_model_len} tokens, but the prompt has at \
             least {at_least}."
        );
        return Err(ApiError::context_length(param, message));
    }
    let mut tokens = encode_text(param, text, options, tokenizer)?;
    truncation.apply(&mut tokens);
    // A tokenizer may have more tokens than the model has rows, and text may spell them.
    check_token_ids(param, &tokens, context.limits().vocab_size)?;
    Ok(tokens)
}

/// Tokenises text of any length the tokenizer takes.
pub(crate) fn encode_text(
    param: &str,
    text: &str,
    options: EncodeOptions,
    tokenizer: &Tokenizer,
) -> Result<Vec<TokenId>, ApiError> {
    tokenizer.encode(text, options).map_err(|error| ApiError::invalid(param, error.to_string()))
}

/// The conversation as the model's template writes it.
pub(crate) fn render(chat: &ValidChat, model: &ServedModel) -> Result<String, ApiError> {
    let Some(template) = &model.chat_template else {
        let message = "this model has no chat template; use /v1/completions";
        return Err(ApiError::invalid("messages", message));
    };
    let context = ChatContext {
        messages: &chat.messages,
        tools: None,
        add_generation_prompt: chat.add_generation_prompt,
        continue_final_message: chat.continue_final_message,
        extra: Some(&chat.template_kwargs),
    };
    template.render(&context).map_err(|error| ApiError::invalid("messages", error.to_string()))
}
