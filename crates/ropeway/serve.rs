//! `ropeway serve`: from a configuration to a server that answers.
//!
//! Opens the port first and loads on a thread of its own, so that probes are answered from the
//! start. Owns the wiring of server, engine and model and the meaning of the exit codes.

pub(crate) mod announce;
pub(crate) mod device;
pub(crate) mod last_words;
pub(crate) mod load;

use std::net::SocketAddr;
use std::path::Path;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Instant;

use anyhow::Context;
use engine::{EngineConfig, Policy};
use model::{Bytes, GenerationDefaults};
use server::{
    ExitReason, KvEventsConfig, Lifecycle, MetricsLabels, SamplingDefaults, ServedModel, Server,
};
use tokenizer::{ChatTemplate, Tokenizer};
use types::{LoadPhase, LoadProgress};

use crate::config::{GenerationConfig, SchedulingPolicy, ServeConfig};
use crate::doctor::{Layer, note};
use crate::serve::load::Planned;

/// The model could not be loaded.
const EXIT_LOAD_FAILED: u8 = 1;
/// Requests were still open when the process ended: the drain time ran out, or a second signal.
const EXIT_CUT_OFF: u8 = 3;
/// The engine died while serving.
const EXIT_ENGINE_DEAD: u8 = 4;

pub(crate) fn run(config: ServeConfig) -> anyhow::Result<ExitCode> {
    crate::logging::start(&config.logging);
    if config.memory.dry_run {
        println!("{}", load::plan(&config, &|_progress| {})?.plan);
        return Ok(ExitCode::SUCCESS);
    }
    let (host, port) = (config.server.host, config.server.port);
    let bound = Server::bind(server_config(&config)).with_context(|| {
        format!("cannot listen on {host} port {port}; choose another with --host and --port")
    });
    let server = bound.inspect_err(|error| {
        let log = &config.logging.termination_log;
        last_words::write(log, Layer::Network, &format!("{error:#}"));
    })?;
    let address = server.local_addr()?;
    println!("{}", announce::listening(address));
    let lifecycle = server.lifecycle();
    let termination_log = config.logging.termination_log.clone();
    std::thread::Builder::new()
        .name("loader".into())
        .spawn(move || load_and_announce(&config, &lifecycle, address))?;
    match server.run()? {
        ExitReason::Drained => Ok(ExitCode::SUCCESS),
        ExitReason::LoadFailed => Ok(ExitCode::FAILURE),
        // From here on a thread may be in a call of the GPU's driver that never returns, and the
        // driver's own exit handlers may wait for it.
        ExitReason::DrainTimedOut | ExitReason::Forced => hip::end_process(EXIT_CUT_OFF),
        ExitReason::EngineDead => hip::end_process(EXIT_ENGINE_DEAD),
        ExitReason::WarmUpHung => {
            let error = "the device does not end the warm-up steps; look at `ropeway doctor` and the \
                         kernel's log (dmesg), or raise --step-timeout if it is only slow";
            eprintln!("error: {error}");
            last_words::write(&termination_log, Layer::Gpu, error);
            hip::end_process(EXIT_LOAD_FAILED)
        }
    }
}

/// The loader thread: ends with the server ready, or failed with the cause on standard error.
fn load_and_announce(config: &ServeConfig, lifecycle: &Lifecycle, address: SocketAddr) {
    let started = Instant::now();
    let bars = crate::progress::Bars::new();
    let progress = |progress: LoadProgress| {
        lifecycle.set_progress(progress);
        bars.show(progress);
    };
    match load(config, lifecycle, &progress) {
        Ok((model, device)) => {
            let name = model.names[0].clone();
            bars.finish();
            lifecycle.set_ready(model);
            let needs_key = !config.server.api_key.is_empty();
            tracing::info!(
                model = name,
                device,
                seconds = started.elapsed().as_secs_f32(),
                "ready"
            );
            println!("{}", announce::ready(address, &name, &device, needs_key));
        }
        Err(error) => {
            bars.finish();
            eprintln!("error: {error:#}");
            let log = &config.logging.termination_log;
            last_words::write(log, note::layer_of(&error), &format!("{error:#}"));
            lifecycle.set_failed();
        }
    }
}

/// The model, and what it runs on.
fn load(
    config: &ServeConfig,
    lifecycle: &Lifecycle,
    progress: &dyn Fn(LoadProgress),
) -> anyhow::Result<(ServedModel, String)> {
    let planned = load::plan(config, progress)?;
    log_plan(&planned);
    if !config.scheduling.batch_invariant {
        tracing::info!("--no-batch-invariant changes nothing: no device has other kernels");
    }
    progress(LoadProgress::entering(LoadPhase::LoadingTokenizer));
    let tokenizer = load::tokenizer(&planned.files.tokenizer)?;
    let (num_tokens, num_rows) = (tokenizer.vocab_size(), planned.files.spec.vocab_size);
    if num_tokens > num_rows {
        tracing::warn!(
            num_tokens,
            num_rows,
            "the tokenizer has tokens that the model has no rows for: prompts with one are refused"
        );
    }
    let chat_template = chat_template(config.model.chat_template.as_deref(), &tokenizer)?;
    let names = served_names(config, planned.files.path());
    let eos_token_ids = load::eos_token_ids(&planned.files.spec, &tokenizer);
    let defaults = match config.model.generation_config {
        GenerationConfig::Auto => sampling_defaults(planned.files.spec.generation),
        GenerationConfig::None => SamplingDefaults::default(),
    };
    let cache_dtype = format!("{:?}", planned.plan.kv_layout.dtype).to_lowercase();
    let max_model_len = planned.plan.limits.max_model_len;

    let device = planned.chosen.line();
    let executor = planned.load(progress)?;
    let labels = MetricsLabels { model_name: names[0].clone(), max_model_len };
    let observer = lifecycle.observer(&labels);
    let engine = engine::start(executor, engine_config(config), observer)?;
    let model = ServedModel {
        names,
        tokenizer: Arc::new(tokenizer),
        chat_template,
        engine,
        defaults: SamplingDefaults { seed: config.model.seed, ..defaults },
        eos_token_ids,
        cache_labels: vec![("cache_dtype".to_owned(), cache_dtype)],
    };
    Ok((model, device))
}

