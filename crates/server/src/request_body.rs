//! Reads a request's body within its limits: kind, size, time, and the memory of all bodies held.

use std::sync::Arc;

use axum::body::{Body, Bytes, HttpBody};
use axum::extract::{FromRequest, Request};
use axum::http::{HeaderMap, header};
use http_body_util::{BodyExt, LengthLimitError, Limited};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use crate::config::ServerLimits;
use crate::error::ApiError;
use crate::state::AppState;

/// Beginning of each body that is paid for from the room of small bodies.
const SMALL_BODY_BYTES: usize = 64 << 10;
/// Retry-After when there is no room: bodies arrive and are prepared in seconds.
const RETRY_AFTER_S: u32 = 1;

/// The whole body, unparsed. Its place in the [`BodyRoom`] is given back with the last clone.
pub(crate) struct RequestBody(pub(crate) Bytes);

/// The memory that all bodies, arriving or waiting to be prepared, may hold together.
///
/// The first 64 KiB of a body and the rest of it are paid for separately, so that a few slow
/// senders of large bodies cannot keep ordinary requests out.
#[derive(Clone)]
pub(crate) struct BodyRoom {
    beginnings: Arc<Semaphore>,
    rests: Arc<Semaphore>,
}

impl BodyRoom {
    pub(crate) fn new(limits: &ServerLimits) -> Self {
        let room = || Arc::new(Semaphore::new(limits.max_held_body_bytes));
        Self { beginnings: room(), rests: room() }
    }
}

impl FromRequest<AppState> for RequestBody {
    type Rejection = ApiError;

    async fn from_request(request: Request, state: &AppState) -> Result<Self, ApiError> {
        // A request that will be turned away need not send its body first.
        state.lifecycle.admit().map(drop)?;
        let limits = &state.config.limits;
        check_kind(request.headers())?;
        let body = request.into_body();
        let max_bytes = limits.max_body_bytes;
        if body.size_hint().lower() > max_bytes as u64 {
            return Err(ApiError::body_too_large(max_bytes));
        }
        let read = read(body, max_bytes, &state.body_room);
        match tokio::time::timeout(limits.body_timeout, read).await {
            Ok(read) => read.map(Self),
            Err(_) => Err(ApiError::body_timeout()),
        }
    }
}

/// Only plain JSON is taken. A web page can send other types to any address without asking first
/// (Fetch standard, "CORS-safelisted request-header"), JSON it cannot.
fn check_kind(headers: &HeaderMap) -> Result<(), ApiError> {
    if headers.get_all(header::CONTENT_ENCODING).iter().any(|coding| coding != "identity") {
        return Err(ApiError::bad_request("Compressed request bodies are not accepted."));
    }
    let sent = headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok());
    let kind = sent.and_then(|sent| sent.split(';').next()).map(str::trim).unwrap_or_default();
    match kind.eq_ignore_ascii_case("application/json") {
        true => Ok(()),
        false => Err(ApiError::bad_request("The request needs 'content-type: application/json'.")),
    }
}

async fn read(body: Body, max_bytes: usize, room: &BodyRoom) -> Result<Bytes, ApiError> {
    let mut body = Limited::new(body, max_bytes);
    let mut held = HeldBody::default();
    while let Some(frame) = body.frame().await {
        let frame = frame.map_err(|error| match error.is::<LengthLimitError>() {
            true => ApiError::body_too_large(max_bytes),
            false => ApiError::bad_request("The request body could not be read."),
        })?;
        if let Ok(data) = frame.into_data() {
            held.push(&data, room)?;
        }
    }
    Ok(Bytes::from_owner(held))
}

/// What has arrived of a body, and its place in the room.
#[derive(Default)]
struct HeldBody {
    bytes: Vec<u8>,
    beginning: Option<OwnedSemaphorePermit>,
    rest: Option<OwnedSemaphorePermit>,
}

impl HeldBody {
    fn push(&mut self, data: &[u8], room: &BodyRoom) -> Result<(), ApiError> {
        let in_beginning = SMALL_BODY_BYTES.saturating_sub(self.bytes.len()).min(data.len());
        take_room(&mut self.beginning, &room.beginnings, in_beginning)?;
        take_room(&mut self.rest, &room.rests, data.len() - in_beginning)?;
        self.bytes.extend_from_slice(data);
        Ok(())
    }
}

impl AsRef<[u8]> for HeldBody {
    fn as_ref(&self) -> &[u8] {
        &self.bytes
    }
}

fn take_room(
    held: &mut Option<OwnedSemaphorePermit>,
    room: &Arc<Semaphore>,
    num_bytes: usize,
) -> Result<(), ApiError> {
    let permit = u32::try_from(num_bytes)
        .ok()
        .and_then(|num_bytes| room.clone().try_acquire_many_owned(num_bytes).ok());
    let Some(permit) = permit else {
        let message = "Too many large requests are arriving; try again shortly.";
        return Err(ApiError::overloaded(message, RETRY_AFTER_S));
    };
    match held {
        Some(held) => held.merge(permit),
        None => *held = Some(permit),
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn large_bodies_share_their_room_and_leave_that_of_small_ones() {
        let limits = ServerLimits { max_held_body_bytes: 100 << 10, ..Default::default() };
        let room = BodyRoom::new(&limits);
        let mut large = HeldBody::default();
        large.push(&[0; 164 << 10], &room).unwrap();
        let mut next = HeldBody::default();
        let refused = next.push(&[0; (36 << 10) + 1], &room).unwrap_err();
        assert_eq!(refused.status().as_u16(), 429, "the room of beginnings is full");
        next.push(&[0; 36 << 10], &room).unwrap();
        drop(next);
        let bytes = Bytes::from_owner(large);
        let clone = bytes.clone();
        drop(bytes);
        assert_eq!(room.rests.available_permits(), 0, "the clone still holds the body");
        drop(clone);
        assert_eq!(room.rests.available_permits(), 100 << 10);
        assert_eq!(room.beginnings.available_permits(), 100 << 10);
    }

    #[test]
    fn only_plain_json_is_taken() {
        let kind = |name: header::HeaderName, value: &str| {
            let mut headers = HeaderMap::new();
            headers.insert(header::CONTENT_TYPE, "application/json".parse().unwrap());
            headers.insert(name, value.parse().unwrap());
            check_kind(&headers).map_err(|error| error.status().as_u16())
        };
        assert_eq!(kind(header::CONTENT_TYPE, "Application/JSON; charset=utf-8"), Ok(()));
        assert_eq!(kind(header::CONTENT_TYPE, "text/plain"), Err(400));
        assert_eq!(kind(header::CONTENT_TYPE, "application/jsonx"), Err(400));
        assert_eq!(kind(header::CONTENT_ENCODING, "identity"), Ok(()));
        assert_eq!(kind(header::CONTENT_ENCODING, "gzip"), Err(400));
        assert!(check_kind(&HeaderMap::new()).is_err());
    }
}
