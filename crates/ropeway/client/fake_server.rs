//! A server for tests that answers as the API promises, from a script instead of a model.

use std::sync::Arc;
use std::sync::Mutex;

use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use axum::{Json, Router};
use clap::Parser;
use serde_json::{Value, json};
use tokio::runtime::Runtime;

use super::{Client, ClientOptions};

/// Words of every answer.
pub(crate) const ANSWER: [&str; 3] = ["one", " two", " three"];

/// A fake server and what was sent to it.
pub(crate) struct FakeServer {
    /// Its address.
    pub(crate) url: String,
    /// Bodies of the requests for answers, in order.
    pub(crate) bodies: Arc<Mutex<Vec<Value>>>,
    /// Runs the server; for the test's own calls too.
    pub(crate) runtime: Runtime,
}

/// What a request for an answer gets. A prompt that says "fail" gets a 400.
type Bodies = Arc<Mutex<Vec<Value>>>;

#[derive(Parser)]
struct Line {
    #[command(flatten)]
    client: ClientOptions,
}

impl FakeServer {
    /// Starts one on a free port.
    pub(crate) fn start() -> Self {
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(1)
            .enable_all()
            .build()
            .unwrap();
        let bodies = Bodies::default();
        let routes = Router::new()
            .route("/v1/models", get(|| async { Json(json!({ "data": [{ "id": "tiny" }] })) }))
            .route("/tokenize", post(|| async { Json(json!({ "tokens": [7, 5, 7, 6] })) }))
            .route("/v1/completions", post(answer))
            .route("/v1/chat/completions", post(answer))
            .with_state(Arc::clone(&bodies));
        let listener = runtime.block_on(tokio::net::TcpListener::bind("127.0.0.1:0")).unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        runtime.spawn(async move { axum::serve(listener, routes).await });
        Self { url, bodies, runtime }
    }

    /// Options that lead to this server.
    pub(crate) fn options(&self) -> ClientOptions {
        Line::parse_from(["test", "--url", &self.url, "--api-key", "secret"]).client
    }

    /// A client of this server.
    pub(crate) fn client(&self) -> Client {
        // As in `main`; whoever comes second is refused, and needs nothing.
        let _already_installed = rustls::crypto::ring::default_provider().install_default();
        Client::new(&self.options(), None).unwrap()
    }
}

async fn answer(
    State(bodies): State<Bodies>,
    headers: HeaderMap,
    Json(body): Json<Value>,
) -> Response {
    let error = |status: StatusCode, message: &str| {
        (status, Json(json!({ "error": { "message": message } }))).into_response()
    };
    if headers.get("authorization").is_none_or(|value| value != "Bearer secret") {
        return error(StatusCode::UNAUTHORIZED, "no key");
    }
    let must_fail = body.to_string().contains("fail");
    bodies.lock().unwrap().push(body);
    if must_fail {
        return error(StatusCode::BAD_REQUEST, "you asked for it");
    }
    let pieces = ANSWER
        .iter()
        .map(|text| json!({ "choices": [{ "text": text, "delta": { "content": text } }] }));
    let usage = json!({ "choices": [], "usage": { "prompt_tokens": 4, "completion_tokens": 3 } });
    let stream: String = pieces.chain([usage]).map(|event| format!("data: {event}\n\n")).collect();
    ([("content-type", "text/event-stream")], stream + "data: [DONE]\n\n").into_response()
}
