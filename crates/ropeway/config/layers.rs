//! The layers below the command line: environment first, then the configuration file.
//!
//! Both are turned into arguments (`--key=value`) for every option that no higher layer sets, so
//! that clap's definitions stay the only place with names, ranges and defaults. Pure but for
//! reading the file.

use std::collections::HashSet;
use std::ffi::OsString;
use std::fmt;
use std::path::{Path, PathBuf};

use clap::parser::ValueSource;
use clap::{Arg, ArgAction, ArgMatches, Command};

use super::error::ConfigError;
use super::file;

/// Where a setting was made.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Origin {
    /// An environment variable, by name.
    Variable(String),
    /// A key of a configuration file.
    File(PathBuf, String),
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Variable(name) => write!(f, "environment variable {name}"),
            Self::File(path, key) => write!(f, "{}: key `{key}`", path.display()),
        }
    }
}

/// One option set below the command line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Setting {
    /// The option's long name.
    pub(crate) key: String,
    /// Its values; several for a list.
    pub(crate) values: Vec<String>,
    /// Where it was set.
    pub(crate) origin: Origin,
}

/// Options that can be set outside the command line: those that take a value.
pub(super) fn settable(command: &Command) -> impl Iterator<Item = &Arg> {
    command.get_arguments().filter(|arg| {
        arg.get_long().is_some() && matches!(arg.get_action(), ArgAction::Set | ArgAction::Append)
    })
}

/// Names and aliases of the options that can be set outside the command line.
pub(crate) fn option_names(command: &Command) -> impl Iterator<Item = &str> {
    settable(command)
        .flat_map(|arg| arg.get_long().into_iter().chain(arg.get_all_aliases().unwrap_or_default()))
}

/// The option called `key`, by its name or one of its aliases.
pub(super) fn find<'a>(command: &'a Command, key: &str) -> Option<&'a Arg> {
    settable(command).find(|arg| {
        arg.get_long() == Some(key) || arg.get_all_aliases().unwrap_or_default().contains(&key)
    })
}

/// Arguments that stand for the layers below `matches`, the parsed command line of `command`.
/// `settings` are those of the environment; the file is read if an option names one.
///
/// # Errors
/// A file that cannot be read or parsed, an unknown key, a value its option refuses.
pub(crate) fn lower_layers(
    command: &Command,
    matches: &ArgMatches,
    mut settings: Vec<Setting>,
) -> Result<Vec<OsString>, ConfigError> {
    if let Some(path) = config_file(matches, &settings) {
        settings.extend(file::settings(command, &path)?);
    }
    let mut taken = given(command, matches);
    let mut arguments = Vec::new();
    for setting in settings {
        if !taken.insert(setting.key.clone()) {
            continue;
        }
        let words: Vec<OsString> = setting
            .values
            .iter()
            .map(|value| format!("--{}={value}", setting.key).into())
            .collect();
        check(command, &setting, &words)?;
        arguments.extend(words);
    }
    Ok(arguments)
}

/// The configuration file that the command line or, failing that, the environment names.
fn config_file(matches: &ArgMatches, settings: &[Setting]) -> Option<PathBuf> {
    let on_command_line = matches.try_get_one::<PathBuf>("config").ok().flatten().cloned();
    on_command_line.or_else(|| {
        let setting = settings.iter().find(|setting| setting.key == "config")?;
        setting.values.first().map(|path| Path::new(path).to_path_buf())
    })
}

/// Long names of the options that the command line decides, itself or through a conflicting one.
fn given(command: &Command, matches: &ArgMatches) -> HashSet<String> {
    let is_given =
        |arg: &Arg| matches.value_source(arg.get_id().as_str()) == Some(ValueSource::CommandLine);
    settable(command)
        .filter(|arg| {
            is_given(arg) || command.get_arg_conflicts_with(arg).into_iter().any(is_given)
        })
        .filter_map(|arg| arg.get_long().map(str::to_owned))
        .collect()
}

/// Parses one setting by itself, so that the message can say where the value came from.
fn check(command: &Command, setting: &Setting, words: &[OsString]) -> Result<(), ConfigError> {
    let name = OsString::from(command.get_name());
    let outcome =
        command.clone().try_get_matches_from(std::iter::once(&name).chain(words).cloned());
    outcome.map(drop).map_err(|error| ConfigError::BadValue {
        origin: setting.origin.to_string(),
        message: first_line(&error),
    })
}

/// clap's message without the `error:` in front and the usage behind.
fn first_line(error: &clap::Error) -> String {
    let text = error.to_string();
    let message = text.split("\n\n").next().unwrap_or_default();
    message.trim_start_matches("error: ").replace('\n', " ")
}
