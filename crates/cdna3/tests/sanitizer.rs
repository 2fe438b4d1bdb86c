//! The sanitizer: each error planted and seen, each beside a correct twin of which nothing is said.

mod device;
mod toolchain;

use cdna3::exec::sanitize::{AccessKind, Finding, FindingKind, Space, Use};
use device::{Device, args, text};

/// A loaded probe with two arrays of zeros, `a` of 256 and `b` of 512 dwords.
struct Probe {
    device: Device,
    a: u64,
    b: u64,
}

impl Probe {
    fn new(device: Device) -> Self {
        let mut device = device;
        let a = device.memory.allocate("a", &vec![0; 1024]);
        let b = device.memory.allocate("b", &vec![0; 2048]);
        Self { device, a, b }
    }

    fn compiled() -> Self {
        Self::new(Device::load("sanitizer.hip"))
    }

    /// An assembled kernel of one wave or more: its arguments are the addresses of `a` and `b`.
    fn assembled(instructions: &str, lds: u32) -> Self {
        Self::new(Device::assemble(instructions, lds))
    }

    fn run(&mut self, name: &str, shape: (u32, u32), words: &[u64], rest: &[u32]) -> Vec<Finding> {
        self.with_undefined(name, shape, words, rest, &[])
    }

    /// `undefined`: names of allocations that hold no values.
    fn with_undefined(
        &mut self,
        name: &str,
        (grid, block): (u32, u32),
        words: &[u64],
        rest: &[u32],
        undefined: &[&str],
    ) -> Vec<Finding> {
        let args = args(words, rest);
        self.device.sanitize(name, grid, block, &args, undefined).1
    }

    /// An assembled kernel in one group of `block` lanes.
    fn cases(&mut self, block: u32) -> Vec<Finding> {
        let words = [self.a, self.b];
        self.run("cases", (1, block), &words, &[])
    }
}

/// Nothing was found.
fn clean(findings: &[Finding]) {
    assert!(findings.is_empty(), "{}", text(findings));
}

/// One thing was found; gives it.
fn one(findings: &[Finding]) -> &Finding {
    assert_eq!(findings.len(), 1, "{}", text(findings));
    &findings[0]
}

/// One thing was found: this use of an undefined value, first by this lane.
fn undefined(findings: &[Finding], used: Use, lane: Option<u32>) {
    let finding = one(findings);
    let is_it = matches!(finding.kind, FindingKind::Undefined { used: u, .. } if u == used);
    assert!(is_it && finding.place.lane == lane, "{finding}");
}

#[test]
fn global_access_out_of_bounds() {
    let mut p = Probe::compiled();
    let (a, end) = (p.a, p.a + 1024);
    clean(&p.run("outside", (1, 64), &[a, a], &[0]));
    clean(&p.run("outside", (1, 64), &[a, a], &[192]));
    let findings = p.run("outside", (1, 64), &[a, a], &[195]);
    let finding = one(&findings);
    let kind = FindingKind::OutOfBounds {
        space: Space::Global,
        address: end,
        bytes: 4,
        access: AccessKind::Write,
        end,
    };
    assert_eq!((finding.kind, finding.place.lane), (kind, Some(61)));
    let line = finding.to_string();
    for part in
        ["out-of-bounds: write of 4 bytes", "kernel outside", "global_store_dword", "lane 61"]
    {
        assert!(line.contains(part), "{line}");
    }
}

#[test]
fn lds_access_out_of_bounds_that_hardware_answers_with_zero() {
    let mut p = Probe::compiled();
    let b = p.b;
    clean(&p.run("outside_lds", (1, 64), &[b], &[0]));
    let findings = p.run("outside_lds", (1, 64), &[b], &[1]);
    let finding = one(&findings);
    let kind = FindingKind::OutOfBounds {
        space: Space::Lds,
        address: 256,
        bytes: 4,
        access: AccessKind::Read,
        end: 256,
    };
    assert_eq!((finding.kind, finding.place.lane), (kind, Some(63)));
}

