//! The sanitizer: finds in a launch what hardware would not tell.
//!
//! Owns shadows: undefined bits of registers, LDS, scratch and device memory; who touched which
//! dword last; which registers wait for memory. It sees each instruction with the registers before
//! it, changes nothing, and never stops a launch. Called by launches that ask for it.

mod device;
mod directory;
mod finding;
mod memory;
mod races;
mod registers;
mod rules;
mod scalar;
mod vector;
mod waits;

use std::sync::atomic::AtomicU32;
use std::sync::{Arc, Mutex, PoisonError};

use crate::code_object::Kernel;
use crate::inst::{Inst, Operand, slot};
use crate::op::Op;

use super::access::{Access, Kind};
use super::fault::Fault;
use super::launch::{Launch, LaunchReport, Options, launch_with};
use super::memory::GlobalMemory;
use super::observe::{GroupInfo, Observer, ObserverFactory, Outcome, WaveView};
use super::prepared::{Action, Prepared};
use super::wave::Wave;

use device::Region;
use directory::Directory;
use finding::Findings;
use memory::Site;
use races::RacePage;
use registers::Registers;
use vector::Flow;
use waits::Waits;

pub use device::DeviceShadow;
pub use finding::{Finding, FindingKind, MAX_FINDINGS, Place, Space, Use};
pub use races::AccessKind;
pub(crate) use rules::Rule;
pub use waits::Queue;

/// What all work-groups of a launch share.
struct Shared {
    kernel: String,
    /// Allocations by address.
    regions: Vec<Arc<Region>>,
    /// Marks of each region.
    races: Vec<Directory<RacePage>>,
    /// For each group: one more than the epoch of its last release at device scope.
    released: Vec<AtomicU32>,
    findings: Findings,
}

impl Shared {
    /// For one launch of `num_groups` work-groups.
    fn new(kernel: &str, shadow: &DeviceShadow, num_groups: u64) -> Self {
        let regions = shadow.snapshot();
        let races = regions.iter().map(|region| Directory::new(region.bytes)).collect();
        let released = (0..num_groups).map(|_| AtomicU32::new(0)).collect();
        Self { kernel: kernel.to_owned(), regions, races, released, findings: Findings::default() }
    }

    /// The region that holds a range; `last` is tried first.
    #[inline]
    fn locate(&self, last: usize, address: u64, bytes: u64) -> Option<usize> {
        let holds = |index: usize| {
            let region = self.regions.get(index)?;
            let offset = address.checked_sub(region.address)?;
            (offset.checked_add(bytes)? <= region.bytes).then_some(index)
        };
        holds(last).or_else(|| {
            let after = self.regions.partition_point(|region| region.address <= address);
            holds(after.checked_sub(1)?)
        })
    }

    /// The end of the last allocation that begins at or below `address`; 0 if there is none.
    fn end_below(&self, address: u64) -> u64 {
        let after = self.regions.partition_point(|region| region.address <= address);
        after
            .checked_sub(1)
            .map_or(0, |index| self.regions[index].address + self.regions[index].bytes)
    }

    fn report(&self, kind: FindingKind, inst: &Inst, local: &Local, wave: u32, lane: Option<u32>) {
        let place = Place { group: local.group, wave, lane };
        self.findings
            .add(kind, inst.address, place, local.id, || (self.kernel.clone(), inst.to_string()));
    }
}

/// The sanitizer of one launch: gives each work-group its check and collects what they find.
pub struct Sanitizer<'a> {
    shared: Arc<Shared>,
    prepared: &'a Prepared,
    kernel: &'a Kernel,
    /// Shadows of work-groups that have ended, for those to come.
    idle: Mutex<Vec<Local>>,
}

impl<'a> Sanitizer<'a> {
    /// For one launch; `shadow` says what device memory holds, and learns what the kernel stores.
    pub fn new(launch: &Launch<'a>, shadow: &DeviceShadow) -> Self {
        let shared = Shared::new(&launch.kernel.name, shadow, launch.grid.count());
        Self {
            shared: Arc::new(shared),
            prepared: launch.prepared,
            kernel: launch.kernel,
            idle: Mutex::default(),
        }
    }

    /// What was found, in order of instruction address; once.
    pub fn take_findings(&self) -> Vec<Finding> {
        self.shared.findings.take()
    }
}

impl<'a> ObserverFactory for Sanitizer<'a> {
    type Observer = GroupCheck<'a>;

    fn observer(&self, info: GroupInfo) -> GroupCheck<'a> {
        let idle = self.idle.lock().unwrap_or_else(PoisonError::into_inner).pop();
        let mut local = idle.unwrap_or_else(|| Local::new(info.lds_bytes));
        local.begin(info);
        let waves = (0..info.num_waves).map(|_| None).collect();
        let shared = Arc::clone(&self.shared);
        GroupCheck { shared, prepared: self.prepared, kernel: self.kernel, local, waves }
    }

    fn merge(&self, _info: GroupInfo, check: GroupCheck<'a>) {
        self.idle.lock().unwrap_or_else(PoisonError::into_inner).push(check.local);
    }
}

