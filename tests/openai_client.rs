//! The official OpenAI client, and a ZeroMQ subscriber, against the real binary with the real model:
//! runs `tests/client`.
#![forbid(unsafe_code)]

mod server_process;

use std::net::TcpListener;
use std::path::Path;
use std::process::Command;

use server_process::{ServerProcess, real_model};

const MODEL: &str = "SmolLM2-135M-Instruct";

/// Addresses on which nothing listens at the moment.
fn free_addresses() -> [String; 2] {
    let listeners = [(); 2].map(|()| TcpListener::bind("127.0.0.1:0").expect("a free port"));
    listeners.map(|listener| listener.local_addr().expect("it is bound").to_string())
}

#[test]
fn official_client_is_satisfied() {
    let python = std::env::var_os("ROPEWAY_TEST_PYTHON").expect(
        "ROPEWAY_TEST_PYTHON is not set; run scripts/test.sh, or set it to a Python that has the \
         packages of tests/client/requirements.txt",
    );
    let [events, replay] = free_addresses();
    let topic = "kv@10.0.0.7:8000@{model}";
    let args = ["--kv-events-endpoint", &events, "--kv-events-replay-endpoint", &replay];
    let args = [&["--served-model-name", MODEL, "--kv-events-topic", topic], &args[..]].concat();
    let server = ServerProcess::ready(&real_model(), &args);
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/client");
    // Nothing is left in the source tree: no byte code (-B), no cache of pytest.
    let output = Command::new(&python)
        .args(["-B", "-m", "pytest", "-q", "-p", "no:cacheprovider"])
        .arg(&folder)
        .current_dir(&folder)
        .env("ROPEWAY_URL", &server.url)
        .env("ROPEWAY_MODEL", MODEL)
        .env("ROPEWAY_KV_EVENTS", format!("tcp://{events}"))
        .env("ROPEWAY_KV_REPLAY", format!("tcp://{replay}"))
        .output()
        .unwrap_or_else(|error| panic!("ROPEWAY_TEST_PYTHON {python:?} does not start: {error}"));
    let text = String::from_utf8_lossy(&output.stdout);
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "pytest failed, {}\n{text}\n{errors}", output.status);
    println!("{text}");
}
