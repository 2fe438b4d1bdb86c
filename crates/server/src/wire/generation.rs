//! Fields that chat and text completions share.

use std::collections::BTreeMap;

use serde::Deserialize;

use super::Body;
use crate::error::ApiError;

/// Raw sampling, stopping and output fields, as sent.
#[derive(Debug, Default)]
pub(crate) struct GenerationFields {
    pub(crate) model: Option<String>,
    pub(crate) n: Option<u64>,
    pub(crate) best_of: Option<u64>,
    pub(crate) stream: Option<bool>,
    pub(crate) stream_options: Option<StreamOptions>,
    pub(crate) stream_interval: Option<u64>,
    pub(crate) temperature: Option<f64>,
    pub(crate) top_p: Option<f64>,
    pub(crate) top_k: Option<i64>,
    pub(crate) min_p: Option<f64>,
    pub(crate) presence_penalty: Option<f64>,
    pub(crate) frequency_penalty: Option<f64>,
    pub(crate) repetition_penalty: Option<f64>,
    pub(crate) seed: Option<i64>,
    pub(crate) logit_bias: Option<BTreeMap<String, f64>>,
    pub(crate) allowed_token_ids: Option<Vec<i64>>,
    pub(crate) stop: Option<OneOrMany>,
    pub(crate) stop_token_ids: Option<Vec<i64>>,
    pub(crate) include_stop_str_in_output: Option<bool>,
    pub(crate) ignore_eos: Option<bool>,
    pub(crate) min_tokens: Option<u64>,
    pub(crate) max_tokens: Option<u64>,
    pub(crate) priority: Option<i64>,
    pub(crate) cache_salt: Option<String>,
    pub(crate) request_id: Option<String>,
    pub(crate) skip_special_tokens: Option<bool>,
    pub(crate) return_token_ids: Option<bool>,
    pub(crate) return_tokens_as_token_ids: Option<bool>,
    pub(crate) truncate_prompt_tokens: Option<i64>,
    pub(crate) truncation_side: Option<String>,
    pub(crate) add_special_tokens: Option<bool>,
    pub(crate) echo: Option<bool>,
}

impl GenerationFields {
    pub(crate) fn take(body: &mut Body<'_>) -> Result<Self, ApiError> {
        // Has no effect on the byte-exact detokeniser, whatever its value.
        let _: Option<bool> = body.take("spaces_between_special_tokens")?;
        Ok(Self {
            model: body.take("model")?,
            n: body.take("n")?,
            best_of: body.take("best_of")?,
            stream: body.take("stream")?,
            stream_options: body.take("stream_options")?,
            stream_interval: body.take("stream_interval")?,
            temperature: body.take("temperature")?,
            top_p: body.take("top_p")?,
            top_k: body.take("top_k")?,
            min_p: body.take("min_p")?,
            presence_penalty: body.take("presence_penalty")?,
            frequency_penalty: body.take("frequency_penalty")?,
            repetition_penalty: body.take("repetition_penalty")?,
            seed: body.take("seed")?,
            logit_bias: body.take("logit_bias")?,
            allowed_token_ids: body.take("allowed_token_ids")?,
            stop: body.take("stop")?,
            stop_token_ids: body.take("stop_token_ids")?,
            include_stop_str_in_output: body.take("include_stop_str_in_output")?,
            ignore_eos: body.take("ignore_eos")?,
            min_tokens: body.take("min_tokens")?,
            max_tokens: body.take("max_tokens")?,
            priority: body.take("priority")?,
            cache_salt: body.take("cache_salt")?,
            request_id: body.take("request_id")?,
            skip_special_tokens: body.take("skip_special_tokens")?,
            return_token_ids: body.take("return_token_ids")?,
            return_tokens_as_token_ids: body.take("return_tokens_as_token_ids")?,
            truncate_prompt_tokens: body.take("truncate_prompt_tokens")?,
            truncation_side: body.take("truncation_side")?,
            add_special_tokens: body.take("add_special_tokens")?,
            echo: body.take("echo")?,
        })
    }
}

/// `stream_options`.
#[derive(Clone, Copy, Debug, Default, Deserialize)]
pub(crate) struct StreamOptions {
    /// A last chunk without choices carries the usage.
    pub(crate) include_usage: Option<bool>,
    /// Every chunk carries the usage so far.
    pub(crate) continuous_usage_stats: Option<bool>,
}

/// One string or a list of them.
#[derive(Clone, Debug, Deserialize)]
#[serde(untagged, expecting = "expected a string or a list of strings")]
pub(crate) enum OneOrMany {
    One(String),
    Many(Vec<String>),
}

impl OneOrMany {
    pub(crate) fn into_vec(self) -> Vec<String> {
        match self {
            Self::One(one) => vec![one],
            Self::Many(many) => many,
        }
    }
}
