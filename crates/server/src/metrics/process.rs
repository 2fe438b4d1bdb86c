//! The process's own metrics and the durations of its start.

use std::sync::Arc;

use metrics::with_local_recorder;
use metrics_exporter_prometheus::{
    Matcher, PrometheusBuilder, PrometheusHandle, PrometheusRecorder,
};

use super::buckets;

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
        with_local_recorder(&recorder, || collector.describe());
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

    pub(super) fn run_upkeep(&self) {
        self.handle.run_upkeep();
    }

    pub(super) fn render(&self) -> String {
        with_local_recorder(&*self.recorder, || self.collector.collect());
        self.handle.render()
    }
}
