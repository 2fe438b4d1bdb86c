//! Request ids: taken from `X-Request-Id` or made, put into ids and logs, echoed in the response.

use axum::extract::{FromRequestParts, Request};
use axum::http::HeaderValue;
use axum::http::request::Parts;
use axum::middleware::Next;
use axum::response::Response;
use uuid::Uuid;

use crate::error::ApiError;

const HEADER: &str = "x-request-id";
/// Longest id taken from a client.
const MAX_ID_BYTES: usize = 128;

/// The id of the request at hand.
#[derive(Clone)]
pub(crate) struct RequestIdHeader(pub(crate) String);

impl<S: Sync> FromRequestParts<S> for RequestIdHeader {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, ApiError> {
        parts
            .extensions
            .get::<Self>()
            .cloned()
            .ok_or_else(|| ApiError::internal("The request has no id."))
    }
}

/// Middleware: gives the request its id and sets the response header.
pub(crate) async fn assign(mut request: Request, next: Next) -> Response {
    let sent = request.headers().get(HEADER).and_then(|id| id.to_str().ok()).filter(|id| {
        (1..=MAX_ID_BYTES).contains(&id.len()) && id.bytes().all(|byte| byte.is_ascii_graphic())
    });
    let id = sent.map_or_else(|| Uuid::new_v4().simple().to_string(), str::to_owned);
    let header = HeaderValue::from_str(&id).expect("the id is printable ASCII");
    request.extensions_mut().insert(RequestIdHeader(id));
    let mut response = next.run(request).await;
    response.headers_mut().insert(HEADER, header);
    response
}
