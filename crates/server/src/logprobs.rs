//! Log-probabilities in the two shapes of the API.

use indexmap::IndexMap;
use tokenizer::Tokenizer;
use types::{Sampled, TokenId, TokenLogprobs};

use crate::wire::{ChatLogprobs, ChatTokenLogprob, ChatTopLogprob, CompletionLogprobs};

/// Stands for minus infinity, which JSON cannot express (vLLM's value).
const LOWEST_LOGPROB: f32 = -9999.0;

/// How tokens are written.
#[derive(Clone, Copy)]
pub(crate) struct TokenNames<'a> {
    pub(crate) tokenizer: &'a Tokenizer,
    /// `token_id:N` instead of the token's text.
    pub(crate) as_ids: bool,
}

impl TokenNames<'_> {
    fn name(self, token: TokenId) -> String {
        match self.as_ids {
            true => format!("token_id:{token}"),
            false => String::from_utf8_lossy(self.tokenizer.token_bytes(token)).into_owned(),
        }
    }

    fn bytes(self, token: TokenId) -> Option<Vec<u8>> {
        Some(self.tokenizer.token_bytes(token).to_vec())
    }
}

/// The chat shape.
pub(crate) fn chat(tokens: &[Sampled], names: TokenNames<'_>) -> ChatLogprobs {
    let entry = |(token, logprobs): (TokenId, &TokenLogprobs)| ChatTokenLogprob {
        token: names.name(token),
        logprob: finite(logprobs.logprob),
        bytes: names.bytes(token),
        top_logprobs: logprobs.top.iter().map(|top| chat_top(*top, names)).collect(),
    };
    ChatLogprobs { content: with_logprobs(tokens).map(entry).collect() }
}

fn chat_top((token, logprob): (TokenId, f32), names: TokenNames<'_>) -> ChatTopLogprob {
    ChatTopLogprob { token: names.name(token), logprob: finite(logprob), bytes: names.bytes(token) }
}

/// The text completion shape. `text_offset` is where the first token's text begins, in
/// characters, and is moved past the last one's.
pub(crate) fn completion(
    tokens: &[Sampled],
    names: TokenNames<'_>,
    text_offset: &mut usize,
) -> CompletionLogprobs {
    let mut shape = CompletionLogprobs::default();
    for (token, logprobs) in with_logprobs(tokens) {
        let name = names.name(token);
        let mut top = IndexMap::new();
        for (other, logprob) in &logprobs.top {
            top.entry(names.name(*other)).or_insert_with(|| finite(*logprob));
        }
        // The chosen token is always there, even when it is not among the best.
        top.entry(name.clone()).or_insert_with(|| finite(logprobs.logprob));
        shape.text_offset.push(*text_offset);
        *text_offset += name.chars().count();
        shape.tokens.push(name);
        shape.token_logprobs.push(finite(logprobs.logprob));
        shape.top_logprobs.push(top);
    }
    shape
}

fn with_logprobs(tokens: &[Sampled]) -> impl Iterator<Item = (TokenId, &TokenLogprobs)> {
    tokens.iter().filter_map(|sampled| Some((sampled.token, sampled.logprobs.as_deref()?)))
}

fn finite(logprob: f32) -> f32 {
    // `max` also turns a NaN into the bound.
    logprob.max(LOWEST_LOGPROB)
}
