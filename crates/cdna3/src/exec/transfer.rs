//! Data between registers and a memory, for the lanes of a mask: loads, stores, atomics.
//!
//! Knows neither spaces nor ranges: the caller has checked every address. Lanes are served in
//! ascending order, so of two stores to one place the higher lane's stays.

use crate::inst::{Inst, Operand};

use super::access::{Access, Atomic};
use super::memory::Region;
use super::wave::{Lanes32, Wave};

/// A memory by address.
pub(crate) trait Target {
    /// Whether dwords may lie anywhere.
    const IS_BYTE_ADDRESSED: bool;
    /// The dword at `address`; aligned unless the memory is byte-addressed.
    fn word(&self, address: u64) -> u32;
    /// Bytes at any address.
    fn bytes(&self, address: u64, out: &mut [u8]);
    /// Stores a dword.
    fn set_word(&mut self, address: u64, value: u32);
    /// Stores bytes at any address.
    fn set_bytes(&mut self, address: u64, bytes: &[u8]);
    /// Changes 4 or 8 bytes in one step; gives the old value.
    fn update(&mut self, address: u64, bytes: usize, change: impl Fn(u64) -> u64) -> u64;
}

impl Target for Region<'_> {
    const IS_BYTE_ADDRESSED: bool = false;

    #[inline]
    fn word(&self, address: u64) -> u32 {
        self.load_word(address)
    }

    fn bytes(&self, address: u64, out: &mut [u8]) {
        self.load_bytes(address, out);
    }

    #[inline]
    fn set_word(&mut self, address: u64, value: u32) {
        self.store_masked(address, value, u32::MAX);
    }

    fn set_bytes(&mut self, address: u64, bytes: &[u8]) {
        self.store_bytes(address, bytes);
    }

    fn update(&mut self, address: u64, bytes: usize, change: impl Fn(u64) -> u64) -> u64 {
        Region::update(self, address, bytes, change)
    }
}

/// Memory of one thread: LDS and scratch.
pub(crate) struct Local<'a>(pub(crate) &'a mut [u8]);

impl Target for Local<'_> {
    const IS_BYTE_ADDRESSED: bool = true;

    #[inline]
    fn word(&self, address: u64) -> u32 {
        let at = address as usize;
        let mut word = [0; 4];
        word.copy_from_slice(&self.0[at..at + 4]);
        u32::from_le_bytes(word)
    }

    fn bytes(&self, address: u64, out: &mut [u8]) {
        let at = address as usize;
        out.copy_from_slice(&self.0[at..at + out.len()]);
    }

    #[inline]
    fn set_word(&mut self, address: u64, value: u32) {
        let at = address as usize;
        self.0[at..at + 4].copy_from_slice(&value.to_le_bytes());
    }

    fn set_bytes(&mut self, address: u64, bytes: &[u8]) {
        let at = address as usize;
        self.0[at..at + bytes.len()].copy_from_slice(bytes);
    }

    fn update(&mut self, address: u64, bytes: usize, change: impl Fn(u64) -> u64) -> u64 {
        let mut word = [0; 8];
        self.bytes(address, &mut word[..bytes]);
        let old = u64::from_le_bytes(word);
        self.set_bytes(address, &change(old).to_le_bytes()[..bytes]);
        old
    }
}

/// What lanes out of a buffer's or LDS's range meet: zeros that nothing changes.
pub(crate) struct Nothing;

impl Target for Nothing {
    const IS_BYTE_ADDRESSED: bool = true;

    fn word(&self, _address: u64) -> u32 {
        0
    }

    fn bytes(&self, _address: u64, out: &mut [u8]) {
        out.fill(0);
    }

    fn set_word(&mut self, _address: u64, _value: u32) {}

    fn set_bytes(&mut self, _address: u64, _bytes: &[u8]) {}

    fn update(&mut self, _address: u64, _bytes: usize, _change: impl Fn(u64) -> u64) -> u64 {
        0
    }
}

/// Calls `f` for each lane of `mask`, ascending.
#[inline]
pub(crate) fn each_lane(mask: u64, mut f: impl FnMut(usize)) {
    if mask == u64::MAX {
        for lane in 0..64 {
            f(lane);
        }
        return;
    }
    let mut left = mask;
    while left != 0 {
        f((left.trailing_zeros() & 63) as usize);
        left &= left - 1;
    }
}

/// Whether the dwords of every lane may be moved whole.
#[inline]
fn is_by_words<T: Target>(access: &Access, addresses: &[u64; 64], mask: u64) -> bool {
    if access.bytes < 4 {
        return false;
    }
    if T::IS_BYTE_ADDRESSED {
        return true;
    }
    let mut bits = 0;
    each_lane(mask, |lane| bits |= addresses[lane]);
    bits & 3 == 0
}

