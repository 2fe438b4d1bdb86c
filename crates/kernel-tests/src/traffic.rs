//! Counts of global memory: bytes asked for, and which bytes of which lines were touched.

use std::collections::HashMap;
use std::sync::Mutex;

use cdna3::Inst;
use cdna3::exec::{
    AccessKind, GroupInfo, MemoryAccess, Observer, ObserverFactory, Outcome, Space, WaveView,
};

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

/// Counts one work-group.
#[derive(Debug, Default)]
pub(crate) struct GroupTraffic(Traffic);

impl Observer for GroupTraffic {
    fn memory(&mut self, _: WaveView<'_>, _: &Inst, access: &MemoryAccess<'_>) -> Outcome {
        if !matches!(access.space, Space::Global | Space::Scalar) {
            return Ok(());
        }
        for (_, address) in access.lanes() {
            self.0.touch(address, access.bytes as usize);
        }
        let bytes = u64::from(access.mask.count_ones() * access.bytes);
        if access.kind != AccessKind::Store {
            self.0.read_bytes += bytes;
        }
        if access.kind != AccessKind::Load {
            self.0.written_bytes += bytes;
        }
        Ok(())
    }
}

/// Traffic of launches, watched work-group by work-group.
#[derive(Debug, Default)]
pub(crate) struct Counter(Mutex<Traffic>);

impl Counter {
    /// What was counted.
    pub(crate) fn traffic(&self) -> Traffic {
        self.0.lock().expect("no thread panics while it holds the lock").clone()
    }
}

impl ObserverFactory for Counter {
    type Observer = GroupTraffic;

    fn observer(&self, _: GroupInfo) -> GroupTraffic {
        GroupTraffic::default()
    }

    fn merge(&self, _: GroupInfo, GroupTraffic(group): GroupTraffic) {
        let mut all = self.0.lock().expect("no thread panics while it holds the lock");
        all.read_bytes += group.read_bytes;
        all.written_bytes += group.written_bytes;
        for (line, bytes) in group.lines {
            *all.lines.entry(line).or_default() |= bytes;
        }
    }
}
