//! One piece of a stream's work, and how it is done: kernels, copies, fills, host calls.
//!
//! Never decides when: that is the stream's. What goes wrong here marks the device, and every later
//! call about the device returns that error.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use cdna3::counters::{Counters, Counting};
use cdna3::exec::sanitize::{Finding, Sanitizer, launch_sanitized};
use cdna3::exec::{
    Dim3, Fault, FaultKind as ExecFault, Launch, LaunchReport, NoObserver, Options, Part, kernarg,
    launch_with,
};

use crate::errors::Code;
use crate::faults::{Event, FaultKind};
use crate::graph::mix;
use crate::memory::{Place, Purpose, Span, View};
use crate::module::Function;
use crate::report::Line;
use crate::runtime::Runtime;

/// Between two looks at a value that a stream waits for.
const POLL: Duration = Duration::from_micros(50);

/// A call into the program under test.
pub(crate) type HostCall = Arc<dyn Fn() + Send + Sync>;

/// A launch that was checked, with its arguments.
#[derive(Clone, Debug)]
pub(crate) struct KernelCall {
    pub(crate) function: Arc<Function>,
    pub(crate) grid: Dim3,
    pub(crate) block: Dim3,
    pub(crate) dynamic_lds: u32,
    /// The explicit arguments' bytes.
    pub(crate) args: Vec<u8>,
}

/// How a value that a stream waits for is compared.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Comparison {
    /// The difference, as a signed number, is not negative.
    GreaterOrEqual,
    /// All masked bits are equal.
    Equal,
    /// A common bit is set.
    And,
    /// A bit is clear in both.
    Nor,
}

/// Work.
#[derive(Clone)]
pub(crate) enum Op {
    /// A launch.
    Kernel(KernelCall),
    /// Bytes from one place to another.
    Copy { to: Span, from: Span },
    /// A repeated pattern.
    Fill { to: Span, pattern: Vec<u8> },
    /// A function of the host.
    Host(HostCall),
    /// A store of four bytes.
    WriteValue { to: Span, value: u32 },
    /// Until a value in memory compares well.
    WaitValue { at: Span, value: u32, mask: u32, comparison: Comparison },
    /// Frees memory of `hipMallocAsync`.
    Free { address: u64 },
    /// Nothing; it has a place in the order.
    Empty,
}

impl Op {
    /// The node type of `hipGraphNodeType`.
    pub(crate) fn node_type(&self) -> i32 {
        match self {
            Self::Kernel(_) => 1,
            Self::Copy { .. } => 2,
            Self::Fill { .. } => 3,
            Self::Host(_) => 4,
            Self::WriteValue { .. } | Self::WaitValue { .. } | Self::Free { .. } | Self::Empty => 6,
        }
    }

    fn spans(&self) -> Vec<&Span> {
        match self {
            Self::Copy { to, from } => vec![to, from],
            Self::Fill { to, .. } | Self::WriteValue { to, .. } => vec![to],
            Self::WaitValue { at, .. } => vec![at],
            Self::Kernel(_) | Self::Host(_) | Self::Free { .. } | Self::Empty => Vec::new(),
        }
    }

    /// Does the work on a stream of `device`; nothing if the device is faulty.
    pub(crate) fn run(&self, runtime: &Runtime, device: usize, arguments: u64) {
        if runtime.devices[device].fault().is_some() {
            return;
        }
        let is_live = |span: &&Span| {
            span.region.place == Place::Pageable || {
                let found = runtime.memory.find(span.region.address, 0);
                found.is_some_and(|found| Arc::ptr_eq(&found.region, &span.region))
            }
        };
        if let Some(dead) = self.spans().into_iter().find(|span| !is_live(span)) {
            let address = dead.region.address;
            eprintln!(
                "hip-emu: device {device}: a queued copy or fill uses memory at {address:#x} that was freed"
            );
            runtime.devices[device].break_down(Code::ILLEGAL_ADDRESS);
            return;
        }
        match self {
            Self::Kernel(call) => run_kernel(runtime, device, arguments, call),
            Self::Copy { to, from } => {
                let size = to.size_bytes;
                let done =
                    to.region.bytes.copy_from(to.offset, &from.region.bytes, from.offset, size);
                done.expect("spans lie in their regions");
                runtime.memory.written(to, Some(from));
            }
            Self::Fill { to, pattern } => {
                let done = to.region.bytes.fill(to.offset, to.size_bytes, pattern);
                done.expect("spans lie in their regions");
                runtime.memory.written(to, None);
            }
            Self::Host(call) => call(),
            Self::WriteValue { to, value } => {
                let done = to.region.bytes.store(to.offset, *value);
                done.expect("checked when it was queued");
                runtime.memory.written(to, None);
            }
            Self::WaitValue { at, value, mask, comparison } => loop {
                let now = at.region.bytes.load(at.offset).expect("checked when it was queued");
                let is_met = match comparison {
                    Comparison::GreaterOrEqual => {
                        (now & mask).wrapping_sub(value & mask).cast_signed() >= 0
                    }
                    Comparison::Equal => now & mask == value & mask,
                    Comparison::And => now & mask & value != 0,
                    Comparison::Nor => !(now & mask | value) != 0,
                };
                if is_met || runtime.devices[device].fault().is_some() {
                    break;
                }
                std::thread::sleep(POLL);
            },
            Self::Free { address } => {
                runtime.memory.remove(*address, |region| region.purpose == Purpose::Allocation);
            }
            Self::Empty => {}
        }
    }
}

