//! The simulated executor: keeps a shadow of the KV cache and refuses every step that a real
//! device would compute wrongly.
//!
//! A broken check panics; the engine core reports it as a lost executor and the run as a
//! violation.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use engine::{ExecError, Executor, ExecutorLimits};
use types::{Sampled, StepInput, TokenId};

use crate::oracle::Kv;
use crate::rng::Rng;
use crate::workload::{Scenario, TENANT_SHIFT};

/// Panic texts of the executor begin like this, so that a run can tell them from a planned loss.
pub(crate) const LOST: &str = "simulated loss of the device";

/// What the run reads after each step.
#[derive(Debug, Default)]
pub(crate) struct StepLog {
    /// Steps launched so far.
    pub(crate) num_steps: u64,
    /// Whether the last step failed on purpose.
    pub(crate) failed: bool,
    /// Indices of requests admitted by the last step, resumed ones included, in order.
    pub(crate) admitted: Vec<u64>,
    /// Tokens of the last step.
    pub(crate) num_tokens: usize,
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

pub(crate) struct SimExecutor {
    limits: ExecutorLimits,
    cells: Vec<Option<Cell>>,
    /// Tenant that first sampled from each block's content; `None` until somebody has.
    block_tenants: Vec<Option<u64>>,
    /// Step that last wrote to each block, and which sequence of that step.
    block_writers: Vec<(u64, usize)>,
    /// Sampling seed that each slot was last set up with.
    slots: Vec<Option<u64>>,
    /// Tokens sampled for each request so far.
    num_outputs: Vec<u32>,
    sampled: Vec<TokenId>,
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
            slots: vec![None; limits.max_num_seqs],
            num_outputs: vec![0; scenario.requests.len()],
            sampled: Vec::new(),
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

    /// Computes a sequence's new tokens from its cached ones; returns the last one's KV.
    fn compute(&mut self, input: &StepInput, seq: usize, step: u64) -> Kv {
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
            let token = input.token_ids[at];
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

    /// The sequence that samples from a row owns its slot, and all its blocks are its tenant's.
    fn check_sampler(&mut self, input: &StepInput, seq: usize, row: usize, used: &mut [bool]) {
        let sample = input.sample[row];
        let slot = sample.slot.0 as usize;
        assert!(!std::mem::replace(&mut used[slot], true), "slot {slot} samples twice in a step");
        let seed = self.slots[slot].expect("samples from a slot never set up");
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
            self.slots[admitted.slot.0 as usize] = Some(admitted.params.seed);
        }
    }
}

impl Executor for SimExecutor {
    fn limits(&self) -> ExecutorLimits {
        self.limits
    }

    fn launch(&mut self, input: &StepInput) -> Result<(), ExecError> {
        let step = {
            let mut log = self.log.lock();
            log.num_steps += 1;
            log.failed = false;
            log.num_tokens = input.num_tokens();
            log.admitted.clear();
            let indices = input.admitted.iter().map(|seq| index_of(seq.params.seed));
            log.admitted.extend(indices);
            log.num_steps
        };
        self.check_sizes(input);
        self.admit(input);
        self.sampled.clear();
        let mut used_slots = vec![false; self.limits.max_num_seqs];
        let mut row = 0;
        for seq in 0..input.num_seqs() {
            let kv = self.compute(input, seq, step);
            let last = input.query_start_loc[seq + 1] - 1;
            if input.logits_indices.get(row) == Some(&last) {
                self.check_sampler(input, seq, row, &mut used_slots);
                self.sampled.push(kv.next_token());
                row += 1;
            }
        }
        assert_eq!(row, input.sample.len(), "every logits row is some sequence's last token");
        self.check_writes_are_private(input, step);
        if self.fatal_step == Some(step) {
            return Err(ExecError::Fatal(LOST.into()));
        }
        Ok(())
    }

    fn collect(&mut self, sampled: &mut Vec<Sampled>) -> Result<(), ExecError> {
        if self.rng.percent(self.step_error_percent) {
            self.log.lock().failed = true;
            return Err(ExecError::Step("simulated".into()));
        }
        sampled.extend(self.sampled.iter().map(|token| Sampled { token: *token, logprobs: None }));
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
