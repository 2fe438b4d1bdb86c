//! Opening models: valid ones give the right spec and bytes, hostile ones a typed error that names
//! the place, quickly and without large allocations (rows F1-F4 and F6 of the survival table).
#![allow(
    clippy::unwrap_used,
    reason = "test code; clippy.toml only knows functions marked as tests"
)]

mod allocation;
mod builders;
mod config;
mod gguf;
mod hostile_gguf;
mod hostile_safetensors;
mod mutations;
mod paths;
mod safetensors;
