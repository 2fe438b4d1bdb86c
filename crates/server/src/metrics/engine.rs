//! vLLM's engine metrics: fed by the engine's observer, by finished choices and, for gauges, at
//! each scrape.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use engine::{EngineLoad, EngineObserver, KvEvents, RequestStats, StepReport, TokenTiming};
use metrics::{Counter, Gauge, Histogram, with_local_recorder};
use metrics_exporter_prometheus::{
    Matcher, PrometheusBuilder, PrometheusHandle, PrometheusRecorder,
};
use types::FinishReason;

use super::legacy::{LEGACY_TOKEN_TIME, LegacyMetrics};
use super::steps::StepCounters;
use super::{MetricsLabels, buckets};
use crate::kv_events::KvPublisher;
use crate::served_model::ServedModel;

/// Queue wait at which the `ropeway:saturation` gauge reaches 1.
const SATURATED_QUEUE_WAIT: Duration = Duration::from_secs(5);
/// Weight of the newest request in the moving average of service times: 1 / 2^this.
const SERVICE_TIME_SHIFT: u32 = 3;

/// How a choice ended, as `request_success` labels it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum RequestOutcome {
    Stop,
    Length,
    Abort,
    Error,
}

/// Handles are made once; recording touches atomics only.
pub(crate) struct EngineMetrics {
    recorder: PrometheusRecorder,
    handle: PrometheusHandle,
    gauges: Gauges,
    counters: Counters,
    steps: StepCounters,
    histograms: Histograms,
    /// Present if older names are asked for.
    legacy: Option<LegacyMetrics>,
    /// Moving average of the time from admission to end, in microseconds; 0 before the first.
    service_time_us: AtomicU64,
}

struct Gauges {
    running: Gauge,
    waiting: Gauge,
    waiting_capacity: Gauge,
    kv_usage: Gauge,
    saturation: Gauge,
}

struct Counters {
    prompt_tokens: Counter,
    prompt_tokens_cached: Counter,
    generation_tokens: Counter,
    preemptions: Counter,
    recomputed_tokens: Counter,
    prefix_queries: Counter,
    prefix_hits: Counter,
    rejections: Counter,
    /// By [`RequestOutcome`].
    finished: [Counter; 4],
}

struct Histograms {
    ttft: Histogram,
    itl: Histogram,
    tpot: Histogram,
    e2e: Histogram,
    queue: Histogram,
    inference: Histogram,
    prefill: Histogram,
    decode: Histogram,
    prompt_tokens: Histogram,
    generation_tokens: Histogram,
    max_generation_tokens: Histogram,
    params_max_tokens: Histogram,
    prefill_computed: Histogram,
    params_n: Histogram,
    preemptions: Histogram,
    iteration_tokens: Histogram,
}

impl EngineMetrics {
    pub(crate) fn new(labels: &MetricsLabels, with_legacy_names: bool) -> Self {
        let recorder = recorder(labels.max_model_len);
        let handle = recorder.handle();
        let model = labels.model_name.as_str();
        let (gauges, counters, histograms) =
            with_local_recorder(&recorder, || (gauges(model), counters(model), histograms(model)));
        let steps = with_local_recorder(&recorder, || StepCounters::new(&self::labels(model)));
        let legacy = with_legacy_names
            .then(|| with_local_recorder(&recorder, || LegacyMetrics::new(&self::labels(model))));
        let service_time_us = AtomicU64::new(0);
        Self { recorder, handle, gauges, counters, steps, histograms, legacy, service_time_us }
    }

    /// The observer that feeds these metrics from the dispatcher's thread.
    pub(crate) fn observer(
        self: &Arc<Self>,
        kv_events: Option<KvPublisher>,
    ) -> Box<dyn EngineObserver> {
        Box::new(Observer { metrics: self.clone(), kv_events })
    }

