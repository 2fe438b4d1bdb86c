//! The real binary with `--device hip` over HTTP, on the emulated MI300X (crate `hip-emu`): our own
//! machine code against the CPU backend. No hardware takes part.
#![allow(clippy::unwrap_used, reason = "a failed test says where")]

mod server_process;

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::process::Command;

use serde_json::{Value, json};
use server_process::{PATIENCE, ServerProcess, golden, metric};

const FAMILIES: [&str; 5] = ["llama", "llama3-rope", "mistral", "qwen2", "qwen3"];

/// Exit code of a server whose engine died (crates/ropeway/serve.rs).
const ENGINE_DEAD: i32 = 4;
const OUTPUT_TOKENS: usize = 6;
const TOP_LOGPROBS: usize = 5;
/// A launch past the warm-up's and within a request of 40 tokens.
const LOST_LAUNCH: u32 = 120;

/// Activations are bf16 on the GPU and f32 on the CPU. The reference's recorded noise of that
/// arithmetic (`noise.bfloat16`), times this, bounds ours, as `tests/goldens/README.md` says.
const NOISE_FACTOR: f64 = 2.0;

const SIZES: [&str; 10] = [
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
];

/// The emulator's library, which cargo builds beside this test.
fn emulator() -> String {
    let folder = std::env::current_exe().unwrap().parent().unwrap().to_path_buf();
    let library: PathBuf = folder.join("libhip_emu.so");
    assert!(library.is_file(), "cargo builds {}", library.display());
    library.display().to_string()
}

fn record(family: &str) -> Value {
    let text = std::fs::read_to_string(golden(family).join("golden.json")).unwrap();
    serde_json::from_str(&text).unwrap()
}

/// The golden's prompts, as lists of ids.
fn prompts(family: &str) -> Vec<Value> {
    let prompts = record(family)["prompts"].take();
    prompts.as_array().unwrap().iter().map(|prompt| prompt["ids"].clone()).collect()
}

fn serve(family: &str, device: &[&str], args: &[&str]) -> ServerProcess {
    ServerProcess::ready(&golden(family), &[device, &SIZES[..], args].concat())
}

fn client() -> reqwest::Client {
    let _ = rustls::crypto::ring::default_provider().install_default();
    reqwest::Client::builder().timeout(PATIENCE).build().unwrap()
}

/// A greedy answer: per step the chosen token and the best ones with their log-probabilities.
#[derive(Clone, Debug, PartialEq)]
struct Answer {
    tokens: Vec<String>,
    top: Vec<BTreeMap<String, f64>>,
}

async fn complete(server: &ServerProcess, prompt: &Value) -> Answer {
    let body = json!({
        "model": "tiny", "prompt": prompt, "temperature": 0, "max_tokens": OUTPUT_TOKENS,
        "ignore_eos": true, "logprobs": TOP_LOGPROBS, "return_tokens_as_token_ids": true,
    });
    let response = client().post(server.endpoint("/v1/completions")).json(&body).send().await;
    let response = response.unwrap();
    assert_eq!(response.status(), 200);
    let mut body: Value = response.json().await.unwrap();
    let logprobs = &mut body["choices"][0]["logprobs"];
    let tokens: Vec<String> = serde_json::from_value(logprobs["tokens"].take()).unwrap();
    let top: Vec<_> = serde_json::from_value(logprobs["top_logprobs"].take()).unwrap();
    assert_eq!((tokens.len(), top.len()), (OUTPUT_TOKENS, OUTPUT_TOKENS));
    Answer { tokens, top }
}

async fn one_by_one(server: &ServerProcess, prompts: &[Value]) -> Vec<Answer> {
    let mut answers = Vec::new();
    for prompt in prompts {
        answers.push(complete(server, prompt).await);
    }
    answers
}

async fn together(server: &ServerProcess, prompts: &[Value]) -> Vec<Answer> {
    futures_util::future::join_all(prompts.iter().map(|prompt| complete(server, prompt))).await
}

/// The best log-probability less the second best.
fn margin(top: &BTreeMap<String, f64>) -> f64 {
    let mut values: Vec<f64> = top.values().copied().collect();
    values.sort_by(|a, b| b.total_cmp(a));
    values[0] - values[1]
}

