//! The hub cache on disk, in the layout of the `huggingface_hub` library so that both can share
//! it: `models--org--name/{refs/<revision>, blobs/<etag>, snapshots/<commit>/<file>}`, where a
//! snapshot's files are relative links to blobs.

use std::fs;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};

use super::HubError;
use super::name::ModelName;
use crate::safetensors;

/// One model's folder in the cache.
pub(super) struct RepoCache {
    root: PathBuf,
}

impl RepoCache {
    pub(super) fn new(cache: &Path, repo: &str) -> Self {
        Self { root: cache.join(format!("models--{}", repo.replace('/', "--"))) }
    }

    /// The commit that a revision meant when it was last fetched. A commit means itself.
    pub(super) fn commit(&self, revision: &str) -> Option<String> {
        if is_commit(revision) {
            return Some(revision.to_owned());
        }
        let commit = fs::read_to_string(self.root.join("refs").join(revision)).ok()?;
        Some(commit.trim().to_owned()).filter(|commit| is_commit(commit))
    }

    /// Remembers what a revision means.
    pub(super) fn set_commit(&self, revision: &str, commit: &str) -> Result<(), HubError> {
        if is_commit(revision) {
            return Ok(());
        }
        let path = self.root.join("refs").join(revision);
        create_parent(&path)?;
        fs::write(&path, commit).map_err(|error| HubError::cache(&path, error))
    }

    /// A commit's folder.
    pub(super) fn snapshot(&self, commit: &str) -> PathBuf {
        self.root.join("snapshots").join(commit)
    }

    /// Where a blob is once it is complete and checked; its folder exists.
    pub(super) fn blob(&self, etag: &str) -> Result<PathBuf, HubError> {
        let path = self.root.join("blobs").join(etag);
        create_parent(&path)?;
        Ok(path)
    }

    /// Makes `snapshots/<commit>/<file>` a link to a blob.
    pub(super) fn link(&self, commit: &str, file: &str, etag: &str) -> Result<(), HubError> {
        let link = self.snapshot(commit).join(file);
        create_parent(&link)?;
        let depth = 2 + file.matches('/').count();
        let target = PathBuf::from(format!("{}blobs/{etag}", "../".repeat(depth)));
        if fs::read_link(&link).is_ok_and(|present| present == target) {
            return Ok(());
        }
        match fs::remove_file(&link) {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
                return Err(HubError::cache(&link, error));
            }
            _ => {}
        }
        match symlink(&target, &link) {
            // Another process made the same link meanwhile.
            Err(error) if error.kind() == std::io::ErrorKind::AlreadyExists => Ok(()),
            result => result.map_err(|error| HubError::cache(&link, error)),
        }
    }

    /// The model in the cache, if every file that is needed is there. Downloads end with the
    /// weights, so a model with all its weights also has the files that come first.
    pub(super) fn find(&self, name: &ModelName) -> Option<PathBuf> {
        let snapshot = self.snapshot(&self.commit(&name.revision)?);
        if let Some(file) = &name.file {
            return Some(snapshot.join(file)).filter(|path| path.is_file());
        }
        if snapshot.join("config.json").is_file() {
            if snapshot.join(safetensors::SINGLE_FILE).is_file() {
                return Some(snapshot);
            }
            let shards = safetensors::shard_names(&snapshot.join(safetensors::INDEX_FILE));
            if shards.is_ok_and(|shards| shards.iter().all(|shard| snapshot.join(shard).is_file()))
            {
                return Some(snapshot);
            }
        }
        None
    }
}

/// A git commit: 40 hexadecimal digits.
pub(super) fn is_commit(text: &str) -> bool {
    text.len() == 40 && text.bytes().all(|byte| byte.is_ascii_hexdigit())
}

fn create_parent(path: &Path) -> Result<(), HubError> {
    match path.parent() {
        Some(parent) => fs::create_dir_all(parent).map_err(|error| HubError::cache(parent, error)),
        None => Ok(()),
    }
}
