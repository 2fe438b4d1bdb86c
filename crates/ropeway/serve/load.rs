//! From a configuration to a model that can run: resolve, open, plan, load, warm up.
//!
//! Runs on the loader thread while the port already answers. Also used without a server, for
//! `--dry-run` and `inspect`.

use std::path::Path;

use anyhow::Context;
use backend::{DType, KvDType, LayerOps};
use engine::Executor;
use hip::ActivationType;
use model::{
    Bytes, GgufTokenizerData, HostMemory, HubConfig, MemoryLimitSource, MemoryPlan, ModelExecutor,
    ModelFiles, ModelSpec, PlanRequest, TensorRole, TokenizerSource,
};
use tokenizer::{GgufVocab, Tokenizer};
use types::{LoadPhase, LoadProgress};

use crate::config::{AutoOr, Dtype, KvCacheDtype, MemoryConfig, ModelConfig, ServeConfig};
use crate::serve::device::{AnyDevice, Chosen};

/// Shares of memory that a plan may spend unless the operator says otherwise: the host's is lived in by
/// others too; of a GPU's, the rest is for the driver, code objects and what a runtime allocates.
const HOST_SHARE: f64 = 0.8;
const GPU_SHARE: f64 = 0.92;

/// A model whose files are open and whose memory is planned; no weight has been read.
pub(crate) struct Planned {
    pub(crate) files: ModelFiles,
    pub(crate) chosen: Chosen,
    pub(crate) plan: MemoryPlan,
}

/// Finds and opens the model and plans its memory.
pub(crate) fn plan(
    config: &ServeConfig,
    progress: &dyn Fn(LoadProgress),
) -> anyhow::Result<Planned> {
    let path = model::resolve(&model_name(&config.model), &hub_config(&config.model), progress)?;
    progress(LoadProgress::entering(LoadPhase::Inspecting));
    let files = ModelFiles::open(&path)?;
    let chosen = AnyDevice::open(&config.model, activations(config, &files)?)?;
    tracing::info!(device = chosen.name, reason = chosen.reason, "device chosen");
    let mut request = plan_request(config, &files)?;
    let plan = match &chosen.device {
        AnyDevice::Cpu(device) => {
            let host = HostMemory::read().context(
                "/proc/meminfo cannot be read, so memory cannot be planned; mount /proc",
            )?;
            MemoryPlan::new(&files, device.as_ref(), &request, host)?
        }
        AnyDevice::Hip(device) => {
            let (wanted, most) = (config.server.max_logprobs, hip::MAX_TOP_LOGPROBS);
            anyhow::ensure!(
                wanted as usize <= most,
                "--max-logprobs {wanted} is more than the GPU's sampler gives; use {most} or less, \
                 or --device cpu"
            );
            if config.memory.memory_utilization == AutoOr::Auto {
                request.memory_utilization = GPU_SHARE;
            }
            if config.memory.kv_cache_dtype == KvCacheDtype::Auto {
                request.kv_dtype = device.activations().kv_dtype();
            }
            let (available_bytes, limit_bytes) = device.memory_bytes()?;
            let source = MemoryLimitSource::Device;
            let memory = HostMemory { limit_bytes, available_bytes, source };
            MemoryPlan::new(&files, device.as_ref(), &request, memory)?
        }
    };
    Ok(Planned { files, chosen, plan })
}

impl Planned {
    /// Reads the weights, allocates everything and runs a first step.
    pub(crate) fn load(self, progress: &dyn Fn(LoadProgress)) -> anyhow::Result<Box<dyn Executor>> {
        let Self { files, chosen, plan } = self;
        if let Some(expanded) = plan.expansion() {
            let (stored, on_device) = (Bytes(files.num_bytes()), Bytes(plan.weights_bytes));
            tracing::info!(
                expanded, %stored, %on_device,
                "the device has no kernels for these quantised weights: they are expanded while loading"
            );
        }
        match chosen.device {
            AnyDevice::Cpu(device) => load_on(*device, &files, &plan, progress),
            AnyDevice::Hip(device) => load_on(*device, &files, &plan, progress),
        }
    }
}

fn load_on<D: LayerOps>(
    device: D,
    files: &ModelFiles,
    plan: &MemoryPlan,
    progress: &dyn Fn(LoadProgress),
) -> anyhow::Result<Box<dyn Executor>> {
    let mut executor = ModelExecutor::load(device, files, plan, progress)?;
    executor.warm_up(progress)?;
    Ok(Box::new(executor))
}

