//! The server over its real router and real sockets, with a scripted executor below a real engine.

#![allow(clippy::unwrap_used, reason = "tests; an unwrap that fails is a failed test")]

mod auth;
mod chat;
mod completions;
mod connection;
mod fixture;
mod flight;
mod health;
mod kv_events;
mod metrics;
mod orca;
mod overload;
mod stop_strings;
mod tokenize;
mod trace;
mod validation;
