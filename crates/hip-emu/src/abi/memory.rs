//! Allocation, copies, fills, what an address is, sharing between processes.

use std::ffi::{c_int, c_uchar, c_uint, c_void};

use super::{call, put, wanted};
use crate::calls::{CopyCall, CopyKind};
use crate::errors::{Code, Result};
use crate::mapping::HostPromise;
use crate::memory::Place;

/// Last of the kinds of `hipExtMallocWithFlags`: default, fine-grained, signals, uncached, contiguous.
const LAST_EXT_MALLOC_KIND: c_uint = 4;
/// Flags of `hipHostMalloc`: portable, mapped, write-combined, NUMA, coherent, non-coherent.
const HOST_MALLOC_FLAGS: c_uint = 0x7 | 0x2000_0000 | 0x4000_0000 | 0x8000_0000;
/// Flags of `hipHostRegister`: portable, mapped, memory-mapped devices, read-only.
const HOST_REGISTER_FLAGS: c_uint = 0xf;

#[unsafe(no_mangle)]
unsafe extern "C" fn hipMalloc(out: *mut u64, size_bytes: usize) -> i32 {
    call(|runtime| {
        wanted(out)?;
        // SAFETY: HIP's contract.
        unsafe { put(out, runtime.malloc(size_bytes as u64, 0)?) }
    })
}

#[unsafe(no_mangle)]
unsafe extern "C" fn hipExtMallocWithFlags(out: *mut u64, size_bytes: usize, flags: c_uint) -> i32 {
    call(|runtime| {
        wanted(out)?;
        if flags > LAST_EXT_MALLOC_KIND {
            return Err(Code::INVALID_VALUE);
        }
        // SAFETY: HIP's contract.
        unsafe { put(out, runtime.malloc(size_bytes as u64, flags)?) }
    })
}

/// Memory is there at once; only its release waits for the stream.
#[unsafe(no_mangle)]
unsafe extern "C" fn hipMallocAsync(out: *mut u64, size_bytes: usize, stream: usize) -> i32 {
    call(|runtime| {
        wanted(out)?;
        let named = runtime.stream(stream)?;
        if runtime.captures().status(named.handle).1 != 0 {
            runtime.captures().invalidate(named.handle);
            return Err(Code::STREAM_CAPTURE_UNSUPPORTED);
        }
        // SAFETY: HIP's contract.
        unsafe { put(out, runtime.malloc(size_bytes as u64, 0)?) }
    })
}

#[unsafe(no_mangle)]
extern "C" fn hipFree(address: u64) -> i32 {
    call(|runtime| runtime.free(address, |place| matches!(place, Place::Device(_))))
}

#[unsafe(no_mangle)]
extern "C" fn hipFreeAsync(address: u64, stream: usize) -> i32 {
    call(|runtime| runtime.free_async(address, stream))
}

#[unsafe(no_mangle)]
unsafe extern "C" fn hipHostMalloc(out: *mut u64, size_bytes: usize, flags: c_uint) -> i32 {
    call(|runtime| {
        wanted(out)?;
        if flags & !HOST_MALLOC_FLAGS != 0 {
            return Err(Code::INVALID_VALUE);
        }
        // SAFETY: HIP's contract.
        unsafe { put(out, runtime.host_malloc(size_bytes as u64, flags)?) }
    })
}

#[unsafe(no_mangle)]
extern "C" fn hipHostFree(address: u64) -> i32 {
    call(|runtime| runtime.free(address, |place| place == Place::Pinned))
}

#[unsafe(no_mangle)]
unsafe extern "C" fn hipHostGetDevicePointer(out: *mut u64, host: u64, _flags: c_uint) -> i32 {
    call(|runtime| {
        wanted(out)?;
        let span = runtime.memory.find(host, 1).ok_or(Code::INVALID_VALUE)?;
        if !matches!(span.region.place, Place::Pinned | Place::Registered) {
            return Err(Code::INVALID_VALUE);
        }
        // SAFETY: HIP's contract. One address space serves both sides.
        unsafe { put(out, host) }
    })
}

#[unsafe(no_mangle)]
unsafe extern "C" fn hipHostRegister(address: u64, size_bytes: usize, flags: c_uint) -> i32 {
    call(|runtime| {
        if flags & !HOST_REGISTER_FLAGS != 0 {
            return Err(Code::INVALID_VALUE);
        }
        // SAFETY: HIP's contract: the range is the caller's memory until it is unregistered.
        let promise = unsafe { HostPromise::new() };
        runtime.host_register(&promise, address, size_bytes as u64, flags)
    })
}

#[unsafe(no_mangle)]
extern "C" fn hipHostUnregister(address: u64) -> i32 {
    call(|runtime| {
        let result = runtime.free(address, |place| place == Place::Registered);
        let is_unknown = result == Err(Code::INVALID_VALUE) || address == 0;
        if is_unknown { Err(Code::HOST_MEMORY_NOT_REGISTERED) } else { result }
    })
}

