//! The emulated device of the tests. What the tests know of `cdna3`'s launches is in this file.
//!
//! Every launch that is not counted runs under the sanitizer, and a finding fails the test.

use std::fmt;

use cdna3::counters::machine::{self, Resource};
use cdna3::counters::{Counters, Counting};
use cdna3::exec::sanitize::{DeviceShadow, Finding, launch_sanitized};
use cdna3::exec::{
    Dim3, Launch, LaunchReport, Options, Part, Prepared, VecMemory, kernarg, launch_with,
};
use cdna3::{CodeObject, Program};

use crate::compile::shipped;

/// A kernel's parameter struct as bytes: members in order, each aligned to its size.
#[derive(Clone, Debug, Default)]
pub struct Params(Vec<u8>);

impl Params {
    /// No members yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// What a kernel finds.
    pub fn bytes(&self) -> &[u8] {
        &self.0
    }

    fn push(mut self, bytes: &[u8]) -> Self {
        let aligned = self.0.len().next_multiple_of(bytes.len());
        self.0.resize(aligned, 0);
        self.0.extend_from_slice(bytes);
        self
    }

    /// A pointer or another 64-bit member.
    #[must_use]
    pub fn u64(self, value: u64) -> Self {
        self.push(&value.to_le_bytes())
    }

    /// A 32-bit count.
    #[must_use]
    pub fn u32(self, value: u32) -> Self {
        self.push(&value.to_le_bytes())
    }

    /// A 32-bit count, given as what Rust indexes with.
    #[must_use]
    pub fn size(self, value: usize) -> Self {
        self.u32(u32::try_from(value).expect("a parameter fits 32 bits"))
    }

    /// A single-precision number.
    #[must_use]
    pub fn f32(self, value: f32) -> Self {
        self.push(&value.to_le_bytes())
    }
}

/// A loaded code object.
#[derive(Debug)]
struct Module {
    object: CodeObject,
    prepared: Prepared,
    image: Vec<u8>,
    image_base: u64,
}

impl Module {
    fn load(file: &str) -> Self {
        let object = CodeObject::parse(shipped(file)).expect("it is a code object");
        let end = object.segments().iter().map(|s| s.address + s.size_bytes).max().unwrap_or(0);
        let mut image = vec![0; end as usize];
        for segment in object.segments() {
            let at = segment.address as usize;
            image[at..at + segment.bytes.len()].copy_from_slice(&segment.bytes);
        }
        let prepared = Prepared::new(Program::decode(&object).expect("it decodes"));
        assert!(prepared.first_unsupported().is_none(), "{:?}", prepared.first_unsupported());
        Self { object, prepared, image, image_base: 0 }
    }
}

/// Loaded code objects and the memory that their kernels share.
pub struct Device {
    modules: Vec<Module>,
    memory: VecMemory,
    /// Which bytes of the memory hold values; kernels' stores define more.
    shadow: DeviceShadow,
    /// Launches are counted, of each at most so many work-groups: they run, the others do not.
    sample: Option<u64>,
    counted: Vec<Counted>,
}

/// What a launch asked for.
#[derive(Clone, Debug)]
pub struct Counted {
    /// The kernel.
    pub kernel: String,
    /// Work-groups of the grid.
    pub num_groups: u64,
    /// Of those that ran.
    pub counters: Counters,
}

impl Counted {
    /// Bytes that the whole launch asked for.
    pub fn asked_bytes(&self) -> f64 {
        self.scale() * self.counters.asked_bytes() as f64
    }

    /// Work-groups of the grid over those that ran.
    pub fn scale(&self) -> f64 {
        self.num_groups as f64 / self.counters.num_groups as f64
    }

    /// What the whole launch asks for and moves, over the least bytes that its operation can do with.
    pub fn over(&self, least_bytes: usize) -> Ratios {
        let least = least_bytes as f64;
        let bound = machine::bound(&self.counters, self.num_groups);
        Ratios {
            asked: self.asked_bytes() / least,
            hbm: machine::hbm_bytes(&self.counters, self.num_groups) / least,
            share: least / machine::HBM_BYTES_PER_S / bound.seconds,
            limit: bound.limit,
        }
    }
}

/// A launch against the least bytes of its operation.
#[derive(Clone, Copy, Debug)]
pub struct Ratios {
    /// Bytes that lanes and scalar loads ask for.
    pub asked: f64,
    /// Bytes of distinct lines.
    pub hbm: f64,
    /// Time of the least bytes at HBM's reachable bandwidth over the launch's lower bound, the gap
    /// before it left out. Arithmetic, not measured on hardware.
    pub share: f64,
    /// What makes the bound.
    pub limit: Resource,
}

impl fmt::Display for Ratios {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { asked, hbm, share, limit } = self;
        write!(f, "asked {asked:.3}, HBM {hbm:.3}, share {share:.3} of {limit:?}")
    }
}

impl Device {
    /// Loads `kernels/{file}`.
    pub fn load(file: &str) -> Self {
        Self::load_all(&[file])
    }

    /// Loads several files of `kernels/`.
    pub fn load_all(files: &[&str]) -> Self {
        let modules = files.iter().map(|file| Module::load(file)).collect();
        let mut device = Self {
            modules,
            memory: VecMemory::default(),
            shadow: DeviceShadow::new(),
            sample: None,
            counted: Vec::new(),
        };
        device.reset();
        device
    }

