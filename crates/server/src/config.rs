//! The server's configuration and its named limits. The binary fills it; nothing here is read from
//! files or the environment.

use std::path::PathBuf;
use std::time::Duration;

use crate::kv_events::KvEventsConfig;

/// Everything the server can be told before a model exists.
#[derive(Clone, Debug)]
pub struct ServerConfig {
    /// Address to listen on: an IP address or a host name.
    pub host: String,
    /// Port to listen on; 0 picks a free one (see [`crate::Server::local_addr`]).
    pub port: u16,
    /// Accepted API keys; empty leaves every route open.
    pub api_keys: Vec<String>,
    /// Origins that browsers may call from; `*` allows all, empty sends no CORS headers.
    pub allowed_origins: Vec<String>,
    /// Requests may set `priority`: the engine runs the priority policy.
    pub allow_priority: bool,
    /// Largest `logprobs` / `top_logprobs` a request may ask for (vLLM's `--max-logprobs`).
    pub max_logprobs: u32,
    /// Keys of `chat_template_kwargs` that clients may set; all others are refused.
    pub allowed_template_kwargs: Vec<String>,
    /// How long new requests are still taken after the first stop signal, while readiness is
    /// already red: the time that load balancers need to hear of it. The next signal ends it.
    pub shutdown_grace: Duration,
    /// How long running requests may take to finish once no new ones are taken.
    pub drain_timeout: Duration,
    /// A step running longer than this counts as hung: `/livez` turns red, the flight recorder is
    /// dumped.
    pub step_timeout: Duration,
    /// Folder for dumps of the flight recorder; `None` writes them to standard error.
    pub flight_recorder_dir: Option<PathBuf>,
    /// `/metrics` is open although there are keys: for scrapers that cannot send one.
    pub metrics_without_key: bool,
    /// Show vLLM's older metric names beside today's.
    pub legacy_metrics: bool,
    /// URL of a collector that takes traces by OTLP over HTTP; `None` makes no traces.
    pub otlp_traces_endpoint: Option<String>,
    /// Where KV cache events are published; `None` records none.
    pub kv_events: Option<KvEventsConfig>,
    /// The `/` under which the GPUs' `sys` and `dev` are looked for.
    pub machine_root: PathBuf,
    /// How long the server still answers after the engine has died, before `run` returns.
    pub death_linger: Duration,
    /// Sizes and waits.
    pub limits: ServerLimits,
}

/// Bounds on what clients may make the server hold.
#[derive(Clone, Debug)]
pub struct ServerLimits {
    /// Request body size; beyond it 413.
    pub max_body_bytes: usize,
    /// Memory of all bodies that arrive or wait, once for their first 64 KiB and once for the rest
    /// of them; beyond it 429. Not less than `max_body_bytes`.
    pub max_held_body_bytes: usize,
    /// Time for a client to send its request headers.
    pub header_timeout: Duration,
    /// Time for a client to send its body.
    pub body_timeout: Duration,
    /// Open connections; further ones are closed at once.
    pub max_connections: usize,
    /// Requests being parsed, templated and tokenised at the same time.
    pub max_preparing: usize,
    /// Requests waiting for that; beyond it 429.
    pub max_waiting_to_prepare: usize,
    /// Choices per prompt.
    pub max_n: u32,
    /// Prompts in one completions request.
    pub max_prompts: usize,
    /// Sequences of one request: choices times prompts.
    pub max_sequences: usize,
    /// Stop strings of one request; their length is bounded by the tokenizer.
    pub max_stop_strings: usize,
    /// Entries of `logit_bias`, `allowed_token_ids` and `stop_token_ids`.
    pub max_token_list: usize,
    /// Chat messages in one request.
    pub max_messages: usize,
}

impl Default for ServerConfig {
    fn default() -> Self {
        Self {
            host: "127.0.0.1".into(),
            port: 8000,
            api_keys: Vec::new(),
            allowed_origins: Vec::new(),
            allow_priority: false,
            max_logprobs: 20,
            allowed_template_kwargs: ["enable_thinking", "thinking", "xml_tools", "date_string"]
                .map(String::from)
                .to_vec(),
            shutdown_grace: Duration::ZERO,
            drain_timeout: Duration::from_secs(30),
            step_timeout: Duration::from_secs(120),
            flight_recorder_dir: None,
            metrics_without_key: false,
            legacy_metrics: false,
            otlp_traces_endpoint: None,
            kv_events: None,
            machine_root: PathBuf::from("/"),
            death_linger: Duration::from_secs(10),
            limits: ServerLimits::default(),
        }
    }
}

impl Default for ServerLimits {
    fn default() -> Self {
        Self {
            max_body_bytes: 32 << 20,
            max_held_body_bytes: 256 << 20,
            header_timeout: Duration::from_secs(10),
            body_timeout: Duration::from_secs(30),
            max_connections: 4096,
            max_preparing: 2,
            max_waiting_to_prepare: 1024,
            max_n: 128,
            max_prompts: 1024,
            max_sequences: 1024,
            max_stop_strings: 4,
            max_token_list: 4096,
            max_messages: 4096,
        }
    }
}

/// Threads of the runtime that answers HTTP. Nothing CPU-heavy runs there, so two suffice to keep
/// health and metrics prompt.
pub const NUM_EDGE_THREADS: usize = 2;

/// What a connection reads ahead, and so the longest request head (beyond it 431), and per HTTP/2
/// stream what it holds for a client that does not read.
pub(crate) const CONNECTION_BUFFER_BYTES: usize = 64 << 10;
