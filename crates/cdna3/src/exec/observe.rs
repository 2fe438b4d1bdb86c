//! What a launch shows of itself while it runs: hooks for counters and for the sanitizer.
//!
//! Observers see, they change nothing; they stop a launch by returning a fault. The executor is
//! compiled anew for each observer, so [`NoObserver`] costs nothing.

use crate::inst::Inst;

use super::fault::FaultKind;
use super::wave::{Lanes32, Wave, WaveState};

/// What a hook says: go on, or stop the launch.
pub type Outcome = Result<(), FaultKind>;

/// Watches one work-group. Every hook of one observer is called by one thread.
pub trait Observer: Send {
    /// Whether the hooks do anything; `false` removes the calls.
    const ACTIVE: bool = true;

    /// Before instruction `index` of the program; the registers are those it will read.
    fn before(&mut self, _wave: WaveView<'_>, _index: usize, _inst: &Inst) -> Outcome {
        Ok(())
    }

    /// After it; the registers hold its results.
    fn after(&mut self, _wave: WaveView<'_>, _index: usize, _inst: &Inst) -> Outcome {
        Ok(())
    }

    /// Before a memory access takes place; between `before` and `after`. Instructions with two
    /// addresses (`ds_read2`, loads to LDS, flat accesses to several spaces) call it for each.
    /// Lanes that a buffer or LDS drops are not in the mask; lanes cut short come in a call of
    /// their own.
    fn memory(&mut self, _wave: WaveView<'_>, _inst: &Inst, _access: &MemoryAccess<'_>) -> Outcome {
        Ok(())
    }

    /// When every wave is at a barrier or has ended, and at least one is at a barrier. The waves'
    /// program counters are behind their `s_barrier`.
    fn barrier(&mut self, _group: GroupView<'_>) -> Outcome {
        Ok(())
    }

    /// After `s_endpgm`.
    fn wave_end(&mut self, _wave: WaveView<'_>) -> Outcome {
        Ok(())
    }

    /// When every wave has ended.
    fn group_end(&mut self, _group: GroupView<'_>) -> Outcome {
        Ok(())
    }
}

/// Makes an observer for each work-group and takes it back.
pub trait ObserverFactory: Sync {
    /// The observer.
    type Observer: Observer;

    /// An observer for the work-group `info` names; called by the thread that runs it.
    fn observer(&self, info: GroupInfo) -> Self::Observer;

    /// Takes the observer of a work-group that has ended or stopped. The order of calls depends on
    /// the threads: what is merged here must not depend on it.
    fn merge(&self, info: GroupInfo, observer: Self::Observer);
}

/// Which work-group.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct GroupInfo {
    /// Work-group id.
    pub id: [u32; 3],
    /// Its number in the grid, x fastest.
    pub index: u64,
    /// Waves.
    pub num_waves: usize,
    /// Bytes of LDS, static and dynamic.
    pub lds_bytes: usize,
}

/// Watches nothing.
#[derive(Clone, Copy, Debug, Default)]
pub struct NoObserver;

impl Observer for NoObserver {
    const ACTIVE: bool = false;
}

impl ObserverFactory for NoObserver {
    type Observer = Self;

    fn observer(&self, _info: GroupInfo) -> Self {
        Self
    }

    fn merge(&self, _info: GroupInfo, _observer: Self) {}
}

/// Two observers at once; the first is called first.
impl<A: Observer, B: Observer> Observer for (A, B) {
    const ACTIVE: bool = A::ACTIVE || B::ACTIVE;

    fn before(&mut self, wave: WaveView<'_>, index: usize, inst: &Inst) -> Outcome {
        self.0.before(wave, index, inst)?;
        self.1.before(wave, index, inst)
    }

    fn after(&mut self, wave: WaveView<'_>, index: usize, inst: &Inst) -> Outcome {
        self.0.after(wave, index, inst)?;
        self.1.after(wave, index, inst)
    }

    fn memory(&mut self, wave: WaveView<'_>, inst: &Inst, access: &MemoryAccess<'_>) -> Outcome {
        self.0.memory(wave, inst, access)?;
        self.1.memory(wave, inst, access)
    }

    fn barrier(&mut self, group: GroupView<'_>) -> Outcome {
        self.0.barrier(group)?;
        self.1.barrier(group)
    }

    fn wave_end(&mut self, wave: WaveView<'_>) -> Outcome {
        self.0.wave_end(wave)?;
        self.1.wave_end(wave)
    }

    fn group_end(&mut self, group: GroupView<'_>) -> Outcome {
        self.0.group_end(group)?;
        self.1.group_end(group)
    }
}

