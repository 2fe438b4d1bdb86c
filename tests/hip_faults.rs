//! Faults of the GPU through the real binary over HTTP, on the emulated MI300X: a lost device, a call
//! that never returns, memory that is not there, a copy that fails. Every request ends with a clear
//! error, health turns red, the process ends with its code, and a failed load gives everything back.
#![allow(clippy::unwrap_used, reason = "a failed test says where")]

mod emulator;
mod server_process;

use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use emulator::emulator;
use serde_json::{Value, json};
use server_process::{PATIENCE, ServerProcess, golden};

/// Exit codes (README.md).
const LOAD_FAILED: i32 = 1;
const ENGINE_DEAD: i32 = 4;

const MODEL: &str = "llama";
const PROMPT_TOKENS: usize = 20;
const SIZES: [&str; 11] = [
    "--served-model-name",
    "tiny",
    "--kv-cache-dtype",
    "bf16",
    "--num-blocks",
    "64",
    "--max-num-seqs",
    "8",
    "--max-model-len",
    "128",
    "--no-enable-prefix-caching",
];

fn hip_args<'a>(library: &'a str, more: &[&'a str]) -> Vec<&'a str> {
    [&["--device", "hip", "--hip-library", library], &SIZES[..], more].concat()
}

/// A ready server on the emulator, with those variables.
fn serve(more: &[&str], variables: &[(&str, &str)]) -> ServerProcess {
    let library = emulator();
    let server = ServerProcess::listen_with(&golden(MODEL), &hip_args(&library, more), variables);
    server.line_with("ready");
    server
}

fn client() -> reqwest::Client {
    let _ = rustls::crypto::ring::default_provider().install_default();
    reqwest::Client::builder().timeout(PATIENCE).build().unwrap()
}

fn body(max_tokens: usize, is_stream: bool) -> Value {
    json!({
        "model": "tiny", "prompt": vec![7; PROMPT_TOKENS], "temperature": 0, "ignore_eos": true,
        "max_tokens": max_tokens, "stream": is_stream,
    })
}

/// What came of a request.
#[derive(Debug)]
struct Outcome {
    status: u16,
    /// Data frames of a stream, or the one body.
    frames: Vec<Value>,
}

impl Outcome {
    /// The error object: the body's, or the last frame's.
    fn error(&self) -> &Value {
        let last = self.frames.last().unwrap_or_else(|| panic!("nothing came: {self:?}"));
        let error = &last["error"];
        assert!(error["message"].as_str().is_some_and(|text| !text.is_empty()), "{self:?}");
        assert_eq!(error["type"], "server_error", "{self:?}");
        error
    }

    fn num_texts(&self) -> usize {
        self.frames.iter().filter(|frame| frame["choices"][0]["text"].is_string()).count()
    }
}

async fn complete(server: &ServerProcess, max_tokens: usize, is_stream: bool) -> Outcome {
    rest(open(server, max_tokens, is_stream).await).await
}

/// Sends a request and waits for the head of its answer.
async fn open(server: &ServerProcess, max_tokens: usize, is_stream: bool) -> reqwest::Response {
    let request = client().post(server.endpoint("/v1/completions"));
    request.json(&body(max_tokens, is_stream)).send().await.unwrap()
}

async fn rest(response: reqwest::Response) -> Outcome {
    let status = response.status().as_u16();
    let kind = response.headers()["content-type"].to_str().unwrap().to_owned();
    let text = response.text().await.unwrap();
    let parts: Vec<&str> = if kind.starts_with("text/event-stream") {
        text.lines().filter_map(|line| line.strip_prefix("data: ")).collect()
    } else {
        vec![&text]
    };
    let json = parts.iter().filter(|part| **part != "[DONE]");
    let frames = json.map(|part| serde_json::from_str(part).unwrap()).collect();
    Outcome { status, frames }
}

async fn health(server: &ServerProcess, path: &str) -> (u16, String) {
    let response = client().get(server.endpoint(path)).send().await.unwrap();
    let status = response.status().as_u16();
    let body: Value = response.json().await.unwrap();
    (status, body["status"].as_str().unwrap_or_default().to_owned())
}

/// Launches of a load, of the prefill, and of a decode step, counted in a run without faults.
#[derive(Clone, Copy, Debug)]
struct Launches {
    load: usize,
    prefill: usize,
    decode: usize,
}

async fn count_launches() -> Launches {
    let folder = tempfile::tempdir().unwrap();
    let report = folder.path().join("report.json");
    let server = serve(&[], &[("ROPEWAY_EMU_REPORT", report.to_str().unwrap())]);
    let lines = || std::fs::read_to_string(&report).map_or(0, |text| text.lines().count());
    let load = lines();
    assert_eq!(complete(&server, 1, false).await.status, 200);
    let prefill = lines() - load;
    assert_eq!(complete(&server, 5, false).await.status, 200);
    let decode = (lines() - load - 2 * prefill) / 4;
    assert!(load > 0 && prefill > 4 && decode > 4, "{load} {prefill} {decode}");
    Launches { load, prefill, decode }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_lost_device_ends_requests_and_the_process() {
    let Launches { load, prefill, decode } = count_launches().await;
    for (what, launch, is_stream) in [
        ("prefill", load + prefill / 2, false),
        ("prefill", load + prefill / 2, true),
        ("decode", load + prefill + 3 * decode + decode / 2, false),
        ("decode", load + prefill + 3 * decode + decode / 2, true),
    ] {
        let what = format!("{what}, stream: {is_stream}");
        let fault = format!("device_lost@launch:{launch}");
        let mut server = serve(&[], &[("ROPEWAY_EMU_FAULT", &fault)]);
        let outcome = complete(&server, 40, is_stream).await;
        outcome.error();
        if is_stream && what.starts_with("decode") {
            assert!((1..40).contains(&outcome.num_texts()), "{what}: {outcome:?}");
        } else {
            assert_eq!(outcome.num_texts(), 0, "{what}: {outcome:?}");
        }
        for path in ["/livez", "/readyz"] {
            assert_eq!(health(&server, path).await, (503, "engine_dead".to_owned()), "{what}");
        }
        let refused = complete(&server, 1, false).await;
        assert_eq!((refused.status, &refused.error()["code"]), (503, &json!("engine_dead")));
        assert_eq!(server.exit_code(), ENGINE_DEAD, "{what}");
    }
}

/// A launch that never ends, after which not even the driver's exit handlers return.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_call_that_never_returns_ends_requests_and_the_process() {
    const STEP_TIMEOUT: Duration = Duration::from_secs(2);
    // What a machine shared with others may add between the timeout and the probe that sees it.
    const SLACK: Duration = Duration::from_secs(20);
    let Launches { load, prefill, decode } = count_launches().await;
    let fault = format!("stuck@launch:{}", load + prefill + 2 * decode + 1);
    let mut server = serve(&["--step-timeout", "2s"], &[("ROPEWAY_EMU_FAULT", &fault)]);
    let started = Instant::now();
    // The stream has its first token before the other request is sent: which of two that are sent
    // together comes first is nobody's promise, and the second may meet the launch with nothing.
    let streamed = open(&server, 40, true).await;
    let (streamed, whole, red) =
        tokio::join!(rest(streamed), complete(&server, 40, false), async {
            // Red when a step has gone on for the timeout, while requests still wait.
            loop {
                let (status, why) = health(&server, "/livez").await;
                if status == 503 {
                    let ready = health(&server, "/readyz").await;
                    return (why, ready, started.elapsed());
                }
                assert!(started.elapsed() < PATIENCE, "/livez stays green");
                tokio::time::sleep(Duration::from_millis(50)).await;
            }
        });
    let (why, ready, after) = red;
    assert_eq!((why.as_str(), ready), ("step_hung", (503, "step_hung".to_owned())));
    assert!(after >= STEP_TIMEOUT, "red after {after:?}, before the step had its time");
    assert!(after <= STEP_TIMEOUT + SLACK, "red only after {after:?}");
    for outcome in [&streamed, &whole] {
        assert_eq!(outcome.error()["code"], "engine_dead", "{outcome:?}");
    }
    assert_eq!((streamed.status, whole.status), (200, 503));
    assert!(streamed.num_texts() >= 1, "{streamed:?}");
    assert_eq!(server.exit_code(), ENGINE_DEAD);
}

#[test]
fn a_warm_up_that_never_ends_is_a_failed_load() {
    let log = tempfile::NamedTempFile::new().unwrap();
    let log = log.path().to_str().unwrap();
    let args = ["--step-timeout", "1s", "--termination-log", log];
    let end = load(&args, &[("ROPEWAY_EMU_FAULT", "stuck@launch:2")]);
    assert_eq!(end.code, Some(LOAD_FAILED), "{}", end.errors);
    for text in [&end.errors, &std::fs::read_to_string(log).unwrap()] {
        assert!(text.contains("does not end the warm-up steps"), "{text}");
        assert!(text.contains("dmesg") && text.contains("--step-timeout"), "{text}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_failed_copy_ends_requests_and_the_process() {
    // Copies of the load are counted by the fault itself: the first that serving makes is found by
    // the load that still succeeds.
    let copies = first_that_serves("copy_error@", 400);
    let fault = format!("copy_error@{copies}");
    let mut server = serve(&[], &[("ROPEWAY_EMU_FAULT", &fault)]);
    let outcome = complete(&server, 40, false).await;
    outcome.error();
    assert_eq!(health(&server, "/livez").await, (503, "engine_dead".to_owned()));
    assert_eq!(server.exit_code(), ENGINE_DEAD);
}

/// Serving asks the device for no memory: whichever allocation would fail next, requests are answered.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn serving_allocates_nothing_that_could_fail() {
    let first = first_that_serves("alloc@", 400);
    let fault = format!("alloc@{first}");
    let server = serve(&[], &[("ROPEWAY_EMU_FAULT", &fault)]);
    for _ in 0..2 {
        let outcome = complete(&server, 40, false).await;
        assert_eq!(outcome.status, 200, "{outcome:?}");
    }
    let together: Vec<_> = (0..8).map(|_| complete(&server, 20, false)).collect();
    for outcome in futures_util::future::join_all(together).await {
        assert_eq!(outcome.status, 200, "{outcome:?}");
    }
    assert_eq!(health(&server, "/readyz").await.0, 200);
}

/// How a load ended.
struct End {
    /// `None`: it became ready.
    code: Option<i32>,
    errors: String,
    /// What the emulator says is left, one JSON object; null if it wrote none.
    objects: Value,
}

/// Starts a server and waits until it is ready, which ends it, or ends by itself.
fn load(more: &[&str], variables: &[(&str, &str)]) -> End {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name);
    let library = emulator();
    let file = |path: &Path| Stdio::from(std::fs::File::create(path).unwrap());
    let mut child = Command::new(env!("CARGO_BIN_EXE_ropeway"))
        .arg("serve")
        .arg(golden(MODEL))
        .args(["--port", "0", "--log-level", "warn"])
        .args(hip_args(&library, more))
        .envs(variables.iter().copied())
        .env("ROPEWAY_EMU_OBJECTS", path("objects"))
        .stdin(Stdio::null())
        .stdout(file(&path("out")))
        .stderr(file(&path("errors")))
        .spawn()
        .unwrap();
    let deadline = Instant::now() + PATIENCE;
    let read = |name: &str| std::fs::read_to_string(path(name)).unwrap_or_default();
    let code = loop {
        if let Some(status) = child.try_wait().unwrap() {
            break Some(status.code().expect("it ends by itself"));
        }
        if read("out").contains("ready") {
            child.kill().unwrap();
            child.wait().unwrap();
            break None;
        }
        assert!(Instant::now() < deadline, "neither ready nor ended: {}", read("errors"));
        std::thread::sleep(Duration::from_millis(5));
    };
    let objects = serde_json::from_str(read("objects").trim()).unwrap_or(Value::Null);
    End { code, errors: read("errors"), objects }
}

/// The least number whose fault does not keep the server from becoming ready, by bisection.
fn first_that_serves(rule: &str, at_most: usize) -> usize {
    let is_ready = |number: usize| {
        let fault = format!("{rule}{number}");
        load(&[], &[("ROPEWAY_EMU_FAULT", &fault)]).code.is_none()
    };
    let (mut fails, mut serves) = (1, at_most);
    assert!(!is_ready(fails) && is_ready(serves), "{rule}1 fails, {rule}{at_most} does not");
    while serves - fails > 1 {
        let middle = (fails + serves) / 2;
        if is_ready(middle) { serves = middle } else { fails = middle }
    }
    serves
}

/// Every allocation and every copy of a load fails once: the error says what, where and how much, the
/// code is that of a failed load, and nothing is left behind.
#[test]
fn a_load_that_fails_anywhere_says_why_and_gives_everything_back() {
    let nothing = json!({
        "device_bytes": [], "pinned_bytes": [], "num_registered": 0, "num_streams": 0,
        "num_events": 0, "num_modules": 0, "num_graphs": 0, "num_graph_execs": 0,
    });
    for (rule, part) in [("alloc@", " bytes"), ("copy_error@", "hipMemcpyAsync answered")] {
        let end_of_load = first_that_serves(rule, 400);
        std::thread::scope(|scope| {
            for half in 0..2 {
                let nothing = &nothing;
                scope.spawn(move || {
                    for number in (1..end_of_load).filter(|number| number % 2 == half) {
                        let fault = format!("{rule}{number}");
                        let end = load(&[], &[("ROPEWAY_EMU_FAULT", &fault)]);
                        assert_eq!(end.code, Some(LOAD_FAILED), "{fault}: {}", end.errors);
                        let told = end.errors.lines().find(|line| line.starts_with("error: "));
                        let told = told.unwrap_or_else(|| panic!("{fault}: {}", end.errors));
                        assert!(told.contains("hip:0") && told.contains(part), "{fault}: {told}");
                        assert_eq!(&end.objects, nothing, "{fault} leaves something: {told}");
                    }
                });
            }
        });
    }
}
