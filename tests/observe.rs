//! What an operator sees of the real binary: the way out after SIGTERM, flight recorder dumps.
//! GPU faults are the emulator's (crate `hip-emu`); no hardware takes part.
#![allow(clippy::unwrap_used, reason = "a failed test says where")]

mod emulator;
mod server_process;

use std::io::{Read, Seek, SeekFrom, Write};
use std::net::TcpStream;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use emulator::emulator;
use serde_json::{Value, json};
use server_process::{PATIENCE, ServerProcess, golden, metric};

/// Part of every prompt here, and of no dump.
const SECRET: &str = "zebra";
/// A launch past the warm-up's and within a request of `LONG` tokens.
const FAULTY_LAUNCH: u32 = 150;
const LONG: u32 = 100;
/// Exit code of a server whose engine died (crates/ropeway/serve.rs).
const ENGINE_DEAD: i32 = 4;

const SIZES: [&str; 8] = [
    "--served-model-name",
    "tiny",
    "--num-blocks",
    "64",
    "--max-num-seqs",
    "8",
    "--max-model-len",
    "128",
];

fn serve(args: &[&str]) -> ServerProcess {
    ServerProcess::ready(&golden("llama"), &[&SIZES[..], args].concat())
}

/// A server on the emulated GPU in which one launch goes wrong.
fn serve_faulty(fault: &str, args: &[&str]) -> ServerProcess {
    let library = emulator();
    let device = ["--device", "hip", "--kv-cache-dtype", "bf16", "--hip-library", &library];
    let fault = format!("{fault}@launch:{FAULTY_LAUNCH}");
    let server = ServerProcess::listen_with(
        &golden("llama"),
        &[&SIZES[..], &device, args].concat(),
        &[("ROPEWAY_EMU_FAULT", &fault)],
    );
    server.line_with("ready");
    server
}

/// Sends a request on a connection of its own.
fn send(server: &ServerProcess, head: &str, body: &str) -> TcpStream {
    let mut socket = TcpStream::connect(server.address()).unwrap();
    socket.set_read_timeout(Some(PATIENCE)).unwrap();
    let length = body.len();
    let head = format!(
        "{head} HTTP/1.1\r\nhost: x\r\nconnection: close\r\ncontent-type: application/json\r\n\
         content-length: {length}\r\n\r\n{body}"
    );
    socket.write_all(head.as_bytes()).unwrap();
    socket
}

/// Status and everything behind it.
fn answer(mut socket: TcpStream) -> (u16, String) {
    let mut text = String::new();
    socket.read_to_string(&mut text).unwrap();
    let status = text.split(' ').nth(1).unwrap_or_else(|| panic!("not an answer: {text:?}"));
    (status.parse().unwrap(), text)
}

fn get(server: &ServerProcess, path: &str) -> (u16, String) {
    answer(send(server, &format!("GET {path}"), ""))
}

fn generate(server: &ServerProcess, max_tokens: u32) -> TcpStream {
    let body = json!({"model": "tiny", "prompt": format!("a {SECRET}"), "max_tokens": max_tokens,
        "ignore_eos": true, "stream": true});
    send(server, "POST /v1/completions", &body.to_string())
}

/// Whether a request was served to its end.
fn completes(server: &ServerProcess, max_tokens: u32) -> bool {
    let (status, text) = answer(generate(server, max_tokens));
    status == 200 && text.contains("\"length\"") && text.contains("data: [DONE]")
}

fn until(what: &str, mut holds: impl FnMut() -> bool) {
    let deadline = Instant::now() + PATIENCE;
    while !holds() {
        assert!(Instant::now() < deadline, "never: {what}");
        std::thread::sleep(Duration::from_millis(5));
    }
}

/// The order of a rollout in Kubernetes: SIGTERM comes while endpoints still point here. The grace is
/// longer than the test, so that only the second signal ends it.
#[test]
fn in_the_grace_after_a_term_signal_requests_are_served_with_readiness_red() {
    let mut server = serve(&["--shutdown-grace", "1h"]);
    let mut stream = generate(&server, LONG);
    stream.read_exact(&mut [0; 1]).unwrap();
    server.signal("TERM");
    until("readiness turns red", || get(&server, "/readyz").0 == 503);
    assert!(completes(&server, 4));
    assert_eq!(get(&server, "/readyz").0, 503, "red all the while");
    assert_eq!(get(&server, "/livez").0, 200);
    server.signal("TERM");
    let mut text = String::new();
    stream.read_to_string(&mut text).unwrap();
    assert!(text.contains("data: [DONE]"), "the running stream ends whole: {text}");
    assert_eq!(server.exit_code(), 0);
}

