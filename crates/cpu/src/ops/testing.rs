//! Inputs and comparisons for the parity tests of the operations.

use crate::isa::Isa;

/// Lengths around the vector widths.
pub(crate) const AWKWARD_LENGTHS: [usize; 9] = [1, 7, 8, 15, 16, 17, 33, 64, 577];

/// Runs a check under every instruction set of this machine.
pub(crate) fn for_each_isa(check: impl Fn(Isa)) {
    Isa::ALL.into_iter().filter(|isa| isa.is_available()).for_each(check);
}

/// Repeatable numbers in `-1..1`.
pub(crate) fn noise(len: usize, seed: u64) -> Vec<f32> {
    let philox = sampling::Philox4x32::new(seed);
    (0..len).map(|i| (philox.uniform(i as u32) * 2.0 - 1.0) as f32).collect()
}

/// Passes if the difference is within `tolerance` of 1 or of the expected size, whichever is more.
#[track_caller]
pub(crate) fn assert_close(got: f32, expect: f64, tolerance: f64, context: &str) {
    let error = (f64::from(got) - expect).abs();
    let bound = tolerance * expect.abs().max(1.0);
    assert!(error <= bound, "{context}: {got} for {expect}, off by {error:e}");
}
