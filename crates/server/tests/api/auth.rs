//! API keys: what needs one, and what a wrong one gets.

use axum::body::Body;
use axum::http::Request;

use crate::fixture::{Answer, Setup, TestServer};

async fn get(server: &TestServer, path: &str, authorization: Option<&str>) -> Answer {
    let mut request = Request::get(path);
    if let Some(value) = authorization {
        request = request.header("authorization", value);
    }
    server.send(request.body(Body::empty()).unwrap()).await
}

fn guarded() -> TestServer {
    let mut setup = Setup::answering("x");
    setup.config.api_keys = vec!["first-key".into(), "second-key".into()];
    setup.start()
}

#[tokio::test]
async fn all_but_the_probes_need_a_key() {
    let server = guarded();
    let closed = [
        "/v1/models",
        "/metrics",
        "/version",
        "/tokenize",
        "/nothing",
        "/v1/../health",
        "//v1/models",
        "/docs",
        "/v1/models?api_key=first-key",
    ];
    for path in closed {
        let answer = get(&server, path, None).await;
        assert_eq!(answer.status, 401, "{path}");
        assert_eq!(answer.error("code"), "invalid_api_key");
        assert_eq!(answer.header("www-authenticate"), "Bearer");
    }
    for path in ["/livez", "/readyz", "/startupz", "/health", "/ping"] {
        assert_eq!(get(&server, path, None).await.status, 200, "{path}");
    }
}

/// For a picker that reads the load of each server and cannot send a key.
#[tokio::test]
async fn metrics_may_be_opened_and_nothing_else_is() {
    let mut setup = Setup::answering("x");
    setup.config.api_keys = vec!["first-key".into()];
    setup.config.metrics_without_key = true;
    let server = setup.start();
    for path in ["/metrics", "/metrics/", "/livez"] {
        assert_eq!(get(&server, path, None).await.status, 200, "{path}");
        assert_eq!(get(&server, path, Some("Bearer wrong")).await.status, 200, "{path}");
    }
    for path in ["/v1/models", "/version", "/metrics/x", "/nothing"] {
        assert_eq!(get(&server, path, None).await.status, 401, "{path}");
    }
    let posted = server.send(Request::post("/metrics").body(Body::empty()).unwrap()).await;
    assert_eq!(posted.status, 405);
}

#[tokio::test]
async fn any_of_the_keys_opens_and_nothing_else_does() {
    let server = guarded();
    for good in ["Bearer first-key", "Bearer second-key", "bearer first-key"] {
        assert_eq!(get(&server, "/v1/models", Some(good)).await.status, 200, "{good}");
    }
    let bad = [
        "first-key",
        "Basic first-key",
        "Bearer",
        "Bearer ",
        "Bearer first-ke",
        "Bearer first-keyx",
        "Bearer first-key,second-key",
    ];
    for bad in bad {
        assert_eq!(get(&server, "/v1/models", Some(bad)).await.status, 401, "{bad}");
    }
}

#[tokio::test]
async fn unknown_routes_and_methods_get_error_objects() {
    let server = Setup::answering("x").start();
    let missing = server.get("/v1/nothing").await;
    assert_eq!((missing.status.as_u16(), missing.error("code")), (404, "unknown_url".into()));
    for path in ["/v1/chat/completions", "/tokenize"] {
        let wrong = server.get(path).await;
        assert_eq!(
            (wrong.status.as_u16(), wrong.error("code")),
            (405, "method_not_allowed".into())
        );
    }
    let wrong = server.post("/livez", &serde_json::json!({})).await;
    assert_eq!(wrong.status, 405);
}

#[tokio::test]
async fn browsers_may_call_from_allowed_origins_only() {
    let mut setup = Setup::answering("x");
    setup.config.allowed_origins = vec!["https://good.example".into()];
    setup.config.api_keys = vec!["key".into()];
    let server = setup.start();
    for (origin, allowed) in [("https://good.example", true), ("https://bad.example", false)] {
        let preflight = Request::options("/v1/chat/completions")
            .header("origin", origin)
            .header("access-control-request-method", "POST")
            .body(Body::empty())
            .unwrap();
        let answer = server.send(preflight).await;
        let granted = answer.header("access-control-allow-origin") == origin;
        assert_eq!((answer.status.as_u16(), granted), (200, allowed));
    }
}
