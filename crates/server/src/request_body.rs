//! Reads a request's body within its limits of size and time.

use axum::body::Bytes;
use axum::extract::{FromRequest, Request};
use axum::http::header;

use crate::error::ApiError;
use crate::state::AppState;

/// The whole body, unparsed.
pub(crate) struct RequestBody(pub(crate) Bytes);

impl FromRequest<AppState> for RequestBody {
    type Rejection = ApiError;

    async fn from_request(request: Request, state: &AppState) -> Result<Self, ApiError> {
        // A request that will be turned away need not send its body first.
        state.lifecycle.admit().map(drop)?;
        let limits = &state.config.limits;
        if has_content_coding(&request) {
            let message = "Compressed request bodies are not accepted.";
            return Err(ApiError::bad_request(message));
        }
        let read = axum::body::to_bytes(request.into_body(), limits.max_body_bytes);
        match tokio::time::timeout(limits.body_timeout, read).await {
            Ok(Ok(bytes)) => Ok(Self(bytes)),
            Ok(Err(error)) if is_over_limit(&error) => {
                Err(ApiError::body_too_large(limits.max_body_bytes))
            }
            Ok(Err(_)) => Err(ApiError::bad_request("The request body could not be read.")),
            Err(_) => Err(ApiError::body_timeout()),
        }
    }
}

fn has_content_coding(request: &Request) -> bool {
    let coding = request.headers().get(header::CONTENT_ENCODING);
    coding.is_some_and(|coding| !coding.as_bytes().eq_ignore_ascii_case(b"identity"))
}

fn is_over_limit(error: &axum::Error) -> bool {
    let mut cause: Option<&dyn std::error::Error> = Some(error);
    while let Some(error) = cause {
        if error.is::<http_body_util::LengthLimitError>() {
            return true;
        }
        cause = error.source();
    }
    false
}
