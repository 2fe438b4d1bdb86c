//! A small HTTP client for OpenAI-compatible servers, shared by `chat` and `bench`.
//!
//! Owns connections, the key and the reading of server-sent events. It speaks to the address the
//! user gave, directly, and to nothing else.

mod events;
#[cfg(test)]
pub(crate) mod fake_server;

use std::time::Duration;

use clap::Args;
use reqwest::{RequestBuilder, Response, StatusCode};
use serde_json::{Value, json};
use thiserror::Error;

pub(crate) use self::events::EventStream;

/// A server that does not take a connection in this time is not there.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);

/// Error bodies beyond this are cut.
const MAX_ERROR_CHARS: usize = 500;

/// Where the server is and how to be let in.
#[derive(Args, Clone, Debug)]
#[command(next_help_heading = "Server")]
pub(crate) struct ClientOptions {
    /// Address of the server
    #[arg(long, value_name = "URL", default_value = "http://127.0.0.1:8000", value_parser = parse_url)]
    pub(crate) url: String,

    /// Key to send; the first one if several are given
    #[arg(long, value_name = "KEY", value_delimiter = ',', hide_default_value = true)]
    pub(crate) api_key: Vec<String>,

    /// Model to ask for [default: the first one the server has]
    #[arg(long, value_name = "NAME")]
    pub(crate) model: Option<String>,
}

/// Why a call failed.
#[derive(Debug, Error)]
pub(crate) enum ClientError {
    /// Nobody listens there.
    #[error(
        "no server answers at {url}: start one with `ropeway serve MODEL`, or name another with --url"
    )]
    NoServer {
        /// The address tried.
        url: String,
    },
    /// The server answered with an error.
    #[error("the server answered {status}: {message}")]
    Refused {
        /// HTTP status.
        status: StatusCode,
        /// The server's words.
        message: String,
    },
    /// The connection broke, or timed out.
    #[error("the connection to the server failed: {}", root_cause(.0))]
    Connection(reqwest::Error),
    /// The answer is not what the API promises.
    #[error("the server's answer makes no sense: {0}")]
    Protocol(String),
}

/// One server.
#[derive(Clone, Debug)]
pub(crate) struct Client {
    http: reqwest::Client,
    url: String,
    api_key: Option<String>,
}

impl Client {
    /// Prepares a client; nothing is sent yet. `timeout` covers one whole request.
    pub(crate) fn new(
        options: &ClientOptions,
        timeout: Option<Duration>,
    ) -> Result<Self, ClientError> {
        let mut builder = reqwest::Client::builder().no_proxy().connect_timeout(CONNECT_TIMEOUT);
        if let Some(timeout) = timeout {
            builder = builder.timeout(timeout);
        }
        let http = builder.build().map_err(ClientError::Connection)?;
        Ok(Self { http, url: options.url.clone(), api_key: options.api_key.first().cloned() })
    }

    /// The address this client speaks to.
    pub(crate) fn url(&self) -> &str {
        &self.url
    }

    /// True once the server says so at `/readyz`. A server without that route counts as ready.
    pub(crate) async fn is_ready(&self) -> Result<bool, ClientError> {
        let response = self.http.get(format!("{}/readyz", self.url)).send().await;
        let status = response.map_err(|error| self.failed(error))?.status();
        Ok(status.is_success() || status == StatusCode::NOT_FOUND)
    }

    /// The name of the first model the server has.
    pub(crate) async fn first_model(&self) -> Result<String, ClientError> {
        let request = self.http.get(format!("{}/v1/models", self.url));
        let answer = json_body(self.send(request).await?).await?;
        let name = answer.pointer("/data/0/id").and_then(Value::as_str);
        name.map(str::to_owned)
            .ok_or_else(|| ClientError::Protocol("/v1/models lists no model".to_owned()))
    }

    /// Token ids of `text` from `/tokenize`, without special tokens.
    pub(crate) async fn tokenize(&self, model: &str, text: &str) -> Result<Vec<u32>, ClientError> {
        let body = json!({ "model": model, "prompt": text, "add_special_tokens": false });
        let request = self.http.post(format!("{}/tokenize", self.url)).json(&body);
        let answer = json_body(self.send(request).await?).await?;
        let tokens = answer.get("tokens").and_then(Value::as_array);
        tokens
            .and_then(|ids| ids.iter().map(|id| u32::try_from(id.as_u64()?).ok()).collect())
            .ok_or_else(|| ClientError::Protocol("/tokenize gave no `tokens`".to_owned()))
    }

