//! What one check found, and what the findings mean for the exit code. Pure data.

use std::process::ExitCode;

use serde::Serialize;

/// Where a fault lies, from the ground up.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Layer {
    /// Driver, device nodes, runtime libraries, device plugin.
    Gpu,
    /// Addresses, ports, services, policies.
    Network,
    /// Model files, volumes.
    Storage,
    /// The process, its container and its limits.
    Runtime,
}

impl Layer {
    pub(crate) const ALL: [Self; 4] = [Self::Gpu, Self::Network, Self::Storage, Self::Runtime];

    /// The process's exit code when this is the lowest layer that failed; the scripts under
    /// `deploy/scripts` use the same numbers.
    pub(crate) fn exit_code(self) -> u8 {
        match self {
            Self::Gpu => 11,
            Self::Network => 12,
            Self::Storage => 13,
            Self::Runtime => 14,
        }
    }

    /// The layer's name in texts.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Gpu => "gpu",
            Self::Network => "network",
            Self::Storage => "storage",
            Self::Runtime => "runtime",
        }
    }
}

/// How a check came out.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Status {
    /// As it should be.
    Good,
    /// Serving works, but worse than it could.
    Warning,
    /// Serving cannot work.
    Failed,
}

/// The outcome of one check.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub(crate) struct Finding {
    /// Where it lies.
    pub(crate) layer: Layer,
    /// Name of the check.
    pub(crate) check: &'static str,
    /// How it came out.
    pub(crate) status: Status,
    /// What one sees.
    pub(crate) symptom: String,
    /// Why; empty when all is good.
    #[serde(skip_serializing_if = "str::is_empty")]
    pub(crate) cause: String,
    /// What was read to tell.
    pub(crate) evidence: String,
    /// What to do; empty when all is good.
    #[serde(skip_serializing_if = "str::is_empty")]
    pub(crate) remedy: String,
}

impl Finding {
    /// All is good.
    pub(crate) fn good(
        layer: Layer,
        check: &'static str,
        symptom: impl Into<String>,
        evidence: impl Into<String>,
    ) -> Self {
        let (symptom, evidence) = (symptom.into(), evidence.into());
        let (cause, remedy) = (String::new(), String::new());
        Self { layer, check, status: Status::Good, symptom, cause, evidence, remedy }
    }

    /// Something is wrong: `[symptom, cause, evidence, remedy]`.
    pub(crate) fn wrong(
        layer: Layer,
        check: &'static str,
        status: Status,
        [symptom, cause, evidence, remedy]: [String; 4],
    ) -> Self {
        Self { layer, check, status, symptom, cause, evidence, remedy }
    }
}

/// 0 if nothing failed, else the code of the lowest layer that did: what stands on it is often
/// broken only because of it.
pub(crate) fn exit_code(findings: &[Finding]) -> ExitCode {
    findings
        .iter()
        .filter(|finding| finding.status == Status::Failed)
        .map(|finding| finding.layer)
        .min()
        .map_or(ExitCode::SUCCESS, |layer| ExitCode::from(layer.exit_code()))
}

/// A `[symptom, cause, evidence, remedy]` from anything that makes strings.
macro_rules! told {
    ($symptom:expr, $cause:expr, $evidence:expr, $remedy:expr $(,)?) => {
        [$symptom.to_string(), $cause.to_string(), $evidence.to_string(), $remedy.to_string()]
    };
}

pub(crate) use told;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_exit_code_is_that_of_the_lowest_failed_layer() {
        let finding = |layer, status| Finding::wrong(layer, "x", status, told!["", "", "", ""]);
        let warned = finding(Layer::Gpu, Status::Warning);
        let failed = [
            warned.clone(),
            finding(Layer::Runtime, Status::Failed),
            finding(Layer::Network, Status::Failed),
        ];
        assert_eq!(exit_code(&failed), ExitCode::from(12));
        assert_eq!(exit_code(&[warned]), ExitCode::SUCCESS);
        let codes =
            [Layer::Gpu, Layer::Network, Layer::Storage, Layer::Runtime].map(Layer::exit_code);
        assert_eq!(codes, [11, 12, 13, 14], "documented in README.md");
    }
}
