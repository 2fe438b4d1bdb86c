//! Tokenizers from GGUF metadata.
//!
//! Owns the meaning of the `tokenizer.*` keys (ggml-org/ggml `docs/gguf.md`, with the defaults of
//! llama.cpp's `src/llama-vocab.cpp`). Never reads a file: the caller parses GGUF and fills
//! [`GgufVocab`].

use std::collections::HashMap;

use types::TokenId;

use crate::error::{LoadError, Origin};
use crate::pipeline::{AddedSpec, AddedTokens, BpeSpec, Pipeline};
use crate::pre_tokenizer;
use crate::sentencepiece::SentencePiece;
use crate::tokenizer::{ChatTemplateSource, Encoder, Parts, SpecialIds, Tokenizer};
use crate::vocabulary::{
    ByteStyle, MAX_MERGES, MAX_VOCAB_TOKENS, TokenEntry, TokenKind, Vocabulary,
};

/// The `tokenizer.*` metadata of a GGUF file, key by key. Absent keys are `None` or empty.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct GgufVocab {
    /// `tokenizer.ggml.model`: `gpt2` or `llama`.
    pub model: String,
    /// `tokenizer.ggml.pre`; absent means `default`. Only `gpt2` looks at it.
    pub pre: Option<String>,
    /// `tokenizer.ggml.tokens`.
    pub tokens: Vec<String>,
    /// `tokenizer.ggml.scores`; needed by `llama`.
    pub scores: Vec<f32>,
    /// `tokenizer.ggml.token_type`; empty means all tokens are normal.
    pub token_types: Vec<i32>,
    /// `tokenizer.ggml.merges`, each `left right`; needed by `gpt2`.
    pub merges: Vec<String>,
    /// `tokenizer.ggml.bos_token_id`.
    pub bos_token_id: Option<u32>,
    /// `tokenizer.ggml.eos_token_id`.
    pub eos_token_id: Option<u32>,
    /// `tokenizer.ggml.eot_token_id`.
    pub eot_token_id: Option<u32>,
    /// `tokenizer.ggml.unknown_token_id`.
    pub unknown_token_id: Option<u32>,
    /// `tokenizer.ggml.padding_token_id`.
    pub padding_token_id: Option<u32>,
    /// `tokenizer.ggml.add_bos_token`.
    pub add_bos_token: Option<bool>,
    /// `tokenizer.ggml.add_eos_token`.
    pub add_eos_token: Option<bool>,
    /// `tokenizer.ggml.add_space_prefix`; only `llama` looks at it.
    pub add_space_prefix: Option<bool>,
    /// `tokenizer.chat_template`.
    pub chat_template: Option<String>,
}

impl Tokenizer {
    /// Builds a tokenizer from GGUF metadata.
    ///
    /// Errors name the metadata key: an unknown `model` or `pre` lists those served; arrays whose
    /// lengths differ, ids outside the vocabulary and merges of unknown tokens are malformed.
    pub fn from_gguf(vocab: GgufVocab) -> Result<Self, LoadError> {
        let origin = Origin::new("GGUF metadata");
        check_sizes(&vocab, &origin)?;
        let entries = token_entries(&vocab, &origin)?;
        match vocab.model.as_str() {
            "gpt2" => byte_level(vocab, entries, &origin),
            "llama" => sentencepiece(vocab, entries, &origin),
            other => Err(origin.unsupported("tokenizer.ggml.model", other, "gpt2, llama")),
        }
    }
}

