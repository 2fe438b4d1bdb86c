//! One step's input to the executor, as flat arrays that are reused from step to step.

use std::sync::Arc;

use crate::{SamplerSlot, SamplingParams, TokenId};

/// The batch of one step. All vectors keep their capacity between steps.
///
/// With `T` new tokens over `S` sequences, `L` of which sample a token:
#[derive(Clone, Debug, Default)]
pub struct StepInput {
    /// `[T]` new tokens, sequence after sequence; 0 where `deferred` says that the host does not
    /// know the token yet.
    pub token_ids: Vec<TokenId>,
    /// `[T]` position of each token in its sequence, from 0.
    pub positions: Vec<u32>,
    /// `[T]` global KV slot each token is written to: `block * block_size + offset`.
    pub slot_mapping: Vec<u32>,
    /// `[S + 1]` start of each sequence's tokens in `token_ids`; the last entry is `T`.
    pub query_start_loc: Vec<u32>,
    /// `[S]` tokens in the KV cache after this step (context plus new ones).
    pub seq_lens: Vec<u32>,
    /// Block ids of all sequences, one table after the other.
    pub block_tables: Vec<u32>,
    /// `[S + 1]` start of each sequence's table in `block_tables`.
    pub block_table_start: Vec<u32>,
    /// `[L]` indices into `token_ids` whose hidden state becomes logits.
    pub logits_indices: Vec<u32>,
    /// `[L]` who samples from each logits row.
    pub sample: Vec<SampleRow>,
    /// Sequences whose sampling state is set up (again) before this step.
    pub admitted: Vec<AdmittedSeq>,
    /// Entries of `token_ids` that the device fills in, in order of `token_idx`. Empty unless a
    /// step is launched while the one before it is uncollected.
    pub deferred: Vec<DeferredToken>,
}

impl StepInput {
    /// An empty step with room for `max_num_tokens` tokens of `max_num_seqs` sequences whose block
    /// tables have `max_num_blocks` entries together.
    pub fn with_capacity(
        max_num_tokens: usize,
        max_num_seqs: usize,
        max_num_blocks: usize,
    ) -> Self {
        Self {
            token_ids: Vec::with_capacity(max_num_tokens),
            positions: Vec::with_capacity(max_num_tokens),
            slot_mapping: Vec::with_capacity(max_num_tokens),
            query_start_loc: Vec::with_capacity(max_num_seqs + 1),
            seq_lens: Vec::with_capacity(max_num_seqs),
            block_tables: Vec::with_capacity(max_num_blocks),
            block_table_start: Vec::with_capacity(max_num_seqs + 1),
            logits_indices: Vec::with_capacity(max_num_seqs),
            sample: Vec::with_capacity(max_num_seqs),
            admitted: Vec::with_capacity(max_num_seqs),
            deferred: Vec::with_capacity(max_num_seqs),
        }
    }

    /// Empties every array and keeps its memory.
    pub fn clear(&mut self) {
        self.token_ids.clear();
        self.positions.clear();
        self.slot_mapping.clear();
        self.query_start_loc.clear();
        self.seq_lens.clear();
        self.block_tables.clear();
        self.block_table_start.clear();
        self.logits_indices.clear();
        self.sample.clear();
        self.admitted.clear();
        self.deferred.clear();
    }

    /// Number of new tokens, `T`.
    pub fn num_tokens(&self) -> usize {
        self.token_ids.len()
    }

    /// Number of sequences, `S`.
    pub fn num_seqs(&self) -> usize {
        self.seq_lens.len()
    }
}

/// One logits row's sampler.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SampleRow {
    /// The sequence's sampling state.
    pub slot: SamplerSlot,
    /// Output tokens generated so far: the counter of the random generator.
    pub num_output: u32,
}

/// A token that is computed before the host knows it: the one that the step launched just before
/// sampled for a sequence.
///
/// A device that takes such steps keeps the last sampled token of every sampler slot. It reads the
/// token after the step before has sampled and before this step samples, in the order of launches.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DeferredToken {
    /// Index into `token_ids`, which holds 0 there.
    pub token_idx: u32,
    /// Whose last sampled token it is. Never one of this step's `admitted` slots.
    pub slot: SamplerSlot,
}

/// A sequence that (re)enters the running set; its sampling state is built from this.
#[derive(Clone, Debug)]
pub struct AdmittedSeq {
    /// Where the state lives until the sequence leaves the running set.
    pub slot: SamplerSlot,
    /// How it samples.
    pub params: Arc<SamplingParams>,
    /// Prompt and output so far (output is non-empty after a preemption). Left empty when
    /// `params` has no penalties, which are the only reader.
    pub tokens: Vec<TokenId>,
    /// How many of `tokens` are prompt.
    pub num_prompt: u32,
}
