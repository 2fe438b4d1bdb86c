//! Each layer operation on the HIP backend, on the emulated MI300X, against the same operation of the
//! CPU backend with bf16 activations, at sizes that leave every tile partly empty. No hardware takes
//! part.
//!
//! Both backends round to bf16 at the same places and sum in f32 in different orders, so nearly all
//! stored numbers must be the same bits, and the others neighbours.
#![forbid(unsafe_code)]

#[path = "../emulator/mod.rs"]
mod emulator;

mod attention;
mod matrices;
mod rows;

use backend::{
    BufferKind, DType, Device, KvDType, KvLayout, LayerOps, StepLimits, TensorShape, TensorView,
};
use cpu::{Activations, CpuConfig, CpuDevice};
use half::bf16;
use hip::{HipConfig, HipDevice};
use types::StepInput;

/// The largest steps here.
const LIMITS: StepLimits = StepLimits {
    max_num_seqs: 160,
    max_num_batched_tokens: 640,
    max_model_len: 1024,
    vocab_size: 1000,
    max_linear_cols: 9000,
    num_heads: 4,
    num_kv_heads: 2,
    head_dim: 16,
    block_size: 16,
};

fn hip(limits: &StepLimits) -> HipDevice {
    let config =
        HipConfig { library: Some(emulator::hip_library().into()), ..HipConfig::default() };
    let mut device = HipDevice::new(&config).expect("the library has a device");
    device.reserve_workspace(limits).expect("there is room");
    device
}

fn cpu(limits: &StepLimits) -> CpuDevice {
    let activations = Some(Activations::Bf16);
    let config = CpuConfig { num_threads: Some(1), isa: None, activations };
    let mut device = CpuDevice::new(config).expect("the CPU is a device");
    device.reserve_workspace(limits).expect("there is room");
    device
}

/// A `[rows, cols]` matrix on the host.
struct Matrix {
    rows: usize,
    cols: usize,
    values: Vec<f32>,
}

impl Matrix {
    /// bf16 numbers in (-1, 1), evenly spread: the high bits of a linear congruential generator
    /// (Numerical Recipes' constants).
    fn random(seed: u32, rows: usize, cols: usize) -> Self {
        let mut state = seed.wrapping_mul(0x9e37_79b9) | 1;
        let mut next = || {
            state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            bf16::from_f32((state >> 8) as f32 / (1 << 23) as f32 - 1.0).to_f32()
        };
        Self { rows, cols, values: (0..rows * cols).map(|_| next()).collect() }
    }

    fn scaled(mut self, factor: f32) -> Self {
        let scale = |value: &mut f32| *value = bf16::from_f32(*value * factor).to_f32();
        self.values.iter_mut().for_each(scale);
        self
    }

    /// As a file has it.
    fn bytes(&self) -> Vec<u8> {
        self.values.iter().flat_map(|value| value.to_le_bytes()).collect()
    }

    fn view(rows: usize, cols: usize, bytes: &[u8]) -> TensorView<'_> {
        let shape = TensorShape { dtype: DType::F32, rows, cols };
        TensorView::new(shape, bytes).expect("sizes agree")
    }

    fn upload<D: Device>(&self, device: &mut D) -> D::Weight {
        let bytes = self.bytes();
        let view = Self::view(self.rows, self.cols, &bytes);
        device.upload_weight(&[view]).expect("the weight fits")
    }

    /// Puts the rows into a new activation buffer, by embedding tokens 0, 1, ...
    fn fill<D: LayerOps>(&self, device: &mut D) -> D::Buffer {
        // A single row would be taken for a vector.
        let mut table = Self { rows: self.rows + 1, cols: self.cols, values: self.values.clone() };
        table.values.resize(table.rows * table.cols, 0.0);
        let table = table.upload(device);
        let mut buffer = zeros(device, self.rows, self.cols);
        device.begin_step(&tokens(self.rows)).expect("the step is small");
        device.embed(&table, 1.0, &mut buffer).expect("it runs");
        buffer
    }
}

fn zeros<D: Device>(device: &mut D, rows: usize, cols: usize) -> D::Buffer {
    device.alloc_buffer(BufferKind::Activation, rows, cols).expect("there is room")
}

/// A step of tokens 0, 1, ..., for what asks only for their number.
fn tokens(num: usize) -> StepInput {
    let mut step =
        StepInput { query_start_loc: vec![0], block_table_start: vec![0], ..StepInput::default() };
    push(&mut step, 0..num, &[0; 64]);
    step.token_ids = (0..num as u32).collect();
    step
}

/// Appends a sequence's tokens at `positions`, whose blocks are `blocks`.
fn push(step: &mut StepInput, positions: std::ops::Range<usize>, blocks: &[u32]) {
    let end = positions.end;
    for position in positions {
        step.token_ids.push(0);
        step.positions.push(position as u32);
        step.slot_mapping.push(blocks[position / 16] * 16 + (position % 16) as u32);
    }
    step.query_start_loc.push(step.token_ids.len() as u32);
    step.seq_lens.push(end as u32);
    step.block_tables.extend(&blocks[..end.div_ceil(16)]);
    step.block_table_start.push(step.block_tables.len() as u32);
}

fn read<D: LayerOps>(device: &mut D, buffer: &D::Buffer, rows: usize) -> Vec<Vec<f32>> {
    (0..rows).map(|row| device.read_row(buffer, row).expect("the row is there")).collect()
}

/// How far results may be apart.
#[derive(Clone, Copy)]
struct Bound {
    /// Of a number's own size.
    relative: f32,
    /// Of the largest number of its row, for what nearly cancels.
    of_largest: f32,
    /// Numbers of all that may be other bits.
    share: f64,
}

/// Holds `hip` to `cpu`; prints what was found.
fn compare(what: &str, hip: &[Vec<f32>], cpu: &[Vec<f32>], bound: Bound) {
    assert_eq!(hip.len(), cpu.len(), "{what}: rows");
    let (mut others, mut count, mut worst) = (0usize, 0usize, 0.0f32);
    for (row, (hip, cpu)) in hip.iter().zip(cpu).enumerate() {
        assert_eq!(hip.len(), cpu.len(), "{what}: columns");
        let largest = cpu.iter().fold(0.0f32, |most, value| most.max(value.abs()));
        assert!(largest > 0.0, "{what}: row {row} is all zero");
        for (col, (hip, cpu)) in hip.iter().zip(cpu).enumerate() {
            count += 1;
            if hip == cpu {
                continue;
            }
            others += 1;
            let allowed = bound.relative * cpu.abs() + bound.of_largest * largest;
            let error = (hip - cpu).abs() / allowed;
            assert!(error <= 1.0, "{what}: row {row}, col {col}: {hip}, not {cpu}");
            worst = worst.max(error);
        }
    }
    let share = others as f64 / count as f64;
    println!("{what}: {others} of {count} others ({share:.5}), worst {worst:.3} of the bound");
    assert!(share <= bound.share, "{what}: {others} of {count} numbers are others");
}

fn cache_layout(limits: &StepLimits, num_blocks: usize) -> KvLayout {
    KvLayout {
        num_layers: 2,
        num_blocks,
        block_size: 16,
        num_kv_heads: limits.num_kv_heads,
        head_dim: limits.head_dim,
        dtype: KvDType::BF16,
    }
}
