//! The `ropeway` program: reads the command line and hands over to one subcommand.
//!
//! Owns the process: arguments, logging, exit codes. It is the only place that names a concrete
//! backend. It holds no policy and no model code. Exit codes: 0 done, 1 failed, 2 wrong usage;
//! `serve` and `doctor` have more.
#![forbid(unsafe_code)]

mod bench;
mod chat;
mod cli;
mod client;
mod config;
mod devices;
mod doctor;
mod inspect;
mod logging;
mod progress;
mod serve;
mod version;

use std::path::Path;
use std::process::ExitCode;

use crate::cli::{BenchCommand, Command};
use crate::config::ConfigError;
use crate::doctor::Layer;

/// Exit code of a command line, variable or configuration file that makes no sense.
const EXIT_USAGE: u8 = 2;

fn main() -> ExitCode {
    // reqwest is built without a TLS provider of its own. A second installation is refused, and
    // harmless: there is only one provider in the binary.
    let _already_installed = rustls::crypto::ring::default_provider().install_default();
    let arguments: Vec<_> = std::env::args_os().collect();
    let environment: Vec<_> = std::env::vars_os()
        .filter_map(|(name, value)| Some((name.into_string().ok()?, value.into_string().ok()?)))
        .collect();
    let termination_log = cli::termination_log(&arguments, &environment);
    match cli::load(arguments, environment) {
        Ok(command) => run(command),
        Err(error) => refuse(error, termination_log.as_deref()),
    }
}

/// Says what is wrong with the command line, also to the orchestrator of a server.
fn refuse(error: ConfigError, termination_log: Option<&Path>) -> ExitCode {
    if let (Some(log), Some(complaint)) = (termination_log, error.complaint()) {
        serve::last_words::write(log, Layer::Runtime, &complaint);
    }
    match error {
        ConfigError::CommandLine(error) => error.exit(),
        error => {
            eprintln!("error: {error}");
            ExitCode::from(EXIT_USAGE)
        }
    }
}

fn run(command: Command) -> ExitCode {
    let outcome = match command {
        Command::Serve(config) => serve::run(*config),
        Command::Chat(options) => chat::run(options),
        Command::Bench(BenchCommand::Serve(options)) => bench::run(*options),
        Command::Inspect(options) => inspect::run(*options),
        Command::Doctor(options) => doctor::run(*options),
        Command::Devices(options) => devices::run(&options),
    };
    match outcome {
        Ok(code) => code,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}
