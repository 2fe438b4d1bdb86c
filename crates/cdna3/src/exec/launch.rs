//! Launches: kernel arguments, the initial registers of each wave, work-groups on threads.
//!
//! Source: LLVM's "User Guide for AMDGPU Backend": kernel descriptor, initial kernel execution
//! state, code object v5 hidden arguments.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};

use crate::code_object::{ArgumentKind, Kernel};
use crate::inst::slot;

use super::fault::{Fault, FaultKind};
use super::group::{Group, Limits};
use super::memory::GlobalMemory;
use super::observe::{GroupInfo, NoObserver, ObserverFactory};
use super::order::Random;
use super::prepared::Prepared;
use super::wave::{PRIVATE_APERTURE, SHARED_APERTURE, Wave};

/// Most work-items of a work-group.
const MAX_GROUP_SIZE: u32 = 1024;
/// LDS of a compute unit.
const MAX_LDS_BYTES: u32 = 65_536;
/// What LDS holds before anything is written: not zero, as on hardware.
const LDS_POISON: u8 = 0xd5;

/// Sizes in x, y, z.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Dim3(pub [u32; 3]);

impl Dim3 {
    /// Their product.
    pub fn count(self) -> u64 {
        self.0.iter().map(|&n| u64::from(n)).product()
    }
}

/// What to launch.
#[derive(Clone, Copy, Debug)]
pub struct Launch<'a> {
    /// Code.
    pub prepared: &'a Prepared,
    /// Kernel of that code.
    pub kernel: &'a Kernel,
    /// Where the code object's address 0 lies in global memory.
    pub image_base: u64,
    /// Work-groups.
    pub grid: Dim3,
    /// Work-items of a work-group.
    pub block: Dim3,
    /// Bytes of dynamic LDS.
    pub dynamic_lds: u32,
    /// Address of [`Launch::kernarg`]'s bytes in global memory.
    pub kernarg_address: u64,
}

/// What a launch did.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct LaunchReport {
    /// Work-groups.
    pub num_groups: u64,
    /// Instructions executed, each wave counted.
    pub num_wave_instructions: u64,
    /// Waves.
    pub num_waves: u64,
}

/// The argument segment: the caller's bytes, with the hidden arguments filled in.
pub fn kernarg(kernel: &Kernel, args: &[u8], grid: Dim3, block: Dim3, dynamic_lds: u32) -> Vec<u8> {
    // The segment is aligned to 16 bytes, and compiled code loads up to the end of the last 16.
    let size_bytes = (kernel.kernarg_bytes as usize).max(args.len());
    let mut segment = vec![0; size_bytes.next_multiple_of(16)];
    segment[..args.len()].copy_from_slice(args);
    for arg in &kernel.args {
        let value: u64 = match arg.kind {
            ArgumentKind::HiddenBlockCountX => grid.0[0].into(),
            ArgumentKind::HiddenBlockCountY => grid.0[1].into(),
            ArgumentKind::HiddenBlockCountZ => grid.0[2].into(),
            ArgumentKind::HiddenGroupSizeX => block.0[0].into(),
            ArgumentKind::HiddenGroupSizeY => block.0[1].into(),
            ArgumentKind::HiddenGroupSizeZ => block.0[2].into(),
            ArgumentKind::HiddenGridDims => {
                let of = |axis: usize| grid.0[axis] > 1 || block.0[axis] > 1;
                if of(2) {
                    3
                } else if of(1) {
                    2
                } else {
                    1
                }
            }
            ArgumentKind::HiddenDynamicLdsSize => dynamic_lds.into(),
            ArgumentKind::HiddenPrivateBase => PRIVATE_APERTURE.into(),
            ArgumentKind::HiddenSharedBase => SHARED_APERTURE.into(),
            ArgumentKind::ByValue
            | ArgumentKind::GlobalBuffer
            | ArgumentKind::DynamicSharedPointer => continue,
            _ => 0,
        };
        let (at, size) = (arg.offset_bytes as usize, (arg.size_bytes as usize).min(8));
        if let Some(place) = segment.get_mut(at..at + size) {
            place.copy_from_slice(&value.to_le_bytes()[..size]);
        }
    }
    segment
}

