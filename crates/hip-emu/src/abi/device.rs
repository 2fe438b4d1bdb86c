//! Start, devices, errors.

use std::ffi::{c_char, c_int, c_uint};

use super::{LAST_ERROR, call, put, wanted};
use crate::errors::{Code, Result};
use crate::memory::DEVICE_BYTES;
use crate::properties::{NAME, PropertiesR0000, PropertiesR0600, attribute, pci_bus};

/// `HIP_VERSION` of ROCm 6.2: major * 10^7 + minor * 10^5 + patch. The last-error rule, zero grids
/// and struct layouts are those of that series.
const VERSION: c_int = 60_241_133;

#[unsafe(no_mangle)]
extern "C" fn hipInit(flags: c_uint) -> i32 {
    call(|_| if flags == 0 { Ok(()) } else { Err(Code::INVALID_VALUE) })
}

#[unsafe(no_mangle)]
unsafe extern "C" fn hipDriverGetVersion(version: *mut c_int) -> i32 {
    // SAFETY: HIP's contract.
    call(|_| unsafe { put(version, VERSION) })
}

#[unsafe(no_mangle)]
unsafe extern "C" fn hipRuntimeGetVersion(version: *mut c_int) -> i32 {
    // SAFETY: HIP's contract.
    call(|_| unsafe { put(version, VERSION) })
}

#[unsafe(no_mangle)]
unsafe extern "C" fn hipGetDeviceCount(count: *mut c_int) -> i32 {
    // SAFETY: HIP's contract.
    call(|runtime| unsafe { put(count, runtime.devices.len() as c_int) })
}

#[unsafe(no_mangle)]
extern "C" fn hipSetDevice(device: c_int) -> i32 {
    call(|runtime| runtime.set_current(device))
}

#[unsafe(no_mangle)]
unsafe extern "C" fn hipGetDevice(device: *mut c_int) -> i32 {
    // SAFETY: HIP's contract.
    call(|runtime| unsafe { put(device, runtime.current() as c_int) })
}

#[unsafe(no_mangle)]
unsafe extern "C" fn hipDeviceGet(device: *mut c_int, ordinal: c_int) -> i32 {
    call(|runtime| {
        let index = runtime.device_index(ordinal)?;
        // SAFETY: HIP's contract.
        unsafe { put(device, index as c_int) }
    })
}

#[unsafe(no_mangle)]
extern "C" fn hipSetDeviceFlags(_flags: c_uint) -> i32 {
    call(|_| Ok(()))
}

#[unsafe(no_mangle)]
extern "C" fn hipDeviceSynchronize() -> i32 {
    call(|runtime| {
        runtime.check()?;
        runtime.forbid_in_capture()?;
        runtime.synchronize_device(runtime.current())
    })
}

#[unsafe(no_mangle)]
unsafe extern "C" fn hipDeviceGetAttribute(value: *mut c_int, number: i32, device: c_int) -> i32 {
    call(|runtime| {
        let device = runtime.device_index(device)?;
        let found = attribute(number, device).ok_or(Code::INVALID_VALUE)?;
        // SAFETY: HIP's contract.
        unsafe { put(value, found) }
    })
}

/// Writes a text and its end, cut to the room there is.
///
/// # Safety
/// `out` is null or `room` bytes are writable.
unsafe fn put_text(out: *mut c_char, room: c_int, text: &str) -> Result<()> {
    let room = usize::try_from(room).map_err(|_| Code::INVALID_VALUE)?;
    if out.is_null() || room == 0 {
        return Err(Code::INVALID_VALUE);
    }
    let bytes = text.bytes().take(room - 1).chain([0]);
    for (index, byte) in bytes.enumerate() {
        // SAFETY: at most `room` bytes are written, by `take`.
        unsafe { out.add(index).write(byte.cast_signed()) };
    }
    Ok(())
}

#[unsafe(no_mangle)]
unsafe extern "C" fn hipDeviceGetName(name: *mut c_char, room: c_int, device: c_int) -> i32 {
    call(|runtime| {
        runtime.device_index(device)?;
        // SAFETY: HIP's contract.
        unsafe { put_text(name, room, NAME) }
    })
}

