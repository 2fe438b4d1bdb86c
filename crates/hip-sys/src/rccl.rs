//! RCCL, the library for collective operations between GPUs, as a table of its own.
//!
//! Only a model on several GPUs needs it, so nothing here is looked for before someone asks. Owns the
//! table and how it is filled; never calls RCCL. Signatures follow `nccl.h`, whose names RCCL keeps.
#![allow(non_camel_case_types, reason = "NCCL's own names, which the tests compare")]

use std::ffi::{c_char, c_int, c_void};
use std::mem::ManuallyDrop;
use std::path::{Path, PathBuf};

use libloading::Library;

use crate::table::{Signature, rocm_library_folder};
use crate::types::hipStream_t;
use crate::{LoadError, open_first};

/// Names tried in order; the plain one comes with development packages only.
pub const RCCL_NAMES: [&str; 2] = ["librccl.so.1", "librccl.so"];

/// What a call answers; zero is success.
pub type ncclResult_t = i32;
/// A communicator.
pub type ncclComm_t = *mut c_void;
/// Type of the elements that are sent.
pub type ncclDataType_t = i32;
/// How elements are reduced.
pub type ncclRedOp_t = i32;

/// What the members of a communicator find each other by; passed by value.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct ncclUniqueId {
    /// Means something to the library only.
    pub internal: [c_char; 128],
}

/// `ncclSuccess`.
pub const NCCL_SUCCESS: ncclResult_t = 0;
/// `ncclSum`.
pub const NCCL_SUM: ncclRedOp_t = 0;
/// `ncclInt8`.
pub const NCCL_INT8: ncclDataType_t = 0;
/// `ncclFloat16`.
pub const NCCL_FLOAT16: ncclDataType_t = 6;
/// `ncclFloat32`.
pub const NCCL_FLOAT32: ncclDataType_t = 7;
/// `ncclBfloat16`.
pub const NCCL_BFLOAT16: ncclDataType_t = 9;

/// Calls `$apply!` with every function of the table.
#[macro_export]
macro_rules! rccl_functions {
    ($apply:ident) => {
        $apply! {
            fn ncclGetVersion(*mut c_int) -> ncclResult_t;
            fn ncclGetUniqueId(*mut ncclUniqueId) -> ncclResult_t;
            fn ncclCommInitRank(*mut ncclComm_t, c_int, ncclUniqueId, c_int) -> ncclResult_t;
            fn ncclCommDestroy(ncclComm_t) -> ncclResult_t;
            fn ncclCommAbort(ncclComm_t) -> ncclResult_t;
            fn ncclCommGetAsyncError(ncclComm_t, *mut ncclResult_t) -> ncclResult_t;
            fn ncclGetErrorString(ncclResult_t) -> *const c_char;
            fn ncclAllReduce(
                *const c_void, *mut c_void, usize, ncclDataType_t, ncclRedOp_t, ncclComm_t,
                hipStream_t
            ) -> ncclResult_t;
            fn ncclAllGather(
                *const c_void, *mut c_void, usize, ncclDataType_t, ncclComm_t, hipStream_t
            ) -> ncclResult_t;
            fn ncclReduceScatter(
                *const c_void, *mut c_void, usize, ncclDataType_t, ncclRedOp_t, ncclComm_t,
                hipStream_t
            ) -> ncclResult_t;
            fn ncclBroadcast(
                *const c_void, *mut c_void, usize, ncclDataType_t, c_int, ncclComm_t, hipStream_t
            ) -> ncclResult_t;
            fn ncclSend(
                *const c_void, usize, ncclDataType_t, c_int, ncclComm_t, hipStream_t
            ) -> ncclResult_t;
            fn ncclRecv(
                *mut c_void, usize, ncclDataType_t, c_int, ncclComm_t, hipStream_t
            ) -> ncclResult_t;
            fn ncclGroupStart() -> ncclResult_t;
            fn ncclGroupEnd() -> ncclResult_t;
        }
    };
}

macro_rules! table {
    ($( fn $name:ident ( $($arg:ty),* $(,)? ) -> $ret:ty; )*) => {
        /// Entry points of one opened RCCL, which stays open until the process ends.
        #[allow(non_snake_case, missing_docs, reason = "NCCL's own names; its manual explains them")]
        pub struct Rccl {
            $( pub $name: unsafe extern "C" fn($($arg),*) -> $ret, )*
            library_name: String,
            /// Never closed; see the table of HIP.
            _library: ManuallyDrop<Library>,
        }

        /// Everything that this table declares.
        pub const RCCL_SIGNATURES: &[Signature] = &[
            $( Signature {
                name: stringify!($name), parameters: &[$(stringify!($arg)),*],
                answer: stringify!($ret), reason: None,
            }, )*
        ];

        impl Rccl {
            fn fill(library: Library, library_name: String) -> Result<Self, LoadError> {
                let library = ManuallyDrop::new(library);
                Ok(Self {
                    // SAFETY: the signatures are those of NCCL's header, which a test holds them to;
                    // the library is never closed.
                    $( $name: *unsafe { library.get(concat!(stringify!($name), "\0").as_bytes()) }
                        .map_err(|_| LoadError::MissingSymbol {
                            library: library_name.clone(),
                            symbol: stringify!($name),
                            needed: "RCCL of ROCm 5 or newer",
                        })?, )*
                    library_name,
                    _library: library,
                })
            }
        }
    };
}

rccl_functions!(table);

impl Rccl {
    /// Opens RCCL by its usual names, on the loader's path and in ROCm's folder.
    ///
    /// # Errors
    /// [`LoadError`]: nothing found, or functions are missing.
    pub fn load() -> Result<Self, LoadError> {
        Self::load_first(&rccl_candidates(&rocm_library_folder()))
    }

    /// Opens the first of `names` that the loader takes.
    ///
    /// # Errors
    /// As [`Rccl::load`].
    pub fn load_first(names: &[PathBuf]) -> Result<Self, LoadError> {
        let (library, name) = open_first(names).map_err(|tried| LoadError::NoRccl { tried })?;
        Self::fill(library, name)
    }

    /// Path or name that was opened.
    pub fn library_name(&self) -> &str {
        &self.library_name
    }
}

/// Where RCCL is looked for, in order.
pub fn rccl_candidates(rocm_library_folder: &Path) -> Vec<PathBuf> {
    let by_name = RCCL_NAMES.iter().map(PathBuf::from);
    by_name.chain(RCCL_NAMES.iter().map(|name| rocm_library_folder.join(name))).collect()
}