/// How to launch.
#[derive(Clone, Copy, Debug)]
pub struct Options<'a> {
    /// Threads, at least 1; each runs one work-group at a time, the caller's thread is one.
    pub num_threads: usize,
    /// Shuffles the order of work-groups, and of waves in each; without it both are ascending.
    pub seed: Option<u64>,
    /// Most instructions of one wave; more is taken for an endless loop.
    pub max_wave_instructions: u64,
    /// The part of the grid that is run; the whole without it.
    pub part: Option<Part>,
    /// Ends the launch with [`FaultKind::Cancelled`] when it becomes true.
    pub cancel: Option<&'a AtomicBool>,
}

impl Default for Options<'_> {
    fn default() -> Self {
        Self {
            num_threads: 1,
            seed: None,
            max_wave_instructions: 1 << 32,
            part: None,
            cancel: None,
        }
    }
}

/// Work-groups `first`, `first + stride`, ... of the grid (x fastest), at most `count` of them. The
/// others do not run: for counting a sample of a huge launch.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Part {
    /// Number of the first work-group.
    pub first: u64,
    /// Distance, at least 1.
    pub stride: u64,
    /// Most work-groups.
    pub count: u64,
}

impl Part {
    /// At most `most` of `num_groups` work-groups, evenly spread. The distance has no factor in
    /// common with the number, so that no side of the grid has the same place in all of them.
    pub fn sample(num_groups: u64, most: u64) -> Self {
        let count = most.clamp(1, num_groups.max(1));
        let widest = (num_groups / count).max(1);
        let stride = (1..=widest).rev().find(|&stride| gcd(stride, num_groups) == 1).unwrap_or(1);
        let first = num_groups.saturating_sub(1 + stride * (count - 1)) / 2;
        Self { first, stride, count }
    }
}

/// Greatest common divisor.
fn gcd(a: u64, b: u64) -> u64 {
    if b == 0 { a } else { gcd(b, a % b) }
}

/// Runs a kernel to its end on this thread.
///
/// # Errors
/// As [`launch_with`].
pub fn launch<M>(launch: &Launch<'_>, memory: &M) -> Result<LaunchReport, Fault>
where
    M: GlobalMemory + ?Sized,
{
    launch_with(launch, memory, &NoObserver, &Options::default())
}

/// Runs a kernel, watched by the factory's observers. The call returns when no thread works on it
/// any more.
///
/// # Errors
/// [`Fault`] names the instruction that cannot be executed, reached outside memory or was stopped
/// by an observer, or says why the launch does not fit the device; memory then holds what was
/// written before. With several faults it is that of the work-group that comes first in the
/// order, whatever the threads' timing.
pub fn launch_with<M, F>(
    launch: &Launch<'_>,
    memory: &M,
    factory: &F,
    options: &Options<'_>,
) -> Result<LaunchReport, Fault>
where
    M: GlobalMemory + ?Sized,
    F: ObserverFactory,
{
    check(launch).map_err(|why| refused(FaultKind::Launch(why)))?;
    let entry = launch.prepared.program().index_of(launch.kernel.entry);
    let missing = || refused(FaultKind::ProgramCounter(launch.kernel.entry));
    let entry = entry.ok_or_else(missing)? as usize;
    let order = order(launch.grid.count(), options);
    let num_threads = options.num_threads.min(order.len()).max(1);
    let run = Run {
        launch,
        entry,
        memory,
        factory,
        options,
        order,
        next: AtomicU64::new(0),
        first_fault: AtomicU64::new(u64::MAX),
        outcome: Mutex::new(RunOutcome::default()),
    };
    std::thread::scope(|scope| {
        for _ in 1..num_threads {
            scope.spawn(|| run.work());
        }
        run.work();
    });
    let outcome = run.outcome.into_inner().unwrap_or_else(PoisonError::into_inner);
    match outcome.fault {
        Some((_, fault)) => Err(fault),
        None => Ok(outcome.report),
    }
}

/// Numbers of the work-groups, in the order in which they are begun.
fn order(num_groups: u64, options: &Options<'_>) -> Vec<u64> {
    let part = options.part.unwrap_or(Part { first: 0, stride: 1, count: num_groups });
    let all = (part.first..num_groups).step_by(part.stride.max(1) as usize);
    let mut order: Vec<u64> = all.take(usize::try_from(part.count).unwrap_or(usize::MAX)).collect();
    if let Some(seed) = options.seed {
        Random::new(seed, u64::MAX).shuffle(&mut order);
    }
    order
}

/// A launch that is under way.
struct Run<'a, M: ?Sized, F> {
    launch: &'a Launch<'a>,
    entry: usize,
    memory: &'a M,
    factory: &'a F,
    options: &'a Options<'a>,
    order: Vec<u64>,
    /// Place in the order of the next work-group to begin.
    next: AtomicU64,
    first_fault: AtomicU64,
    outcome: Mutex<RunOutcome>,
}

