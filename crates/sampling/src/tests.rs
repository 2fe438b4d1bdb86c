//! The whole sampler against a naive full sort in f64, and its promises on odd input.

use std::sync::Arc;

use proptest::prelude::*;
use types::{AdmittedSeq, NO_TOKEN, Sampled, SamplerSlot, SamplingParams, TokenId};

use crate::{Philox4x32, SamplerState, Scratch};

fn admitted(params: SamplingParams, tokens: &[TokenId], num_prompt: u32) -> AdmittedSeq {
    let tokens = tokens.to_vec();
    AdmittedSeq { slot: SamplerSlot(0), params: Arc::new(params), tokens, num_prompt }
}

fn state(params: SamplingParams, vocab_size: usize) -> SamplerState {
    let mut state = SamplerState::new(vocab_size);
    state.admit(&admitted(params, &[], 0));
    state
}

fn sample(params: &SamplingParams, logits: &[f32], num_output: u32) -> TokenId {
    let mut scratch = Scratch::new(logits.len());
    let mut state = state(params.clone(), logits.len());
    state.sample(&mut logits.to_vec(), num_output, &mut scratch).token
}

/// Logits with the shape of a model's: most far below a few. Distinct with near certainty.
fn model_like_logits(vocab_size: usize, seed: u64) -> Vec<f32> {
    let philox = Philox4x32::new(seed);
    let logit = |token: usize| {
        let u = philox.uniform(token as u32).max(1e-12);
        (8.0 - 2.5 * (-u.ln()).sqrt() + 6.0 * philox.uniform((token + vocab_size) as u32)) as f32
    };
    (0..vocab_size).map(logit).collect()
}

/// Probabilities after temperature and filters, by full sort in f64.
fn naive_probabilities(params: &SamplingParams, logits: &[f32]) -> Vec<f64> {
    let max = logits.iter().copied().fold(f32::NEG_INFINITY, f32::max);
    let scale = 1.0 / f64::from(params.temperature);
    let mut weights: Vec<f64> =
        logits.iter().map(|&l| ((f64::from(l) - f64::from(max)) * scale).exp()).collect();
    for weight in &mut weights {
        if *weight < f64::from(params.min_p) {
            *weight = 0.0;
        }
    }
    let mut order: Vec<usize> = (0..logits.len()).collect();
    order.sort_by(|&a, &b| logits[b].partial_cmp(&logits[a]).unwrap().then(a.cmp(&b)));
    if params.top_k > 0 {
        for &token in order.iter().skip(params.top_k as usize) {
            weights[token] = 0.0;
        }
    }
    let target = f64::from(params.top_p) * weights.iter().sum::<f64>();
    let mut reached = 0.0;
    for &token in &order {
        // A hair above the target, so that rounding cannot keep a token here and drop it there.
        if reached >= target * (1.0 - 1e-9) && params.top_p < 1.0 {
            weights[token] = 0.0;
        }
        reached += weights[token];
    }
    let total: f64 = weights.iter().sum();
    weights.iter().map(|weight| weight / total).collect()
}

/// Draws many positions and compares the counts with the naive probabilities.
fn check_distribution(params: SamplingParams) {
    const DRAWS: u32 = 20_000;
    let logits = [1.0, 3.5, -2.0, 3.0, 0.0, 2.0, 3.5, -9.0, 1.5, 2.5, -1.0, 0.5];
    let expect = naive_probabilities(&params, &logits);
    let mut scratch = Scratch::new(logits.len());
    let mut state = state(params.clone(), logits.len());
    let mut counts = vec![0u32; logits.len()];
    for position in 0..DRAWS {
        let token = state.sample(&mut logits.to_vec(), position, &mut scratch).token;
        counts[token as usize] += 1;
    }
    let mut chi_square = 0.0;
    let mut degrees: f64 = -1.0;
    for (token, &probability) in expect.iter().enumerate() {
        let mean = probability * f64::from(DRAWS);
        if probability == 0.0 {
            assert_eq!(counts[token], 0, "filtered token {token} drawn under {params:?}");
        } else if mean > 5.0 {
            chi_square += (f64::from(counts[token]) - mean).powi(2) / mean;
            degrees += 1.0;
        }
    }
    // Mean plus five standard deviations of the chi-square distribution.
    let bound = degrees + 5.0 * (2.0f64 * degrees.max(1.0)).sqrt();
    assert!(chi_square < bound, "chi-square {chi_square} over {bound} for {params:?}");
}

