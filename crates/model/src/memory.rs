//! How much memory this process may use: the machine's and its control group's limits.
//!
//! Sources: `/proc/meminfo` (proc_meminfo(5)) and the kernel's cgroup-v2 and v1 memory controller
//! documentation.

use std::fmt;
use std::fs;
use std::path::{Path, PathBuf};

use crate::plan::Bytes;

/// A cgroup-v1 limit at or above this means "no limit" (the kernel reports a page-rounded
/// `i64::MAX`).
const CGROUP_V1_UNLIMITED: u64 = 1 << 60;

/// What the machine and the control group leave to this process.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HostMemory {
    /// The smaller of the machine's memory and the control group's limit.
    pub limit_bytes: u64,
    /// Of which free or freeable now.
    pub available_bytes: u64,
    /// Which of the two is the limit.
    pub source: MemoryLimitSource,
}

/// Where a limit comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MemoryLimitSource {
    /// Physical memory.
    Machine,
    /// A control group, as containers have.
    Cgroup,
    /// A GPU's own memory.
    Device,
}

impl fmt::Display for HostMemory {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let source = match self.source {
            MemoryLimitSource::Machine => "machine memory",
            MemoryLimitSource::Cgroup => "the cgroup limit",
            MemoryLimitSource::Device => "device memory",
        };
        let (limit, available) = (Bytes(self.limit_bytes), Bytes(self.available_bytes));
        write!(f, "{limit} {source}, {available} available")
    }
}

impl HostMemory {
    /// Reads the running system. `None` when `/proc/meminfo` cannot be read.
    pub fn read() -> Option<Self> {
        Self::read_under(Path::new("/"))
    }

    /// Reads a system whose `/proc` and `/sys` are under `root`.
    pub fn read_under(root: &Path) -> Option<Self> {
        let meminfo = fs::read_to_string(root.join("proc/meminfo")).ok()?;
        let machine = Self {
            limit_bytes: meminfo_bytes(&meminfo, "MemTotal:")?,
            available_bytes: meminfo_bytes(&meminfo, "MemAvailable:")?,
            source: MemoryLimitSource::Machine,
        };
        let groups = fs::read_to_string(root.join("proc/self/cgroup")).unwrap_or_default();
        Some(cgroup_dirs(root, &groups).into_iter().filter_map(|dir| dir.limit()).fold(
            machine,
            |tightest, (limit, used)| Self {
                limit_bytes: tightest.limit_bytes.min(limit),
                available_bytes: tightest.available_bytes.min(limit.saturating_sub(used)),
                source: match limit < tightest.limit_bytes {
                    true => MemoryLimitSource::Cgroup,
                    false => tightest.source,
                },
            },
        ))
    }
}

fn meminfo_bytes(meminfo: &str, key: &str) -> Option<u64> {
    let line = meminfo.lines().find(|line| line.starts_with(key))?;
    let kib: u64 = line.split_whitespace().nth(1)?.parse().ok()?;
    kib.checked_mul(1024)
}

/// One control group's folder and the names its version uses.
struct CgroupDir {
    path: PathBuf,
    version: CgroupVersion,
}

#[derive(Clone, Copy)]
enum CgroupVersion {
    V1,
    V2,
}

/// The process's memory groups from the innermost outwards: every ancestor limits too. Inside a
/// container the named path is often absent and the mount's root is the group itself.
fn cgroup_dirs(root: &Path, groups: &str) -> Vec<CgroupDir> {
    let mut dirs = Vec::new();
    for line in groups.lines() {
        let mut fields = line.splitn(3, ':');
        let (Some(_), Some(controllers), Some(path)) =
            (fields.next(), fields.next(), fields.next())
        else {
            continue;
        };
        let (mount, version) = match controllers {
            "" => (root.join("sys/fs/cgroup"), CgroupVersion::V2),
            _ if controllers.split(',').any(|c| c == "memory") => {
                (root.join("sys/fs/cgroup/memory"), CgroupVersion::V1)
            }
            _ => continue,
        };
        let mut relative = Path::new(path.trim_start_matches('/'));
        loop {
            dirs.push(CgroupDir { path: mount.join(relative), version });
            match relative.parent() {
                Some(parent) => relative = parent,
                None => break,
            }
        }
    }
    dirs
}

