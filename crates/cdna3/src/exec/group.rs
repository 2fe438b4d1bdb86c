//! One work-group: its waves take turns and share LDS.
//!
//! A wave runs until it waits, ends or has used up its turn, so that a wave may wait for memory
//! that another one writes. Run by one thread.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use super::control;
use super::fault::{Fault, FaultKind};
use super::memory::GlobalMemory;
use super::observe::{GroupInfo, GroupView, Observer, WaveView};
use super::order::Random;
use super::prepared::{Action, Prepared};
use super::wave::{Wave, WaveState};
use super::{lds, scalar_memory, vector_memory};

/// Instructions of a wave's turn; between turns it is seen whether the launch shall stop.
const TURN_INSTRUCTIONS: u64 = 1 << 14;

/// A work-group in execution.
pub(crate) struct Group<'a> {
    /// Code.
    pub(crate) prepared: &'a Prepared,
    /// Where the code object's address 0 lies in global memory.
    pub(crate) image_base: u64,
    /// Which one.
    pub(crate) info: GroupInfo,
    /// Waves.
    pub(crate) waves: Vec<Wave>,
    /// Local data share.
    pub(crate) lds: Vec<u8>,
}

/// When a work-group must stop.
#[derive(Clone, Copy)]
pub(crate) struct Limits<'a> {
    /// Most instructions of one wave; more is taken for an endless loop.
    pub(crate) max_wave_instructions: u64,
    /// Set from outside to end the launch.
    pub(crate) cancel: Option<&'a AtomicBool>,
    /// First place in the order of work-groups at which one has faulted.
    pub(crate) first_fault: &'a AtomicU64,
    /// Place of this one.
    pub(crate) place: u64,
}

impl Limits<'_> {
    fn check(&self) -> Result<(), FaultKind> {
        let is_cancelled = self.cancel.is_some_and(|flag| flag.load(Ordering::Relaxed));
        if is_cancelled || self.first_fault.load(Ordering::Relaxed) < self.place {
            return Err(FaultKind::Cancelled);
        }
        Ok(())
    }
}

/// An instruction's surroundings.
pub(crate) struct Context<'a, M: ?Sized, O> {
    /// Device memory.
    pub(crate) memory: &'a M,
    /// Local data share of the work-group.
    pub(crate) lds: &'a mut [u8],
    /// Who watches.
    pub(crate) observer: &'a mut O,
    /// Work-group id.
    pub(crate) group: [u32; 3],
    /// Wave in it.
    pub(crate) index: usize,
}

impl<M: ?Sized, O> Context<'_, M, O> {
    /// The wave as observers see it.
    pub(crate) fn view<'w>(&self, wave: &'w Wave) -> WaveView<'w> {
        WaveView { wave, group: self.group, index: self.index }
    }
}

impl Group<'_> {
    /// Runs every wave to its end; with `random` in another order each round. Waves that have
    /// ended do not hold a barrier up.
    pub(crate) fn run<M: GlobalMemory + ?Sized, O: Observer>(
        &mut self,
        memory: &M,
        observer: &mut O,
        limits: &Limits<'_>,
        mut random: Option<Random>,
    ) -> Result<u64, Fault> {
        let mut order: Vec<usize> = (0..self.waves.len()).collect();
        while self.waves.iter().any(|wave| wave.state != WaveState::Done) {
            if let Some(random) = &mut random {
                random.shuffle(&mut order);
            }
            for &index in &order {
                limits.check().map_err(|kind| self.fault(kind, index))?;
                self.turn(index, memory, observer, limits)?;
            }
            if self.waves.iter().all(|wave| wave.state != WaveState::Running) {
                self.release_barrier(observer)?;
            }
        }
        let view = GroupView { waves: &self.waves, id: self.info.id };
        observer.group_end(view).map_err(|kind| self.fault(kind, 0))?;
        Ok(self.waves.iter().map(|wave| wave.num_executed).sum())
    }

    fn release_barrier(&mut self, observer: &mut impl Observer) -> Result<(), Fault> {
        let waiting = |wave: &Wave| wave.state == WaveState::AtBarrier;
        let Some(first) = self.waves.iter().position(waiting) else { return Ok(()) };
        let view = GroupView { waves: &self.waves, id: self.info.id };
        observer.barrier(view).map_err(|kind| self.fault(kind, first))?;
        for wave in self.waves.iter_mut().filter(|wave| waiting(wave)) {
            wave.state = WaveState::Running;
        }
        Ok(())
    }

    /// A fault of the instruction that the wave has begun last.
    fn fault(&self, kind: FaultKind, index: usize) -> Fault {
        let insts = self.prepared.program().insts();
        let inst = insts.get(self.waves[index].current);
        Fault {
            kind,
            address: inst.map_or(0, |inst| inst.address),
            instruction: inst.map_or_else(String::new, ToString::to_string),
            group: self.info.id,
            wave: index,
        }
    }

    /// Runs a wave until it waits or ends, or for a turn.
    fn turn<M: GlobalMemory + ?Sized, O: Observer>(
        &mut self,
        index: usize,
        memory: &M,
        observer: &mut O,
        limits: &Limits<'_>,
    ) -> Result<(), Fault> {
        let wave = &mut self.waves[index];
        let lds = &mut self.lds;
        let mut context = Context { memory, lds, observer, group: self.info.id, index };
        let (prepared, base) = (self.prepared, self.image_base);
        let mut left = TURN_INSTRUCTIONS;
        let mut result = Ok(());
        while wave.state == WaveState::Running && left > 0 && result.is_ok() {
            left -= 1;
            result = step(wave, prepared, base, &mut context);
        }
        if wave.num_executed > limits.max_wave_instructions && result.is_ok() {
            result = Err(FaultKind::Endless(limits.max_wave_instructions));
        }
        result.map_err(|kind| self.fault(kind, index))
    }
}

/// Executes one instruction.
#[inline]
fn step<M: GlobalMemory + ?Sized, O: Observer>(
    wave: &mut Wave,
    prepared: &Prepared,
    image_base: u64,
    context: &mut Context<'_, M, O>,
) -> Result<(), FaultKind> {
    let index = wave.pc;
    wave.current = index;
    let Some((inst, action)) = prepared.at(index) else {
        return Err(FaultKind::ProgramCounter(index as u64));
    };
    wave.pc = index + 1;
    wave.num_executed += 1;
    if O::ACTIVE {
        let view = context.view(wave);
        context.observer.before(view, index, inst)?;
    }
    match action {
        Action::Step(step) => step(wave, inst),
        Action::Control => control::execute(wave, inst, prepared.program(), image_base)?,
        Action::ScalarLoad(dwords) => scalar_memory::load(wave, inst, *dwords, context)?,
        Action::Lds(access) => lds::execute(wave, inst, access, context)?,
        Action::Memory(access) => vector_memory::execute(wave, inst, access, context)?,
        Action::Unsupported => {
            return Err(FaultKind::Unsupported("no meaning for this operation"));
        }
    }
    if O::ACTIVE {
        let view = context.view(wave);
        context.observer.after(view, index, inst)?;
        if wave.state == WaveState::Done {
            let view = context.view(wave);
            context.observer.wave_end(view)?;
        }
    }
    Ok(())
}
