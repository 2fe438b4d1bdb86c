//! What an MI300X says of itself: attributes by number, and the two layouts of `hipDeviceProp_t`.
//!
//! Sources: enum and old struct from `hip/hip_runtime_api.h` of ROCm 5.2; the struct behind
//! `hipGetDevicePropertiesR0600` from the same header of ROCm 6, whose `gcnArchName` is at 1160.
//! Figures: AMD's data sheet and microarchitecture pages of the MI300X; SPX mode, NPS1.

use cdna3::counters::machine::LDS_BYTES;

use crate::memory::DEVICE_BYTES;
use crate::module::MAX_GROUP_SIZE;

/// The device's name.
pub(crate) const NAME: &str = "AMD Instinct MI300X";
/// Its target with features.
pub(crate) const GCN_ARCH_NAME: &str = "gfx942:sramecc+:xnack-";
/// Compute units.
const NUM_CUS: i32 = 304;
/// Dies with compute units.
const NUM_XCCS: i32 = 8;
const CLOCK_KHZ: i32 = 2_100_000;
const MEMORY_CLOCK_KHZ: i32 = 1_300_000;
const MEMORY_BUS_BITS: i32 = 8192;
/// L2 of one XCD, as the driver reports it.
const L2_BYTES: i32 = 4 << 20;
const WAVE_SIZE: i32 = 64;
const REGISTERS: i32 = 65_536;
/// Counter of `s_memrealtime`.
const REAL_CLOCK_KHZ: i32 = 100_000;
const MAX_BLOCK_DIM: [i32; 3] = [1024, 1024, 1024];
const MAX_GRID_DIM: [i32; 3] = [i32::MAX, 65_536, 65_536];

/// PCI bus number of a device.
pub(crate) fn pci_bus(device: usize) -> i32 {
    0x05 + 0x10 * i32::try_from(device).unwrap_or(0)
}

/// An attribute by its number in `hipDeviceAttribute_t`; `None` for numbers that are not modelled.
pub(crate) fn attribute(number: i32, device: usize) -> Option<i32> {
    let lds = LDS_BYTES as i32;
    Some(match number {
        0 => 1,                                         // EccEnabled
        2 => 8,                                         // AsyncEngineCount
        78 => 0,                                        // StreamPrioritiesSupported
        3 | 4 => 1,     // CanMapHostMemory, CanUseHostPointerForRegisteredMem
        5 => CLOCK_KHZ, // ClockRate
        6 => 0,         // ComputeMode
        8 => 1,         // ConcurrentKernels
        9 | 13 => 0,    // ConcurrentManagedAccess, DirectManagedMemAccess
        10 | 11 => 0,   // Cooperative launches: not modelled
        16..=18 => 0,   // Integrated, IsMultiGpuBoard, KernelExecTimeout
        19 => L2_BYTES, // L2CacheSize
        23 => 9,        // ComputeCapabilityMajor
        24 => 0,        // ManagedMemory: not modelled
        26..=28 => MAX_BLOCK_DIM[number as usize - 26], // MaxBlockDimX, Y, Z
        29..=31 => MAX_GRID_DIM[number as usize - 29], // MaxGridDimX, Y, Z
        55 => MAX_BLOCK_DIM[0], // MaxThreadsDim
        56 => MAX_GROUP_SIZE as i32, // MaxThreadsPerBlock
        57 => 2048,     // MaxThreadsPerMultiProcessor
        58 => i32::MAX, // MaxPitch
        59 => MEMORY_BUS_BITS, // MemoryBusWidth
        60 => MEMORY_CLOCK_KHZ, // MemoryClockRate
        61 => 4,        // ComputeCapabilityMinor
        63 => NUM_CUS,  // MultiprocessorCount
        65 | 66 => 0,   // PageableMemoryAccess, ...UsesHostPageTables
        67 => pci_bus(device), // PciBusId
        68 | 69 => 0,   // PciDeviceId, PciDomainID
        71 | 72 => REGISTERS, // MaxRegistersPerBlock, PerMultiprocessor
        74 | 76 => lds, // MaxSharedMemoryPerBlock, PerMultiprocessor
        75 => lds,      // SharedMemPerBlockOptin
        83 => i32::MAX, // TotalConstantMemory
        84 => i32::MAX, // TotalGlobalMem does not fit
        85 => 1,        // UnifiedAddressing
        87 => WAVE_SIZE, // WarpSize
        88 => 0,        // MemoryPoolsSupported: not modelled
        10_000 => REAL_CLOCK_KHZ, // ClockInstructionRate
        10_002 => lds,  // MaxSharedMemoryPerMultiprocessor
        10_011 => 1,    // IsLargeBar
        10_012 => 1,    // AsicRevision
        10_013 => 1,    // CanUseStreamWaitValue
        10_014 => 0,    // ImageSupport
        10_015 => NUM_CUS, // PhysicalMultiProcessorCount
        10_016 => 1,    // FineGrainSupport
        10_018 => NUM_XCCS, // NumberOfXccs, of ROCm 7
        _ => return None,
    })
}

