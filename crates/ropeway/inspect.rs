//! `ropeway inspect`: what a model is made of, and the memory that serving it would take.
//!
//! Opens the model and plans as `serve` would with the same options, reads no weights and opens no
//! port.

use std::fmt::Write;
use std::process::ExitCode;

use clap::Args;
use model::{Bytes, MemoryPlan, ModelFiles, ModelSpec};
use serde_json::{Map, Value, json};

use crate::config::{ConfigError, ServeConfig};
use crate::serve::device::Chosen;
use crate::serve::load::{self, Planned};

/// What `ropeway inspect` can be told: what `serve` can, and the form of the answer.
#[derive(Args, Clone, Debug)]
pub(crate) struct InspectOptions {
    #[command(flatten)]
    serve: ServeConfig,

    /// Print JSON instead of tables
    #[arg(long, help_heading = "Output")]
    json: bool,
}

impl InspectOptions {
    /// See [`ServeConfig::settle`].
    pub(crate) fn settle(self) -> Result<Self, ConfigError> {
        Ok(Self { serve: self.serve.settle()?, json: self.json })
    }
}

/// Prints what the model is made of.
pub(crate) fn run(options: InspectOptions) -> anyhow::Result<ExitCode> {
    let Planned { files, chosen, plan } = load::plan(&options.serve, &|_progress| {})?;
    if options.json {
        println!("{:#}", as_json(&files, &chosen, &plan));
    } else {
        print!("{}", as_text(&files, &chosen, &plan));
    }
    Ok(ExitCode::SUCCESS)
}

/// The facts of a spec, by the names that `config.json` has for them.
fn facts(spec: &ModelSpec) -> Vec<(&'static str, Value)> {
    vec![
        ("family", json!(spec.family.as_str())),
        ("num_layers", json!(spec.num_layers)),
        ("hidden_size", json!(spec.hidden_size)),
        ("intermediate_size", json!(spec.intermediate_size)),
        ("num_heads", json!(spec.num_heads)),
        ("num_kv_heads", json!(spec.num_kv_heads)),
        ("head_dim", json!(spec.head_dim)),
        ("vocab_size", json!(spec.vocab_size)),
        ("max_position", json!(spec.max_position)),
        ("rope_theta", json!(spec.rope.theta)),
        ("sliding_window", json!(spec.sliding_window)),
        ("attention_bias", json!(spec.attention_bias)),
        ("qk_norm", json!(spec.qk_norm)),
        ("tie_word_embeddings", json!(spec.tie_word_embeddings)),
        ("bos_token_id", json!(spec.bos_token_id)),
        ("eos_token_ids", json!(spec.eos_token_ids)),
    ]
}

fn as_json(files: &ModelFiles, chosen: &Chosen, plan: &MemoryPlan) -> Value {
    let tensors: Vec<Value> = files
        .tensors()
        .map(|(name, shape)| {
            let dtype = format!("{:?}", shape.dtype);
            json!({ "name": name, "rows": shape.rows, "cols": shape.cols, "dtype": dtype })
        })
        .collect();
    let spec: Map<String, Value> =
        facts(&files.spec).into_iter().map(|(name, value)| (name.to_owned(), value)).collect();
    let expanded: Map<String, Value> = plan
        .expanded
        .iter()
        .map(|(from, to)| (format!("{from:?}"), json!(format!("{to:?}"))))
        .collect();
    json!({
        "device": { "name": chosen.name, "reason": chosen.reason },
        "spec": spec,
        "num_parameters": files.num_parameters(),
        "num_bytes": files.num_bytes(),
        "tensors": tensors,
        "memory_plan": {
            "limit_bytes": plan.host.limit_bytes,
            "budget_bytes": plan.budget_bytes,
            "weights_bytes": plan.weights_bytes,
            "expanded": expanded,
            "buffers_bytes": plan.buffers_bytes,
            "workspace_bytes": plan.workspace_bytes,
            "pinned_bytes": plan.pinned_bytes,
            "kv_cache_bytes": plan.kv_cache_bytes,
            "total_bytes": plan.total_bytes(),
            "num_blocks": plan.limits.num_blocks,
            "block_size": plan.limits.block_size,
            "max_model_len": plan.limits.max_model_len,
        },
    })
}

fn as_text(files: &ModelFiles, chosen: &Chosen, plan: &MemoryPlan) -> String {
    let mut text = format!("{}\non {}\n\n", files.path().display(), chosen.line());
    for (name, value) in facts(&files.spec) {
        let _infallible = writeln!(text, "{name:<20} {value}");
    }
    let name_width = files.tensors().map(|(name, _)| name.len()).max().unwrap_or_default();
    let _infallible =
        writeln!(text, "\n{:<name_width$} {:>8} {:>8}  type", "tensor", "rows", "cols");
    for (name, shape) in files.tensors() {
        let (rows, cols, dtype) = (shape.rows, shape.cols, shape.dtype);
        let _infallible = writeln!(text, "{name:<name_width$} {rows:>8} {cols:>8}  {dtype:?}");
    }
    let _infallible = writeln!(
        text,
        "\n{} parameters in {} tensors, {}\n\nMemory plan\n{plan}",
        files.num_parameters(),
        files.tensors().count(),
        Bytes(files.num_bytes()),
    );
    text
}
