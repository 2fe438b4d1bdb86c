//! `ropeway bench serve`: sends requests to a server over HTTP and reports how it did.
//!
//! Measures from the client's side, through the whole serving path. Two kinds of load: closed
//! (`--concurrency` clients that each wait for their answer) and open (`--request-rate`, Poisson
//! arrivals that wait for nobody, so that a slow server cannot slow its own test down).

mod load;
mod percentile;
mod prompts;
mod random;
mod report;
mod request;

use std::fs;
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

use anyhow::Context;
use clap::{Args, ValueEnum};
use indicatif::{ProgressBar, ProgressStyle};

use self::load::Load;
use self::prompts::PromptSource;
use self::report::Report;
use self::request::RequestKind;
use crate::client::{Client, ClientOptions};

/// Most requests of one run; each keeps its measurements until the end.
const MAX_NUM_PROMPTS: u64 = 100_000;
/// Longest prompt and answer, in tokens.
const MAX_LEN: i64 = 131_072;
/// Most clients of a closed load: one connection each.
const MAX_CONCURRENCY: u64 = 4_096;

/// What `ropeway bench serve` can be told.
#[derive(Args, Clone, Debug)]
pub(crate) struct BenchOptions {
    #[command(flatten)]
    client: ClientOptions,
    #[command(flatten)]
    workload: WorkloadOptions,
}

/// What is sent, how much of it, and when.
#[derive(Args, Clone, Debug)]
#[command(next_help_heading = "Workload")]
pub(crate) struct WorkloadOptions {
    /// Route to measure: `completions` takes random token ids, `chat` takes random words
    #[arg(long, value_enum, default_value_t = Endpoint::Completions)]
    endpoint: Endpoint,

    /// Requests that are measured
    #[arg(long, value_name = "N", default_value_t = 100,
          value_parser = clap::value_parser!(u64).range(1..=MAX_NUM_PROMPTS))]
    num_prompts: u64,

    /// Requests sent before, one after another, that are not measured
    #[arg(long, value_name = "N", default_value_t = 1,
          value_parser = clap::value_parser!(u64).range(0..=MAX_NUM_PROMPTS))]
    num_warmups: u64,

    /// Closed load: this many clients, each with one request at a time
    #[arg(long, value_name = "N", default_value_t = 1, conflicts_with = "request_rate",
          value_parser = clap::value_parser!(u64).range(1..=MAX_CONCURRENCY))]
    concurrency: u64,

    /// Open load: requests per second on average, at random (Poisson) times
    #[arg(long, value_name = "RATE", value_parser = parse_rate)]
    request_rate: Option<f64>,

    /// Tokens (or words, for chat) of each prompt
    #[arg(long, value_name = "N", default_value_t = 128,
          value_parser = clap::value_parser!(u32).range(1..=MAX_LEN))]
    input_len: u32,

    /// How many of them are the same in all prompts, to measure the prefix cache
    #[arg(long, value_name = "N", default_value_t = 0,
          value_parser = clap::value_parser!(u32).range(0..=MAX_LEN))]
    shared_prefix_len: u32,

    /// Tokens of each answer; end-of-sequence tokens are ignored
    #[arg(long, value_name = "N", default_value_t = 128,
          value_parser = clap::value_parser!(u32).range(1..=MAX_LEN))]
    output_len: u32,

    /// Sampling temperature
    #[arg(long, value_name = "T", default_value_t = 0.0)]
    temperature: f64,

    /// Seed of prompts and arrival times
    #[arg(long, value_name = "SEED", default_value_t = 0)]
    seed: u64,

    /// Longest time one request may take, in seconds
    #[arg(long, value_name = "SECONDS", default_value_t = 600,
          value_parser = clap::value_parser!(u64).range(1..=86_400))]
    timeout: u64,

    /// Also write the report to this file as JSON
    #[arg(long, value_name = "FILE")]
    json: Option<PathBuf>,
}

/// Which route is measured.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Endpoint {
    /// /v1/completions
    Completions,
    /// /v1/chat/completions
    Chat,
}

/// Runs the load and prints the report. Fails if no request was answered.
pub(crate) fn run(options: BenchOptions) -> anyhow::Result<ExitCode> {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .context("cannot start the network runtime")?;
    let report = runtime.block_on(measure(&options))?;
    print!("{}", report.table());
    if let Some(path) = &options.workload.json {
        let text = serde_json::to_string_pretty(&report).context("cannot write the report")?;
        fs::write(path, text + "\n").with_context(|| format!("cannot write {}", path.display()))?;
    }
    Ok(if report.num_completed() == 0 { ExitCode::FAILURE } else { ExitCode::SUCCESS })
}

