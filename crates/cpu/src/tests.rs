//! A whole layer through the device's traits against naive f64, and the promises on memory.

use std::sync::Arc;

use backend::{
    AttentionSpec, BufferKind, DType, Device, KvDType, KvLayout, LayerOps, QkvSpec, RopeTable,
    StepEnd, StepLimits, TensorShape, TensorView,
};
use types::{AdmittedSeq, SampleRow, SamplerSlot, SamplingParams, StepInput};

use crate::ops::testing::{assert_close, for_each_isa, noise};
use crate::{Activations, CpuConfig, CpuDevice, CpuWeight, Isa};

const HIDDEN: usize = 32;
const NUM_HEADS: usize = 4;
const NUM_KV_HEADS: usize = 2;
const HEAD_DIM: usize = 8;
const QKV: usize = (NUM_HEADS + 2 * NUM_KV_HEADS) * HEAD_DIM;
const FFN: usize = 48;
const VOCAB: usize = 40;
const MAX_LEN: usize = 64;
const EPS: f32 = 1e-5;

const LIMITS: StepLimits = StepLimits {
    max_num_seqs: 2,
    max_num_batched_tokens: 32,
    max_model_len: MAX_LEN,
    vocab_size: VOCAB,
    max_linear_cols: FFN,
    num_heads: NUM_HEADS,
    num_kv_heads: NUM_KV_HEADS,
    head_dim: HEAD_DIM,
    block_size: 8,
};

const LAYOUT: KvLayout = KvLayout {
    num_layers: 1,
    num_blocks: 16,
    block_size: 8,
    num_kv_heads: NUM_KV_HEADS,
    head_dim: HEAD_DIM,
    dtype: KvDType::F32,
};

fn device(isa: Isa, num_threads: usize) -> CpuDevice {
    device_with(isa, num_threads, Activations::F32)
}

fn device_with(isa: Isa, num_threads: usize, activations: Activations) -> CpuDevice {
    let (num_threads, activations) = (Some(num_threads), Some(activations));
    CpuDevice::new(CpuConfig { num_threads, isa: Some(isa), activations }).unwrap()
}

/// An f32 matrix on the host.
struct Matrix {
    rows: usize,
    cols: usize,
    values: Vec<f32>,
}

impl Matrix {
    fn new(rows: usize, cols: usize, seed: u64) -> Self {
        let values = noise(rows * cols, seed).iter().map(|v| v * 0.3).collect();
        Self { rows, cols, values }
    }

    fn upload(&self, device: &mut CpuDevice) -> CpuWeight {
        let shape = TensorShape { dtype: DType::F32, rows: self.rows, cols: self.cols };
        let bytes: Vec<u8> = self.values.iter().flat_map(|v| v.to_le_bytes()).collect();
        device.upload_weight(&[TensorView::new(shape, &bytes).unwrap()]).unwrap()
    }

    /// `weight * x + bias`.
    fn apply(&self, x: &[f64], bias: Option<&Self>) -> Vec<f64> {
        let row = |r: usize| {
            let weights = &self.values[r * self.cols..][..self.cols];
            let dot: f64 = weights.iter().zip(x).map(|(w, x)| f64::from(*w) * x).sum();
            dot + bias.map_or(0.0, |bias| f64::from(bias.values[r]))
        };
        (0..self.rows).map(row).collect()
    }
}

/// A model of one layer with q/k norm and attention bias.
struct Model {
    embedding: Matrix,
    input_norm: Matrix,
    qkv: Matrix,
    qkv_bias: Matrix,
    query_norm: Matrix,
    key_norm: Matrix,
    output: Matrix,
    ffn_norm: Matrix,
    gate_up: Matrix,
    down: Matrix,
    final_norm: Matrix,
    rope: RopeTable,
}

impl Model {
    fn new() -> Self {
        let half = HEAD_DIM / 2;
        let angle = |i: usize| {
            let frequency = 10_000f32.powf(-2.0 * (i % half) as f32 / HEAD_DIM as f32);
            (i / half) as f32 * frequency
        };
        Self {
            embedding: Matrix::new(VOCAB, HIDDEN, 1),
            input_norm: Matrix::new(1, HIDDEN, 2),
            qkv: Matrix::new(QKV, HIDDEN, 3),
            qkv_bias: Matrix::new(1, QKV, 4),
            query_norm: Matrix::new(1, HEAD_DIM, 5),
            key_norm: Matrix::new(1, HEAD_DIM, 6),
            output: Matrix::new(HIDDEN, NUM_HEADS * HEAD_DIM, 7),
            ffn_norm: Matrix::new(1, HIDDEN, 8),
            gate_up: Matrix::new(2 * FFN, HIDDEN, 9),
            down: Matrix::new(HIDDEN, FFN, 10),
            final_norm: Matrix::new(1, HIDDEN, 11),
            rope: RopeTable {
                rotary_dim: HEAD_DIM,
                cos: (0..MAX_LEN * half).map(|i| angle(i).cos()).collect(),
                sin: (0..MAX_LEN * half).map(|i| angle(i).sin()).collect(),
            },
        }
    }

