//! A step's metadata: what launches need of it on the host, and its arrays on the GPU.
//!
//! Arrays of a step whose operations are launched one by one go through a pinned block, one copy a
//! step. There are as many blocks as steps under way; the caller names one that no step uses.

use backend::StepLimits;
use types::{SampleRow, StepInput};

use crate::error::HipFailure;
use crate::flights::MAX_IN_FLIGHT;
use crate::runtime::{DeviceMemory, Gpu, Pinned, Stream};

/// Arrays start at multiples of this.
const ALIGN_WORDS: usize = 16;

/// Device addresses of the current step's arrays; see `StepInput` for what they hold.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct StepAddresses {
    pub(crate) token_ids: u64,
    pub(crate) positions: u64,
    pub(crate) slots: u64,
    pub(crate) query_start_loc: u64,
    pub(crate) seq_lens: u64,
    pub(crate) block_table_start: u64,
    pub(crate) block_tables: u64,
    pub(crate) logits_indices: u64,
    /// `{u32 slot, u32 num_output}` by row of logits.
    pub(crate) sample: u64,
}

struct Block {
    staging: Pinned,
    memory: DeviceMemory,
}

/// The current step as launches need it.
pub(crate) struct StepState {
    blocks: [Block; MAX_IN_FLIGHT],
    pub(crate) at: StepAddresses,
    /// `{u32 token_idx, u32 slot}` by deferred token.
    pub(crate) deferred_at: u64,
    pub(crate) num_deferred: usize,
    pub(crate) num_tokens: usize,
    pub(crate) num_seqs: usize,
    pub(crate) num_logits: usize,
    /// Longest sequence among those with one new token, 0 if there is none.
    pub(crate) longest_decode: usize,
    /// Most new tokens of a sequence that has two or more, 0 if there is none.
    pub(crate) longest_prefill: usize,
    pub(crate) max_token: u32,
    pub(crate) max_position: u32,
    pub(crate) max_block: u32,
    pub(crate) sample: Vec<SampleRow>,
}

/// Words of all arrays of the largest step, with padding.
fn capacity_words(limits: &StepLimits) -> usize {
    let (tokens, seqs) = (limits.max_num_batched_tokens, limits.max_num_seqs);
    let blocks = seqs * limits.max_model_len.div_ceil(limits.block_size);
    3 * tokens + 8 * seqs + 2 + blocks + 10 * ALIGN_WORDS
}

impl StepState {
    pub(crate) fn bytes(limits: &StepLimits) -> usize {
        MAX_IN_FLIGHT * capacity_words(limits) * size_of::<u32>()
    }

    /// Bytes of pinned host memory.
    pub(crate) fn pinned_bytes(limits: &StepLimits) -> usize {
        Self::bytes(limits)
    }

    pub(crate) fn new(gpu: &Gpu, limits: &StepLimits) -> Result<Self, HipFailure> {
        let bytes = capacity_words(limits) * size_of::<u32>();
        let block = || -> Result<_, HipFailure> {
            Ok(Block { staging: gpu.alloc_pinned(bytes)?, memory: gpu.alloc(bytes)? })
        };
        Ok(Self {
            blocks: [block()?, block()?],
            at: StepAddresses::default(),
            deferred_at: 0,
            num_deferred: 0,
            num_tokens: 0,
            num_seqs: 0,
            num_logits: 0,
            longest_decode: 0,
            longest_prefill: 0,
            max_token: 0,
            max_position: 0,
            max_block: 0,
            sample: Vec::with_capacity(limits.max_num_seqs),
        })
    }

    /// Takes over what the host needs to know of a step.
    pub(crate) fn set(&mut self, input: &StepInput, block_size: usize) {
        self.num_deferred = input.deferred.len();
        self.num_tokens = input.num_tokens();
        self.num_seqs = input.num_seqs();
        self.num_logits = input.logits_indices.len();
        (self.longest_decode, self.longest_prefill) = (0, 0);
        for (bounds, len) in input.query_start_loc.windows(2).zip(&input.seq_lens) {
            match bounds[1] - bounds[0] {
                0 => {}
                1 => self.longest_decode = self.longest_decode.max(*len as usize),
                new => self.longest_prefill = self.longest_prefill.max(new as usize),
            }
        }
        let most = |values: &[u32]| values.iter().copied().max().unwrap_or(0);
        self.max_token = most(&input.token_ids);
        self.max_position = most(&input.positions);
        self.max_block =
            most(&input.block_tables).max(most(&input.slot_mapping) / block_size as u32);
        self.sample.clear();
        self.sample.extend_from_slice(&input.sample);
    }

    /// Makes launches see a step of `num_rows` tokens, one for each sequence, each sampled from, at
    /// fixed addresses; no sequence is longer than `longest`.
    pub(crate) fn set_fixed(&mut self, num_rows: usize, longest: usize, at: StepAddresses) {
        (self.num_tokens, self.num_seqs, self.num_logits) = (num_rows, num_rows, num_rows);
        (self.longest_decode, self.longest_prefill) = (longest, 0);
        self.at = at;
    }

    /// Copies the arrays to block `place`, which no step under way uses.
    pub(crate) fn upload(
        &mut self,
        stream: &Stream,
        input: &StepInput,
        place: usize,
    ) -> Result<(), HipFailure> {
        let Block { staging, memory } = &mut self.blocks[place];
        let words = staging.bytes() / size_of::<u32>();
        let mut writer =
            Writer { words: staging.as_mut_slice(words), base: memory.address(), used: 0 };
        self.at = StepAddresses {
            token_ids: writer.put(&input.token_ids),
            positions: writer.put(&input.positions),
            slots: writer.put(&input.slot_mapping),
            query_start_loc: writer.put(&input.query_start_loc),
            seq_lens: writer.put(&input.seq_lens),
            block_table_start: writer.put(&input.block_table_start),
            block_tables: writer.put(&input.block_tables),
            logits_indices: writer.put(&input.logits_indices),
            sample: writer.put_pairs(input.sample.iter().map(|row| [row.slot.0, row.num_output])),
        };
        let deferred = input.deferred.iter();
        self.deferred_at =
            writer.put_pairs(deferred.map(|deferred| [deferred.token_idx, deferred.slot.0]));
        let used = writer.used * size_of::<u32>();
        stream.upload(memory, 0, staging, used)
    }
}

struct Writer<'a> {
    words: &'a mut [u32],
    base: u64,
    used: usize,
}

impl Writer<'_> {
    /// Appends an array; answers where it will be on the device.
    fn put(&mut self, values: &[u32]) -> u64 {
        let (at, words) = self.take(values.len());
        words.copy_from_slice(values);
        at
    }

    /// Appends an array of pairs.
    fn put_pairs(&mut self, pairs: impl ExactSizeIterator<Item = [u32; 2]>) -> u64 {
        let (at, words) = self.take(2 * pairs.len());
        words.chunks_exact_mut(2).zip(pairs).for_each(|(to, pair)| to.copy_from_slice(&pair));
        at
    }

    fn take(&mut self, len: usize) -> (u64, &mut [u32]) {
        let start = self.used.next_multiple_of(ALIGN_WORDS);
        self.used = start + len;
        let at = self.base + (start * size_of::<u32>()) as u64;
        (at, &mut self.words[start..self.used])
    }
}
