//! What a launch asked of the machine, counted: instructions, traffic, LDS banks, loads in flight.
//!
//! [`Counting`] is an observer of launches; [`Counters`] are its sums, [`machine`] turns them into a
//! lower bound of the time on an MI300X. Counts are exact for the emulated run; every time is
//! arithmetic on published figures and not measured on hardware. Never prints or writes files.

pub mod lds;
mod lines;
pub mod machine;
mod observer;

use std::collections::BTreeMap;
use std::fmt;

use serde::{Deserialize, Serialize};

pub use observer::Counting;

/// Bytes of a line of the vector L1 and of L2.
pub const LINE_BYTES: u64 = 128;

/// Instructions executed, each wave counted, by the unit that takes them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Instructions {
    /// Scalar arithmetic.
    pub salu: u64,
    /// Branches, waits, barriers and the like.
    pub control: u64,
    /// Scalar memory.
    pub smem: u64,
    /// Vector arithmetic but for the next two, with moves to and from accumulation registers.
    pub valu: u64,
    /// Transcendental operations, at a quarter of the rate.
    pub trans: u64,
    /// Matrix operations.
    pub mfma: u64,
    /// Local data share.
    pub lds: u64,
    /// Global, flat, scratch and buffer memory.
    pub vmem: u64,
}

/// One direction of traffic to device memory by vector instructions.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Traffic {
    /// Wave accesses.
    pub num_accesses: u64,
    /// Bytes that lanes asked for.
    pub bytes: u64,
    /// Lines touched, counted anew for each wave access: what L1 is asked for.
    pub lines: u64,
    /// Lines touched at least once in the launch: the least that HBM must move.
    pub distinct_lines: u64,
    /// Those among them that two work-groups or more touched.
    pub shared_lines: u64,
    /// Bytes touched at least once in the launch.
    pub distinct_bytes: u64,
}

impl Traffic {
    /// The part of the bytes of all touched lines that lanes asked for; 1 without traffic.
    pub fn coalescing(&self) -> f64 {
        if self.lines == 0 {
            return 1.0;
        }
        self.bytes as f64 / (self.lines * LINE_BYTES) as f64
    }

    /// The part of the bytes of distinct lines that were touched in the launch; 1 without traffic.
    pub fn line_use(&self) -> f64 {
        if self.distinct_lines == 0 {
            return 1.0;
        }
        self.distinct_bytes as f64 / (self.distinct_lines * LINE_BYTES) as f64
    }

    /// Adds what can be added; distinct lines cannot.
    fn merge(&mut self, other: Self) {
        self.num_accesses += other.num_accesses;
        self.bytes += other.bytes;
        self.lines += other.lines;
    }
}

/// The local data share's banks.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct LdsCounters {
    /// Bytes that lanes asked for.
    pub bytes: u64,
    /// Cycles by [`lds::bank_cycles`].
    pub cycles: u64,
    /// Cycles of the same dwords spread evenly over the banks.
    pub conflict_free_cycles: u64,
}

/// Cycles of one SIMD, summed over all waves.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Cycles {
    /// Matrix operations.
    pub mfma: u64,
    /// Other vector arithmetic.
    pub valu: u64,
    /// Scalar arithmetic and control.
    pub salu: u64,
}

/// Loads under way when an `s_waitcnt` had to wait for vector memory.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Wait {
    /// Times that it was reached with loads under way that it waits for.
    pub num_executions: u64,
    /// Fewest loads.
    pub loads_min: u64,
    /// Most loads.
    pub loads_max: u64,
    /// Fewest bytes of a wave.
    pub bytes_min: u64,
    /// Most bytes of a wave.
    pub bytes_max: u64,
}

impl Wait {
    fn once(loads: u64, bytes: u64) -> Self {
        let (loads_min, loads_max, bytes_min, bytes_max) = (loads, loads, bytes, bytes);
        Self { num_executions: 1, loads_min, loads_max, bytes_min, bytes_max }
    }

    fn merge(&mut self, other: Self) {
        self.num_executions += other.num_executions;
        self.loads_min = self.loads_min.min(other.loads_min);
        self.loads_max = self.loads_max.max(other.loads_max);
        self.bytes_min = self.bytes_min.min(other.bytes_min);
        self.bytes_max = self.bytes_max.max(other.bytes_max);
    }
}

/// Everything that is counted.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Counters {
    /// Work-groups.
    pub num_groups: u64,
    /// Waves.
    pub num_waves: u64,
    /// Instructions.
    pub instructions: Instructions,
    /// Loads by vector instructions; atomics are here and in `written`.
    pub read: Traffic,
    /// Stores and atomics.
    pub written: Traffic,
    /// Bytes by scalar loads.
    pub scalar_bytes: u64,
    /// The local data share.
    pub lds: LdsCounters,
    /// Cycles.
    pub cycles: Cycles,
    /// Each wave's first wait.
    pub first_wait: Option<Wait>,
    /// Every wait by the address of its instruction.
    pub waits: BTreeMap<u64, Wait>,
}

