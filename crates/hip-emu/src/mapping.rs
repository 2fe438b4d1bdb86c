//! Memory from the operating system: the only place that turns addresses into bytes.
//!
//! Owns three kinds of mapping. A [`Reservation`] holds addresses that nobody can read or write:
//! device addresses lie in one, so a host that follows a device pointer gets SIGSEGV. A [`Bytes`]
//! holds contents. Both are released when dropped. Poison costs nothing until it is overwritten:
//! each allocation is made of private, copy-on-write mappings of one file of 0xff bytes.
//!
//! Never knows allocations, devices or HIP. Called by `memory` and, for pageable host ranges, by
//! the C ABI.

use std::ffi::c_void;
use std::ptr::{self, NonNull};
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex};

use rustix::fd::OwnedFd;
use rustix::fs::{MemfdFlags, memfd_create};
use rustix::io::Result;
use rustix::mm::{MapFlags, ProtFlags, mmap, mmap_anonymous, mprotect, munmap};

/// Size of a page.
pub(crate) const PAGE_BYTES: usize = 4096;
/// What fresh memory holds: a NaN in every float format of the device, and an index far outside.
pub(crate) const POISON: u8 = 0xff;
/// Size of the poison file of ordinary allocations. An allocation is one mapping for each so many
/// bytes, and Linux allows a process 65,530.
const SMALL_POISON_BYTES: usize = 4 << 20;
/// Allocations from this size on are made of a larger file, of this size: eight full devices are then
/// 25,000 mappings.
const LARGE_POISON_BYTES: usize = 64 << 20;

/// Rounds up to whole pages.
pub(crate) fn whole_pages(size_bytes: usize) -> Option<usize> {
    size_bytes.checked_next_multiple_of(PAGE_BYTES)
}

/// Addresses without contents.
#[derive(Debug)]
pub(crate) struct Reservation {
    base: NonNull<c_void>,
    size_bytes: usize,
}

// SAFETY: owns its addresses and gives no access to them through `&self`.
unsafe impl Send for Reservation {}
// SAFETY: as above; its fields are never changed.
unsafe impl Sync for Reservation {}

impl Reservation {
    /// Takes `size_bytes` addresses anywhere; costs no memory.
    pub(crate) fn new(size_bytes: usize) -> Result<Self> {
        let flags = MapFlags::PRIVATE | MapFlags::NORESERVE;
        // SAFETY: a new mapping at a place that the system chooses replaces nothing.
        let base =
            unsafe { mmap_anonymous(ptr::null_mut(), size_bytes, ProtFlags::empty(), flags)? };
        let base = NonNull::new(base).ok_or(rustix::io::Errno::NOMEM)?;
        Ok(Self { base, size_bytes })
    }

    pub(crate) fn address(&self) -> u64 {
        self.base.as_ptr().addr() as u64
    }

    pub(crate) fn size_bytes(&self) -> usize {
        self.size_bytes
    }
}

impl Drop for Reservation {
    fn drop(&mut self) {
        // SAFETY: the mapping is owned, and no reference into it was ever made.
        let result = unsafe { munmap(self.base.as_ptr(), self.size_bytes) };
        debug_assert!(result.is_ok(), "the addresses were mapped");
    }
}

/// The files of poison; the large one is made when it is first wanted.
#[derive(Debug)]
pub(crate) struct Poison {
    small: OwnedFd,
    large: Mutex<Option<Arc<OwnedFd>>>,
}

fn poison_file(wanted_bytes: usize) -> Result<OwnedFd> {
    let file = memfd_create("hip-emu-poison", MemfdFlags::CLOEXEC)?;
    let chunk = vec![POISON; 1 << 20];
    let mut size_bytes = 0;
    while size_bytes < wanted_bytes {
        size_bytes += rustix::io::write(&file, &chunk)?;
    }
    Ok(file)
}

impl Poison {
    pub(crate) fn new() -> Result<Self> {
        Ok(Self { small: poison_file(SMALL_POISON_BYTES)?, large: Mutex::default() })
    }

    fn large(&self) -> Result<Arc<OwnedFd>> {
        let mut large = self.large.lock().expect("no thread panics while it holds the lock");
        if let Some(file) = large.as_ref() {
            return Ok(file.clone());
        }
        let file = Arc::new(poison_file(LARGE_POISON_BYTES)?);
        *large = Some(file.clone());
        Ok(file)
    }

