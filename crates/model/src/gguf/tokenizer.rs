//! The tokenizer that a GGUF file carries, as plain data. What it means is the `tokenizer` crate's
//! business.

use types::TokenId;

use super::value::Metadata;
use crate::ModelError;

/// Every `tokenizer.*` field of a GGUF file. Arrays that the file does not have are empty.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct GgufTokenizerData {
    /// `tokenizer.ggml.model`: `gpt2` (byte-level BPE), `llama` (SentencePiece), ...
    pub model: String,
    /// `tokenizer.ggml.pre`: which pre-tokeniser, e.g. `llama-bpe`, `qwen2`, `smollm`.
    pub pre: Option<String>,
    /// `[num tokens]` token texts by id.
    pub tokens: Vec<String>,
    /// `[num tokens]` SentencePiece scores, or empty.
    pub scores: Vec<f32>,
    /// `[num tokens]` `llama_token_type`: 1 normal, 2 unknown, 3 control, 4 user-defined,
    /// 5 unused, 6 byte; or empty.
    pub token_types: Vec<i32>,
    /// BPE merges, best first: two tokens with a space between.
    pub merges: Vec<String>,
    /// SentencePiece's normaliser table.
    pub precompiled_charsmap: Option<Vec<u8>>,
    /// Start of text.
    pub bos_token_id: Option<TokenId>,
    /// End of text.
    pub eos_token_id: Option<TokenId>,
    /// End of turn.
    pub eot_token_id: Option<TokenId>,
    /// End of message.
    pub eom_token_id: Option<TokenId>,
    /// Unknown token.
    pub unknown_token_id: Option<TokenId>,
    /// Separator.
    pub separator_token_id: Option<TokenId>,
    /// Padding.
    pub padding_token_id: Option<TokenId>,
    /// Mask.
    pub mask_token_id: Option<TokenId>,
    /// Put `bos` before a prompt.
    pub add_bos_token: Option<bool>,
    /// Put `eos` after a prompt.
    pub add_eos_token: Option<bool>,
    /// SentencePiece's dummy prefix.
    pub add_space_prefix: Option<bool>,
    /// SentencePiece's whitespace clean-up.
    pub remove_extra_whitespaces: Option<bool>,
    /// `tokenizer.chat_template`, Jinja.
    pub chat_template: Option<String>,
}

/// Takes the tokenizer out of the metadata and checks that its parts agree.
pub(super) fn read(metadata: &mut Metadata) -> Result<GgufTokenizerData, ModelError> {
    const MODEL: &str = "tokenizer.ggml.model";
    const TOKENS: &str = "tokenizer.ggml.tokens";
    let tokens = metadata.take_strings(TOKENS)?;
    if tokens.is_empty() {
        return Err(metadata.error(TOKENS, "is missing or empty"));
    }
    let scores = metadata.take_floats("tokenizer.ggml.scores")?;
    let token_types = metadata.take_ints("tokenizer.ggml.token_type")?;
    let merges = metadata.take_strings("tokenizer.ggml.merges")?;
    let precompiled_charsmap = metadata.take_bytes("tokenizer.ggml.precompiled_charsmap")?;

    let lengths = [("scores", scores.len()), ("token_type", token_types.len())];
    for (name, len) in lengths {
        if len != 0 && len != tokens.len() {
            let reason = format!("has {len} entries for {} tokens", tokens.len());
            return Err(metadata.error(&format!("tokenizer.ggml.{name}"), reason));
        }
    }
    let metadata = &*metadata;
    let text = |key: &str| Ok::<_, ModelError>(metadata.text(key)?.map(str::to_owned));
    let flag = |name: &str| metadata.flag(&format!("tokenizer.ggml.{name}"));
    let num_tokens = tokens.len() as u64;
    let id = |name: &str| {
        let id = metadata.unsigned(&format!("tokenizer.ggml.{name}_token_id"), num_tokens - 1)?;
        Ok::<_, ModelError>(id.map(|id| id as TokenId))
    };
    Ok(GgufTokenizerData {
        model: text(MODEL)?.ok_or_else(|| metadata.error(MODEL, "is missing"))?,
        pre: text("tokenizer.ggml.pre")?,
        bos_token_id: id("bos")?,
        eos_token_id: id("eos")?,
        eot_token_id: id("eot")?,
        eom_token_id: id("eom")?,
        unknown_token_id: id("unknown")?,
        separator_token_id: id("seperator")?, // The format's own spelling.
        padding_token_id: id("padding")?,
        mask_token_id: id("mask")?,
        add_bos_token: flag("add_bos_token")?,
        add_eos_token: flag("add_eos_token")?,
        add_space_prefix: flag("add_space_prefix")?,
        remove_extra_whitespaces: flag("remove_extra_whitespaces")?,
        chat_template: text("tokenizer.chat_template")?,
        tokens,
        scores,
        token_types,
        merges,
        precompiled_charsmap,
    })
}
