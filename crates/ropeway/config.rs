//! What `ropeway serve` can be told: one typed struct, its defaults, and how it is filled.
//!
//! Owns every option's name, range, default and help text. Command line beats environment
//! (`ROPEWAY_*`) beats configuration file beats default. It never reads a model or opens a port.
//! Called by `cli`, read by `serve`.

mod environment;
mod error;
mod file;
mod layers;
mod logging;
mod memory;
mod model;
mod number;
mod scheduling;
mod server;
#[cfg(test)]
mod tests;

use clap::Args;

pub(crate) use self::environment::{check_variable_names, environment_settings};
pub(crate) use self::error::ConfigError;
pub(crate) use self::layers::{lower_layers, option_names};
pub(crate) use self::logging::{DEFAULT_TERMINATION_LOG, LogFormat, LoggingConfig};
pub(crate) use self::memory::{KvCacheDtype, MemoryConfig};
pub(crate) use self::model::{Device, Dtype, GenerationConfig, ModelConfig};
pub(crate) use self::number::AutoOr;
pub(crate) use self::scheduling::{SchedulingConfig, SchedulingPolicy};
pub(crate) use self::server::ServerConfig;

/// Everything `ropeway serve` can be told.
#[derive(Args, Clone, Debug, PartialEq)]
pub(crate) struct ServeConfig {
    /// Which model, and on what it runs.
    #[command(flatten)]
    pub(crate) model: ModelConfig,
    /// How memory is divided.
    #[command(flatten)]
    pub(crate) memory: MemoryConfig,
    /// How requests share the steps.
    #[command(flatten)]
    pub(crate) scheduling: SchedulingConfig,
    /// Address, keys, limits of requests, life cycle.
    #[command(flatten)]
    pub(crate) server: ServerConfig,
    /// What is written where.
    #[command(flatten)]
    pub(crate) logging: LoggingConfig,
}

impl ServeConfig {
    /// Folds `--no-x` into `x` and `--model` into the model, and checks what spans options.
    pub(crate) fn settle(self) -> Result<Self, ConfigError> {
        let settled = self.settle_without_model()?;
        if settled.model.is_named() { Ok(settled) } else { Err(ConfigError::NoModel) }
    }

    /// Like [`ServeConfig::settle`], for a command that can do without a model.
    pub(crate) fn settle_without_model(mut self) -> Result<Self, ConfigError> {
        self.model.settle();
        self.scheduling.settle()?;
        self.server.settle()?;
        self.logging.settle();
        Ok(self)
    }
}
