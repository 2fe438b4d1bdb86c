//! Why a model could not be fetched, with the remedy.

use std::path::{Path, PathBuf};

use thiserror::Error;

use crate::ModelError;

/// A model that could not be found or fetched.
#[derive(Debug, Error)]
pub enum HubError {
    /// Neither a path nor a name on the hub.
    #[error(
        "`{name}` is neither an existing path nor a model name: {reason}; give a model folder, a .gguf file, or org/name[@revision][:file.gguf]"
    )]
    BadName {
        /// What was asked for.
        name: String,
        /// What is wrong with it.
        reason: &'static str,
    },
    /// The hub may not be asked, and the cache does not have the model.
    #[error("{repo}: not complete in the cache {cache}, and HF_HUB_OFFLINE is set; unset it once to download, or copy the model into the cache", cache = .cache.display())]
    Offline {
        /// Model name.
        repo: String,
        /// The cache folder.
        cache: PathBuf,
    },
    /// The hub answered with an error.
    #[error("{repo}: {file}: HTTP status {status}: {remedy}")]
    Status {
        /// Model name.
        repo: String,
        /// File, or what else was asked for.
        file: String,
        /// HTTP status code.
        status: u16,
        /// What to do.
        remedy: &'static str,
    },
    /// The hub could not be reached or broke off, even after trying again.
    #[error(
        "{repo}: {file}: {reason} ({attempts} attempts); check the network and HF_ENDPOINT, then start again: finished parts are kept"
    )]
    Network {
        /// Model name.
        repo: String,
        /// File, or what else was asked for.
        file: String,
        /// The last failure.
        reason: String,
        /// How often it was tried.
        attempts: u32,
    },
    /// The hub's answer does not make sense.
    #[error("{repo}: {file}: unexpected answer: {reason}; check HF_ENDPOINT")]
    Protocol {
        /// Model name.
        repo: String,
        /// File, or what else was asked for.
        file: String,
        /// What is wrong.
        reason: String,
    },
    /// The bytes received are not those that were announced.
    #[error("{repo}: {file}: {reason}; the download was deleted, try again or use another mirror")]
    Corrupt {
        /// Model name.
        repo: String,
        /// File.
        file: String,
        /// Which check failed.
        reason: String,
    },
    /// The repository holds nothing that can be served.
    #[error("{repo}: {reason}")]
    NoWeights {
        /// Model name.
        repo: String,
        /// What is there, and what to do.
        reason: String,
    },
    /// The cache cannot be read or written.
    #[error("cache file {path}: {source}; check space and permissions, or set HF_HUB_CACHE", path = .path.display())]
    Cache {
        /// The file or folder.
        path: PathBuf,
        /// The system's own words.
        source: std::io::Error,
    },
    /// The shard index is not usable.
    #[error(transparent)]
    Index(#[from] ModelError),
}

impl HubError {
    /// A cache failure on `path`.
    pub(super) fn cache(path: &Path, source: std::io::Error) -> Self {
        Self::Cache { path: path.to_owned(), source }
    }
}

/// What to do about an HTTP status.
pub(super) fn remedy(status: u16, has_token: bool) -> &'static str {
    match status {
        401 if !has_token => {
            "the model is private, gated or does not exist; set HF_TOKEN to a token that may read it"
        }
        401 => "the token is not valid; check HF_TOKEN",
        403 => {
            "access denied; accept the model's terms on its page and set HF_TOKEN to a token that may read it"
        }
        404 => "not found; check the model's name, the revision and the file name",
        429 => "too many requests; wait, or set HF_TOKEN for a higher limit",
        500..=599 => "the hub has a problem; try again later",
        _ => "unexpected; check HF_ENDPOINT",
    }
}
