//! Where the emulated GPU is, and the GPU that tests of right results run on.
#![allow(dead_code, reason = "each test binary uses its own part")]

use std::path::PathBuf;

/// The emulator's library, which cargo builds beside this test.
pub(crate) fn emulator() -> String {
    let this = std::env::current_exe().expect("this program has a path");
    let library: PathBuf = this.parent().expect("it lies in a folder").join("libhip_emu.so");
    assert!(library.is_file(), "cargo builds {}", library.display());
    library.display().to_string()
}

/// The HIP runtime that computes: `ROPEWAY_TEST_HIP_LIBRARY`, so that who has a gfx942 can hold it
/// to the same answers, otherwise the emulator. Tests of faults and of counted calls have the
/// emulator always.
pub(crate) fn hip_library() -> String {
    std::env::var("ROPEWAY_TEST_HIP_LIBRARY").unwrap_or_else(|_| emulator())
}