#[test]
fn draws_follow_the_distribution() {
    let off = || SamplingParams { seed: 42, ..Default::default() };
    check_distribution(off());
    check_distribution(SamplingParams { temperature: 0.5, ..off() });
    check_distribution(SamplingParams { temperature: 2.0, ..off() });
    check_distribution(SamplingParams { top_k: 3, ..off() });
    check_distribution(SamplingParams { top_p: 0.8, ..off() });
    check_distribution(SamplingParams { min_p: 0.2, ..off() });
    check_distribution(SamplingParams { top_k: 5, top_p: 0.7, min_p: 0.05, ..off() });
    check_distribution(SamplingParams { top_k: 1, ..off() });
}

#[test]
fn the_draw_is_the_inverse_cdf_in_token_order() {
    for (vocab_size, filtered) in [(500, false), (9_001, false), (9_001, true)] {
        let logits = model_like_logits(vocab_size, 3);
        let mut params = SamplingParams { seed: 11, temperature: 0.8, ..Default::default() };
        if filtered {
            params = SamplingParams { top_k: 200, top_p: 0.9, min_p: 0.001, ..params };
        }
        let probabilities = naive_probabilities(&params, &logits);
        for position in 0..200 {
            let uniform = Philox4x32::new(params.seed).uniform(position);
            let token = sample(&params, &logits, position) as usize;
            let below: f64 = probabilities[..token].iter().sum();
            let up_to = below + probabilities[token];
            assert!(
                below - 1e-5 <= uniform && uniform <= up_to + 1e-5,
                "token {token} covers {below}..{up_to}, drawn for {uniform}"
            );
        }
    }
}

#[test]
fn filters_keep_the_naive_set_on_large_vocabularies() {
    let logits = model_like_logits(50_021, 9);
    let cases =
        [(40, 1.0, 0.0), (1_000, 0.95, 0.0), (0, 0.9, 0.0), (0, 0.999, 0.01), (7, 0.3, 0.1)];
    for (top_k, top_p, min_p) in cases {
        let params = SamplingParams { top_k, top_p, min_p, temperature: 0.7, ..Default::default() };
        let mut scratch = Scratch::new(logits.len());
        let max = crate::scan::max(&logits);
        crate::scan::weights(&logits, max, 1.0 / 0.7, &mut scratch.weights);
        crate::filter::apply(&params, &logits, max, 1.0 / 0.7, &mut scratch);
        let naive = naive_probabilities(&params, &logits);
        let kept = scratch.weights.iter().filter(|weight| **weight > 0.0).count();
        let expect = naive.iter().filter(|probability| **probability > 0.0).count();
        // The nucleus edge may move by a few of thousands of tokens, by f32 rounding of weights.
        assert!(kept.abs_diff(expect) * 1000 <= expect, "{kept} for {expect}: {params:?}");
        if top_p == 1.0 {
            assert_eq!(kept, expect);
        }
    }
}

#[test]
fn same_seed_same_text_and_other_seed_other_text() {
    let logits = model_like_logits(1_000, 5);
    let text = |seed| -> Vec<TokenId> {
        let params = SamplingParams { seed, temperature: 1.5, ..Default::default() };
        (0..50).map(|position| sample(&params, &logits, position)).collect()
    };
    assert_eq!(text(1), text(1));
    assert_ne!(text(1), text(2));
}

#[test]
fn greedy_takes_the_lowest_of_equals() {
    let params = SamplingParams::greedy();
    assert_eq!(sample(&params, &[0.0, 2.0, 1.0, 2.0], 0), 1);
    let with_filters = SamplingParams { top_k: 1, top_p: 0.1, ..SamplingParams::greedy() };
    assert_eq!(sample(&with_filters, &[0.0, 2.0, 1.0, 2.0], 0), 1);
}

#[test]
fn top_k_one_is_greedy_at_any_temperature() {
    let params = SamplingParams { top_k: 1, temperature: 2.0, ..Default::default() };
    for position in 0..20 {
        assert_eq!(sample(&params, &[0.0, 2.0, 1.0, 2.0], position), 1);
    }
}

#[test]
fn negative_zero_equals_zero_at_the_edge() {
    let params = SamplingParams { top_k: 2, temperature: 1.0, ..Default::default() };
    for position in 0..50 {
        assert!(sample(&params, &[-1.0, -0.0, 0.0, 0.0], position) <= 2);
    }
}

