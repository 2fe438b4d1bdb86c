//! Counts of memory: bytes asked for, which bytes of which lines were touched, bank conflicts of LDS.

use std::collections::{HashMap, HashSet};
use std::sync::Mutex;

use cdna3::Inst;
use cdna3::exec::{
    AccessKind, GroupInfo, MemoryAccess, Observer, ObserverFactory, Outcome, Space, WaveView,
};

/// Bytes of a cache line.
const LINE_BYTES: u64 = 128;

/// What launches asked of memory, lane by lane; scalar loads count once.
#[derive(Clone, Debug, Default)]
pub struct Traffic {
    /// Bytes read.
    pub read_bytes: u64,
    /// Bytes written.
    pub written_bytes: u64,
    /// Accesses of LDS with 16 bytes a lane.
    pub num_wide_lds: u64,
    /// Accesses of LDS with another size, whose conflicts are not counted.
    pub num_narrow_lds: u64,
    /// Clocks that accesses with 16 bytes a lane take beyond one for each group of 8 lanes.
    pub lds_conflicts: u64,
    /// For each touched line, a bit for each touched byte.
    lines: HashMap<u64, u128>,
}

impl Traffic {
    fn touch(&mut self, address: u64, len: usize) {
        let (mut at, end) = (address, address + len as u64);
        while at < end {
            let stop = end.min((at / LINE_BYTES + 1) * LINE_BYTES);
            let mask = u128::MAX >> (LINE_BYTES - (stop - at)) << (at % LINE_BYTES);
            *self.lines.entry(at / LINE_BYTES).or_default() |= mask;
            at = stop;
        }
    }

    /// Bytes touched at least once.
    pub fn distinct_bytes(&self) -> u64 {
        self.lines.values().map(|bytes| u64::from(bytes.count_ones())).sum()
    }

    /// The part of the touched lines that was touched.
    pub fn line_use(&self) -> f64 {
        self.distinct_bytes() as f64 / (self.lines.len() as u64 * LINE_BYTES).max(1) as f64
    }
}

/// Lanes that read 16 bytes each in one clock, of the first 32; the others follow likewise. Source:
/// AMD's article on LDS bank conflicts (ROCm blogs). Writes take 8 lanes in a row.
const READ_GROUPS: [[usize; 8]; 4] = [
    [0, 1, 2, 3, 20, 21, 22, 23],
    [4, 5, 6, 7, 16, 17, 18, 19],
    [8, 9, 10, 11, 28, 29, 30, 31],
    [12, 13, 14, 15, 24, 25, 26, 27],
];
/// Banks of 4 bytes.
const NUM_BANKS: u64 = 32;

/// Clocks beyond one for each group of lanes: in the fullest bank, words beyond the first.
fn conflicts(access: &MemoryAccess<'_>) -> u64 {
    let lanes = |group: usize, i: usize| match access.kind {
        AccessKind::Load => group / 4 * 32 + READ_GROUPS[group % 4][i],
        _ => group * 8 + i,
    };
    let group = |group: usize| {
        let mut banks: HashMap<u64, HashSet<u64>> = HashMap::new();
        for lane in (0..8).map(|i| lanes(group, i)).filter(|lane| access.mask >> lane & 1 == 1) {
            for word in (0..4).map(|i| access.addresses[lane] / 4 + i) {
                banks.entry(word % NUM_BANKS).or_default().insert(word);
            }
        }
        banks.values().map(|words| words.len() as u64 - 1).max().unwrap_or(0)
    };
    (0..8).map(group).sum()
}

/// Counts one work-group.
#[derive(Debug, Default)]
pub(crate) struct GroupTraffic(Traffic);

impl Observer for GroupTraffic {
    fn memory(&mut self, _: WaveView<'_>, _: &Inst, access: &MemoryAccess<'_>) -> Outcome {
        if access.space == Space::Lds {
            if access.bytes == 16 {
                self.0.num_wide_lds += 1;
                self.0.lds_conflicts += conflicts(access);
            } else {
                self.0.num_narrow_lds += 1;
            }
        }
        if !matches!(access.space, Space::Global | Space::Scalar) {
            return Ok(());
        }
        for (_, address) in access.lanes() {
            self.0.touch(address, access.bytes as usize);
        }
        let bytes = u64::from(access.mask.count_ones() * access.bytes);
        if access.kind != AccessKind::Store {
            self.0.read_bytes += bytes;
        }
        if access.kind != AccessKind::Load {
            self.0.written_bytes += bytes;
        }
        Ok(())
    }
}

/// Traffic of launches, watched work-group by work-group.
#[derive(Debug, Default)]
pub(crate) struct Counter(Mutex<Traffic>);

impl Counter {
    /// What was counted.
    pub(crate) fn traffic(&self) -> Traffic {
        self.0.lock().expect("no thread panics while it holds the lock").clone()
    }
}

impl ObserverFactory for Counter {
    type Observer = GroupTraffic;

    fn observer(&self, _: GroupInfo) -> GroupTraffic {
        GroupTraffic::default()
    }

    fn merge(&self, _: GroupInfo, GroupTraffic(group): GroupTraffic) {
        let mut all = self.0.lock().expect("no thread panics while it holds the lock");
        all.read_bytes += group.read_bytes;
        all.written_bytes += group.written_bytes;
        all.num_wide_lds += group.num_wide_lds;
        all.num_narrow_lds += group.num_narrow_lds;
        all.lds_conflicts += group.lds_conflicts;
        for (line, bytes) in group.lines {
            *all.lines.entry(line).or_default() |= bytes;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{AccessKind, MemoryAccess, Space, conflicts};

    fn of(kind: AccessKind, address: impl Fn(u64) -> u64) -> u64 {
        let addresses = std::array::from_fn(|lane| address(lane as u64));
        let (space, mask) = (Space::Lds, u64::MAX);
        conflicts(&MemoryAccess { space, kind, addresses: &addresses, mask, bytes: 16 })
    }

    #[test]
    fn conflicts_of_known_patterns() {
        for kind in [AccessKind::Load, AccessKind::Store] {
            assert_eq!(of(kind, |lane| lane * 16), 0, "in a row");
            assert_eq!(of(kind, |_| 0), 0, "one word for all");
            assert_eq!(of(kind, |lane| lane * 128), 56, "one bank group: 8 clocks for each group");
        }
        // 8 lanes in a row are one group of writes, and halves of two groups of reads.
        let swapped = |lane: u64| (lane % 8 + lane / 8 * 32) * 16;
        assert_eq!(of(AccessKind::Store, swapped), 0);
        // Lanes 0-3 and 20-23 of a read: in different halves of the banks, then in the same.
        assert_eq!(of(AccessKind::Load, swapped), 0);
        assert_eq!(of(AccessKind::Load, |lane| (lane % 4 + lane / 4 * 8) * 16), 8);
    }
}
