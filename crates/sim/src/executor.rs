//! The simulated executor: keeps a shadow of the KV cache and refuses every step that a real
//! device would compute wrongly.
//!
//! A broken check panics; the engine core reports it as a lost executor and the run as a
//! violation.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use engine::{ExecError, Executor, ExecutorLimits};
use types::{Sampled, StepInput, TokenId};

use crate::oracle::Kv;
use crate::rng::Rng;
use crate::workload::{Scenario, TENANT_SHIFT};

/// Panic texts of the executor begin like this, so that a run can tell them from a planned loss.
pub(crate) const LOST: &str = "simulated loss of the device";

/// What the run reads after each call.
#[derive(Debug, Default)]
pub(crate) struct StepLog {
    /// Steps launched so far.
    pub(crate) num_steps: u64,
    /// Deferred tokens so far.
    pub(crate) num_deferred: u64,
    /// Indices of requests admitted by the last step, resumed ones included, in order.
    pub(crate) admitted: Vec<u64>,
    /// Steps that the engine has not settled, oldest first; the run takes them out.
    pub(crate) unsettled: VecDeque<LaunchedStep>,
}

/// One step for the run.
#[derive(Clone, Copy, Debug)]
pub(crate) struct LaunchedStep {
    pub(crate) num_tokens: usize,
    pub(crate) num_samples: usize,
    /// Whether it failed on purpose.
    pub(crate) failed: bool,
}

/// Shared between the executor, which the engine owns, and the run.
#[derive(Clone, Debug, Default)]
pub(crate) struct SharedLog(Arc<Mutex<StepLog>>);

impl SharedLog {
    pub(crate) fn lock(&self) -> MutexGuard<'_, StepLog> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// One token's place in the shadow of the KV cache.
#[derive(Clone, Copy, Debug)]
struct Cell {
    token: TokenId,
    kv: Kv,
    /// Step that wrote it.
    step: u64,
}

/// A sampler slot.
#[derive(Clone, Copy, Debug, Default)]
struct Slot {
    /// Sampling seed that it was last set up with.
    seed: Option<u64>,
    /// What was last sampled for it.
    last: Option<LastSample>,
}

#[derive(Clone, Copy, Debug)]
struct LastSample {
    token: TokenId,
    /// Step that sampled it, and for whom.
    step: u64,
    seed: u64,
}

/// A step between its launch and its collection. Its effects are those of its launch: steps run
/// one after the other, so nothing can tell the difference.
#[derive(Debug)]
struct Flight {
    step: u64,
    sampled: Vec<TokenId>,
    /// What collecting it says, planned at its launch.
    outcome: Result<(), ExecError>,
}

pub(crate) struct SimExecutor {
    limits: ExecutorLimits,
    cells: Vec<Option<Cell>>,
    /// Tenant that first sampled from each block's content; `None` until somebody has.
    block_tenants: Vec<Option<u64>>,
    /// Step that last wrote to each block, and which sequence of that step.
    block_writers: Vec<(u64, usize)>,
    slots: Vec<Slot>,
    /// Tokens sampled for each request so far.
    num_outputs: Vec<u32>,
    in_flight: VecDeque<Flight>,
    rng: Rng,
    step_error_percent: usize,
    fatal_step: Option<u64>,
    log: SharedLog,
}

impl SimExecutor {
    pub(crate) fn new(scenario: &Scenario, seed: u64, log: SharedLog) -> Self {
        let limits = scenario.limits();
        Self {
            cells: vec![None; limits.num_blocks * limits.block_size],
            block_tenants: vec![None; limits.num_blocks],
            block_writers: vec![(0, 0); limits.num_blocks],
            slots: vec![Slot::default(); limits.max_num_seqs],
            num_outputs: vec![0; scenario.requests.len()],
            in_flight: VecDeque::new(),
            rng: Rng::new(!seed),
            step_error_percent: scenario.step_error_percent,
            fatal_step: scenario.fatal_step,
            limits,
            log,
        }
    }

