//! Memory instructions: bounds, alignment, values, order, for each lane that is on.
//!
//! Lanes whose accesses lie side by side are looked at as one. Sees the registers before the
//! instruction.

use std::sync::atomic::Ordering;

use crate::inst::{Format, Inst, Operand, OperandKind, slot};
use crate::op::Op;

use super::super::access::{Access, Atomic, Kind};
use super::super::lds::{address as lds_address, offsets, swizzle_lane};
use super::super::vector_memory::{Addresses, buffer_places, in_range};
use super::super::wave::{Lanes32, PRIVATE_APERTURE, SHARED_APERTURE, Wave};
use super::device::Region;
use super::finding::{FindingKind, Space, Use};
use super::races::{self, AccessKind, Mark, Order};
use super::waits::Queue;
use super::{Local, Rule, Shared, WaveCheck};

/// One lane's access.
#[derive(Clone, Copy)]
struct Touch {
    lane: u8,
    space: Space,
    /// Address of device memory; offset in LDS or in the lane's scratch.
    address: u64,
    /// Bytes; 0 if a buffer's range drops the access.
    bytes: u32,
}

/// The accesses of an instruction's lanes.
struct Touches {
    list: [Touch; 64],
    len: usize,
}

impl Touches {
    fn new() -> Self {
        let none = Touch { lane: 0, space: Space::Global, address: 0, bytes: 0 };
        Self { list: [none; 64], len: 0 }
    }

    fn push(&mut self, touch: Touch) {
        self.list[self.len] = touch;
        self.len += 1;
    }

    fn all(&self) -> &[Touch] {
        &self.list[..self.len]
    }

    /// The length of the longest run from `first` on whose bytes lie side by side, or on the same
    /// place, and the end of its bytes.
    fn run(&self, first: usize) -> (usize, u64) {
        let start = self.list[first];
        let (mut count, mut end, mut last) = (1, start.address + u64::from(start.bytes), start);
        if start.space == Space::Scratch {
            return (1, end);
        }
        for touch in &self.list[first + 1..self.len] {
            if touch.space != start.space || touch.bytes != start.bytes {
                break;
            }
            if touch.address == end {
                end += u64::from(touch.bytes);
            } else if touch.address != last.address {
                break;
            }
            (count, last) = (count + 1, *touch);
        }
        (count, end)
    }
}

/// Undefined bits of the bytes that each lane moves.
type Data = [[u8; 16]; 64];

/// Everything that the check of one instruction touches.
pub(super) struct Site<'a> {
    pub(super) shared: &'a Shared,
    pub(super) local: &'a mut Local,
    pub(super) check: &'a mut WaveCheck,
    pub(super) wave: &'a Wave,
    pub(super) inst: &'a Inst,
    pub(super) index: u32,
    /// The instruction's rule.
    pub(super) rule: Rule,
    /// The second half of an atomic: what the first has reported is not reported again.
    pub(super) is_again: bool,
}

fn lanes_of(mask: u64) -> impl Iterator<Item = usize> {
    (0..64).filter(move |lane| (mask >> lane) & 1 == 1)
}

