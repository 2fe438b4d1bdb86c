//! The types of HIP's signatures under the header's own names, as the ABI sees them.
//!
//! Handles and structs that only the runtime looks into are opaque pointers; enums are numbers, since
//! a runtime may answer some that this header never had. Owns no value; see `constants` for those.
#![allow(non_camel_case_types, non_snake_case, reason = "HIP's own names, which the tests compare")]

use std::ffi::{c_char, c_int, c_void};

use crate::HipError;

/// What a call answers.
pub type hipError_t = HipError;
/// Number of a device.
pub type hipDevice_t = c_int;
/// A property of a device.
pub type hipDeviceAttribute_t = i32;
/// Direction of a copy.
pub type hipMemcpyKind = i32;
/// A stream; null is the null stream.
pub type hipStream_t = *mut c_void;
/// An event.
pub type hipEvent_t = *mut c_void;
/// A loaded code object.
pub type hipModule_t = *mut c_void;
/// A kernel of a module.
pub type hipFunction_t = *mut c_void;
/// A graph as it was captured.
pub type hipGraph_t = *mut c_void;
/// A graph that can be launched.
pub type hipGraphExec_t = *mut c_void;
/// A node of a graph.
pub type hipGraphNode_t = *mut c_void;
/// An address on the device.
pub type hipDeviceptr_t = *mut c_void;
/// An address that a copy reads; headers before ROCm 6 forgot the `const`.
pub type hipConstPointer = *const c_void;
/// A function that a stream calls on the host.
pub type hipHostFn_t = Option<unsafe extern "C" fn(*mut c_void)>;
/// What a capture forbids to other threads.
pub type hipStreamCaptureMode = i32;
/// Whether a stream is being captured.
pub type hipStreamCaptureStatus = i32;
/// Why a graph could not be changed in place.
pub type hipGraphExecUpdateResult = i32;
/// A property of a kernel that can be read.
pub type hipFunction_attribute = i32;
/// A property of a kernel that can be set.
pub type hipFuncAttribute = i32;
/// Physical memory that is not at an address yet.
pub type hipMemGenericAllocationHandle_t = *mut c_void;
/// Bytes to us: the fields moved between ROCm 5 and 6, and even more may come.
pub type hipDeviceProp_tR0600 = c_void;
/// ROCm 5's layout; bytes to us as well.
pub type hipDeviceProp_t = c_void;
/// Bytes to us: ROCm 5 and 7 have the same fields in another order, so a caller must ask the version
/// before it writes one.
pub type hipMemAllocationProp = c_void;

/// Memory of another process; passed by value.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct hipIpcMemHandle_t {
    /// Means something to the runtime only.
    pub reserved: [c_char; 64],
}

/// An event of another process; passed by value.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct hipIpcEventHandle_t {
    /// Means something to the runtime only.
    pub reserved: [c_char; 64],
}

/// Sizes of a grid or a work-group.
#[repr(C)]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct dim3 {
    /// First axis.
    pub x: u32,
    /// Second axis.
    pub y: u32,
    /// Third axis.
    pub z: u32,
}

/// A kernel node's launch.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct hipKernelNodeParams {
    /// Work-items of a work-group.
    pub blockDim: dim3,
    /// Arguments as one packed buffer, or null.
    pub extra: *mut *mut c_void,
    /// The kernel.
    pub func: *mut c_void,
    /// Work-groups.
    pub gridDim: dim3,
    /// A pointer to each argument, or null.
    pub kernelParams: *mut *mut c_void,
    /// Dynamic LDS.
    pub sharedMemBytes: u32,
}

/// A place that memory is in or is used from.
#[repr(C)]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct hipMemLocation {
    /// Kind of place: 1 is a device.
    pub type_: i32,
    /// Its number.
    pub id: c_int,
}

/// Who may use mapped memory.
#[repr(C)]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct hipMemAccessDesc {
    /// From where.
    pub location: hipMemLocation,
    /// 0 nothing, 1 read, 3 read and write.
    pub flags: i32,
}