    fn check_sizes(&self, input: &StepInput) {
        let (num_tokens, num_seqs) = (input.num_tokens(), input.num_seqs());
        assert!(num_tokens > 0, "an empty step");
        assert!(num_tokens <= self.limits.max_num_batched_tokens, "token budget exceeded");
        assert!(num_seqs <= self.limits.max_num_seqs, "too many sequences");
        assert_eq!(input.positions.len(), num_tokens);
        assert_eq!(input.slot_mapping.len(), num_tokens);
        assert_eq!(input.query_start_loc.len(), num_seqs + 1);
        assert_eq!(input.query_start_loc.first(), Some(&0));
        assert_eq!(input.query_start_loc.last(), Some(&(num_tokens as u32)));
        assert_eq!(input.block_table_start.len(), num_seqs + 1);
        assert_eq!(input.block_table_start.last(), Some(&(input.block_tables.len() as u32)));
        assert_eq!(input.logits_indices.len(), input.sample.len());
    }

    /// The step's tokens, with the deferred ones from their slots. Only the last token of a sequence
    /// that samples may be deferred, and only to the step in flight just before this one.
    fn token_ids(&self, input: &StepInput) -> Vec<TokenId> {
        let mut token_ids = input.token_ids.clone();
        assert!(input.deferred.is_sorted_by(|a, b| a.token_idx < b.token_idx), "deferred twice");
        for deferred in &input.deferred {
            let row = input.logits_indices.iter().position(|idx| *idx == deferred.token_idx);
            let row = row.expect("a deferred token is its sequence's last one");
            assert_eq!(input.sample[row].slot, deferred.slot, "deferred to another's slot");
            let is_new = input.admitted.iter().any(|seq| seq.slot == deferred.slot);
            assert!(!is_new, "deferred to a slot that is set up by the same step");
            let slot = &self.slots[deferred.slot.0 as usize];
            let last = slot.last.expect("deferred to a slot that never sampled");
            assert_eq!(slot.seed, Some(last.seed), "deferred to a token of the slot's last owner");
            let before = self.in_flight.back().map(|flight| flight.step);
            assert_eq!(before, Some(last.step), "deferred and not of the step in flight before");
            let token = &mut token_ids[deferred.token_idx as usize];
            assert_eq!(std::mem::replace(token, last.token), 0, "deferred and known");
        }
        token_ids
    }

    /// Computes a sequence's new tokens from its cached ones; returns the last one's KV.
    fn compute(&mut self, input: &StepInput, token_ids: &[TokenId], seq: usize, step: u64) -> Kv {
        let tokens = range(&input.query_start_loc, seq);
        let table = &input.block_tables[range(&input.block_table_start, seq)];
        let end = input.seq_lens[seq] as usize;
        let start = end - tokens.len();
        let block_size = self.limits.block_size;
        assert!(!tokens.is_empty(), "a sequence without new tokens");
        assert!(end < self.limits.max_model_len, "computes beyond the context");
        assert_eq!(table.len(), end.div_ceil(block_size), "waste of a block or more");
        let slot = |position: usize| {
            table[position / block_size] as usize * block_size + position % block_size
        };
        let mut kv = Kv::ROOT;
        for position in 0..start {
            let cell = self.cells[slot(position)].expect("attends to a slot never written");
            assert_eq!(cell.kv, kv.then(cell.token), "KV at {position} is of another prefix");
            kv = cell.kv;
        }
        for (position, at) in (start..end).zip(tokens) {
            assert_eq!(input.positions[at] as usize, position, "position");
            assert_eq!(input.slot_mapping[at] as usize, slot(position), "slot of a new token");
            let token = token_ids[at];
            kv = kv.then(token);
            let before = self.cells[slot(position)].replace(Cell { token, kv, step });
            assert!(before.is_none_or(|cell| cell.step < step), "slot written twice in a step");
            let block = slot(position) / block_size;
            self.block_writers[block] = (step, seq);
            self.block_tenants[block] = None;
        }
        kv
    }

    /// No sequence of the step reads a block that another one writes.
    fn check_writes_are_private(&self, input: &StepInput, step: u64) {
        for seq in 0..input.num_seqs() {
            for block in &input.block_tables[range(&input.block_table_start, seq)] {
                let (written, writer) = self.block_writers[*block as usize];
                assert!(written < step || writer == seq, "block {block} is written and shared");
            }
        }
    }

