//! Request counts and durations by route, as prometheus-fastapi-instrumentator names them.

use std::sync::Arc;
use std::time::Duration;

use axum::http::{Method, StatusCode};
use metrics::with_local_recorder;
use metrics_exporter_prometheus::PrometheusRecorder;

const REQUESTS: &str = "http_requests_total";
pub(super) const DURATION: &str = "http_request_duration_seconds";

/// The label of a request that met no route.
const NO_ROUTE: &str = "none";

/// Counts requests. Label values come from fixed sets (routes, known methods, status classes), so
/// clients cannot make new series.
#[derive(Clone)]
pub(crate) struct HttpMetrics {
    recorder: Arc<PrometheusRecorder>,
}

impl HttpMetrics {
    pub(super) fn new(recorder: Arc<PrometheusRecorder>) -> Self {
        with_local_recorder(&*recorder, || {
            metrics::describe_counter!(
                REQUESTS,
                "HTTP requests by route, method and status class."
            );
            metrics::describe_histogram!(DURATION, "Time until the response's headers.");
        });
        Self { recorder }
    }

    /// One answered request; `route` is the route's pattern, never the path.
    pub(crate) fn record(
        &self,
        route: Option<&str>,
        method: &Method,
        status: StatusCode,
        duration: Duration,
    ) {
        let handler = route.unwrap_or(NO_ROUTE).to_owned();
        let method = method_label(method);
        let status = status_class(status);
        with_local_recorder(&*self.recorder, || {
            let labels = [("handler", handler.clone()), ("method", method.to_owned())];
            metrics::histogram!(DURATION, &labels).record(duration.as_secs_f64());
            metrics::counter!(REQUESTS, "handler" => handler, "method" => method, "status" => status)
                .increment(1);
        });
    }
}

fn method_label(method: &Method) -> &'static str {
    match *method {
        Method::GET => "GET",
        Method::POST => "POST",
        Method::PUT => "PUT",
        Method::DELETE => "DELETE",
        Method::HEAD => "HEAD",
        Method::OPTIONS => "OPTIONS",
        Method::PATCH => "PATCH",
        _ => "OTHER",
    }
}

fn status_class(status: StatusCode) -> &'static str {
    match status.as_u16() / 100 {
        1 => "1xx",
        2 => "2xx",
        3 => "3xx",
        4 => "4xx",
        _ => "5xx",
    }
}
