//! Fields this server knows of but does not serve: refused by name unless their value asks for
//! nothing. Also the fields that only OpenAI's own service gives a meaning to.

use serde_json::Value;

use crate::error::ApiError;
use crate::wire::Body;

/// A field and the values, besides `null`, that ask for nothing.
type Inert = (&'static str, fn(&Value) -> bool);

const FEATURES_OF_BOTH: &[Inert] = &[
    ("structured_outputs", never),
    ("guided_json", never),
    ("guided_regex", never),
    ("guided_choice", never),
    ("guided_grammar", never),
    ("guided_decoding_backend", never),
    ("guided_whitespace_pattern", never),
    ("response_format", is_text_format),
    ("regex", never),
    ("ebnf", never),
    ("json_schema", never),
    ("grammar", never),
    ("stop_regex", never),
    ("prompt_logprobs", never),
    ("logprob_token_ids", is_empty),
    ("bad_words", is_empty),
    ("use_beam_search", is_false),
    ("length_penalty", is_one),
    ("return_prompt_text", is_false),
    ("repetition_detection", never),
    ("kv_transfer_params", never),
    ("ec_transfer_params", never),
    ("vllm_xargs", is_empty),
    ("watermarking", is_false),
    ("return_weight_versions", is_false),
    ("return_routed_experts", is_false),
    ("mm_processor_kwargs", is_empty),
    ("lora_path", never),
    ("lora_request", never),
    ("adapters", is_empty),
];

const FEATURES_OF_CHAT: &[Inert] = &[
    ("tools", never),
    ("tool_choice", is_none_word),
    ("reasoning_effort", is_none_word),
    ("thinking_token_budget", never),
    ("chat_template", never),
    ("documents", is_empty),
    ("media_io_kwargs", is_empty),
];

const FEATURES_OF_COMPLETIONS: &[Inert] = &[("suffix", is_empty_text)];

/// Accepted and without effect, whatever their value.
const WITHOUT_EFFECT: &[&str] = &[
    "audio",
    "function_call",
    "functions",
    "include_reasoning",
    "metadata",
    "modalities",
    "moderation",
    "parallel_tool_calls",
    "prediction",
    "prompt_cache_key",
    "prompt_cache_retention",
    "safety_identifier",
    "service_tier",
    "session_id",
    "store",
    "user",
    "verbosity",
    "web_search_options",
];

/// Refuses what a chat request may not ask for.
pub(super) fn check_chat(body: &mut Body<'_>) -> Result<(), ApiError> {
    check(body, FEATURES_OF_CHAT)?;
    check_both(body)
}

/// Refuses what a completion request may not ask for.
pub(super) fn check_completion(body: &mut Body<'_>) -> Result<(), ApiError> {
    check(body, FEATURES_OF_COMPLETIONS)?;
    check_both(body)
}

/// Refuses what a request that only renders a chat template may not ask for.
pub(super) fn check_render(body: &mut Body<'_>) -> Result<(), ApiError> {
    check(body, FEATURES_OF_CHAT)
}

fn check_both(body: &mut Body<'_>) -> Result<(), ApiError> {
    check(body, FEATURES_OF_BOTH)?;
    for name in WITHOUT_EFFECT {
        body.take_raw(name);
    }
    Ok(())
}

fn check(body: &mut Body<'_>, features: &[Inert]) -> Result<(), ApiError> {
    for (name, inert) in features {
        if let Some(value) = body.take::<Value>(name)?
            && !inert(&value)
        {
            return Err(ApiError::unsupported(name));
        }
    }
    Ok(())
}

fn never(_: &Value) -> bool {
    false
}

fn is_false(value: &Value) -> bool {
    value == &Value::Bool(false)
}

fn is_one(value: &Value) -> bool {
    value.as_f64() == Some(1.0)
}

fn is_none_word(value: &Value) -> bool {
    value.as_str() == Some("none")
}

fn is_empty_text(value: &Value) -> bool {
    value.as_str() == Some("")
}

fn is_empty(value: &Value) -> bool {
    match value {
        Value::Array(items) => items.is_empty(),
        Value::Object(fields) => fields.is_empty(),
        _ => false,
    }
}

fn is_text_format(value: &Value) -> bool {
    value.get("type").and_then(Value::as_str) == Some("text")
}