    /// Maps poison over `size_bytes` addresses from `base`, a part of a reservation.
    ///
    /// # Safety
    /// The addresses must belong to the caller, and nothing may refer to them.
    unsafe fn map(&self, base: *mut c_void, size_bytes: usize) -> Result<()> {
        let large = if size_bytes < LARGE_POISON_BYTES { None } else { Some(self.large()?) };
        let (file, file_bytes) = match &large {
            None => (&self.small, SMALL_POISON_BYTES),
            Some(file) => (file.as_ref(), LARGE_POISON_BYTES),
        };
        let prot = ProtFlags::READ | ProtFlags::WRITE;
        let flags = MapFlags::PRIVATE | MapFlags::NORESERVE | MapFlags::FIXED;
        for at in (0..size_bytes).step_by(file_bytes) {
            let part = (size_bytes - at).min(file_bytes);
            // SAFETY: inside of what the caller owns; the file is at least that long, so that no
            // access behind its end is possible.
            unsafe { mmap(base.wrapping_byte_add(at), part, prot, flags, file, 0)? };
        }
        Ok(())
    }
}

/// Word of the program under test that the host ranges which it names are memory of its own: mapped,
/// readable, writable where written, until the work that uses them is done.
#[derive(Debug)]
pub(crate) struct HostPromise(());

impl HostPromise {
    /// # Safety
    /// The caller must have that word: the contract of HIP's copying and registering functions.
    pub(crate) unsafe fn new() -> Self {
        Self(())
    }
}

/// Contents: poisoned memory of our own, or a range that the host registered.
#[derive(Debug)]
pub(crate) struct Bytes {
    base: NonNull<u8>,
    size_bytes: usize,
    /// What to unmap: the contents with the guard page on either side.
    owned: Option<Reservation>,
}

// SAFETY: the bytes are reached through raw copies only, never through references to plain data;
// who races with whom is up to the program under test, as on a device.
unsafe impl Send for Bytes {}
// SAFETY: as above.
unsafe impl Sync for Bytes {}

impl Bytes {
    /// Fresh memory between two guard pages, poisoned.
    pub(crate) fn poisoned(poison: &Poison, size_bytes: usize) -> Result<Self> {
        let too_big = rustix::io::Errno::NOMEM;
        let inner = whole_pages(size_bytes.max(1)).ok_or(too_big)?;
        let outer = Reservation::new(inner.checked_add(2 * PAGE_BYTES).ok_or(too_big)?)?;
        let base = outer.base.as_ptr().wrapping_byte_add(PAGE_BYTES);
        // SAFETY: a part of the reservation made above, which nobody else knows.
        unsafe { poison.map(base, inner)? };
        let base = NonNull::new(base.cast::<u8>()).ok_or(too_big)?;
        Ok(Self { base, size_bytes, owned: Some(outer) })
    }

    /// A range of the host's own memory; `None` for a null address.
    pub(crate) fn foreign(_: &HostPromise, address: u64, size_bytes: u64) -> Option<Self> {
        let size_bytes = usize::try_from(size_bytes).ok()?;
        let base = NonNull::new(ptr::with_exposed_provenance_mut(address as usize))?;
        Some(Self { base, size_bytes, owned: None })
    }

    /// Where the bytes lie in the emulator's own address space.
    pub(crate) fn address(&self) -> u64 {
        self.base.as_ptr().expose_provenance() as u64
    }

    pub(crate) fn size_bytes(&self) -> usize {
        self.size_bytes
    }

    /// Forbids writes from now on.
    pub(crate) fn make_read_only(&self) -> Result<()> {
        let Some(inner) = self.owned.as_ref().map(|outer| outer.size_bytes - 2 * PAGE_BYTES) else {
            return Ok(());
        };
        // SAFETY: the pages are ours, and no reference to them exists.
        unsafe { mprotect(self.base.as_ptr().cast(), inner, rustix::mm::MprotectFlags::READ) }
    }

    fn at(&self, offset: usize, size_bytes: usize) -> Option<*mut u8> {
        let end = offset.checked_add(size_bytes)?;
        (end <= self.size_bytes).then(|| self.base.as_ptr().wrapping_add(offset))
    }

    /// Fills `out` from `offset`; `None` if it reaches over the end.
    #[cfg(test)]
    pub(crate) fn read(&self, offset: usize, out: &mut [u8]) -> Option<()> {
        let from = self.at(offset, out.len())?;
        // SAFETY: in range by `at`; `out` is the caller's and cannot overlap a mapping of ours.
        unsafe { ptr::copy_nonoverlapping(from, out.as_mut_ptr(), out.len()) };
        Some(())
    }

    /// Stores `data` at `offset`; `None` if it reaches over the end. Not for read-only bytes.
    pub(crate) fn write(&self, offset: usize, data: &[u8]) -> Option<()> {
        let to = self.at(offset, data.len())?;
        // SAFETY: as in `read`.
        unsafe { ptr::copy_nonoverlapping(data.as_ptr(), to, data.len()) };
        Some(())
    }