    /// Samples `token` from a row, whose sequence owns its slot, and all its blocks are its tenant's.
    fn sample(&mut self, input: &StepInput, seq: usize, row: usize, token: TokenId, step: u64) {
        let sample = input.sample[row];
        let slot = sample.slot.0 as usize;
        let seed = self.slots[slot].seed.expect("samples from a slot never set up");
        let last = self.slots[slot].last.replace(LastSample { token, step, seed });
        assert!(last.is_none_or(|last| last.step < step), "slot {slot} samples twice in a step");
        let num_output = &mut self.num_outputs[index_of(seed) as usize];
        assert_eq!(*num_output, sample.num_output, "output count of slot {slot}");
        *num_output += 1;
        let tenant = seed >> TENANT_SHIFT;
        for block in &input.block_tables[range(&input.block_table_start, seq)] {
            let owner = self.block_tenants[*block as usize].get_or_insert(tenant);
            assert_eq!(*owner, tenant, "block {block} crossed from tenant to tenant");
        }
    }

    fn admit(&mut self, input: &StepInput) {
        for admitted in &input.admitted {
            let has_tokens = !admitted.tokens.is_empty();
            assert_eq!(has_tokens, admitted.params.has_penalties(), "tokens only for penalties");
            if has_tokens {
                let num_output = admitted.tokens.len() as u32 - admitted.num_prompt;
                let known = self.num_outputs[index_of(admitted.params.seed) as usize];
                assert_eq!(num_output, known, "output tokens of an admitted sequence");
            }
            self.slots[admitted.slot.0 as usize].seed = Some(admitted.params.seed);
        }
    }

    /// What a failed step wrote is of use to nobody.
    fn spoil(&mut self, step: u64) {
        for cell in &mut self.cells {
            cell.take_if(|cell| cell.step == step);
        }
    }

    /// Notes the step for the run and draws what becomes of it: at its launch, then when it is
    /// collected.
    fn take_off(&mut self, input: &StepInput) -> (u64, [Result<(), ExecError>; 2]) {
        let fails = self.rng.percent(self.step_error_percent);
        let mut log = self.log.lock();
        log.num_steps += 1;
        log.num_deferred += input.deferred.len() as u64;
        log.admitted.clear();
        log.admitted.extend(input.admitted.iter().map(|seq| index_of(seq.params.seed)));
        log.unsettled.push_back(LaunchedStep {
            num_tokens: input.num_tokens(),
            num_samples: input.sample.len(),
            failed: fails,
        });
        let outcome = if self.fatal_step == Some(log.num_steps) {
            Err(ExecError::Fatal(LOST.into()))
        } else if fails {
            Err(ExecError::Step("simulated".into()))
        } else {
            Ok(())
        };
        let at_launch = outcome.is_err() && self.rng.percent(50);
        (log.num_steps, if at_launch { [outcome, Ok(())] } else { [Ok(()), outcome] })
    }
}

impl Executor for SimExecutor {
    fn limits(&self) -> ExecutorLimits {
        self.limits
    }

    fn launch(&mut self, input: &StepInput) -> Result<(), ExecError> {
        assert!(self.in_flight.len() < self.limits.max_in_flight, "too many steps in flight");
        let (step, [launched, outcome]) = self.take_off(input);
        self.check_sizes(input);
        let token_ids = self.token_ids(input);
        self.admit(input);
        let mut sampled = Vec::new();
        for seq in 0..input.num_seqs() {
            let kv = self.compute(input, &token_ids, seq, step);
            let (row, last) = (sampled.len(), input.query_start_loc[seq + 1] - 1);
            if input.logits_indices.get(row) == Some(&last) {
                sampled.push(kv.next_token());
                self.sample(input, seq, row, kv.next_token(), step);
            }
        }
        assert_eq!(sampled.len(), input.sample.len(), "logits rows are sequences' last tokens");
        self.check_writes_are_private(input, step);
        if launched.is_err() {
            self.spoil(step);
            return launched;
        }
        self.in_flight.push_back(Flight { step, sampled, outcome });
        Ok(())
    }

    fn collect(&mut self, sampled: &mut Vec<Sampled>) -> Result<(), ExecError> {
        let flight = self.in_flight.pop_front().expect("collects what was launched");
        if flight.outcome.is_err() {
            self.spoil(flight.step);
            return flight.outcome;
        }
        sampled
            .extend(flight.sampled.iter().map(|token| Sampled { token: *token, logprobs: None }));
        Ok(())
    }
}

/// The request's index in its scenario.
fn index_of(seed: u64) -> u64 {
    seed & ((1 << TENANT_SHIFT) - 1)
}

fn range(starts: &[u32], seq: usize) -> std::ops::Range<usize> {
    starts[seq] as usize..starts[seq + 1] as usize
}
