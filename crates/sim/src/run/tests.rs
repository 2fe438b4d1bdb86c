use super::*;

fn run(seed: u64, num_requests: usize, max_in_flight: usize) -> (Summary, Vec<Output>) {
    match run_with_outputs(seed, num_requests, max_in_flight, &mut |_| {}) {
        Ok(outcome) => outcome,
        Err(violation) => panic!("{violation}"),
    }
}

/// A hundred thousand requests.
fn run_all(max_in_flight: usize) -> Summary {
    const NUM_SEEDS: u64 = 520;
    const NUM_REQUESTS: usize = 200;
    let mut total = Summary::default();
    for seed in 0..NUM_SEEDS {
        total.add(&run(seed, NUM_REQUESTS, max_in_flight).0);
    }
    // The seeds really go where it hurts.
    assert!(total.num_requests >= 100_000, "{total:?}");
    assert!(total.num_preemptions > 3_000, "{total:?}");
    assert!(total.recomputed_tokens > 10_000, "{total:?}");
    assert!(total.prefix_hit_tokens > 100_000, "{total:?}");
    assert!(total.num_failed_steps > 100, "{total:?}");
    assert!(total.num_lost_executors > 2, "{total:?}");
    total
}

#[test]
fn a_hundred_thousand_requests_break_no_invariant() {
    let total = run_all(1);
    assert_eq!(total.num_deferred_tokens, 0, "the host knows every token");
}

#[test]
fn a_hundred_thousand_requests_run_ahead_and_break_no_invariant() {
    let total = run_all(2);
    assert!(total.num_deferred_tokens > 1_000_000, "{total:?}");
    assert!(total.num_wasted_tokens > 10_000, "{total:?}");
}

/// Clients go away and steps fail at other times in the other mode, so what such a request got may
/// be the shorter.
#[test]
fn every_request_gets_the_same_tokens_with_one_and_with_two_steps_in_flight() {
    let mut num_compared = 0;
    for seed in 0..100 {
        let (alone, ahead) = (run(seed, 100, 1).1, run(seed, 100, 2).1);
        for (index, (alone, ahead)) in alone.iter().zip(&ahead).enumerate() {
            let common = alone.tokens.len().min(ahead.tokens.len());
            assert_eq!(alone.tokens[..common], ahead.tokens[..common], "seed {seed}, {index}");
            if ends_by_itself(alone) && ends_by_itself(ahead) {
                assert_eq!(alone, ahead, "seed {seed}, request {index}");
                num_compared += 1;
            }
        }
    }
    assert!(num_compared > 7_000, "{num_compared}");
}

fn ends_by_itself(output: &Output) -> bool {
    matches!(output.finish, Some(FinishReason::Stop(_) | FinishReason::Length))
}

#[test]
fn a_seed_replays_step_by_step() {
    let trace = |seed, max_in_flight| {
        let mut lines = Vec::new();
        let outcome = run_seed(seed, 60, max_in_flight, &mut |line| lines.push(line.to_owned()));
        (lines, outcome.ok())
    };
    for max_in_flight in [1, 2] {
        assert_eq!(trace(7, max_in_flight), trace(7, max_in_flight));
        assert_ne!(trace(7, max_in_flight).0, trace(8, max_in_flight).0);
    }
}

#[test]
fn a_violation_tells_how_to_replay_it() {
    let what = "a lost block".into();
    let text = Violation { seed: 9, num_requests: 50, max_in_flight: 2, what }.to_string();
    assert!(text.contains("a lost block"), "{text}");
    assert!(text.contains("--seed 9 --requests 50 --in-flight 2"), "{text}");
}
