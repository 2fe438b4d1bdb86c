//! One simulated run: clients and the engine in turn, until every request has ended.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::time::Instant;

use engine::{EngineCore, StepMessage};
use scheduler::Scheduler;
use thiserror::Error;
use types::{FinishReason, RequestId};

use crate::checker::{Checker, Excuses, Output};
use crate::executor::{LOST, LaunchedStep, SharedLog, SimExecutor};
use crate::rng::Rng;
use crate::workload::Scenario;

/// How often a step is collected although the next one might be launched first, so that sequences
/// join steps in flight with known tokens too.
const EARLY_PERCENT: usize = 10;

/// Virtual cost of a step beside its tokens, in ticks; a token costs one.
const STEP_TICKS: u64 = 4;

/// A run in which an invariant broke.
#[derive(Clone, Debug, Error)]
#[error(
    "seed {seed}: {what}\nreplay: cargo run -p sim --bin ropeway-sim -- --seed {seed} \
     --requests {num_requests} --in-flight {max_in_flight} --steps-trace"
)]
pub struct Violation {
    /// Seed of the run.
    pub seed: u64,
    /// Its number of requests; the seed draws another scenario for another number.
    pub num_requests: usize,
    /// Steps in flight at most.
    pub max_in_flight: usize,
    /// The invariant's own words.
    pub what: String,
}

/// What a run without violations did.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Summary {
    /// Requests submitted; all of them have ended.
    pub num_requests: usize,
    /// Steps executed.
    pub num_steps: u64,
    /// Tokens computed.
    pub num_computed_tokens: u64,
    /// Tokens delivered.
    pub num_output_tokens: u64,
    /// Preemptions.
    pub num_preemptions: u64,
    /// Tokens computed again after preemptions.
    pub recomputed_tokens: u64,
    /// Prompt tokens found in the prefix cache.
    pub prefix_hit_tokens: u64,
    /// Steps that failed on purpose.
    pub num_failed_steps: u64,
    /// Tokens that were computed before the engine knew them.
    pub num_deferred_tokens: u64,
    /// Tokens sampled for sequences that had ended meanwhile.
    pub num_wasted_tokens: u64,
    /// Runs in which the executor was lost.
    pub num_lost_executors: u64,
    /// Longest wait between two tokens of a request, in steps.
    pub max_wait_steps: u64,
}

impl Summary {
    /// Adds another run.
    pub fn add(&mut self, other: &Self) {
        self.num_requests += other.num_requests;
        self.num_steps += other.num_steps;
        self.num_computed_tokens += other.num_computed_tokens;
        self.num_output_tokens += other.num_output_tokens;
        self.num_preemptions += other.num_preemptions;
        self.recomputed_tokens += other.recomputed_tokens;
        self.prefix_hit_tokens += other.prefix_hit_tokens;
        self.num_failed_steps += other.num_failed_steps;
        self.num_deferred_tokens += other.num_deferred_tokens;
        self.num_wasted_tokens += other.num_wasted_tokens;
        self.num_lost_executors += other.num_lost_executors;
        self.max_wait_steps = self.max_wait_steps.max(other.max_wait_steps);
    }
}

/// Simulates the scenario of `seed`. `trace` receives a line per step.
pub fn run_seed(
    seed: u64,
    num_requests: usize,
    max_in_flight: usize,
    trace: &mut dyn FnMut(&str),
) -> Result<Summary, Violation> {
    run_with_outputs(seed, num_requests, max_in_flight, trace).map(|(summary, _)| summary)
}

/// The same, with what each request of the scenario got.
fn run_with_outputs(
    seed: u64,
    num_requests: usize,
    max_in_flight: usize,
    trace: &mut dyn FnMut(&str),
) -> Result<(Summary, Vec<Output>), Violation> {
    let scenario = Scenario::new(seed, num_requests, max_in_flight);
    catch_unwind(AssertUnwindSafe(|| Run::new(&scenario, seed).finish(trace))).map_err(|panic| {
        let text = panic.downcast_ref::<String>().cloned();
        let text = text.or_else(|| panic.downcast_ref::<&str>().map(ToString::to_string));
        let what = text.unwrap_or_else(|| "a panic without a message".into());
        Violation { seed, num_requests, max_in_flight, what }
    })
}

/// The executor was lost, on purpose.
struct Lost;

/// Clients that go away, by virtual time, later ones first.
type Departures = Vec<(u64, u64)>;

struct Run<'a> {
    scenario: &'a Scenario,
    core: EngineCore,
    checker: Checker<'a>,
    log: SharedLog,
    message: StepMessage,
    departures: Departures,
    /// Draws when a step is collected although another one might be launched first.
    rng: Rng,
    now: u64,
    num_submitted: usize,
    summary: Summary,
}

impl<'a> Run<'a> {
    fn new(scenario: &'a Scenario, seed: u64) -> Self {
        let log = SharedLog::default();
        let scheduler = Scheduler::new(scenario.config.clone()).expect("scenarios are valid");
        let executor = SimExecutor::new(scenario, seed, log.clone());
        let departing = (0..).zip(&scenario.requests);
        let mut departures: Departures =
            departing.filter_map(|(index, spec)| Some((spec.abort?, index))).collect();
        departures.sort_unstable_by(|a, b| b.cmp(a));
        Self {
            scenario,
            core: EngineCore::new(scheduler, Box::new(executor)),
            checker: Checker::new(&scenario.config, &scenario.requests),
            log,
            message: StepMessage::default(),
            departures,
            rng: Rng::new(seed.rotate_left(32)),
            now: 0,
            num_submitted: 0,
            summary: Summary::default(),
        }
    }

