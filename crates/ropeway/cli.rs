//! The command line: subcommands, and the way from arguments and environment to one of them.
//!
//! Owns the list of subcommands and the precedence of the layers; the options themselves live
//! with their subcommand. Pure but for reading the configuration file. Called by `main`.

use std::ffi::OsString;
use std::path::PathBuf;

use clap::{CommandFactory, FromArgMatches, Parser, Subcommand};

use crate::bench::BenchOptions;
use crate::chat::ChatOptions;
use crate::config::{
    ConfigError, DEFAULT_TERMINATION_LOG, ServeConfig, check_variable_names, environment_settings,
    lower_layers, option_names,
};
use crate::devices::DevicesOptions;
use crate::doctor::DoctorOptions;
use crate::inspect::InspectOptions;
use crate::version;

/// Commands that all variables speak to.
const SERVER_COMMANDS: [&str; 3] = ["serve", "inspect", "doctor"];

/// Variables that `chat` and `bench` read; the others speak of the server.
const CLIENT_SETTINGS: [&str; 2] = ["url", "api-key"];

/// A native LLM inference server with PagedAttention for AMD Instinct GPUs and CPUs
#[derive(Parser, Debug)]
#[command(name = "ropeway", version = env!("CARGO_PKG_VERSION"), max_term_width = 100)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

/// What the program is asked to do.
#[derive(Subcommand, Clone, Debug)]
pub(crate) enum Command {
    /// Serve a model over the OpenAI HTTP API
    #[command(after_help = SERVE_NOTE)]
    Serve(Box<ServeConfig>),
    /// Talk to a server in the terminal
    Chat(ChatOptions),
    /// Measure a server
    #[command(subcommand)]
    Bench(BenchCommand),
    /// Show what a model is made of
    Inspect(Box<InspectOptions>),
    /// Find out why a node or a cluster does not serve
    #[command(after_help = DOCTOR_NOTE)]
    Doctor(Box<DoctorOptions>),
    /// List what models can run on
    Devices(DevicesOptions),
}

/// What is measured.
#[derive(Subcommand, Clone, Debug)]
pub(crate) enum BenchCommand {
    /// Send requests over HTTP and report latency and throughput
    Serve(Box<BenchOptions>),
}

const SERVE_NOTE: &str = "\
Every option can also be set as an environment variable (--max-model-len is
ROPEWAY_MAX_MODEL_LEN; lists are separated by commas) or as a key of the TOML file that --config
names. The command line beats the environment, the environment beats the file.

Numbers: 32k is 32,000 and 32K is 32,768; 4G and 4GiB are binary, 4GB is decimal.";

const DOCTOR_NOTE: &str = "\
Changes nothing. Exit code: 0 nothing failed, else that of the lowest layer that did: 11 GPU,
12 network, 13 storage, 14 runtime; 1 and 2 are the doctor's own failure and wrong usage.";

/// Reads arguments and environment into a command.
///
/// # Errors
/// Anything that makes no sense, with its remedy; also the text of `--help` and `--version`.
pub(crate) fn load(
    arguments: Vec<OsString>,
    environment: Vec<(String, String)>,
) -> Result<Command, ConfigError> {
    let cli = Cli::command().long_version(version::long());
    let matches = cli.clone().try_get_matches_from(&arguments)?;
    check_variable_names(&names_of_variables(&cli), &environment)?;

    // Options stand behind their subcommand, whose words are therefore the first arguments.
    let (mut command, mut matches, mut num_words) = (&cli, &matches, 1);
    while let Some((name, sub_matches)) = matches.subcommand() {
        command = command.find_subcommand(name).expect("clap matched this subcommand");
        (matches, num_words) = (sub_matches, num_words + 1);
    }
    let is_server = num_words == 2 && SERVER_COMMANDS.contains(&command.get_name());
    let settings = environment_settings(command, &environment, |key| {
        is_server || CLIENT_SETTINGS.contains(&key)
    })?;
    let below = lower_layers(command, matches, settings)?;

    let mut layered = arguments;
    layered.splice(num_words..num_words, below);
    let matches = cli.clone().try_get_matches_from(layered)?;
    match Cli::from_arg_matches(&matches)?.command {
        Command::Serve(config) => Ok(Command::Serve(Box::new(config.settle()?))),
        Command::Inspect(options) => Ok(Command::Inspect(Box::new(options.settle()?))),
        Command::Doctor(options) => Ok(Command::Doctor(Box::new(options.settle()?))),
        other => Ok(other),
    }
}

/// Where `serve` would leave its last words, for arguments and variables that make no sense as a whole;
/// the configuration file, which may be what is wrong, is not asked. `None` for other commands.
pub(crate) fn termination_log(
    arguments: &[OsString],
    environment: &[(String, String)],
) -> Option<PathBuf> {
    const FLAG: &str = "--termination-log";
    const VARIABLE: &str = "ROPEWAY_TERMINATION_LOG";
    let mut words = arguments.iter().skip(1).map(|word| word.to_string_lossy());
    if words.next()? != "serve" {
        return None;
    }
    let words: Vec<_> = words.collect();
    let flag = words.iter().enumerate().find_map(|(idx, word)| match word.strip_prefix(FLAG)? {
        "" => words.get(idx + 1).map(|next| &**next),
        rest => rest.strip_prefix('='),
    });
    let variable = environment.iter().find(|(name, _)| name == VARIABLE).map(|(_, value)| value);
    let log = flag.or(variable.map(String::as_str)).unwrap_or(DEFAULT_TERMINATION_LOG);
    Some(log.into())
}

/// Names of all options that some command takes from the environment.
fn names_of_variables(cli: &clap::Command) -> Vec<&str> {
    let servers = cli.get_subcommands().filter(|sub| SERVER_COMMANDS.contains(&sub.get_name()));
    servers.flat_map(option_names).chain(CLIENT_SETTINGS).collect()
}

/// The program's clap definition, for tests of the help texts.
#[cfg(test)]
pub(crate) fn definition() -> clap::Command {
    Cli::command()
}
