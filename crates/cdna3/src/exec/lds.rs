//! The local data share: loads, stores, atomics, and exchanges between lanes.
//!
//! Out-of-range loads give 0 and out-of-range stores are dropped, as on hardware.

use crate::inst::Inst;

use super::access::{Access, Kind};
use super::fault::FaultKind;
use super::group::Context;
use super::memory::GlobalMemory;
use super::observe::{Observer, Space};
use super::transfer::{self, Local, Nothing, Target};
use super::vector_memory::{Addresses, observed, show, target_access};
use super::wave::{Lanes32, Wave};

/// Executes a DS instruction on the work-group's LDS.
pub(crate) fn execute<M: GlobalMemory + ?Sized, O: Observer>(
    w: &mut Wave,
    i: &Inst,
    access: &Access,
    context: &mut Context<'_, M, O>,
) -> Result<(), FaultKind> {
    if i.memory.gds {
        return Err(FaultKind::Unsupported("global data share"));
    }
    match access.kind {
        Kind::Swizzle | Kind::Permute | Kind::Bpermute => exchange(w, i, access.kind),
        Kind::Cache => {}
        _ => {
            let (base, exec) = (w.lanes(i.src[0], 0), w.exec());
            let (offsets, count) = offsets(i, access);
            for (slot, offset) in offsets.into_iter().enumerate().take(count) {
                let addresses = base.map(|register| address(register, offset));
                ds(w, i, (access, slot), &addresses, exec, context)?;
            }
        }
    }
    Ok(())
}

/// The sum is of 32 bits: clang gives a negative register a positive offset.
pub(crate) fn address(register: u32, offset: u64) -> u64 {
    register.wrapping_add(offset as u32).into()
}

/// Byte offsets of the instruction's one or two addresses.
pub(crate) fn offsets(i: &Inst, access: &Access) -> ([u64; 2], usize) {
    match access.pair_stride {
        Some(stride) => (i.memory.pair.map(|step| u64::from(step) * stride as u64), 2),
        None => ([i.memory.offset as u64, 0], 1),
    }
}

/// Lanes of `mask` whose bytes are all in LDS.
pub(crate) fn in_range(addresses: &Addresses, mask: u64, bytes: usize, lds_bytes: usize) -> u64 {
    let Some(last) = lds_bytes.checked_sub(bytes) else { return 0 };
    let last = last as u64;
    if addresses.iter().fold(true, |all, &address| all & (address <= last)) {
        return mask;
    }
    (0..64).filter(|&l| addresses[l] <= last).fold(0, |live, l| live | (1 << l)) & mask
}

/// Address number `slot` of a DS instruction.
fn ds<M: GlobalMemory + ?Sized, O: Observer>(
    w: &mut Wave,
    i: &Inst,
    (access, slot): (&Access, usize),
    addresses: &Addresses,
    exec: u64,
    context: &mut Context<'_, M, O>,
) -> Result<(), FaultKind> {
    let live = in_range(addresses, exec, access.bytes, context.lds.len());
    show(w, i, (Space::Lds, observed(access.kind), access.bytes), addresses, live, context)?;
    apply(w, i, (access, slot), &mut Local(context.lds), addresses, live);
    if live != exec {
        apply(w, i, (access, slot), &mut Nothing, addresses, exec & !live);
    }
    Ok(())
}

fn apply<T: Target>(
    w: &mut Wave,
    i: &Inst,
    (access, slot): (&Access, usize),
    target: &mut T,
    addresses: &Addresses,
    mask: u64,
) {
    match access.kind {
        Kind::Load => {
            let dst = (i.dst, slot * access.dwords());
            transfer::load(w, dst, access, target, addresses, mask);
        }
        Kind::Store => transfer::store(w, i.src[1 + slot], access, target, addresses, mask),
        Kind::Atomic(atomic) => {
            // DS order: data 0 is the comparand, data 1 the new value.
            let is_cmpst = !i.src[2].is_none();
            let value = |w: &Wave, lane: usize| {
                let (first, second) = (w.data64(i.src[1], lane), w.data64(i.src[2], lane));
                if is_cmpst { (second, first) } else { (first, 0) }
            };
            transfer::atomic(w, i, (atomic, access), target, (addresses, mask), value);
        }
        _ => {}
    }
}

/// A flat access that falls into the LDS aperture: data as FLAT has them.
pub(crate) fn transfer<M: GlobalMemory + ?Sized, O: Observer>(
    w: &mut Wave,
    i: &Inst,
    access: &Access,
    addresses: &Addresses,
    mask: u64,
    context: &mut Context<'_, M, O>,
) -> Result<(), FaultKind> {
    let live = in_range(addresses, mask, access.bytes, context.lds.len());
    show(w, i, (Space::Lds, observed(access.kind), access.bytes), addresses, live, context)?;
    let lds = std::mem::take(&mut context.lds);
    let result = target_access(w, i, access, &mut Local(lds), (addresses, live), context);
    context.lds = lds;
    result?;
    target_access(w, i, access, &mut Nothing, (addresses, mask & !live), context)
}

/// The lane that `lane` reads under a swizzle's 16-bit pattern.
pub(crate) fn swizzle_lane(pattern: u32, lane: usize) -> usize {
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
