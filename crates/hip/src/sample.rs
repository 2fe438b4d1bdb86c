//! Sampling: on the GPU when every row of the step just wants its most likely token; otherwise the
//! rows are copied to the host and the `sampling` crate chooses there.

use std::sync::Arc;

use backend::StepLimits;
use sampling::{SamplerState, Scratch};
use types::{AdmittedSeq, Sampled, SamplingParams};

use crate::error::HipFailure;
use crate::launch::Kernels;
use crate::params::ArgmaxParams;
use crate::runtime::{DeviceMemory, Gpu, Pinned, Stream};
use crate::step::StepState;

/// Work-groups that share a row in argmax.
const ARGMAX_PARTS: usize = 16;

/// Slots' states, and where tokens and rows come back.
pub(crate) struct Samplers {
    states: Vec<Slot>,
    scratch: Scratch,
    vocab_size: usize,
    /// u32 `[rows, ARGMAX_PARTS, 2]`.
    partial: DeviceMemory,
    /// u32 `[rows]`.
    tokens: DeviceMemory,
    tokens_host: Pinned,
    /// One row of logits.
    row_host: Pinned,
}

struct Slot {
    params: Arc<SamplingParams>,
    state: SamplerState,
}

/// True if nothing but the largest logit counts.
fn wants_argmax_only(params: &SamplingParams) -> bool {
    params.is_greedy()
        && !params.has_penalties()
        && params.logit_bias.is_empty()
        && params.allowed_token_ids.is_none()
        && params.logprobs.is_none()
        && params.min_tokens == 0
}

/// f32 of a row of logits on the device.
pub(crate) fn logits_stride(vocab_size: usize) -> usize {
    vocab_size.next_multiple_of(8)
}

impl Samplers {
    /// Bytes on the device.
    pub(crate) fn device_bytes(limits: &StepLimits) -> usize {
        limits.max_num_seqs * (ARGMAX_PARTS * 8 + 4)
    }

    pub(crate) fn new(gpu: &Gpu, limits: &StepLimits) -> Result<Self, HipFailure> {
        let (rows, vocab_size) = (limits.max_num_seqs, limits.vocab_size);
        let slot = |_| Slot {
            params: Arc::new(SamplingParams::greedy()),
            state: SamplerState::new(vocab_size),
        };
        Ok(Self {
            states: (0..rows).map(slot).collect(),
            scratch: Scratch::new(vocab_size),
            vocab_size,
            partial: gpu.alloc(rows * ARGMAX_PARTS * 8)?,
            tokens: gpu.alloc(rows * 4)?,
            tokens_host: gpu.alloc_pinned(rows * 4)?,
            row_host: gpu.alloc_pinned(vocab_size * 4)?,
        })
    }

    /// Sets up the state of a sequence's slot; false if there is no such slot.
    pub(crate) fn admit(&mut self, seq: &AdmittedSeq) -> bool {
        let Some(slot) = self.states.get_mut(seq.slot.0 as usize) else { return false };
        slot.params = Arc::clone(&seq.params);
        slot.state.admit(seq);
        true
    }

    /// Samples the step's rows, in order. Waits for the stream.
    pub(crate) fn run(
        &mut self,
        stream: &Stream,
        kernels: &Kernels,
        step: &StepState,
        logits: &DeviceMemory,
        out: &mut Vec<Sampled>,
    ) -> Result<(), HipFailure> {
        out.clear();
        let rows = &step.sample;
        let slot = |row: &types::SampleRow| &self.states[row.slot.0 as usize];
        if rows.iter().all(|row| wants_argmax_only(&slot(row).params)) {
            return self.argmax(stream, kernels, rows.len(), logits, out);
        }
        let row_bytes = logits_stride(self.vocab_size) * 4;
        for (idx, row) in rows.iter().enumerate() {
            stream.download(&mut self.row_host, logits, idx * row_bytes, self.vocab_size * 4)?;
            stream.synchronize()?;
            let values = self.row_host.as_mut_slice(self.vocab_size);
            let state = &mut self.states[row.slot.0 as usize].state;
            out.push(state.sample(values, row.num_output, &mut self.scratch));
        }
        Ok(())
    }

    fn argmax(
        &mut self,
        stream: &Stream,
        kernels: &Kernels,
        num_rows: usize,
        logits: &DeviceMemory,
        out: &mut Vec<Sampled>,
    ) -> Result<(), HipFailure> {
        let params = ArgmaxParams {
            logits: logits.address(),
            partial: self.partial.address(),
            tokens: self.tokens.address(),
            vocab_size: self.vocab_size as u32,
            stride: logits_stride(self.vocab_size) as u32,
            num_parts: ARGMAX_PARTS as u32,
            reserved: 0,
        };
        stream.launch(&kernels.argmax_partial, [ARGMAX_PARTS, num_rows, 1], 256, &params)?;
        stream.launch(&kernels.argmax_final, [num_rows, 1, 1], 64, &params)?;
        stream.download(&mut self.tokens_host, &self.tokens, 0, num_rows * 4)?;
        stream.synchronize()?;
        let tokens = self.tokens_host.as_slice::<u32>(num_rows);
        out.extend(tokens.iter().map(|token| Sampled { token: *token, logprobs: None }));
        Ok(())
    }
}