#[test]
fn scratch_and_flat_access_out_of_bounds() {
    let scratch = |offset: u32| {
        let instructions =
            format!("v_mov_b32 v1, {offset}\n scratch_store_dword v1, v1, off\n s_endpgm");
        Probe::assembled(&instructions, 0).cases(64)
    };
    clean(&scratch(252));
    let findings = scratch(256);
    assert!(matches!(
        one(&findings).kind,
        FindingKind::OutOfBounds { space: Space::Scratch, address: 256, .. }
    ));
    let flat = |offset: u32| {
        let instructions = format!(
            "s_mov_b64 s[4:5], src_shared_base\n v_mov_b32 v2, {offset}\n v_mov_b32 v3, s5\n \
             flat_store_dword v[2:3], v2\n s_endpgm"
        );
        Probe::assembled(&instructions, 64).cases(64)
    };
    clean(&flat(60));
    assert!(matches!(
        one(&flat(64)).kind,
        FindingKind::OutOfBounds { space: Space::Lds, address: 64, .. }
    ));
}

#[test]
fn unwritten_lds() {
    let mut p = Probe::compiled();
    let b = p.b;
    clean(&p.run("unwritten_lds", (1, 64), &[b], &[0]));
    // Lane 63 - 9 reads the half that lane 9 should have written.
    undefined(&p.run("unwritten_lds", (1, 64), &[b], &[10]), Use::Store, Some(54));
}

#[test]
fn undefined_device_memory() {
    let mut p = Probe::compiled();
    let (a, b) = (p.a, p.b);
    let shape = (1, 64);
    clean(&p.run("copy", shape, &[a, b], &[]));
    undefined(&p.with_undefined("copy", shape, &[a, b], &[], &["a"]), Use::Store, Some(0));
    for (how, used, lane) in
        [(1, Use::Address, Some(0)), (2, Use::Exec, Some(0)), (3, Use::Branch, None)]
    {
        clean(&p.run("decide", (1, 1), &[a, b], &[how]));
        undefined(&p.with_undefined("decide", (1, 1), &[a, b], &[how], &["a"]), used, lane);
    }
}

#[test]
fn undefined_bits_that_nothing_depends_on() {
    let mut p = Probe::compiled();
    let nothing = p.device.memory.allocate("nothing", &[0xa5; 1024]);
    let (a, b) = (p.a, p.b);
    clean(&p.with_undefined("hidden", (1, 64), &[a, nothing, b], &[], &["nothing"]));
    // The other way round they decide the result.
    undefined(
        &p.with_undefined("hidden", (1, 64), &[nothing, a, b], &[], &["nothing"]),
        Use::Store,
        Some(0),
    );
}

#[test]
fn undefined_rows_of_a_matrix() {
    let mut p = Probe::compiled();
    let a = p.a;
    let part = p.device.memory.allocate("part", &[0; 512]);
    let (b, words) = (p.b, [part, a, p.b]);
    clean(&p.run("matrix_rows", (1, 64), &words, &[16]));
    let all = p.with_undefined("matrix_rows", (1, 64), &words, &[16], &["part"]);
    assert!(all.iter().all(|f| matches!(f.kind, FindingKind::Undefined { used: Use::Store, .. })));
    assert!(!all.is_empty());
    clean(&p.with_undefined("matrix_rows", (1, 64), &[a, a, b], &[16], &["part"]));
    clean(&p.with_undefined("matrix_rows", (1, 64), &words, &[0], &["part"]));
}

