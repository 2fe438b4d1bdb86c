//! The device on the emulated MI300X: storage, launches and results of chained operations against
//! f32 arithmetic on the host. No hardware takes part.
#![forbid(unsafe_code)]

mod emulator;

use std::sync::Arc;

use backend::{
    AttentionSpec, BufferKind, DType, Device, DeviceError, KvDType, KvLayout, KvScales, LayerOps,
    QkvSpec, RopeTable, StepLimits, TensorShape, TensorView, fp8_from_f32, fp8_to_f32,
};
use emulator::emulator;
use half::bf16;
use hip::{HipConfig, HipDevice, HipWeight};
use types::{AdmittedSeq, SampleRow, SamplerSlot, SamplingParams, StepInput};

const HIDDEN: usize = 64;
const VOCAB: usize = 90;
const HEADS: usize = 4;
const KV_HEADS: usize = 2;
const HEAD_DIM: usize = 16;
const LIMITS: StepLimits = StepLimits {
    max_num_seqs: 2,
    max_num_batched_tokens: 32,
    max_model_len: 64,
    vocab_size: VOCAB,
    max_linear_cols: HIDDEN,
    num_heads: HEADS,
    num_kv_heads: KV_HEADS,
    head_dim: HEAD_DIM,
    block_size: 16,
};

fn device() -> HipDevice {
    let config = HipConfig { library: Some(emulator()), max_graphs: 0, ..HipConfig::default() };
    let mut device = HipDevice::new(&config).expect("the emulator is a device");
    device.reserve_workspace(&LIMITS).expect("there is room");
    device
}

/// Numbers in (-1, 1) that bf16 holds exactly.
fn numbers(seed: usize, len: usize) -> Vec<f32> {
    (0..len).map(|i| ((i * 37 + seed * 101 + i * i % 13) % 127) as f32 / 64.0 - 0.984375).collect()
}

fn upload(device: &mut HipDevice, rows: usize, values: &[f32]) -> HipWeight {
    let bytes: Vec<u8> = values.iter().flat_map(|v| v.to_le_bytes()).collect();
    let shape = TensorShape { dtype: DType::F32, rows, cols: values.len() / rows };
    let view = TensorView::new(shape, &bytes).expect("sizes agree");
    device.upload_weight(&[view]).expect("the weight fits")
}

fn rounded(value: f32) -> f32 {
    bf16::from_f32(value).to_f32()
}

/// A step of one sequence, its tokens from `start` on, in blocks 1 and 0.
fn step(tokens: &[u32], start: usize) -> StepInput {
    let end = start + tokens.len();
    let slot = |position: usize| ([1, 0][position / 16] * 16 + position % 16) as u32;
    StepInput {
        token_ids: tokens.to_vec(),
        positions: (start as u32..end as u32).collect(),
        slot_mapping: (start..end).map(slot).collect(),
        query_start_loc: vec![0, tokens.len() as u32],
        seq_lens: vec![end as u32],
        block_tables: vec![1, 0][..end.div_ceil(16)].to_vec(),
        block_table_start: vec![0, end.div_ceil(16) as u32],
        logits_indices: vec![tokens.len() as u32 - 1],
        sample: vec![SampleRow { slot: SamplerSlot(1), num_output: 0 }],
        admitted: vec![AdmittedSeq {
            slot: SamplerSlot(1),
            params: Arc::new(SamplingParams::greedy()),
            tokens: Vec::new(),
            num_prompt: 0,
        }],
        deferred: Vec::new(),
    }
}

#[test]
fn embedding_norm_and_head_choose_the_token_that_the_host_chooses() {
    let mut device = device();
    let table = numbers(1, VOCAB * HIDDEN);
    let norm = numbers(2, HIDDEN);
    let embedding = upload(&mut device, VOCAB, &table);
    let weight = upload(&mut device, 1, &norm);
    let activation = BufferKind::Activation;
    let mut x = device.alloc_buffer(activation, 32, HIDDEN).expect("there is room");
    let mut normed = device.alloc_buffer(activation, 32, HIDDEN).expect("there is room");
    let mut gathered = device.alloc_buffer(activation, 2, HIDDEN).expect("there is room");
    let mut logits = device.alloc_buffer(BufferKind::Logits, 2, VOCAB).expect("there is room");

    let tokens = [5, 88, 17];
    device.begin_step(&step(&tokens, 0)).expect("the step is small");
    device.embed(&embedding, 1.0, &mut x).expect("tokens are in the table");
    for (row, token) in tokens.iter().enumerate() {
        let expected = &table[*token as usize * HIDDEN..][..HIDDEN];
        assert_eq!(device.read_row(&x, row).expect("the row is there"), expected, "row {row}");
    }
    device.rms_norm(3, &x, &weight, 1e-6, &mut normed).expect("it runs");
    device.gather_rows(&normed, &mut gathered).expect("it runs");
    device.lm_head(1, &gathered, &embedding, &mut logits).expect("it runs");

    let last = &table[17 * HIDDEN..][..HIDDEN];
    let mean = last.iter().map(|v| v * v).sum::<f32>() / HIDDEN as f32;
    let scale = 1.0 / (mean + 1e-6).sqrt();
    let hidden: Vec<f32> = last.iter().zip(&norm).map(|(v, w)| rounded(v * scale * w)).collect();
    let expected: Vec<f32> =
        table.chunks(HIDDEN).map(|row| row.iter().zip(&hidden).map(|(w, h)| w * h).sum()).collect();
    let found = device.read_row(&logits, 0).expect("the row is there");
    for (token, (found, expected)) in found.iter().zip(&expected).enumerate() {
        // One unit of bf16 in one hidden value moves a logit by less.
        assert!((found - expected).abs() < 0.02, "token {token}: {found}, not {expected}");
    }
    let mut sampled = Vec::new();
    device.sample(&mut logits).expect("it runs");
    device.finish_step().expect("it runs");
    device.collect(&mut sampled).expect("it runs");
    let best = found.iter().enumerate().max_by(|a, b| a.1.total_cmp(b.1)).expect("not empty").0;
    assert_eq!(sampled[0].token as usize, best);
}

