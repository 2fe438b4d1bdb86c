//! Where the hub and its cache are: the environment variables of the `huggingface_hub` library.

use std::fmt;
use std::path::PathBuf;
use std::time::Duration;

/// The public hub.
const DEFAULT_ENDPOINT: &str = "https://huggingface.co";
/// First wait between attempts; it doubles each time.
const BACKOFF: Duration = Duration::from_secs(1);
/// Longest access token; a larger token file is something else.
const MAX_TOKEN_BYTES: usize = 4096;

/// Hub and cache.
#[derive(Clone)]
pub struct HubConfig {
    /// Folder of `models--org--name` folders.
    pub cache: PathBuf,
    /// Base address, without a slash at the end.
    pub endpoint: String,
    /// Access token, sent to `endpoint` and nowhere else.
    pub token: Option<String>,
    /// Never ask the hub.
    pub offline: bool,
    /// Wait before the second attempt; doubles for each further one.
    pub backoff: Duration,
}

impl fmt::Debug for HubConfig {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("HubConfig")
            .field("cache", &self.cache)
            .field("endpoint", &self.endpoint)
            .field("token", &self.token.as_ref().map(|_| "set"))
            .field("offline", &self.offline)
            .field("backoff", &self.backoff)
            .finish()
    }
}

impl HubConfig {
    /// Reads `HF_HOME`, `HF_HUB_CACHE`, `HF_TOKEN`, `HF_TOKEN_PATH`, `HF_ENDPOINT` and
    /// `HF_HUB_OFFLINE` with the library's defaults.
    pub fn from_env() -> Self {
        Self::from_vars(|name| std::env::var(name).ok())
    }

    /// As [`HubConfig::from_env`], with variables from elsewhere. Empty ones count as unset.
    pub fn from_vars(var: impl Fn(&str) -> Option<String>) -> Self {
        let var = |name: &str| var(name).filter(|value| !value.is_empty());
        let home = var("HF_HOME").map(PathBuf::from).unwrap_or_else(|| {
            let cache = var("XDG_CACHE_HOME").map(PathBuf::from).unwrap_or_else(|| {
                PathBuf::from(var("HOME").unwrap_or_else(|| ".".into())).join(".cache")
            });
            cache.join("huggingface")
        });
        let token = var("HF_TOKEN").or_else(|| {
            let path = var("HF_TOKEN_PATH").map_or_else(|| home.join("token"), PathBuf::from);
            std::fs::read_to_string(path).ok()
        });
        let token = token.map(|token| token.trim().to_owned());
        let is_sane = |token: &String| {
            !token.is_empty()
                && token.len() <= MAX_TOKEN_BYTES
                && token.bytes().all(|byte| byte.is_ascii_graphic())
        };
        let endpoint = var("HF_ENDPOINT").unwrap_or_else(|| DEFAULT_ENDPOINT.into());
        let is_true = |value: String| {
            matches!(value.to_ascii_uppercase().as_str(), "1" | "ON" | "YES" | "TRUE")
        };
        Self {
            cache: var("HF_HUB_CACHE").map_or_else(|| home.join("hub"), PathBuf::from),
            endpoint: endpoint.trim_end_matches('/').to_owned(),
            token: token.filter(is_sane),
            offline: var("HF_HUB_OFFLINE").is_some_and(is_true),
            backoff: BACKOFF,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn config(vars: &[(&str, &str)]) -> HubConfig {
        HubConfig::from_vars(|name| {
            vars.iter().find(|(key, _)| *key == name).map(|(_, value)| (*value).to_owned())
        })
    }

    #[test]
    fn cache_comes_from_the_most_specific_variable() {
        let path = |vars: &[(&str, &str)]| config(vars).cache.display().to_string();
        assert_eq!(path(&[("HOME", "/h")]), "/h/.cache/huggingface/hub");
        assert_eq!(path(&[("HOME", "/h"), ("XDG_CACHE_HOME", "/x")]), "/x/huggingface/hub");
        assert_eq!(path(&[("HF_HOME", "/hf"), ("XDG_CACHE_HOME", "/x")]), "/hf/hub");
        assert_eq!(path(&[("HF_HUB_CACHE", "/c"), ("HF_HOME", "/hf")]), "/c");
    }

    #[test]
    fn token_comes_from_variable_or_file() {
        let home = tempfile::tempdir().unwrap();
        std::fs::write(home.path().join("token"), "hf_file\n").unwrap();
        let hf_home = ("HF_HOME", home.path().to_str().unwrap());
        assert_eq!(config(&[hf_home]).token.as_deref(), Some("hf_file"));
        assert_eq!(config(&[hf_home, ("HF_TOKEN", "hf_env")]).token.as_deref(), Some("hf_env"));
        assert_eq!(config(&[("HF_TOKEN", "two\nlines")]).token, None);
        assert!(!format!("{:?}", config(&[hf_home])).contains("hf_file"));
    }

    #[test]
    fn endpoint_and_offline() {
        let config = config(&[("HF_ENDPOINT", "http://hub:8080/"), ("HF_HUB_OFFLINE", "true")]);
        assert_eq!((config.endpoint.as_str(), config.offline), ("http://hub:8080", true));
        assert!(!HubConfig::from_vars(|_| Some("0".into())).offline);
    }
}
