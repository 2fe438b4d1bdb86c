//! The MI300X in figures: cycles of operations, occupancy, a lower bound of a launch's time.
//!
//! Sources: AMD's matrix instruction calculator and LLVM's scheduling model (`llvm-mca-19
//! -mcpu=gfx942`), which agree on the passes of matrix operations; AMD's CDNA3 documents for
//! peaks; arXiv 2510.27583 for the reachable bandwidth. Nothing here was measured on hardware.

use serde::{Deserialize, Serialize};

use super::{Counters, LINE_BYTES};
use crate::code_object::Kernel;

/// Compute units.
pub const NUM_CUS: u64 = 304;
/// SIMDs of a compute unit.
pub const SIMDS_PER_CU: u64 = 4;
/// Clock of launches that memory bounds.
pub const CLOCK_HZ: f64 = 2.1e9;
/// Clock under dense matrix load.
pub const MATRIX_CLOCK_HZ: f64 = 1.2e9;
/// Reachable bandwidth of HBM in bytes a second.
pub const HBM_BYTES_PER_S: f64 = 4.3e12;
/// Bytes a clock of all eight L2 caches.
pub const L2_BYTES_PER_CLOCK: f64 = 2048.0 * 8.0;
/// Time between kernels that are launched one by one.
pub const LAUNCH_GAP_S: f64 = 4.5e-6;
/// Vector registers of a lane on one SIMD, both kinds together.
const NUM_VGPRS: u32 = 512;
/// Waves of one SIMD.
const MAX_WAVES: u32 = 8;
/// LDS of a compute unit.
const LDS_BYTES: u32 = 65_536;

/// Clocks of a matrix operation by its mnemonic, `v_mfma_*`; `None` for another.
pub fn mfma_cycles(name: &str) -> Option<u64> {
    let shape = name.strip_prefix("v_mfma_")?;
    let (result, shape) = shape.split_once('_')?;
    let rows = shape.split('x').next()?;
    let is_blocked = ["_2b_", "_4b_", "_16b_"].iter().any(|blocks| shape.contains(blocks));
    let is_single = shape.ends_with("_f32");
    let passes = match (rows, result) {
        ("4", "f64") => 4,
        (_, "f64") => 8,
        ("4", _) => 2,
        ("16", _) if is_blocked || is_single => 8,
        ("16", _) => 4,
        ("32", _) if is_blocked || is_single => 16,
        ("32", _) => 8,
        _ => return None,
    };
    Some(4 * passes)
}

/// Clocks of a vector operation: 64 lanes by 16, transcendental ones at a quarter of that rate.
pub fn valu_cycles(is_transcendental: bool) -> u64 {
    if is_transcendental { 16 } else { 4 }
}

/// Waves that one SIMD holds at once, by registers and LDS.
pub fn waves_per_simd(kernel: &Kernel, group_size: u32, dynamic_lds: u32) -> u32 {
    let by_registers = NUM_VGPRS / kernel.descriptor.num_allocated_vgprs.max(8);
    let waves_per_group = group_size.div_ceil(64).max(1);
    let lds = kernel.group_segment_bytes + dynamic_lds;
    let groups = LDS_BYTES.checked_div(lds).unwrap_or(u32::MAX);
    let by_lds = groups.saturating_mul(waves_per_group) / SIMDS_PER_CU as u32;
    MAX_WAVES.min(by_registers).min(by_lds.max(1))
}

/// What limits a launch.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Resource {
    /// Device memory.
    Hbm,
    /// Second-level caches.
    L2,
    /// Local data share.
    Lds,
    /// Matrix units.
    Mfma,
    /// Vector arithmetic.
    Valu,
    /// Scalar units.
    Salu,
}

/// A lower bound of a launch's time.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Bound {
    /// The slowest resource.
    pub limit: Resource,
    /// Its time, with the gap before the launch.
    pub seconds: f64,
    /// The clock that was taken.
    pub clock_hz: f64,
    /// Every resource's own time in seconds.
    pub resources: Vec<(Resource, f64)>,
}

