//! Options: how memory is divided.

use clap::{ArgAction, Args, ValueEnum};

use super::number::{
    AutoOr, parse_auto_or_fraction, parse_auto_or_number, parse_model_len, parse_positive,
};

/// Smallest and largest KV block, in tokens.
const BLOCK_SIZE_RANGE: std::ops::RangeInclusive<usize> = 8..=128;
/// Kernels take whole vectors of tokens.
const BLOCK_SIZE_STEP: usize = 8;

/// Context length, KV cache and their limits.
#[derive(Args, Clone, Debug, PartialEq)]
#[command(next_help_heading = "Memory")]
pub(crate) struct MemoryConfig {
    /// Longest sequence, prompt and output together; `auto` is the model's own limit, or less if
    /// the KV cache cannot hold it (4096, 32k)
    #[arg(long, value_name = "TOKENS", default_value = "auto", value_parser = parse_model_len,
          allow_hyphen_values = true)]
    pub(crate) max_model_len: AutoOr<usize>,

    /// Memory for the KV cache (4G, 512MiB, bytes); `auto` takes what --memory-utilization leaves, no
    /// more than --max-num-seqs full sequences need, and of the host's memory at most 4 GiB
    #[arg(long, value_name = "SIZE", alias = "kv-cache-memory-bytes", default_value = "auto",
          value_parser = parse_auto_or_number::<u64>)]
    pub(crate) kv_cache_memory: AutoOr<u64>,

    /// Share of the memory limit (cgroup, machine, or the GPU's own) that may be used; `auto` is 0.8 of
    /// the host's memory, which others live in too, and 0.92 of a GPU's
    #[arg(long, value_name = "SHARE", aliases = ["gpu-memory-utilization", "device-memory-utilization"],
          default_value = "auto", value_parser = parse_auto_or_fraction)]
    pub(crate) memory_utilization: AutoOr<f64>,

    /// Exact number of KV blocks; overrides the two options above
    #[arg(long, value_name = "N", alias = "num-gpu-blocks-override", value_parser = parse_positive::<usize>)]
    pub(crate) num_blocks: Option<usize>,

    /// Tokens of one KV block, 8 to 128, a multiple of 8
    #[arg(long, value_name = "TOKENS", default_value_t = 16, value_parser = parse_block_size)]
    pub(crate) block_size: usize,

    /// Element type of the KV cache
    #[arg(long, value_enum, default_value_t = KvCacheDtype::Auto)]
    pub(crate) kv_cache_dtype: KvCacheDtype,

    /// Print the memory plan and exit
    #[arg(long, action = ArgAction::Set, num_args = 0..=1, require_equals = true, default_value_t = false,
          default_missing_value = "true", hide_default_value = true, hide_possible_values = true,
          value_name = "BOOL", value_parser = clap::builder::BoolishValueParser::new())]
    pub(crate) dry_run: bool,
}

/// Element type of the KV cache.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum KvCacheDtype {
    /// What suits the device and the model
    Auto,
    /// IEEE single
    #[value(aliases = ["float32", "float"])]
    F32,
    /// IEEE half
    #[value(aliases = ["float16", "half"])]
    F16,
    /// bfloat16
    #[value(alias = "bfloat16")]
    Bf16,
    /// FP8 e4m3 of gfx942 (FNUZ), half of bf16's memory; scales come with the model or are 1
    #[value(alias = "fp8_e4m3")]
    Fp8,
}

fn parse_block_size(text: &str) -> Result<usize, String> {
    let size = parse_positive(text)?;
    if BLOCK_SIZE_RANGE.contains(&size) && size.is_multiple_of(BLOCK_SIZE_STEP) {
        Ok(size)
    } else {
        let (least, most) = BLOCK_SIZE_RANGE.into_inner();
        Err(format!("must be a multiple of {BLOCK_SIZE_STEP} from {least} to {most}"))
    }
}
