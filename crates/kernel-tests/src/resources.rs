//! What a kernel takes of the machine, read from its code object without running it: registers,
//! LDS, spills, and from the decoded instructions what is in its loops and how many bytes a wave
//! asks for before it first waits.
//!
//! Clocks are issue clocks of a SIMD: an MFMA's passes times 4, a vector operation 4, a
//! transcendental one 16 (LLVM's `SISchedule.td`, AMD's matrix instruction calculator). They bound
//! time from below and were not measured on hardware.

use std::fmt;
use std::ops::Range;

use cdna3::counters::machine::{mfma_cycles, waves_per_simd};
use cdna3::{CodeObject, Inst, Kernel, Op, Program};

use crate::compile::code_object;

const LANES: usize = 64;

/// One kernel's resources.
#[derive(Clone, Debug)]
pub struct Resources {
    /// The kernel.
    pub name: String,
    /// Vector registers of a lane, accumulation registers included.
    pub num_vgprs: u32,
    /// Accumulation registers among them.
    pub num_agprs: u32,
    /// Scalar registers.
    pub num_sgprs: u32,
    /// Static LDS.
    pub lds_bytes: u32,
    /// Scratch of a lane.
    pub scratch_bytes: u32,
    /// Spilled registers, scalar and vector.
    pub num_spills: u32,
    /// Whether the stack's size is unknown.
    pub has_dynamic_stack: bool,
    /// Instructions that must not occur: flat or scratch accesses.
    pub num_flat_or_scratch: usize,
    /// Moves between register files within loops.
    pub num_acc_moves_in_loops: usize,
    /// Bytes that a wave asks of vector memory before it first waits for any.
    pub first_wait_bytes: usize,
    /// Loads of vector memory that a wave has in flight when it first waits for any.
    pub num_first_loads: usize,
    /// Matrix operations in the code, each counted once.
    pub num_mfma: usize,
    /// The loop with the most matrix clocks, if the kernel has matrix operations.
    pub main_loop: Option<LoopClocks>,
}

/// Issue clocks of one round of a loop along one path: that of the most matrix clocks, then of the
/// most memory and LDS accesses, then of the fewest other vector clocks. For attention it is the
/// round in which nothing is masked, capped, rescaled or merged.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct LoopClocks {
    /// Matrix operations.
    pub mfma: u32,
    /// Other vector arithmetic.
    pub valu: u32,
    /// LDS reads and writes.
    pub num_lds: u32,
    /// Vector memory instructions.
    pub num_memory: u32,
}

impl LoopClocks {
    fn order(&self) -> (u32, u32, i64) {
        (self.mfma, self.num_memory + self.num_lds, -i64::from(self.valu))
    }

    fn with(mut self, name: &str) -> Self {
        if name.starts_with("v_mfma") {
            self.mfma += mfma_clocks(name);
        } else if name.starts_with("v_") {
            let quarter = ["v_exp", "v_log", "v_rcp", "v_rsq", "v_sqrt", "v_sin", "v_cos"];
            self.valu += if quarter.iter().any(|p| name.starts_with(p)) { 16 } else { 4 };
        } else if name.starts_with("ds_read") || name.starts_with("ds_write") {
            self.num_lds += 1;
        } else if load_dwords(name).is_some() || name.contains("_store") {
            self.num_memory += 1;
        }
        self
    }

    /// The part of a SIMD's clocks in which the matrix unit works, if waves fill each other's gaps:
    /// an MFMA takes the issue port for 4 clocks, other vector operations for all of theirs.
    pub fn mfma_share(&self, clocks_per_mfma: u32) -> f64 {
        let issue = self.valu + self.mfma / clocks_per_mfma * 4;
        f64::from(self.mfma) / f64::from(self.mfma.max(issue))
    }
}

impl Resources {
    /// Waves of a SIMD that the vector registers allow.
    pub fn waves_per_simd(&self) -> u32 {
        waves_per_simd(self.num_vgprs)
    }

    /// Resources of every kernel of `kernels/{file}`, by name.
    pub fn of_file(file: &str) -> Vec<Self> {
        let object = CodeObject::parse(&code_object(file)).expect("it is a code object");
        let program = Program::decode(&object).expect("it decodes");
        let mut entries: Vec<u32> = object.kernels().iter().map(|k| entry(&program, k)).collect();
        entries.sort_unstable();
        let mut all: Vec<Self> = object
            .kernels()
            .iter()
            .map(|kernel| {
                let start = entry(&program, kernel);
                let next = entries.iter().copied().find(|&other| other > start);
                let end = next.map_or(program.insts().len(), |next| next as usize);
                Self::new(kernel, &program, start as usize..end)
            })
            .collect();
        all.sort_by(|a, b| a.name.cmp(&b.name));
        all
    }

