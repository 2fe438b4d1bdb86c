//! The HTTP server: OpenAI's API over the engine and the tokenizer.
//!
//! ```text
//! bytes -> RequestBody -> preparation pool: Body -> wire -> validate -> template -> tokens
//!       -> EngineHandle::submit -> Choices (text deltas) -> chat | completions -> JSON | SSE
//! ```
//!
//! Owns everything that knows JSON or HTTP: wire types, validation, streaming, auth, metrics,
//! probes, start and stop. Never computes on the edge runtime's threads, never waits for the
//! engine to answer a probe or a scrape, and never writes a prompt to the log. Called by the
//! binary, which binds a [`Server`] first and reports loading to its [`Lifecycle`].
#![forbid(unsafe_code)]

mod auth;
mod chat;
mod completions;
mod config;
mod connections;
mod error;
mod exchange;
mod flight;
mod generate;
mod health;
mod kv_events;
mod lifecycle;
mod load_timeline;
mod logprobs;
mod metrics;
mod models;
mod orca;
mod prepare;
mod prompt;
mod request_body;
mod request_id;
mod router;
mod serve;
mod served_model;
mod sse;
mod state;
mod tokenize;
mod trace;
mod validate;
mod wire;

pub use config::{NUM_EDGE_THREADS, ServerConfig, ServerLimits};
pub use error::ApiError;
pub use flight::DumpHandle;
pub use kv_events::KvEventsConfig;
pub use lifecycle::Lifecycle;
pub use metrics::MetricsLabels;
pub use serve::{ExitReason, Server, StopHandle};
pub use served_model::{SamplingDefaults, ServedModel};
