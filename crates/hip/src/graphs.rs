//! Captured decode steps by shape: kept under two caps, the least recently used given up first.
//!
//! Owns the executable graphs and decides which shapes there are. Never captures or launches: the
//! layer operations do. A device that once refuses a capture is not asked for another; the graphs that
//! it has are replayed as before.

use types::StepCounts;

use crate::error::HipFailure;
use crate::runtime::GraphExec;
use crate::sample::SampleMode;

/// Rows that graphs are captured for; a step is padded to the next. Larger steps are not captured.
const BUCKETS: [usize; 13] = [1, 2, 4, 8, 16, 24, 32, 48, 64, 96, 128, 192, 256];
/// Graphs kept unless the configuration says otherwise.
pub(crate) const MAX_GRAPHS: usize = 64;
/// Device memory that graphs may take unless the configuration says otherwise, by the estimate below;
/// part of the memory plan.
pub(crate) const MAX_GRAPH_BYTES: usize = 32 << 20;
/// What a kernel node takes: its arguments (320 bytes at most), packet and bookkeeping. An estimate,
/// not measured on hardware.
const NODE_BYTES: usize = 1024;

/// What is frozen in a graph beside addresses.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct GraphKey {
    /// Rows, padding included.
    pub(crate) num_rows: usize,
    /// Segments that attention is cut into.
    pub(crate) num_segments: usize,
    /// Kernels that sample.
    pub(crate) mode: SampleMode,
}

/// What the operations of a graph can reach; a step beyond would read elsewhere.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Reach {
    /// Rows of the embedding.
    pub(crate) num_tokens: usize,
    /// Positions of the rotation table.
    pub(crate) num_positions: usize,
    /// Blocks of the KV cache.
    pub(crate) num_blocks: usize,
}

struct Entry {
    key: GraphKey,
    exec: GraphExec,
    reach: Reach,
    last_use: u64,
}

/// Caps of what is kept.
#[derive(Clone, Copy, Debug)]
pub(crate) struct GraphLimits {
    /// Graphs; 0 for none at all.
    pub(crate) max_graphs: usize,
    /// Device memory, by the estimate of [`NODE_BYTES`]. One graph is kept whatever it takes.
    pub(crate) max_bytes: usize,
}

/// The graphs of a device.
pub(crate) struct Graphs {
    entries: Vec<Entry>,
    caps: GraphLimits,
    max_rows: usize,
    clock: u64,
    pub(crate) counts: StepCounts,
}

/// Rows of the graph for `num_seqs` sequences where steps have at most `max_rows` rows.
fn bucket(num_seqs: usize, max_rows: usize) -> Option<usize> {
    let found = BUCKETS.into_iter().find(|rows| *rows >= num_seqs)?;
    (num_seqs <= max_rows).then(|| found.min(max_rows))
}

impl Graphs {
    /// No graphs yet; of at most `max_rows` rows.
    pub(crate) fn new(caps: GraphLimits, max_rows: usize) -> Self {
        let entries = Vec::with_capacity(caps.max_graphs);
        Self { entries, caps, max_rows, clock: 0, counts: StepCounts::default() }
    }

    /// The shape of the graph for a decode step, if there may be one. Segments are doubled until
    /// they suffice: work-groups of segments that a sequence does not have end at once.
    pub(crate) fn key(
        &self,
        num_seqs: usize,
        num_segments: usize,
        max_segments: usize,
        mode: SampleMode,
    ) -> Option<GraphKey> {
        if self.caps.max_graphs == 0 {
            return None;
        }
        let num_rows = bucket(num_seqs, self.max_rows)?;
        let num_segments = num_segments.next_power_of_two().min(max_segments);
        let key = GraphKey { num_rows, num_segments, mode };
        (self.counts.refused == 0 || self.reach(key).is_some()).then_some(key)
    }

    /// What the graph of that shape can reach, if there is one.
    pub(crate) fn reach(&self, key: GraphKey) -> Option<Reach> {
        self.entries.iter().find(|entry| entry.key == key).map(|entry| entry.reach)
    }

    /// The graph of that shape, to be launched.
    pub(crate) fn used(&mut self, key: GraphKey) -> &GraphExec {
        self.clock += 1;
        let entry = self.entries.iter_mut().find(|entry| entry.key == key);
        let entry = entry.expect("begin_step has found it");
        entry.last_use = self.clock;
        &entry.exec
    }

    /// Whether room must be made for a graph of so many nodes. The device must be idle then.
    pub(crate) fn is_full(&self, num_nodes: usize) -> bool {
        let kept = self.entries.iter().map(|entry| entry.exec.num_nodes()).sum::<usize>();
        !self.entries.is_empty()
            && (self.entries.len() >= self.caps.max_graphs
                || (kept + num_nodes) * NODE_BYTES > self.caps.max_bytes)
    }

    /// Gives the least recently used graph up.
    pub(crate) fn drop_one(&mut self) {
        let oldest = (0..self.entries.len()).min_by_key(|idx| self.entries[*idx].last_use);
        if let Some(idx) = oldest {
            self.entries.swap_remove(idx);
            self.counts.dropped += 1;
        }
    }

    /// Takes a graph in.
    pub(crate) fn insert(&mut self, key: GraphKey, exec: GraphExec, reach: Reach) {
        self.clock += 1;
        self.entries.push(Entry { key, exec, reach, last_use: self.clock });
        self.counts.captured += 1;
    }

    /// Notes that the device does not capture: from now on steps of new shapes are run by their
    /// operations.
    pub(crate) fn refuse(&mut self, device: &str, failure: &HipFailure) {
        tracing::warn!(
            device,
            %failure,
            "decode steps cannot be captured: those of new shapes run without graphs; --enforce-eager says \
             so at start"
        );
        self.counts.refused += 1;
    }

    /// Forgets all graphs: what their operations reach is about to change. The device is idle.
    pub(crate) fn clear(&mut self) {
        self.entries.clear();
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn steps_are_padded_to_the_next_bucket_and_never_past_the_largest_step() {
        let rows = |num_seqs| bucket(num_seqs, 20);
        assert_eq!([1, 2, 3, 5, 8, 9, 16].map(rows), [1, 2, 4, 8, 8, 16, 16].map(Some));
        assert_eq!([17, 20, 21].map(rows), [Some(20), Some(20), None]);
        assert_eq!(bucket(256, 1000), Some(256));
        assert_eq!(bucket(257, 1000), None);
    }

    #[test]
    fn segments_double_up_to_what_the_longest_context_has() {
        let kept = |max_graphs| GraphLimits { max_graphs, max_bytes: MAX_GRAPH_BYTES };
        let graphs = Graphs::new(kept(1), 8);
        let segments = |num| graphs.key(1, num, 12, SampleMode::Greedy).map(|k| k.num_segments);
        assert_eq!([1, 2, 3, 5, 9, 12].map(segments), [1, 2, 4, 8, 12, 12].map(Some));
        assert!(Graphs::new(kept(0), 8).key(1, 1, 1, SampleMode::Greedy).is_none());
    }
}
