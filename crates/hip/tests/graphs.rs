//! Decode steps from graphs against the same steps operation by operation: the same tokens, bit by
//! bit of the same arithmetic, on the emulated MI300X. No hardware takes part.
#![forbid(unsafe_code)]

mod toy;

use backend::LayerOps;
use hip::HipConfig;
use toy::{Driver, Toy, config};
use types::{SamplingParams, StepCounts};

/// Enough for all shapes of a script.
const MANY: usize = 64;

fn sampled(seed: u64) -> SamplingParams {
    SamplingParams { seed, temperature: 1.2, top_k: 50, ..SamplingParams::default() }
}

/// What a script leaves: texts of its sequences, and how its steps were run.
fn run(max_graphs: usize, depth: usize, script: fn(&mut Driver)) -> (Vec<Vec<u32>>, StepCounts) {
    let toy = Toy::load(&config(max_graphs)).expect("there is room");
    let mut driver = Driver::new(toy, depth);
    script(&mut driver);
    let texts = driver.texts();
    (texts, driver.toy.device.step_counts())
}

/// Runs a script without graphs, then in every other way; the counts with graphs, one step ahead.
fn same_in_every_way(script: fn(&mut Driver)) -> StepCounts {
    let (texts, counts) = run(0, 1, script);
    assert_eq!((counts.captured, counts.replayed), (0, 0));
    let distinct: std::collections::HashSet<_> = texts.iter().flatten().collect();
    assert!(distinct.len() > 20, "the toy says more than one word: {texts:?}");
    assert_eq!(run(0, 2, script).0, texts, "eager, a step ahead");
    assert_eq!(run(MANY, 1, script).0, texts, "graphs");
    let (single, counts) = run(1, 2, script);
    assert_eq!(single, texts, "one graph kept, a step ahead");
    assert!(counts.captured - counts.dropped <= 1, "{counts:?}");
    let (ahead, counts) = run(MANY, 2, script);
    assert_eq!(ahead, texts, "graphs, a step ahead");
    assert!(counts.replayed > 0 && counts.refused == 0, "{counts:?}");
    counts
}

#[test]
fn at_the_edges_of_buckets_with_joins_and_leaves() {
    let counts = same_in_every_way(|driver| {
        // 1, 2, 3, 5, 8 and 9 sequences; then fewer, others first.
        let mut all = Vec::new();
        for (slot, steps) in
            [(0, 3), (4, 2), (2, 2), (9, 0), (1, 2), (8, 0), (3, 0), (5, 2), (7, 2)]
        {
            let params =
                if slot % 2 == 0 { SamplingParams::greedy() } else { sampled(slot.into()) };
            let seq = driver.join(slot, slot, 5 + 3 * slot as usize, params);
            driver.step(&[(seq, 0)]);
            all.push(seq);
            driver.decode(&all, steps);
        }
        driver.decode(&all[2..], 3);
        driver.decode(&[all[8], all[3], all[0]], 3);
        driver.decode(&all[4..5], 2);
        driver.decode(&all, 2);
    });
    // Buckets 1, 2, 4, 8 and 10, of greedy rows alone or with others.
    assert!((5..=10).contains(&counts.captured), "{counts:?}");
}

#[test]
fn after_preemption_prefix_hits_and_mixed_steps() {
    same_in_every_way(|driver| {
        let penal = SamplingParams {
            repetition_penalty: 1.3,
            logprobs: Some(3),
            ..SamplingParams::greedy()
        };
        let first = driver.join(0, 1, 40, SamplingParams::greedy());
        driver.step(&[(first, 0)]);
        let second = driver.join(1, 2, 20, penal);
        // A decode row beside a prompt, whole and in chunks.
        driver.step(&[(first, 1), (second, 7)]);
        driver.step(&[(first, 1), (second, 0)]);
        driver.decode(&[first, second], 20);
        // The same 32 first tokens, from the cache.
        let third = driver.join(2, 1, 37, sampled(5));
        driver.share_prefix(third, first, 2);
        driver.step(&[(first, 1), (second, 1), (third, 0)]);
        driver.decode(&[first, second, third], 3);
        driver.preempt(second, 6);
        driver.decode(&[first, third], 2);
        driver.step(&[(first, 1), (second, 0), (third, 1)]);
        driver.decode(&[first, second, third], 4);
        // Somebody else in the slot that the second had.
        let fourth = driver.join(1, 9, 3, SamplingParams::greedy());
        driver.step(&[(fourth, 0)]);
        driver.decode(&[fourth, second], 4);
    });
}

#[test]
fn across_the_edges_of_attention_segments() {
    let counts = same_in_every_way(|driver| {
        let long = driver.join(3, 4, 253, SamplingParams::greedy());
        driver.step(&[(long, 0)]);
        driver.decode(&[long], 6);
        let longer = driver.join(0, 6, 510, SamplingParams::greedy());
        driver.step(&[(longer, 300)]);
        driver.step(&[(longer, 0)]);
        driver.decode(&[longer, long], 5);
    });
    // One row of one and of two segments; two rows of two and of three, which is rounded up.
    assert_eq!(counts.captured, 4, "{counts:?}");
}

#[test]
fn a_step_that_fails_under_capture_leaves_the_others_right() {
    let script = |max_graphs, fails: bool| {
        let toy = Toy::load(&config(max_graphs)).expect("there is room");
        let mut driver = Driver::new(toy, 2);
        let one = driver.join(0, 1, 12, SamplingParams::greedy());
        let other = driver.join(1, 2, 30, sampled(3));
        driver.step(&[(one, 0), (other, 0)]);
        driver.decode(&[one, other], 3);
        if fails {
            // No token of the vocabulary: found by the first operation, under capture.
            driver.collect_all();
            let failure = driver.toy.launch(&toy::one_token(5000)).expect_err("no such token");
            assert!(matches!(failure, backend::DeviceError::Failed { .. }), "{failure}");
        }
        driver.decode(&[one, other], 3);
        driver.texts()
    };
    // The failed step set slot 0 up for another greedy sequence, which changes nothing.
    assert_eq!(script(MANY, true), script(0, false));
}

#[test]
fn graphs_beyond_their_memory_are_given_up_and_captured_again() {
    let script = |config: &HipConfig| {
        let mut driver = Driver::new(Toy::load(config).expect("there is room"), 2);
        let one = driver.join(0, 1, 12, SamplingParams::greedy());
        let other = driver.join(1, 2, 30, sampled(3));
        driver.step(&[(one, 0), (other, 0)]);
        for _ in 0..3 {
            driver.decode(&[one, other], 2);
            driver.decode(&[one], 2);
        }
        (driver.texts(), driver.toy.device.step_counts())
    };
    let (texts, counts) = script(&config(MANY));
    assert_eq!((counts.captured, counts.dropped), (2, 0), "{counts:?}");
    // Not enough for two: each takes the other's place.
    let (found, counts) = script(&HipConfig { max_graph_bytes: 1, ..config(MANY) });
    assert_eq!(found, texts);
    assert_eq!((counts.captured, counts.dropped, counts.replayed), (6, 5, 6), "{counts:?}");
}
