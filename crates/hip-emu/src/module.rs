//! Loaded code objects, their kernels, and whether a launch fits the kernel and the device.
//!
//! Owns nothing in device memory itself: an image's regions belong to `memory`, and `runtime` takes
//! them back. Sources: LLVM's AMDGPU user guide (register granules), `hipModuleLaunchKernel` and
//! `hipFuncGetAttribute` of the HIP reference.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use cdna3::code_object::{ArgumentKind, CodeObjectError};
use cdna3::counters::machine::{LDS_BYTES, groups_per_cu};
use cdna3::exec::{Dim3, Prepared};
use cdna3::{CodeObject, Kernel, Program};

use crate::errors::{Code, Result};
use crate::memory::{Memory, Region};

/// Most work-items of a work-group.
pub(crate) const MAX_GROUP_SIZE: u64 = 1024;

/// A loaded code object.
#[derive(Debug)]
pub(crate) struct Module {
    /// Device that it is loaded on.
    pub(crate) device: usize,
    /// What the file says.
    pub(crate) object: CodeObject,
    /// Its code, ready to run.
    pub(crate) prepared: Prepared,
    /// Where its address 0 lies.
    pub(crate) image_base: u64,
    /// Addresses that it takes.
    pub(crate) image_bytes: u64,
    /// Its parts in memory.
    pub(crate) regions: Vec<Arc<Region>>,
    is_loaded: AtomicBool,
}

impl Module {
    /// Reads a code object and places it in the device's memory.
    ///
    /// # Errors
    /// `hipErrorNoBinaryForGpu` for another GPU's, `hipErrorInvalidImage` for anything that cannot
    /// be read; the reason goes to stderr.
    pub(crate) fn load(bytes: &[u8], device: usize, memory: &Memory) -> Result<Self> {
        let object = CodeObject::parse(bytes).map_err(|error| {
            eprintln!("hip-emu: module refused: {error}");
            match error {
                CodeObjectError::Target(_) => Code::NO_BINARY_FOR_GPU,
                _ => Code::INVALID_IMAGE,
            }
        })?;
        let program = Program::decode(&object).map_err(|error| {
            eprintln!("hip-emu: module refused: {error}");
            Code::INVALID_IMAGE
        })?;
        let ends = object.segments().iter().map(|s| s.address.saturating_add(s.size_bytes));
        let image_bytes = ends.max().unwrap_or(0).max(1);
        let parts = object
            .segments()
            .iter()
            .filter(|segment| segment.size_bytes > 0)
            .map(|s| (s.address, s.bytes.clone(), s.size_bytes, s.writable));
        let (image_base, regions) = memory.place_image(device, image_bytes, parts)?;
        let prepared = Prepared::new(program);
        let is_loaded = AtomicBool::new(true);
        Ok(Self { device, object, prepared, image_base, image_bytes, regions, is_loaded })
    }

    /// Whether it was not unloaded.
    pub(crate) fn is_loaded(&self) -> bool {
        self.is_loaded.load(Ordering::Acquire)
    }

    /// Marks it unloaded; `false` if it was already.
    pub(crate) fn unload(&self) -> bool {
        self.is_loaded.swap(false, Ordering::AcqRel)
    }
}

/// A kernel of a module.
#[derive(Debug)]
pub(crate) struct Function {
    /// The module; kept while the function is used.
    pub(crate) module: Arc<Module>,
    index: usize,
}

impl Function {
    /// The kernel called `name`.
    pub(crate) fn find(module: &Arc<Module>, name: &str) -> Option<Self> {
        let index = module.object.kernels().iter().position(|kernel| kernel.name == name)?;
        Some(Self { module: module.clone(), index })
    }

    pub(crate) fn kernel(&self) -> &Kernel {
        &self.module.object.kernels()[self.index]
    }

    /// Offset and size of each argument that the caller gives.
    pub(crate) fn explicit_args(&self) -> impl Iterator<Item = (usize, usize)> {
        let is_explicit = |kind: &ArgumentKind| {
            use ArgumentKind::{ByValue, DynamicSharedPointer, GlobalBuffer};
            matches!(kind, ByValue | GlobalBuffer | DynamicSharedPointer)
        };
        let args = self.kernel().args.iter().filter(move |arg| is_explicit(&arg.kind));
        args.map(|arg| (arg.offset_bytes as usize, arg.size_bytes as usize))
    }

    /// Bytes of the caller's arguments, without padding behind the last.
    pub(crate) fn explicit_bytes(&self) -> usize {
        self.explicit_args().map(|(offset, size)| offset + size).max().unwrap_or(0)
    }

