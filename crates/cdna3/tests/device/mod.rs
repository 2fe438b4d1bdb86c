//! A probe, loaded to be launched: the device of the tests.

#![allow(dead_code, reason = "each test uses a part of it")]

use std::path::Path;

use cdna3::counters::{Counters, Counting};
use cdna3::exec::sanitize::{DeviceShadow, Finding, launch_sanitized};
use cdna3::exec::{
    Dim3, Fault, Launch, LaunchReport, Options, Prepared, VecMemory, kernarg, launch, launch_with,
};
use cdna3::{CodeObject, Program};

use crate::toolchain;

/// Private memory of a lane in assembled kernels.
pub(crate) const SCRATCH_BYTES: u32 = 256;

/// A loaded probe and the memory it works on.
pub(crate) struct Device {
    object: CodeObject,
    prepared: Prepared,
    image_base: u64,
    pub(crate) memory: VecMemory,
    /// Whether [`Device::launch`] lets the sanitizer look on and takes a finding for a failure.
    pub(crate) sanitized: bool,
    /// How [`Device::sanitize`] runs.
    pub(crate) options: Options<'static>,
}

impl Device {
    /// Compiles, loads and decodes a probe.
    pub(crate) fn load(probe: &str) -> Self {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let output = folder.path().join("probe.hsaco");
        toolchain::compile(&toolchain::probe(probe), &output);
        Self { sanitized: true, ..Self::open(&output) }
    }

    /// Assembles the instructions of one kernel, `cases`, with `lds` bytes of LDS; loads and
    /// decodes it. It begins with its arguments' address in `s[0:1]`, the work-group's number in
    /// `s2` and the lane in `v0`.
    pub(crate) fn assemble(instructions: &str, lds: u32) -> Self {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let (source, output) = (folder.path().join("cases.s"), folder.path().join("cases.hsaco"));
        std::fs::write(&source, assembly(instructions, lds)).expect("a file in a new folder");
        toolchain::assemble(&source, &output);
        Self::open(&output)
    }

    /// The first instruction of an assembled kernel that cannot be executed, as LLVM writes it.
    pub(crate) fn unsupported(instructions: &str) -> Option<String> {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let (source, output) = (folder.path().join("cases.s"), folder.path().join("cases.hsaco"));
        std::fs::write(&source, assembly(instructions, 0)).expect("a file in a new folder");
        toolchain::assemble(&source, &output);
        Self::read(&output).prepared.first_unsupported().map(ToString::to_string)
    }

    fn open(output: &Path) -> Self {
        let device = Self::read(output);
        let unsupported = device.prepared.first_unsupported();
        assert!(unsupported.is_none(), "{unsupported:?}");
        device
    }

    fn read(output: &Path) -> Self {
        let object = CodeObject::parse(&std::fs::read(output).expect("it was linked"))
            .expect("it is a code object");
        let end = object.segments().iter().map(|s| s.address + s.size_bytes).max().unwrap_or(0);
        let mut image = vec![0; end as usize];
        for segment in object.segments() {
            let at = segment.address as usize;
            image[at..at + segment.bytes.len()].copy_from_slice(&segment.bytes);
        }
        let mut memory = VecMemory::default();
        let image_base = memory.allocate("image", &image);
        let prepared = Prepared::new(Program::decode(&object).expect("it decodes"));
        let options = Options::default();
        Self { object, prepared, image_base, memory, sanitized: false, options }
    }

    /// Runs a kernel of `grid` work-groups of `block` work-items.
    pub(crate) fn launch(
        &mut self,
        name: &str,
        grid: u32,
        block: u32,
        args: &[u8],
    ) -> LaunchReport {
        if self.sanitized {
            let (result, findings) = self.sanitize(name, grid, block, args, &[]);
            assert!(findings.is_empty(), "{}", text(&findings));
            return result.unwrap_or_else(|fault| panic!("{name}: {fault}"));
        }
        self.try_launch(name, Dim3([grid, 1, 1]), Dim3([block, 1, 1]), 0, args)
            .unwrap_or_else(|fault| panic!("{name}: {fault}"))
    }

    /// Runs a kernel in any shape, with dynamic LDS; may fail.
    pub(crate) fn try_launch(
        &mut self,
        name: &str,
        grid: Dim3,
        block: Dim3,
        dynamic_lds: u32,
        args: &[u8],
    ) -> Result<LaunchReport, Fault> {
        let kernel = self.object.kernel(name).expect("the probe has it");
        let segment = kernarg(kernel, args, grid, block, dynamic_lds);
        let kernarg_address = self.memory.allocate("kernarg", &segment);
        let (prepared, image_base) = (&self.prepared, self.image_base);
        let what =
            Launch { prepared, kernel, image_base, grid, block, dynamic_lds, kernarg_address };
        launch(&what, &self.memory)
    }

