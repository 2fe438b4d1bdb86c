//! Names that vLLM's metrics had before: for dashboards, routers and scalers that still ask for them.
//! Off unless asked for, since every one repeats a metric under today's name.
//!
//! Kept are the names that production-stack and older boards query. Not kept, because what they
//! counted does not exist here: throughput averages (use `rate()`), `request_params_best_of`,
//! `model_forward_time_milliseconds`, `model_execute_time_milliseconds`.

use engine::SchedulerStats;
use metrics::{Counter, Gauge, Histogram};

/// The histogram's name behind `vllm:`; today `inter_token_latency_seconds`.
pub(super) const LEGACY_TOKEN_TIME: &str = "time_per_output_token_seconds";

/// Handles of the older names.
pub(super) struct LegacyMetrics {
    /// Today `kv_cache_usage_perc`.
    pub(super) cache_usage: Gauge,
    pub(super) token_time: Histogram,
    prefix_queries: Counter,
    prefix_hits: Counter,
    prefix_hit_rate: Gauge,
}

impl LegacyMetrics {
    /// Registers them in the current recorder.
    pub(super) fn new(labels: &[(&'static str, String); 2]) -> Self {
        // Nothing is ever swapped out to host memory: preempted sequences are computed again.
        metrics::gauge!("vllm:num_requests_swapped", labels).set(0.0);
        metrics::gauge!("vllm:cpu_cache_usage_perc", labels).set(0.0);
        Self {
            cache_usage: metrics::gauge!("vllm:gpu_cache_usage_perc", labels),
            token_time: metrics::histogram!(format!("vllm:{LEGACY_TOKEN_TIME}"), labels),
            prefix_queries: metrics::counter!("vllm:gpu_prefix_cache_queries_total", labels),
            prefix_hits: metrics::counter!("vllm:gpu_prefix_cache_hits_total", labels),
            prefix_hit_rate: metrics::gauge!("vllm:gpu_prefix_cache_hit_rate", labels),
        }
    }

    /// The prefix cache's counts since the start, and their ratio.
    pub(super) fn on_step(&self, stats: &SchedulerStats) {
        self.prefix_queries.absolute(stats.prefix_query_tokens);
        self.prefix_hits.absolute(stats.prefix_hit_tokens);
        let num_queries = stats.prefix_query_tokens.max(1);
        self.prefix_hit_rate.set(stats.prefix_hit_tokens as f64 / num_queries as f64);
    }
}
