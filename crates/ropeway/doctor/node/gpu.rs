//! Checks of the GPU layer: device nodes, driver, architecture, partitions, runtime library.
//!
//! A machine without any AMD GPU is no fault: the server runs on the CPU there.

use super::super::finding::{Finding, Layer, Status, told};
use super::facts::{DeviceNode, NodeFacts};
use super::versions;

pub(super) fn examine(facts: &NodeFacts) -> Vec<Finding> {
    let nothing = !facts.has_amd_pci && facts.kfd.is_none() && facts.gpus.is_empty();
    if nothing {
        return vec![Finding::good(
            Layer::Gpu,
            "device",
            "no AMD GPU here: the server runs on the CPU",
            "/sys/bus/pci/devices and /dev/kfd",
        )];
    }
    let mut findings = vec![driver(facts), kfd(facts), render_nodes(facts)];
    findings.extend(architectures(facts));
    findings.push(partitions(facts));
    findings.push(libraries(facts));
    findings.extend(versions::examine(facts));
    findings.push(numa_balancing(facts));
    findings
}

fn failed(check: &'static str, words: [String; 4]) -> Finding {
    Finding::wrong(Layer::Gpu, check, Status::Failed, words)
}

fn driver(facts: &NodeFacts) -> Finding {
    let Some(version) = &facts.driver else {
        return failed(
            "driver",
            told![
                "an AMD GPU is present, but the amdgpu driver is not loaded",
                "the driver is not installed, was not built for this kernel, or is blacklisted",
                "/sys/module/amdgpu is absent",
                "install the driver (amdgpu-dkms, or let the GPU operator do it), then \
                 `modprobe amdgpu` and read `dmesg | grep amdgpu`",
            ],
        );
    };
    let firmware: Vec<&str> = facts.gpus.iter().filter_map(|g| g.firmware.as_deref()).collect();
    let firmware = firmware.first().map_or_else(String::new, |v| format!(", MEC firmware {v}"));
    let what = format!("amdgpu {version} is loaded{firmware}");
    Finding::good(Layer::Gpu, "driver", what, "/sys/module/amdgpu/version")
}

fn no_access(node: &DeviceNode) -> [String; 4] {
    let (path, gid, mode) = (node.path.display(), node.gid, node.mode);
    told![
        format!("{path} may not be opened"),
        format!("the node belongs to group {gid} and this process is not in it"),
        format!("mode {mode:o}, group {gid}"),
        format!(
            "in a pod: securityContext.supplementalGroups: [{gid}]; on the machine: add the user \
             to group {gid} (`render` or `video`) and log in again"
        ),
    ]
}

fn kfd(facts: &NodeFacts) -> Finding {
    match &facts.kfd {
        None => failed(
            "kfd",
            told![
                "/dev/kfd is missing",
                "in a container: the pod did not ask for amd.com/gpu, or the device plugin does \
                 not run; on the machine: the driver did not create it",
                "/dev/kfd",
                "ask for `amd.com/gpu: 1` in resources.limits; with plain containers pass \
                 --device /dev/kfd --device /dev/dri",
            ],
        ),
        Some(node) if !node.is_open => failed("kfd", no_access(node)),
        Some(node) => Finding::good(
            Layer::Gpu,
            "kfd",
            format!("/dev/kfd can be opened; its group is {}", node.gid),
            format!("mode {:o}", node.mode),
        ),
    }
}

fn render_nodes(facts: &NodeFacts) -> Finding {
    if let Some(node) = facts.render_nodes.iter().find(|node| !node.is_open) {
        return failed("render", no_access(node));
    }
    let count = facts.render_nodes.len();
    if count == 0 {
        return failed(
            "render",
            told![
                "no /dev/dri/renderD* here",
                "the container was given /dev/kfd but no GPU",
                "/dev/dri",
                "ask for `amd.com/gpu: 1` in resources.limits; with plain containers pass \
                 --device /dev/dri",
            ],
        );
    }
    Finding::good(Layer::Gpu, "render", format!("{count} render nodes can be opened"), "/dev/dri")
}

