//! The process's own metrics, the durations of its start, and its flight recorder dumps.

use std::sync::Arc;
use std::time::Duration;

use metrics::with_local_recorder;
use metrics_exporter_prometheus::{
    Matcher, PrometheusBuilder, PrometheusHandle, PrometheusRecorder,
};

use super::buckets;
use crate::flight::DumpReason;
use crate::trace::SpanOutcome;

const SPANS: &str = "ropeway:trace_spans_total";
const DUMPS: &str = "ropeway:flight_recorder_dumps_total";

pub(super) struct ProcessMetrics {
    recorder: Arc<PrometheusRecorder>,
    handle: PrometheusHandle,
    collector: metrics_process::Collector,
}

impl ProcessMetrics {
    pub(super) fn new() -> Self {
        let duration = Matcher::Full(super::http::DURATION.to_owned());
        let recorder = PrometheusBuilder::new()
            .set_buckets_for_metric(duration, buckets::HTTP_DURATION)
            .expect("the bucket list is not empty")
            .build_recorder();
        let handle = recorder.handle();
        let collector = metrics_process::Collector::default();
        with_local_recorder(&recorder, || {
            collector.describe();
            metrics::describe_counter!(DUMPS, "Dumps of the flight recorder by what caused them.");
            for reason in DumpReason::ALL {
                metrics::counter!(DUMPS, "reason" => reason.as_str()).absolute(0);
            }
        });
        Self { recorder: Arc::new(recorder), handle, collector }
    }

    pub(super) fn recorder(&self) -> Arc<PrometheusRecorder> {
        self.recorder.clone()
    }

    pub(super) fn set_startup_seconds(&self, phase: &'static str, seconds: f64) {
        with_local_recorder(&*self.recorder, || {
            metrics::gauge!("ropeway:startup_seconds", "phase" => phase).set(seconds);
        });
    }

    pub(super) fn set_time_to_ready(&self, duration: Duration) {
        with_local_recorder(&*self.recorder, || {
            metrics::gauge!("ropeway:time_to_ready_seconds").set(duration.as_secs_f64());
        });
    }

    pub(super) fn count_dump(&self, reason: DumpReason) {
        with_local_recorder(&*self.recorder, || {
            metrics::counter!(DUMPS, "reason" => reason.as_str()).increment(1);
        });
    }

    pub(super) fn count_spans(&self, outcome: SpanOutcome, num_spans: usize) {
        with_local_recorder(&*self.recorder, || {
            metrics::counter!(SPANS, "outcome" => outcome.as_str()).increment(num_spans as u64);
        });
    }

    pub(super) fn run_upkeep(&self) {
        self.handle.run_upkeep();
    }

    pub(super) fn render(&self) -> String {
        with_local_recorder(&*self.recorder, || self.collector.collect());
        self.handle.render()
    }
}