    /// Logits of the last token, in f64.
    fn naive(&self, tokens: &[u32]) -> Vec<f64> {
        let mut hidden: Vec<Vec<f64>> = tokens
            .iter()
            .map(|t| &self.embedding.values[*t as usize * HIDDEN..][..HIDDEN])
            .map(|row| row.iter().map(|v| f64::from(*v) * 2.0).collect())
            .collect();
        let qkv: Vec<Vec<f64>> =
            hidden.iter().enumerate().map(|(position, h)| self.naive_qkv(position, h)).collect();
        for position in 0..tokens.len() {
            let attended = naive_attention(&qkv[..=position]);
            add(&mut hidden[position], &self.output.apply(&attended, None));
            let normed = rms_norm(&hidden[position], &self.ffn_norm);
            let gate_up = self.gate_up.apply(&normed, None);
            let gated: Vec<f64> = (0..FFN)
                .map(|i| gate_up[i] / (1.0 + (-gate_up[i]).exp()) * gate_up[FFN + i])
                .collect();
            add(&mut hidden[position], &self.down.apply(&gated, None));
        }
        self.embedding.apply(&rms_norm(&hidden[tokens.len() - 1], &self.final_norm), None)
    }

    fn naive_qkv(&self, position: usize, hidden: &[f64]) -> Vec<f64> {
        let mut qkv = self.qkv.apply(&rms_norm(hidden, &self.input_norm), Some(&self.qkv_bias));
        let half = HEAD_DIM / 2;
        for (idx, head) in qkv.chunks_mut(HEAD_DIM).take(NUM_HEADS + NUM_KV_HEADS).enumerate() {
            let norm = if idx < NUM_HEADS { &self.query_norm } else { &self.key_norm };
            head.copy_from_slice(&rms_norm(head, norm));
            for i in 0..half {
                let (cos, sin) =
                    (self.rope.cos[position * half + i], self.rope.sin[position * half + i]);
                let (a, b) = (head[i], head[i + half]);
                head[i] = a * f64::from(cos) - b * f64::from(sin);
                head[i + half] = b * f64::from(cos) + a * f64::from(sin);
            }
        }
        qkv
    }
}

fn add(to: &mut [f64], from: &[f64]) {
    to.iter_mut().zip(from).for_each(|(to, from)| *to += from);
}

fn rms_norm(x: &[f64], weight: &Matrix) -> Vec<f64> {
    let mean = x.iter().map(|v| v * v).sum::<f64>() / x.len() as f64;
    let scale = 1.0 / (mean + f64::from(EPS)).sqrt();
    x.iter().zip(&weight.values).map(|(x, w)| x * scale * f64::from(*w)).collect()
}

/// The last row's attention over all rows of fused QKV.
fn naive_attention(qkv: &[Vec<f64>]) -> Vec<f64> {
    let mut out = Vec::new();
    for head in 0..NUM_HEADS {
        let kv_head = head * NUM_KV_HEADS / NUM_HEADS;
        let query = &qkv[qkv.len() - 1][head * HEAD_DIM..][..HEAD_DIM];
        let key = |row: &Vec<f64>, i: usize| row[(NUM_HEADS + kv_head) * HEAD_DIM + i];
        let value =
            |row: &Vec<f64>, i: usize| row[(NUM_HEADS + NUM_KV_HEADS + kv_head) * HEAD_DIM + i];
        let weights: Vec<f64> = qkv
            .iter()
            .map(|row| (0..HEAD_DIM).map(|i| query[i] * key(row, i)).sum::<f64>())
            .map(|dot| (dot / (HEAD_DIM as f64).sqrt()).exp())
            .collect();
        let total: f64 = weights.iter().sum();
        for i in 0..HEAD_DIM {
            out.push(
                qkv.iter().zip(&weights).map(|(row, w)| w * value(row, i)).sum::<f64>() / total,
            );
        }
    }
    out
}

