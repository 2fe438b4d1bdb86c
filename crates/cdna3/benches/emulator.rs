//! Speed of execution on one core: wave-instructions of a mixed loop, and matrix operations.
//!
//! Criterion's "elem/s" is instructions a second; in `mfma` almost every instruction is a
//! 16x16x16 bf16 one. Run: `cargo bench -p cdna3`. Needs LLVM 19, as the tests do.

#[path = "../tests/device/mod.rs"]
mod device;
#[path = "../tests/toolchain/mod.rs"]
mod toolchain;

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use device::{Device, args};

const ROUNDS: u32 = 1000;

fn looped(setup: &str, body: &str) -> String {
    format!(
        "s_load_dwordx2 s[4:5], s[0:1], 0x0\ns_waitcnt lgkmcnt(0)\n{setup}\ns_mov_b32 s6, {ROUNDS}\n\
         .Lloop:\n{body}\ns_sub_u32 s6, s6, 1\ns_cmp_lg_u32 s6, 0\ns_cbranch_scc1 .Lloop\ns_endpgm"
    )
}

/// A loop as compiled kernels have them: arithmetic, addresses, a load, LDS.
const MIXED: &str = "global_load_dword v2, v1, s[4:5]
s_waitcnt vmcnt(0)
v_fma_f32 v3, v2, v4, v3
v_add_u32_e32 v5, 1, v5
v_mul_f32_e32 v6, v3, v4
v_lshlrev_b32_e32 v7, 2, v5
v_and_b32_e32 v7, 0xfc, v7
ds_write_b32 v1, v6
s_waitcnt lgkmcnt(0)
ds_read_b32 v8, v7
s_add_u32 s7, s7, 4
s_and_b32 s8, s7, 0xff
v_add_f32_e32 v9, v8, v6
v_cmp_gt_f32_e32 vcc, v9, v6
v_cndmask_b32_e32 v10, v9, v6, vcc
v_max_f32_e32 v11, v10, v3";

fn bench(c: &mut Criterion, name: &str, setup: &str, body: &str) {
    let mut device = Device::assemble(&looped(setup, body), 4096);
    let data = device.memory.allocate("data", &[0x3f; 4096]);
    let args = args(&[data], &[]);
    let report = device.launch("cases", 1, 64, &args);
    let mut group = c.benchmark_group("emulator");
    group.throughput(Throughput::Elements(report.num_wave_instructions));
    group.bench_function(name, |b| b.iter(|| device.launch("cases", 1, 64, &args)));
    group.finish();
}

fn all(c: &mut Criterion) {
    bench(c, "mixed", "v_lshlrev_b32_e32 v1, 2, v0\nv_mov_b32_e32 v4, 1.0", MIXED);
    let body: Vec<String> = (0..32)
        .map(|n| {
            let at = 16 + 4 * (n % 4);
            let c = format!("v[{at}:{}]", at + 3);
            format!("v_mfma_f32_16x16x16_bf16 {c}, v[2:3], v[4:5], {c}")
        })
        .collect();
    bench(c, "mfma", "v_mov_b32_e32 v2, 0x3f803f80", &body.join("\n"));
}

criterion_group!(benches, all);
criterion_main!(benches);
