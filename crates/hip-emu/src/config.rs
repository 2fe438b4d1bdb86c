//! The `ROPEWAY_EMU_*` variables as one typed value.
//!
//! Read once, when the first HIP function is called. An unknown variable of that prefix or a bad
//! value is an error: the emulator then refuses to start, so that no test runs with less than it
//! asked for.

use std::path::PathBuf;
use std::str::FromStr;

use thiserror::Error;

use crate::faults::{self, FaultGrammarError, FaultRule};

/// Prefix of every variable.
const PREFIX: &str = "ROPEWAY_EMU_";
/// Most devices: what a machine with MI300X has.
pub const MAX_DEVICES: usize = 8;

/// How the emulator is set up.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Config {
    /// `ROPEWAY_EMU_DEVICES`: number of devices, 1 to 8.
    pub num_devices: usize,
    /// `ROPEWAY_EMU_SEED`: seed of the order of work-groups, waves and ready graph nodes; without
    /// it the natural order.
    pub seed: Option<u64>,
    /// `ROPEWAY_EMU_THREADS`: threads of a launch, from 1; without it as many as processors.
    pub num_threads: Option<usize>,
    /// `ROPEWAY_EMU_SANITIZE=1`: every launch is watched by the sanitizer.
    pub sanitize: bool,
    /// `ROPEWAY_EMU_REPORT`: file to which a line of JSON is appended after each launch.
    pub report: Option<PathBuf>,
    /// `ROPEWAY_EMU_CALLS`: file to which a line is appended after each call of the runtime.
    pub calls: Option<PathBuf>,
    /// `ROPEWAY_EMU_SAMPLE`: most work-groups of a launch that run, for counting large shapes.
    /// Memory then holds a part of the results; not with the sanitizer.
    pub sample: Option<u64>,
    /// `ROPEWAY_EMU_OBJECTS`: file to which a line of JSON with all that still lives is appended when
    /// the process ends.
    pub objects: Option<PathBuf>,
    /// `ROPEWAY_EMU_FAULT`: faults on order.
    pub faults: Vec<FaultRule>,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            num_devices: 1,
            seed: None,
            num_threads: None,
            sanitize: false,
            report: None,
            calls: None,
            sample: None,
            objects: None,
            faults: Vec::new(),
        }
    }
}

/// A variable that cannot be understood.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum ConfigError {
    /// No such variable.
    #[error(
        "{0} is not a variable of the emulator; it has ROPEWAY_EMU_DEVICES, _SEED, _THREADS, \
         _SANITIZE, _REPORT, _CALLS, _SAMPLE, _OBJECTS and _FAULT"
    )]
    Unknown(String),
    /// A bad value.
    #[error("{name}={value}: {wanted}")]
    Value {
        /// The variable.
        name: String,
        /// Its value.
        value: String,
        /// What it may be.
        wanted: &'static str,
    },
    /// A sample leaves memory undefined that the sanitizer would then report.
    #[error("ROPEWAY_EMU_SAMPLE and ROPEWAY_EMU_SANITIZE=1 exclude each other")]
    SampleSanitized,
    /// Bad faults.
    #[error("ROPEWAY_EMU_FAULT: {0}")]
    Fault(#[from] FaultGrammarError),
}

impl Config {
    /// Reads the process's environment.
    ///
    /// # Errors
    /// See [`ConfigError`].
    pub fn from_env() -> Result<Self, ConfigError> {
        let text = |os: std::ffi::OsString| os.to_string_lossy().into_owned();
        Self::from_variables(std::env::vars_os().map(|(name, value)| (text(name), text(value))))
    }

