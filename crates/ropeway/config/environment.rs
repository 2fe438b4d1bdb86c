//! Options from environment variables: `--max-model-len` is `ROPEWAY_MAX_MODEL_LEN`.
//!
//! Pure: the variables are passed in. A list is separated by commas. A variable with our prefix
//! that nothing reads is an error, for a misspelt limit is worse than none.

use clap::Command;

use super::error::{ConfigError, suggest};
use super::layers::{Origin, Setting, find};

/// Every variable of ours starts with this.
const VARIABLE_PREFIX: &str = "ROPEWAY_";

/// Variables that are not options: `ROPEWAY_TEST_*` belong to the tests, `ROPEWAY_EMU_*` to the
/// emulated GPU of the tests, the others to a backend.
const OTHER_VARIABLES: [&str; 2] = ["ROPEWAY_CPU_ISA", "ROPEWAY_CPU_ACTIVATIONS"];
const TEST_PREFIXES: [&str; 2] = ["ROPEWAY_TEST_", "ROPEWAY_EMU_"];

/// The variable of an option.
fn variable_name(long: &str) -> String {
    format!("{VARIABLE_PREFIX}{}", long.replace('-', "_").to_ascii_uppercase())
}

/// The settings that `variables` make for the options of `command` that pass `filter`.
///
/// # Errors
/// An empty variable of such an option.
pub(crate) fn environment_settings(
    command: &Command,
    variables: &[(String, String)],
    filter: impl Fn(&str) -> bool,
) -> Result<Vec<Setting>, ConfigError> {
    let mut settings = Vec::new();
    for (name, value) in ours(variables) {
        let Some(long) = option_of(command, name).filter(|long| filter(long)) else { continue };
        if value.is_empty() {
            return Err(ConfigError::EmptyVariable { name: name.clone() });
        }
        settings.push(Setting {
            key: long.to_owned(),
            values: vec![value.clone()],
            origin: Origin::Variable(name.clone()),
        });
    }
    Ok(settings)
}

/// Refuses variables that none of the options called `known` (aliases included) reads.
pub(crate) fn check_variable_names(
    known: &[&str],
    variables: &[(String, String)],
) -> Result<(), ConfigError> {
    let names: Vec<String> = known.iter().map(|long| variable_name(long)).collect();
    for (name, _) in ours(variables) {
        let is_known = OTHER_VARIABLES.contains(&name.as_str())
            || TEST_PREFIXES.iter().any(|prefix| name.starts_with(prefix))
            || names.contains(name);
        if !is_known {
            let suggestion = suggest(&name.to_ascii_uppercase(), names.iter().map(String::as_str));
            return Err(ConfigError::UnknownVariable { name: name.clone(), suggestion });
        }
    }
    Ok(())
}

/// Long name of the option that reads the variable `name`.
fn option_of<'a>(command: &'a Command, name: &str) -> Option<&'a str> {
    let key = name.strip_prefix(VARIABLE_PREFIX)?;
    find(command, &key.to_ascii_lowercase().replace('_', "-")).and_then(|arg| arg.get_long())
}

fn ours(variables: &[(String, String)]) -> impl Iterator<Item = &(String, String)> {
    variables
        .iter()
        .filter(|(name, value)| name.starts_with(VARIABLE_PREFIX) && !is_service_link(name, value))
}

/// True for what Kubernetes puts into every pod for a Service whose name starts with `ropeway`:
/// `ROPEWAY_SERVICE_HOST`, `ROPEWAY_PORT=tcp://10.0.0.1:8000`, `ROPEWAY_PORT_8000_TCP_ADDR` and
/// the like (Kubernetes documentation, "Service", environment variables).
fn is_service_link(name: &str, value: &str) -> bool {
    const URL_SCHEMES: [&str; 3] = ["tcp://", "udp://", "sctp://"];
    let is_url = URL_SCHEMES.iter().any(|scheme| value.starts_with(scheme));
    let port_part = name.rsplit_once("_PORT_").is_some_and(|(_, rest)| {
        rest.split('_').next().is_some_and(|port| port.parse::<u16>().is_ok())
    });
    name.ends_with("_SERVICE_HOST")
        || name.ends_with("_SERVICE_PORT")
        || name.contains("_SERVICE_PORT_")
        || (name.ends_with("_PORT") && is_url)
        || port_part
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn service_links_are_not_ours() {
        for (name, value) in [
            ("ROPEWAY_SERVICE_HOST", "10.0.0.1"),
            ("ROPEWAY_SERVICE_PORT", "8000"),
            ("ROPEWAY_SERVICE_PORT_HTTP", "8000"),
            ("ROPEWAY_PORT", "tcp://10.0.0.1:8000"),
            ("ROPEWAY_PORT_8000_TCP", "tcp://10.0.0.1:8000"),
            ("ROPEWAY_PORT_8000_TCP_ADDR", "10.0.0.1"),
            ("ROPEWAY_ROUTER_PORT_8000_TCP_PROTO", "tcp"),
        ] {
            assert!(is_service_link(name, value), "{name}={value}");
        }
        assert!(!is_service_link("ROPEWAY_PORT", "8000"));
        assert!(!is_service_link("ROPEWAY_MAX_NUM_SEQS", "8"));
    }
}
