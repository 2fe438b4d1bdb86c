//! Checks of the runtime layer: memory, limits, shared memory.

use model::{Bytes, MemoryLimitSource};

use super::super::finding::{Finding, Layer, Status, told};
use super::facts::NodeFacts;

/// Connections, shards and libraries of a busy server together need about this many files.
const MIN_OPEN_FILES: u64 = 4096;
/// Threads of the server and of the runtimes of eight GPUs, with room.
const MIN_PROCESSES: u64 = 1024;
/// Runtimes of several GPUs exchange through shared memory; container engines give 64 MiB.
const MIN_SHM_BYTES: u64 = 1 << 30;

pub(super) fn examine(facts: &NodeFacts) -> Vec<Finding> {
    let mut findings = vec![memory(facts), open_files(facts), processes(facts)];
    if facts.gpus.len() > 1 {
        findings.push(shm(facts));
    }
    if !facts.gpus.is_empty() {
        findings.push(locked_memory(facts));
    }
    findings
}

fn memory(facts: &NodeFacts) -> Finding {
    let Some(memory) = &facts.memory else {
        return Finding::wrong(
            Layer::Runtime,
            "memory",
            Status::Failed,
            told![
                "memory cannot be planned",
                "/proc is not mounted, or hides the memory's size",
                "/proc/meminfo",
                "mount /proc in the container",
            ],
        );
    };
    let what = memory.to_string();
    let evidence = "/proc/meminfo and the control group's memory files";
    let nearly_full = memory.available_bytes < memory.limit_bytes / 10;
    if !nearly_full {
        return Finding::good(Layer::Runtime, "memory", what, evidence);
    }
    let remedy = match memory.source {
        MemoryLimitSource::Cgroup => "raise resources.limits.memory of the pod",
        MemoryLimitSource::Machine | MemoryLimitSource::Device => {
            "stop what else uses the memory of the machine"
        }
    };
    Finding::wrong(
        Layer::Runtime,
        "memory",
        Status::Warning,
        told![what, "less than a tenth of the memory is left", evidence, remedy],
    )
}

fn open_files(facts: &NodeFacts) -> Finding {
    let evidence = "/proc/self/limits";
    match facts.max_open_files {
        Some(limit) if limit < MIN_OPEN_FILES => Finding::wrong(
            Layer::Runtime,
            "open files",
            Status::Warning,
            told![
                format!("at most {limit} open files"),
                "each client takes one; at the limit new connections are refused",
                evidence,
                format!("raise it: `ulimit -n {MIN_OPEN_FILES}`, or LimitNOFILE= of the service"),
            ],
        ),
        Some(u64::MAX) => Finding::good(Layer::Runtime, "open files", "no limit", evidence),
        Some(limit) => {
            Finding::good(Layer::Runtime, "open files", format!("at most {limit}"), evidence)
        }
        None => Finding::good(Layer::Runtime, "open files", "the limit is unknown", evidence),
    }
}

fn processes(facts: &NodeFacts) -> Finding {
    let evidence = "/proc/self/limits and pids.max of the control group";
    match facts.max_processes {
        Some(limit) if limit < MIN_PROCESSES => Finding::wrong(
            Layer::Runtime,
            "processes",
            Status::Warning,
            told![
                format!("at most {limit} processes and threads"),
                "the server has a thread for each core and some more, a GPU's runtime several for \
                 each GPU; at the limit a thread cannot start",
                evidence,
                format!(
                    "raise it: `ulimit -u {MIN_PROCESSES}`, TasksMax= of the service, or \
                     podPidsLimit of the kubelet"
                ),
            ],
        ),
        Some(u64::MAX) => Finding::good(Layer::Runtime, "processes", "no limit", evidence),
        Some(limit) => {
            Finding::good(Layer::Runtime, "processes", format!("at most {limit}"), evidence)
        }
        None => Finding::good(Layer::Runtime, "processes", "the limit is unknown", evidence),
    }
}

fn locked_memory(facts: &NodeFacts) -> Finding {
    /// Weights go to the GPU through a ring of pinned memory.
    const MIN_LOCKED_BYTES: u64 = 64 << 20;
    let evidence = "/proc/self/limits";
    match facts.max_locked_bytes {
        Some(limit) if limit < MIN_LOCKED_BYTES => Finding::wrong(
            Layer::Runtime,
            "locked memory",
            Status::Warning,
            told![
                format!("at most {} of locked memory", Bytes(limit)),
                "copies to the GPU use pinned memory, which counts as locked with some drivers",
                evidence,
                "raise it: `ulimit -l unlimited`, or LimitMEMLOCK=infinity of the service",
            ],
        ),
        _ => Finding::good(Layer::Runtime, "locked memory", "the limit suffices", evidence),
    }
}

fn shm(facts: &NodeFacts) -> Finding {
    let evidence = "/proc/self/mounts";
    let too_small = facts.shm_bytes.is_some_and(|bytes| bytes < MIN_SHM_BYTES);
    if facts.has_shm && !too_small {
        return Finding::good(
            Layer::Runtime,
            "shared memory",
            "/dev/shm is large enough",
            evidence,
        );
    }
    let size = facts.shm_bytes.map_or_else(|| "absent".to_owned(), |b| Bytes(b).to_string());
    Finding::wrong(
        Layer::Runtime,
        "shared memory",
        Status::Warning,
        told![
            format!("/dev/shm is {size}"),
            "several GPUs exchange through it; container engines give 64 MiB",
            evidence,
            "mount an emptyDir with medium: Memory and a sizeLimit of 8Gi at /dev/shm",
        ],
    )
}
