//! Time per call of the operations, through the device's traits, with the shapes of
//! SmolLM2-135M (9 query heads over 3 KV heads of 64, hidden 576, feed-forward 1536).
//!
//! Run: `cargo bench --bench ops`, or a part of it by name, e.g. `cargo bench --bench ops --
//! sample`. `ROPEWAY_CPU_ISA` lowers the instruction set.

use std::hint::black_box;
use std::sync::Arc;
use std::time::Duration;

use backend::{
    AttentionSpec, BufferKind, DType, Device, KvDType, KvLayout, LayerOps, StepLimits, TensorShape,
    TensorView,
};
use cpu::{CpuBuffer, CpuConfig, CpuDevice, CpuKvCache};
use criterion::{BenchmarkId, Criterion, criterion_group, criterion_main};
use sampling::Philox4x32;
use types::{AdmittedSeq, SampleRow, SamplerSlot, SamplingParams, StepInput};

const HIDDEN: usize = 576;
const FFN: usize = 1536;
const VOCAB: usize = 49_152;
const NUM_HEADS: usize = 9;
const NUM_KV_HEADS: usize = 3;
const HEAD_DIM: usize = 64;
const BLOCK_SIZE: usize = 16;
const MAX_LEN: usize = 8192 + 512;

const LIMITS: StepLimits = StepLimits {
    max_num_seqs: 8,
    max_num_batched_tokens: 512,
    max_model_len: MAX_LEN,
    vocab_size: VOCAB,
    max_linear_cols: FFN,
    num_heads: NUM_HEADS,
    num_kv_heads: NUM_KV_HEADS,
    head_dim: HEAD_DIM,
    block_size: BLOCK_SIZE,
};

const ATTENTION: AttentionSpec =
    AttentionSpec { num_heads: NUM_HEADS, scale: 0.125, sliding_window: None, soft_cap: None };

fn device() -> CpuDevice {
    let mut device = CpuDevice::new(CpuConfig::default()).expect("the CPU device starts");
    device.reserve_workspace(&LIMITS).expect("the workspace fits");
    device
}

fn buffer(device: &mut CpuDevice, rows: usize, cols: usize) -> CpuBuffer {
    device.alloc_buffer(BufferKind::Activation, rows, cols).expect("the buffer fits")
}

fn kv_cache(device: &mut CpuDevice, dtype: KvDType) -> CpuKvCache {
    let layout = KvLayout {
        num_layers: 1,
        num_blocks: MAX_LEN / BLOCK_SIZE,
        block_size: BLOCK_SIZE,
        num_kv_heads: NUM_KV_HEADS,
        head_dim: HEAD_DIM,
        dtype,
    };
    device.alloc_kv_cache(&layout, &[]).expect("the cache fits")
}

/// One sequence with `len` new tokens after `context` old ones.
fn one_sequence(context: usize, len: usize) -> StepInput {
    let positions: Vec<u32> = (context as u32..(context + len) as u32).collect();
    let num_blocks = (context + len).div_ceil(BLOCK_SIZE) as u32;
    StepInput {
        token_ids: vec![0; len],
        slot_mapping: positions.clone(),
        positions,
        query_start_loc: vec![0, len as u32],
        seq_lens: vec![(context + len) as u32],
        block_tables: (0..num_blocks).collect(),
        block_table_start: vec![0, num_blocks],
        ..Default::default()
    }
}

fn attention(criterion: &mut Criterion) {
    let mut device = device();
    let qkv = buffer(&mut device, 512, (NUM_HEADS + 2 * NUM_KV_HEADS) * HEAD_DIM);
    let mut out = buffer(&mut device, 512, NUM_HEADS * HEAD_DIM);
    let mut group = criterion.benchmark_group("paged_attention");
    for dtype in [KvDType::F32, KvDType::BF16, KvDType::Fp8] {
        let cache = kv_cache(&mut device, dtype);
        let shapes = [("decode", 1023, 1), ("decode", 8191, 1), ("prefill", 0, 512)];
        for (name, context, len) in shapes {
            device.begin_step(&one_sequence(context, len)).expect("the step is valid");
            let id = BenchmarkId::new(format!("{name}/{dtype:?}"), context + len);
            group.bench_function(id, |bencher| {
                bencher.iter(|| {
                    let attended = device.paged_attention(0, &qkv, &cache, &ATTENTION, &mut out);
                    attended.expect("the step is valid");
                });
            });
        }
    }
    group.finish();
}

