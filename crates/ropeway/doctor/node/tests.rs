//! Broken machines as folder trees, and what is found on them.

use std::path::Path;

use super::*;
use crate::doctor::finding::Status;

/// A machine with one healthy MI300X.
const HEALTHY: &[(&str, &str)] = &[
    ("dev/kfd", ""),
    ("dev/dri/renderD128", ""),
    ("sys/module/amdgpu/version", "6.12.12"),
    ("sys/bus/pci/devices/0000:05:00.0/vendor", "0x1002"),
    ("sys/bus/pci/devices/0000:05:00.0/class", "0x120000"),
    ("sys/class/kfd/kfd/topology/nodes/0/properties", "simd_count 0\ngfx_target_version 0"),
    (
        "sys/class/kfd/kfd/topology/nodes/1/properties",
        "simd_count 1216\ngfx_target_version 90402\ndrm_render_minor 128",
    ),
    ("sys/class/drm/renderD128/device/current_compute_partition", "SPX"),
    ("sys/class/drm/renderD128/device/current_memory_partition", "NPS1"),
    ("sys/class/drm/renderD128/device/fw_version/mec_fw_version", "0x000000a1"),
    ("opt/rocm-6.4.1/lib/libamdhip64.so.6", ""),
    ("opt/rocm-6.4.1/.info/version", "6.4.1"),
    ("proc/sys/kernel/numa_balancing", "0"),
    ("proc/meminfo", "MemTotal: 1000000 kB\nMemAvailable: 900000 kB\n"),
    (
        "proc/self/limits",
        "Max locked memory         unlimited            unlimited            bytes\n\
         Max processes             4126826              4126826              processes\n\
         Max open files            1048576              1048576              files\n",
    ),
    ("proc/self/mounts", "shm /dev/shm tmpfs rw,size=8388608k 0 0\n"),
];

/// A second GPU in another mode.
const SECOND: &[(&str, &str)] = &[
    (
        "sys/class/kfd/kfd/topology/nodes/2/properties",
        "simd_count 152\ngfx_target_version 90402\ndrm_render_minor 129",
    ),
    ("sys/class/drm/renderD129/device/current_compute_partition", "SPX"),
    ("sys/class/drm/renderD129/device/current_memory_partition", "NPS1"),
];

fn write(root: &Path, files: &[(&str, &str)]) {
    for (path, text) in files {
        let path = root.join(path);
        std::fs::create_dir_all(path.parent().expect("it has a folder")).expect("made");
        std::fs::write(path, text).expect("written");
    }
}

fn remove(root: &Path, path: &str) {
    let path = root.join(path);
    if path.is_dir() {
        std::fs::remove_dir_all(path).expect("removed");
    } else {
        std::fs::remove_file(path).expect("removed");
    }
}

/// What is not good on a machine: `layer check status`.
fn troubles(facts: &NodeFacts) -> Vec<String> {
    examine(facts)
        .iter()
        .filter(|finding| finding.status != Status::Good)
        .map(|f| {
            assert!(![&f.cause, &f.evidence, &f.remedy].iter().any(|w| w.is_empty()), "{f:?}");
            format!("{} {} {:?}", f.layer.name(), f.check, f.status)
        })
        .collect()
}

/// The healthy machine with `more` files and without `less`.
fn machine(more: &[(&str, &str)], less: &[&str]) -> NodeFacts {
    let root = tempfile::tempdir().expect("a folder");
    write(root.path(), HEALTHY);
    write(root.path(), more);
    for path in less {
        remove(root.path(), path);
    }
    NodeFacts::gather(root.path())
}

#[test]
fn a_healthy_machine_has_no_troubles() {
    let facts = machine(&[], &[]);
    assert_eq!(troubles(&facts), [""; 0]);
    let text = crate::doctor::report::as_text(&examine(&facts));
    for word in ["amdgpu 6.12.12", "0x000000a1", "gfx942", "SPX/NPS1", "ROCm 6.4.1"] {
        assert!(text.contains(word), "{word} in\n{text}");
    }
    assert_eq!(troubles(&machine(SECOND, &[])), [""; 0]);
}

/// A broken machine: what differs from the healthy one, and the only trouble found.
fn check(more: &[(&str, &str)], less: &[&str], expected: &str) {
    assert_eq!(troubles(&machine(more, less)), [expected], "with {more:?}, without {less:?}");
}

