//! What ends a choice: stop strings, stop tokens and the two token limits.

use tokenizer::StopStrings;
use types::TokenId;

use super::{Context, sampling::token_ids};
use crate::error::ApiError;
use crate::wire::GenerationFields;

/// Checked stopping rules; `max_tokens` is fixed once the prompt's length is known.
#[derive(Clone, Debug)]
pub(crate) struct Stopping {
    /// The stop strings as sent, for `stop_reason`.
    pub(crate) stop_strings: Vec<String>,
    /// An unused matcher for them, to be cloned for each choice.
    pub(crate) matcher: StopStrings,
    /// Stop strings and stop tokens stay in the text.
    pub(crate) include_stop: bool,
    pub(crate) stop_token_ids: Vec<TokenId>,
    pub(crate) eos_token_ids: Vec<TokenId>,
    pub(crate) min_tokens: u32,
    /// The limit and the field it was sent in; `None` leaves it to the model and the context.
    pub(crate) max_tokens: Option<(&'static str, u32)>,
}

pub(super) fn stopping(
    fields: &mut GenerationFields,
    max_tokens: Option<(&'static str, u64)>,
    may_be_zero: bool,
    context: &Context<'_>,
) -> Result<Stopping, ApiError> {
    let max_tokens = match max_tokens {
        None => None,
        Some((name, 0)) if !may_be_zero => {
            return Err(ApiError::invalid(name, format!("'{name}' must be at least 1, got 0")));
        }
        Some((name, sent)) => Some((name, within_context(name, sent, context)?)),
    };
    let min_tokens = match fields.min_tokens {
        None => 0,
        Some(sent) => within_context("min_tokens", sent, context)?,
    };
    if max_tokens.is_some_and(|(_, max_tokens)| min_tokens > max_tokens) {
        let message = "'min_tokens' must not be larger than the maximum number of tokens";
        return Err(ApiError::invalid("min_tokens", message));
    }
    let ignore_eos = fields.ignore_eos.unwrap_or(false);
    let stop_token_ids = fields.stop_token_ids.take().unwrap_or_default();
    let include_stop = fields.include_stop_str_in_output.unwrap_or(false);
    let stop_strings = stop_strings(fields, context)?;
    let matcher = StopStrings::new(&stop_strings, include_stop)
        .map_err(|error| ApiError::invalid("stop", error.to_string()))?;
    Ok(Stopping {
        stop_strings,
        matcher,
        include_stop,
        stop_token_ids: token_ids("stop_token_ids", &stop_token_ids, context)?,
        eos_token_ids: if ignore_eos { Vec::new() } else { context.model.eos_token_ids.clone() },
        min_tokens,
        max_tokens,
    })
}

/// A number of tokens that some prompt could leave room for.
fn within_context(name: &str, sent: u64, context: &Context<'_>) -> Result<u32, ApiError> {
    let limit = context.limits().max_model_len;
    u32::try_from(sent).ok().filter(|sent| *sent as usize <= limit).ok_or_else(|| {
        let message =
            format!("'{name}' is {sent}, but the model's context holds {limit} tokens in all");
        ApiError::context_length(name, message)
    })
}

fn stop_strings(
    fields: &mut GenerationFields,
    context: &Context<'_>,
) -> Result<Vec<String>, ApiError> {
    let strings = fields.stop.take().map(|stop| stop.into_vec()).unwrap_or_default();
    let max = context.config.limits.max_stop_strings;
    if strings.len() > max {
        let message = format!("'stop' has {} strings; at most {max} are allowed", strings.len());
        return Err(ApiError::invalid("stop", message));
    }
    Ok(strings)
}
