//! Device memory's shadow: which bytes are allocated, and which of them hold a value.
//!
//! Kept by whoever owns device memory (the emulated HIP runtime, a test): it tells of allocations,
//! copies and fills; launches tell of what kernels store. Never reads device memory.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, PoisonError, RwLock};

use super::directory::{Directory, PAGE_BYTES};

/// Bytes that one word of a page describes, a bit for each.
const WORD_BYTES: u64 = 64;

/// A page's bytes: a set bit is a byte with a value.
pub(super) struct DefinedPage([AtomicU64; (PAGE_BYTES / WORD_BYTES) as usize]);

impl Default for DefinedPage {
    fn default() -> Self {
        Self(std::array::from_fn(|_| AtomicU64::new(0)))
    }
}

/// One allocation.
pub(super) struct Region {
    pub(super) address: u64,
    pub(super) bytes: u64,
    defined: Directory<DefinedPage>,
}

/// Calls `visit(offset of a 64-byte word, mask of its bytes)` for each word of a range.
fn words(offset: u64, bytes: u64, mut visit: impl FnMut(u64, u64)) {
    let (mut at, end) = (offset, offset.saturating_add(bytes));
    while at < end {
        let first = at % WORD_BYTES;
        let count = (WORD_BYTES - first).min(end - at);
        let mask = (u64::MAX >> (WORD_BYTES - count)) << first;
        visit(at - first, mask);
        at += count;
    }
}

impl Region {
    pub(super) fn set_defined(&self, offset: u64, bytes: u64, defined: bool) {
        words(offset, bytes, |word, mask| {
            let page = if defined { self.defined.make(word) } else { self.defined.get(word) };
            let Some(page) = page else { return };
            let bits = &page.0[(word % PAGE_BYTES / WORD_BYTES) as usize];
            if defined {
                if bits.load(Ordering::Relaxed) & mask != mask {
                    bits.fetch_or(mask, Ordering::Relaxed);
                }
            } else {
                bits.fetch_and(!mask, Ordering::Relaxed);
            }
        });
    }

    /// A bit for each of at most 64 bytes from `offset` on: set if the byte has a value.
    #[inline]
    pub(super) fn defined_bits(&self, offset: u64, bytes: u64) -> u64 {
        let mut found = 0;
        words(offset, bytes.min(64), |word, mask| {
            let page = self.defined.get(word);
            let bits = page.map_or(0, |page| {
                page.0[(word % PAGE_BYTES / WORD_BYTES) as usize].load(Ordering::Relaxed)
            });
            let place = |bits: u64| match word.checked_sub(offset) {
                Some(after) => bits << after,
                None => bits >> (offset - word),
            };
            found |= place(bits & mask);
        });
        found
    }

    /// Whether every byte of the range has a value.
    pub(super) fn is_defined(&self, offset: u64, bytes: u64) -> bool {
        let mut all = true;
        words(offset, bytes, |word, mask| {
            let page = self.defined.get(word);
            let bits = page.map_or(0, |page| {
                page.0[(word % PAGE_BYTES / WORD_BYTES) as usize].load(Ordering::Relaxed)
            });
            all &= bits & mask == mask;
        });
        all
    }
}

/// The allocations of a device and which of their bytes hold a value.
///
/// Addresses are device addresses, lengths are bytes. Shared: all methods take `&self`.
#[derive(Default)]
pub struct DeviceShadow {
    regions: RwLock<BTreeMap<u64, Arc<Region>>>,
}

impl DeviceShadow {
    /// No allocation.
    pub fn new() -> Self {
        Self::default()
    }

    /// A new allocation of `bytes` bytes at `address`, without values.
    pub fn allocate(&self, address: u64, bytes: u64) {
        let defined = Directory::new(bytes);
        let region = Arc::new(Region { address, bytes, defined });
        self.write().insert(address, region);
    }

    /// Ends the allocation at `address`; gives whether there was one.
    pub fn free(&self, address: u64) -> bool {
        self.write().remove(&address).is_some()
    }

    /// Copies and fills of the host gave these bytes values. What lies outside of allocations is
    /// ignored.
    pub fn mark_defined(&self, address: u64, bytes: u64) {
        self.mark(address, bytes, true);
    }

