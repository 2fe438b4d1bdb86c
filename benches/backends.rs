//! Every layer operation on the CPU backend and on the HIP backend, side by side, with the shapes of
//! Qwen2.5-1.5B.
//!
//! Run: `cargo bench --bench backends -- [--hip-library FILE]`, or with `ROPEWAY_HIP_LIBRARY`. On a
//! GPU the second half of the table is time. With the emulator's library (`libhip_emu.so`, which
//! lies beside this program) it is what a sample of each launch's work-groups asked for, and a lower
//! bound of the time on an MI300X: arithmetic, not measured on hardware. Without a GPU it is empty.
//!
//! Prints a Markdown table. Least: the bytes that an operation cannot do without. Shares are of a
//! limit: on the CPU of the bandwidth that reading reaches here; on the GPU the larger of least
//! bytes at 4.3e12 B/s and multiply-adds at 708e12 FLOP/s over the kernels' time.

mod operations;

use std::fmt::Write as _;
use std::hint::black_box;
use std::path::PathBuf;
use std::process::Command;
use std::time::{Duration, Instant};

use cdna3::counters::machine::{HBM_BYTES_PER_S, hbm_bytes};
use cpu::{CpuConfig, CpuDevice};
use hip::{HipConfig, HipDevice};
use kernel_tests::{Launch, QWEN_1_5B};
use serde::{Deserialize, Serialize};

use operations::{Meter, Operation, run};

/// Reached by the best dense bf16 products on an MI300X (AMD, "max achievable FLOPs").
const MATRIX_FLOP_PER_S: f64 = 708e12;
/// Work-groups of each launch that the emulator runs.
const SAMPLE: &str = "4";
/// Says to this program that it is the half with the GPU.
const GPU_HALF: &str = "--gpu-half";
/// An operation is repeated for so long, and at least twice.
const PATIENCE: Duration = Duration::from_millis(150);

/// An operation on the GPU, as one half of this program tells the other.
#[derive(Debug, Serialize, Deserialize)]
struct GpuLine {
    /// By the clock; meaningless on the emulator.
    seconds: f64,
    /// Length of the emulator's report behind it, 0 without one.
    report_end: u64,
}

fn main() {
    let mut arguments = std::env::args().skip(1).filter(|argument| argument != "--bench");
    let (mut is_gpu_half, mut library) = (false, std::env::var_os("ROPEWAY_HIP_LIBRARY"));
    while let Some(argument) = arguments.next() {
        match argument.as_str() {
            GPU_HALF => is_gpu_half = true,
            "--hip-library" => library = arguments.next().map(Into::into),
            other => panic!("unknown argument {other}; there is --hip-library FILE"),
        }
    }
    let library = library.map(PathBuf::from);
    if is_gpu_half {
        gpu_half(library);
    } else {
        print!("{}", table(library));
    }
}

/// Runs a call for [`PATIENCE`] and gives the mean time of one; `wait` ends what is under way.
fn time<D>(device: &mut D, call: &mut dyn FnMut(&mut D), wait: &mut dyn FnMut(&mut D)) -> f64 {
    call(device);
    wait(device);
    let (start, mut count) = (Instant::now(), 0);
    while count < 2 || start.elapsed() < PATIENCE {
        call(device);
        count += 1;
    }
    wait(device);
    start.elapsed().as_secs_f64() / f64::from(count)
}

/// Times on the CPU.
#[derive(Default)]
struct Timed(Vec<(Operation, f64)>);

impl Meter<CpuDevice> for Timed {
    fn measure(
        &mut self,
        device: &mut CpuDevice,
        operation: Operation,
        call: &mut dyn FnMut(&mut CpuDevice),
        wait: &mut dyn FnMut(&mut CpuDevice),
    ) {
        self.0.push((operation, time(device, call, wait)));
    }
}

/// Counts on the emulator, times on a GPU; tells the other half.
struct Told {
    report: PathBuf,
}

impl Told {
    fn report_end(&self) -> u64 {
        std::fs::metadata(&self.report).map_or(0, |file| file.len())
    }

    fn tell(&self, seconds: f64) {
        let line = GpuLine { seconds, report_end: self.report_end() };
        println!("{}", serde_json::to_string(&line).expect("plain numbers"));
    }
}

impl Meter<HipDevice> for Told {
    fn begin(&mut self) {
        self.tell(0.0);
    }

    fn measure(
        &mut self,
        device: &mut HipDevice,
        _: Operation,
        call: &mut dyn FnMut(&mut HipDevice),
        wait: &mut dyn FnMut(&mut HipDevice),
    ) {
        let before = self.report_end();
        call(device);
        wait(device);
        let is_counted = self.report_end() > before;
        self.tell(if is_counted { 0.0 } else { time(device, call, wait) });
    }
}

/// Runs the operations on the GPU and prints a line for each; says why there is none.
fn gpu_half(library: Option<PathBuf>) {
    let report = std::env::var_os("ROPEWAY_EMU_REPORT").expect("the other half sets it");
    // Operation by operation: the meter wants each by itself.
    match HipDevice::new(&HipConfig { library, max_graphs: 0, ..HipConfig::default() }) {
        Ok(mut device) => run(&mut device, &QWEN_1_5B, &mut Told { report: report.into() }),
        Err(failure) => eprintln!("no GPU: {failure}"),
    }
}

