//! Launches: kernel arguments, the initial registers of each wave, work-groups in order.
//!
//! Source: LLVM's "User Guide for AMDGPU Backend": kernel descriptor, initial kernel execution
//! state, code object v5 hidden arguments.

use crate::code_object::{ArgumentKind, Kernel};
use crate::inst::slot;

use super::fault::{Fault, FaultKind};
use super::group::Group;
use super::memory::GlobalMemory;
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
    fn count(self) -> u64 {
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
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LaunchReport {
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

/// Runs a kernel to its end, work-group after work-group.
///
/// # Errors
/// [`Fault`] names the instruction that cannot be executed or reached outside memory, or says why
/// the launch does not fit the device; memory then holds what was written before.
pub fn launch(launch: &Launch<'_>, memory: &mut dyn GlobalMemory) -> Result<LaunchReport, Fault> {
    check(launch).map_err(|why| refused(FaultKind::Launch(why)))?;
    let entry = launch.prepared.program().index_of(launch.kernel.entry);
    let missing = || refused(FaultKind::ProgramCounter(launch.kernel.entry));
    let entry = entry.ok_or_else(missing)? as usize;
    let mut report = LaunchReport { num_wave_instructions: 0, num_waves: 0 };
    for index in 0..launch.grid.count() {
        let [x, y] = [0, 1].map(|axis| u64::from(launch.grid.0[axis]));
        let id = [index % x, index / x % y, index / x / y].map(|n| n as u32);
        let mut group = group(launch, id, entry, memory)
            .map_err(|error| refused(FaultKind::Memory { lane: 0, error }))?;
        report.num_waves += group.waves.len() as u64;
        report.num_wave_instructions += group.run(memory)?;
    }
    Ok(report)
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

fn group<'a>(
    launch: &Launch<'a>,
    id: [u32; 3],
    entry: usize,
    memory: &dyn GlobalMemory,
) -> Result<Group<'a>, super::AccessError> {
    let lds_bytes = launch.kernel.group_segment_bytes + launch.dynamic_lds;
    let size = launch.block.count() as usize;
    let num_waves = size.div_ceil(64);
    let mut waves = Vec::with_capacity(num_waves);
    for index in 0..num_waves {
        waves.push(wave(launch, id, index, entry, memory)?);
    }
    let lds = vec![LDS_POISON; lds_bytes as usize];
    Ok(Group { prepared: launch.prepared, image_base: launch.image_base, id, waves, lds })
}

/// A wave with its initial registers.
fn wave(
    launch: &Launch<'_>,
    id: [u32; 3],
    index: usize,
    entry: usize,
    memory: &dyn GlobalMemory,
) -> Result<Wave, super::AccessError> {
    let descriptor = &launch.kernel.descriptor;
    let [num_vgprs, num_agprs] = launch.prepared.num_registers();
    let mut wave = Wave::new(num_vgprs, num_agprs, launch.kernel.private_segment_bytes as usize);
    wave.mode = descriptor.mode;
    wave.pc = entry;
    let [x, y, _] = launch.block.0.map(|n| n as usize);
    let size = launch.block.count() as usize;
    let lanes = (size - index * 64).min(64);
    wave.set_pair(slot::EXEC, u64::MAX >> (64 - lanes));
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
