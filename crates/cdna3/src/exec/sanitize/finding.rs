//! What the sanitizer says: one finding for each kind of error of each instruction.
//!
//! Text and order are the same in every run that executes in the same order: findings are sorted by
//! address and kind, and each keeps its first place by work-group, wave and lane.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::{Mutex, PoisonError};

use super::races::AccessKind;
use super::waits::Queue;

/// Most findings of a launch; those of the lowest instruction addresses are kept.
pub const MAX_FINDINGS: usize = 64;

/// A kind of memory.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Space {
    /// Device memory.
    Global,
    /// Local data share.
    Lds,
    /// A lane's private memory.
    Scratch,
}

/// What an undefined value was used for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Use {
    /// As a memory address, or a part of one.
    Address,
    /// As the condition of a branch.
    Branch,
    /// As `exec`: lanes were switched by it.
    Exec,
    /// Stored to device memory.
    Store,
}

/// What is wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FindingKind {
    /// An access outside of every allocation, of the group's LDS or of the lane's scratch.
    OutOfBounds {
        /// Which memory.
        space: Space,
        /// First byte: an address of device memory, an offset elsewhere.
        address: u64,
        /// Bytes of the lane's access.
        bytes: u32,
        /// The kind of access.
        access: AccessKind,
        /// End of the memory: bytes of the LDS or scratch; of device memory, the end of the
        /// allocation before the address, 0 if there is none.
        end: u64,
    },
    /// A value that nobody has written was used.
    Undefined {
        /// What for.
        used: Use,
        /// The address that was stored to; 0 otherwise.
        address: u64,
    },
    /// Two accesses without an order between them, of which one writes.
    Race {
        /// Which memory.
        space: Space,
        /// The dword: an address of device memory, an offset in LDS.
        address: u64,
        /// This access.
        access: AccessKind,
        /// The earlier access.
        other: AccessKind,
        /// The earlier access's work-group number in the launch; `None`: several.
        other_group: Option<u32>,
        /// The earlier access's wave; `None`: several.
        other_wave: Option<u32>,
    },
    /// A register was used or overwritten before the wait for the load that writes it.
    NotWaited {
        /// What the load is counted as.
        queue: Queue,
        /// Read, or overwritten.
        is_write: bool,
    },
    /// LDS was read before the wait for the load from memory that fills it.
    LdsNotWaited {
        /// Offset in LDS.
        address: u64,
    },
    /// Waves of a group wait at different barriers.
    DivergentBarrier {
        /// Address of the other barrier.
        other: u64,
        /// A wave that waits there.
        other_wave: u32,
    },
    /// A barrier with lanes switched off that the wave began with.
    PartialBarrier {
        /// Lanes on.
        exec: u64,
        /// Lanes that the wave began with.
        entry: u64,
    },
    /// A wave ended after it took part in barriers while others wait at one more.
    MissedBarrier {
        /// The wave that ended.
        ended: u32,
        /// Barriers that it took part in.
        passed: u32,
    },
    /// An access that is not a multiple of what its width needs.
    Misaligned {
        /// Which memory.
        space: Space,
        /// First byte.
        address: u64,
        /// Needed alignment.
        align: u32,
    },
}

impl FindingKind {
    /// A number for sorting and for telling findings of one instruction apart.
    fn rank(&self) -> u8 {
        match self {
            Self::OutOfBounds { .. } => 0,
            Self::Undefined { used, .. } => 1 + *used as u8,
            Self::Race { space, .. } => 10 + *space as u8,
            Self::NotWaited { is_write, .. } => 20 + u8::from(*is_write),
            Self::LdsNotWaited { .. } => 22,
            Self::DivergentBarrier { .. } => 23,
            Self::PartialBarrier { .. } => 24,
            Self::MissedBarrier { .. } => 25,
            Self::Misaligned { .. } => 26,
        }
    }

    /// A short name, for reports.
    pub fn name(&self) -> &'static str {
        match self {
            Self::OutOfBounds { .. } => "out-of-bounds",
            Self::Undefined { .. } => "undefined-value",
            Self::Race { .. } => "race",
            Self::NotWaited { .. } | Self::LdsNotWaited { .. } => "missing-wait",
            Self::DivergentBarrier { .. }
            | Self::PartialBarrier { .. }
            | Self::MissedBarrier { .. } => "divergent-barrier",
            Self::Misaligned { .. } => "misaligned",
        }
    }
}

/// Where in the launch.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Place {
    /// Work-group, by number in the launch.
    pub group: u32,
    /// Wave in the work-group.
    pub wave: u32,
    /// Lane; `None` for scalar operations.
    pub lane: Option<u32>,
}

/// One error of one instruction.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    /// What is wrong.
    pub kind: FindingKind,
    /// Kernel.
    pub kernel: String,
    /// Address of the instruction in the code object's image.
    pub address: u64,
    /// The instruction in LLVM's syntax.
    pub instruction: String,
    /// The first place.
    pub place: Place,
    /// Work-group id of that place.
    pub group_id: [u32; 3],
    /// How often the instruction did this; an instruction's lanes count once.
    pub count: u64,
}

fn space_name(space: Space) -> &'static str {
    match space {
        Space::Global => "device memory",
        Space::Lds => "LDS",
        Space::Scratch => "scratch",
    }
}

fn access_name(access: AccessKind) -> &'static str {
    match access {
        AccessKind::Write => "write",
        AccessKind::Read => "read",
        AccessKind::Atomic => "atomic",
    }
}

