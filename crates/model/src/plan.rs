//! The memory plan: every byte that serving will take, added up before anything is allocated.
//!
//! The device says what each allocation really takes; the host says what there is. A plan that
//! does not fit is refused with the numbers and with flags that would make it fit.

use std::fmt;

use backend::{Device, KvDType, KvLayout, StepLimits};
use engine::ExecutorLimits;
use thiserror::Error;

use crate::decoder::buffer_shapes;
use crate::memory::HostMemory;
use crate::weights::{ByteCounter, WeightError, Weights};
use crate::{ModelFiles, ModelSpec};

/// Kept free for everything that is not the model: HTTP buffers, tokenizer, request texts, code.
pub const SERVER_RESERVE_BYTES: u64 = 256 << 20;

/// The KV cache takes no more than this unless the operator asks for more.
pub const DEFAULT_KV_CACHE_BYTES: u64 = 4 << 30;

/// What the operator asked for.
#[derive(Clone, Debug)]
pub struct PlanRequest {
    /// Tokens per KV block.
    pub block_size: usize,
    /// Element type of the KV cache.
    pub kv_dtype: KvDType,
    /// Tokens per sequence; `None` takes what the model and the memory allow.
    pub max_model_len: Option<usize>,
    /// Sequences per step.
    pub max_num_seqs: usize,
    /// New tokens per step.
    pub max_num_batched_tokens: usize,
    /// Size of the KV cache; `None` chooses one.
    pub kv_cache_bytes: Option<u64>,
    /// Number of KV blocks; overrides `kv_cache_bytes`.
    pub num_blocks: Option<usize>,
    /// Share of the memory limit that the whole process may take, in `(0, 1]`.
    pub memory_utilization: f64,
}

/// What serving will take, in bytes.
#[derive(Clone, Debug)]
pub struct MemoryPlan {
    /// Memory that there is and may be used.
    pub host: HostMemory,
    /// The part of it that the plan may spend.
    pub budget_bytes: u64,
    /// Weights in the device's layout.
    pub weights_bytes: u64,
    /// Activations and logits.
    pub buffers_bytes: u64,
    /// The device's scratch and the rotation table.
    pub workspace_bytes: u64,
    /// The KV cache.
    pub kv_cache_bytes: u64,
    /// Shape of the KV cache.
    pub kv_layout: KvLayout,
    /// What the engine may plan with.
    pub limits: ExecutorLimits,
}

/// Why no plan fits.
#[derive(Debug, Error)]
pub enum PlanError {
    /// The weights' shapes could not be read.
    #[error(transparent)]
    Weight(#[from] WeightError),
    /// Too little memory; the text has the numbers and the remedy.
    #[error("the model does not fit in memory\n{0}")]
    DoesNotFit(Box<Shortage>),
    /// The model's context is shorter than asked for.
    #[error(
        "--max-model-len {asked} is more than the model's context of {context} tokens; \
         use {context} or less"
    )]
    ContextTooLong {
        /// The flag's value.
        asked: usize,
        /// The model's limit.
        context: usize,
    },
}

/// The numbers of a plan that does not fit.
#[derive(Debug)]
pub struct Shortage {
    weights_bytes: u64,
    buffers_bytes: u64,
    workspace_bytes: u64,
    kv_needed_bytes: u64,
    kv_tokens: usize,
    kv_limit_bytes: u64,
    budget_bytes: u64,
    host: HostMemory,
    memory_utilization: f64,
    remedies: Vec<String>,
}

impl fmt::Display for Shortage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let fixed = self.weights_bytes + self.buffers_bytes + self.workspace_bytes;
        writeln!(f, "  weights          {}", Bytes(self.weights_bytes))?;
        writeln!(f, "  activations      {}", Bytes(self.buffers_bytes))?;
        writeln!(f, "  workspace        {}", Bytes(self.workspace_bytes))?;
        writeln!(
            f,
            "  KV cache         {} for one sequence of {} tokens (at most {} is free for it)",
            Bytes(self.kv_needed_bytes),
            self.kv_tokens,
            Bytes(self.kv_limit_bytes)
        )?;
        writeln!(f, "  needed           {}", Bytes(fixed + self.kv_needed_bytes))?;
        writeln!(
            f,
            "  budget           {} (memory utilization {} of {}, less {} for the server)",
            Bytes(self.budget_bytes),
            self.memory_utilization,
            self.host,
            Bytes(SERVER_RESERVE_BYTES)
        )?;
        write!(f, "Any of these would make it fit:")?;
        self.remedies.iter().try_for_each(|remedy| write!(f, "\n  {remedy}"))
    }
}

