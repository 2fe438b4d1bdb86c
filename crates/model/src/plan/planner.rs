//! From what was asked for and what there is to a plan, if one fits.

use backend::{DType, Device, KvLayout, StepLimits};
use engine::ExecutorLimits;

use super::{
    DEFAULT_KV_CACHE_BYTES, KV_TOKENS_END, MIN_AUTO_MODEL_LEN, MemoryPlan, PlanRequest,
    SERVER_RESERVE_BYTES,
};
use crate::ModelSpec;
use crate::decoder::buffer_shapes;
use crate::memory::{HostMemory, MemoryLimitSource};

/// What was asked for and what there is.
#[derive(Clone)]
pub(super) struct Wish {
    pub(super) request: PlanRequest,
    pub(super) host: HostMemory,
}

impl Wish {
    /// What the plan may spend.
    pub(super) fn budget_bytes(&self) -> u64 {
        let share = (self.host.limit_bytes as f64 * self.request.memory_utilization) as u64;
        share.min(self.host.available_bytes).saturating_sub(SERVER_RESERVE_BYTES)
    }
}

pub(super) struct Planner<'a, D> {
    pub(super) spec: &'a ModelSpec,
    pub(super) device: &'a D,
    pub(super) weights_bytes: u64,
    pub(super) expanded: Vec<(DType, DType)>,
}

