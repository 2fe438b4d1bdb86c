//! What a seed stands for: the engine's limits, the requests with their arrival times, and when
//! things go wrong.

use std::sync::Arc;

use engine::ExecutorLimits;
use scheduler::{Policy, SchedulerConfig};
use types::{CacheSalt, EngineRequest, SamplingParams, StopConditions, TokenId};

use crate::oracle::{EOS, STOP, VOCAB_SIZE};
use crate::rng::Rng;

/// Tenant of a request in the upper byte of its sampling seed, its index below: so the executor,
/// which sees no request ids, can tell who samples.
pub(crate) const TENANT_SHIFT: u32 = 56;

/// One simulated run, drawn from its seed.
#[derive(Clone, Debug)]
pub struct Scenario {
    /// Limits and policy.
    pub config: SchedulerConfig,
    /// Requests in order of arrival.
    pub(crate) requests: Vec<RequestSpec>,
    /// Chance of a failed step, in percent.
    pub(crate) step_error_percent: usize,
    /// Step at which the executor is lost, if any.
    pub(crate) fatal_step: Option<u64>,
}

/// One request and its client.
#[derive(Clone, Debug)]
pub(crate) struct RequestSpec {
    /// Virtual time of arrival, in ticks.
    pub(crate) arrival: u64,
    /// Virtual time at which the client goes away, if it does.
    pub(crate) abort: Option<u64>,
    pub(crate) request: EngineRequest,
}

impl Scenario {
    /// The scenario of a seed, for an executor that takes `max_in_flight` steps at a time.
    pub fn new(seed: u64, num_requests: usize, max_in_flight: usize) -> Self {
        let mut rng = Rng::new(seed);
        let config = SchedulerConfig { max_in_flight, ..draw_config(&mut rng) };
        let requests = draw_requests(&mut rng, &config, num_requests);
        let step_error_percent = *rng.pick(&[0, 0, 0, 1, 5]);
        let fatal_step = rng.percent(2).then(|| rng.range(1, 200) as u64);
        Self { config, requests, step_error_percent, fatal_step }
    }

    pub(crate) fn limits(&self) -> ExecutorLimits {
        ExecutorLimits {
            max_num_seqs: self.config.max_num_seqs,
            max_num_batched_tokens: self.config.max_num_batched_tokens,
            max_model_len: self.config.max_model_len,
            block_size: self.config.block_size,
            num_blocks: self.config.num_blocks,
            vocab_size: VOCAB_SIZE,
            max_in_flight: self.config.max_in_flight,
        }
    }
}

fn draw_config(rng: &mut Rng) -> SchedulerConfig {
    let block_size = *rng.pick(&[8, 8, 16, 32]);
    let max_model_len = rng.range(20, 160);
    let max_num_seqs = rng.range(1, 12);
    // From "one sequence only" to "never short", most often short.
    let one_seq = max_model_len.div_ceil(block_size);
    let num_blocks = one_seq + rng.range(0, one_seq * max_num_seqs / 2);
    SchedulerConfig {
        max_num_seqs,
        max_num_batched_tokens: max_num_seqs + rng.range(0, 100),
        max_model_len,
        block_size,
        num_blocks,
        enable_prefix_caching: rng.percent(80),
        long_prefill_token_threshold: *rng.pick(&[0, 0, 1, 7, 32]),
        policy: if rng.percent(60) { Policy::Fcfs } else { Policy::Priority },
        max_preemptions: rng.range(0, 4) as u32,
        max_in_flight: 1,
    }
}

fn draw_requests(rng: &mut Rng, config: &SchedulerConfig, count: usize) -> Vec<RequestSpec> {
    let num_tenants = rng.range(1, 3);
    let num_families = rng.range(1, 4);
    let families: Vec<Vec<TokenId>> =
        (0..num_families).map(|_| draw_tokens(rng, config.max_model_len)).collect();
    let mean_gap = *rng.pick(&[0, 10, 40, 200]);
    let abort_percent = *rng.pick(&[0, 5, 30]);
    let mut arrival = 0;
    let requests = (0..count).map(|index| {
        // Bursts: half of the requests come together with the one before.
        arrival += if rng.percent(50) { 0 } else { rng.range(0, 2 * mean_gap) as u64 };
        let abort = rng.percent(abort_percent).then(|| arrival + rng.range(0, 2000) as u64);
        let tenant = rng.range(0, num_tenants - 1) as u64;
        let family = rng.range(0, num_families - 1);
        let prompt = draw_prompt(rng, config, &families[family]);
        RequestSpec { arrival, abort, request: draw_request(rng, index as u64, tenant, prompt) }
    });
    requests.collect()
}

/// A random length of a shared text, then the request's own.
fn draw_prompt(rng: &mut Rng, config: &SchedulerConfig, family: &[TokenId]) -> Vec<TokenId> {
    if rng.percent(1) {
        return family.to_vec(); // Exactly the context length: to be refused.
    }
    // Half of the prompts are short, so that many sequences run and then grow out of the pool.
    let longest = if rng.percent(50) { 16 } else { config.max_model_len - 2 };
    let num_shared = rng.range(0, longest);
    let num_own = rng.range(usize::from(num_shared == 0), 6);
    let own = draw_tokens(rng, num_own);
    let mut prompt = [&family[..num_shared], &own].concat();
    prompt.truncate(config.max_model_len - 1);
    prompt
}

fn draw_tokens(rng: &mut Rng, count: usize) -> Vec<TokenId> {
    (0..count).map(|_| rng.range(0, VOCAB_SIZE - 1) as TokenId).collect()
}

fn draw_request(rng: &mut Rng, index: u64, tenant: u64, prompt: Vec<TokenId>) -> EngineRequest {
    let sampling = SamplingParams {
        seed: tenant << TENANT_SHIFT | index,
        presence_penalty: if rng.percent(20) { 0.5 } else { 0.0 },
        ..SamplingParams::default()
    };
    let max_tokens = if rng.percent(40) { rng.range(1, 200) } else { rng.range(1, 24) } as u32;
    let stop = StopConditions {
        max_tokens,
        eos_token_ids: if rng.percent(40) { vec![EOS] } else { Vec::new() },
        stop_token_ids: if rng.percent(30) { vec![STOP] } else { Vec::new() },
    };
    EngineRequest {
        prompt: prompt.into(),
        sampling: Arc::new(sampling),
        stop,
        priority: rng.range(0, 2) as i64,
        cache_salt: CacheSalt((tenant > 0).then(|| format!("tenant {tenant}").into())),
    }
}