    /// Runs a kernel with the sanitizer. Allocations named in `undefined` hold no values yet.
    pub(crate) fn sanitize(
        &mut self,
        name: &str,
        grid: u32,
        block: u32,
        args: &[u8],
        undefined: &[&str],
    ) -> (Result<LaunchReport, Fault>, Vec<Finding>) {
        let kernel = self.object.kernel(name).expect("the probe has it");
        let (grid, block) = (Dim3([grid, 1, 1]), Dim3([block, 1, 1]));
        let segment = kernarg(kernel, args, grid, block, 0);
        let kernarg_address = self.memory.allocate("kernarg", &segment);
        let shadow = DeviceShadow::new();
        for (name, address, bytes) in self.memory.extents() {
            shadow.allocate(address, bytes);
            if !undefined.contains(&name) {
                shadow.mark_defined(address, bytes);
            }
        }
        let (prepared, image_base) = (&self.prepared, self.image_base);
        let what =
            Launch { prepared, kernel, image_base, grid, block, dynamic_lds: 0, kernarg_address };
        launch_sanitized(&what, &self.memory, &shadow, &self.options)
    }

    /// Runs an assembled kernel with options and counts it.
    pub(crate) fn count(
        &mut self,
        grid: u32,
        block: u32,
        args: &[u8],
        options: &Options<'_>,
    ) -> Result<(LaunchReport, Counters), Fault> {
        let kernel = self.object.kernel("cases").expect("it was assembled");
        let (grid, block) = (Dim3([grid, 1, 1]), Dim3([block, 1, 1]));
        let segment = kernarg(kernel, args, grid, block, 0);
        let kernarg_address = self.memory.allocate("kernarg", &segment);
        let (prepared, image_base) = (&self.prepared, self.image_base);
        let what =
            Launch { prepared, kernel, image_base, grid, block, dynamic_lds: 0, kernarg_address };
        let counting = Counting::new(prepared.program());
        let report = launch_with(&what, &self.memory, &&counting, options)?;
        Ok((report, counting.counters()))
    }

    /// An allocation in dwords.
    pub(crate) fn words(&self, name: &str) -> Vec<u32> {
        let bytes = self.memory.bytes(name).expect("it was allocated");
        bytes.chunks_exact(4).map(|c| u32::from_le_bytes([c[0], c[1], c[2], c[3]])).collect()
    }
}

/// Findings, one a line.
pub(crate) fn text(findings: &[Finding]) -> String {
    findings.iter().map(|finding| format!("{finding}\n")).collect()
}

/// A kernel around instructions.
fn assembly(instructions: &str, lds: u32) -> String {
    format!(
        r#".amdgcn_target "amdgcn-amd-amdhsa--gfx942"
.amdhsa_code_object_version 5
.text
.globl cases
.p2align 8
.type cases,@function
cases:
{instructions}
.Lend:
.size cases, .Lend-cases
.rodata
.p2align 6
.amdhsa_kernel cases
  .amdhsa_group_segment_fixed_size {lds}
  .amdhsa_private_segment_fixed_size {SCRATCH_BYTES}
  .amdhsa_enable_private_segment 1
  .amdhsa_kernarg_size 64
  .amdhsa_user_sgpr_kernarg_segment_ptr 1
  .amdhsa_system_sgpr_workgroup_id_x 1
  .amdhsa_system_vgpr_workitem_id 0
  .amdhsa_next_free_vgpr 256
  .amdhsa_accum_offset 128
  .amdhsa_next_free_sgpr 96
  .amdhsa_ieee_mode 1
  .amdhsa_dx10_clamp 1
  .amdhsa_float_denorm_mode_32 3
  .amdhsa_float_denorm_mode_16_64 3
.end_amdhsa_kernel
.amdgpu_metadata
---
amdhsa.version: [ 1, 2 ]
amdhsa.kernels:
  - .name: cases
    .symbol: cases.kd
    .kernarg_segment_size: 64
    .kernarg_segment_align: 8
    .group_segment_fixed_size: {lds}
    .private_segment_fixed_size: {SCRATCH_BYTES}
    .wavefront_size: 64
    .sgpr_count: 96
    .vgpr_count: 256
    .max_flat_workgroup_size: 1024
    .args: []
...
.end_amdgpu_metadata
"#
    )
}

/// Values as bytes.
macro_rules! bytes {
    ($values:expr) => {
        $values.iter().flat_map(|v| v.to_le_bytes()).collect::<Vec<u8>>()
    };
}

#[allow(unused_imports, reason = "each test uses a part of it")]
pub(crate) use bytes;

/// Arguments in order; every one aligned to its size.
pub(crate) fn args(pointers: &[u64], rest: &[u32]) -> Vec<u8> {
    [bytes!(pointers), bytes!(rest)].concat()
}