fn copy_kind(number: i32) -> Result<CopyKind> {
    Ok(match number {
        0 => CopyKind::HostToHost,
        1 => CopyKind::HostToDevice,
        2 => CopyKind::DeviceToHost,
        3 => CopyKind::DeviceToDevice,
        4 => CopyKind::Default,
        _ => return Err(Code::INVALID_MEMCPY_DIRECTION),
    })
}

/// # Safety
/// HIP's contract of its copies: host ranges are the caller's memory until the copy is done.
unsafe fn copy(
    to: u64,
    from: u64,
    size_bytes: usize,
    kind: i32,
    stream: usize,
    is_synchronous: bool,
) -> i32 {
    call(|runtime| {
        let (kind, size_bytes) = (copy_kind(kind)?, size_bytes as u64);
        // SAFETY: by the contract above.
        let promise = unsafe { HostPromise::new() };
        runtime.copy(&promise, CopyCall { to, from, size_bytes, kind, is_synchronous }, stream)
    })
}

/// The copying functions with a fixed direction; the third is whether the call waits.
macro_rules! copies {
    ($($name:ident, $kind:literal;)*) => { $(
        #[unsafe(no_mangle)]
        unsafe extern "C" fn $name(to: u64, from: u64, size_bytes: usize) -> i32 {
            // SAFETY: HIP's contract.
            unsafe { copy(to, from, size_bytes, $kind, 0, true) }
        }
    )* };
}

/// As above, in a stream.
macro_rules! copies_async {
    ($($name:ident, $kind:literal;)*) => { $(
        #[unsafe(no_mangle)]
        unsafe extern "C" fn $name(to: u64, from: u64, size_bytes: usize, stream: usize) -> i32 {
            // SAFETY: HIP's contract.
            unsafe { copy(to, from, size_bytes, $kind, stream, false) }
        }
    )* };
}

copies! {
    hipMemcpyHtoD, 1;
    hipMemcpyDtoH, 2;
    hipMemcpyDtoD, 3;
}

copies_async! {
    hipMemcpyHtoDAsync, 1;
    hipMemcpyDtoHAsync, 2;
    hipMemcpyDtoDAsync, 3;
}

#[unsafe(no_mangle)]
unsafe extern "C" fn hipMemcpy(to: u64, from: u64, size_bytes: usize, kind: i32) -> i32 {
    // SAFETY: HIP's contract.
    unsafe { copy(to, from, size_bytes, kind, 0, true) }
}

#[unsafe(no_mangle)]
unsafe extern "C" fn hipMemcpyAsync(
    to: u64,
    from: u64,
    size_bytes: usize,
    kind: i32,
    stream: usize,
) -> i32 {
    // SAFETY: HIP's contract.
    unsafe { copy(to, from, size_bytes, kind, stream, false) }
}

#[unsafe(no_mangle)]
unsafe extern "C" fn hipMemcpyWithStream(
    to: u64,
    from: u64,
    size_bytes: usize,
    kind: i32,
    stream: usize,
) -> i32 {
    // SAFETY: HIP's contract.
    unsafe { copy(to, from, size_bytes, kind, stream, true) }
}

/// Checks that the ends of a copy between devices are where the call says.
fn check_peers(ends: [(u64, c_int); 2]) -> i32 {
    call(|runtime| {
        for (address, device) in ends {
            let device = runtime.device_index(device)?;
            let span = runtime.memory.find(address, 0).ok_or(Code::INVALID_VALUE)?;
            if span.region.place != Place::Device(device) {
                return Err(Code::INVALID_VALUE);
            }
        }
        Ok(())
    })
}

#[unsafe(no_mangle)]
unsafe extern "C" fn hipMemcpyPeerAsync(
    to: u64,
    to_device: c_int,
    from: u64,
    from_device: c_int,
    size_bytes: usize,
    stream: usize,
) -> i32 {
    match check_peers([(to, to_device), (from, from_device)]) {
        // SAFETY: HIP's contract.
        0 => unsafe { copy(to, from, size_bytes, 3, stream, false) },
        code => code,
    }
}

#[unsafe(no_mangle)]
unsafe extern "C" fn hipMemcpyPeer(
    to: u64,
    to_device: c_int,
    from: u64,
    from_device: c_int,
    size_bytes: usize,
) -> i32 {
    match check_peers([(to, to_device), (from, from_device)]) {
        // SAFETY: HIP's contract.
        0 => unsafe { copy(to, from, size_bytes, 3, 0, true) },
        code => code,
    }
}

fn fill(to: u64, pattern: &[u8], count: usize, stream: usize, is_synchronous: bool) -> i32 {
    call(|runtime| runtime.fill(to, pattern, count as u64, stream, is_synchronous))
}

#[unsafe(no_mangle)]
extern "C" fn hipMemset(to: u64, value: c_int, size_bytes: usize) -> i32 {
    fill(to, &[value as u8], size_bytes, 0, true)
}

#[unsafe(no_mangle)]
extern "C" fn hipMemsetAsync(to: u64, value: c_int, size_bytes: usize, stream: usize) -> i32 {
    fill(to, &[value as u8], size_bytes, stream, false)
}

