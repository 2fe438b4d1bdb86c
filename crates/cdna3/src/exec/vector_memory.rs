//! Flat, global, scratch and buffer memory: one address for each lane that is on.
//!
//! Finds addresses, spaces and ranges; `transfer` moves the data.

use crate::inst::{Format, Inst, slot};

use super::access::{Access, Kind};
use super::fault::FaultKind;
use super::group::Context;
use super::lds;
use super::memory::{GlobalMemory, Region};
use super::observe::{AccessKind, MemoryAccess, Observer, Space};
use super::transfer::{self, Local, Nothing, Target, each_lane};
use super::wave::{PRIVATE_APERTURE, SHARED_APERTURE, Wave};

/// Bit of a buffer resource's second word: addresses are swizzled.
const SWIZZLE_ENABLE: u32 = 1 << 31;

/// One address for each lane.
pub(crate) type Addresses = [u64; 64];

/// Executes a vector memory instruction.
pub(crate) fn execute<M: GlobalMemory + ?Sized, O: Observer>(
    w: &mut Wave,
    i: &Inst,
    access: &Access,
    context: &mut Context<'_, M, O>,
) -> Result<(), FaultKind> {
    if access.kind == Kind::Cache {
        return Ok(());
    }
    let exec = w.exec();
    match i.format {
        Format::Mubuf => buffer(w, i, access, exec, context),
        Format::Scratch => {
            let base = i64::from(i.memory.offset) + i64::from(w.scalar32(i.src[2]));
            let lanes = w.lanes(i.src[0], 0);
            let addresses = lanes.map(|v| u64::from(v).wrapping_add_signed(base) & 0xffff_ffff);
            scratch(w, i, access, &addresses, exec, context)
        }
        Format::Global if !i.src[2].is_none() => {
            let base = w.scalar64(i.src[2]).wrapping_add_signed(i.memory.offset.into());
            let addresses = w.lanes(i.src[0], 0).map(|v| base.wrapping_add(v.into()));
            global(w, i, access, &addresses, exec, context)
        }
        format => {
            let offset = i64::from(i.memory.offset);
            let addresses = w.lanes64(i.src[0]).map(|v| v.wrapping_add_signed(offset));
            if format == Format::Flat {
                flat(w, i, access, &addresses, exec, context)
            } else {
                global(w, i, access, &addresses, exec, context)
            }
        }
    }
}

/// Lanes of a flat access go where their apertures say.
fn flat<M: GlobalMemory + ?Sized, O: Observer>(
    w: &mut Wave,
    i: &Inst,
    access: &Access,
    addresses: &Addresses,
    exec: u64,
    context: &mut Context<'_, M, O>,
) -> Result<(), FaultKind> {
    let in_aperture = |high: u32| {
        let is_in = |lane: &usize| (addresses[*lane] >> 32) as u32 == high;
        (0..64).filter(is_in).fold(0_u64, |mask, lane| mask | (1 << lane)) & exec
    };
    let (shared, private) = (in_aperture(SHARED_APERTURE), in_aperture(PRIVATE_APERTURE));
    let offsets = addresses.map(|address| address & 0xffff_ffff);
    if shared != 0 {
        lds::transfer(w, i, access, &offsets, shared, context)?;
    }
    if private != 0 {
        scratch(w, i, access, &offsets, private, context)?;
    }
    let rest = exec & !shared & !private;
    if rest != 0 { global(w, i, access, addresses, rest, context) } else { Ok(()) }
}

/// What observers call the access.
pub(crate) fn observed(kind: Kind) -> AccessKind {
    match kind {
        Kind::Load => AccessKind::Load,
        Kind::Store => AccessKind::Store,
        _ => AccessKind::Atomic,
    }
}

/// Shows an access to the observer.
#[inline]
pub(crate) fn show<M: ?Sized, O: Observer>(
    w: &Wave,
    i: &Inst,
    (space, kind, bytes): (Space, AccessKind, usize),
    addresses: &Addresses,
    mask: u64,
    context: &mut Context<'_, M, O>,
) -> Result<(), FaultKind> {
    if !O::ACTIVE || mask == 0 {
        return Ok(());
    }
    let access = MemoryAccess { space, kind, addresses, mask, bytes: bytes as u32 };
    let view = context.view(w);
    context.observer.memory(view, i, &access)
}

/// First byte and length of what the lanes of a wave touch.
#[inline]
fn span(addresses: &Addresses, mask: u64, bytes: usize) -> Option<(u64, usize)> {
    let (mut least, mut most) = (u64::MAX, 0);
    each_lane(mask, |lane| {
        least = least.min(addresses[lane]);
        most = most.max(addresses[lane]);
    });
    Some((least, usize::try_from(most.checked_sub(least)?).ok()?.checked_add(bytes)?))
}

