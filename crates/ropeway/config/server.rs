//! Options: the HTTP side.

use std::net::{IpAddr, SocketAddr};
use std::path::PathBuf;
use std::sync::LazyLock;
use std::time::Duration;

use clap::builder::BoolishValueParser;
use clap::{ArgAction, Args};

use super::error::ConfigError;
use super::model::non_empty;
use super::number::parse_duration;

/// The server's own default, in clap's form.
static STEP_TIMEOUT: LazyLock<String> =
    LazyLock::new(|| format!("{}s", server::ServerConfig::default().step_timeout.as_secs()));

/// Address, keys, limits of requests, life cycle.
#[derive(Args, Clone, Debug, PartialEq)]
#[command(next_help_heading = "Server")]
pub(crate) struct ServerConfig {
    /// Address to listen on; 0.0.0.0 serves the whole network
    #[arg(long, value_name = "ADDRESS", default_value = "127.0.0.1", value_parser = parse_host)]
    pub(crate) host: IpAddr,

    /// Port to listen on; 0 takes a free one
    #[arg(long, value_name = "PORT", default_value_t = 8000)]
    pub(crate) port: u16,

    /// Keys of which clients must send one as a bearer token [default: no key needed]
    #[arg(long, value_name = "KEY", num_args = 1.., value_delimiter = ',', value_parser = parse_key)]
    pub(crate) api_key: Vec<String>,

    /// Show /metrics to clients without a key, too: for an endpoint picker, which cannot send one
    #[arg(long, action = ArgAction::Set, num_args = 0..=1, require_equals = true, default_value_t = false,
          default_missing_value = "true", hide_possible_values = true, value_name = "BOOL",
          value_parser = BoolishValueParser::new())]
    pub(crate) metrics_without_key: bool,

    /// Web origins that browsers may call from; `*` is any [default: none]
    #[arg(long, value_name = "ORIGIN", num_args = 1.., value_delimiter = ',', value_parser = non_empty)]
    pub(crate) allowed_origins: Vec<String>,

    /// Most log-probabilities a request may ask for per token
    #[arg(long, value_name = "N", default_value_t = 20)]
    pub(crate) max_logprobs: u32,

    /// Time after SIGTERM in which /readyz already fails and new requests are still taken, for load
    /// balancers to hear of it; a second signal ends it
    #[arg(long, value_name = "TIME", default_value = "0s", value_parser = parse_duration)]
    pub(crate) shutdown_grace: Duration,

    /// Time that running requests get to finish once no new ones are taken (after SIGTERM and
    /// --shutdown-grace); 0 ends them at once
    #[arg(long, value_name = "TIME", default_value = "30s", value_parser = parse_duration)]
    pub(crate) shutdown_timeout: Duration,

    /// Time after which one step counts as hung and /livez fails; soon after, the process ends
    #[arg(long, value_name = "TIME", default_value = STEP_TIMEOUT.as_str(), value_parser = parse_duration)]
    pub(crate) step_timeout: Duration,

    /// Address and port on which KV cache events go out as ZeroMQ PUB, such as 0.0.0.0:5557
    /// [default: no events]
    #[arg(long, value_name = "ADDRESS:PORT")]
    pub(crate) kv_events_endpoint: Option<SocketAddr>,

    /// Address and port of the ZeroMQ ROUTER that repeats missed events [default: none]
    #[arg(long, value_name = "ADDRESS:PORT")]
    pub(crate) kv_events_replay_endpoint: Option<SocketAddr>,

    /// Topic of KV events, with {model} for the served name; llm-d wants kv@POD_IP:PORT@{model}
    /// [default: kv@HOST@{model}]
    #[arg(long, value_name = "TOPIC")]
    pub(crate) kv_events_topic: Option<String>,

    /// TOML file with these options as keys, such as `max-model-len = "32k"`
    #[arg(long, value_name = "FILE")]
    pub(crate) config: Option<PathBuf>,
}

impl ServerConfig {
    /// Holds the options to each other once all layers are in: clap would hold each layer to it alone.
    pub(super) fn settle(&self) -> Result<(), ConfigError> {
        if self.kv_events_endpoint.is_some() {
            return Ok(());
        }
        let replay = self.kv_events_replay_endpoint.map(|_| "--kv-events-replay-endpoint");
        let topic = self.kv_events_topic.as_ref().map(|_| "--kv-events-topic");
        replay.or(topic).map_or(Ok(()), |option| Err(ConfigError::NoKvEvents { option }))
    }
}

/// A key without the blanks around it: a Secret made from a file ends in a newline, which no header
/// can carry.
fn parse_key(text: &str) -> Result<String, String> {
    non_empty(text.trim())
}

/// An address, or the one name that needs no resolver.
fn parse_host(text: &str) -> Result<IpAddr, String> {
    match text {
        "localhost" => Ok(IpAddr::from([127, 0, 0, 1])),
        _ => text.parse().map_err(|_| {
            "expected an IP address such as 127.0.0.1, 0.0.0.0 or ::, or `localhost`".to_owned()
        }),
    }
}