async fn measure(options: &BenchOptions) -> anyhow::Result<Report> {
    let workload = &options.workload;
    let client = Client::new(&options.client, Some(Duration::from_secs(workload.timeout)))?;
    let model = match &options.client.model {
        Some(model) => model.clone(),
        None => client.first_model().await?,
    };
    let prompts = PromptSource::new(&client, &model, workload).await?;
    let kind = RequestKind::new(client, model.clone(), workload);

    for warmup_idx in 0..workload.num_warmups {
        let prompt = prompts.prompt(prompts::WARMUP_STREAM, warmup_idx);
        kind.send(prompt).await.context("a warm-up request failed")?;
    }
    let load = Load::new(workload);
    let bar = progress_bar(workload.num_prompts);
    let result = load::run(&load, workload, &kind, &prompts, &bar).await;
    bar.finish_and_clear();
    Ok(Report::new(model, &load, workload, &result))
}

/// Shows progress on a terminal and nothing elsewhere.
fn progress_bar(num_prompts: u64) -> ProgressBar {
    let style = ProgressStyle::with_template("{bar:40} {pos}/{len} requests, {elapsed} so far")
        .expect("the template is valid");
    ProgressBar::new(num_prompts).with_style(style)
}

fn parse_rate(text: &str) -> Result<f64, String> {
    match text.parse::<f64>() {
        Ok(rate) if rate.is_finite() && rate > 0.0 => Ok(rate),
        _ => Err("expected requests per second, above 0".to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::*;
    use crate::client::fake_server::FakeServer;

    #[derive(Parser)]
    struct Line {
        #[command(flatten)]
        bench: BenchOptions,
    }

    fn measure_with(server: &FakeServer, words: &[&str]) -> anyhow::Result<Report> {
        let _client = server.client();
        let server_words = ["bench", "--url", &server.url, "--api-key", "secret"];
        let options = Line::try_parse_from(server_words.iter().chain(words))?.bench;
        server.runtime.block_on(measure(&options))
    }

    #[test]
    fn a_closed_load_sends_every_request_once() {
        let server = FakeServer::start();
        let words =
            ["--num-prompts", "9", "--concurrency", "4", "--input-len", "5", "--output-len", "3"];
        let report = measure_with(&server, &words).unwrap();
        assert_eq!(report.num_completed(), 9);
        let mut prompts: Vec<_> =
            server.bodies.lock().unwrap().iter().map(|body| body["prompt"].to_string()).collect();
        assert_eq!(prompts.len(), 10, "nine and a warm-up");
        prompts.sort();
        prompts.dedup();
        assert!(prompts.len() > 5, "prompts differ: {prompts:?}");
        let bodies = server.bodies.lock().unwrap();
        assert_eq!(bodies[0]["prompt"].as_array().unwrap().len(), 5);
        assert_eq!((&bodies[0]["max_tokens"], &bodies[0]["model"]), (&3.into(), &"tiny".into()));
        let text = serde_json::to_value(&report).unwrap();
        assert_eq!(text["num_output_tokens"], 27);
        assert_eq!(text["inter_token_latency"]["num"], 18);
    }

    #[test]
    fn an_open_load_sends_every_request_once() {
        let server = FakeServer::start();
        let words = ["--num-prompts", "5", "--request-rate", "1e6", "--endpoint", "chat"];
        let report = measure_with(&server, &words).unwrap();
        assert_eq!(report.num_completed(), 5);
        let bodies = server.bodies.lock().unwrap();
        assert!(bodies[0]["messages"][0]["content"].is_string());
    }

    #[test]
    fn limits_of_the_options() {
        for words in [
            ["--num-prompts", "0"],
            ["--num-prompts", "100001"],
            ["--concurrency", "4097"],
            ["--input-len", "0"],
            ["--output-len", "131073"],
            ["--request-rate", "0"],
            ["--request-rate", "inf"],
            ["--timeout", "0"],
        ] {
            assert!(Line::try_parse_from(["bench"].iter().chain(&words)).is_err(), "{words:?}");
        }
        let both = ["bench", "--concurrency", "2", "--request-rate", "3"];
        assert!(Line::try_parse_from(both).is_err());
    }
}
