//! What goes out of the scheduler in a step: the plan before, the updates after.

use types::{FinishReason, RequestId, Sampled, SamplerSlot};

use crate::slab::SeqKey;

/// What the next step computes. Reused from step to step; [`crate::Scheduler::plan`] fills it.
#[derive(Clone, Debug, Default)]
pub struct StepPlan {
    /// The batch, in the order of the step's flat arrays. Each sequence at most once.
    pub seqs: Vec<PlannedSeq>,
    /// Sequences that enter the running set with this step; all of them are in `seqs`.
    pub admitted: Vec<Admission>,
    /// Sequences that lost their blocks and went back to waiting; none of them is in `seqs`.
    pub preempted: Vec<RequestId>,
    /// New tokens of the step, the sum of all `len`.
    pub num_tokens: usize,
    /// Counts non-empty plans: they are settled in the order in which they were made.
    pub(crate) number: u64,
}

impl StepPlan {
    /// An empty plan with room for the largest one.
    pub fn with_capacity(max_num_seqs: usize) -> Self {
        Self {
            seqs: Vec::with_capacity(max_num_seqs),
            admitted: Vec::with_capacity(max_num_seqs),
            preempted: Vec::with_capacity(max_num_seqs),
            num_tokens: 0,
            number: 0,
        }
    }

    /// True when there is nothing to compute.
    pub fn is_empty(&self) -> bool {
        self.seqs.is_empty()
    }

    /// Number of sequences that sample a token, which is the number of logits rows.
    pub fn num_samples(&self) -> usize {
        self.seqs.iter().filter(|seq| seq.samples).count()
    }

    pub(crate) fn clear(&mut self) {
        self.seqs.clear();
        self.admitted.clear();
        self.preempted.clear();
        self.num_tokens = 0;
    }
}

/// One sequence's part of a step: its tokens `start .. start + len`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PlannedSeq {
    /// The sequence.
    pub id: RequestId,
    /// Position of the first token to compute.
    pub start: u32,
    /// Number of tokens to compute, at least 1.
    pub len: u32,
    /// True when the step reaches the sequence's last token and samples the next one.
    pub samples: bool,
    pub(crate) key: SeqKey,
}

/// A sequence that moved from waiting to running.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Admission {
    /// The sequence.
    pub id: RequestId,
    /// Its sampling state until it leaves the running set.
    pub slot: SamplerSlot,
    /// Tokens whose KV came from the prefix cache.
    pub num_cached_tokens: u32,
    /// True when it ran before and was preempted.
    pub resumed: bool,
    pub(crate) key: SeqKey,
}

/// What a step (or its failure) did to one sequence: at most one token, then at most one end.
#[derive(Clone, Debug, PartialEq)]
pub struct SeqUpdate {
    /// The sequence.
    pub id: RequestId,
    /// The sampled token, if any.
    pub token: Option<Sampled>,
    /// Set when the sequence has ended; `token` still belongs to it.
    pub finish: Option<FinishReason>,
}

/// Counters and levels for metrics.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct SchedulerStats {
    /// Sequences that hold blocks.
    pub num_running: usize,
    /// Sequences that wait for admission, preempted ones included.
    pub num_waiting: usize,
    /// Blocks without content.
    pub num_free_blocks: usize,
    /// Blocks that only the prefix cache holds; given away when free ones run out.
    pub num_cached_blocks: usize,
    /// Blocks of running sequences.
    pub num_live_blocks: usize,
    /// All blocks: the sum of the three above.
    pub num_blocks: usize,
    /// Tokens looked up in the prefix cache at first admissions, since the start.
    pub prefix_query_tokens: u64,
    /// Tokens found there at first admissions, since the start.
    pub prefix_hit_tokens: u64,
    /// Preemptions since the start.
    pub num_preemptions: u64,
    /// Tokens computed once more because of preemptions, since the start (the recompute tax).
    pub recomputed_tokens: u64,
}
