//! Text to tokens and back, and chat templates, as the reference implementation does them.
//!
//! Asked over HTTP, so that the vocabulary goes the binary's own way from the model's files, and
//! so that every model's file format is opened by the real program.
#![forbid(unsafe_code)]

mod server_process;

use std::path::Path;

use serde_json::{Value, json};
use server_process::{PATIENCE, ServerProcess, golden, real_model};

/// Names of tiny models in `tests/goldens`: the model, and what the reference says of it.
const TINY_MODELS: [(&str, &str); 11] = [
    ("llama", "llama/golden.json"),
    ("llama3-rope", "llama3-rope/golden.json"),
    ("mistral", "mistral/golden.json"),
    ("qwen2", "qwen2/golden.json"),
    ("qwen3", "qwen3/golden.json"),
    ("gguf/llama3-f16.gguf", "gguf/llama3-f16.golden.json"),
    ("gguf/llama-spm-bf16.gguf", "gguf/llama-spm-bf16.golden.json"),
    ("gguf/llama-legacy-quants.gguf", "gguf/llama-legacy-quants.golden.json"),
    ("gguf/llama-k-quants.gguf", "gguf/llama-k-quants.golden.json"),
    ("gguf/qwen2-q8_0.gguf", "gguf/qwen2-q8_0.golden.json"),
    ("gguf/qwen3-f16.gguf", "gguf/qwen3-f16.golden.json"),
];

/// A running server and the differences found so far: one run shows all of them.
struct Comparison {
    server: ServerProcess,
    client: reqwest::Client,
    model: String,
    differences: Vec<String>,
}

impl Comparison {
    fn new(model: &Path) -> Self {
        // The client is built with a TLS stack that wants a provider even for plain HTTP.
        let _already_installed = rustls::crypto::ring::default_provider().install_default();
        Self {
            server: ServerProcess::ready(model, &["--kv-cache-memory", "16MiB"]),
            client: reqwest::Client::builder().timeout(PATIENCE).build().expect("a client"),
            model: model.display().to_string(),
            differences: Vec::new(),
        }
    }

    async fn ask(&self, path: &str, body: Value) -> Value {
        let response = self.client.post(self.server.endpoint(path)).json(&body).send().await;
        response.expect("the server answers").json().await.expect("a JSON body")
    }

    /// Notes a difference between `answer[field]` and `want`.
    fn expect(&mut self, what: &str, answer: &Value, field: &str, want: &Value) {
        if answer.pointer(field) != Some(want) {
            let model = &self.model;
            self.differences.push(format!("{model}: {what}\n  want {want}\n  got  {answer}"));
        }
    }

    async fn encodes(&mut self, text: &Value, add_special_tokens: bool, ids: &Value) {
        let body = json!({"prompt": text, "add_special_tokens": add_special_tokens});
        let answer = self.ask("/tokenize", body).await;
        let what = format!("tokens of {text}, add_special_tokens {add_special_tokens}");
        self.expect(&what, &answer, "/tokens", ids);
    }

    async fn decodes(&mut self, ids: &Value, text: &Value) {
        let answer = self.ask("/detokenize", json!({"tokens": ids})).await;
        self.expect(&format!("text of {ids}"), &answer, "/prompt", text);
    }

    /// Decodes without special tokens, by letting a completion repeat its prompt and add nothing.
    async fn decodes_without_special(&mut self, ids: &Value, text: &Value) {
        if ids.as_array().is_some_and(Vec::is_empty) {
            return;
        }
        let body = json!({"prompt": ids, "echo": true, "max_tokens": 0});
        let answer = self.ask("/v1/completions", body).await;
        self.expect(&format!("text of {ids} less special"), &answer, "/choices/0/text", text);
    }

    async fn sample(&mut self, sample: &Value) {
        let (text, ids) = (&sample["text"], &sample["ids"]);
        self.encodes(text, false, ids).await;
        self.decodes(ids, &sample["decoded"]).await;
        self.decodes_without_special(ids, &sample["decoded_skip_special"]).await;
    }

    /// A conversation gives the reference's tokens. They are of the whole rendered text, so they
    /// hold the template to account too.
    async fn chat(&mut self, chat: &Value) {
        let body = json!({
            "messages": chat["messages"],
            "add_generation_prompt": chat["add_generation_prompt"],
        });
        let answer = self.ask("/tokenize", body).await;
        self.expect("tokens of the conversation", &answer, "/tokens", &chat["ids"]);
    }

    fn finish(self) -> Vec<String> {
        self.differences
    }
}

fn read_json(name: &str) -> Value {
    let text = std::fs::read_to_string(golden(name)).expect("a golden is committed");
    serde_json::from_str(&text).expect("a golden is JSON")
}

fn samples<'a>(reference: &'a Value, field: &str) -> &'a [Value] {
    let samples = reference[field].as_array().expect("a list of samples");
    assert!(samples.len() > 10, "only {} samples", samples.len());
    samples
}

#[tokio::test]
async fn tiny_models_read_and_write_like_the_reference() {
    let mut differences = Vec::new();
    for (model, reference) in TINY_MODELS {
        let reference = read_json(reference);
        let mut comparison = Comparison::new(&golden(model));
        for sample in samples(&reference, "tokenizer") {
            comparison.sample(sample).await;
            comparison.encodes(&sample["text"], true, &sample["ids_with_special"]).await;
        }
        comparison.chat(&reference["chat"]).await;
        differences.extend(comparison.finish());
    }
    assert!(differences.is_empty(), "{}", differences.join("\n"));
}

#[tokio::test]
async fn smollm2_reads_and_writes_like_the_reference() {
    let reference = read_json("smollm2_tokenizer.json");
    let mut comparison = Comparison::new(&real_model());
    for sample in samples(&reference, "samples") {
        comparison.sample(sample).await;
    }
    let differences = comparison.finish();
    assert!(differences.is_empty(), "{}", differences.join("\n"));
}
