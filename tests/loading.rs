//! Weights on their way from files to the emulated MI300X: host memory stays bounded whatever a
//! tensor's size, progress moves within a tensor, and a file that shrinks meanwhile is an error. No
//! hardware takes part.

mod counting_allocator;
mod emulator;
mod local_model;
mod server_process;
mod smollm2_cut;

use std::cell::{Cell, RefCell};
use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::{Mutex, MutexGuard, PoisonError};

use backend::KvDType;
use counting_allocator::{live_bytes, peak_bytes, reset_peak};
use emulator::emulator;
use hip::{HipConfig, HipDevice};
use local_model::{Sizes, plan_request};
use model::{
    HostMemory, LoadError, MemoryPlan, ModelError, ModelExecutor, ModelFiles, WeightError,
};
use server_process::{golden, real_model};
use types::LoadProgress;

/// Rows that are read at once, whatever their number; the ring itself is the emulator's memory here,
/// which this process' allocator does not count.
const STAGING_BYTES: usize = 1 << 20;
/// Handles of weights and what a file's reading allocates.
const SLACK_BYTES: usize = 256 << 10;
/// Both halves of the pinned ring.
const RING_BYTES: usize = 16 << 20;

/// The allocator counts for the whole process, so one test measures at a time.
fn alone() -> MutexGuard<'static, ()> {
    static ALONE: Mutex<()> = Mutex::new(());
    ALONE.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Loads onto the emulator.
fn load(
    path: &Path,
    progress: &dyn Fn(LoadProgress),
) -> Result<ModelExecutor<HipDevice>, LoadError> {
    let files = ModelFiles::open(path).expect("the model opens");
    let config = HipConfig { library: Some(emulator().into()), ..HipConfig::default() };
    let device = HipDevice::new(&config).expect("the emulator starts");
    let sizes =
        Sizes { kv_dtype: KvDType::BF16, num_blocks: 64, max_num_seqs: 2, ..Sizes::default() };
    let request = plan_request(&files, sizes);
    let host = HostMemory::read().expect("the machine says how much memory it has");
    let plan = MemoryPlan::new(&files, &device, &request, host).expect("the plan fits");
    ModelExecutor::load(device, &files, &plan, progress)
}

/// SmolLM2's embedding and two layers.
fn cut(folder: &Path) -> std::path::PathBuf {
    let path = folder.join("cut.gguf");
    smollm2_cut::cut(&real_model(), 2, &path);
    path
}

#[test]
fn a_tensor_larger_than_the_ring_takes_no_memory_of_its_size() {
    let _alone = alone();
    let folder = tempfile::tempdir().expect("a temporary folder");
    let path = cut(folder.path());
    let files = ModelFiles::open(&path).expect("the model opens");
    let sizes = files.tensors().map(|(_, s)| s.rows * s.dtype.row_bytes(s.cols).expect("rows"));
    let largest = sizes.max().expect("a model has tensors");
    assert!(largest > RING_BYTES, "{largest} bytes are to be more than the ring has");
    drop(files);
    // What the first use of anything makes and keeps.
    drop(load(&path, &|_| ()).expect("the model loads"));

    // How far it had come, and what the process held at most since the first report.
    let reports: RefCell<Vec<(u64, usize)>> = RefCell::new(Vec::with_capacity(4096));
    let total = Cell::new(0);
    let before = Cell::new(0);
    let model = load(&path, &|progress| {
        if progress.total_bytes == 0 {
            return;
        }
        if total.replace(progress.total_bytes) == 0 {
            before.set(live_bytes());
            reset_peak();
        }
        reports.borrow_mut().push((progress.done_bytes, peak_bytes() - before.get()));
    });
    drop(model.expect("the model loads"));
    let reports = reports.into_inner();
    let (last, peak) = *reports.last().expect("reports");
    println!("largest tensor {largest}, peak while loading {peak}, {} reports", reports.len());
    assert!(peak <= STAGING_BYTES + SLACK_BYTES, "{peak} bytes were held at once");
    assert_eq!(last, total.get(), "all of it in the end");
    let steps = reports.windows(2).map(|pair| pair[1].0.checked_sub(pair[0].0));
    let longest = steps.map(|step| step.expect("it goes forward")).max().expect("reports");
    assert!(longest <= STAGING_BYTES as u64, "a step of {longest} bytes without a report");
}

#[test]
fn a_file_that_shrinks_while_it_is_read_is_an_error() {
    let _alone = alone();
    let folder = tempfile::tempdir().expect("a temporary folder");
    let path = cut(folder.path());
    drop(load(&path, &|_| ()).expect("the model loads"));
    let before = live_bytes();
    let failure = load(&path, &|progress| {
        if progress.done_bytes > 4 << 20 {
            let file = std::fs::File::options().write(true).open(&path).expect("it is ours");
            file.set_len(8 << 20).expect("it is ours");
        }
    });
    let failure = failure.err().expect("half of the embedding is gone");
    let is_typed = matches!(
        &failure,
        LoadError::Weight(WeightError::Model(ModelError::Io { path: told, .. })) if *told == path
    );
    assert!(is_typed, "{failure}");
    drop(failure);
    let kept = live_bytes().saturating_sub(before);
    assert!(kept < 16 << 10, "{kept} bytes are left");
}

/// Where nobody sees a bar, the log tells each tenth.
#[test]
fn the_log_tells_each_tenth_of_the_weights() {
    let _alone = alone();
    let folder = tempfile::tempdir().expect("a temporary folder");
    let log = folder.path().join("log");
    let mut server = Command::new(env!("CARGO_BIN_EXE_ropeway"))
        .arg("serve")
        .arg(golden("llama"))
        .args(["--port", "0", "--num-blocks", "64", "--log-format", "text"])
        .stdout(Stdio::piped())
        .stderr(std::fs::File::create(&log).expect("the folder is ours"))
        .spawn()
        .expect("the binary starts");
    let told = BufReader::new(server.stdout.take().expect("it is piped"));
    let is_ready = told.lines().map_while(Result::ok).any(|line| line.contains("ready"));
    server.kill().and_then(|()| server.wait()).expect("it can be stopped");
    let log = std::fs::read_to_string(&log).expect("it was written");
    assert!(is_ready, "{log}");
    let tenths: Vec<&str> =
        log.lines().filter(|line| line.contains("phase=\"loading_weights\"")).collect();
    assert!((2..=10).contains(&tenths.len()), "{log}");
    let percents: Vec<u64> = tenths
        .iter()
        .flat_map(|line| line.split_once("percent=").expect("a share").1.split(' ').next())
        .map(|percent| percent.parse().expect("a number"))
        .collect();
    assert!(percents.is_sorted_by(|a, b| a / 10 < b / 10), "{percents:?}");
    assert_eq!(percents.last(), Some(&100), "{log}");
}
