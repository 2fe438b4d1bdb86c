//! HIP's C ABI: thin functions that read their pointers and call the safe code behind them.
//!
//! Signatures: `hip/hip_runtime_api.h`; numbers of enums pass as `i32` and are checked, since C can
//! pass any. The contract of each function is HIP's own: a pointer that it documents as an output is
//! null (an error) or writable, one that it documents as an input readable, for as long as HIP says.
//! The `SAFETY` notes below call that "HIP's contract".

mod device;
mod graph;
mod memory;
mod module;
mod stream;

use std::cell::Cell;
use std::ffi::c_int;
use std::sync::atomic::Ordering;
use std::sync::{Arc, OnceLock};

use crate::config::Config;
use crate::errors::{Code, Result};
use crate::objects::Objects;
use crate::runtime::Runtime;

static RUNTIME: OnceLock<Option<Arc<Runtime>>> = OnceLock::new();

thread_local! {
    static LAST_ERROR: Cell<Code> = const { Cell::new(Code::SUCCESS) };
}

unsafe extern "C" {
    /// `atexit(3)`.
    fn atexit(handler: extern "C" fn()) -> c_int;
}

/// Tells what lives, then waits for a stuck launch, as a driver's handlers wait for its queues.
extern "C" fn at_exit() {
    let Some(runtime) = RUNTIME.get().and_then(Option::as_ref) else { return };
    if let Some(path) = &runtime.config.objects {
        Objects::of(runtime).append(path);
    }
    while runtime.is_stuck.load(Ordering::Acquire) {
        std::thread::park();
    }
}

/// The runtime, started by the first call; `None` if its variables or the system forbid it.
fn runtime() -> Option<&'static Arc<Runtime>> {
    let start = || {
        let config = Config::from_env().map_err(crate::runtime::StartError::from);
        match config.and_then(Runtime::new) {
            Ok(runtime) => {
                // SAFETY: the function is of this library, which is never unloaded: it has threads.
                if unsafe { atexit(at_exit) } != 0 {
                    eprintln!("hip-emu: no exit handler: what lives is not told");
                }
                Some(Arc::new(runtime))
            }
            Err(error) => {
                eprintln!("hip-emu: REFUSES TO START: {error}");
                None
            }
        }
    };
    RUNTIME.get_or_init(start).as_ref()
}

/// Runs a call and notes its code as the thread's last one, as ROCm 6 does.
fn call<F: FnOnce(&Arc<Runtime>) -> Result<()>>(body: F) -> i32 {
    let result = runtime().ok_or(Code::NOT_INITIALIZED).and_then(body);
    let code = result.err().unwrap_or(Code::SUCCESS);
    LAST_ERROR.set(code);
    if let Some(calls) = runtime().and_then(|runtime| runtime.calls.as_ref()) {
        // A closure is named after the function that it stands in.
        calls.add(std::any::type_name::<F>(), code.0);
    }
    code.0
}

/// Writes a result.
///
/// # Errors
/// `hipErrorInvalidValue` for a null pointer.
///
/// # Safety
/// `out` is null or writable.
unsafe fn put<T>(out: *mut T, value: T) -> Result<()> {
    if out.is_null() {
        return Err(Code::INVALID_VALUE);
    }
    // SAFETY: not null, so writable by the contract; C may not have aligned it.
    unsafe { out.write_unaligned(value) };
    Ok(())
}

/// Checks an output before anything is done that the error could not undo.
fn wanted<T>(out: *mut T) -> Result<()> {
    if out.is_null() { Err(Code::INVALID_VALUE) } else { Ok(()) }
}
