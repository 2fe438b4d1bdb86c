//! Allocations: which addresses mean something, and to whom.
//!
//! Owns the table of regions and the device addresses, which are handed out once and never again,
//! so that every use after a free is seen. Never orders anything: who frees waits for the device
//! first. Called by `runtime` for the host's calls and by streams for their work.

use std::collections::BTreeMap;
use std::ops::Bound::{Included, Unbounded};
use std::sync::{Arc, Mutex, RwLock};

use cdna3::exec::{self, AccessError, GlobalMemory};

use cdna3::exec::sanitize::DeviceShadow;

use crate::errors::{Code, Result};
use crate::mapping::{Bytes, PAGE_BYTES, Poison, Reservation, whole_pages};

/// Memory of an MI300X as its driver reports it, 196,592 MiB.
pub(crate) const DEVICE_BYTES: u64 = 196_592 << 20;
/// Addresses of a device: enough never to reuse one.
const ARENA_BYTES: usize = 2 << 40;
/// Alignment of device allocations, and least gap between two: nothing lies within a stray offset
/// of this many bytes.
const DEVICE_GUARD_BYTES: u64 = 64 << 10;

/// Where a region's bytes are and who may touch them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Place {
    /// A device's memory: that device, its peers with access, copies.
    Device(usize),
    /// Pinned host memory: everyone.
    Pinned,
    /// The host's own memory, registered: everyone.
    Registered,
    /// The host's own memory, for one copy; never in the table.
    Pageable,
}

/// What a region is for; only allocations may be freed by the host.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Purpose {
    /// The host's allocation.
    Allocation,
    /// A segment of a loaded module.
    Image,
    /// Arguments of a stream's launches.
    Arguments,
}

/// A run of addresses with contents.
#[derive(Debug)]
pub(crate) struct Region {
    /// First address, as device and host programs know it.
    pub(crate) address: u64,
    /// Contents; as long as the region to the byte.
    pub(crate) bytes: Bytes,
    /// Where.
    pub(crate) place: Place,
    /// What for.
    pub(crate) purpose: Purpose,
    /// Kernels may write it.
    pub(crate) writable: bool,
    /// Flags of the allocating call, as `hipPointerGetAttributes` gives them back.
    pub(crate) flags: u32,
}

impl Region {
    pub(crate) fn size_bytes(&self) -> u64 {
        self.bytes.size_bytes() as u64
    }

    fn offset_of(&self, address: u64, size_bytes: u64) -> Option<usize> {
        let offset = address.checked_sub(self.address)?;
        (offset.checked_add(size_bytes)? <= self.size_bytes()).then_some(offset as usize)
    }

    fn accounted_bytes(&self) -> u64 {
        self.size_bytes().next_multiple_of(PAGE_BYTES as u64)
    }
}

/// A part of a region.
#[derive(Clone, Debug)]
pub(crate) struct Span {
    /// The region; kept alive.
    pub(crate) region: Arc<Region>,
    /// First byte in it.
    pub(crate) offset: usize,
    /// Length.
    pub(crate) size_bytes: usize,
}

#[derive(Debug)]
struct Arena {
    reservation: Reservation,
    state: Mutex<ArenaState>,
}

#[derive(Clone, Copy, Debug)]
struct ArenaState {
    next: u64,
    used_bytes: u64,
}

/// All memory of the process that a device can see.
pub(crate) struct Memory {
    poison: Poison,
    arenas: Vec<Arena>,
    regions: RwLock<BTreeMap<u64, Arc<Region>>>,
    /// Which bytes hold values, if the sanitizer is on.
    shadow: Option<DeviceShadow>,
}

impl Memory {
    pub(crate) fn new(num_devices: usize, sanitize: bool) -> rustix::io::Result<Self> {
        let arena = |_| {
            let reservation = Reservation::new(ARENA_BYTES)?;
            let next = reservation.address() + DEVICE_GUARD_BYTES;
            Ok(Arena { reservation, state: Mutex::new(ArenaState { next, used_bytes: 0 }) })
        };
        Ok(Self {
            poison: Poison::new()?,
            arenas: (0..num_devices).map(arena).collect::<rustix::io::Result<_>>()?,
            regions: RwLock::default(),
            shadow: sanitize.then(DeviceShadow::new),
        })
    }

    /// New device memory, poisoned.
    ///
    /// # Errors
    /// `hipErrorOutOfMemory` past the device's size.
    pub(crate) fn allocate(
        &self,
        device: usize,
        size_bytes: u64,
        purpose: Purpose,
        flags: u32,
    ) -> Result<Arc<Region>> {
        let address = self.take_addresses(device, size_bytes)?;
        let bytes = self.poisoned(size_bytes).inspect_err(|_| {
            self.give_back(device, size_bytes);
        })?;
        let place = Place::Device(device);
        Ok(self.insert(Region { address, bytes, place, purpose, writable: true, flags }))
    }

