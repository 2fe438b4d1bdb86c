//! What can be wrong with a vocabulary or a text, as types that name the file and the field.

use std::path::PathBuf;

/// A tokenizer that cannot be loaded.
#[derive(Debug, thiserror::Error)]
pub enum LoadError {
    /// The file system said no.
    #[error("{}: cannot be read: {cause}", .file.display())]
    Read {
        /// The file asked for.
        file: PathBuf,
        /// Why it could not be read; part of the message, so not a `source` too.
        cause: std::io::Error,
    },
    /// A folder without `tokenizer.json`.
    #[error("{}: is missing; fetch it from where the model came from (a `tokenizer.model` alone is not read)", .file.display())]
    Missing {
        /// The file looked for.
        file: PathBuf,
    },
    /// A value that no valid file has.
    #[error("{file}: `{field}`: {problem}")]
    Malformed {
        /// File, or "GGUF metadata".
        file: String,
        /// Path of the field inside it.
        field: String,
        /// What is wrong, and what would be right.
        problem: String,
    },
    /// A valid value that this server has no code for.
    #[error("{file}: `{field}`: `{found}` is not served; served are: {served}")]
    Unsupported {
        /// File, or "GGUF metadata".
        file: String,
        /// Path of the field inside it.
        field: String,
        /// The value found.
        found: String,
        /// What could stand there instead.
        served: String,
    },
    /// More of something than any real tokenizer has.
    #[error("{file}: `{field}`: {actual} is above the limit of {limit}")]
    TooLarge {
        /// File, or "GGUF metadata".
        file: String,
        /// Path of the field inside it.
        field: String,
        /// The size found.
        actual: u64,
        /// The named limit.
        limit: u64,
    },
}

/// Where a value under validation comes from; makes the errors.
#[derive(Clone, Debug)]
pub(crate) struct Origin(String);

impl Origin {
    pub(crate) fn new(file: impl Into<String>) -> Self {
        Self(file.into())
    }

    pub(crate) fn malformed(
        &self,
        field: impl Into<String>,
        problem: impl Into<String>,
    ) -> LoadError {
        LoadError::Malformed { file: self.0.clone(), field: field.into(), problem: problem.into() }
    }

    pub(crate) fn unsupported(
        &self,
        field: impl Into<String>,
        found: impl Into<String>,
        served: impl Into<String>,
    ) -> LoadError {
        LoadError::Unsupported {
            file: self.0.clone(),
            field: field.into(),
            found: found.into(),
            served: served.into(),
        }
    }

    /// Checks a size against its named limit.
    pub(crate) fn at_most(
        &self,
        field: &str,
        actual: usize,
        limit: usize,
    ) -> Result<(), LoadError> {
        if actual <= limit {
            return Ok(());
        }
        Err(LoadError::TooLarge {
            file: self.0.clone(),
            field: field.to_owned(),
            actual: actual as u64,
            limit: limit as u64,
        })
    }
}

/// A text that cannot be encoded.
#[derive(Debug, thiserror::Error)]
pub enum EncodeError {
    /// Longer than [`MAX_TEXT_BYTES`](crate::MAX_TEXT_BYTES).
    #[error("the text has {num_bytes} bytes, more than the {limit} that can be tokenised at once")]
    TextTooLong {
        /// Size of the text.
        num_bytes: usize,
        /// The limit.
        limit: usize,
    },
    /// The vocabulary has no way to write this text.
    #[error("the vocabulary cannot express this text: {0}")]
    Inexpressible(String),
}
