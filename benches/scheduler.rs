//! Cost of the scheduler itself per decode step, alone and with the next step planned before it is
//! committed. Target: plan + fill + commit below 100 us with 256 running sequences.
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
fn decoding(num_seqs: usize, len: usize, max_in_flight: usize) -> Scheduler {
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
        max_in_flight,
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
        for max_in_flight in [1, 2] {
            let mut scheduler = decoding(num_seqs, len, max_in_flight);
            let mut plans = vec![StepPlan::default(); max_in_flight];
            let mut input = StepInput::default();
            let (mut sampled, mut updates) = (Vec::new(), Vec::new());
            let (mut num_planned, mut num_committed) = (0, 0);
            let mut step = || {
                while num_planned < num_committed + max_in_flight {
                    let plan = &mut plans[num_planned % max_in_flight];
                    scheduler.plan(plan);
                    scheduler.fill(plan, &mut input);
                    num_planned += 1;
                }
                let plan = &plans[num_committed % max_in_flight];
                num_committed += 1;
                sampled.resize(plan.num_samples(), Sampled { token: 7, logprobs: None });
                updates.clear();
                scheduler.commit(plan, &mut sampled, &mut updates);
                black_box(updates.len())
            };
            assert_eq!(step(), num_seqs, "the first step prefills every prompt");
            let name = format!("decode step, {num_seqs} seqs of {len}, {max_in_flight} in flight");
            criterion.bench_function(&name, |bencher| bencher.iter(&mut step));
        }
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
