//! One simulated run: clients and the engine in turn, until every request has ended.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::time::Instant;

use engine::{EngineCore, StepMessage};
use scheduler::Scheduler;
use thiserror::Error;
use types::{FinishReason, RequestId};

use crate::checker::{Checker, Excuses};
use crate::executor::{LOST, SharedLog, SimExecutor};
use crate::workload::Scenario;

/// Virtual cost of a step beside its tokens, in ticks; a token costs one.
const STEP_TICKS: u64 = 4;

/// A run in which an invariant broke.
#[derive(Clone, Debug, Error)]
#[error(
    "seed {seed}: {what}\nreplay: cargo run -p sim --bin ropeway-sim -- --seed {seed} \
     --requests {num_requests} --steps-trace"
)]
pub struct Violation {
    /// Seed of the run.
    pub seed: u64,
    /// Its number of requests; the seed draws another scenario for another number.
    pub num_requests: usize,
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
        self.num_lost_executors += other.num_lost_executors;
        self.max_wait_steps = self.max_wait_steps.max(other.max_wait_steps);
    }
}

/// Simulates the scenario of `seed`. `trace` receives a line per step.
pub fn run_seed(
    seed: u64,
    num_requests: usize,
    trace: &mut dyn FnMut(&str),
) -> Result<Summary, Violation> {
    let scenario = Scenario::new(seed, num_requests);
    catch_unwind(AssertUnwindSafe(|| Run::new(&scenario, seed).finish(trace))).map_err(|panic| {
        let text = panic.downcast_ref::<String>().cloned();
        let text = text.or_else(|| panic.downcast_ref::<&str>().map(ToString::to_string));
        let what = text.unwrap_or_else(|| "a panic without a message".into());
        Violation { seed, num_requests, what }
    })
}

/// Clients that go away, by virtual time, later ones first.
type Departures = Vec<(u64, u64)>;

struct Run<'a> {
    scenario: &'a Scenario,
    core: EngineCore,
    checker: Checker<'a>,
    log: SharedLog,
    message: StepMessage,
    departures: Departures,
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
            now: 0,
            num_submitted: 0,
            summary: Summary::default(),
        }
    }

    fn finish(mut self, trace: &mut dyn FnMut(&str)) -> Summary {
        loop {
            self.arrive();
            self.depart();
            if self.core.is_idle() {
                assert_eq!(self.checker.num_open(), 0, "the engine is idle and requests are open");
                let Some(next) = self.scenario.requests.get(self.num_submitted) else { break };
                self.now = next.arrival;
                continue;
            }
            if !self.step(trace) {
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
        self.summary.max_wait_steps = self.checker.max_wait_steps;
        self.summary
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

    /// One step of the engine; false when the executor was lost.
    fn step(&mut self, trace: &mut dyn FnMut(&str)) -> bool {
        self.log.lock().failed = false;
        assert!(self.core.plan(), "requests are open and the plan is empty");
        let outcome = self.core.run_planned(&mut self.message);
        if let Err(reason) = &outcome {
            assert_eq!(&**reason, LOST);
        }
        let log = self.log.clone();
        let log = log.lock();
        self.summary.num_steps = log.num_steps;
        self.summary.num_computed_tokens += log.num_tokens as u64;
        self.summary.num_failed_steps += u64::from(log.failed);
        self.now += STEP_TICKS + log.num_tokens as u64;
        self.checker.admissions(&log.admitted);
        let is_lost = outcome.is_err();
        self.book(Excuses { failed: log.failed, draining: is_lost });
        self.checker.end_of_step(self.summary.num_steps);
        self.core.audit();
        let stats = self.core.stats();
        trace(&format!(
            "step {} t={} tokens={} admitted={:?} failed={} running={} waiting={} free={} \
             cached={} live={} preemptions={}",
            log.num_steps,
            self.now,
            log.num_tokens,
            log.admitted,
            log.failed,
            stats.num_running,
            stats.num_waiting,
            stats.num_free_blocks,
            stats.num_cached_blocks,
            stats.num_live_blocks,
            stats.num_preemptions,
        ));
        self.summary.num_lost_executors += u64::from(is_lost);
        if is_lost {
            self.core.end_all(FinishReason::Abort, &mut self.message);
            self.book(Excuses { failed: false, draining: true });
        }
        !is_lost
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
