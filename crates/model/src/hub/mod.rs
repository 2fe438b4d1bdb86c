//! Finding a model by name: a path, or a model on the hub through the local cache.
//!
//! A model that is complete in the cache is used as it is, without any request: starting must not
//! depend on the network. Downloads follow the protocol and cache layout of the `huggingface_hub`
//! library. Everything blocks; called by the binary from a loader thread.

mod cache;
mod client;
mod config;
mod download;
mod error;
mod name;

use std::path::{Path, PathBuf};

use serde::Deserialize;
use types::{LoadPhase, LoadProgress};

pub use config::HubConfig;
pub use error::HubError;

use cache::RepoCache;
use client::{Client, FileInfo};
use download::Session;
use name::ModelName;

use crate::safetensors;

/// Size of a repository's file list.
const MAX_LISTING_BYTES: u64 = 8 << 20;

/// Finds a model folder or GGUF file: an existing path, or `org/name[@revision][:file.gguf]` in
/// the cache, or the same on the hub, fetched into the cache. Only the files that serving needs
/// are fetched. `progress` is told about every piece of a download.
pub fn resolve(
    name: &str,
    hub: &HubConfig,
    progress: &dyn Fn(LoadProgress),
) -> Result<PathBuf, HubError> {
    progress(LoadProgress { phase: LoadPhase::Resolving, done_bytes: 0, total_bytes: 0 });
    let path = Path::new(name);
    if path.exists() {
        return Ok(path.to_owned());
    }
    let name = ModelName::parse(name)?;
    let cache = RepoCache::new(&hub.cache, &name.repo);
    if let Some(found) = cache.find(&name) {
        return Ok(found);
    }
    if hub.offline {
        return Err(HubError::Offline { repo: name.repo, cache: hub.cache.clone() });
    }
    let client = Client::new(hub);
    let session = Session {
        client: &client,
        repo: &name.repo,
        has_token: hub.token.is_some(),
        backoff: hub.backoff,
    };
    Fetch { session, cache, name: &name, progress }.run()
}

/// The hub's answer about a revision.
#[derive(Deserialize)]
struct Listing {
    sha: String,
    siblings: Vec<Sibling>,
}

#[derive(Deserialize)]
struct Sibling {
    rfilename: String,
}

/// A file to fetch.
struct Wanted {
    file: String,
    info: FileInfo,
}

/// One model being fetched.
struct Fetch<'a> {
    session: Session<'a>,
    cache: RepoCache,
    name: &'a ModelName,
    progress: &'a dyn Fn(LoadProgress),
}

impl Fetch<'_> {
    fn run(&self) -> Result<PathBuf, HubError> {
        let listing = self.listing()?;
        let commit = listing.sha;
        let files: Vec<&str> =
            listing.siblings.iter().map(|file| file.rfilename.as_str()).collect();
        let (companions, weights, found) = match select(&files, self.name.file.as_deref()) {
            Ok(Selection::Folder { companions, is_sharded }) => {
                let folder = self.cache.snapshot(&commit);
                let weights = match is_sharded {
                    false => vec![safetensors::SINGLE_FILE.to_owned()],
                    true => {
                        self.fetch(&commit, &[safetensors::INDEX_FILE.to_owned()])?;
                        let index = folder.join(safetensors::INDEX_FILE);
                        safetensors::shard_names(&index)?.into_iter().collect()
                    }
                };
                (companions, weights, folder)
            }
            Ok(Selection::Gguf(file)) => {
                let found = self.cache.snapshot(&commit).join(&file);
                (Vec::new(), vec![file], found)
            }
            Err(reason) => {
                return Err(HubError::NoWeights { repo: self.name.repo.clone(), reason });
            }
        };
        // Weights last: who finds them in the cache finds the rest as well.
        self.fetch(&commit, &companions)?;
        self.fetch(&commit, &weights)?;
        self.cache.set_commit(&self.name.revision, &commit)?;
        Ok(found)
    }

    /// The revision's commit and files.
    fn listing(&self) -> Result<Listing, HubError> {
        const WHAT: &str = "file list";
        let revision = encode(&self.name.revision);
        let path = format!("/api/models/{}/revision/{revision}", self.name.repo);
        let client = self.session.client;
        let text = self.session.attempt(WHAT, || client.get_document(&path, MAX_LISTING_BYTES))?;
        let protocol = |reason: String| HubError::Protocol {
            repo: self.name.repo.clone(),
            file: WHAT.into(),
            reason,
        };
        let listing: Listing =
            serde_json::from_slice(&text).map_err(|error| protocol(error.to_string()))?;
        if !cache::is_commit(&listing.sha) {
            return Err(protocol(format!("`{}` is not a commit", listing.sha)));
        }
        Ok(listing)
    }

    /// Fetches files into the cache and links them into the snapshot.
    fn fetch(&self, commit: &str, files: &[String]) -> Result<(), HubError> {
        let url = |file: &str| format!("/{}/resolve/{commit}/{file}", self.name.repo);
        let client = self.session.client;
        let mut wanted = Vec::with_capacity(files.len());
        for file in files {
            let info = self.session.attempt(file, || client.file_info(&url(file)))?;
            wanted.push(Wanted { file: file.clone(), info });
        }
        let total_bytes = wanted.iter().map(|wanted| wanted.info.num_bytes).sum();
        let mut finished_bytes = 0;
        for Wanted { file, info } in &wanted {
            let report = |done: u64| {
                (self.progress)(LoadProgress {
                    phase: LoadPhase::Downloading,
                    done_bytes: finished_bytes + done,
                    total_bytes,
                });
            };
            let blob = self.cache.blob(&info.etag)?;
            if blob.metadata().is_ok_and(|blob| blob.len() == info.num_bytes) {
                report(info.num_bytes);
            } else {
                self.session.download(file, &url(file), info, &blob, &report)?;
            }
            self.cache.link(commit, file, &info.etag)?;
            finished_bytes += info.num_bytes;
        }
        Ok(())
    }
}

