//! Sampling of a step's logits rows in parallel. The meaning is the `sampling` crate's; this file
//! owns the slots' states and deals rows out to the pool.

use std::sync::{Mutex, PoisonError};

use backend::StepLimits;
use sampling::{SamplerState, Scratch};
use types::{AdmittedSeq, SampleRow, Sampled};

use crate::par::SharedRows;
use crate::pool::Pool;

/// Why a step's rows could not be sampled.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum SampleError {
    /// A slot is not below `max_num_seqs`.
    #[error("sampler slot {slot} is outside the {num_slots} reserved ones")]
    NoSuchSlot { slot: u32, num_slots: usize },
    /// Two rows share a slot.
    #[error("sampler slot {slot} appears twice in one step")]
    SlotTwice { slot: u32 },
}

/// States by slot, scratch by thread.
pub(crate) struct Samplers {
    /// `None` only while the slot's row is being sampled.
    states: Vec<Option<SamplerState>>,
    /// Each lock is taken by its own thread only and never waited for.
    scratches: Vec<Mutex<Scratch>>,
    rows: Vec<RowJob>,
    vocab_size: usize,
}

struct RowJob {
    row: SampleRow,
    state: SamplerState,
    sampled: Option<Sampled>,
}

impl Samplers {
    pub(crate) fn new(limits: &StepLimits, num_threads: usize) -> Self {
        let vocab_size = limits.vocab_size;
        let state = |_| Some(SamplerState::new(vocab_size));
        Self {
            states: (0..limits.max_num_seqs).map(state).collect(),
            scratches: (0..num_threads).map(|_| Mutex::new(Scratch::new(vocab_size))).collect(),
            rows: Vec::with_capacity(limits.max_num_seqs),
            vocab_size,
        }
    }

    pub(crate) fn bytes(limits: &StepLimits, num_threads: usize) -> usize {
        let per_slot = size_of::<Option<SamplerState>>() + SamplerState::bytes(limits.vocab_size);
        let per_thread = size_of::<Mutex<Scratch>>() + Scratch::bytes(limits.vocab_size);
        limits.max_num_seqs * (per_slot + size_of::<RowJob>()) + num_threads * per_thread
    }

    pub(crate) fn allocated_bytes(&self) -> usize {
        let scratch = |scratch: &Mutex<Scratch>| {
            scratch.lock().unwrap_or_else(PoisonError::into_inner).allocated_bytes()
        };
        self.states.capacity() * size_of::<Option<SamplerState>>()
            + self.states.iter().flatten().map(SamplerState::allocated_bytes).sum::<usize>()
            + self.scratches.capacity() * size_of::<Mutex<Scratch>>()
            + self.scratches.iter().map(scratch).sum::<usize>()
            + self.rows.capacity() * size_of::<RowJob>()
    }

    /// Sets up the state of a sequence's slot.
    pub(crate) fn admit(&mut self, seq: &AdmittedSeq) -> Result<(), SampleError> {
        let (slot, num_slots) = (seq.slot.0, self.states.len());
        let state = self.states.get_mut(slot as usize);
        let state = state.ok_or(SampleError::NoSuchSlot { slot, num_slots })?;
        // A state lost to a panic in an earlier step is made anew.
        state.get_or_insert_with(|| SamplerState::new(self.vocab_size)).admit(seq);
        Ok(())
    }

    /// Samples row `i` of `logits` (`[rows, vocab]`) for `rows[i]`, in row order.
    pub(crate) fn run(
        &mut self,
        pool: &Pool,
        rows: &[SampleRow],
        logits: &mut [f32],
        out: &mut Vec<Sampled>,
    ) -> Result<(), SampleError> {
        let taken = self.take_states(rows);
        if taken.is_ok() {
            self.sample_rows(pool, logits);
        }
        out.clear();
        for job in self.rows.drain(..) {
            self.states[job.row.slot.0 as usize] = Some(job.state);
            out.extend(job.sampled);
        }
        taken
    }

    fn take_states(&mut self, rows: &[SampleRow]) -> Result<(), SampleError> {
        self.rows.clear();
        for &row in rows {
            let (slot, num_slots) = (row.slot.0, self.states.len());
            let state = self.states.get_mut(slot as usize);
            let state = state.ok_or(SampleError::NoSuchSlot { slot, num_slots })?;
            let state = state.take().ok_or(SampleError::SlotTwice { slot })?;
            self.rows.push(RowJob { row, state, sampled: None });
        }
        Ok(())
    }

