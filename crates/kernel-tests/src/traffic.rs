//! Global memory that counts: bytes asked for, and which bytes of which lines were touched.

use std::cell::RefCell;
use std::collections::HashMap;

use cdna3::exec::{AccessError, GlobalMemory, VecMemory};

/// Bytes of a cache line.
const LINE_BYTES: u64 = 128;

/// What launches asked of memory, lane by lane; scalar loads count once.
#[derive(Clone, Debug, Default)]
pub struct Traffic {
    /// Bytes read.
    pub read_bytes: u64,
    /// Bytes written.
    pub written_bytes: u64,
    /// For each touched line, a bit for each touched byte.
    lines: HashMap<u64, u128>,
}

impl Traffic {
    fn touch(&mut self, address: u64, len: usize) {
        let (mut at, end) = (address, address + len as u64);
        while at < end {
            let stop = end.min((at / LINE_BYTES + 1) * LINE_BYTES);
            let mask = u128::MAX >> (LINE_BYTES - (stop - at)) << (at % LINE_BYTES);
            *self.lines.entry(at / LINE_BYTES).or_default() |= mask;
            at = stop;
        }
    }

    /// Bytes touched at least once.
    pub fn distinct_bytes(&self) -> u64 {
        self.lines.values().map(|bytes| u64::from(bytes.count_ones())).sum()
    }

    /// The part of the touched lines that was touched.
    pub fn line_use(&self) -> f64 {
        self.distinct_bytes() as f64 / (self.lines.len() as u64 * LINE_BYTES).max(1) as f64
    }
}

/// Allocations whose accesses by kernels can be counted.
#[derive(Debug, Default)]
pub(crate) struct CountedMemory {
    memory: VecMemory,
    /// `None` until somebody asks: counting is slow.
    traffic: RefCell<Option<Traffic>>,
}

impl CountedMemory {
    pub(crate) fn allocate(&mut self, name: &str, bytes: &[u8]) -> u64 {
        self.memory.allocate(name, bytes)
    }

    pub(crate) fn bytes(&self, name: &str) -> Option<&[u8]> {
        self.memory.bytes(name)
    }

    /// Counts from now on, from nothing.
    pub(crate) fn count(&mut self) {
        *self.traffic.get_mut() = Some(Traffic::default());
    }

    /// What was counted.
    pub(crate) fn traffic(&self) -> Traffic {
        self.traffic.borrow().clone().expect("counting was asked for")
    }
}

impl GlobalMemory for CountedMemory {
    fn read(&self, address: u64, bytes: &mut [u8]) -> Result<(), AccessError> {
        if let Some(traffic) = &mut *self.traffic.borrow_mut() {
            traffic.read_bytes += bytes.len() as u64;
            traffic.touch(address, bytes.len());
        }
        self.memory.read(address, bytes)
    }

    fn write(&mut self, address: u64, bytes: &[u8]) -> Result<(), AccessError> {
        if let Some(traffic) = self.traffic.get_mut() {
            traffic.written_bytes += bytes.len() as u64;
            traffic.touch(address, bytes.len());
        }
        self.memory.write(address, bytes)
    }
}
