//! The sampling kernels against the `sampling` crate: the same token for every row, and the same
//! log-probabilities.

mod sampler;

use kernel_tests::{Device, Noise, Params, u32_bytes};
use sampler::{Bench, Case};
use types::{NO_TOKEN, SamplingParams};

fn params() -> SamplingParams {
    SamplingParams { seed: 0x1234_5678_9abc_def0, ..SamplingParams::default() }
}

/// Every step of the sampler alone and with others.
fn combinations(vocab: usize) -> Vec<SamplingParams> {
    let token = |i: usize| (i % vocab) as u32;
    let mut allowed: Vec<u32> = (0..vocab as u32).filter(|t| t % 3 != 1 || vocab < 3).collect();
    allowed.push(vocab as u32 + 5);
    let bias = vec![(0, 1.5), (vocab as u32 / 2 + 1, 6.0), (vocab as u32 + 9, 1.0)];
    vec![
        SamplingParams::greedy(),
        params(),
        SamplingParams { temperature: 0.3, ..params() },
        SamplingParams { temperature: 2.0, top_k: 1, ..params() },
        SamplingParams { temperature: 2.0, top_k: 20, ..params() },
        SamplingParams { temperature: 1.7, top_p: 0.6, ..params() },
        SamplingParams { temperature: 1.7, top_p: 1e-6, ..params() },
        SamplingParams { temperature: 1.7, top_p: 0.999_999_94, ..params() },
        SamplingParams { temperature: 2.0, min_p: 0.2, ..params() },
        SamplingParams { temperature: 1.5, top_k: 50, top_p: 0.8, min_p: 0.01, ..params() },
        SamplingParams { top_k: vocab as u32, top_p: 0.9, ..params() },
        SamplingParams { logit_bias: bias.clone(), temperature: 0.0, ..params() },
        SamplingParams { logit_bias: bias, top_p: 0.9, ..params() },
        SamplingParams { allowed_token_ids: Some(allowed.clone()), temperature: 0.0, ..params() },
        SamplingParams { allowed_token_ids: Some(allowed), top_k: 9, ..params() },
        SamplingParams { min_tokens: 3, stop_token_ids: vec![token(2), token(7)], ..params() },
        SamplingParams { repetition_penalty: 1.6, temperature: 0.0, ..params() },
        SamplingParams {
            repetition_penalty: 1.3,
            presence_penalty: 0.6,
            frequency_penalty: -0.4,
            top_p: 0.7,
            ..params()
        },
        SamplingParams { logprobs: Some(0), ..params() },
        SamplingParams { logprobs: Some(5), temperature: 0.0, ..params() },
        SamplingParams { logprobs: Some(3), repetition_penalty: 1.9, top_k: 4, ..params() },
    ]
}

#[test]
fn every_step_alone_and_combined() {
    let mut bench = Bench::new();
    for vocab in [1, 2, 15, 16, 17, 63, 64, 65, 1023, 4099] {
        for (num_output, spread) in [(0, 8.0), (2, 1.0), (40, 20.0)] {
            let cases: Vec<Case> = combinations(vocab)
                .into_iter()
                .enumerate()
                .map(|(at, params)| {
                    let mut noise = Noise::new(at as u64 * 1000 + vocab as u64);
                    let logits = noise.f32s(vocab, spread);
                    let tokens = (0..12).map(|_| noise.below(vocab + 1) as u32).collect();
                    Case { params, num_output, logits, tokens, num_prompt: 7 }
                })
                .collect();
            bench.check(vocab, &cases);
        }
    }
}

#[test]
fn equal_impossible_and_broken_logits() {
    let mut bench = Bench::new();
    let vocab = 300;
    let few: Vec<f32> = (0..vocab).map(|t| [0.0, -0.0, 1.0, -2.0][t * 7 % 4]).collect();
    let with = |at: usize, logit: f32| {
        let mut row = few.clone();
        row[at] = logit;
        row
    };
    let rows = [
        few.clone(),
        with(9, f32::NEG_INFINITY),
        with(3, f32::NAN),
        with(vocab - 1, f32::NAN),
        with(8, f32::INFINITY),
        vec![2.5; vocab],
        vec![f32::NEG_INFINITY; vocab],
        vec![f32::NAN; vocab],
        vec![f32::MIN; vocab],
    ];
    let mut cases = Vec::new();
    for logits in rows {
        for params in combinations(vocab) {
            for num_output in [0, 5, 6] {
                let (params, logits) = (params.clone(), logits.clone());
                cases.push(Case {
                    params,
                    num_output,
                    logits,
                    tokens: vec![3, 4, 3],
                    num_prompt: 1,
                });
            }
        }
    }
    bench.check(vocab, &cases);
}