fn architectures(facts: &NodeFacts) -> Option<Finding> {
    let names: Vec<&str> = facts.gpus.iter().map(|gpu| gpu.target.as_str()).collect();
    let evidence = "gfx_target_version in /sys/class/kfd/kfd/topology/nodes";
    if names.is_empty() {
        // Without the driver there is no topology, and that has been said.
        facts.driver.as_ref()?;
        return Some(failed(
            "architecture",
            told![
                "the driver shows no GPU",
                "the GPU failed to initialise, or is being reset or repartitioned",
                evidence,
                "read `dmesg | grep -i amdgpu`; reset or power-cycle the node",
            ],
        ));
    }
    let targets = hip::embedded_archs();
    let usable = names.iter().filter(|name| targets.contains(name)).count();
    if usable == 0 {
        let embedded = if targets.is_empty() { "nothing".to_owned() } else { targets.join(", ") };
        return Some(failed(
            "architecture",
            told![
                format!("no GPU that this build has kernels for: {}", names.join(", ")),
                format!("kernels are compiled ahead of time, in this build for {embedded}"),
                evidence,
                "use a node with an Instinct MI300, build with ROPEWAY_GPU_ARCHS, or serve with \
                 --device cpu",
            ],
        ));
    }
    let what = format!("{usable} of {} GPUs usable ({})", names.len(), names.join(", "));
    Some(Finding::good(Layer::Gpu, "architecture", what, evidence))
}

fn partitions(facts: &NodeFacts) -> Finding {
    let mut modes: Vec<String> = facts
        .gpus
        .iter()
        .filter_map(|gpu| {
            let memory = gpu.memory_partition.as_deref().unwrap_or("?");
            Some(format!("{}/{memory}", gpu.compute_partition.as_deref()?))
        })
        .collect();
    modes.sort();
    modes.dedup();
    let evidence = "current_compute_partition and current_memory_partition in sysfs";
    match modes.as_slice() {
        [] => Finding::good(Layer::Gpu, "partition", "no partition mode is reported", evidence),
        [mode] => Finding::good(Layer::Gpu, "partition", format!("mode {mode}"), evidence),
        several => Finding::wrong(
            Layer::Gpu,
            "partition",
            Status::Warning,
            told![
                format!("GPUs in different partition modes: {}", several.join(", ")),
                "a change of mode was applied to some of them only",
                evidence,
                "give all GPUs of a node one mode, or let the device plugin name them apart \
                 (resource_naming_strategy: mixed)",
            ],
        ),
    }
}

fn libraries(facts: &NodeFacts) -> Finding {
    let found: Vec<String> = facts
        .libraries
        .iter()
        .map(|library| {
            let version = library.rocm_version.as_deref();
            let version = version.map_or_else(String::new, |v| format!(" (ROCm {v})"));
            format!("{}{version}", library.path.display())
        })
        .collect();
    if found.is_empty() {
        return failed(
            "runtime library",
            told![
                "libamdhip64 is not installed",
                "the HIP runtime is loaded when the server starts, and is not part of the binary",
                "/opt/rocm*/lib and the system's library folders",
                "use the ROCm image, install ROCm's hip-runtime-amd, or name the library with \
                 ROPEWAY_HIP_LIBRARY",
            ],
        );
    }
    Finding::good(Layer::Gpu, "runtime library", found.join(", "), "names of the files")
}

fn numa_balancing(facts: &NodeFacts) -> Finding {
    let evidence = "/proc/sys/kernel/numa_balancing";
    if facts.numa_balancing != Some(true) {
        return Finding::good(Layer::Gpu, "numa balancing", "automatic balancing is off", evidence);
    }
    Finding::wrong(
        Layer::Gpu,
        "numa balancing",
        Status::Warning,
        told![
            "automatic NUMA balancing is on",
            "the kernel moves pages that the GPU uses, and the GPU waits until it is done",
            format!("{evidence} is not 0"),
            "sysctl -w kernel.numa_balancing=0, and in /etc/sysctl.d to keep it",
        ],
    )
}
