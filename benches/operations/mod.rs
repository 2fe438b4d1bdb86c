//! The layer operations at a model's shapes, through the device's traits, one after the other.

use std::sync::Arc;

use backend::{
    AddNorm, AttentionSpec, BufferKind, DType, DeviceError, KvDType, KvLayout, LayerOps, QkvSpec,
    RopeTable, StepEnd, StepLimits, StepRun, TensorShape, TensorView,
};
use kernel_tests::ModelShape;
use types::{AdmittedSeq, SampleRow, SamplerSlot, SamplingParams, StepInput};

const HEAD_DIM: usize = 128;
const BLOCK_SIZE: usize = 16;
const EPS: f32 = 1e-6;

/// Sequences, tokens of each with the new ones, new tokens of each.
const STEPS: [(usize, usize, usize); 3] = [(1, 1024, 1), (8, 1024, 1), (1, 256, 256)];
const MAX_ROWS: usize = 256;
const MAX_SEQS: usize = 8;
const MAX_LEN: usize = 1024;

/// An operation and what it cannot do without.
pub(crate) struct Operation {
    /// Name, rows, context.
    pub(crate) name: String,
    /// Bytes read and written, each once; bf16 activations, weights and cache.
    pub(crate) least_bytes: f64,
    /// Multiply-adds count two.
    pub(crate) flops: f64,
}

/// Takes operations that are ready to be called.
pub(crate) trait Meter<D> {
    /// Everything is allocated.
    fn begin(&mut self) {}

    /// `call` does the operation once; `wait` returns when all calls are done.
    fn measure(
        &mut self,
        device: &mut D,
        operation: Operation,
        call: &mut dyn FnMut(&mut D),
        wait: &mut dyn FnMut(&mut D),
    );
}

/// Weights, activations and cache of one layer and the LM head.
struct Layer<D: LayerOps> {
    shape: ModelShape,
    norm: D::Weight,
    qkv_weight: D::Weight,
    o_weight: D::Weight,
    gate_up_weight: D::Weight,
    down_weight: D::Weight,
    head: D::Weight,
    hidden: D::Buffer,
    delta: D::Buffer,
    /// Of products that are added, and of gate and up.
    scratch: [D::Buffer; 2],
    normed: D::Buffer,
    qkv: D::Buffer,
    attended: D::Buffer,
    gate_up: D::Buffer,
    activated: D::Buffer,
    gathered: D::Buffer,
    logits: D::Buffer,
    cache: D::KvCache,
}

fn weight<D: LayerOps>(device: &mut D, dtype: DType, rows: usize, cols: usize) -> D::Weight {
    let shape = TensorShape { dtype, rows, cols };
    let bytes = vec![0; rows * dtype.row_bytes(cols).expect("plain rows")];
    let view = TensorView::new(shape, &bytes).expect("sizes agree");
    device.upload_weight(&[view]).expect("the weight fits")
}

fn gate_up<D: LayerOps>(device: &mut D, shape: &ModelShape) -> D::Weight {
    let (dtype, rows, cols) = (DType::BF16, shape.intermediate, shape.hidden);
    let bytes = vec![0; rows * dtype.row_bytes(cols).expect("plain rows")];
    let view = TensorView::new(TensorShape { dtype, rows, cols }, &bytes).expect("sizes agree");
    device.upload_gate_up(view, view).expect("the weight fits")
}

fn limits(shape: &ModelShape) -> StepLimits {
    StepLimits {
        max_num_seqs: MAX_SEQS,
        max_num_batched_tokens: MAX_ROWS,
        max_model_len: MAX_LEN,
        vocab_size: shape.vocab,
        max_linear_cols: shape.intermediate.max(shape.hidden),
        num_heads: shape.num_heads,
        num_kv_heads: shape.num_kv_heads,
        head_dim: HEAD_DIM,
        block_size: BLOCK_SIZE,
    }
}

