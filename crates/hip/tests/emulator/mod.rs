//! Where the emulated GPU is.

use std::path::PathBuf;

/// The emulator's library, which cargo builds beside this test.
pub(crate) fn emulator() -> PathBuf {
    let this = std::env::current_exe().expect("this program has a path");
    let library = this.parent().expect("it lies in a folder").join("libhip_emu.so");
    assert!(library.is_file(), "cargo builds {}", library.display());
    library
}
