//! One accepted generation request from submission to the end of its response.

use std::sync::Arc;
use std::time::{Instant, SystemTime, UNIX_EPOCH};

use axum::body::Bytes;
use axum::response::Response;
use engine::SubmitError;

use crate::error::ApiError;
use crate::generate::{ChoiceDelta, ChoiceRules, Choices};
use crate::lifecycle::{InFlight, retry_after_s};
use crate::logprobs::TokenNames;
use crate::prompt::Prepared;
use crate::served_model::ServedModel;
use crate::state::AppState;
use crate::trace::{RequestTrace, Summary, TraceContext};
use crate::validate::{Context, ValidRequest};
use crate::wire::Usage;

/// Names the build in every answer (`system_fingerprint`).
pub(crate) const SYSTEM_FINGERPRINT: &str = concat!("ropeway-", env!("CARGO_PKG_VERSION"));

/// A running request. Dropping it aborts whatever has not ended, and writes the log line.
pub(crate) struct Exchange {
    pub(crate) id: String,
    pub(crate) created: u64,
    pub(crate) request: ValidRequest,
    pub(crate) model: Arc<ServedModel>,
    choices: Choices,
    /// Per choice: output tokens and cached prompt tokens so far, and how it ended.
    tallies: Vec<Tally>,
    started: Instant,
    operation: &'static str,
    has_failed: bool,
    /// Present if traces are on and the caller records this one.
    trace: Option<RequestTrace>,
    _in_flight: InFlight,
}

#[derive(Clone, Copy, Default)]
struct Tally {
    num_output_tokens: u32,
    num_cached_tokens: u32,
    finish_reason: Option<&'static str>,
}

/// How an exchange's id begins.
#[derive(Clone, Copy)]
pub(crate) enum IdPrefix {
    Chat,
    Completion,
}

impl IdPrefix {
    /// The operation's name in traces.
    fn operation(self) -> &'static str {
        match self {
            Self::Chat => "chat",
            Self::Completion => "text_completion",
        }
    }
}

/// What a request's headers say of its caller.
pub(crate) struct Caller {
    pub(crate) request_id: String,
    pub(crate) trace_context: TraceContext,
}

impl Exchange {
    /// The next delta of any choice.
    pub(crate) async fn next(&mut self) -> Option<Result<ChoiceDelta, ApiError>> {
        let delta = self.choices.next().await;
        self.note(delta)
    }

    /// A delta that is already there.
    pub(crate) fn next_ready(&mut self) -> Option<Result<ChoiceDelta, ApiError>> {
        let delta = self.choices.next_ready();
        self.note(delta)
    }

    /// Every choice whole, in order, once all have ended.
    pub(crate) async fn gather(&mut self) -> Result<Vec<ChoiceDelta>, ApiError> {
        let whole = |index| ChoiceDelta { index, ..ChoiceDelta::default() };
        let mut choices: Vec<_> = (0..self.request.num_choices()).map(whole).collect();
        while let Some(delta) = self.next().await {
            let delta = delta?;
            choices[delta.index].append(delta);
        }
        Ok(choices)
    }

    fn note(
        &mut self,
        delta: Option<Result<ChoiceDelta, ApiError>>,
    ) -> Option<Result<ChoiceDelta, ApiError>> {
        match &delta {
            Some(Ok(delta)) => {
                self.tallies[delta.index] = Tally {
                    num_output_tokens: delta.num_output_tokens,
                    num_cached_tokens: delta.num_cached_tokens,
                    finish_reason: delta.finish.as_ref().map(|finish| finish.reason),
                };
                if let Some(trace) = &mut self.trace
                    && !delta.tokens.is_empty()
                {
                    let first = delta.first.map(|first| (first.queue_time, first.ttft));
                    trace.on_tokens(delta.index, first);
                }
            }
            Some(Err(error)) => {
                self.has_failed = true;
                tracing::error!(request_id = %self.id, code = error.code(), "generation failed");
            }
            None => {}
        }
        delta
    }

    /// Usage of the whole request so far. Cached tokens are those of each prompt's first choice;
    /// the others find the first one's blocks.
    pub(crate) fn usage(&self) -> Usage {
        let output = self.tallies.iter().map(|tally| u64::from(tally.num_output_tokens)).sum();
        let first_choices = self.tallies.iter().step_by(self.request.n() as usize);
        let cached = first_choices.map(|tally| u64::from(tally.num_cached_tokens)).sum();
        Usage::new(self.request.num_prompt_tokens(), output, cached)
    }

    /// Usage of one choice so far.
    pub(crate) fn usage_of(&self, choice_idx: usize) -> Usage {
        let tally = self.tallies[choice_idx];
        let num_prompt = self.request.prompt_of(choice_idx).len() as u64;
        let output = u64::from(tally.num_output_tokens);
        Usage::new(num_prompt, output, u64::from(tally.num_cached_tokens))
    }

    /// Usage of one choice so far, if each chunk is to carry it.
    pub(crate) fn continuous_usage(&self, choice_idx: usize) -> Option<Usage> {
        let stream = self.request.output().stream?;
        stream.continuous_usage.then(|| self.usage_of(choice_idx))
    }

