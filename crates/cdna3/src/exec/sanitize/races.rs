//! Who touched a dword last: the state that finds data races, in LDS and in device memory.
//!
//! Three slots for each dword: plain writes, plain reads, atomics. A slot holds one wave, or that
//! several waves of a group were there in the same barrier epoch, or several groups. Two accesses
//! are ordered if one wave made both, or one group with a barrier between them, or if the group of
//! the earlier one released its writes at device scope and that of the later one acquired since.
//! Never blocks; owns no memory.

use std::sync::OnceLock;
use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};

use super::directory::{Directory, PAGE_BYTES};

/// A slot's 64 bits: group + 1 in the high half (all ones: several groups), then 5 bits of wave
/// (31: several waves) and 27 of epoch. 0: nobody.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Mark(pub(super) u64);

const SEVERAL_GROUPS: u32 = u32::MAX;
const SEVERAL_WAVES: u32 = 31;
const EPOCH_MASK: u32 = (1 << 27) - 1;

/// Kinds of access.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum AccessKind {
    /// Plain store.
    Write,
    /// Plain load.
    Read,
    /// Atomic, or a load or store at device scope.
    Atomic,
}

impl AccessKind {
    /// All kinds, in the order of slots.
    pub(super) const ALL: [Self; 3] = [Self::Write, Self::Read, Self::Atomic];

    /// Whether two accesses of these kinds can be a race.
    pub(super) fn conflicts(self, other: Self) -> bool {
        !matches!((self, other), (Self::Read, Self::Read) | (Self::Atomic, Self::Atomic))
    }
}

impl Mark {
    pub(super) const NOBODY: Self = Self(0);

    pub(super) fn new(group: u32, wave: u32, epoch: u32) -> Self {
        let low = ((wave & 31) << 27) | (epoch & EPOCH_MASK);
        Self((u64::from(group + 1) << 32) | u64::from(low))
    }

    fn group_field(self) -> u32 {
        (self.0 >> 32) as u32
    }

    /// The group, unless there were several.
    pub(super) fn group(self) -> Option<u32> {
        Some(self.group_field()).filter(|&g| g != SEVERAL_GROUPS && g != 0).map(|g| g - 1)
    }

    /// The wave, unless there were several.
    pub(super) fn wave(self) -> Option<u32> {
        Some((self.0 as u32) >> 27).filter(|&wave| wave != SEVERAL_WAVES)
    }

    pub(super) fn epoch(self) -> u32 {
        self.0 as u32 & EPOCH_MASK
    }

    /// The slot after an access by `me`, one wave.
    pub(super) fn merged(self, me: Self) -> Self {
        if self == Self::NOBODY || self == me {
            me
        } else if self.group_field() != me.group_field() {
            Self((u64::from(SEVERAL_GROUPS) << 32) | (me.0 & 0xffff_ffff))
        } else if self.epoch() < me.epoch() || self.wave() == me.wave() {
            me
        } else {
            Self(me.0 | (u64::from(SEVERAL_WAVES) << 27))
        }
    }

    /// Whether what the slot holds may happen at the same time as an access by `me`; waves of the
    /// same group only.
    pub(super) fn is_concurrent_in_group(self, me: Self) -> bool {
        self.group_field() == me.group_field()
            && self.epoch() == me.epoch()
            && self.wave() != me.wave()
    }

    /// Whether another group is in the slot.
    pub(super) fn is_of_another_group(self, me: Self) -> bool {
        self != Self::NOBODY && self.group_field() != me.group_field()
    }
}

/// Marks of one kind of access: for each dword, and for each byte of those that were touched in
/// parts. A dword is looked up in both.
struct Slots {
    dwords: [OnceLock<Box<[AtomicU64]>>; 3],
    bytes: [OnceLock<Box<[AtomicU64]>>; 3],
}

/// The marks of 4 KiB.
pub(super) struct RacePage(Slots);

impl Default for RacePage {
    fn default() -> Self {
        let empty = || std::array::from_fn(|_| OnceLock::new());
        Self(Slots { dwords: empty(), bytes: empty() })
    }
}

fn marks(count: u64) -> Box<[AtomicU64]> {
    (0..count).map(|_| AtomicU64::new(0)).collect()
}

/// Who accesses, and what is ordered before it.
pub(super) struct Order<'a> {
    /// The wave.
    pub(super) me: Mark,
    /// Whether its group acquired at device scope.
    pub(super) acquired: bool,
    /// For each group: one more than the epoch of its last release at device scope, 0 for none.
    pub(super) released: &'a [AtomicU32],
}

