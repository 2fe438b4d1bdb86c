//! Which bytes of which lines a launch touched, and which lines several work-groups share.

use std::collections::HashMap;

use super::{LINE_BYTES, Traffic};

/// Lines by their number.
#[derive(Clone, Debug, Default)]
pub(super) struct Lines(HashMap<u64, Touched>);

/// What was touched of one line.
#[derive(Clone, Copy, Debug, Default)]
struct Touched {
    /// A bit for each byte.
    bytes: u128,
    /// Whether by several work-groups.
    is_shared: bool,
}

impl Lines {
    /// Notes that one work-group asked for `bytes` from `address` on.
    pub(super) fn touch(&mut self, address: u64, bytes: u64) {
        let (mut at, end) = (address, address + bytes);
        while at < end {
            let stop = end.min((at / LINE_BYTES + 1) * LINE_BYTES);
            let mask = u128::MAX >> (LINE_BYTES - (stop - at)) << (at % LINE_BYTES);
            self.0.entry(at / LINE_BYTES).or_default().bytes |= mask;
            at = stop;
        }
    }

    /// Adds another work-group's.
    pub(super) fn merge(&mut self, group: Self) {
        for (line, new) in group.0 {
            self.0
                .entry(line)
                .and_modify(|old| {
                    *old = Touched { bytes: old.bytes | new.bytes, is_shared: true };
                })
                .or_insert(new);
        }
    }

    /// Writes the counts of distinct lines and bytes.
    pub(super) fn count(&self, traffic: &mut Traffic) {
        traffic.distinct_lines = self.0.len() as u64;
        let touched = || self.0.values();
        traffic.shared_lines = touched().filter(|line| line.is_shared).count() as u64;
        traffic.distinct_bytes = touched().map(|line| u64::from(line.bytes.count_ones())).sum();
    }
}