#[test]
fn min_tokens_ends_with_the_token_that_reaches_it() {
    let mut bench = Bench::new();
    // The bias keeps the row on the path that adjusts logits after min_tokens is reached.
    let case = |num_output| Case {
        params: SamplingParams {
            logit_bias: vec![(0, 0.5)],
            min_tokens: 3,
            stop_token_ids: vec![1],
            ..SamplingParams::greedy()
        },
        num_output,
        logits: vec![1.0, 5.0, 2.0],
        tokens: Vec::new(),
        num_prompt: 0,
    };
    let tokens = bench.check(3, &[case(0), case(2), case(3), case(4)]);
    assert_eq!(tokens, [2, 2, 1, 1]);
}

/// Draws follow the distribution: not only the CPU's tokens, but each in its share.
#[test]
fn draws_have_the_probabilities() {
    let mut bench = Bench::new();
    let logits: Vec<f32> = [0.5f32, 0.25, 0.125, 0.125].iter().map(|p| p.ln()).collect();
    let case = |num_output| Case {
        params: params(),
        num_output,
        logits: logits.clone(),
        tokens: Vec::new(),
        num_prompt: 0,
    };
    let tokens = bench.check(4, &(0..800).map(case).collect::<Vec<_>>());
    for (token, share) in [0.5f64, 0.25, 0.125, 0.125].into_iter().enumerate() {
        let count = tokens.iter().filter(|&&t| t == token as u32).count() as f64;
        // Four standard deviations of a binomial count.
        let bound = 4.0 * (800.0 * share * (1.0 - share)).sqrt();
        assert!((count - 800.0 * share).abs() < bound, "{token}: {count} of 800");
    }
}

/// What an LM head's epilogue leaves of a row: order of the best value of each 16 columns, column.
fn parts_of(row: &[f32]) -> Vec<u32> {
    let order = |logit: f32| match logit.to_bits() {
        _ if logit.is_nan() => u32::MAX,
        bits if bits == 1 << 31 => 1 << 31,
        bits if bits >> 31 == 1 => !bits,
        bits => bits | 1 << 31,
    };
    let part = |(idx, columns): (usize, &[f32])| {
        let best = columns.iter().map(|&logit| order(logit)).max().expect("no part is empty");
        let at = columns.iter().position(|&logit| order(logit) == best).expect("it is one of them");
        [best, (16 * idx + at) as u32]
    };
    row.chunks(16).enumerate().flat_map(part).collect()
}

/// Rows of the test below, and a token that it does not sample.
const ROWS: usize = 9;
const UNTOUCHED: u32 = 0xfeed_beef;

#[test]
fn argmax_takes_the_lowest_of_the_most_likely_and_tells_of_broken_rows() {
    let mut device = Device::load("argmax.hip");
    for vocab in [1usize, 15, 16, 17, 64, 65, 1000, 5003, 40_000] {
        device.reset();
        let mut noise = Noise::new(vocab as u64);
        let mut rows: Vec<Vec<f32>> = (0..ROWS).map(|_| noise.f32s(vocab, 3.0)).collect();
        let (best, nan) = (noise.below(vocab), noise.below(vocab));
        (rows[0][best], rows[0][vocab - 1]) = (9.0, 9.0);
        rows[1][nan] = f32::NAN;
        rows[2].fill(f32::NEG_INFINITY);
        rows[3].fill(-f32::NAN);
        rows[4].fill(0.0);
        rows[4][0] = -0.0;
        rows[5][best] = f32::INFINITY;
        // Minus infinity beside a number is no fault, and the largest numbers are numbers.
        rows[6].fill(f32::NEG_INFINITY);
        rows[6][best] = f32::MIN;
        rows[7][best] = f32::MAX;
        (rows[8][vocab - 1], rows[8][0]) = (f32::MAX, f32::NAN);
        let parts: Vec<u32> = rows.iter().flat_map(|row| parts_of(row)).collect();
        // Slots in another order than rows; the last row is padding and has no parts at all.
        let who = (0..ROWS as u32).rev().chain([u32::MAX]).flat_map(|slot| [slot, 9]);
        let params = Params::new()
            .u64(device.allocate("parts", &u32_bytes(&parts)))
            .u64(device.allocate("rows", &u32_bytes(&who.collect::<Vec<_>>())))
            .u64(device.allocate("tokens", &u32_bytes(&[UNTOUCHED; ROWS + 1])))
            .u64(device.allocate("last tokens", &u32_bytes(&[UNTOUCHED; ROWS + 1])))
            .size(vocab.div_ceil(16))
            .u32(0);
        device.launch("argmax_final", [ROWS + 1, 1, 1], 1024, &params);
        let first_best = |row: &Vec<f32>| {
            let max = row.iter().copied().fold(f32::NEG_INFINITY, f32::max);
            let at = row.iter().position(|&v| v == max).filter(|_| max.is_finite());
            at.filter(|_| !row.iter().any(|v| v.is_nan())).map_or(NO_TOKEN, |at| at as u32)
        };
        let expect: Vec<u32> = rows.iter().map(first_best).collect();
        let broken: Vec<usize> = (0..ROWS).filter(|row| expect[*row] == NO_TOKEN).collect();
        assert_eq!(broken, [1, 2, 3, 5, 8], "{vocab}");
        let tokens = device.u32s("tokens");
        assert_eq!(tokens[..ROWS], expect, "{vocab}");
        assert_eq!(tokens[ROWS], UNTOUCHED, "padding");
        let by_slot: Vec<u32> = expect.into_iter().rev().chain([UNTOUCHED]).collect();
        assert_eq!(device.u32s("last tokens"), by_slot);
    }
}