impl<D: LayerOps> Layer<D> {
    fn new(device: &mut D, shape: &ModelShape) -> Self {
        let half = HEAD_DIM / 2;
        let (cos, sin) = (vec![1.0; MAX_LEN * half], vec![0.0; MAX_LEN * half]);
        let rope = RopeTable { rotary_dim: HEAD_DIM, cos, sin };
        device.set_rope(rope).expect("the table fits");
        let [qkv, o, _, down] = shape.layer_products();
        let mut matrix = |(n, k)| weight(device, DType::BF16, n, k);
        let (qkv_weight, o_weight, down_weight) = (matrix(qkv), matrix(o), matrix(down));
        let head = matrix((shape.vocab, shape.hidden));
        let gate_up_weight = gate_up(device, shape);
        let norm = weight(device, DType::F32, 1, shape.hidden);
        device.reserve_workspace(&limits(shape)).expect("the workspace fits");
        let layout = KvLayout {
            num_layers: 1,
            num_blocks: MAX_SEQS * MAX_LEN / BLOCK_SIZE,
            block_size: BLOCK_SIZE,
            num_kv_heads: shape.num_kv_heads,
            head_dim: HEAD_DIM,
            dtype: KvDType::BF16,
        };
        let mut buffer =
            |kind, rows, cols| device.alloc_buffer(kind, rows, cols).expect("the buffer fits");
        let scratch = [shape.hidden, 2 * shape.intermediate]
            .map(|cols| buffer(BufferKind::Scratch, MAX_ROWS, cols));
        let mut rows = |cols| buffer(BufferKind::Activation, MAX_ROWS, cols);
        let heads = shape.num_heads * HEAD_DIM;
        Self {
            shape: *shape,
            norm,
            qkv_weight,
            o_weight,
            gate_up_weight,
            down_weight,
            head,
            scratch,
            hidden: rows(shape.hidden),
            delta: rows(shape.hidden),
            normed: rows(shape.hidden),
            qkv: rows(heads + 2 * shape.num_kv_heads * HEAD_DIM),
            attended: rows(heads),
            gate_up: rows(2 * shape.intermediate),
            activated: rows(shape.intermediate),
            gathered: buffer(BufferKind::Activation, MAX_SEQS, shape.hidden),
            logits: buffer(BufferKind::Logits, MAX_SEQS, shape.vocab),
            cache: device.alloc_kv_cache(&layout, &[]).expect("the cache fits"),
        }
    }
}

/// A step; its rows are sampled only where `samples`.
fn input((batch, len, new): (usize, usize, usize), samples: bool) -> StepInput {
    let at = |seq: usize| (seq * MAX_LEN) as u32;
    let seqs = || (0..batch).flat_map(move |seq| (len - new..len).map(move |pos| (seq, pos)));
    let blocks = len.div_ceil(BLOCK_SIZE);
    let block = |seq: usize| (0..blocks).map(move |idx| at(seq) / BLOCK_SIZE as u32 + idx as u32);
    let slots = || (0..batch as u32).filter(|_| samples).map(SamplerSlot);
    StepInput {
        token_ids: vec![0; batch * new],
        positions: seqs().map(|(_, pos)| pos as u32).collect(),
        slot_mapping: seqs().map(|(seq, pos)| at(seq) + pos as u32).collect(),
        query_start_loc: (0..=batch).map(|seq| (seq * new) as u32).collect(),
        seq_lens: vec![len as u32; batch],
        block_tables: (0..batch).flat_map(block).collect(),
        block_table_start: (0..=batch).map(|seq| (seq * blocks) as u32).collect(),
        logits_indices: (1..=batch).map(|seq| (seq * new) as u32 - 1).collect(),
        sample: slots().map(|slot| SampleRow { slot, num_output: 0 }).collect(),
        admitted: slots().map(admitted).collect(),
        deferred: Vec::new(),
    }
}

fn admitted(slot: SamplerSlot) -> AdmittedSeq {
    let params = Arc::new(SamplingParams::greedy());
    AdmittedSeq { slot, params, tokens: Vec::new(), num_prompt: 0 }
}

