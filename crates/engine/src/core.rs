//! One step, synchronously: plan, execute, commit, book. No threads and no channels, so that the
//! simulator drives exactly this code.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::time::{Duration, Instant};

use scheduler::{Scheduler, SchedulerStats, SeqUpdate, StepPlan};
use types::{EngineRequest, FinishReason, RequestId, Sampled, StepInput};

use crate::executor::{ExecError, Executor};
use crate::ledger::{Event, Ledger};
use crate::report::StepReport;

/// Everything that one step, or the commands between steps, produced.
#[derive(Debug, Default)]
pub struct StepMessage {
    /// What happened to whom.
    pub events: Vec<Event>,
    /// Present when a step ran.
    pub report: Option<StepReport>,
}

impl StepMessage {
    /// An empty message with room for one event per sequence of the largest step.
    pub(crate) fn with_capacity(max_num_seqs: usize) -> Self {
        Self { events: Vec::with_capacity(max_num_seqs), report: None }
    }

    /// Empties the message and keeps its memory.
    pub fn clear(&mut self) {
        self.events.clear();
        self.report = None;
    }

    /// True when nobody needs to hear of it.
    pub fn is_empty(&self) -> bool {
        self.events.is_empty() && self.report.is_none()
    }
}

/// Scheduler, executor and ledger.
pub struct EngineCore {
    scheduler: Scheduler,
    executor: Box<dyn Executor>,
    ledger: Ledger,
    plan: StepPlan,
    input: StepInput,
    sampled: Vec<Sampled>,
    updates: Vec<SeqUpdate>,
    planned_at: Instant,
}

impl EngineCore {
    /// Joins a scheduler with the executor it plans for, and takes the memory of the largest step.
    pub fn new(scheduler: Scheduler, executor: Box<dyn Executor>) -> Self {
        let limits = executor.limits();
        let max_num_seqs = limits.max_num_seqs;
        let blocks_per_seq = limits.max_model_len.div_ceil(limits.block_size);
        Self {
            scheduler,
            executor,
            ledger: Ledger::default(),
            plan: StepPlan::with_capacity(max_num_seqs),
            input: StepInput::with_capacity(
                limits.max_num_batched_tokens,
                max_num_seqs,
                max_num_seqs * blocks_per_seq,
            ),
            sampled: Vec::with_capacity(max_num_seqs),
            updates: Vec::with_capacity(max_num_seqs),
            planned_at: Instant::now(),
        }
    }

    /// True when a step would have nothing to do.
    pub fn is_idle(&self) -> bool {
        self.scheduler.is_idle()
    }

    /// The scheduler's counters.
    pub fn stats(&self) -> SchedulerStats {
        self.scheduler.stats()
    }

    /// Requests taken in that have never been admitted.
    pub fn num_unadmitted(&self) -> usize {
        self.ledger.num_unadmitted()
    }

    /// Sequences whose blocks were taken back and that wait to be admitted again.
    pub fn num_preempted_waiting(&self) -> usize {
        self.scheduler.stats().num_waiting.saturating_sub(self.ledger.num_unadmitted())
    }

    /// Checks the scheduler's invariants; panics on a broken one.
    pub fn audit(&self) {
        self.scheduler.audit();
    }

    /// Takes a request in. One that the scheduler refuses ends at once with an error event.
    pub fn submit(
        &mut self,
        id: RequestId,
        request: EngineRequest,
        arrival: Instant,
        message: &mut StepMessage,
    ) {
        self.ledger.open(id, request.prompt.len() as u32, request.stop.max_tokens, arrival);
        if let Err(refused) = self.scheduler.submit(id, request) {
            let finish = Some(FinishReason::Error(Arc::from(refused.to_string())));
            self.updates.push(SeqUpdate { id, token: None, finish });
            self.book_updates(Instant::now(), message);
        }
    }