impl MemoryPlan {
    /// Plans serving `files` on `device` within `host`'s memory.
    pub fn new<D: Device>(
        files: &ModelFiles,
        device: &D,
        request: &PlanRequest,
        host: HostMemory,
    ) -> Result<Self, PlanError> {
        let spec = &files.spec;
        let mut counter = ByteCounter { files, device, total_bytes: 0 };
        Weights::build(spec, &mut counter)?;
        let weights_bytes = counter.total_bytes as u64;
        let asked = request.max_model_len.unwrap_or(spec.max_position);
        if asked > spec.max_position {
            return Err(PlanError::ContextTooLong { asked, context: spec.max_position });
        }
        let planner = Planner { spec, device, request, weights_bytes, host };
        let plan = planner.with_context(asked);
        match request.max_model_len {
            // The context that is left over decides; its smaller workspace only leaves more room.
            None if plan.limits.num_blocks > 0 => {
                let tokens = plan.limits.num_blocks * request.block_size;
                let plan = planner.with_context(asked.min(tokens));
                planner.check(plan)
            }
            _ => planner.check(plan),
        }
    }

    /// All of it.
    pub fn total_bytes(&self) -> u64 {
        self.weights_bytes + self.buffers_bytes + self.workspace_bytes + self.kv_cache_bytes
    }

    /// Tokens that the KV cache holds.
    pub fn kv_tokens(&self) -> usize {
        self.limits.num_blocks * self.limits.block_size
    }

    /// The largest step, as devices want to know it.
    pub fn step_limits(&self, spec: &ModelSpec) -> StepLimits {
        step_limits(spec, &self.limits)
    }
}

impl fmt::Display for MemoryPlan {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "weights          {}", Bytes(self.weights_bytes))?;
        writeln!(f, "activations      {}", Bytes(self.buffers_bytes))?;
        writeln!(f, "workspace        {}", Bytes(self.workspace_bytes))?;
        writeln!(
            f,
            "KV cache         {} ({} blocks of {} tokens, {} per block)",
            Bytes(self.kv_cache_bytes),
            self.limits.num_blocks,
            self.limits.block_size,
            Bytes(self.kv_layout.block_bytes() as u64)
        )?;
        writeln!(f, "total            {}", Bytes(self.total_bytes()))?;
        writeln!(f, "budget           {} of {}", Bytes(self.budget_bytes), self.host)?;
        writeln!(f, "max model len    {} tokens", self.limits.max_model_len)?;
        write!(
            f,
            "full sequences   {:.1} at once",
            self.kv_tokens() as f64 / self.limits.max_model_len as f64
        )
    }
}

struct Planner<'a, D> {
    spec: &'a ModelSpec,
    device: &'a D,
    request: &'a PlanRequest,
    weights_bytes: u64,
    host: HostMemory,
}

