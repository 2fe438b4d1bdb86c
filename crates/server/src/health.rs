//! Probes. They read atomics and short locks, never the engine, and need no key.

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use serde::Serialize;

use crate::lifecycle::NotReady;
use crate::state::AppState;

#[derive(Serialize)]
struct Health {
    status: &'static str,
}

#[derive(Serialize)]
struct Startup {
    status: &'static str,
    phase: &'static str,
    done_bytes: u64,
    total_bytes: u64,
    phase_seconds: f64,
    elapsed_seconds: f64,
    phases: Vec<Phase>,
}

#[derive(Serialize)]
struct Phase {
    phase: &'static str,
    seconds: f64,
}

/// `GET /livez`: 503 only when a restart would help.
pub(crate) async fn livez(State(state): State<AppState>) -> Response {
    respond(state.lifecycle.check_alive(), "alive")
}

/// `GET /readyz`: 200 when traffic should come here.
pub(crate) async fn readyz(State(state): State<AppState>) -> Response {
    respond(state.lifecycle.check_ready(), "ready")
}

/// `GET /health` and `/ping`, as vLLM has them: an empty 200 or 503.
pub(crate) async fn health(State(state): State<AppState>) -> StatusCode {
    match state.lifecycle.check_ready() {
        Ok(()) => StatusCode::OK,
        Err(_) => StatusCode::SERVICE_UNAVAILABLE,
    }
}

/// `GET /startupz`: how far loading has come; 200 once it is done.
pub(crate) async fn startupz(State(state): State<AppState>) -> Response {
    let startup = state.lifecycle.startup();
    let times = startup.times;
    let (code, status) = match (startup.is_ready, startup.has_failed) {
        (true, _) => (StatusCode::OK, "ready"),
        (false, true) => (StatusCode::SERVICE_UNAVAILABLE, "load_failed"),
        (false, false) => (StatusCode::SERVICE_UNAVAILABLE, "loading"),
    };
    let body = Startup {
        status,
        phase: times.progress.phase.as_str(),
        done_bytes: times.progress.done_bytes,
        total_bytes: times.progress.total_bytes,
        phase_seconds: times.phase_elapsed.as_secs_f64(),
        elapsed_seconds: times.elapsed.as_secs_f64(),
        phases: times
            .finished
            .iter()
            .map(|done| Phase { phase: done.phase.as_str(), seconds: done.duration.as_secs_f64() })
            .collect(),
    };
    (code, Json(body)).into_response()
}

fn respond(health: Result<(), NotReady>, good: &'static str) -> Response {
    let (code, status) = match health {
        Ok(()) => (StatusCode::OK, good),
        Err(cause) => (StatusCode::SERVICE_UNAVAILABLE, cause.as_str()),
    };
    (code, Json(Health { status })).into_response()
}
