//! The MI300X in figures: cycles of operations, occupancy, a lower bound of a launch's time.
//!
//! Sources: AMD's matrix instruction calculator and LLVM's scheduling model (`llvm-mca-19
//! -mcpu=gfx942`), which agree on the passes of matrix operations; AMD's CDNA3 documents for
//! peaks; arXiv 2510.27583 for the reachable bandwidth. Nothing here was measured on hardware.

use serde::{Deserialize, Serialize};

use super::{Counters, LINE_BYTES};

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
/// Time between kernels of a graph: an assumption, since no measurement is published.
pub const GRAPH_GAP_S: f64 = 2.0e-6;
/// LDS of a compute unit.
pub const LDS_BYTES: u64 = 65_536;
/// Vector registers of a lane on one SIMD, both kinds together.
const SIMD_VGPRS: u32 = 512;
/// The unit in which waves get them.
const VGPR_GRANULE: u32 = 8;
/// Waves of one SIMD.
const MAX_WAVES: u32 = 8;

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

/// Waves that one SIMD holds at once by the vector registers of a lane, both kinds together.
pub fn waves_per_simd(num_vgprs: u32) -> u32 {
    let granted = num_vgprs.max(1).next_multiple_of(VGPR_GRANULE);
    MAX_WAVES.min(SIMD_VGPRS / granted)
}

/// Work-groups of `num_waves` waves and `lds_bytes` of LDS that a compute unit holds at once.
pub fn groups_per_cu(num_vgprs: u32, num_waves: u32, lds_bytes: u64) -> u64 {
    let waves = u64::from(waves_per_simd(num_vgprs)) * SIMDS_PER_CU;
    let by_lds = LDS_BYTES.checked_div(lds_bytes).unwrap_or(u64::MAX);
    (waves / u64::from(num_waves.max(1))).min(by_lds)
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
    /// Its time; the gap before the launch ([`LAUNCH_GAP_S`], [`GRAPH_GAP_S`]) comes on top.
    pub seconds: f64,
    /// The clock that was taken.
    pub clock_hz: f64,
    /// Every resource's own time in seconds.
    pub resources: Vec<(Resource, f64)>,
}

/// Bytes that HBM moves at least in a launch of `num_groups` work-groups: its distinct lines.
///
/// If `counters` saw a sample, lines that several of its groups touched are taken for shared by
/// all. Of the others the touched bytes are scaled, and not whole lines, since neighbours that are
/// not in the sample complete them. This overstates what a group shares with others of which none
/// is in the sample, and understates lines that nobody completes.
pub fn hbm_bytes(counters: &Counters, num_groups: u64) -> f64 {
    let Counters { read, written, .. } = counters;
    if counters.num_groups == num_groups {
        return ((read.distinct_lines + written.distinct_lines) * LINE_BYTES) as f64;
    }
    let scale = num_groups as f64 / counters.num_groups.max(1) as f64;
    let shared = read.shared_lines * LINE_BYTES;
    let alone = read.distinct_bytes.saturating_sub(shared);
    shared as f64 + (alone + written.distinct_bytes) as f64 * scale
}