/// Global memory: through one region if the lanes stay in one, else lane by lane.
fn global<M: GlobalMemory + ?Sized, O: Observer>(
    w: &mut Wave,
    i: &Inst,
    access: &Access,
    addresses: &Addresses,
    mask: u64,
    context: &mut Context<'_, M, O>,
) -> Result<(), FaultKind> {
    if mask == 0 {
        return Ok(());
    }
    let what = (Space::Global, observed(access.kind), access.bytes);
    show(w, i, what, addresses, mask, context)?;
    let is_write = access.kind != Kind::Load;
    let memory = context.memory;
    if let Some((least, size_bytes)) = span(addresses, mask, access.bytes)
        && let Ok(region) = memory.region(least, size_bytes, is_write)
    {
        return region_access(w, i, access, region, (addresses, mask), context);
    }
    for lane in (0..64).filter(|lane| (mask >> lane) & 1 == 1) {
        let region = memory
            .region(addresses[lane], access.bytes, is_write)
            .map_err(|error| FaultKind::Memory { lane, error })?;
        region_access(w, i, access, region, (addresses, 1 << lane), context)?;
    }
    Ok(())
}

fn region_access<M: GlobalMemory + ?Sized, O: Observer>(
    w: &mut Wave,
    i: &Inst,
    access: &Access,
    mut region: Region<'_>,
    (addresses, mask): (&Addresses, u64),
    context: &mut Context<'_, M, O>,
) -> Result<(), FaultKind> {
    if matches!(access.kind, Kind::Atomic(_)) {
        let align = access.bytes as u64 - 1;
        let is_off = |&lane: &usize| (mask >> lane) & 1 == 1 && addresses[lane] & align != 0;
        if let Some(lane) = (0..64).find(is_off) {
            return Err(FaultKind::Misaligned { lane, address: addresses[lane] });
        }
    }
    target_access(w, i, access, &mut region, (addresses, mask), context)
}

/// The access itself, on any memory.
pub(crate) fn target_access<T: Target, M: GlobalMemory + ?Sized, O: Observer>(
    w: &mut Wave,
    i: &Inst,
    access: &Access,
    target: &mut T,
    (addresses, mask): (&Addresses, u64),
    context: &mut Context<'_, M, O>,
) -> Result<(), FaultKind> {
    match access.kind {
        Kind::Load if i.memory.lds => {
            return to_lds(w, i, access, target, (addresses, mask), context);
        }
        Kind::Load => transfer::load(w, (i.dst, 0), access, target, addresses, mask),
        Kind::Store => transfer::store(w, i.src[1], access, target, addresses, mask),
        Kind::Atomic(atomic) => {
            // FLAT order: the new value, then the comparand.
            let dwords = access.dwords();
            let has_compare = usize::from(i.src[1].dwords) > dwords;
            let value = |w: &Wave, lane: usize| {
                let at = |first: usize| {
                    let low = u64::from(w.lane(i.src[1], first, lane));
                    let high = if dwords == 2 { w.lane(i.src[1], first + 1, lane) } else { 0 };
                    low | (u64::from(high) << 32)
                };
                (at(0), if has_compare { at(dwords) } else { 0 })
            };
            transfer::atomic(w, i, (atomic, access), target, (addresses, mask), value);
        }
        Kind::Swizzle | Kind::Permute | Kind::Bpermute | Kind::Cache => {}
    }
    Ok(())
}

/// Loads to LDS: lane l's dword goes to M0 + offset + 4 l.
fn to_lds<T: Target, M: ?Sized, O: Observer>(
    w: &Wave,
    i: &Inst,
    access: &Access,
    target: &T,
    (addresses, mask): (&Addresses, u64),
    context: &mut Context<'_, M, O>,
) -> Result<(), FaultKind> {
    let m0 = u64::from(w.scalars[usize::from(slot::M0)] & 0xffff);
    let base = m0.wrapping_add_signed(i.memory.offset.into());
    let places: Addresses = std::array::from_fn(|lane| base.wrapping_add(4 * lane as u64));
    let live = lds::in_range(&places, mask, 4, context.lds.len());
    show(w, i, (Space::Lds, AccessKind::Store, 4), &places, live, context)?;
    let mut lds = Local(context.lds);
    each_lane(live, |lane| {
        let value = if access.bytes < 4 {
            transfer::small(target, access, addresses[lane])
        } else {
            let mut word = [0; 4];
            target.bytes(addresses[lane], &mut word);
            u32::from_le_bytes(word)
        };
        lds.set_word(places[lane], value);
    });
    Ok(())
}