impl<D: Device> Planner<'_, D> {
    /// The plan for this context length, with as many blocks as fit (possibly too few).
    fn with_context(&self, max_model_len: usize) -> MemoryPlan {
        let request = self.request;
        let mut limits = ExecutorLimits {
            max_num_seqs: request.max_num_seqs,
            max_num_batched_tokens: request.max_num_batched_tokens,
            max_model_len,
            block_size: request.block_size,
            num_blocks: 0,
            vocab_size: self.spec.vocab_size,
        };
        let buffers = buffer_shapes(self.spec, limits.max_num_batched_tokens, limits.max_num_seqs);
        let buffers_bytes = buffers
            .iter()
            .map(|(kind, rows, cols)| self.device.buffer_bytes(*kind, *rows, *cols) as u64)
            .sum();
        let rope_bytes = max_model_len * self.spec.rope.rotary_dim * size_of::<f32>();
        let workspace = self.device.workspace_bytes(&step_limits(self.spec, &limits));
        let workspace_bytes = (workspace + rope_bytes) as u64;
        let budget_bytes = self.budget_bytes();
        let fixed = self.weights_bytes + buffers_bytes + workspace_bytes;
        let mut kv_layout = self.kv_layout();
        limits.num_blocks =
            self.num_blocks(&kv_layout, budget_bytes.saturating_sub(fixed), &limits);
        kv_layout.num_blocks = limits.num_blocks;
        MemoryPlan {
            host: self.host.clone(),
            budget_bytes,
            weights_bytes: self.weights_bytes,
            buffers_bytes,
            workspace_bytes,
            kv_cache_bytes: self.device.kv_cache_bytes(&kv_layout) as u64,
            kv_layout,
            limits,
        }
    }

    fn budget_bytes(&self) -> u64 {
        let share = (self.host.limit_bytes as f64 * self.request.memory_utilization) as u64;
        share.min(self.host.available_bytes).saturating_sub(SERVER_RESERVE_BYTES)
    }

    fn kv_layout(&self) -> KvLayout {
        KvLayout {
            num_layers: self.spec.num_layers,
            num_blocks: 0,
            block_size: self.request.block_size,
            num_kv_heads: self.spec.num_kv_heads,
            head_dim: self.spec.head_dim,
            dtype: self.request.kv_dtype,
        }
    }

    fn num_blocks(&self, layout: &KvLayout, free_bytes: u64, limits: &ExecutorLimits) -> usize {
        let block_bytes = layout.block_bytes() as u64;
        let wanted = match (self.request.num_blocks, self.request.kv_cache_bytes) {
            (Some(num_blocks), _) => num_blocks as u64,
            (None, Some(bytes)) => bytes / block_bytes,
            (None, None) => {
                let per_seq = limits.max_model_len.div_ceil(limits.block_size) as u64;
                let useful = per_seq * limits.max_num_seqs as u64;
                useful.min((DEFAULT_KV_CACHE_BYTES / block_bytes).max(per_seq))
            }
        };
        let explicit = self.request.num_blocks.is_some() || self.request.kv_cache_bytes.is_some();
        match explicit {
            // An explicit size is taken at its word or refused, never cut silently.
            true if wanted * block_bytes > free_bytes => 0,
            true => wanted as usize,
            false => wanted.min(free_bytes / block_bytes) as usize,
        }
    }

    /// The plan if at least one sequence of full length fits.
    fn check(&self, plan: MemoryPlan) -> Result<MemoryPlan, PlanError> {
        let needed_blocks = plan.limits.max_model_len.div_ceil(plan.limits.block_size);
        let fits = plan.total_bytes() <= plan.budget_bytes;
        if fits && plan.limits.num_blocks >= needed_blocks {
            return Ok(plan);
        }
        let fixed = plan.weights_bytes + plan.buffers_bytes + plan.workspace_bytes;
        let free = plan.budget_bytes.saturating_sub(fixed);
        let asked_bytes = self
            .request
            .num_blocks
            .map(|n| (n * plan.kv_layout.block_bytes()) as u64)
            .or(self.request.kv_cache_bytes);
        let kv_limit_bytes = asked_bytes.map_or(free, |asked| asked.min(free));
        Err(PlanError::DoesNotFit(Box::new(Shortage {
            weights_bytes: plan.weights_bytes,
            buffers_bytes: plan.buffers_bytes,
            workspace_bytes: plan.workspace_bytes,
            kv_needed_bytes: (needed_blocks * plan.kv_layout.block_bytes()) as u64,
            kv_tokens: plan.limits.max_model_len,
            kv_limit_bytes,
            budget_bytes: plan.budget_bytes,
            host: plan.host.clone(),
            memory_utilization: self.request.memory_utilization,
            remedies: self.remedies(&plan, fixed, asked_bytes),
        })))
    }

    fn remedies(&self, plan: &MemoryPlan, fixed: u64, asked: Option<u64>) -> Vec<String> {
        let block_bytes = plan.kv_layout.block_bytes() as u64;
        let free = plan.budget_bytes.saturating_sub(fixed);
        let needed_blocks = plan.limits.max_model_len.div_ceil(plan.limits.block_size) as u64;
        let mut remedies = Vec::new();
        let fitting_blocks = asked.map_or(free, |asked| asked.min(free)) / block_bytes;
        if fitting_blocks > 0 {
            let tokens = fitting_blocks * plan.limits.block_size as u64;
            remedies
                .push(format!("--max-model-len {}", tokens.min(plan.limits.max_model_len as u64)));
        }
        if asked.is_some_and(|asked| asked / block_bytes < needed_blocks)
            && needed_blocks * block_bytes <= free
        {
            remedies.push(format!("--kv-cache-memory {}", needed_blocks * block_bytes));
        }
        if asked.is_some_and(|asked| asked > free) && needed_blocks * block_bytes <= free {
            remedies.push(format!("--kv-cache-memory {free}"));
        }
        if self.request.kv_dtype == KvDType::F32 {
            remedies.push("--kv-cache-dtype bf16 (halves the KV cache)".to_string());
        }
        if plan.buffers_bytes > block_bytes && self.request.max_num_batched_tokens > 256 {
            remedies.push("--max-num-batched-tokens 256 (smaller activations)".to_string());
        }
        let needed = fixed + needed_blocks * block_bytes + SERVER_RESERVE_BYTES;
        if self.request.memory_utilization < 1.0 && needed <= self.host.available_bytes {
            let share = needed as f64 / self.host.limit_bytes as f64;
            remedies.push(format!("--memory-utilization {:.2}", (share * 100.0).ceil() / 100.0));
        }
        remedies.push(format!("a machine or memory limit with {} free", Bytes(needed)));
        remedies
    }
}

fn step_limits(spec: &ModelSpec, limits: &ExecutorLimits) -> StepLimits {
    StepLimits {
        max_num_seqs: limits.max_num_seqs,
        max_num_batched_tokens: limits.max_num_batched_tokens,
        max_model_len: limits.max_model_len,
        vocab_size: spec.vocab_size,
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

/// A size for people: `1.50 GiB`.
#[derive(Clone, Copy, Debug)]
pub struct Bytes(pub u64);

impl fmt::Display for Bytes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        const UNITS: [&str; 4] = ["KiB", "MiB", "GiB", "TiB"];
        let mut value = self.0 as f64 / 1024.0;
        let mut unit = 0;
        while value >= 1024.0 && unit + 1 < UNITS.len() {
            value /= 1024.0;
            unit += 1;
        }
        write!(f, "{value:.2} {}", UNITS[unit])
    }
}