/// The lines of the folder's only dump, once it is there.
fn dump(folder: &Path, reason: &str) -> Vec<Value> {
    let files = || -> Vec<PathBuf> {
        let entries = std::fs::read_dir(folder).unwrap();
        let paths = entries.map(|entry| entry.unwrap().path());
        paths.filter(|path| path.extension().is_some_and(|ending| ending == "jsonl")).collect()
    };
    until("a dump is written", || !files().is_empty());
    let files = files();
    assert_eq!(files.len(), 1, "{files:?}");
    let name = files[0].file_name().unwrap().to_str().unwrap();
    assert!(name.ends_with(&format!("-{reason}.jsonl")), "{name}");
    let text = std::fs::read_to_string(&files[0]).unwrap();
    assert!(!text.contains(SECRET), "a prompt's text is in the dump: {text}");
    let lines: Vec<Value> = text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(
        (&lines[0]["flight_recorder"], &lines[0]["reason"]),
        (&json!("dump"), &json!(reason))
    );
    lines
}

fn steps(lines: &[Value]) -> Vec<&Value> {
    lines.iter().filter(|line| line["flight_recorder"] == "step").collect()
}

/// The steps that were computed, and those behind them.
fn split<'a>(steps: &'a [&'a Value]) -> (&'a [&'a Value], &'a [&'a Value]) {
    let num_done = steps.iter().take_while(|step| step["outcome"] == "done").count();
    steps.split_at(num_done)
}

fn number(value: &Value) -> u64 {
    value.as_u64().unwrap_or_else(|| panic!("not a number: {value}"))
}

#[test]
fn sigquit_dumps_the_last_steps_and_the_server_goes_on() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().display().to_string();
    let server = serve(&["--flight-recorder-dir", &path]);
    assert!(completes(&server, 20));
    server.signal("QUIT");
    let lines = dump(folder.path(), "signal");
    assert_eq!(lines[0]["state"], "running");
    let steps = steps(&lines);
    assert_eq!(number(&lines[0]["steps"]), steps.len() as u64);
    let first = steps[0];
    assert_eq!((number(&first["step"]), number(&first["admitted"])), (0, 1));
    assert_eq!(number(&first["prefill_seqs"]) + number(&first["decode_seqs"]), 1);
    assert_eq!(steps.len(), 20, "the prompt's step gives the first token: {steps:?}");
    for step in &steps[1..] {
        assert_eq!((number(&step["decode_seqs"]), number(&step["tokens"])), (1, 1), "{step}");
    }
    for step in &steps {
        assert_eq!(step["outcome"], "done");
        assert!(number(&step["blocks_live"]) > 0 && number(&step["execute_us"]) > 0, "{step}");
        let blocks = ["blocks_live", "blocks_cached", "blocks_free"].map(|key| number(&step[key]));
        assert_eq!(blocks.iter().sum::<u64>(), 64, "{step}");
        assert!(step["at"].as_f64().unwrap() <= lines[0]["at"].as_f64().unwrap(), "{step}");
    }
    assert!(completes(&server, 2), "the process lives");
    let dumps = |reason: &str| {
        let series = format!("ropeway:flight_recorder_dumps_total{{reason=\"{reason}\"}}");
        metric(&get(&server, "/metrics").1, &series)
    };
    until("it is counted", || dumps("signal") == Some(1.0));
    assert_eq!((dumps("stall"), dumps("fatal")), (Some(0.0), Some(0.0)));
}

#[test]
fn a_hung_launch_leaves_a_dump_with_the_step_that_hangs() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().display().to_string();
    let server = serve_faulty("hang", &["--step-timeout", "10s", "--flight-recorder-dir", &path]);
    let _stream = generate(&server, LONG);
    let lines = dump(folder.path(), "stall");
    assert_eq!(get(&server, "/livez").0, 503);
    assert!(lines[0]["step_age_s"].as_f64().unwrap() > 10.0, "{}", lines[0]);
    let steps = steps(&lines);
    let (done, rest) = split(&steps);
    // The one that hangs, and perhaps one that was launched behind it.
    assert!(!done.is_empty() && (1..=2).contains(&rest.len()), "{steps:?}");
    for step in rest {
        assert_eq!((&step["outcome"], number(&step["seqs"])), (&json!("running"), 1), "{step}");
    }
    until("it is counted", || {
        let page = get(&server, "/metrics").1;
        metric(&page, "ropeway:flight_recorder_dumps_total{reason=\"stall\"}") == Some(1.0)
    });
}

