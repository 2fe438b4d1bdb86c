//! A decoder of two layers with made-up weights on the emulated GPU, and sequences that are driven
//! through it as the engine does: some steps ahead, joining, leaving and coming again.
#![allow(dead_code, reason = "each test takes what it needs")]

#[path = "../emulator/mod.rs"]
mod emulator;

use std::collections::VecDeque;
use std::sync::Arc;

use backend::{
    AddNorm, AttentionSpec, BufferKind, DType, Device, DeviceError, KvDType, KvLayout, LayerOps,
    QkvSpec, RopeTable, StepEnd, StepLimits, StepRows, StepRun, TensorShape, TensorView,
};
pub(crate) use emulator::emulator;
use hip::{HipBuffer, HipConfig, HipDevice, HipKvCache, HipWeight};
use types::{
    AdmittedSeq, DeferredToken, SampleRow, Sampled, SamplerSlot, SamplingParams, StepInput,
};

const HIDDEN: usize = 64;
const VOCAB: usize = 211;
const HEADS: usize = 4;
const KV_HEADS: usize = 2;
const HEAD_DIM: usize = 16;
const QKV: usize = (HEADS + 2 * KV_HEADS) * HEAD_DIM;
const FFN: usize = 96;
const LAYERS: usize = 2;
const BLOCK: usize = 16;
const NUM_BLOCKS: usize = 160;
const EPS: f32 = 1e-5;

pub(crate) const LIMITS: StepLimits = StepLimits {
    max_num_seqs: 10,
    max_num_batched_tokens: 320,
    max_model_len: 640,
    vocab_size: VOCAB,
    max_linear_cols: FFN,
    num_heads: HEADS,
    num_kv_heads: KV_HEADS,
    head_dim: HEAD_DIM,
    block_size: BLOCK,
};

pub(crate) fn config(max_graphs: usize) -> HipConfig {
    HipConfig { library: Some(emulator()), max_graphs, ..HipConfig::default() }
}

struct Layer {
    norm: HipWeight,
    qkv: HipWeight,
    o: HipWeight,
    ffn_norm: HipWeight,
    gate_up: HipWeight,
    down: HipWeight,
}

struct Buffers {
    residual: HipBuffer,
    normed: HipBuffer,
    scratch: HipBuffer,
    qkv: HipBuffer,
    attention: HipBuffer,
    activated: HipBuffer,
    gathered: HipBuffer,
    logits: HipBuffer,
}

/// The model on the device.
pub(crate) struct Toy {
    pub(crate) device: HipDevice,
    embedding: HipWeight,
    layers: Vec<Layer>,
    norm: HipWeight,
    buffers: Buffers,
    cache: HipKvCache,
}

/// Numbers as a matrix of f32 in memory.
fn bytes(len: usize, seed: usize, number: impl Fn(f32) -> f32) -> Vec<u8> {
    let value = |i: usize| ((i * 37 + seed * 1013 + i * i % 1009) % 509) as f32 / 254.0 - 1.0;
    (0..len).flat_map(|i| number(value(i)).to_le_bytes()).collect()
}

fn view(bytes: &[u8], rows: usize) -> TensorView<'_> {
    let shape = TensorShape { dtype: DType::F32, rows, cols: bytes.len() / 4 / rows };
    TensorView::new(shape, bytes).expect("sizes agree")
}

fn norm(device: &mut HipDevice, seed: usize) -> Result<HipWeight, DeviceError> {
    device.upload_weight(&[view(&bytes(HIDDEN, seed, |x| 1.0 + 0.2 * x), 1)])
}

fn layer(device: &mut HipDevice, seed: usize) -> Result<Layer, DeviceError> {
    let matrix = |rows: usize, cols: usize, seed| {
        bytes(rows * cols, seed, |x| x * 1.6 / (cols as f32).sqrt())
    };
    let (gate, up) = (matrix(FFN, HIDDEN, seed), matrix(FFN, HIDDEN, seed + 1));
    let mut upload =
        |rows, cols, seed| device.upload_weight(&[view(&matrix(rows, cols, seed), rows)]);
    Ok(Layer {
        qkv: upload(QKV, HIDDEN, seed + 2)?,
        o: upload(HIDDEN, HEADS * HEAD_DIM, seed + 3)?,
        down: upload(HIDDEN, FFN, seed + 4)?,
        gate_up: device.upload_gate_up(view(&gate, FFN), view(&up, FFN))?,
        norm: norm(device, seed + 5)?,
        ffn_norm: norm(device, seed + 6)?,
    })
}