#[test]
fn undefined_registers() {
    let load = "s_load_dwordx4 s[4:7], s[0:1], 0x0\n v_lshlrev_b32 v1, 2, v0\n \
                s_waitcnt lgkmcnt(0)\n";
    let run = |body: &str| Probe::assembled(&format!("{load}{body}\n s_endpgm"), 0).cases(64);
    clean(&run("global_store_dword v1, v0, s[6:7]"));
    undefined(&run("global_store_dword v1, v9, s[6:7]"), Use::Store, Some(0));
    undefined(&run("global_load_dword v3, v9, s[6:7]"), Use::Address, Some(0));
    // Accumulation registers, and a lane that was off when the register was written.
    undefined(&run("global_store_dword v1, a3, s[6:7]"), Use::Store, Some(0));
    let masked = "s_mov_b64 s[8:9], exec\n s_mov_b64 exec, 0xff\n v_mov_b32 v9, 1\n \
                  s_mov_b64 exec, s[8:9]\n global_store_dword v1, v9, s[6:7]";
    undefined(&run(masked), Use::Store, Some(8));
    undefined(&run("s_cmp_eq_u32 s40, 0\n s_cbranch_scc1 .L\n.L:"), Use::Branch, None);
    undefined(
        &run("v_readfirstlane_b32 s8, v9\n s_cmp_eq_u32 s8, 0\n s_cbranch_scc1 .L\n.L:"),
        Use::Branch,
        None,
    );
    undefined(&run("v_cmp_eq_u32 vcc, v9, v0\n s_cbranch_vccz .L\n.L:"), Use::Branch, None);
    undefined(&run("s_load_dword s8, s[40:41], 0x0"), Use::Address, None);
}

#[test]
fn lds_races_between_waves() {
    let mut p = Probe::compiled();
    let b = p.b;
    clean(&p.run("exchange_lds", (2, 256), &[b], &[0]));
    let findings = p.run("exchange_lds", (2, 256), &[b], &[1]);
    let races = findings.iter().filter(|f| {
        matches!(f.kind, FindingKind::Race { space: Space::Lds, other_group: Some(0), .. })
    });
    assert!(races.count() >= 1, "{}", text(&findings));
    clean(&p.run("bytes_lds", (1, 128), &[b], &[0]));
    // The byte that nobody writes then is stored, too.
    let mut findings = p.run("bytes_lds", (1, 128), &[b], &[1]);
    findings.retain(|f| !matches!(f.kind, FindingKind::Undefined { used: Use::Store, .. }));
    let kind = one(&findings).kind;
    let is_it = matches!(
        kind,
        FindingKind::Race {
            space: Space::Lds,
            address: 66,
            access: AccessKind::Write,
            other: AccessKind::Write,
            other_wave: Some(0),
            ..
        }
    );
    assert!(is_it, "{kind}");
}

#[test]
fn global_races_between_groups_and_waves() {
    let mut p = Probe::compiled();
    let (a, b) = (p.a, p.b);
    clean(&p.run("write_global", (2, 128), &[b, a], &[0]));
    let findings = p.run("write_global", (2, 128), &[b, a], &[1]);
    let finding = one(&findings);
    let is_it = matches!(
        finding.kind,
        FindingKind::Race { space: Space::Global, other_group: Some(0), other_wave: Some(1), .. }
    );
    assert!(is_it && finding.group_id == [1, 0, 0], "{finding}");
    let findings = p.run("write_global", (2, 128), &[b, a], &[2]);
    let finding = one(&findings);
    let is_it = matches!(
        finding.kind,
        FindingKind::Race {
            other_group: Some(0),
            other_wave: Some(0),
            access: AccessKind::Write,
            ..
        }
    );
    assert!(is_it && finding.place.wave == 1, "{finding}");
}

#[test]
fn atomics_race_with_plain_access_only() {
    let mut p = Probe::compiled();
    let b = p.b;
    clean(&p.run("count", (3, 64), &[b], &[0]));
    assert_eq!(p.device.words("b")[0], 192);
    let findings = p.run("count", (3, 64), &[b], &[1]);
    assert!(!findings.is_empty());
    assert!(findings.iter().all(|f| matches!(f.kind, FindingKind::Race { .. })));
}

#[test]
fn fences_at_device_scope_order_groups() {
    let mut p = Probe::compiled();
    let (a, b) = (p.a, p.b);
    let counter = p.device.memory.allocate("counter", &[0; 4]);
    clean(&p.run("last_group", (3, 64), &[a, counter, b], &[3, 0]));
    let counter = p.device.memory.allocate("counter 2", &[0; 4]);
    let findings = p.run("last_group", (3, 64), &[a, counter, b], &[3, 1]);
    let is_it = matches!(
        one(&findings).kind,
        FindingKind::Race {
            space: Space::Global,
            access: AccessKind::Read,
            other: AccessKind::Write,
            ..
        }
    );
    assert!(is_it, "{}", text(&findings));
}

