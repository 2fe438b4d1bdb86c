//! Global memory as the executor sees it: regions of dwords that several threads share.
//!
//! One look-up serves a whole wave access, when its lanes stay in one allocation. Every access is
//! a relaxed atomic one, so that work-groups on several threads may race as they do on hardware
//! without undefined behaviour. Never allocates for a kernel.

use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Mutex, PoisonError};

use thiserror::Error;

/// An access outside the memory that may be touched.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[error("{} of {size_bytes} bytes at {address:#x} is outside every allocation", if *is_write { "write" } else { "read" })]
pub struct AccessError {
    /// First byte.
    pub address: u64,
    /// Number of bytes.
    pub size_bytes: usize,
    /// Write or read.
    pub is_write: bool,
}

/// Device memory by 64-bit address, shared by the threads of a launch.
pub trait GlobalMemory: Sync {
    /// The memory around `address .. address + size_bytes`: the whole allocation, or any part of
    /// it that holds all of those bytes.
    ///
    /// # Errors
    /// If any of the bytes may not be touched. The executor asks first for the span of all lanes
    /// and, if that is refused, for each lane; so a refusal need not mean a fault.
    fn region(
        &self,
        address: u64,
        size_bytes: usize,
        is_write: bool,
    ) -> Result<Region<'_>, AccessError>;

    /// Fills `bytes` from `address`.
    ///
    /// # Errors
    /// If any of the bytes may not be read.
    fn read(&self, address: u64, bytes: &mut [u8]) -> Result<(), AccessError> {
        self.region(address, bytes.len(), false)?.load_bytes(address, bytes);
        Ok(())
    }

    /// Stores `bytes` at `address`.
    ///
    /// # Errors
    /// If any of the bytes may not be written; nothing is then written.
    fn write(&self, address: u64, bytes: &[u8]) -> Result<(), AccessError> {
        self.region(address, bytes.len(), true)?.store_bytes(address, bytes);
        Ok(())
    }
}

/// Consecutive device memory in dwords.
#[derive(Clone, Copy, Debug)]
pub struct Region<'a> {
    /// Address of the first dword; a multiple of 4.
    pub base: u64,
    /// The dwords, little-endian: the byte at `base + 4 i + j` is bits 8 j of dword i. The last
    /// may stick out of the allocation.
    pub words: &'a [AtomicU32],
}

/// Locks of 64-bit atomics, by address: dwords cannot be changed in pairs otherwise.
static PAIR_LOCKS: [Mutex<()>; 64] = [const { Mutex::new(()) }; 64];

impl<'a> Region<'a> {
    /// Index of the dword that holds the byte at `address`.
    #[inline]
    pub fn index(&self, address: u64) -> usize {
        (address.wrapping_sub(self.base) >> 2) as usize
    }

    /// The aligned dword at `address`.
    #[inline]
    pub fn load_word(&self, address: u64) -> u32 {
        self.words[self.index(address)].load(Ordering::Relaxed)
    }

    /// Fills `bytes` from `address`, at any alignment.
    pub fn load_bytes(&self, address: u64, bytes: &mut [u8]) {
        for (byte, at) in bytes.iter_mut().zip(address..) {
            *byte = (self.load_word(at & !3) >> (8 * (at & 3))) as u8;
        }
    }

    /// Stores `bytes` at `address`, at any alignment; other bytes of the dwords are kept, whoever
    /// writes them at the same time.
    pub fn store_bytes(&self, address: u64, bytes: &[u8]) {
        let mut at = 0;
        while at < bytes.len() {
            let start = address + at as u64;
            let shift = (start & 3) as usize;
            let count = (4 - shift).min(bytes.len() - at);
            let (mut value, mut mask) = ([0; 4], [0; 4]);
            value[shift..shift + count].copy_from_slice(&bytes[at..at + count]);
            mask[shift..shift + count].fill(0xff);
            self.store_masked(start & !3, u32::from_le_bytes(value), u32::from_le_bytes(mask));
            at += count;
        }
    }

    /// Replaces the bits of `mask` of the aligned dword at `address`.
    #[inline]
    pub fn store_masked(&self, address: u64, value: u32, mask: u32) {
        let word = &self.words[self.index(address)];
        if mask == u32::MAX {
            word.store(value, Ordering::Relaxed);
            return;
        }
        let mut old = word.load(Ordering::Relaxed);
        let merge = |old: u32| (old & !mask) | (value & mask);
        let order = Ordering::Relaxed;
        while let Err(now) = word.compare_exchange_weak(old, merge(old), order, order) {
            old = now;
        }
    }

    /// Replaces the value of `size_bytes` (4 or 8) at the aligned `address` by `change` of it and
    /// gives the old one, as one step. Eight bytes are one step among operations of eight bytes
    /// only: a plain access at the same time may see half of it.
    pub fn update(&self, address: u64, size_bytes: usize, change: impl Fn(u64) -> u64) -> u64 {
        let first = self.index(address);
        let word = &self.words[first];
        if size_bytes == 4 {
            let mut old = word.load(Ordering::Relaxed);
            loop {
                let new = change(old.into()) as u32;
                let order = Ordering::AcqRel;
                match word.compare_exchange_weak(old, new, order, Ordering::Relaxed) {
                    Ok(_) => return old.into(),
                    Err(now) => old = now,
                }
            }
        }
        let lock = &PAIR_LOCKS[(address >> 3) as usize % PAIR_LOCKS.len()];
        let _guard = lock.lock().unwrap_or_else(PoisonError::into_inner);
        let high = &self.words[first + 1];
        let load = |word: &AtomicU32| u64::from(word.load(Ordering::Relaxed));
        let old = load(word) | (load(high) << 32);
        let new = change(old);
        word.store(new as u32, Ordering::Relaxed);
        high.store((new >> 32) as u32, Ordering::Relaxed);
        old
    }
}

