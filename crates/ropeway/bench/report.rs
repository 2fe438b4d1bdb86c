//! The figures of a run, as a table and as JSON.

use std::collections::BTreeMap;
use std::fmt::Write;

use serde::Serialize;

use super::load::{Load, LoadResult};
use super::percentile::Summary;
use super::request::Measurement;
use super::{Endpoint, WorkloadOptions};

/// Distinct error messages kept; the rest are counted together.
const MAX_ERROR_KINDS: usize = 20;

/// A run's conditions and results. Times are in milliseconds, rates per second.
#[derive(Debug, Serialize)]
pub(super) struct Report {
    ropeway_version: &'static str,
    model: String,
    endpoint: &'static str,
    load: String,
    num_prompts: u64,
    input_len: u32,
    shared_prefix_len: u32,
    output_len: u32,
    temperature: f64,
    seed: u64,

    duration_seconds: f64,
    num_completed: usize,
    num_failed: usize,
    errors: BTreeMap<String, usize>,
    num_input_tokens: u64,
    num_output_tokens: u64,
    requests_per_second: f64,
    output_tokens_per_second: f64,
    total_tokens_per_second: f64,
    ttft: Option<Summary>,
    inter_token_latency: Option<Summary>,
    time_per_output_token: Option<Summary>,
    end_to_end: Option<Summary>,
}

impl Report {
    /// Sums up what came of `workload`.
    pub(super) fn new(
        model: String,
        load: &Load,
        workload: &WorkloadOptions,
        result: &LoadResult,
    ) -> Self {
        let done: Vec<&Measurement> =
            result.outcomes.iter().filter_map(|outcome| outcome.as_ref().ok()).collect();
        let seconds = result.duration.as_secs_f64().max(f64::MIN_POSITIVE);
        let num_input_tokens: u64 = done.iter().map(|m| m.num_input_tokens).sum();
        let num_output_tokens: u64 = done.iter().map(|m| m.num_output_tokens).sum();
        let all = |value: fn(&Measurement) -> f64| {
            Summary::new(done.iter().map(|measurement| value(measurement)).collect())
        };
        Self {
            ropeway_version: env!("CARGO_PKG_VERSION"),
            model,
            endpoint: match workload.endpoint {
                Endpoint::Completions => "/v1/completions",
                Endpoint::Chat => "/v1/chat/completions",
            },
            load: match load {
                Load::Closed { concurrency } => format!("closed, {concurrency} clients"),
                Load::Open { rate } => format!("open, {rate} requests/s"),
            },
            num_prompts: workload.num_prompts,
            input_len: workload.input_len,
            shared_prefix_len: workload.shared_prefix_len,
            output_len: workload.output_len,
            temperature: workload.temperature,
            seed: workload.seed,
            duration_seconds: seconds,
            num_completed: done.len(),
            num_failed: result.outcomes.len() - done.len(),
            errors: count_errors(result),
            num_input_tokens,
            num_output_tokens,
            requests_per_second: done.len() as f64 / seconds,
            output_tokens_per_second: num_output_tokens as f64 / seconds,
            total_tokens_per_second: (num_input_tokens + num_output_tokens) as f64 / seconds,
            ttft: all(|m| m.ttft),
            inter_token_latency: Summary::new(
                done.iter().flat_map(|m| m.inter_token.iter().copied()).collect(),
            ),
            time_per_output_token: Summary::new(
                done.iter().filter_map(|m| m.time_per_output_token()).collect(),
            ),
            end_to_end: all(|m| m.end_to_end),
        }
    }

    /// Requests that were answered in full.
    pub(super) fn num_completed(&self) -> usize {
        self.num_completed
    }

    /// The report for people.
    pub(super) fn table(&self) -> String {
        let mut text = format!(
            "{} over {}, {} load\n\
             {} requests of {} + {} tokens: {} completed, {} failed in {:.2} s\n\n",
            self.model,
            self.endpoint,
            self.load,
            self.num_prompts,
            self.input_len,
            self.output_len,
            self.num_completed,
            self.num_failed,
            self.duration_seconds,
        );
        for (name, value) in [
            ("requests/s", self.requests_per_second),
            ("output tok/s", self.output_tokens_per_second),
            ("total tok/s", self.total_tokens_per_second),
        ] {
            let _infallible = writeln!(text, "{name:<14}{value:>10.2}");
        }
        let _infallible = writeln!(
            text,
            "\n{:<14}{:>10}{:>10}{:>10}{:>10}{:>10}",
            "ms", "mean", "p50", "p90", "p99", "max"
        );
        for (name, summary) in [
            ("TTFT", &self.ttft),
            ("ITL", &self.inter_token_latency),
            ("TPOT", &self.time_per_output_token),
            ("end to end", &self.end_to_end),
        ] {
            text.push_str(&row(name, summary.as_ref()));
        }
        for (message, num) in &self.errors {
            let _infallible = writeln!(text, "{num} x {message}");
        }
        text
    }
}

fn row(name: &str, summary: Option<&Summary>) -> String {
    match summary {
        Some(s) => format!(
            "{name:<14}{:>10.2}{:>10.2}{:>10.2}{:>10.2}{:>10.2}\n",
            s.mean_ms, s.p50_ms, s.p90_ms, s.p99_ms, s.max_ms
        ),
        None => format!("{name:<14}{:>10}\n", "-"),
    }
}

fn count_errors(result: &LoadResult) -> BTreeMap<String, usize> {
    let mut errors = BTreeMap::new();
    for error in result.outcomes.iter().filter_map(|outcome| outcome.as_ref().err()) {
        let mut message = error.to_string();
        if errors.len() >= MAX_ERROR_KINDS && !errors.contains_key(&message) {
            message = "other errors".to_owned();
        }
        *errors.entry(message).or_insert(0) += 1;
    }
    errors
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use clap::Parser;

    use super::*;
    use crate::client::ClientError;

    #[derive(Parser)]
    struct Line {
        #[command(flatten)]
        workload: WorkloadOptions,
    }

    fn report() -> Report {
        let workload =
            Line::parse_from(["bench", "--num-prompts", "3", "--concurrency", "2"]).workload;
        let measurement = |scale: f64| Measurement {
            ttft: 0.1 * scale,
            inter_token: vec![0.01 * scale, 0.02 * scale],
            end_to_end: 0.13 * scale,
            num_input_tokens: 128,
            num_output_tokens: 3,
        };
        let result = LoadResult {
            outcomes: vec![
                Ok(measurement(1.0)),
                Err(ClientError::Protocol("the stream has no usage".into())),
                Ok(measurement(2.0)),
            ],
            duration: Duration::from_millis(500),
        };
        Report::new("tiny".into(), &Load::new(&workload), &workload, &result)
    }

    #[test]
    fn table() {
        insta::assert_snapshot!(report().table());
    }

    #[test]
    fn json() {
        insta::assert_snapshot!(serde_json::to_string_pretty(&report()).unwrap());
    }

    #[test]
    fn errors_beyond_the_limit_are_counted_together() {
        let outcomes =
            (0..50).map(|idx| Err(ClientError::Protocol(format!("error {idx}")))).collect();
        let errors = count_errors(&LoadResult { outcomes, duration: Duration::ZERO });
        assert_eq!(errors.len(), MAX_ERROR_KINDS + 1);
        assert_eq!(errors["other errors"], 50 - MAX_ERROR_KINDS);
    }
}