fn rows(criterion: &mut Criterion) {
    let mut device = device();
    let ones: Vec<u8> = (0..HIDDEN).flat_map(|_| 1.0f32.to_le_bytes()).collect();
    let shape = TensorShape { dtype: DType::F32, rows: 1, cols: HIDDEN };
    let view = TensorView::new(shape, &ones).expect("sizes agree");
    let weight = device.upload_weight(&[view]).expect("the norm fits");
    for rows in [1, 512] {
        let x = buffer(&mut device, rows, HIDDEN);
        let mut out = buffer(&mut device, rows, HIDDEN);
        criterion.bench_function(&format!("rms_norm/{rows}"), |bencher| {
            bencher.iter(|| device.rms_norm(rows, &x, &weight, 1e-5, &mut out));
        });
        let gate_up = buffer(&mut device, rows, 2 * FFN);
        let mut gated = buffer(&mut device, rows, FFN);
        criterion.bench_function(&format!("silu_mul/{rows}"), |bencher| {
            bencher.iter(|| device.silu_mul(rows, &gate_up, &mut gated));
        });
    }
}

fn sample(criterion: &mut Criterion) {
    let philox = Philox4x32::new(1);
    let logits: Vec<f32> =
        (0..VOCAB as u32).map(|token| (philox.uniform(token) * 24.0 - 12.0) as f32).collect();
    let off = SamplingParams::default;
    let cases = [
        ("greedy", SamplingParams::greedy()),
        ("temperature", off()),
        ("top_k_40", SamplingParams { top_k: 40, ..off() }),
        ("top_p_0.95", SamplingParams { top_p: 0.95, ..off() }),
        ("logprobs_5", SamplingParams { logprobs: Some(5), ..SamplingParams::greedy() }),
        ("penalty", SamplingParams { repetition_penalty: 1.1, ..off() }),
    ];
    for (name, params) in cases {
        let seq = AdmittedSeq {
            slot: SamplerSlot(0),
            params: Arc::new(params),
            tokens: (0..500).collect(),
            num_prompt: 400,
        };
        let mut scratch = sampling::Scratch::new(VOCAB);
        let mut state = sampling::SamplerState::new(VOCAB);
        state.admit(&seq);
        let mut row = logits.clone();
        criterion.bench_function(&format!("sample/{name}"), |bencher| {
            bencher.iter(|| {
                row.copy_from_slice(&logits);
                black_box(state.sample(&mut row, 7, &mut scratch))
            });
        });
    }
}

fn sample_batch(criterion: &mut Criterion) {
    let mut device = device();
    let mut logits = buffer(&mut device, 8, VOCAB);
    let mut input = one_sequence(0, 8);
    input.logits_indices = (0..8).collect();
    let slot = |slot| SampleRow { slot: SamplerSlot(slot), num_output: 0 };
    input.sample = (0..8).map(slot).collect();
    device.begin_step(&input).expect("the step is valid");
    let mut out = Vec::new();
    criterion.bench_function("sample/greedy_batch_8", |bencher| {
        bencher.iter(|| {
            out.clear();
            device.sample(&mut logits).and_then(|()| device.collect(&mut out))
        });
    });
}

criterion_group! {
    name = benches;
    config = Criterion::default()
        .sample_size(10)
        .warm_up_time(Duration::from_millis(50))
        .measurement_time(Duration::from_millis(200));
    targets = attention, rows, sample, sample_batch
}
criterion_main!(benches);