fn name_field(text: &str) -> [u8; 256] {
    let mut field = [0; 256];
    field[..text.len()].copy_from_slice(text.as_bytes());
    field
}

/// `hipDeviceArch_t`: atomics, doubles, votes and shuffles, system fences, grids in three dimensions.
const ARCH_BITS: u32 = 0x97ff;

/// `hipDeviceProp_t` since ROCm 6.0, as `hipGetDevicePropertiesR0600` fills it.
#[derive(Clone, Debug)]
#[repr(C)]
pub(crate) struct PropertiesR0600 {
    name: [u8; 256],
    uuid: [u8; 16],
    luid: [u8; 8],
    luid_device_node_mask: u32,
    total_global_mem: usize,
    shared_mem_per_block: usize,
    regs_per_block: i32,
    warp_size: i32,
    mem_pitch: usize,
    max_threads_per_block: i32,
    max_threads_dim: [i32; 3],
    max_grid_size: [i32; 3],
    clock_rate: i32,
    total_const_mem: usize,
    major: i32,
    minor: i32,
    texture_alignment: usize,
    texture_pitch_alignment: usize,
    device_overlap: i32,
    multi_processor_count: i32,
    /// `kernelExecTimeoutEnabled`, `integrated`.
    timeout_integrated: [i32; 2],
    can_map_host_memory: i32,
    compute_mode: i32,
    /// Limits of textures and surfaces, which this device does not have.
    textures: [i32; 40],
    surface_alignment: usize,
    concurrent_kernels: i32,
    ecc_enabled: i32,
    pci_bus_id: i32,
    /// `pciDeviceID`, `pciDomainID`, `tccDriver`.
    pci_device_domain_tcc: [i32; 3],
    async_engine_count: i32,
    unified_addressing: i32,
    memory_clock_rate: i32,
    memory_bus_width: i32,
    l2_cache_size: i32,
    persisting_l2_cache_max_size: i32,
    max_threads_per_multi_processor: i32,
    /// `streamPrioritiesSupported`, `globalL1CacheSupported`, `localL1CacheSupported`.
    priorities_l1: [i32; 3],
    shared_mem_per_multiprocessor: usize,
    regs_per_multiprocessor: i32,
    /// From `managedMemory` to `computePreemptionSupported`.
    managed_to_preemption: [i32; 8],
    can_use_host_pointer_for_registered_mem: i32,
    /// `cooperativeLaunch`, `cooperativeMultiDeviceLaunch`.
    cooperative: [i32; 2],
    shared_mem_per_block_optin: usize,
    /// `pageableMemoryAccessUsesHostPageTables`, `directManagedMemAccessFromHost`.
    host_tables_direct: [i32; 2],
    max_blocks_per_multi_processor: i32,
    access_policy_max_window_size: i32,
    reserved_shared_mem_per_block: usize,
    /// From `hostRegisterSupported` to `unifiedFunctionPointers`.
    features: [i32; 13],
    reserved: [i32; 63],
    hip_reserved: [i32; 32],
    gcn_arch_name: [u8; 256],
    max_shared_memory_per_multi_processor: usize,
    clock_instruction_rate: i32,
    arch: u32,
    /// `hdpMemFlushCntl`, `hdpRegFlushCntl`.
    hdp_flush_cntl: [usize; 2],
    cooperative_multi_device_unmatched: [i32; 4],
    is_large_bar: i32,
    asic_revision: i32,
}

