//! A server around a scripted executor: it "generates" a fixed text, byte by byte.

use std::collections::HashMap;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use axum::Router;
use axum::body::{Body, Bytes};
use axum::http::{HeaderMap, Request, StatusCode};
use engine::{EngineConfig, EngineHandle, ExecError, Executor, ExecutorLimits, Policy};
use serde_json::Value;
use server::{Lifecycle, MetricsLabels, SamplingDefaults, ServedModel, Server, ServerConfig};
use tokenizer::{ChatTemplate, GgufVocab, Tokenizer};
use tower::ServiceExt;
use types::{Sampled, StepInput, TokenLogprobs};

/// Ends an answer.
pub(crate) const EOS: u32 = 256;
pub(crate) const VOCAB_SIZE: usize = 259;
/// A special token of the tokenizer for which the model has no row.
pub(crate) const BEYOND: &str = "<|beyond|>";
pub(crate) const MODEL: &str = "tiny";
/// Nothing in these tests should take this long.
pub(crate) const WAIT: Duration = Duration::from_secs(20);

const TEMPLATE: &str = "{% for m in messages %}<|im_start|>{{ m.role }}\n{{ m.content }}<|im_end|>\n\
                        {% endfor %}{% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}";

/// What happens to the n-th step before it runs.
pub(crate) type Gate = Box<dyn FnMut(usize) -> Result<(), ExecError> + Send>;

/// What a test server is made of.
pub(crate) struct Setup {
    pub(crate) config: ServerConfig,
    /// The answer, as tokens; goes round when it is used up.
    pub(crate) script: Vec<u32>,
    pub(crate) gate: Gate,
    pub(crate) max_num_queued_reqs: usize,
    pub(crate) max_num_seqs: usize,
    pub(crate) num_blocks: usize,
}

impl Setup {
    /// Answers with `text` and the end-of-sequence token.
    pub(crate) fn answering(text: &str) -> Self {
        let script = text.bytes().map(u32::from).chain([EOS]).collect();
        Self {
            config: ServerConfig { port: 0, ..ServerConfig::default() },
            script,
            gate: Box::new(|_| Ok(())),
            max_num_queued_reqs: 256,
            max_num_seqs: 64,
            num_blocks: 4096,
        }
    }

    /// Starts a server that is still loading.
    pub(crate) fn loading(self) -> (TestServer, impl FnOnce() -> ServedModel) {
        let server = Server::bind(self.config).unwrap();
        let lifecycle = server.lifecycle();
        let test = TestServer {
            router: server.router(),
            lifecycle: lifecycle.clone(),
            server,
            engine: None,
            seeds: Arc::default(),
        };
        let executor = Scripted {
            script: self.script,
            gate: self.gate,
            max_num_seqs: self.max_num_seqs,
            num_blocks: self.num_blocks,
            num_steps: 0,
            logprobs: HashMap::new(),
            sampled: Vec::new(),
            seeds: test.seeds.clone(),
        };
        let max_num_queued_reqs = self.max_num_queued_reqs;
        let load = move || {
            let labels = MetricsLabels { model_name: MODEL.into(), max_model_len: MAX_MODEL_LEN };
            let config = EngineConfig {
                max_num_queued_reqs,
                enable_prefix_caching: true,
                long_prefill_token_threshold: 0,
                policy: Policy::Fcfs,
                max_preemptions: 4,
            };
            let observer = lifecycle.observer(&labels);
            let engine = engine::start(Box::new(executor), config, observer).unwrap();
            served_model(engine)
        };
        (test, load)
    }

    /// Starts a server that is ready.
    pub(crate) fn start(self) -> TestServer {
        let (mut test, load) = self.loading();
        let model = load();
        test.engine = Some(model.engine.clone());
        test.lifecycle.set_ready(model);
        test
    }
}

pub(crate) const MAX_MODEL_LEN: usize = 512;

fn served_model(engine: EngineHandle) -> ServedModel {
    let tokenizer = Arc::new(tokenizer());
    ServedModel {
        names: vec![MODEL.into(), "org/tiny-alias".into()],
        chat_template: Some(ChatTemplate::new(TEMPLATE, "", "<|endoftext|>").unwrap()),
        tokenizer,
        engine,
        defaults: SamplingDefaults::default(),
        eos_token_ids: vec![EOS],
        cache_labels: vec![("cache_dtype".into(), "f32".into())],
    }
}

