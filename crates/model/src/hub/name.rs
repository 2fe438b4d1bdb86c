//! Model names on the hub: `org/name[@revision][:file.gguf]`.

use super::HubError;

/// Longest part of a name.
const MAX_PART_BYTES: usize = 128;

/// A checked name; its parts are safe in paths and addresses.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct ModelName {
    /// `org/name`.
    pub(super) repo: String,
    /// Branch, tag or commit.
    pub(super) revision: String,
    /// The GGUF file to take.
    pub(super) file: Option<String>,
}

impl ModelName {
    pub(super) fn parse(name: &str) -> Result<Self, HubError> {
        let bad = |reason| HubError::BadName { name: name.to_owned(), reason };
        let (rest, file) = match name.split_once(':') {
            Some((rest, file)) => (rest, Some(file)),
            None => (name, None),
        };
        let (repo, revision) = rest.split_once('@').unwrap_or((rest, "main"));
        let parts: Vec<&str> = repo.split('/').collect();
        if parts.len() != 2 || !parts.iter().all(|part| is_plain_name(part)) {
            return Err(bad("a name on the hub is org/name"));
        }
        // A mistyped path must not become a question to the hub.
        if repo.ends_with(".gguf") {
            return Err(bad("there is no such file; a file on the hub is org/name:file.gguf"));
        }
        if !is_plain_path(revision) {
            return Err(bad("the revision must be a branch, a tag or a commit"));
        }
        if file.is_some_and(|file| !is_plain_path(file) || !file.ends_with(".gguf")) {
            return Err(bad("the part after `:` must be a .gguf file of the repository"));
        }
        Ok(Self {
            repo: repo.to_owned(),
            revision: revision.to_owned(),
            file: file.map(str::to_owned),
        })
    }
}

/// A file or folder name without separators, not hidden and not an option.
pub(super) fn is_plain_name(part: &str) -> bool {
    let is_allowed = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte);
    (1..=MAX_PART_BYTES).contains(&part.len())
        && part.bytes().all(is_allowed)
        && !part.starts_with(['.', '-'])
}

/// Plain names with slashes between them.
pub(super) fn is_plain_path(path: &str) -> bool {
    path.split('/').all(is_plain_name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parses_the_parts() {
        let name = ModelName::parse("org/Some-Model_1.5@refs/pr/3:sub/file.Q4_1.gguf").unwrap();
        assert_eq!(name.repo, "org/Some-Model_1.5");
        assert_eq!(name.revision, "refs/pr/3");
        assert_eq!(name.file.as_deref(), Some("sub/file.Q4_1.gguf"));
        assert_eq!(ModelName::parse("org/name").unwrap().revision, "main");
    }

    #[test]
    fn refuses_what_could_lead_elsewhere() {
        for name in [
            "",
            "name",
            "a/b/c",
            "../b",
            "a/..",
            "/etc/passwd",
            "./model",
            "a/b@../x",
            "a/b@",
            "a/b:../x.gguf",
            "a/b:x.bin",
            "models/mistyped.gguf",
            "a/b?x",
            "a/b%2e",
            "a/b\0",
            "-a/b",
            "a /b",
        ] {
            assert!(ModelName::parse(name).is_err(), "{name:?}");
        }
    }
}
