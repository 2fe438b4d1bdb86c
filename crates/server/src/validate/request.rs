//! The checked request, and how it becomes engine requests.

use std::sync::Arc;

use types::{CacheSalt, EngineRequest, SamplingParams, StopConditions, TokenId};
use uuid::Uuid;

use super::output::{self, Output};
use super::prompt::Truncation;
use super::sampling;
use super::stopping::{self, Stopping};
use super::{Context, check_len};
use crate::error::ApiError;
use crate::served_model::ServedModel;
use crate::wire::GenerationFields;

/// Output tokens of a text completion that does not say (OpenAI's default).
const DEFAULT_COMPLETION_TOKENS: u32 = 16;
/// Longest `cache_salt` and `request_id`, in characters.
const MAX_NAME_CHARS: usize = 128;

/// Where a request came in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Chat,
    Completion,
}

/// Everything a request says, apart from its prompt.
pub(crate) struct Generation {
    model: String,
    n: u32,
    sampling: SamplingParams,
    seed: Option<i64>,
    stopping: Stopping,
    output: Output,
    truncation: Truncation,
    add_special_tokens: bool,
    priority: i64,
    cache_salt: CacheSalt,
    request_id: Option<String>,
    /// Applies when the request leaves `max_tokens` out; the rest of the context limits it.
    default_max_tokens: Option<u32>,
}

impl Generation {
    pub(super) fn new(
        mut fields: GenerationFields,
        max_tokens: Option<(&'static str, u64)>,
        logprobs: Option<u32>,
        kind: Kind,
        context: &Context<'_>,
    ) -> Result<Self, ApiError> {
        let is_chat = kind == Kind::Chat;
        let model = resolve_model(fields.model.take(), context.model)?;
        let mut sampling = sampling::sampling(&fields, context)?;
        sampling.logprobs = logprobs;
        let n = num_choices(&fields, &sampling, context)?;
        let output = output::output(&fields, logprobs)?;
        if output.echo && logprobs.is_some() && !is_chat {
            let message = "'echo' together with 'logprobs' is not supported by this server";
            return Err(ApiError::invalid("logprobs", message));
        }
        let may_be_zero = output.echo && !is_chat;
        let stopping = stopping::stopping(&mut fields, max_tokens, may_be_zero, context)?;
        sampling.min_tokens = stopping.min_tokens;
        sampling.stop_token_ids = stopping
            .stop_token_ids
            .iter()
            .chain(&stopping.eos_token_ids)
            .copied()
            .filter(|token| (*token as usize) < context.limits().vocab_size)
            .collect();
        sampling.stop_token_ids.sort_unstable();
        sampling.stop_token_ids.dedup();
        let from_model = context.model.defaults.max_new_tokens;
        Ok(Self {
            model,
            n,
            sampling,
            seed: fields.seed.or(context.model.defaults.seed.map(|seed| seed as i64)),
            stopping,
            output,
            truncation: Truncation::new(&fields, context)?,
            // A chat template writes its own special tokens.
            add_special_tokens: fields.add_special_tokens.unwrap_or(!is_chat),
            priority: priority(&fields, context)?,
            cache_salt: cache_salt(&fields)?,
            request_id: request_id(&fields)?,
            default_max_tokens: if is_chat { from_model } else { Some(DEFAULT_COMPLETION_TOKENS) },
        })
    }

    pub(crate) fn truncation(&self) -> Truncation {
        self.truncation
    }

    pub(crate) fn add_special_tokens(&self) -> bool {
        self.add_special_tokens
    }

    /// Joins the request with its tokenised prompts.
    pub(crate) fn with_prompts(
        self,
        prompts: Vec<Vec<TokenId>>,
        param: &str,
        context: &Context<'_>,
    ) -> Result<ValidRequest, ApiError> {
        let max_model_len = context.limits().max_model_len;
        let num_sequences = prompts.len() * self.n as usize;
        let limit = context.config.limits.max_sequences;
        if num_sequences > limit {
            let message = format!(
                "'n' times the number of prompts is {num_sequences}; at most {limit} are allowed"
            );
            return Err(ApiError::invalid("n", message));
        }
        let mut valid = Vec::with_capacity(prompts.len());
        for tokens in prompts {
            let tokens = check_len(param, tokens, max_model_len)?;
            let max_tokens = self.max_tokens(tokens.len(), max_model_len)?;
            valid.push(ValidPrompt { tokens, max_tokens });
        }
        Ok(ValidRequest { prompts: valid, generation: self })
    }

    /// The output limit for a prompt of that length.
    fn max_tokens(&self, num_prompt: usize, max_model_len: usize) -> Result<u32, ApiError> {
        let room = (max_model_len - num_prompt) as u32;
        let min_tokens = self.stopping.min_tokens;
        let max_tokens = self.default_max_tokens.unwrap_or(room).min(room).max(1);
        match self.stopping.max_tokens {
            Some((name, sent)) if sent > room => Err(ApiError::context_length(
                name,
                format!(
                    "This model's maximum context length is {max_model_len} tokens, but the \
                     request asks for {num_prompt} in the prompt and {sent} in the answer."
                ),
            )),
            Some((_, sent)) => Ok(sent),
            None if min_tokens > max_tokens => {
                let message = format!(
                    "'min_tokens' is {min_tokens}, but this request's answer has at most \
                     {max_tokens} tokens"
                );
                Err(ApiError::invalid("min_tokens", message))
            }
            None => Ok(max_tokens),
        }
    }
}

struct ValidPrompt {
    tokens: Arc<[TokenId]>,
    max_tokens: u32,
}

/// A request that the engine can run as it is.
pub(crate) struct ValidRequest {
    prompts: Vec<ValidPrompt>,
    generation: Generation,
}

impl ValidRequest {
    /// One engine request per choice: all choices of the first prompt, then of the second, ...
    pub(crate) fn engine_requests(&self) -> Vec<EngineRequest> {
        let generation = &self.generation;
        let mut requests = Vec::with_capacity(self.num_choices());
        for prompt in &self.prompts {
            for choice in 0..generation.n {
                requests.push(EngineRequest {
                    prompt: prompt.tokens.clone(),
                    sampling: Arc::new(self.sampling(choice)),
                    stop: StopConditions {
                        max_tokens: prompt.max_tokens,
                        eos_token_ids: generation.stopping.eos_token_ids.clone(),
                        stop_token_ids: generation.stopping.stop_token_ids.clone(),
                    },
                    priority: generation.priority,
                    cache_salt: generation.cache_salt.clone(),
                });
            }
        }
        requests
    }

