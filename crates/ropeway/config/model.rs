//! Options: the model and what it runs on.

use std::path::PathBuf;

use clap::builder::BoolishValueParser;
use clap::{ArgAction, Args, ValueEnum};

use super::number::{AutoOr, parse_auto_or_number};

/// Which model is served, from where, and on what.
#[derive(Args, Clone, Debug, PartialEq)]
#[command(next_help_heading = "Model")]
pub(crate) struct ModelConfig {
    /// Model to serve: a folder, a .gguf file, or ORG/NAME[@REVISION] on the Hugging Face hub
    #[arg(value_name = "MODEL", id = "positional-model", help_heading = None)]
    positional: Option<String>,

    /// The same as the positional MODEL
    #[arg(long = "model", value_name = "MODEL", conflicts_with = "positional-model")]
    name: Option<String>,

    /// Names under which clients ask for the model [default: the model's own name]
    #[arg(long, value_name = "NAME", num_args = 1.., value_delimiter = ',', value_parser = non_empty)]
    pub(crate) served_model_name: Vec<String>,

    /// Branch, tag or commit on the hub
    #[arg(long, value_name = "REVISION", value_parser = non_empty)]
    pub(crate) revision: Option<String>,

    /// Folder for hub downloads [default: the hub cache, as HF_HOME says]
    #[arg(long, value_name = "FOLDER")]
    pub(crate) download_dir: Option<PathBuf>,

    /// Device to run on: auto (the first GPU, the CPU where there is none), cpu, hip or hip:N
    #[arg(long, value_name = "DEVICE", default_value = "auto", value_parser = parse_device)]
    pub(crate) device: Device,

    /// HIP runtime library to use instead of the installed one
    #[arg(long, value_name = "FILE")]
    pub(crate) hip_library: Option<PathBuf>,

    /// Element type of activations and matrices on a GPU; the CPU computes in single precision
    #[arg(long, value_enum, default_value_t = Dtype::Auto)]
    pub(crate) dtype: Dtype,

    /// Launch each operation of a decode step by itself instead of the whole step as a graph (GPU)
    #[arg(long, action = ArgAction::Set, num_args = 0..=1, require_equals = true, default_value_t = false,
          default_missing_value = "true", hide_possible_values = true, value_name = "BOOL",
          value_parser = BoolishValueParser::new(), overrides_with = "no_enforce_eager")]
    pub(crate) enforce_eager: bool,

    /// Turn --enforce-eager off
    #[arg(long, action = ArgAction::SetTrue, overrides_with = "enforce_eager")]
    no_enforce_eager: bool,

    /// Worker threads of the CPU backend; `auto` uses every core this process may use
    #[arg(long, value_name = "N", default_value = "auto", value_parser = parse_auto_or_number::<usize>)]
    pub(crate) threads: AutoOr<usize>,

    /// Chat template file to use instead of the model's own
    #[arg(long, value_name = "FILE")]
    pub(crate) chat_template: Option<PathBuf>,

    /// Sampling defaults: `auto` takes them from the model's generation_config.json
    #[arg(long, value_enum, default_value_t = GenerationConfig::Auto)]
    pub(crate) generation_config: GenerationConfig,

    /// Seed for requests that give none [default: random for each request]
    #[arg(long, value_name = "SEED")]
    pub(crate) seed: Option<u64>,
}

/// Where the model runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Device {
    /// The first GPU, the CPU where there is none
    Auto,
    /// The CPU
    Cpu,
    /// The GPU with this number
    Hip(u32),
}

fn parse_device(text: &str) -> Result<Device, String> {
    match text {
        "auto" => Ok(Device::Auto),
        "cpu" => Ok(Device::Cpu),
        "hip" => Ok(Device::Hip(0)),
        _ => text
            .strip_prefix("hip:")
            .and_then(|index| index.parse().ok())
            .map(Device::Hip)
            .ok_or_else(|| "must be auto, cpu, hip or hip:N".to_owned()),
    }
}

/// Element type of activations and matrices on a GPU.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Dtype {
    /// float16 for a model stored so, else bfloat16
    Auto,
    /// The range of single precision
    #[value(alias = "bf16")]
    Bfloat16,
    /// Three more bits; a model that goes beyond 65,504 fails
    #[value(aliases = ["f16", "half"])]
    Float16,
}

/// Where sampling defaults come from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum GenerationConfig {
    /// From the model's generation_config.json
    Auto,
    /// None: temperature 1, no filters
    #[value(alias = "vllm")]
    None,
}

impl ModelConfig {
    /// The model to serve.
    pub(crate) fn name(&self) -> &str {
        self.positional.as_deref().expect("settle() refuses a configuration without a model")
    }

    /// Whether a model was named.
    pub(crate) fn is_named(&self) -> bool {
        self.positional.as_deref().is_some_and(|name| !name.is_empty())
    }

    pub(super) fn settle(&mut self) {
        self.positional = self.positional.take().or(self.name.take());
        self.enforce_eager &= !std::mem::take(&mut self.no_enforce_eager);
    }
}

/// Refuses the empty word, which a list or a key never means.
pub(super) fn non_empty(text: &str) -> Result<String, String> {
    if text.is_empty() { Err("must not be empty".to_owned()) } else { Ok(text.to_owned()) }
}
