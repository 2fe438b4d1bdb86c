//! When requests are sent: closed and open load.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use indicatif::ProgressBar;
use tokio::task::JoinSet;
use tokio::time::Instant;

use super::WorkloadOptions;
use super::prompts::{MEASURED_STREAM, Prompt, PromptSource};
use super::random::Random;
use super::request::{Measurement, RequestKind};
use crate::client::ClientError;

/// Purpose of the random stream that arrival times come from.
const ARRIVAL_STREAM: u64 = 4;

/// How requests arrive.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Load {
    /// Clients that each wait for their answer before they ask again.
    Closed {
        /// Number of clients.
        concurrency: u64,
    },
    /// Poisson arrivals, whatever the server does.
    Open {
        /// Requests per second.
        rate: f64,
    },
}

/// What came of a run.
pub(super) struct LoadResult {
    /// One for each request, in the order in which they ended.
    pub(super) outcomes: Vec<Result<Measurement, ClientError>>,
    /// From the first request to the last end.
    pub(super) duration: Duration,
}

impl Load {
    /// The load that `workload` asks for.
    pub(super) fn new(workload: &WorkloadOptions) -> Self {
        match workload.request_rate {
            Some(rate) => Self::Open { rate },
            None => Self::Closed { concurrency: workload.concurrency },
        }
    }
}

/// Sends the measured requests of `workload`.
pub(super) async fn run(
    load: &Load,
    workload: &WorkloadOptions,
    kind: &RequestKind,
    prompts: &PromptSource,
    bar: &ProgressBar,
) -> LoadResult {
    let prompts: Vec<Prompt> =
        (0..workload.num_prompts).map(|idx| prompts.prompt(MEASURED_STREAM, idx)).collect();
    let started = Instant::now();
    let outcomes = match *load {
        Load::Closed { concurrency } => closed(concurrency, kind, prompts, bar).await,
        Load::Open { rate } => {
            let times = arrival_times(workload.seed, rate, prompts.len());
            open(times, kind, prompts, bar).await
        }
    };
    LoadResult { outcomes, duration: started.elapsed() }
}

async fn closed(
    concurrency: u64,
    kind: &RequestKind,
    prompts: Vec<Prompt>,
    bar: &ProgressBar,
) -> Vec<Result<Measurement, ClientError>> {
    let prompts = Arc::new(prompts);
    let next_idx = Arc::new(AtomicU64::new(0));
    let mut clients = JoinSet::new();
    for _ in 0..concurrency {
        let (kind, bar) = (kind.clone(), bar.clone());
        let (prompts, next_idx) = (Arc::clone(&prompts), Arc::clone(&next_idx));
        clients.spawn(async move {
            let mut outcomes = Vec::new();
            // Relaxed: the counter only hands out each index once.
            while let Some(prompt) = prompts.get(next_idx.fetch_add(1, Ordering::Relaxed) as usize)
            {
                outcomes.push(kind.send(prompt.clone()).await);
                bar.inc(1);
            }
            outcomes
        });
    }
    clients.join_all().await.into_iter().flatten().collect()
}

async fn open(
    times: Vec<Duration>,
    kind: &RequestKind,
    prompts: Vec<Prompt>,
    bar: &ProgressBar,
) -> Vec<Result<Measurement, ClientError>> {
    let started = Instant::now();
    let mut requests = JoinSet::new();
    for (prompt, time) in prompts.into_iter().zip(times) {
        tokio::time::sleep_until(started + time).await;
        let (kind, bar) = (kind.clone(), bar.clone());
        requests.spawn(async move {
            let outcome = kind.send(prompt).await;
            bar.inc(1);
            outcome
        });
    }
    requests.join_all().await
}

/// `num` arrival times of a Poisson process: gaps are exponential, the first arrival is at 0.
fn arrival_times(seed: u64, rate: f64, num: usize) -> Vec<Duration> {
    /// Nobody waits longer for one arrival; also keeps the sum inside what a clock can hold.
    const MAX_GAP_SECONDS: f64 = 3_600.0;
    let mut random = Random::new(seed, ARRIVAL_STREAM, 0);
    let mut now = 0.0;
    (0..num)
        .map(|_| {
            let time = Duration::from_secs_f64(now);
            now += random.exponential(1.0 / rate).min(MAX_GAP_SECONDS);
            time
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn arrivals_have_the_rate_and_the_spread_of_poisson() {
        let times = arrival_times(3, 20.0, 20_001);
        assert_eq!(times[0], Duration::ZERO);
        assert!(times.is_sorted());
        let gaps: Vec<f64> =
            times.windows(2).map(|pair| (pair[1] - pair[0]).as_secs_f64()).collect();
        let mean = gaps.iter().sum::<f64>() / gaps.len() as f64;
        assert!((mean - 0.05).abs() < 0.0015, "{mean}");
        // An exponential's deviation equals its mean.
        let variance = gaps.iter().map(|gap| (gap - mean).powi(2)).sum::<f64>() / gaps.len() as f64;
        assert!((variance.sqrt() / mean - 1.0).abs() < 0.03, "{}", variance.sqrt());
        assert_eq!(times, arrival_times(3, 20.0, 20_001));
        assert_ne!(times[1], arrival_times(4, 20.0, 2)[1]);
    }

    #[test]
    fn the_slowest_rate_still_fits_a_clock() {
        let times = arrival_times(0, f64::MIN_POSITIVE, 100);
        assert!(times[99] <= Duration::from_secs(99 * 3_600));
    }
}
