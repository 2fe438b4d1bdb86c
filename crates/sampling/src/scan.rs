//! Whole-vocabulary passes shared by the steps: check, cleaning, maximum, weights. Each keeps a fixed
//! order of operations and is written in independent lanes for the vectoriser.

use crate::exp::exp_nonpositive;

const LANES: usize = 16;

/// Replaces NaN by minus infinity and plus infinity by the largest finite number.
pub(crate) fn sanitize(logits: &mut [f32]) {
    for logit in logits {
        let capped = if *logit < f32::MAX { *logit } else { f32::MAX };
        *logit = if *logit >= f32::NEG_INFINITY { capped } else { f32::NEG_INFINITY };
    }
}

/// The largest of a row of raw logits, if the row is one to choose from: no NaN in it, and the
/// largest is finite. Minus infinity beside finite logits is a model's way of saying never. One
/// pass finds both, so that the check costs no other.
pub(crate) fn finite_max(logits: &[f32]) -> Option<f32> {
    let mut best = [f32::NEG_INFINITY; LANES];
    // A mask and no flag, so that the loop has no branch.
    let mut is_nan = [0u32; LANES];
    let (chunks, rest) = logits.as_chunks::<LANES>();
    for chunk in chunks {
        for ((best, is_nan), &logit) in best.iter_mut().zip(&mut is_nan).zip(chunk) {
            *best = if logit > *best { logit } else { *best };
            *is_nan |= if logit.is_nan() { u32::MAX } else { 0 };
        }
    }
    if is_nan.iter().any(|mask| *mask != 0) || rest.iter().any(|logit| logit.is_nan()) {
        return None;
    }
    let best = max(rest).max(max(&best));
    best.is_finite().then_some(best)
}

/// The largest value; NaN is passed over, and an empty or hopeless row gives minus infinity.
pub(crate) fn max(values: &[f32]) -> f32 {
    let mut lanes = [f32::NEG_INFINITY; LANES];
    let (chunks, rest) = values.as_chunks::<LANES>();
    for chunk in chunks {
        for (lane, &value) in lanes.iter_mut().zip(chunk) {
            *lane = if value > *lane { value } else { *lane };
        }
    }
    let best = lanes.iter().chain(rest).copied();
    best.fold(f32::NEG_INFINITY, |a, b| if b > a { b } else { a })
}

/// `weights[i] = exp((logits[i] - max) * scale)`, so that the most likely token weighs 1.
/// `max` must be finite.
pub(crate) fn weights(logits: &[f32], max: f32, scale: f32, weights: &mut [f32]) {
    for (weight, &logit) in weights.iter_mut().zip(logits) {
        *weight = exp_nonpositive((logit - max) * scale);
    }
}

/// Sum in f64: lane sums first, then the lanes in order.
pub(crate) fn sum(values: &[f32]) -> f64 {
    let mut lanes = [0.0f64; LANES];
    let (chunks, rest) = values.as_chunks::<LANES>();
    for chunk in chunks {
        for (lane, &value) in lanes.iter_mut().zip(chunk) {
            *lane += f64::from(value);
        }
    }
    lanes.iter().sum::<f64>() + rest.iter().map(|&value| f64::from(value)).sum::<f64>()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sanitize_leaves_only_comparable_numbers() {
        let mut logits = [f32::NAN, f32::INFINITY, f32::NEG_INFINITY, -0.5, f32::MIN];
        sanitize(&mut logits);
        assert_eq!(logits, [f32::NEG_INFINITY, f32::MAX, f32::NEG_INFINITY, -0.5, f32::MIN]);
    }

    #[test]
    fn a_row_is_checked_and_its_largest_found_wherever_it_stands() {
        for len in [1, 15, 16, 17, 33, 100] {
            for at in 0..len {
                let mut row = vec![f32::NEG_INFINITY; len];
                assert_eq!(finite_max(&row), None, "nothing is possible, len {len}");
                row[at] = f32::MIN;
                assert_eq!(finite_max(&row), Some(f32::MIN), "{at} of {len}");
                row[len - 1 - at] = 3.0;
                assert_eq!(finite_max(&row), Some(3.0), "{at} of {len}");
                assert_eq!(max(&row), 3.0, "{at} of {len}");
                for odd in [f32::NAN, -f32::NAN, f32::INFINITY] {
                    row[at] = odd;
                    assert_eq!(finite_max(&row), None, "{odd} at {at} of {len}");
                }
            }
        }
        assert_eq!(finite_max(&[]), None);
    }

    #[test]
    fn sum_counts_the_tail() {
        for len in [0, 1, 15, 16, 17, 47] {
            let values: Vec<f32> = (0..len).map(|i| i as f32).collect();
            assert_eq!(sum(&values), (0..len).sum::<usize>() as f64);
        }
    }
}
