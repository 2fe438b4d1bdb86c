//! A lower bound of the time of a whole decode step on an MI300X, from counted launches: for each
//! launch its slowest resource (`cdna3::counters::machine`), and a gap before it as in a graph.
//! Arithmetic on published figures; not measured on hardware.
//!
//! Beside it a stricter figure, with the latency of memory: a wave that asks for more than it has
//! in flight at once waits several times.

use std::collections::BTreeMap;
use std::fmt;
use std::ops::Range;

use cdna3::counters::machine::{GRAPH_GAP_S, HBM_BYTES_PER_S, NUM_CUS, Resource};

use crate::model_shape::ModelShape;
use crate::steps::{COUNTED_LAYERS, Launch, StepCase};

/// From a load to its data, far from an idle memory: the middle of what is published, 0.5 to 1 us.
pub const MEMORY_LATENCY_S: f64 = 0.75e-6;
/// One direction of a link between two GPUs, as reached (ROCm blog on xGMI).
const LINK_BYTES_PER_S: f64 = 46e9;
/// Until all ranks have met once.
const BARRIER_S: f64 = 3e-6;
/// Sums over ranks in a layer: behind attention and behind the MLP.
const SUMS_PER_LAYER: f64 = 2.0;

/// Launches of one kernel in a step of the whole model.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct KernelTime {
    /// Launches.
    pub num_launches: usize,
    /// Their slowest resources' times.
    pub busy_s: f64,
    /// The same with latency.
    pub latency_s: f64,
    /// What limits the last launch.
    pub limit: Option<Resource>,
}

/// A step of the whole model.
#[derive(Clone, Debug, PartialEq)]
pub struct StepEstimate {
    /// By kernel.
    pub kernels: BTreeMap<String, KernelTime>,
    /// Sums over ranks, none without ranks. By formula: no kernel of ours does it yet.
    pub exchange_s: f64,
    /// Streaming the weights once.
    pub weights_s: f64,
    /// Streaming the keys and values of all sequences once.
    pub cache_s: f64,
}

impl StepEstimate {
    /// The step whose launches, with [`COUNTED_LAYERS`] layers, were counted.
    pub fn new(shape: &ModelShape, case: &StepCase, launches: &[Launch]) -> Self {
        let layer = layer(launches);
        let mut kernels: BTreeMap<String, KernelTime> = BTreeMap::new();
        for (idx, launch) in launches.iter().enumerate() {
            let times =
                if layer.contains(&idx) { shape.num_layers - (COUNTED_LAYERS - 1) } else { 1 };
            let kernel = kernels.entry(launch.kernel.clone()).or_default();
            kernel.num_launches += times;
            kernel.busy_s += times as f64 * launch.bound.seconds;
            kernel.latency_s += times as f64 * launch.bound.seconds.max(latency_s(launch));
            kernel.limit = Some(launch.bound.limit);
        }
        let seconds = |bytes: usize| bytes as f64 / HBM_BYTES_PER_S;
        Self {
            kernels,
            exchange_s: exchange_s(shape, case.batch),
            weights_s: seconds(shape.weight_bytes()),
            cache_s: seconds(case.batch * case.context * shape.token_bytes()),
        }
    }

    /// Launches.
    pub fn num_launches(&self) -> usize {
        self.kernels.values().map(|kernel| kernel.num_launches).sum()
    }

    /// Gaps between kernels, with that of the graph's first (`advance`), which is not counted.
    pub fn gaps_s(&self) -> f64 {
        (self.num_launches() + 1) as f64 * GRAPH_GAP_S
    }

    /// Kernels, one after the other.
    pub fn busy_s(&self) -> f64 {
        self.kernels.values().map(|kernel| kernel.busy_s).sum()
    }

    /// The whole step.
    pub fn seconds(&self) -> f64 {
        self.busy_s() + self.gaps_s() + self.exchange_s
    }

    /// The whole step with latency.
    pub fn latency_s(&self) -> f64 {
        let kernels: f64 = self.kernels.values().map(|kernel| kernel.latency_s).sum();
        kernels + self.gaps_s() + self.exchange_s
    }

    /// Streaming the weights over the whole step.
    pub fn weights_share(&self) -> f64 {
        self.weights_s / self.seconds()
    }

    /// Streaming weights, keys and values over the whole step.
    pub fn stream_share(&self) -> f64 {
        (self.weights_s + self.cache_s) / self.seconds()
    }
}

/// The first layer: from its first product to the second layer's. The norm before a layer's first
/// product comes at the end of the layer before.
fn layer(launches: &[Launch]) -> Range<usize> {
    let products: Vec<usize> =
        (0..launches.len()).filter(|&idx| launches[idx].is_product()).collect();
    let per_layer = ModelShape::NUM_LAYER_PRODUCTS;
    assert_eq!(products.len(), COUNTED_LAYERS * per_layer + 1, "products of the layers, LM head");
    products[0]..products[per_layer]
}

/// Every wave of a launch in as many turns as its bytes in flight take; waves beyond those that the
/// GPU holds come after the others.
fn latency_s(launch: &Launch) -> f64 {
    let counters = &launch.counters;
    let in_flight = counters.waits.values().map(|wait| wait.bytes_max).max().unwrap_or(0);
    if in_flight == 0 {
        return 0.0;
    }
    let per_wave = counters.read.bytes as f64 / counters.num_waves as f64;
    let turns = (per_wave / in_flight as f64).max(1.0);
    let held = (launch.occupancy_groups_per_cu * NUM_CUS) as f64;
    let rounds = (launch.num_groups() as f64 / held).max(1.0);
    rounds * turns * MEMORY_LATENCY_S
}

/// Sums over ranks: one-shot or two-shot, whichever is sooner (kernels.md 4.3).
fn exchange_s(shape: &ModelShape, batch: usize) -> f64 {
    if shape.num_ranks == 1 {
        return 0.0;
    }
    let bytes = (2 * batch * shape.hidden) as f64;
    let one_shot = bytes / LINK_BYTES_PER_S + BARRIER_S;
    let two_shot = 2.0 * bytes / shape.num_ranks as f64 / LINK_BYTES_PER_S + 2.0 * BARRIER_S;
    let sum = one_shot.min(two_shot) + GRAPH_GAP_S;
    SUMS_PER_LAYER * shape.num_layers as f64 * sum
}

impl fmt::Display for StepEstimate {
    /// Writes a row for each kernel, and the sums.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (name, kernel) in &self.kernels {
            let KernelTime { num_launches, busy_s, latency_s, limit } = kernel;
            let limit = limit.map_or_else(String::new, |limit| format!("{limit:?}"));
            let [busy, latency] = [busy_s, latency_s].map(|seconds| seconds * 1e6);
            let row = format!("  {name:24} {num_launches:4} launches {busy:9.1} us");
            writeln!(f, "{row}, with latency {latency:9.1} us  {}", limit.to_lowercase())?;
        }
        let [busy, gaps, exchange, all] =
            [self.busy_s(), self.gaps_s(), self.exchange_s, self.seconds()].map(|s| s * 1e3);
        write!(f, "  kernels {busy:.3} ms, gaps {gaps:.3} ms")?;
        if exchange > 0.0 {
            write!(f, ", sums over ranks {exchange:.3} ms")?;
        }
        let [weights, stream] = [self.weights_share(), self.stream_share()].map(|s| s * 100.0);
        write!(f, ": {all:.3} ms, with latency {:.3} ms; ", self.latency_s() * 1e3)?;
        write!(
            f,
            "weights {weights:.0} %, with the cache {stream:.0} % of {HBM_BYTES_PER_S:.1e} B/s"
        )
    }
}
