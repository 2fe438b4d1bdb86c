//! What a device can answer instead of a result.

use thiserror::Error;

/// A failed device operation.
#[derive(Clone, Debug, Error)]
pub enum DeviceError {
    /// An allocation did not fit.
    #[error("out of memory on {device}: {what} needs {requested_bytes} bytes")]
    OutOfMemory {
        /// Device name.
        device: String,
        /// What the memory was for.
        what: String,
        /// Size asked for.
        requested_bytes: u64,
    },
    /// The device does not implement this combination.
    #[error("{device} does not support {what}")]
    Unsupported {
        /// Device name.
        device: String,
        /// The combination.
        what: String,
    },
    /// The operation failed but the device is still usable.
    #[error("{device}: {op} failed: {reason}")]
    Failed {
        /// Device name.
        device: String,
        /// The operation.
        op: String,
        /// The device's own words.
        reason: String,
    },
    /// The device is beyond use; the engine must stop.
    #[error("{device} is lost: {op}: {reason}")]
    Lost {
        /// Device name.
        device: String,
        /// The operation that found out.
        op: String,
        /// The device's own words.
        reason: String,
    },
}
