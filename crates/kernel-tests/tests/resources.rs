//! What the compiler made of every kernel: a snapshot that shows any change in a diff, and limits
//! that none may pass.

use std::fmt::Write as _;

use kernel_tests::{Resources, kernel_files, kernels_folder};

/// Set to rewrite the snapshots instead of comparing.
const UPDATE: &str = "UPDATE_RESOURCES";

#[test]
fn snapshots_are_current() {
    let folder = kernels_folder().join("resources");
    let update = std::env::var_os(UPDATE).is_some();
    let mut stale = String::new();
    for file in kernel_files() {
        let mut text = String::new();
        for kernel in Resources::of_file(&file) {
            writeln!(text, "{kernel}").expect("writing to a string");
        }
        let path = folder.join(file.replace(".hip", ".txt"));
        let recorded = std::fs::read_to_string(&path).unwrap_or_default();
        if recorded == text {
            continue;
        }
        if update {
            std::fs::write(&path, text).expect("the folder of snapshots can be written");
        } else {
            writeln!(stale, "{file} was\n{recorded}and is\n{text}").expect("writing to a string");
        }
    }
    assert!(stale.is_empty(), "look at the change, then set {UPDATE}=1 and run again:\n{stale}");
}

#[test]
fn no_kernel_spills_or_leaves_its_registers() {
    for file in kernel_files() {
        for kernel in Resources::of_file(&file) {
            assert_eq!(kernel.scratch_bytes, 0, "scratch: {kernel}");
            assert_eq!(kernel.num_spills, 0, "spills: {kernel}");
            assert!(!kernel.has_dynamic_stack, "dynamic stack: {kernel}");
            assert_eq!(kernel.num_flat_or_scratch, 0, "flat or scratch accesses: {kernel}");
            assert_eq!(kernel.num_acc_moves_in_loops, 0, "AGPR moves in a loop: {kernel}");
        }
    }
}

/// Waves per SIMD, LDS bytes at most, bytes in flight at least.
struct Limit {
    kernel: &'static str,
    min_waves: u32,
    max_lds: u32,
    min_bytes: usize,
}

const fn limit(kernel: &'static str, min_waves: u32, max_lds: u32, min_bytes: usize) -> Limit {
    Limit { kernel, min_waves, max_lds, min_bytes }
}