impl Toy {
    /// Loads it as the executor does.
    pub(crate) fn load(config: &HipConfig) -> Result<Self, DeviceError> {
        let opened = HipDevice::new(config);
        let mut device =
            opened.map_err(|failure| failure.into_device_error("hip:0", "the device"))?;
        let table = bytes(VOCAB * HIDDEN, 1, |x| x * 0.2);
        let embedding = device.upload_weight(&[view(&table, VOCAB)])?;
        let layers = (0..LAYERS).map(|idx| layer(&mut device, 10 * idx + 2));
        let layers = layers.collect::<Result<Vec<_>, _>>()?;
        let norm = norm(&mut device, 78)?;
        let half = HEAD_DIM / 2;
        let angle = |i: usize| (i / half) as f32 * 100f32.powf(-((i % half) as f32) / half as f32);
        let angles = |f: fn(f32) -> f32| {
            (0..LIMITS.max_model_len * half).map(|i| f(angle(i))).collect::<Vec<f32>>()
        };
        let (cos, sin) = (angles(f32::cos), angles(f32::sin));
        device.set_rope(RopeTable { rotary_dim: HEAD_DIM, cos, sin })?;
        device.reserve_workspace(&LIMITS)?;
        let (tokens, seqs) = (LIMITS.max_num_batched_tokens, LIMITS.max_num_seqs);
        let mut rows = |cols| device.alloc_buffer(BufferKind::Activation, tokens, cols);
        let buffers = Buffers {
            residual: rows(HIDDEN)?,
            normed: rows(HIDDEN)?,
            scratch: rows(2 * FFN)?,
            qkv: rows(QKV)?,
            attention: rows(HEADS * HEAD_DIM)?,
            activated: rows(FFN)?,
            gathered: device.alloc_buffer(BufferKind::Activation, seqs, HIDDEN)?,
            logits: device.alloc_buffer(BufferKind::Logits, seqs, VOCAB)?,
        };
        let layout = KvLayout {
            num_layers: LAYERS,
            num_blocks: NUM_BLOCKS,
            block_size: BLOCK,
            num_kv_heads: KV_HEADS,
            head_dim: HEAD_DIM,
            dtype: KvDType::BF16,
        };
        let cache = device.alloc_kv_cache(&layout, &[])?;
        Ok(Self { device, embedding, layers, norm, buffers, cache })
    }

    fn compute(&mut self, rows: StepRows, has_samples: bool) -> Result<(), DeviceError> {
        let Self { device, embedding, layers, norm, buffers: b, cache } = self;
        let (rows, num_logits) = (rows.num_tokens, rows.num_logits);
        let qkv_spec =
            QkvSpec { num_heads: HEADS, num_kv_heads: KV_HEADS, head_dim: HEAD_DIM, norm_eps: EPS };
        let spec =
            AttentionSpec { num_heads: HEADS, scale: 0.25, sliding_window: None, soft_cap: None };
        device.embed(embedding, 1.0, &mut b.residual)?;
        device.rms_norm(rows, &b.residual, &layers[0].norm, EPS, &mut b.normed)?;
        for (idx, layer) in layers.iter().enumerate() {
            device.linear(rows, &b.normed, &layer.qkv, None, &mut b.qkv)?;
            device.rope_and_cache(idx, &mut b.qkv, &qkv_spec, None, cache)?;
            device.paged_attention(idx, &b.qkv, cache, &spec, &mut b.attention)?;
            let to = AddNorm {
                residual: &mut b.residual,
                norm: &layer.ffn_norm,
                eps: EPS,
                out: &mut b.normed,
                scratch: &mut b.scratch,
            };
            device.linear_add_norm(rows, &b.attention, &layer.o, to)?;
            let (gate_up, scratch) = (&layer.gate_up, &mut b.scratch);
            device.linear_silu_mul(rows, &b.normed, gate_up, scratch, &mut b.activated)?;
            let to = AddNorm {
                residual: &mut b.residual,
                norm: layers.get(idx + 1).map_or(&*norm, |next| &next.norm),
                eps: EPS,
                out: &mut b.normed,
                scratch: &mut b.scratch,
            };
            device.linear_add_norm(rows, &b.activated, &layer.down, to)?;
        }
        device.gather_rows(&b.normed, &mut b.gathered)?;
        device.lm_head(num_logits, &b.gathered, embedding, &mut b.logits)?;
        if has_samples { device.sample(&mut b.logits) } else { Ok(()) }
    }

