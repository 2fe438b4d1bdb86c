//! Steps, one or two in flight: plan, launch, collect, commit, book. No threads and no channels, so
//! that the simulator drives exactly this code.

use std::collections::VecDeque;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::time::{Duration, Instant};

use scheduler::{KvEvents, Scheduler, SchedulerStats, SeqUpdate, StepPlan};
use types::{EngineRequest, FinishReason, RequestId, Sampled, StepInput};

use crate::executor::{ExecError, Executor};
use crate::flight::{FlightRecorder, StepOutcome};
use crate::ledger::{Event, Ledger};
use crate::report::StepReport;

/// Everything that one step, or the commands between steps, produced.
#[derive(Debug, Default)]
pub struct StepMessage {
    /// What happened to whom.
    pub events: Vec<Event>,
    /// Present when a step ran.
    pub report: Option<StepReport>,
    /// What happened to cached blocks, if anybody wants to know.
    pub kv_events: KvEvents,
}

impl StepMessage {
    /// An empty message with room for one event per sequence of the largest step.
    pub(crate) fn with_capacity(max_num_seqs: usize) -> Self {
        Self {
            events: Vec::with_capacity(max_num_seqs),
            report: None,
            kv_events: KvEvents::default(),
        }
    }

    /// Empties the message and keeps its memory.
    pub fn clear(&mut self) {
        self.events.clear();
        self.report = None;
        self.kv_events.clear();
    }

    /// True when nobody needs to hear of it.
    pub fn is_empty(&self) -> bool {
        self.events.is_empty() && self.report.is_none()
    }
}

/// A step from its plan to its end. Reused.
struct Step {
    plan: StepPlan,
    /// The flight recorder's number of it, once launched.
    number: u64,
    planned_at: Instant,
    launched_at: Instant,
    /// What became of the launch.
    launched: Result<(), ExecError>,
}

impl Step {
    fn with_capacity(max_num_seqs: usize, now: Instant) -> Self {
        Self {
            plan: StepPlan::with_capacity(max_num_seqs),
            number: 0,
            planned_at: now,
            launched_at: now,
            launched: Ok(()),
        }
    }
}

/// Scheduler, executor and ledger. One turn of its owner is [`Self::plan`], [`Self::launch`] if
/// there was something to plan, and [`Self::collect`] unless another step may be launched first.
pub struct EngineCore {
    scheduler: Scheduler,
    executor: Box<dyn Executor>,
    ledger: Ledger,
    /// Steps that are not in flight; the last one is planned next.
    idle: Vec<Step>,
    /// Launched and uncollected steps, oldest first; together with `idle` always `max_in_flight`.
    in_flight: VecDeque<Step>,
    /// When the last step was booked.
    last_end: Instant,
    input: StepInput,
    sampled: Vec<Sampled>,
    updates: Vec<SeqUpdate>,
    flight: Arc<FlightRecorder>,
}

impl EngineCore {
    /// Joins a scheduler with the executor it plans for, and takes the memory of the largest step.
    pub fn new(scheduler: Scheduler, executor: Box<dyn Executor>) -> Self {
        let limits = executor.limits();
        let (max_num_seqs, max_in_flight) = (limits.max_num_seqs, limits.max_in_flight);
        let blocks_per_seq = limits.max_model_len.div_ceil(limits.block_size);
        let now = Instant::now();
        Self {
            scheduler,
            executor,
            ledger: Ledger::default(),
            idle: (0..max_in_flight).map(|_| Step::with_capacity(max_num_seqs, now)).collect(),
            in_flight: VecDeque::with_capacity(max_in_flight),
            last_end: now,
            input: StepInput::with_capacity(
                limits.max_num_batched_tokens,
                max_num_seqs,
                max_num_seqs * blocks_per_seq,
            ),
            sampled: Vec::with_capacity(max_num_seqs),
            updates: Vec::with_capacity(max_num_seqs),
            flight: Arc::default(),
        }
    }

    /// True when there is nothing to launch and nothing to collect.
    pub fn is_idle(&self) -> bool {
        self.scheduler.is_idle() && self.in_flight.is_empty()
    }

    /// The scheduler's counters.
    pub fn stats(&self) -> SchedulerStats {
        self.scheduler.stats()
    }

    /// Records what happens to cached blocks from now on.
    pub fn record_kv_events(&mut self) {
        self.scheduler.record_kv_events();
    }