    fn new(kernel: &Kernel, program: &Program, range: Range<usize>) -> Self {
        let insts = &program.insts()[range.clone()];
        let loops = loops(insts, range.start);
        let name = |inst: &Inst| inst.op.to_string();
        let is_forbidden = |i: &&Inst| ["flat_", "scratch_"].iter().any(|p| name(i).starts_with(p));
        let in_loop = |index: usize| loops.iter().any(|l| l.contains(&index));
        let acc_moves = insts
            .iter()
            .enumerate()
            .filter(|(index, inst)| name(inst).starts_with("v_accvgpr") && in_loop(*index));
        let rounds = loops.iter().filter_map(|l| round(insts, range.start, l.start, l.end));
        Self {
            name: kernel.name.clone(),
            num_vgprs: kernel.num_vgprs,
            num_agprs: kernel.num_agprs,
            num_sgprs: kernel.num_sgprs,
            lds_bytes: kernel.group_segment_bytes,
            scratch_bytes: kernel.private_segment_bytes,
            num_spills: kernel.num_sgpr_spills + kernel.num_vgpr_spills,
            has_dynamic_stack: kernel.uses_dynamic_stack,
            num_flat_or_scratch: insts.iter().filter(is_forbidden).count(),
            num_acc_moves_in_loops: acc_moves.count(),
            first_wait_bytes: first_loads(insts).iter().map(|dwords| dwords * 4 * LANES).sum(),
            num_first_loads: first_loads(insts).len(),
            num_mfma: insts.iter().filter(|inst| name(inst).starts_with("v_mfma")).count(),
            main_loop: rounds.filter(|c| c.mfma > 0).max_by_key(LoopClocks::order),
        }
    }
}

fn entry(program: &Program, kernel: &Kernel) -> u32 {
    program.index_of(kernel.entry).expect("a kernel begins at an instruction")
}

/// Instructions from each backward branch's target to the branch, numbered within `insts`.
fn loops(insts: &[Inst], first: usize) -> Vec<Range<usize>> {
    let back = |(at, inst): (usize, &Inst)| {
        let target = (inst.target? as usize).checked_sub(first)?;
        (target <= at).then_some(target..at + 1)
    };
    insts.iter().enumerate().filter_map(back).collect()
}

/// The round from `head` back to it, within instructions before `end`; see [`LoopClocks`].
fn round(insts: &[Inst], first: usize, head: usize, end: usize) -> Option<LoopClocks> {
    let mut best: Vec<Option<LoopClocks>> = vec![None; end - head];
    for at in (head..end).rev() {
        let inst = &insts[at];
        let name = inst.op.to_string();
        let target = inst.target.and_then(|target| (target as usize).checked_sub(first));
        let jump = target.and_then(|target| {
            if target == head {
                Some(LoopClocks::default())
            } else {
                // Backward targets lie in inner loops, which are left at once.
                best.get(target.checked_sub(head)?).copied().flatten().filter(|_| target > at)
            }
        });
        let ends = name == "s_branch" || name == "s_endpgm";
        let next = best.get(at + 1 - head).copied().flatten().filter(|_| !ends);
        let rest = [jump, next].into_iter().flatten().max_by_key(LoopClocks::order);
        best[at - head] = rest.map(|rest| rest.with(&name));
    }
    best[0]
}

/// The shapes that kernels use, in their variants of 4 and 8 passes.
fn mfma_clocks(name: &str) -> u32 {
    let clocks = mfma_cycles(name).unwrap_or_else(|| panic!("clocks of {name} are not known"));
    u32::try_from(clocks).expect("a few dozen")
}

/// Dwords that a load of vector memory gives a lane.
fn load_dwords(name: &str) -> Option<usize> {
    let what = ["global_load_", "buffer_load_"].iter().find_map(|p| name.strip_prefix(p))?;
    Some(match what {
        "dwordx4" => 4,
        "dwordx3" => 3,
        "dwordx2" => 2,
        _ => 1,
    })
}

/// Dwords that each load gives a lane, of those that are in flight at the first wait for any.
fn first_loads(insts: &[Inst]) -> Vec<usize> {
    let mut loads = Vec::new();
    for inst in insts {
        // vmcnt: bits 3:0 and 15:14; all ones wait for nothing.
        let waits = inst.op == Op::SWaitcnt && (inst.imm & 15 | inst.imm >> 10 & 48) != 63;
        if waits && !loads.is_empty() {
            break;
        }
        loads.extend(load_dwords(&inst.op.to_string()));
    }
    loads
}

impl fmt::Display for Resources {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{}: vgpr {} agpr {} sgpr {} lds {} scratch {} spills {} waves {} loads-before-wait {} bytes-before-wait {} \
             mfma {}",
            self.name,
            self.num_vgprs,
            self.num_agprs,
            self.num_sgprs,
            self.lds_bytes,
            self.scratch_bytes,
            self.num_spills,
            self.waves_per_simd(),
            self.num_first_loads,
            self.first_wait_bytes,
            self.num_mfma,
        )?;
        if let Some(l) = self.main_loop {
            write!(
                f,
                " loop: mfma {} valu {} lds {} memory {}",
                l.mfma, l.valu, l.num_lds, l.num_memory
            )?;
        }
        Ok(())
    }
}