    /// Facts of the loaded model that never change.
    pub(crate) fn set_model(&self, model: &ServedModel) {
        let limits = model.engine.limits();
        let mut labels = vec![
            ("engine".to_owned(), "0".to_owned()),
            ("block_size".to_owned(), limits.block_size.to_string()),
            ("num_gpu_blocks".to_owned(), limits.num_blocks.to_string()),
        ];
        labels.extend(model.cache_labels.iter().cloned());
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        with_local_recorder(&self.recorder, || {
            metrics::gauge!("vllm:cache_config_info", &labels).set(1.0);
            metrics::gauge!(
                "vllm:lora_requests_info",
                "max_lora" => "0", "waiting_lora_adapters" => "", "running_lora_adapters" => ""
            )
            .set(now.as_secs_f64());
        });
    }

    /// Brings the gauges up to date.
    pub(super) fn set_load(&self, load: EngineLoad, max_num_seqs: usize) {
        self.gauges.running.set(load.num_running as f64);
        self.gauges.waiting.set(load.num_waiting as f64);
        self.gauges.waiting_capacity.set(load.num_waiting as f64);
        self.gauges.kv_usage.set(f64::from(load.kv_usage));
        self.gauges.saturation.set(self.saturation(load, max_num_seqs));
        if let Some(legacy) = &self.legacy {
            legacy.cache_usage.set(f64::from(load.kv_usage));
        }
    }

    /// How full the server is, `0..=1`: the larger of the expected queue wait as a share of
    /// [`SATURATED_QUEUE_WAIT`] and the share of KV blocks in use.
    pub(crate) fn saturation(&self, load: EngineLoad, max_num_seqs: usize) -> f64 {
        let wait = self.expected_queue_wait(load, max_num_seqs);
        let pressure = wait.as_secs_f64() / SATURATED_QUEUE_WAIT.as_secs_f64();
        pressure.min(1.0).max(f64::from(load.kv_usage))
    }

    /// How long a request that came now would wait for admission.
    pub(crate) fn expected_queue_wait(&self, load: EngineLoad, max_num_seqs: usize) -> Duration {
        let service = Duration::from_micros(self.service_time_us.load(Ordering::Relaxed));
        service.mul_f64(load.num_waiting as f64 / max_num_seqs.max(1) as f64)
    }

    /// A request was handed to the engine.
    pub(crate) fn on_submit(&self, n: u32, max_tokens: u32) {
        self.histograms.params_n.record(f64::from(n));
        self.histograms.params_max_tokens.record(f64::from(max_tokens));
    }

    /// A request was refused because the queue is full.
    pub(crate) fn on_rejection(&self) {
        self.counters.rejections.increment(1);
    }

    /// A choice ended, as its client sees it.
    pub(crate) fn on_outcome(&self, outcome: RequestOutcome) {
        self.counters.finished[outcome as usize].increment(1);
    }

    pub(super) fn run_upkeep(&self) {
        self.handle.run_upkeep();
    }

    pub(super) fn render(&self) -> String {
        self.handle.render()
    }

    fn note_service_time(&self, stats: &RequestStats) {
        let newest = (stats.prefill_time + stats.decode_time).as_micros() as u64;
        let update = |average: u64| {
            let step = (newest as i64 - average as i64) >> SERVICE_TIME_SHIFT;
            Some(if average == 0 { newest } else { average.saturating_add_signed(step) })
        };
        // The closure always answers `Some`.
        let _ = self.service_time_us.fetch_update(Ordering::Relaxed, Ordering::Relaxed, update);
    }
}

struct Observer {
    metrics: Arc<EngineMetrics>,
    kv_events: Option<KvPublisher>,
}

