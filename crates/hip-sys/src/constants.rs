//! Numbers of `hip/hip_runtime_api.h` that the runtime layer uses; the same in ROCm 5, 6 and 7.

use crate::types::{hipMemcpyKind, hipStreamCaptureMode};

/// What a call answers; zero is success. Unknown numbers are possible and opaque.
#[repr(transparent)]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct HipError(pub i32);

/// `hipSuccess`.
pub const SUCCESS: HipError = HipError(0);
/// `hipErrorOutOfMemory`.
pub const ERROR_OUT_OF_MEMORY: HipError = HipError(2);
/// `hipErrorNotInitialized`.
pub const ERROR_NOT_INITIALIZED: HipError = HipError(3);
/// `hipErrorNoDevice`.
pub const ERROR_NO_DEVICE: HipError = HipError(100);
/// `hipErrorInvalidDevice`.
pub const ERROR_INVALID_DEVICE: HipError = HipError(101);
/// `hipErrorInvalidValue`.
pub const ERROR_INVALID_VALUE: HipError = HipError(1);
/// `hipErrorNoBinaryForGpu`.
pub const ERROR_NO_BINARY_FOR_GPU: HipError = HipError(209);
/// `hipErrorNotReady`.
pub const ERROR_NOT_READY: HipError = HipError(600);

/// `hipMemcpyHostToDevice`.
pub const MEMCPY_HOST_TO_DEVICE: hipMemcpyKind = 1;
/// `hipMemcpyDeviceToHost`.
pub const MEMCPY_DEVICE_TO_HOST: hipMemcpyKind = 2;
/// `hipMemcpyDeviceToDevice`.
pub const MEMCPY_DEVICE_TO_DEVICE: hipMemcpyKind = 3;

/// `hipStreamNonBlocking`: does not wait for the null stream.
pub const STREAM_NON_BLOCKING: u32 = 1;
/// `hipHostMallocDefault`.
pub const HOST_MALLOC_DEFAULT: u32 = 0;
/// `hipEventDisableTiming`.
pub const EVENT_DISABLE_TIMING: u32 = 2;
/// `hipStreamCaptureModeThreadLocal`: forbids unsafe calls of the capturing thread only.
pub const STREAM_CAPTURE_MODE_THREAD_LOCAL: hipStreamCaptureMode = 1;
