//! Starts structured logging on standard error: text on a terminal, JSON otherwise.

use std::io::{IsTerminal, stderr};

use tracing_subscriber::EnvFilter;

use crate::config::{LogFormat, LoggingConfig};

/// Installs the process's log writer. A second call changes nothing, as only one can exist.
pub(crate) fn start(config: &LoggingConfig) {
    let mut filter = EnvFilter::try_new(&config.log_level)
        .expect("the filter was parsed when the configuration was read");
    if !config.enable_log_requests {
        filter = filter.add_directive("requests=off".parse().expect("a constant directive"));
    }
    let builder = tracing_subscriber::fmt().with_env_filter(filter).with_writer(stderr);
    let terminal = stderr().is_terminal();
    let text = match config.log_format {
        LogFormat::Auto => terminal,
        LogFormat::Text => true,
        LogFormat::Json => false,
    };
    let outcome = if text {
        builder.with_ansi(terminal).with_target(false).try_init()
    } else {
        builder.json().flatten_event(true).try_init()
    };
    if let Err(error) = outcome {
        eprintln!("logging was already started: {error}");
    }
}
