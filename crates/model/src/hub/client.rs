//! HTTP requests to the hub: redirects by hand, so that the token goes to the hub only and the
//! hub's own headers are seen before a content network takes over.

use std::time::Duration;

use ureq::http::{Response, StatusCode, header};
use ureq::{Agent, Body};

use super::HubConfig;

/// Hops from the hub to the content.
const MAX_REDIRECTS: u32 = 10;
/// Time to connect, and to wait for each answer and each piece of a body.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);
const READ_TIMEOUT: Duration = Duration::from_secs(30);

/// A failed request.
#[derive(Debug)]
pub(super) enum RequestError {
    /// Worth another attempt.
    Transient(String),
    /// The hub said no.
    Status(u16),
    /// The answer does not make sense.
    Protocol(String),
}

impl From<ureq::Error> for RequestError {
    fn from(error: ureq::Error) -> Self {
        Self::Transient(error.to_string())
    }
}

/// What the hub says about a file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct FileInfo {
    /// Content id: SHA-256 for large files, git's blob id for small ones.
    pub(super) etag: String,
    /// Size in bytes.
    pub(super) num_bytes: u64,
}

/// A client for one hub.
pub(super) struct Client {
    agent: Agent,
    endpoint: String,
    token: Option<String>,
}

impl Client {
    pub(super) fn new(config: &HubConfig) -> Self {
        let agent = Agent::config_builder()
            .http_status_as_error(false)
            .max_redirects(0)
            .max_redirects_will_error(false)
            .user_agent(concat!("ropeway/", env!("CARGO_PKG_VERSION")))
            // A compressed body would have neither the announced size nor ranges.
            .accept_encoding("identity")
            .timeout_connect(Some(CONNECT_TIMEOUT))
            .timeout_resolve(Some(CONNECT_TIMEOUT))
            .timeout_recv_response(Some(READ_TIMEOUT))
            .timeout_per_read(Some(READ_TIMEOUT))
            .build()
            .new_agent();
        Self { agent, endpoint: config.endpoint.clone(), token: config.token.clone() }
    }

    /// `GET` of a small document below the endpoint.
    pub(super) fn get_document(&self, path: &str, max_bytes: u64) -> Result<Vec<u8>, RequestError> {
        let mut response = self.get(path, 0)?;
        response.body_mut().with_config().limit(max_bytes).read_to_vec().map_err(
            |error| match error {
                ureq::Error::BodyExceedsLimit(_) => {
                    RequestError::Protocol(format!("more than {max_bytes} bytes"))
                }
                error => error.into(),
            },
        )
    }

    /// `GET` from byte `from`; 200 means that the whole content comes after all.
    pub(super) fn get(&self, path: &str, from: u64) -> Result<Response<Body>, RequestError> {
        let mut url = format!("{}{path}", self.endpoint);
        for _ in 0..MAX_REDIRECTS {
            let mut request = self.agent.get(&url);
            if let Some(token) = self.token_for(&url) {
                request = request.header(header::AUTHORIZATION, format!("Bearer {token}"));
            }
            if from > 0 {
                request = request.header(header::RANGE, format!("bytes={from}-"));
            }
            let response = request.call()?;
            match check_status(response.status())? {
                Answer::Content => return Ok(response),
                Answer::Redirect => url = redirect_target(&url, &response)?,
            }
        }
        Err(RequestError::Protocol("too many redirects".into()))
    }

    /// `HEAD` of a file, followed only within the hub: the hub itself tells the large files' ids
    /// and sizes (`X-Linked-*`) when it redirects to where they are.
    pub(super) fn file_info(&self, path: &str) -> Result<FileInfo, RequestError> {
        let mut url = format!("{}{path}", self.endpoint);
        let (mut linked_etag, mut linked_size) = (None, None);
        for _ in 0..MAX_REDIRECTS {
            let mut request = self.agent.head(&url);
            if let Some(token) = self.token_for(&url) {
                request = request.header(header::AUTHORIZATION, format!("Bearer {token}"));
            }
            let response = request.call()?;
            let answer = check_status(response.status())?;
            let text = |name: &str| response.headers().get(name)?.to_str().ok().map(str::to_owned);
            linked_etag = text("x-linked-etag").or(linked_etag);
            linked_size = text("x-linked-size").or(linked_size);
            let is_known = linked_etag.is_some() && linked_size.is_some();
            if matches!(answer, Answer::Redirect) && !is_known {
                url = redirect_target(&url, &response)?;
                continue;
            }
            let etag = linked_etag.or_else(|| text("etag"));
            let size = linked_size.or_else(|| text("content-length"));
            return parse_info(etag, size);
        }
        Err(RequestError::Protocol("too many redirects".into()))
    }

    /// The token, if the address is the hub's own.
    fn token_for(&self, url: &str) -> Option<&str> {
        let is_hub = origin(url).is_some_and(|found| Some(found) == origin(&self.endpoint));
        self.token.as_deref().filter(|_| is_hub)
    }
}

enum Answer {
    Content,
    Redirect,
}

fn check_status(status: StatusCode) -> Result<Answer, RequestError> {
    match status.as_u16() {
        200 | 206 => Ok(Answer::Content),
        301 | 302 | 303 | 307 | 308 => Ok(Answer::Redirect),
        status @ (408 | 429 | 500..=599) => {
            Err(RequestError::Transient(format!("HTTP status {status}")))
        }
        status => Err(RequestError::Status(status)),
    }
}

/// Scheme, host and port of an address.
fn origin(url: &str) -> Option<&str> {
    let host_start = url.find("://")? + 3;
    let host_end = url[host_start..].find(['/', '?', '#']).map_or(url.len(), |at| host_start + at);
    Some(&url[..host_end])
}

fn redirect_target(url: &str, response: &Response<Body>) -> Result<String, RequestError> {
    let bad = || RequestError::Protocol("a redirect without a usable address".into());
    let location = response.headers().get(header::LOCATION).ok_or_else(bad)?;
    let location = location.to_str().map_err(|_| bad())?;
    if location.starts_with("http://") || location.starts_with("https://") {
        return Ok(location.to_owned());
    }
    if !location.starts_with('/') || location.starts_with("//") {
        return Err(bad());
    }
    Ok(format!("{}{location}", origin(url).ok_or_else(bad)?))
}

/// Checks id and size; the id becomes a file name.
fn parse_info(etag: Option<String>, size: Option<String>) -> Result<FileInfo, RequestError> {
    let protocol = |reason: &str| RequestError::Protocol(reason.to_owned());
    let etag = etag.ok_or_else(|| protocol("no etag"))?;
    let etag = etag.trim_start_matches("W/").trim_matches('"');
    if !super::name::is_plain_name(etag) {
        return Err(protocol("an etag that cannot be a file name"));
    }
    let num_bytes = size.and_then(|size| size.parse().ok()).ok_or_else(|| protocol("no size"))?;
    Ok(FileInfo { etag: etag.to_owned(), num_bytes })
}
