//! One question, one streamed answer, and how fast it came.

use std::time::{Duration, Instant};

use serde_json::{Value, json};

use super::SamplingOptions;
use super::conversation::Conversation;
use crate::client::{Client, ClientError};

/// Asks one model on one server.
pub(super) struct Asker {
    client: Client,
    model: String,
    sampling: SamplingOptions,
}

/// How fast an answer came.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct AnswerStats {
    /// From sending to the first text.
    pub(super) ttft: Duration,
    /// From sending to the end.
    pub(super) total: Duration,
    /// Output tokens: the server's count, or the number of pieces if it gave none.
    pub(super) num_tokens: u64,
    /// The limit on tokens ended it.
    pub(super) cut_off: bool,
}

impl AnswerStats {
    /// Tokens per second after the first one; `None` for an answer too short to tell.
    pub(super) fn tokens_per_second(&self) -> Option<f64> {
        let seconds = self.total.saturating_sub(self.ttft).as_secs_f64();
        (self.num_tokens > 1 && seconds > 0.0).then(|| (self.num_tokens - 1) as f64 / seconds)
    }
}

impl Asker {
    /// Joins a client with what goes into every request.
    pub(super) fn new(client: Client, model: String, sampling: SamplingOptions) -> Self {
        Self { client, model, sampling }
    }

    /// The model asked.
    pub(super) fn model(&self) -> &str {
        &self.model
    }

    /// Address of the server.
    pub(super) fn url(&self) -> &str {
        self.client.url()
    }

    /// Streams the answer to `conversation`, handing each piece of text to `show`. Dropping the
    /// future closes the connection, which makes the server stop.
    pub(super) async fn ask(
        &self,
        conversation: &Conversation,
        mut show: impl FnMut(&str) -> std::io::Result<()>,
    ) -> anyhow::Result<AnswerStats> {
        let started = Instant::now();
        let mut events = self.stream(conversation).await?;
        let (mut ttft, mut num_pieces, mut num_counted, mut cut_off) = (None, 0, None, false);
        while let Some(event) = events.next().await? {
            if let Some(text) = event.pointer("/choices/0/delta/content").and_then(Value::as_str)
                && !text.is_empty()
            {
                ttft.get_or_insert_with(|| started.elapsed());
                num_pieces += 1;
                show(text)?;
            }
            let finish = event.pointer("/choices/0/finish_reason").and_then(Value::as_str);
            cut_off |= finish == Some("length");
            let counted = event.pointer("/usage/completion_tokens").and_then(Value::as_u64);
            num_counted = counted.or(num_counted);
        }
        let total = started.elapsed();
        let num_tokens = num_counted.unwrap_or(num_pieces);
        Ok(AnswerStats { ttft: ttft.unwrap_or(total), total, num_tokens, cut_off })
    }

    async fn stream(
        &self,
        conversation: &Conversation,
    ) -> Result<crate::client::EventStream, ClientError> {
        self.client.stream("/v1/chat/completions", &self.body(conversation)).await
    }

    fn body(&self, conversation: &Conversation) -> Value {
        let mut body = json!({
            "model": self.model,
            "messages": conversation.to_json(),
            "stream": true,
            "stream_options": { "include_usage": true },
        });
        let optional = [
            ("temperature", self.sampling.temperature.map(Value::from)),
            ("top_p", self.sampling.top_p.map(Value::from)),
            ("max_tokens", self.sampling.max_tokens.map(Value::from)),
            ("seed", self.sampling.seed.map(Value::from)),
        ];
        for (name, value) in optional {
            if let Some(value) = value {
                body[name] = value;
            }
        }
        body
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn speed_leaves_the_first_token_out() {
        let stats = |num_tokens| AnswerStats {
            ttft: Duration::from_millis(500),
            total: Duration::from_millis(2_500),
            num_tokens,
            cut_off: false,
        };
        assert_eq!(stats(101).tokens_per_second(), Some(50.0));
        assert_eq!(stats(1).tokens_per_second(), None);
        assert_eq!(stats(0).tokens_per_second(), None);
    }
}
