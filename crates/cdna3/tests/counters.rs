//! Counters of assembled kernels against sums made by hand; launches on threads, in parts, in
//! shuffled order, and stopped.

mod device;
mod toolchain;

use std::sync::atomic::{AtomicBool, Ordering};

use cdna3::exec::{FaultKind, Options, Part};
use device::{Device, args};

/// Every lane of a group of two waves loads two dwords and 16 bytes, writes LDS with a stride of
/// two banks, multiplies, and stores every fourth dword.
const KERNEL: &str = "s_load_dwordx2 s[4:5], s[0:1], 0x0
v_lshlrev_b32_e32 v1, 2, v0
v_lshlrev_b32_e32 v2, 4, v0
s_waitcnt lgkmcnt(0)
global_load_dword v3, v1, s[4:5]
global_load_dword v4, v1, s[4:5] offset:64
global_load_dwordx4 v[8:11], v2, s[4:5]
s_waitcnt vmcnt(1)
v_exp_f32_e32 v5, v3
v_lshlrev_b32_e32 v6, 3, v0
ds_write_b32 v6, v5
v_mfma_f32_16x16x16_bf16 v[12:15], v[8:9], v[10:11], v[12:15]
s_waitcnt vmcnt(0)
s_barrier
global_store_dword v2, v4, s[4:5]
s_endpgm";

#[test]
fn a_kernel_is_counted_as_by_hand() {
    let mut device = Device::assemble(KERNEL, 1024);
    let data = device.memory.allocate("data", &[0; 4096]);
    let (_, c) = device.count(2, 128, &args(&[data], &[]), &Options::default()).expect("it runs");
    let waves = 4;
    assert_eq!((c.num_groups, c.num_waves), (2, waves));
    let i = &c.instructions;
    assert_eq!([i.salu, i.control, i.smem, i.valu], [0, 5 * waves, waves, 3 * waves]);
    assert_eq!([i.trans, i.mfma, i.lds, i.vmem], [waves, waves, waves, 4 * waves]);
    let cycles = [c.cycles.mfma, c.cycles.valu, c.cycles.salu];
    assert_eq!(cycles, [16 * waves, (3 * 4 + 16) * waves, 5 * 4 * waves]);
    assert_eq!(c.scalar_bytes, 8 * waves);
    // 256 bytes of dwords are 2 lines; 64 bytes further on they are 3; 1,024 bytes are 8.
    assert_eq!((c.read.num_accesses, c.read.bytes), (3 * waves, (256 + 256 + 1024) * waves));
    assert_eq!((c.read.lines, c.read.distinct_lines), ((2 + 3 + 8) * waves, 16));
    // A dword in every 16 bytes: a quarter of each line.
    assert_eq!((c.written.bytes, c.written.lines), (256 * waves, 8 * waves));
    assert_eq!((c.written.distinct_lines, c.written.coalescing()), (16, 0.25));
    // Each half wave meets 16 banks twice; its 32 dwords fit one cycle.
    assert_eq!(
        (c.lds.bytes, c.lds.cycles, c.lds.conflict_free_cycles),
        (256 * waves, 4 * waves, 2 * waves)
    );
    let first = c.first_wait.expect("it waits");
    assert_eq!((first.num_executions, first.loads_min, first.loads_max), (waves, 3, 3));
    assert_eq!((first.bytes_min, first.bytes_max), (1536, 1536));
    assert_eq!(c.waits.len(), 2);
    let second = c.waits.values().last().expect("there are two");
    assert_eq!((second.loads_max, second.bytes_max), (1, 1024));
    assert_eq!(c.mfma_balance(), 16.0 / 28.0);
}

/// Each group stores its number; a group waits for no other.
const NUMBERS: &str = "s_load_dwordx2 s[4:5], s[0:1], 0x0
v_mov_b32_e32 v3, s2
v_mov_b32_e32 v1, 0
s_lshl_b32 s3, s2, 2
s_waitcnt lgkmcnt(0)
s_add_u32 s4, s4, s3
s_addc_u32 s5, s5, 0
v_mov_b32_e32 v4, 1
global_store_dword v1, v3, s[4:5]
s_endpgm";

#[test]
fn threads_seeds_and_parts_run_each_group_once() {
    for (num_threads, seed) in [(1, None), (3, None), (2, Some(1)), (2, Some(99))] {
        let mut device = Device::assemble(NUMBERS, 0);
        let out = device.memory.allocate("out", &[0xff; 4 * 50]);
        let options = Options { num_threads, seed, ..Options::default() };
        let (report, counters) =
            device.count(50, 64, &args(&[out], &[]), &options).expect("it runs");
        assert_eq!((report.num_groups, report.num_waves, counters.num_groups), (50, 50, 50));
        assert_eq!(report.num_wave_instructions, 500);
        assert_eq!(device.words("out"), (0..50).collect::<Vec<u32>>());
    }
    let mut device = Device::assemble(NUMBERS, 0);
    let out = device.memory.allocate("out", &[0xff; 4 * 50]);
    let part = Some(Part { first: 3, stride: 20, count: 2 });
    let options = Options { num_threads: 2, part, ..Options::default() };
    device.count(50, 64, &args(&[out], &[]), &options).expect("it runs");
    let ran = |(at, &word): (u32, &u32)| (word != u32::MAX).then_some(at);
    let words = device.words("out");
    assert_eq!((0..).zip(&words).filter_map(ran).collect::<Vec<_>>(), [3, 23]);
}

#[test]
fn the_first_fault_in_order_is_reported_whatever_the_threads_do() {
    for _ in 0..20 {
        let mut device = Device::assemble(NUMBERS, 0);
        let out = device.memory.allocate("out", &[0; 4 * 7]);
        let options = Options { num_threads: 4, ..Options::default() };
        let fault =
            device.count(50, 64, &args(&[out], &[]), &options).expect_err("7 groups have room");
        assert_eq!(fault.group, [7, 0, 0], "{fault}");
        assert!(matches!(fault.kind, FaultKind::Memory { .. }), "{fault}");
    }
}

#[test]
fn endless_loops_end_by_their_limit_or_by_the_flag() {
    let mut device = Device::assemble(".Lloop:\ns_branch .Lloop\ns_endpgm", 0);
    let options = Options { max_wave_instructions: 100_000, ..Options::default() };
    let fault = device.count(1, 64, &[], &options).expect_err("it never ends");
    assert_eq!(fault.kind, FaultKind::Endless(100_000));
    let cancel = AtomicBool::new(false);
    let options = Options { cancel: Some(&cancel), ..Options::default() };
    let fault = std::thread::scope(|scope| {
        let (device, options) = (&mut device, &options);
        let run = scope.spawn(move || device.count(4, 64, &[], options));
        std::thread::sleep(std::time::Duration::from_millis(20));
        cancel.store(true, Ordering::Relaxed);
        run.join().expect("it does not panic").expect_err("it never ends")
    });
    assert_eq!(fault.kind, FaultKind::Cancelled);
}