/// The bound of a launch of `num_groups` work-groups of which `counters` saw a sample, or all.
/// Counts are scaled by the ratio, those of HBM as in [`hbm_bytes`].
pub fn bound(counters: &Counters, num_groups: u64) -> Bound {
    let scale = num_groups as f64 / counters.num_groups.max(1) as f64;
    let waves = (counters.num_waves as f64 * scale).max(1.0);
    let simds = waves.min((NUM_CUS * SIMDS_PER_CU) as f64);
    let cus = (num_groups.max(1) as f64).min(NUM_CUS as f64);
    let times = |clock: f64| {
        let cycles = |count: u64, units: f64| count as f64 * scale / (units * clock);
        let lines = counters.read.lines + counters.written.lines;
        let l2_bytes = (lines * LINE_BYTES) as f64 * scale;
        vec![
            (Resource::Hbm, hbm_bytes(counters, num_groups) / HBM_BYTES_PER_S),
            (Resource::L2, l2_bytes / (L2_BYTES_PER_CLOCK * clock)),
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
    Bound { limit, seconds, clock_hz, resources }
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

    fn close(a: f64, b: f64) -> bool {
        (a / b - 1.0).abs() < 1e-9
    }

    #[test]
    fn the_slowest_resource_bounds_and_matrix_load_lowers_the_clock() {
        let mut counters = Counters { num_groups: 304, num_waves: 1216, ..Counters::default() };
        counters.read.distinct_lines = 21_500_000_000 / 128;
        counters.written.distinct_lines = 21_500_000_000 / 128;
        counters.cycles.mfma = 1216 * 1000;
        let memory = bound(&counters, 304);
        assert_eq!((memory.limit, memory.clock_hz), (Resource::Hbm, CLOCK_HZ));
        assert!(close(memory.seconds, 0.01), "{}", memory.seconds);
        (counters.read.distinct_lines, counters.written.distinct_lines) = (0, 0);
        let matrix = bound(&counters, 608);
        assert_eq!((matrix.limit, matrix.clock_hz), (Resource::Mfma, MATRIX_CLOCK_HZ));
        assert!(close(matrix.seconds, 2000.0 / MATRIX_CLOCK_HZ), "{}", matrix.seconds);
    }

    /// Each resource alone, of one work-group of four waves on one compute unit.
    #[test]
    fn each_resource_has_its_own_rate() {
        type Set = fn(&mut Counters);
        let cases: [(Resource, Set, f64); 6] = [
            (Resource::Hbm, |c| c.read.distinct_lines = 4300, 4300.0 * 128.0 / 4.3e12),
            (Resource::L2, |c| c.written.lines = 128, 1.0 / 2.1e9),
            (Resource::Lds, |c| c.lds.cycles = 21, 21.0 / 2.1e9),
            (Resource::Mfma, |c| c.cycles.mfma = 48, 12.0 / 1.2e9),
            (Resource::Valu, |c| c.cycles.valu = 84, 21.0 / 2.1e9),
            (Resource::Salu, |c| c.cycles.salu = 84, 21.0 / 2.1e9),
        ];
        for (resource, set, seconds) in cases {
            let mut counters = Counters { num_groups: 1, num_waves: 4, ..Counters::default() };
            set(&mut counters);
            let found = bound(&counters, 1);
            assert_eq!(found.limit, resource);
            assert!(close(found.seconds, seconds), "{resource:?}: {} s", found.seconds);
        }
    }

    #[test]
    fn a_sample_is_scaled_but_for_the_lines_that_its_groups_share() {
        let mut counters = Counters { num_groups: 2, num_waves: 8, ..Counters::default() };
        counters.read.distinct_lines = 30;
        counters.read.shared_lines = 10;
        counters.read.distinct_bytes = 10 * 128 + 20 * 64;
        counters.written.distinct_lines = 5;
        counters.written.distinct_bytes = 96;
        counters.cycles.valu = 8;
        let found = bound(&counters, 200);
        let [(_, hbm), .., (_, valu), _] = found.resources[..] else { panic!("six resources") };
        let bytes = 10.0 * 128.0 + (20.0 * 64.0 + 96.0) * 100.0;
        assert!(close(hbm, bytes / HBM_BYTES_PER_S), "{hbm}");
        assert_eq!(hbm_bytes(&counters, 2), (30.0 + 5.0) * 128.0);
        assert!(close(valu, 8.0 * 100.0 / (800.0 * CLOCK_HZ)), "{valu}");
    }

    #[test]
    fn registers_and_lds_limit_what_a_compute_unit_holds() {
        // kernels.md 1: the compiler's own remark for each count.
        let by_registers = [(0, 8), (64, 8), (65, 7), (72, 7), (80, 6), (96, 5), (128, 4)];
        for (num_vgprs, waves) in by_registers {
            assert_eq!(waves_per_simd(num_vgprs), waves, "{num_vgprs}");
        }
        for (num_vgprs, waves) in [(129, 3), (168, 3), (169, 2), (256, 2), (257, 1), (512, 1)] {
            assert_eq!(waves_per_simd(num_vgprs), waves, "{num_vgprs}");
        }
        assert_eq!(groups_per_cu(64, 8, 0), 4);
        assert_eq!(groups_per_cu(64, 8, 16_384), 4);
        assert_eq!(groups_per_cu(64, 8, 16_896), 3);
        assert_eq!(groups_per_cu(256, 16, 0), 0);
        assert_eq!(groups_per_cu(1, 1, 65_537), 0);
    }
}
