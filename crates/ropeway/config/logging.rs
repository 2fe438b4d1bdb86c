//! Options: what is written where.

use std::path::PathBuf;

use clap::builder::BoolishValueParser;
use clap::{ArgAction, Args, ValueEnum};

/// Where Kubernetes puts the file, unless a container says otherwise.
pub(crate) const DEFAULT_TERMINATION_LOG: &str = "/dev/termination-log";

/// Format and amount of logs, which go to standard error.
#[derive(Args, Clone, Debug, PartialEq, Eq)]
#[command(next_help_heading = "Logging")]
pub(crate) struct LoggingConfig {
    /// Log format; `auto` is text on a terminal and JSON otherwise
    #[arg(long, value_enum, default_value_t = LogFormat::Auto)]
    pub(crate) log_format: LogFormat,

    /// Least severe level logged: error, warn, info, debug, trace, or filters such as
    /// `info,engine=debug`
    #[arg(long, value_name = "FILTER", default_value = "info", value_parser = parse_filter)]
    pub(crate) log_level: String,

    /// Log one line for each request (never its text)
    #[arg(long, action = ArgAction::Set, num_args = 0..=1, require_equals = true, default_value_t = true,
          default_missing_value = "true", hide_possible_values = true, value_name = "BOOL",
          value_parser = BoolishValueParser::new(), overrides_with = "disable_log_requests")]
    pub(crate) enable_log_requests: bool,

    /// Turn --enable-log-requests off
    #[arg(long, aliases = ["no-enable-log-requests", "disable-uvicorn-access-log"],
          action = ArgAction::SetTrue, overrides_with = "enable_log_requests")]
    disable_log_requests: bool,

    /// File that gets the cause when the server cannot start, if the file exists
    #[arg(long, value_name = "FILE", default_value = DEFAULT_TERMINATION_LOG)]
    pub(crate) termination_log: PathBuf,

    /// Folder for dumps of the last steps, made when a step hangs, when the engine dies and on SIGQUIT
    /// [default: standard error]
    #[arg(long, value_name = "FOLDER")]
    pub(crate) flight_recorder_dir: Option<PathBuf>,

    /// Collector that gets a trace of each request by OTLP over HTTP (protobuf), such as
    /// http://localhost:4318; without a path, /v1/traces is added [default: no traces]
    #[arg(long, value_name = "URL", value_parser = parse_endpoint)]
    pub(crate) otlp_traces_endpoint: Option<String>,

    /// Show metrics under the names that vLLM gave them before, too
    #[arg(long, action = ArgAction::Set, num_args = 0..=1, require_equals = true, default_value_t = false,
          default_missing_value = "true", hide_possible_values = true, value_name = "BOOL",
          value_parser = BoolishValueParser::new())]
    pub(crate) legacy_metrics: bool,
}

/// How a log line is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum LogFormat {
    /// Text on a terminal, JSON otherwise
    Auto,
    /// One readable line for each event
    Text,
    /// One JSON object for each event
    Json,
}

impl LoggingConfig {
    pub(super) fn settle(&mut self) {
        self.enable_log_requests &= !std::mem::take(&mut self.disable_log_requests);
    }
}

/// A collector's whole URL, as the OTLP exporter specification completes it.
fn parse_endpoint(text: &str) -> Result<String, String> {
    let mut url = reqwest::Url::parse(text).map_err(|error| error.to_string())?;
    if !matches!(url.scheme(), "http" | "https") || !url.has_host() {
        return Err("expected a URL such as http://localhost:4318".to_owned());
    }
    if url.path() == "/" {
        url.set_path("/v1/traces");
    }
    Ok(url.into())
}

/// Checks the filter now, so that a typing error is a usage error and not silence later. A bare
/// word must be a level: the filter library would take any other word for a module's name.
fn parse_filter(text: &str) -> Result<String, String> {
    const LEVELS: [&str; 6] = ["off", "error", "warn", "info", "debug", "trace"];
    for part in text.split(',') {
        let level = part.rsplit_once('=').map_or(part, |(_target, level)| level);
        if !LEVELS.contains(&level.to_ascii_lowercase().as_str()) {
            return Err(format!("`{level}` is not a level ({})", LEVELS.join(", ")));
        }
    }
    tracing_subscriber::EnvFilter::try_new(text)
        .map(|_| text.to_owned())
        .map_err(|error| error.to_string())
}