/// As [`launch_with`], with the sanitizer looking on; `shadow` says what device memory holds and
/// learns what the kernel stores. The findings are there even if the launch faults.
pub fn launch_sanitized<M: GlobalMemory + ?Sized>(
    launch: &Launch<'_>,
    memory: &M,
    shadow: &DeviceShadow,
    options: &Options<'_>,
) -> (Result<LaunchReport, Fault>, Vec<Finding>) {
    let sanitizer = Sanitizer::new(launch, shadow);
    let result = launch_with(launch, memory, &sanitizer, options);
    (result, sanitizer.take_findings())
}

/// What the waves of a group share.
struct Local {
    /// Number of the group in the launch.
    group: u32,
    id: [u32; 3],
    num_waves: usize,
    /// Undefined bits of the LDS.
    lds: Vec<u8>,
    lds_races: Directory<RacePage>,
    /// Dwords of LDS that loads from memory fill: wave and number of the load. Empty until there is
    /// such a load.
    filling: Vec<(u32, u32)>,
    /// Up to which number each wave's vector memory operations have ended.
    ended: [u32; 32],
    /// Barriers that the group has passed.
    epoch: u32,
    /// Epochs of the groups that were checked with the same LDS marks before.
    epoch_start: u32,
    /// Whether a wave acquired at device scope.
    acquired: bool,
    /// Region of the last access.
    last_region: usize,
}

impl Local {
    fn new(lds_bytes: usize) -> Self {
        Self {
            group: 0,
            id: [0; 3],
            num_waves: 0,
            lds: vec![u8::MAX; lds_bytes],
            lds_races: Directory::new(lds_bytes as u64),
            filling: Vec::new(),
            ended: [0; 32],
            epoch: 0,
            epoch_start: 0,
            acquired: false,
            last_region: 0,
        }
    }

    /// Another group begins.
    fn begin(&mut self, info: GroupInfo) {
        // The marks of the group before are older than any barrier of this one.
        self.epoch_start += self.epoch + 1;
        (self.group, self.id, self.num_waves) = (info.index as u32, info.id, info.num_waves);
        (self.epoch, self.acquired) = (0, false);
        self.lds.fill(u8::MAX);
        self.filling.fill((0, 0));
        self.ended = [0; 32];
    }
}

/// What is known of one wave.
struct WaveCheck {
    regs: Registers,
    waits: Waits,
    /// Lanes at the beginning.
    entry: u64,
    /// Index of the barrier instruction at which it waits.
    barrier: Option<usize>,
    /// Barriers that it has taken part in.
    num_barriers: u32,
    has_ended: bool,
}

impl WaveCheck {
    /// Defined are `exec`, the work-item ids and the scalars that the launch sets.
    fn new(wave: &Wave, kernel: &Kernel) -> Self {
        let mut regs = Registers::new(wave.vgprs.len(), wave.agprs.len(), wave.scratch.len());
        let descriptor = &kernel.descriptor;
        let ids = descriptor.has_workgroup_id.iter().filter(|&&has| has).count();
        let user = descriptor.num_user_sgprs as u8;
        regs.define(Operand::vgpr(0, 1), u64::MAX);
        regs.define(Operand::scalar(0, user + ids as u8), 0);
        for pair in [slot::EXEC, slot::FLAT_SCRATCH, slot::XNACK_MASK] {
            regs.define(Operand::scalar(pair, 2), 0);
        }
        Self {
            regs,
            waits: Waits::new(),
            entry: wave.exec(),
            barrier: None,
            num_barriers: 0,
            has_ended: false,
        }
    }
}

/// The check of one work-group.
pub struct GroupCheck<'a> {
    shared: Arc<Shared>,
    prepared: &'a Prepared,
    kernel: &'a Kernel,
    local: Local,
    /// Each wave once it has begun.
    waves: Vec<Option<WaveCheck>>,
}

impl Observer for GroupCheck<'_> {
    #[inline]
    fn before(&mut self, view: WaveView<'_>, pc: usize, inst: &Inst) -> Outcome {
        let index = view.index();
        if self.waves[index].as_ref().is_some_and(|wave| wave.barrier.is_some()) {
            self.release();
        }
        let Some((_, action)) = self.prepared.at(pc) else { return Ok(()) };
        let check = &mut self.waves[index];
        let mut site = Site {
            shared: &self.shared,
            local: &mut self.local,
            check: check.get_or_insert_with(|| WaveCheck::new(view.wave, self.kernel)),
            wave: view.wave,
            inst,
            index: index as u32,
            rule: self.prepared.rule(pc),
            is_again: false,
        };
        if !site.check.waits.is_idle() {
            site.check_waits(action);
        }
        match action {
            Action::Step(_) => site.step(),
            Action::ScalarLoad(dwords) => site.scalar_load(*dwords),
            Action::Lds(access) => site.lds(access),
            Action::Memory(access) => site.vector(access),
            Action::Control => site.control(pc),
            Action::Unsupported => {}
        }
        Ok(())
    }
}