#[test]
fn a_lost_device_leaves_a_dump_with_its_error() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().display().to_string();
    let mut server = serve_faulty("device_lost", &["--flight-recorder-dir", &path]);
    assert!(!completes(&server, LONG));
    let lines = dump(folder.path(), "fatal");
    assert_eq!(lines[0]["state"], "dead");
    let steps = steps(&lines);
    let (done, rest) = split(&steps);
    assert!(!done.is_empty() && (1..=2).contains(&rest.len()), "{steps:?}");
    assert_eq!(rest[0]["outcome"], "fatal", "{}", rest[0]);
    assert!(rest[1..].iter().all(|step| step["outcome"] == "lost"), "{rest:?}");
    let error = lines.last().unwrap();
    assert_eq!((&error["flight_recorder"], &error["step"]), (&json!("error"), &rest[0]["step"]));
    assert_eq!(error["error"], lines[0]["cause"]);
    assert!(error["error"].as_str().unwrap().len() > 10, "{error}");
    assert_eq!(server.exit_code(), ENGINE_DEAD);
}

/// Without a folder, and with one that cannot be made, the dump goes to standard error.
#[test]
fn a_dump_always_finds_a_place() {
    for args in [&[][..], &["--flight-recorder-dir", "/proc/no/such"]] {
        let mut told = tempfile::tempfile().unwrap();
        let server = ServerProcess::listen_telling(
            &golden("llama"),
            &[&SIZES[..], args].concat(),
            &[],
            told.try_clone().unwrap().into(),
        );
        server.line_with("ready");
        server.signal("QUIT");
        until("it is counted", || {
            let page = get(&server, "/metrics").1;
            metric(&page, "ropeway:flight_recorder_dumps_total{reason=\"signal\"}") == Some(1.0)
        });
        assert!(completes(&server, 2));
        drop(server);
        let mut text = String::new();
        told.seek(SeekFrom::Start(0)).unwrap();
        told.read_to_string(&mut text).unwrap();
        let head = text.lines().find(|line| line.starts_with("{\"flight_recorder\":\"dump\""));
        assert!(head.is_some_and(|head| head.contains("\"reason\":\"signal\"")), "{text}");
        assert_eq!(text.contains("--flight-recorder-dir"), !args.is_empty(), "{text}");
    }
}

/// A real start passes through every phase that a local model has, and each is timed.
#[test]
fn every_phase_of_a_start_is_timed() {
    let server = serve(&[]);
    let page = get(&server, "/metrics").1;
    let seconds = |phase: &str| {
        metric(&page, &format!("ropeway:startup_seconds{{phase=\"{phase}\"}}"))
            .unwrap_or_else(|| panic!("{phase} is missing in {page}"))
    };
    let phases = [
        "resolving",
        "inspecting",
        "loading_tokenizer",
        "loading_weights",
        "uploading_weights",
        "allocating_kv_cache",
        "warming_up",
    ];
    let sum: f64 = phases.map(seconds).iter().sum();
    let total = metric(&page, "ropeway:time_to_ready_seconds").unwrap();
    assert!(sum > 0.0 && sum <= total, "{sum} of {total}");
    for phase in ["loading_weights", "uploading_weights", "warming_up"] {
        assert!(seconds(phase) > 0.0, "{phase}");
    }
    let (status, told) = get(&server, "/startupz");
    assert_eq!(status, 200);
    assert!(
        told.contains("\"phase\":\"ready\"") && told.contains("\"uploading_weights\""),
        "{told}"
    );
}