/// 256 byte tokens (id = byte), three special ones, and [`BEYOND`].
pub(crate) fn tokenizer() -> Tokenizer {
    // GPT-2's printable stand-ins for bytes.
    let is_printable = |byte: u8| matches!(byte, 33..=126 | 161..=172 | 174..=255);
    let mut next_stand_in = 256;
    let mut tokens: Vec<String> = (0..=255u8)
        .map(|byte| {
            let code = if is_printable(byte) {
                u32::from(byte)
            } else {
                next_stand_in += 1;
                next_stand_in - 1
            };
            char::from_u32(code).unwrap().to_string()
        })
        .collect();
    tokens.extend(["<|endoftext|>", "<|im_start|>", "<|im_end|>", BEYOND].map(String::from));
    let mut token_types = vec![1; 256];
    token_types.extend([3; 4]);
    Tokenizer::from_gguf(GgufVocab {
        model: "gpt2".into(),
        pre: None,
        tokens,
        scores: Vec::new(),
        token_types,
        merges: Vec::new(),
        bos_token_id: None,
        eos_token_id: Some(EOS),
        eot_token_id: Some(258),
        unknown_token_id: None,
        padding_token_id: None,
        add_bos_token: None,
        add_eos_token: None,
        add_space_prefix: None,
        chat_template: None,
    })
    .unwrap()
}

/// Samples the script's token at each row's output position.
struct Scripted {
    script: Vec<u32>,
    gate: Gate,
    max_num_seqs: usize,
    num_blocks: usize,
    num_steps: usize,
    logprobs: HashMap<u32, u32>,
    sampled: Vec<Sampled>,
    seeds: Arc<Mutex<Vec<u64>>>,
}

impl Executor for Scripted {
    fn limits(&self) -> ExecutorLimits {
        ExecutorLimits {
            max_num_seqs: self.max_num_seqs,
            max_num_batched_tokens: 2048,
            max_model_len: MAX_MODEL_LEN,
            block_size: 16,
            num_blocks: self.num_blocks,
            vocab_size: VOCAB_SIZE,
            max_in_flight: 1,
        }
    }

    fn launch(&mut self, input: &StepInput) -> Result<(), ExecError> {
        self.num_steps += 1;
        (self.gate)(self.num_steps - 1)?;
        for admitted in &input.admitted {
            self.seeds.lock().unwrap().push(admitted.params.seed);
            match admitted.params.logprobs {
                Some(num_top) => self.logprobs.insert(admitted.slot.0, num_top),
                None => self.logprobs.remove(&admitted.slot.0),
            };
        }
        self.sampled = input
            .sample
            .iter()
            .map(|row| {
                let token = self.script[row.num_output as usize % self.script.len()];
                let logprobs = self.logprobs.get(&row.slot.0).map(|num_top| {
                    let top = (0..*num_top).map(|i| (b'a' as u32 + i, -0.5 - i as f32)).collect();
                    Box::new(TokenLogprobs { logprob: -0.25, rank: 1, top })
                });
                Sampled { token, logprobs }
            })
            .collect();
        Ok(())
    }

    fn collect(&mut self, sampled: &mut Vec<Sampled>) -> Result<(), ExecError> {
        sampled.append(&mut self.sampled);
        Ok(())
    }
}

/// A gate that waits for one word per step; dropping the sender opens it for good.
pub(crate) fn held_gate() -> (Gate, Sender<()>) {
    let (go, gate): (Sender<()>, Receiver<()>) = channel();
    let wait = move |_| {
        let _ = gate.recv();
        Ok(())
    };
    (Box::new(wait), go)
}

pub(crate) struct TestServer {
    pub(crate) router: Router,
    pub(crate) lifecycle: Lifecycle,
    pub(crate) server: Server,
    pub(crate) engine: Option<EngineHandle>,
    /// Of every sequence admitted, in order.
    pub(crate) seeds: Arc<Mutex<Vec<u64>>>,
}

