//! Load reports in responses: ORCA's `endpoint-load-metrics` header, for balancers that ask for it.
//!
//! A request with `endpoint-load-metrics-format: TEXT` or `JSON` (in any case) gets the load at the
//! moment its answer begins, errors included. The words and names are vLLM's, plus
//! `application_utilization`, the field by which Envoy weighs endpoints, which is our saturation.
//! Sources: xds/data/orca/v3/orca_load_report.proto; Envoy's `orca_load_metrics` parser for the TEXT
//! and JSON forms; vLLM's orca_metrics.py for the named metrics. The binary form is not offered.

use axum::extract::{Request, State};
use axum::http::{HeaderMap, HeaderValue};
use axum::middleware::Next;
use axum::response::Response;
use serde::Serialize;

use crate::lifecycle::Lifecycle;

const REQUEST_HEADER: &str = "endpoint-load-metrics-format";
const RESPONSE_HEADER: &str = "endpoint-load-metrics";

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Format {
    Text,
    Json,
}

#[derive(Serialize)]
struct Report {
    application_utilization: f64,
    named_metrics: NamedMetrics,
}

#[derive(Serialize)]
struct NamedMetrics {
    kv_cache_usage_perc: f64,
    num_requests_waiting: f64,
    num_requests_running: f64,
}

/// Middleware of the generation routes.
pub(crate) async fn report_load(
    State(lifecycle): State<Lifecycle>,
    request: Request,
    next: Next,
) -> Response {
    let format = asked(request.headers());
    let mut response = next.run(request).await;
    if let Some(value) = format.and_then(|format| Some(header(format, &report(&lifecycle)?))) {
        response.headers_mut().insert(RESPONSE_HEADER, value);
    }
    response
}

/// A word that is no format is left without an answer, as everywhere else in this protocol.
fn asked(headers: &HeaderMap) -> Option<Format> {
    let word = headers.get(REQUEST_HEADER)?.to_str().ok()?.trim();
    [("text", Format::Text), ("json", Format::Json)]
        .into_iter()
        .find_map(|(name, format)| word.eq_ignore_ascii_case(name).then_some(format))
}

/// Nothing before a model is ready.
fn report(lifecycle: &Lifecycle) -> Option<Report> {
    let model = lifecycle.served_model()?;
    let load = model.engine.load();
    let max_num_seqs = model.engine.limits().max_num_seqs;
    Some(Report {
        application_utilization: lifecycle.engine_metrics()?.saturation(load, max_num_seqs),
        named_metrics: NamedMetrics {
            kv_cache_usage_perc: f64::from(load.kv_usage),
            num_requests_waiting: load.num_waiting as f64,
            num_requests_running: load.num_running as f64,
        },
    })
}

fn header(format: Format, report: &Report) -> HeaderValue {
    let named = &report.named_metrics;
    let text = match format {
        Format::Json => {
            format!("JSON {}", serde_json::to_string(report).expect("numbers become JSON"))
        }
        // `{:?}` keeps the point of whole numbers, by which readers know a double.
        Format::Text => format!(
            "TEXT application_utilization={:?}, named_metrics.kv_cache_usage_perc={:?}, \
             named_metrics.num_requests_waiting={:?}, named_metrics.num_requests_running={:?}",
            report.application_utilization,
            named.kv_cache_usage_perc,
            named.num_requests_waiting,
            named.num_requests_running,
        ),
    };
    HeaderValue::from_str(&text).expect("the report is printable ASCII")
}
