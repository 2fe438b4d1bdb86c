//! Memory and state that steps share, reserved once for a largest step, and how the step at hand runs.

use std::cell::{Cell, RefCell};

use backend::StepLimits;

use crate::buffers::padded_head;
use crate::decode::DecodeState;
use crate::error::HipFailure;
use crate::flights::Flights;
use crate::graphs::{GraphKey, GraphLimits, Graphs, Reach};
use crate::runtime::{DeviceMemory, Gpu, Stream};
use crate::sample::Samplers;
use crate::step::StepState;

/// Context tokens of an attention segment (`kernels/attention.h`).
pub(crate) const SEGMENT_TOKENS: usize = 256;

/// Partial results of attention that there is room for, per query head: 256-token segments of all
/// sequences of a launch together. Steps with more are launched by parts: each still has far more
/// work-groups than a GPU holds, and the memory stays at some 70 MB for 32 heads of 128 elements
/// where 256 sequences of 128k tokens would take 2 GB.
const MAX_PARTIAL_SEGMENTS: usize = 4096;

/// How the step at hand is run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Run {
    /// There is none.
    Nothing,
    /// Each operation is launched as it is called.
    Eager,
    /// Operations are written down, to be launched together.
    Capture(GraphKey),
    /// A graph has them all.
    Replay(GraphKey),
}

/// Scratch for steps of a known largest size.
pub(crate) struct Workspace {
    pub(crate) limits: StepLimits,
    pub(crate) step: StepState,
    pub(crate) samplers: Samplers,
    pub(crate) flights: Flights,
    /// `None` where no graphs are wanted or possible.
    pub(crate) decode: Option<DecodeState>,
    pub(crate) graphs: Graphs,
    pub(crate) run: Run,
    /// Whether the step at hand has been sampled from.
    pub(crate) has_sampled: bool,
    /// What the operations of a capture can reach.
    pub(crate) reach: Cell<Reach>,
    /// The first launch that a capture refused.
    pub(crate) capture_failure: RefCell<Option<HipFailure>>,
    /// f32 `[partial_rows, padded head]`, of attention that is split.
    pub(crate) partial_out: DeviceMemory,
    /// f32 `[partial_rows, 2]`.
    pub(crate) partial_stats: DeviceMemory,
}

impl Workspace {
    /// Reserves everything; without graphs every operation is launched by itself.
    pub(crate) fn new(
        gpu: &Gpu,
        stream: &Stream,
        limits: &StepLimits,
        graphs: GraphLimits,
    ) -> Result<Self, HipFailure> {
        let rows = partial_rows(limits);
        let samplers = Samplers::new(gpu, limits)?;
        let last_tokens = samplers.last_tokens();
        let decode = has_graphs(limits, graphs)
            .then(|| DecodeState::new(gpu, stream, limits, last_tokens))
            .transpose()?;
        let max_rows = limits.max_num_seqs.min(limits.max_num_batched_tokens);
        Ok(Self {
            limits: *limits,
            step: StepState::new(gpu, limits)?,
            samplers,
            flights: Flights::new(gpu, limits.max_num_seqs)?,
            decode,
            graphs: Graphs::new(graphs, max_rows),
            run: Run::Nothing,
            has_sampled: false,
            reach: Cell::default(),
            capture_failure: RefCell::default(),
            partial_out: gpu.alloc(rows * padded_head(limits.head_dim) * 4)?,
            partial_stats: gpu.alloc(rows * 2 * 4)?,
        })
    }

    /// Bytes of device memory that [`Workspace::new`] takes, with what graphs may take later.
    pub(crate) fn device_bytes(limits: &StepLimits, graphs: GraphLimits) -> usize {
        let graphs = match has_graphs(limits, graphs) {
            true => DecodeState::bytes(limits) + graphs.max_bytes,
            false => 0,
        };
        StepState::bytes(limits)
            + Samplers::device_bytes(limits)
            + graphs
            + partial_rows(limits) * (padded_head(limits.head_dim) + 2) * 4
    }

    /// Bytes of pinned host memory that [`Workspace::new`] takes.
    pub(crate) fn pinned_bytes(limits: &StepLimits, graphs: GraphLimits) -> usize {
        let decode = has_graphs(limits, graphs).then(|| DecodeState::pinned_bytes(limits));
        StepState::pinned_bytes(limits)
            + Samplers::pinned_bytes(limits)
            + decode.unwrap_or_default()
    }
}

fn has_graphs(limits: &StepLimits, graphs: GraphLimits) -> bool {
    graphs.max_graphs > 0 && DecodeState::is_possible(limits)
}

/// Segments of the longest sequence.
pub(crate) fn max_segments(limits: &StepLimits) -> usize {
    limits.max_model_len.div_ceil(SEGMENT_TOKENS)
}

/// Segments of all sequences of an attention launch that there is room for.
pub(crate) fn partial_segments(limits: &StepLimits) -> usize {
    let longest = max_segments(limits);
    limits.max_num_seqs.saturating_mul(longest).min(MAX_PARTIAL_SEGMENTS.max(longest))
}

fn partial_rows(limits: &StepLimits) -> usize {
    partial_segments(limits) * limits.num_heads
}