/// The model on the device.
struct Runner {
    device: CpuDevice,
    weights: [CpuWeight; 11],
    cache: crate::CpuKvCache,
}

impl Runner {
    fn new(isa: Isa, num_threads: usize, model: &Model) -> Self {
        Self::on(device(isa, num_threads), model)
    }

    fn on(mut device: CpuDevice, model: &Model) -> Self {
        device.reserve_workspace(&LIMITS).unwrap();
        device.set_rope(model.rope.clone()).unwrap();
        let weights = [
            &model.embedding,
            &model.input_norm,
            &model.qkv,
            &model.qkv_bias,
            &model.query_norm,
            &model.key_norm,
            &model.output,
            &model.ffn_norm,
            &model.gate_up,
            &model.down,
            &model.final_norm,
        ]
        .map(|matrix| matrix.upload(&mut device));
        let cache = device.alloc_kv_cache(&LAYOUT, &[]).unwrap();
        Self { device, weights, cache }
    }

    fn buffer(&mut self, cols: usize) -> crate::CpuBuffer {
        self.device.alloc_buffer(BufferKind::Activation, 32, cols).unwrap()
    }

    /// Runs a step; gives the logits of its sampling rows and the sampled tokens.
    fn step(&mut self, input: &StepInput) -> (Vec<Vec<f32>>, Vec<u32>) {
        let rows = input.num_tokens();
        let [hidden, normed, qkv, attended, delta] =
            [HIDDEN, HIDDEN, QKV, NUM_HEADS * HEAD_DIM, HIDDEN].map(|cols| self.buffer(cols));
        let (mut hidden, mut normed, mut qkv) = (hidden, normed, qkv);
        let (mut attended, mut delta) = (attended, delta);
        let [mut gate_up, mut gated, mut last, mut logits] =
            [2 * FFN, FFN, HIDDEN, VOCAB].map(|cols| self.buffer(cols));
        let Self { device, weights, cache } = self;
        let [
            embedding,
            input_norm,
            w_qkv,
            bias,
            query_norm,
            key_norm,
            output,
            ffn_norm,
            w_gate_up,
            down,
            final_norm,
        ] = &*weights;
        let qkv_spec = QkvSpec {
            num_heads: NUM_HEADS,
            num_kv_heads: NUM_KV_HEADS,
            head_dim: HEAD_DIM,
            norm_eps: EPS,
        };
        let attention = AttentionSpec {
            num_heads: NUM_HEADS,
            scale: (HEAD_DIM as f32).powf(-0.5),
            sliding_window: None,
            soft_cap: None,
        };
        device.begin_step(input).unwrap();
        device.embed(embedding, 2.0, &mut hidden).unwrap();
        device.rms_norm(rows, &hidden, input_norm, EPS, &mut normed).unwrap();
        device.linear(rows, &normed, w_qkv, Some(bias), &mut qkv).unwrap();
        let qk_norm = Some((query_norm, key_norm));
        device.rope_and_cache(0, &mut qkv, &qkv_spec, qk_norm, cache).unwrap();
        device.paged_attention(0, &qkv, cache, &attention, &mut attended).unwrap();
        device.linear(rows, &attended, output, None, &mut delta).unwrap();
        device.add_rms_norm(rows, &mut hidden, &delta, ffn_norm, EPS, &mut normed).unwrap();
        device.linear(rows, &normed, w_gate_up, None, &mut gate_up).unwrap();
        device.silu_mul(rows, &gate_up, &mut gated).unwrap();
        device.linear(rows, &gated, down, None, &mut delta).unwrap();
        device.add_rms_norm(rows, &mut hidden, &delta, final_norm, EPS, &mut normed).unwrap();
        device.gather_rows(&normed, &mut last).unwrap();
        let num_sampled = input.sample.len();
        device.linear(num_sampled, &last, embedding, None, &mut logits).unwrap();
        let rows = (0..num_sampled).map(|row| device.read_row(&logits, row).unwrap()).collect();
        let mut sampled = Vec::new();
        device.sample(&mut logits).unwrap();
        assert_eq!(device.finish_step().unwrap(), StepEnd::Launched);
        device.collect(&mut sampled).unwrap();
        (rows, sampled.iter().map(|sampled| sampled.token).collect())
    }
}

