//! The safe layer over HIP: each device, stream, buffer, module and pinned range has one owner that
//! frees it. With its folder the only place of this crate that calls HIP.
//!
//! HIP's current device belongs to the thread, so each call that depends on it sets it first.

mod graph;
mod memory;
mod module;
mod stream;

use std::ffi::{CStr, c_char, c_int, c_void};
use std::io::Write as _;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::AtomicUsize;

use hip_sys::{Hip, HipError, Rccl};

pub(crate) use self::graph::GraphExec;
pub(crate) use self::memory::{DeviceMemory, Pinned};
pub(crate) use self::module::{Kernel, Module};
pub(crate) use self::stream::{Event, Stream};
use crate::error::HipFailure;

/// `hipDeviceProp_tR0600` has 1472 bytes; room for newer ones.
const PROPERTIES_BYTES: usize = 8192;
/// Where the architecture's name starts in `hipDeviceProp_tR0600`, and in ROCm 5's struct
/// (LLVM's offload-arch reads the same places).
const ARCH_OFFSET_R0600: usize = 1160;
const ARCH_OFFSET_R0000: usize = 396;

/// An opened and initialised runtime.
pub(crate) struct Runtime {
    hip: Hip,
    /// Pinned host memory that is held now.
    pinned_bytes: AtomicUsize,
}

impl Runtime {
    /// Opens and initialises the runtime; `library` or the usual names.
    pub(crate) fn open(library: Option<&Path>) -> Result<Arc<Self>, HipFailure> {
        let runtime = Self { hip: Hip::load(library)?, pinned_bytes: AtomicUsize::new(0) };
        // SAFETY: no arguments that could be wrong.
        let answer = unsafe { (runtime.hip.hipInit)(0) };
        if answer == hip_sys::ERROR_NO_DEVICE || answer == hip_sys::ERROR_INVALID_DEVICE {
            return Err(runtime.no_device(answer));
        }
        runtime.check(answer, "hipInit", "hip", 0)?;
        Ok(Arc::new(runtime))
    }

    fn no_device(&self, answer: HipError) -> HipFailure {
        let library = self.hip.library_name().to_owned();
        HipFailure::NoDevice { library, reason: self.name_of(answer) }
    }

    /// Path or name of the library.
    pub(crate) fn library_name(&self) -> &str {
        self.hip.library_name()
    }

    /// Optional functions that the library does not have.
    pub(crate) fn missing_functions(&self) -> Vec<&'static str> {
        self.hip.missing()
    }

    /// Number of devices; none is an error.
    pub(crate) fn device_count(&self) -> Result<u32, HipFailure> {
        let mut count: c_int = 0;
        // SAFETY: `count` is writable.
        let answer = unsafe { (self.hip.hipGetDeviceCount)(&mut count) };
        if answer == hip_sys::ERROR_NO_DEVICE || (answer == hip_sys::SUCCESS && count < 1) {
            return Err(self.no_device(hip_sys::ERROR_NO_DEVICE));
        }
        self.check(answer, "hipGetDeviceCount", "hip", 0)?;
        Ok(count.unsigned_abs())
    }

    /// HIP's version number, major * 10,000,000 + minor * 100,000 + patch.
    pub(crate) fn version(&self) -> Result<i32, HipFailure> {
        let mut version: c_int = 0;
        // SAFETY: `version` is writable.
        let answer = unsafe { (self.hip.hipRuntimeGetVersion)(&mut version) };
        self.check(answer, "hipRuntimeGetVersion", "hip", 0)?;
        Ok(version)
    }

    fn name_of(&self, answer: HipError) -> String {
        // SAFETY: HIP answers a static string for any number.
        unsafe { text((self.hip.hipGetErrorName)(answer)) }
    }

    fn check(
        &self,
        answer: HipError,
        call: &'static str,
        device: &str,
        requested_bytes: u64,
    ) -> Result<(), HipFailure> {
        if answer == hip_sys::SUCCESS {
            return Ok(());
        }
        Err(HipFailure::Call {
            call,
            device: device.to_owned(),
            code: answer.0,
            name: self.name_of(answer),
            // SAFETY: HIP answers a static string for any number.
            meaning: unsafe { text((self.hip.hipGetErrorString)(answer)) },
            requested_bytes,
        })
    }
}

/// Opens RCCL and asks for its version's code; the library's name and the code.
pub(crate) fn rccl_version() -> Result<(String, i32), HipFailure> {
    let rccl = Rccl::load()?;
    let mut code: c_int = 0;
    // SAFETY: `code` is writable.
    let answer = unsafe { (rccl.ncclGetVersion)(&mut code) };
    if answer == hip_sys::NCCL_SUCCESS {
        return Ok((rccl.library_name().to_owned(), code));
    }
    // SAFETY: RCCL answers a static string for any number.
    let meaning = unsafe { text((rccl.ncclGetErrorString)(answer)) };
    Err(HipFailure::Call {
        call: "ncclGetVersion",
        device: "rccl".to_owned(),
        code: answer,
        name: "ncclResult_t".to_owned(),
        meaning,
        requested_bytes: 0,
    })
}

