//! What GPUs there are, for `ropeway devices`.

use std::path::Path;

use crate::error::HipFailure;
use crate::kernels::embedded_archs;
use crate::runtime::{Gpu, Runtime};

/// One GPU as the runtime describes it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DeviceInfo {
    /// `N` of `hip:N`.
    pub index: u32,
    /// Marketing name.
    pub name: String,
    /// Architecture, e.g. `gfx942`.
    pub arch: String,
    /// Bytes of device memory not in use.
    pub free_bytes: u64,
    /// Bytes of device memory.
    pub total_bytes: u64,
    /// Whether this build has kernels for it.
    pub has_kernels: bool,
    /// HIP's version: major * 10,000,000 + minor * 100,000 + patch.
    pub runtime_version: i32,
    /// The runtime library.
    pub library: String,
}

/// Every GPU that the runtime finds; at least one.
///
/// # Errors
/// [`HipFailure`]: no runtime, no GPU, or a failing call.
pub fn list_devices(library: Option<&Path>) -> Result<Vec<DeviceInfo>, HipFailure> {
    let runtime = Runtime::open(library)?;
    let runtime_version = runtime.version()?;
    (0..runtime.device_count()?)
        .map(|index| {
            let gpu = Gpu::new(&runtime, index)?;
            let arch = gpu.arch()?;
            let (free_bytes, total_bytes) = gpu.memory()?;
            Ok(DeviceInfo {
                index,
                name: gpu.name()?,
                has_kernels: embedded_archs().contains(&arch.as_str()),
                arch,
                free_bytes,
                total_bytes,
                runtime_version,
                library: runtime.library_name().to_owned(),
            })
        })
        .collect()
}