/// The vocabulary and chat template that come with the model.
pub(crate) fn tokenizer(source: &TokenizerSource) -> Result<Tokenizer, tokenizer::LoadError> {
    match source {
        TokenizerSource::HfFolder(folder) => Tokenizer::from_hf_folder(folder),
        TokenizerSource::Gguf(data) => Tokenizer::from_gguf(gguf_vocab(data)),
    }
}

fn gguf_vocab(data: &GgufTokenizerData) -> GgufVocab {
    GgufVocab {
        model: data.model.clone(),
        pre: data.pre.clone(),
        tokens: data.tokens.clone(),
        scores: data.scores.clone(),
        token_types: data.token_types.clone(),
        merges: data.merges.clone(),
        bos_token_id: data.bos_token_id,
        eos_token_id: data.eos_token_id,
        eot_token_id: data.eot_token_id,
        unknown_token_id: data.unknown_token_id,
        padding_token_id: data.padding_token_id,
        add_bos_token: data.add_bos_token,
        add_eos_token: data.add_eos_token,
        add_space_prefix: data.add_space_prefix,
        chat_template: data.chat_template.clone(),
    }
}

fn model_name(config: &ModelConfig) -> String {
    let name = config.name();
    match &config.revision {
        Some(revision) if !Path::new(name).exists() => format!("{name}@{revision}"),
        _ => name.to_owned(),
    }
}

fn hub_config(config: &ModelConfig) -> HubConfig {
    let mut hub = HubConfig::from_env();
    if let Some(folder) = &config.download_dir {
        hub.cache = folder.clone();
    }
    hub
}

fn plan_request(config: &ServeConfig, files: &ModelFiles) -> anyhow::Result<PlanRequest> {
    let MemoryConfig { max_model_len, kv_cache_memory, .. } = &config.memory;
    Ok(PlanRequest {
        block_size: config.memory.block_size,
        kv_dtype: kv_dtype(config.memory.kv_cache_dtype, files)?,
        max_model_len: explicit(max_model_len),
        max_num_seqs: config.scheduling.max_num_seqs,
        max_num_batched_tokens: config.scheduling.max_num_batched_tokens,
        kv_cache_bytes: explicit(kv_cache_memory),
        num_blocks: config.memory.num_blocks,
        memory_utilization: explicit(&config.memory.memory_utilization).unwrap_or(HOST_SHARE),
    })
}

fn explicit<T: Copy>(value: &AutoOr<T>) -> Option<T> {
    match value {
        AutoOr::Auto => None,
        AutoOr::Value(value) => Some(*value),
    }
}

/// What a GPU computes in. A cache of another type than f16 that was asked for needs bf16.
fn activations(config: &ServeConfig, files: &ModelFiles) -> anyhow::Result<ActivationType> {
    let half_cache = matches!(config.memory.kv_cache_dtype, KvCacheDtype::Auto | KvCacheDtype::F16);
    Ok(match config.model.dtype {
        Dtype::Bfloat16 => ActivationType::Bf16,
        Dtype::Float16 => ActivationType::F16,
        Dtype::Auto => match files.shape(TensorRole::Embedding)?.dtype {
            DType::F16 if half_cache => ActivationType::F16,
            _ => ActivationType::Bf16,
        },
    })
}

/// `auto` follows the embedding's type; quantised models get f16, which keeps more digits than
/// bf16 and has hardware conversion on every machine of the last ten years.
fn kv_dtype(asked: KvCacheDtype, files: &ModelFiles) -> anyhow::Result<KvDType> {
    Ok(match asked {
        KvCacheDtype::F32 => KvDType::F32,
        KvCacheDtype::F16 => KvDType::F16,
        KvCacheDtype::Bf16 => KvDType::BF16,
        KvCacheDtype::Fp8 => KvDType::Fp8,
        KvCacheDtype::Auto => match files.shape(TensorRole::Embedding)?.dtype {
            DType::F32 => KvDType::F32,
            DType::BF16 => KvDType::BF16,
            _ => KvDType::F16,
        },
    })
}

/// Tokens that end an answer: the model's, and the tokenizer's where the model names none.
pub(crate) fn eos_token_ids(spec: &ModelSpec, tokenizer: &Tokenizer) -> Vec<types::TokenId> {
    let mut ids = spec.eos_token_ids.clone();
    ids.extend(tokenizer.stop_ids());
    ids.sort_unstable();
    ids.dedup();
    ids
}
