//! The table against binding crates that others generate from newer headers: the compiler assigns
//! their functions to our signatures. A wrong signature does not compile.
//!
//! `cubecl-hip-sys` has HIP 7.14's header and needs no ROCm to build; `cudarc` has NCCL's, whose names
//! and signatures RCCL keeps (`src/nccl.h.in` of ROCm/rccl). Neither is called or in the program.
#![forbid(unsafe_code)]
#![allow(unused_imports, reason = "the lists bring more names than each test uses")]

use std::mem::{align_of, size_of};

use hip_sys::{hip_functions, rccl_functions};

/// HIP's names with the other crate's meaning.
mod hip {
    pub(super) use std::ffi::{c_char, c_int, c_uint, c_ulonglong, c_void};

    pub(super) use cubecl_hip_sys::*;

    /// Headers since ROCm 6 have the `const`.
    pub(super) type HipConstPointer = *const c_void;
}

/// Symbol of ROCm 5's layout: a macro in newer headers.
const ONLY_ROCM_5: &str = "hipGetDeviceProperties";

#[test]
fn hip_functions_are_assigned_to_our_pointers() {
    use hip::{HipConstPointer as hipConstPointer, *};
    let mut names = Vec::new();
    macro_rules! assign {
        (
            required: $( fn $name:ident ( $($arg:ty),* $(,)? ) -> $ret:ty; )*
            $( optional $reason:literal:
                $( fn $opt:ident ( $($oarg:ty),* $(,)? ) -> $oret:ty; )* )*
        ) => {
            $( assign!(@ $name ($($arg),*) -> $ret); )*
            $($( assign!(@ $opt ($($oarg),*) -> $oret); )*)*
        };
        (@ hipGetDeviceProperties $($rest:tt)*) => { names.push(ONLY_ROCM_5) };
        (@ $name:ident ($($arg:ty),*) -> $ret:ty) => {
            let _: unsafe extern "C" fn($($arg),*) -> $ret = cubecl_hip_sys::$name;
            names.push(stringify!($name));
        };
    }
    hip_functions!(assign);
    let declared: Vec<_> = hip_sys::SIGNATURES.iter().map(|signature| signature.name).collect();
    assert_eq!(names, declared, "each was looked at");
}

/// The names mean the same to both: sizes and alignments of all that is passed by value or pointed to.
#[test]
fn hip_types_are_as_large() {
    macro_rules! same {
        ($($name:ident)*) => { $(
            let ours = (size_of::<hip_sys::$name>(), align_of::<hip_sys::$name>());
            let theirs = (size_of::<cubecl_hip_sys::$name>(), align_of::<cubecl_hip_sys::$name>());
            assert_eq!(ours, theirs, stringify!($name));
        )* };
    }
    same!(hipError_t hipDevice_t hipDeviceAttribute_t hipMemcpyKind hipStream_t hipEvent_t hipModule_t
        hipFunction_t hipGraph_t hipGraphExec_t hipGraphNode_t hipDeviceptr_t hipHostFn_t
        hipStreamCaptureMode hipStreamCaptureStatus hipGraphExecUpdateResult hipFunction_attribute
        hipFuncAttribute hipMemGenericAllocationHandle_t hipIpcMemHandle_t hipIpcEventHandle_t dim3
        hipKernelNodeParams hipMemLocation hipMemAccessDesc);
}

#[test]
fn hip_constants_are_the_same() {
    use cubecl_hip_sys as c;
    for (ours, theirs) in [
        (hip_sys::SUCCESS, c::hipError_t_hipSuccess),
        (hip_sys::ERROR_INVALID_VALUE, c::hipError_t_hipErrorInvalidValue),
        (hip_sys::ERROR_OUT_OF_MEMORY, c::hipError_t_hipErrorOutOfMemory),
        (hip_sys::ERROR_NOT_INITIALIZED, c::hipError_t_hipErrorNotInitialized),
        (hip_sys::ERROR_NO_DEVICE, c::hipError_t_hipErrorNoDevice),
        (hip_sys::ERROR_INVALID_DEVICE, c::hipError_t_hipErrorInvalidDevice),
        (hip_sys::ERROR_NO_BINARY_FOR_GPU, c::hipError_t_hipErrorNoBinaryForGpu),
        (hip_sys::ERROR_NOT_READY, c::hipError_t_hipErrorNotReady),
    ] {
        assert_eq!(ours.0 as u32, theirs);
    }
    for (ours, theirs) in [
        (hip_sys::MEMCPY_HOST_TO_DEVICE, c::hipMemcpyKind_hipMemcpyHostToDevice),
        (hip_sys::MEMCPY_DEVICE_TO_HOST, c::hipMemcpyKind_hipMemcpyDeviceToHost),
        (hip_sys::MEMCPY_DEVICE_TO_DEVICE, c::hipMemcpyKind_hipMemcpyDeviceToDevice),
    ] {
        assert_eq!(ours as u32, theirs);
    }
    assert_eq!(hip_sys::STREAM_NON_BLOCKING, c::hipStreamNonBlocking);
    assert_eq!(hip_sys::HOST_MALLOC_DEFAULT, c::hipHostMallocDefault);
}

#[test]
fn nccl_functions_are_assigned_to_our_pointers() {
    use std::ffi::{c_char, c_int, c_void};

    use cudarc::nccl::sys::{self, *};
    #[allow(non_camel_case_types, reason = "the name of the list")]
    type hipStream_t = cudaStream_t;
    let mut names = Vec::new();
    macro_rules! assign {
        ($( fn $name:ident ( $($arg:ty),* $(,)? ) -> $ret:ty; )*) => { $(
            // Wrappers with Rust's calling convention around the foreign functions.
            let _: unsafe fn($($arg),*) -> $ret = sys::$name;
            names.push(stringify!($name));
        )* };
    }
    rccl_functions!(assign);
    let declared: Vec<_> = hip_sys::RCCL_SIGNATURES.iter().map(|s| s.name).collect();
    assert_eq!(names, declared, "each was looked at");

    assert_eq!(size_of::<hip_sys::ncclUniqueId>(), size_of::<sys::ncclUniqueId>());
    assert_eq!(size_of::<hip_sys::ncclComm_t>(), size_of::<sys::ncclComm_t>());
    assert_eq!(size_of::<hip_sys::ncclResult_t>(), size_of::<sys::ncclResult_t>());
    assert_eq!(hip_sys::NCCL_SUCCESS, sys::ncclResult_t::ncclSuccess as i32);
    assert_eq!(hip_sys::NCCL_SUM, sys::ncclRedOp_t::ncclSum as i32);
    assert_eq!(hip_sys::NCCL_INT8, sys::ncclDataType_t::ncclInt8 as i32);
    assert_eq!(hip_sys::NCCL_FLOAT16, sys::ncclDataType_t::ncclFloat16 as i32);
    assert_eq!(hip_sys::NCCL_FLOAT32, sys::ncclDataType_t::ncclFloat32 as i32);
    assert_eq!(hip_sys::NCCL_BFLOAT16, sys::ncclDataType_t::ncclBfloat16 as i32);
}
