//! A hub on loopback: one file list, `HEAD` and `GET` of files, large files on a second origin as
//! the real one has them, and faults on demand.

use std::collections::HashMap;
use std::io::{BufRead, BufReader, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use model::HubConfig;
use serde_json::json;
use sha2::{Digest, Sha256};

pub(crate) const COMMIT: &str = "0123456789abcdef0123456789abcdef01234567";
pub(crate) const TOKEN: &str = "hf_secret";

/// A request as it arrived.
#[derive(Clone, Debug)]
pub(crate) struct Request {
    pub(crate) method: String,
    pub(crate) path: String,
    pub(crate) headers: HashMap<String, String>,
}

/// Content and faults, changed while the hub runs.
#[derive(Default)]
pub(crate) struct State {
    /// Name and content; names that end in `.safetensors` or `.gguf` are large files.
    pub(crate) files: Vec<(String, Vec<u8>)>,
    pub(crate) requests: Vec<Request>,
    /// Break each of the next transfers off after so many bytes.
    pub(crate) cuts: Vec<usize>,
    /// Answer so many requests with 503 first.
    pub(crate) unavailable: usize,
    /// Answer every request with this status.
    pub(crate) status: Option<u16>,
    /// Send other bytes than announced.
    pub(crate) corrupt: bool,
}

pub(crate) struct FakeHub {
    pub(crate) state: Arc<Mutex<State>>,
    pub(crate) endpoint: String,
    cache: tempfile::TempDir,
}

struct Reply {
    status: u16,
    headers: Vec<(&'static str, String)>,
    body: Vec<u8>,
}

impl Reply {
    fn status(status: u16) -> Self {
        Self { status, headers: Vec::new(), body: Vec::new() }
    }
}

pub(crate) fn sha256(bytes: &[u8]) -> String {
    Sha256::digest(bytes).iter().map(|byte| format!("{byte:02x}")).collect()
}

fn is_large(file: &str) -> bool {
    file.ends_with(".safetensors") || file.ends_with(".gguf")
}

impl FakeHub {
    /// A hub with these files, and an empty cache.
    pub(crate) fn new(files: &[(&str, &[u8])]) -> Self {
        let files = files.iter().map(|(name, bytes)| ((*name).to_owned(), bytes.to_vec()));
        let state = Arc::new(Mutex::new(State { files: files.collect(), ..State::default() }));
        let content = serve(state.clone(), content);
        let endpoint = serve(state.clone(), move |state, request| hub(state, request, &content));
        Self { state, endpoint, cache: tempfile::tempdir().unwrap() }
    }

    pub(crate) fn config(&self) -> HubConfig {
        HubConfig {
            cache: self.cache.path().to_owned(),
            endpoint: self.endpoint.clone(),
            token: Some(TOKEN.into()),
            offline: false,
            backoff: Duration::from_millis(1),
        }
    }

    pub(crate) fn num_requests(&self) -> usize {
        self.state.lock().unwrap().requests.len()
    }

    /// Requests for content, and the byte that each began at.
    pub(crate) fn content_requests(&self, file: &str) -> Vec<Option<String>> {
        let state = self.state.lock().unwrap();
        let requests = state.requests.iter();
        let content = requests.filter(|request| request.path == format!("/content/{file}"));
        content.map(|request| request.headers.get("range").cloned()).collect()
    }
}

/// Serves connections for the life of the process, one request each.
fn serve(
    state: Arc<Mutex<State>>,
    answer: impl Fn(&mut State, &Request) -> Reply + Send + 'static,
) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            // A client that goes away is not the fake's problem.
            let _ = handle(stream.unwrap(), &state, &answer);
        }
    });
    format!("http://{address}")
}

