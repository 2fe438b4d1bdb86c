//! Which registers wait for memory: the counters that `s_waitcnt` looks at.
//!
//! Each register remembers the number of the operation that will write it; a wait says up to which
//! number the operations of a kind have ended. Vector memory (loads and stores) ends in order, LDS
//! ends in order, scalar loads end in any order so that only `lgkmcnt(0)` says something about
//! them. `lgkmcnt(n)` with scalar loads on their way: all of them may have ended first, so of the
//! LDS operations the last n may be open. A FLAT access that reaches LDS counts in both.
//! Source: CDNA3 ISA, "Data dependency resolution"; LLVM's `SIInsertWaitcnts`.
//!
//! No source registers: since gfx8 a store has read its data when the next instruction issues
//! (LLVM's `vmemWriteNeedsExpWaitcnt` is for older ones), so overwriting them is no error.

use crate::inst::{Operand, OperandKind};

use super::registers::{NUM_REGISTERS, register_index};

/// What an operation is counted as.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Queue {
    /// Vector memory: `vmcnt`.
    Vector,
    /// LDS: `lgkmcnt`.
    Lds,
    /// Scalar memory: `lgkmcnt`.
    Scalar,
    /// FLAT that reached LDS: `vmcnt` and `lgkmcnt`.
    FlatLds,
}

/// Most that `vmcnt` counts; further operations stall until one has ended.
const MAX_VECTOR: u32 = 63;
/// Most that `lgkmcnt` counts.
const MAX_LGKM: u32 = 15;

#[derive(Clone, Copy, Default)]
struct Count {
    issued: u32,
    ended: u32,
}

impl Count {
    fn end_all_but(&mut self, open: u32) {
        self.ended = self.ended.max(self.issued.saturating_sub(open));
    }

    fn is_open(self) -> bool {
        self.issued != self.ended
    }
}

/// The open memory operations of one wave.
pub(super) struct Waits {
    counts: [Count; 4],
    /// Per register: the operation that writes it, 0 for none, and its queue.
    vectors: [(u32, Queue); NUM_REGISTERS],
    scalars: [u32; 128],
}

impl Waits {
    pub(super) fn new() -> Self {
        Self {
            counts: [Count::default(); 4],
            vectors: [(0, Queue::Vector); NUM_REGISTERS],
            scalars: [0; 128],
        }
    }

    /// Counts an operation that will write `dst` (which may be no operand); gives its number.
    pub(super) fn issue(&mut self, queue: Queue, dst: Operand) -> u32 {
        let count = &mut self.counts[queue as usize];
        count.issued += 1;
        count.end_all_but(if queue == Queue::Vector { MAX_VECTOR } else { MAX_LGKM });
        let number = count.issued;
        for dword in 0..usize::from(dst.dwords) {
            if let Some(index) = register_index(dst, dword) {
                self.vectors[index] = (number, queue);
            } else if let OperandKind::Scalar(first) = dst.kind {
                self.scalars[(usize::from(first) + dword) & 127] = number;
            }
        }
        number
    }

    /// `s_waitcnt` with its 16 bits. `vmcnt` is bits 0-3 and 14-15, `lgkmcnt` bits 8-11.
    pub(super) fn wait(&mut self, bits: u32) {
        let vector = (bits & 15) | ((bits >> 10) & 0x30);
        let lgkm = (bits >> 8) & 15;
        if vector < MAX_VECTOR {
            self.counts[Queue::Vector as usize].end_all_but(vector);
        }
        if lgkm < MAX_LGKM {
            self.counts[Queue::Lds as usize].end_all_but(lgkm);
        }
        if lgkm == 0 {
            self.counts[Queue::Scalar as usize].end_all_but(0);
            self.counts[Queue::FlatLds as usize].end_all_but(0);
        }
    }

    /// Whether the operation of that number has ended.
    fn has_ended(&self, queue: Queue, number: u32) -> bool {
        number <= self.counts[queue as usize].ended
    }

    /// Up to which number vector memory operations have ended.
    pub(super) fn ended_vector(&self) -> u32 {
        self.counts[Queue::Vector as usize].ended
    }

    /// Whether nothing is open, so that no register needs a look.
    #[inline]
    pub(super) fn is_idle(&self) -> bool {
        !self.counts.iter().any(|count| count.is_open())
    }

    /// The queue that a register of the operand waits for. `allowed` is one that does not count:
    /// a load may overwrite what an earlier load of the same, ordered queue will write.
    pub(super) fn pending(&self, operand: Operand, allowed: Option<Queue>) -> Option<Queue> {
        for dword in 0..usize::from(operand.dwords) {
            let (number, queue) = match operand.kind {
                OperandKind::Scalar(first) => {
                    (self.scalars[(usize::from(first) + dword) & 127], Queue::Scalar)
                }
                _ => self.vectors[register_index(operand, dword)?],
            };
            if number != 0 && !self.has_ended(queue, number) && allowed != Some(queue) {
                return Some(queue);
            }
        }
        None
    }

    /// Forgets what the operand's registers wait for: reported once is enough.
    pub(super) fn forget(&mut self, operand: Operand) {
        for dword in 0..usize::from(operand.dwords) {
            if let Some(index) = register_index(operand, dword) {
                self.vectors[index].0 = 0;
            } else if let OperandKind::Scalar(first) = operand.kind {
                self.scalars[(usize::from(first) + dword) & 127] = 0;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The bits of `s_waitcnt vmcnt(vector) lgkmcnt(lgkm)`.
    fn counts(vector: u32, lgkm: u32) -> u32 {
        (vector & 15) | ((vector & 0x30) << 10) | (lgkm << 8) | 0x70
    }

    #[test]
    fn vector_memory_ends_in_order() {
        let mut waits = Waits::new();
        let (first, second) = (Operand::vgpr(1, 2), Operand::vgpr(3, 1));
        waits.issue(Queue::Vector, first);
        waits.issue(Queue::Vector, Operand::NONE);
        waits.issue(Queue::Vector, second);
        waits.wait(counts(63, 0));
        assert_eq!(waits.pending(first, None), Some(Queue::Vector));
        waits.wait(counts(2, 15));
        assert_eq!(waits.pending(first, None), None);
        assert_eq!(waits.pending(second, None), Some(Queue::Vector));
        assert_eq!(waits.pending(second, Some(Queue::Vector)), None);
        waits.wait(counts(0, 15));
        assert!(waits.is_idle());
    }

    #[test]
    fn scalar_loads_need_a_wait_for_all() {
        let mut waits = Waits::new();
        let (scalar, lds) = (Operand::scalar(4, 2), Operand::vgpr(9, 1));
        waits.issue(Queue::Lds, lds);
        waits.issue(Queue::Scalar, scalar);
        waits.issue(Queue::Lds, Operand::vgpr(10, 1));
        waits.wait(counts(63, 1));
        assert_eq!(waits.pending(scalar, None), Some(Queue::Scalar));
        assert_eq!(waits.pending(lds, None), None);
        assert_eq!(waits.pending(Operand::vgpr(10, 1), None), Some(Queue::Lds));
        waits.wait(counts(63, 0));
        assert_eq!(waits.pending(scalar, None), None);
    }

    #[test]
    fn a_full_counter_stalls() {
        let mut waits = Waits::new();
        for register in 0..65 {
            waits.issue(Queue::Vector, Operand::vgpr(register, 1));
        }
        assert_eq!(waits.pending(Operand::vgpr(1, 1), None), None);
        assert_eq!(waits.pending(Operand::vgpr(2, 1), None), Some(Queue::Vector));
    }
}
