//! The observer that counts: one for each work-group, summed by [`Counting`].

use std::collections::VecDeque;
use std::sync::{Mutex, PoisonError};

use super::lines::Lines;
use super::{Counters, LINE_BYTES, Traffic, Wait, lds, machine, note};
use crate::exec::{
    AccessKind, GroupInfo, MemoryAccess, Observer, ObserverFactory, Outcome, Space, WaveView,
};
use crate::inst::{Format, Inst};
use crate::op::Op;
use crate::program::Program;

/// Clocks between two scalar instructions of one SIMD's waves: the unit serves four SIMDs in turn.
const SALU_CYCLES: u64 = 4;
/// Names of operations at a quarter of the rate.
const TRANSCENDENTAL: [&str; 7] =
    ["v_exp_", "v_log_", "v_rcp_", "v_rsq_", "v_sqrt_", "v_sin_", "v_cos_"];

/// The unit that takes an instruction.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Unit {
    Salu,
    Control,
    Smem,
    Valu,
    Trans,
    Mfma(u64),
    Lds,
    Vmem,
}

fn unit(inst: &Inst) -> Unit {
    match inst.format {
        Format::Sopp => Unit::Control,
        Format::Sop1 | Format::Sop2 | Format::Sopc | Format::Sopk => Unit::Salu,
        Format::Smem => Unit::Smem,
        Format::Ds => Unit::Lds,
        Format::Flat | Format::Global | Format::Scratch | Format::Mubuf => Unit::Vmem,
        _ => {
            let name = inst.op.to_string();
            match machine::mfma_cycles(&name) {
                Some(cycles) => Unit::Mfma(cycles),
                None if TRANSCENDENTAL.iter().any(|t| name.starts_with(t)) => Unit::Trans,
                None => Unit::Valu,
            }
        }
    }
}

/// Counts launches of one program.
#[derive(Debug)]
pub struct Counting {
    /// By the instruction's index.
    units: Vec<Unit>,
    sums: Mutex<Sums>,
}

/// Sums over work-groups.
#[derive(Clone, Debug, Default)]
struct Sums {
    /// Distinct lines are not yet in it.
    counters: Counters,
    read: Lines,
    written: Lines,
}

impl Counting {
    /// Nothing counted yet.
    pub fn new(program: &Program) -> Self {
        Self { units: program.insts().iter().map(unit).collect(), sums: Mutex::default() }
    }

    /// What was counted.
    pub fn counters(&self) -> Counters {
        let sums = self.sums.lock().unwrap_or_else(PoisonError::into_inner);
        let mut counters = sums.counters.clone();
        sums.read.count(&mut counters.read);
        sums.written.count(&mut counters.written);
        counters
    }
}

impl<'a> ObserverFactory for &'a Counting {
    type Observer = GroupCounting<'a>;

    fn observer(&self, info: GroupInfo) -> GroupCounting<'a> {
        let waves = (0..info.num_waves).map(|_| WaveLoads::default()).collect();
        let num_waves = info.num_waves as u64;
        let counters = Counters { num_groups: 1, num_waves, ..Counters::default() };
        let (read, written) = (Lines::default(), Lines::default());
        GroupCounting { units: &self.units, counters, read, written, waves }
    }

    fn merge(&self, _: GroupInfo, observer: GroupCounting<'a>) {
        let mut sums = self.sums.lock().unwrap_or_else(PoisonError::into_inner);
        sums.counters.merge(observer.counters);
        sums.read.merge(observer.read);
        sums.written.merge(observer.written);
    }
}

/// Vector memory that a wave has under way: bytes of each instruction, 0 for stores.
#[derive(Debug, Default)]
struct WaveLoads {
    under_way: VecDeque<u64>,
    has_waited: bool,
}

/// Counts one work-group.
#[derive(Debug)]
pub struct GroupCounting<'a> {
    units: &'a [Unit],
    counters: Counters,
    read: Lines,
    written: Lines,
    waves: Vec<WaveLoads>,
}

