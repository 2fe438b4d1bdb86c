//! HIP's error codes: number, name and text of each that is ever returned.
//!
//! Source: `hipError_t` of `hip/hip_runtime_api.h` (the numbers are equal from ROCm 5 to 7). Never
//! decides when a code is returned.

use std::ffi::CStr;

/// What a call returns when it fails.
pub(crate) type Result<T> = std::result::Result<T, Code>;

/// A value of `hipError_t`. Zero, success, occurs only at the C boundary.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Code(pub(crate) i32);

/// One row a code: constant, number, C name, text.
macro_rules! codes {
    ($($constant:ident = $number:literal, $name:literal, $text:literal;)*) => {
        impl Code {
            $(
                #[doc = $text]
                #[allow(dead_code, reason = "some are only looked up by number")]
                pub(crate) const $constant: Self = Self($number);
            )*

            /// The C constant's name; that of the unknown error for numbers without a row.
            pub(crate) fn name(self) -> &'static CStr {
                match self.0 { $($number => $name,)* _ => c"hipErrorUnknown" }
            }

            /// A sentence for people.
            pub(crate) fn text(self) -> &'static CStr {
                match self.0 { $($number => const { text(concat!($text, "\0")) },)* _ => c"unknown error" }
            }
        }

        #[cfg(test)]
        const ROWS: &[(i32, &CStr)] = &[$(($number, $name),)*];
    };
}

const fn text(with_end: &'static str) -> &'static CStr {
    match CStr::from_bytes_with_nul(with_end.as_bytes()) {
        Ok(text) => text,
        Err(_) => panic!("a text with a zero in it"),
    }
}

codes! {
    SUCCESS = 0, c"hipSuccess", "no error";
    INVALID_VALUE = 1, c"hipErrorInvalidValue", "invalid argument";
    OUT_OF_MEMORY = 2, c"hipErrorOutOfMemory", "out of memory";
    NOT_INITIALIZED = 3, c"hipErrorNotInitialized", "initialization error";
    INVALID_CONFIGURATION = 9, c"hipErrorInvalidConfiguration", "invalid configuration argument";
    INVALID_SYMBOL = 13, c"hipErrorInvalidSymbol", "invalid device symbol";
    INVALID_DEVICE_POINTER = 17, c"hipErrorInvalidDevicePointer", "invalid device pointer";
    INVALID_MEMCPY_DIRECTION = 21, c"hipErrorInvalidMemcpyDirection", "invalid copy direction for memcpy";
    INVALID_DEVICE_FUNCTION = 98, c"hipErrorInvalidDeviceFunction", "invalid device function";
    NO_DEVICE = 100, c"hipErrorNoDevice", "no ROCm-capable device is detected";
    INVALID_DEVICE = 101, c"hipErrorInvalidDevice", "invalid device ordinal";
    INVALID_IMAGE = 200, c"hipErrorInvalidImage", "device kernel image is invalid";
    INVALID_CONTEXT = 201, c"hipErrorInvalidContext", "invalid device context";
    MAP_FAILED = 205, c"hipErrorMapFailed", "mapping of buffer object failed";
    NO_BINARY_FOR_GPU = 209, c"hipErrorNoBinaryForGpu", "no kernel image is available for execution on the device";
    FILE_NOT_FOUND = 301, c"hipErrorFileNotFound", "file not found";
    INVALID_HANDLE = 400, c"hipErrorInvalidHandle", "invalid resource handle";
    ILLEGAL_STATE = 401, c"hipErrorIllegalState", "the operation cannot be performed in the present state";
    NOT_FOUND = 500, c"hipErrorNotFound", "named symbol not found";
    NOT_READY = 600, c"hipErrorNotReady", "device not ready";
    ILLEGAL_ADDRESS = 700, c"hipErrorIllegalAddress", "an illegal memory access was encountered";
    LAUNCH_OUT_OF_RESOURCES = 701, c"hipErrorLaunchOutOfResources", "out of resources";
    PEER_ACCESS_ALREADY_ENABLED = 704, c"hipErrorPeerAccessAlreadyEnabled", "peer access is already enabled";
    PEER_ACCESS_NOT_ENABLED = 705, c"hipErrorPeerAccessNotEnabled", "peer access has not been enabled";
    HOST_MEMORY_ALREADY_REGISTERED = 712, c"hipErrorHostMemoryAlreadyRegistered", "part or all of the requested memory range is already mapped";
    HOST_MEMORY_NOT_REGISTERED = 713, c"hipErrorHostMemoryNotRegistered", "pointer does not correspond to a registered memory region";
    LAUNCH_FAILURE = 719, c"hipErrorLaunchFailure", "unspecified launch failure";
    NOT_SUPPORTED = 801, c"hipErrorNotSupported", "operation not supported";
    STREAM_CAPTURE_UNSUPPORTED = 900, c"hipErrorStreamCaptureUnsupported", "operation not permitted when stream is capturing";
    STREAM_CAPTURE_INVALIDATED = 901, c"hipErrorStreamCaptureInvalidated", "operation failed due to a previous error during capture";
    STREAM_CAPTURE_MERGE = 902, c"hipErrorStreamCaptureMerge", "operation would result in a merge of separate capture sequences";
    STREAM_CAPTURE_UNMATCHED = 903, c"hipErrorStreamCaptureUnmatched", "capture was not ended in the same stream as it began";
    STREAM_CAPTURE_UNJOINED = 904, c"hipErrorStreamCaptureUnjoined", "capturing stream has unjoined work";
    STREAM_CAPTURE_ISOLATION = 905, c"hipErrorStreamCaptureIsolation", "dependency created on uncaptured work in another stream";
    STREAM_CAPTURE_IMPLICIT = 906, c"hipErrorStreamCaptureImplicit", "operation would make the legacy stream depend on a capturing blocking stream";
    CAPTURED_EVENT = 907, c"hipErrorCapturedEvent", "operation not permitted on an event last recorded in a capturing stream";
    STREAM_CAPTURE_WRONG_THREAD = 908, c"hipErrorStreamCaptureWrongThread", "attempt to terminate a thread-local capture sequence from another thread";
    GRAPH_EXEC_UPDATE_FAILURE = 910, c"hipErrorGraphExecUpdateFailure", "the graph update was not performed because it included changes which violated constraints specific to instantiated graph update";
    UNKNOWN = 999, c"hipErrorUnknown", "unknown error";
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_code_has_one_row_and_names_start_as_in_c() {
        for (index, (number, name)) in ROWS.iter().enumerate() {
            assert!(index == 0 || ROWS[index - 1].0 < *number, "{number} out of order");
            assert!(name.to_bytes().starts_with(b"hip"), "{name:?}");
            assert_eq!(Code(*number).name(), *name);
        }
        assert_eq!(Code(12345).name(), c"hipErrorUnknown");
        assert_eq!(Code::ILLEGAL_ADDRESS.text(), c"an illegal memory access was encountered");
    }
}