    /// Puts a step under way.
    pub(crate) fn launch(&mut self, input: &StepInput) -> Result<(), DeviceError> {
        loop {
            if let StepRun::Compute(rows) = self.device.begin_step(input)? {
                self.compute(rows, !input.sample.is_empty())?;
            }
            if self.device.finish_step()? == StepEnd::Launched {
                return Ok(());
            }
        }
    }
}

/// A sequence: what is known of its tokens, and where it runs.
pub(crate) struct Seq {
    params: Arc<SamplingParams>,
    num_prompt: usize,
    /// `None` is sampled but not collected.
    pub(crate) tokens: Vec<Option<u32>>,
    num_computed: usize,
    slot: u32,
    blocks: Vec<u32>,
    enters: bool,
}

/// Sequences on a model, up to `depth` steps under way.
pub(crate) struct Driver {
    pub(crate) toy: Toy,
    pub(crate) seqs: Vec<Seq>,
    depth: usize,
    /// Of each step under way, who samples which of its tokens.
    in_flight: VecDeque<Vec<(usize, usize)>>,
    next_block: u32,
}

impl Driver {
    pub(crate) fn new(toy: Toy, depth: usize) -> Self {
        Self { toy, seqs: Vec::new(), depth, in_flight: VecDeque::new(), next_block: 0 }
    }

    fn take_block(&mut self) -> u32 {
        self.next_block += 1;
        assert!(
            self.next_block as usize <= NUM_BLOCKS,
            "the script has more blocks than there are"
        );
        // Not in order, so that tables are no ranges.
        (self.next_block - 1) * 7 % NUM_BLOCKS as u32
    }

    /// A sequence with a prompt of `len` tokens; those of the same seed begin alike.
    pub(crate) fn join(
        &mut self,
        slot: u32,
        seed: u32,
        len: usize,
        params: SamplingParams,
    ) -> usize {
        let token = |i: usize| Some((seed * 31 + i as u32 * 17 + 5) % VOCAB as u32);
        self.seqs.push(Seq {
            params: Arc::new(params),
            num_prompt: len,
            tokens: (0..len).map(token).collect(),
            num_computed: 0,
            slot,
            blocks: Vec::new(),
            enters: true,
        });
        self.seqs.len() - 1
    }

    /// Gives a new sequence another's first blocks, which hold the same tokens.
    pub(crate) fn share_prefix(&mut self, seq: usize, other: usize, num_blocks: usize) {
        let blocks = self.seqs[other].blocks[..num_blocks].to_vec();
        self.seqs[seq].num_computed = num_blocks * BLOCK;
        self.seqs[seq].blocks = blocks;
    }

    /// Takes a sequence's blocks away; it comes again in another slot.
    pub(crate) fn preempt(&mut self, seq: usize, slot: u32) {
        self.collect_all();
        let seq = &mut self.seqs[seq];
        seq.blocks.clear();
        (seq.num_computed, seq.slot, seq.enters) = (0, slot, true);
    }

    fn push(&mut self, input: &mut StepInput, idx: usize, num: usize) -> Option<(usize, usize)> {
        let (start, end) = (self.seqs[idx].num_computed, self.seqs[idx].num_computed + num);
        while self.seqs[idx].blocks.len() < end.div_ceil(BLOCK) {
            let block = self.take_block();
            self.seqs[idx].blocks.push(block);
        }
        let seq = &mut self.seqs[idx];
        for position in start..end {
            let token_idx = input.token_ids.len() as u32;
            match seq.tokens[position] {
                Some(token) => input.token_ids.push(token),
                None => {
                    input.token_ids.push(0);
                    let slot = SamplerSlot(seq.slot);
                    input.deferred.push(DeferredToken { token_idx, slot });
                }
            }
            input.positions.push(position as u32);
            let slot = seq.blocks[position / BLOCK] as usize * BLOCK + position % BLOCK;
            input.slot_mapping.push(slot as u32);
        }
        input.query_start_loc.push(input.token_ids.len() as u32);
        input.seq_lens.push(end as u32);
        input.block_tables.extend(&seq.blocks);
        input.block_table_start.push(input.block_tables.len() as u32);
        if std::mem::take(&mut seq.enters) {
            let tokens: Vec<u32> = seq.tokens.iter().map(|t| t.expect("all is known")).collect();
            input.admitted.push(AdmittedSeq {
                slot: SamplerSlot(seq.slot),
                params: Arc::clone(&seq.params),
                tokens: if seq.params.has_penalties() { tokens } else { Vec::new() },
                num_prompt: seq.num_prompt as u32,
            });
        }
        seq.num_computed = end;
        if end < seq.tokens.len() {
            return None;
        }
        let num_output = (seq.tokens.len() - seq.num_prompt) as u32;
        input.logits_indices.push(input.token_ids.len() as u32 - 1);
        input.sample.push(SampleRow { slot: SamplerSlot(seq.slot), num_output });
        seq.tokens.push(None);
        Some((idx, seq.tokens.len() - 1))
    }

