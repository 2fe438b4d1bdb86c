//! Running one step ahead with a real model: every request gets the same tokens as with one step at
//! a time, on the CPU under a tight cache and on the emulated MI300X (no hardware takes part).
#![allow(clippy::unwrap_used, reason = "a failed test says where")]

mod emulator;
mod local_model;
mod server_process;

use std::sync::Arc;
use std::sync::atomic::Ordering;

use backend::KvDType;
use emulator::hip_library;
use engine::{EngineHandle, Executor};
use hip::{HipConfig, HipDevice};
use local_model::ahead::{Counted, Counts, RunAhead};
use local_model::{Silent, Sizes, engine_config, executor_on, greedy};
use server_process::golden;
use types::{EngineRequest, FinishReason, SamplingParams, TokenId};

/// Tokens and end of one request, and how often it was preempted.
type Output = (Vec<TokenId>, FinishReason, u32);

fn prompt(seed: u32, len: u32) -> Vec<TokenId> {
    (0..len).map(|i| 3 + (i * seed) % 300).collect()
}

/// Random requests whose penalties read the slot's state, and greedy ones.
fn requests(num: u32, max_tokens: u32) -> Vec<EngineRequest> {
    let request = |index: u32| {
        let sampling = SamplingParams {
            temperature: 0.9,
            presence_penalty: 0.6,
            frequency_penalty: 0.4,
            repetition_penalty: 1.2,
            seed: u64::from(index),
            ..SamplingParams::greedy()
        };
        let mut request = greedy(&prompt(5 + index, 3 + 11 * (index % 4)), max_tokens - index % 5);
        if !index.is_multiple_of(3) {
            request.sampling = sampling.into();
        }
        request
    };
    (0..num).map(request).collect()
}

fn start(
    executor: impl Executor + 'static,
    max_in_flight: usize,
    sizes: Sizes,
) -> (EngineHandle, Arc<Counts>) {
    let counted = Counted::new(executor, max_in_flight);
    let counts = counted.counts.clone();
    let engine = engine::start(Box::new(counted), engine_config(sizes), Box::new(Silent));
    (engine.unwrap(), counts)
}

/// All requests at once.
async fn outputs(engine: &EngineHandle, requests: Vec<EngineRequest>) -> Vec<Output> {
    let mut streams = engine.submit(requests).unwrap();
    let mut outputs = Vec::new();
    for stream in &mut streams {
        let mut tokens = Vec::new();
        let (reason, stats) = loop {
            let event = stream.next().await.expect("the stream ends with a finish");
            tokens.extend(event.token.map(|sampled| sampled.token));
            if let Some(end) = event.finish {
                break end;
            }
        };
        outputs.push((tokens, reason, stats.num_preemptions));
    }
    outputs
}

/// Lets every third request stop at a token that it is known to sample in the middle.
fn with_stops(mut requests: Vec<EngineRequest>, known: &[Output]) -> Vec<EngineRequest> {
    for (request, (tokens, ..)) in requests.iter_mut().zip(known).step_by(3) {
        request.stop.stop_token_ids = vec![tokens[tokens.len() / 2]];
    }
    requests
}

fn tokens_and_ends(outputs: &[Output]) -> Vec<(&[TokenId], &FinishReason)> {
    outputs.iter().map(|(tokens, reason, _)| (&tokens[..], reason)).collect()
}

#[tokio::test]
async fn the_same_tokens_ahead_with_stops_penalties_and_preemptions() {
    // Ten sequences of up to 7 blocks in 24.
    let sizes = Sizes {
        max_num_seqs: 8,
        max_num_batched_tokens: 48,
        num_blocks: 24,
        max_model_len: 112,
        prefix_caching: true,
        ..Sizes::default()
    };
    let executor = || local_model::executor(&golden("llama"), sizes);
    let (engine, counts) = start(executor(), 1, sizes);
    let unstopped = outputs(&engine, requests(10, 70)).await;
    let requests = with_stops(requests(10, 70), &unstopped);
    let expected = outputs(&engine, requests.clone()).await;
    let num_stopped = expected.iter().filter(|out| matches!(out.1, FinishReason::Stop(_))).count();
    assert_eq!(num_stopped, 4);
    assert_eq!(counts.num_deferred.load(Ordering::Relaxed), 0);

    let (engine, counts) = start(RunAhead::new(executor()), 2, sizes);
    let ahead = outputs(&engine, requests).await;
    assert_eq!(tokens_and_ends(&ahead), tokens_and_ends(&expected));
    assert!(ahead.iter().map(|output| output.2).sum::<u32>() > 0, "the cache is tight");
    assert!(counts.num_deferred.load(Ordering::Relaxed) > 300);
    assert_eq!(counts.most_in_flight.load(Ordering::Relaxed), 2);
}

#[tokio::test]
async fn the_emulated_gpu_gives_the_same_tokens_with_two_steps_in_flight() {
    let sizes = Sizes {
        max_num_seqs: 4,
        max_num_batched_tokens: 24,
        num_blocks: 24,
        max_model_len: 96,
        kv_dtype: KvDType::BF16,
        prefix_caching: true,
        ..Sizes::default()
    };
    let executor = |max_graphs| {
        let config =
            HipConfig { library: Some(hip_library().into()), max_graphs, ..HipConfig::default() };
        executor_on(HipDevice::new(&config).unwrap(), &golden("qwen3"), sizes)
    };
    let (engine, counts) = start(executor(0), 1, sizes);
    let unstopped = outputs(&engine, requests(5, 12)).await;
    let requests = with_stops(requests(5, 12), &unstopped);
    let expected = outputs(&engine, requests.clone()).await;
    assert_eq!(counts.num_deferred.load(Ordering::Relaxed), 0);

    for max_graphs in [0, HipConfig::default().max_graphs] {
        let (engine, counts) = start(executor(max_graphs), 2, sizes);
        let ahead = outputs(&engine, requests.clone()).await;
        assert_eq!(tokens_and_ends(&ahead), tokens_and_ends(&expected), "{max_graphs} graphs");
        assert!(counts.num_deferred.load(Ordering::Relaxed) > 20);
        assert_eq!(counts.most_in_flight.load(Ordering::Relaxed), 2);
    }
}