/// Parts are read once, by the row's work-group: an eighth of the logits' bytes.
#[test]
fn argmax_asks_for_each_part_once() {
    let mut device = Device::load("argmax.hip");
    device.count(u64::MAX);
    // Logits of Llama-2, Llama-3 and Qwen2.5.
    for (rows, vocab) in [(1, 32_000usize), (8, 128_256), (1, 151_936)] {
        device.reset();
        let num_parts = vocab.div_ceil(16);
        let parts: Vec<u32> = (0..2 * rows * num_parts as u32).collect();
        let who: Vec<u32> = (0..rows).flat_map(|slot| [slot, 9]).collect();
        let params = Params::new()
            .u64(device.allocate("parts", &u32_bytes(&parts)))
            .u64(device.allocate("rows", &u32_bytes(&who)))
            .u64(device.poisoned("tokens", rows as usize * 4))
            .u64(device.poisoned("last tokens", rows as usize * 4))
            .size(num_parts)
            .u32(0);
        device.launch("argmax_final", [rows as usize, 1, 1], 1024, &params);
        let [launch] = device.counted() else { panic!("one launch") };
        let least = rows as usize * (8 * num_parts + 4 + 8);
        let ratios = launch.over(least);
        println!("{rows} x {vocab}: {ratios}");
        let counters = &launch.counters;
        assert_eq!(counters.read.bytes, u64::from(rows) * 8 * num_parts as u64, "{vocab}");
        assert_eq!(counters.written.bytes, u64::from(rows) * 8, "{vocab}");
        assert!(ratios.asked <= 1.05 && ratios.hbm <= 1.05, "{rows} x {vocab}: {ratios}");
    }
}

/// Reads of a row in passes over its logits, of 4 bytes a token. A pass finds the best; a draw takes one
/// and a sixteenth; a filter six and an eighth, `top_p` the sum of masses before it; a log-probability
/// one, and one more for the sum; adjusting one, with penalties half of one for the marks, and writes the row.
#[test]
fn sampling_reads_a_row_as_often_as_its_filters_need() {
    let mut bench = Bench::new();
    bench.device.count(u64::MAX);
    let (vocab, logits) = (32_000, Noise::new(3).f32s(32_000, 8.0));
    let biased = SamplingParams { logit_bias: vec![(0, 0.5)], ..SamplingParams::greedy() };
    let cases = [
        ("adjusted, greedy", 2.01, 1, biased),
        ("temperature", 2.1, 0, SamplingParams { temperature: 0.8, ..params() }),
        ("top_k", 8.25, 0, SamplingParams { top_k: 40, ..params() }),
        ("top_p", 9.25, 0, SamplingParams { top_p: 0.9, ..params() }),
        ("both", 15.4, 0, SamplingParams { top_k: 40, top_p: 0.9, ..params() }),
        ("penalties", 3.6, 1, SamplingParams { repetition_penalty: 1.2, ..params() }),
        ("5 log-probabilities", 8.15, 0, SamplingParams { logprobs: Some(5), ..params() }),
    ];
    for (name, most, writes, params) in cases {
        let (tokens, logits) = (vec![3, 4, 3], logits.clone());
        bench.check(vocab, &[Case { params, num_output: 5, logits, tokens, num_prompt: 1 }]);
        let [launch] = bench.device.counted() else { panic!("one launch") };
        let passes = |bytes: u64| bytes as f64 / (4 * vocab) as f64;
        let counters = &launch.counters;
        let (read, written) = (passes(counters.read.bytes), passes(counters.written.bytes));
        println!("{name}: read {read:.3}, written {written:.3}, {}", launch.over(4 * vocab));
        assert!(read <= most, "{name}: {read} passes");
        assert!(written <= f64::from(writes) + 0.001, "{name}: {written} passes written");
        let arguments = counters.num_waves * SCALARS_PER_WAVE;
        assert!(counters.scalar_bytes <= arguments, "{name}: {}", counters.scalar_bytes);
    }
}

/// Arguments, who samples, and the slot's fields.
const SCALARS_PER_WAVE: u64 = 128;
