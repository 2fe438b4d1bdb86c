//! From `--device` to an opened device. The only place that names the concrete backends.

use cpu::{CpuConfig, CpuDevice};
use hip::{ActivationType, HipConfig, HipDevice, HipFailure};

use crate::config::{AutoOr, Device, ModelConfig};

/// A device of some backend.
pub(crate) enum AnyDevice {
    Cpu(Box<CpuDevice>),
    Hip(Box<HipDevice>),
}

impl AnyDevice {
    /// Opens what was asked for. A GPU that was asked for by name is never replaced by the CPU;
    /// `auto` says in the log why it passes a GPU over. A GPU computes in `activations`.
    pub(crate) fn open(config: &ModelConfig, activations: ActivationType) -> anyhow::Result<Self> {
        match config.device {
            Device::Cpu => Self::cpu(config),
            Device::Hip(index) => Ok(Self::Hip(Box::new(Self::hip(config, index, activations)?))),
            Device::Auto => match Self::hip(config, 0, activations) {
                Ok(device) => Ok(Self::Hip(Box::new(device))),
                // A library named by the operator that does not work is a mistake to be told.
                Err(failure) if config.hip_library.is_some() => Err(failure.into()),
                Err(failure @ (HipFailure::Runtime(_) | HipFailure::CpuOnlyBuild)) => {
                    tracing::info!(reason = %failure, "running on the CPU");
                    Self::cpu(config)
                }
                Err(failure) => {
                    tracing::warn!(reason = %failure, "running on the CPU");
                    Self::cpu(config)
                }
            },
        }
    }

    fn cpu(config: &ModelConfig) -> anyhow::Result<Self> {
        let num_threads = match config.threads {
            AutoOr::Auto => None,
            AutoOr::Value(threads) => Some(threads),
        };
        Ok(Self::Cpu(Box::new(CpuDevice::new(CpuConfig { num_threads, ..CpuConfig::default() })?)))
    }

    fn hip(
        config: &ModelConfig,
        index: u32,
        activations: ActivationType,
    ) -> Result<HipDevice, HipFailure> {
        let library = config.hip_library.clone();
        let mut hip = HipConfig { index, library, activations, ..HipConfig::default() };
        if config.enforce_eager {
            hip.max_graphs = 0;
        }
        HipDevice::new(&hip)
    }
}
