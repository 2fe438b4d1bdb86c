//! Flat, global, scratch and buffer memory: one address for each lane that is on.

use crate::inst::{Format, Inst, slot};

use super::access::{Access, Kind};
use super::fault::FaultKind;
use super::memory::GlobalMemory;
use super::wave::{PRIVATE_APERTURE, SHARED_APERTURE, Wave};

/// Bit of a buffer resource's second word: addresses are swizzled.
const SWIZZLE_ENABLE: u32 = 1 << 31;

/// What a lane addresses.
#[derive(Clone, Copy)]
enum Place {
    /// Global memory.
    Global(u64),
    /// LDS of the work-group.
    Lds(u64),
    /// The lane's private memory.
    Scratch(u64),
    /// A buffer, of which that many bytes from the address on are in range.
    Buffer(u64, u64),
}

/// Executes a vector memory instruction.
pub(crate) fn execute(
    w: &mut Wave,
    i: &Inst,
    access: &Access,
    lds: &mut [u8],
    memory: &mut dyn GlobalMemory,
) -> Result<(), FaultKind> {
    if access.kind == Kind::Cache {
        return Ok(());
    }
    let exec = w.exec();
    for lane in (0..64).filter(|lane| (exec >> lane) & 1 == 1) {
        let place = place(w, i, lane)?;
        let mut spaces = Spaces { lds: &mut *lds, memory: &mut *memory };
        match access.kind {
            Kind::Load => {
                let mut bytes = [0; 16];
                spaces.read(w, place, lane, &mut bytes[..access.bytes])?;
                if i.memory.lds {
                    to_lds(w, i, access, lane, &bytes, lds);
                } else {
                    w.put_loaded(i.dst, 0, lane, access, &bytes);
                }
            }
            Kind::Store => {
                let bytes = w.stored(i.src[1], lane, access);
                spaces.write(w, place, lane, &bytes[..access.bytes])?;
            }
            Kind::Atomic(atomic) => {
                let mut old = [0; 8];
                spaces.read(w, place, lane, &mut old[..access.bytes])?;
                let dwords = access.dwords();
                let value = |at: usize| {
                    let low = u64::from(w.lane(i.src[1], at, lane));
                    let high = if dwords == 2 { w.lane(i.src[1], at + 1, lane) } else { 0 };
                    low | (u64::from(high) << 32)
                };
                // FLAT order: the new value, then the comparand.
                let has_compare = usize::from(i.src[1].dwords) > dwords;
                let compare = if has_compare { value(dwords) } else { 0 };
                let new = atomic.apply(u64::from_le_bytes(old), value(0), compare, access.bytes);
                spaces.write(w, place, lane, &new.to_le_bytes()[..access.bytes])?;
                for dword in 0..dwords {
                    let value = (u64::from_le_bytes(old) >> (32 * dword)) as u32;
                    w.set_lane(i.dst, dword, lane, value);
                }
            }
            Kind::Swizzle | Kind::Permute | Kind::Bpermute | Kind::Cache => {}
        }
    }
    Ok(())
}

/// Loads to LDS: lane l's dword goes to M0 + offset + 4 l.
fn to_lds(w: &Wave, i: &Inst, access: &Access, lane: usize, bytes: &[u8; 16], lds: &mut [u8]) {
    let m0 = (w.scalars[usize::from(slot::M0)] & 0xffff) as usize;
    let at = m0.wrapping_add_signed(i.memory.offset as isize) + 4 * lane;
    let value = match (access.bytes, access.signed) {
        (1, true) => bytes[0] as i8 as u32,
        (2, true) => i16::from_le_bytes([bytes[0], bytes[1]]) as u32,
        _ => u32::from_le_bytes([bytes[0], bytes[1], bytes[2], bytes[3]]),
    };
    if let Some(found) = lds.get_mut(at..at + 4) {
        found.copy_from_slice(&value.to_le_bytes());
    }
}

fn place(w: &Wave, i: &Inst, lane: usize) -> Result<Place, FaultKind> {
    let offset = i64::from(i.memory.offset);
    let vector = || u64::from(w.lane(i.src[0], 0, lane));
    match i.format {
        Format::Mubuf => buffer(w, i, lane),
        Format::Scratch => {
            let vector = if i.src[0].is_none() { 0 } else { vector() };
            let base = vector + u64::from(w.scalar32(i.src[2]));
            Ok(Place::Scratch(base.wrapping_add_signed(offset) & 0xffff_ffff))
        }
        Format::Global if !i.src[2].is_none() => {
            let base = w.scalar64(i.src[2]).wrapping_add(vector());
            Ok(Place::Global(base.wrapping_add_signed(offset)))
        }
        _ => {
            let address = w.data64(i.src[0], lane).wrapping_add_signed(offset);
            Ok(match ((address >> 32) as u32, i.format) {
                (SHARED_APERTURE, Format::Flat) => Place::Lds(address & 0xffff_ffff),
                (PRIVATE_APERTURE, Format::Flat) => Place::Scratch(address & 0xffff_ffff),
                _ => Place::Global(address),
            })
        }
    }
}

