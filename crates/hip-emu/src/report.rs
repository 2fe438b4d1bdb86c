//! The report file, a line of JSON for each launch, and the file of calls.
//!
//! Owns the files and the lines' form. Figures are the emulator's counts; none is a time on hardware.

use std::fs::File;
use std::io::Write as _;
use std::path::Path;
use std::sync::Mutex;

use cdna3::counters::Counters;
use cdna3::counters::machine::{Bound, bound};
use cdna3::exec::sanitize::Finding;
use cdna3::exec::{Fault, LaunchReport};
use serde::Serialize;

use crate::memory::POISONED;
use crate::work::KernelCall;

/// What one launch did.
#[derive(Debug, Serialize)]
pub(crate) struct Line<'a> {
    /// Number of the launch in the process, from 1.
    launch: u64,
    /// Device.
    device: usize,
    /// Kernel.
    kernel: &'a str,
    /// Work-groups in x, y, z.
    grid: [u32; 3],
    /// Work-items of a work-group in x, y, z.
    block: [u32; 3],
    /// Static and dynamic LDS of a work-group.
    lds_bytes: u32,
    /// Vector registers of a lane, both kinds together.
    num_vgprs: u32,
    /// Work-groups that a compute unit holds at once.
    occupancy_groups_per_cu: u64,
    /// Waves that ran; absent if the launch failed.
    #[serde(skip_serializing_if = "Option::is_none")]
    num_waves: Option<u64>,
    /// Instructions executed, each wave counted; absent if the launch failed.
    #[serde(skip_serializing_if = "Option::is_none")]
    num_wave_instructions: Option<u64>,
    /// Why the launch failed; absent if it did not.
    #[serde(skip_serializing_if = "Option::is_none")]
    fault: Option<String>,
    /// What it asked of the machine, by the work-groups that ran (all, without
    /// `ROPEWAY_EMU_SAMPLE`); absent if the launch failed.
    #[serde(skip_serializing_if = "Option::is_none")]
    counters: Option<&'a Counters>,
    /// A lower bound of the whole launch's time on an MI300X by these counts, without the gap
    /// before it: arithmetic, not measured on hardware.
    #[serde(skip_serializing_if = "Option::is_none")]
    bound: Option<Bound>,
    /// What the sanitizer found; absent if nothing.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    findings: Vec<ReportedFinding<'a>>,
}

/// A finding of the sanitizer.
#[derive(Debug, Serialize)]
struct ReportedFinding<'a> {
    /// Kind, a short name.
    kind: &'static str,
    /// Address of the instruction in the code object's image.
    address: u64,
    /// The instruction in LLVM's syntax.
    instruction: &'a str,
    /// Work-group of the first place.
    group: [u32; 3],
    /// Wave in the work-group.
    wave: u32,
    /// Lane; absent for scalar operations.
    #[serde(skip_serializing_if = "Option::is_none")]
    lane: Option<u32>,
    /// How often the instruction did it.
    count: u64,
    /// The whole sentence.
    text: String,
}

impl<'a> Line<'a> {
    pub(crate) fn new(
        launch: u64,
        device: usize,
        call: &'a KernelCall,
        result: &Result<LaunchReport, Fault>,
        findings: &'a [Finding],
        counters: Option<&'a Counters>,
    ) -> Self {
        let kernel = call.function.kernel();
        let group_size = call.block.0.iter().map(|&n| u64::from(n)).product();
        let done = result.as_ref().ok();
        let counters = counters.filter(|_| done.is_some());
        Self {
            launch,
            device,
            kernel: &kernel.name,
            grid: call.grid.0,
            block: call.block.0,
            lds_bytes: kernel.group_segment_bytes + call.dynamic_lds,
            num_vgprs: kernel.num_vgprs,
            occupancy_groups_per_cu: call.function.occupancy(group_size, call.dynamic_lds.into()),
            num_waves: done.map(|done| done.num_waves),
            num_wave_instructions: done.map(|done| done.num_wave_instructions),
            fault: result.as_ref().err().map(ToString::to_string),
            counters,
            bound: counters.map(|counters| bound(counters, call.grid.count())),
            findings: findings.iter().map(reported).collect(),
        }
    }
}

fn reported(finding: &Finding) -> ReportedFinding<'_> {
    ReportedFinding {
        kind: finding.kind.name(),
        address: finding.address,
        instruction: &finding.instruction,
        group: finding.group_id,
        wave: finding.place.wave,
        lane: finding.place.lane,
        count: finding.count,
        text: finding.to_string(),
    }
}

/// The file.
#[derive(Debug)]
pub(crate) struct Report(Mutex<File>);

impl Report {
    /// Opens the file to append to it, so that several processes can share one.
    pub(crate) fn open(path: &Path) -> std::io::Result<Self> {
        File::options().create(true).append(true).open(path).map(|file| Self(Mutex::new(file)))
    }

    /// Adds a line; one write, so that lines stay whole.
    pub(crate) fn add(&self, line: &Line<'_>) {
        let mut text = serde_json::to_string(line).expect("plain fields have a JSON form");
        text.push('\n');
        let result = self.0.lock().expect(POISONED).write_all(text.as_bytes());
        if let Err(error) = result {
            eprintln!("hip-emu: the report cannot be written: {error}");
        }
    }
}
/// The file of calls: name and code of each, in the order in which they returned.
#[derive(Debug)]
pub(crate) struct CallLog(Mutex<File>);

impl CallLog {
    /// Opens the file to append to it.
    pub(crate) fn open(path: &Path) -> std::io::Result<Self> {
        File::options().create(true).append(true).open(path).map(|file| Self(Mutex::new(file)))
    }

    /// Adds a call; `body` is the type's name of a closure in the function.
    pub(crate) fn add(&self, body: &str, code: i32) {
        let parts = body.split("::").filter(|part| !part.starts_with('{'));
        let line = format!("{} {code}\n", parts.last().unwrap_or(body));
        let result = self.0.lock().expect(POISONED).write_all(line.as_bytes());
        if let Err(error) = result {
            eprintln!("hip-emu: the file of calls cannot be written: {error}");
        }
    }
}