    /// With a seed the same request repeats the same choices: those of one prompt have seeds in a row,
    /// and each prompt has the ones it would have alone. Without, every choice of every prompt draws
    /// its own.
    fn sampling(&self, choice: u32) -> SamplingParams {
        let seed = match self.generation.seed {
            Some(seed) => (seed as u64).wrapping_add(u64::from(choice)),
            None => {
                let (high, low) = Uuid::new_v4().as_u64_pair();
                high ^ low.rotate_left(32)
            }
        };
        SamplingParams { seed, ..self.generation.sampling.clone() }
    }

    pub(crate) fn model(&self) -> &str {
        &self.generation.model
    }

    /// Choices per prompt.
    pub(crate) fn n(&self) -> u32 {
        self.generation.n
    }

    /// Choices of all prompts.
    pub(crate) fn num_choices(&self) -> usize {
        self.prompts.len() * self.generation.n as usize
    }

    /// Tokens of all prompts, each counted once.
    pub(crate) fn num_prompt_tokens(&self) -> u64 {
        self.prompts.iter().map(|prompt| prompt.tokens.len() as u64).sum()
    }

    /// The prompt of a choice.
    pub(crate) fn prompt_of(&self, choice_idx: usize) -> &[TokenId] {
        &self.prompts[choice_idx / self.generation.n as usize].tokens
    }

    /// The largest output limit among the prompts. 0 only for a request that wants its prompt
    /// echoed and nothing generated.
    pub(crate) fn max_tokens(&self) -> u32 {
        self.prompts.iter().map(|prompt| prompt.max_tokens).max().unwrap_or(0)
    }

    pub(crate) fn stopping(&self) -> &Stopping {
        &self.generation.stopping
    }

    pub(crate) fn output(&self) -> &Output {
        &self.generation.output
    }

    pub(crate) fn request_id(&self) -> Option<&str> {
        self.generation.request_id.as_deref()
    }
}

/// The name to answer with: one of the served ones.
pub(crate) fn resolve_model(sent: Option<String>, model: &ServedModel) -> Result<String, ApiError> {
    match sent {
        None => Ok(model.canonical_name().to_owned()),
        Some(name) if model.names.contains(&name) => Ok(name),
        Some(name) => Err(ApiError::model_not_found(&name)),
    }
}

fn num_choices(
    fields: &GenerationFields,
    sampling: &SamplingParams,
    context: &Context<'_>,
) -> Result<u32, ApiError> {
    let sent = fields.n.unwrap_or(1);
    let limit = context.config.limits.max_n;
    let n = u32::try_from(sent).ok().filter(|n| (1..=limit).contains(n)).ok_or_else(|| {
        ApiError::invalid("n", format!("'n' must be between 1 and {limit}, got {sent}"))
    })?;
    if n > 1 && sampling.is_greedy() {
        let message = format!("'n' must be 1 with greedy sampling, got {n}");
        return Err(ApiError::invalid("n", message));
    }
    match fields.best_of {
        Some(best_of) if best_of != u64::from(n) => {
            let message = format!("'best_of' must equal 'n' ({n}), got {best_of}");
            Err(ApiError::invalid("best_of", message))
        }
        _ => Ok(n),
    }
}

fn priority(fields: &GenerationFields, context: &Context<'_>) -> Result<i64, ApiError> {
    match fields.priority.unwrap_or(0) {
        priority if priority != 0 && !context.config.allow_priority => {
            let message = "'priority' needs the server's priority scheduling policy";
            Err(ApiError::invalid("priority", message))
        }
        priority => Ok(priority),
    }
}

fn cache_salt(fields: &GenerationFields) -> Result<CacheSalt, ApiError> {
    let Some(salt) = fields.cache_salt.as_deref() else { return Ok(CacheSalt(None)) };
    let len_is_good = (1..=MAX_NAME_CHARS).contains(&salt.chars().count());
    if !len_is_good || salt.contains(['@', '/', '\\', '\0']) {
        let message = format!(
            "'cache_salt' must have 1 to {MAX_NAME_CHARS} characters, none of them '@', '/', \
             '\\' or NUL"
        );
        return Err(ApiError::invalid("cache_salt", message));
    }
    Ok(CacheSalt(Some(salt.into())))
}

fn request_id(fields: &GenerationFields) -> Result<Option<String>, ApiError> {
    let Some(id) = fields.request_id.as_deref() else { return Ok(None) };
    if id.is_empty() || id.len() > MAX_NAME_CHARS || !id.bytes().all(|b| b.is_ascii_graphic()) {
        let message =
            format!("'request_id' must have 1 to {MAX_NAME_CHARS} printable ASCII characters");
        return Err(ApiError::invalid("request_id", message));
    }
    Ok(Some(id.to_owned()))
}