/// A load of each kind, a wait, a use; without the wait it is found.
#[test]
fn results_used_before_their_wait() {
    let run = |body: &str| {
        let pointers = "s_load_dwordx4 s[4:7], s[0:1], 0x0\n v_lshlrev_b32 v1, 2, v0\n";
        let instructions = format!("{pointers}{body}\n s_endpgm");
        Probe::assembled(&instructions, 256).cases(64)
    };
    let store = "global_store_dword v1, v2, s[6:7]";
    let all = "s_waitcnt lgkmcnt(0)\n";
    let load = format!("{all}global_load_dword v2, v1, s[4:5]\n");
    clean(&run(&format!("{load}s_waitcnt vmcnt(0)\n{store}")));
    let not_waited = |findings: &[Finding], write: bool| {
        let finding = one(findings);
        let is_it =
            matches!(finding.kind, FindingKind::NotWaited { is_write, .. } if is_write == write);
        assert!(is_it, "{finding}");
    };
    not_waited(&run(&format!("{load}{store}")), false);
    not_waited(&run(&format!("{load}v_mov_b32 v2, 0\n s_waitcnt vmcnt(0)")), true);
    // The pointers themselves.
    not_waited(&run("s_mov_b32 s8, s4\n s_waitcnt lgkmcnt(0)"), false);
    // In order: with a later load open the earlier one has ended.
    let two = format!("{load}global_load_dword v3, v1, s[4:5]\n s_waitcnt vmcnt(1)\n");
    clean(&run(&format!("{two}v_mov_b32 v4, v2\n s_waitcnt vmcnt(0)")));
    not_waited(&run(&format!("{two}v_mov_b32 v4, v3\n s_waitcnt vmcnt(0)")), false);
    // Stores count, and their data may be overwritten at once.
    let stored =
        format!("{all}global_load_dword v2, v1, s[4:5]\n global_store_dword v1, v0, s[6:7]\n");
    clean(&run(&format!("{stored}s_waitcnt vmcnt(1)\n v_mov_b32 v0, v2")));
    // LDS, and LDS beside scalar loads that end in any order.
    let lds = format!("{all}ds_write_b32 v1, v0\n ds_read_b32 v2, v1\n");
    clean(&run(&format!("{lds}s_waitcnt lgkmcnt(0)\n{store}")));
    not_waited(&run(&format!("{lds}{store}")), false);
    let mixed = format!("{lds}s_load_dword s8, s[4:5], 0x0\n s_waitcnt lgkmcnt(1)\n");
    not_waited(&run(&format!("{mixed}{store}\n s_waitcnt lgkmcnt(0)")), false);
}

#[test]
fn lds_filled_by_loads_is_read_after_their_wait() {
    let run = |wait: &str| {
        let instructions = format!(
            "s_load_dwordx4 s[4:7], s[0:1], 0x0\n v_lshlrev_b32 v1, 2, v0\n s_mov_b32 m0, 0\n \
             s_waitcnt lgkmcnt(0)\n global_load_lds_dword v1, s[4:5]\n {wait}\n \
             ds_read_b32 v2, v1\n s_waitcnt vmcnt(0) lgkmcnt(0)\n \
             global_store_dword v1, v2, s[6:7]\n s_endpgm"
        );
        Probe::assembled(&instructions, 256).cases(64)
    };
    clean(&run("s_waitcnt vmcnt(0)"));
    let findings = run("s_nop 0");
    let is_it = matches!(one(&findings).kind, FindingKind::LdsNotWaited { address: 0 });
    assert!(is_it, "{}", text(&findings));
}

