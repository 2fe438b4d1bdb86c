//! Steps of a model as the product launches them, counted: the real executor on the HIP backend,
//! whose runtime is the emulator, in a process of its own (the emulator reads its variables once).
//!
//! Weights are zero and a few work-groups of each launch run, so results mean nothing; counts do
//! not depend on them, but for what attention does to scores that grow (`tests/counts.rs`).

use std::io::{self, BufRead as _, Write as _};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use backend::KvDType;
use cdna3::counters::Counters;
use cdna3::counters::machine::Bound;
use engine::Executor as _;
use hip::{HipConfig, HipDevice};
use model::{HostMemory, MemoryLimitSource, MemoryPlan, ModelExecutor, ModelFiles, PlanRequest};
use serde::{Deserialize, Serialize};
use types::{AdmittedSeq, SampleRow, SamplerSlot, SamplingParams, StepInput};

use crate::model_shape::{MAX_CONTEXT, ModelShape};
use crate::{BLOCK_SIZE, Noise};

/// Layers that are launched: the second shows what every further one repeats.
pub(crate) const COUNTED_LAYERS: usize = 2;
/// Blocks of the KV cache. Sequences use them at random and several times: no two work-groups of a
/// sample are likely to read the same.
const NUM_BLOCKS: usize = 4096;
/// Memory that a plan may take, an MI300X's.
const DEVICE_BYTES: u64 = 192 << 30;

/// A step of equal sequences.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct StepCase {
    /// Sequences.
    pub batch: usize,
    /// Tokens of each, the new ones included.
    pub context: usize,
    /// New tokens of each: 1 decodes.
    pub new: usize,
}

impl StepCase {
    /// One new token for each of `batch` sequences of `context` tokens.
    pub const fn decode(batch: usize, context: usize) -> Self {
        Self { batch, context, new: 1 }
    }

    /// A prompt of one sequence.
    pub const fn prefill(context: usize) -> Self {
        Self { batch: 1, context, new: context }
    }

    fn input(&self) -> StepInput {
        let first = self.context - self.new;
        let blocks = self.context.div_ceil(BLOCK_SIZE);
        let block = |seq: usize, idx: usize| {
            Noise::new((seq * blocks + idx) as u64).below(NUM_BLOCKS) as u32
        };
        let seqs = || 0..self.batch as u32;
        let of_all = |f: &dyn Fn(usize, usize) -> u32| -> Vec<u32> {
            let all =
                (0..self.batch).flat_map(|seq| (first..self.context).map(move |at| (seq, at)));
            all.map(|(seq, at)| f(seq, at)).collect()
        };
        let slot =
            |seq, at| block(seq, at / BLOCK_SIZE) * BLOCK_SIZE as u32 + (at % BLOCK_SIZE) as u32;
        let tables = (0..self.batch).flat_map(|seq| (0..blocks).map(move |idx| (seq, idx)));
        StepInput {
            token_ids: vec![0; self.batch * self.new],
            positions: of_all(&|_, at| at as u32),
            slot_mapping: of_all(&slot),
            query_start_loc: (0..=self.batch).map(|seq| (seq * self.new) as u32).collect(),
            seq_lens: vec![self.context as u32; self.batch],
            block_tables: tables.map(|(seq, idx)| block(seq, idx)).collect(),
            block_table_start: (0..=self.batch).map(|seq| (seq * blocks) as u32).collect(),
            logits_indices: (1..=self.batch).map(|seq| (seq * self.new) as u32 - 1).collect(),
            sample: seqs()
                .map(|slot| SampleRow { slot: SamplerSlot(slot), num_output: 0 })
                .collect(),
            // All were admitted before.
            admitted: Vec::new(),
            deferred: Vec::new(),
        }
    }
}

fn admitted(slot: u32) -> AdmittedSeq {
    AdmittedSeq {
        slot: SamplerSlot(slot),
        params: SamplingParams::greedy().into(),
        tokens: Vec::new(),
        num_prompt: 0,
    }
}

/// One launch of a step.
#[derive(Clone, Debug, Deserialize)]
pub struct Launch {
    /// Kernel.
    pub kernel: String,
    /// Work-groups in x, y, z.
    pub grid: [u32; 3],
    /// Work-groups that a compute unit holds at once.
    pub occupancy_groups_per_cu: u64,
    /// What a sample of the work-groups asked for.
    pub counters: Counters,
    /// Of the whole launch; see [`Bound`].
    pub bound: Bound,
}

impl Launch {
    /// Whether it multiplies by a weight.
    pub fn is_product(&self) -> bool {
        self.kernel.starts_with("gemm_")
    }

    /// Launches of a report's lines. Panics if a line is no launch that ended well.
    pub fn read(report: &str) -> Vec<Self> {
        let lines = report.lines();
        lines.map(|line| serde_json::from_str(line).expect("a launch and its counters")).collect()
    }