#[unsafe(no_mangle)]
extern "C" fn hipMemsetD8(to: u64, value: c_uchar, count: usize) -> i32 {
    fill(to, &[value], count, 0, true)
}

#[unsafe(no_mangle)]
extern "C" fn hipMemsetD8Async(to: u64, value: c_uchar, count: usize, stream: usize) -> i32 {
    fill(to, &[value], count, stream, false)
}

#[unsafe(no_mangle)]
extern "C" fn hipMemsetD32(to: u64, value: c_int, count: usize) -> i32 {
    fill(to, &value.to_le_bytes(), count, 0, true)
}

#[unsafe(no_mangle)]
extern "C" fn hipMemsetD32Async(to: u64, value: c_int, count: usize, stream: usize) -> i32 {
    fill(to, &value.to_le_bytes(), count, stream, false)
}

#[unsafe(no_mangle)]
unsafe extern "C" fn hipMemGetAddressRange(
    base: *mut u64,
    size_bytes: *mut usize,
    address: u64,
) -> i32 {
    call(|runtime| {
        let span = runtime.memory.find(address, 1).ok_or(Code::NOT_FOUND)?;
        // SAFETY: HIP's contract, for both.
        unsafe {
            put(base, span.region.address)?;
            put(size_bytes, span.region.size_bytes() as usize)
        }
    })
}

/// `hipPointerAttribute_t` of ROCm 6: type, device, addresses, managed, flags.
#[repr(C)]
struct PointerAttributes {
    kind: i32,
    device: c_int,
    device_pointer: u64,
    host_pointer: u64,
    is_managed: c_int,
    flags: c_uint,
}

#[unsafe(no_mangle)]
unsafe extern "C" fn hipPointerGetAttributes(out: *mut PointerAttributes, address: u64) -> i32 {
    call(|runtime| {
        let span = runtime.memory.find(address, 1).ok_or(Code::INVALID_VALUE)?;
        let flags = span.region.flags;
        // `hipMemoryType` of ROCm 6: host 1, device 2.
        let (kind, device, host_pointer) = match span.region.place {
            Place::Device(device) => (2, device, 0),
            _ => (1, 0, address),
        };
        let device = device as c_int;
        let device_pointer = address;
        let is_managed = 0;
        let found =
            PointerAttributes { kind, device, device_pointer, host_pointer, is_managed, flags };
        // SAFETY: HIP's contract.
        unsafe { put(out, found) }
    })
}

/// `hipIpcMemHandle_t` and `hipIpcEventHandle_t`: 64 bytes, passed by value.
#[derive(Clone, Copy)]
#[repr(C)]
struct IpcHandle {
    words: [u64; 8],
}

/// First word of a handle of ours.
const IPC_MAGIC: u64 = u64::from_le_bytes(*b"hip-emu\0");

#[unsafe(no_mangle)]
unsafe extern "C" fn hipIpcGetMemHandle(out: *mut IpcHandle, address: u64) -> i32 {
    call(|runtime| {
        wanted(out)?;
        let found = runtime.memory.find(address, 1).filter(|span| span.offset == 0);
        let is_device = |place| matches!(place, Place::Device(_));
        let found = found.filter(|span| is_device(span.region.place)).ok_or(Code::INVALID_VALUE)?;
        let process = std::process::id();
        let words = [IPC_MAGIC, process.into(), found.region.address, 0, 0, 0, 0, 0];
        // SAFETY: HIP's contract.
        unsafe { put(out, IpcHandle { words }) }
    })
}

/// Only handles of this process: device memory is not shared with other processes here.
#[unsafe(no_mangle)]
unsafe extern "C" fn hipIpcOpenMemHandle(out: *mut u64, handle: IpcHandle, _flags: c_uint) -> i32 {
    call(|runtime| {
        wanted(out)?;
        let [magic, process, address, ..] = handle.words;
        if magic != IPC_MAGIC || runtime.memory.find(address, 1).is_none() {
            return Err(Code::INVALID_VALUE);
        }
        if process != u64::from(std::process::id()) {
            eprintln!("hip-emu: memory of another process cannot be opened");
            return Err(Code::NOT_SUPPORTED);
        }
        // SAFETY: HIP's contract.
        unsafe { put(out, address) }
    })
}

#[unsafe(no_mangle)]
extern "C" fn hipIpcCloseMemHandle(address: u64) -> i32 {
    call(|runtime| {
        let found = runtime.memory.find(address, 1).filter(|span| span.offset == 0);
        found.map(drop).ok_or(Code::INVALID_VALUE)
    })
}

#[unsafe(no_mangle)]
extern "C" fn hipIpcGetEventHandle(_handle: *mut c_void, _event: usize) -> i32 {
    call(|_| Err(Code::NOT_SUPPORTED))
}

#[unsafe(no_mangle)]
extern "C" fn hipIpcOpenEventHandle(_event: *mut usize, _handle: IpcHandle) -> i32 {
    call(|_| Err(Code::NOT_SUPPORTED))
}