    /// Places parts of an image, `(offset, contents, size, writable)`, in one run of addresses of
    /// the device; the run's address and the regions.
    pub(crate) fn place_image(
        &self,
        device: usize,
        size_bytes: u64,
        parts: impl Iterator<Item = (u64, Vec<u8>, u64, bool)>,
    ) -> Result<(u64, Vec<Arc<Region>>)> {
        let base = self.take_addresses(device, size_bytes)?;
        let place = Place::Device(device);
        let mut regions = Vec::new();
        for (offset, contents, part_bytes, writable) in parts {
            let bytes = self.poisoned(part_bytes)?;
            let fill = bytes.fill(0, part_bytes as usize, &[0]);
            fill.and_then(|()| bytes.write(0, &contents)).ok_or(Code::INVALID_IMAGE)?;
            if !writable {
                bytes.make_read_only().map_err(|_| Code::OUT_OF_MEMORY)?;
            }
            let address = base + offset;
            let purpose = Purpose::Image;
            regions.push(self.insert(Region {
                address,
                bytes,
                place,
                purpose,
                writable,
                flags: 0,
            }));
        }
        Ok((base, regions))
    }

    /// New pinned host memory, poisoned; the host reads and writes it at the same address.
    pub(crate) fn allocate_pinned(&self, size_bytes: u64, flags: u32) -> Result<Arc<Region>> {
        let bytes = self.poisoned(size_bytes)?;
        let (address, place) = (bytes.address(), Place::Pinned);
        let purpose = Purpose::Allocation;
        Ok(self.insert(Region { address, bytes, place, purpose, writable: true, flags }))
    }

    /// Makes a range of the host's memory known.
    ///
    /// # Errors
    /// `hipErrorHostMemoryAlreadyRegistered` if a part of it is known already.
    pub(crate) fn register(&self, bytes: Bytes, flags: u32) -> Result<()> {
        let address = bytes.address();
        let end = address + bytes.size_bytes() as u64;
        let mut regions = self.regions.write().expect(POISONED);
        let before = regions.range(..end).next_back();
        if before.is_some_and(|(_, region)| region.address + region.size_bytes() > address) {
            return Err(Code::HOST_MEMORY_ALREADY_REGISTERED);
        }
        let (place, purpose) = (Place::Registered, Purpose::Allocation);
        let region = Region { address, bytes, place, purpose, writable: true, flags };
        self.show(&region);
        regions.insert(address, Arc::new(region));
        Ok(())
    }

    fn poisoned(&self, size_bytes: u64) -> Result<Bytes> {
        let size = usize::try_from(size_bytes).map_err(|_| Code::OUT_OF_MEMORY)?;
        Bytes::poisoned(&self.poison, size).map_err(|_| Code::OUT_OF_MEMORY)
    }

    fn take_addresses(&self, device: usize, size_bytes: u64) -> Result<u64> {
        let arena = &self.arenas[device];
        let pages = usize::try_from(size_bytes).ok().and_then(whole_pages);
        let size_bytes = pages.ok_or(Code::OUT_OF_MEMORY)? as u64;
        let mut state = arena.state.lock().expect(POISONED);
        let end = arena.reservation.address() + arena.reservation.size_bytes() as u64;
        if size_bytes > DEVICE_BYTES - state.used_bytes {
            return Err(Code::OUT_OF_MEMORY);
        }
        let address = state.next;
        let next = address + size_bytes.next_multiple_of(DEVICE_GUARD_BYTES) + DEVICE_GUARD_BYTES;
        if next > end {
            eprintln!("hip-emu: device {device} has used up its addresses, which are never reused");
            return Err(Code::OUT_OF_MEMORY);
        }
        *state = ArenaState { next, used_bytes: state.used_bytes + size_bytes };
        Ok(address)
    }

    fn give_back(&self, device: usize, size_bytes: u64) {
        let mut state = self.arenas[device].state.lock().expect(POISONED);
        state.used_bytes -= size_bytes.next_multiple_of(PAGE_BYTES as u64);
    }

    /// The sanitizer's view of memory, if it is on.
    pub(crate) fn shadow(&self) -> Option<&DeviceShadow> {
        self.shadow.as_ref()
    }

    /// Tells the sanitizer of a region. The host may write its own memory at any time, and images
    /// and arguments are written when they are made: only device memory begins without values.
    fn show(&self, region: &Region) {
        let Some(shadow) = &self.shadow else { return };
        shadow.allocate(region.address, region.size_bytes());
        let is_device = matches!(region.place, Place::Device(_));
        if !is_device || region.purpose != Purpose::Allocation {
            shadow.mark_defined(region.address, region.size_bytes());
        }
    }

