//! Events: marks in streams, or in captures.

use std::sync::{Arc, Mutex};

use crate::capture::CapturedPoint;
use crate::errors::{Code, Result};
use crate::memory::POISONED;
use crate::stream::Fence;

/// `hipEventDisableTiming`.
const DISABLE_TIMING: u32 = 2;

/// What the last record left.
#[derive(Clone, Debug, Default)]
pub(crate) enum Mark {
    /// Never recorded.
    #[default]
    None,
    /// Behind the work of a stream of that device.
    Fence(Arc<Fence>, usize),
    /// In a capture.
    Captured(CapturedPoint),
}

/// An event.
#[derive(Debug)]
pub(crate) struct Event {
    flags: u32,
    mark: Mutex<Mark>,
}

impl Event {
    pub(crate) fn new(flags: u32) -> Self {
        Self { flags, mark: Mutex::default() }
    }

    pub(crate) fn record(&self, mark: Mark) {
        *self.mark.lock().expect(POISONED) = mark;
    }

    pub(crate) fn mark(&self) -> Mark {
        self.mark.lock().expect(POISONED).clone()
    }

    /// The fence to wait for and its device; `None` if it was never recorded.
    ///
    /// # Errors
    /// `hipErrorCapturedEvent` if it stands for a place in a capture.
    pub(crate) fn fence(&self) -> Result<Option<(Arc<Fence>, usize)>> {
        match self.mark() {
            Mark::None => Ok(None),
            Mark::Fence(fence, device) => Ok(Some((fence, device))),
            Mark::Captured(_) => Err(Code::CAPTURED_EVENT),
        }
    }

    /// Milliseconds of the emulator's own clock between two events. They say nothing of hardware.
    ///
    /// # Errors
    /// `hipErrorInvalidHandle` if either was never recorded or has no timing, `hipErrorNotReady` if
    /// either is not reached.
    pub(crate) fn elapsed_ms(&self, stop: &Self) -> Result<f32> {
        let time = |event: &Self| {
            if event.flags & DISABLE_TIMING != 0 {
                return Err(Code::INVALID_HANDLE);
            }
            let (fence, _) = event.fence()?.ok_or(Code::INVALID_HANDLE)?;
            fence.reached().ok_or(Code::NOT_READY)
        };
        let (start, stop) = (time(self)?, time(stop)?);
        let ms = |duration: std::time::Duration| duration.as_secs_f32() * 1e3;
        Ok(stop.checked_duration_since(start).map_or_else(|| -ms(start.duration_since(stop)), ms))
    }
}
