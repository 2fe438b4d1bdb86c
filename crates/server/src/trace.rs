//! Traces of requests by OTLP: one span a request, with spans of its preparation, queue, prefill and
//! decode below.
//!
//! Owns the spans' names, attributes and ids; off unless an endpoint is set. Spans are made when a
//! request has ended, from times that are taken anyway, and handed to a bounded queue that is never
//! waited for: a collector that is slow or dead costs spans, not requests. Attributes hold counts,
//! settings and times, never a prompt or an answer. Names are those of OpenTelemetry's semantic
//! conventions for generative AI, times those that vLLM gives (`gen_ai.latency.*`, in seconds).
//! Called by `exchange`.

mod context;
mod exporter;
mod protobuf;

use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use uuid::Uuid;

pub(crate) use self::context::TraceContext;
pub(crate) use self::exporter::{SpanOutcome, Tracer};
use self::protobuf::{Attribute, Kind, Span, Value};

/// Choices of one request whose phases become spans.
const MAX_TRACED_CHOICES: usize = 8;

/// What a choice's first token told.
#[derive(Clone, Copy, Debug, Default)]
struct ChoiceTimes {
    /// Time in the queue, and from submission to the first token.
    first: Option<(Duration, Duration)>,
    /// When the last token had come.
    last: Option<Instant>,
}

/// The trace of one accepted request in the making.
pub(crate) struct RequestTrace {
    tracer: Tracer,
    trace_id: [u8; 16],
    parent_id: Option<[u8; 8]>,
    state: String,
    /// The same moment on both clocks.
    started: (Instant, SystemTime),
    submitted: Instant,
    choices: Vec<ChoiceTimes>,
}

/// What the request's span says of it.
pub(crate) struct Summary<'a> {
    /// `chat` or `text_completion`.
    pub(crate) operation: &'static str,
    pub(crate) model: &'a str,
    pub(crate) response_id: &'a str,
    pub(crate) max_tokens: u32,
    pub(crate) num_choices: u32,
    pub(crate) num_prompt_tokens: u64,
    pub(crate) num_cached_tokens: u64,
    pub(crate) num_output_tokens: u64,
    pub(crate) finish_reasons: Vec<String>,
    pub(crate) has_failed: bool,
}

impl RequestTrace {
    /// Begins the trace of a request from the moments at which it came and at which its submission
    /// began. `None` if the caller does not record its trace.
    ///
    /// The engine's times count from within the submission. Counted from after it they would end
    /// phases later than the request, if this thread is held up meanwhile.
    pub(crate) fn begin(
        tracer: &Tracer,
        context: TraceContext,
        (started, submitted): (Instant, Instant),
        num_choices: usize,
    ) -> Option<Self> {
        let (now, clock) = (Instant::now(), SystemTime::now());
        let (trace_id, parent_id, state) = match context.parent {
            Some(parent) if !parent.is_sampled => return None,
            Some(parent) => (parent.trace_id, Some(parent.span_id), parent.state),
            None => (Uuid::new_v4().into_bytes(), None, String::new()),
        };
        Some(Self {
            tracer: tracer.clone(),
            trace_id,
            parent_id,
            state,
            started: (started, clock.checked_sub(now - started).unwrap_or(clock)),
            submitted,
            choices: vec![ChoiceTimes::default(); num_choices.min(MAX_TRACED_CHOICES)],
        })
    }

    /// Tokens of a choice have come; `first` is the queue time and the time to the first token.
    pub(crate) fn on_tokens(&mut self, choice_idx: usize, first: Option<(Duration, Duration)>) {
        if let Some(choice) = self.choices.get_mut(choice_idx) {
            choice.first = first.or(choice.first);
            choice.last = Some(Instant::now());
        }
    }

