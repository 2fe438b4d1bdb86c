//! Routes and what every request passes through on its way to them.
//!
//! From outside in: request id, HTTP metrics, CORS, panics turned into errors, and for all routes
//! but the probes (and, if so configured, the metrics) the API key. Unknown paths need the key, too, so they tell nothing.

use std::any::Any;
use std::time::Instant;

use axum::Router;
use axum::extract::{MatchedPath, Request, State};
use axum::http::{HeaderValue, Version, header};
use axum::middleware::{self, Next};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use tower_http::catch_panic::CatchPanicLayer;
use tower_http::cors::{AllowHeaders, AllowMethods, AllowOrigin, CorsLayer};

use crate::auth::{self, ApiKeys};
use crate::error::ApiError;
use crate::lifecycle::Lifecycle;
use crate::metrics::HttpMetrics;
use crate::state::AppState;
use crate::{chat, completions, health, models, orca, request_id, tokenize};

/// Content type of the Prometheus text format.
const PROMETHEUS_TEXT: HeaderValue =
    HeaderValue::from_static("text/plain; version=0.0.4; charset=utf-8");

pub(crate) fn router(state: AppState) -> Router {
    let keys = ApiKeys::new(&state.config.api_keys);
    let http_metrics = state.lifecycle.metrics().http.clone();
    let lifecycle = state.lifecycle.clone();
    let cors = cors(&state.config.allowed_origins);
    let (guarded, open) = match state.config.metrics_without_key {
        true => (guarded_routes(), probes().merge(metrics_routes())),
        false => (guarded_routes().merge(metrics_routes()), probes()),
    };
    let router = generation_routes()
        .layer(middleware::from_fn_with_state(lifecycle.clone(), orca::report_load))
        .merge(guarded)
        .layer(middleware::from_fn_with_state(keys, auth::require_key))
        .merge(open)
        .with_state(state)
        .layer(CatchPanicLayer::custom(panic_response));
    let router = match cors {
        Some(cors) => router.layer(cors),
        None => router,
    };
    router
        .layer(middleware::from_fn_with_state(lifecycle, part_when_leaving))
        .layer(middleware::from_fn_with_state(http_metrics, record))
        .layer(middleware::from_fn(request_id::assign))
}

fn generation_routes() -> Router<AppState> {
    Router::new()
        .route("/v1/chat/completions", post(chat::chat_completions))
        .route("/v1/completions", post(completions::completions))
        .method_not_allowed_fallback(async || ApiError::method_not_allowed())
}

fn guarded_routes() -> Router<AppState> {
    Router::new()
        .route("/v1/models", get(models::list))
        .route("/v1/models/{*id}", get(models::get))
        .route("/tokenize", post(tokenize::tokenize))
        .route("/detokenize", post(tokenize::detokenize))
        .route("/version", get(models::version))
        .fallback(async || ApiError::no_such_route())
        .method_not_allowed_fallback(async || ApiError::method_not_allowed())
}

fn metrics_routes() -> Router<AppState> {
    Router::new()
        .route("/metrics", get(metrics_text))
        .route("/metrics/", get(metrics_text))
        .method_not_allowed_fallback(async || ApiError::method_not_allowed())
}

fn probes() -> Router<AppState> {
    Router::new()
        .route("/livez", get(health::livez))
        .route("/readyz", get(health::readyz))
        .route("/startupz", get(health::startupz))
        .route("/health", get(health::health))
        .route("/ping", get(health::health).post(health::health))
        .method_not_allowed_fallback(async || ApiError::method_not_allowed())
}

async fn metrics_text(State(state): State<AppState>) -> Response {
    let model = state.lifecycle.served_model();
    let text = state.lifecycle.metrics().render(model.as_deref());
    ([(header::CONTENT_TYPE, PROMETHEUS_TEXT)], text).into_response()
}

/// Middleware: counts the request under its route's pattern.
async fn record(State(metrics): State<HttpMetrics>, request: Request, next: Next) -> Response {
    let started = Instant::now();
    let method = request.method().clone();
    let route = request.extensions().get::<MatchedPath>().cloned();
    let response = next.run(request).await;
    let route = route.as_ref().map(MatchedPath::as_str);
    metrics.record(route, &method, response.status(), started.elapsed());
    response
}

/// Middleware: a server on its way out closes each connection after its answer, so that clients
/// which keep connections find another server while requests are still taken here. HTTP/2 has no
/// such header; its connections are told at the end of the drain.
async fn part_when_leaving(
    State(lifecycle): State<Lifecycle>,
    request: Request,
    next: Next,
) -> Response {
    let is_http1 = request.version() < Version::HTTP_2;
    let mut response = next.run(request).await;
    if is_http1 && lifecycle.is_leaving() {
        response.headers_mut().insert(header::CONNECTION, HeaderValue::from_static("close"));
    }
    response
}

fn panic_response(panic: Box<dyn Any + Send + 'static>) -> Response {
    let text = panic
        .downcast_ref::<&str>()
        .copied()
        .or_else(|| panic.downcast_ref::<String>().map(String::as_str))
        .unwrap_or("no message");
    tracing::error!(panic = text, "a handler panicked");
    ApiError::internal("The server made a mistake.").into_response()
}

/// `None` when no origin is allowed: browsers then refuse on their own.
fn cors(origins: &[String]) -> Option<CorsLayer> {
    let origin = if origins.iter().any(|origin| origin == "*") {
        AllowOrigin::any()
    } else {
        let listed: Vec<HeaderValue> =
            origins.iter().filter_map(|origin| origin.parse().ok()).collect();
        if listed.is_empty() {
            return None;
        }
        AllowOrigin::list(listed)
    };
    let layer = CorsLayer::new().allow_origin(origin);
    Some(layer.allow_methods(AllowMethods::any()).allow_headers(AllowHeaders::any()))
}
