//! Spans on their way to the collector: a bounded queue, and a thread that posts batches.
//!
//! OTLP over HTTP with protobuf (opentelemetry.io, "OTLP Specification", OTLP/HTTP). A batch that
//! cannot be delivered is dropped and counted; it is not tried again, since the next one is on its
//! way and memory is bounded.

use std::sync::Arc;
use std::sync::mpsc::{Receiver, SyncSender, TrySendError, sync_channel};
use std::time::{Duration, Instant};

use tokio::sync::oneshot;

use super::protobuf::{self, Attribute, Span, Value};
use crate::metrics::Metrics;

/// Requests whose spans may wait for the exporter.
const MAX_QUEUED_REQUESTS: usize = 1024;
/// Spans after which a batch is sent without waiting for more.
const MAX_BATCH_SPANS: usize = 512;
/// How long a batch waits for more.
const BATCH_INTERVAL: Duration = Duration::from_secs(1);
/// How long a collector may take for a batch.
const EXPORT_TIMEOUT: Duration = Duration::from_secs(5);
/// How long a server that stops waits for its last batch.
const FLUSH_TIMEOUT: Duration = Duration::from_secs(2);

/// What became of spans; the label of their counter.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum SpanOutcome {
    Exported,
    QueueFull,
    ExportFailed,
}

impl SpanOutcome {
    pub(crate) const ALL: [Self; 3] = [Self::Exported, Self::QueueFull, Self::ExportFailed];

    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Self::Exported => "exported",
            Self::QueueFull => "queue_full",
            Self::ExportFailed => "export_failed",
        }
    }
}

enum Message {
    Spans(Vec<Span>),
    /// Send what has come before this, then answer.
    Flush(oneshot::Sender<()>),
}

/// The sending end. Cloning shares it.
#[derive(Clone)]
pub(crate) struct Tracer {
    queue: SyncSender<Message>,
    metrics: Arc<Metrics>,
}

impl Tracer {
    /// Starts the exporter for a collector's URL.
    pub(crate) fn start(endpoint: String, metrics: Arc<Metrics>) -> std::io::Result<Self> {
        metrics.show_spans();
        let (queue, messages) = sync_channel(MAX_QUEUED_REQUESTS);
        let exporter = Exporter {
            agent: ureq::Agent::config_builder()
                .timeout_global(Some(EXPORT_TIMEOUT))
                .build()
                .new_agent(),
            endpoint,
            metrics: metrics.clone(),
            resource: vec![
                ("service.name", Value::Text("ropeway".to_owned())),
                ("service.version", Value::Text(env!("CARGO_PKG_VERSION").to_owned())),
                ("service.instance.id", Value::Text(uuid::Uuid::new_v4().to_string())),
            ],
            is_failing: false,
        };
        std::thread::Builder::new()
            .name("otlp-exporter".into())
            .spawn(move || exporter.run(&messages))?;
        Ok(Self { queue, metrics })
    }

    /// Queues a request's spans, or drops them where there is no room. Never waits.
    pub(super) fn send(&self, spans: Vec<Span>) {
        let num_spans = spans.len();
        match self.queue.try_send(Message::Spans(spans)) {
            Ok(()) => {}
            Err(TrySendError::Full(_) | TrySendError::Disconnected(_)) => {
                self.metrics.count_spans(SpanOutcome::QueueFull, num_spans);
            }
        }
    }

    /// Waits a little for what is queued to be sent.
    pub(crate) async fn flush(&self) {
        let (sent, is_sent) = oneshot::channel();
        if self.queue.try_send(Message::Flush(sent)).is_ok() {
            // Whatever is not sent by then is lost with the process.
            let _ = tokio::time::timeout(FLUSH_TIMEOUT, is_sent).await;
        }
    }
}

struct Exporter {
    agent: ureq::Agent,
    endpoint: String,
    metrics: Arc<Metrics>,
    resource: Vec<Attribute>,
    /// Of the last batch; a failure is told once, not with each batch.
    is_failing: bool,
}

impl Exporter {
    /// Until every sender is gone.
    fn run(mut self, messages: &Receiver<Message>) {
        while let Ok(first) = messages.recv() {
            let mut batch = Vec::new();
            let mut flushes = Vec::new();
            let mut next = Some(first);
            let deadline = Instant::now() + BATCH_INTERVAL;
            while let Some(message) = next {
                match message {
                    Message::Spans(spans) => batch.extend(spans),
                    Message::Flush(sent) => flushes.push(sent),
                }
                next = if batch.len() >= MAX_BATCH_SPANS {
                    None
                } else {
                    let left = deadline.saturating_duration_since(Instant::now());
                    let left = if flushes.is_empty() { left } else { Duration::ZERO };
                    messages.recv_timeout(left).ok()
                };
            }
            self.export(&batch);
            for sent in flushes {
                // Nobody waits any more: fine.
                let _ = sent.send(());
            }
        }
    }

    fn export(&mut self, batch: &[Span]) {
        if batch.is_empty() {
            return;
        }
        let scope = (env!("CARGO_PKG_NAME"), env!("CARGO_PKG_VERSION"));
        let body = protobuf::request(&self.resource, scope, batch);
        let request = self.agent.post(&self.endpoint);
        let answer = request.header("content-type", "application/x-protobuf").send(&body[..]);
        let outcome = match answer {
            Ok(_) => {
                self.is_failing = false;
                SpanOutcome::Exported
            }
            Err(error) => {
                if !std::mem::replace(&mut self.is_failing, true) {
                    tracing::warn!(
                        %error, endpoint = self.endpoint,
                        "traces cannot be delivered and are dropped; is a collector with OTLP over \
                         HTTP there?"
                    );
                }
                SpanOutcome::ExportFailed
            }
        };
        self.metrics.count_spans(outcome, batch.len());
    }
}
