//! What GPUs there are, for `ropeway devices`.

use std::path::Path;

use crate::error::HipFailure;
use crate::kernels::embedded_archs;
use crate::runtime::{Gpu, Runtime, rccl_version};

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
}

/// An opened library.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LibraryInfo {
    /// Path or name.
    pub library: String,
    /// Its version, `major.minor.patch`.
    pub version: String,
    /// Optional functions that it does not have.
    pub missing: Vec<&'static str>,
}

/// The HIP runtime and every GPU that it finds; at least one.
///
/// # Errors
/// [`HipFailure`]: no runtime, no GPU, or a failing call.
pub fn list_devices(library: Option<&Path>) -> Result<(LibraryInfo, Vec<DeviceInfo>), HipFailure> {
    let runtime = Runtime::open(library)?;
    let info = LibraryInfo {
        library: runtime.library_name().to_owned(),
        version: hip_version(runtime.version()?),
        missing: runtime.missing_functions(),
    };
    let devices = (0..runtime.device_count()?)
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
            })
        })
        .collect::<Result<_, HipFailure>>()?;
    Ok((info, devices))
}

/// RCCL, which only models on several GPUs need.
///
/// # Errors
/// [`HipFailure`]: not installed, functions missing, or it does not tell its version.
pub fn rccl_info() -> Result<LibraryInfo, HipFailure> {
    let (library, version) = rccl_version()?;
    Ok(LibraryInfo { library, version: nccl_version(version), missing: Vec::new() })
}

/// `HIP_VERSION`: major * 10,000,000 + minor * 100,000 + patch.
fn hip_version(number: i32) -> String {
    format!("{}.{}.{}", number / 10_000_000, number / 100_000 % 100, number % 100_000)
}

/// `NCCL_VERSION_CODE`: major * 10,000 + minor * 100 + patch since 2.9, major * 1,000 before.
fn nccl_version(code: i32) -> String {
    let major_unit = if code < 10_000 { 1_000 } else { 10_000 };
    format!("{}.{}.{}", code / major_unit, code % major_unit / 100, code % 100)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn version_numbers_are_taken_apart() {
        assert_eq!(hip_version(50_221_153), "5.2.21153");
        assert_eq!(hip_version(71_460_850), "7.14.60850");
        assert_eq!(nccl_version(22_205), "2.22.5");
        assert_eq!(nccl_version(2_804), "2.8.4");
    }
}
