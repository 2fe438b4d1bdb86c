use super::*;

fn run(seed: u64, num_requests: usize) -> Summary {
    match run_seed(seed, num_requests, &mut |_| {}) {
        Ok(summary) => summary,
        Err(violation) => panic!("{violation}"),
    }
}

#[test]
fn a_hundred_thousand_requests_break_no_invariant() {
    const NUM_SEEDS: u64 = 520;
    const NUM_REQUESTS: usize = 200;
    let mut total = Summary::default();
    for seed in 0..NUM_SEEDS {
        total.add(&run(seed, NUM_REQUESTS));
    }
    assert!(total.num_requests >= 100_000, "{total:?}");
    // The seeds really go where it hurts.
    assert!(total.num_preemptions > 3_000, "{total:?}");
    assert!(total.recomputed_tokens > 10_000, "{total:?}");
    assert!(total.prefix_hit_tokens > 100_000, "{total:?}");
    assert!(total.num_failed_steps > 100, "{total:?}");
    assert!(total.num_lost_executors > 2, "{total:?}");
}

#[test]
fn a_seed_replays_step_by_step() {
    let trace = |seed| {
        let mut lines = Vec::new();
        let outcome = run_seed(seed, 60, &mut |line| lines.push(line.to_owned()));
        (lines, outcome.ok())
    };
    assert_eq!(trace(7), trace(7));
    assert_ne!(trace(7).0, trace(8).0);
}

#[test]
fn a_violation_tells_how_to_replay_it() {
    let what = "a lost block".into();
    let text = Violation { seed: 9, num_requests: 50, what }.to_string();
    assert!(text.contains("a lost block") && text.contains("--seed 9 --requests 50"), "{text}");
}
