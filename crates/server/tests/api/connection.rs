//! Real sockets: disconnects free their blocks, draining finishes streams, connections are limited.

use std::net::SocketAddr;
use std::sync::mpsc::Sender;
use std::time::Duration;

use serde_json::{Value, json};
use server::{ExitReason, StopHandle};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::task::JoinHandle;

use crate::fixture::{Setup, WAIT, chat_body, eventually, held_gate};

struct Running {
    addr: SocketAddr,
    engine: engine::EngineHandle,
    stop: StopHandle,
    exit: JoinHandle<std::io::Result<ExitReason>>,
}

fn serve(setup: Setup) -> Running {
    let test = setup.start();
    let engine = test.engine().clone();
    let addr = test.server.local_addr().unwrap();
    let stop = test.server.stop_handle();
    let exit = tokio::spawn(test.server.serve());
    Running { addr, engine, stop, exit }
}

fn held(script: &str) -> (Setup, Sender<()>) {
    let (gate, go) = held_gate();
    let mut setup = Setup::answering(script);
    setup.gate = gate;
    (setup, go)
}

impl Running {
    async fn send(&self, fields: Value) -> TcpStream {
        let body = chat_body(fields).to_string();
        let mut socket = TcpStream::connect(self.addr).await.unwrap();
        let head = format!(
            "POST /v1/chat/completions HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\ncontent-length: {}\r\n\r\n",
            body.len()
        );
        socket.write_all((head + &body).as_bytes()).await.unwrap();
        socket
    }

    async fn get(&self, path: &str) -> String {
        let mut socket = TcpStream::connect(self.addr).await.unwrap();
        let head = format!("GET {path} HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n");
        socket.write_all(head.as_bytes()).await.unwrap();
        rest(socket).await
    }

    async fn settles(&self) {
        eventually("all blocks are back", || {
            let load = self.engine.load();
            load.num_open == 0 && load.num_running == 0 && load.kv_usage == 0.0
        })
        .await;
    }

    async fn stopped(self) -> ExitReason {
        tokio::time::timeout(WAIT, self.exit).await.expect("stops in time").unwrap().unwrap()
    }
}

/// Everything until the server closes.
async fn rest(mut socket: TcpStream) -> String {
    let mut text = Vec::new();
    let read = socket.read_to_end(&mut text);
    tokio::time::timeout(WAIT, read).await.expect("closes in time").unwrap();
    String::from_utf8(text).unwrap()
}

