//! Answers over HTTP with log-probabilities, and the gate that holds them against a reference.
//!
//! The reference is the CPU backend with bf16 activations and the same weights, in this process. It
//! is forced along the tokens that were answered, so every step counts, also those after a step at
//! which two tokens are as likely as each other and the texts may part.
#![allow(dead_code, reason = "each test binary uses its own part")]

use std::collections::BTreeMap;
use std::path::Path;

use backend::KvDType;
use cpu::{Activations, CpuDevice};
use model::ModelExecutor;
use serde_json::{Value, json};
use types::{StepInput, TokenId};

use crate::local_model::{Sizes, executor, push_sequence};
use crate::server_process::{PATIENCE, ServerProcess};

/// Alternatives that are asked for with each token.
const TOP_LOGPROBS: usize = 5;

/// What a server answered.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Answer {
    pub(crate) prompt: Vec<TokenId>,
    pub(crate) tokens: Vec<TokenId>,
    /// Per token, the best tokens and the chosen one with their log-probabilities.
    pub(crate) logprobs: Vec<BTreeMap<TokenId, f64>>,
}

pub(crate) fn client() -> reqwest::Client {
    let _ = rustls::crypto::ring::default_provider().install_default();
    reqwest::Client::builder().timeout(PATIENCE).build().expect("a client")
}

/// Posts `body` and returns the answer's JSON.
pub(crate) async fn post(server: &ServerProcess, path: &str, body: &Value) -> Value {
    let response = client().post(server.endpoint(path)).json(body).send().await;
    let response = response.expect("the server answers");
    let status = response.status();
    let text = response.text().await.expect("a body");
    assert_eq!(status, 200, "{text}");
    serde_json::from_str(&text).expect("JSON")
}

/// What every request has, with `more` on top.
fn request(fields: Value, max_tokens: usize, more: &Value) -> Value {
    let mut body = json!({
        "temperature": 0, "max_tokens": max_tokens, "ignore_eos": true, "return_token_ids": true,
        "return_tokens_as_token_ids": true,
    });
    let target = body.as_object_mut().expect("an object");
    for part in [&fields, more] {
        target.extend(part.as_object().expect("an object").clone());
    }
    body
}

fn ids(value: &Value) -> Vec<TokenId> {
    serde_json::from_value(value.clone()).unwrap_or_else(|_| panic!("token ids: {value}"))
}

fn named_id(name: &str) -> TokenId {
    let id = name.strip_prefix("token_id:").expect("tokens are named by ids");
    id.parse().expect("a number")
}

/// A text completion of token ids.
pub(crate) async fn complete(
    server: &ServerProcess,
    prompt: &[TokenId],
    max_tokens: usize,
    more: &Value,
) -> Answer {
    let mut answers = complete_all(server, &[prompt], max_tokens, more).await;
    answers.pop().expect("an answer a prompt")
}

/// Text completions of several prompts in one request: they enter the queue together, in order,
/// however slow the machine is.
pub(crate) async fn complete_all(
    server: &ServerProcess,
    prompts: &[&[TokenId]],
    max_tokens: usize,
    more: &Value,
) -> Vec<Answer> {
    let fields = json!({"model": "tiny", "prompt": prompts, "logprobs": TOP_LOGPROBS});
    let body = post(server, "/v1/completions", &request(fields, max_tokens, more)).await;
    let choices = body["choices"].as_array().expect("choices");
    assert_eq!(choices.len(), prompts.len(), "a choice a prompt");
    prompts.iter().zip(choices).map(|(prompt, choice)| completed(prompt, choice)).collect()
}

fn completed(prompt: &[TokenId], choice: &Value) -> Answer {
    let top = choice["logprobs"]["top_logprobs"].as_array().expect("alternatives");
    let logprobs = top.iter().map(|top| {
        let top = top.as_object().expect("an object");
        top.iter().map(|(name, value)| (named_id(name), value.as_f64().expect("a number")))
    });
    Answer {
        prompt: prompt.to_vec(),
        tokens: ids(&choice["token_ids"]),
        logprobs: logprobs.map(Iterator::collect).collect(),
    }
}

/// An answer to one message of a user, through the model's chat template.
pub(crate) async fn chat(
    server: &ServerProcess,
    message: &str,
    max_tokens: usize,
    more: &Value,
) -> Answer {
    let fields = json!({
        "model": "tiny", "messages": [{"role": "user", "content": message}],
        "logprobs": true, "top_logprobs": TOP_LOGPROBS,
    });
    let body = post(server, "/v1/chat/completions", &request(fields, max_tokens, more)).await;
    let choice = &body["choices"][0];
    let content = choice["logprobs"]["content"].as_array().expect("log-probabilities");
    let entry = |value: &Value| {
        let name = value["token"].as_str().expect("a name");
        (named_id(name), value["logprob"].as_f64().expect("a number"))
    };
    let logprobs = content.iter().map(|token| {
        let top = token["top_logprobs"].as_array().expect("alternatives");
        top.iter().chain([token]).map(entry).collect()
    });
    Answer {
        prompt: ids(&body["prompt_token_ids"]),
        tokens: ids(&choice["token_ids"]),
        logprobs: logprobs.collect(),
    }
}

