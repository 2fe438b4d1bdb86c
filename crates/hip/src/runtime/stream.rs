//! Streams: copies in order, and events that mark points between them.

use std::cell::Cell;
use std::ffi::c_void;

use super::{DeviceMemory, Gpu, Pinned};
use crate::error::HipFailure;

impl Gpu {
    /// A stream of its own order, apart from the null stream.
    pub(crate) fn stream(&self) -> Result<Stream, HipFailure> {
        self.make_current()?;
        let mut handle = std::ptr::null_mut();
        let flags = hip_sys::STREAM_NON_BLOCKING;
        // SAFETY: `handle` is writable.
        let answer = unsafe { (self.hip().hipStreamCreateWithFlags)(&mut handle, flags) };
        self.check(answer, "hipStreamCreateWithFlags")?;
        Ok(Stream { gpu: self.clone(), handle: handle as usize, captured: Cell::new(None) })
    }

    /// An event that keeps no time; it counts as reached until it is first recorded.
    pub(crate) fn event(&self) -> Result<Event, HipFailure> {
        self.make_current()?;
        let mut handle = std::ptr::null_mut();
        let flags = hip_sys::EVENT_DISABLE_TIMING;
        // SAFETY: `handle` is writable.
        let answer = unsafe { (self.hip().hipEventCreateWithFlags)(&mut handle, flags) };
        self.check(answer, "hipEventCreateWithFlags")?;
        Ok(Event { gpu: self.clone(), handle: handle as usize })
    }
}

/// An owned stream.
pub(crate) struct Stream {
    pub(super) gpu: Gpu,
    handle: usize,
    /// Kernels written down since `begin_capture`, until the capture's end.
    pub(super) captured: Cell<Option<usize>>,
}

impl Stream {
    pub(super) fn raw(&self) -> *mut c_void {
        self.handle as *mut c_void
    }

    /// Waits for everything that was put in.
    pub(crate) fn synchronize(&self) -> Result<(), HipFailure> {
        // SAFETY: the stream lives.
        let answer = unsafe { (self.gpu.hip().hipStreamSynchronize)(self.raw()) };
        self.gpu.check(answer, "hipStreamSynchronize")
    }

    /// Copies the first `bytes` of `from` to `to` + `offset`. `from` must not be touched until the
    /// stream was waited for.
    pub(crate) fn upload(
        &self,
        to: &DeviceMemory,
        offset: usize,
        from: &Pinned,
        bytes: usize,
    ) -> Result<(), HipFailure> {
        assert!(bytes <= from.bytes && offset.checked_add(bytes).is_some_and(|e| e <= to.bytes));
        self.copy(
            (to.address as usize + offset) as *mut c_void,
            from.address as *const c_void,
            bytes,
            hip_sys::MEMCPY_HOST_TO_DEVICE,
        )
    }

    /// Copies `bytes` from `from` + `offset` to the start of `to`, which is valid when the stream
    /// was waited for.
    pub(crate) fn download(
        &self,
        to: &mut Pinned,
        from: &DeviceMemory,
        offset: usize,
        bytes: usize,
    ) -> Result<(), HipFailure> {
        assert!(bytes <= to.bytes && offset.checked_add(bytes).is_some_and(|e| e <= from.bytes));
        self.copy(
            to.address as *mut c_void,
            (from.address as usize + offset) as *const c_void,
            bytes,
            hip_sys::MEMCPY_DEVICE_TO_HOST,
        )
    }

    fn copy(
        &self,
        to: *mut c_void,
        from: *const c_void,
        bytes: usize,
        kind: i32,
    ) -> Result<(), HipFailure> {
        if bytes == 0 {
            return Ok(());
        }
        // SAFETY: both ranges were checked against their owners by the callers above.
        let answer = unsafe { (self.gpu.hip().hipMemcpyAsync)(to, from, bytes, kind, self.raw()) };
        self.gpu.check(answer, "hipMemcpyAsync")
    }

    /// Sets all bytes of `memory` to zero.
    pub(crate) fn zero(&self, memory: &DeviceMemory) -> Result<(), HipFailure> {
        if memory.bytes == 0 {
            return Ok(());
        }
        let to = memory.address as *mut c_void;
        // SAFETY: the range is the whole allocation.
        let answer = unsafe { (self.gpu.hip().hipMemsetAsync)(to, 0, memory.bytes, self.raw()) };
        self.gpu.check(answer, "hipMemsetAsync")
    }

    /// Notes a point in the stream's work.
    pub(crate) fn record(&self, event: &Event) -> Result<(), HipFailure> {
        // SAFETY: both live.
        let answer = unsafe { (self.gpu.hip().hipEventRecord)(event.raw(), self.raw()) };
        self.gpu.check(answer, "hipEventRecord")
    }
}

impl Drop for Stream {
    fn drop(&mut self) {
        self.abandon_capture();
        // SAFETY: created by hipStreamCreateWithFlags and destroyed once.
        unsafe { (self.gpu.hip().hipStreamDestroy)(self.raw()) };
    }
}
/// An owned event.
pub(crate) struct Event {
    gpu: Gpu,
    handle: usize,
}

impl Event {
    fn raw(&self) -> *mut c_void {
        self.handle as *mut c_void
    }

    /// Waits until the stream has come to where the event was recorded last.
    pub(crate) fn synchronize(&self) -> Result<(), HipFailure> {
        // SAFETY: the event lives.
        let answer = unsafe { (self.gpu.hip().hipEventSynchronize)(self.raw()) };
        self.gpu.check(answer, "hipEventSynchronize")
    }
}

impl Drop for Event {
    fn drop(&mut self) {
        // SAFETY: created by hipEventCreateWithFlags and destroyed once.
        unsafe { (self.gpu.hip().hipEventDestroy)(self.raw()) };
    }
}