    /// Work-groups of that size and dynamic LDS that a compute unit holds at once.
    pub(crate) fn occupancy(&self, group_size: u64, dynamic_lds: u64) -> u64 {
        let lds = u64::from(self.kernel().group_segment_bytes) + dynamic_lds;
        if group_size > MAX_GROUP_SIZE {
            return 0;
        }
        groups_per_cu(self.kernel().num_vgprs, group_size.div_ceil(64) as u32, lds)
    }

    /// Whether a launch of that shape is possible.
    ///
    /// # Errors
    /// `hipErrorInvalidConfiguration` for empty or too large shapes, `hipErrorLaunchFailure` above
    /// the kernel's launch bounds, `hipErrorLaunchOutOfResources` for too much LDS or too many
    /// registers.
    pub(crate) fn check(&self, grid: Dim3, block: Dim3, dynamic_lds: u32) -> Result<()> {
        let kernel = self.kernel();
        let refuse = |code: Code, why: String| {
            eprintln!("hip-emu: launch of `{}` refused: {why}", kernel.name);
            Err(code)
        };
        let group_size: u64 = block.0.iter().map(|&n| u64::from(n)).product();
        if grid.0.contains(&0) || group_size == 0 {
            let why = format!("grid {:?}, work-group {:?}", grid.0, block.0);
            return refuse(Code::INVALID_CONFIGURATION, why);
        }
        if group_size > MAX_GROUP_SIZE {
            let why = format!("{group_size} work-items in a work-group; at most {MAX_GROUP_SIZE}");
            return refuse(Code::INVALID_CONFIGURATION, why);
        }
        // A dispatch packet counts work-items in 32 bits.
        let is_too_long = |axis: usize| grid.0[axis].checked_mul(block.0[axis]).is_none();
        if (0..3).any(is_too_long) {
            let why = format!("grid {:?} of {:?} is over 2^32 work-items", grid.0, block.0);
            return refuse(Code::INVALID_CONFIGURATION, why);
        }
        if group_size > u64::from(kernel.max_workgroup_size) {
            let bound = kernel.max_workgroup_size;
            let why = format!("{group_size} work-items are above its launch bound of {bound}");
            return refuse(Code::LAUNCH_FAILURE, why);
        }
        let lds = u64::from(kernel.group_segment_bytes) + u64::from(dynamic_lds);
        if lds > LDS_BYTES {
            let why = format!("{lds} bytes of LDS; at most {LDS_BYTES}");
            return refuse(Code::LAUNCH_OUT_OF_RESOURCES, why);
        }
        if self.occupancy(group_size, dynamic_lds.into()) == 0 {
            let why = format!(
                "{} vector registers leave no room for {group_size} work-items on a compute unit",
                kernel.num_vgprs
            );
            return refuse(Code::LAUNCH_OUT_OF_RESOURCES, why);
        }
        Ok(())
    }
}

/// Magic of an uncompressed bundle of clang.
const BUNDLE_MAGIC: &[u8] = b"__CLANG_OFFLOAD_BUNDLE__";

/// Where the code object for this GPU lies in a bundle: offset and length.
///
/// Source: clang's `ClangOffloadBundler` documentation: after the magic a count, then offset, size,
/// length of the target's name and the name for each entry; numbers are 64 bits, little-endian.
///
/// # Errors
/// `None` if it is no bundle; `hipErrorNoBinaryForGpu` if it has nothing for gfx942.
pub(crate) fn find_in_bundle(
    header: &dyn Fn(usize, usize) -> Vec<u8>,
) -> Option<Result<(usize, usize)>> {
    if header(0, BUNDLE_MAGIC.len()) != BUNDLE_MAGIC {
        return None;
    }
    let number = |at: usize| {
        header(at, 8).try_into().map_or(0, |bytes: [u8; 8]| u64::from_le_bytes(bytes) as usize)
    };
    let mut at = BUNDLE_MAGIC.len() + 8;
    for _ in 0..number(BUNDLE_MAGIC.len()).min(64) {
        let (offset, size, name_bytes) = (number(at), number(at + 8), number(at + 16));
        let name = String::from_utf8(header(at + 24, name_bytes.min(256))).unwrap_or_default();
        let mut target = name.rsplit("--").next().unwrap_or_default().split(':');
        let fits =
            target.next() == Some("gfx942") && target.all(|f| f == "sramecc+" || f == "xnack-");
        if fits && name.starts_with("hip") {
            return Some(Ok((offset, size)));
        }
        at += 24 + name_bytes;
    }
    eprintln!("hip-emu: module refused: the bundle has no code for gfx942");
    Some(Err(Code::NO_BINARY_FOR_GPU))
}