#[derive(Default)]
struct RunOutcome {
    report: LaunchReport,
    /// The fault at the lowest place so far.
    fault: Option<(u64, Fault)>,
}

impl<M: GlobalMemory + ?Sized, F: ObserverFactory> Run<'_, M, F> {
    /// Runs work-groups until there are no more, or one has faulted.
    fn work(&self) {
        let mut report = LaunchReport::default();
        loop {
            let place = self.next.fetch_add(1, Ordering::Relaxed);
            let is_stopped = self.first_fault.load(Ordering::Relaxed) < place;
            let Some(&index) = self.order.get(place as usize).filter(|_| !is_stopped) else {
                break;
            };
            match self.run_group(place, index) {
                Ok((num_waves, num_instructions)) => {
                    report.num_groups += 1;
                    report.num_waves += num_waves;
                    report.num_wave_instructions += num_instructions;
                }
                Err(fault) => self.note(place, fault),
            }
        }
        let mut outcome = self.outcome.lock().unwrap_or_else(PoisonError::into_inner);
        outcome.report.num_groups += report.num_groups;
        outcome.report.num_waves += report.num_waves;
        outcome.report.num_wave_instructions += report.num_wave_instructions;
    }

    fn note(&self, place: u64, fault: Fault) {
        self.first_fault.fetch_min(place, Ordering::Relaxed);
        let mut outcome = self.outcome.lock().unwrap_or_else(PoisonError::into_inner);
        if outcome.fault.as_ref().is_none_or(|&(first, _)| place < first) {
            outcome.fault = Some((place, fault));
        }
    }

    fn run_group(&self, place: u64, index: u64) -> Result<(u64, u64), Fault> {
        let launch = self.launch;
        let [x, y] = [0, 1].map(|axis| u64::from(launch.grid.0[axis]));
        let id = [index % x, index / x % y, index / x / y].map(|n| n as u32);
        let mut group = group(launch, id, index, self.entry, self.memory)
            .map_err(|error| refused(FaultKind::Memory { lane: 0, error }))?;
        let limits = Limits {
            max_wave_instructions: self.options.max_wave_instructions,
            cancel: self.options.cancel,
            first_fault: &self.first_fault,
            place,
        };
        let random = self.options.seed.map(|seed| Random::new(seed, index));
        let mut observer = self.factory.observer(group.info);
        let result = group.run(self.memory, &mut observer, &limits, random);
        self.factory.merge(group.info, observer);
        Ok((group.waves.len() as u64, result?))
    }
}

fn refused(kind: FaultKind) -> Fault {
    Fault { kind, address: 0, instruction: String::new(), group: [0; 3], wave: 0 }
}