/// What of a repository is needed.
#[derive(Debug, PartialEq, Eq)]
enum Selection {
    /// Configuration and tokenizer, and safetensors weights.
    Folder { companions: Vec<String>, is_sharded: bool },
    /// One GGUF file.
    Gguf(String),
}

/// Chooses among a repository's files; the error says what is there instead.
fn select(files: &[&str], gguf: Option<&str>) -> Result<Selection, String> {
    if let Some(file) = gguf {
        if files.contains(&file) {
            return Ok(Selection::Gguf(file.to_owned()));
        }
        return Err(format!("has no file {file}; {}", list_gguf(files)));
    }
    let is_sharded = !files.contains(&safetensors::SINGLE_FILE);
    let has_weights = !is_sharded || files.contains(&safetensors::INDEX_FILE);
    if files.contains(&"config.json") && has_weights {
        let companions = files.iter().filter(|file| is_companion(file));
        let companions = companions.map(|file| (*file).to_owned()).collect();
        return Ok(Selection::Folder { companions, is_sharded });
    }
    let all_gguf =
        || files.iter().filter(|file| file.ends_with(".gguf") && name::is_plain_path(file));
    match (all_gguf().count(), all_gguf().next()) {
        (1, Some(file)) => Ok(Selection::Gguf((*file).to_owned())),
        (0, _) => Err("has neither config.json with safetensors weights nor GGUF files; pickled \
                       weights are never loaded"
            .into()),
        _ => Err(format!(
            "has several GGUF files, name one as org/name:file.gguf; {}",
            list_gguf(files)
        )),
    }
}

/// Small files that serving needs beside the weights.
fn is_companion(file: &str) -> bool {
    let is_tokenizer = file.starts_with("tokenizer") && file.ends_with(".json");
    let is_named = matches!(
        file,
        "config.json"
            | "generation_config.json"
            | "special_tokens_map.json"
            | "added_tokens.json"
            | "chat_template.json"
            | "chat_template.jinja"
    );
    (is_tokenizer || is_named) && name::is_plain_name(file)
}

/// The repository's GGUF files, for a message.
fn list_gguf(files: &[&str]) -> String {
    let gguf: Vec<&str> = files.iter().filter(|file| file.ends_with(".gguf")).copied().collect();
    match gguf.as_slice() {
        [] => "it has no GGUF files".into(),
        gguf => format!("it has {}", gguf.join(", ")),
    }
}

/// A revision as one path segment; the other parts of a name need no escapes.
fn encode(revision: &str) -> String {
    revision.replace('/', "%2F")
}
