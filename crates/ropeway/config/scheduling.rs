//! Options: how requests share the steps.

use clap::builder::BoolishValueParser;
use clap::{ArgAction, Args, ValueEnum};

use super::error::ConfigError;
use super::number::{parse_count, parse_positive};

/// Batch limits, queueing and order of service.
#[derive(Args, Clone, Debug, PartialEq)]
#[command(next_help_heading = "Scheduling")]
pub(crate) struct SchedulingConfig {
    /// Sequences that run at the same time
    #[arg(long, value_name = "N", default_value_t = 128, value_parser = parse_positive::<usize>)]
    pub(crate) max_num_seqs: usize,

    /// Tokens of one step, prefill and decode together; at least --max-num-seqs
    #[arg(long, value_name = "TOKENS", default_value_t = 512, value_parser = parse_positive::<usize>)]
    pub(crate) max_num_batched_tokens: usize,

    /// Requests that may wait for admission; beyond it clients get 429 and Retry-After
    #[arg(long, value_name = "N", default_value_t = 1024, value_parser = parse_positive::<usize>)]
    pub(crate) max_num_queued_reqs: usize,

    /// Which waiting request goes first
    #[arg(long, value_enum, default_value_t = SchedulingPolicy::Fcfs)]
    pub(crate) scheduling_policy: SchedulingPolicy,

    /// Most tokens of one prompt in one step; 0 leaves only --max-num-batched-tokens
    #[arg(long, value_name = "TOKENS", default_value_t = 0, value_parser = parse_count::<usize>)]
    pub(crate) long_prefill_token_threshold: usize,

    /// How often one request may lose its KV blocks to others
    #[arg(long, value_name = "N", default_value_t = 3, value_parser = parse_count::<u32>)]
    pub(crate) max_preemptions: u32,

    /// Share KV blocks between requests with equal beginnings
    #[arg(long, action = ArgAction::Set, num_args = 0..=1, require_equals = true, default_value_t = true,
          default_missing_value = "true", hide_possible_values = true, value_name = "BOOL",
          value_parser = BoolishValueParser::new(), overrides_with = "no_enable_prefix_caching")]
    pub(crate) enable_prefix_caching: bool,

    /// Turn --enable-prefix-caching off
    #[arg(long, action = ArgAction::SetTrue, overrides_with = "enable_prefix_caching")]
    no_enable_prefix_caching: bool,

    /// Same bits for a request whatever else is in the batch. Every kernel works so on every device,
    /// which costs nothing; off is a permission that this build does not use
    #[arg(long, action = ArgAction::Set, num_args = 0..=1, require_equals = true, default_value_t = true,
          default_missing_value = "true", hide_possible_values = true, value_name = "BOOL",
          value_parser = BoolishValueParser::new(), overrides_with = "no_batch_invariant")]
    pub(crate) batch_invariant: bool,

    /// Turn --batch-invariant off
    #[arg(long, action = ArgAction::SetTrue, overrides_with = "batch_invariant")]
    no_batch_invariant: bool,
}

/// Order of service.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum SchedulingPolicy {
    /// First come, first served
    Fcfs,
    /// Lower `priority` of the request first, ties by arrival
    Priority,
}

impl SchedulingConfig {
    pub(super) fn settle(&mut self) -> Result<(), ConfigError> {
        self.enable_prefix_caching &= !std::mem::take(&mut self.no_enable_prefix_caching);
        self.batch_invariant &= !std::mem::take(&mut self.no_batch_invariant);
        if self.max_num_batched_tokens < self.max_num_seqs {
            return Err(ConfigError::BudgetBelowSeqs {
                max_num_batched_tokens: self.max_num_batched_tokens,
                max_num_seqs: self.max_num_seqs,
            });
        }
        Ok(())
    }
}