    /// Forgets every allocation but the code, so that names can be used again.
    pub fn reset(&mut self) {
        self.memory = VecMemory::default();
        self.shadow = DeviceShadow::new();
        for module in &mut self.modules {
            module.image_base = self.memory.allocate("image", &module.image);
            let bytes = module.image.len() as u64;
            self.shadow.allocate(module.image_base, bytes);
            self.shadow.mark_defined(module.image_base, bytes);
        }
        self.counted.clear();
    }

    /// A new allocation with these bytes; its address.
    pub fn allocate(&mut self, name: &str, bytes: &[u8]) -> u64 {
        let address = self.undefined(name, bytes);
        self.shadow.mark_defined(address, bytes.len() as u64);
        address
    }

    /// A new allocation for results, filled with a pattern that is NaN in every float format. To
    /// the sanitizer it holds nothing until a kernel stores to it.
    pub fn poisoned(&mut self, name: &str, len_bytes: usize) -> u64 {
        self.undefined(name, &vec![0xff; len_bytes])
    }

    /// A new allocation that holds nothing to the sanitizer, whatever its bytes are.
    fn undefined(&mut self, name: &str, bytes: &[u8]) -> u64 {
        assert!(self.memory.bytes(name).is_none(), "{name} is allocated already");
        let address = self.memory.allocate(name, bytes);
        self.shadow.allocate(address, bytes.len() as u64);
        address
    }

    /// Runs a kernel of `grid` work-groups of `block` work-items. The parameter struct must have
    /// the size that the code object's metadata gives. Panics if the kernel faults, or if the
    /// sanitizer finds anything (it does not look on while launches are counted).
    pub fn launch(
        &mut self,
        name: &str,
        grid: [usize; 3],
        block: usize,
        params: &Params,
    ) -> LaunchReport {
        let found = self.modules.iter().find_map(|m| Some((m, m.object.kernel(name)?)));
        let (module, kernel) = found.unwrap_or_else(|| panic!("no kernel {name}"));
        let args = kernel.args.iter().filter(|arg| arg.offset_bytes == 0);
        let size = args.map(|arg| arg.size_bytes as usize).sum::<usize>();
        let padded = params.0.len().next_multiple_of(8);
        assert!(
            params.0.len() == size || padded == size,
            "{name}: {} bytes of parameters, the kernel has {size}",
            params.0.len()
        );
        let grid = Dim3(grid.map(|n| u32::try_from(n).expect("a grid fits 32 bits")));
        let block = Dim3([block as u32, 1, 1]);
        let segment = kernarg(kernel, &params.0, grid, block, 0);
        let kernarg_address = self.memory.allocate("kernarg", &segment);
        self.shadow.allocate(kernarg_address, segment.len() as u64);
        self.shadow.mark_defined(kernarg_address, segment.len() as u64);
        let (prepared, image_base) = (&module.prepared, module.image_base);
        let what =
            Launch { prepared, kernel, image_base, grid, block, dynamic_lds: 0, kernarg_address };
        let part = self.sample.map(|most| Part::sample(grid.count(), most));
        let options = Options { part, ..Options::default() };
        let result = match self.sample {
            Some(_) => {
                let counting = Counting::new(prepared.program());
                let result = launch_with(&what, &self.memory, &&counting, &options);
                let (kernel, num_groups) = (name.to_owned(), grid.count());
                self.counted.push(Counted { kernel, num_groups, counters: counting.counters() });
                result
            }
            None => {
                let (result, findings) =
                    launch_sanitized(&what, &self.memory, &self.shadow, &options);
                assert!(findings.is_empty(), "{name}: {}", lines(&findings));
                result
            }
        };
        result.unwrap_or_else(|fault| panic!("{name}: {fault}"))
    }

    /// Counts launches from now on. Of each at most `most` work-groups run, evenly spread: fewer
    /// than the grid has leave results incomplete.
    pub fn count(&mut self, most: u64) {
        self.sample = Some(most);
    }

    /// Launches that were counted since the last reset, in order.
    pub fn counted(&self) -> &[Counted] {
        &self.counted
    }

    /// The bytes of an allocation.
    pub fn bytes(&self, name: &str) -> Vec<u8> {
        self.memory.bytes(name).unwrap_or_else(|| panic!("nothing is called {name}"))
    }

    /// An allocation as 32-bit words.
    pub fn u32s(&self, name: &str) -> Vec<u32> {
        let bytes = self.bytes(name);
        let (words, _) = bytes.as_chunks::<4>();
        words.iter().map(|&word| u32::from_le_bytes(word)).collect()
    }

    /// An allocation as single-precision numbers.
    pub fn f32s(&self, name: &str) -> Vec<f32> {
        self.u32s(name).into_iter().map(f32::from_bits).collect()
    }

    /// An allocation of bf16 numbers, widened.
    pub fn bf16s(&self, name: &str) -> Vec<f32> {
        let bytes = self.bytes(name);
        let (halves, _) = bytes.as_chunks::<2>();
        halves.iter().map(|&half| half::bf16::from_le_bytes(half).to_f32()).collect()
    }
}

/// Findings, one a line.
fn lines(findings: &[Finding]) -> String {
    findings.iter().map(|finding| format!("\n{finding}")).collect()
}