fn check_sizes(vocab: &GgufVocab, origin: &Origin) -> Result<(), LoadError> {
    let num_tokens = vocab.tokens.len();
    origin.at_most("tokenizer.ggml.tokens", num_tokens, MAX_VOCAB_TOKENS)?;
    origin.at_most("tokenizer.ggml.merges", vocab.merges.len(), MAX_MERGES)?;
    let needs_scores = vocab.model == "llama";
    for (field, len, may_be_empty) in [
        ("tokenizer.ggml.scores", vocab.scores.len(), !needs_scores),
        ("tokenizer.ggml.token_type", vocab.token_types.len(), true),
    ] {
        if len != num_tokens && !(len == 0 && may_be_empty) {
            let problem = format!("{len} entries for {num_tokens} tokens");
            return Err(origin.malformed(field, problem));
        }
    }
    for (field, id) in [
        ("tokenizer.ggml.bos_token_id", vocab.bos_token_id),
        ("tokenizer.ggml.eos_token_id", vocab.eos_token_id),
        ("tokenizer.ggml.eot_token_id", vocab.eot_token_id),
        ("tokenizer.ggml.unknown_token_id", vocab.unknown_token_id),
        ("tokenizer.ggml.padding_token_id", vocab.padding_token_id),
    ] {
        if let Some(id) = id.filter(|&id| id as usize >= num_tokens) {
            let problem = format!("{id} is not an index into {num_tokens} tokens");
            return Err(origin.malformed(field, problem));
        }
    }
    Ok(())
}

fn token_entries(vocab: &GgufVocab, origin: &Origin) -> Result<Vec<TokenEntry>, LoadError> {
    let kind_at = |token_idx: usize| match vocab.token_types.get(token_idx).copied().unwrap_or(1) {
        1 => Ok(TokenKind::Normal),
        2 => Ok(TokenKind::Unknown),
        3 => Ok(TokenKind::Control),
        4 => Ok(TokenKind::UserDefined),
        5 => Ok(TokenKind::Unused),
        6 => Ok(TokenKind::Byte),
        other => {
            let field = format!("tokenizer.ggml.token_type[{token_idx}]");
            Err(origin.malformed(field, format!("{other} is not a token type (1 to 6)")))
        }
    };
    let entry = |(token_idx, text): (usize, &String)| {
        Ok(TokenEntry { text: text.clone(), kind: kind_at(token_idx)? })
    };
    vocab.tokens.iter().enumerate().map(entry).collect()
}

/// Tokens that are cut out of text before merging.
fn added_tokens(entries: &[TokenEntry]) -> Vec<AddedSpec> {
    let is_added = |entry: &&TokenEntry| {
        (entry.kind.is_special() || entry.kind == TokenKind::UserDefined) && !entry.text.is_empty()
    };
    let to_spec = |entry: &TokenEntry| AddedSpec::plain(&entry.text, entry.kind.is_special());
    entries.iter().filter(is_added).map(to_spec).collect()
}

fn ids_by_text(entries: &[TokenEntry]) -> HashMap<String, TokenId> {
    let mut ids = HashMap::with_capacity(entries.len());
    for (id, entry) in (0..).zip(entries) {
        ids.entry(entry.text.clone()).or_insert(id);
    }
    ids
}

fn byte_level(
    vocab: GgufVocab,
    entries: Vec<TokenEntry>,
    origin: &Origin,
) -> Result<Tokenizer, LoadError> {
    let pre = vocab.pre.as_deref().filter(|pre| !pre.is_empty()).unwrap_or("default");
    let kind = pre_tokenizer::find(pre).ok_or_else(|| {
        origin.unsupported("tokenizer.ggml.pre", pre, pre_tokenizer::served_names())
    })?;
    let ids = ids_by_text(&entries);
    let merges = parse_merges(&vocab.merges, &ids, origin)?;
    let added = added_tokens(&entries);
    let bpe =
        BpeSpec { vocab: ids, merges, ignore_merges: kind.ignore_merges, ..BpeSpec::default() };
    let pipeline = Pipeline::byte_level(bpe, &added, kind.patterns)
        .map_err(|error| origin.malformed("tokenizer.ggml", error.to_string()))?;
    let vocabulary =
        Vocabulary::new(entries, ByteStyle::ByteLevel, origin, "tokenizer.ggml.tokens")?;
    let adds_bos = vocab.add_bos_token.unwrap_or(kind.adds_bos);
    // Bytes without a token are left out, and then a text of any length may have no tokens.
    let max_input_bytes = vocabulary.has_all_bytes().then(|| vocabulary.max_input_bytes());
    finish(vocab, vocabulary, Encoder::Pipeline(Box::new(pipeline)), adds_bos, max_input_bytes)
}