    /// Hands the spans over.
    pub(crate) fn finish(self, summary: &Summary<'_>) {
        let ended = Instant::now();
        let root = self.root(summary, ended);
        let mut spans = Vec::with_capacity(2 + 3 * self.choices.len());
        let child = |name: &str, from: Instant, to: Instant, attributes: Vec<Attribute>| Span {
            trace_id: self.trace_id,
            span_id: new_span_id(),
            parent_id: Some(root.span_id),
            trace_state: self.state.clone(),
            name: name.to_owned(),
            kind: Kind::Internal,
            start_ns: self.unix_ns(from),
            end_ns: self.unix_ns(to),
            attributes,
            has_failed: false,
        };
        spans.push(child("prepare", self.started.0, self.submitted, Vec::new()));
        for (index, times) in self.choices.iter().enumerate() {
            let attributes = vec![("ropeway.choice.index", Value::Int(index as i64))];
            let Some((queue, ttft)) = times.first else {
                spans.push(child("queue", self.submitted, ended, attributes));
                continue;
            };
            let (admitted, first) = (self.submitted + queue, self.submitted + ttft);
            let last = times.last.unwrap_or(first).max(first);
            spans.push(child("queue", self.submitted, admitted, attributes.clone()));
            spans.push(child("prefill", admitted, first, attributes.clone()));
            spans.push(child("decode", first, last, attributes));
        }
        spans.push(root);
        self.tracer.send(spans);
    }

    fn root(&self, summary: &Summary<'_>, ended: Instant) -> Span {
        let text = |text: &str| Value::Text(text.to_owned());
        let mut attributes = vec![
            ("gen_ai.operation.name", text(summary.operation)),
            ("gen_ai.provider.name", text("ropeway")),
            ("gen_ai.request.model", text(summary.model)),
            ("gen_ai.response.model", text(summary.model)),
            ("gen_ai.response.id", text(summary.response_id)),
            ("gen_ai.request.max_tokens", Value::Int(i64::from(summary.max_tokens))),
            ("gen_ai.request.choice.count", Value::Int(i64::from(summary.num_choices))),
            ("gen_ai.usage.input_tokens", Value::Int(summary.num_prompt_tokens as i64)),
            ("gen_ai.usage.output_tokens", Value::Int(summary.num_output_tokens as i64)),
            ("gen_ai.usage.cache_read.input_tokens", Value::Int(summary.num_cached_tokens as i64)),
            ("gen_ai.response.finish_reasons", Value::Texts(summary.finish_reasons.clone())),
        ];
        let earliest = self.choices.iter().filter_map(|times| times.first).min_by_key(|t| t.1);
        if let Some((queue, ttft)) = earliest {
            // As clients feel it: from the request's arrival.
            let waited = self.submitted - self.started.0 + ttft;
            attributes.extend([
                ("gen_ai.latency.time_in_queue", Value::Double(queue.as_secs_f64())),
                ("gen_ai.latency.time_to_first_token", Value::Double(waited.as_secs_f64())),
            ]);
        }
        let e2e = (ended - self.started.0).as_secs_f64();
        attributes.push(("gen_ai.latency.e2e", Value::Double(e2e)));
        Span {
            trace_id: self.trace_id,
            span_id: new_span_id(),
            parent_id: self.parent_id,
            trace_state: self.state.clone(),
            name: format!("{} {}", summary.operation, summary.model),
            kind: Kind::Server,
            start_ns: self.unix_ns(self.started.0),
            end_ns: self.unix_ns(ended),
            attributes,
            has_failed: summary.has_failed,
        }
    }

    fn unix_ns(&self, at: Instant) -> u64 {
        let since_start = at.saturating_duration_since(self.started.0);
        let unix = self.started.1.duration_since(UNIX_EPOCH).unwrap_or_default() + since_start;
        unix.as_nanos() as u64
    }
}

/// Half of a random UUID, of which no part is fixed.
fn new_span_id() -> [u8; 8] {
    let bytes = Uuid::new_v4().into_bytes();
    let mut id = [0; 8];
    id[..6].copy_from_slice(&bytes[..6]);
    id[6..].copy_from_slice(&bytes[14..]);
    // All zeros means no span.
    if id == [0; 8] { [1; 8] } else { id }
}
