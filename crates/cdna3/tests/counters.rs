//! Counters of assembled kernels against sums made by hand; launches on threads, in parts, in
//! shuffled order, and stopped.

mod device;
mod toolchain;

use std::sync::atomic::{AtomicBool, Ordering};

use cdna3::counters::machine::{Bound, bound};
use cdna3::counters::{Counters, Traffic};
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
    assert_eq!((c.read.shared_lines, c.read.distinct_bytes), (16, 2048));
    // A dword in every 16 bytes: a quarter of each line.
    assert_eq!((c.written.bytes, c.written.lines), (256 * waves, 8 * waves));
    assert_eq!((c.written.distinct_lines, c.written.coalescing()), (16, 0.25));
    assert_eq!((c.written.distinct_bytes, c.written.line_use()), (512, 0.25));
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
    assert_eq!(c.loop_wait().map(|wait| wait.num_executions), Some(waves));
    assert_eq!(c.mfma_busy(), 16.0 / 32.0);
    assert_eq!(c.mfma_vector_share(), 16.0 / (16.0 + 28.0));
    assert_eq!(c.mfma_issue_share(), 16.0 / (16.0 + 28.0 + 20.0));
    assert_eq!(c.lds_conflict_cycles(), 2 * waves);
    // Four cycles of LDS a wave, for a quarter of the compute unit.
    assert_eq!(c.lds_share(), 4.0 * 4.0 / (16.0 + 28.0));
    assert_eq!(c.asked_bytes(), (8 + 1536 + 256) * waves);
}

#[test]
fn counters_are_the_same_after_json() {
    let mut device = Device::assemble(KERNEL, 1024);
    let data = device.memory.allocate("data", &[0; 4096]);
    let (_, counters) =
        device.count(2, 128, &args(&[data], &[]), &Options::default()).expect("it runs");
    let text = serde_json::to_string(&counters).expect("plain numbers");
    let back: Counters = serde_json::from_str(&text).expect("its own form");
    assert_eq!(back, counters);
    let bound = bound(&counters, 7);
    let text = serde_json::to_string(&bound).expect("plain numbers");
    let back: Bound = serde_json::from_str(&text).expect("its own form");
    assert_eq!((back.limit, back.clock_hz), (bound.limit, bound.clock_hz));
    assert_eq!(back.resources.len(), bound.resources.len());
    for (back, first) in back.resources.iter().zip(&bound.resources) {
        assert!(back.0 == first.0 && (back.1 / first.1 - 1.0).abs() < 1e-12, "{back:?} {first:?}");
    }
    assert!((back.seconds / bound.seconds - 1.0).abs() < 1e-12);
}

/// A store and 18 loads, of which all but 17 are waited for; a load whose lanes each end in the
/// next line; LDS with four-lane runs that meet in reads but not in writes; a loop of three waits;
/// an invalidation, which is not waited for. The second work-group loads 16 bytes a lane more.
fn waits_and_runs() -> String {
    let loads: String =
        (0..18).map(|i| format!("global_load_dword v2, v1, s[4:5] offset:{}\n", 4 * i)).collect();
    format!(
        "s_load_dwordx2 s[4:5], s[0:1], 0x0
v_lshlrev_b32_e32 v1, 2, v0
v_lshlrev_b32_e32 v13, 8, v0
v_lshrrev_b32_e32 v10, 2, v0
v_lshrrev_b32_e32 v11, 4, v0
v_xor_b32_e32 v11, v10, v11
v_and_b32_e32 v11, 1, v11
v_lshlrev_b32_e32 v11, 6, v11
v_lshl_add_u32 v11, v10, 7, v11
v_and_b32_e32 v12, 3, v0
v_lshl_add_u32 v11, v12, 4, v11
s_waitcnt lgkmcnt(0)
global_store_dword v1, v0, s[4:5]
s_cmp_eq_u32 s2, 0
s_cbranch_scc1 .Lskip
global_load_dwordx4 v[40:43], v1, s[4:5]
.Lskip:
{loads}s_waitcnt vmcnt(17)
global_load_dwordx2 v[30:31], v13, s[4:5] offset:124
s_waitcnt vmcnt(0)
ds_write_b128 v11, v[20:23]
ds_read_b128 v[24:27], v11
ds_read_b128 v[24:27], v11
v_mfma_f32_16x16x16_bf16 v[44:47], v[20:21], v[22:23], v[44:47]
s_mov_b32 s6, 3
.Lloop:
global_load_dword v2, v1, s[4:5]
s_waitcnt vmcnt(0)
s_sub_u32 s6, s6, 1
s_cmp_lg_u32 s6, 0
s_cbranch_scc1 .Lloop
global_load_dword v2, v1, s[4:5]
buffer_inv sc1
s_waitcnt vmcnt(1)
s_endpgm"
    )
}