impl Site<'_> {
    /// Adds a finding at this instruction.
    pub(super) fn report(&self, kind: FindingKind, lane: Option<u32>) {
        if self.is_again && !matches!(kind, FindingKind::Undefined { .. }) {
            return;
        }
        self.shared.report(kind, self.inst, self.local, self.index, lane);
    }

    /// Flat, global, scratch and buffer memory.
    pub(super) fn vector(&mut self, access: &Access) {
        if access.kind == Kind::Cache {
            return self.fence();
        }
        let exec = self.wave.exec();
        let hidden = self.undefined_addresses(exec);
        let Some(touches) = self.touches(access, exec & !hidden) else { return };
        self.check_alignment(&touches, access);
        let mut data = [[0; 16]; 64];
        let is_scoped = (self.inst.memory.sc1 && self.inst.format != Format::Scratch)
            || self.rule == Rule::LoadOfSwapLoop;
        match access.kind {
            Kind::Load => {
                let kind = if is_scoped { AccessKind::Atomic } else { AccessKind::Read };
                self.load(&touches, kind, &mut data);
                if !self.inst.memory.lds {
                    self.put(access, 0, exec, &data);
                }
            }
            Kind::Store => {
                let kind = if is_scoped { AccessKind::Atomic } else { AccessKind::Write };
                self.gather(access, self.inst.src[1], exec, &mut data);
                self.store(&touches, kind, &data);
            }
            Kind::Atomic(function) => self.atomic(&touches, access, function, exec),
            _ => {}
        }
        let to_lds = touches.all().iter().any(|touch| touch.space == Space::Lds);
        let is_load = matches!(access.kind, Kind::Load | Kind::Atomic(_));
        let dst = if is_load { self.inst.dst } else { Operand::NONE };
        let number = match to_lds {
            true => self.check.waits.issue(Queue::FlatLds, dst),
            false => self.check.waits.issue(Queue::Vector, dst),
        };
        if self.inst.memory.lds {
            self.fill_lds(&touches, &data, number);
        }
    }

    /// What the lanes of a vector memory instruction address; nothing if it will be refused.
    fn touches(&self, access: &Access, mask: u64) -> Option<Touches> {
        let (w, i, bytes) = (self.wave, self.inst, access.bytes as u32);
        let offset = i64::from(i.memory.offset);
        let mut ranges: Addresses = [u64::MAX; 64];
        let addresses: Addresses = match i.format {
            Format::Mubuf => {
                let places = buffer_places(w, i).ok()?;
                ranges = places.1;
                places.0
            }
            Format::Scratch => {
                let base = offset + i64::from(w.scalar32(i.src[2]));
                let offsets = w.lanes(i.src[0], 0);
                offsets.map(|v| u64::from(v).wrapping_add_signed(base) & 0xffff_ffff)
            }
            Format::Global if !i.src[2].is_none() => {
                let base = w.scalar64(i.src[2]).wrapping_add_signed(offset);
                w.lanes(i.src[0], 0).map(|v| base.wrapping_add(v.into()))
            }
            _ => w.lanes64(i.src[0]).map(|v| v.wrapping_add_signed(offset)),
        };
        let mut touches = Touches::new();
        for lane in lanes_of(mask) {
            let at = addresses[lane];
            let (space, address) = match ((at >> 32) as u32, i.format) {
                (_, Format::Scratch) => (Space::Scratch, at),
                (SHARED_APERTURE, Format::Flat) => (Space::Lds, at & 0xffff_ffff),
                (PRIVATE_APERTURE, Format::Flat) => (Space::Scratch, at & 0xffff_ffff),
                _ => (Space::Global, at),
            };
            let bytes = match ranges[lane] {
                u64::MAX => bytes,
                range => in_range(range, access.bytes) as u32,
            };
            touches.push(Touch { lane: lane as u8, space, address, bytes });
        }
        Some(touches)
    }

    /// Loads whose data goes to LDS: lane l's dword to M0 + offset + 4 l, when vmcnt says so.
    fn fill_lds(&mut self, touches: &Touches, data: &Data, number: u32) {
        let m0 = u64::from(self.wave.scalars[usize::from(slot::M0)] & 0xffff);
        let base = m0.wrapping_add_signed(self.inst.memory.offset.into());
        let mut filled = Touches::new();
        for touch in touches.all() {
            let address = base + 4 * u64::from(touch.lane);
            filled.push(Touch { space: Space::Lds, address, bytes: 4, ..*touch });
        }
        let mut spread = *data;
        for touch in touches.all().iter().filter(|touch| touch.bytes < 4) {
            let (bytes, any) = (touch.bytes as usize, data[usize::from(touch.lane)] != [0; 16]);
            spread[usize::from(touch.lane)][bytes..4].fill(if any { u8::MAX } else { 0 });
        }
        self.store(&filled, AccessKind::Write, &spread);
        if self.local.filling.is_empty() {
            self.local.filling.resize(self.local.lds.len().div_ceil(4), (0, 0));
        }
        for touch in filled.all() {
            if let Some(filling) = self.local.filling.get_mut((touch.address / 4) as usize) {
                *filling = (self.index, number);
            }
        }
    }

    /// Cache operations at device scope order work-groups: write-back releases what the group did
    /// so far, invalidation acquires what others released.
    fn fence(&mut self) {
        if !self.inst.memory.sc1 {
            return;
        }
        match self.inst.op {
            Op::BufferWbl2 => {
                if let Some(released) = self.shared.released.get(self.local.group as usize) {
                    released.fetch_max(self.local.epoch + 1, Ordering::SeqCst);
                }
            }
            Op::BufferInv => self.local.acquired = true,
            _ => {}
        }
    }

    /// Lanes whose address is undefined, reported; a scalar part of it counts for all.
    fn undefined_addresses(&mut self, exec: u64) -> u64 {
        let regs = &self.check.regs;
        let inst = self.inst;
        let scalars = if inst.format == Format::Ds { &[][..] } else { &inst.src[2..4] };
        let scalar = scalars.iter().any(|&source| !regs.is_clean(source));
        let mut lanes = if scalar { exec } else { 0 };
        if !regs.is_clean(inst.src[0]) {
            for dword in 0..inst.src[0].dwords {
                let bits = regs.lanes(inst.src[0], dword);
                for lane in lanes_of(exec).filter(|&lane| bits[lane] != 0) {
                    lanes |= 1 << lane;
                }
            }
        }
        if lanes != 0 {
            let kind = FindingKind::Undefined { used: Use::Address, address: 0 };
            self.report(kind, Some(lanes.trailing_zeros()));
        }
        lanes
    }

    /// Undefined bits of the bytes that each lane stores.
    fn gather(&self, access: &Access, from: Operand, exec: u64, data: &mut Data) {
        if self.check.regs.is_clean(from) {
            return;
        }
        for dword in 0..access.dwords() {
            let bits = self.check.regs.lanes(from, dword as u8);
            for lane in lanes_of(exec) {
                let bits = if access.half == Some(true) { bits[lane] >> 16 } else { bits[lane] };
                data[lane][4 * dword..4 * dword + 4].copy_from_slice(&bits.to_le_bytes());
            }
        }
    }

    /// Gives loaded registers, from `dword` on, the undefined bits of the bytes.
    fn put(&mut self, access: &Access, dword: usize, exec: u64, data: &Data) {
        let dst = self.inst.dst;
        for index in 0..access.dwords() {
            let bits: Lanes32 = std::array::from_fn(|lane| {
                let at = 4 * index;
                let bytes = &data[lane][at..at + 4];
                u32::from_le_bytes([bytes[0], bytes[1], bytes[2], bytes[3]])
            });
            let bits = if access.bytes < 4 { self.extend(access, dword, &bits) } else { bits };
            self.check.regs.write_masked(dst, dword + index, &bits, exec);
        }
    }

    /// One or two loaded bytes in a dword: extended, or in their half.
    fn extend(&self, access: &Access, dword: usize, bits: &Lanes32) -> Lanes32 {
        let field = u32::MAX >> (32 - 8 * access.bytes as u32);
        let wide = |bits: u32| {
            let bits = bits & field;
            let sign = bits & (field ^ (field >> 1)) != 0;
            if access.signed && sign { bits | !field } else { bits }
        };
        let old = self.check.regs.lanes(self.inst.dst, dword as u8);
        std::array::from_fn(|lane| match access.half {
            Some(true) => (old[lane] & 0xffff) | (wide(bits[lane]) << 16),
            Some(false) => (old[lane] & 0xffff_0000) | (wide(bits[lane]) & 0xffff),
            None => wide(bits[lane]),
        })
    }

    fn atomic(&mut self, touches: &Touches, access: &Access, function: Atomic, exec: u64) {
        let mut old = [[0; 16]; 64];
        self.load(touches, AccessKind::Atomic, &mut old);
        let mut data = [[0; 16]; 64];
        self.gather(access, self.inst.src[1], exec, &mut data);
        let clean = (self.inst.src[1..3].iter()).all(|&source| self.check.regs.is_clean(source));
        if function != Atomic::Swap {
            for lane in lanes_of(exec) {
                let any = old[lane] != [0; 16] || (!clean && data[lane] != [0; 16]);
                data[lane] = if any { [u8::MAX; 16] } else { [0; 16] };
            }
        }
        self.is_again = true;
        self.store(touches, AccessKind::Atomic, &data);
        self.is_again = false;
        if !self.inst.dst.is_none() {
            self.put(access, 0, exec, &old);
        }
    }

    /// Bounds of each lane, then values and order of what is in bounds.
    fn load(&mut self, touches: &Touches, kind: AccessKind, data: &mut Data) {
        self.each_run(touches, kind, |site, lanes, region, start, bytes| {
            site.load_run(lanes, region, start, bytes, data);
        });
    }

    fn load_run(
        &mut self,
        lanes: &[Touch],
        region: Option<&Region>,
        start: u64,
        bytes: u64,
        data: &mut Data,
    ) {
        if let Some(region) = region {
            if region.is_defined(start - region.address, bytes) {
                return;
            }
            for touch in lanes {
                let size = u64::from(touch.bytes);
                let bits = region.defined_bits(touch.address - region.address, size);
                let bytes = &mut data[usize::from(touch.lane)][..touch.bytes as usize];
                for (index, byte) in bytes.iter_mut().enumerate() {
                    *byte = if (bits >> index) & 1 == 0 { u8::MAX } else { 0 };
                }
            }
            return;
        }
        let is_lds = lanes[0].space == Space::Lds;
        for touch in lanes {
            let size = touch.bytes as usize;
            let from = match is_lds {
                true => &self.local.lds[touch.address as usize..][..size],
                false => {
                    let lane = usize::from(touch.lane) * self.wave.scratch_bytes;
                    &self.check.regs.scratch[lane + touch.address as usize..][..size]
                }
            };
            data[usize::from(touch.lane)][..size].copy_from_slice(from);
        }
        if is_lds {
            self.check_filling(lanes);
        }
    }

    /// Reads of LDS that a load from memory has not filled yet.
    fn check_filling(&mut self, lanes: &[Touch]) {
        if self.local.filling.is_empty() {
            return;
        }
        for touch in lanes {
            let end = (touch.address + u64::from(touch.bytes)).div_ceil(4);
            for dword in touch.address / 4..end {
                let (wave, number) = self.local.filling[dword as usize];
                if number > self.local.ended[wave as usize & 31] {
                    self.local.filling[dword as usize] = (0, 0);
                    let kind = FindingKind::LdsNotWaited { address: dword * 4 };
                    self.report(kind, Some(touch.lane.into()));
                }
            }
        }
    }

    fn store(&mut self, touches: &Touches, kind: AccessKind, data: &Data) {
        self.each_run(touches, kind, |site, lanes, region, start, bytes| {
            site.store_run(lanes, region, start, bytes, data);
        });
    }

    fn store_run(
        &mut self,
        lanes: &[Touch],
        region: Option<&Region>,
        start: u64,
        bytes: u64,
        data: &Data,
    ) {
        if let Some(region) = region {
            let undefined = lanes.iter().find(|touch| {
                data[usize::from(touch.lane)][..touch.bytes as usize].iter().any(|&b| b != 0)
            });
            if let Some(touch) = undefined {
                let kind = FindingKind::Undefined { used: Use::Store, address: touch.address };
                self.report(kind, Some(touch.lane.into()));
            }
            region.set_defined(start - region.address, bytes, true);
            return;
        }
        let is_lds = lanes[0].space == Space::Lds;
        for touch in lanes {
            let size = touch.bytes as usize;
            let to = match is_lds {
                true => &mut self.local.lds[touch.address as usize..][..size],
                false => {
                    let lane = usize::from(touch.lane) * self.wave.scratch_bytes;
                    &mut self.check.regs.scratch[lane + touch.address as usize..][..size]
                }
            };
            to.copy_from_slice(&data[usize::from(touch.lane)][..size]);
        }
    }

    /// Calls `visit(lanes, region, start, bytes)` for each run of accesses in bounds; the region is
    /// there for device memory. Reports the others, and races.
    fn each_run(
        &mut self,
        touches: &Touches,
        kind: AccessKind,
        mut visit: impl FnMut(&mut Self, &[Touch], Option<&Region>, u64, u64),
    ) {
        let shared = self.shared;
        let mut at = 0;
        while at < touches.len {
            let (mut count, mut end) = touches.run(at);
            let first = touches.list[at];
            if first.bytes == 0 {
                at += count;
                continue;
            }
            let mut found = self.locate(first.space, first.address, end - first.address);
            if found.is_none() && count > 1 {
                (count, end) = (1, first.address + u64::from(first.bytes));
                found = self.locate(first.space, first.address, end - first.address);
            }
            let lanes = &touches.list[at..at + count];
            at += count;
            let Some(region) = found else {
                self.report_outside(first, kind);
                continue;
            };
            let bytes = end - first.address;
            self.check_race(first.space, region, lanes, bytes, kind);
            let region = region.map(|index| &*shared.regions[index]);
            visit(self, lanes, region, first.address, bytes);
        }
    }

    /// Whether a range is in bounds, and the region's index if it is device memory.
    fn locate(&mut self, space: Space, address: u64, bytes: u64) -> Option<Option<usize>> {
        let fits = |size: usize| {
            let end = address.checked_add(bytes);
            end.is_some_and(|end| end <= size as u64).then_some(None)
        };
        match space {
            Space::Lds => fits(self.local.lds.len()),
            Space::Scratch => fits(self.wave.scratch_bytes),
            Space::Global => {
                let index = self.shared.locate(self.local.last_region, address, bytes)?;
                self.local.last_region = index;
                Some(Some(index))
            }
        }
    }

    fn report_outside(&self, touch: Touch, access: AccessKind) {
        let Touch { space, address, bytes, .. } = touch;
        let end = match space {
            Space::Lds => self.local.lds.len() as u64,
            Space::Scratch => self.wave.scratch_bytes as u64,
            Space::Global => self.shared.end_below(address),
        };
        let kind = FindingKind::OutOfBounds { space, address, bytes, access, end };
        self.report(kind, Some(touch.lane.into()));
    }

    fn check_race(
        &mut self,
        space: Space,
        region: Option<usize>,
        lanes: &[Touch],
        bytes: u64,
        kind: AccessKind,
    ) {
        let start = lanes[0].address;
        let conflict = match (space, region) {
            (Space::Global, Some(index)) => {
                let order = Order {
                    me: Mark::new(self.local.group, self.index, self.local.epoch),
                    acquired: self.local.acquired,
                    released: &self.shared.released,
                };
                let offset = start - self.shared.regions[index].address;
                races::access(&self.shared.races[index], offset, bytes, kind, &order)
                    .map(|c| (c, c.offset - offset))
            }
            (Space::Lds, _) if self.local.num_waves > 1 => {
                let me = Mark::new(0, self.index, self.local.epoch_start + self.local.epoch);
                let order = Order { me, acquired: false, released: &[] };
                races::access(&self.local.lds_races, start, bytes, kind, &order)
                    .map(|c| (c, c.offset - start))
            }
            _ => None,
        };
        let Some((conflict, distance)) = conflict else { return };
        let address = start + distance;
        let touches = |touch: &&Touch| {
            (touch.address..touch.address + u64::from(touch.bytes)).contains(&address)
        };
        let lane = lanes.iter().find(touches).unwrap_or(&lanes[0]).lane;
        let other_group = match space {
            Space::Lds => Some(self.local.group),
            _ => conflict.mark.group(),
        };
        let finding = FindingKind::Race {
            space,
            address,
            access: kind,
            other: conflict.other,
            other_group,
            other_wave: conflict.mark.wave(),
        };
        self.report(finding, Some(lane.into()));
    }

    /// Device memory and scratch: dwords and wider need 4 bytes, shorts 2, atomics their size. LDS:
    /// everything its size, three dwords 16 bytes.
    fn check_alignment(&mut self, touches: &Touches, access: &Access) {
        let is_atomic = matches!(access.kind, Kind::Atomic(_));
        let align = |touch: &Touch| match (touch.space, touch.bytes) {
            (_, 0) => 1,
            (Space::Lds, bytes) => u64::from(bytes.next_power_of_two()),
            (_, 8) if is_atomic => 8,
            (_, bytes) => u64::from(bytes.next_power_of_two().min(4)),
        };
        let bad = touches.all().iter().find(|touch| touch.address & (align(touch) - 1) != 0);
        if let Some(touch) = bad {
            let kind = FindingKind::Misaligned {
                space: touch.space,
                address: touch.address,
                align: align(touch) as u32,
            };
            self.report(kind, Some(touch.lane.into()));
        }
    }

    /// Local data share.
    pub(super) fn lds(&mut self, access: &Access) {
        let exec = self.wave.exec();
        if matches!(access.kind, Kind::Swizzle | Kind::Permute | Kind::Bpermute) {
            self.exchange(access.kind);
            self.check.waits.issue(Queue::Lds, self.inst.dst);
            return;
        }
        let hidden = self.undefined_addresses(exec);
        let addresses = self.wave.lanes(self.inst.src[0], 0);
        let (offsets, count) = offsets(self.inst, access);
        for (pair, offset) in offsets.iter().enumerate().take(count) {
            let mut touches = Touches::new();
            for lane in lanes_of(exec & !hidden) {
                let address = lds_address(addresses[lane], *offset);
                let bytes = access.bytes as u32;
                touches.push(Touch { lane: lane as u8, space: Space::Lds, address, bytes });
            }
            self.check_alignment(&touches, access);
            let mut data = [[0; 16]; 64];
            match access.kind {
                Kind::Load => {
                    let in_loop = self.rule == Rule::LoadOfSwapLoop;
                    let kind = if in_loop { AccessKind::Atomic } else { AccessKind::Read };
                    self.load(&touches, kind, &mut data);
                    self.put(access, pair * access.dwords(), exec, &data);
                }
                Kind::Store => {
                    self.gather(access, self.inst.src[1 + pair], exec, &mut data);
                    self.store(&touches, AccessKind::Write, &data);
                }
                Kind::Atomic(function) => self.atomic(&touches, access, function, exec),
                _ => {}
            }
        }
        let is_load = !matches!(access.kind, Kind::Store);
        self.check.waits.issue(Queue::Lds, if is_load { self.inst.dst } else { Operand::NONE });
    }

    /// Lanes exchange registers: undefined bits move as values do.
    fn exchange(&mut self, kind: Kind) {
        let (exec, inst) = (self.wave.exec(), self.inst);
        let is_on = |lane: usize| (exec >> lane) & 1 == 1;
        let offset = inst.memory.offset as u32;
        let mut result: Lanes32 = [0; 64];
        if kind == Kind::Swizzle {
            let from = inst.src[if inst.src[0].is_none() { 1 } else { 0 }];
            let bits = self.check.regs.lanes(from, 0);
            for (lane, value) in result.iter_mut().enumerate() {
                let from = swizzle_lane(offset, lane);
                *value = if is_on(from) { bits[from] } else { 0 };
            }
        } else {
            let (by, bits) =
                (self.check.regs.lanes(inst.src[0], 0), self.check.regs.lanes(inst.src[1], 0));
            let addresses = self.wave.lanes(inst.src[0], 0);
            for lane in 0..64 {
                let other = ((addresses[lane].wrapping_add(offset) >> 2) & 63) as usize;
                if kind == Kind::Bpermute {
                    result[lane] = if is_on(other) { bits[other] } else { 0 };
                    result[lane] |= if by[lane] & 0xff == 0 { 0 } else { u32::MAX };
                } else if is_on(lane) {
                    result[other] = bits[lane] | by[lane];
                }
            }
        }
        self.check.regs.write_masked(inst.dst, 0, &result, exec);
    }

    /// Scalar loads: dwords of device memory into scalar registers.
    pub(super) fn scalar_load(&mut self, dwords: u8) {
        let (w, inst) = (self.wave, self.inst);
        let OperandKind::Scalar(first) = inst.dst.kind else { return };
        let regs = &self.check.regs;
        let is_clean = regs.is_clean(inst.src[0]) && regs.is_clean(inst.src[1]);
        if !is_clean {
            self.report(FindingKind::Undefined { used: Use::Address, address: 0 }, None);
        } else {
            let is_buffer = inst.src[0].dwords == 4;
            let mask = if is_buffer { 0xffff_ffff_fffc } else { !3 };
            let offset = i64::from(inst.memory.offset) + i64::from(w.scalar32(inst.src[1]));
            let limit = i64::from(w.scalar32_at(inst.src[0], 2 * u8::from(is_buffer)));
            for dword in 0..dwords {
                let at = (offset & !3) + 4 * i64::from(dword);
                let address = (w.scalar64(inst.src[0]) & mask).wrapping_add_signed(at);
                let dropped = is_buffer && !(0..=limit - 4).contains(&at);
                let bits = if dropped { Some(0) } else { self.scalar_dword(address) };
                self.check.regs.scalars[usize::from(first + dword) & 127] = bits.unwrap_or(0);
                if bits.is_none() {
                    let kind = FindingKind::OutOfBounds {
                        space: Space::Global,
                        address,
                        bytes: 4,
                        access: AccessKind::Read,
                        end: self.shared.end_below(address),
                    };
                    self.report(kind, None);
                    break;
                }
            }
        }
        self.check.waits.issue(Queue::Scalar, inst.dst);
    }

    /// Undefined bits of a dword of device memory that a scalar load reads; `None` out of bounds.
    fn scalar_dword(&mut self, address: u64) -> Option<u32> {
        let found = self.locate(Space::Global, address, 4)?;
        let touch = Touch { lane: 0, space: Space::Global, address, bytes: 4 };
        self.check_race(Space::Global, found, &[touch], 4, AccessKind::Read);
        let region = &self.shared.regions[found?];
        let bits = region.defined_bits(address - region.address, 4);
        Some((0..4).fold(0, |out, byte| {
            out | if (bits >> byte) & 1 == 0 { 0xff << (8 * byte) } else { 0 }
        }))
    }
}
