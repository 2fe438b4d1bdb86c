//! The code objects that `build.rs` compiled and this crate embeds.

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

/// First line of the kernels' compiler's `--version`, or `none`.
pub fn kernel_compiler() -> &'static str {
    generated::COMPILER
}