/// Splits `left right` rules and checks that both sides and the result are tokens.
fn parse_merges(
    merges: &[String],
    ids: &HashMap<String, TokenId>,
    origin: &Origin,
) -> Result<Vec<(String, String)>, LoadError> {
    let mut joint = String::new();
    let mut parse = |(merge_idx, rule): (usize, &String)| {
        let field = || format!("tokenizer.ggml.merges[{merge_idx}]");
        // A space inside a token is never written as a space, so the first one divides.
        let (left, right) = rule
            .split_once(' ')
            .filter(|(left, right)| !left.is_empty() && !right.is_empty() && !right.contains(' '))
            .ok_or_else(|| origin.malformed(field(), format!("{rule:?} is not `left right`")))?;
        joint.clear();
        joint.push_str(left);
        joint.push_str(right);
        match [left, right, &joint].into_iter().find(|text| !ids.contains_key(*text)) {
            Some(text) => Err(origin.malformed(field(), format!("{text:?} is not a token"))),
            None => Ok((left.to_owned(), right.to_owned())),
        }
    };
    merges.iter().enumerate().map(&mut parse).collect()
}

fn sentencepiece(
    vocab: GgufVocab,
    entries: Vec<TokenEntry>,
    origin: &Origin,
) -> Result<Tokenizer, LoadError> {
    let added = added_tokens(&entries);
    let added_tokens = AddedTokens::for_ids(&added, ids_by_text(&entries))
        .map_err(|error| origin.malformed("tokenizer.ggml.tokens", error.to_string()))?;
    let vocabulary =
        Vocabulary::new(entries, ByteStyle::SentencePiece, origin, "tokenizer.ggml.tokens")?;
    let encoder = SentencePiece::new(
        &vocabulary,
        &vocab.scores,
        vocab.unknown_token_id,
        vocab.add_space_prefix.unwrap_or(true),
        origin,
    )?;
    let adds_bos = vocab.add_bos_token.unwrap_or(true);
    // The unknown token stands for one character, which is at most four bytes.
    let max_input_bytes = Some(vocabulary.max_input_bytes().max(4));
    let encoder =
        Encoder::SentencePiece { encoder: Box::new(encoder), added: Box::new(added_tokens) };
    finish(vocab, vocabulary, encoder, adds_bos, max_input_bytes)
}

fn finish(
    vocab: GgufVocab,
    vocabulary: Vocabulary,
    encoder: Encoder,
    adds_bos: bool,
    max_input_bytes: Option<usize>,
) -> Result<Tokenizer, LoadError> {
    let adds_eos = vocab.add_eos_token.unwrap_or(false);
    let affix = |wanted: bool, id: Option<TokenId>| id.filter(|_| wanted).into_iter().collect();
    let strips_leading_space =
        matches!(&encoder, Encoder::SentencePiece { encoder, .. } if encoder.add_space_prefix());
    Ok(Tokenizer::from_parts(Parts {
        special: SpecialIds {
            bos: vocab.bos_token_id,
            eos: vocab.eos_token_id,
            eot: vocab.eot_token_id,
            unknown: vocab.unknown_token_id,
            padding: vocab.padding_token_id,
        },
        prefix: affix(adds_bos, vocab.bos_token_id),
        suffix: affix(adds_eos, vocab.eos_token_id),
        strips_leading_space,
        max_input_bytes,
        chat_templates: vocab
            .chat_template
            .map(ChatTemplateSource::default_template)
            .into_iter()
            .collect(),
        vocabulary,
        encoder,
    }))
}

#[cfg(test)]
mod tests;
