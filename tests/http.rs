//! The real binary with the real model, over HTTP: bodies, stream bytes, disconnects, stopping.
#![allow(clippy::unwrap_used, reason = "a failed test says where")]

mod server_process;

use std::io::{Read, Write};
use std::net::TcpStream;
use std::time::Duration;

use serde_json::{Value, json};
use server_process::{PATIENCE, ServerProcess, golden, metric, real_model};

const MODEL: &str = "SmolLM2-135M-Instruct";

fn serve(args: &[&str]) -> ServerProcess {
    ServerProcess::ready(&real_model(), &[&["--served-model-name", MODEL], args].concat())
}

fn client() -> reqwest::Client {
    // The client is built with a TLS stack that wants a provider even for plain HTTP.
    let _ = rustls::crypto::ring::default_provider().install_default();
    reqwest::Client::builder().timeout(PATIENCE).build().unwrap()
}

async fn post(server: &ServerProcess, path: &str, body: &Value) -> (u16, Value) {
    let response = client().post(server.endpoint(path)).json(body).send().await.unwrap();
    (response.status().as_u16(), response.json().await.unwrap())
}

async fn get_text(server: &ServerProcess, path: &str) -> (u16, String) {
    let response = client().get(server.endpoint(path)).send().await.unwrap();
    (response.status().as_u16(), response.text().await.unwrap())
}

fn chat(content: &str, max_tokens: u32) -> Value {
    json!({
        "model": MODEL,
        "messages": [{"role": "user", "content": content}],
        "temperature": 0,
        "max_tokens": max_tokens,
    })
}

fn streaming(mut body: Value) -> Value {
    body["stream"] = true.into();
    body
}

/// Replaces what differs from run to run.
fn steady(mut body: Value) -> String {
    for (key, steady) in [("id", json!("ID")), ("created", json!(0))] {
        assert!(body.get(key).is_some(), "{key} is missing");
        body[key] = steady;
    }
    serde_json::to_string_pretty(&body).unwrap()
}

/// The payloads of a stream's `data:` lines.
fn payloads(stream: &str) -> Vec<&str> {
    stream.split("\n\n").filter_map(|event| event.strip_prefix("data: ")).collect()
}

/// All text of a chat stream.
fn streamed_text(stream: &str) -> String {
    let chunks = payloads(stream).into_iter().filter(|payload| *payload != "[DONE]");
    chunks
        .filter_map(|chunk| {
            let chunk: Value = serde_json::from_str(chunk).unwrap();
            Some(chunk["choices"][0]["delta"]["content"].as_str()?.to_string())
        })
        .collect()
}

