//! The server over its real router and real sockets, with a scripted executor below a real engine.

mod auth;
mod chat;
mod completions;
mod connection;
mod fixture;
mod health;
mod metrics;
mod overload;
mod stop_strings;
mod tokenize;
mod validation;