    /// The last steps, readable while they run.
    pub fn flight_recorder(&self) -> Arc<FlightRecorder> {
        self.flight.clone()
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

    /// Ends every request. Steps in flight are waited for, and what they computed is dropped.
    pub fn end_all(&mut self, reason: FinishReason, message: &mut StepMessage) {
        self.scheduler.drain_all(reason, &mut self.updates);
        self.book_updates(Instant::now(), message);
        while let Some(step) = self.in_flight.pop_front() {
            // Whether it failed is no request's concern any more.
            let outcome = self.wait_for(&step);
            self.record(&step, &outcome);
            self.flight.end(step.number, step.launched_at.elapsed(), Duration::ZERO);
            self.idle.push(step);
        }
    }

    /// Decides what the next step computes; false when there is nothing to do before a step in
    /// flight ends, or at all. Admissions take effect here.
    pub fn plan(&mut self) -> bool {
        if !self.may_plan() {
            return false;
        }
        let step = self.idle.last_mut().expect("a step may be planned");
        step.planned_at = Instant::now();
        self.scheduler.plan(&mut step.plan);
        for id in &step.plan.preempted {
            self.ledger.preempt(*id);
        }
        for admission in &step.plan.admitted {
            self.ledger.admit(admission.id, admission.num_cached_tokens, step.planned_at);
        }
        !step.plan.is_empty()
    }

    /// Whether another step can be in flight. Nothing is planned behind a step whose launch failed:
    /// its deferred tokens would be those of a step that never ran.
    pub fn may_plan(&self) -> bool {
        let has_failed = self.in_flight.back().is_some_and(|step| step.launched.is_err());
        !self.idle.is_empty() && !has_failed
    }

    /// Starts the step that [`Self::plan`] has just planned. An error is fatal: every request has
    /// been ended in `message`.
    pub fn launch(&mut self, message: &mut StepMessage) -> Result<(), Arc<str>> {
        let mut step = self.idle.pop().expect("a step is planned before it is launched");
        self.scheduler.fill(&step.plan, &mut self.input);
        let stats = self.scheduler.stats();
        step.number = self.flight.begin(step.planned_at, &step.plan, &stats);
        step.launched_at = Instant::now();
        let (executor, input) = (&mut self.executor, &self.input);
        step.launched = guarded(|| executor.launch(input));
        if let Err(ExecError::Fatal(reason)) = &step.launched {
            let reason = Arc::from(reason.as_str());
            self.flight.fail(step.number, StepOutcome::Fatal, &reason);
            self.idle.push(step);
            return Err(self.lose(reason, message));
        }
        self.in_flight.push_back(step);
        Ok(())
    }

    /// Waits for the oldest step in flight, if there is one, and books what it did. An error is
    /// fatal: every request has been ended in `message`.
    pub fn collect(&mut self, message: &mut StepMessage) -> Result<(), Arc<str>> {
        let Some(step) = self.in_flight.pop_front() else { return Ok(()) };
        let outcome = self.wait_for(&step);
        let executed_at = Instant::now();
        self.record(&step, &outcome);
        let fatal = self.commit(&step, outcome, message);
        let now = Instant::now();
        self.book_updates(now, message);
        self.flight.end(step.number, executed_at - step.launched_at, now - executed_at);
        message.report = Some(self.report(&step, executed_at, now));
        self.scheduler.take_kv_events(&mut message.kv_events);
        self.idle.push(step);
        fatal
    }

    /// The step's tokens, in `sampled`.
    fn wait_for(&mut self, step: &Step) -> Result<(), ExecError> {
        self.sampled.clear();
        step.launched.clone()?;
        let (executor, sampled) = (&mut self.executor, &mut self.sampled);
        guarded(|| executor.collect(sampled))
    }

    /// Tells the flight recorder how the step ended.
    fn record(&self, step: &Step, outcome: &Result<(), ExecError>) {
        match outcome {
            Ok(()) => self.flight.succeed(step.number),
            Err(ExecError::Step(text)) => self.flight.fail(step.number, StepOutcome::Failed, text),
            Err(ExecError::Fatal(text)) => self.flight.fail(step.number, StepOutcome::Fatal, text),
        }
    }

    fn commit(
        &mut self,
        step: &Step,
        outcome: Result<(), ExecError>,
        message: &mut StepMessage,
    ) -> Result<(), Arc<str>> {
        match outcome {
            Ok(()) => {
                self.scheduler.commit(&step.plan, &mut self.sampled, &mut self.updates);
                Ok(())
            }
            Err(ExecError::Step(reason)) => {
                tracing::error!(%reason, sequences = step.plan.seqs.len(), "a step failed");
                let reason = Arc::from("the model could not compute this step");
                self.scheduler.fail(&step.plan, &reason, &mut self.updates);
                Ok(())
            }
            Err(ExecError::Fatal(reason)) => Err(self.lose(Arc::from(reason), message)),
        }
    }

    /// Ends every request because the executor is lost; it is not asked for the steps in flight.
    fn lose(&mut self, reason: Arc<str>, message: &mut StepMessage) -> Arc<str> {
        self.in_flight.iter().for_each(|step| self.flight.lose(step.number));
        self.idle.extend(self.in_flight.drain(..));
        let shown = FinishReason::Error(Arc::from("the engine has stopped"));
        self.scheduler.drain_all(shown, &mut self.updates);
        self.book_updates(Instant::now(), message);
        reason
    }

    fn book_updates(&mut self, now: Instant, message: &mut StepMessage) {
        for update in self.updates.drain(..) {
            message.events.push(self.ledger.book(update, now));
        }
    }

    /// Time counts from the end of the step before, if that came later than this one's start.
    fn report(&mut self, step: &Step, executed_at: Instant, now: Instant) -> StepReport {
        let begin = step.planned_at.max(self.last_end);
        let execute_begin = step.launched_at.max(self.last_end);
        self.last_end = now;
        StepReport {
            duration: now - begin,
            execute: executed_at.saturating_duration_since(execute_begin),
            num_tokens: step.plan.num_tokens,
            num_seqs: step.plan.seqs.len(),
            scheduler: self.scheduler.stats(),
            step_counts: self.executor.step_counts(),
        }
    }
}

/// Calls the executor; a panic inside it is a lost executor, not a lost process.
fn guarded(call: impl FnOnce() -> Result<(), ExecError>) -> Result<(), ExecError> {
    catch_unwind(AssertUnwindSafe(call))
        .unwrap_or_else(|panic| Err(ExecError::Fatal(panic_text(panic.as_ref()))))
}

fn panic_text(panic: &(dyn std::any::Any + Send)) -> String {
    let text = panic
        .downcast_ref::<&str>()
        .copied()
        .or_else(|| panic.downcast_ref::<String>().map(String::as_str));
    format!("the executor panicked: {}", text.unwrap_or("no message"))
}