#[test]
fn divergent_barriers() {
    let mut p = Probe::compiled();
    let b = p.b;
    clean(&p.run("partial_barrier", (1, 128), &[b], &[0]));
    let findings = p.run("partial_barrier", (1, 128), &[b], &[5]);
    let kind = FindingKind::PartialBarrier { exec: !31, entry: u64::MAX };
    assert_eq!((one(&findings).kind, findings[0].place.wave), (kind, 0));
    // By the wave's number: another barrier, or one barrier less.
    let wave = "v_readfirstlane_b32 s3, v0\n s_cmp_eq_u32 s3, 64\n s_cbranch_scc1 .Lother\n";
    let run = |body: &str| Probe::assembled(&format!("{wave}{body}"), 0).cases(128);
    clean(&run("s_nop 0\n.Lother:\n s_barrier\n s_endpgm"));
    let findings = run("s_barrier\n s_endpgm\n.Lother:\n s_barrier\n s_endpgm");
    let finding = one(&findings);
    let is_it = matches!(finding.kind, FindingKind::DivergentBarrier { other_wave: 0, .. });
    assert!(is_it && finding.place.wave == 1, "{finding}");
    let findings = run("s_barrier\n s_barrier\n s_endpgm\n.Lother:\n s_barrier\n s_endpgm");
    let missed = FindingKind::MissedBarrier { ended: 1, passed: 1 };
    assert!(findings.iter().any(|f| f.kind == missed), "{}", text(&findings));
    // A wave that ends before its first barrier takes no part.
    clean(&run("s_barrier\n s_barrier\n.Lother:\n s_endpgm"));
}

#[test]
fn misaligned_vectors() {
    let mut p = Probe::compiled();
    let (a, b) = (p.a, p.b);
    clean(&p.run("vector_global", (1, 32), &[a, b], &[4]));
    let findings = p.run("vector_global", (1, 32), &[a, b], &[2]);
    let kind = FindingKind::Misaligned { space: Space::Global, address: a + 2, align: 4 };
    assert_eq!((one(&findings).kind, findings[0].place.lane), (kind, Some(0)));
    clean(&p.run("vector_lds", (1, 64), &[b], &[0]));
    let findings = p.run("vector_lds", (1, 64), &[b], &[8]);
    let kind = FindingKind::Misaligned { space: Space::Lds, address: 8, align: 16 };
    assert_eq!(one(&findings).kind, kind);
}

#[test]
fn findings_are_the_same_text_in_every_run() {
    let run = || {
        let mut p = Probe::compiled();
        let (a, b) = (p.a, p.b);
        let words = [a, b];
        text(&p.with_undefined("write_global", (4, 128), &[words[1], a], &[1], &[]))
    };
    let first = run();
    assert!(!first.is_empty());
    assert_eq!(first, run());
}

/// What is written depends on the order: different seeds give different memory, and a race is told.
/// Without a race every order gives the same.
#[test]
fn shuffled_orders() {
    let run = |seed, name, words: fn(&Probe) -> Vec<u64>, rest: &[u32]| {
        let mut p = Probe::compiled();
        p.device.options.seed = Some(seed);
        let words = words(&p);
        let findings = p.run(name, (2, 128), &words, rest);
        (p.device.words("b"), findings)
    };
    let dependent: Vec<_> =
        (0..16).map(|seed| run(seed, "order_dependent", |p| vec![p.b], &[])).collect();
    assert!(dependent.iter().any(|(memory, _)| *memory != dependent[0].0));
    for (_, findings) in &dependent {
        assert!(matches!(one(findings).kind, FindingKind::Race { .. }), "{}", text(findings));
    }
    let first = run(0, "write_global", |p| vec![p.b, p.a], &[0]);
    clean(&first.1);
    for seed in 1..8 {
        assert_eq!(run(seed, "write_global", |p| vec![p.b, p.a], &[0]), first);
    }
    assert_eq!(run(3, "order_dependent", |p| vec![p.b], &[]), dependent[3]);
}

/// Work-groups on several threads: nothing is found that is not there, and what is there is found.
#[test]
fn several_threads() {
    for (overlap, found) in [(0, 0), (1, 1)] {
        let mut p = Probe::compiled();
        p.device.options.num_threads = 2;
        let words = [p.b, p.a];
        let findings = p.run("write_global", (3, 128), &words, &[overlap]);
        assert_eq!(findings.len(), found, "{}", text(&findings));
    }
}