/// Named allocations in ordinary vectors, with a gap of unmapped addresses between them.
#[derive(Debug, Default)]
pub struct VecMemory {
    allocations: Vec<Allocation>,
}

#[derive(Debug)]
struct Allocation {
    name: String,
    address: u64,
    size_bytes: usize,
    words: Vec<AtomicU32>,
}

impl VecMemory {
    /// Address of the first allocation; outside the LDS and scratch apertures.
    const BASE: u64 = 0x7f00_0000_0000;
    /// Alignment of allocations, and least distance between two.
    const GRANULE: u64 = 4096;

    /// Copies `bytes` into a new allocation and gives its address.
    pub fn allocate(&mut self, name: &str, bytes: &[u8]) -> u64 {
        let end = self.allocations.last().map_or(Self::BASE, |a| a.address + a.size_bytes as u64);
        let address = end.next_multiple_of(Self::GRANULE) + Self::GRANULE;
        let word = |chunk: &[u8]| {
            let mut word = [0; 4];
            word[..chunk.len()].copy_from_slice(chunk);
            AtomicU32::new(u32::from_le_bytes(word))
        };
        let words = bytes.chunks(4).map(word).collect();
        let name = name.to_owned();
        self.allocations.push(Allocation { name, address, size_bytes: bytes.len(), words });
        address
    }

    /// The bytes of the first allocation with that name.
    pub fn bytes(&self, name: &str) -> Option<Vec<u8>> {
        let found = self.allocations.iter().find(|a| a.name == name)?;
        let bytes = found.words.iter().flat_map(|w| w.load(Ordering::Relaxed).to_le_bytes());
        Some(bytes.take(found.size_bytes).collect())
    }

    /// Name, address and size in bytes of each allocation.
    pub fn extents(&self) -> impl Iterator<Item = (&str, u64, u64)> {
        self.allocations.iter().map(|a| (a.name.as_str(), a.address, a.size_bytes as u64))
    }

    /// Replaces the first bytes of the first allocation with that name; `false` if there is none
    /// or it is smaller.
    pub fn set(&self, name: &str, bytes: &[u8]) -> bool {
        let Some(found) = self.allocations.iter().find(|a| a.name == name) else { return false };
        self.write(found.address, bytes).is_ok()
    }

    fn locate(&self, address: u64, size_bytes: usize) -> Option<&Allocation> {
        let after = self.allocations.partition_point(|a| a.address <= address);
        let allocation = &self.allocations[after.checked_sub(1)?];
        let offset = usize::try_from(address - allocation.address).ok()?;
        (offset.checked_add(size_bytes)? <= allocation.size_bytes).then_some(allocation)
    }
}

impl GlobalMemory for VecMemory {
    #[inline]
    fn region(
        &self,
        address: u64,
        size_bytes: usize,
        is_write: bool,
    ) -> Result<Region<'_>, AccessError> {
        match self.locate(address, size_bytes) {
            Some(found) => Ok(Region { base: found.address, words: &found.words }),
            None => Err(AccessError { address, size_bytes, is_write }),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_are_stored_at_any_alignment_and_nothing_else_is() {
        let mut memory = VecMemory::default();
        let at = memory.allocate("a", &[0xee; 11]);
        memory.write(at + 3, &[1, 2, 3, 4, 5, 6]).expect("it is inside");
        let expected = [0xee, 0xee, 0xee, 1, 2, 3, 4, 5, 6, 0xee, 0xee];
        assert_eq!(memory.bytes("a").expect("it is there"), expected);
        let mut back = [0; 3];
        memory.read(at + 8, &mut back).expect("it is inside");
        assert_eq!(back, [6, 0xee, 0xee]);
        let error = memory.read(at + 9, &mut back).expect_err("it ends behind");
        assert_eq!(error, AccessError { address: at + 9, size_bytes: 3, is_write: false });
    }

    #[test]
    fn updates_of_several_threads_all_count() {
        let mut memory = VecMemory::default();
        let at = memory.allocate("a", &[0; 16]);
        std::thread::scope(|scope| {
            for _ in 0..4 {
                scope.spawn(|| {
                    let region = memory.region(at, 16, true).expect("it is inside");
                    for _ in 0..10_000 {
                        region.update(at, 4, |old| old + 1);
                        region.update(at + 8, 8, |old| old + (1 << 31));
                    }
                });
            }
        });
        let region = memory.region(at, 16, false).expect("it is inside");
        assert_eq!(region.load_word(at), 40_000);
        let high = u64::from(region.load_word(at + 12)) << 32;
        assert_eq!(high | u64::from(region.load_word(at + 8)), 40_000 << 31);
    }
}
