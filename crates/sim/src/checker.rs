//! Watches every request from its client's side: the right tokens, one end, in time.
//!
//! A broken check panics; the run turns it into a violation with its seed.

use std::collections::BTreeMap;

use engine::Event;
use scheduler::{Policy, SchedulerConfig};
use types::{EngineRequest, FinishReason, StopReason, TokenId};

use crate::oracle::Kv;
use crate::workload::RequestSpec;

/// A request between its submission and its end.
struct Account {
    kv: Kv,
    num_output: usize,
    /// Output tokens at which the sequence must end with `Length`.
    max_output: usize,
    /// Order of service.
    rank: (i64, u64),
    was_admitted: bool,
    submit_step: u64,
    /// Step of the last token, or of submission.
    progress_step: u64,
    /// Most tokens that this request can make the engine compute, preemptions included.
    work: u64,
}

/// What a request got.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Output {
    pub(crate) tokens: Vec<TokenId>,
    pub(crate) finish: Option<FinishReason>,
}

/// What the engine itself may do to requests in a step.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Excuses {
    /// The step failed on purpose: errors are expected.
    pub(crate) failed: bool,
    /// The run ends everything.
    pub(crate) draining: bool,
}

pub(crate) struct Checker<'a> {
    config: &'a SchedulerConfig,
    specs: &'a [RequestSpec],
    open: BTreeMap<u64, Account>,
    /// By request.
    outputs: Vec<Output>,
    /// Requests whose client has just gone.
    aborted: Option<u64>,
    /// Sum of `work` over `open`, and the largest it ever was.
    work: u64,
    max_work: u64,
    pub(crate) num_ended: usize,
    pub(crate) num_output_tokens: u64,
    pub(crate) max_wait_steps: u64,
}

impl<'a> Checker<'a> {
    pub(crate) fn new(config: &'a SchedulerConfig, specs: &'a [RequestSpec]) -> Self {
        Self {
            config,
            specs,
            open: BTreeMap::new(),
            outputs: vec![Output::default(); specs.len()],
            aborted: None,
            work: 0,
            max_work: 0,
            num_ended: 0,
            num_output_tokens: 0,
            max_wait_steps: 0,
        }
    }

    pub(crate) fn into_outputs(self) -> Vec<Output> {
        self.outputs
    }

    pub(crate) fn num_open(&self) -> usize {
        self.open.len()
    }

    pub(crate) fn submit(&mut self, index: u64, step: u64) {
        let request = &self.specs[index as usize].request;
        let class = if self.config.policy == Policy::Fcfs { 0 } else { request.priority };
        let num_prompt = request.prompt.len();
        let room = self.config.max_model_len.saturating_sub(num_prompt);
        let max_output = room.min(request.stop.max_tokens as usize);
        // A token beyond the last one is computed if the sequence stops while a step is in flight.
        let num_tokens = num_prompt + max_output + self.config.max_in_flight - 1;
        let work = num_tokens as u64 * u64::from(1 + self.config.max_preemptions);
        self.work += work;
        self.max_work = self.max_work.max(self.work);
        let account = Account {
            kv: Kv::of(&request.prompt),
            num_output: 0,
            max_output,
            rank: (class, index),
            was_admitted: false,
            submit_step: step,
            progress_step: step,
            work,
        };
        assert!(self.open.insert(index, account).is_none(), "request {index} submitted twice");
    }

    pub(crate) fn abort(&mut self, index: u64) {
        self.aborted = Some(index);
    }

    /// Admissions of a step, before its events: nobody who was there first may be passed over.
    pub(crate) fn admissions(&mut self, admitted: &[u64]) {
        for index in admitted {
            let account = self.open.get_mut(index).expect("an admitted request is open");
            account.was_admitted = true;
            let rank = account.rank;
            let passed = self.open.values().find(|other| !other.was_admitted && other.rank < rank);
            if let Some(other) = passed {
                panic!("request {index} was admitted before {}", other.rank.1);
            }
        }
    }

    pub(crate) fn event(&mut self, event: &Event, step: u64, excuses: Excuses) {
        let index = event.id.0;
        let spec = &self.specs[index as usize].request;
        let account = self.open.get_mut(&index).expect("an event belongs to an open request");
        if let Some((sampled, _)) = &event.token {
            let expected = account.kv.next_token();
            let position = account.num_output;
            assert_eq!(sampled.token, expected, "request {index}: output token {position}");
            account.kv = account.kv.then(expected);
            account.num_output += 1;
            self.outputs[index as usize].tokens.push(sampled.token);
            account.progress_step = step;
            self.num_output_tokens += 1;
            let ends = expected_end(spec, account, expected);
            let actual = event.finish.as_ref().map(|(reason, _)| reason);
            assert_eq!(actual, ends.as_ref(), "request {index}: end after token {position}");
        } else {
            let (reason, _) = event.finish.as_ref().expect("an event tells something");
            let is_refused = account.max_output == 0;
            let is_due = match reason {
                FinishReason::Abort => self.aborted == Some(index) || excuses.draining,
                FinishReason::Error(_) => excuses.failed || excuses.draining || is_refused,
                FinishReason::Stop(_) | FinishReason::Length | FinishReason::NotFinite { .. } => {
                    false
                }
            };
            assert!(is_due, "request {index}: unexpected end {reason:?}");
        }
        if let Some((reason, _)) = &event.finish {
            self.outputs[index as usize].finish = Some(reason.clone());
            let closed = self.open.remove(&index).expect("found above");
            self.work -= closed.work;
            self.num_ended += 1;
        }
    }

    /// After a step: nobody waits longer than all open work could take.
    ///
    /// Every step computes at least one token, and no request makes the engine compute more than
    /// its longest life once, plus once per preemption. So as long as nobody jumps the queue for
    /// ever, the most work that was ever open bounds the steps between two tokens of a request.
    pub(crate) fn end_of_step(&mut self, step: u64) {
        self.aborted = None;
        // Arrivals of a higher class may pass a request without a bound, by design.
        let is_bounded = self.config.policy == Policy::Fcfs;
        for (index, account) in &self.open {
            let wait = step - account.progress_step;
            self.max_wait_steps = self.max_wait_steps.max(wait);
            assert!(
                !is_bounded || wait <= self.max_work,
                "request {index} of step {} starves since step {}",
                account.submit_step,
                account.progress_step
            );
        }
    }
}

/// How the oracle says that a request ends with `token`, if it does.
fn expected_end(request: &EngineRequest, account: &Account, token: u32) -> Option<FinishReason> {
    if request.stop.eos_token_ids.contains(&token) {
        Some(FinishReason::Stop(StopReason::Eos))
    } else if request.stop.stop_token_ids.contains(&token) {
        Some(FinishReason::Stop(StopReason::Token(token)))
    } else {
        (account.num_output == account.max_output).then_some(FinishReason::Length)
    }
}
