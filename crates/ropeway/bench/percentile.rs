//! Percentiles of measured times.

use serde::Serialize;

/// What a list of times boils down to, in milliseconds.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub(super) struct Summary {
    /// Number of samples.
    pub(super) num: usize,
    /// Arithmetic mean.
    pub(super) mean_ms: f64,
    /// Median.
    pub(super) p50_ms: f64,
    /// 90th percentile.
    pub(super) p90_ms: f64,
    /// 99th percentile.
    pub(super) p99_ms: f64,
    /// Largest.
    pub(super) max_ms: f64,
}

impl Summary {
    /// Sums up `seconds`; `None` if there are none.
    pub(super) fn new(mut seconds: Vec<f64>) -> Option<Self> {
        seconds.sort_by(f64::total_cmp);
        let &max = seconds.last()?;
        let mean = seconds.iter().sum::<f64>() / seconds.len() as f64;
        let at = |share| percentile(&seconds, share) * 1e3;
        Some(Self {
            num: seconds.len(),
            mean_ms: mean * 1e3,
            p50_ms: at(0.50),
            p90_ms: at(0.90),
            p99_ms: at(0.99),
            max_ms: max * 1e3,
        })
    }
}

/// The value below which `share` of `sorted` lies, linear between neighbours (method 7 of
/// Hyndman and Fan, "Sample quantiles in statistical packages", 1996; numpy's default).
/// `sorted` must not be empty.
fn percentile(sorted: &[f64], share: f64) -> f64 {
    let position = share * (sorted.len() - 1) as f64;
    let low_idx = position.floor() as usize;
    let high_idx = (low_idx + 1).min(sorted.len() - 1);
    let weight = position - low_idx as f64;
    sorted[low_idx] + (sorted[high_idx] - sorted[low_idx]) * weight
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn known_values() {
        // numpy.percentile([1, 2, 3, 4, 10], [50, 90, 99])
        let sorted = [1.0, 2.0, 3.0, 4.0, 10.0];
        for (share, expected) in [(0.0, 1.0), (0.5, 3.0), (0.9, 7.6), (0.99, 9.76), (1.0, 10.0)] {
            assert!((percentile(&sorted, share) - expected).abs() < 1e-12, "{share}");
        }
        assert_eq!(percentile(&[5.0], 0.99), 5.0);
    }

    #[test]
    fn nothing_has_no_summary() {
        assert_eq!(Summary::new(Vec::new()), None);
    }

    #[test]
    fn milliseconds() {
        let summary = Summary::new(vec![0.003, 0.001, 0.002]).unwrap();
        assert_eq!((summary.num, summary.p50_ms, summary.max_ms), (3, 2.0, 3.0));
        assert!((summary.mean_ms - 2.0).abs() < 1e-12);
    }

    proptest! {
        /// Naive: the piecewise linear curve through (i / (n - 1), sorted[i]), found by search.
        #[test]
        fn equals_the_naive_definition(mut values in prop::collection::vec(-1e3..1e3f64, 1..60), share in 0.0..1.0f64) {
            values.sort_by(f64::total_cmp);
            let steps = (values.len() - 1).max(1) as f64;
            let naive = (0..values.len().saturating_sub(1))
                .find(|&i| share <= (i + 1) as f64 / steps)
                .map_or(values[values.len() - 1], |i| {
                    let (from, to) = (i as f64 / steps, (i + 1) as f64 / steps);
                    let along = (share - from) / (to - from);
                    values[i] * (1.0 - along) + values[i + 1] * along
                });
            prop_assert!((percentile(&values, share) - naive).abs() < 1e-9);
        }
    }
}