    /// Posts `body` to `path` and reads the answer as a stream of events.
    pub(crate) async fn stream(
        &self,
        path: &str,
        body: &Value,
    ) -> Result<EventStream, ClientError> {
        let request = self.http.post(format!("{}{path}", self.url)).json(body);
        Ok(EventStream::new(self.send(request).await?))
    }

    async fn send(&self, mut request: RequestBuilder) -> Result<Response, ClientError> {
        if let Some(key) = &self.api_key {
            request = request.bearer_auth(key);
        }
        let response = request.send().await.map_err(|error| self.failed(error))?;
        let status = response.status();
        if status.is_success() {
            return Ok(response);
        }
        let body = response.text().await.unwrap_or_default();
        Err(ClientError::Refused { status, message: error_message(&body) })
    }

    fn failed(&self, error: reqwest::Error) -> ClientError {
        if error.is_connect() {
            ClientError::NoServer { url: self.url.clone() }
        } else {
            ClientError::Connection(error)
        }
    }
}

async fn json_body(response: Response) -> Result<Value, ClientError> {
    response.json().await.map_err(|error| ClientError::Protocol(root_cause(&error)))
}

/// The message inside an OpenAI error object, or the beginning of whatever else came.
fn error_message(body: &str) -> String {
    let parsed: Option<Value> = serde_json::from_str(body).ok();
    let message = parsed
        .as_ref()
        .and_then(|value| value.pointer("/error/message").or_else(|| value.get("error")))
        .and_then(Value::as_str)
        .unwrap_or(body);
    let cut: String = message.chars().take(MAX_ERROR_CHARS).collect();
    if cut.is_empty() { "(no message)".to_owned() } else { cut }
}

/// The innermost cause: reqwest's own text only says that sending failed.
fn root_cause(error: &reqwest::Error) -> String {
    let mut cause: &dyn std::error::Error = error;
    while let Some(source) = cause.source() {
        cause = source;
    }
    cause.to_string()
}

/// An http(s) address, without the `/` or `/v1` that other clients want at its end.
fn parse_url(text: &str) -> Result<String, String> {
    let base = text.trim_end_matches('/');
    let base = base.strip_suffix("/v1").unwrap_or(base).trim_end_matches('/');
    match reqwest::Url::parse(base) {
        Ok(url) if matches!(url.scheme(), "http" | "https") && url.has_host() => {
            Ok(base.to_owned())
        }
        _ => Err("expected an address such as http://127.0.0.1:8000".to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses() {
        for text in ["http://127.0.0.1:8000", "http://127.0.0.1:8000/", "http://127.0.0.1:8000/v1/"]
        {
            assert_eq!(parse_url(text).as_deref(), Ok("http://127.0.0.1:8000"), "{text}");
        }
        for text in ["127.0.0.1:8000", "localhost", "ftp://host", "http://", ""] {
            assert!(parse_url(text).is_err(), "{text}");
        }
    }

    #[test]
    fn a_server_that_is_not_there_gets_the_remedy() {
        let server = fake_server::FakeServer::start();
        // Bound and not listening: nobody answers, and nobody else gets the port meanwhile.
        let deaf = tokio::net::TcpSocket::new_v4().unwrap();
        deaf.bind("127.0.0.1:0".parse().unwrap()).unwrap();
        let nowhere = deaf.local_addr().unwrap();
        let mut client = server.client();
        client.url = format!("http://{nowhere}");
        let error = server.runtime.block_on(client.first_model()).unwrap_err().to_string();
        assert!(error.contains(&format!("no server answers at http://{nowhere}")), "{error}");
        assert!(error.contains("ropeway serve MODEL"), "{error}");
    }

    #[test]
    fn refusals_carry_the_servers_words() {
        let server = fake_server::FakeServer::start();
        let mut client = server.client();
        client.api_key = None;
        let body = json!({});
        let call = client.stream("/v1/completions", &body);
        let error = server.runtime.block_on(call).err().unwrap().to_string();
        assert_eq!(error, "the server answered 401 Unauthorized: no key");
        // A server without /readyz counts as ready.
        assert!(server.runtime.block_on(client.is_ready()).unwrap());
    }

    #[test]
    fn messages_of_error_bodies() {
        assert_eq!(error_message(r#"{"error":{"message":"too long","code":null}}"#), "too long");
        assert_eq!(error_message(r#"{"error":"Unauthorized"}"#), "Unauthorized");
        assert_eq!(error_message("<html>"), "<html>");
        assert_eq!(error_message(""), "(no message)");
        assert_eq!(error_message(&"x".repeat(9_999)).len(), MAX_ERROR_CHARS);
    }
}
