//! The local data share: loads, stores, atomics, and exchanges between lanes.
//!
//! Out-of-range loads give 0 and out-of-range stores are dropped, as on hardware.

use crate::inst::Inst;

use super::access::{Access, Kind};
use super::fault::FaultKind;
use super::wave::{Lanes32, Wave};

/// Executes a DS instruction on the work-group's `lds`.
pub(crate) fn execute(
    w: &mut Wave,
    i: &Inst,
    access: &Access,
    lds: &mut [u8],
) -> Result<(), FaultKind> {
    if i.memory.gds {
        return Err(FaultKind::Unsupported("global data share"));
    }
    match access.kind {
        Kind::Swizzle | Kind::Permute | Kind::Bpermute => exchange(w, i, access.kind),
        Kind::Load => load(w, i, access, lds),
        Kind::Store => store(w, i, access, lds),
        Kind::Atomic(atomic) => {
            let (addresses, exec) = (w.lanes(i.src[0], 0), w.exec());
            let offset = i.memory.offset as usize;
            for lane in (0..64).filter(|lane| (exec >> lane) & 1 == 1) {
                let at = addresses[lane] as usize + offset;
                let old = read(lds, at, access.bytes);
                // DS order: data 0 is the comparand, data 1 the new value.
                let (first, second) = (w.data64(i.src[1], lane), w.data64(i.src[2], lane));
                let is_cmpst = !i.src[2].is_none();
                let (data, compare) = if is_cmpst { (second, first) } else { (first, 0) };
                let new = atomic.apply(old, data, compare, access.bytes);
                write(lds, at, &new.to_le_bytes()[..access.bytes]);
                w.set_lane(i.dst, 0, lane, old as u32);
                if access.bytes == 8 {
                    w.set_lane(i.dst, 1, lane, (old >> 32) as u32);
                }
            }
        }
        Kind::Cache => {}
    }
    Ok(())
}

fn read(lds: &[u8], at: usize, bytes: usize) -> u64 {
    let mut value = [0; 8];
    if let Some(found) = lds.get(at..at + bytes) {
        value[..bytes].copy_from_slice(found);
    }
    u64::from_le_bytes(value)
}

fn write(lds: &mut [u8], at: usize, bytes: &[u8]) {
    if let Some(found) = lds.get_mut(at..at + bytes.len()) {
        found.copy_from_slice(bytes);
    }
}

/// Byte offsets of the instruction's one or two addresses.
fn offsets(i: &Inst, access: &Access) -> ([usize; 2], usize) {
    match access.pair_stride {
        Some(stride) => (i.memory.pair.map(|step| usize::from(step) * stride), 2),
        None => ([i.memory.offset as usize, 0], 1),
    }
}

fn load(w: &mut Wave, i: &Inst, access: &Access, lds: &[u8]) {
    let (addresses, exec) = (w.lanes(i.src[0], 0), w.exec());
    let (offsets, count) = offsets(i, access);
    for lane in (0..64).filter(|lane| (exec >> lane) & 1 == 1) {
        for (slot, offset) in offsets.iter().enumerate().take(count) {
            let mut bytes = [0; 16];
            let at = addresses[lane] as usize + offset;
            if let Some(found) = lds.get(at..at + access.bytes) {
                bytes[..access.bytes].copy_from_slice(found);
            }
            w.put_loaded(i.dst, slot * access.dwords(), lane, access, &bytes);
        }
    }
}

fn store(w: &Wave, i: &Inst, access: &Access, lds: &mut [u8]) {
    let (addresses, exec) = (w.lanes(i.src[0], 0), w.exec());
    let (offsets, count) = offsets(i, access);
    for lane in (0..64).filter(|lane| (exec >> lane) & 1 == 1) {
        for (slot, offset) in offsets.iter().enumerate().take(count) {
            let bytes = w.stored(i.src[1 + slot], lane, access);
            write(lds, addresses[lane] as usize + offset, &bytes[..access.bytes]);
        }
    }
}

/// The lane that `lane` reads under a swizzle's 16-bit pattern.
fn swizzle_lane(pattern: u32, lane: usize) -> usize {
    if pattern & 0x8000 != 0 {
        return (lane & !3) | ((pattern >> (2 * (lane & 3))) & 3) as usize;
    }
    let (and, or, xor) = (pattern & 31, (pattern >> 5) & 31, (pattern >> 10) & 31);
    let within = lane as u32 & 31;
    (lane & !31) | (((within & and) | or) ^ xor) as usize
}

/// `ds_swizzle`, `ds_permute`, `ds_bpermute`: data of lanes that are off reads as 0.
fn exchange(w: &mut Wave, i: &Inst, kind: Kind) {
    let exec = w.exec();
    let offset = i.memory.offset as u32;
    let is_on = |lane: usize| (exec >> lane) & 1 == 1;
    let mut result: Lanes32 = [0; 64];
    if kind == Kind::Swizzle {
        let data = w.lanes(i.src[if i.src[0].is_none() { 1 } else { 0 }], 0);
        for (lane, value) in result.iter_mut().enumerate() {
            let from = swizzle_lane(offset, lane);
            *value = if is_on(from) { data[from] } else { 0 };
        }
    } else {
        let (addresses, data) = (w.lanes(i.src[0], 0), w.lanes(i.src[1], 0));
        for lane in 0..64 {
            let other = ((addresses[lane].wrapping_add(offset) >> 2) & 63) as usize;
            if kind == Kind::Bpermute {
                result[lane] = if is_on(other) { data[other] } else { 0 };
            } else if is_on(lane) {
                result[other] = data[lane];
            }
        }
    }
    w.write_masked(i.dst, 0, &result, exec);
}
