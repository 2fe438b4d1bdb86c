//! Load reports in response headers.

use axum::body::Body;
use axum::http::Request;
use serde_json::{Value, json};
use tower::ServiceExt;

use crate::fixture::{Answer, Setup, TestServer, chat_body, eventually, held_gate, post};

const HEADER: &str = "endpoint-load-metrics";

async fn ask(server: &TestServer, format: &str, body: Value) -> Answer {
    let mut request: Request<Body> = post("/v1/chat/completions", body.to_string());
    let format = format.parse().unwrap();
    request.headers_mut().insert("endpoint-load-metrics-format", format);
    server.send(request).await
}

#[tokio::test]
async fn who_asks_is_told_the_load_in_the_form_asked_for() {
    let server = Setup::answering("abc").start();
    let idle = "TEXT application_utilization=0.0, named_metrics.kv_cache_usage_perc=0.0, \
                named_metrics.num_requests_waiting=0.0, named_metrics.num_requests_running=0.0";
    for word in ["TEXT", "text"] {
        server.settles().await;
        // A refused request never reaches the engine, so the report is that of an idle server.
        let answer = ask(&server, word, chat_body(json!({"temperature": -1}))).await;
        assert_eq!((answer.status.as_u16(), answer.header(HEADER)), (400, idle));
    }
    for stream in [false, true] {
        let answer = ask(&server, "JSON", chat_body(json!({"stream": stream}))).await;
        assert_eq!(answer.status, 200);
        let report = answer.header(HEADER).strip_prefix("JSON ").expect("the form comes first");
        let report: Value = serde_json::from_str(report).unwrap();
        let named = &report["named_metrics"];
        for value in [
            &report["application_utilization"],
            &named["kv_cache_usage_perc"],
            &named["num_requests_waiting"],
            &named["num_requests_running"],
        ] {
            assert!(value.is_f64(), "{report}");
        }
    }
    for word in ["BIN", "", "xml"] {
        assert_eq!(ask(&server, word, chat_body(json!({}))).await.header(HEADER), "", "{word}");
    }
    assert_eq!(server.chat(json!({})).await.header(HEADER), "", "nobody asked");
    assert_eq!(server.get("/v1/models").await.header(HEADER), "");
}

#[tokio::test]
async fn the_report_is_of_now() {
    let (gate, go) = held_gate();
    let mut setup = Setup::answering("abc");
    (setup.gate, setup.max_num_seqs) = (gate, 1);
    let server = setup.start();
    let send = || {
        let body = chat_body(json!({"max_tokens": 1})).to_string();
        tokio::spawn(server.router.clone().oneshot(post("/v1/chat/completions", body)))
    };
    let (first, second) = (send(), send());
    eventually("one runs, one waits", || {
        let load = server.engine().load();
        load.num_open == 2 && load.num_waiting == 1
    })
    .await;
    let answer = ask(&server, "text", chat_body(json!({"temperature": -1}))).await;
    let report = answer.header(HEADER);
    assert!(report.contains("named_metrics.num_requests_waiting=1.0"), "{report}");
    drop(go);
    for sent in [first, second] {
        assert_eq!(sent.await.unwrap().unwrap().status(), 200);
    }
}
