//! How steps reached the device, as counters. Fed once a step by the engine's observer.

use metrics::Counter;
use types::StepCounts;

/// Counters of [`StepCounts`].
pub(super) struct StepCounters {
    eager: Counter,
    captured: Counter,
    replayed: Counter,
    dropped: Counter,
    refused: Counter,
}

impl StepCounters {
    /// Registers with the current recorder.
    pub(super) fn new(labels: &[(&'static str, String)]) -> Self {
        let counter = |name: &'static str| metrics::counter!(name, labels);
        let run = |how: &str| {
            let labels = [labels, &[("run", how.to_owned())]].concat();
            metrics::counter!("ropeway:device_steps_total", &labels)
        };
        Self {
            eager: run("eager"),
            captured: run("captured"),
            replayed: run("replayed"),
            dropped: counter("ropeway:graphs_dropped_total"),
            refused: counter("ropeway:graph_captures_refused_total"),
        }
    }

    /// Brings the counters up to date.
    pub(super) fn set(&self, counts: StepCounts) {
        self.eager.absolute(counts.eager);
        self.captured.absolute(counts.captured);
        self.replayed.absolute(counts.replayed);
        self.dropped.absolute(counts.dropped);
        self.refused.absolute(counts.refused);
    }
}