    fn from_variables(
        variables: impl Iterator<Item = (String, String)>,
    ) -> Result<Self, ConfigError> {
        let mut config = Self::default();
        for (name, value) in variables {
            let Some(rest) = name.strip_prefix(PREFIX) else { continue };
            let error =
                |wanted| ConfigError::Value { name: name.clone(), value: value.clone(), wanted };
            match rest {
                "DEVICES" => {
                    config.num_devices = number(&value, 1..=MAX_DEVICES)
                        .ok_or_else(|| error("a number of devices from 1 to 8"))?;
                }
                "SEED" => {
                    let seed = number(&value, 0..=u64::MAX);
                    config.seed = Some(seed.ok_or_else(|| error("a number from 0 on"))?);
                }
                "THREADS" => {
                    let threads = number(&value, 1..=1024);
                    config.num_threads =
                        Some(threads.ok_or_else(|| error("a number from 1 to 1024"))?);
                }
                "SANITIZE" => {
                    config.sanitize = match value.as_str() {
                        "0" => false,
                        "1" => true,
                        _ => return Err(error("0 or 1")),
                    };
                }
                "REPORT" | "CALLS" | "OBJECTS" if value.is_empty() => {
                    return Err(error("the path of a file"));
                }
                "REPORT" => config.report = Some(PathBuf::from(&value)),
                "CALLS" => config.calls = Some(PathBuf::from(&value)),
                "SAMPLE" => {
                    let most = number(&value, 1..=u64::MAX);
                    config.sample = Some(most.ok_or_else(|| error("a number from 1 on"))?);
                }
                "OBJECTS" => config.objects = Some(PathBuf::from(&value)),
                "FAULT" => config.faults = faults::parse(&value)?,
                _ => return Err(ConfigError::Unknown(name)),
            }
        }
        if config.sanitize && config.sample.is_some() {
            return Err(ConfigError::SampleSanitized);
        }
        Ok(config)
    }
}

fn number<T: FromStr + PartialOrd>(text: &str, range: std::ops::RangeInclusive<T>) -> Option<T> {
    text.parse().ok().filter(|n| range.contains(n))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(variables: &[(&str, &str)]) -> Result<Config, ConfigError> {
        let own = |&(name, value): &(&str, &str)| (name.to_owned(), value.to_owned());
        Config::from_variables(variables.iter().map(own))
    }

    #[test]
    fn every_variable_has_its_effect() {
        assert_eq!(read(&[("HOME", "/"), ("ROPEWAY_MODEL", "x")]), Ok(Config::default()));
        let config = read(&[
            ("ROPEWAY_EMU_DEVICES", "8"),
            ("ROPEWAY_EMU_SEED", "7"),
            ("ROPEWAY_EMU_THREADS", "2"),
            ("ROPEWAY_EMU_SANITIZE", "1"),
            ("ROPEWAY_EMU_REPORT", "r.json"),
            ("ROPEWAY_EMU_CALLS", "calls"),
            ("ROPEWAY_EMU_OBJECTS", "o.json"),
            ("ROPEWAY_EMU_FAULT", "alloc@1"),
        ]);
        let expected = Config {
            num_devices: 8,
            seed: Some(7),
            num_threads: Some(2),
            sanitize: true,
            report: Some(PathBuf::from("r.json")),
            calls: Some(PathBuf::from("calls")),
            sample: None,
            objects: Some(PathBuf::from("o.json")),
            faults: faults::parse("alloc@1").expect("a good rule"),
        };
        assert_eq!(config, Ok(expected));
        let sample = Config { sample: Some(3), ..Config::default() };
        assert_eq!(read(&[("ROPEWAY_EMU_SAMPLE", "3")]), Ok(sample));
    }

    #[test]
    fn bad_values_and_unknown_variables_are_refused() {
        for (name, value) in [
            ("DEVICES", "0"),
            ("DEVICES", "9"),
            ("DEVICES", "two"),
            ("SEED", "-1"),
            ("THREADS", "0"),
            ("SANITIZE", "yes"),
            ("REPORT", ""),
            ("OBJECTS", ""),
            ("FAULT", "alloc"),
            ("SAMPLE", "0"),
            ("DEVICE", "1"),
        ] {
            assert!(read(&[(&format!("{PREFIX}{name}"), value)]).is_err(), "{name}={value}");
        }
        let both = read(&[("ROPEWAY_EMU_SAMPLE", "1"), ("ROPEWAY_EMU_SANITIZE", "1")]);
        assert_eq!(both, Err(ConfigError::SampleSanitized));
    }
}