impl CgroupDir {
    /// `(limit, used)`; file pages that the kernel would drop do not count as used.
    fn limit(&self) -> Option<(u64, u64)> {
        let (limit_file, used_file, reclaimable) = match self.version {
            CgroupVersion::V2 => ("memory.max", "memory.current", "inactive_file"),
            CgroupVersion::V1 => {
                ("memory.limit_in_bytes", "memory.usage_in_bytes", "total_inactive_file")
            }
        };
        let limit = self.number(limit_file).filter(|limit| *limit < CGROUP_V1_UNLIMITED)?;
        let used = self.number(used_file).unwrap_or(0);
        let stat = fs::read_to_string(self.path.join("memory.stat")).unwrap_or_default();
        let freeable = stat
            .lines()
            .find_map(|line| line.strip_prefix(reclaimable)?.trim().parse().ok())
            .unwrap_or(0u64);
        Some((limit, used.saturating_sub(freeable)))
    }

    fn number(&self, file: &str) -> Option<u64> {
        fs::read_to_string(self.path.join(file)).ok()?.trim().parse().ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MEMINFO: &str = "MemTotal:  16000 kB\nMemFree: 1 kB\nMemAvailable:  12000 kB\n";

    fn system(files: &[(&str, &str)]) -> tempfile::TempDir {
        let root = tempfile::tempdir().unwrap();
        for (name, text) in [("proc/meminfo", MEMINFO)].iter().chain(files) {
            let path = root.path().join(name);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, text).unwrap();
        }
        root
    }

    fn read(files: &[(&str, &str)]) -> HostMemory {
        HostMemory::read_under(system(files).path()).unwrap()
    }

    #[test]
    fn without_groups_the_machine_limits() {
        let memory = read(&[]);
        assert_eq!(memory.limit_bytes, 16_000 * 1024);
        assert_eq!(memory.available_bytes, 12_000 * 1024);
        assert_eq!(memory.source, MemoryLimitSource::Machine);
    }

    #[test]
    fn a_v2_group_limits_and_its_droppable_file_pages_are_free() {
        let memory = read(&[
            ("proc/self/cgroup", "0::/pod/box\n"),
            ("sys/fs/cgroup/pod/box/memory.max", "4096000\n"),
            ("sys/fs/cgroup/pod/box/memory.current", "3000000\n"),
            ("sys/fs/cgroup/pod/box/memory.stat", "anon 1\ninactive_file 2000000\n"),
        ]);
        assert_eq!(memory.limit_bytes, 4_096_000);
        assert_eq!(memory.available_bytes, 3_096_000);
        assert_eq!(memory.source, MemoryLimitSource::Cgroup);
    }

    #[test]
    fn an_outer_group_may_be_the_tighter_one() {
        let memory = read(&[
            ("proc/self/cgroup", "0::/pod/box\n"),
            ("sys/fs/cgroup/pod/box/memory.max", "max\n"),
            ("sys/fs/cgroup/pod/memory.max", "2000000\n"),
        ]);
        assert_eq!(memory.limit_bytes, 2_000_000);
    }

    #[test]
    fn inside_a_container_the_mount_is_the_group() {
        let memory = read(&[
            ("proc/self/cgroup", "0::/host/only/path\n"),
            ("sys/fs/cgroup/memory.max", "5000000\n"),
        ]);
        assert_eq!(memory.limit_bytes, 5_000_000);
    }

    #[test]
    fn a_v1_group_limits_unless_it_says_unlimited() {
        let limited = read(&[
            ("proc/self/cgroup", "5:cpu,memory:/box\n"),
            ("sys/fs/cgroup/memory/box/memory.limit_in_bytes", "1000000\n"),
            ("sys/fs/cgroup/memory/box/memory.usage_in_bytes", "400000\n"),
        ]);
        assert_eq!((limited.limit_bytes, limited.available_bytes), (1_000_000, 600_000));
        let unlimited = read(&[
            ("proc/self/cgroup", "5:memory:/\n"),
            ("sys/fs/cgroup/memory/memory.limit_in_bytes", "9223372036854771712\n"),
        ]);
        assert_eq!(unlimited.source, MemoryLimitSource::Machine);
    }
}