#[unsafe(no_mangle)]
unsafe extern "C" fn hipDeviceGetPCIBusId(name: *mut c_char, room: c_int, device: c_int) -> i32 {
    call(|runtime| {
        let device = runtime.device_index(device)?;
        let text = format!("0000:{:02x}:00.0", pci_bus(device));
        // SAFETY: HIP's contract.
        unsafe { put_text(name, room, &text) }
    })
}

#[unsafe(no_mangle)]
unsafe extern "C" fn hipDeviceTotalMem(bytes: *mut usize, device: c_int) -> i32 {
    call(|runtime| {
        runtime.device_index(device)?;
        // SAFETY: HIP's contract.
        unsafe { put(bytes, DEVICE_BYTES as usize) }
    })
}

#[unsafe(no_mangle)]
unsafe extern "C" fn hipMemGetInfo(free: *mut usize, total: *mut usize) -> i32 {
    call(|runtime| {
        runtime.check()?;
        let available = runtime.memory.free_bytes(runtime.current()) as usize;
        // SAFETY: HIP's contract, for both.
        unsafe {
            put(free, available)?;
            put(total, DEVICE_BYTES as usize)
        }
    })
}

#[unsafe(no_mangle)]
unsafe extern "C" fn hipGetDevicePropertiesR0600(out: *mut PropertiesR0600, device: c_int) -> i32 {
    call(|runtime| {
        let device = runtime.device_index(device)?;
        // SAFETY: HIP's contract.
        unsafe { put(out, PropertiesR0600::of(device)) }
    })
}

/// The layout of ROCm 5, under this name in every version.
#[unsafe(no_mangle)]
unsafe extern "C" fn hipGetDeviceProperties(out: *mut PropertiesR0000, device: c_int) -> i32 {
    call(|runtime| {
        let device = runtime.device_index(device)?;
        // SAFETY: HIP's contract.
        unsafe { put(out, PropertiesR0000::of(device)) }
    })
}

#[unsafe(no_mangle)]
extern "C" fn hipGetErrorName(code: i32) -> *const c_char {
    Code(code).name().as_ptr()
}

#[unsafe(no_mangle)]
extern "C" fn hipGetErrorString(code: i32) -> *const c_char {
    Code(code).text().as_ptr()
}

/// The code of the thread's last call; asking clears it.
#[unsafe(no_mangle)]
extern "C" fn hipGetLastError() -> i32 {
    LAST_ERROR.replace(Code::SUCCESS).0
}

/// The code of the thread's last call.
#[unsafe(no_mangle)]
extern "C" fn hipPeekAtLastError() -> i32 {
    LAST_ERROR.get().0
}

#[unsafe(no_mangle)]
unsafe extern "C" fn hipDeviceCanAccessPeer(can: *mut c_int, device: c_int, peer: c_int) -> i32 {
    call(|runtime| {
        let (device, peer) = (runtime.device_index(device)?, runtime.device_index(peer)?);
        // SAFETY: HIP's contract.
        unsafe { put(can, c_int::from(device != peer)) }
    })
}

#[unsafe(no_mangle)]
extern "C" fn hipDeviceEnablePeerAccess(peer: c_int, flags: c_uint) -> i32 {
    call(|runtime| {
        let (device, peer) = (runtime.current(), runtime.device_index(peer)?);
        if flags != 0 {
            return Err(Code::INVALID_VALUE);
        }
        if device == peer {
            return Err(Code::INVALID_DEVICE);
        }
        let is_new = runtime.devices[device].add_peer(peer);
        if is_new { Ok(()) } else { Err(Code::PEER_ACCESS_ALREADY_ENABLED) }
    })
}

#[unsafe(no_mangle)]
extern "C" fn hipDeviceDisablePeerAccess(peer: c_int) -> i32 {
    call(|runtime| {
        let peer = runtime.device_index(peer)?;
        let was_enabled = runtime.devices[runtime.current()].remove_peer(peer);
        if was_enabled { Ok(()) } else { Err(Code::PEER_ACCESS_NOT_ENABLED) }
    })
}

#[unsafe(no_mangle)]
unsafe extern "C" fn hipDeviceGetStreamPriorityRange(
    least: *mut c_int,
    greatest: *mut c_int,
) -> i32 {
    call(|_| {
        wanted(least)?;
        // SAFETY: HIP's contract, for both. The range of MI300X; priorities have no effect here.
        unsafe {
            put(greatest, -1)?;
            put(least, 1)
        }
    })
}
