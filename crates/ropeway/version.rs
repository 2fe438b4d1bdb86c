//! What `--version` tells: the version, the backends of this build, what this processor offers.

use std::sync::OnceLock;

/// The long version text, without the program's name in front.
pub(crate) fn long() -> &'static str {
    static TEXT: OnceLock<String> = OnceLock::new();
    TEXT.get_or_init(|| {
        format!(
            "{}\n{}\ncpu: {} with {}",
            env!("CARGO_PKG_VERSION"),
            backends(&hip::embedded_archs(), hip::kernel_compiler()),
            std::env::consts::ARCH,
            cpu_features(),
        )
    })
}

/// The backends, and what the embedded kernels are for and by which compiler.
fn backends(archs: &[&str], compiler: &str) -> String {
    match archs {
        [] => "backends: cpu\nkernels: none (CPU only)".to_owned(),
        archs => format!("backends: cpu, hip\nkernels: {} ({compiler})", archs.join(", ")),
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_build_tells_its_kernels() {
        let two = backends(&["gfx942", "gfx90a"], "clang version 19.1.7");
        assert_eq!(two, "backends: cpu, hip\nkernels: gfx942, gfx90a (clang version 19.1.7)");
        assert_eq!(backends(&[], "none"), "backends: cpu\nkernels: none (CPU only)");
    }
}
