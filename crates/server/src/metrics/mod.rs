//! Metrics under vLLM's names, in recorders that belong to one server (nothing is global).
//!
//! Two recorders: one for the process and HTTP, there from the start, and one for the engine,
//! made when the model's name and context length are known, because they decide labels and
//! buckets. `/metrics` shows both; rendering reads atomics and never asks the engine.

mod buckets;
mod engine;
mod gpu;
mod http;
mod legacy;
mod process;
mod steps;

use std::path::PathBuf;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

pub(crate) use self::engine::{EngineMetrics, RequestOutcome};
use self::gpu::GpuGauges;
pub(crate) use self::gpu::GpuReader;
pub(crate) use self::http::HttpMetrics;
use self::process::ProcessMetrics;
use crate::flight::DumpReason;
use crate::served_model::ServedModel;
use crate::trace::SpanOutcome;

/// What the engine's metrics are labelled with.
#[derive(Clone, Debug)]
pub struct MetricsLabels {
    /// `model_name`: the canonical served name.
    pub model_name: String,
    /// Largest value of the token-count buckets.
    pub max_model_len: usize,
}

/// All metrics of one server.
pub(crate) struct Metrics {
    process: ProcessMetrics,
    pub(crate) http: HttpMetrics,
    engine: OnceLock<Arc<EngineMetrics>>,
    gpus: GpuGauges,
    with_legacy_names: bool,
}

impl Metrics {
    pub(crate) fn new(with_legacy_names: bool) -> Self {
        let process = ProcessMetrics::new();
        let http = HttpMetrics::new(process.recorder());
        let (engine, gpus) = (OnceLock::new(), GpuGauges::default());
        Self { process, http, engine, gpus, with_legacy_names }
    }

    /// The engine's metrics, made at the first call.
    pub(crate) fn engine_or_init(&self, labels: &MetricsLabels) -> Arc<EngineMetrics> {
        self.engine
            .get_or_init(|| Arc::new(EngineMetrics::new(labels, self.with_legacy_names)))
            .clone()
    }

    pub(crate) fn engine(&self) -> Option<&Arc<EngineMetrics>> {
        self.engine.get()
    }

    /// How long a phase of starting took.
    pub(crate) fn set_startup_seconds(&self, phase: &'static str, seconds: f64) {
        self.process.set_startup_seconds(phase, seconds);
    }

    /// From the server's start to the first request that it would take.
    pub(crate) fn set_time_to_ready(&self, duration: Duration) {
        self.process.set_time_to_ready(duration);
    }

    /// A dump of the flight recorder was written.
    pub(crate) fn count_dump(&self, reason: DumpReason) {
        self.process.count_dump(reason);
    }

    /// Shows the GPUs of the machine whose `/` is `root`, until the reader is dropped.
    pub(crate) fn read_gpus(&self, root: PathBuf) -> Option<GpuReader> {
        self.gpus.start(root)
    }

    /// Shows the counter of spans, which exists where there are traces.
    pub(crate) fn show_spans(&self) {
        SpanOutcome::ALL.iter().for_each(|outcome| self.count_spans(*outcome, 0));
    }

    /// What became of some spans.
    pub(crate) fn count_spans(&self, outcome: SpanOutcome, num_spans: usize) {
        self.process.count_spans(outcome, num_spans);
    }

    /// Folds recorded histogram values into their buckets; to be called every few seconds so that
    /// they do not pile up between scrapes.
    pub(crate) fn run_upkeep(&self) {
        self.process.run_upkeep();
        if let Some(engine) = self.engine() {
            engine.run_upkeep();
        }
    }

    /// The Prometheus text.
    pub(crate) fn render(&self, model: Option<&ServedModel>) -> String {
        let mut text = self.process.render();
        if let Some(engine) = self.engine() {
            if let Some(model) = model {
                engine.set_load(model.engine.load(), model.engine.limits().max_num_seqs);
            }
            text.push_str(&engine.render());
        }
        text.push_str(&self.gpus.render());
        text
    }
}
