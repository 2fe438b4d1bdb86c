//! How steps reached the device.

/// Steps by how they were run, and what became of graphs, since the start. All zero on devices that
/// have no graphs.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct StepCounts {
    /// Operation by operation.
    pub eager: u64,
    /// Captured, then launched as a graph for the first time.
    pub captured: u64,
    /// From a graph that was there.
    pub replayed: u64,
    /// Graphs given up to stay under the caps.
    pub dropped: u64,
    /// Captures that the device refused; after one there are no more.
    pub refused: u64,
}