impl Order<'_> {
    /// Whether the accesses in a slot may happen at the same time as one of this wave.
    #[inline]
    fn is_concurrent(&self, mark: Mark) -> bool {
        if mark == Mark::NOBODY || mark == self.me {
            return false;
        }
        if !mark.is_of_another_group(self.me) {
            return mark.is_concurrent_in_group(self.me);
        }
        let is_released = || match mark.group() {
            Some(group) => self
                .released
                .get(group as usize)
                .is_some_and(|epoch| epoch.load(Ordering::SeqCst) > mark.epoch()),
            None => true,
        };
        !(self.acquired && is_released())
    }

    /// Puts the wave into a slot; gives what was there.
    #[inline]
    fn enter(&self, slot: &AtomicU64) -> Mark {
        let mut old = slot.load(Ordering::SeqCst);
        loop {
            let mark = Mark(old);
            // Who is ordered before this wave need not be remembered beside it.
            let is_past = mark.is_of_another_group(self.me) && !self.is_concurrent(mark);
            let new = if is_past { self.me.0 } else { mark.merged(self.me).0 };
            if new == old {
                return Mark(old);
            }
            match slot.compare_exchange_weak(old, new, Ordering::SeqCst, Ordering::SeqCst) {
                Ok(_) => return Mark(old),
                Err(found) => old = found,
            }
        }
    }
}

/// Two accesses without order.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Conflict {
    /// Byte offset of the slot.
    pub(super) offset: u64,
    /// The earlier access.
    pub(super) other: AccessKind,
    /// Who made it.
    pub(super) mark: Mark,
}

/// Enters an access to `bytes` bytes from `offset` on; gives the first conflict.
pub(super) fn access(
    pages: &Directory<RacePage>,
    offset: u64,
    bytes: u64,
    kind: AccessKind,
    order: &Order<'_>,
) -> Option<Conflict> {
    let (mut at, end) = (offset, offset + bytes);
    let mut first = None;
    while at < end {
        let page = &pages.make(at)?.0;
        let page_end = end.min((at / PAGE_BYTES + 1) * PAGE_BYTES);
        let found = if at % 4 == 0 && page_end - at >= 4 {
            let stop = page_end & !3;
            let found = page.dwords(at, stop, kind, order);
            at = stop;
            found
        } else {
            let stop = page_end.min((at & !3) + 4);
            let found = page.parts(at, stop, kind, order);
            at = stop;
            found
        };
        first = first.or(found);
    }
    first
}

impl Slots {
    /// Whole dwords of the page.
    fn dwords(&self, from: u64, to: u64, kind: AccessKind, order: &Order<'_>) -> Option<Conflict> {
        let own = self.dwords[kind as usize].get_or_init(|| marks(PAGE_BYTES / 4));
        let others = AccessKind::ALL.map(|other| {
            let slots = self.dwords[other as usize].get();
            slots.filter(|_| kind.conflicts(other) && other != kind)
        });
        let parts = AccessKind::ALL
            .map(|other| self.bytes[other as usize].get().filter(|_| kind.conflicts(other)));
        let has_parts = parts.iter().any(Option::is_some);
        let mut first = None;
        for offset in (from..to).step_by(4) {
            let dword = (offset % PAGE_BYTES / 4) as usize;
            let old = order.enter(&own[dword]);
            if old == order.me {
                // Looked at before; whoever came since has seen this wave's mark.
                continue;
            }
            let mut check = |mark: Mark, other: AccessKind| {
                if first.is_none() && order.is_concurrent(mark) {
                    first = Some(Conflict { offset, other, mark });
                }
            };
            if kind.conflicts(kind) {
                check(old, kind);
            }
            for (slots, other) in others.iter().zip(AccessKind::ALL) {
                if let Some(slots) = slots {
                    check(Mark(slots[dword].load(Ordering::SeqCst)), other);
                }
            }
            if has_parts {
                for (slots, other) in parts.iter().zip(AccessKind::ALL) {
                    for byte in slots.iter().flat_map(|slots| &slots[dword * 4..dword * 4 + 4]) {
                        check(Mark(byte.load(Ordering::SeqCst)), other);
                    }
                }
            }
        }
        first
    }