    /// How tokens are named in log-probabilities, if those are asked for.
    pub(crate) fn logprob_names(&self) -> Option<TokenNames<'_>> {
        let output = self.request.output();
        output.logprobs?;
        Some(TokenNames { tokenizer: &self.model.tokenizer, as_ids: output.tokens_as_ids })
    }
}

impl Drop for Exchange {
    fn drop(&mut self) {
        let usage = self.usage();
        let unfinished = if self.has_failed { "error" } else { "abort" };
        let reasons: Vec<&str> =
            self.tallies.iter().map(|tally| tally.finish_reason.unwrap_or(unfinished)).collect();
        tracing::info!(
            target: "requests",
            request_id = %self.id,
            model = self.request.model(),
            num_prompt_tokens = usage.prompt_tokens,
            num_cached_tokens = usage.prompt_tokens_details.cached_tokens,
            num_output_tokens = usage.completion_tokens,
            duration_ms = self.started.elapsed().as_millis() as u64,
            finish_reasons = reasons.join(","),
            "request ended"
        );
        if let Some(trace) = self.trace.take() {
            trace.finish(&Summary {
                operation: self.operation,
                model: self.request.model(),
                response_id: &self.id,
                max_tokens: self.request.max_tokens(),
                num_choices: self.request.n(),
                num_prompt_tokens: usage.prompt_tokens,
                num_cached_tokens: usage.prompt_tokens_details.cached_tokens,
                num_output_tokens: usage.completion_tokens,
                finish_reasons: reasons.into_iter().map(str::to_owned).collect(),
                has_failed: self.has_failed,
            });
        }
    }
}

/// Prepares a request on the pool, submits it and wraps it up; `prepare` parses and tokenises.
pub(crate) async fn begin(
    state: &AppState,
    caller: Caller,
    body: Bytes,
    prefix: IdPrefix,
    prepare: fn(&[u8], &Context<'_>) -> Result<Prepared, ApiError>,
) -> Result<(Exchange, Begun), ApiError> {
    let started = Instant::now();
    let (model, in_flight) = state.lifecycle.admit()?;
    let job = {
        let (config, model) = (state.config.clone(), model.clone());
        move || prepare(&body, &Context { config: &config, model: &model })
    };
    let prepared = state.preparation.run(job).await?;
    let request = prepared.request;
    let submitted = Instant::now();
    let choices = submit(state, &model, &request, prepared.continues_text)?;
    let num_choices = request.num_choices();
    let trace = state.tracer.as_ref().and_then(|tracer| {
        let moments = (started, submitted);
        RequestTrace::begin(tracer, caller.trace_context, moments, num_choices)
    });
    let exchange = Exchange {
        id: response_id(prefix, request.request_id().unwrap_or(&caller.request_id)),
        created: unix_seconds(),
        tallies: vec![Tally::default(); num_choices],
        request,
        model,
        choices,
        started,
        operation: prefix.operation(),
        has_failed: false,
        trace,
        _in_flight: in_flight,
    };
    let begun = Begun { echo: prepared.echo, unknown_fields: prepared.unknown_fields };
    Ok((exchange, begun))
}

/// What the response needs besides the exchange.
pub(crate) struct Begun {
    /// Text before the answers, per prompt.
    pub(crate) echo: Vec<String>,
    unknown_fields: Vec<String>,
}

impl Begun {
    /// Lists the fields that had no effect.
    pub(crate) fn mark(&self, response: &mut Response) {
        if !self.unknown_fields.is_empty() {
            let value = self.unknown_fields.join(", ");
            let value = value.parse().expect("listed names are printable ASCII");
            response.headers_mut().insert("x-ropeway-ignored-fields", value);
        }
    }
}

fn submit(
    state: &AppState,
    model: &Arc<ServedModel>,
    request: &ValidRequest,
    continues_text: bool,
) -> Result<Choices, ApiError> {
    if request.max_tokens() == 0 {
        return Ok(Choices::empty(request));
    }
    let metrics = state.lifecycle.engine_metrics().expect("made before the model is ready").clone();
    let streams = model.engine.submit(request.engine_requests()).map_err(|error| match error {
        SubmitError::QueueFull { .. } => {
            metrics.on_rejection();
            let load = model.engine.load();
            let wait = metrics.expected_queue_wait(load, model.engine.limits().max_num_seqs);
            ApiError::overloaded("Too many requests are waiting.", retry_after_s(wait))
        }
        SubmitError::Draining => ApiError::draining(retry_after_s(Default::default())),
        SubmitError::Dead(_) => ApiError::engine_dead(),
    })?;
    metrics.on_submit(request.n(), request.max_tokens());
    let output = request.output();
    let rules = ChoiceRules {
        model: model.clone(),
        metrics,
        stopping: request.stopping().clone(),
        skip_special_tokens: output.skip_special_tokens,
        continues_text,
        // A whole answer is read in one delta per choice after the first token's.
        interval: output.stream.map_or(usize::MAX, |stream| stream.interval),
    };
    Ok(Choices::new(streams, rules))
}

fn response_id(prefix: IdPrefix, request_id: &str) -> String {
    let prefix = match prefix {
        IdPrefix::Chat => "chatcmpl-",
        IdPrefix::Completion => "cmpl-",
    };
    match request_id.starts_with(prefix) {
        true => request_id.to_owned(),
        false => format!("{prefix}{request_id}"),
    }
}

pub(crate) fn unix_seconds() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_secs()
}