impl GroupCounting<'_> {
    fn traffic(traffic: &mut Traffic, touched: &mut Lines, access: &MemoryAccess<'_>) {
        let bytes = u64::from(access.bytes);
        let mut lines: Vec<u64> = access
            .lanes()
            .flat_map(|(_, at)| at / LINE_BYTES..=(at + bytes - 1) / LINE_BYTES)
            .collect();
        lines.sort_unstable();
        lines.dedup();
        traffic.num_accesses += 1;
        traffic.bytes += u64::from(access.mask.count_ones()) * bytes;
        traffic.lines += lines.len() as u64;
        for (_, at) in access.lanes() {
            touched.touch(at, bytes);
        }
    }

    /// `s_waitcnt`: vector memory ends in order, so the oldest go first.
    fn wait(&mut self, wave: usize, inst: &Inst) {
        let immediate = inst.imm as u32;
        let allowed = ((immediate & 15) | ((immediate >> 10) & 0x30)) as usize;
        let loads = &mut self.waves[wave];
        if loads.under_way.len() <= allowed {
            return;
        }
        let num_loads = loads.under_way.iter().filter(|&&bytes| bytes > 0).count() as u64;
        if num_loads > 0 {
            let once = Wait::once(num_loads, loads.under_way.iter().sum());
            if !std::mem::replace(&mut loads.has_waited, true) {
                note(&mut self.counters.first_wait, once);
            }
            let waits = &mut self.counters.waits;
            waits.entry(inst.address).and_modify(|all| all.merge(once)).or_insert(once);
        }
        let done = loads.under_way.len() - allowed;
        loads.under_way.drain(..done);
    }
}

impl Observer for GroupCounting<'_> {
    fn before(&mut self, wave: WaveView<'_>, index: usize, inst: &Inst) -> Outcome {
        let (instructions, cycles) = (&mut self.counters.instructions, &mut self.counters.cycles);
        match self.units.get(index).copied().unwrap_or(Unit::Control) {
            Unit::Salu => instructions.salu += 1,
            Unit::Control => instructions.control += 1,
            Unit::Smem => instructions.smem += 1,
            Unit::Valu => instructions.valu += 1,
            Unit::Trans => instructions.trans += 1,
            Unit::Mfma(_) => instructions.mfma += 1,
            Unit::Lds => instructions.lds += 1,
            Unit::Vmem => {
                instructions.vmem += 1;
                // LLVM's `SIInsertWaitcnts`: invalidation is not waited for, writing back is.
                if inst.op != Op::BufferInv {
                    self.waves[wave.index()].under_way.push_back(0);
                }
            }
        }
        match self.units.get(index) {
            Some(Unit::Salu | Unit::Control) => cycles.salu += SALU_CYCLES,
            Some(Unit::Valu) => cycles.valu += machine::valu_cycles(false),
            Some(Unit::Trans) => cycles.valu += machine::valu_cycles(true),
            Some(Unit::Mfma(clocks)) => cycles.mfma += clocks,
            _ => {}
        }
        if inst.op == Op::SWaitcnt {
            self.wait(wave.index(), inst);
        }
        Ok(())
    }

    fn memory(&mut self, wave: WaveView<'_>, _: &Inst, access: &MemoryAccess<'_>) -> Outcome {
        let bytes = u64::from(access.mask.count_ones()) * u64::from(access.bytes);
        match access.space {
            Space::Scalar => self.counters.scalar_bytes += bytes,
            Space::Lds => {
                let is_write = access.kind != AccessKind::Load;
                let (addresses, mask) = (access.addresses, access.mask);
                let (cycles, least) = lds::bank_cycles(addresses, mask, access.bytes, is_write);
                self.counters.lds.bytes += bytes;
                self.counters.lds.cycles += cycles;
                self.counters.lds.conflict_free_cycles += least;
            }
            Space::Global => {
                if access.kind != AccessKind::Store {
                    Self::traffic(&mut self.counters.read, &mut self.read, access);
                    if let Some(last) = self.waves[wave.index()].under_way.back_mut() {
                        *last += bytes;
                    }
                }
                if access.kind != AccessKind::Load {
                    Self::traffic(&mut self.counters.written, &mut self.written, access);
                }
            }
            Space::Scratch => {}
        }
        Ok(())
    }
}