/// Holds `got` against the CPU's answers: every step up to the first that differs, which only one
/// whose margin is within the noise may; log-probabilities of tokens that both name.
fn compare(what: &str, noise: &Value, got: &[Answer], want: &[Answer]) {
    let bound = |name: &str| NOISE_FACTOR * noise[name].as_f64().unwrap();
    let (mut max, mut squares, mut values, mut equal) = (0.0f64, 0.0, 0usize, 0usize);
    for (prompt, (got, want)) in got.iter().zip(want).enumerate() {
        for step in 0..OUTPUT_TOKENS {
            for (token, want) in &want.top[step] {
                if let Some(got) = got.top[step].get(token) {
                    max = max.max((got - want).abs());
                    squares += (got - want).powi(2);
                    values += 1;
                }
            }
            if got.tokens[step] != want.tokens[step] {
                let margin = margin(&want.top[step]);
                assert!(margin < bound("max"), "{what}, prompt {prompt}, step {step}: {margin}");
                break;
            }
            equal += 1;
        }
    }
    let rms = (squares / values as f64).sqrt();
    println!(
        "{what}: {equal} tokens equal, {values} log-probabilities: max {max:.3}, rms {rms:.4}"
    );
    assert!(max < bound("max"), "{what}: a log-probability differs by {max}");
    assert!(rms < bound("rms"), "{what}: log-probabilities differ by {rms} (rms)");
    // A prompt whose first step is a near tie counts for nothing; that many must be left.
    let steps = got.len() * OUTPUT_TOKENS;
    assert!(equal * 3 >= steps * 2, "{what}: only {equal} of {steps} tokens are the CPU's");
    assert!(values >= equal * (TOP_LOGPROBS - 1), "{what}: the best tokens are others");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_family_answers_as_on_the_cpu_alone_and_batched() {
    let library = emulator();
    for family in FAMILIES {
        let (prompts, noise) = (prompts(family), &record(family)["noise"]["bfloat16"]);
        let cpu = one_by_one(&serve(family, &["--device", "cpu"], &[]), &prompts).await;
        let hip = ["--device", "hip", "--hip-library", &library];
        let server = serve(family, &hip, &["--no-enable-prefix-caching"]);
        let alone = one_by_one(&server, &prompts).await;
        compare(family, noise, &alone, &cpu);
        let batched = together(&server, &prompts).await;
        assert_eq!(batched, alone, "{family}: the batch changes an answer");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn chunks_and_prefix_hits_change_no_answer() {
    let library = emulator();
    let hip = ["--device", "hip", "--hip-library", &library];
    let prompts = prompts("qwen3");
    let server = serve("qwen3", &hip, &["--no-enable-prefix-caching"]);
    let whole = one_by_one(&server, &prompts).await;
    drop(server);
    let chunked = serve("qwen3", &hip, &["--max-num-batched-tokens", "8"]);
    assert_eq!(together(&chunked, &prompts).await, whole, "in chunks of 8 tokens a step");
    assert_eq!(one_by_one(&chunked, &prompts).await, whole, "with prefixes from the cache");
    let page =
        client().get(chunked.endpoint("/metrics")).send().await.unwrap().text().await.unwrap();
    let hits = metric(&page, "vllm:prefix_cache_hits_total").unwrap();
    assert!(hits >= 16.0, "{hits} tokens came from the cache");
}

/// Debian's own HIP runtime (package libamdhip64-5).
const DEBIAN_RUNTIME: &str = "libamdhip64.so.5";

/// Success, standard output and standard error of a command that real GPUs are hidden from.
fn ropeway(args: &[&str]) -> (bool, String, String) {
    let mut command = Command::new(env!("CARGO_BIN_EXE_ropeway"));
    if args.contains(&DEBIAN_RUNTIME) {
        command.env("HIP_VISIBLE_DEVICES", "-1");
    }
    let output = command.args(args).output().unwrap();
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
    (output.status.success(), text(output.stdout), text(output.stderr))
}

#[test]
fn devices_are_listed_and_a_missing_gpu_is_told_in_one_line() {
    let (ok, listed, _) = ropeway(&["devices", "--hip-library", &emulator()]);
    assert!(ok && listed.contains("hip:0 ") && listed.contains("(gfx942)"), "{listed}");
    for (library, expected) in
        [("/nowhere/libamdhip64.so", "cannot be opened"), (DEBIAN_RUNTIME, "finds no GPU")]
    {
        let (ok, listed, told) = ropeway(&["devices", "--hip-library", library]);
        let line = listed.lines().find(|line| line.starts_with("hip")).unwrap();
        assert!(ok && line.starts_with("hip    none: ") && line.contains(expected), "{listed}");
        assert_eq!((listed.lines().count(), told.as_str()), (2, ""), "{listed}{told}");
    }

    let model = golden("llama").display().to_string();
    for (library, device, expected) in [
        ("/nowhere/libamdhip64.so", "hip", "cannot be opened"),
        (DEBIAN_RUNTIME, "hip", "--device cpu"),
        (emulator().as_str(), "hip:7", "there is no hip:7"),
    ] {
        let args = ["inspect", &model, "--device", device, "--hip-library", library];
        let (ok, _, told) = ropeway(&args);
        assert!(!ok && told.contains(expected), "{library}: {told}");
        assert_eq!(told.trim().lines().count(), 1, "{told}");
    }
}

#[test]
fn more_logprobs_than_the_gpu_gives_are_refused_at_the_start() {
    let (model, library) = (golden("llama").display().to_string(), emulator());
    let with = |num: &str| {
        let hip = ["--device", "hip", "--hip-library", &library, "--max-logprobs", num];
        ropeway(&[&["serve", model.as_str(), "--dry-run"], &hip[..]].concat())
    };
    let (ok, _, told) = with("128");
    assert!(ok, "{told}");
    let (ok, _, told) = with("129");
    assert!(!ok && told.contains("--max-logprobs 129") && told.contains("use 128"), "{told}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_device_that_is_lost_ends_requests_and_the_process() {
    let library = emulator();
    let hip = ["--device", "hip", "--hip-library", library.as_str()];
    let fault = format!("device_lost@launch:{LOST_LAUNCH}");
    let fault = [("ROPEWAY_EMU_FAULT", fault.as_str())];
    let mut server =
        ServerProcess::listen_with(&golden("llama"), &[&hip, &SIZES[..]].concat(), &fault);
    server.line_with("ready");
    let body = json!({"model": "tiny", "prompt": prompts("llama")[0], "max_tokens": 40, "ignore_eos": true});
    let response = client().post(server.endpoint("/v1/completions")).json(&body).send().await;
    assert!(!response.unwrap().status().is_success(), "the request ends with an error");
    let health = client().get(server.endpoint("/livez")).send().await.unwrap();
    assert_eq!(health.status(), 503, "/livez is red");
    let ready = client().get(server.endpoint("/readyz")).send().await.unwrap();
    assert_eq!(ready.status(), 503, "/readyz is red");
    assert_eq!(server.exit_code(), ENGINE_DEAD);
}
