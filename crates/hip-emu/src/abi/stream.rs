//! Streams, events, host functions, values in memory.

use std::ffi::{c_float, c_int, c_uint, c_void};
use std::sync::Arc;

use super::{call, put, wanted};
use crate::errors::{Code, Result};
use crate::work::{Comparison, Op};

#[unsafe(no_mangle)]
unsafe extern "C" fn hipStreamCreate(stream: *mut usize) -> i32 {
    // SAFETY: HIP's contract.
    unsafe { hipStreamCreateWithFlags(stream, 0) }
}

#[unsafe(no_mangle)]
unsafe extern "C" fn hipStreamCreateWithFlags(stream: *mut usize, flags: c_uint) -> i32 {
    call(|runtime| {
        wanted(stream)?;
        // SAFETY: HIP's contract.
        unsafe { put(stream, runtime.create_stream(flags)?) }
    })
}

#[unsafe(no_mangle)]
unsafe extern "C" fn hipStreamCreateWithPriority(
    stream: *mut usize,
    flags: c_uint,
    _priority: c_int,
) -> i32 {
    // SAFETY: HIP's contract.
    unsafe { hipStreamCreateWithFlags(stream, flags) }
}

#[unsafe(no_mangle)]
extern "C" fn hipStreamDestroy(stream: usize) -> i32 {
    call(|runtime| runtime.destroy_stream(stream))
}

#[unsafe(no_mangle)]
unsafe extern "C" fn hipStreamGetFlags(stream: usize, flags: *mut c_uint) -> i32 {
    // SAFETY: HIP's contract.
    call(|runtime| unsafe { put(flags, runtime.stream(stream)?.stream.flags) })
}

#[unsafe(no_mangle)]
extern "C" fn hipStreamSynchronize(stream: usize) -> i32 {
    call(|runtime| runtime.synchronize_stream(stream))
}

#[unsafe(no_mangle)]
extern "C" fn hipStreamQuery(stream: usize) -> i32 {
    call(|runtime| runtime.query_stream(stream))
}

#[unsafe(no_mangle)]
extern "C" fn hipStreamWaitEvent(stream: usize, event: usize, flags: c_uint) -> i32 {
    call(|runtime| {
        if flags != 0 {
            return Err(Code::INVALID_VALUE);
        }
        runtime.wait_event(stream, event)
    })
}

#[unsafe(no_mangle)]
unsafe extern "C" fn hipEventCreate(event: *mut usize) -> i32 {
    // SAFETY: HIP's contract.
    unsafe { hipEventCreateWithFlags(event, 0) }
}

/// Flags that the header has: blocking, no timing, between processes, releases.
const EVENT_FLAGS: c_uint = 0xe000_0007;

#[unsafe(no_mangle)]
unsafe extern "C" fn hipEventCreateWithFlags(event: *mut usize, flags: c_uint) -> i32 {
    call(|runtime| {
        runtime.check()?;
        wanted(event)?;
        if flags & !EVENT_FLAGS != 0 {
            return Err(Code::INVALID_VALUE);
        }
        // SAFETY: HIP's contract.
        unsafe { put(event, runtime.create_event(flags)) }
    })
}

#[unsafe(no_mangle)]
extern "C" fn hipEventRecord(event: usize, stream: usize) -> i32 {
    call(|runtime| runtime.record_event(event, stream))
}

#[unsafe(no_mangle)]
extern "C" fn hipEventQuery(event: usize) -> i32 {
    call(|runtime| runtime.query_event(event))
}

#[unsafe(no_mangle)]
extern "C" fn hipEventSynchronize(event: usize) -> i32 {
    call(|runtime| runtime.synchronize_event(event))
}

#[unsafe(no_mangle)]
unsafe extern "C" fn hipEventElapsedTime(ms: *mut c_float, start: usize, stop: usize) -> i32 {
    call(|runtime| {
        let elapsed = runtime.event(start)?.elapsed_ms(&*runtime.event(stop)?)?;
        // SAFETY: HIP's contract.
        unsafe { put(ms, elapsed) }
    })
}

#[unsafe(no_mangle)]
extern "C" fn hipEventDestroy(event: usize) -> i32 {
    call(|runtime| runtime.destroy_event(event))
}

/// A host function and its argument, taken to a stream's thread.
struct HostFunction {
    function: unsafe extern "C" fn(*mut c_void),
    argument: *mut c_void,
}

// SAFETY: HIP's contract says that the function is called by a thread of the runtime.
unsafe impl Send for HostFunction {}
// SAFETY: as above; the value is only read.
unsafe impl Sync for HostFunction {}

impl HostFunction {
    fn run(&self) {
        // SAFETY: HIP's contract: callable with that argument until the stream has done it.
        unsafe { (self.function)(self.argument) };
    }
}

#[unsafe(no_mangle)]
unsafe extern "C" fn hipLaunchHostFunc(
    stream: usize,
    function: Option<unsafe extern "C" fn(*mut c_void)>,
    argument: *mut c_void,
) -> i32 {
    call(|runtime| {
        let function = function.ok_or(Code::INVALID_VALUE)?;
        let host = HostFunction { function, argument };
        let op = Op::Host(Arc::new(move || host.run()));
        runtime.submit(&runtime.stream(stream)?, op).map(drop)
    })
}

#[unsafe(no_mangle)]
extern "C" fn hipStreamWriteValue32(stream: usize, address: u64, value: u32, flags: c_uint) -> i32 {
    call(|runtime| {
        if flags != 0 {
            return Err(Code::INVALID_VALUE);
        }
        let to = runtime.word(address)?;
        runtime.submit(&runtime.stream(stream)?, Op::WriteValue { to, value }).map(drop)
    })
}

fn comparison(flags: c_uint) -> Result<Comparison> {
    Ok(match flags {
        0 => Comparison::GreaterOrEqual,
        1 => Comparison::Equal,
        2 => Comparison::And,
        3 => Comparison::Nor,
        _ => return Err(Code::INVALID_VALUE),
    })
}

#[unsafe(no_mangle)]
extern "C" fn hipStreamWaitValue32(
    stream: usize,
    address: u64,
    value: u32,
    flags: c_uint,
    mask: u32,
) -> i32 {
    call(|runtime| {
        let (comparison, at) = (comparison(flags)?, runtime.word(address)?);
        let op = Op::WaitValue { at, value, mask, comparison };
        runtime.submit(&runtime.stream(stream)?, op).map(drop)
    })
}