fn handle(
    mut stream: TcpStream,
    state: &Mutex<State>,
    answer: &impl Fn(&mut State, &Request) -> Reply,
) -> std::io::Result<()> {
    let mut lines = BufReader::new(stream.try_clone()?).lines();
    let first = lines.next().unwrap_or(Ok(String::new()))?;
    let mut words = first.split(' ').map(str::to_owned);
    let (method, path) = (words.next().unwrap_or_default(), words.next().unwrap_or_default());
    let mut headers = HashMap::new();
    while let Some(line) = lines.next().transpose()?
        && let Some((name, value)) = line.split_once(": ")
    {
        headers.insert(name.to_ascii_lowercase(), value.to_owned());
    }
    let request = Request { method, path, headers };
    let mut state = state.lock().unwrap();
    state.requests.push(request.clone());
    let reply = answer(&mut state, &request);
    let is_content = request.path.starts_with("/content/");
    let cut = if is_content && !state.cuts.is_empty() { Some(state.cuts.remove(0)) } else { None };
    drop(state);
    let mut head = format!("HTTP/1.1 {} x\r\nconnection: close\r\n", reply.status);
    for (name, value) in &reply.headers {
        head.push_str(&format!("{name}: {value}\r\n"));
    }
    head.push_str(&format!("content-length: {}\r\n\r\n", reply.body.len()));
    stream.write_all(head.as_bytes())?;
    if request.method != "HEAD" {
        let end = cut.unwrap_or(reply.body.len()).min(reply.body.len());
        stream.write_all(&reply.body[..end])?;
    }
    Ok(())
}

/// The hub's own origin.
fn hub(state: &mut State, request: &Request, content: &str) -> Reply {
    if state.unavailable > 0 {
        state.unavailable -= 1;
        return Reply::status(503);
    }
    if let Some(status) = state.status {
        return Reply::status(status);
    }
    if request.headers.get("authorization") != Some(&format!("Bearer {TOKEN}")) {
        return Reply::status(401);
    }
    let known = ["main", "v1.0", "refs%2Fpr%2F1"];
    if let Some(revision) = request.path.strip_prefix("/api/models/org/tiny/revision/") {
        if !known.contains(&revision) && revision != COMMIT {
            return Reply::status(404);
        }
        let names = state.files.iter().map(|(name, _)| json!({ "rfilename": name }));
        let names: Vec<_> = names.collect();
        let body = json!({ "sha": COMMIT, "siblings": names, "tags": ["x"] }).to_string();
        return Reply { status: 200, headers: Vec::new(), body: body.into_bytes() };
    }
    let file = request.path.strip_prefix(&format!("/org/tiny/resolve/{COMMIT}/"));
    let found = file.and_then(|file| state.files.iter().find(|(name, _)| name == file));
    let Some((name, bytes)) = found else { return Reply::status(404) };
    if is_large(name) {
        let headers = vec![
            ("x-linked-etag", format!("\"{}\"", sha256(bytes))),
            ("x-linked-size", bytes.len().to_string()),
            ("location", format!("{content}/content/{name}")),
        ];
        return Reply { status: 302, headers, body: Vec::new() };
    }
    let etag = format!("W/\"{}\"", &sha256(bytes)[..40]);
    Reply { status: 200, headers: vec![("etag", etag)], body: bytes.clone() }
}

/// The other origin, with ranges.
fn content(state: &mut State, request: &Request) -> Reply {
    let file = request.path.trim_start_matches("/content/");
    let Some((_, bytes)) = state.files.iter().find(|(name, _)| name == file) else {
        return Reply::status(404);
    };
    let mut bytes = bytes.clone();
    if state.corrupt {
        bytes[0] ^= 1;
    }
    let range = request.headers.get("range").and_then(|range| range.strip_prefix("bytes="));
    let Some(first) = range.and_then(|range| range.trim_end_matches('-').parse::<usize>().ok())
    else {
        return Reply { status: 200, headers: Vec::new(), body: bytes };
    };
    let headers =
        vec![("content-range", format!("bytes {first}-{}/{}", bytes.len() - 1, bytes.len()))];
    Reply { status: 206, headers, body: bytes.split_off(first) }
}