/// Private memory of the lanes, by offset.
fn scratch<M: GlobalMemory + ?Sized, O: Observer>(
    w: &mut Wave,
    i: &Inst,
    access: &Access,
    offsets: &Addresses,
    mask: u64,
    context: &mut Context<'_, M, O>,
) -> Result<(), FaultKind> {
    let what = (Space::Scratch, observed(access.kind), access.bytes);
    show(w, i, what, offsets, mask, context)?;
    let size_bytes = w.scratch_bytes;
    for lane in (0..64).filter(|lane| (mask >> lane) & 1 == 1) {
        let offset = offsets[lane];
        if offset + access.bytes as u64 > size_bytes as u64 {
            return Err(FaultKind::Scratch { lane, offset, size_bytes });
        }
    }
    let mut bytes = std::mem::take(&mut w.scratch);
    let addresses = std::array::from_fn(|lane| (lane * size_bytes) as u64 + offsets[lane]);
    let place = (&addresses, mask);
    let result = target_access(w, i, access, &mut Local(&mut bytes), place, context);
    w.scratch = bytes;
    result
}

/// Memory through a buffer resource (CDNA3 ISA, "Buffer addressing"). Lanes out of range load
/// zeros and store nothing; a lane that is partly in range keeps its whole dwords.
fn buffer<M: GlobalMemory + ?Sized, O: Observer>(
    w: &mut Wave,
    i: &Inst,
    access: &Access,
    exec: u64,
    context: &mut Context<'_, M, O>,
) -> Result<(), FaultKind> {
    let (addresses, ranges) = buffer_places(w, i)?;
    let sizes = ranges.map(|range| in_range(range, access.bytes));
    let of_size = |size: usize| {
        (0..64).filter(|&lane| sizes[lane] == size).fold(0_u64, |mask, lane| mask | (1 << lane))
            & exec
    };
    let full = of_size(access.bytes);
    if full == exec {
        return global(w, i, access, &addresses, full, context);
    }
    // Zeros first; they are all that lanes out of range get.
    let rest = exec & !full;
    if access.kind != Kind::Store {
        target_access(w, i, access, &mut Nothing, (&addresses, rest), context)?;
    }
    for size in (4..access.bytes).step_by(4) {
        let part = Access { bytes: size, ..*access };
        if !matches!(access.kind, Kind::Atomic(_)) {
            global(w, i, &part, &addresses, of_size(size), context)?;
        }
    }
    global(w, i, access, &addresses, full, context)
}

/// Addresses, and bytes from there to the end of the range.
pub(crate) fn buffer_places(w: &Wave, i: &Inst) -> Result<(Addresses, Addresses), FaultKind> {
    let word = |index| w.scalar32_at(i.src[2], index);
    if word(1) & SWIZZLE_ENABLE != 0 {
        return Err(FaultKind::Unsupported("swizzled buffer"));
    }
    let base = u64::from(word(0)) | (u64::from(word(1) & 0xffff) << 32);
    let stride = u64::from((word(1) >> 16) & 0x3fff);
    let num_records = u64::from(word(2));
    let scalar = u64::from(w.scalar32(i.src[3]));
    let indices = if i.memory.idxen { w.lanes(i.src[0], 0) } else { [0; 64] };
    let offsets = match (i.memory.offen, i.memory.idxen) {
        (true, idxen) => w.lanes(i.src[0], u8::from(idxen)),
        (false, _) => [0; 64],
    };
    let constant = i.memory.offset as u64;
    let at = |lane: usize| (u64::from(indices[lane]), u64::from(offsets[lane]) + constant);
    let ranges = std::array::from_fn(|lane| {
        let (index, offset) = at(lane);
        if stride == 0 {
            num_records.saturating_sub(offset.saturating_add(scalar))
        } else if index < num_records {
            stride.saturating_sub(offset)
        } else {
            0
        }
    });
    let addresses = std::array::from_fn(|lane| {
        let (index, offset) = at(lane);
        base + index * stride + offset + scalar
    });
    Ok((addresses, ranges))
}

/// Bytes of an access that are in a buffer's range: whole dwords, or all of a smaller element. With
/// none of them the access is dropped: its address may be no memory at all.
pub(crate) fn in_range(range: u64, size: usize) -> usize {
    let range = usize::try_from(range).unwrap_or(usize::MAX).min(size);
    if size < 4 && range < size {
        0
    } else if size < 4 {
        size
    } else {
        range & !3
    }
}