/// The CPU backend as a GPU would compute: bf16 between operations, in the KV cache and in weights.
pub(crate) struct Reference {
    executor: ModelExecutor<CpuDevice>,
}

impl Reference {
    pub(crate) fn open(model: &Path) -> Self {
        Self::with(model, Activations::Bf16)
    }

    /// A reference with other activations, to show what the gate can see.
    pub(crate) fn with(model: &Path, activations: Activations) -> Self {
        Self::of(model, activations, KvDType::BF16)
    }

    /// Nothing is rounded between operations, nor in the KV cache.
    #[allow(dead_code, reason = "not every test that includes this file compares f16")]
    pub(crate) fn in_single(model: &Path) -> Self {
        Self::of(model, Activations::F32, KvDType::F32)
    }

    fn of(model: &Path, activations: Activations, kv_dtype: KvDType) -> Self {
        let sizes = Sizes {
            max_num_seqs: 64,
            num_blocks: 40,
            max_num_batched_tokens: 640,
            max_model_len: 640,
            kv_dtype,
            activations,
            ..Sizes::default()
        };
        Self { executor: executor(model, sizes) }
    }

    /// Log-probabilities of the whole vocabulary at each answered token.
    fn logprobs(&mut self, answer: &Answer) -> Vec<Vec<f64>> {
        let (last, forced) = (answer.prompt.len() - 1, answer.tokens.len() - 1);
        let tokens = [&answer.prompt[..], &answer.tokens[..forced]].concat();
        let blocks: Vec<u32> = (0..tokens.len().div_ceil(16) as u32).collect();
        let mut step = StepInput::default();
        push_sequence(&mut step, &tokens, 0..tokens.len(), &blocks, 16);
        step.logits_indices.drain(..last);
        let rows = self.executor.logits(&step).expect("the step runs");
        rows.iter().map(|row| log_softmax(row)).collect()
    }
}

fn log_softmax(logits: &[f32]) -> Vec<f64> {
    let max = f64::from(logits.iter().copied().fold(f32::NEG_INFINITY, f32::max));
    let sum: f64 = logits.iter().map(|logit| (f64::from(*logit) - max).exp()).sum();
    logits.iter().map(|logit| f64::from(*logit) - max - sum.ln()).collect()
}

/// What answers may differ by from the reference's. Units: nats.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Bounds {
    /// Of a chosen token: the reference's best log-probability less that token's.
    pub(crate) regret: f64,
    /// Mean of differences of log-probabilities, without sign.
    pub(crate) mean: f64,
    /// Their 99th percentile.
    pub(crate) p99: f64,
    /// Tokens that may be another than the reference's best, of all.
    pub(crate) others: usize,
}

/// For what is only printed.
pub(crate) const UNBOUNDED: Bounds =
    Bounds { regret: f64::MAX, mean: f64::MAX, p99: f64::MAX, others: usize::MAX };

/// Differences of greedy answers, collected.
#[derive(Debug, Default)]
pub(crate) struct Gate {
    regrets: Vec<f64>,
    differences: Vec<f64>,
    num_equal: usize,
}

impl Gate {
    pub(crate) fn add(&mut self, reference: &mut Reference, answer: &Answer) {
        assert_eq!(answer.tokens.len(), answer.logprobs.len(), "one set a token");
        let rows = reference.logprobs(answer);
        for ((token, found), row) in answer.tokens.iter().zip(&answer.logprobs).zip(&rows) {
            let (best, most) = row.iter().enumerate().fold((0, f64::NEG_INFINITY), |best, next| {
                if *next.1 > best.1 { (next.0, *next.1) } else { best }
            });
            self.num_equal += usize::from(best == *token as usize);
            self.regrets.push(most - row[*token as usize]);
            let differences = found.iter().map(|(id, value)| (value - row[*id as usize]).abs());
            self.differences.extend(differences);
        }
    }

    pub(crate) fn all(reference: &mut Reference, answers: &[Answer]) -> Self {
        let mut gate = Self::default();
        answers.iter().for_each(|answer| gate.add(reference, answer));
        gate
    }

    /// Prints what was found and holds it to the bounds; gives the mean.
    pub(crate) fn check(mut self, what: &str, bounds: &Bounds) -> f64 {
        let (steps, count) = (self.regrets.len(), self.differences.len());
        assert!(steps > 0 && count >= steps, "{what}: nothing to compare");
        self.differences.sort_by(f64::total_cmp);
        let regret = self.regrets.iter().copied().fold(0.0, f64::max);
        let mean = self.differences.iter().sum::<f64>() / count as f64;
        let (p99, max) = (self.differences[count * 99 / 100], self.differences[count - 1]);
        println!(
            "{what}: {} of {steps} tokens equal, regret {regret:.5}; {count} log-probabilities: \
             mean {mean:.6}, p99 {p99:.5}, max {max:.5}",
            self.num_equal
        );
        assert!(regret <= bounds.regret, "{what}: regret {regret} > {}", bounds.regret);
        assert!(mean <= bounds.mean, "{what}: mean {mean} > {}", bounds.mean);
        assert!(p99 <= bounds.p99, "{what}: p99 {p99} > {}", bounds.p99);
        let others = steps - self.num_equal;
        assert!(others <= bounds.others, "{what}: {others} tokens are not the reference's best");
        mean
    }
}