impl<D: Device> Planner<'_, D> {
    /// The plan for a wish; `None` if it does not fit. A context left open becomes the longest
    /// that fits.
    pub(super) fn fitting(&self, wish: &Wish) -> Option<MemoryPlan> {
        match wish.request.max_model_len {
            Some(context) => self.fitting_context(wish, context),
            None => self.longest_context(wish, self.spec.max_position),
        }
    }

    /// The plan with the longest context up to `most`, and at least [`MIN_AUTO_MODEL_LEN`] unless
    /// `most` is less. Shortened contexts are whole blocks.
    pub(super) fn longest_context(&self, wish: &Wish, most: usize) -> Option<MemoryPlan> {
        if let Some(plan) = self.fitting_context(wish, most) {
            return Some(plan);
        }
        // What a context takes grows with it, so the longest that fits is found by halving.
        let block_size = wish.request.block_size;
        let mut fits = MIN_AUTO_MODEL_LEN.div_ceil(block_size);
        let mut too_long = most.div_ceil(block_size);
        if fits >= too_long {
            return None;
        }
        let mut best = self.fitting_context(wish, fits * block_size)?;
        while too_long - fits > 1 {
            let middle = fits + (too_long - fits) / 2;
            match self.fitting_context(wish, middle * block_size) {
                Some(plan) => (best, fits) = (plan, middle),
                None => too_long = middle,
            }
        }
        Some(best)
    }

    fn fitting_context(&self, wish: &Wish, context: usize) -> Option<MemoryPlan> {
        let plan = self.with_context(wish, context);
        let needed_blocks = context.div_ceil(plan.limits.block_size);
        let fits =
            plan.total_bytes() <= plan.budget_bytes && plan.limits.num_blocks >= needed_blocks;
        fits.then_some(plan)
    }

    /// The plan for this context length, whether it fits or not. A KV cache of open size gets what
    /// is left over; one of given size is taken at its word.
    pub(super) fn with_context(&self, wish: &Wish, max_model_len: usize) -> MemoryPlan {
        let request = &wish.request;
        let mut limits = ExecutorLimits {
            max_num_seqs: request.max_num_seqs,
            max_num_batched_tokens: request.max_num_batched_tokens,
            max_model_len,
            block_size: request.block_size,
            num_blocks: 0,
            vocab_size: self.spec.vocab_size,
            max_in_flight: 1,
        };
        let buffers = buffer_shapes(self.spec, limits.max_num_batched_tokens, limits.max_num_seqs);
        let buffers_bytes = buffers
            .iter()
            .map(|(kind, rows, cols)| self.device.buffer_bytes(*kind, *rows, *cols) as u64)
            .sum();
        let rope_bytes = max_model_len * 2 * (self.spec.rope.rotary_dim / 2) * size_of::<f32>();
        let step_limits = step_limits(self.spec, &limits);
        let workspace = self.device.workspace_bytes(&step_limits);
        let workspace_bytes = (workspace + rope_bytes) as u64;
        let budget_bytes = wish.budget_bytes();
        let fixed_bytes = self.weights_bytes + buffers_bytes + workspace_bytes;
        let free_bytes = budget_bytes.saturating_sub(fixed_bytes);
        limits.num_blocks = self.num_blocks(wish, free_bytes, max_model_len);
        let kv_layout = self.kv_layout(request, limits.num_blocks);
        MemoryPlan {
            host: wish.host.clone(),
            budget_bytes,
            weights_bytes: self.weights_bytes,
            expanded: self.expanded.clone(),
            buffers_bytes,
            workspace_bytes,
            pinned_bytes: self.device.pinned_bytes(&step_limits) as u64,
            model_context: self.spec.max_position,
            kv_cache_bytes: self.device.kv_cache_bytes(&kv_layout) as u64,
            kv_layout,
            limits,
        }
    }

    fn num_blocks(&self, wish: &Wish, free_bytes: u64, max_model_len: usize) -> usize {
        let request = &wish.request;
        if let Some(num_blocks) = request.num_blocks {
            return num_blocks;
        }
        if let Some(bytes) = request.kv_cache_bytes {
            return self.blocks_within(request, bytes);
        }
        let per_seq = max_model_len.div_ceil(request.block_size);
        let useful = per_seq * request.max_num_seqs;
        let most = match wish.host.source {
            MemoryLimitSource::Device => useful,
            MemoryLimitSource::Machine | MemoryLimitSource::Cgroup => {
                self.blocks_within(request, DEFAULT_KV_CACHE_BYTES).max(per_seq)
            }
        };
        useful.min(most).min(self.blocks_within(request, free_bytes))
    }

    /// Blocks of the largest KV cache that takes at most `bytes`.
    pub(super) fn blocks_within(&self, request: &PlanRequest, bytes: u64) -> usize {
        let block_bytes = self.kv_layout(request, 0).block_bytes() as u64;
        let most = (KV_TOKENS_END - 1) / request.block_size;
        let mut num_blocks = usize::try_from(bytes / block_bytes).map_or(most, |n| n.min(most));
        // Alignment may make the allocation larger than its blocks.
        while num_blocks > 0 && self.kv_bytes(request, num_blocks) > bytes {
            num_blocks -= 1;
        }
        num_blocks
    }

    /// What a KV cache of so many blocks takes.
    pub(super) fn kv_bytes(&self, request: &PlanRequest, num_blocks: usize) -> u64 {
        self.device.kv_cache_bytes(&self.kv_layout(request, num_blocks)) as u64
    }

    fn kv_layout(&self, request: &PlanRequest, num_blocks: usize) -> KvLayout {
        KvLayout {
            num_layers: self.spec.num_layers,
            num_blocks,
            block_size: request.block_size,
            num_kv_heads: self.spec.num_kv_heads,
            head_dim: self.spec.head_dim,
            dtype: request.kv_dtype,
        }
    }
}

pub(super) fn step_limits(spec: &ModelSpec, limits: &ExecutorLimits) -> StepLimits {
    StepLimits {
        max_num_seqs: limits.max_num_seqs,
        max_num_batched_tokens: limits.max_num_batched_tokens,
        max_model_len: limits.max_model_len,
        vocab_size: limits.vocab_size,
        max_linear_cols: spec
            .hidden_size
            .max(spec.intermediate_size)
            .max(spec.num_heads * spec.head_dim),
        num_heads: spec.num_heads,
        num_kv_heads: spec.num_kv_heads,
        head_dim: spec.head_dim,
        block_size: limits.block_size,
    }
}