fn admitted(slot: u32) -> AdmittedSeq {
    let params = Arc::new(SamplingParams::greedy());
    AdmittedSeq { slot: SamplerSlot(slot), params, tokens: Vec::new(), num_prompt: 0 }
}

fn push_seq(input: &mut StepInput, slot: u32, tokens: &[u32], start: usize, table: &[u32]) {
    if input.query_start_loc.is_empty() {
        input.query_start_loc.push(0);
        input.block_table_start.push(0);
    }
    for (i, &token) in tokens.iter().enumerate() {
        let position = (start + i) as u32;
        input.token_ids.push(token);
        input.positions.push(position);
        input.slot_mapping.push(table[position as usize / 8] * 8 + position % 8);
    }
    input.query_start_loc.push(input.token_ids.len() as u32);
    input.seq_lens.push((start + tokens.len()) as u32);
    input.block_tables.extend(table);
    input.block_table_start.push(input.block_tables.len() as u32);
    input.logits_indices.push(input.token_ids.len() as u32 - 1);
    input.sample.push(SampleRow { slot: SamplerSlot(slot), num_output: 0 });
}

const FIRST: [u32; 13] = [3, 1, 4, 1, 5, 9, 2, 6, 5, 35, 8, 9, 7];
const SECOND: [u32; 9] = [2, 7, 1, 8, 2, 8, 18, 28, 4];

#[test]
fn a_layer_matches_naive_f64_batched_and_chunked() {
    let model = Model::new();
    let expect = [model.naive(&FIRST), model.naive(&SECOND)];
    for_each_isa(|isa| {
        for num_threads in [1, 2] {
            let mut runner = Runner::new(isa, num_threads, &model);
            let mut input = StepInput::default();
            push_seq(&mut input, 0, &FIRST[..12], 0, &[5, 3]);
            input.logits_indices.clear();
            input.sample.clear();
            push_seq(&mut input, 1, &SECOND, 0, &[7, 2]);
            input.admitted = vec![admitted(0), admitted(1)];
            let (second, second_token) = runner.step(&input);
            let mut input = StepInput::default();
            push_seq(&mut input, 0, &FIRST[12..], 12, &[5, 3]);
            let (first, first_token) = runner.step(&input);
            let best = |logits: &[f64]| {
                (0..VOCAB).max_by(|a, b| logits[*a].total_cmp(&logits[*b])).unwrap() as u32
            };
            for (got, expect) in [(&first[0], &expect[0]), (&second[0], &expect[1])] {
                for (got, expect) in got.iter().zip(expect) {
                    // Measured floor 5e-7 over a dozen dependent operations; bound ten times that.
                    assert_close(*got, *expect, 5e-6, &format!("{isa} {num_threads} threads"));
                }
            }
            assert_eq!((first_token[0], second_token[0]), (best(&expect[0]), best(&expect[1])));
        }
    });
}

#[test]
fn a_layer_with_bf16_activations_is_near_f64() {
    let model = Model::new();
    let expect = model.naive(&FIRST);
    for_each_isa(|isa| {
        let mut runner = Runner::on(device_with(isa, 2, Activations::Bf16), &model);
        let mut input = StepInput::default();
        push_seq(&mut input, 0, &FIRST, 0, &[5, 3]);
        input.admitted = vec![admitted(0)];
        let (logits, _) = runner.step(&input);
        let mut worst = 0.0f64;
        for (got, expect) in logits[0].iter().zip(&expect) {
            // Measured floor 3.1e-3; bound three times that.
            assert_close(*got, *expect, 0.01, &format!("{isa}"));
            worst = worst.max((f64::from(*got) - expect).abs());
        }
        println!("{isa}: {worst:.1e} is the largest error");
        let name = runner.device.name();
        assert!(name.ends_with("2 threads, bf16 activations)"), "{name}");
    });
}

#[test]
fn bf16_activations_take_matrices_in_bf16() {
    let mut device = device_with(Isa::Scalar, 1, Activations::Bf16);
    let values = [1.0f32, 1.0 + 1.0 / 256.0, 1.0 + 1.5 / 256.0, -3.0];
    let bytes: Vec<u8> = values.iter().flat_map(|v| v.to_le_bytes()).collect();
    let shape = TensorShape { dtype: DType::F32, rows: 2, cols: 2 };
    let weight = device.upload_weight(&[TensorView::new(shape, &bytes).unwrap()]).unwrap();
    let mut row = [0.0; 2];
    weight.matrix().dequantize_row(0, &mut row);
    assert_eq!(row, [1.0, 1.0], "halves go to even");
    weight.matrix().dequantize_row(1, &mut row);
    assert_eq!(row, [1.0078125, -3.0]);
    let halved = TensorShape { dtype: DType::BF16, ..shape };
    assert_eq!(device.weight_bytes(&[shape]), device.weight_bytes(&[halved]));
    assert_eq!(device.expands(DType::Q4_1), Some(DType::BF16));
    assert_eq!(device.expands(DType::F32), None, "not quantised");
}