#[test]
fn each_broken_machine_is_told_by_its_own_check() {
    let properties = "sys/class/kfd/kfd/topology/nodes/1/properties";
    check(&[], &["sys/module", "sys/class"], "gpu driver Failed");
    check(&[], &["dev/kfd"], "gpu kfd Failed");
    check(&[], &["dev/dri"], "gpu render Failed");
    check(&[], &["sys/class"], "gpu architecture Failed");
    let other = [(properties, "simd_count 1\ngfx_target_version 90010")];
    check(&other, &[], "gpu architecture Failed");
    check(&[], &["opt"], "gpu runtime library Failed");
    check(&[("proc/sys/kernel/numa_balancing", "1")], &[], "gpu numa balancing Warning");
    check(&[], &["proc/meminfo"], "runtime memory Failed");
    let full = [("proc/meminfo", "MemTotal: 1000 kB\nMemAvailable: 99 kB\n")];
    check(&full, &[], "runtime memory Warning");
    let confined = [
        ("proc/self/cgroup", "0::/\n"),
        ("sys/fs/cgroup/memory.max", "100000000\n"),
        ("sys/fs/cgroup/memory.current", "95000000\n"),
    ];
    check(&confined, &[], "runtime memory Warning");
    let few = [("proc/self/limits", "Max open files 1024 4096 files\n")];
    check(&few, &[], "runtime open files Warning");
    let unlocked = [("proc/self/limits", "Max locked memory 65536 65536 bytes\n")];
    check(&unlocked, &[], "runtime locked memory Warning");
    let alone = [("proc/self/limits", "Max processes 512 4096 processes\n")];
    check(&alone, &[], "runtime processes Warning");
    check(&[("sys/fs/cgroup/pids.max", "256\n")], &[], "runtime processes Warning");
}

#[test]
fn several_gpus_want_one_mode_and_shared_memory() {
    let mode = [("sys/class/drm/renderD129/device/current_compute_partition", "CPX")];
    assert_eq!(troubles(&machine(&[SECOND, &mode].concat(), &[])), ["gpu partition Warning"]);
    let small = [("proc/self/mounts", "shm /dev/shm tmpfs rw,nosuid,size=65536k 0 0\n")];
    let expected = ["runtime shared memory Warning"];
    assert_eq!(troubles(&machine(&[SECOND, &small].concat(), &[])), expected);
    let absent = [("proc/self/mounts", "proc /proc proc rw 0 0\n")];
    assert_eq!(troubles(&machine(&[SECOND, &absent].concat(), &[])), expected);
}

#[test]
fn driver_and_libraries_are_held_to_the_matrix() {
    let versions = |driver: &str, rocm: &str| {
        let files = [("sys/module/amdgpu/version", driver), ("opt/rocm-6.4.1/.info/version", rocm)];
        troubles(&machine(&files, &[]))
    };
    let warning = vec!["gpu versions Warning".to_owned()];
    for (driver, rocm, expected) in [
        ("6.12.12", "6.4.1", &[][..]),
        ("6.12.12", "7.0.2", &[]),
        ("6.12.12", "7.1.0", &warning),
        ("6.12.12", "6.0.2", &warning),
        ("6.3.6", "6.4.1", &warning),
        ("6.14.14", "6.2.0-66", &[]),
        ("6.14.14", "6.1.2", &warning),
        // Not in the table, and no version at all: nothing is claimed.
        ("6.99.1", "7.9.0", &[]),
        ("in-tree", "7.9.0", &[]),
        ("6.12.12", "unknown", &[]),
    ] {
        assert_eq!(versions(driver, rocm), expected, "{driver} with {rocm}");
    }
}

#[test]
fn gpus_want_one_firmware() {
    let file = "sys/class/drm/renderD129/device/fw_version/mec_fw_version";
    let same = [SECOND, &[(file, "0x000000a1")]].concat();
    assert_eq!(troubles(&machine(&same, &[])), [""; 0]);
    let other = [SECOND, &[(file, "0x000000a2")]].concat();
    assert_eq!(troubles(&machine(&other, &[])), ["gpu firmware Warning"]);
}

#[test]
fn a_node_without_permission_names_its_group() {
    let mut facts = machine(&[], &[]);
    // Tests may run as root, who may open everything.
    let node = facts.render_nodes.first_mut().expect("there is one");
    (node.is_open, node.gid) = (false, 4711);
    assert_eq!(troubles(&facts), ["gpu render Failed"]);
    let text = crate::doctor::report::as_text(&examine(&facts));
    assert!(text.contains("supplementalGroups: [4711]"), "{text}");
    let mut facts = machine(&[], &[]);
    let kfd = facts.kfd.as_mut().expect("it is there");
    (kfd.is_open, kfd.gid) = (false, 4712);
    assert_eq!(troubles(&facts), ["gpu kfd Failed"]);
    let text = crate::doctor::report::as_text(&examine(&facts));
    assert!(text.contains("supplementalGroups: [4712]"), "{text}");
}

#[test]
fn the_memory_of_a_container_is_its_own() {
    let facts = machine(
        &[
            ("proc/self/cgroup", "0::/\n"),
            ("sys/fs/cgroup/memory.max", "100000000\n"),
            ("sys/fs/cgroup/memory.current", "95000000\n"),
        ],
        &[],
    );
    let text = crate::doctor::report::as_text(&examine(&facts));
    assert!(text.contains("raise resources.limits.memory of the pod"), "{text}");
}

#[test]
fn a_machine_without_a_gpu_is_healthy() {
    let root = tempfile::tempdir().expect("a folder");
    write(root.path(), &HEALTHY[HEALTHY.len() - 3..]);
    let facts = NodeFacts::gather(root.path());
    assert_eq!(troubles(&facts), [""; 0]);
    assert!(examine(&facts)[0].symptom.contains("no AMD GPU"));
}

#[test]
fn a_taken_port_is_found() {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let address = listener.local_addr().expect("bound");
    assert_eq!(port(address.ip(), address.port()).status, Status::Failed);
    assert_eq!(port(address.ip(), 0).status, Status::Good);
}
