//! Why a model cannot be opened or read. Every message names the file, the field or tensor in it,
//! and what to do.

use std::path::{Path, PathBuf};

use thiserror::Error;

/// A model that cannot be opened, or a weight that cannot be read.
#[derive(Debug, Error)]
pub enum ModelError {
    /// The operating system refused.
    #[error("{path}: cannot be read: {cause}; every file of the model must be there and readable", path = .path.display())]
    Io {
        /// The file.
        path: PathBuf,
        /// The system's own words; part of the message, so not a `source` too.
        cause: std::io::Error,
    },
    /// A FIFO, device or folder where a file belongs.
    #[error("{path}: not a regular file; weights and configuration are read from regular files only", path = .path.display())]
    NotRegularFile {
        /// The path.
        path: PathBuf,
    },
    /// Neither a model folder nor a GGUF file.
    #[error("{path}: not a model: {reason}; give a folder with config.json and *.safetensors, or a .gguf file", path = .path.display())]
    NotAModel {
        /// The path.
        path: PathBuf,
        /// What is missing.
        reason: String,
    },
    /// The bytes do not follow the file's format.
    #[error("{path}: {place}: {reason}; the file is damaged or not what its name says, fetch it again", path = .path.display())]
    Malformed {
        /// The file.
        path: PathBuf,
        /// Where in the file, e.g. `header` or a tensor or key name.
        place: String,
        /// What is wrong there.
        reason: String,
    },
    /// A configuration field that is missing or impossible.
    #[error("{path}: field `{field}`: {reason}", path = .path.display())]
    Field {
        /// The file.
        path: PathBuf,
        /// The field, with dots for nesting.
        field: String,
        /// What is wrong and what is allowed.
        reason: String,
    },
    /// A model family that is not served.
    #[error("{path}: architecture `{found}` is not served; served are {served}", path = .path.display(), served = .served.join(", "))]
    Architecture {
        /// The file.
        path: PathBuf,
        /// What the file names.
        found: String,
        /// What such a file may name.
        served: &'static [&'static str],
    },
    /// A tensor that is missing, of the wrong shape or of a type that is not served.
    #[error("{path}: tensor `{tensor}`: {reason}", path = .path.display())]
    Tensor {
        /// The file or folder.
        path: PathBuf,
        /// The tensor's name in the file.
        tensor: String,
        /// What is wrong and what is expected.
        reason: String,
    },
}

impl ModelError {
    /// An I/O failure on `path`.
    pub(crate) fn io(path: &Path, cause: std::io::Error) -> Self {
        Self::Io { path: path.to_owned(), cause }
    }

    /// Bytes that break the format at `place`.
    pub(crate) fn malformed(
        path: &Path,
        place: impl Into<String>,
        reason: impl Into<String>,
    ) -> Self {
        Self::Malformed { path: path.to_owned(), place: place.into(), reason: reason.into() }
    }

    /// An impossible configuration field.
    pub(crate) fn field(path: &Path, field: impl Into<String>, reason: impl Into<String>) -> Self {
        Self::Field { path: path.to_owned(), field: field.into(), reason: reason.into() }
    }

    /// An unusable tensor.
    pub(crate) fn tensor(
        path: &Path,
        tensor: impl Into<String>,
        reason: impl Into<String>,
    ) -> Self {
        Self::Tensor { path: path.to_owned(), tensor: tensor.into(), reason: reason.into() }
    }
}