    /// These bytes no longer hold a value.
    pub fn mark_undefined(&self, address: u64, bytes: u64) {
        self.mark(address, bytes, false);
    }

    /// A copy on the device: the destination has a value where the source has one.
    pub fn copy(&self, to: u64, from: u64, bytes: u64) {
        let (source, target) = (self.find(from), self.find(to));
        let (Some(source), Some(target)) = (source, target) else { return };
        let mut done = 0;
        while done < bytes {
            let count = (bytes - done).min(64);
            let bits = source.defined_bits(from - source.address + done, count);
            for byte in 0..count {
                let offset = to - target.address + done + byte;
                target.set_defined(offset, 1, (bits >> byte) & 1 == 1);
            }
            done += count;
        }
    }

    /// Whether all these bytes are of one allocation and hold values.
    pub fn is_defined(&self, address: u64, bytes: u64) -> bool {
        self.find(address).is_some_and(|region| {
            let offset = address - region.address;
            offset.saturating_add(bytes) <= region.bytes && region.is_defined(offset, bytes)
        })
    }

    /// The allocations as they are now, by address.
    pub(super) fn snapshot(&self) -> Vec<Arc<Region>> {
        let regions = self.regions.read().unwrap_or_else(PoisonError::into_inner);
        regions.values().cloned().collect()
    }

    fn write(&self) -> std::sync::RwLockWriteGuard<'_, BTreeMap<u64, Arc<Region>>> {
        self.regions.write().unwrap_or_else(PoisonError::into_inner)
    }

    fn find(&self, address: u64) -> Option<Arc<Region>> {
        let regions = self.regions.read().unwrap_or_else(PoisonError::into_inner);
        let (_, region) = regions.range(..=address).next_back()?;
        (address - region.address < region.bytes).then(|| Arc::clone(region))
    }

    fn mark(&self, address: u64, bytes: u64, defined: bool) {
        if let Some(region) = self.find(address) {
            let offset = address - region.address;
            region.set_defined(offset, bytes.min(region.bytes - offset), defined);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const BASE: u64 = 0x7000_0000_0100;

    #[test]
    fn bytes_are_defined_one_by_one() {
        let shadow = DeviceShadow::new();
        shadow.allocate(BASE, 10_000);
        assert!(!shadow.is_defined(BASE, 1));
        shadow.mark_defined(BASE + 61, 6);
        assert!(shadow.is_defined(BASE + 61, 6));
        assert!(!shadow.is_defined(BASE + 60, 2) && !shadow.is_defined(BASE + 66, 2));
        let region = shadow.find(BASE).expect("it was allocated");
        assert_eq!(region.defined_bits(60, 16), 0b111_1110);
        shadow.mark_undefined(BASE + 63, 1);
        assert_eq!(region.defined_bits(60, 16), 0b111_0110);
        shadow.mark_defined(BASE, 10_000);
        assert!(shadow.is_defined(BASE, 10_000) && !shadow.is_defined(BASE, 10_001));
    }

    #[test]
    fn freed_memory_is_nothing() {
        let shadow = DeviceShadow::new();
        shadow.allocate(BASE, 256);
        shadow.mark_defined(BASE, 256);
        assert!(shadow.free(BASE) && !shadow.free(BASE));
        assert!(!shadow.is_defined(BASE, 1));
        shadow.allocate(BASE, 256);
        assert!(!shadow.is_defined(BASE, 1), "a new allocation holds nothing");
    }

    #[test]
    fn copies_carry_what_is_defined() {
        let shadow = DeviceShadow::new();
        shadow.allocate(BASE, 256);
        shadow.allocate(BASE + 4096, 256);
        shadow.mark_defined(BASE + 3, 100);
        shadow.copy(BASE + 4096 + 1, BASE, 200);
        assert!(shadow.is_defined(BASE + 4096 + 4, 100));
        assert!(!shadow.is_defined(BASE + 4096 + 3, 1));
        assert!(!shadow.is_defined(BASE + 4096 + 104, 1));
    }
}
