//! What the answer looks like: streaming, log-probabilities, token ids.

use super::Context;
use crate::error::ApiError;
use crate::wire::GenerationFields;

/// Checked output options.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Output {
    pub(crate) stream: Option<Streaming>,
    /// Log-probabilities, with this many alternatives per token.
    pub(crate) logprobs: Option<u32>,
    pub(crate) echo: bool,
    pub(crate) skip_special_tokens: bool,
    pub(crate) return_token_ids: bool,
    /// Token texts in log-probabilities are written `token_id:N`.
    pub(crate) tokens_as_ids: bool,
}

/// Checked streaming options.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Streaming {
    pub(crate) include_usage: bool,
    pub(crate) continuous_usage: bool,
    /// Tokens per chunk after the first.
    pub(crate) interval: usize,
}

pub(super) fn output(fields: &GenerationFields, logprobs: Option<u32>) -> Result<Output, ApiError> {
    Ok(Output {
        stream: streaming(fields)?,
        logprobs,
        echo: fields.echo.unwrap_or(false),
        skip_special_tokens: fields.skip_special_tokens.unwrap_or(true),
        return_token_ids: fields.return_token_ids.unwrap_or(false),
        tokens_as_ids: fields.return_tokens_as_token_ids.unwrap_or(false),
    })
}

fn streaming(fields: &GenerationFields) -> Result<Option<Streaming>, ApiError> {
    let interval = match fields.stream_interval {
        None => 1,
        Some(0) => {
            let message = "'stream_interval' must be at least 1, got 0";
            return Err(ApiError::invalid("stream_interval", message));
        }
        Some(sent) => usize::try_from(sent).unwrap_or(usize::MAX),
    };
    if !fields.stream.unwrap_or(false) {
        if fields.stream_options.is_some() {
            let message = "'stream_options' needs 'stream': true";
            return Err(ApiError::invalid("stream_options", message));
        }
        return Ok(None);
    }
    let options = fields.stream_options.unwrap_or_default();
    let include_usage = options.include_usage.unwrap_or(false);
    Ok(Some(Streaming {
        include_usage,
        continuous_usage: include_usage && options.continuous_usage_stats.unwrap_or(false),
        interval,
    }))
}

/// `logprobs` and `top_logprobs` of chat.
pub(super) fn chat_logprobs(
    logprobs: Option<bool>,
    top_logprobs: Option<i64>,
    context: &Context<'_>,
) -> Result<Option<u32>, ApiError> {
    let top = num_logprobs("top_logprobs", top_logprobs, context)?.unwrap_or(0);
    match (logprobs.unwrap_or(false), top) {
        (true, top) => Ok(Some(top)),
        (false, 0) => Ok(None),
        (false, _) => {
            let message = "'top_logprobs' needs 'logprobs': true";
            Err(ApiError::invalid("top_logprobs", message))
        }
    }
}

/// A number of alternatives within the server's limit; -1 asks for the whole vocabulary.
pub(super) fn num_logprobs(
    name: &str,
    sent: Option<i64>,
    context: &Context<'_>,
) -> Result<Option<u32>, ApiError> {
    let Some(sent) = sent else { return Ok(None) };
    let max = context.config.max_logprobs;
    let wanted = if sent == -1 { context.limits().vocab_size as i64 } else { sent };
    u32::try_from(wanted).ok().filter(|wanted| *wanted <= max).map(Some).ok_or_else(|| {
        let message = format!("'{name}' must be between 0 and {max}, got {sent}");
        ApiError::invalid(name, message)
    })
}