impl GroupCheck<'_> {
    /// The barrier that the waves waited at is behind them.
    fn release(&mut self) {
        let insts = self.prepared.program().insts();
        let waves = self.waves.iter().enumerate();
        let barriers = waves.filter_map(|(index, wave)| Some((index, wave.as_ref()?.barrier?)));
        let Some((first, at)) = barriers.min_by_key(|(index, _)| *index) else { return };
        for (index, wave) in self.waves.iter_mut().enumerate() {
            let Some(wave) = wave else { continue };
            if let Some(barrier) = wave.barrier.take() {
                wave.num_barriers += 1;
                if barrier != at {
                    let (other, other_wave) = (insts[at].address, first as u32);
                    let kind = FindingKind::DivergentBarrier { other, other_wave };
                    self.shared.report(kind, &insts[barrier], &self.local, index as u32, None);
                }
            } else if wave.has_ended && wave.num_barriers > 0 {
                let (ended, passed) = (index as u32, wave.num_barriers);
                let kind = FindingKind::MissedBarrier { ended, passed };
                self.shared.report(kind, &insts[at], &self.local, first as u32, None);
            }
        }
        self.local.epoch += 1;
    }
}

impl Site<'_> {
    /// Registers that an open load will still write must not be touched.
    fn check_waits(&mut self, action: &Action) {
        let allowed = match action {
            Action::Memory(access) if is_load(access) => Some(Queue::Vector),
            Action::Lds(access) if is_load(access) => Some(Queue::Lds),
            _ => None,
        };
        let inst = self.inst;
        for operand in inst.src {
            if let Some(queue) = self.check.waits.pending(operand, None) {
                self.report(FindingKind::NotWaited { queue, is_write: false }, None);
                self.check.waits.forget(operand);
            }
        }
        for operand in [inst.dst, inst.sdst] {
            if let Some(queue) = self.check.waits.pending(operand, allowed) {
                self.report(FindingKind::NotWaited { queue, is_write: true }, None);
                self.check.waits.forget(operand);
            }
        }
    }

    fn step(&mut self) {
        let exec = match self.rule {
            Rule::Other => return,
            Rule::Scalar => scalar::run(&mut self.check.regs, self.wave, self.inst),
            rule => {
                let regs = &mut self.check.regs;
                Flow { regs, wave: self.wave, inst: self.inst }.run(rule);
                match self.inst.op {
                    Op::VCmpx(_) => self.check.regs.scalar(self.inst.dst),
                    _ => 0,
                }
            }
        };
        if exec != 0 {
            let kind = FindingKind::Undefined { used: Use::Exec, address: 0 };
            self.report(kind, Some(exec.trailing_zeros()));
        }
    }

    fn control(&mut self, pc: usize) {
        match self.inst.op {
            Op::SWaitcnt => {
                self.check.waits.wait(self.inst.imm as u32);
                self.local.ended[self.index as usize & 31] = self.check.waits.ended_vector();
            }
            Op::SBarrier => {
                self.check.barrier = Some(pc);
                let (exec, entry) = (self.wave.exec(), self.check.entry);
                if entry & !exec != 0 {
                    self.report(FindingKind::PartialBarrier { exec, entry }, None);
                }
            }
            Op::SEndpgm => self.check.has_ended = true,
            Op::SCbranchScc0 | Op::SCbranchScc1 => {
                if self.check.regs.scc {
                    self.report_branch();
                    self.check.regs.scc = false;
                }
            }
            Op::SCbranchVccz | Op::SCbranchVccnz => {
                let vcc = Operand::scalar(slot::VCC, 2);
                let undefined = self.check.regs.scalar(vcc);
                // A defined one decides that vcc is not zero.
                if undefined != 0 && self.wave.pair(slot::VCC) & !undefined == 0 {
                    self.report_branch();
                    self.check.regs.define(vcc, 0);
                }
            }
            Op::SMemtime | Op::SMemrealtime => {
                self.check.regs.define(self.inst.dst, 0);
                self.check.waits.issue(Queue::Scalar, self.inst.dst);
            }
            _ => {
                let jumps = matches!(self.inst.op, Op::SSetpcB64 | Op::SSwappcB64);
                if jumps && !self.check.regs.is_clean(self.inst.src[0]) {
                    self.report_branch();
                }
                self.check.regs.define(self.inst.dst, 0);
            }
        }
    }

    fn report_branch(&self) {
        self.report(FindingKind::Undefined { used: Use::Branch, address: 0 }, None);
    }
}

/// Whether the access gives registers values when it ends, in the order of its queue.
fn is_load(access: &Access) -> bool {
    !matches!(access.kind, Kind::Store | Kind::Cache)
}
