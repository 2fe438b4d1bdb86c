//! A model in this process, without HTTP: executors and engines of chosen sizes.
#![allow(dead_code, reason = "each test binary uses its own part")]

pub(crate) mod ahead;

use std::path::Path;

use backend::{KvDType, LayerOps};
use cpu::{Activations, CpuConfig, CpuDevice};
use engine::{EngineConfig, EngineHandle, EngineObserver, Policy, RequestStats, RequestStream};
use engine::{StepReport, TokenTiming};
use model::{HostMemory, MemoryPlan, ModelExecutor, ModelFiles, PlanRequest};
use types::{
    CacheSalt, EngineRequest, FinishReason, SamplingParams, StepInput, StopConditions, TokenId,
};

/// Sizes of an engine under test.
#[derive(Clone, Copy)]
pub(crate) struct Sizes {
    pub(crate) max_num_seqs: usize,
    pub(crate) max_num_batched_tokens: usize,
    pub(crate) num_blocks: usize,
    pub(crate) block_size: usize,
    pub(crate) max_model_len: usize,
    pub(crate) num_threads: usize,
    pub(crate) kv_dtype: KvDType,
    pub(crate) activations: Activations,
    pub(crate) prefix_caching: bool,
}

impl Default for Sizes {
    fn default() -> Self {
        Self {
            max_num_seqs: 16,
            max_num_batched_tokens: 512,
            num_blocks: 256,
            block_size: 16,
            max_model_len: 1024,
            num_threads: 2,
            kv_dtype: KvDType::F16,
            activations: Activations::F32,
            prefix_caching: false,
        }
    }
}

pub(crate) fn plan_request(files: &ModelFiles, sizes: Sizes) -> PlanRequest {
    PlanRequest {
        block_size: sizes.block_size,
        kv_dtype: sizes.kv_dtype,
        max_model_len: Some(sizes.max_model_len.min(files.spec.max_position)),
        max_num_seqs: sizes.max_num_seqs,
        max_num_batched_tokens: sizes.max_num_batched_tokens,
        kv_cache_bytes: None,
        num_blocks: Some(sizes.num_blocks),
        memory_utilization: 0.9,
    }
}

pub(crate) fn executor(path: &Path, sizes: Sizes) -> ModelExecutor<CpuDevice> {
    let activations = Some(sizes.activations);
    let config = CpuConfig { num_threads: Some(sizes.num_threads), isa: None, activations };
    executor_on(CpuDevice::new(config).expect("the CPU device starts"), path, sizes)
}

pub(crate) fn executor_on<D: LayerOps>(device: D, path: &Path, sizes: Sizes) -> ModelExecutor<D> {
    let files = ModelFiles::open(path).expect("the model opens");
    let request = plan_request(&files, sizes);
    let host = HostMemory::read().expect("the machine says how much memory it has");
    let plan = MemoryPlan::new(&files, &device, &request, host).expect("the plan fits");
    ModelExecutor::load(device, &files, &plan, &|_| ()).expect("the model loads")
}

/// Nobody listens to this engine's metrics.
pub(crate) struct Silent;

impl EngineObserver for Silent {
    fn on_step(&mut self, _: &StepReport) {}
    fn on_token(&mut self, _: TokenTiming) {}
    fn on_finish(&mut self, _: &FinishReason, _: &RequestStats) {}
}

pub(crate) fn engine_config(sizes: Sizes) -> EngineConfig {
    EngineConfig {
        max_num_queued_reqs: 64,
        enable_prefix_caching: sizes.prefix_caching,
        long_prefill_token_threshold: 0,
        policy: Policy::Fcfs,
        max_preemptions: 8,
    }
}

pub(crate) fn engine(path: &Path, sizes: Sizes) -> EngineHandle {
    let executor = Box::new(executor(path, sizes));
    engine::start(executor, engine_config(sizes), Box::new(Silent)).expect("it starts")
}

/// A greedy request that ignores end-of-sequence tokens.
pub(crate) fn greedy(prompt: &[TokenId], max_tokens: u32) -> EngineRequest {
    EngineRequest {
        prompt: prompt.into(),
        sampling: SamplingParams::greedy().into(),
        stop: StopConditions { max_tokens, ..StopConditions::default() },
        priority: 0,
        cache_salt: CacheSalt::default(),
    }
}

/// One sequence's output.
pub(crate) struct Generated {
    pub(crate) tokens: Vec<TokenId>,
    pub(crate) stats: Box<RequestStats>,
}

pub(crate) async fn collect(stream: &mut RequestStream) -> Generated {
    let mut tokens = Vec::new();
    loop {
        let event = stream.next().await.expect("the stream ends with a finish");
        tokens.extend(event.token.map(|sampled| sampled.token));
        if let Some((reason, stats)) = event.finish {
            assert_eq!(reason, FinishReason::Length, "these requests run to their limit");
            return Generated { tokens, stats };
        }
    }
}

/// Submits all requests at once and collects all outputs.
pub(crate) async fn generate(
    engine: &EngineHandle,
    requests: Vec<EngineRequest>,
) -> Vec<Generated> {
    let mut streams = engine.submit(requests).expect("the queue has room");
    let mut outputs = Vec::new();
    for stream in &mut streams {
        outputs.push(collect(stream).await);
    }
    outputs
}

/// Appends the tokens `range` of `tokens` as one sequence of a step whose KV blocks are `blocks`;
/// every position becomes a logits row.
pub(crate) fn push_sequence(
    step: &mut StepInput,
    tokens: &[TokenId],
    range: std::ops::Range<usize>,
    blocks: &[u32],
    block_size: usize,
) {
    if step.query_start_loc.is_empty() {
        step.query_start_loc.push(0);
        step.block_table_start.push(0);
    }
    let end = range.end;
    for position in range {
        step.logits_indices.push(step.token_ids.len() as u32);
        step.token_ids.push(tokens[position]);
        step.positions.push(position as u32);
        let slot = blocks[position / block_size] as usize * block_size + position % block_size;
        step.slot_mapping.push(slot as u32);
    }
    step.query_start_loc.push(step.token_ids.len() as u32);
    step.seq_lens.push(end as u32);
    step.block_tables.extend(&blocks[..end.div_ceil(block_size)]);
    step.block_table_start.push(step.block_tables.len() as u32);
}