    /// A step of these sequences with so many new tokens each; all that are left of it for 0.
    pub(crate) fn step(&mut self, plan: &[(usize, usize)]) {
        while self.in_flight.len() >= self.depth {
            self.collect();
        }
        let mut input = StepInput { query_start_loc: vec![0], ..StepInput::default() };
        input.block_table_start.push(0);
        let mut rows = Vec::new();
        for &(idx, num) in plan {
            let left = self.seqs[idx].tokens.len() - self.seqs[idx].num_computed;
            rows.extend(self.push(&mut input, idx, if num == 0 { left } else { num }));
        }
        self.toy.launch(&input).expect("the step is possible");
        self.in_flight.push_back(rows);
    }

    /// `num` decode steps of these sequences.
    pub(crate) fn decode(&mut self, seqs: &[usize], num: usize) {
        let plan: Vec<(usize, usize)> = seqs.iter().map(|seq| (*seq, 1)).collect();
        (0..num).for_each(|_| self.step(&plan));
    }

    /// A decode step of sequences without others under way, up to its error.
    pub(crate) fn try_decode(&mut self, seqs: &[usize]) -> Result<(), DeviceError> {
        self.collect_all();
        let mut input = StepInput { query_start_loc: vec![0], ..StepInput::default() };
        input.block_table_start.push(0);
        let rows: Vec<_> = seqs.iter().filter_map(|seq| self.push(&mut input, *seq, 1)).collect();
        self.toy.launch(&input)?;
        let mut sampled = Vec::new();
        self.toy.device.collect(&mut sampled)?;
        for ((seq, at), sampled) in rows.into_iter().zip(sampled) {
            self.seqs[seq].tokens[at] = Some(sampled.token);
        }
        Ok(())
    }

    fn collect(&mut self) {
        let mut sampled: Vec<Sampled> = Vec::new();
        self.toy.device.collect(&mut sampled).expect("the step ends");
        let rows = self.in_flight.pop_front().expect("a step is under way");
        assert_eq!(sampled.len(), rows.len(), "a token for each row");
        for ((seq, at), sampled) in rows.into_iter().zip(sampled) {
            self.seqs[seq].tokens[at] = Some(sampled.token);
        }
    }

    /// Waits for all steps.
    pub(crate) fn collect_all(&mut self) {
        while !self.in_flight.is_empty() {
            self.collect();
        }
    }

    /// What each sequence has, prompt and output.
    pub(crate) fn texts(&mut self) -> Vec<Vec<u32>> {
        self.collect_all();
        let known = |seq: &Seq| seq.tokens.iter().map(|t| t.expect("all is known")).collect();
        self.seqs.iter().map(known).collect()
    }
}

/// A decode step of one greedy sequence of one token.
pub(crate) fn one_token(token: u32) -> StepInput {
    let slot = SamplerSlot(0);
    StepInput {
        token_ids: vec![token],
        positions: vec![0],
        slot_mapping: vec![0],
        query_start_loc: vec![0, 1],
        seq_lens: vec![1],
        block_tables: vec![0],
        block_table_start: vec![0, 1],
        logits_indices: vec![0],
        sample: vec![SampleRow { slot, num_output: 0 }],
        admitted: vec![AdmittedSeq {
            slot,
            params: Arc::new(SamplingParams::greedy()),
            tokens: Vec::new(),
            num_prompt: 0,
        }],
        deferred: Vec::new(),
    }
}
