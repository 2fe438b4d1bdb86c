//! Accepting connections: no Nagle delay, and no more than the limit at once.

use std::future::{Ready, ready};
use std::io;
use std::sync::Arc;
use std::task::{Context, Poll};

use axum_server::accept::Accept;
use tokio::net::TcpStream;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tower::Service;

/// Takes a permit for each connection; one beyond the limit is closed at once.
#[derive(Clone)]
pub(crate) struct LimitedAcceptor {
    permits: Arc<Semaphore>,
}

impl LimitedAcceptor {
    pub(crate) fn new(max_connections: usize) -> Self {
        Self { permits: Arc::new(Semaphore::new(max_connections)) }
    }
}

impl<S> Accept<TcpStream, S> for LimitedAcceptor {
    type Stream = TcpStream;
    type Service = PermittedService<S>;
    type Future = Ready<io::Result<(TcpStream, PermittedService<S>)>>;

    fn accept(&self, stream: TcpStream, service: S) -> Self::Future {
        let permit = self.permits.clone().try_acquire_owned();
        ready(match permit {
            // Tokens go out as they come, not when a packet is full.
            Ok(permit) => stream.set_nodelay(true).map(|()| {
                let service = PermittedService { inner: service, _permit: Arc::new(permit) };
                (stream, service)
            }),
            Err(_) => Err(io::Error::other("too many connections")),
        })
    }
}

/// A connection's service; holds the permit for as long as the connection lives.
#[derive(Clone)]
pub(crate) struct PermittedService<S> {
    inner: S,
    _permit: Arc<OwnedSemaphorePermit>,
}

impl<S: Service<R>, R> Service<R> for PermittedService<S> {
    type Response = S::Response;
    type Error = S::Error;
    type Future = S::Future;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        self.inner.poll_ready(context)
    }

    fn call(&mut self, request: R) -> S::Future {
        self.inner.call(request)
    }
}