/// Gives every operation of every step to the meter.
pub(crate) fn run<D: LayerOps>(device: &mut D, shape: &ModelShape, meter: &mut dyn Meter<D>) {
    let mut layer = Layer::new(device, shape);
    meter.begin();
    for step in STEPS {
        let run = device.begin_step(&input(step, false)).expect("the step is valid");
        assert!(matches!(run, StepRun::Compute(_)), "a step without samples is computed");
        row_operations(device, &mut layer, step, meter);
        products(device, &mut layer, step, meter);
        attention(device, &mut layer, step, meter);
        device.finish_step().expect("the step ends");
        device.collect(&mut Vec::new()).expect("the step ends");
        sample(device, &mut layer, step, meter);
    }
}

fn named(what: &str, (batch, len, new): (usize, usize, usize)) -> String {
    match new {
        1 => format!("{what}, {batch} x {len}"),
        _ => format!("{what}, prompt of {len}"),
    }
}

/// Waits by reading a row of what was written.
macro_rules! measure {
    ($meter:ident, $device:ident, $operation:expr, $call:expr, $out:expr) => {{
        let out = std::cell::RefCell::new(&mut $out);
        let mut call = |device: &mut D| {
            let result: Result<(), DeviceError> = $call(device, &mut **out.borrow_mut());
            result.expect("the operation is valid");
        };
        let mut wait = |device: &mut D| {
            let row = device.read_row(&**out.borrow(), 0);
            row.expect("the operation is valid");
        };
        $meter.measure($device, $operation, &mut call, &mut wait);
    }};
}

fn row_operations<D: LayerOps>(
    device: &mut D,
    layer: &mut Layer<D>,
    step: (usize, usize, usize),
    meter: &mut dyn Meter<D>,
) {
    let (rows, seqs) = (step.0 * step.2, step.0);
    let (hidden, ffn) = (layer.shape.hidden, layer.shape.intermediate);
    let operation = |name: &str, numbers: usize| Operation {
        name: named(name, step),
        least_bytes: (2 * numbers) as f64,
        flops: 0.0,
    };
    let (head, norm, x) = (&layer.head, &layer.norm, &layer.hidden);
    let embed = |device: &mut D, out: &mut D::Buffer| device.embed(head, 1.0, out);
    measure!(meter, device, operation("embed", 2 * rows * hidden), embed, layer.normed);
    let rms_norm = |device: &mut D, out: &mut D::Buffer| device.rms_norm(rows, x, norm, EPS, out);
    measure!(meter, device, operation("rms_norm", 2 * rows * hidden), rms_norm, layer.normed);
    let (delta, normed) = (&layer.delta, &mut layer.normed);
    let mut add_rms_norm = |device: &mut D, residual: &mut D::Buffer| {
        device.add_rms_norm(rows, residual, delta, norm, EPS, normed)
    };
    let name = operation("add_rms_norm", 4 * rows * hidden);
    measure!(meter, device, name, add_rms_norm, layer.hidden);
    let gate_up = &layer.gate_up;
    let silu_mul = |device: &mut D, out: &mut D::Buffer| device.silu_mul(rows, gate_up, out);
    measure!(meter, device, operation("silu_mul", 3 * rows * ffn), silu_mul, layer.activated);
    let x = &layer.normed;
    let gather = |device: &mut D, out: &mut D::Buffer| device.gather_rows(x, out);
    measure!(meter, device, operation("gather_rows", 2 * seqs * hidden), gather, layer.gathered);
}

fn product(step: (usize, usize, usize), name: &str, [m, n, k]: [usize; 3]) -> Operation {
    Operation {
        name: named(&format!("{name} {n} x {k}"), step),
        least_bytes: (2 * (n * k + m * k + m * n)) as f64,
        flops: (2 * m * n * k) as f64,
    }
}

