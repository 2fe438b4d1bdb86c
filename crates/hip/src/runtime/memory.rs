//! Owned memory: a device's, and pinned memory of the host.

use std::ffi::c_void;
use std::sync::atomic::Ordering::Relaxed;

use bytemuck::Pod;

use super::Gpu;
use crate::error::HipFailure;

impl Gpu {
    /// Device memory, not initialised. No bytes become one piece of the smallest size.
    pub(crate) fn alloc(&self, bytes: usize) -> Result<DeviceMemory, HipFailure> {
        self.make_current()?;
        let mut pointer = std::ptr::null_mut();
        // SAFETY: `pointer` is writable.
        let answer = unsafe { (self.hip().hipMalloc)(&mut pointer, bytes.max(1)) };
        self.check_allocation(answer, "hipMalloc", bytes as u64)?;
        Ok(DeviceMemory { gpu: self.clone(), address: pointer as u64, bytes })
    }

    /// Pinned host memory that is held now, by all devices of the runtime.
    pub(crate) fn pinned_bytes(&self) -> usize {
        self.runtime.pinned_bytes.load(Relaxed)
    }

    /// Pinned host memory, zeroed.
    pub(crate) fn alloc_pinned(&self, bytes: usize) -> Result<Pinned, HipFailure> {
        self.make_current()?;
        let mut pointer = std::ptr::null_mut();
        let flags = hip_sys::HOST_MALLOC_DEFAULT;
        // SAFETY: `pointer` is writable.
        let answer = unsafe { (self.hip().hipHostMalloc)(&mut pointer, bytes.max(1), flags) };
        self.check_allocation(answer, "hipHostMalloc", bytes as u64)?;
        self.runtime.pinned_bytes.fetch_add(bytes, Relaxed);
        // SAFETY: HIP gave this many bytes, ours alone.
        unsafe { std::ptr::write_bytes(pointer.cast::<u8>(), 0, bytes) };
        Ok(Pinned { gpu: self.clone(), address: pointer as usize, bytes })
    }
}

/// Owned device memory.
pub(crate) struct DeviceMemory {
    gpu: Gpu,
    pub(super) address: u64,
    pub(super) bytes: usize,
}

impl DeviceMemory {
    /// Address on the device.
    pub(crate) fn address(&self) -> u64 {
        self.address
    }
}

impl Drop for DeviceMemory {
    fn drop(&mut self) {
        // SAFETY: allocated by hipMalloc and freed once. hipFree waits for work that uses it. After
        // a lost device it fails, and nothing is left to be done.
        unsafe { (self.gpu.hip().hipFree)(self.address as *mut c_void) };
    }
}

/// Owned pinned host memory. The device may read or write it while a copy or a kernel that knows its
/// address is under way; the owner touches it only when the stream, or an event behind that work,
/// has been waited for.
pub(crate) struct Pinned {
    gpu: Gpu,
    pub(super) address: usize,
    pub(super) bytes: usize,
}

impl Pinned {
    /// Where kernels find it.
    pub(crate) fn device_address(&self) -> Result<u64, HipFailure> {
        let (mut pointer, host) = (std::ptr::null_mut(), self.address as *mut c_void);
        // SAFETY: `pointer` is writable; `host` was given by hipHostMalloc.
        let answer = unsafe { (self.gpu.hip().hipHostGetDevicePointer)(&mut pointer, host, 0) };
        self.gpu.check(answer, "hipHostGetDevicePointer")?;
        Ok(pointer as u64)
    }

    /// Size.
    pub(crate) fn bytes(&self) -> usize {
        self.bytes
    }

    /// The first elements. Panics if there are fewer.
    pub(crate) fn as_slice<T: Pod>(&self, len: usize) -> &[T] {
        assert!(len * size_of::<T>() <= self.bytes && align_of::<T>() <= 64);
        // SAFETY: in bounds, initialised, page-aligned; no copy or kernel is under way (see the type).
        unsafe { std::slice::from_raw_parts(self.address as *const T, len) }
    }

    /// The first elements, to be written. Panics if there are fewer.
    pub(crate) fn as_mut_slice<T: Pod>(&mut self, len: usize) -> &mut [T] {
        assert!(len * size_of::<T>() <= self.bytes && align_of::<T>() <= 64);
        // SAFETY: as above, and `self` is borrowed for writing.
        unsafe { std::slice::from_raw_parts_mut(self.address as *mut T, len) }
    }

    /// `bytes` from `offset` on, to be written. Panics outside the range.
    pub(crate) fn part_mut(&mut self, offset: usize, bytes: usize) -> &mut [u8] {
        assert!(offset.checked_add(bytes).is_some_and(|end| end <= self.bytes));
        // SAFETY: in bounds, initialised, and borrowed for writing; the device does not use this
        // part (see the type).
        unsafe { std::slice::from_raw_parts_mut((self.address + offset) as *mut u8, bytes) }
    }
}

impl Drop for Pinned {
    fn drop(&mut self) {
        self.gpu.runtime.pinned_bytes.fetch_sub(self.bytes, Relaxed);
        // SAFETY: allocated by hipHostMalloc and freed once.
        unsafe { (self.gpu.hip().hipHostFree)(self.address as *mut c_void) };
    }
}