impl<A: ObserverFactory, B: ObserverFactory> ObserverFactory for (A, B) {
    type Observer = (A::Observer, B::Observer);

    fn observer(&self, info: GroupInfo) -> Self::Observer {
        (self.0.observer(info), self.1.observer(info))
    }

    fn merge(&self, info: GroupInfo, (a, b): Self::Observer) {
        self.0.merge(info, a);
        self.1.merge(info, b);
    }
}

impl<T: ObserverFactory> ObserverFactory for &T {
    type Observer = T::Observer;

    fn observer(&self, info: GroupInfo) -> Self::Observer {
        (**self).observer(info)
    }

    fn merge(&self, info: GroupInfo, observer: Self::Observer) {
        (**self).merge(info, observer);
    }
}

/// A memory that instructions address.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Space {
    /// Device memory, by vector instructions.
    Global,
    /// Device memory, by scalar instructions: lane 0 only.
    Scalar,
    /// Local data share of the work-group; addresses are offsets in it.
    Lds,
    /// Private memory of the lane; addresses are offsets in it.
    Scratch,
}

/// What an access does.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum AccessKind {
    /// Memory to registers (or to LDS).
    Load,
    /// Registers (or device memory) to memory.
    Store,
    /// Memory changed in one step.
    Atomic,
}

/// One wave's access to one space.
#[derive(Clone, Copy, Debug)]
pub struct MemoryAccess<'a> {
    /// Memory.
    pub space: Space,
    /// What it does.
    pub kind: AccessKind,
    /// First byte for each lane; without meaning where the mask's bit is clear.
    pub addresses: &'a [u64; 64],
    /// Lanes that access.
    pub mask: u64,
    /// Bytes of one lane.
    pub bytes: u32,
}

impl MemoryAccess<'_> {
    /// Lane and address of every lane that accesses.
    pub fn lanes(&self) -> impl Iterator<Item = (usize, u64)> + '_ {
        (0..64).filter(|lane| (self.mask >> lane) & 1 == 1).map(|lane| (lane, self.addresses[lane]))
    }
}

/// A wave, to be looked at.
#[derive(Clone, Copy)]
pub struct WaveView<'a> {
    pub(crate) wave: &'a Wave,
    pub(crate) group: [u32; 3],
    pub(crate) index: usize,
}

impl<'a> WaveView<'a> {
    /// Number in the work-group.
    pub fn index(&self) -> usize {
        self.index
    }

    /// Work-group id.
    pub fn group(&self) -> [u32; 3] {
        self.group
    }

    /// Lanes that are on.
    pub fn exec(&self) -> u64 {
        self.wave.exec()
    }

    /// Lanes that the wave began with.
    pub fn initial_exec(&self) -> u64 {
        self.wave.initial_exec
    }

    /// Index of the next instruction: in `before` and `memory` already that behind this one.
    pub fn next_index(&self) -> usize {
        self.wave.pc
    }

    /// Scalar condition code.
    pub fn scc(&self) -> bool {
        self.wave.scc
    }

    /// A scalar register by its operand encoding (0-127), so also `vcc`, `m0` and `exec`.
    pub fn scalar(&self, encoding: u8) -> u32 {
        self.wave.scalars[usize::from(encoding & 127)]
    }

    /// A vector register; `None` if the program names none that high.
    pub fn vgpr(&self, index: usize) -> Option<&'a Lanes32> {
        self.wave.vgprs.get(index)
    }

    /// An accumulation register.
    pub fn agpr(&self, index: usize) -> Option<&'a Lanes32> {
        self.wave.agprs.get(index)
    }

    /// Instructions executed, with the present one.
    pub fn num_executed(&self) -> u64 {
        self.wave.num_executed
    }

    /// Whether it waits at a barrier.
    pub fn is_at_barrier(&self) -> bool {
        self.wave.state == WaveState::AtBarrier
    }

    /// Whether it has ended.
    pub fn has_ended(&self) -> bool {
        self.wave.state == WaveState::Done
    }
}

/// A work-group, to be looked at.
#[derive(Clone, Copy)]
pub struct GroupView<'a> {
    pub(crate) waves: &'a [Wave],
    pub(crate) id: [u32; 3],
}

impl<'a> GroupView<'a> {
    /// Work-group id.
    pub fn id(&self) -> [u32; 3] {
        self.id
    }

    /// The waves in order.
    pub fn waves(&self) -> impl Iterator<Item = WaveView<'a>> + use<'a> {
        let (waves, group) = (self.waves, self.id);
        waves.iter().enumerate().map(move |(index, wave)| WaveView { wave, group, index })
    }
}
