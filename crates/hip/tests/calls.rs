//! What the backend asks of HIP, call by call, as the emulator writes it down: one wait a decode
//! step and no allocation, nothing left when the device is gone or an allocation fails, faults on
//! order. Each test runs once more in a process of its own, since the emulator reads its variables
//! once. No hardware takes part.
#![forbid(unsafe_code)]

mod toy;

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::process::Command;

use backend::{DType, Device, DeviceError, LayerOps, RowSource, TensorShape};
use hip::{HipDevice, HipWeight};
use toy::{Driver, Toy, config};
use types::SamplingParams;

/// Names the file of calls to the test's second run.
const CALLS: &str = "ROPEWAY_EMU_CALLS";
/// Makers and takers of everything that must be given back.
const PAIRS: [(&str, &str); 7] = [
    ("hipMalloc", "hipFree"),
    ("hipHostMalloc", "hipHostFree"),
    ("hipStreamCreateWithFlags", "hipStreamDestroy"),
    ("hipEventCreateWithFlags", "hipEventDestroy"),
    ("hipModuleLoadData", "hipModuleUnload"),
    ("hipStreamEndCapture", "hipGraphDestroy"),
    ("hipGraphInstantiateWithFlags", "hipGraphExecDestroy"),
];

/// Calls of the emulator so far.
struct Calls(PathBuf);

impl Calls {
    /// In the second run; `None` in the first.
    fn here() -> Option<Self> {
        std::env::var_os(CALLS).map(|path| Self(path.into()))
    }

    fn lines(&self) -> Vec<(String, i32)> {
        let text = std::fs::read_to_string(&self.0).expect("the emulator has written it");
        let line = |line: &str| {
            let (name, code) = line.split_once(' ').expect("name and code");
            (name.to_owned(), code.parse().expect("a code"))
        };
        text.lines().map(line).collect()
    }

    /// Successful calls by name from line `first` on.
    fn counts(&self, first: usize) -> BTreeMap<String, usize> {
        let mut counts = BTreeMap::new();
        for (name, code) in self.lines().into_iter().skip(first) {
            *counts.entry(name).or_default() += usize::from(code == 0);
        }
        counts
    }

    /// Panics if anything was made and not given back.
    fn nothing_is_left(&self, when: &str) {
        let counts = self.counts(0);
        let num = |name: &str| counts.get(name).copied().unwrap_or_default();
        for (maker, taker) in PAIRS {
            assert_eq!(num(maker), num(taker), "{when}: {maker} and {taker}");
        }
    }
}

/// Runs the test `name` again with the emulator's variables; its calls.
fn again(name: &str, variables: &[(&str, &str)]) -> Calls {
    let folder = tempfile::tempdir().expect("a temporary folder").keep();
    let calls = Calls(folder.join("calls"));
    let mut command = Command::new(std::env::current_exe().expect("this program has a path"));
    command.args([name, "--exact", "--nocapture"]).env(CALLS, &calls.0);
    let output = command.envs(variables.iter().copied()).output().expect("it starts");
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    let told = format!("{}{}", text(&output.stdout), text(&output.stderr));
    assert!(output.status.success() && told.contains("1 passed"), "{name}: {told}");
    calls
}

/// Two sequences, one of which samples, after their prompts and first decode steps.
fn two_sequences(depth: usize) -> (Driver, [usize; 2]) {
    let mut driver = Driver::new(Toy::load(&config(8)).expect("there is room"), depth);
    let one = driver.join(3, 1, 12, SamplingParams::greedy());
    let other = driver.join(1, 2, 21, SamplingParams { seed: 4, ..SamplingParams::default() });
    driver.step(&[(one, 0), (other, 0)]);
    driver.decode(&[one, other], 3);
    (driver, [one, other])
}

#[test]
fn a_decode_step_waits_once_and_allocates_nothing() {
    let Some(calls) = Calls::here() else {
        again("a_decode_step_waits_once_and_allocates_nothing", &[]);
        return;
    };
    for depth in [1, 2] {
        let (mut driver, seqs) = two_sequences(depth);
        let first = calls.lines().len();
        // Both cross the edge of a block on the way.
        driver.decode(&seqs, 20);
        let expect: BTreeMap<String, usize> =
            ["hipSetDevice", "hipGraphLaunch", "copy", "hipEventRecord", "hipEventSynchronize"]
                .map(|name| (name.to_owned(), 20))
                .into();
        assert_eq!(calls.counts(first), expect, "{depth} under way");
        driver.collect_all();
    }
}

