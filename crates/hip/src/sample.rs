//! Sampling on the GPU: the most likely token of every row, from what the LM head's epilogue left,
//! then `sample` for the rows that want more. Tokens and log-probabilities come back through pinned
//! memory. A row without finite logits has `types::NO_TOKEN`, which both kernels know.
//!
//! Everything is launched from fixed device addresses, so that a step may be captured: launching
//! ([`Samplers::launch`]) and asking for the results ([`Samplers::fetch`]) are apart. Up to two
//! steps may be under way; results are taken oldest first. Called by the layer operations.

use backend::StepLimits;
use types::{AdmittedSeq, NO_TOKEN, SampleRow, Sampled, TokenLogprobs};

use crate::admission::{AdmitError, MAX_TOP_LOGPROBS, Slots};
use crate::error::HipFailure;
use crate::launch::Kernels;
use crate::params::{ArgmaxParams, SampleParams};
use crate::runtime::{DeviceMemory, Gpu, Pinned, Stream};

/// Columns of logits of which the LM head's epilogue leaves the best.
const PART_COLUMNS: usize = 16;
/// Threads of `argmax_final` and of `sample`.
const ROW_THREADS: u32 = 1024;
/// Steps whose results may wait to be taken.
pub(crate) const MAX_PENDING: usize = 2;

/// Slots' states, and where tokens and log-probabilities come back.
pub(crate) struct Samplers {
    slots: Slots,
    vocab_size: usize,
    /// u32 `[rows, ceil(vocab / PART_COLUMNS), 2]`: the best of each part of a row of logits.
    parts: DeviceMemory,
    /// The step's LM head has left its parts.
    has_parts: bool,
    /// f32 `[rows, logits_stride]`: adjusted logits of rows that need the raw ones again.
    work: DeviceMemory,
    /// u32 `[rows]`.
    tokens: DeviceMemory,
    /// u32 `[slots]`: what each slot sampled last.
    last_tokens: DeviceMemory,
    /// `{f32 logprob, u32 rank}` `[rows]`.
    logprobs: DeviceMemory,
    /// `{u32 token, f32 logprob}` `[rows, MAX_TOP_LOGPROBS]`.
    top: DeviceMemory,
    results: [Results; MAX_PENDING],
    /// Which of `results` is the oldest that was not taken, and how many were not.
    oldest: usize,
    num_pending: usize,
}

/// One step's results on the host.
struct Results {
    tokens: Pinned,
    logprobs: Pinned,
    top: Pinned,
    /// By row: 0, or one more than the alternatives that it wants.
    wanted: Vec<u32>,
}

/// What a step's rows need, which decides what is launched.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum SampleMode {
    /// Every row wants the most likely token of its raw logits.
    Greedy,
    /// Some rows want more.
    Mixed,
}

/// f32 of a row of logits on the device.
pub(crate) fn logits_stride(vocab_size: usize) -> usize {
    vocab_size.next_multiple_of(8)
}

/// Bytes of the arrays of rows, in the order of [`Samplers`]' fields.
fn row_bytes(limits: &StepLimits) -> [usize; 6] {
    let rows = limits.max_num_seqs;
    [
        rows * limits.vocab_size.div_ceil(PART_COLUMNS) * 8,
        rows * logits_stride(limits.vocab_size) * 4,
        rows * 4,
        rows * 4,
        rows * 8,
        rows * MAX_TOP_LOGPROBS * 8,
    ]
}

/// Bytes of one step's results, in the order of [`Results`]' fields.
fn result_bytes(rows: usize) -> [usize; 3] {
    [rows * 4, rows * 8, rows * MAX_TOP_LOGPROBS * 8]
}

impl Results {
    fn new(gpu: &Gpu, rows: usize) -> Result<Self, HipFailure> {
        let [tokens, logprobs, top] = result_bytes(rows);
        Ok(Self {
            tokens: gpu.alloc_pinned(tokens)?,
            logprobs: gpu.alloc_pinned(logprobs)?,
            top: gpu.alloc_pinned(top)?,
            wanted: Vec::with_capacity(rows),
        })
    }

    /// What row `row` answers; the step was waited for.
    fn sampled(&self, row: usize, vocab_size: usize) -> Sampled {
        let rows = self.wanted.len();
        let token = self.tokens.as_slice::<u32>(rows)[row];
        if token == NO_TOKEN {
            return Sampled::NOT_FINITE;
        }
        let num_top = match self.wanted[row] {
            0 => return Sampled { token, logprobs: None },
            wanted => (wanted as usize - 1).min(vocab_size),
        };
        let [logprob, rank] = self.logprobs.as_slice::<[u32; 2]>(rows)[row];
        let top = self.top.as_slice::<[u32; 2]>(rows * MAX_TOP_LOGPROBS);
        let top = &top[row * MAX_TOP_LOGPROBS..][..num_top];
        let top = top.iter().map(|[token, logprob]| (*token, f32::from_bits(*logprob)));
        let logprobs = TokenLogprobs { logprob: f32::from_bits(logprob), rank, top: top.collect() };
        Sampled { token, logprobs: Some(Box::new(logprobs)) }
    }
}

impl Samplers {
    /// Bytes on the device. The largest parts are the marks of seen tokens (2 bytes a vocabulary
    /// entry and slot) and `work` (4 bytes a vocabulary entry and row).
    pub(crate) fn device_bytes(limits: &StepLimits) -> usize {
        Slots::device_bytes(limits) + row_bytes(limits).iter().sum::<usize>()
    }

    /// Bytes of pinned host memory.
    pub(crate) fn pinned_bytes(limits: &StepLimits) -> usize {
        let results = result_bytes(limits.max_num_seqs).iter().sum::<usize>();
        Slots::pinned_bytes(limits) + MAX_PENDING * results
    }

