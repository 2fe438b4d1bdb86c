//! The preparation pool: parsing, validating, templating and tokenising, off the edge runtime.
//!
//! These take time in proportion to the request's size, so they run on blocking threads. Two
//! limits bound the work: how many run at once, and how many wait for that.

use std::sync::Arc;

use tokio::sync::{Semaphore, TryAcquireError};

use crate::config::ServerLimits;
use crate::error::ApiError;

/// Retry-After when too many requests wait for preparation: the backlog is seconds at most.
const RETRY_AFTER_S: u32 = 1;

/// Runs preparation jobs within its two limits.
#[derive(Clone)]
pub(crate) struct PreparationPool {
    /// One permit per request inside, running or waiting.
    admitted: Arc<Semaphore>,
    /// One permit per running job.
    running: Arc<Semaphore>,
}

impl PreparationPool {
    pub(crate) fn new(limits: &ServerLimits) -> Self {
        let max_admitted = limits.max_preparing + limits.max_waiting_to_prepare;
        Self {
            admitted: Arc::new(Semaphore::new(max_admitted)),
            running: Arc::new(Semaphore::new(limits.max_preparing)),
        }
    }

    /// Runs `job` on a blocking thread once its turn has come.
    ///
    /// A caller that goes away while waiting gives its place up; a running job ends by itself.
    pub(crate) async fn run<T: Send + 'static>(
        &self,
        job: impl FnOnce() -> Result<T, ApiError> + Send + 'static,
    ) -> Result<T, ApiError> {
        let admitted = match self.admitted.clone().try_acquire_owned() {
            Ok(permit) => permit,
            Err(TryAcquireError::NoPermits) => {
                let message = "Too many requests are being prepared; try again shortly.";
                return Err(ApiError::overloaded(message, RETRY_AFTER_S));
            }
            Err(TryAcquireError::Closed) => unreachable!("the semaphore is never closed"),
        };
        let running =
            self.running.clone().acquire_owned().await.expect("the semaphore is never closed");
        let work = move || {
            let _permits = (admitted, running);
            job()
        };
        tokio::task::spawn_blocking(work).await.unwrap_or_else(|failure| {
            tracing::error!(%failure, "preparing a request failed");
            Err(ApiError::internal("The request could not be processed."))
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::mpsc::channel;

    use futures_util::FutureExt;

    #[tokio::test]
    async fn a_full_pool_answers_429_and_recovers() {
        let limits =
            ServerLimits { max_preparing: 1, max_waiting_to_prepare: 1, ..Default::default() };
        let pool = PreparationPool::new(&limits);
        let (release, gate) = channel::<()>();
        let (started, has_started) = tokio::sync::oneshot::channel();
        let first = tokio::spawn({
            let pool = pool.clone();
            async move {
                pool.run(move || {
                    started.send(()).unwrap();
                    gate.recv().unwrap();
                    Ok(1)
                })
                .await
            }
        });
        has_started.await.unwrap();
        let second = pool.run(|| Ok(2));
        tokio::pin!(second);
        assert!(second.as_mut().now_or_never().is_none());
        let refused = pool.run(|| Ok(3)).await.unwrap_err();
        assert_eq!(refused.status().as_u16(), 429);
        release.send(()).unwrap();
        assert_eq!(second.await, Ok(2));
        assert_eq!(first.await.unwrap(), Ok(1));
    }

    #[tokio::test]
    async fn a_panic_is_an_error_of_one_request() {
        let limits =
            ServerLimits { max_preparing: 1, max_waiting_to_prepare: 0, ..Default::default() };
        let pool = PreparationPool::new(&limits);
        let error = pool.run::<()>(|| panic!("bug")).await.unwrap_err();
        assert_eq!(error.status().as_u16(), 500);
        assert_eq!(pool.run(|| Ok(1)).await, Ok(1));
    }
}