/// Every way through the sampler, for a vocabulary of five tokens or more.
fn every_way() -> Vec<SamplingParams> {
    let kinds = || {
        let base = || SamplingParams { seed: 3, ..Default::default() };
        [
            base(),
            SamplingParams { top_k: 2, top_p: 0.5, min_p: 0.1, ..base() },
            SamplingParams { logprobs: Some(2), ..base() },
            SamplingParams { logit_bias: vec![(0, 5.0)], ..base() },
            SamplingParams { repetition_penalty: 1.5, presence_penalty: 0.5, ..base() },
            SamplingParams { allowed_token_ids: Some(vec![1, 2]), ..base() },
            SamplingParams { min_tokens: 9, stop_token_ids: vec![0, 4], ..base() },
        ]
    };
    let greedy = kinds().map(|params| SamplingParams { temperature: 0.0, ..params });
    kinds().into_iter().chain(greedy).collect()
}

#[test]
fn rows_that_are_not_finite_have_no_token_whatever_is_asked() {
    let out = f32::NEG_INFINITY;
    for params in every_way() {
        for len in [5, 16, 33, 300] {
            let mut scratch = Scratch::new(len);
            let mut state = state(params.clone(), len);
            let mut answer = |row: &[f32]| state.sample(&mut row.to_vec(), 0, &mut scratch);
            let healthy = model_like_logits(len, 7);
            let expect = answer(&healthy);
            assert!((expect.token as usize) < len, "{params:?}");
            assert_eq!(expect.logprobs.is_some(), params.logprobs.is_some());
            for odd in [f32::NAN, -f32::NAN, f32::INFINITY] {
                // Where the request has masked it too.
                for at in [0, 3, len - 1] {
                    let mut row = healthy.clone();
                    row[at] = odd;
                    assert_eq!(answer(&row), Sampled::NOT_FINITE, "{odd} at {at}: {params:?}");
                }
            }
            assert_eq!(answer(&vec![out; len]), Sampled::NOT_FINITE, "{params:?}");
            // What a model never says is no fault of its arithmetic.
            let mut row = healthy.clone();
            row[len / 2..].fill(out);
            assert!(answer(&row).is_token(), "{params:?}");
        }
    }
}

#[test]
fn a_row_that_is_not_finite_leaves_the_state_as_it_was() {
    let params = SamplingParams { frequency_penalty: 1.0, ..SamplingParams::greedy() };
    let mut state = state(params, 3);
    let mut scratch = Scratch::new(3);
    let mut next = |logits: [f32; 3]| state.sample(&mut logits.clone(), 0, &mut scratch).token;
    assert_eq!(next([2.0, 1.5, f32::NAN]), NO_TOKEN);
    assert_eq!([next([2.0, 1.5, 0.0]), next([2.0, 1.5, 0.0])], [0, 1], "0 was counted once");
}

#[test]
fn what_the_request_makes_impossible_is_answered_with_a_token() {
    let out = f32::NEG_INFINITY;
    for temperature in [0.0, 1.0] {
        let base = || SamplingParams { temperature, logprobs: Some(2), ..Default::default() };
        let masked = SamplingParams { allowed_token_ids: Some(vec![2, 3]), ..base() };
        assert_eq!(sample(&masked, &[1.0, 2.0, out, out], 0), 2, "the first allowed one");
        let biased = SamplingParams { logit_bias: vec![(0, out), (1, out)], ..base() };
        assert_eq!(sample(&biased, &[1.0, 2.0], 0), 0);
        let biased = SamplingParams { logit_bias: vec![(0, out), (1, f32::NAN)], ..base() };
        assert_eq!(sample(&biased, &[3.0, 2.0, 1.0], 0), 2);
        let held = SamplingParams { min_tokens: 1, stop_token_ids: vec![0, 1], ..base() };
        assert_eq!(sample(&held, &[1.0, 2.0], 0), 0);
        let beyond = SamplingParams { logit_bias: vec![(1, f32::MAX)], ..base() };
        assert_eq!(sample(&beyond, &[1.0, f32::MAX, 2.0], 0), 1);
    }
    let cold = SamplingParams { temperature: 1e-5, ..Default::default() };
    assert_eq!(sample(&cold, &[f32::MIN, 1.0, f32::MAX, out], 0), 2);
}