#[test]
fn nothing_is_left_when_the_device_is_gone() {
    let Some(calls) = Calls::here() else {
        again("nothing_is_left_when_the_device_is_gone", &[]);
        return;
    };
    let (driver, _) = two_sequences(2);
    // With a step under way.
    drop(driver);
    calls.nothing_is_left("at the end");
    let mut toy = Toy::load(&config(8)).expect("there is room");
    let step = toy::one_token(7);
    backend::LayerOps::begin_step(&mut toy.device, &step).expect("the step is possible");
    let captures = calls.counts(0)["hipStreamBeginCapture"];
    drop(toy);
    assert_eq!(calls.counts(0)["hipStreamEndCapture"], captures, "it was under capture");
    calls.nothing_is_left("under capture");
}

#[test]
fn nothing_is_left_whichever_allocation_fails() {
    let name = "nothing_is_left_whichever_allocation_fails";
    let num_allocations = |calls: &Calls| {
        let counts = calls.counts(0);
        counts["hipMalloc"] + counts["hipHostMalloc"]
    };
    let Some(calls) = Calls::here() else {
        let num = num_allocations(&again(name, &[("TOY_FAILURES", "0")]));
        assert!(num > 30, "{num} allocations");
        // Attempt i fails at its allocation i, before which i (i - 1) / 2 were tried.
        let rules: Vec<String> = (1..=num).map(|i| format!("alloc@{}", i * (i + 1) / 2)).collect();
        let failures = num.to_string();
        again(name, &[("ROPEWAY_EMU_FAULT", &rules.join(",")), ("TOY_FAILURES", &failures)]);
        return;
    };
    let failures = std::env::var("TOY_FAILURES").expect("the first run sets it");
    for attempt in 1..=failures.parse().expect("a number") {
        let failure = Toy::load(&config(8)).err().expect("an allocation fails");
        let is_memory = matches!(failure, DeviceError::OutOfMemory { .. });
        assert!(is_memory, "allocation {attempt}: {failure}");
        calls.nothing_is_left(&format!("after allocation {attempt} failed"));
    }
    let toy = Toy::load(&config(8)).expect("there is room");
    drop(toy);
    calls.nothing_is_left("at last");
}

#[test]
fn a_capture_that_fails_changes_no_token() {
    let name = "a_capture_that_fails_changes_no_token";
    let script = |max_graphs| {
        let toy = Toy::load(&config(max_graphs)).expect("there is room");
        let mut driver = Driver::new(toy, 2);
        let one = driver.join(3, 1, 12, SamplingParams::greedy());
        let other = driver.join(1, 2, 21, SamplingParams { seed: 4, ..SamplingParams::default() });
        driver.step(&[(one, 0), (other, 0)]);
        driver.decode(&[one], 3);
        driver.decode(&[one, other], 4);
        driver.decode(&[one], 3);
        (driver.texts(), driver.toy.device.step_counts())
    };
    let Some(calls) = Calls::here() else {
        // The second shape is refused while steps of the first are under way.
        again(name, &[("ROPEWAY_EMU_FAULT", "capture@2")]);
        return;
    };
    let (found, counts) = script(8);
    assert_eq!((counts.captured, counts.refused), (1, 1), "{counts:?}");
    // The graph that was there is replayed after the refusal too.
    assert_eq!(counts.replayed, 2 + 3, "{counts:?}");
    assert_eq!(found, script(0).0);
    calls.nothing_is_left("at the end");
}