fn check(launch: &Launch<'_>) -> Result<(), String> {
    let kernel = launch.kernel;
    let size = launch.block.count();
    if size == 0 || launch.grid.count() == 0 {
        return Err("an empty grid or work-group".to_owned());
    }
    let limit = MAX_GROUP_SIZE.min(kernel.max_workgroup_size.max(1));
    if size > u64::from(limit) {
        return Err(format!("{size} work-items in a work-group; at most {limit}"));
    }
    let lds = u64::from(kernel.group_segment_bytes) + u64::from(launch.dynamic_lds);
    if lds > u64::from(MAX_LDS_BYTES) {
        return Err(format!("{lds} bytes of LDS; at most {MAX_LDS_BYTES}"));
    }
    let d = &kernel.descriptor;
    let needs_host = d.has_private_segment_buffer
        || d.has_dispatch_ptr
        || d.has_queue_ptr
        || d.has_dispatch_id
        || d.has_flat_scratch_init;
    if needs_host {
        return Err("the kernel wants a packet, queue or scratch register".to_owned());
    }
    if d.mode & 15 != 0 {
        return Err("rounding other than to nearest even".to_owned());
    }
    Ok(())
}

fn group<'a, M: GlobalMemory + ?Sized>(
    launch: &Launch<'a>,
    id: [u32; 3],
    index: u64,
    entry: usize,
    memory: &M,
) -> Result<Group<'a>, super::AccessError> {
    let lds_bytes = launch.kernel.group_segment_bytes + launch.dynamic_lds;
    let size = launch.block.count() as usize;
    let num_waves = size.div_ceil(64);
    let mut waves = Vec::with_capacity(num_waves);
    for index in 0..num_waves {
        waves.push(wave(launch, id, index, entry, memory)?);
    }
    let lds = vec![LDS_POISON; lds_bytes as usize];
    let info = GroupInfo { id, index, num_waves, lds_bytes: lds.len() };
    Ok(Group { prepared: launch.prepared, image_base: launch.image_base, info, waves, lds })
}

/// A wave with its initial registers.
fn wave<M: GlobalMemory + ?Sized>(
    launch: &Launch<'_>,
    id: [u32; 3],
    index: usize,
    entry: usize,
    memory: &M,
) -> Result<Wave, super::AccessError> {
    let descriptor = &launch.kernel.descriptor;
    let [num_vgprs, num_agprs] = launch.prepared.num_registers();
    let mut wave = Wave::new(num_vgprs, num_agprs, launch.kernel.private_segment_bytes as usize);
    wave.mode = descriptor.mode;
    wave.pc = entry;
    let [x, y, _] = launch.block.0.map(|n| n as usize);
    let size = launch.block.count() as usize;
    let lanes = (size - index * 64).min(64);
    wave.initial_exec = u64::MAX >> (64 - lanes);
    wave.set_pair(slot::EXEC, wave.initial_exec);
    for lane in 0..64 {
        let item = index * 64 + lane;
        let packed = (item % x) | ((item / x % y) << 10) | ((item / x / y) << 20);
        wave.vgprs[0][lane] = packed as u32;
    }
    let mut next = 0;
    if descriptor.has_kernarg_segment_ptr {
        wave.set_pair(next, launch.kernarg_address);
        next += 2;
    }
    if descriptor.has_private_segment_size {
        wave.scalars[usize::from(next)] = launch.kernel.private_segment_bytes;
        next += 1;
    }
    for dword in 0..descriptor.kernarg_preload_dwords {
        let offset = 4 * u64::from(descriptor.kernarg_preload_offset + dword);
        let mut bytes = [0; 4];
        memory.read(launch.kernarg_address + offset, &mut bytes)?;
        wave.scalars[usize::from(next)] = u32::from_le_bytes(bytes);
        next += 1;
    }
    let present = (0..3).filter(|&axis| descriptor.has_workgroup_id[axis]);
    for (index, axis) in (descriptor.num_user_sgprs as usize..).zip(present) {
        wave.scalars[index] = id[axis];
    }
    Ok(wave)
}
