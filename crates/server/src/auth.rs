//! API keys. Every route but the probes needs one when any is configured.

use std::sync::Arc;

use axum::extract::{Request, State};
use axum::http::header;
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use sha2::{Digest, Sha256};
use subtle::{Choice, ConstantTimeEq};

use crate::error::ApiError;

type KeyDigest = [u8; 32];

/// The accepted keys, kept as digests only.
#[derive(Clone)]
pub(crate) struct ApiKeys {
    digests: Arc<[KeyDigest]>,
}

impl ApiKeys {
    pub(crate) fn new(keys: &[String]) -> Self {
        Self { digests: keys.iter().map(|key| Sha256::digest(key).into()).collect() }
    }

    /// Compares digests, so that neither the time nor an early exit tells a key's length, its
    /// beginning, or which of several keys came close.
    fn accept(&self, key: &[u8]) -> bool {
        let digest: KeyDigest = Sha256::digest(key).into();
        let mut is_known = Choice::from(0);
        for known in self.digests.iter() {
            is_known |= known.ct_eq(&digest);
        }
        is_known.into()
    }
}

/// Middleware: lets a request with a known bearer key through.
pub(crate) async fn require_key(
    State(keys): State<ApiKeys>,
    request: Request,
    next: Next,
) -> Response {
    let is_open = keys.digests.is_empty();
    let sent = request.headers().get(header::AUTHORIZATION).map(|value| value.as_bytes());
    if is_open || sent.and_then(bearer).is_some_and(|key| keys.accept(key)) {
        next.run(request).await
    } else {
        ApiError::unauthorized().into_response()
    }
}

/// The token of a `Bearer` header; the scheme's case does not matter (RFC 9110, section 11.1).
fn bearer(value: &[u8]) -> Option<&[u8]> {
    let (scheme, token) = value.split_at_checked("Bearer ".len())?;
    scheme.eq_ignore_ascii_case(b"Bearer ").then(|| token.trim_ascii())
}
