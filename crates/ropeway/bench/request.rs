//! One measured request.

use std::time::Instant;

use serde_json::{Value, json};

use super::prompts::Prompt;
use super::{Endpoint, WorkloadOptions};
use crate::client::{Client, ClientError};

/// What one answered request took, in seconds.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Measurement {
    /// From sending to the first text.
    pub(super) ttft: f64,
    /// Between one piece of text and the next.
    pub(super) inter_token: Vec<f64>,
    /// From sending to the end.
    pub(super) end_to_end: f64,
    /// Prompt tokens, as the server counts them.
    pub(super) num_input_tokens: u64,
    /// Output tokens, as the server counts them.
    pub(super) num_output_tokens: u64,
}

impl Measurement {
    /// Time per output token after the first; `None` for a single token.
    pub(super) fn time_per_output_token(&self) -> Option<f64> {
        let num_more = self.num_output_tokens.checked_sub(1).filter(|&num| num > 0)?;
        Some((self.end_to_end - self.ttft) / num_more as f64)
    }
}

/// Sends requests of one kind.
#[derive(Clone, Debug)]
pub(super) struct RequestKind {
    client: Client,
    model: String,
    endpoint: Endpoint,
    output_len: u32,
    temperature: f64,
}

impl RequestKind {
    /// Requests as `workload` wants them.
    pub(super) fn new(client: Client, model: String, workload: &WorkloadOptions) -> Self {
        Self {
            client,
            model,
            endpoint: workload.endpoint,
            output_len: workload.output_len,
            temperature: workload.temperature,
        }
    }

    /// Sends one request and measures its answer.
    pub(super) async fn send(&self, prompt: Prompt) -> Result<Measurement, ClientError> {
        let (path, text_at) = match self.endpoint {
            Endpoint::Completions => ("/v1/completions", "/choices/0/text"),
            Endpoint::Chat => ("/v1/chat/completions", "/choices/0/delta/content"),
        };
        let body = self.body(prompt);
        let started = Instant::now();
        let mut events = self.client.stream(path, &body).await?;
        let (mut usage, mut arrivals) = (Value::Null, Vec::new());
        while let Some(mut event) = events.next().await? {
            let text = event.pointer(text_at).and_then(Value::as_str).unwrap_or_default();
            if !text.is_empty() {
                arrivals.push(started.elapsed().as_secs_f64());
            }
            if let Some(counts) = event.get_mut("usage").filter(|counts| counts.is_object()) {
                usage = counts.take();
            }
        }
        let end_to_end = started.elapsed().as_secs_f64();
        let count = |name: &str| usage.get(name).and_then(Value::as_u64);
        let missing = || ClientError::Protocol("the stream has no usage".to_owned());
        Ok(Measurement {
            // Tokens without text (half a character, say) can leave an answer without any.
            ttft: arrivals.first().copied().unwrap_or(end_to_end),
            inter_token: arrivals.windows(2).map(|pair| pair[1] - pair[0]).collect(),
            end_to_end,
            num_input_tokens: count("prompt_tokens").ok_or_else(missing)?,
            num_output_tokens: count("completion_tokens").ok_or_else(missing)?,
        })
    }

    fn body(&self, prompt: Prompt) -> Value {
        let mut body = json!({
            "model": self.model,
            "max_tokens": self.output_len,
            "temperature": self.temperature,
            "ignore_eos": true,
            "stream": true,
            "stream_options": { "include_usage": true },
        });
        match prompt {
            Prompt::Tokens(ids) => body["prompt"] = json!(ids),
            Prompt::Text(text) => body["messages"] = json!([{ "role": "user", "content": text }]),
        }
        body
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn time_per_output_token_leaves_the_first_out() {
        let mut measurement = Measurement {
            ttft: 1.0,
            inter_token: Vec::new(),
            end_to_end: 3.0,
            num_input_tokens: 8,
            num_output_tokens: 5,
        };
        assert_eq!(measurement.time_per_output_token(), Some(0.5));
        measurement.num_output_tokens = 1;
        assert_eq!(measurement.time_per_output_token(), None);
        measurement.num_output_tokens = 0;
        assert_eq!(measurement.time_per_output_token(), None);
    }
}