    /// Some bytes of one dword.
    fn parts(&self, from: u64, to: u64, kind: AccessKind, order: &Order<'_>) -> Option<Conflict> {
        let own = self.bytes[kind as usize].get_or_init(|| marks(PAGE_BYTES));
        let mut first = None;
        let mut check = |mark: Mark, other: AccessKind, offset: u64| {
            if first.is_none() && order.is_concurrent(mark) {
                first = Some(Conflict { offset, other, mark });
            }
        };
        for offset in from..to {
            let byte = (offset % PAGE_BYTES) as usize;
            let old = order.enter(&own[byte]);
            if old == order.me {
                continue;
            }
            for other in AccessKind::ALL.into_iter().filter(|&other| kind.conflicts(other)) {
                if other == kind {
                    check(old, kind, offset);
                } else if let Some(slots) = self.bytes[other as usize].get() {
                    check(Mark(slots[byte].load(Ordering::SeqCst)), other, offset);
                }
                if let Some(slots) = self.dwords[other as usize].get() {
                    check(Mark(slots[byte / 4].load(Ordering::SeqCst)), other, offset);
                }
            }
        }
        first
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_barrier_orders_the_waves_of_a_group() {
        let first = Mark::new(7, 0, 3);
        assert!(first.is_concurrent_in_group(Mark::new(7, 1, 3)));
        assert!(!first.is_concurrent_in_group(Mark::new(7, 1, 4)));
        assert!(!first.is_concurrent_in_group(Mark::new(7, 0, 3)));
        assert!(first.is_of_another_group(Mark::new(8, 0, 0)));
        assert!(!first.is_of_another_group(Mark::new(7, 9, 9)));
        assert!(!Mark::NOBODY.is_of_another_group(first));
    }

    #[test]
    fn a_slot_remembers_that_there_were_several() {
        let one = Mark::NOBODY.merged(Mark::new(0, 2, 5));
        let several = one.merged(Mark::new(0, 3, 5));
        assert_eq!([one.wave(), several.wave()], [Some(2), None]);
        assert!(several.is_concurrent_in_group(Mark::new(0, 2, 5)));
        let later = several.merged(Mark::new(0, 2, 6));
        assert_eq!(later.wave(), Some(2));
        let groups = later.merged(Mark::new(1, 2, 0));
        assert_eq!(groups.group(), None);
        assert!(groups.is_of_another_group(Mark::new(1, 2, 0)));
    }

    fn order(me: Mark, released: &[AtomicU32]) -> Order<'_> {
        Order { me, acquired: !released.is_empty(), released }
    }

    #[test]
    fn neighbours_in_a_dword_do_not_race() {
        let pages = Directory::new(8192);
        let write = |group, offset, bytes| {
            let order = order(Mark::new(group, 0, 0), &[]);
            access(&pages, offset, bytes, AccessKind::Write, &order)
        };
        assert_eq!(write(0, 4090, 8), None);
        assert_eq!(write(1, 4098, 2), None);
        assert_eq!(write(1, 4088, 2), None);
        let conflict = write(2, 4096, 4).expect("two groups wrote parts of it");
        assert_eq!((conflict.offset, conflict.mark.group()), (4096, Some(0)));
        assert_eq!(write(3, 4099, 1).map(|c| c.offset), Some(4099));
    }

    #[test]
    fn reads_and_atomics_race_with_writes_only() {
        let pages = Directory::new(4096);
        let touch = |group, kind| {
            access(&pages, 8, 4, kind, &order(Mark::new(group, 0, 0), &[])).map(|c| c.other)
        };
        assert_eq!(touch(0, AccessKind::Read), None);
        assert_eq!(touch(1, AccessKind::Read), None);
        assert_eq!(touch(2, AccessKind::Atomic), Some(AccessKind::Read));
        assert_eq!(touch(3, AccessKind::Atomic), Some(AccessKind::Read));
        assert_eq!(touch(4, AccessKind::Write), Some(AccessKind::Read));
        let other = Directory::new(4096);
        let touch = |group, kind| {
            access(&other, 8, 4, kind, &order(Mark::new(group, 0, 0), &[])).map(|c| c.other)
        };
        assert_eq!(touch(0, AccessKind::Atomic), None);
        assert_eq!(touch(1, AccessKind::Atomic), None);
        assert_eq!(touch(1, AccessKind::Read), Some(AccessKind::Atomic));
    }

    #[test]
    fn release_and_acquire_order_groups() {
        let pages = Directory::new(4096);
        let released = [AtomicU32::new(0), AtomicU32::new(0)];
        let write = |group, released| {
            access(&pages, 0, 4, AccessKind::Write, &order(Mark::new(group, 0, 2), released))
        };
        assert_eq!(write(0, &released[..]), None);
        released[0].store(3, Ordering::SeqCst);
        assert_eq!(write(1, &released[..]), None);
        released[1].store(2, Ordering::SeqCst);
        assert!(write(0, &released[..]).is_some(), "the release was before the write");
    }
}