#[test]
fn attention_gives_the_same_bits_whole_and_token_by_token() {
    // The first token sees itself only: its values come out as they went in.
    attention_in_pieces(KvDType::BF16, &[], |value| value);
}

#[test]
fn attention_over_fp8_gives_the_same_bits_whole_and_token_by_token() {
    let scales = [KvScales::default(), KvScales { key: 0.02, value: 0.0061 }];
    attention_in_pieces(KvDType::Fp8, &scales, |value| {
        let value = fp8_to_f32(fp8_from_f32(value * (1.0 / 0.0061))) * 0.0061;
        bf16::from_f32(value).to_f32()
    });
}

/// `stored` is what the cache makes of a value.
fn attention_in_pieces(dtype: KvDType, scales: &[KvScales], stored: impl Fn(f32) -> f32) {
    let mut device = device();
    let layout = KvLayout {
        num_layers: 2,
        num_blocks: 2,
        block_size: 16,
        num_kv_heads: KV_HEADS,
        head_dim: HEAD_DIM,
        dtype,
    };
    assert_eq!(device.kv_cache_bytes(&layout), 2 * 2 * 2 * KV_HEADS * 32 * 16 * dtype.bytes());
    let cols = (HEADS + 2 * KV_HEADS) * HEAD_DIM;
    let half = HEAD_DIM / 2;
    let angles = |f: fn(f32) -> f32| (0..64 * half).map(|i| f(i as f32 * 0.1)).collect();
    device
        .set_rope(RopeTable { rotary_dim: HEAD_DIM, cos: angles(f32::cos), sin: angles(f32::sin) })
        .expect("the table is whole");
    let table = upload(&mut device, VOCAB, &numbers(3, VOCAB * cols));
    let mut qkv = device.alloc_buffer(BufferKind::Activation, 32, cols).expect("there is room");
    let width = HEADS * HEAD_DIM;
    let mut out = device.alloc_buffer(BufferKind::Activation, 32, width).expect("there is room");
    let qkv_spec =
        QkvSpec { num_heads: HEADS, num_kv_heads: KV_HEADS, head_dim: HEAD_DIM, norm_eps: 1e-6 };
    let spec =
        AttentionSpec { num_heads: HEADS, scale: 0.25, sliding_window: None, soft_cap: None };
    let tokens: Vec<u32> = (0..20).map(|i| i * 7 % VOCAB as u32).collect();

    let mut run = |cuts: &[usize]| -> Vec<Vec<f32>> {
        let mut cache = device.alloc_kv_cache(&layout, scales).expect("there is room");
        let mut rows = Vec::new();
        let mut start = 0;
        for &end in cuts {
            device.begin_step(&step(&tokens[start..end], start)).expect("the step is small");
            device.embed(&table, 1.0, &mut qkv).expect("it runs");
            device.rope_and_cache(1, &mut qkv, &qkv_spec, None, &mut cache).expect("it runs");
            device.paged_attention(1, &qkv, &cache, &spec, &mut out).expect("it runs");
            rows.extend((0..end - start).map(|row| device.read_row(&out, row).expect("there")));
            start = end;
        }
        rows
    };
    let whole = run(&[20]);
    let values = &numbers(3, VOCAB * cols)[(HEADS + KV_HEADS) * HEAD_DIM..cols];
    let values: Vec<f32> = values.iter().map(|value| stored(*value)).collect();
    assert_eq!(whole[0][..HEAD_DIM], values[..HEAD_DIM]);
    assert_eq!(whole[0][2 * HEAD_DIM..3 * HEAD_DIM], values[HEAD_DIM..]);
    let each: Vec<usize> = (1..=20).collect();
    assert_eq!(run(&each), whole, "token by token");
    assert_eq!(run(&[7, 16, 20]), whole, "in chunks");
}

#[test]
fn what_the_engine_gets_wrong_fails_the_step_and_not_the_device() {
    let mut device = device();
    let table = upload(&mut device, VOCAB, &numbers(1, VOCAB * HIDDEN));
    let mut x = device.alloc_buffer(BufferKind::Activation, 32, HIDDEN).expect("there is room");
    device.begin_step(&step(&[VOCAB as u32], 0)).expect("the step is small");
    let refused = device.embed(&table, 1.0, &mut x);
    assert!(matches!(refused, Err(DeviceError::Failed { .. })), "{refused:?}");
    device.begin_step(&step(&[1], 0)).expect("the device still works");
    device.embed(&table, 1.0, &mut x).expect("the device still works");
}
