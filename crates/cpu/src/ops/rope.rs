//! Rotary position embedding of one head, half-split form (RoFormer, arXiv 2104.09864, in
//! GPT-NeoX's layout): element `i` turns with element `i + rotary_dim / 2`.

use super::simd::{Lanes, simd_dispatch};

simd_dispatch! {
    /// Rotates the head's first `2 * cos.len()` elements by the angles of one position.
    pub(crate) fn rotate_head(head: &mut [f32], cos: &[f32], sin: &[f32])
        = rotate_reference | rotate_lanes
}

fn rotate_reference(head: &mut [f32], cos: &[f32], sin: &[f32]) {
    let (low, high) = head.split_at_mut(cos.len());
    rotate_pairs(low, high, cos, sin);
}

fn rotate_pairs(low: &mut [f32], high: &mut [f32], cos: &[f32], sin: &[f32]) {
    for (((low, high), cos), sin) in low.iter_mut().zip(high).zip(cos).zip(sin) {
        let (a, b) = (*low, *high);
        *low = a * cos - b * sin;
        *high = b * cos + a * sin;
    }
}

/// # Safety
/// The CPU has the features of `L`.
#[inline(always)]
unsafe fn rotate_lanes<L: Lanes>(head: &mut [f32], cos: &[f32], sin: &[f32]) {
    let half = cos.len();
    assert!(sin.len() == half && head.len() >= 2 * half, "a head is shorter than its rotation");
    let whole = half - half % L::LEN;
    let (low, high) = head[..2 * half].split_at_mut(half);
    // SAFETY: every access is at `i..i + L::LEN <= whole <= half` of a slice of length `half`.
    unsafe {
        for i in (0..whole).step_by(L::LEN) {
            let (a, b) = (L::load(low.as_ptr().add(i)), L::load(high.as_ptr().add(i)));
            let (cos, sin) = (L::load(cos.as_ptr().add(i)), L::load(sin.as_ptr().add(i)));
            a.mul(cos).sub(b.mul(sin)).store(low.as_mut_ptr().add(i));
            b.mul(cos).add(a.mul(sin)).store(high.as_mut_ptr().add(i));
        }
    }
    rotate_pairs(&mut low[whole..], &mut high[whole..], &cos[whole..], &sin[whole..]);
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ops::testing::{AWKWARD_LENGTHS, assert_close, for_each_isa, noise};

    #[test]
    fn matches_f64_and_leaves_the_rest() {
        for_each_isa(|isa| {
            for half in AWKWARD_LENGTHS {
                let mut head = noise(2 * half + 3, 7);
                let before = head.clone();
                let angles = noise(half, 8);
                let cos: Vec<f32> = angles.iter().map(|a| a.cos()).collect();
                let sin: Vec<f32> = angles.iter().map(|a| a.sin()).collect();
                rotate_head(isa, &mut head, &cos, &sin);
                for i in 0..half {
                    let (a, b) = (f64::from(before[i]), f64::from(before[i + half]));
                    let (cos, sin) = (f64::from(cos[i]), f64::from(sin[i]));
                    // One rounding per operation: 1.2e-7 of values up to 2.
                    let context = format!("{isa} half {half} at {i}");
                    assert_close(head[i], a * cos - b * sin, 3e-7, &context);
                    assert_close(head[i + half], b * cos + a * sin, 3e-7, &context);
                }
                assert_eq!(head[2 * half..], before[2 * half..]);
            }
        });
    }
}