#[test]
fn logprobs_are_of_the_raw_logits() {
    let params = SamplingParams {
        logprobs: Some(3),
        logit_bias: vec![(0, 100.0)],
        temperature: 0.0,
        ..Default::default()
    };
    let logits = [1.0f32, 2.0, 2.0, 0.0];
    let mut state = state(params, 4);
    let sampled = state.sample(&mut logits.to_vec(), 0, &mut Scratch::new(4));
    assert_eq!(sampled.token, 0);
    let logprobs = sampled.logprobs.unwrap();
    let total: f64 = logits.iter().map(|&l| f64::from(l).exp()).sum();
    let expect = |logit: f64| (logit - total.ln()) as f32;
    assert!((logprobs.logprob - expect(1.0)).abs() < 1e-6);
    assert_eq!(logprobs.rank, 3);
    let tokens: Vec<TokenId> = logprobs.top.iter().map(|&(token, _)| token).collect();
    assert_eq!(tokens, [1, 2, 0]);
    assert!((logprobs.top[0].1 - expect(2.0)).abs() < 1e-6);
}

#[test]
fn logprobs_alternatives_are_bounded_by_the_vocabulary() {
    for (asked, expect) in [(0, 0), (2, 2), (u32::MAX, 4)] {
        let params = SamplingParams { logprobs: Some(asked), ..Default::default() };
        let mut state = state(params, 4);
        let sampled =
            state.sample(&mut [0.5, f32::NEG_INFINITY, 0.1, 0.2], 0, &mut Scratch::new(4));
        assert_eq!(sampled.logprobs.unwrap().top.len(), expect);
    }
}

#[test]
fn penalties_count_prompt_output_and_new_tokens() {
    let params = SamplingParams { frequency_penalty: 1.0, ..SamplingParams::greedy() };
    let mut state = SamplerState::new(3);
    let mut scratch = Scratch::new(3);
    state.admit(&admitted(params.clone(), &[0, 0, 0, 1, 1], 3));
    let mut next =
        |state: &mut SamplerState| state.sample(&mut [2.0, 3.5, 1.2], 0, &mut scratch).token;
    // Token 1 was put out twice before a preemption; token 0 only stands in the prompt.
    let tokens: Vec<TokenId> = (0..4).map(|_| next(&mut state)).collect();
    assert_eq!(tokens, [0, 1, 2, 0]);
    state.admit(&admitted(params, &[2], 1));
    assert_eq!(next(&mut state), 1);
}

#[test]
fn sampling_never_grows_its_memory() {
    let vocab_size = 1_003;
    let logits = model_like_logits(vocab_size, 1);
    let params = SamplingParams {
        repetition_penalty: 1.1,
        top_k: 900,
        top_p: 0.99,
        logprobs: Some(5),
        ..Default::default()
    };
    let mut scratch = Scratch::new(vocab_size);
    let mut state = state(params, vocab_size);
    for position in 0..30 {
        state.sample(&mut logits.clone(), position, &mut scratch);
    }
    assert_eq!(scratch.allocated_bytes(), Scratch::bytes(vocab_size));
    assert_eq!(state.allocated_bytes(), SamplerState::bytes(vocab_size));
}

fn any_logit() -> impl Strategy<Value = f32> {
    prop_oneof![
        8 => -20.0f32..20.0,
        2 => (-4i8..4).prop_map(f32::from),
        2 => Just(f32::NEG_INFINITY),
    ]
}

proptest! {
    /// Whatever the parameters, the drawn token is one that the naive filters keep.
    #[test]
    fn drawn_tokens_pass_the_naive_filters(
        logits in prop::collection::vec(any_logit(), 1..80),
        temperature in 0.05f32..2.0,
        top_k in 0u32..90,
        top_p in 0.01f32..=1.0,
        min_p in 0.0f32..0.5,
        seed: u64,
        position: u32,
    ) {
        prop_assume!(logits.iter().any(|l| *l > f32::NEG_INFINITY));
        let params =
            SamplingParams { temperature, top_k, top_p, min_p, seed, ..Default::default() };
        let token = sample(&params, &logits, position) as usize;
        // Slightly looser filters absorb the rounding of weights to f32.
        let loose = SamplingParams {
            top_p: (top_p * 1.000_01).min(1.0),
            min_p: min_p * 0.999_99,
            ..params
        };
        prop_assert!(naive_probabilities(&loose, &logits)[token] > 0.0);
    }
}
