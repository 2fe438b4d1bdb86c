//! What a machine's files tell of it. Reads only; what is absent stays `None`.
//!
//! Sources: the kernel's documentation of the amdgpu driver's sysfs files ("GPU Driver", AMDGPU
//! Misc Information; partitions), of the KFD topology, proc(5) and the AMD container guide for the
//! device nodes.

use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use model::HostMemory;

/// A device node.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct DeviceNode {
    /// As seen from the examined root.
    pub(crate) path: PathBuf,
    /// Group that owns it.
    pub(crate) gid: u32,
    /// Permission bits.
    pub(crate) mode: u32,
    /// Whether this process may read and write it.
    pub(crate) is_open: bool,
}

/// One GPU by its KFD topology node and its DRM device.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Gpu {
    /// e.g. `gfx942`.
    pub(crate) target: String,
    /// e.g. `SPX`.
    pub(crate) compute_partition: Option<String>,
    /// e.g. `NPS1`.
    pub(crate) memory_partition: Option<String>,
    /// Version of the compute microcode (MEC).
    pub(crate) firmware: Option<String>,
}

/// A HIP runtime library.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Library {
    pub(crate) path: PathBuf,
    /// From the installation's `.info/version`.
    pub(crate) rocm_version: Option<String>,
}

/// The facts.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct NodeFacts {
    pub(crate) kfd: Option<DeviceNode>,
    pub(crate) render_nodes: Vec<DeviceNode>,
    /// Whether the amdgpu module is loaded, and its version (`in-tree` if it names none).
    pub(crate) driver: Option<String>,
    /// A PCI display or accelerator device of AMD's is present.
    pub(crate) has_amd_pci: bool,
    pub(crate) gpus: Vec<Gpu>,
    pub(crate) libraries: Vec<Library>,
    pub(crate) numa_balancing: Option<bool>,
    pub(crate) memory: Option<HostMemory>,
    /// Soft limit of open files; `u64::MAX` is none.
    pub(crate) max_open_files: Option<u64>,
    /// The smaller of the soft limit of processes and the control group's; `u64::MAX` is none.
    pub(crate) max_processes: Option<u64>,
    /// Soft limit of locked memory in bytes; `u64::MAX` is none.
    pub(crate) max_locked_bytes: Option<u64>,
    /// Size of `/dev/shm` in bytes where its mount names one.
    pub(crate) shm_bytes: Option<u64>,
    /// Whether `/dev/shm` is mounted.
    pub(crate) has_shm: bool,
}

/// PCI vendor number of AMD.
const AMD_VENDOR: &str = "0x1002";
/// PCI classes: display controller, processing accelerator.
const GPU_CLASSES: [&str; 2] = ["0x03", "0x12"];
/// Where ROCm and distributions put their libraries.
const LIBRARY_FOLDERS: [&str; 5] =
    ["usr/lib/x86_64-linux-gnu", "usr/lib64", "usr/lib", "usr/local/lib", "lib/x86_64-linux-gnu"];

impl NodeFacts {
    /// Reads the machine whose `/` is `root`.
    pub(crate) fn gather(root: &Path) -> Self {
        let limits = text(&root.join("proc/self/limits")).unwrap_or_default();
        let mounts = text(&root.join("proc/self/mounts")).unwrap_or_default();
        let shm = mounts.lines().find(|line| line.split(' ').nth(1) == Some("/dev/shm"));
        Self {
            kfd: device_node(root, Path::new("dev/kfd")),
            render_nodes: entries(&root.join("dev/dri"))
                .into_iter()
                .filter(|name| name.starts_with("renderD"))
                .filter_map(|name| device_node(root, &Path::new("dev/dri").join(name)))
                .collect(),
            driver: driver(root),
            has_amd_pci: has_amd_pci(root),
            gpus: gpus(root),
            libraries: libraries(root),
            numa_balancing: text(&root.join("proc/sys/kernel/numa_balancing"))
                .map(|value| value != "0"),
            memory: HostMemory::read_under(root),
            max_open_files: limit(&limits, "Max open files"),
            max_processes: [limit(&limits, "Max processes"), cgroup_processes(root)]
                .into_iter()
                .flatten()
                .min(),
            max_locked_bytes: limit(&limits, "Max locked memory"),
            shm_bytes: shm.and_then(mount_size),
            has_shm: shm.is_some(),
        }
    }
}

fn text(path: &Path) -> Option<String> {
    Some(fs::read_to_string(path).ok()?.trim().to_owned())
}

