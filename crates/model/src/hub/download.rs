//! One file from the hub into the cache: resumed where it broke off, checked, then renamed.
//!
//! A partial file `blobs/<etag>.incomplete` always is a prefix of the content, and every process
//! writes the same bytes at the same offsets, so two of them may fetch the same file at once.

use std::fs::{self, File, OpenOptions};
use std::io::Read;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use sha2::{Digest, Sha256};
use ureq::http::header;

use super::HubError;
use super::client::{Client, FileInfo, RequestError};
use super::error::remedy;

/// Attempts in a row that bring nothing new.
const MAX_ATTEMPTS: u32 = 5;
/// Bytes received and hashed at once.
const BUFFER_BYTES: usize = 256 << 10;

/// Requests about one repository, with attempts and named errors.
pub(super) struct Session<'a> {
    pub(super) client: &'a Client,
    pub(super) repo: &'a str,
    pub(super) has_token: bool,
    pub(super) backoff: Duration,
}

impl Session<'_> {
    /// Tries a request until it succeeds, fails for good, or has failed [`MAX_ATTEMPTS`] times.
    pub(super) fn attempt<T>(
        &self,
        file: &str,
        mut request: impl FnMut() -> Result<T, RequestError>,
    ) -> Result<T, HubError> {
        let mut failed = 0;
        loop {
            match request() {
                Ok(value) => return Ok(value),
                Err(error) => {
                    failed += 1;
                    self.after_failure(file, error, failed)?;
                }
            }
        }
    }

    /// Waits before another attempt, or gives the error that ends them.
    fn after_failure(&self, file: &str, error: RequestError, failed: u32) -> Result<(), HubError> {
        let (repo, file) = (self.repo.to_owned(), file.to_owned());
        match error {
            RequestError::Transient(reason) if failed < MAX_ATTEMPTS => {
                tracing::warn!(repo, file, reason, failed, "hub request failed, trying again");
                std::thread::sleep(self.backoff * 2u32.pow(failed - 1));
                Ok(())
            }
            RequestError::Transient(reason) => {
                Err(HubError::Network { repo, file, reason, attempts: failed })
            }
            RequestError::Status(status) => {
                let remedy = remedy(status, self.has_token);
                Err(HubError::Status { repo, file, status, remedy })
            }
            RequestError::Protocol(reason) => Err(HubError::Protocol { repo, file, reason }),
        }
    }

    /// Fetches a file to `blob`; `progress` gets the bytes of it that are there.
    pub(super) fn download(
        &self,
        file: &str,
        url_path: &str,
        info: &FileInfo,
        blob: &Path,
        progress: &dyn Fn(u64),
    ) -> Result<(), HubError> {
        let mut partial_name = blob.as_os_str().to_owned();
        partial_name.push(".incomplete");
        let partial = PathBuf::from(partial_name);
        let mut failed = 0;
        loop {
            let mut transfer = Transfer::open(&partial, info.num_bytes)?;
            let start = transfer.done;
            match transfer.run(self.client, url_path, progress)? {
                Ok(()) => {}
                Err(error) => {
                    failed = if transfer.done > start { 1 } else { failed + 1 };
                    self.after_failure(file, error, failed)?;
                    continue;
                }
            }
            let Err(reason) = transfer.check(&info.etag)? else {
                return finish(&partial, blob, info.num_bytes);
            };
            fs::remove_file(&partial).map_err(|error| HubError::cache(&partial, error))?;
            // A resumed file may have begun with another's bytes; a whole one is the hub's fault.
            if start == 0 {
                let (repo, file) = (self.repo.to_owned(), file.to_owned());
                return Err(HubError::Corrupt { repo, file, reason });
            }
        }
    }
}

/// A partial file being filled.
struct Transfer<'a> {
    path: &'a Path,
    file: File,
    /// Bytes at the start of the file that are there.
    done: u64,
    num_bytes: u64,
}

impl<'a> Transfer<'a> {
    fn open(path: &'a Path, num_bytes: u64) -> Result<Self, HubError> {
        let cache = |error| HubError::cache(path, error);
        let mut options = OpenOptions::new();
        let file = options.read(true).write(true).create(true).truncate(false).open(path);
        let file = file.map_err(cache)?;
        let done = file.metadata().map_err(cache)?.len();
        if done > num_bytes {
            file.set_len(0).map_err(cache)?;
        }
        Ok(Self { path, file, done: if done > num_bytes { 0 } else { done }, num_bytes })
    }