/// At head_dim 128 a decode wave has two blocks of keys and values in flight: 16 KB. Smaller heads
/// have proportionally less each and more waves; larger ones have keys and values in turns. FP8 has
/// twice the blocks in flight up to 128, and keys and values together above.
const LIMITS: &[Limit] = &[
    limit("attn_decode_d32", 8, 0, 4096),
    limit("attn_decode_d64", 5, 0, 8192),
    limit("attn_decode_d96", 4, 0, 12_288),
    limit("attn_decode_d128", 3, 0, 16_384),
    limit("attn_decode_d160", 3, 0, 10_240),
    limit("attn_decode_d192", 3, 0, 12_288),
    limit("attn_decode_d256", 2, 0, 16_384),
    limit("attn_decode_fp8_d32", 8, 0, 4096),
    limit("attn_decode_fp8_d64", 5, 0, 8192),
    limit("attn_decode_fp8_d96", 4, 0, 12_288),
    limit("attn_decode_fp8_d128", 3, 0, 16_384),
    limit("attn_decode_fp8_d160", 3, 0, 10_240),
    limit("attn_decode_fp8_d192", 3, 0, 12_288),
    limit("attn_decode_fp8_d256", 2, 0, 16_384),
    limit("attn_reduce", 8, 0, 4096),
    limit("attn_prefill_d32", 4, 65_536, 0),
    limit("attn_prefill_d64", 3, 65_536, 0),
    limit("attn_prefill_d96", 2, 65_536, 0),
    limit("attn_prefill_d128", 2, 65_536, 0),
    limit("attn_prefill_d160", 2, 65_536, 0),
    limit("attn_prefill_d192", 2, 65_536, 0),
    limit("attn_prefill_d256", 2, 65_536, 0),
    limit("attn_prefill_fp8_d32", 4, 65_536, 0),
    limit("attn_prefill_fp8_d64", 3, 65_536, 0),
    limit("attn_prefill_fp8_d96", 2, 65_536, 0),
    limit("attn_prefill_fp8_d128", 2, 65_536, 0),
    limit("attn_prefill_fp8_d160", 2, 65_536, 0),
    limit("attn_prefill_fp8_d192", 2, 65_536, 0),
    limit("attn_prefill_fp8_d256", 2, 65_536, 0),
    limit("attn_decode_f16_d64", 5, 0, 8192),
    limit("attn_decode_f16_d128", 3, 0, 16_384),
    limit("attn_decode_f16_d256", 2, 0, 16_384),
    limit("attn_prefill_f16_d64", 3, 65_536, 0),
    limit("attn_prefill_f16_d128", 2, 65_536, 0),
    limit("attn_prefill_f16_d256", 2, 65_536, 0),
    limit("rms_norm_f16", 8, 64, 1024),
    limit("silu_mul_f16", 8, 0, 2048),
    limit("embed_fragments_f16", 8, 0, 0),
    limit("rope_and_cache_f16", 8, 8192, 1024),
    limit("rms_norm", 8, 64, 1024),
    limit("add_rms_norm", 8, 64, 1024),
    limit("silu_mul", 8, 0, 2048),
    limit("embed", 8, 0, 0),
    limit("embed_fragments", 8, 0, 0),
    limit("gather_rows", 8, 0, 0),
    limit("rope_and_cache", 8, 8192, 1024),
    limit("rope_and_cache_fp8", 8, 8192, 1024),
    limit("admit", 8, 0, 0),
    limit("argmax_final", 8, 128, 0),
    limit("sample", 8, 16_640, 0),
    limit("gemm_skinny_bf16_1x1", 8, 8192, 8192),
    limit("gemm_skinny_bf16_1x2", 8, 8192, 8192),
    limit("gemm_skinny_bf16_1x4", 7, 8192, 8192),
    limit("gemm_skinny_bf16_2x2", 5, 8192, 8192),
    limit("gemm_skinny_bf16_2x4", 5, 8192, 8192),
    limit("gemm_skinny_bf16_4x1", 5, 8192, 8192),
    limit("gemm_skinny_bf16_4x2", 5, 8192, 8192),
    limit("gemm_skinny_f16_1x1", 8, 8192, 8192),
    limit("gemm_skinny_f16_1x2", 8, 8192, 8192),
    limit("gemm_skinny_f16_1x4", 7, 8192, 8192),
    limit("gemm_skinny_f16_2x2", 5, 8192, 8192),
    limit("gemm_skinny_f16_2x4", 5, 8192, 8192),
    limit("gemm_skinny_f16_4x1", 5, 8192, 8192),
    limit("gemm_skinny_f16_4x2", 5, 8192, 8192),
    limit("gemm_mid_bf16_4x2", 5, 8192, 8192),
    limit("gemm_mid_bf16_4x4", 4, 8192, 8192),
    limit("gemm_mid_f16_4x2", 5, 8192, 8192),
    limit("gemm_mid_f16_4x4", 4, 8192, 8192),
    limit("gemm_big_bf16_256", 2, 65_536, 0),
    limit("gemm_big_bf16_128", 2, 32_768, 0),
    limit("add_rms_norm_f16", 8, 64, 1024),
    limit("advance", 8, 0, 1024),
    limit("take_last_tokens", 8, 0, 512),
    limit("attn_decode_d224", 2, 0, 14_336),
    limit("attn_decode_fp8_d224", 2, 0, 14_336),
    limit("attn_decode_f16_d32", 8, 0, 4096),
    limit("attn_decode_f16_d96", 4, 0, 12_288),
    limit("attn_decode_f16_d160", 3, 0, 10_240),
    limit("attn_decode_f16_d192", 3, 0, 12_288),
    limit("attn_decode_f16_d224", 2, 0, 14_336),
    limit("attn_reduce_f16", 8, 0, 4096),
    limit("attn_prefill_d224", 2, 65_536, 0),
    limit("attn_prefill_fp8_d224", 2, 65_536, 0),
    limit("attn_prefill_f16_d32", 4, 65_536, 0),
    limit("attn_prefill_f16_d96", 2, 65_536, 0),
    limit("attn_prefill_f16_d160", 2, 65_536, 0),
    limit("attn_prefill_f16_d192", 2, 65_536, 0),
    limit("attn_prefill_f16_d224", 2, 65_536, 0),
    limit("gemm_big_bf16_64", 2, 16_384, 0),
    limit("gemm_big_f16_256", 2, 65_536, 0),
    limit("gemm_big_f16_128", 2, 32_768, 0),
    limit("gemm_big_f16_64", 2, 16_384, 0),
];

