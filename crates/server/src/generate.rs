//! From the engine's tokens to text deltas: detokenising, stop strings, finish reasons.
//!
//! Streaming and whole answers both read the same deltas, so they cannot differ. Dropping a
//! [`Choices`] aborts what is still running.

use std::sync::Arc;

use engine::{FirstToken, RequestEvent, RequestStream};
use futures_util::FutureExt;
use futures_util::stream::{self, BoxStream, SelectAll, StreamExt};
use tokenizer::{DetokenizeOptions, Detokenizer, StopStrings};
use types::{FinishReason, Sampled, StopReason, TokenId};

use crate::error::ApiError;
use crate::metrics::{EngineMetrics, RequestOutcome};
use crate::served_model::ServedModel;
use crate::validate::{Stopping, ValidRequest};
use crate::wire::StopValue;

/// What one choice gained since its last delta.
#[derive(Clone, Debug, Default)]
pub(crate) struct ChoiceDelta {
    pub(crate) index: usize,
    pub(crate) text: String,
    pub(crate) tokens: Vec<Sampled>,
    /// Tokens of the choice so far, these included.
    pub(crate) num_output_tokens: u32,
    /// Tokens of its prompt that came from the prefix cache.
    pub(crate) num_cached_tokens: u32,
    /// With the choice's first token.
    pub(crate) first: Option<FirstToken>,
    pub(crate) finish: Option<Finish>,
}

impl ChoiceDelta {
    /// Makes this delta and the next one of the same choice one.
    pub(crate) fn append(&mut self, next: Self) {
        self.text.push_str(&next.text);
        self.tokens.extend(next.tokens);
        self.num_output_tokens = next.num_output_tokens;
        self.num_cached_tokens = next.num_cached_tokens;
        self.first = self.first.take().or(next.first);
        self.finish = next.finish.or(self.finish.take());
    }

    pub(crate) fn token_ids(&self) -> Vec<TokenId> {
        self.tokens.iter().map(|sampled| sampled.token).collect()
    }
}

/// How a choice ended.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Finish {
    /// `finish_reason`.
    pub(crate) reason: &'static str,
    /// `stop_reason`.
    pub(crate) stop: Option<StopValue>,
}

/// What all choices of a request have in common.
pub(crate) struct ChoiceRules {
    pub(crate) model: Arc<ServedModel>,
    pub(crate) metrics: Arc<EngineMetrics>,
    pub(crate) stopping: Stopping,
    pub(crate) skip_special_tokens: bool,
    /// The choice goes on with a text (a completion's prompt, an unfinished message).
    pub(crate) continues_text: bool,
    /// Tokens per delta after the first token.
    pub(crate) interval: usize,
}

/// All choices of a request, merged in order of arrival.
pub(crate) struct Choices {
    merged: SelectAll<BoxStream<'static, Result<ChoiceDelta, ApiError>>>,
}

impl Choices {
    /// `streams` are in order of choice index.
    pub(crate) fn new(streams: Vec<RequestStream>, rules: ChoiceRules) -> Self {
        let rules = Arc::new(rules);
        let choices = streams.into_iter().enumerate().map(|(index, stream)| {
            let choice = Choice::new(index, stream, rules.clone());
            stream::unfold(choice, async |mut choice| {
                choice.next().await.map(|delta| (delta, choice))
            })
            .boxed()
        });
        Self { merged: stream::select_all(choices) }
    }

    /// Choices that end at once without a token, for a request that only wants its prompt back.
    pub(crate) fn empty(request: &ValidRequest) -> Self {
        let choices = (0..request.num_choices()).map(|index| {
            let finish = Some(Finish { reason: "length", stop: None });
            let delta = ChoiceDelta { index, finish, ..ChoiceDelta::default() };
            stream::once(std::future::ready(Ok(delta))).boxed()
        });
        Self { merged: stream::select_all(choices) }
    }

    /// The next delta of any choice; `None` when all have ended.
    pub(crate) async fn next(&mut self) -> Option<Result<ChoiceDelta, ApiError>> {
        self.merged.next().await
    }

    /// A delta that is already there.
    pub(crate) fn next_ready(&mut self) -> Option<Result<ChoiceDelta, ApiError>> {
        self.merged.next().now_or_never().flatten()
    }
}

struct Choice {
    index: usize,
    /// `None` once the choice has ended.
    stream: Option<RequestStream>,
    rules: Arc<ChoiceRules>,
    detokenizer: Detokenizer,
    stop_strings: StopStrings,
    num_output_tokens: u32,
    num_cached_tokens: u32,
}