    fn sample_rows(&mut self, pool: &Pool, logits: &mut [f32]) {
        let (vocab_size, scratches) = (self.vocab_size, &self.scratches);
        let num_rows = self.rows.len();
        let (logits, jobs) = (SharedRows::new(logits), SharedRows::new(&mut self.rows));
        pool.run(num_rows, &|idx, thread| {
            // SAFETY: the pool gives each row to one task, which takes its segments once.
            let (logits, job) =
                unsafe { (logits.segment(idx * vocab_size, vocab_size), jobs.segment(idx, 1)) };
            let job = &mut job[0];
            let scratch = &mut *scratches[thread].lock().unwrap_or_else(PoisonError::into_inner);
            job.sampled = Some(job.state.sample(logits, job.row.num_output, scratch));
        });
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use types::{SamplerSlot, SamplingParams};

    use super::*;
    use crate::ops::testing::noise;

    const VOCAB: usize = 301;

    fn limits(max_num_seqs: usize) -> StepLimits {
        StepLimits {
            max_num_seqs,
            max_num_batched_tokens: 8,
            max_model_len: 64,
            vocab_size: VOCAB,
            max_linear_cols: 8,
            num_heads: 1,
            num_kv_heads: 1,
            head_dim: 8,
            block_size: 8,
        }
    }

    fn admitted(slot: u32) -> AdmittedSeq {
        let params = SamplingParams {
            seed: u64::from(slot),
            presence_penalty: 0.5,
            logprobs: Some(2),
            ..Default::default()
        };
        let slot = SamplerSlot(slot);
        AdmittedSeq { slot, params: Arc::new(params), tokens: vec![1, 2, 3], num_prompt: 2 }
    }

    fn row(slot: u32, num_output: u32) -> SampleRow {
        SampleRow { slot: SamplerSlot(slot), num_output }
    }

    /// Texts of five sequences, sampled together in batches of the given order.
    fn texts(num_threads: usize, order: &[u32]) -> Vec<Vec<Sampled>> {
        let pool = Pool::new(num_threads).unwrap();
        let mut samplers = Samplers::new(&limits(5), num_threads);
        (0..5).for_each(|slot| samplers.admit(&admitted(slot)).unwrap());
        let mut texts = vec![Vec::new(); 5];
        let mut out = Vec::new();
        for position in 0..20 {
            let rows: Vec<SampleRow> = order.iter().map(|&slot| row(slot, position)).collect();
            let mut logits: Vec<f32> =
                order.iter().flat_map(|&slot| noise(VOCAB, u64::from(slot + position))).collect();
            samplers.run(&pool, &rows, &mut logits, &mut out).unwrap();
            for (&slot, sampled) in order.iter().zip(&out) {
                texts[slot as usize].push(sampled.clone());
            }
        }
        assert_eq!(samplers.allocated_bytes(), Samplers::bytes(&limits(5), num_threads));
        texts
    }

    #[test]
    fn a_sequence_samples_the_same_in_any_company() {
        let all = texts(1, &[0, 1, 2, 3, 4]);
        assert_eq!(texts(3, &[4, 2, 0, 1, 3]), all);
        assert_eq!(texts(2, &[3])[3], all[3]);
    }

    #[test]
    fn wrong_slots_are_errors_and_lose_nothing() {
        let pool = Pool::new(1).unwrap();
        let mut samplers = Samplers::new(&limits(2), 1);
        let mut logits = vec![0.0; 3 * VOCAB];
        let mut out = Vec::new();
        let twice = samplers.run(&pool, &[row(1, 0), row(1, 0)], &mut logits, &mut out);
        assert_eq!(twice, Err(SampleError::SlotTwice { slot: 1 }));
        let outside = samplers.run(&pool, &[row(0, 0), row(2, 0)], &mut logits, &mut out);
        assert_eq!(outside, Err(SampleError::NoSuchSlot { slot: 2, num_slots: 2 }));
        assert!(samplers.admit(&admitted(2)).is_err());
        samplers.run(&pool, &[row(1, 0), row(0, 0)], &mut logits, &mut out).unwrap();
        assert_eq!(out.len(), 2);
    }
}
