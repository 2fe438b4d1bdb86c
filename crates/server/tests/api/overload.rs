//! What happens at the limits: queue, body size, draining.

use axum::body::{Body, Bytes};
use futures_util::future::{Either, select};
use futures_util::stream;
use serde_json::json;
use std::time::Duration;
use tower::ServiceExt;

use crate::fixture::{Setup, chat_body, eventually, held_gate, post};

#[tokio::test]
async fn a_full_queue_answers_429_with_retry_after() {
    let (gate, go) = held_gate();
    let mut setup = Setup::answering("x");
    setup.gate = gate;
    setup.max_num_queued_reqs = 1;
    setup.max_num_seqs = 1;
    let server = setup.start();
    let send = || {
        let server = server.router.clone();
        let request = post("/v1/chat/completions", chat_body(json!({})).to_string());
        Box::pin(async move { server.oneshot(request).await.unwrap() })
    };
    let running = tokio::spawn(send());
    eventually("the first one runs", || server.engine().health().step_age.is_some()).await;
    // The step is held, so nothing that was taken can end: what ends first was refused.
    let (refused, other) = match select(send(), send()).await {
        Either::Left(ended) => ended,
        Either::Right(ended) => ended,
    };
    assert_eq!(refused.status(), 429);
    let retry_after = refused.headers()["retry-after"].to_str().unwrap().parse::<u32>();
    assert!((1..=60).contains(&retry_after.unwrap()));
    let body = axum::body::to_bytes(refused.into_body(), usize::MAX).await.unwrap();
    assert!(std::str::from_utf8(&body).unwrap().contains("\"code\":\"queue_full\""));
    drop(go);
    assert_eq!(running.await.unwrap().status(), 200);
    // The other one was taken, or refused too if the first still counted as waiting.
    assert!([200, 429].contains(&other.await.status().as_u16()));
    server.settles().await;
    let metrics = server.get("/metrics").await.text();
    assert!(!metrics.contains("reason=\"max_num_queued_reqs\"} 0"), "{metrics}");
    assert_eq!(server.chat(json!({})).await.status, 200);
}

#[tokio::test]
async fn a_body_over_the_limit_is_413_however_it_comes() {
    let mut setup = Setup::answering("x");
    setup.config.limits.max_body_bytes = 1000;
    let server = setup.start();
    let whole = server.complete(json!({"prompt": "x".repeat(2000)})).await;
    let endless = Body::from_stream(stream::repeat_with(|| {
        Ok::<_, std::convert::Infallible>(Bytes::from_static(&[b' '; 256]))
    }));
    let chunked = server.send(post("/v1/completions", endless)).await;
    for answer in [whole, chunked] {
        assert_eq!(answer.status, 413);
        assert_eq!(answer.error("code"), "request_too_large");
        assert_eq!(answer.error("type"), "invalid_request_error");
    }
}

#[tokio::test]
async fn a_body_that_does_not_come_is_408_and_a_compressed_one_400() {
    let mut setup = Setup::answering("x");
    setup.config.limits.body_timeout = Duration::from_millis(10);
    let server = setup.start();
    let silent = Body::from_stream(stream::pending::<Result<Bytes, std::convert::Infallible>>());
    let answer = server.send(post("/v1/completions", silent)).await;
    assert_eq!((answer.status.as_u16(), answer.error("code")), (408, json!("request_timeout")));
    let mut request = post("/v1/completions", "bomb");
    request.headers_mut().insert("content-encoding", "gzip".parse().unwrap());
    assert_eq!(server.send(request).await.status, 400);
}