fn queue_name(queue: Queue) -> &'static str {
    match queue {
        Queue::Vector => "vmcnt",
        Queue::Lds => "lgkmcnt",
        Queue::Scalar => "lgkmcnt(0), as scalar loads end in any order",
        Queue::FlatLds => "vmcnt(0) and lgkmcnt(0), as flat access to LDS",
    }
}

impl fmt::Display for FindingKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match *self {
            Self::OutOfBounds { space, address, bytes, access, end } => {
                let (access, space) = (access_name(access), space_name(space));
                write!(f, "{access} of {bytes} bytes at {address:#x} is outside of {space}, ")?;
                match end {
                    0 => write!(f, "which has nothing below"),
                    end => write!(f, "which ends at {end:#x}"),
                }
            }
            Self::Undefined { used, address } => match used {
                Use::Address => write!(f, "an undefined value is used as an address"),
                Use::Branch => write!(f, "an undefined value decides a branch"),
                Use::Exec => write!(f, "an undefined value switches lanes"),
                Use::Store => write!(f, "an undefined value is stored at {address:#x}"),
            },
            Self::Race { space, address, access, other, other_group, other_wave } => {
                let (this, other) = (access_name(access), access_name(other));
                write!(
                    f,
                    "race in {} at {address:#x}: {this} against {other} by ",
                    space_name(space)
                )?;
                match (other_group, other_wave) {
                    (Some(group), Some(wave)) => write!(f, "work-group {group}, wave {wave}"),
                    (Some(group), None) => write!(f, "several waves of work-group {group}"),
                    (None, _) => write!(f, "several work-groups"),
                }
            }
            Self::NotWaited { queue, is_write } => {
                let verb = if is_write { "overwrites" } else { "uses" };
                write!(f, "{verb} the result of a load without a wait for {}", queue_name(queue))
            }
            Self::LdsNotWaited { address } => {
                write!(f, "LDS at {address:#x} is read without vmcnt for the load that fills it")
            }
            Self::DivergentBarrier { other, other_wave } => {
                write!(f, "wave {other_wave} waits at another barrier, at {other:#x}")
            }
            Self::PartialBarrier { exec, entry } => {
                write!(f, "barrier with lanes {exec:#x} of {entry:#x}")
            }
            Self::MissedBarrier { ended, passed } => {
                write!(f, "wave {ended} ended after {passed} barriers; this is one more")
            }
            Self::Misaligned { space, address, align } => {
                write!(f, "{} at {address:#x} is no multiple of {align}", space_name(space))
            }
        }
    }
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{}: {}; kernel {}, at {:#x}: {}; work-group {:?}, wave {}",
            self.kind.name(),
            self.kind,
            self.kernel,
            self.address,
            self.instruction,
            self.group_id,
            self.place.wave
        )?;
        if let Some(lane) = self.place.lane {
            write!(f, ", lane {lane}")?;
        }
        write!(f, " ({} times)", self.count)
    }
}

/// Findings of a launch, from several threads.
#[derive(Default)]
pub(super) struct Findings {
    found: Mutex<BTreeMap<(u64, u8), Finding>>,
}

impl Findings {
    /// Adds one; `describe` gives its text if it is the first of its kind at its instruction.
    pub(super) fn add(
        &self,
        kind: FindingKind,
        address: u64,
        place: Place,
        group_id: [u32; 3],
        describe: impl FnOnce() -> (String, String),
    ) {
        let mut found = self.found.lock().unwrap_or_else(PoisonError::into_inner);
        let key = (address, kind.rank());
        if let Some(known) = found.get_mut(&key) {
            known.count += 1;
            if place < known.place {
                (known.kind, known.place, known.group_id) = (kind, place, group_id);
            }
            return;
        }
        let is_full = found.len() >= MAX_FINDINGS;
        if is_full && found.last_key_value().is_some_and(|(last, _)| *last < key) {
            return;
        }
        let (kernel, instruction) = describe();
        let finding = Finding { kind, kernel, address, instruction, place, group_id, count: 1 };
        found.insert(key, finding);
        if is_full {
            found.pop_last();
        }
    }

    /// All, in order.
    pub(super) fn take(&self) -> Vec<Finding> {
        let mut found = self.found.lock().unwrap_or_else(PoisonError::into_inner);
        std::mem::take(&mut *found).into_values().collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn add(findings: &Findings, address: u64, group: u32) {
        let kind = FindingKind::Misaligned { space: Space::Lds, address: 2, align: 4 };
        let place = Place { group, wave: 1, lane: Some(3) };
        findings.add(kind, address, place, [group, 0, 0], || ("k".into(), "i".into()));
    }

    #[test]
    fn an_instruction_is_reported_once_with_its_first_place() {
        let findings = Findings::default();
        for group in [5, 2, 9] {
            add(&findings, 0x40, group);
        }
        let found = findings.take();
        assert_eq!(found.len(), 1);
        assert_eq!(
            found[0].to_string(),
            "misaligned: LDS at 0x2 is no multiple of 4; kernel k, at 0x40: i; \
             work-group [2, 0, 0], wave 1, lane 3 (3 times)"
        );
    }

    #[test]
    fn there_is_a_limit_and_the_lowest_addresses_are_kept() {
        let findings = Findings::default();
        for address in (0..200).rev() {
            add(&findings, address, 0);
        }
        let found = findings.take();
        assert_eq!(found.len(), MAX_FINDINGS);
        assert_eq!(found.iter().map(|f| f.address).max(), Some(MAX_FINDINGS as u64 - 1));
    }
}