const _: () = {
    use std::mem::{offset_of, size_of};
    assert!(offset_of!(PropertiesR0600, total_global_mem) == 288);
    assert!(offset_of!(PropertiesR0600, multi_processor_count) == 388);
    assert!(offset_of!(PropertiesR0600, gcn_arch_name) == 1160);
    assert!(size_of::<PropertiesR0600>() == 1472);
};

impl PropertiesR0600 {
    /// A device's properties.
    pub(crate) fn of(device: usize) -> Self {
        let lds = LDS_BYTES as usize;
        let mut uuid = *b"ropeway-emu-\0\0\0\0";
        uuid[12] = b'0' + device as u8;
        let mut features = [0; 13];
        features[0] = 1; // hostRegisterSupported
        Self {
            name: name_field(NAME),
            uuid,
            luid: [0; 8],
            luid_device_node_mask: 0,
            total_global_mem: DEVICE_BYTES as usize,
            shared_mem_per_block: lds,
            regs_per_block: REGISTERS,
            warp_size: WAVE_SIZE,
            mem_pitch: i32::MAX as usize,
            max_threads_per_block: MAX_GROUP_SIZE as i32,
            max_threads_dim: MAX_BLOCK_DIM,
            max_grid_size: MAX_GRID_DIM,
            clock_rate: CLOCK_KHZ,
            total_const_mem: i32::MAX as usize,
            major: 9,
            minor: 4,
            texture_alignment: 256,
            texture_pitch_alignment: 256,
            device_overlap: 0,
            multi_processor_count: NUM_CUS,
            timeout_integrated: [0; 2],
            can_map_host_memory: 1,
            compute_mode: 0,
            textures: [0; 40],
            surface_alignment: 0,
            concurrent_kernels: 1,
            ecc_enabled: 1,
            pci_bus_id: pci_bus(device),
            pci_device_domain_tcc: [0; 3],
            async_engine_count: 8,
            unified_addressing: 1,
            memory_clock_rate: MEMORY_CLOCK_KHZ,
            memory_bus_width: MEMORY_BUS_BITS,
            l2_cache_size: L2_BYTES,
            persisting_l2_cache_max_size: 0,
            max_threads_per_multi_processor: 2048,
            priorities_l1: [0; 3],
            shared_mem_per_multiprocessor: lds,
            regs_per_multiprocessor: REGISTERS,
            managed_to_preemption: [0; 8],
            can_use_host_pointer_for_registered_mem: 1,
            cooperative: [0; 2],
            shared_mem_per_block_optin: lds,
            host_tables_direct: [0; 2],
            max_blocks_per_multi_processor: 2,
            access_policy_max_window_size: 0,
            reserved_shared_mem_per_block: 0,
            features,
            reserved: [0; 63],
            hip_reserved: [0; 32],
            gcn_arch_name: name_field(GCN_ARCH_NAME),
            max_shared_memory_per_multi_processor: lds,
            clock_instruction_rate: REAL_CLOCK_KHZ,
            arch: ARCH_BITS,
            hdp_flush_cntl: [0; 2],
            cooperative_multi_device_unmatched: [0; 4],
            is_large_bar: 1,
            asic_revision: 1,
        }
    }
}

