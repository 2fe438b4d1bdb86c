//! One work-group: its waves take turns between barriers and share LDS.

use super::control;
use super::fault::{Fault, FaultKind};
use super::memory::GlobalMemory;
use super::prepared::{Action, Prepared};
use super::wave::{Wave, WaveState};
use super::{lds, scalar_memory, vector_memory};

/// Most instructions of one wave; more is taken for an endless loop.
pub(crate) const MAX_WAVE_INSTRUCTIONS: u64 = 1 << 32;

/// A work-group in execution.
pub(crate) struct Group<'a> {
    /// Code.
    pub(crate) prepared: &'a Prepared,
    /// Where the code object's address 0 lies in global memory.
    pub(crate) image_base: u64,
    /// Work-group id.
    pub(crate) id: [u32; 3],
    /// Waves.
    pub(crate) waves: Vec<Wave>,
    /// Local data share.
    pub(crate) lds: Vec<u8>,
}

impl Group<'_> {
    /// Runs every wave to its end. Waves that have ended do not hold a barrier up.
    pub(crate) fn run(&mut self, memory: &mut dyn GlobalMemory) -> Result<u64, Fault> {
        while self.waves.iter().any(|wave| wave.state != WaveState::Done) {
            for index in 0..self.waves.len() {
                self.run_wave(index, memory)?;
            }
            for wave in &mut self.waves {
                if wave.state == WaveState::AtBarrier {
                    wave.state = WaveState::Running;
                }
            }
        }
        Ok(self.waves.iter().map(|wave| wave.num_executed).sum())
    }

    /// Runs a wave until it waits or ends.
    fn run_wave(&mut self, index: usize, memory: &mut dyn GlobalMemory) -> Result<(), Fault> {
        let insts = self.prepared.program().insts();
        while self.waves[index].state == WaveState::Running {
            let at = self.waves[index].pc;
            let result = self.step(index, memory);
            if let Err(kind) = result {
                let inst = insts.get(at);
                return Err(Fault {
                    kind,
                    address: inst.map_or(0, |inst| inst.address),
                    instruction: inst.map_or_else(String::new, ToString::to_string),
                    group: self.id,
                    wave: index,
                });
            }
        }
        Ok(())
    }

    #[inline]
    fn step(&mut self, index: usize, memory: &mut dyn GlobalMemory) -> Result<(), FaultKind> {
        let wave = &mut self.waves[index];
        let program = self.prepared.program();
        let Some(inst) = program.insts().get(wave.pc) else {
            return Err(FaultKind::ProgramCounter(wave.pc as u64));
        };
        let action = &self.prepared.actions()[wave.pc];
        wave.pc += 1;
        wave.num_executed += 1;
        if wave.num_executed > MAX_WAVE_INSTRUCTIONS {
            return Err(FaultKind::Endless(MAX_WAVE_INSTRUCTIONS));
        }
        match action {
            Action::Step(step) => {
                step(wave, inst);
                Ok(())
            }
            Action::Control => control::execute(wave, inst, program, self.image_base),
            Action::ScalarLoad(dwords) => scalar_memory::load(wave, inst, *dwords, memory),
            Action::Lds(access) => lds::execute(wave, inst, access, &mut self.lds),
            Action::Memory(access) => {
                vector_memory::execute(wave, inst, access, &mut self.lds, memory)
            }
            Action::Unsupported => Err(FaultKind::Unsupported("no meaning for this operation")),
        }
    }
}