fn products<D: LayerOps>(
    device: &mut D,
    layer: &mut Layer<D>,
    step: (usize, usize, usize),
    meter: &mut dyn Meter<D>,
) {
    let rows = step.0 * step.2;
    let shape = layer.shape;
    let [qkv, o, gate_up, down] = shape.layer_products();
    let operation = |name, (n, k)| product(step, name, [rows, n, k]);

    let Layer { norm, hidden, normed, scratch: [added, gates], activated, .. } = layer;
    let (x, weight) = (&*normed, &layer.qkv_weight);
    let linear = |device: &mut D, out: &mut D::Buffer| device.linear(rows, x, weight, None, out);
    measure!(meter, device, operation("linear", qkv), linear, layer.qkv);

    let cases = [(&layer.attended, &layer.o_weight, o), (&*activated, &layer.down_weight, down)];
    for (x, weight, size) in cases {
        let mut add_norm = |device: &mut D, residual: &mut D::Buffer| {
            let to = AddNorm { residual, norm, eps: EPS, out: normed, scratch: added };
            device.linear_add_norm(rows, x, weight, to)
        };
        measure!(meter, device, operation("linear_add_norm", size), add_norm, *hidden);
    }
    let (x, weight) = (&*normed, &layer.gate_up_weight);
    let mut silu_mul =
        |device: &mut D, out: &mut D::Buffer| device.linear_silu_mul(rows, x, weight, gates, out);
    measure!(meter, device, operation("linear_silu_mul", gate_up), silu_mul, *activated);

    let (x, weight) = (&layer.gathered, &layer.head);
    let head = |device: &mut D, out: &mut D::Buffer| device.lm_head(step.0, x, weight, out);
    let operation = product(step, "lm_head", [step.0, shape.vocab, shape.hidden]);
    measure!(meter, device, operation, head, layer.logits);
}

fn attention<D: LayerOps>(
    device: &mut D,
    layer: &mut Layer<D>,
    step: (usize, usize, usize),
    meter: &mut dyn Meter<D>,
) {
    let (batch, len, new) = step;
    let rows = batch * new;
    let ModelShape { num_heads, num_kv_heads, .. } = layer.shape;
    let (q, kv) = (num_heads * HEAD_DIM, num_kv_heads * HEAD_DIM);
    let spec = QkvSpec { num_heads, num_kv_heads, head_dim: HEAD_DIM, norm_eps: EPS };
    let cache = &mut layer.cache;
    let mut rope =
        |device: &mut D, qkv: &mut D::Buffer| device.rope_and_cache(0, qkv, &spec, None, cache);
    let operation = Operation {
        name: named("rope_and_cache", step),
        least_bytes: (2 * rows * (2 * q + 4 * kv)) as f64,
        flops: 0.0,
    };
    measure!(meter, device, operation, rope, layer.qkv);
    let spec = AttentionSpec { num_heads, scale: 0.088, sliding_window: None, soft_cap: None };
    let (qkv, cache) = (&layer.qkv, &layer.cache);
    let attend =
        |device: &mut D, out: &mut D::Buffer| device.paged_attention(0, qkv, cache, &spec, out);
    let pairs = batch * (new * (len - new) + new * (new + 1) / 2);
    let operation = Operation {
        name: named("paged_attention", step),
        least_bytes: (2 * (batch * len * 2 * kv + 2 * rows * q)) as f64,
        flops: (4 * pairs * q) as f64,
    };
    measure!(meter, device, operation, attend, layer.attended);
}

/// Sampling belongs to a step whose logits the LM head made: the time has its beginning, its end and
/// the LM head in it.
fn sample<D: LayerOps>(
    device: &mut D,
    layer: &mut Layer<D>,
    step: (usize, usize, usize),
    meter: &mut dyn Meter<D>,
) {
    let input = input(step, true);
    let Layer { logits, gathered, head, shape, .. } = layer;
    let mut sampled = Vec::new();
    let operation = product(step, "lm_head, greedy sample", [step.0, shape.vocab, shape.hidden]);
    let mut call = |device: &mut D| {
        sampled.clear();
        loop {
            if let StepRun::Compute(_) = device.begin_step(&input).expect("the step is valid") {
                device.lm_head(step.0, gathered, head, logits).expect("the step is valid");
                device.sample(logits).expect("the step is valid");
            }
            let end = device.finish_step().expect("the step ends");
            if end == StepEnd::Launched {
                break;
            }
        }
        device.collect(&mut sampled).expect("the step ends");
    };
    meter.measure(device, operation, &mut call, &mut |_| ());
}
