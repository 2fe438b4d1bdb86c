//! From a model's name to a running decoder.
//!
//! Owns the files of a model: finding them ([`resolve`]), reading and checking their metadata and
//! handing out weights by role ([`ModelFiles`]). Never runs code that comes with a model, never
//! maps memory, names no device. Called by the binary, from a loader thread.
#![forbid(unsafe_code)]

mod config;
mod decoder;
mod error;
mod executor;
mod files;
mod gguf;
mod hub;
mod json;
mod memory;
mod plan;
mod role;
mod rope;
mod rows;
mod safetensors;
mod spec;
mod storage;
mod weights;

pub use error::ModelError;
pub use executor::{LoadError, ModelExecutor};
pub use files::{ModelFiles, Source, TokenizerSource};
pub use gguf::GgufTokenizerData;
pub use hub::{HubConfig, HubError, resolve};
pub use memory::{HostMemory, MemoryLimitSource};
pub use plan::{
    Bytes, DEFAULT_KV_CACHE_BYTES, KV_TOKENS_END, MAX_NUM_BATCHED_TOKENS, MAX_NUM_SEQS,
    MIN_AUTO_MODEL_LEN, MemoryPlan, PlanError, PlanRequest, SERVER_RESERVE_BYTES, Shortage,
};
pub use role::{LayerTensor, TensorRole};
pub use rope::{RopeScaling, RopeSpec};
pub use spec::{Family, GenerationDefaults, ModelSpec};
pub use weights::WeightError;
