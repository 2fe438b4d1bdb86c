//! From `--device` to an opened device. The only place that names the concrete backends.

use backend::Device as _;
use cpu::{CpuConfig, CpuDevice};
use hip::{ActivationType, HipConfig, HipDevice, HipFailure};

use crate::config::{AutoOr, Device, ModelConfig};

/// A device of some backend.
pub(crate) enum AnyDevice {
    Cpu(Box<CpuDevice>),
    Hip(Box<HipDevice>),
}

/// A device, and what an operator is told of the choice.
pub(crate) struct Chosen {
    pub(crate) device: AnyDevice,
    /// The device's name.
    pub(crate) name: String,
    /// Why `auto` took the CPU.
    pub(crate) reason: Option<String>,
}

impl Chosen {
    /// Name and reason in one.
    pub(crate) fn line(&self) -> String {
        match &self.reason {
            Some(reason) => format!("{}: {reason}", self.name),
            None => self.name.clone(),
        }
    }
}

impl AnyDevice {
    /// Opens what was asked for. A GPU is never replaced by the CPU: `auto` takes the CPU only where
    /// there is no GPU to be found, and the reason is kept to be told. A GPU computes in
    /// `activations`.
    pub(crate) fn open(
        config: &ModelConfig,
        activations: ActivationType,
    ) -> anyhow::Result<Chosen> {
        let (device, reason) = match config.device {
            Device::Cpu => (Self::cpu(config)?, None),
            Device::Hip(index) => (Self::hip(config, index, activations)?, None),
            Device::Auto => match Self::hip(config, 0, activations) {
                Ok(device) => (device, None),
                // A library named by the operator that does not work is a mistake to be told.
                Err(failure) if config.hip_library.is_some() => return Err(failure.into()),
                Err(failure) if failure.means_no_gpu() => {
                    (Self::cpu(config)?, Some(failure.to_string()))
                }
                Err(failure) => {
                    let told = "--device auto found a GPU that cannot be used; run without it by \
                                --device cpu";
                    return Err(anyhow::Error::from(failure).context(told));
                }
            },
        };
        let name = match &device {
            Self::Cpu(device) => device.name(),
            Self::Hip(device) => device.name(),
        };
        Ok(Chosen { device, name, reason })
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
    ) -> Result<Self, HipFailure> {
        let library = config.hip_library.clone();
        let mut hip = HipConfig { index, library, activations, ..HipConfig::default() };
        if config.enforce_eager {
            hip.max_graphs = 0;
        }
        Ok(Self::Hip(Box::new(HipDevice::new(&hip)?)))
    }
}
