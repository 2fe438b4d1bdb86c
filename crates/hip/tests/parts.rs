//! Decode attention of more segments than there is room for partial results: launched by parts, with
//! the bits that each sequence has alone. On the emulated MI300X; no hardware takes part.
#![forbid(unsafe_code)]

mod toy;

use backend::{
    AttentionSpec, BufferKind, DType, Device, KvDType, KvLayout, LayerOps, QkvSpec, RopeTable,
    StepLimits, TensorShape, TensorView,
};
use hip::{HipBuffer, HipDevice, HipKvCache, HipWeight};
use types::StepInput;

const HEADS: usize = 2;
const HEAD_DIM: usize = 32;
const QKV: usize = (HEADS + 2) * HEAD_DIM;
const VOCAB: usize = 50;
const BLOCK: usize = 16;
/// Blocks that hold something; long tables name them over and over.
const NUM_BLOCKS: usize = 8;
/// 416 segments of 256 tokens: nine sequences of them have room at once, and there are ten.
const LONG: usize = 106_400;
const LENGTHS: [usize; 10] = [LONG, 1, 300, 17, 2000, 256, 257, 5, 90_001, LONG - 300];
const LIMITS: StepLimits = StepLimits {
    max_num_seqs: LENGTHS.len(),
    max_num_batched_tokens: NUM_BLOCKS * BLOCK,
    max_model_len: 1 << 17,
    vocab_size: VOCAB,
    max_linear_cols: QKV,
    num_heads: HEADS,
    num_kv_heads: 1,
    head_dim: HEAD_DIM,
    block_size: BLOCK,
};

struct Bench {
    device: HipDevice,
    table: HipWeight,
    qkv: HipBuffer,
    out: HipBuffer,
    cache: HipKvCache,
}

impl Bench {
    /// A device whose cache's blocks are all filled.
    fn new() -> Self {
        let mut device = HipDevice::new(&toy::config(8)).expect("the emulator is a device");
        device.reserve_workspace(&LIMITS).expect("there is room");
        let number = |i: usize| ((i * 37 + i * i % 1009) % 509) as f32 / 127.0 - 2.0;
        let bytes: Vec<u8> = (0..VOCAB * QKV).flat_map(|i| number(i).to_le_bytes()).collect();
        let shape = TensorShape { dtype: DType::F32, rows: VOCAB, cols: QKV };
        let view = TensorView::new(shape, &bytes).expect("sizes agree");
        let table = device.upload_weight(&[view]).expect("the table fits");
        let tokens = NUM_BLOCKS * BLOCK;
        let mut rows =
            |cols| device.alloc_buffer(BufferKind::Activation, tokens, cols).expect("room");
        let (qkv, out) = (rows(QKV), rows(HEADS * HEAD_DIM));
        let layout = KvLayout {
            num_layers: 1,
            num_blocks: NUM_BLOCKS,
            block_size: BLOCK,
            num_kv_heads: 1,
            head_dim: HEAD_DIM,
            dtype: KvDType::BF16,
        };
        let cache = device.alloc_kv_cache(&layout, &[]).expect("there is room");
        let angles = |f: fn(f32) -> f32| (0..tokens * 8).map(|i| f(i as f32 * 0.01)).collect();
        let rope = RopeTable { rotary_dim: 16, cos: angles(f32::cos), sin: angles(f32::sin) };
        device.set_rope(rope).expect("the table is whole");
        let mut bench = Self { device, table, qkv, out, cache };
        bench.fill(tokens);
        bench
    }

    fn fill(&mut self, num_tokens: usize) {
        let all: Vec<u32> = (0..num_tokens as u32).collect();
        let input = StepInput {
            token_ids: all.iter().map(|i| i * 7 % VOCAB as u32).collect(),
            positions: all.clone(),
            slot_mapping: all,
            query_start_loc: vec![0, num_tokens as u32],
            seq_lens: vec![num_tokens as u32],
            block_tables: (0..NUM_BLOCKS as u32).collect(),
            block_table_start: vec![0, NUM_BLOCKS as u32],
            ..StepInput::default()
        };
        let spec =
            QkvSpec { num_heads: HEADS, num_kv_heads: 1, head_dim: HEAD_DIM, norm_eps: 1e-6 };
        let Self { device, table, qkv, cache, .. } = self;
        device.begin_step(&input).expect("the step is possible");
        device.embed(table, 1.0, qkv).expect("it runs");
        device.rope_and_cache(0, qkv, &spec, None, cache).expect("it runs");
    }

    /// One token of each sequence over what its table names; a row of output each.
    fn attend(&mut self, seqs: &[usize]) -> Vec<Vec<f32>> {
        let mut input = StepInput { query_start_loc: vec![0], ..StepInput::default() };
        input.block_table_start.push(0);
        for (row, &seq) in (1..).zip(seqs) {
            let len = LENGTHS[seq];
            input.token_ids.push(seq as u32 * 3 + 1);
            input.positions.push(len as u32 - 1);
            input.slot_mapping.push(0);
            input.query_start_loc.push(row);
            input.seq_lens.push(len as u32);
            let block = |idx: usize| ((idx * 5 + seq + idx / 64) % NUM_BLOCKS) as u32;
            input.block_tables.extend((0..len.div_ceil(BLOCK)).map(block));
            input.block_table_start.push(input.block_tables.len() as u32);
        }
        let spec =
            AttentionSpec { num_heads: HEADS, scale: 0.2, sliding_window: None, soft_cap: None };
        let Self { device, table, qkv, out, cache } = self;
        device.begin_step(&input).expect("the step is possible");
        device.embed(table, 1.0, qkv).expect("it runs");
        device.paged_attention(0, qkv, cache, &spec, out).expect("it runs");
        (0..seqs.len()).map(|row| device.read_row(out, row).expect("the row is there")).collect()
    }
}

#[test]
fn sequences_have_the_bits_that_they_have_alone() {
    let mut bench = Bench::new();
    let all: Vec<usize> = (0..LENGTHS.len()).collect();
    let together = bench.attend(&all);
    let mut distinct = together.clone();
    distinct.dedup();
    assert_eq!(distinct.len(), all.len(), "each says something of its own");
    for seq in all {
        assert_eq!(bench.attend(&[seq]), [together[seq].clone()], "{} tokens", LENGTHS[seq]);
    }
}

#[test]
fn the_workspace_is_bounded_where_context_and_batch_are_large() {
    let device = HipDevice::new(&toy::config(0)).expect("the emulator is a device");
    let limits = |max_num_seqs, max_model_len| StepLimits {
        max_num_seqs,
        max_model_len,
        num_heads: 32,
        num_kv_heads: 8,
        head_dim: 128,
        ..LIMITS
    };
    // Beside partial results: block tables of two steps under way, and the samplers' slots.
    let tables = 2 * 256 * (1 << 17) / BLOCK * 4;
    let short = device.workspace_bytes(&limits(256, 256));
    let long = device.workspace_bytes(&limits(256, 1 << 17));
    let partials = 4096 * 32 * (128 + 2) * 4;
    assert!(long - short <= tables + partials, "{} MB", (long - short) >> 20);
}
