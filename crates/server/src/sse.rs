//! Server-sent events: deltas to `data:` frames.
//!
//! The response body is pulled: a frame is made when the connection can take one, so a client that
//! does not read makes nothing pile up here. Frames that are ready together go out together.

use std::time::Duration;

use axum::body::{Body, Bytes};
use axum::http::{HeaderValue, header};
use axum::response::Response;
use futures_util::stream;
use serde::Serialize;

use crate::error::ApiError;
use crate::exchange::Exchange;
use crate::generate::ChoiceDelta;

/// Bytes after which ready frames are sent rather than joined.
const FLUSH_BYTES: usize = 16 << 10;
/// A comment is sent when nothing else was for this long, so that proxies keep the connection.
const KEEP_ALIVE: Duration = Duration::from_secs(15);

/// How one API writes its stream.
pub(crate) trait Dialect: Send + 'static {
    /// Frames before the first delta.
    fn opening(&mut self, exchange: &Exchange, frames: &mut Frames);
    /// The frame of a delta.
    fn delta(&mut self, exchange: &Exchange, delta: ChoiceDelta, frames: &mut Frames);
    /// The frame with the usage, after the last delta.
    fn usage(&mut self, exchange: &Exchange, frames: &mut Frames);
}

/// Frames on their way to the connection.
#[derive(Default)]
pub(crate) struct Frames {
    bytes: Vec<u8>,
}

impl Frames {
    /// Adds one `data:` frame.
    pub(crate) fn push(&mut self, value: &impl Serialize) {
        self.bytes.extend_from_slice(b"data: ");
        serde_json::to_writer(&mut self.bytes, value)
            .expect("response types serialise, and memory takes every write");
        self.bytes.extend_from_slice(b"\n\n");
    }

    fn push_done(&mut self) {
        self.bytes.extend_from_slice(b"data: [DONE]\n\n");
    }

    fn push_keep_alive(&mut self) {
        self.bytes.extend_from_slice(b": keep-alive\n\n");
    }
}

struct Writer<D> {
    exchange: Exchange,
    dialect: D,
    has_opened: bool,
    include_usage: bool,
}

impl<D: Dialect> Writer<D> {
    /// Frames up to the next pause; with `None` for the state when the stream has ended.
    async fn next(mut self) -> (Bytes, Option<Self>) {
        let mut frames = Frames::default();
        let mut goes_on = match tokio::time::timeout(KEEP_ALIVE, self.exchange.next()).await {
            Ok(delta) => self.write(delta, &mut frames),
            Err(_) => {
                frames.push_keep_alive();
                true
            }
        };
        while goes_on && frames.bytes.len() < FLUSH_BYTES {
            match self.exchange.next_ready() {
                Some(delta) => goes_on = self.write(Some(delta), &mut frames),
                None => break,
            }
        }
        (frames.bytes.into(), goes_on.then_some(self))
    }

    /// Writes a delta or the end; false when nothing follows.
    fn write(&mut self, delta: Option<Result<ChoiceDelta, ApiError>>, frames: &mut Frames) -> bool {
        match delta {
            Some(Ok(delta)) => {
                if !self.has_opened {
                    self.has_opened = true;
                    self.dialect.opening(&self.exchange, frames);
                }
                self.dialect.delta(&self.exchange, delta, frames);
                return true;
            }
            Some(Err(error)) => frames.push(&error.body()),
            None if self.include_usage => self.dialect.usage(&self.exchange, frames),
            None => {}
        }
        frames.push_done();
        false
    }
}

/// The response whose body is the exchange's stream.
pub(crate) fn respond(exchange: Exchange, dialect: impl Dialect) -> Response {
    let include_usage = exchange.request.output().stream.is_some_and(|stream| stream.include_usage);
    let writer = Writer { exchange, dialect, has_opened: false, include_usage };
    let body = stream::unfold(Some(writer), async |writer| {
        let (bytes, writer) = writer?.next().await;
        Some((Ok::<_, std::convert::Infallible>(bytes), writer))
    });
    let mut response = Response::new(Body::from_stream(body));
    let headers = response.headers_mut();
    let event_stream = HeaderValue::from_static("text/event-stream; charset=utf-8");
    headers.insert(header::CONTENT_TYPE, event_stream);
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-cache"));
    headers.insert("x-accel-buffering", HeaderValue::from_static("no"));
    response
}