#[test]
fn occupancy_lds_and_bytes_in_flight_stay_within_limits() {
    let all: Vec<Resources> = kernel_files().iter().flat_map(|f| Resources::of_file(f)).collect();
    for kernel in &all {
        let num_rows = LIMITS.iter().filter(|limit| limit.kernel == kernel.name).count();
        assert_eq!(num_rows, 1, "limits of {}", kernel.name);
    }
    for limit in LIMITS {
        let kernel = all.iter().find(|kernel| kernel.name == limit.kernel);
        let kernel = kernel.unwrap_or_else(|| panic!("no kernel is called {}", limit.kernel));
        assert!(kernel.waves_per_simd() >= limit.min_waves, "waves: {kernel}");
        assert!(kernel.lds_bytes <= limit.max_lds, "LDS: {kernel}");
        assert!(kernel.first_wait_bytes >= limit.min_bytes, "bytes in flight: {kernel}");
    }
}

/// Prefill at long contexts is bound by its loop. The share is that of a round which masks, rescales
/// and merges nothing, if the two waves of a SIMD fill each other's gaps. LDS: 128 bytes a clock for
/// the four SIMDs of a compute unit, 1 KB an access, two waves a SIMD.
#[test]
fn prefill_loop_is_bound_by_matrix_operations() {
    // Smaller heads have fewer matrix operations for the same softmax. FP8 is widened besides, by the
    // wave that fetched it; chunks of 160 do not divide evenly among the waves.
    let at_least = [
        ("d64", 0.6),
        ("d96", 0.8),
        ("d128", 0.95),
        ("d160", 0.95),
        ("d256", 0.95),
        ("fp8_d64", 0.55),
        ("fp8_d96", 0.8),
        ("fp8_d128", 0.95),
        ("fp8_d160", 0.8),
        ("fp8_d256", 0.95),
    ];
    let kernels = Resources::of_file("attn_prefill.hip");
    for (template, share) in at_least {
        let name = format!("attn_prefill_{template}");
        let kernel = kernels.iter().find(|kernel| kernel.name == name).expect("it is compiled");
        let clocks = kernel.main_loop.expect("prefill has matrix operations in its loop");
        assert!(clocks.mfma_share(16) >= share, "{kernel}: {:.3}", clocks.mfma_share(16));
    }
    let d128 = kernels.iter().find(|kernel| kernel.name == "attn_prefill_d128");
    let clocks = d128.and_then(|kernel| kernel.main_loop).expect("checked above");
    let lds_clocks = 8 * clocks.num_lds * 1024 / 128;
    let lds_share = f64::from(lds_clocks) / f64::from(2 * clocks.mfma);
    assert!(lds_share <= 0.6, "LDS is busy for {lds_share:.3} of the time");
}