/// Ends the process at once with this exit code, without exit handlers: those of a GPU's driver may
/// wait for work of a hung device, and would keep a process that is already lost. What was printed is
/// flushed first.
pub fn end_process(code: u8) -> ! {
    unsafe extern "C" {
        /// `_exit(2)`.
        safe fn _exit(code: c_int) -> !;
    }
    // A closed pipe is nothing that could still be told.
    let _ = std::io::stdout().flush();
    _exit(c_int::from(code))
}

/// # Safety
/// `pointer` is null or leads to a string that ends with zero and is not written to.
unsafe fn text(pointer: *const c_char) -> String {
    if pointer.is_null() {
        return "an unknown error".to_owned();
    }
    // SAFETY: the caller's promise.
    unsafe { CStr::from_ptr(pointer) }.to_string_lossy().into_owned()
}

/// One GPU.
#[derive(Clone)]
pub(crate) struct Gpu {
    runtime: Arc<Runtime>,
    index: u32,
}

impl Gpu {
    /// Device `index` of the runtime.
    pub(crate) fn new(runtime: &Arc<Runtime>, index: u32) -> Result<Self, HipFailure> {
        let count = runtime.device_count()?;
        if index >= count {
            return Err(HipFailure::NoSuchDevice { index, count });
        }
        let gpu = Self { runtime: Arc::clone(runtime), index };
        gpu.make_current()?;
        Ok(gpu)
    }

    /// `hip:N`.
    pub(crate) fn label(&self) -> String {
        format!("hip:{}", self.index)
    }

    pub(crate) fn index(&self) -> u32 {
        self.index
    }

    fn hip(&self) -> &Hip {
        &self.runtime.hip
    }

    fn check(&self, answer: HipError, call: &'static str) -> Result<(), HipFailure> {
        self.check_allocation(answer, call, 0)
    }

    /// Names the device only where there is something to tell: a step makes hundreds of calls.
    fn check_allocation(
        &self,
        answer: HipError,
        call: &'static str,
        requested_bytes: u64,
    ) -> Result<(), HipFailure> {
        if answer == hip_sys::SUCCESS {
            return Ok(());
        }
        self.runtime.check(answer, call, &self.label(), requested_bytes)
    }

    /// Makes this the calling thread's device.
    pub(crate) fn make_current(&self) -> Result<(), HipFailure> {
        // SAFETY: a number; HIP checks it.
        let answer = unsafe { (self.hip().hipSetDevice)(self.index as c_int) };
        self.check(answer, "hipSetDevice")
    }

    /// Marketing name.
    pub(crate) fn name(&self) -> Result<String, HipFailure> {
        let mut name = [0u8; 256];
        // SAFETY: HIP writes at most the length that is given.
        let answer = unsafe {
            let to = name.as_mut_ptr().cast::<c_char>();
            (self.hip().hipDeviceGetName)(to, name.len() as c_int, self.index as c_int)
        };
        self.check(answer, "hipDeviceGetName")?;
        Ok(until_zero(&name))
    }

    /// Architecture, `gfx942`, without the features behind a colon.
    pub(crate) fn arch(&self) -> Result<String, HipFailure> {
        let mut properties = vec![0u64; PROPERTIES_BYTES / 8];
        let to = properties.as_mut_ptr().cast::<c_void>();
        let hip = self.hip();
        let (function, offset) = match (hip.hipGetDevicePropertiesR0600, hip.hipGetDeviceProperties)
        {
            (Some(function), _) => (function, ARCH_OFFSET_R0600),
            (None, Some(function)) => (function, ARCH_OFFSET_R0000),
            (None, None) => {
                return Err(HipFailure::Runtime(hip_sys::LoadError::MissingSymbol {
                    library: self.runtime.library_name().to_owned(),
                    symbol: "hipGetDeviceProperties",
                    needed: "HIP of ROCm 5 or newer",
                }));
            }
        };
        // SAFETY: the buffer is larger than any version's struct.
        let answer = unsafe { function(to, self.index as c_int) };
        self.check(answer, "hipGetDeviceProperties")?;
        let bytes: &[u8] = bytemuck::cast_slice(&properties);
        let full = until_zero(&bytes[offset..offset + 256]);
        Ok(full.split(':').next().unwrap_or_default().to_owned())
    }

    /// Free and total bytes of device memory.
    pub(crate) fn memory(&self) -> Result<(u64, u64), HipFailure> {
        self.make_current()?;
        let (mut free, mut total) = (0usize, 0usize);
        // SAFETY: both are writable.
        let answer = unsafe { (self.hip().hipMemGetInfo)(&mut free, &mut total) };
        self.check(answer, "hipMemGetInfo")?;
        Ok((free as u64, total as u64))
    }
}

fn until_zero(bytes: &[u8]) -> String {
    let end = bytes.iter().position(|byte| *byte == 0).unwrap_or(bytes.len());
    String::from_utf8_lossy(&bytes[..end]).into_owned()
}