    /// Tells the sanitizer that bytes of `to` were written; copied, if they come from `from`.
    pub(crate) fn written(&self, to: &Span, from: Option<&Span>) {
        let Some(shadow) = &self.shadow else { return };
        let start = |span: &Span| span.region.address + span.offset as u64;
        let in_device = |span: &&Span| matches!(span.region.place, Place::Device(_));
        if !in_device(&to) {
            return;
        }
        match from.filter(in_device) {
            Some(from) => shadow.copy(start(to), start(from), to.size_bytes as u64),
            None => shadow.mark_defined(start(to), to.size_bytes as u64),
        }
    }

    fn insert(&self, region: Region) -> Arc<Region> {
        self.show(&region);
        let region = Arc::new(region);
        let old = self.regions.write().expect(POISONED).insert(region.address, region.clone());
        assert!(old.is_none(), "addresses are handed out once");
        region
    }

    /// Takes the region that starts at `address` out of the table if `suits`.
    pub(crate) fn remove(
        &self,
        address: u64,
        suits: impl Fn(&Region) -> bool,
    ) -> Option<Arc<Region>> {
        let mut regions = self.regions.write().expect(POISONED);
        regions.get(&address).filter(|region| suits(region))?;
        let region = regions.remove(&address)?;
        if let Some(shadow) = &self.shadow {
            shadow.free(address);
        }
        if let (Place::Device(device), true) = (region.place, region.purpose != Purpose::Image) {
            self.give_back(device, region.accounted_bytes());
        }
        Some(region)
    }

    /// Takes a module's regions, and the addresses' share of the device's memory, back.
    pub(crate) fn remove_image(&self, device: usize, size_bytes: u64, regions: &[Arc<Region>]) {
        for region in regions {
            self.remove(region.address, |_| true);
        }
        self.give_back(device, size_bytes);
    }

    /// The region that holds all of `size_bytes` bytes from `address`.
    pub(crate) fn find(&self, address: u64, size_bytes: u64) -> Option<Span> {
        let regions = self.regions.read().expect(POISONED);
        let (_, region) = regions.range((Unbounded, Included(address))).next_back()?;
        let offset = region.offset_of(address, size_bytes)?;
        Some(Span { region: region.clone(), offset, size_bytes: usize::try_from(size_bytes).ok()? })
    }

    /// Whether the address is one of a device's, in use or not.
    pub(crate) fn is_device_address(&self, address: u64) -> bool {
        self.arenas.iter().any(|arena| {
            let base = arena.reservation.address();
            (base..base + arena.reservation.size_bytes() as u64).contains(&address)
        })
    }

    /// Bytes of the device that are not allocated.
    pub(crate) fn free_bytes(&self, device: usize) -> u64 {
        DEVICE_BYTES - self.arenas[device].state.lock().expect(POISONED).used_bytes
    }

    /// The regions that satisfy `suits`, in order of address.
    pub(crate) fn regions(&self, suits: impl Fn(&Region) -> bool) -> Vec<Arc<Region>> {
        let regions = self.regions.read().expect(POISONED);
        regions.values().filter(|region| suits(region)).cloned().collect()
    }
}

/// Why the locks' results are not looked at.
pub(crate) const POISONED: &str = "no thread panics while it holds the lock";

/// Device memory as one launch sees it.
#[derive(Debug)]
pub(crate) struct View {
    regions: Vec<Arc<Region>>,
}

impl View {
    /// What a kernel on `device` may touch, when it starts.
    pub(crate) fn new(memory: &Memory, device: usize, peers: &[usize]) -> Self {
        let regions = memory.regions(|region| match region.place {
            Place::Device(owner) => owner == device || peers.contains(&owner),
            Place::Pinned | Place::Registered => true,
            Place::Pageable => false,
        });
        Self { regions }
    }

    fn locate(&self, address: u64, size_bytes: usize) -> Option<(&Region, usize)> {
        let after = self.regions.partition_point(|region| region.address <= address);
        let region = &self.regions[after.checked_sub(1)?];
        Some((region, region.offset_of(address, size_bytes as u64)?))
    }
}

impl GlobalMemory for View {
    fn region(
        &self,
        address: u64,
        size_bytes: usize,
        is_write: bool,
    ) -> std::result::Result<exec::Region<'_>, AccessError> {
        let found = self.locate(address, size_bytes).filter(|(r, _)| r.writable || !is_write);
        let (region, _) = found.ok_or(AccessError { address, size_bytes, is_write })?;
        let (first, words) = region.bytes.words();
        // Device addresses are not those of the contents; both are misplaced by as much.
        let base = region.address - (region.bytes.address() - first);
        Ok(exec::Region { base, words })
    }
}
