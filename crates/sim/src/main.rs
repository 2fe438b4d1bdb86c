//! `ropeway-sim`: simulates many seeds, or replays one. Owns only the command line.
#![forbid(unsafe_code)]

use std::process::ExitCode;

use clap::Parser;
use sim::{Scenario, Summary, run_seed};

/// Simulates the engine by seed and checks its invariants after every step.
#[derive(Debug, Parser)]
#[command(name = "ropeway-sim", version)]
struct Args {
    /// Replay this seed only.
    #[arg(long)]
    seed: Option<u64>,
    /// Number of seeds to run, from 0, without --seed.
    #[arg(long, default_value_t = 520)]
    seeds: u64,
    /// Requests per seed.
    #[arg(long, default_value_t = 200)]
    requests: usize,
    /// Steps in flight at most, 1 or 2; without it, every seed is run with both.
    #[arg(long)]
    in_flight: Option<usize>,
    /// Print a line per step.
    #[arg(long)]
    steps_trace: bool,
}

fn main() -> ExitCode {
    let args = Args::parse();
    let seeds = args.seed.map_or(0..args.seeds, |seed| seed..seed.saturating_add(1));
    let mut total = Summary::default();
    let modes = args.in_flight.map_or(1..=2, |max_in_flight| max_in_flight..=max_in_flight);
    for (seed, max_in_flight) in seeds.flat_map(|seed| modes.clone().map(move |mode| (seed, mode)))
    {
        if args.steps_trace {
            let scenario = Scenario::new(seed, args.requests, max_in_flight);
            println!("seed {seed}: {:?}", scenario.config);
        }
        let mut trace = |line: &str| {
            if args.steps_trace {
                println!("{line}");
            }
        };
        match run_seed(seed, args.requests, max_in_flight, &mut trace) {
            Ok(summary) => total.add(&summary),
            Err(violation) => {
                eprintln!("{violation}");
                return ExitCode::FAILURE;
            }
        }
    }
    println!("{total:#?}");
    ExitCode::SUCCESS
}
