//! What `--version` tells: the version, the backends of this build, what this processor offers.

use std::sync::OnceLock;

/// The long version text, without the program's name in front.
pub(crate) fn long() -> &'static str {
    static TEXT: OnceLock<String> = OnceLock::new();
    TEXT.get_or_init(|| {
        format!(
            "{}\nbackends: {}\nkernels: {}\ncpu: {} with {}",
            env!("CARGO_PKG_VERSION"),
            if hip::embedded_archs().is_empty() { "cpu" } else { "cpu, hip" },
            kernels(),
            std::env::consts::ARCH,
            cpu_features(),
        )
    })
}

/// Architectures of the embedded kernels, and their compiler.
fn kernels() -> String {
    match hip::embedded_archs().as_slice() {
        [] => "none (CPU only)".to_owned(),
        archs => format!("{} ({})", archs.join(", "), hip::kernel_compiler()),
    }
}

/// The features of this processor that the CPU backend has code for.
#[cfg(target_arch = "x86_64")]
fn cpu_features() -> String {
    let found: Vec<&str> = [
        ("avx2", is_x86_feature_detected!("avx2")),
        ("fma", is_x86_feature_detected!("fma")),
        ("f16c", is_x86_feature_detected!("f16c")),
        ("avx512f", is_x86_feature_detected!("avx512f")),
        ("avx512bw", is_x86_feature_detected!("avx512bw")),
        ("avx512vnni", is_x86_feature_detected!("avx512vnni")),
        ("avx512bf16", is_x86_feature_detected!("avx512bf16")),
    ]
    .into_iter()
    .filter_map(|(name, present)| present.then_some(name))
    .collect();
    if found.is_empty() { "no vector extensions".to_owned() } else { found.join(", ") }
}

#[cfg(not(target_arch = "x86_64"))]
fn cpu_features() -> String {
    "portable code".to_owned()
}