#[test]
fn the_sanitizer_finds_nothing_in_graphs() {
    let Some(_) = Calls::here() else {
        again("the_sanitizer_finds_nothing_in_graphs", &[("ROPEWAY_EMU_SANITIZE", "1")]);
        return;
    };
    let (mut driver, [one, other]) = two_sequences(2);
    let third = driver.join(0, 3, 5, SamplingParams::greedy());
    driver.step(&[(one, 1), (third, 0)]);
    // Three rows of four.
    driver.decode(&[other, third, one], 4);
    driver.decode(&[third, one], 2);
    driver.collect_all();
    assert!(driver.toy.device.step_counts().replayed >= 4);
}

#[test]
fn a_device_that_is_lost_in_a_graph_says_so() {
    let name = "a_device_that_is_lost_in_a_graph_says_so";
    let Some(_) = Calls::here() else {
        // Past prompt and capture: within the launches of a later graph.
        again(name, &[("ROPEWAY_EMU_FAULT", "device_lost@launch:130")]);
        return;
    };
    let (mut driver, [one, _]) = two_sequences(1);
    let lost = (0..20).find_map(|_| driver.try_decode(&[one]).err()).expect("the device is lost");
    assert!(matches!(lost, DeviceError::Lost { .. }), "{lost}");
    assert!(driver.toy.device.step_counts().replayed > 0);
}

/// A matrix of ones whose file ends early.
struct Rows {
    num_readable: usize,
}

enum Trouble {
    Device(DeviceError),
    EndOfFile,
}

impl From<DeviceError> for Trouble {
    fn from(error: DeviceError) -> Self {
        Self::Device(error)
    }
}

/// 24 MiB, half as much again as the ring.
const SHAPE: TensorShape = TensorShape { dtype: DType::BF16, rows: 6144, cols: 2048 };

impl RowSource for Rows {
    type Error = Trouble;

    fn shape(&self) -> TensorShape {
        SHAPE
    }

    fn read_rows(&self, first: usize, out: &mut [u8]) -> Result<(), Trouble> {
        out.as_chunks_mut::<2>().0.fill([0x80, 0x3f]);
        let end = first + out.len() / SHAPE.row_bytes();
        if end <= self.num_readable { Ok(()) } else { Err(Trouble::EndOfFile) }
    }
}

fn must_end(uploaded: Result<HipWeight, Trouble>) {
    match uploaded {
        Err(Trouble::EndOfFile) => {}
        Err(Trouble::Device(error)) => panic!("{error}"),
        Ok(_) => panic!("the file has less"),
    }
}

fn uploaded(uploaded: Result<HipWeight, Trouble>) -> HipWeight {
    match uploaded {
        Ok(weight) => weight,
        Err(Trouble::Device(error)) => panic!("{error}"),
        Err(Trouble::EndOfFile) => panic!("the file has all"),
    }
}

#[test]
fn uploads_wait_for_halves_of_the_ring_and_a_file_that_ends_leaves_nothing() {
    let Some(calls) = Calls::here() else {
        again("uploads_wait_for_halves_of_the_ring_and_a_file_that_ends_leaves_nothing", &[]);
        return;
    };
    let mut device = HipDevice::new(&config(0)).expect("the emulator starts");
    let first = calls.lines().len();
    let whole = || Rows { num_readable: SHAPE.rows };
    let one = uploaded(device.upload_weight(&[whole()]));
    let two = uploaded(device.upload_gate_up(whole(), whole()));
    let counts = calls.counts(first);
    let num = |name: &str| counts.get(name).copied().unwrap_or_default();
    assert_eq!(num("hipHostMalloc"), 2, "one ring for all: {counts:?}");
    // Of 8 MiB each.
    let copies = 3 + 6;
    assert_eq!((num("copy"), num("hipEventRecord")), (copies, copies), "{counts:?}");
    assert_eq!(num("hipEventSynchronize"), copies, "{counts:?}");
    assert_eq!(num("hipStreamSynchronize"), 0, "no weight waits for its end: {counts:?}");

    must_end(device.upload_gate_up(whole(), Rows { num_readable: 5000 }));
    must_end(device.upload_weight(&[Rows { num_readable: 0 }]));
    device.reserve_workspace(&toy::LIMITS).expect("there is room");
    let after = calls.counts(first);
    assert!(after["hipHostFree"] >= 2, "the ring is given back: {after:?}");
    drop((one, two, device));
    calls.nothing_is_left("at the end");
}