/// What an operation took on the GPU.
enum OnGpu {
    Nothing,
    Timed(f64),
    Counted(Vec<Launch>),
}

/// Starts the half with the GPU and gathers what it tells, an entry for each operation.
fn on_gpu(library: Option<PathBuf>, num_operations: usize) -> Vec<OnGpu> {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let report = folder.path().join("report.json");
    let this = std::env::current_exe().expect("this program has a path");
    let mut command = Command::new(this);
    command.arg(GPU_HALF).env("ROPEWAY_EMU_REPORT", &report).env("ROPEWAY_EMU_SAMPLE", SAMPLE);
    if let Some(library) = library {
        command.arg("--hip-library").arg(library);
    }
    let output = command.stderr(std::process::Stdio::inherit()).output().expect("it starts");
    assert!(output.status.success(), "the half with the GPU failed: {}", output.status);
    let text = String::from_utf8(output.stdout).expect("plain text");
    let lines: Vec<GpuLine> =
        text.lines().map(|line| serde_json::from_str(line).expect("its own line")).collect();
    if lines.is_empty() {
        return (0..num_operations).map(|_| OnGpu::Nothing).collect();
    }
    assert_eq!(lines.len(), num_operations + 1, "a line for the start and each operation");
    let report = std::fs::read_to_string(&report).unwrap_or_default();
    let on_gpu = |pair: &[GpuLine]| {
        let (start, end) = (pair[0].report_end as usize, pair[1].report_end as usize);
        match end > start {
            true => OnGpu::Counted(Launch::read(&report[start..end])),
            false => OnGpu::Timed(pair[1].seconds),
        }
    };
    lines.windows(2).map(on_gpu).collect()
}

/// Bytes a second that all processors read from memory together.
fn read_bandwidth(num_threads: usize) -> f64 {
    const BYTES_EACH: usize = 128 << 20;
    let parts: Vec<Vec<u64>> = (0..num_threads).map(|_| vec![1; BYTES_EACH / 8]).collect();
    let read = |part: &Vec<u64>| {
        black_box(part.chunks(8).map(|line| line.iter().sum::<u64>()).sum::<u64>());
    };
    let once = || {
        let start = Instant::now();
        std::thread::scope(|scope| {
            for part in &parts {
                scope.spawn(move || read(part));
            }
        });
        (num_threads * BYTES_EACH) as f64 / start.elapsed().as_secs_f64()
    };
    (0..5).map(|_| once()).fold(0.0, f64::max)
}

fn table(library: Option<PathBuf>) -> String {
    let mut cpu = CpuDevice::new(CpuConfig::default()).expect("the CPU device starts");
    let num_threads = std::thread::available_parallelism().map_or(1, usize::from);
    let bandwidth = read_bandwidth(num_threads);
    let mut timed = Timed::default();
    run(&mut cpu, &QWEN_1_5B, &mut timed);
    let on_gpu = on_gpu(library, timed.0.len());
    let mut text = String::new();
    let name = backend::Device::name(&cpu);
    writeln!(text, "{}; {name}, reading {:.1} GB/s\n", QWEN_1_5B.name, bandwidth / 1e9)
        .expect("writing to a string");
    text += "| operation | CPU us | GB/s | share | GFLOP/s | GPU | kernels us | asked / least | \
             HBM / least | share |\n| --- | --- | --- | --- | --- | --- | --- | --- | --- | --- |\n";
    for ((operation, seconds), gpu) in timed.0.iter().zip(&on_gpu) {
        let rate = operation.least_bytes / seconds;
        writeln!(
            text,
            "| {} | {:.1} | {:.1} | {:.0} % | {:.1} | {} |",
            operation.name,
            seconds * 1e6,
            rate / 1e9,
            100.0 * rate / bandwidth,
            operation.flops / seconds / 1e9,
            gpu_cells(operation, gpu)
        )
        .expect("writing to a string");
    }
    text
}

fn gpu_cells(operation: &Operation, gpu: &OnGpu) -> String {
    let least = operation.least_bytes;
    let limit = (least / HBM_BYTES_PER_S).max(operation.flops / MATRIX_FLOP_PER_S);
    let share = |seconds: f64| 100.0 * limit / seconds;
    match gpu {
        OnGpu::Nothing => "- | - | - | - | -".to_owned(),
        OnGpu::Timed(s) => format!("measured | {:.1} | - | - | {:.0} %", s * 1e6, share(*s)),
        OnGpu::Counted(launches) => {
            let seconds: f64 = launches.iter().map(|launch| launch.bound.seconds).sum();
            let asked: f64 = launches.iter().map(Launch::asked_bytes).sum();
            let moved: f64 = launches.iter().map(|l| hbm_bytes(&l.counters, l.num_groups())).sum();
            let names: Vec<&str> = launches.iter().map(|launch| launch.kernel.as_str()).collect();
            let [asked, moved] = [asked, moved].map(|bytes| bytes / least);
            let (names, us) = (names.join(", "), seconds * 1e6);
            format!("{names} | {us:.2} | {asked:.2} | {moved:.2} | {:.0} %", share(seconds))
        }
    }
}
