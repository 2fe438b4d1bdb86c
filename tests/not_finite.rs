//! Models whose logits are not finite, through the real binary over HTTP: the request ends with a
//! typed error, whoever shares its steps gets the answer that it gets alone. On the CPU, and on the
//! emulated MI300X (crate `hip-emu`) where f16 overflows and bf16 does not. No hardware takes part.
#![allow(clippy::unwrap_used, reason = "a failed test says where")]

mod emulator;
mod server_process;

use emulator::hip_library;
use serde_json::{Value, json};
use server_process::{PATIENCE, ServerProcess, golden, metric};
use tempfile::TempDir;

/// Its embedding is what does not fit. In no prompt here but those that are to fail; the warm-up
/// puts in 0.
const TOKEN: u32 = 311;
const OUTPUT_TOKENS: usize = 12;
/// bf16 bits.
const INFINITY: u16 = 0x7f80;
/// About 1e5: nothing to bf16, infinity to f16.
const BEYOND_F16: u16 = 0x47c3;

/// A copy of the golden llama (bf16, its LM head a matrix of its own) in which every number of the
/// embedding of [`TOKEN`] is `number`.
fn model(number: u16) -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    for entry in std::fs::read_dir(golden("llama")).unwrap() {
        let entry = entry.unwrap();
        std::fs::copy(entry.path(), folder.path().join(entry.file_name())).unwrap();
    }
    let path = folder.path().join("model.safetensors");
    let mut bytes = std::fs::read(&path).unwrap();
    // Length of the header, the header, the tensors; offsets count from the header's end.
    let header_len = u64::from_le_bytes(bytes[..8].try_into().unwrap()) as usize;
    let header: Value = serde_json::from_slice(&bytes[8..8 + header_len]).unwrap();
    let table = &header["model.embed_tokens.weight"];
    assert_eq!(table["dtype"], "BF16");
    let cols = table["shape"][1].as_u64().unwrap() as usize;
    let begin = table["data_offsets"][0].as_u64().unwrap() as usize;
    let row = 8 + header_len + begin + TOKEN as usize * cols * 2;
    for place in bytes[row..row + cols * 2].chunks_exact_mut(2) {
        place.copy_from_slice(&number.to_le_bytes());
    }
    std::fs::write(&path, bytes).unwrap();
    folder
}

fn serve(model: &TempDir, args: &[&str]) -> ServerProcess {
    let sizes = ["--served-model-name", "tiny", "--num-blocks", "64", "--max-num-seqs", "8"];
    ServerProcess::ready(model.path(), &[&sizes[..], &["--max-model-len", "128"], args].concat())
}

fn client() -> reqwest::Client {
    let _ = rustls::crypto::ring::default_provider().install_default();
    reqwest::Client::builder().timeout(PATIENCE).build().unwrap()
}

async fn get_text(server: &ServerProcess, path: &str) -> String {
    client().get(server.endpoint(path)).send().await.unwrap().text().await.unwrap()
}

/// A completion of token ids, `more` on top.
async fn complete(server: &ServerProcess, prompt: &[u32], more: &Value) -> (u16, String) {
    let mut body = json!({
        "model": "tiny", "prompt": prompt, "temperature": 0, "max_tokens": OUTPUT_TOKENS,
        "ignore_eos": true, "return_token_ids": true, "logprobs": 2,
    });
    let fields = more.as_object().unwrap().clone();
    body.as_object_mut().unwrap().extend(fields);
    let answer = client().post(server.endpoint("/v1/completions")).json(&body).send().await;
    let answer = answer.unwrap();
    (answer.status().as_u16(), answer.text().await.unwrap())
}

/// Of a whole answer that must be one: what does not differ from run to run.
fn choice((status, text): (u16, String)) -> Value {
    assert_eq!(status, 200, "{text}");
    let mut answer: Value = serde_json::from_str(&text).unwrap();
    answer["choices"][0].take()
}

/// Healthy requests, greedy and drawn.
fn healthy() -> [(Vec<u32>, Value); 3] {
    [
        ((3..30).collect(), json!({})),
        (vec![40, 7, 99, 12], json!({"temperature": 0.9, "seed": 5, "top_p": 0.9})),
        (vec![200, 201], json!({"repetition_penalty": 1.2, "presence_penalty": 0.5})),
    ]
}

