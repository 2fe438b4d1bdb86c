//! Cost of the scheduler itself per decode step. Target: plan + fill + commit below 100 us with
//! 256 running sequences.
//!
//! Run: `cargo bench --bench scheduler`.

use std::hint::black_box;
use std::sync::Arc;

use criterion::{Criterion, criterion_group, criterion_main};
use scheduler::{Policy, Scheduler, SchedulerConfig, StepPlan};
use types::{
    CacheSalt, EngineRequest, RequestId, Sampled, SamplingParams, StepInput, StopConditions,
};

const MAX_MODEL_LEN: usize = 1 << 20;

/// A scheduler whose `num_seqs` sequences have prompts of `len` tokens and decode for ever.
fn decoding(num_seqs: usize, len: usize) -> Scheduler {
    let mut scheduler = Scheduler::new(SchedulerConfig {
        max_num_seqs: num_seqs,
        max_num_batched_tokens: num_seqs * len,
        max_model_len: MAX_MODEL_LEN,
        block_size: 16,
        num_blocks: MAX_MODEL_LEN / 16 + num_seqs * len / 8,
        enable_prefix_caching: true,
        long_prefill_token_threshold: 0,
        policy: Policy::Fcfs,
        max_preemptions: 3,
        max_in_flight: 1,
    })
    .expect("a valid configuration");
    for id in 0..num_seqs as u64 {
        let request = EngineRequest {
            prompt: vec![id as u32; len].into(),
            sampling: Arc::new(SamplingParams::default()),
            stop: StopConditions { max_tokens: u32::MAX, ..StopConditions::default() },
            priority: 0,
            cache_salt: CacheSalt::default(),
        };
        scheduler.submit(RequestId(id), request).expect("a valid request");
    }
    scheduler
}

fn decode_step(criterion: &mut Criterion) {
    for (num_seqs, len) in [(32, 512), (256, 512), (256, 4096)] {
        let mut scheduler = decoding(num_seqs, len);
        let (mut plan, mut input) = (StepPlan::default(), StepInput::default());
        let (mut sampled, mut updates) = (Vec::new(), Vec::new());
        let mut step = || {
            scheduler.plan(&mut plan);
            scheduler.fill(&plan, &mut input);
            sampled.resize(plan.num_samples(), Sampled { token: 7, logprobs: None });
            updates.clear();
            scheduler.commit(&plan, &mut sampled, &mut updates);
            black_box(updates.len())
        };
        assert_eq!(step(), num_seqs, "the first step prefills every prompt");
        criterion.bench_function(&format!("decode step, {num_seqs} seqs of {len}"), |bencher| {
            bencher.iter(&mut step);
        });
    }
}

criterion_group! {
    name = benches;
    config = Criterion::default()
        .sample_size(20)
        .warm_up_time(std::time::Duration::from_millis(200))
        .measurement_time(std::time::Duration::from_millis(500));
    targets = decode_step
}
criterion_main!(benches);