    pub(crate) fn new(gpu: &Gpu, limits: &StepLimits) -> Result<Self, HipFailure> {
        let (rows, bytes) = (limits.max_num_seqs, row_bytes(limits));
        Ok(Self {
            slots: Slots::new(gpu, limits)?,
            vocab_size: limits.vocab_size,
            parts: gpu.alloc(bytes[0])?,
            has_parts: false,
            work: gpu.alloc(bytes[1])?,
            tokens: gpu.alloc(bytes[2])?,
            last_tokens: gpu.alloc(bytes[3])?,
            logprobs: gpu.alloc(bytes[4])?,
            top: gpu.alloc(bytes[5])?,
            results: [Results::new(gpu, rows)?, Results::new(gpu, rows)?],
            oldest: 0,
            num_pending: 0,
        })
    }

    /// Address of u32 `[slots]`: the token that each slot sampled last, in stream order. The next
    /// step takes its deferred tokens from here.
    pub(crate) fn last_tokens(&self) -> u64 {
        self.last_tokens.address()
    }

    /// Puts the states of a step's admitted sequences on the stream, and checks who samples; see
    /// [`Slots::begin_step`].
    pub(crate) fn begin_step(
        &mut self,
        stream: &Stream,
        kernels: &Kernels,
        admitted: &[AdmittedSeq],
        rows: &[SampleRow],
    ) -> Result<(), AdmitError> {
        self.has_parts = false;
        self.slots.begin_step(stream, kernels, admitted, rows)
    }

    /// Where the step's LM head is to leave the best of each part of its rows.
    pub(crate) fn parts_to_fill(&mut self) -> u64 {
        self.has_parts = true;
        self.parts.address()
    }

    /// What to launch for these rows, which [`Self::begin_step`] has checked.
    pub(crate) fn mode(&self, rows: &[SampleRow]) -> SampleMode {
        let plain = |row: &SampleRow| !self.slots.infos[row.slot.0 as usize].needs_sampler;
        if rows.iter().all(plain) { SampleMode::Greedy } else { SampleMode::Mixed }
    }

    /// Launches the choice of a token for `num_rows` rows of `logits`; `rows` is the address of
    /// `{u32 slot, u32 num_output}` by row, slot `0xffffffff` for padding.
    pub(crate) fn launch(
        &self,
        stream: &Stream,
        kernels: &Kernels,
        mode: SampleMode,
        (rows, num_rows): (u64, usize),
        logits: &DeviceMemory,
    ) -> Result<(), HipFailure> {
        assert!(self.has_parts, "the LM head comes before the sampler in every step");
        let params = ArgmaxParams {
            partial: self.parts.address(),
            rows,
            tokens: self.tokens.address(),
            last_tokens: self.last_tokens.address(),
            num_parts: self.vocab_size.div_ceil(PART_COLUMNS) as u32,
            reserved: 0,
        };
        stream.launch(&kernels.argmax_final, [num_rows, 1, 1], ROW_THREADS, &params)?;
        if mode == SampleMode::Greedy {
            return Ok(());
        }
        let params = SampleParams {
            logits: logits.address(),
            work: self.work.address(),
            slots: self.slots.address(),
            rows,
            tokens: self.tokens.address(),
            last_tokens: self.last_tokens.address(),
            logprobs: self.logprobs.address(),
            top: self.top.address(),
            vocab_size: self.vocab_size as u32,
            stride: logits_stride(self.vocab_size) as u32,
            max_top: MAX_TOP_LOGPROBS as u32,
            reserved: 0,
        };
        stream.launch(&kernels.sample, [num_rows, 1, 1], ROW_THREADS, &params)
    }

    /// Asks for the results of the rows that were launched last. At most [`MAX_PENDING`] steps may
    /// be asked for and not taken.
    pub(crate) fn fetch(&mut self, stream: &Stream, rows: &[SampleRow]) -> Result<(), HipFailure> {
        assert!(self.num_pending < MAX_PENDING, "as many steps are under way as there is room for");
        let results = &mut self.results[(self.oldest + self.num_pending) % MAX_PENDING];
        results.wanted.clear();
        let wanted = |row: &SampleRow| self.slots.infos[row.slot.0 as usize].num_logprobs;
        results.wanted.extend(rows.iter().map(wanted));
        let num_rows = rows.len();
        stream.download(&mut results.tokens, &self.tokens, 0, num_rows * 4)?;
        if let Some(last) = results.wanted.iter().rposition(|wanted| *wanted > 0) {
            let num_rows = last + 1;
            stream.download(&mut results.logprobs, &self.logprobs, 0, num_rows * 8)?;
            let bytes = num_rows * MAX_TOP_LOGPROBS * 8;
            stream.download(&mut results.top, &self.top, 0, bytes)?;
        }
        self.num_pending += 1;
        Ok(())
    }

    /// Appends the tokens of the oldest step that was asked for, in row order. The caller has waited
    /// for it.
    pub(crate) fn take(&mut self, out: &mut Vec<Sampled>) {
        assert!(self.num_pending > 0, "a step is taken after it was asked for");
        let results = &self.results[self.oldest];
        out.extend((0..results.wanted.len()).map(|row| results.sampled(row, self.vocab_size)));
        self.oldest = (self.oldest + 1) % MAX_PENDING;
        self.num_pending -= 1;
    }

    /// Forgets all results that were asked for: their steps failed, and the stream was waited for
    /// or is lost.
    pub(crate) fn forget(&mut self) {
        self.num_pending = 0;
    }
}
