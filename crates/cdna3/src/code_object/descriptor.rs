//! Kernel descriptors: the 64 bytes that the hardware's command processor reads at a launch.
//!
//! Layout: LLVM's "User Guide for AMDGPU Backend", "Kernel Descriptor" and "Initial Kernel
//! Execution State".

use super::DESCRIPTOR_BYTES;

/// Which work-item ids a wave begins with; on gfx942 packed into `v0`, ten bits each.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum WorkItemIds {
    /// x.
    X,
    /// x and y.
    Xy,
    /// x, y and z.
    Xyz,
}

/// A kernel descriptor.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Descriptor {
    /// Static LDS of a work-group.
    pub group_segment_bytes: u32,
    /// Scratch of a lane.
    pub private_segment_bytes: u32,
    /// Size of the kernel arguments.
    pub kernarg_bytes: u32,
    /// First instruction, from the descriptor's own address.
    pub entry_offset: i64,
    /// Vector registers that a wave gets, both kinds together.
    pub num_allocated_vgprs: u32,
    /// First accumulation register among them (`ACCUM_OFFSET`).
    pub accum_offset: u32,
    /// Scalar registers that the kernel begins with, before the system's.
    pub num_user_sgprs: u32,
    /// The initial mode register: rounding (4 bits), denormals (4 bits), then `DX10_CLAMP` in bit
    /// 8 and `IEEE` in bit 9.
    pub mode: u32,
    /// First user registers: buffer resource of scratch (4 registers). Not with flat scratch.
    pub has_private_segment_buffer: bool,
    /// Then: address of the dispatch packet (2).
    pub has_dispatch_ptr: bool,
    /// Then: address of the queue (2).
    pub has_queue_ptr: bool,
    /// Then: address of the kernel arguments (2).
    pub has_kernarg_segment_ptr: bool,
    /// Then: dispatch id (2).
    pub has_dispatch_id: bool,
    /// Then: flat scratch initialisation (2).
    pub has_flat_scratch_init: bool,
    /// Then: scratch size of a lane (1).
    pub has_private_segment_size: bool,
    /// Dwords of kernel arguments copied into the registers behind.
    pub kernarg_preload_dwords: u32,
    /// First of those dwords in the arguments.
    pub kernarg_preload_offset: u32,
    /// System registers: work-group id x, y, z; in that order, behind the user registers.
    pub has_workgroup_id: [bool; 3],
    /// Then: work-group information.
    pub has_workgroup_info: bool,
    /// Scratch is used.
    pub has_private_segment: bool,
    /// Work-item ids in `v0`.
    pub work_item_ids: WorkItemIds,
}

impl Descriptor {
    /// Reads a descriptor. `Err` says what is wrong.
    pub(super) fn read(bytes: &[u8; DESCRIPTOR_BYTES]) -> Result<Self, String> {
        let word = |offset: usize| {
            let word = [bytes[offset], bytes[offset + 1], bytes[offset + 2], bytes[offset + 3]];
            u32::from_le_bytes(word)
        };
        let (rsrc3, rsrc1, rsrc2) = (word(44), word(48), word(52));
        let (properties, preload) = (word(56) & 0xffff, word(56) >> 16);
        let flag = |word: u32, bit: u32| (word >> bit) & 1 == 1;
        Ok(Self {
            group_segment_bytes: word(0),
            private_segment_bytes: word(4),
            kernarg_bytes: word(8),
            entry_offset: (u64::from(word(16)) | u64::from(word(20)) << 32) as i64,
            num_allocated_vgprs: ((rsrc1 & 0x3f) + 1) * 8,
            accum_offset: ((rsrc3 & 0x3f) + 1) * 4,
            num_user_sgprs: (rsrc2 >> 1) & 0x1f,
            mode: ((rsrc1 >> 12) & 0xff)
                | u32::from(flag(rsrc1, 21)) << 8
                | u32::from(flag(rsrc1, 23)) << 9,
            has_private_segment_buffer: flag(properties, 0),
            has_dispatch_ptr: flag(properties, 1),
            has_queue_ptr: flag(properties, 2),
            has_kernarg_segment_ptr: flag(properties, 3),
            has_dispatch_id: flag(properties, 4),
            has_flat_scratch_init: flag(properties, 5),
            has_private_segment_size: flag(properties, 6),
            kernarg_preload_dwords: preload & 0x7f,
            kernarg_preload_offset: preload >> 7,
            has_workgroup_id: [flag(rsrc2, 7), flag(rsrc2, 8), flag(rsrc2, 9)],
            has_workgroup_info: flag(rsrc2, 10),
            has_private_segment: flag(rsrc2, 0),
            work_item_ids: match (rsrc2 >> 11) & 3 {
                0 => WorkItemIds::X,
                1 => WorkItemIds::Xy,
                2 => WorkItemIds::Xyz,
                other => return Err(format!("work-item id count {other} is undefined")),
            },
        })
    }
}
