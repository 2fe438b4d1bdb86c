//! The code objects that `build.rs` compiled and this crate embeds.

use crate::error::HipFailure;

/// Bytes at an alignment that ELF headers may be read at in place.
#[repr(C, align(64))]
pub(crate) struct Aligned<B: ?Sized> {
    pub(crate) bytes: B,
}

/// One file of `kernels/` for one architecture.
pub(crate) struct CodeObject {
    pub(crate) arch: &'static str,
    pub(crate) file: &'static str,
    pub(crate) image: &'static Aligned<[u8]>,
    /// Kernels and the bytes of their parameter struct, from the code object's metadata.
    pub(crate) kernels: &'static [(&'static str, usize)],
}

#[allow(unreachable_pub, reason = "generated")]
mod generated {
    #[allow(unused_imports, reason = "a build without kernels aligns nothing")]
    use super::{Aligned, CodeObject};
    include!(concat!(env!("OUT_DIR"), "/kernels.rs"));
}

pub(crate) use generated::CODE_OBJECTS;

/// Architectures that this build has kernels for; empty in a CPU-only build.
pub fn embedded_archs() -> Vec<&'static str> {
    let mut archs: Vec<_> = CODE_OBJECTS.iter().map(|object| object.arch).collect();
    archs.dedup();
    archs
}

/// The code object of `kernels/{file}.hip` for an architecture, if this build has it; for tests of what
/// is shipped.
pub fn code_object(arch: &str, file: &str) -> Option<&'static [u8]> {
    let object = CODE_OBJECTS.iter().find(|object| object.arch == arch && object.file == file)?;
    Some(&object.image.bytes)
}

/// Whether this build can run on any GPU at all.
///
/// # Errors
/// [`HipFailure::CpuOnlyBuild`] if not.
pub(crate) fn check_build(archs: &[&str]) -> Result<(), HipFailure> {
    if archs.is_empty() { Err(HipFailure::CpuOnlyBuild) } else { Ok(()) }
}

/// First line of the kernels' compiler's `--version`, or `none`.
pub fn kernel_compiler() -> &'static str {
    generated::COMPILER
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_build_without_kernels_says_so_and_how_to_change_it() {
        let told = check_build(&[]).expect_err("no GPU fits it").to_string();
        for part in ["ROPEWAY_KERNELS=none", "--device cpu", "build it without"] {
            assert!(told.contains(part), "{told}");
        }
        check_build(&embedded_archs()).expect("this one has kernels");
    }
}
