//! The survival table of hostile inputs against the real binary: each is answered with the right
//! error, and afterwards the server is alive, quick, and holds no more memory or blocks than before.
//! A tiny model keeps it fast; where a row needs no socket it is tested in `crates/server`.
#![allow(clippy::unwrap_used, reason = "a failed test says where")]

mod server_process;

use std::io::{Read, Write};
use std::net::{Shutdown, TcpStream};
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use server_process::{PATIENCE, ServerProcess, golden, metric};

const COMPLETIONS: &str = "/v1/completions";
const CHAT: &str = "/v1/chat/completions";
/// Memory that a server may keep after an attack: what the allocator holds back, and caches.
const KEPT_BYTES: u64 = 256 << 20;

fn serve(args: &[&str]) -> ServerProcess {
    let name = ["--served-model-name", "tiny"];
    ServerProcess::ready(&golden("llama"), &[&name, args].concat())
}

fn connect(server: &ServerProcess) -> TcpStream {
    let socket = TcpStream::connect(server.address()).unwrap();
    socket.set_read_timeout(Some(PATIENCE)).unwrap();
    socket
}

/// Sends bytes as they are and returns all that comes back. The server may close while it is
/// still being sent to, so neither direction's errors count here.
fn raw(server: &ServerProcess, bytes: &[u8]) -> String {
    let mut socket = connect(server);
    let _ = socket.write_all(bytes);
    let mut answer = Vec::new();
    let mut buffer = [0; 16 << 10];
    while let Ok(len) = socket.read(&mut buffer) {
        if len == 0 {
            break;
        }
        answer.extend_from_slice(&buffer[..len]);
    }
    String::from_utf8_lossy(&answer).into_owned()
}

fn request(path: &str, headers: &str, body: &[u8]) -> Vec<u8> {
    let head = format!(
        "POST {path} HTTP/1.1\r\nhost: x\r\nconnection: close\r\n{headers}content-length: {}\r\n\r\n",
        body.len()
    );
    [head.as_bytes(), body].concat()
}

const JSON_KIND: &str = "content-type: application/json\r\n";

fn post(server: &ServerProcess, path: &str, body: &[u8]) -> String {
    raw(server, &request(path, JSON_KIND, body))
}

fn get(server: &ServerProcess, path: &str, headers: &str) -> String {
    let head = format!("GET {path} HTTP/1.1\r\nhost: x\r\nconnection: close\r\n{headers}\r\n");
    raw(server, head.as_bytes())
}

fn status(answer: &str) -> u16 {
    let code = answer.split(' ').nth(1).unwrap_or_else(|| panic!("not an answer: {answer:?}"));
    code.parse().unwrap()
}

/// The error object of an answer with this status.
fn error(answer: &str, expected_status: u16) -> Value {
    assert_eq!(status(answer), expected_status, "{answer}");
    let (_, body) = answer.split_once("\r\n\r\n").unwrap();
    let body: Value = serde_json::from_str(body).unwrap_or_else(|_| panic!("not JSON: {answer}"));
    let error = body["error"].clone();
    assert!(error["message"].as_str().is_some_and(|text| text.len() < 500), "{answer}");
    assert!(error["type"].is_string() && error.get("param").is_some(), "{answer}");
    assert!(error["code"].is_string() || error["code"].is_null(), "{answer}");
    error
}

fn gauge(server: &ServerProcess, name: &str) -> f64 {
    metric(&get(server, "/metrics", ""), name).unwrap_or_else(|| panic!("no metric {name}"))
}

/// Waits until no request and no block is in use, and stays so: what a client sent last may still
/// be on its way.
fn wait_until_idle(server: &ServerProcess) {
    const NUM_QUIET: usize = 20;
    const IN_USE: [&str; 3] =
        ["vllm:num_requests_running", "vllm:num_requests_waiting", "vllm:kv_cache_usage_perc"];
    let deadline = Instant::now() + PATIENCE;
    let mut num_quiet = 0;
    while num_quiet < NUM_QUIET {
        let in_use = IN_USE.map(|name| gauge(server, name));
        assert!(Instant::now() < deadline, "still in use: {in_use:?}");
        num_quiet = if in_use == [0.0; 3] { num_quiet + 1 } else { 0 };
        std::thread::sleep(Duration::from_millis(5));
    }
}