    fn finish(mut self, trace: &mut dyn FnMut(&str)) -> (Summary, Vec<Output>) {
        loop {
            self.arrive();
            self.depart();
            if self.core.is_idle() {
                assert_eq!(self.checker.num_open(), 0, "the engine is idle and requests are open");
                let Some(next) = self.scenario.requests.get(self.num_submitted) else { break };
                self.now = next.arrival;
                continue;
            }
            if self.turn(trace).is_err() {
                self.summary.num_lost_executors += 1;
                self.core.end_all(FinishReason::Abort, &mut self.message);
                self.book(Excuses { failed: false, draining: true });
                break;
            }
        }
        let stats = self.core.stats();
        assert_eq!(self.checker.num_open(), 0, "every request ends");
        assert_eq!(self.checker.num_ended, self.num_submitted, "every request ends once");
        assert_eq!(stats.num_live_blocks, 0, "every block comes back");
        assert_eq!(stats.num_free_blocks + stats.num_cached_blocks, stats.num_blocks);
        self.core.audit();
        self.summary.num_requests = self.num_submitted;
        self.summary.num_output_tokens = self.checker.num_output_tokens;
        self.summary.num_preemptions = stats.num_preemptions;
        self.summary.recomputed_tokens = stats.recomputed_tokens;
        self.summary.prefix_hit_tokens = stats.prefix_hit_tokens;
        self.summary.num_deferred_tokens = self.log.lock().num_deferred;
        self.summary.max_wait_steps = self.checker.max_wait_steps;
        (self.summary, self.checker.into_outputs())
    }

    fn arrive(&mut self) {
        while let Some(spec) = self.scenario.requests.get(self.num_submitted)
            && spec.arrival <= self.now
        {
            let index = self.num_submitted as u64;
            self.num_submitted += 1;
            self.checker.submit(index, self.summary.num_steps);
            let request = spec.request.clone();
            self.core.submit(RequestId(index), request, Instant::now(), &mut self.message);
            self.book(Excuses::default());
            self.core.audit();
        }
    }

    fn depart(&mut self) {
        while let Some(&(time, index)) = self.departures.last()
            && time <= self.now
            && index < self.num_submitted as u64
        {
            self.departures.pop();
            self.checker.abort(index);
            self.core.abort(RequestId(index), &mut self.message);
            self.book(Excuses::default());
            self.core.audit();
        }
    }

    /// One turn of the engine, as its thread does it: launches a step if it can, then collects the
    /// oldest one unless another may be launched first. An error when the executor was lost.
    fn turn(&mut self, trace: &mut dyn FnMut(&str)) -> Result<(), Lost> {
        let num_in_flight = self.log.lock().unsettled.len();
        let collects_early = num_in_flight > 0 && self.rng.percent(EARLY_PERCENT);
        if !collects_early && self.core.plan() {
            let outcome = self.core.launch(&mut self.message);
            self.note_launch();
            self.core.audit();
            if let Err(reason) = outcome {
                return Err(self.lose(&reason));
            }
            if self.core.may_plan() {
                return Ok(());
            }
        }
        self.collect(trace)
    }

    fn note_launch(&mut self) {
        let log = self.log.lock();
        self.summary.num_steps = log.num_steps;
        self.checker.admissions(&log.admitted);
    }

    fn collect(&mut self, trace: &mut dyn FnMut(&str)) -> Result<(), Lost> {
        let outcome = self.core.collect(&mut self.message);
        let step = self.log.lock().unsettled.pop_front();
        let step = step.expect("requests are open, and nothing is planned or in flight");
        if let Err(reason) = outcome {
            return Err(self.lose(&reason));
        }
        self.summary.num_computed_tokens += step.num_tokens as u64;
        self.summary.num_failed_steps += u64::from(step.failed);
        self.now += STEP_TICKS + step.num_tokens as u64;
        let num_tokens = self.message.events.iter().filter(|event| event.token.is_some()).count();
        if !step.failed {
            self.summary.num_wasted_tokens += (step.num_samples - num_tokens) as u64;
        }
        self.book(Excuses { failed: step.failed, draining: false });
        self.checker.end_of_step(self.summary.num_steps);
        self.core.audit();
        self.trace_step(step, trace);
        Ok(())
    }

    fn trace_step(&self, step: LaunchedStep, trace: &mut dyn FnMut(&str)) {
        let (stats, log) = (self.core.stats(), self.log.lock());
        trace(&format!(
            "step {} t={} tokens={} admitted={:?} failed={} running={} waiting={} free={} \
             cached={} live={} preemptions={}",
            log.num_steps - log.unsettled.len() as u64,
            self.now,
            step.num_tokens,
            log.admitted,
            step.failed,
            stats.num_running,
            stats.num_waiting,
            stats.num_free_blocks,
            stats.num_cached_blocks,
            stats.num_live_blocks,
            stats.num_preemptions,
        ));
    }

    fn lose(&mut self, reason: &str) -> Lost {
        assert_eq!(reason, LOST);
        self.book(Excuses { failed: false, draining: true });
        self.core.audit();
        Lost
    }

    fn book(&mut self, excuses: Excuses) {
        for event in &self.message.events {
            self.checker.event(event, self.summary.num_steps, excuses);
        }
        self.message.clear();
    }
}

#[cfg(test)]
mod tests;