/// The bound of a launch of `num_groups` work-groups of which `counters` saw a sample, or all.
/// Counts are scaled by the ratio; so are distinct lines, which overstates what groups share.
pub fn bound(counters: &Counters, num_groups: u64) -> Bound {
    let scale = num_groups as f64 / counters.num_groups.max(1) as f64;
    let waves = (counters.num_waves as f64 * scale).max(1.0);
    let simds = waves.min((NUM_CUS * SIMDS_PER_CU) as f64);
    let cus = (num_groups.max(1) as f64).min(NUM_CUS as f64);
    let times = |clock: f64| {
        let cycles = |count: u64, units: f64| count as f64 * scale / (units * clock);
        let distinct = counters.read.distinct_lines + counters.written.distinct_lines;
        let lines = counters.read.lines + counters.written.lines;
        let bytes = |lines: u64| (lines * LINE_BYTES) as f64 * scale;
        vec![
            (Resource::Hbm, bytes(distinct) / HBM_BYTES_PER_S),
            (Resource::L2, bytes(lines) / (L2_BYTES_PER_CLOCK * clock)),
            (Resource::Lds, cycles(counters.lds.cycles, cus)),
            (Resource::Mfma, cycles(counters.cycles.mfma, simds)),
            (Resource::Valu, cycles(counters.cycles.valu, simds)),
            (Resource::Salu, cycles(counters.cycles.salu, simds)),
        ]
    };
    let slowest = |times: &[(Resource, f64)]| {
        let first = (Resource::Hbm, 0.0);
        times.iter().fold(first, |worst, &time| if time.1 > worst.1 { time } else { worst })
    };
    let (mut clock_hz, mut resources) = (CLOCK_HZ, times(CLOCK_HZ));
    if slowest(&resources).0 == Resource::Mfma {
        (clock_hz, resources) = (MATRIX_CLOCK_HZ, times(MATRIX_CLOCK_HZ));
    }
    let (limit, seconds) = slowest(&resources);
    Bound { limit, seconds: seconds + LAUNCH_GAP_S, clock_hz, resources }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn clocks_of_matrix_operations_are_those_of_llvm_mca() {
        // RThroughput of `llvm-mca-19 -mcpu=gfx942`, times 4.
        for (name, cycles) in [
            ("v_mfma_f32_32x32x4_2b_bf16", 64),
            ("v_mfma_f32_16x16x4_4b_bf16", 32),
            ("v_mfma_f32_4x4x4_16b_bf16", 8),
            ("v_mfma_f32_32x32x1_2b_f32", 64),
            ("v_mfma_f32_32x32x2_f32", 64),
            ("v_mfma_f32_16x16x4_f32", 32),
            ("v_mfma_f64_16x16x4_f64", 32),
            ("v_mfma_f64_4x4x4_4b_f64", 16),
            ("v_mfma_i32_4x4x4_16b_i8", 8),
            ("v_mfma_f32_16x16x16_bf16", 16),
            ("v_mfma_f32_32x32x16_fp8_fp8", 32),
            ("v_mfma_f32_16x16x8_xf32", 16),
        ] {
            assert_eq!(mfma_cycles(name), Some(cycles), "{name}");
        }
        assert_eq!(mfma_cycles("v_add_f32"), None);
    }

    #[test]
    fn the_slowest_resource_bounds_and_matrix_load_lowers_the_clock() {
        let mut counters = Counters { num_groups: 304, num_waves: 1216, ..Counters::default() };
        counters.read.distinct_lines = 43_000_000_000 / 128;
        counters.cycles.mfma = 1216 * 1000;
        let memory = bound(&counters, 304);
        assert_eq!((memory.limit, memory.clock_hz), (Resource::Hbm, CLOCK_HZ));
        assert!((memory.seconds - LAUNCH_GAP_S - 0.01).abs() < 1e-6, "{}", memory.seconds);
        counters.read.distinct_lines = 0;
        let matrix = bound(&counters, 608);
        assert_eq!((matrix.limit, matrix.clock_hz), (Resource::Mfma, MATRIX_CLOCK_HZ));
        let seconds = 2000.0 / MATRIX_CLOCK_HZ;
        assert!((matrix.seconds - LAUNCH_GAP_S - seconds).abs() < 1e-12, "{}", matrix.seconds);
    }
}