    /// Bytes that the whole launch asks for.
    pub fn asked_bytes(&self) -> f64 {
        self.scale() * self.counters.asked_bytes() as f64
    }

    /// Work-groups.
    pub fn num_groups(&self) -> u64 {
        self.grid.iter().map(|&n| u64::from(n)).product()
    }

    /// Work-groups over those that were counted.
    pub fn scale(&self) -> f64 {
        self.num_groups() as f64 / self.counters.num_groups as f64
    }
}

/// What the process that runs the steps is told.
#[derive(Debug, Serialize, Deserialize)]
struct Order {
    model: PathBuf,
    library: PathBuf,
    report: PathBuf,
    cases: Vec<StepCase>,
}

/// Launches of each case, of a model with [`COUNTED_LAYERS`] layers. At most `sample` work-groups
/// of each launch run.
///
/// `program` must call [`run_ordered_steps`] and do nothing else; `library` is the emulator's.
/// Panics with the program's words if it fails.
pub fn count_steps(
    program: &mut Command,
    library: &Path,
    shape: &ModelShape,
    sample: usize,
    cases: &[StepCase],
) -> Vec<Vec<Launch>> {
    let folder = tempfile::tempdir().expect("a temporary folder");
    shape.write(folder.path(), COUNTED_LAYERS).expect("the temporary folder takes a sparse file");
    let order = Order {
        model: folder.path().to_owned(),
        library: library.to_owned(),
        report: folder.path().join("report.json"),
        cases: cases.to_vec(),
    };
    program.env("ROPEWAY_EMU_REPORT", &order.report);
    program.env("ROPEWAY_EMU_SAMPLE", sample.to_string());
    let mut child =
        program.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().expect("the program starts");
    let text = serde_json::to_string(&order).expect("paths are UTF-8");
    let mut stdin = child.stdin.take().expect("it is piped");
    writeln!(stdin, "{text}").expect("the program reads its order");
    let output = child.wait_with_output().expect("the program ends");
    assert!(output.status.success(), "{}: the steps failed: {}", shape.name, output.status);
    let ends: Vec<usize> = output
        .stdout
        .lines()
        .map(|line| line.expect("plain text").parse().expect("a length of the report"))
        .collect();
    assert_eq!(ends.len(), cases.len() + 1, "a length for the start and each case");
    let report = std::fs::read_to_string(&order.report).expect("the emulator wrote it");
    ends.windows(2).map(|part| Launch::read(&report[part[0]..part[1]])).collect()
}

/// Takes an order from standard input, runs its steps, and writes the report's length before the
/// first and after each.
///
/// # Errors
/// Reading and writing; a device or model that fails panics.
pub fn run_ordered_steps() -> io::Result<()> {
    let mut line = String::new();
    io::stdin().lock().read_line(&mut line)?;
    let order: Order = serde_json::from_str(&line)?;
    let mut executor = load(&order);
    let mut sampled = Vec::new();
    let length = || std::fs::metadata(&order.report).map_or(0, |file| file.len());
    let batch = order.cases.iter().map(|case| case.batch).max().unwrap_or(1);
    let mut first = StepCase::decode(batch, 1).input();
    first.admitted = (0..batch as u32).map(admitted).collect();
    executor.launch(&first).expect("the step is valid");
    executor.collect(&mut sampled).expect("the step ends");
    println!("{}", length());
    for case in &order.cases {
        executor.launch(&case.input()).expect("the step is valid");
        executor.collect(&mut sampled).expect("the step ends");
        println!("{}", length());
    }
    Ok(())
}

fn load(order: &Order) -> ModelExecutor<HipDevice> {
    // Operation by operation: a graph launches the same, behind `advance`.
    let library = Some(order.library.clone());
    let config = HipConfig { library, max_graphs: 0, ..HipConfig::default() };
    let device = HipDevice::new(&config).expect("the emulator is a device");
    let files = ModelFiles::open(&order.model).expect("the folder holds a model");
    let most = |of: fn(&StepCase) -> usize| order.cases.iter().map(of).max().unwrap_or(1);
    let request = PlanRequest {
        block_size: BLOCK_SIZE,
        kv_dtype: KvDType::BF16,
        max_model_len: Some(MAX_CONTEXT),
        max_num_seqs: most(|case| case.batch),
        max_num_batched_tokens: most(|case| case.batch * case.new),
        kv_cache_bytes: None,
        num_blocks: Some(NUM_BLOCKS),
        memory_utilization: 0.9,
    };
    let (limit_bytes, available_bytes) = (DEVICE_BYTES, DEVICE_BYTES);
    let memory = HostMemory { limit_bytes, available_bytes, source: MemoryLimitSource::Device };
    let plan = MemoryPlan::new(&files, &device, &request, memory).expect("the plan fits");
    ModelExecutor::load(device, &files, &plan, &|_| ()).expect("the model loads")
}