    /// Ends a request whose client has gone; unknown ids (already finished) are fine.
    pub fn abort(&mut self, id: RequestId, message: &mut StepMessage) {
        if self.ledger.is_open(id) {
            self.scheduler.abort(id);
            self.updates.push(SeqUpdate { id, token: None, finish: Some(FinishReason::Abort) });
            self.book_updates(Instant::now(), message);
        }
    }

    /// Ends every request.
    pub fn end_all(&mut self, reason: FinishReason, message: &mut StepMessage) {
        self.scheduler.drain_all(reason, &mut self.updates);
        self.book_updates(Instant::now(), message);
    }

    /// Decides what the next step computes; false when there is nothing to do. Admissions take
    /// effect here.
    pub fn plan(&mut self) -> bool {
        self.planned_at = Instant::now();
        self.scheduler.plan(&mut self.plan);
        for id in &self.plan.preempted {
            self.ledger.preempt(*id);
        }
        for admission in &self.plan.admitted {
            self.ledger.admit(admission.id, admission.num_cached_tokens, self.planned_at);
        }
        !self.plan.seqs.is_empty()
    }

    /// Plans and runs one step.
    pub fn step(&mut self, message: &mut StepMessage) -> Result<(), Arc<str>> {
        if self.plan() { self.run_planned(message) } else { Ok(()) }
    }

    /// Computes and commits the planned step. An error is fatal: every request has been ended in
    /// `message`.
    pub fn run_planned(&mut self, message: &mut StepMessage) -> Result<(), Arc<str>> {
        self.scheduler.fill(&self.plan, &mut self.input);
        let execute_started = Instant::now();
        let outcome = self.execute();
        let execute = execute_started.elapsed();
        let fatal = self.commit(outcome);
        let now = Instant::now();
        self.book_updates(now, message);
        message.report = Some(self.report(now - self.planned_at, execute));
        fatal.map_or(Ok(()), Err)
    }

    /// The executor's work; a panic inside it is a lost executor, not a lost process.
    fn execute(&mut self) -> Result<(), ExecError> {
        let (executor, input, sampled) = (&mut self.executor, &self.input, &mut self.sampled);
        sampled.clear();
        catch_unwind(AssertUnwindSafe(|| {
            executor.launch(input)?;
            executor.collect(sampled)
        }))
        .unwrap_or_else(|panic| Err(ExecError::Fatal(panic_text(panic.as_ref()))))
    }

    fn commit(&mut self, outcome: Result<(), ExecError>) -> Option<Arc<str>> {
        match outcome {
            Ok(()) => {
                assert_eq!(self.sampled.len(), self.input.sample.len(), "one token per row");
                self.scheduler.commit(&self.plan, &mut self.sampled, &mut self.updates);
                None
            }
            Err(ExecError::Step(reason)) => {
                tracing::error!(%reason, sequences = self.plan.seqs.len(), "a step failed");
                let reason = Arc::from("the model could not compute this step");
                self.scheduler.fail(&self.plan, &reason, &mut self.updates);
                None
            }
            Err(ExecError::Fatal(reason)) => {
                let shown = FinishReason::Error(Arc::from("the engine has stopped"));
                self.scheduler.drain_all(shown, &mut self.updates);
                Some(Arc::from(reason))
            }
        }
    }

    fn book_updates(&mut self, now: Instant, message: &mut StepMessage) {
        for update in self.updates.drain(..) {
            message.events.push(self.ledger.book(update, now));
        }
    }

    fn report(&self, duration: Duration, execute: Duration) -> StepReport {
        StepReport {
            duration,
            execute,
            num_tokens: self.plan.num_tokens,
            num_seqs: self.plan.seqs.len(),
            scheduler: self.scheduler.stats(),
        }
    }
}

fn panic_text(panic: &(dyn std::any::Any + Send)) -> String {
    let text = panic
        .downcast_ref::<&str>()
        .copied()
        .or_else(|| panic.downcast_ref::<String>().map(String::as_str));
    format!("the executor panicked: {}", text.unwrap_or("no message"))
}