impl EngineObserver for Observer {
    fn on_step(&mut self, report: &StepReport) {
        let counters = &self.metrics.counters;
        counters.preemptions.absolute(report.scheduler.num_preemptions);
        counters.recomputed_tokens.absolute(report.scheduler.recomputed_tokens);
        counters.prefix_queries.absolute(report.scheduler.prefix_query_tokens);
        counters.prefix_hits.absolute(report.scheduler.prefix_hit_tokens);
        self.metrics.steps.set(report.step_counts);
        self.metrics.histograms.iteration_tokens.record(report.num_tokens as f64);
        if let Some(legacy) = &self.metrics.legacy {
            legacy.on_step(&report.scheduler);
        }
    }

    fn on_token(&mut self, timing: TokenTiming) {
        self.metrics.counters.generation_tokens.increment(1);
        match timing {
            TokenTiming::First { ttft, num_prompt_tokens, num_cached_tokens, .. } => {
                self.metrics.counters.prompt_tokens.increment(u64::from(num_prompt_tokens));
                self.metrics.counters.prompt_tokens_cached.increment(u64::from(num_cached_tokens));
                self.metrics.histograms.ttft.record(ttft.as_secs_f64());
            }
            TokenTiming::Next { itl } => {
                self.metrics.histograms.itl.record(itl.as_secs_f64());
                if let Some(legacy) = &self.metrics.legacy {
                    legacy.token_time.record(itl.as_secs_f64());
                }
            }
        }
    }

    fn on_finish(&mut self, _: &FinishReason, stats: &RequestStats) {
        let histograms = &self.metrics.histograms;
        let num_output = f64::from(stats.num_output_tokens);
        let num_computed = stats.num_prompt_tokens.saturating_sub(stats.num_cached_tokens);
        if stats.num_output_tokens > 0 {
            self.metrics.note_service_time(stats);
        }
        if stats.num_output_tokens > 1 {
            histograms.tpot.record(stats.decode_time.as_secs_f64() / (num_output - 1.0));
        }
        histograms.e2e.record(stats.e2e_time.as_secs_f64());
        histograms.queue.record(stats.queue_time.as_secs_f64());
        histograms.inference.record((stats.prefill_time + stats.decode_time).as_secs_f64());
        histograms.prefill.record(stats.prefill_time.as_secs_f64());
        histograms.decode.record(stats.decode_time.as_secs_f64());
        histograms.prompt_tokens.record(f64::from(stats.num_prompt_tokens));
        histograms.generation_tokens.record(num_output);
        histograms.max_generation_tokens.record(num_output);
        histograms.prefill_computed.record(f64::from(num_computed));
        histograms.preemptions.record(f64::from(stats.num_preemptions));
    }

    fn wants_kv_events(&self) -> bool {
        self.kv_events.is_some()
    }

    fn on_kv_events(&mut self, events: &KvEvents) {
        if let Some(publisher) = &self.kv_events {
            publisher.on_events(events);
        }
    }
}

fn recorder(max_model_len: usize) -> PrometheusRecorder {
    let token_counts = buckets::one_two_five(max_model_len);
    let buckets_of: [(&str, &[f64]); 17] = [
        (LEGACY_TOKEN_TIME, buckets::INTER_TOKEN_LATENCY),
        ("time_to_first_token_seconds", buckets::TIME_TO_FIRST_TOKEN),
        ("inter_token_latency_seconds", buckets::INTER_TOKEN_LATENCY),
        ("request_time_per_output_token_seconds", buckets::INTER_TOKEN_LATENCY),
        ("e2e_request_latency_seconds", buckets::REQUEST_LATENCY),
        ("request_queue_time_seconds", buckets::REQUEST_LATENCY),
        ("request_inference_time_seconds", buckets::REQUEST_LATENCY),
        ("request_prefill_time_seconds", buckets::REQUEST_LATENCY),
        ("request_decode_time_seconds", buckets::REQUEST_LATENCY),
        ("request_prompt_tokens", &token_counts),
        ("request_generation_tokens", &token_counts),
        ("request_max_num_generation_tokens", &token_counts),
        ("request_params_max_tokens", &token_counts),
        ("request_prefill_kv_computed_tokens", &token_counts),
        ("request_params_n", buckets::PARAMS_N),
        ("request_num_preemptions", buckets::PREEMPTIONS),
        ("iteration_tokens_total", buckets::ITERATION_TOKENS),
    ];
    buckets_of
        .iter()
        .try_fold(PrometheusBuilder::new(), |builder, (name, buckets)| {
            builder.set_buckets_for_metric(Matcher::Full(format!("vllm:{name}")), buckets)
        })
        .expect("no bucket list is empty")
        .build_recorder()
}

