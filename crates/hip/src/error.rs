//! What can go wrong between us and HIP, typed: call, device and meaning.

use backend::DeviceError;
use hip_sys::{HipError, LoadError};
use thiserror::Error;

/// A failure of the HIP layer.
#[derive(Debug, Error)]
pub enum HipFailure {
    /// The runtime library cannot be used.
    #[error(transparent)]
    Runtime(#[from] LoadError),
    /// A call failed.
    #[error("{call} on {device}: {name} ({code}): {meaning}")]
    Call {
        /// HIP's function.
        call: &'static str,
        /// Device name, `hip:N`.
        device: String,
        /// HIP's number.
        code: i32,
        /// HIP's name of the number.
        name: String,
        /// HIP's words for it.
        meaning: String,
        /// Bytes asked for, where the call allocates.
        requested_bytes: u64,
    },
    /// The program was built for the CPU only.
    #[error(
        "this program has no GPU kernels: it was built with ROPEWAY_KERNELS=none; use --device cpu, or \
         build it without that variable"
    )]
    CpuOnlyBuild,
    /// The runtime works but there is no GPU.
    #[error(
        "{library} finds no GPU ({reason}); check that /dev/kfd and /dev/dri can be opened and that the amdgpu driver is loaded, or use --device cpu"
    )]
    NoDevice {
        /// The runtime's path.
        library: String,
        /// HIP's words.
        reason: String,
    },
    /// A device number beyond those that there are.
    #[error("there is no hip:{index}, only {count} device(s) from hip:0 on")]
    NoSuchDevice {
        /// What was asked for.
        index: u32,
        /// How many there are.
        count: u32,
    },
    /// No kernels for this GPU in the binary.
    #[error(
        "hip:{index} is a {arch}, for which this build has no kernels (it has: {have}); {}",
        remedy(arch)
    )]
    NoKernels {
        /// Device number.
        index: u32,
        /// Its architecture.
        arch: String,
        /// Architectures that are embedded.
        have: String,
    },
    /// The code object and the host disagree about a kernel: a fault of the build.
    #[error("kernel {kernel}: {reason}; build the program again from one source tree")]
    Kernel {
        /// Its name.
        kernel: String,
        /// What differs.
        reason: String,
    },
}

/// What to do about a GPU that the build has no kernels for. Compiling helps where there are the matrix
/// instructions that they use: kernel-build's tests compile for CDNA2, everything else runs CDNA3's.
fn remedy(arch: &str) -> String {
    match arch {
        "gfx90a" => format!(
            "rebuild with ROPEWAY_GPU_ARCHS={arch}, for which kernels are compiled but were never run"
        ),
        "gfx940" | "gfx941" | "gfx942" => format!("rebuild with ROPEWAY_GPU_ARCHS={arch}"),
        _ => "the kernels are written for gfx942 and compile for gfx90a besides; use --device cpu"
            .to_owned(),
    }
}

impl HipFailure {
    /// Whether there is nothing here to run on, and not something that does not work.
    pub fn means_no_gpu(&self) -> bool {
        matches!(
            self,
            Self::Runtime(LoadError::NotFound { .. }) | Self::CpuOnlyBuild | Self::NoDevice { .. }
        )
    }

    /// As the backend's traits tell it. A device that ran out of memory is usable; after any other
    /// failed call HIP promises nothing.
    pub fn into_device_error(self, device: &str, what: &str) -> DeviceError {
        let device = device.to_owned();
        match self {
            Self::Call { code, requested_bytes, .. }
                if HipError(code) == hip_sys::ERROR_OUT_OF_MEMORY =>
            {
                DeviceError::OutOfMemory { device, what: what.to_owned(), requested_bytes }
            }
            Self::Call { call, code, name, meaning, .. } => DeviceError::Lost {
                device,
                op: what.to_owned(),
                reason: format!("{call} answered {name} ({code}): {meaning}"),
            },
            other => DeviceError::Failed { device, op: what.to_owned(), reason: other.to_string() },
        }
    }
}
