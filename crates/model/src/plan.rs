//! The memory plan: every byte that serving will take, added up before anything is allocated.
//!
//! The device says what each allocation really takes; the host says what there is. A plan that
//! does not fit is refused with the numbers and with flags that would make it fit.
//!
//! Loading takes no more than the plan plus the raw bytes of the one weight that is being
//! uploaded: the large embedding and LM head come first, buffers and KV cache last.

mod planner;
mod remedy;
mod shortage;

use std::fmt;

use backend::{DType, Device, DeviceError, KvDType, KvLayout, StepLimits};
use engine::ExecutorLimits;
use thiserror::Error;

use self::planner::{Planner, Wish};
pub use self::shortage::Shortage;
use crate::memory::HostMemory;
use crate::weights::{ByteCounter, WeightError, Weights};
use crate::{ModelFiles, ModelSpec};

/// Kept free for everything that is not the model: HTTP buffers, tokenizer, the texts and tokens
/// of requests, the scheduler's tables, code.
pub const SERVER_RESERVE_BYTES: u64 = 256 << 20;

/// Shortest context that is chosen or proposed without being asked for; shorter ones serve nobody.
pub const MIN_AUTO_MODEL_LEN: usize = 256;

/// Most sequences per step. Keeps products of sizes far from overflow.
pub const MAX_NUM_SEQS: usize = 1 << 16;
/// Most new tokens per step, for the same reason.
pub const MAX_NUM_BATCHED_TOKENS: usize = 1 << 20;
/// Tokens of the KV cache stay below this: slots are 32-bit numbers.
pub const KV_TOKENS_END: usize = 1 << 31;

/// The KV cache takes no more than this of the host's memory unless the operator asks for more. A GPU's
/// own memory is there for nothing else.
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
    /// Types of matrices that the device does not multiply as they are stored, each with the type
    /// that they are expanded to on the way there; `weights_bytes` counts them expanded.
    pub expanded: Vec<(DType, DType)>,
    /// Activations and logits.
    pub buffers_bytes: u64,
    /// The device's scratch and the rotation table.
    pub workspace_bytes: u64,
    /// Memory of the host that the device pins while it serves, beside the total, which is of the
    /// device's own memory; 0 where the two are one.
    pub pinned_bytes: u64,
    /// The context that the model was trained for; `limits.max_model_len` may be shorter.
    pub model_context: usize,
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
    /// The device has no code for the model's shape or the KV cache asked for.
    #[error(transparent)]
    Device(#[from] DeviceError),
    /// Too little memory; the text has the numbers and the remedy.
    #[error("the model does not fit in memory as configured\n{0}")]
    DoesNotFit(Box<Shortage>),
    /// A size is beyond what the program can count.
    #[error("{flag} {value} is too large; use {most} or less")]
    TooLarge {
        /// The option.
        flag: &'static str,
        /// Its value.
        value: usize,
        /// The largest one.
        most: usize,
    },
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

impl MemoryPlan {
    /// Plans serving `files` on `device` within `host`'s memory.
    pub fn new<D: Device>(
        files: &ModelFiles,
        device: &D,
        request: &PlanRequest,
        host: HostMemory,
    ) -> Result<Self, PlanError> {
        let spec = &files.spec;
        check_sizes(request)?;
        let context = spec.max_position;
        if let Some(asked) = request.max_model_len.filter(|asked| *asked > context) {
            return Err(PlanError::ContextTooLong { asked, context });
        }
        let mut counter = ByteCounter { files, device, total_bytes: 0, expanded: Vec::new() };
        Weights::build(spec, &mut counter)?;
        let weights_bytes = counter.total_bytes as u64;
        let planner = Planner { spec, device, weights_bytes, expanded: counter.expanded };
        let wish = Wish { request: request.clone(), host };
        let asked = planner.with_context(&wish, request.max_model_len.unwrap_or(context));
        device.check(&asked.kv_layout, &asked.step_limits(spec))?;
        planner
            .fitting(&wish)
            .ok_or_else(|| PlanError::DoesNotFit(Box::new(Shortage::new(&planner, &wish))))
    }

    /// All of it.
    pub fn total_bytes(&self) -> u64 {
        self.weights_bytes + self.buffers_bytes + self.workspace_bytes + self.kv_cache_bytes
    }

    /// Tokens that the KV cache holds.
    pub fn kv_tokens(&self) -> usize {
        self.limits.num_blocks * self.limits.block_size
    }

    /// What the device expands, for people: `Q4_1 to BF16, Q6_K to BF16`; `None` if nothing.
    pub fn expansion(&self) -> Option<String> {
        let each: Vec<_> =
            self.expanded.iter().map(|(from, to)| format!("{from:?} to {to:?}")).collect();
        (!each.is_empty()).then(|| each.join(", "))
    }

    /// The largest step, as devices want to know it.
    pub fn step_limits(&self, spec: &ModelSpec) -> StepLimits {
        planner::step_limits(spec, &self.limits)
    }
}

impl fmt::Display for MemoryPlan {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let expanded = self.expansion().map_or(String::new(), |what| format!(" ({what})"));
        writeln!(f, "weights          {}{expanded}", Bytes(self.weights_bytes))?;
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
        if self.pinned_bytes > 0 {
            writeln!(f, "pinned           {} of the host's memory", Bytes(self.pinned_bytes))?;
        }
        writeln!(f, "budget           {} of {}", Bytes(self.budget_bytes), self.host)?;
        writeln!(
            f,
            "max model len    {} tokens of the model's {}",
            self.limits.max_model_len, self.model_context
        )?;
        write!(
            f,
            "full sequences   {:.1} at once",
            self.kv_tokens() as f64 / self.limits.max_model_len as f64
        )
    }
}

/// Refuses sizes with which the plan's own arithmetic could overflow.
fn check_sizes(request: &PlanRequest) -> Result<(), PlanError> {
    let most_blocks = (KV_TOKENS_END - 1) / request.block_size.max(1);
    for (flag, value, most) in [
        ("--max-num-seqs", request.max_num_seqs, MAX_NUM_SEQS),
        ("--max-num-batched-tokens", request.max_num_batched_tokens, MAX_NUM_BATCHED_TOKENS),
        ("--num-blocks", request.num_blocks.unwrap_or(0), most_blocks),
    ] {
        if value > most {
            return Err(PlanError::TooLarge { flag, value, most });
        }
    }
    Ok(())
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