    /// Repeats `pattern` from `offset` for `size_bytes`, a multiple of its length.
    pub(crate) fn fill(&self, offset: usize, size_bytes: usize, pattern: &[u8]) -> Option<()> {
        let to = self.at(offset, size_bytes)?;
        if let [byte] = *pattern {
            // SAFETY: in range by `at`.
            unsafe { ptr::write_bytes(to, byte, size_bytes) };
            return Some(());
        }
        (0..size_bytes)
            .step_by(pattern.len().max(1))
            .try_for_each(|done| self.write(offset + done, pattern))
    }

    /// The contents as dwords, the first at the returned address; the first and the last may stick
    /// out of the contents, by bytes that lie in the same page.
    pub(crate) fn words(&self) -> (u64, &[AtomicU32]) {
        let misplaced = self.base.as_ptr().addr() % 4;
        let first = self.base.as_ptr().wrapping_sub(misplaced).cast::<AtomicU32>();
        let num_words = (misplaced + self.size_bytes).div_ceil(4);
        // SAFETY: aligned by the line above; mapped, since a page holds whole dwords; shared with
        // the host and other threads, which atomics allow. Lives as long as `self`. Where the pages
        // are read-only the callers only load.
        let words = unsafe { std::slice::from_raw_parts(first, num_words) };
        (self.address() - misplaced as u64, words)
    }

    fn word(&self, offset: usize) -> Option<&AtomicU32> {
        let at = self.at(offset, 4)?;
        let (first, words) = self.words();
        at.cast::<u32>().is_aligned().then(|| &words[(at.addr() as u64 - first) as usize / 4])
    }

    /// Reads an aligned word; `None` if it is not in here or not aligned.
    pub(crate) fn load(&self, offset: usize) -> Option<u32> {
        self.word(offset).map(|word| word.load(Ordering::Acquire))
    }

    /// Stores an aligned word, visible to the host at once.
    pub(crate) fn store(&self, offset: usize, value: u32) -> Option<()> {
        self.word(offset).map(|word| word.store(value, Ordering::Release))
    }

    /// Copies from `from` to here; the ranges may overlap.
    pub(crate) fn copy_from(
        &self,
        offset: usize,
        from: &Self,
        from_offset: usize,
        size_bytes: usize,
    ) -> Option<()> {
        let (source, to) = (from.at(from_offset, size_bytes)?, self.at(offset, size_bytes)?);
        // SAFETY: both in range by `at`.
        unsafe { ptr::copy(source, to, size_bytes) };
        Some(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fresh_memory_is_poison_everywhere_and_costs_nothing() {
        let poison = Poison::new().expect("a file in memory");
        // 64 GiB: more than any test machine would give at once.
        let bytes = Bytes::poisoned(&poison, 64 << 30).expect("addresses are free");
        for offset in [0, LARGE_POISON_BYTES - 2, LARGE_POISON_BYTES, (64 << 30) - 4] {
            let mut word = [0; 4];
            bytes.read(offset, &mut word).expect("in range");
            assert_eq!(word, [POISON; 4], "{offset}");
        }
        bytes.write((64 << 30) - 2, &[1, 2]).expect("in range");
        let mut end = [0; 4];
        bytes.read((64 << 30) - 4, &mut end).expect("in range");
        assert_eq!(end, [POISON, POISON, 1, 2]);
        assert_eq!(bytes.read((64 << 30) - 3, &mut end), None, "one over the end");
        let middle = Bytes::poisoned(&poison, LARGE_POISON_BYTES - 1).expect("addresses are free");
        middle.read(SMALL_POISON_BYTES - 2, &mut end).expect("in range");
        assert_eq!(end, [POISON; 4]);
        let other = Bytes::poisoned(&poison, 16).expect("addresses are free");
        other.read(0, &mut end).expect("in range");
        assert_eq!(end, [POISON; 4], "allocations share nothing");
    }

    #[test]
    fn patterns_and_overlapping_copies() {
        let poison = Poison::new().expect("a file in memory");
        let bytes = Bytes::poisoned(&poison, 16).expect("addresses are free");
        bytes.fill(0, 12, &[1, 2, 3, 4]).expect("in range");
        bytes.copy_from(2, &bytes, 0, 8).expect("in range");
        let mut all = [0; 16];
        bytes.read(0, &mut all).expect("in range");
        assert_eq!(all, [1, 2, 1, 2, 3, 4, 1, 2, 3, 4, 3, 4, 255, 255, 255, 255]);
        assert_eq!(bytes.fill(12, 8, &[0]), None);
    }
}