/// Names in a folder, sorted; none if it cannot be read.
fn entries(folder: &Path) -> Vec<String> {
    let mut names: Vec<String> = fs::read_dir(folder)
        .into_iter()
        .flatten()
        .filter_map(|entry| entry.ok()?.file_name().into_string().ok())
        .collect();
    names.sort();
    names
}

fn device_node(root: &Path, path: &Path) -> Option<DeviceNode> {
    let full = root.join(path);
    let metadata = fs::metadata(&full).ok()?;
    let is_open = fs::OpenOptions::new().read(true).write(true).open(&full).is_ok();
    let (gid, mode) = (metadata.gid(), metadata.mode() & 0o777);
    Some(DeviceNode { path: Path::new("/").join(path), gid, mode, is_open })
}

fn driver(root: &Path) -> Option<String> {
    let module = root.join("sys/module/amdgpu");
    module.is_dir().then(|| text(&module.join("version")).unwrap_or_else(|| "in-tree".to_owned()))
}

fn has_amd_pci(root: &Path) -> bool {
    let devices = root.join("sys/bus/pci/devices");
    entries(&devices).iter().any(|name| {
        let read = |file| text(&devices.join(name).join(file)).unwrap_or_default();
        let class = read("class");
        read("vendor") == AMD_VENDOR && GPU_CLASSES.iter().any(|known| class.starts_with(known))
    })
}

/// GPUs of the KFD topology; nodes with no SIMDs are processors.
fn gpus(root: &Path) -> Vec<Gpu> {
    let nodes = root.join("sys/class/kfd/kfd/topology/nodes");
    let mut gpus: Vec<Gpu> = entries(&nodes)
        .iter()
        .filter_map(|node| {
            let properties = text(&nodes.join(node).join("properties"))?;
            let property = |name| {
                properties.lines().find_map(|line| {
                    line.strip_prefix(name)?.strip_prefix(' ')?.trim().parse::<u64>().ok()
                })
            };
            (property("simd_count")? > 0).then(|| {
                let version = property("gfx_target_version").unwrap_or_default();
                let minor = property("drm_render_minor").unwrap_or_default();
                let device = root.join(format!("sys/class/drm/renderD{minor}/device"));
                Gpu {
                    target: target_name(version),
                    compute_partition: text(&device.join("current_compute_partition")),
                    memory_partition: text(&device.join("current_memory_partition")),
                    firmware: text(&device.join("fw_version/mec_fw_version")),
                }
            })
        })
        .collect();
    gpus.sort_by(|a, b| a.target.cmp(&b.target));
    gpus
}

/// `90402` is gfx942: two decimal digits for each part, of which stepping is written in
/// hexadecimal (KFD's `gfx_target_version`).
fn target_name(version: u64) -> String {
    format!("gfx{}{}{:x}", version / 10_000, version / 100 % 100, version % 100)
}

fn libraries(root: &Path) -> Vec<Library> {
    let rocm = entries(&root.join("opt")).into_iter().filter(|name| name.starts_with("rocm"));
    let folders = rocm
        .map(|name| PathBuf::from("opt").join(name).join("lib"))
        .chain(LIBRARY_FOLDERS.map(PathBuf::from));
    let mut found: Vec<Library> = Vec::new();
    for folder in folders {
        for name in entries(&root.join(&folder)) {
            // The name that the loader asks for: one number behind `.so`.
            let soname = name.strip_prefix("libamdhip64.so.");
            if soname.is_none_or(|major| major.parse::<u32>().is_err()) {
                continue;
            }
            let version = folder.parent().map(|prefix| root.join(prefix).join(".info/version"));
            let rocm_version = version.and_then(|path| text(&path));
            found.push(Library { path: Path::new("/").join(&folder).join(name), rocm_version });
        }
    }
    found
}

/// `pids.max` of the process's own control group, as a container sees it (cgroup v2).
fn cgroup_processes(root: &Path) -> Option<u64> {
    match text(&root.join("sys/fs/cgroup/pids.max"))?.as_str() {
        "max" => Some(u64::MAX),
        value => value.parse().ok(),
    }
}

/// The soft limit of a row of `/proc/self/limits`.
fn limit(limits: &str, name: &str) -> Option<u64> {
    let row = limits.lines().find_map(|line| line.strip_prefix(name))?;
    match row.split_whitespace().next()? {
        "unlimited" => Some(u64::MAX),
        value => value.parse().ok(),
    }
}

/// The `size=` option of a tmpfs mount, in bytes (mount lines give it in KiB).
fn mount_size(line: &str) -> Option<u64> {
    let options = line.split(' ').nth(3)?;
    let size = options.split(',').find_map(|option| option.strip_prefix("size="))?;
    let kib: u64 = size.strip_suffix('k')?.parse().ok()?;
    kib.checked_mul(1024)
}