/// Requests that fail, each on another way through the sampler, and at which output token: at the
/// end of the prompt, or after a bias has put the token out, in a decode step.
fn broken() -> Vec<(Vec<u32>, Value, u32)> {
    let bias = json!({TOKEN.to_string(): 100});
    vec![
        (vec![9, 8, TOKEN], json!({}), 1),
        (vec![9, TOKEN, 7, 6], json!({"logprobs": null}), 1),
        (vec![TOKEN], json!({"temperature": 1, "seed": 3, "top_k": 5}), 1),
        (vec![5, TOKEN], json!({"repetition_penalty": 1.3, "temperature": 0.5, "seed": 1}), 1),
        (vec![5, 4], json!({"logit_bias": bias}), 2),
        (vec![50, 40], json!({"logit_bias": bias, "temperature": 1, "seed": 8}), 2),
    ]
}

/// All at once, and each healthy one alone before; then that the server is as it was.
async fn broken_requests_fail_alone(server: &ServerProcess) {
    let healthy = healthy();
    let mut alone = Vec::new();
    for (prompt, more) in &healthy {
        alone.push(choice(complete(server, prompt, more).await));
    }
    let broken = broken();
    let fine = healthy.iter().map(|(prompt, more)| complete(server, prompt, more));
    let failing = broken.iter().map(|(prompt, more, _)| complete(server, prompt, more));
    let (fine, failed) =
        tokio::join!(futures_util::future::join_all(fine), futures_util::future::join_all(failing));
    let together: Vec<Value> = fine.into_iter().map(choice).collect();
    assert_eq!(together, alone, "a broken request moves another's answer");
    for ((status, text), (prompt, more, at)) in failed.iter().zip(&broken) {
        assert_eq!(*status, 500, "{prompt:?} {more}: {text}");
        let error: Value = serde_json::from_str(text).unwrap();
        assert_eq!(error["error"]["code"], "logits_not_finite", "{text}");
        let message = error["error"]["message"].as_str().unwrap();
        assert!(
            message.contains(&format!("at output token {at}:")),
            "{prompt:?} {more}: {message}"
        );
        assert!(message.contains("--dtype bfloat16"), "{message}");
    }

    // A stream shows what came before, and ends with the error.
    let more = json!({"logit_bias": {TOKEN.to_string(): 100}, "stream": true});
    let (status, text) = complete(server, &[5, 4], &more).await;
    assert_eq!(status, 200, "{text}");
    let frames: Vec<&str> = text.split_terminator("\n\n").collect();
    let [first, error, done] = frames[..] else { panic!("three frames: {text}") };
    assert!(first.contains(&format!("\"token_ids\":[{TOKEN}]")), "{text}");
    assert!(error.contains("\"code\":\"logits_not_finite\""), "{text}");
    assert_eq!(done, "data: [DONE]");

    let (prompt, more) = &healthy[0];
    assert_eq!(choice(complete(server, prompt, more).await), alone[0], "afterwards");
    let page = get_text(server, "/metrics").await;
    let ended = |reason: &str| {
        let labels = format!("{{model_name=\"tiny\",engine=\"0\",finished_reason=\"{reason}\"}}");
        metric(&page, &format!("vllm:request_success_total{labels}"))
    };
    assert_eq!((ended("error"), ended("length")), (Some(7.0), Some(7.0)), "{page}");
    let alive = client().get(server.endpoint("/livez")).send().await.unwrap();
    assert_eq!(alive.status(), 200, "/livez stays green");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn on_the_cpu_a_broken_weight_fails_the_requests_that_meet_it() {
    let model = model(INFINITY);
    for args in [&[][..], &["--no-enable-prefix-caching", "--max-num-batched-tokens", "8"]] {
        broken_requests_fail_alone(&serve(&model, &[&["--device", "cpu"][..], args].concat()))
            .await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn on_the_emulated_gpu_float16_overflows_and_bfloat16_is_the_way_out() {
    let (model, library) = (model(BEYOND_F16), hip_library());
    let hip = ["--device", "hip", "--hip-library", library.as_str()];
    for mode in ["--enforce-eager=false", "--enforce-eager"] {
        let args = [&hip[..], &["--dtype", "float16", mode]].concat();
        broken_requests_fail_alone(&serve(&model, &args)).await;
    }
    let server = serve(&model, &[&hip[..], &["--dtype", "bfloat16"]].concat());
    for (prompt, more, _) in broken() {
        choice(complete(&server, &prompt, &more).await);
    }
}