fn labels(model: &str) -> [(&'static str, String); 2] {
    [("model_name", model.to_owned()), ("engine", "0".to_owned())]
}

fn gauges(model: &str) -> Gauges {
    let gauge = |name: &'static str| metrics::gauge!(name, &labels(model));
    let by_reason = |reason: &'static str| {
        let [model, engine] = labels(model);
        let labels = [model, engine, ("reason", reason.to_owned())];
        metrics::gauge!("vllm:num_requests_waiting_by_reason", &labels)
    };
    by_reason("deferred").set(0.0);
    Gauges {
        running: gauge("vllm:num_requests_running"),
        waiting: gauge("vllm:num_requests_waiting"),
        waiting_capacity: by_reason("capacity"),
        kv_usage: gauge("vllm:kv_cache_usage_perc"),
        saturation: gauge("ropeway:saturation"),
    }
}

fn counters(model: &str) -> Counters {
    let counter = |name: &'static str| metrics::counter!(name, &labels(model));
    let finished = |reason: &'static str| {
        let [model, engine] = labels(model);
        let labels = [model, engine, ("finished_reason", reason.to_owned())];
        metrics::counter!("vllm:request_success_total", &labels)
    };
    Counters {
        prompt_tokens: counter("vllm:prompt_tokens_total"),
        prompt_tokens_cached: counter("vllm:prompt_tokens_cached_total"),
        generation_tokens: counter("vllm:generation_tokens_total"),
        preemptions: counter("vllm:num_preemptions_total"),
        recomputed_tokens: counter("ropeway:recomputed_tokens_total"),
        prefix_queries: counter("vllm:prefix_cache_queries_total"),
        prefix_hits: counter("vllm:prefix_cache_hits_total"),
        rejections: metrics::counter!(
            "vllm:admission_rejections_total",
            "model_name" => model.to_owned(), "reason" => "max_num_queued_reqs"
        ),
        // In the order of `RequestOutcome`.
        finished: ["stop", "length", "abort", "error"].map(finished),
    }
}

fn histograms(model: &str) -> Histograms {
    let histogram = |name: &'static str| metrics::histogram!(name, &labels(model));
    Histograms {
        ttft: histogram("vllm:time_to_first_token_seconds"),
        itl: histogram("vllm:inter_token_latency_seconds"),
        tpot: histogram("vllm:request_time_per_output_token_seconds"),
        e2e: histogram("vllm:e2e_request_latency_seconds"),
        queue: histogram("vllm:request_queue_time_seconds"),
        inference: histogram("vllm:request_inference_time_seconds"),
        prefill: histogram("vllm:request_prefill_time_seconds"),
        decode: histogram("vllm:request_decode_time_seconds"),
        prompt_tokens: histogram("vllm:request_prompt_tokens"),
        generation_tokens: histogram("vllm:request_generation_tokens"),
        max_generation_tokens: histogram("vllm:request_max_num_generation_tokens"),
        params_max_tokens: histogram("vllm:request_params_max_tokens"),
        prefill_computed: histogram("vllm:request_prefill_kv_computed_tokens"),
        params_n: histogram("vllm:request_params_n"),
        preemptions: histogram("vllm:request_num_preemptions"),
        iteration_tokens: histogram("vllm:iteration_tokens_total"),
    }
}