/// A value of one or two bytes, extended.
#[inline]
pub(crate) fn small<T: Target>(target: &T, access: &Access, address: u64) -> u32 {
    let mut bytes = [0; 2];
    if T::IS_BYTE_ADDRESSED || (address & 3) as usize + access.bytes > 4 {
        target.bytes(address, &mut bytes[..access.bytes]);
    } else {
        let value = target.word(address & !3) >> (8 * (address & 3));
        bytes = (value as u16).to_le_bytes();
    }
    match (access.bytes, access.signed) {
        (1, true) => bytes[0] as i8 as u32,
        (1, false) => bytes[0].into(),
        (_, true) => i16::from_le_bytes(bytes) as u32,
        (_, false) => u16::from_le_bytes(bytes).into(),
    }
}

/// Loads into the registers of `dst` from `first` on.
pub(crate) fn load<T: Target>(
    w: &mut Wave,
    (dst, first): (Operand, usize),
    access: &Access,
    target: &T,
    addresses: &[u64; 64],
    mask: u64,
) {
    if access.bytes < 4 {
        let half = access.half;
        let Some(register) = w.register(dst, first as u8) else { return };
        each_lane(mask, |lane| {
            let value = small(target, access, addresses[lane]);
            register[lane] = match half {
                Some(true) => (register[lane] & 0xffff) | (value << 16),
                Some(false) => (register[lane] & 0xffff_0000) | (value & 0xffff),
                None => value,
            };
        });
        return;
    }
    let is_by_words = is_by_words::<T>(access, addresses, mask);
    for dword in 0..access.dwords() {
        let Some(register) = w.register(dst, (first + dword) as u8) else { return };
        let offset = 4 * dword as u64;
        if is_by_words {
            each_lane(mask, |lane| register[lane] = target.word(addresses[lane] + offset));
        } else {
            each_lane(mask, |lane| {
                let mut word = [0; 4];
                target.bytes(addresses[lane] + offset, &mut word);
                register[lane] = u32::from_le_bytes(word);
            });
        }
    }
}

/// Stores the registers of `data`.
pub(crate) fn store<T: Target>(
    w: &Wave,
    data: Operand,
    access: &Access,
    target: &mut T,
    addresses: &[u64; 64],
    mask: u64,
) {
    if access.bytes < 4 {
        let values = w.lanes(data, 0);
        let shift = if access.half == Some(true) { 16 } else { 0 };
        if !store_pairs(&values, shift, access, target, addresses, mask) {
            each_lane(mask, |lane| {
                let bytes = (values[lane] >> shift).to_le_bytes();
                target.set_bytes(addresses[lane], &bytes[..access.bytes]);
            });
        }
        return;
    }
    let is_by_words = is_by_words::<T>(access, addresses, mask);
    for dword in 0..access.dwords() {
        let values = w.lanes(data, dword as u8);
        let offset = 4 * dword as u64;
        if is_by_words {
            each_lane(mask, |lane| target.set_word(addresses[lane] + offset, values[lane]));
        } else {
            each_lane(mask, |lane| {
                target.set_bytes(addresses[lane] + offset, &values[lane].to_le_bytes());
            });
        }
    }
}

/// Stores 16-bit values of neighbouring lanes as dwords, if the whole wave's are consecutive.
fn store_pairs<T: Target>(
    values: &Lanes32,
    shift: u32,
    access: &Access,
    target: &mut T,
    addresses: &[u64; 64],
    mask: u64,
) -> bool {
    let start = addresses[0];
    if access.bytes != 2 || mask != u64::MAX || start & 3 != 0 {
        return false;
    }
    let apart = (0..64).fold(0, |bits, lane| bits | (addresses[lane] ^ (start + 2 * lane as u64)));
    if apart != 0 {
        return false;
    }
    for pair in 0..32 {
        let [low, high] = [0, 1].map(|lane| (values[2 * pair + lane] >> shift) & 0xffff);
        target.set_word(start + 4 * pair as u64, low | (high << 16));
    }
    true
}

/// Changes memory lane by lane and puts the old values into `dst`. `value` gives a lane's data and
/// comparand.
pub(crate) fn atomic<T: Target>(
    w: &mut Wave,
    i: &Inst,
    (atomic, access): (Atomic, &Access),
    target: &mut T,
    (addresses, mask): (&[u64; 64], u64),
    value: impl Fn(&Wave, usize) -> (u64, u64),
) {
    each_lane(mask, |lane| {
        let (data, compare) = value(w, lane);
        let bytes = access.bytes;
        let change = |old| atomic.apply(old, data, compare, bytes);
        let old = target.update(addresses[lane], bytes, change);
        for dword in 0..access.dwords() {
            w.set_lane(i.dst, dword, lane, (old >> (32 * dword)) as u32);
        }
    });
}
