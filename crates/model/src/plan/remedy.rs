//! What would make a plan fit. Nothing is proposed that was not tried with the planner first.

use std::fmt;

use backend::{Device, KvDType};

use super::planner::{Planner, Wish};
use super::{MemoryPlan, PlanRequest, SERVER_RESERVE_BYTES};
use crate::memory::HostMemory;

/// A step's tokens, when memory is short.
const SMALL_NUM_BATCHED_TOKENS: usize = 256;
/// Sequences per step, when memory is short.
const SMALL_NUM_SEQS: usize = 16;

/// A change that makes the plan fit, alone.
#[derive(Debug)]
pub(super) enum Remedy {
    /// Options, all of them together.
    Options(Vec<Flag>),
    /// More memory: the limit, of which so much is available.
    Memory { limit_bytes: u64, available_bytes: u64 },
}

/// One option as the command line has it.
#[derive(Clone, Copy, Debug)]
pub(super) enum Flag {
    MaxModelLen(usize),
    KvCacheMemory(u64),
    NumBlocks(usize),
    SmallKvDtype,
    MaxNumBatchedTokens(usize),
    MaxNumSeqs(usize),
    MemoryUtilization(f64),
}

impl Flag {
    fn apply(self, request: &mut PlanRequest) {
        match self {
            Self::MaxModelLen(tokens) => request.max_model_len = Some(tokens),
            Self::KvCacheMemory(bytes) => request.kv_cache_bytes = Some(bytes),
            Self::NumBlocks(blocks) => request.num_blocks = Some(blocks),
            Self::SmallKvDtype => request.kv_dtype = KvDType::BF16,
            Self::MaxNumBatchedTokens(tokens) => request.max_num_batched_tokens = tokens,
            Self::MaxNumSeqs(seqs) => request.max_num_seqs = seqs,
            Self::MemoryUtilization(share) => request.memory_utilization = share,
        }
    }
}

impl fmt::Display for Flag {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::MaxModelLen(tokens) => write!(f, "--max-model-len {tokens}"),
            Self::KvCacheMemory(bytes) => write!(f, "--kv-cache-memory {bytes}"),
            Self::NumBlocks(blocks) => write!(f, "--num-blocks {blocks}"),
            Self::SmallKvDtype => write!(f, "--kv-cache-dtype bf16"),
            Self::MaxNumBatchedTokens(tokens) => write!(f, "--max-num-batched-tokens {tokens}"),
            Self::MaxNumSeqs(seqs) => write!(f, "--max-num-seqs {seqs}"),
            Self::MemoryUtilization(share) => write!(f, "--memory-utilization {share:.2}"),
        }
    }
}

impl fmt::Display for Remedy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Options(flags) => {
                let words: Vec<String> = flags.iter().map(Flag::to_string).collect();
                f.write_str(&words.join(" "))
            }
            Self::Memory { limit_bytes, available_bytes } => write!(
                f,
                "a memory limit of {} MiB with {} MiB available",
                limit_bytes >> 20,
                available_bytes >> 20
            ),
        }
    }
}

/// Everything that makes `wish` fit: single options, or a combination if no single one does, and
/// more memory. `plan` is the one that does not fit.
pub(super) fn remedies<D: Device>(
    planner: &Planner<'_, D>,
    wish: &Wish,
    plan: &MemoryPlan,
) -> Vec<Remedy> {
    let seeker = Seeker { planner, wish, plan };
    let singles: Vec<Flag> =
        seeker.singles().into_iter().filter(|flag| seeker.fits(&[*flag])).collect();
    let mut remedies: Vec<Remedy> =
        singles.into_iter().map(|flag| Remedy::Options(vec![flag])).collect();
    if remedies.is_empty() {
        remedies.extend(seeker.combination().map(Remedy::Options));
    }
    remedies.extend(seeker.more_memory());
    remedies
}

struct Seeker<'a, 'b, D> {
    planner: &'a Planner<'b, D>,
    wish: &'a Wish,
    plan: &'a MemoryPlan,
}

impl<D: Device> Seeker<'_, '_, D> {
    fn with(&self, flags: &[Flag]) -> Wish {
        let mut wish = self.wish.clone();
        flags.iter().for_each(|flag| flag.apply(&mut wish.request));
        wish
    }

    fn fits(&self, flags: &[Flag]) -> bool {
        self.planner.fitting(&self.with(flags)).is_some()
    }

    /// Options that might help alone.
    fn singles(&self) -> Vec<Flag> {
        let mut flags = Vec::new();
        flags.extend(self.shorter_context(self.wish));
        flags.extend(self.kv_size(self.wish));
        flags.extend(self.smaller_sizes());
        flags.extend(self.larger_share(self.wish));
        flags
    }