fn run_kernel(runtime: &Runtime, device: usize, arguments: u64, call: &KernelCall) {
    let name = &call.function.kernel().name;
    let (number, fault) = runtime.faults.count(Event::Launch);
    match fault {
        Some(kind @ (FaultKind::Hang | FaultKind::Stuck)) => {
            eprintln!("hip-emu: device {device}: launch {number}, `{name}`, hangs as ordered");
            runtime.is_stuck.store(kind == FaultKind::Stuck, Ordering::Release);
            loop {
                std::thread::park();
            }
        }
        Some(_) => {
            eprintln!("hip-emu: device {device}: lost at launch {number}, `{name}`, as ordered");
            runtime.devices[device].break_down(Code::LAUNCH_FAILURE);
            return;
        }
        None => {}
    }
    let module = &call.function.module;
    if !module.is_loaded() {
        eprintln!("hip-emu: device {device}: `{name}` is launched after its module was unloaded");
        runtime.devices[device].break_down(Code::LAUNCH_FAILURE);
        return;
    }
    let Executed { result, findings, counters } = execute(runtime, device, arguments, call, number);
    if let Err(fault) = &result {
        eprintln!("hip-emu: device {device}: launch {number}, kernel `{name}`: {fault}");
        let code = match fault.kind {
            ExecFault::Memory { .. } | ExecFault::Scratch { .. } => Code::ILLEGAL_ADDRESS,
            _ => Code::LAUNCH_FAILURE,
        };
        runtime.devices[device].break_down(code);
    }
    for finding in &findings {
        eprintln!("hip-emu: device {device}: launch {number}: sanitizer: {finding}");
    }
    if !findings.is_empty() {
        runtime.devices[device].break_down(Code::LAUNCH_FAILURE);
    }
    if let Some(report) = &runtime.report {
        report.add(&Line::new(number, device, call, &result, &findings, counters.as_ref()));
    }
}

/// What came of a launch.
struct Executed {
    result: Result<LaunchReport, Fault>,
    /// What the sanitizer found, if it looked on.
    findings: Vec<Finding>,
    /// If somebody reads them: counting costs time.
    counters: Option<Counters>,
}

fn execute(
    runtime: &Runtime,
    device: usize,
    arguments: u64,
    call: &KernelCall,
    number: u64,
) -> Executed {
    let (function, module) = (&call.function, &call.function.module);
    let segment = kernarg(function.kernel(), &call.args, call.grid, call.block, call.dynamic_lds);
    let place = runtime.memory.find(arguments, segment.len() as u64);
    let place = place.expect("a stream's argument memory lives as long as the stream");
    place.region.bytes.write(place.offset, &segment).expect("it was found with that size");
    let view = View::new(&runtime.memory, device, &runtime.devices[device].peers());
    let what = Launch {
        prepared: &module.prepared,
        kernel: function.kernel(),
        image_base: module.image_base,
        grid: call.grid,
        block: call.block,
        dynamic_lds: call.dynamic_lds,
        kernarg_address: arguments,
    };
    let options = Options {
        num_threads: runtime.num_threads,
        seed: runtime.config.seed.map(|seed| mix(seed ^ number.rotate_left(32))),
        cancel: Some(runtime.devices[device].broken()),
        part: runtime.config.sample.map(|most| Part::sample(call.grid.count(), most)),
        ..Options::default()
    };
    let counting = runtime.report.as_ref().map(|_| Counting::new(module.prepared.program()));
    let (result, findings) = match (runtime.memory.shadow(), &counting) {
        (None, None) => (launch_with(&what, &view, &NoObserver, &options), Vec::new()),
        (None, Some(counting)) => (launch_with(&what, &view, &counting, &options), Vec::new()),
        (Some(shadow), None) => launch_sanitized(&what, &view, shadow, &options),
        (Some(shadow), Some(counting)) => {
            let sanitizer = Sanitizer::new(&what, shadow);
            let result = launch_with(&what, &view, &(counting, &sanitizer), &options);
            (result, sanitizer.take_findings())
        }
    };
    Executed { result, findings, counters: counting.map(|counting| counting.counters()) }
}
