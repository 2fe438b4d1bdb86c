//! What a client sees when something is wrong: OpenAI's error object, vLLM's status codes.
//!
//! Messages speak of the request only; they never carry paths, addresses or internal causes.

use axum::Json;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde::Serialize;

/// Longest message sent to a client, in bytes: a message may quote the request.
const MAX_MESSAGE_BYTES: usize = 400;

/// An error answer: status, the fields of OpenAI's error object, and the headers that go with it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ApiError {
    status: StatusCode,
    kind: &'static str,
    code: Option<&'static str>,
    param: Option<String>,
    message: String,
    retry_after_s: Option<u32>,
    close: bool,
}

/// `{"error": {...}}`, also used as a stream's last data frame.
#[derive(Serialize)]
pub(crate) struct ErrorBody<'a> {
    error: ErrorObject<'a>,
}

#[derive(Serialize)]
struct ErrorObject<'a> {
    message: &'a str,
    #[serde(rename = "type")]
    kind: &'a str,
    param: Option<&'a str>,
    code: Option<&'a str>,
}

impl ApiError {
    fn new(status: StatusCode, kind: &'static str, message: impl Into<String>) -> Self {
        let mut message = message.into();
        if message.len() > MAX_MESSAGE_BYTES {
            let end = (0..=MAX_MESSAGE_BYTES).rev().find(|end| message.is_char_boundary(*end));
            message.truncate(end.unwrap_or(0));
            message.push_str("...");
        }
        Self { status, kind, code: None, param: None, message, retry_after_s: None, close: false }
    }

    fn with_code(mut self, code: &'static str) -> Self {
        self.code = Some(code);
        self
    }

    /// The request as a whole is not understood.
    pub(crate) fn bad_request(message: impl Into<String>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, "invalid_request_error", message)
    }

    /// One field is wrong.
    pub(crate) fn invalid(param: impl Into<String>, message: impl Into<String>) -> Self {
        let mut error = Self::bad_request(message);
        error.param = Some(param.into());
        error
    }

    /// A field asks for a feature this server does not have.
    pub(crate) fn unsupported(param: &str) -> Self {
        Self::invalid(param, format!("'{param}' is not supported by this server"))
            .with_code("unsupported_parameter")
    }

    pub(crate) fn context_length(param: &str, message: impl Into<String>) -> Self {
        Self::invalid(param, message).with_code("context_length_exceeded")
    }

    pub(crate) fn model_not_found(model: &str) -> Self {
        let message = format!("The model `{model}` does not exist.");
        let mut error = Self::new(StatusCode::NOT_FOUND, "invalid_request_error", message)
            .with_code("model_not_found");
        error.param = Some("model".into());
        error
    }

    pub(crate) fn no_such_route() -> Self {
        Self::new(StatusCode::NOT_FOUND, "invalid_request_error", "There is no such route.")
            .with_code("unknown_url")
    }

    pub(crate) fn method_not_allowed() -> Self {
        let message = "This route does not take this method.";
        Self::new(StatusCode::METHOD_NOT_ALLOWED, "invalid_request_error", message)
            .with_code("method_not_allowed")
    }

    pub(crate) fn unauthorized() -> Self {
        let message = "Missing or incorrect API key: send `Authorization: Bearer <key>`.";
        Self::new(StatusCode::UNAUTHORIZED, "invalid_request_error", message)
            .with_code("invalid_api_key")
    }

    pub(crate) fn body_too_large(limit: usize) -> Self {
        let message = format!("The request body is larger than {limit} bytes.");
        let status = StatusCode::PAYLOAD_TOO_LARGE;
        let mut error =
            Self::new(status, "invalid_request_error", message).with_code("request_too_large");
        error.close = true;
        error
    }

    pub(crate) fn body_timeout() -> Self {
        let message = "The request body did not arrive in time.";
        let mut error = Self::new(StatusCode::REQUEST_TIMEOUT, "invalid_request_error", message)
            .with_code("request_timeout");
        error.close = true;
        error
    }

    pub(crate) fn overloaded(message: impl Into<String>, retry_after_s: u32) -> Self {
        let status = StatusCode::TOO_MANY_REQUESTS;
        let mut error = Self::new(status, "overloaded_error", message).with_code("queue_full");
        error.retry_after_s = Some(retry_after_s);
        error
    }

    pub(crate) fn loading(retry_after_s: u32) -> Self {
        let mut error = Self::unavailable("The model is still loading.", "model_loading");
        error.retry_after_s = Some(retry_after_s);
        error
    }

    pub(crate) fn draining(retry_after_s: u32) -> Self {
        let message = "The server is shutting down and takes no new requests.";
        let mut error = Self::unavailable(message, "server_draining");
        error.retry_after_s = Some(retry_after_s);
        error
    }

    pub(crate) fn load_failed() -> Self {
        Self::unavailable("The model could not be loaded.", "model_load_failed")
    }

    pub(crate) fn engine_dead() -> Self {
        Self::unavailable("The engine has stopped.", "engine_dead")
    }

    fn unavailable(message: &str, code: &'static str) -> Self {
        let mut error =
            Self::new(StatusCode::SERVICE_UNAVAILABLE, "server_error", message).with_code(code);
        error.close = true;
        error
    }

    /// A fault of ours. The message must be fit for clients.
    pub(crate) fn internal(message: impl Into<String>) -> Self {
        Self::new(StatusCode::INTERNAL_SERVER_ERROR, "server_error", message)
            .with_code("internal_error")
    }

    /// The model's logits are not finite where the answer's token `output_idx` (from 0) was to be
    /// chosen. No fault of the request alone; the message is for whoever chose the model's flags.
    pub(crate) fn not_finite(output_idx: u32) -> Self {
        let message = format!(
            "The model's logits are not finite at output token {}: float16 overflows (try --dtype \
             bfloat16, on a CPU --kv-cache-dtype bf16), or the model's weights are broken.",
            u64::from(output_idx) + 1
        );
        Self::new(StatusCode::INTERNAL_SERVER_ERROR, "server_error", message)
            .with_code("logits_not_finite")
    }

    /// The HTTP status.
    pub fn status(&self) -> StatusCode {
        self.status
    }

    /// The field at fault.
    pub fn param(&self) -> Option<&str> {
        self.param.as_deref()
    }

    /// The machine-readable code.
    pub fn code(&self) -> Option<&str> {
        self.code
    }

    /// The text for the client.
    pub fn message(&self) -> &str {
        &self.message
    }

    pub(crate) fn body(&self) -> ErrorBody<'_> {
        ErrorBody {
            error: ErrorObject {
                message: &self.message,
                kind: self.kind,
                param: self.param.as_deref(),
                code: self.code,
            },
        }
    }
}

impl IntoResponse for ApiError {
    fn into_response(self) -> Response {
        let mut response = (self.status, Json(self.body())).into_response();
        let headers = response.headers_mut();
        if let Some(seconds) = self.retry_after_s {
            headers.insert(header::RETRY_AFTER, HeaderValue::from(seconds));
        }
        if self.close {
            headers.insert(header::CONNECTION, HeaderValue::from_static("close"));
        }
        if self.status == StatusCode::UNAUTHORIZED {
            headers.insert(header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
        }
        response
    }
}