/// `hipDeviceProp_t` of ROCm 5, which the unversioned `hipGetDeviceProperties` still fills.
#[derive(Clone, Debug)]
#[repr(C)]
pub(crate) struct PropertiesR0000 {
    name: [u8; 256],
    total_global_mem: usize,
    shared_mem_per_block: usize,
    regs_per_block: i32,
    warp_size: i32,
    max_threads_per_block: i32,
    max_threads_dim: [i32; 3],
    max_grid_size: [i32; 3],
    clock_rate: i32,
    memory_clock_rate: i32,
    memory_bus_width: i32,
    total_const_mem: usize,
    major: i32,
    minor: i32,
    multi_processor_count: i32,
    l2_cache_size: i32,
    max_threads_per_multi_processor: i32,
    compute_mode: i32,
    clock_instruction_rate: i32,
    arch: u32,
    concurrent_kernels: i32,
    pci_domain_id: i32,
    pci_bus_id: i32,
    pci_device_id: i32,
    max_shared_memory_per_multi_processor: usize,
    is_multi_gpu_board: i32,
    can_map_host_memory: i32,
    gcn_arch: i32,
    gcn_arch_name: [u8; 256],
    integrated: i32,
    cooperative_launch: i32,
    cooperative_multi_device_launch: i32,
    textures: [i32; 7],
    hdp_mem_flush_cntl: usize,
    hdp_reg_flush_cntl: usize,
    mem_pitch: usize,
    texture_alignment: usize,
    texture_pitch_alignment: usize,
    kernel_exec_timeout_enabled: i32,
    ecc_enabled: i32,
    tcc_driver: i32,
    cooperative_multi_device_unmatched: [i32; 4],
    is_large_bar: i32,
    asic_revision: i32,
    managed_memory: i32,
    direct_managed_mem_access_from_host: i32,
    concurrent_managed_access: i32,
    pageable_memory_access: i32,
    pageable_memory_access_uses_host_page_tables: i32,
}

const _: () = {
    use std::mem::{offset_of, size_of};
    assert!(offset_of!(PropertiesR0000, gcn_arch_name) == 396);
    assert!(size_of::<PropertiesR0000>() == 792);
};

impl PropertiesR0000 {
    /// A device's properties.
    pub(crate) fn of(device: usize) -> Self {
        let lds = LDS_BYTES as usize;
        Self {
            name: name_field(NAME),
            total_global_mem: DEVICE_BYTES as usize,
            shared_mem_per_block: lds,
            regs_per_block: REGISTERS,
            warp_size: WAVE_SIZE,
            max_threads_per_block: MAX_GROUP_SIZE as i32,
            max_threads_dim: MAX_BLOCK_DIM,
            max_grid_size: MAX_GRID_DIM,
            clock_rate: CLOCK_KHZ,
            memory_clock_rate: MEMORY_CLOCK_KHZ,
            memory_bus_width: MEMORY_BUS_BITS,
            total_const_mem: i32::MAX as usize,
            major: 9,
            minor: 4,
            multi_processor_count: NUM_CUS,
            l2_cache_size: L2_BYTES,
            max_threads_per_multi_processor: 2048,
            compute_mode: 0,
            clock_instruction_rate: REAL_CLOCK_KHZ,
            arch: ARCH_BITS,
            concurrent_kernels: 1,
            pci_domain_id: 0,
            pci_bus_id: pci_bus(device),
            pci_device_id: 0,
            max_shared_memory_per_multi_processor: lds,
            is_multi_gpu_board: 0,
            can_map_host_memory: 1,
            gcn_arch: 942,
            gcn_arch_name: name_field(GCN_ARCH_NAME),
            integrated: 0,
            cooperative_launch: 0,
            cooperative_multi_device_launch: 0,
            textures: [0; 7],
            hdp_mem_flush_cntl: 0,
            hdp_reg_flush_cntl: 0,
            mem_pitch: i32::MAX as usize,
            texture_alignment: 256,
            texture_pitch_alignment: 256,
            kernel_exec_timeout_enabled: 0,
            ecc_enabled: 1,
            tcc_driver: 0,
            cooperative_multi_device_unmatched: [0; 4],
            is_large_bar: 1,
            asic_revision: 1,
            managed_memory: 0,
            direct_managed_mem_access_from_host: 0,
            concurrent_managed_access: 0,
            pageable_memory_access: 0,
            pageable_memory_access_uses_host_page_tables: 0,
        }
    }
}
