//! The table and how it is filled.

use std::ffi::{c_char, c_int, c_uint, c_void};
use std::mem::ManuallyDrop;
use std::path::Path;

use libloading::Library;
use thiserror::Error;

use crate::{DeviceAttribute, HipError, LIBRARY_NAMES, MemcpyKind};

/// Name and types of a function as this crate declares it, in Rust's spelling.
#[derive(Clone, Copy, Debug)]
pub struct Signature {
    /// Symbol.
    pub name: &'static str,
    /// Parameters; every function answers a [`HipError`] unless `answer` says otherwise.
    pub parameters: &'static [&'static str],
    /// What it answers.
    pub answer: &'static str,
}

/// Why no table could be made.
#[derive(Debug, Error)]
pub enum LoadError {
    /// None of the usual names was found.
    #[error(
        "no HIP runtime found ({tried}); install ROCm, or name the library in ROPEWAY_HIP_LIBRARY"
    )]
    NotFound {
        /// The loader's words for the plain name.
        tried: String,
    },
    /// The library that was asked for cannot be opened.
    #[error("the HIP runtime {library} cannot be opened: {reason}; check ROPEWAY_HIP_LIBRARY")]
    Unusable {
        /// Its path.
        library: String,
        /// The loader's words.
        reason: String,
    },
    /// A function is missing: not HIP, or far too old.
    #[error("{library} has no function {symbol}; ROCm 5 or newer is needed")]
    MissingSymbol {
        /// Path or name.
        library: String,
        /// What is missing.
        symbol: &'static str,
    },
}

macro_rules! functions {
    (
        $( fn $name:ident ( $($arg:ty),* $(,)? ) -> $ret:ty; )*
        optional: $( fn $opt:ident ( $($oarg:ty),* $(,)? ) -> $oret:ty; )*
    ) => {
        /// Entry points of one opened HIP runtime, which stays open until the process ends.
        #[allow(non_snake_case, missing_docs, reason = "HIP's own names; its header documents them")]
        pub struct Hip {
            $( pub $name: unsafe extern "C" fn($($arg),*) -> $ret, )*
            $( pub $opt: Option<unsafe extern "C" fn($($oarg),*) -> $oret>, )*
            /// Path or name that was opened.
            library_name: String,
            /// Never closed: the pointers above lead into it, and so do threads that the runtime
            /// started and that end when they like. Unmapped code under them is a crash.
            _library: ManuallyDrop<Library>,
        }

        /// Everything that the table declares, for the test against the header.
        pub const SIGNATURES: &[Signature] = &[
            $( Signature {
                name: stringify!($name), parameters: &[$(stringify!($arg)),*], answer: stringify!($ret),
            }, )*
            $( Signature {
                name: stringify!($opt), parameters: &[$(stringify!($oarg)),*], answer: stringify!($oret),
            }, )*
        ];

        impl Hip {
            fn fill(library: Library, library_name: String) -> Result<Self, LoadError> {
                let library = ManuallyDrop::new(library);
                Ok(Self {
                    // SAFETY: the signatures are those of HIP's header, which a test compiles
                    // against; the library is never closed.
                    $( $name: *unsafe { library.get(concat!(stringify!($name), "\0").as_bytes()) }
                        .map_err(|_| LoadError::MissingSymbol {
                            library: library_name.clone(), symbol: stringify!($name),
                        })?, )*
                    // SAFETY: as above.
                    $( $opt: unsafe { library.get(concat!(stringify!($opt), "\0").as_bytes()) }
                        .ok().map(|symbol| *symbol), )*
                    library_name,
                    _library: library,
                })
            }
        }
    };
}

functions! {
    fn hipInit(c_uint) -> HipError;
    fn hipGetDeviceCount(*mut c_int) -> HipError;
    fn hipSetDevice(c_int) -> HipError;
    fn hipDeviceGetAttribute(*mut c_int, DeviceAttribute, c_int) -> HipError;
    fn hipDeviceGetName(*mut c_char, c_int, c_int) -> HipError;
    fn hipDeviceGetPCIBusId(*mut c_char, c_int, c_int) -> HipError;
    fn hipMemGetInfo(*mut usize, *mut usize) -> HipError;
    fn hipRuntimeGetVersion(*mut c_int) -> HipError;
    fn hipDeviceSynchronize() -> HipError;
    fn hipGetErrorName(HipError) -> *const c_char;
    fn hipGetErrorString(HipError) -> *const c_char;
    fn hipStreamCreateWithFlags(*mut *mut c_void, c_uint) -> HipError;
    fn hipStreamDestroy(*mut c_void) -> HipError;
    fn hipStreamSynchronize(*mut c_void) -> HipError;
    fn hipMalloc(*mut *mut c_void, usize) -> HipError;
    fn hipFree(*mut c_void) -> HipError;
    fn hipHostMalloc(*mut *mut c_void, usize, c_uint) -> HipError;
    fn hipHostFree(*mut c_void) -> HipError;
    fn hipMemcpyAsync(*mut c_void, *const c_void, usize, MemcpyKind, *mut c_void) -> HipError;
    fn hipMemsetAsync(*mut c_void, c_int, usize, *mut c_void) -> HipError;
    fn hipModuleLoadData(*mut *mut c_void, *const c_void) -> HipError;
    fn hipModuleUnload(*mut c_void) -> HipError;
    fn hipModuleGetFunction(*mut *mut c_void, *mut c_void, *const c_char) -> HipError;
    fn hipModuleLaunchKernel(
        *mut c_void, c_uint, c_uint, c_uint, c_uint, c_uint, c_uint, c_uint, *mut c_void,
        *mut *mut c_void, *mut *mut c_void
    ) -> HipError;
    optional:
    fn hipGetDevicePropertiesR0600(*mut c_void, c_int) -> HipError;
    fn hipGetDeviceProperties(*mut c_void, c_int) -> HipError;
}

impl Hip {
    /// Opens `library`, or the first usual name that the loader finds.
    ///
    /// # Errors
    /// [`LoadError`]: nothing found, cannot be opened, or functions are missing.
    pub fn load(library: Option<&Path>) -> Result<Self, LoadError> {
        if let Some(path) = library {
            let name = path.display().to_string();
            // SAFETY: loading runs the library's initialisers; the operator named this library.
            let opened = unsafe { Library::new(path) };
            let opened = opened.map_err(|error| LoadError::Unusable {
                library: name.clone(),
                reason: error.to_string(),
            })?;
            return Self::fill(opened, name);
        }
        let mut tried = String::new();
        for name in LIBRARY_NAMES {
            // SAFETY: as above, for the system's HIP runtime.
            match unsafe { Library::new(name) } {
                Ok(opened) => return Self::fill(opened, name.to_owned()),
                Err(error) => tried = error.to_string(),
            }
        }
        Err(LoadError::NotFound { tried })
    }

    /// Path or name that was opened.
    pub fn library_name(&self) -> &str {
        &self.library_name
    }
}
