//! The real binary with `--device hip` over HTTP, on the emulated MI300X (crate `hip-emu`): our own
//! machine code against the CPU backend. No hardware takes part.
#![allow(clippy::unwrap_used, reason = "a failed test says where")]

mod server_process;

use std::path::PathBuf;
use std::process::Command;

use serde_json::{Value, json};
use server_process::{PATIENCE, ServerProcess, golden};

const FAMILIES: [&str; 5] = ["llama", "llama3-rope", "mistral", "qwen2", "qwen3"];

/// Longer than a block, across a block border, one token; ids that every tiny vocabulary has.
const PROMPT_LENGTHS: [usize; 4] = [1, 15, 17, 40];
/// Exit code of a server whose engine died (crates/ropeway/serve.rs).
const ENGINE_DEAD: i32 = 4;
const OUTPUT_TOKENS: u32 = 6;

const SIZES: [&str; 10] = [
    "--served-model-name",
    "tiny",
    "--kv-cache-dtype",
    "bf16",
    "--num-blocks",
    "64",
    "--max-num-seqs",
    "4",
    "--max-model-len",
    "128",
];

/// The emulator's library, which cargo builds beside this test.
fn emulator() -> String {
    let folder = std::env::current_exe().unwrap().parent().unwrap().to_path_buf();
    let library: PathBuf = folder.join("libhip_emu.so");
    assert!(library.is_file(), "cargo builds {}", library.display());
    library.display().to_string()
}

fn prompt(seed: usize, len: usize) -> Vec<usize> {
    (0..len).map(|i| 3 + (seed * 101 + i * 37 + i * i * 11) % 290).collect()
}

fn prompts() -> Vec<Vec<usize>> {
    PROMPT_LENGTHS.iter().enumerate().map(|(seed, len)| prompt(seed, *len)).collect()
}

fn serve(family: &str, device: &[&str], args: &[&str]) -> ServerProcess {
    ServerProcess::ready(&golden(family), &[device, &SIZES[..], args].concat())
}

fn client() -> reqwest::Client {
    let _ = rustls::crypto::ring::default_provider().install_default();
    reqwest::Client::builder().timeout(PATIENCE).build().unwrap()
}

async fn complete(server: &ServerProcess, prompt: &[usize]) -> Value {
    let body = json!({
        "model": "tiny", "prompt": prompt, "temperature": 0, "max_tokens": OUTPUT_TOKENS,
        "ignore_eos": true, "logprobs": 1,
    });
    let response = client().post(server.endpoint("/v1/completions")).json(&body).send().await;
    let response = response.unwrap();
    assert_eq!(response.status(), 200);
    response.json().await.unwrap()
}

/// Chosen tokens as text, one entry a token.
fn tokens(answer: &Value) -> Vec<String> {
    let tokens = answer["choices"][0]["logprobs"]["tokens"].as_array().unwrap();
    assert_eq!(tokens.len(), OUTPUT_TOKENS as usize);
    tokens.iter().map(|token| token.as_str().unwrap().to_owned()).collect()
}

async fn one_by_one(server: &ServerProcess) -> Vec<Vec<String>> {
    let mut outputs = Vec::new();
    for prompt in prompts() {
        outputs.push(tokens(&complete(server, &prompt).await));
    }
    outputs
}

async fn together(server: &ServerProcess) -> Vec<Vec<String>> {
    let prompts = prompts();
    let answers = futures_util::future::join_all(prompts.iter().map(|p| complete(server, p))).await;
    answers.iter().map(tokens).collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn greedy_tokens_are_the_cpu_backends_in_every_family() {
    let library = emulator();
    for family in FAMILIES {
        let cpu = one_by_one(&serve(family, &["--device", "cpu"], &[])).await;
        let hip = ["--device", "hip", "--hip-library", &library];
        let server = serve(family, &hip, &["--no-enable-prefix-caching"]);
        assert_eq!(one_by_one(&server).await, cpu, "{family} alone");
        assert_eq!(together(&server).await, cpu, "{family} batched");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn chunks_and_prefix_hits_change_no_token() {
    let library = emulator();
    let cpu = one_by_one(&serve("qwen3", &["--device", "cpu"], &[])).await;
    let hip = ["--device", "hip", "--hip-library", &library];
    let chunked = serve("qwen3", &hip, &["--max-num-batched-tokens", "8"]);
    assert_eq!(together(&chunked).await, cpu, "in chunks of 8 tokens a step");
    assert_eq!(one_by_one(&chunked).await, cpu, "with the prefix found in the cache");
}

fn ropeway(args: &[&str]) -> (bool, String, String) {
    let output = Command::new(env!("CARGO_BIN_EXE_ropeway")).args(args).output().unwrap();
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
    (output.status.success(), text(output.stdout), text(output.stderr))
}

#[test]
fn devices_are_listed_and_a_missing_gpu_is_told_in_one_line() {
    let (ok, listed, _) = ropeway(&["devices", "--hip-library", &emulator()]);
    assert!(ok && listed.contains("hip:0 ") && listed.contains("(gfx942)"), "{listed}");

    // Debian's own runtime (libamdhip64-5) on a machine without a GPU.
    let (ok, listed, _) = ropeway(&["devices", "--hip-library", "libamdhip64.so.5"]);
    let line = listed.lines().find(|line| line.starts_with("hip")).unwrap();
    assert!(ok && line.contains("finds no GPU") && line.contains("--device cpu"), "{listed}");

    let model = golden("llama").display().to_string();
    for (library, device, expected) in [
        ("/nowhere/libamdhip64.so", "hip", "cannot be opened"),
        ("libamdhip64.so.5", "hip", "finds no GPU"),
        (emulator().as_str(), "hip:7", "there is no hip:7"),
    ] {
        let args = ["inspect", &model, "--device", device, "--hip-library", library];
        let (ok, _, told) = ropeway(&args);
        assert!(!ok && told.contains(expected), "{library}: {told}");
        assert_eq!(told.trim().lines().count(), 1, "{told}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_device_that_is_lost_ends_requests_and_the_process() {
    let library = emulator();
    let hip = ["--device", "hip", "--hip-library", library.as_str()];
    // Past the warm-up's launches, within the first request's.
    let fault = [("ROPEWAY_EMU_FAULT", "device_lost@launch:75")];
    let mut server =
        ServerProcess::listen_with(&golden("llama"), &[&hip, &SIZES[..]].concat(), &fault);
    server.line_with("ready");
    let body =
        json!({"model": "tiny", "prompt": prompt(0, 17), "max_tokens": 40, "ignore_eos": true});
    let response = client().post(server.endpoint("/v1/completions")).json(&body).send().await;
    assert!(!response.unwrap().status().is_success(), "the request ends with an error");
    let health = client().get(server.endpoint("/livez")).send().await.unwrap();
    assert_eq!(health.status(), 503, "/livez is red");
    let ready = client().get(server.endpoint("/readyz")).send().await.unwrap();
    assert_eq!(ready.status(), 503, "/readyz is red");
    assert_eq!(server.exit_code(), ENGINE_DEAD);
}