/// Address and remaining range by the buffer resource (CDNA3 ISA, "Buffer addressing").
fn buffer(w: &Wave, i: &Inst, lane: usize) -> Result<Place, FaultKind> {
    let word = |index| w.scalar32_at(i.src[2], index);
    if word(1) & SWIZZLE_ENABLE != 0 {
        return Err(FaultKind::Unsupported("swizzled buffer"));
    }
    let base = u64::from(word(0)) | (u64::from(word(1) & 0xffff) << 32);
    let stride = u64::from((word(1) >> 16) & 0x3fff);
    let num_records = u64::from(word(2));
    let index = if i.memory.idxen { u64::from(w.lane(i.src[0], 0, lane)) } else { 0 };
    let in_vector = if i.memory.offen {
        u64::from(w.lane(i.src[0], usize::from(i.memory.idxen), lane))
    } else {
        0
    };
    let offset = in_vector + i.memory.offset as u64;
    let scalar = u64::from(w.scalar32(i.src[3]));
    let range = if stride == 0 {
        num_records.saturating_sub(offset.saturating_add(scalar))
    } else if index < num_records {
        stride.saturating_sub(offset)
    } else {
        0
    };
    Ok(Place::Buffer(base + index * stride + offset + scalar, range))
}

/// The memories that a lane reaches.
struct Spaces<'a> {
    lds: &'a mut [u8],
    memory: &'a mut dyn GlobalMemory,
}

impl Spaces<'_> {
    fn read(&self, w: &Wave, place: Place, lane: usize, out: &mut [u8]) -> Result<(), FaultKind> {
        let global = |error| FaultKind::Memory { lane, error };
        match place {
            Place::Global(address) => self.memory.read(address, out).map_err(global),
            Place::Buffer(address, range) => {
                let size = in_range(range, out.len());
                if size == 0 {
                    return Ok(());
                }
                self.memory.read(address, &mut out[..size]).map_err(global)
            }
            Place::Lds(at) => {
                if let Some(found) = self.lds.get(at as usize..at as usize + out.len()) {
                    out.copy_from_slice(found);
                }
                Ok(())
            }
            Place::Scratch(offset) => {
                let start = scratch_start(w, lane, offset, out.len())?;
                out.copy_from_slice(&w.scratch[start..start + out.len()]);
                Ok(())
            }
        }
    }

    fn write(
        &mut self,
        w: &mut Wave,
        place: Place,
        lane: usize,
        from: &[u8],
    ) -> Result<(), FaultKind> {
        let global = |error| FaultKind::Memory { lane, error };
        match place {
            Place::Global(address) => self.memory.write(address, from).map_err(global),
            Place::Buffer(address, range) => {
                let size = in_range(range, from.len());
                if size == 0 {
                    return Ok(());
                }
                self.memory.write(address, &from[..size]).map_err(global)
            }
            Place::Lds(at) => {
                if let Some(found) = self.lds.get_mut(at as usize..at as usize + from.len()) {
                    found.copy_from_slice(from);
                }
                Ok(())
            }
            Place::Scratch(offset) => {
                let start = scratch_start(w, lane, offset, from.len())?;
                w.scratch[start..start + from.len()].copy_from_slice(from);
                Ok(())
            }
        }
    }
}

/// Bytes of an access that are in a buffer's range: whole dwords, or all of a smaller element. With
/// none of them the access is dropped: its address may be no memory at all.
fn in_range(range: u64, size: usize) -> usize {
    let range = usize::try_from(range).unwrap_or(usize::MAX).min(size);
    if size < 4 && range < size {
        0
    } else if size < 4 {
        size
    } else {
        range & !3
    }
}

fn scratch_start(w: &Wave, lane: usize, offset: u64, size: usize) -> Result<usize, FaultKind> {
    let at = offset as usize;
    if at + size > w.scratch_bytes {
        return Err(FaultKind::Scratch { lane, offset, size_bytes: w.scratch_bytes });
    }
    Ok(lane * w.scratch_bytes + at)
}