impl Counters {
    /// The wait reached most often, so that of the main loop.
    pub fn loop_wait(&self) -> Option<Wait> {
        self.waits.values().copied().max_by_key(|wait| wait.num_executions)
    }

    /// Matrix cycles over those of the busiest of matrix units, vector issue (which an MFMA takes
    /// for 4 of its cycles) and LDS (which four SIMDs share): the time that the matrix units work
    /// if waves fill each other's gaps. 0 without matrix operations.
    pub fn mfma_busy(&self) -> f64 {
        let issue = self.cycles.valu + machine::valu_cycles(false) * self.instructions.mfma;
        let lds = machine::SIMDS_PER_CU * self.lds.cycles;
        self.cycles.mfma as f64 / self.cycles.mfma.max(issue).max(lds).max(1) as f64
    }

    /// Matrix cycles over matrix and other vector cycles, as if the two did not overlap: the share
    /// of a SIMD's vector issue. 0 without either.
    pub fn mfma_vector_share(&self) -> f64 {
        let Cycles { mfma, valu, .. } = self.cycles;
        mfma as f64 / (mfma + valu).max(1) as f64
    }

    /// Matrix cycles over matrix, vector and scalar cycles, as if nothing overlapped.
    pub fn mfma_issue_share(&self) -> f64 {
        let Cycles { mfma, valu, salu } = self.cycles;
        mfma as f64 / (mfma + valu + salu).max(1) as f64
    }

    /// Bytes that lanes and scalar loads asked for, both ways.
    pub fn asked_bytes(&self) -> u64 {
        self.read.bytes + self.written.bytes + self.scalar_bytes
    }

    /// Cycles of the local data share that bank conflicts cost.
    pub fn lds_conflict_cycles(&self) -> u64 {
        self.lds.cycles - self.lds.conflict_free_cycles
    }

    /// LDS cycles over those that the compute unit has while its SIMDs are busy with matrix and
    /// other vector operations, as if the four shared the work evenly. 0 without either.
    pub fn lds_share(&self) -> f64 {
        let Cycles { mfma, valu, .. } = self.cycles;
        (machine::SIMDS_PER_CU * self.lds.cycles) as f64 / (mfma + valu).max(1) as f64
    }

    fn merge(&mut self, other: Self) {
        self.num_groups += other.num_groups;
        self.num_waves += other.num_waves;
        let (a, b) = (&mut self.instructions, other.instructions);
        a.salu += b.salu;
        a.control += b.control;
        a.smem += b.smem;
        a.valu += b.valu;
        a.trans += b.trans;
        a.mfma += b.mfma;
        a.lds += b.lds;
        a.vmem += b.vmem;
        self.read.merge(other.read);
        self.written.merge(other.written);
        self.scalar_bytes += other.scalar_bytes;
        self.lds.bytes += other.lds.bytes;
        self.lds.cycles += other.lds.cycles;
        self.lds.conflict_free_cycles += other.lds.conflict_free_cycles;
        self.cycles.mfma += other.cycles.mfma;
        self.cycles.valu += other.cycles.valu;
        self.cycles.salu += other.cycles.salu;
        if let Some(wait) = other.first_wait {
            note(&mut self.first_wait, wait);
        }
        for (address, wait) in other.waits {
            self.waits.entry(address).and_modify(|all| all.merge(wait)).or_insert(wait);
        }
    }
}

fn note(all: &mut Option<Wait>, wait: Wait) {
    match all {
        Some(all) => all.merge(wait),
        None => *all = Some(wait),
    }
}

impl fmt::Display for Counters {
    /// Writes a table, one row for each unit.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let i = &self.instructions;
        writeln!(f, "groups {}  waves {}", self.num_groups, self.num_waves)?;
        writeln!(f, "instructions  salu {}  control {}  smem {}", i.salu, i.control, i.smem)?;
        writeln!(f, "              valu {}  trans {}  mfma {}", i.valu, i.trans, i.mfma)?;
        writeln!(f, "              lds {}  vmem {}", i.lds, i.vmem)?;
        for (name, traffic) in [("read", &self.read), ("written", &self.written)] {
            let Traffic { bytes, lines, distinct_lines, .. } = traffic;
            let percent = 100.0 * traffic.coalescing();
            writeln!(
                f,
                "{name}  {bytes} B  {lines} lines ({distinct_lines} distinct)  {percent:.1} %"
            )?;
        }
        let LdsCounters { bytes, cycles, conflict_free_cycles } = self.lds;
        writeln!(f, "lds  {bytes} B  {cycles} cycles, {conflict_free_cycles} without conflicts")?;
        let Cycles { mfma, valu, salu } = self.cycles;
        writeln!(f, "cycles  mfma {mfma}  valu {valu}  salu {salu}")?;
        for (name, wait) in [("first wait", self.first_wait), ("loop wait", self.loop_wait())] {
            if let Some(w) = wait {
                let (loads, bytes) = (w.loads_min, w.bytes_min);
                writeln!(
                    f,
                    "{name}  {loads}..={} loads  {bytes}..={} B",
                    w.loads_max, w.bytes_max
                )?;
            }
        }
        Ok(())
    }
}