/// Waits until the server is idle, then holds the server to the table's pass condition.
fn check_unharmed(server: &ServerProcess, resident_before: u64) {
    wait_until_idle(server);
    assert_eq!(status(&get(server, "/livez", "")), 200);
    assert_eq!(status(&get(server, "/readyz", "")), 200);
    let answer = post(server, COMPLETIONS, br#"{"prompt": "a", "max_tokens": 2}"#);
    assert_eq!(status(&answer), 200, "{answer}");
    let grown = server.resident_bytes().saturating_sub(resident_before);
    assert!(grown < KEPT_BYTES, "memory grew by {grown} bytes");
}

/// H1: heads that are too large, targets that are not ours, framing that two readers could
/// understand differently.
#[test]
fn hostile_heads_are_refused() {
    let server = serve(&[]);
    let before = server.resident_bytes();
    let large = format!("GET /livez HTTP/1.1\r\nhost: x\r\nx: {}\r\n\r\n", "a".repeat(4 << 20));
    let headers: String = (0..10_000).map(|nth| format!("x{nth}: 1\r\n")).collect();
    let many = format!("GET /livez HTTP/1.1\r\nhost: x\r\n{headers}\r\n");
    let target = format!("GET /{} HTTP/1.1\r\nhost: x\r\n\r\n", "a".repeat(1 << 20));
    for head in [large, many, target] {
        // The refusal may be lost when the rest of the head is still on its way.
        let answer = raw(&server, head.as_bytes());
        assert!(answer.is_empty() || [414, 431].contains(&status(&answer)), "{answer}");
    }
    for framing in [
        "content-length: 4\r\ncontent-length: 5",
        "content-length: -1",
        "content-length: 99999999999999999999999",
        "transfer-encoding: gzip",
        "content length: 4",
    ] {
        let head = format!("POST {COMPLETIONS} HTTP/1.1\r\nhost: x\r\n{framing}\r\n\r\n0\r\n\r\n");
        assert_eq!(status(&raw(&server, head.as_bytes())), 400, "{framing}");
    }
    for target in ["//v1/models", "/v1/%2e%2e/metrics", "/livez/../version", "/docs", "/pause"] {
        error(&get(&server, target, ""), 404);
    }
    for name in ["%2e%2e%2f%2e%2e%2fetc%2fpasswd", "%00", "../../etc/passwd", &"a".repeat(9_000)] {
        assert_eq!(error(&get(&server, &format!("/v1/models/{name}"), ""), 404)["param"], "model");
    }
    assert_eq!(status(&raw(&server, b"\x16\x03\x01\x00\xa5\x01\r\n\r\n")), 400, "TLS on this port");
    check_unharmed(&server, before);
}

/// A1 and H1: the key is asked for on the route that is taken, whatever the target looks like.
#[test]
fn no_spelling_of_a_target_goes_around_the_key() {
    let server = serve(&["--api-key", "secret"]);
    let key = "authorization: Bearer secret\r\n";
    assert_eq!(status(&get(&server, "/v1/models", key)), 200);
    assert_eq!(status(&get(&server, "/livez", "")), 200);
    for target in [
        "/v1/models",
        "//v1/models",
        "/livez/../v1/models",
        "/livez/%2e%2e/metrics",
        "/livez/",
        "/livez%00",
        "/V1/models",
        "/metrics",
        "/metrics/",
        "/version",
        "/docs",
        "/openapi.json",
        "/v1/models?api_key=secret",
        "http://localhost/v1/models",
    ] {
        assert_eq!(error(&get(&server, target, ""), 401)["code"], "invalid_api_key", "{target}");
    }
    for header in [
        "authorization: Bearer secre",
        "authorization: Bearer secrets",
        "authorization: Bearer",
        "authorization: Basic secret",
        "authorization: secret",
        "x-api-key: secret",
    ] {
        error(&get(&server, "/v1/models", &format!("{header}\r\n")), 401);
    }
    // Both framings at once: the second request is read as one of its own, and needs the key.
    let smuggled = format!(
        "POST {COMPLETIONS} HTTP/1.1\r\nhost: x\r\n{key}{JSON_KIND}content-length: 5\r\n\
         transfer-encoding: chunked\r\n\r\n0\r\n\r\nGET /metrics HTTP/1.1\r\nhost: x\r\n\
         connection: close\r\n\r\n"
    );
    let answer = raw(&server, smuggled.as_bytes());
    assert_eq!(status(&answer), 400, "{answer}");
    assert!(!answer.contains("vllm:"), "{answer}");
    // A body is not read before the key is known.
    let unread = format!("POST {COMPLETIONS} HTTP/1.1\r\nhost: x\r\ncontent-length: 9999\r\n\r\n");
    assert!(raw_head(&server, &unread).starts_with("HTTP/1.1 401"));
}

/// The beginning of the answer to a request whose body never comes.
fn raw_head(server: &ServerProcess, head: &str) -> String {
    let mut socket = connect(server);
    socket.write_all(head.as_bytes()).unwrap();
    let mut answer = [0; 512];
    let len = socket.read(&mut answer).unwrap();
    String::from_utf8_lossy(&answer[..len]).into_owned()
}

/// H2: bodies without end, compressed, of the wrong kind, nested without end.
#[test]
fn hostile_bodies_are_refused() {
    let server = serve(&[]);
    let before = server.resident_bytes();
    let announced = format!(
        "POST {COMPLETIONS} HTTP/1.1\r\nhost: x\r\n{JSON_KIND}content-length: 99999999999\r\n\r\n"
    );
    assert!(raw_head(&server, &announced).starts_with("HTTP/1.1 413"), "before any of it came");
    let head = format!(
        "POST {COMPLETIONS} HTTP/1.1\r\nhost: x\r\n{JSON_KIND}transfer-encoding: chunked\r\n\r\n"
    );
    let chunk = [b"100000\r\n", " ".repeat(1 << 20).as_bytes(), b"\r\n"].concat();
    let endless = [head.as_bytes(), &chunk.repeat(40)].concat();
    let answer = raw(&server, &endless);
    assert!(answer.is_empty() || status(&answer) == 413, "{answer}");
    let broken = format!("{head}zz\r\n\r\n");
    assert_eq!(status(&raw(&server, broken.as_bytes())), 400);

    let good = br#"{"prompt": "a", "max_tokens": 1}"#;
    for kind in [
        "",
        "content-type: text/plain\r\n",
        "content-type: application/x-www-form-urlencoded\r\n",
        "content-type: application/json\r\ncontent-encoding: gzip\r\n",
        "content-type: application/json\r\ncontent-encoding: identity\r\ncontent-encoding: br\r\n",
    ] {
        error(&raw(&server, &request(COMPLETIONS, kind, good)), 400);
    }
    let (open, close) = ("[".repeat(100_000), "]".repeat(100_000));
    for field in ["prompt", "stop", "logit_bias", "stream_options"] {
        let body = format!(r#"{{"prompt": "a", "{field}": {open}{close}}}"#);
        error(&post(&server, COMPLETIONS, body.as_bytes()), 400);
    }
    let objects = format!("{}1{}", r#"{"a":"#.repeat(100_000), "}".repeat(100_000));
    error(&post(&server, COMPLETIONS, objects.as_bytes()), 400);
    let twice = br#"{"messages": [{"role": "user", "role": "system", "content": "a"}]}"#;
    assert_eq!(error(&post(&server, CHAT, twice), 400)["param"], "messages");
    check_unharmed(&server, before);
}

/// H2: small values that are large once parsed. Ten megabytes of them would become a gigabyte.
#[test]
fn bodies_do_not_unfold_in_memory() {
    let server = serve(&[]);
    let before = server.resident_bytes();
    let list = |value: &str| format!("[{}{value}]", format!("{value},").repeat(3 << 20));
    let message = |field: &str| format!(r#"[{{"role": "user", "content": "a", "x": {field}}}]"#);
    for body in [
        format!(r#"{{"messages": {}}}"#, message(&list("0"))),
        format!(r#"{{"messages": {}}}"#, list("{}")),
        format!(
            r#"{{"messages": {}, "chat_template_kwargs": {{"thinking": {}}}}}"#,
            message("1"),
            list("0")
        ),
        format!(r#"{{"messages": {}, "tools": {}}}"#, message("1"), list("[]")),
    ] {
        error(&post(&server, CHAT, body.as_bytes()), 400);
    }
    for field in ["prompt", "stop", "stop_token_ids"] {
        for value in ["1", "\"\"", "[]"] {
            let body = format!(r#"{{"prompt": "a", "{field}": {}}}"#, list(value));
            error(&post(&server, COMPLETIONS, body.as_bytes()), 400);
        }
    }
    let body = format!(r#"{{"tokens": {}}}"#, list("1"));
    error(&post(&server, "/detokenize", body.as_bytes()), 400);
    check_unharmed(&server, before);
    let peak = server.peak_resident_bytes() - before;
    assert!(peak < 256 << 20, "memory rose by {peak} bytes meanwhile");
}

/// N1 to N4, A2: numbers, lists, texts and names out of range.
#[test]
fn hostile_fields_are_refused_by_name() {
    let server = serve(&[]);
    let before = server.resident_bytes();
    let biases: String = (0..100_000).map(|nth| format!("\"{nth}\": 1,")).collect();
    let stops = json!(vec!["stop"; 100_000]).to_string();
    let long = "a".repeat(20 << 20);
    let quoted = format!("\"{long}\"");
    for (field, value) in [
        ("n", "1000000"),
        ("n", "-1"),
        ("n", "\"2\""),
        ("best_of", "1000000"),
        ("max_tokens", "9223372036854775808"),
        ("max_tokens", "1e99"),
        ("max_tokens", "-1"),
        ("min_tokens", "400"),
        ("logprobs", "1000000000"),
        ("logprobs", "-1"),
        ("temperature", "NaN"),
        ("temperature", "1e308"),
        ("temperature", "1e999"),
        ("temperature", "-1"),
        ("top_p", "Infinity"),
        ("top_p", "0"),
        ("top_k", "-5"),
        ("seed", "1180591620717411303424"),
        ("logit_bias", "{\"1\": NaN}"),
        ("logit_bias", "{\"99999\": 1}"),
        ("logit_bias", &format!("{{{biases}\"1\": 1}}")),
        ("stop", &stops),
        ("stop", "\"\""),
        ("stop", &quoted),
        ("prompt", "[4294967296]"),
        ("prompt", "[99999]"),
        ("prompt", "\"\\ud800\""),
        ("prompt", "[]"),
        ("prompt", &quoted),
        ("cache_salt", "\"../a\""),
        ("model", &quoted),
        ("model", "\"../../etc/passwd\""),
        ("model", "\"\\u0000\""),
        ("lora_path", "\"/etc\""),
    ] {
        let rest = if field == "prompt" { "" } else { r#", "prompt": "a""# };
        let body = format!(r#"{{"{field}": {value}{rest}}}"#);
        let answer = post(&server, COMPLETIONS, body.as_bytes());
        let code = if field == "model" { 404 } else { 400 };
        let error = error(&answer, code);
        // A number that JSON does not have breaks the whole body.
        let is_json = serde_json::from_str::<&serde_json::value::RawValue>(value).is_ok();
        assert!(!is_json || error["param"] == field, "{field} {value:.60}: {error}");
    }
    check_unharmed(&server, before);
}

/// T2, A3, N2: templates and addresses from clients, and numbers that are odd but allowed.
#[test]
fn hostile_chats_are_refused_by_name() {
    let server = serve(&[]);
    let before = server.resident_bytes();
    let image = |url: &str| json!([{"role": "user", "content": [{"type": "image_url", "image_url": {"url": url}}]}]);
    for (field, value) in [
        ("messages", image("http://127.0.0.1:1/latest/meta-data")),
        ("messages", image("file:///etc/passwd")),
        ("chat_template", json!("{{ messages }}")),
        ("chat_template_kwargs", json!({"messages": [], "bos_token": ""})),
        ("chat_template_kwargs", json!({"unknown": 1})),
    ] {
        let mut body = json!({"messages": [{"role": "user", "content": "a"}]});
        body[field] = value;
        let answer = post(&server, CHAT, body.to_string().as_bytes());
        assert_eq!(error(&answer, 400)["param"], field);
    }
    let odd = json!({"prompt": "\0<|eot_id|>\u{202e}\u{1f600}", "max_tokens": 2,
        "temperature": 1e-300, "top_p": 1e-300, "repetition_penalty": 1e-30, "seed": -1,
        "logit_bias": {"1": 1e308, "2": -1e308}});
    let answer = post(&server, COMPLETIONS, odd.to_string().as_bytes());
    assert_eq!(status(&answer), 200, "{answer}");
    check_unharmed(&server, before);
}

fn stream(max_tokens: u32) -> Vec<u8> {
    let body = json!({"prompt": "one two three", "max_tokens": max_tokens, "stream": true,
        "ignore_eos": true, "logprobs": 20});
    request(COMPLETIONS, JSON_KIND, body.to_string().as_bytes())
}

/// H3 and H4: clients that do nothing, send half a request, never read, or leave at any point.
#[test]
fn idle_silent_and_leaving_clients_hold_nothing() {
    let server = serve(&["--max-num-seqs", "8"]);
    let before = server.resident_bytes();
    let idle: Vec<TcpStream> = (0..200).map(|_| connect(&server)).collect();
    let request = stream(300);
    let mute: Vec<TcpStream> = (0..32)
        .map(|_| {
            let mut socket = connect(&server);
            socket.write_all(&request).unwrap();
            socket
        })
        .collect();
    // All of this is still connected: nobody else is kept waiting by it, and no block held.
    check_unharmed(&server, before);
    drop((idle, mute));
    for nth in 0..200 {
        let mut socket = connect(&server);
        let sent = if nth % 2 == 0 { request.len() } else { request.len() * nth / 200 };
        socket.write_all(&request[..sent]).unwrap();
        match nth % 5 {
            // Half-open: no more is sent, but the socket stays until the end of this round.
            0 => drop(socket.shutdown(Shutdown::Write)),
            1 | 2 if sent == request.len() => {
                // Leaves in the middle of the stream, wherever that is.
                let _ = socket.read(&mut vec![0; 1 + nth * 20]);
            }
            _ => {}
        }
    }
    check_unharmed(&server, before);
}

fn http2_frame(kind: u8, flags: u8, stream: u32, payload: &[u8]) -> Vec<u8> {
    let length = &(payload.len() as u32).to_be_bytes()[1..];
    [length, &[kind, flags], &stream.to_be_bytes(), payload].concat()
}

/// H5: HTTP/2 streams opened and reset, or headers continued, without end. The connection is cut
/// (RFC 9113 for the frames; CVE-2023-44487 and CVE-2024-27316 for the floods).
#[test]
fn http2_floods_are_cut_off() {
    const GET_ROOT: &[u8] = b"\x82\x84\x86\x41\x01x";
    let server = serve(&[]);
    let before = server.resident_bytes();
    let reset = |nth: u32| {
        let stream = 2 * nth + 1;
        let cancel = http2_frame(3, 0, stream, &8_u32.to_be_bytes());
        [http2_frame(1, 5, stream, GET_ROOT), cancel].concat()
    };
    let go_on = |nth: u32| match nth {
        0 => http2_frame(1, 1, 1, GET_ROOT),
        _ => http2_frame(9, 0, 1, &b"\x00\x01a\x01b".repeat(1_000)),
    };
    for frame in [&reset as &dyn Fn(u32) -> Vec<u8>, &go_on] {
        let mut socket = connect(&server);
        socket.write_all(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n").unwrap();
        socket.write_all(&http2_frame(4, 0, 0, &[])).unwrap();
        let was_cut = (0..200_000).any(|nth| socket.write_all(&frame(nth)).is_err());
        assert!(was_cut, "the flood was taken to its end");
    }
    check_unharmed(&server, before);
}

fn complete(server: &ServerProcess, fields: Value) -> Value {
    let answer = post(server, COMPLETIONS, fields.to_string().as_bytes());
    assert_eq!(status(&answer), 200, "{answer}");
    serde_json::from_str(answer.split_once("\r\n\r\n").unwrap().1).unwrap()
}

/// R1: many more requests than places and blocks, of all sizes. Each is served whole or told when
/// to come back; memory that is asked for twelve times over is lent to each in turn.
#[test]
fn overload_is_shared_out_or_refused() {
    let limits = ["--max-num-seqs", "12", "--max-num-queued-reqs", "24", "--num-blocks", "40"];
    let server = serve(&limits);
    let before = server.resident_bytes();
    let prompts: Vec<String> = (0..12).map(|nth| format!("story {nth}")).collect();
    let all = json!({"prompt": prompts, "max_tokens": 200, "ignore_eos": true, "temperature": 0});
    let answer = complete(&server, all);
    assert_eq!(answer["usage"]["completion_tokens"], 12 * 200, "each is served to its end");
    assert!(gauge(&server, "vllm:num_preemptions_total") > 0.0, "forty blocks hold three of them");
    std::thread::scope(|scope| {
        let clients: Vec<_> = (0..200)
            .map(|nth| {
                let (server, is_giant) = (&server, nth % 50 == 0);
                let prompt = if is_giant { "a b ".repeat(100) } else { format!("{nth}") };
                let max_tokens = if is_giant { 60 } else { 8 };
                let body = json!({"prompt": prompt, "max_tokens": max_tokens, "ignore_eos": true});
                scope.spawn(move || {
                    (max_tokens, post(server, COMPLETIONS, body.to_string().as_bytes()))
                })
            })
            .collect();
        for client in clients {
            let (max_tokens, answer) = client.join().unwrap();
            if status(&answer) == 200 {
                let tokens = format!("\"completion_tokens\":{max_tokens}");
                assert!(answer.contains(&tokens), "{answer}");
            } else {
                assert_eq!(error(&answer, 429)["code"], "queue_full");
                assert!(answer.contains("retry-after: "), "{answer}");
            }
        }
    });
    check_unharmed(&server, before);
}

/// A4: a prefix cached for one salt is not there for another, so its timing tells nothing.
#[test]
fn cached_prefixes_stay_with_their_salt() {
    let server = serve(&[]);
    let cached = |salt: &str| {
        let body = json!({"prompt": "a b c d ".repeat(20), "max_tokens": 1, "cache_salt": salt});
        let answer = complete(&server, body);
        answer["usage"]["prompt_tokens_details"]["cached_tokens"].as_u64().unwrap()
    };
    assert_eq!(cached("one"), 0);
    assert!(cached("one") > 0);
    assert_eq!(cached("two"), 0, "another tenant's prefix");
}

/// R2: killed in the middle of its work, it leaves clients that notice and nothing in the way of
/// the next start.
#[test]
fn a_killed_server_lets_go_and_starts_again() {
    let server = serve(&[]);
    let mut socket = connect(&server);
    socket.write_all(&stream(400)).unwrap();
    socket.read_exact(&mut [0; 16]).unwrap();
    server.signal("KILL");
    // A reset is as good as an end.
    let _ = socket.read_to_end(&mut Vec::new());
    drop(server);
    let next = serve(&[]);
    complete(&next, json!({"prompt": "a", "max_tokens": 1}));
}
