//! Probes through the server's life.

use serde_json::{Value, json};
use std::time::Duration;
use types::{LoadPhase, LoadProgress};

use crate::fixture::{Setup, eventually, held_gate};

#[tokio::test]
async fn loading_is_reported_and_requests_are_turned_away() {
    let (server, load) = Setup::answering("x").loading();
    for path in ["/readyz", "/startupz", "/health", "/ping"] {
        assert_eq!(server.get(path).await.status, 503, "{path}");
    }
    assert_eq!(server.get("/livez").await.status, 200);
    let phase = LoadPhase::LoadingWeights;
    let progress = LoadProgress { phase, done_bytes: 25, total_bytes: 100 };
    server.lifecycle.set_progress(progress);
    let body = server.get("/startupz").await.json();
    assert_eq!(body["phase"], "loading_weights");
    assert_eq!((&body["done_bytes"], &body["total_bytes"]), (&json!(25), &json!(100)));
    assert_eq!(body["phases"][0]["phase"], "resolving");
    for answer in [server.chat(json!({})).await, server.get("/v1/models").await] {
        assert_eq!(answer.status, 503);
        assert_eq!(answer.error("code"), "model_loading");
        assert!((1..=60).contains(&answer.header("retry-after").parse::<u32>().unwrap()));
        assert_eq!(answer.header("connection"), "close");
    }
    server.lifecycle.set_ready(load());
    for path in ["/readyz", "/startupz", "/health", "/ping", "/livez"] {
        assert_eq!(server.get(path).await.status, 200, "{path}");
    }
    assert_eq!(server.get("/health").await.text(), "");
    assert_eq!(server.get("/startupz").await.json()["status"], "ready");
    let metrics = server.get("/metrics").await.text();
    assert!(metrics.contains("ropeway:startup_seconds{phase=\"loading_weights\"}"), "{metrics}");
}

/// Each phase is told while it lasts, and once with its whole time behind it.
#[tokio::test]
async fn phases_of_starting_are_told_and_timed() {
    use LoadPhase::{
        AllocatingKvCache, Inspecting, LoadingTokenizer, LoadingWeights, UploadingWeights,
        WarmingUp,
    };
    const FIRST_TURN: Duration = Duration::from_millis(50);
    let (server, load) = Setup::answering("x").loading();
    let phases = [
        Inspecting,
        LoadingTokenizer,
        LoadingWeights,
        UploadingWeights,
        LoadingWeights,
        UploadingWeights,
        AllocatingKvCache,
        WarmingUp,
    ];
    for (turn, phase) in phases.into_iter().enumerate() {
        server.lifecycle.set_progress(LoadProgress::entering(phase));
        let told = server.get("/startupz").await;
        assert_eq!(
            (told.status.as_u16(), told.json()["phase"].clone()),
            (503, json!(phase.as_str()))
        );
        if turn == 2 {
            tokio::time::sleep(FIRST_TURN).await;
        }
    }
    let metrics = server.get("/metrics").await.text();
    assert!(!metrics.contains("ropeway:time_to_ready_seconds"), "{metrics}");
    server.lifecycle.set_ready(load());
    let told = server.get("/startupz").await.json();
    let told = told["phases"].as_array().unwrap();
    let names: Vec<&str> = told.iter().map(|phase| phase["phase"].as_str().unwrap()).collect();
    let expected = [
        "resolving",
        "inspecting",
        "loading_tokenizer",
        "loading_weights",
        "uploading_weights",
        "allocating_kv_cache",
        "warming_up",
    ];
    assert_eq!(names, expected);
    let metrics = server.get("/metrics").await.text();
    let gauge = |series: &str| -> f64 {
        let line = metrics.lines().find(|line| line.starts_with(series));
        line.unwrap_or_else(|| panic!("no {series} in {metrics}"))[series.len() + 1..]
            .parse()
            .unwrap()
    };
    let mut sum = 0.0;
    for (phase, name) in told.iter().zip(expected) {
        let seconds = gauge(&format!("ropeway:startup_seconds{{phase=\"{name}\"}}"));
        assert_eq!(phase["seconds"], seconds, "{name}");
        sum += seconds;
    }
    // The first of its two turns alone took as long.
    let loading = gauge("ropeway:startup_seconds{phase=\"loading_weights\"}");
    assert!(loading >= FIRST_TURN.as_secs_f64(), "{loading}");
    let total = gauge("ropeway:time_to_ready_seconds");
    assert!(sum > 0.0 && sum <= total, "{sum} of {total}");
}

#[tokio::test]
async fn a_failed_load_is_red() {
    let (server, _load) = Setup::answering("x").loading();
    server.lifecycle.set_failed();
    for path in ["/readyz", "/startupz", "/health"] {
        let answer = server.get(path).await;
        assert_eq!(answer.status, 503);
    }
    let answer = server.chat(json!({})).await;
    assert_eq!(answer.error("code"), "model_load_failed");
}

#[tokio::test]
async fn a_dead_engine_turns_health_red() {
    let mut setup = Setup::answering("abc");
    setup.gate = Box::new(|step| match step {
        1 => Err(engine::ExecError::Fatal("lost at 0xdeadbeef".into())),
        _ => Ok(()),
    });
    let server = setup.start();
    assert_eq!(server.get("/livez").await.status, 200);
    let answer = server.chat(json!({})).await;
    assert_eq!(answer.status, 500);
    assert!(!answer.text().contains("deadbeef"));
    eventually("the engine is dead", || {
        matches!(server.engine().health().state, engine::EngineState::Dead(_))
    })
    .await;
    for path in ["/livez", "/readyz", "/health"] {
        assert_eq!(server.get(path).await.status, 503, "{path}");
    }
    assert_eq!(server.get("/livez").await.json()["status"], "engine_dead");
    let refused = server.chat(json!({})).await;
    assert_eq!((refused.status.as_u16(), refused.error("code")), (503, Value::from("engine_dead")));
    assert_eq!(server.get("/metrics").await.status, 200);
}

#[tokio::test]
async fn a_hung_step_turns_livez_red_until_it_ends() {
    let (gate, go) = held_gate();
    let mut setup = Setup::answering("abc");
    setup.gate = gate;
    setup.config.step_timeout = Duration::from_millis(20);
    let server = setup.start();
    let stuck = tokio::spawn({
        let router = server.router.clone();
        async move {
            use tower::ServiceExt;
            let body = crate::fixture::chat_body(json!({})).to_string();
            router.oneshot(crate::fixture::post("/v1/chat/completions", body)).await.unwrap()
        }
    });
    eventually("the step hangs", || {
        let age = server.engine().health().step_age;
        age.is_some_and(|age| age > Duration::from_millis(20))
    })
    .await;
    for path in ["/livez", "/readyz"] {
        let answer = server.get(path).await;
        assert_eq!(
            (answer.status.as_u16(), answer.json()["status"].clone()),
            (503, json!("step_hung"))
        );
    }
    drop(go);
    assert_eq!(stuck.await.unwrap().status(), 200);
    server.settles().await;
    assert_eq!(server.get("/livez").await.status, 200);
}