/// Reads until `needle` has come.
async fn until(socket: &mut TcpStream, needle: &str) -> String {
    let mut text = String::new();
    while !text.contains(needle) {
        let mut buffer = [0; 4096];
        let read = tokio::time::timeout(WAIT, socket.read(&mut buffer)).await;
        let len = read.expect("data in time").unwrap();
        assert!(len > 0, "closed before {needle:?}: {text}");
        text.push_str(std::str::from_utf8(&buffer[..len]).unwrap());
    }
    text
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_client_that_leaves_aborts_its_request_streaming_or_not() {
    for stream in [true, false] {
        let (setup, go) = held("abcdefghij");
        let server = serve(setup);
        let mut socket = server.send(json!({"stream": stream, "ignore_eos": true})).await;
        go.send(()).unwrap();
        if stream {
            until(&mut socket, "\"a\"").await;
        }
        eventually("it runs", || server.engine.load().num_running == 1).await;
        drop(socket);
        // Counted once the engine has been told, which waits with a step in its hands.
        let is_aborted = async {
            while !server.get("/metrics").await.contains("finished_reason=\"abort\"} 1") {}
        };
        tokio::time::timeout(WAIT, is_aborted).await.expect("the server notices");
        drop(go);
        server.settles().await;
        let steps = server.engine.flight_log().steps;
        assert!(steps.len() <= 2, "{} steps for nobody", steps.len() - 1);
        server.stop.stop();
        assert_eq!(server.stopped().await, ExitReason::Drained);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn draining_finishes_streams_and_refuses_the_rest() {
    let (setup, go) = held("abc");
    let server = serve(setup);
    let mut socket = server.send(json!({"stream": true})).await;
    go.send(()).unwrap();
    let mut text = until(&mut socket, "\"a\"").await;
    server.stop.stop();
    eventually_draining(&server).await;
    let refused = rest(server.send(json!({})).await).await;
    assert!(refused.starts_with("HTTP/1.1 503"), "{refused}");
    assert!(refused.contains("retry-after: ") && refused.contains("connection: close"));
    assert!(refused.contains("server_draining"), "{refused}");
    assert!(server.get("/livez").await.starts_with("HTTP/1.1 200"));
    drop(go);
    text.push_str(&rest(socket).await);
    assert!(text.contains("\"finish_reason\":\"stop\"") && text.contains("data: [DONE]"), "{text}");
    assert_eq!(server.stopped().await, ExitReason::Drained);
}

/// The grace is longer than any test: only the second wish to stop ends it.
fn leaving(script: &str) -> (Running, Sender<()>) {
    let (mut setup, go) = held(script);
    setup.config.shutdown_grace = WAIT * 100;
    // However many requests a test sends until the grace has ended, the queue refuses none.
    setup.max_num_queued_reqs = usize::MAX / 2;
    (serve(setup), go)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn in_the_grace_readiness_is_red_and_requests_are_served() {
    let (server, go) = leaving("abc");
    let mut open = server.send(json!({"stream": true})).await;
    go.send(()).unwrap();
    let mut text = until(&mut open, "\"a\"").await;
    server.stop.stop();
    eventually_draining(&server).await;
    assert!(server.get("/livez").await.starts_with("HTTP/1.1 200"));
    // A request of the grace is taken, and its connection is not kept for another one.
    let mut late = server.send(json!({"stream": true})).await;
    let mut late_text = until(&mut late, "\r\n\r\n").await;
    assert!(late_text.starts_with("HTTP/1.1 200"), "{late_text}");
    assert!(late_text.contains("connection: close"), "{late_text}");
    assert!(server.get("/readyz").await.starts_with("HTTP/1.1 503"), "still red");
    // The second wish ends the grace, not the requests.
    server.stop.stop();
    let refused = loop {
        let answer = server.get("/readyz").await;
        assert!(answer.contains("draining"), "{answer}");
        let mut socket = server.send(json!({"stream": true, "max_tokens": 1})).await;
        let head = until(&mut socket, "\r\n\r\n").await;
        if !head.starts_with("HTTP/1.1 200") {
            break head;
        }
    };
    assert!(refused.starts_with("HTTP/1.1 503"), "{refused}");
    assert!(refused.contains("retry-after: ") && refused.contains("connection: close"));
    drop(go);
    text.push_str(&rest(open).await);
    late_text.push_str(&rest(late).await);
    for text in [text, late_text] {
        assert!(text.contains("\"finish_reason\":\"stop\""), "{text}");
        assert!(text.contains("data: [DONE]"), "{text}");
    }
    assert_eq!(server.stopped().await, ExitReason::Drained);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_grace_ends_by_itself() {
    let (mut setup, go) = held("abc");
    setup.config.shutdown_grace = Duration::from_millis(30);
    let server = serve(setup);
    drop(go);
    server.stop.stop();
    assert_eq!(server.stopped().await, ExitReason::Drained);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn each_further_stop_goes_one_step_further() {
    let (server, go) = leaving("abc");
    let socket = server.send(json!({"stream": true})).await;
    eventually("it runs", || server.engine.health().step_age.is_some()).await;
    for _ in 0..3 {
        server.stop.stop();
    }
    assert_eq!(server.stopped().await, ExitReason::Forced);
    drop((go, socket));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_engine_that_dies_in_the_grace_is_not_a_clean_stop() {
    let mut setup = Setup::answering("abc");
    setup.config.shutdown_grace = WAIT * 100;
    setup.gate = Box::new(|_| Err(engine::ExecError::Fatal("lost".into())));
    let server = serve(setup);
    server.stop.stop();
    eventually_draining(&server).await;
    let answer = rest(server.send(json!({})).await).await;
    assert!(answer.starts_with("HTTP/1.1 500"), "{answer}");
    assert_eq!(server.stopped().await, ExitReason::EngineDead);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_that_still_loads_has_no_grace() {
    let mut setup = Setup::answering("abc");
    setup.config.shutdown_grace = WAIT * 100;
    let (test, _load) = setup.loading();
    let stop = test.server.stop_handle();
    let exit = tokio::spawn(test.server.serve());
    stop.stop();
    let reason = tokio::time::timeout(WAIT, exit).await.expect("stops in time").unwrap().unwrap();
    assert_eq!(reason, ExitReason::Drained);
}

async fn eventually_draining(server: &Running) {
    loop {
        let ready = server.get("/readyz").await;
        if ready.starts_with("HTTP/1.1 503") {
            assert!(ready.contains("draining"), "{ready}");
            return;
        }
        tokio::time::sleep(Duration::from_millis(2)).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_drain_deadline_aborts_what_is_left() {
    let (mut setup, go) = held("abc");
    setup.config.drain_timeout = Duration::from_millis(30);
    let server = serve(setup);
    let mut socket = server.send(json!({"stream": true, "ignore_eos": true})).await;
    go.send(()).unwrap();
    let mut text = until(&mut socket, "\"a\"").await;
    server.stop.stop();
    // Steps go on slowly, so that the deadline comes long before the answer's end.
    let stopped = async {
        while server.engine.health().state != engine::EngineState::Stopped {
            let _ = go.send(());
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    };
    tokio::time::timeout(WAIT, stopped).await.expect("the engine is stopped");
    text.push_str(&rest(socket).await);
    assert!(text.contains("\"finish_reason\":\"abort\"") && text.contains("[DONE]"), "{text}");
    assert_eq!(server.stopped().await, ExitReason::DrainTimedOut);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_second_stop_exits_at_once() {
    let (setup, go) = held("abc");
    let server = serve(setup);
    let socket = server.send(json!({"stream": true})).await;
    eventually("it runs", || server.engine.health().step_age.is_some()).await;
    server.stop.stop();
    server.stop.stop();
    assert_eq!(server.stopped().await, ExitReason::Forced);
    drop((go, socket));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_engines_death_ends_the_server_after_its_linger() {
    let mut setup = Setup::answering("abc");
    setup.config.death_linger = Duration::from_millis(20);
    setup.gate = Box::new(|_| Err(engine::ExecError::Fatal("lost".into())));
    let server = serve(setup);
    let answer = rest(server.send(json!({})).await).await;
    assert!(answer.starts_with("HTTP/1.1 500"), "{answer}");
    assert_eq!(server.stopped().await, ExitReason::EngineDead);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn connections_beyond_the_limit_are_closed_and_places_come_back() {
    let mut setup = Setup::answering("abc");
    setup.config.limits.max_connections = 1;
    let server = serve(setup);
    let mut first = server.send(json!({})).await;
    until(&mut first, "chat.completion").await;
    let refused = TcpStream::connect(server.addr).await.unwrap();
    assert_eq!(rest(refused).await, "");
    drop(first);
    // The server notices the close a little later; until then it turns others away.
    let place_is_free = async {
        loop {
            let mut socket = TcpStream::connect(server.addr).await.unwrap();
            let _ = socket.write_all(b"GET /livez HTTP/1.1\r\nhost: x\r\n\r\n").await;
            if socket.read_exact(&mut [0; 8]).await.is_ok() {
                return;
            }
        }
    };
    tokio::time::timeout(WAIT, place_is_free).await.expect("the place comes back");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn slow_headers_are_cut_off() {
    let mut setup = Setup::answering("abc");
    setup.config.limits.header_timeout = Duration::from_millis(30);
    let server = serve(setup);
    let mut socket = TcpStream::connect(server.addr).await.unwrap();
    // Whoever is slow to write finds a closed socket already, and a reset is as good as an end.
    let _ = socket.write_all(b"GET /livez HT").await;
    let mut answer = Vec::new();
    let read = tokio::time::timeout(WAIT, socket.read_to_end(&mut answer)).await;
    let _ = read.expect("closes in time");
    assert!(!answer.starts_with(b"HTTP/1.1 200"), "{}", String::from_utf8_lossy(&answer));
}