    /// Receives what is missing. The outer error is the cache's, the inner one the hub's.
    fn run(
        &mut self,
        client: &Client,
        url_path: &str,
        progress: &dyn Fn(u64),
    ) -> Result<Result<(), RequestError>, HubError> {
        if self.done == self.num_bytes {
            return Ok(Ok(()));
        }
        let mut response = match client.get(url_path, self.done) {
            Ok(response) => response,
            Err(error) => return Ok(Err(error)),
        };
        if response.status().as_u16() == 200 {
            self.done = 0;
        } else if let Err(error) = self.check_range(response.headers().get(header::CONTENT_RANGE)) {
            return Ok(Err(error));
        }
        let mut body = response.body_mut().as_reader();
        let mut buffer = vec![0; BUFFER_BYTES];
        loop {
            let num_read = match body.read(&mut buffer) {
                Ok(num_read) => num_read,
                Err(error) => return Ok(Err(RequestError::Transient(error.to_string()))),
            };
            if num_read == 0 {
                break;
            }
            if self.done + num_read as u64 > self.num_bytes {
                let reason = format!("more than the announced {} bytes", self.num_bytes);
                return Ok(Err(RequestError::Protocol(reason)));
            }
            let written = self.file.write_all_at(&buffer[..num_read], self.done);
            written.map_err(|error| HubError::cache(self.path, error))?;
            self.done += num_read as u64;
            progress(self.done);
        }
        if self.done < self.num_bytes {
            let reason = format!("broke off at {} of {} bytes", self.done, self.num_bytes);
            return Ok(Err(RequestError::Transient(reason)));
        }
        Ok(Ok(()))
    }

    /// A partial answer must start where we are: `bytes <first>-<last>/<size>`.
    fn check_range(&self, range: Option<&header::HeaderValue>) -> Result<(), RequestError> {
        let text = range.and_then(|range| range.to_str().ok()).unwrap_or_default();
        let first = text.strip_prefix("bytes ").and_then(|rest| rest.split('-').next());
        let size = text.rsplit('/').next();
        let is_number = |text: Option<&str>, number: u64| {
            text.and_then(|text| text.parse().ok()) == Some(number)
        };
        if is_number(first, self.done) && (size == Some("*") || is_number(size, self.num_bytes)) {
            return Ok(());
        }
        Err(RequestError::Protocol(format!("range `{text}` where {}- was asked for", self.done)))
    }

    /// Checks the finished file: its size, and its hash where the id is one. The inner error says
    /// what differs.
    fn check(&self, etag: &str) -> Result<Result<(), String>, HubError> {
        let cache = |error| HubError::cache(self.path, error);
        self.file.sync_all().map_err(cache)?;
        if etag.len() != 64 || !etag.bytes().all(|byte| byte.is_ascii_hexdigit()) {
            return Ok(Ok(()));
        }
        let mut hasher = Sha256::new();
        let mut buffer = vec![0; BUFFER_BYTES];
        let mut offset = 0;
        while offset < self.num_bytes {
            let len = (self.num_bytes - offset).min(BUFFER_BYTES as u64) as usize;
            self.file.read_exact_at(&mut buffer[..len], offset).map_err(cache)?;
            hasher.update(&buffer[..len]);
            offset += len as u64;
        }
        let found: String = hasher.finalize().iter().map(|byte| format!("{byte:02x}")).collect();
        if found.eq_ignore_ascii_case(etag) {
            return Ok(Ok(()));
        }
        Ok(Err(format!("SHA-256 is {found}, the hub announced {etag}")))
    }
}

/// Gives a checked file its final name.
fn finish(partial: &Path, blob: &Path, num_bytes: u64) -> Result<(), HubError> {
    match fs::rename(partial, blob) {
        // Another process finished first.
        Err(_) if blob.metadata().is_ok_and(|blob| blob.len() == num_bytes) => Ok(()),
        result => result.map_err(|error| HubError::cache(blob, error)),
    }
}
