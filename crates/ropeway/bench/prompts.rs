//! Random prompts of a given length, the same for the same seed.

use anyhow::{Context, ensure};

use super::random::Random;
use super::{Endpoint, WorkloadOptions};
use crate::client::Client;

/// Prompts that are measured, and those that are not, share no text.
pub(super) const MEASURED_STREAM: u64 = 1;
/// See [`MEASURED_STREAM`].
pub(super) const WARMUP_STREAM: u64 = 2;
const SHARED_PREFIX_STREAM: u64 = 3;

/// Words that every tokenizer knows. The ids of these, as the server's own tokenizer gives them,
/// are what random prompts are made of: real ids of that model, and no special ones.
const WORDS: &str = "time year people way day man thing woman life child world school state \
    family student group country problem hand part place case week company system program \
    question work number night point home water room mother area money story fact month lot \
    right study book eye job word business issue side kind head house service friend father \
    power hour game line end member law car city community name president team minute idea";

/// One prompt.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Prompt {
    /// Token ids, for completions.
    Tokens(Vec<u32>),
    /// Text, for chat.
    Text(String),
}

/// Makes prompts.
pub(super) struct PromptSource {
    seed: u64,
    input_len: usize,
    shared_prefix_len: usize,
    alphabet: Alphabet,
}

/// What prompts are made of.
enum Alphabet {
    Tokens(Vec<u32>),
    Words(Vec<&'static str>),
}

impl PromptSource {
    /// Prepares for `workload`; asks the server for token ids if it needs them.
    pub(super) async fn new(
        client: &Client,
        model: &str,
        workload: &WorkloadOptions,
    ) -> anyhow::Result<Self> {
        ensure!(
            workload.shared_prefix_len <= workload.input_len,
            "--shared-prefix-len is {}, above --input-len {}",
            workload.shared_prefix_len,
            workload.input_len
        );
        let alphabet = match workload.endpoint {
            Endpoint::Completions => Alphabet::Tokens(word_tokens(client, model).await.context(
                "cannot get token ids from the server's /tokenize (--endpoint chat needs none)",
            )?),
            Endpoint::Chat => Alphabet::Words(WORDS.split_whitespace().collect()),
        };
        Ok(Self {
            seed: workload.seed,
            input_len: workload.input_len as usize,
            shared_prefix_len: workload.shared_prefix_len as usize,
            alphabet,
        })
    }

    /// Prompt `prompt_idx` of the purpose `stream`.
    pub(super) fn prompt(&self, stream: u64, prompt_idx: u64) -> Prompt {
        let mut shared = Random::new(self.seed, SHARED_PREFIX_STREAM, 0);
        let mut own = Random::new(self.seed, stream, prompt_idx);
        let mut pick = |len: usize, place_idx: usize| {
            if place_idx < self.shared_prefix_len { shared.below(len) } else { own.below(len) }
        };
        let places = 0..self.input_len;
        match &self.alphabet {
            Alphabet::Tokens(ids) => {
                Prompt::Tokens(places.map(|place_idx| ids[pick(ids.len(), place_idx)]).collect())
            }
            Alphabet::Words(words) => {
                let picked: Vec<&str> =
                    places.map(|place_idx| words[pick(words.len(), place_idx)]).collect();
                Prompt::Text(picked.join(" "))
            }
        }
    }
}

/// The distinct ids of [`WORDS`].
async fn word_tokens(client: &Client, model: &str) -> anyhow::Result<Vec<u32>> {
    let mut ids = client.tokenize(model, WORDS).await?;
    ids.sort_unstable();
    ids.dedup();
    ensure!(!ids.is_empty(), "the server's tokenizer gave no tokens");
    Ok(ids)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn source(input_len: usize, shared_prefix_len: usize) -> PromptSource {
        let alphabet = Alphabet::Tokens((100..200).collect());
        PromptSource { seed: 5, input_len, shared_prefix_len, alphabet }
    }

    fn tokens(source: &PromptSource, stream: u64, idx: u64) -> Vec<u32> {
        match source.prompt(stream, idx) {
            Prompt::Tokens(ids) => ids,
            Prompt::Text(text) => panic!("{text}"),
        }
    }

    #[test]
    fn prompts_repeat_and_differ() {
        let source = source(64, 0);
        let first = tokens(&source, MEASURED_STREAM, 0);
        assert_eq!(first.len(), 64);
        assert!(first.iter().all(|id| (100..200).contains(id)));
        assert_eq!(first, tokens(&source, MEASURED_STREAM, 0));
        assert_ne!(first, tokens(&source, MEASURED_STREAM, 1));
        assert_ne!(first, tokens(&source, WARMUP_STREAM, 0));
    }

    #[test]
    fn the_shared_prefix_is_shared_and_no_more() {
        let source = source(64, 48);
        let (a, b) = (tokens(&source, MEASURED_STREAM, 0), tokens(&source, WARMUP_STREAM, 9));
        assert_eq!(a[..48], b[..48]);
        assert_ne!(a[48..], b[48..]);
    }

    #[test]
    fn words_are_counted_too() {
        let alphabet = Alphabet::Words(WORDS.split_whitespace().collect());
        let source = PromptSource { seed: 0, input_len: 7, shared_prefix_len: 0, alphabet };
        match source.prompt(MEASURED_STREAM, 0) {
            Prompt::Text(text) => assert_eq!(text.split(' ').count(), 7),
            other => panic!("{other:?}"),
        }
    }
}