    /// The longest context below the one asked for that fits.
    fn shorter_context(&self, wish: &Wish) -> Option<Flag> {
        let asked = wish.request.max_model_len?;
        let plan = self.planner.longest_context(wish, asked)?;
        Some(Flag::MaxModelLen(plan.limits.max_model_len))
    }

    /// A given size of the KV cache corrected: up to one sequence, or down to what is free.
    fn kv_size(&self, wish: &Wish) -> Option<Flag> {
        let request = &wish.request;
        let plan = self.planner.with_context(wish, self.plan.limits.max_model_len);
        let fixed = plan.total_bytes() - plan.kv_cache_bytes;
        let free = plan.budget_bytes.saturating_sub(fixed);
        let needed = plan.limits.max_model_len.div_ceil(request.block_size);
        let num_blocks = match plan.limits.num_blocks {
            asked if asked < needed => needed,
            asked => asked.min(self.planner.blocks_within(request, free)),
        };
        match (request.num_blocks, request.kv_cache_bytes) {
            (Some(_), _) => Some(Flag::NumBlocks(num_blocks)),
            (None, Some(_)) => {
                Some(Flag::KvCacheMemory(self.planner.kv_bytes(request, num_blocks)))
            }
            (None, None) => None,
        }
    }

    /// Options that save memory at the cost of precision or speed.
    fn smaller_sizes(&self) -> Vec<Flag> {
        let request = &self.wish.request;
        let mut flags = Vec::new();
        if request.kv_dtype == KvDType::F32 {
            flags.push(Flag::SmallKvDtype);
        }
        // A step must have a token for each sequence.
        let tokens = SMALL_NUM_BATCHED_TOKENS.max(request.max_num_seqs);
        if request.max_num_batched_tokens > tokens {
            flags.push(Flag::MaxNumBatchedTokens(tokens));
        }
        if request.max_num_seqs > SMALL_NUM_SEQS {
            flags.push(Flag::MaxNumSeqs(SMALL_NUM_SEQS));
        }
        flags
    }

    /// The smallest share of the limit, in hundredths, that might be enough.
    fn larger_share(&self, wish: &Wish) -> Option<Flag> {
        let needed = self.needed_bytes(wish);
        let share = (needed as f64 / wish.host.limit_bytes as f64 * 100.0).ceil() / 100.0;
        let helps = share > wish.request.memory_utilization && share <= 1.0;
        helps.then_some(Flag::MemoryUtilization(share))
    }

    /// Several options together, none of them superfluous.
    fn combination(&self) -> Option<Vec<Flag>> {
        let mut flags = self.smaller_sizes();
        flags.extend(self.kv_size(&self.with(&flags)));
        if !self.fits(&flags) {
            flags.extend(self.shorter_context(&self.with(&flags)));
        }
        if !self.fits(&flags) {
            flags.extend(self.larger_share(&self.with(&flags)));
        }
        if !self.fits(&flags) {
            return None;
        }
        let mut at = 0;
        while at < flags.len() {
            let flag = flags.remove(at);
            if !self.fits(&flags) {
                flags.insert(at, flag);
                at += 1;
            }
        }
        Some(flags)
    }

    fn more_memory(&self) -> Option<Remedy> {
        let whole_mib =
            |bytes: f64| ((bytes / f64::from(1 << 20)).ceil() as u64).checked_mul(1 << 20);
        let needed = self.needed_bytes(self.wish) as f64;
        let available_bytes = whole_mib(needed)?;
        let limit_bytes = whole_mib(needed / self.wish.request.memory_utilization)?;
        let host = HostMemory { limit_bytes, available_bytes, ..self.wish.host.clone() };
        let wish = Wish { host, ..self.wish.clone() };
        self.planner.fitting(&wish)?;
        Some(Remedy::Memory { limit_bytes, available_bytes })
    }

    /// What the whole process needs for the context of the plan that does not fit.
    fn needed_bytes(&self, wish: &Wish) -> u64 {
        let context = wish.request.max_model_len.unwrap_or(self.plan.limits.max_model_len);
        let plan = self.planner.with_context(wish, context);
        let fixed = plan.total_bytes() - plan.kv_cache_bytes;
        let one_seq = context.div_ceil(wish.request.block_size);
        let explicit = wish.request.num_blocks.is_some() || wish.request.kv_cache_bytes.is_some();
        let num_blocks = if explicit { plan.limits.num_blocks.max(one_seq) } else { one_seq };
        fixed + self.planner.kv_bytes(&wish.request, num_blocks) + SERVER_RESERVE_BYTES
    }
}