fn log_plan(planned: &Planned) {
    let plan = &planned.plan;
    tracing::info!(
        model = %planned.files.path().display(),
        weights = %Bytes(plan.weights_bytes),
        activations = %Bytes(plan.buffers_bytes),
        workspace = %Bytes(plan.workspace_bytes),
        kv_cache = %Bytes(plan.kv_cache_bytes),
        total = %Bytes(plan.total_bytes()),
        pinned = %Bytes(plan.pinned_bytes),
        budget = %Bytes(plan.budget_bytes),
        num_blocks = plan.limits.num_blocks,
        max_model_len = plan.limits.max_model_len,
        "memory plan"
    );
}

/// The operator's template, else the model's own; `None` leaves chat requests refused.
fn chat_template(
    file: Option<&Path>,
    tokenizer: &Tokenizer,
) -> anyhow::Result<Option<ChatTemplate>> {
    let source = match file {
        Some(path) => Some(
            std::fs::read_to_string(path)
                .with_context(|| format!("--chat-template {}", path.display()))?,
        ),
        None => tokenizer.chat_template(false).map(str::to_owned),
    };
    let text = |id: Option<u32>| id.and_then(|id| tokenizer.token_text(id)).unwrap_or_default();
    source
        .map(|source| {
            ChatTemplate::new(&source, text(tokenizer.bos_id()), text(tokenizer.eos_id()))
        })
        .transpose()
        .context("the chat template cannot be used; give another with --chat-template FILE")
}

/// The names clients use: as configured, else the hub's name or the file's.
fn served_names(config: &ServeConfig, path: &Path) -> Vec<String> {
    if !config.model.served_model_name.is_empty() {
        return config.model.served_model_name.clone();
    }
    let asked = config.model.name();
    if !Path::new(asked).exists() {
        return vec![asked.to_owned()];
    }
    let stem = if path.is_dir() { path.file_name() } else { path.file_stem() };
    vec![stem.map_or_else(|| asked.to_owned(), |stem| stem.to_string_lossy().into_owned())]
}

fn sampling_defaults(generation: GenerationDefaults) -> SamplingDefaults {
    SamplingDefaults {
        temperature: generation.temperature,
        top_k: generation.top_k,
        top_p: generation.top_p,
        repetition_penalty: generation.repetition_penalty,
        ..SamplingDefaults::default()
    }
}

fn engine_config(config: &ServeConfig) -> EngineConfig {
    let scheduling = &config.scheduling;
    EngineConfig {
        max_num_queued_reqs: scheduling.max_num_queued_reqs,
        enable_prefix_caching: scheduling.enable_prefix_caching,
        long_prefill_token_threshold: scheduling.long_prefill_token_threshold,
        policy: match scheduling.scheduling_policy {
            SchedulingPolicy::Fcfs => Policy::Fcfs,
            SchedulingPolicy::Priority => Policy::Priority,
        },
        max_preemptions: scheduling.max_preemptions,
    }
}

fn server_config(config: &ServeConfig) -> server::ServerConfig {
    let limits = server::ServerLimits::default();
    server::ServerConfig {
        host: config.server.host.to_string(),
        port: config.server.port,
        api_keys: config.server.api_key.clone(),
        allowed_origins: config.server.allowed_origins.clone(),
        allow_priority: config.scheduling.scheduling_policy == SchedulingPolicy::Priority,
        max_logprobs: config.server.max_logprobs,
        shutdown_grace: config.server.shutdown_grace,
        drain_timeout: config.server.shutdown_timeout,
        step_timeout: config.server.step_timeout,
        flight_recorder_dir: config.logging.flight_recorder_dir.clone(),
        otlp_traces_endpoint: config.logging.otlp_traces_endpoint.clone(),
        kv_events: config.server.kv_events_endpoint.map(|publish| KvEventsConfig {
            publish,
            replay: config.server.kv_events_replay_endpoint,
            topic: config.server.kv_events_topic.clone(),
        }),
        metrics_without_key: config.server.metrics_without_key,
        legacy_metrics: config.logging.legacy_metrics,
        limits: server::ServerLimits {
            // A request of more sequences than the queue holds could never be admitted.
            max_sequences: limits.max_sequences.min(config.scheduling.max_num_queued_reqs),
            ..limits
        },
        ..server::ServerConfig::default()
    }
}