impl Choice {
    fn new(index: usize, stream: RequestStream, rules: Arc<ChoiceRules>) -> Self {
        let options = DetokenizeOptions {
            skip_special: rules.skip_special_tokens,
            continues_text: rules.continues_text,
        };
        Self {
            index,
            stream: Some(stream),
            detokenizer: Detokenizer::new(&rules.model.tokenizer, options),
            stop_strings: rules.stopping.matcher.clone(),
            rules,
            num_output_tokens: 0,
            num_cached_tokens: 0,
        }
    }

    /// The next delta: after the first token, then after each `interval` tokens, and at the end.
    async fn next(&mut self) -> Option<Result<ChoiceDelta, ApiError>> {
        let mut delta = ChoiceDelta { index: self.index, ..ChoiceDelta::default() };
        loop {
            let Some(event) = self.stream.as_mut()?.next().await else {
                self.end(RequestOutcome::Error);
                return Some(Err(ApiError::engine_dead()));
            };
            if let Err(error) = self.take(event, &mut delta) {
                self.end(RequestOutcome::Error);
                return Some(Err(error));
            }
            let is_first = self.num_output_tokens == 1;
            if delta.finish.is_some() || is_first || delta.tokens.len() >= self.rules.interval {
                delta.num_output_tokens = self.num_output_tokens;
                delta.num_cached_tokens = self.num_cached_tokens;
                return Some(Ok(delta));
            }
        }
    }

    fn take(&mut self, event: RequestEvent, delta: &mut ChoiceDelta) -> Result<(), ApiError> {
        if let Some(first) = event.first {
            self.num_cached_tokens = first.num_cached_tokens;
            delta.first = Some(first);
        }
        let reason = event.finish.map(|(reason, _)| reason);
        if let Some(sampled) = event.token {
            self.num_output_tokens += 1;
            let is_stop_token = matches!(reason, Some(FinishReason::Stop(_)));
            if !is_stop_token || self.rules.stopping.include_stop {
                let mut text = String::new();
                self.detokenizer.push(&self.rules.model.tokenizer, sampled.token, &mut text);
                self.show(&text, delta);
            }
            delta.tokens.push(sampled);
        }
        match reason {
            Some(reason) if delta.finish.is_none() => self.finish(reason, delta),
            _ => Ok(()),
        }
    }

    /// Passes text through the stop strings; a match ends the choice.
    fn show(&mut self, text: &str, delta: &mut ChoiceDelta) {
        if self.num_output_tokens <= self.rules.stopping.min_tokens {
            delta.text.push_str(text);
            return;
        }
        if let Some(found) = self.stop_strings.push(text, &mut delta.text) {
            let stop = self.rules.stopping.stop_strings[found.index].clone();
            delta.finish = Some(Finish { reason: "stop", stop: Some(StopValue::Text(stop)) });
            self.end(RequestOutcome::Stop);
        }
    }

    /// Ends the choice for the engine's reason, after showing what was held back.
    fn finish(&mut self, reason: FinishReason, delta: &mut ChoiceDelta) -> Result<(), ApiError> {
        let mut rest = String::new();
        self.detokenizer.finish(&mut rest);
        self.show(&rest, delta);
        if delta.finish.is_some() {
            return Ok(());
        }
        self.stop_strings.finish(&mut delta.text);
        let (word, stop, outcome) = match reason {
            FinishReason::Stop(StopReason::Eos) => ("stop", None, RequestOutcome::Stop),
            FinishReason::Stop(StopReason::Token(token)) => {
                ("stop", Some(StopValue::Token(token)), RequestOutcome::Stop)
            }
            FinishReason::Length => ("length", None, RequestOutcome::Length),
            FinishReason::Abort => ("abort", None, RequestOutcome::Abort),
            FinishReason::NotFinite { output_idx } => {
                return Err(ApiError::not_finite(output_idx));
            }
            FinishReason::Error(shown) => return Err(ApiError::internal(&*shown)),
        };
        delta.finish = Some(Finish { reason: word, stop });
        self.end(outcome);
        Ok(())
    }

    /// Lets go of the engine's stream, which aborts the sequence if it still runs.
    fn end(&mut self, outcome: RequestOutcome) {
        if self.stream.take().is_some() {
            self.rules.metrics.on_outcome(outcome);
        }
    }
}

impl Drop for Choice {
    fn drop(&mut self) {
        self.end(RequestOutcome::Abort);
    }
}
