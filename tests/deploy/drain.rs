//! Rolling restarts under load lose no stream: what the manifests' grace period and rollout strategy
//! promise together with the server's grace and drain.
//!
//! Each restart goes as Kubernetes does it: SIGTERM, then the endpoint is taken out of the Service and
//! what was on its way arrives, for which the server's grace is there. Here the balancer knows when
//! that is, and a second SIGTERM ends the grace instead of a clock. Then the streams end, the process
//! exits with 0, and only then its successor starts (maxSurge 0).

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::balancer::Balancer;
use crate::server_process::{PATIENCE, ServerProcess, golden};

const MODEL: &str = "drained";
const NUM_CLIENTS: usize = 320;
const NUM_RESTARTS: usize = 20;
/// Streams that are open, summed over the moments of all SIGTERMs.
const NUM_IN_FLIGHT: usize = 2000;
/// Streams that each server gets after its first SIGTERM at the least.
const NUM_LATE: usize = 3;
const MAX_TOKENS: u64 = 160;

fn start() -> ServerProcess {
    let args = [
        "--served-model-name",
        MODEL,
        "--threads",
        "1",
        "--max-num-seqs",
        "256",
        "--shutdown-grace",
        "1h",
        "--shutdown-timeout",
        "120s",
    ];
    ServerProcess::ready(&golden("llama"), &args)
}

/// Polls until the condition holds.
async fn until(what: &str, condition: impl Fn() -> bool) {
    let deadline = Instant::now() + PATIENCE;
    while !condition() {
        assert!(Instant::now() < deadline, "never: {what}");
        tokio::time::sleep(Duration::from_millis(2)).await;
    }
}

/// One stream, held to be whole: status, number of tokens, reason, last line. Never tried again.
async fn stream(client: &reqwest::Client, url: &str, seed: usize) {
    let body = json!({
        "model": MODEL, "prompt": [1, 2, 3, 4 + seed % 50], "stream": true, "max_tokens": MAX_TOKENS,
        "ignore_eos": true, "seed": seed, "stream_options": {"include_usage": true},
    });
    let answer = client.post(url).json(&body).send().await.expect("the request arrives");
    assert_eq!(answer.status(), 200, "{:?}", answer.text().await);
    let text = answer.text().await.expect("the stream ends as HTTP says");
    let events: Vec<&str> = text.lines().filter_map(|line| line.strip_prefix("data: ")).collect();
    assert_eq!(events.last(), Some(&"[DONE]"), "the stream was cut off");
    let parsed =
        events[..events.len() - 1].iter().map(|event| serde_json::from_str::<Value>(event));
    let parsed: Vec<Value> = parsed.collect::<Result<_, _>>().expect("every event is JSON");
    let usage = &parsed.last().expect("there are events")["usage"]["completion_tokens"];
    assert_eq!(*usage, MAX_TOKENS);
    assert!(parsed.iter().any(|event| event["choices"][0]["finish_reason"] == "length"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_stream_is_lost_over_twenty_restarts() {
    let _ = rustls::crypto::ring::default_provider().install_default();
    let balancer = Balancer::start().await;
    let mut servers = vec![start(), start()];
    servers.iter().for_each(|server| balancer.add(server.address()));

    let done = Arc::new(AtomicBool::new(false));
    let url = balancer.url("/v1/completions");
    // A connection for each stream, as many clients would have.
    let client = reqwest::Client::builder().pool_max_idle_per_host(0).timeout(PATIENCE).build();
    let client = client.expect("a client");
    let clients: Vec<_> = (0..NUM_CLIENTS)
        .map(|number| {
            let (client, url, done) = (client.clone(), url.clone(), done.clone());
            tokio::spawn(async move {
                let mut num_streams = 0;
                while !done.load(Ordering::SeqCst) {
                    stream(&client, &url, number + num_streams * NUM_CLIENTS).await;
                    num_streams += 1;
                }
                num_streams
            })
        })
        .collect();

    let (mut num_restarts, mut num_in_flight) = (0, 0);
    while num_restarts < NUM_RESTARTS || num_in_flight < NUM_IN_FLIGHT {
        let mut server = servers.remove(0);
        let address = server.address().to_owned();
        let enough = NUM_IN_FLIGHT / NUM_RESTARTS;
        let has_failed = || clients.iter().any(tokio::task::JoinHandle::is_finished);
        until("the server is busy", || balancer.num_open(&address) >= enough || has_failed()).await;
        assert!(!has_failed(), "a stream was lost");
        server.signal("TERM");
        let enough_more = balancer.num_accepted(&address) + NUM_LATE;
        let takes_more = || balancer.num_accepted(&address) >= enough_more || has_failed();
        until("new streams begin after SIGTERM", takes_more).await;
        assert!(!has_failed(), "a stream was lost");
        balancer.remove(&address);
        until("what was on its way arrives", || balancer.num_unanswered(&address) == 0).await;
        num_in_flight += balancer.num_open(&address);
        server.signal("TERM");
        let code = tokio::task::spawn_blocking(move || server.exit_code()).await;
        assert_eq!(code.expect("it exits"), 0, "requests were cut off");
        let next = tokio::task::spawn_blocking(start).await.expect("it starts");
        balancer.add(next.address());
        servers.push(next);
        num_restarts += 1;
    }
    done.store(true, Ordering::SeqCst);
    let mut num_streams = 0;
    for client in clients {
        num_streams += client.await.expect("no stream was lost");
    }
    println!(
        "{num_restarts} restarts, {num_in_flight} streams in flight at SIGTERM, {num_streams} in all, none lost"
    );
}
