//! Whole-vocabulary passes shared by the steps: cleaning, maximum, weights. Each keeps a fixed
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

/// Index of the largest value, the lowest among equals; `None` if all are minus infinity or NaN.
pub(crate) fn argmax(values: &[f32]) -> Option<usize> {
    let best = max(values);
    if best == f32::NEG_INFINITY {
        return None;
    }
    values.iter().position(|&value| value == best)
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
    fn argmax_takes_the_lowest_of_equals() {
        for len in [1, 15, 16, 17, 33, 100] {
            for at in 0..len {
                let mut values = vec![-1.0; len];
                values[at] = 3.0;
                values[len - 1] = 3.0;
                assert_eq!(argmax(&values), Some(at), "len {len}");
            }
        }
        assert_eq!(argmax(&[f32::NAN, 1.0, f32::NAN]), Some(1));
        assert_eq!(argmax(&[f32::NEG_INFINITY, f32::NAN]), None);
        assert_eq!(argmax(&[]), None);
    }

    #[test]
    fn sum_counts_the_tail() {
        for len in [0, 1, 15, 16, 17, 47] {
            let values: Vec<f32> = (0..len).map(|i| i as f32).collect();
            assert_eq!(sum(&values), (0..len).sum::<usize>() as f64);
        }
    }
}