#[test]
fn waits_runs_and_branches_are_counted_as_by_hand() {
    let mut device = Device::assemble(&waits_and_runs(), 2048);
    let data = device.memory.allocate("data", &[0; 16_384]);
    let (_, c) = device.count(2, 64, &args(&[data], &[]), &Options::default()).expect("it runs");
    let i = &c.instructions;
    assert_eq!([i.salu, i.control, i.smem, i.valu], [2 * 8, 2 * 12, 2, 2 * 10]);
    assert_eq!([i.trans, i.mfma, i.lds, i.vmem], [0, 2, 6, 25 + 26]);
    assert_eq!([c.cycles.salu, c.cycles.valu, c.cycles.mfma], [2 * 80, 2 * 40, 2 * 16]);
    let waits: Vec<_> = c.waits.values().map(|w| (w.num_executions, w.loads_min)).collect();
    assert_eq!(waits, [(2, 18), (2, 18), (6, 1)]);
    let first = c.first_wait.expect("it waits");
    assert_eq!((first.loads_min, first.loads_max), (18, 19));
    assert_eq!((first.bytes_min, first.bytes_max), (18 * 256, 18 * 256 + 1024));
    let second = c.waits.values().nth(1).expect("there are three");
    assert_eq!((second.bytes_min, second.bytes_max), (17 * 256 + 512, 17 * 256 + 512));
    assert_eq!(c.loop_wait().map(|wait| (wait.num_executions, wait.bytes_max)), Some((6, 256)));
    // Reads take two cycles for each of eight groups, writes one.
    assert_eq!((c.lds.cycles, c.lds.conflict_free_cycles), (2 * (8 + 2 * 16), 2 * 3 * 8));
    assert_eq!(c.mfma_busy(), 16.0 / (4.0 * 40.0));
    // Dwords from 0 to 324 in one piece; 8 bytes around the end of every second line.
    let Traffic { distinct_lines, shared_lines, distinct_bytes, .. } = c.read;
    assert_eq!((distinct_lines, shared_lines, distinct_bytes), (128, 128, 324 + 63 * 8));
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
fn lines_are_shared_if_several_groups_touch_them() {
    // A dword each: 32 groups to a line.
    for (stride, distinct, shared) in [(20, 1, 1), (40, 2, 0)] {
        let mut device = Device::assemble(NUMBERS, 0);
        let out = device.memory.allocate("out", &[0xff; 4 * 50]);
        let options =
            Options { part: Some(Part { first: 3, stride, count: 2 }), ..Options::default() };
        let (_, counters) = device.count(50, 64, &args(&[out], &[]), &options).expect("it runs");
        let Traffic { distinct_lines, shared_lines, distinct_bytes, .. } = counters.written;
        assert_eq!((distinct_lines, shared_lines, distinct_bytes), (distinct, shared, 8));
    }
}

#[test]
fn a_sample_is_spread_over_the_grid() {
    let part = |num_groups, most| {
        let Part { first, stride, count } = Part::sample(num_groups, most);
        (first..num_groups).step_by(stride as usize).take(count as usize).collect::<Vec<_>>()
    };
    assert_eq!(part(3, 8), [0, 1, 2]);
    assert_eq!(part(8, 8), [0, 1, 2, 3, 4, 5, 6, 7]);
    assert_eq!(part(9, 8), [0, 1, 2, 3, 4, 5, 6, 7]);
    assert_eq!(part(1000, 4), [126, 375, 624, 873]);
    // Five work-groups a row: each has another place in its row.
    assert_eq!(part(5 * 64, 4).iter().map(|group| group % 5).collect::<Vec<_>>(), [1, 0, 4, 3]);
    assert!(part(0, 4).is_empty());
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