#[test]
fn every_size_is_what_is_allocated() {
    for num_threads in [1, 3] {
        let mut device = device(Isa::detect(), num_threads);
        device.reserve_workspace(&LIMITS).unwrap();
        let allocated = device.workspace.as_ref().unwrap().allocated_bytes();
        assert_eq!(allocated, device.workspace_bytes(&LIMITS));
        let buffer = device.alloc_buffer(BufferKind::Logits, 3, 17).unwrap();
        let planned = device.buffer_bytes(BufferKind::Logits, 3, 17);
        assert_eq!(buffer.allocated_bytes(), planned);
        let cache = device.alloc_kv_cache(&LAYOUT, &[]).unwrap();
        assert_eq!(cache.allocated_bytes(), device.kv_cache_bytes(&LAYOUT));
    }
}

#[test]
fn vectors_are_stacked_and_widened() {
    let mut device = device(Isa::Scalar, 1);
    let singles: Vec<u8> = [1.5f32, -2.0].iter().flat_map(|v| v.to_le_bytes()).collect();
    let halves: Vec<u8> =
        [0.25f32, 8.0, 1.0].iter().flat_map(|v| half::f16::from_f32(*v).to_le_bytes()).collect();
    let shapes = [(DType::F32, 2), (DType::F16, 3)].map(|(dtype, cols)| TensorShape {
        dtype,
        rows: 1,
        cols,
    });
    let parts = [
        TensorView::new(shapes[0], &singles).unwrap(),
        TensorView::new(shapes[1], &halves).unwrap(),
    ];
    let CpuWeight::Vector(values) = device.upload_weight(&parts).unwrap() else {
        panic!("parts of one row are a vector")
    };
    assert_eq!(values, [1.5, -2.0, 0.25, 8.0, 1.0]);
    assert_eq!(device.weight_bytes(&shapes), values.capacity() * 4);
}

#[test]
fn violations_of_the_step_contract_fail_the_step() {
    let model = Model::new();
    let mut runner = Runner::new(Isa::detect(), 1, &model);
    let mut step = |tokens: &[u32], start: usize, table: &[u32]| {
        let mut input = StepInput::default();
        push_seq(&mut input, 0, tokens, start, table);
        let mut hidden = runner.buffer(HIDDEN);
        let mut qkv = runner.buffer(QKV);
        let Runner { device, weights, cache } = &mut runner;
        device.begin_step(&input)?;
        device.embed(&weights[0], 1.0, &mut hidden)?;
        let spec = QkvSpec {
            num_heads: NUM_HEADS,
            num_kv_heads: NUM_KV_HEADS,
            head_dim: HEAD_DIM,
            norm_eps: EPS,
        };
        device.rope_and_cache(0, &mut qkv, &spec, None, cache)
    };
    step(&[1, 2], 0, &[15]).unwrap();
    let too_long = vec![0; 33];
    for (error, word) in [
        (step(&[1, 40], 0, &[0]).unwrap_err(), "token 40"),
        (step(&[1], 0, &[16]).unwrap_err(), "block 16"),
        (step(&[1], 64, &[0; 9]).unwrap_err(), "position 64"),
        (step(&too_long, 0, &[0; 5]).unwrap_err(), "33 tokens"),
    ] {
        assert!(error.to_string().contains(word), "{error} has no {word:?}");
    }
}

#[test]
fn configurations_that_cannot_work_are_refused() {
    let error = CpuDevice::new(CpuConfig { num_threads: Some(0), ..CpuConfig::default() });
    assert!(error.err().unwrap().to_string().contains("threads"));
    let device = device(Isa::Scalar, 1);
    device.check(&LAYOUT, &LIMITS).expect("what the other tests run");
    let limits = StepLimits { num_heads: 5, ..LIMITS };
    let error = device.check(&LAYOUT, &limits).unwrap_err();
    assert!(error.to_string().contains("5 query heads over 2 KV heads"), "{error}");
    assert_eq!(device.name(), "cpu (scalar, 1 thread)");
}