async fn idle(server: &ServerProcess) {
    for _ in 0..2_000 {
        let (_, page) = get_text(server, "/metrics").await;
        let running = metric(&page, "vllm:num_requests_running").expect("the gauge exists");
        let waiting = metric(&page, "vllm:num_requests_waiting").expect("the gauge exists");
        if running + waiting == 0.0 {
            return;
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    panic!("the server never became idle");
}

#[tokio::test]
async fn bodies_and_stream_bytes() {
    let server = serve(&[]);
    let body = chat("What is the capital of France? Answer in one word.", 8);
    let (status, answer) = post(&server, "/v1/chat/completions", &body).await;
    assert_eq!(status, 200, "{answer}");
    insta::assert_snapshot!("chat_completion", steady(answer.clone()));

    let mut body = streaming(body);
    body["stream_options"] = json!({"include_usage": true});
    let response = client().post(server.endpoint("/v1/chat/completions")).json(&body).send();
    let response = response.await.unwrap();
    let content_type = response.headers()["content-type"].to_str().unwrap();
    assert!(content_type.starts_with("text/event-stream"), "{content_type}");
    let stream = response.text().await.unwrap();
    assert_eq!(streamed_text(&stream), answer["choices"][0]["message"]["content"]);
    let first: Value = serde_json::from_str(payloads(&stream)[0]).unwrap();
    let (id, created) = (first["id"].as_str().unwrap(), first["created"].to_string());
    insta::assert_snapshot!("chat_stream", stream.replace(id, "ID").replace(&created, "0"));

    let body = json!({
        "model": MODEL, "prompt": "The three primary colours are", "temperature": 0,
        "max_tokens": 6, "logprobs": 1,
    });
    let (status, answer) = post(&server, "/v1/completions", &body).await;
    assert_eq!(status, 200, "{answer}");
    insta::assert_snapshot!("completion", without_logprobs(answer));
}

/// Takes log-probabilities out: their digits depend on the instruction set, whose products of int8
/// round differently. They are held to what AVX-512 and AVX2 gave, which is up to 0.11 apart.
fn without_logprobs(mut body: Value) -> String {
    const EXPECTED: [f64; 6] = [-1.89, -1.60, -0.49, -1.67, -0.65, -1.68];
    const APART: f64 = 0.15;
    let logprobs = &mut body["choices"][0]["logprobs"];
    let values = logprobs["token_logprobs"].take();
    let values: Vec<f64> = serde_json::from_value(values).expect("a number a token");
    assert_eq!(values.len(), EXPECTED.len());
    for (at, (value, expected)) in values.iter().zip(EXPECTED).enumerate() {
        assert!((value - expected).abs() < APART, "token {at}: {value}, about {expected}");
        let token = logprobs["tokens"][at].as_str().expect("a token's text").to_owned();
        let best = logprobs["top_logprobs"][at][&token].take();
        assert_eq!(best, json!(value), "greedy: the token is the most likely one");
    }
    steady(body)
}

#[tokio::test]
async fn errors_name_the_field() {
    let server = serve(&["--max-model-len", "512"]);
    let mut hot = chat("hi", 4);
    hot["temperature"] = json!(9);
    let mut unknown = chat("hi", 4);
    unknown["model"] = json!("nobody/nothing");
    let mut tools = chat("hi", 4);
    tools["tools"] = json!([{"type": "function", "function": {"name": "f"}}]);
    let long = chat(&"word ".repeat(2_000), 4);
    let cases = [
        (hot, 400, "temperature", Value::Null),
        (unknown, 404, "model", json!("model_not_found")),
        (tools, 400, "tools", Value::Null),
        (long, 400, "messages", json!("context_length_exceeded")),
    ];
    for (body, expected_status, param, code) in cases {
        let (status, answer) = post(&server, "/v1/chat/completions", &body).await;
        let error = &answer["error"];
        assert_eq!(status, expected_status, "{answer}");
        assert_eq!(error["param"], param, "{answer}");
        if !code.is_null() {
            assert_eq!(error["code"], code, "{answer}");
        }
        assert!(error["message"].as_str().is_some_and(|text| !text.is_empty()), "{answer}");
    }
}

#[tokio::test]
async fn it_listens_before_the_model_is_loaded_and_says_how_far_it_is() {
    let server = ServerProcess::listen(&real_model(), &["--served-model-name", MODEL]);
    let (live, _) = get_text(&server, "/livez").await;
    assert_eq!(live, 200, "alive is not ready");
    let (status, progress) = get_text(&server, "/startupz").await;
    let progress: Value = serde_json::from_str(&progress).unwrap();
    assert!(progress["phase"].is_string(), "{progress}");
    assert!(status == 503 || progress["status"] == "ready", "{progress}");
    server.line_with("ready");
    assert_eq!(get_text(&server, "/startupz").await.0, 200);
    assert_eq!(get_text(&server, "/readyz").await.0, 200);
}

/// A request over a bare socket, so that the test decides when the client goes away.
fn open_stream(server: &ServerProcess, body: &Value) -> TcpStream {
    let body = body.to_string();
    let mut socket = TcpStream::connect(server.address()).unwrap();
    socket.set_read_timeout(Some(PATIENCE)).unwrap();
    let head = format!(
        "POST /v1/chat/completions HTTP/1.1\r\nhost: test\r\ncontent-type: application/json\r\n\
         content-length: {}\r\nconnection: close\r\n\r\n",
        body.len()
    );
    socket.write_all(head.as_bytes()).unwrap();
    socket.write_all(body.as_bytes()).unwrap();
    socket
}

/// One client: reads `limit` bytes and leaves, or reads to the end and checks it.
fn stream_client(server: &ServerProcess, nth: usize, leaves_after: Option<usize>) {
    let mut socket = open_stream(server, &streaming(chat(&format!("Count to {nth}."), 40)));
    let mut text = Vec::new();
    match leaves_after {
        // A short answer may end before the client leaves.
        Some(limit) => drop((&mut socket).take(limit as u64).read_to_end(&mut text).unwrap()),
        None => {
            socket.read_to_end(&mut text).unwrap();
            let text = String::from_utf8_lossy(&text);
            assert!(text.starts_with("HTTP/1.1 200"), "{text}");
            assert!(text.contains("data: [DONE]"), "a stream that stays is served to its end");
        }
    }
}

/// Sixty-four streams at once; two of three leave at a point derived from their number.
fn wave(server: &ServerProcess, seed: usize) {
    std::thread::scope(|scope| {
        for nth in 0..64 {
            let draw = (nth * 2_654_435_761 + seed * 97) % 1_000;
            let leaves_after = (nth % 3 != 0).then_some(draw * 4);
            scope.spawn(move || stream_client(server, nth, leaves_after));
        }
    });
}

#[tokio::test]
async fn sixty_four_streams_with_disconnects_leave_nothing_behind() {
    let server = serve(&["--max-num-seqs", "16", "--no-enable-prefix-caching"]);
    wave(&server, 0);
    idle(&server).await;
    let before = server.resident_bytes();
    for seed in 1..4 {
        wave(&server, seed);
        idle(&server).await;
    }
    let after = server.resident_bytes();
    let grown = after.saturating_sub(before);
    assert!(grown < 24 << 20, "memory grew by {grown} bytes over three waves");
    let (_, page) = get_text(&server, "/metrics").await;
    assert_eq!(metric(&page, "vllm:kv_cache_usage_perc"), Some(0.0), "all blocks are back");
    let (status, _) = post(&server, "/v1/chat/completions", &chat("Still there?", 4)).await;
    assert_eq!(status, 200);
}

#[tokio::test]
async fn beyond_the_queue_is_429_with_a_time_to_come_back() {
    let server = serve(&["--max-num-seqs", "1", "--max-num-queued-reqs", "1"]);
    let mut sockets: Vec<_> =
        (0..6).map(|_| open_stream(&server, &streaming(chat("Tell a long story.", 200)))).collect();
    let mut refused = 0;
    for socket in &mut sockets {
        let mut head = [0; 512];
        let length = socket.read(&mut head).unwrap();
        let head = String::from_utf8_lossy(&head[..length]).to_lowercase();
        if head.starts_with("http/1.1 429") {
            assert!(head.contains("retry-after: "), "{head}");
            refused += 1;
        }
    }
    assert!(refused >= 3, "one runs, one or two wait, the rest are refused; saw {refused}");
    drop(sockets);
    idle(&server).await;
}

#[tokio::test]
async fn a_term_signal_finishes_what_runs() {
    let mut server = serve(&[]);
    let mut socket = open_stream(&server, &streaming(chat("Write a poem about the sea.", 120)));
    let mut first = [0; 64];
    socket.read_exact(&mut first).unwrap();
    server.signal("TERM");
    let mut text = String::new();
    socket.read_to_string(&mut text).unwrap();
    assert!(text.contains("data: [DONE]"), "the running stream ends whole: {text}");
    assert_eq!(server.exit_code(), 0);
}

#[tokio::test]
async fn a_second_signal_ends_at_once() {
    let mut server = serve(&[]);
    let mut socket = open_stream(&server, &streaming(chat("Write a very long poem.", 4_000)));
    let mut first = [0; 64];
    socket.read_exact(&mut first).unwrap();
    server.signal("TERM");
    while get_text(&server, "/readyz").await.0 == 200 {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    server.signal("TERM");
    assert_ne!(server.exit_code(), 0, "what ran was cut off, and the exit code says so");
}

/// A copy of the golden folder `name` with its `file` changed.
fn changed(name: &str, file: &str, change: impl FnOnce(&mut Value)) -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    for entry in std::fs::read_dir(golden(name)).unwrap() {
        let entry = entry.unwrap();
        std::fs::copy(entry.path(), folder.path().join(entry.file_name())).unwrap();
    }
    let path = folder.path().join(file);
    let mut json: Value = serde_json::from_str(&std::fs::read_to_string(&path).unwrap()).unwrap();
    change(&mut json);
    std::fs::write(&path, json.to_string()).unwrap();
    folder
}

/// A vocabulary with one token that the model has no row for, as a padding token added for training
/// is. A prompt that spells it is refused, in text and in a chat; what else runs goes on.
#[tokio::test]
async fn a_token_beyond_the_models_rows_is_refused_and_fails_no_step() {
    let model = changed("llama", "tokenizer.json", |tokenizer| {
        let tokens = tokenizer["added_tokens"].as_array_mut().unwrap();
        let mut padding = tokens[0].clone();
        (padding["id"], padding["content"]) = (json!(320), json!("[PAD]"));
        tokens.push(padding);
    });
    let log = tempfile::NamedTempFile::new().unwrap();
    let args = ["--served-model-name", "tiny"];
    let told = log.reopen().unwrap().into();
    let server = ServerProcess::listen_telling(model.path(), &args, &[], told);
    server.line_with("ready");
    let body = |prompt: &str| json!({"model": "tiny", "prompt": prompt, "ignore_eos": true});
    let mut long = streaming(body("the valley"));
    long["max_tokens"] = json!(150);
    let running = client().post(server.endpoint("/v1/completions")).json(&long).send();
    let mut running = running.await.unwrap();
    let mut text = String::from_utf8(running.chunk().await.unwrap().unwrap().into()).unwrap();
    let message = json!({"role": "user", "content": "hello [PAD]"});
    for (path, param, bad) in [
        ("/v1/completions", "prompt", body("hello [PAD]")),
        ("/v1/chat/completions", "messages", json!({"model": "tiny", "messages": [message]})),
    ] {
        let (status, answer) = post(&server, path, &bad).await;
        assert_eq!((status, &answer["error"]["param"]), (400, &json!(param)), "{answer}");
        let said = answer["error"]["message"].as_str().unwrap();
        assert!(said.contains("320"), "{said}");
    }
    while let Some(bytes) = running.chunk().await.unwrap() {
        text.push_str(std::str::from_utf8(&bytes).unwrap());
    }
    assert!(text.ends_with("data: [DONE]\n\n") && !text.contains("error"), "{text}");
    let log = std::fs::read_to_string(log.path()).unwrap();
    let warnings = log.lines().filter(|line| line.contains("tokenizer has tokens")).count();
    assert_eq!(warnings, 1, "{log}");
}

/// A tiny model with a context of 131,072 tokens, made from a golden one. Its window is short, so
/// that the prefill is long in steps and not in attention.
fn long_context_model() -> tempfile::TempDir {
    changed("mistral", "config.json", |config| config["max_position_embeddings"] = json!(131_072))
}

/// A text of a little over 100,000 tokens.
async fn giant_prompt(server: &ServerProcess) -> String {
    const SAMPLE_WORDS: usize = 1_000;
    let sample = "the valley ".repeat(SAMPLE_WORDS);
    let (_, answer) = post(server, "/tokenize", &json!({"model": "tiny", "prompt": sample})).await;
    let per_word = answer["count"].as_f64().expect("a count") / SAMPLE_WORDS as f64;
    "the valley ".repeat((101_000.0 / per_word) as usize)
}

/// Far more than there are steps or calls of the tokeniser in which a health probe could get stuck one
/// after the other, and far fewer than fit.
const NUM_PROBES: usize = 40;

#[tokio::test]
async fn health_and_metrics_answer_while_a_giant_prompt_is_tokenised_and_prefilled() {
    let model = long_context_model();
    let server = ServerProcess::ready(model.path(), &["--served-model-name", "tiny"]);
    let prompt = giant_prompt(&server).await;
    let body = json!({"model": "tiny", "prompt": prompt, "max_tokens": 1, "temperature": 0});
    let prefill = post(&server, "/v1/completions", &body);
    tokio::pin!(prefill);
    // Asked one after the other: the last is answered before the prompt is done only if each takes less
    // than that share of it. Who waits for the tokeniser or the prefill gets a few at most.
    let health = async {
        for probe in 0..NUM_PROBES {
            let (status, _) = get_text(&server, ["/livez", "/metrics"][probe % 2]).await;
            assert_eq!(status, 200);
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    let (status, answer) = tokio::select! {
        outcome = &mut prefill => panic!("answered before {NUM_PROBES} probes: {outcome:?}"),
        () = health => prefill.await,
    };
    assert_eq!(status, 200, "{answer}");
    assert!(answer["usage"]["prompt_tokens"].as_u64() > Some(100_000), "{answer}");
}
