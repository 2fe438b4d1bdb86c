//! Why a configuration is refused; every message names the place and the remedy.

use std::io;
use std::path::PathBuf;

use thiserror::Error;

/// What is wrong with arguments, variables or the configuration file.
#[derive(Debug, Error)]
pub(crate) enum ConfigError {
    /// clap's own message, or the text of `--help` and `--version`.
    #[error(transparent)]
    CommandLine(#[from] clap::Error),
    /// A variable with our prefix that no option reads.
    #[error("unknown environment variable {name}{}", did_you_mean(.suggestion))]
    UnknownVariable {
        /// The variable.
        name: String,
        /// The nearest known one.
        suggestion: Option<String>,
    },
    /// A variable that is set to nothing.
    #[error("environment variable {name} is empty: give it a value or unset it")]
    EmptyVariable {
        /// The variable.
        name: String,
    },
    /// A key that no option has.
    #[error("{}: unknown key `{key}`{}", file.display(), did_you_mean(.suggestion))]
    UnknownKey {
        /// The configuration file.
        file: PathBuf,
        /// The key as written.
        key: String,
        /// The nearest known one.
        suggestion: Option<String>,
    },
    /// Two spellings of one key.
    #[error("{}: key `{key}` is given twice", file.display())]
    DuplicateKey {
        /// The configuration file.
        file: PathBuf,
        /// The option's own spelling.
        key: String,
    },
    /// A value of a kind that no option takes.
    #[error("{}: key `{key}` must be a string, number, boolean or an array of these", file.display())]
    KeyKind {
        /// The configuration file.
        file: PathBuf,
        /// The key as written.
        key: String,
    },
    /// The file cannot be read.
    #[error("cannot read the configuration file {}: {source}", file.display())]
    ReadFile {
        /// The configuration file.
        file: PathBuf,
        /// The system's answer.
        source: io::Error,
    },
    /// The file is larger than any configuration.
    #[error("the configuration file {} has {num_bytes} bytes; at most {max_bytes} are read", file.display())]
    FileTooLarge {
        /// The configuration file.
        file: PathBuf,
        /// Its size.
        num_bytes: u64,
        /// The limit.
        max_bytes: u64,
    },
    /// The file is not TOML.
    #[error("{}: {source}", file.display())]
    ParseFile {
        /// The configuration file.
        file: PathBuf,
        /// Place and reason.
        source: Box<toml::de::Error>,
    },
    /// An option of events that nobody asked for.
    #[error("{option} is set and --kv-events-endpoint is not: no events would be sent")]
    NoKvEvents {
        /// The option.
        option: &'static str,
    },
    /// The option refuses the value.
    #[error("{origin}: {message}")]
    BadValue {
        /// Variable, or file and key.
        origin: String,
        /// The option's own message.
        message: String,
    },
    /// Nothing to serve.
    #[error(
        "no model given: name a folder, a .gguf file or ORG/NAME, as in `ropeway serve ./model.gguf` \
         (or set ROPEWAY_MODEL, or `model` in the configuration file)"
    )]
    NoModel,
    /// A step could not give every running sequence one token.
    #[error(
        "--max-num-batched-tokens is {max_num_batched_tokens}, below --max-num-seqs \
         {max_num_seqs}: raise the former or lower the latter"
    )]
    BudgetBelowSeqs {
        /// Token budget of a step.
        max_num_batched_tokens: usize,
        /// Running sequences.
        max_num_seqs: usize,
    },
}

impl ConfigError {
    /// The message without `error:` in front; `None` if it is the help or version asked for.
    pub(crate) fn complaint(&self) -> Option<String> {
        match self {
            Self::CommandLine(error) => error.use_stderr().then(|| {
                let text = error.to_string();
                text.trim_start_matches("error: ").trim_end().to_owned()
            }),
            other => Some(other.to_string()),
        }
    }
}

fn did_you_mean(suggestion: &Option<String>) -> String {
    match suggestion {
        Some(name) => format!(": did you mean `{name}`?"),
        None => " (see `ropeway serve --help`)".to_owned(),
    }
}

/// The candidate most like `word`, if any is like it at all.
pub(super) fn suggest<'a>(word: &str, candidates: impl Iterator<Item = &'a str>) -> Option<String> {
    /// Below this likeness (Jaro-Winkler, 0 to 1) a suggestion confuses; clap uses 0.7 too.
    const MIN_LIKENESS: f64 = 0.7;
    candidates
        .map(|candidate| (strsim::jaro_winkler(word, candidate), candidate))
        .filter(|(likeness, _)| *likeness > MIN_LIKENESS)
        .max_by(|a, b| a.0.total_cmp(&b.0))
        .map(|(_, candidate)| candidate.to_owned())
}
