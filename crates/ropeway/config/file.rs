//! Options from a TOML file. Keys are the options' long names, with `-` or `_`.

use std::collections::HashSet;
use std::fs;
use std::path::Path;

use clap::Command;
use toml::{Table, Value};

use super::error::{ConfigError, suggest};
use super::layers::{Origin, Setting, find, settable};

/// A configuration is some lines; whatever is larger was named by mistake.
const MAX_FILE_BYTES: u64 = 1 << 20;

/// A file cannot name another one.
const CONFIG_KEY: &str = "config";

/// The settings that the file at `path` makes for `command`.
///
/// # Errors
/// A file that cannot be read or is no TOML, an unknown or repeated key, a table as a value.
pub(super) fn settings(command: &Command, path: &Path) -> Result<Vec<Setting>, ConfigError> {
    let read_error = |source| ConfigError::ReadFile { file: path.to_owned(), source };
    let num_bytes = fs::metadata(path).map_err(read_error)?.len();
    if num_bytes > MAX_FILE_BYTES {
        let max_bytes = MAX_FILE_BYTES;
        return Err(ConfigError::FileTooLarge { file: path.to_owned(), num_bytes, max_bytes });
    }
    parse(command, path, &fs::read_to_string(path).map_err(read_error)?)
}

fn parse(command: &Command, path: &Path, text: &str) -> Result<Vec<Setting>, ConfigError> {
    let table: Table = text.parse().map_err(|source| ConfigError::ParseFile {
        file: path.to_owned(),
        source: Box::new(source),
    })?;
    let mut seen = HashSet::new();
    let mut settings = Vec::with_capacity(table.len());
    for (key, value) in table {
        let long = find(command, &key.replace('_', "-"))
            .and_then(|arg| arg.get_long())
            .filter(|long| *long != CONFIG_KEY)
            .ok_or_else(|| unknown_key(command, path, &key))?;
        if !seen.insert(long) {
            return Err(ConfigError::DuplicateKey { file: path.to_owned(), key: long.to_owned() });
        }
        let values = words(&value)
            .ok_or_else(|| ConfigError::KeyKind { file: path.to_owned(), key: key.clone() })?;
        let origin = Origin::File(path.to_owned(), key);
        settings.push(Setting { key: long.to_owned(), values, origin });
    }
    Ok(settings)
}

fn unknown_key(command: &Command, path: &Path, key: &str) -> ConfigError {
    let known =
        settable(command).filter_map(|arg| arg.get_long()).filter(|long| *long != CONFIG_KEY);
    let suggestion = suggest(&key.replace('_', "-"), known);
    ConfigError::UnknownKey { file: path.to_owned(), key: key.to_owned(), suggestion }
}

/// A value, or the values of an array, as one would write them on the command line.
fn words(value: &Value) -> Option<Vec<String>> {
    match value {
        Value::Array(items) => items.iter().map(word).collect(),
        single => word(single).map(|word| vec![word]),
    }
}

fn word(value: &Value) -> Option<String> {
    match value {
        Value::String(text) => Some(text.clone()),
        Value::Integer(number) => Some(number.to_string()),
        Value::Float(number) => Some(number.to_string()),
        Value::Boolean(flag) => Some(flag.to_string()),
        Value::Datetime(_) | Value::Array(_) | Value::Table(_) => None,
    }
}