/// A whole response.
pub(crate) struct Answer {
    pub(crate) status: StatusCode,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Bytes,
}

impl Answer {
    pub(crate) fn text(&self) -> String {
        String::from_utf8(self.body.to_vec()).unwrap()
    }

    pub(crate) fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or_else(|_| panic!("not JSON: {}", self.text()))
    }

    pub(crate) fn error(&self, field: &str) -> Value {
        self.json()["error"][field].clone()
    }

    pub(crate) fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", |value| value.to_str().unwrap())
    }

    /// The JSON of all data frames before `[DONE]`.
    pub(crate) fn frames(&self) -> Vec<Value> {
        let text = self.text();
        let mut data: Vec<&str> = text
            .split("\n\n")
            .filter(|frame| !frame.is_empty())
            .map(|frame| frame.strip_prefix("data: ").unwrap_or_else(|| panic!("{frame:?}")))
            .collect();
        assert_eq!(data.pop(), Some("[DONE]"));
        data.into_iter().map(|frame| serde_json::from_str(frame).unwrap()).collect()
    }
}

impl TestServer {
    pub(crate) async fn send(&self, request: Request<Body>) -> Answer {
        let response = tokio::time::timeout(WAIT, self.router.clone().oneshot(request));
        let (parts, body) = response.await.expect("an answer in time").unwrap().into_parts();
        let body = tokio::time::timeout(WAIT, axum::body::to_bytes(body, usize::MAX));
        let body = body.await.expect("a body in time").unwrap();
        Answer { status: parts.status, headers: parts.headers, body }
    }

    pub(crate) async fn get(&self, path: &str) -> Answer {
        self.send(Request::get(path).body(Body::empty()).unwrap()).await
    }

    pub(crate) async fn post(&self, path: &str, body: &Value) -> Answer {
        self.send(post(path, body.to_string())).await
    }

    pub(crate) async fn chat(&self, fields: Value) -> Answer {
        self.post("/v1/chat/completions", &chat_body(fields)).await
    }

    pub(crate) async fn complete(&self, fields: Value) -> Answer {
        self.post("/v1/completions", &completion_body(fields)).await
    }

    pub(crate) fn engine(&self) -> &EngineHandle {
        self.engine.as_ref().expect("the server is ready")
    }

    /// Nothing runs, waits or holds blocks.
    pub(crate) async fn settles(&self) {
        eventually("the engine settles", || {
            let load = self.engine().load();
            load.num_open == 0
                && load.num_running == 0
                && load.num_waiting == 0
                && load.kv_usage == 0.0
        })
        .await;
    }
}

pub(crate) fn post(path: &str, body: impl Into<Body>) -> Request<Body> {
    Request::post(path)
        .header("content-type", "application/json")
        .header("x-request-id", "test-id")
        .body(body.into())
        .unwrap()
}

pub(crate) fn chat_body(fields: Value) -> Value {
    let mut body = serde_json::json!({"messages": [{"role": "user", "content": "Hi"}]});
    merge(&mut body, fields);
    body
}

pub(crate) fn completion_body(fields: Value) -> Value {
    let mut body = serde_json::json!({"prompt": "Hi"});
    merge(&mut body, fields);
    body
}

fn merge(body: &mut Value, fields: Value) {
    let Value::Object(fields) = fields else { panic!("fields are an object") };
    body.as_object_mut().unwrap().extend(fields);
}

pub(crate) async fn eventually(what: &str, mut holds: impl FnMut() -> bool) {
    let deadline = Instant::now() + WAIT;
    while !holds() {
        assert!(Instant::now() < deadline, "never happened: {what}");
        tokio::time::sleep(Duration::from_millis(2)).await;
    }
}

/// Text with the creation time replaced, for snapshots.
pub(crate) fn stable(text: &str) -> String {
    let mut out = String::new();
    let mut rest = text;
    while let Some(at) = rest.find("\"created\":") {
        let end = at + "\"created\":".len();
        out.push_str(&rest[..end]);
        out.push('0');
        rest = rest[end..].trim_start_matches(|c: char| c.is_ascii_digit());
    }
    out + rest
}
