//! Tokenizers from Hugging Face folders: `tokenizer.json` and the small files beside it.
//!
//! Owns reading and validating these files. Nothing in them is ever run; patterns are compiled by
//! an engine with bounded backtracking, and everything that could make a text grow or be lost is
//! an allow-list. Only byte-pair models are served, which all served model families use.

use std::collections::HashMap;
use std::fs::File;
use std::io::{self, Read};
use std::path::Path;

use serde::de::DeserializeOwned;
use types::TokenId;

use crate::chat_template::MAX_TEMPLATE_BYTES;
use crate::error::{LoadError, Origin};
use crate::hf_json::{
    AddedTokenJson, ChatTemplateJson, ConfigJson, MergeJson, ModelJson, TokenNameJson,
    TokenizerJson,
};
use crate::pipeline::{AddedSpec, BpeSpec, Pipeline};
use crate::tokenizer::{ChatTemplateSource, Encoder, Parts, SpecialIds, Tokenizer};
use crate::vocabulary::{MAX_VOCAB_TOKENS, TokenEntry, TokenKind, Vocabulary, byte_token};

mod steps;

/// Largest file read. The largest `tokenizer.json` served today has 33 MB.
pub const MAX_FILE_BYTES: u64 = 128 << 20;

impl Tokenizer {
    /// Reads the tokenizer of a Hugging Face folder.
    ///
    /// Needs `tokenizer.json`. Uses `tokenizer_config.json` (else `special_tokens_map.json`) for
    /// the special tokens, `add_bos_token`, `add_eos_token` and the chat template, over which
    /// `chat_template.jinja` wins. Errors name file and field.
    pub fn from_hf_folder(dir: &Path) -> Result<Self, LoadError> {
        let json: TokenizerJson = read_json(dir, "tokenizer.json")?
            .ok_or_else(|| LoadError::Missing { file: dir.join("tokenizer.json") })?;
        let config: Option<ConfigJson> = read_json(dir, "tokenizer_config.json")?;
        let config = match config {
            Some(config) => config,
            None => read_json(dir, "special_tokens_map.json")?.unwrap_or_default(),
        };
        let chat_templates = chat_templates(dir, &config)?;
        build(json, &config, chat_templates)
    }
}

/// The file's text; `None` if there is none. Anything but a regular file is refused before it is
/// opened: opening a pipe would wait for a writer.
fn read_text(dir: &Path, name: &str, limit: u64) -> Result<Option<String>, LoadError> {
    let file = dir.join(name);
    let read = || -> io::Result<Option<Vec<u8>>> {
        let metadata = match file.metadata() {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            metadata => metadata?,
        };
        if !metadata.is_file() {
            return Err(io::Error::new(io::ErrorKind::InvalidInput, "not a regular file"));
        }
        let mut bytes = Vec::new();
        File::open(&file)?.take(limit + 1).read_to_end(&mut bytes)?;
        Ok(Some(bytes))
    };
    let bytes = read().map_err(|cause| LoadError::Read { file: file.clone(), cause })?;
    let origin = Origin::new(name);
    let Some(bytes) = bytes else { return Ok(None) };
    origin.at_most("size in bytes", bytes.len(), limit as usize)?;
    let not_text = |_| origin.malformed("text", "the file is not UTF-8");
    String::from_utf8(bytes).map(Some).map_err(not_text)
}

fn read_json<T: DeserializeOwned>(dir: &Path, name: &str) -> Result<Option<T>, LoadError> {
    let Some(text) = read_text(dir, name, MAX_FILE_BYTES)? else { return Ok(None) };
    let malformed = |error: serde_json::Error| {
        let field = format!("line {} column {}", error.line(), error.column());
        Origin::new(name).malformed(field, error.to_string())
    };
    serde_json::from_str(&text).map(Some).map_err(malformed)
}

fn chat_templates(dir: &Path, config: &ConfigJson) -> Result<Vec<ChatTemplateSource>, LoadError> {
    let limit = MAX_TEMPLATE_BYTES as u64;
    if let Some(source) = read_text(dir, "chat_template.jinja", limit)? {
        return Ok(vec![ChatTemplateSource::default_template(source)]);
    }
    Ok(match &config.chat_template {
        None => Vec::new(),
        Some(ChatTemplateJson::One(source)) => {
            vec![ChatTemplateSource::default_template(source.clone())]
        }
        Some(ChatTemplateJson::Named(named)) => named
            .iter()
            .map(|named| ChatTemplateSource {
                name: named.name.clone(),
                source: named.template.clone(),
            })
            .collect(),
    })
}

fn build(
    json: TokenizerJson,
    config: &ConfigJson,
    chat_templates: Vec<ChatTemplateSource>,
) -> Result<Tokenizer, LoadError> {
    let origin = Origin::new("tokenizer.json");
    let decoding = steps::decoding(json.decoder.as_ref(), json.pre_tokenizer.as_ref(), &origin)?;
    let growth = steps::check_normalizer(json.normalizer.as_ref(), &origin)?;
    let keeps_text = steps::check_pre_tokenizer(json.pre_tokenizer.as_ref(), &origin)?;
    let added = json.added_tokens.0;
    let bpe = bpe_spec(json.model, &origin)?;
    let entries = token_entries(&bpe, &added, &origin)?;
    let vocabulary = Vocabulary::new(entries, decoding.style, &origin, "model.vocab")?;
    let special = special_ids(&vocabulary, &bpe, config)?;
    let max_input_bytes = max_input_bytes(&vocabulary, &bpe, &added, keeps_text)
        .and_then(|max| growth.max_shrink.map(|shrink| max * shrink));
    let specs: Vec<AddedSpec> = added.iter().map(AddedSpec::from).collect();
    let pipeline = Pipeline::from_json(bpe, &specs, json.normalizer, json.pre_tokenizer)
        .map_err(|(field, error)| origin.malformed(field, error.to_string()))?;
    check_added_ids(&pipeline, &added, &origin)?;
    let (mut prefix, mut suffix) = match json.post_processor {
        Some(processor) => pipeline
            .affixes(processor)
            .map_err(|error| origin.malformed("post_processor", error.to_string()))?,
        None => (Vec::new(), Vec::new()),
    };
    apply_switch(config.add_bos_token, special.bos, &mut prefix);
    apply_switch(config.add_eos_token, special.eos, &mut suffix);
    let num_tokens = vocabulary.len();
    if prefix.iter().chain(&suffix).any(|&id| id as usize >= num_tokens) {
        return Err(origin.malformed("post_processor", "it adds an id outside the vocabulary"));
    }
    Ok(Tokenizer::from_parts(Parts {
        vocabulary,
        encoder: Encoder::Pipeline(Box::new(pipeline)),
        special,
        prefix,
        suffix,
        strips_leading_space: decoding.strips_leading_space,
        max_input_bytes,
        chat_templates,
    }))
}

impl From<&AddedTokenJson> for AddedSpec {
    fn from(token: &AddedTokenJson) -> Self {
        Self {
            content: token.content.clone(),
            special: token.special,
            single_word: token.single_word,
            lstrip: token.lstrip,
            rstrip: token.rstrip,
            normalized: token.normalized,
        }
    }
}

/// Validates `model`, whose merges the library would index without looking.
fn bpe_spec(model: ModelJson, origin: &Origin) -> Result<BpeSpec, LoadError> {
    if let Some(kind) = model.kind.filter(|kind| kind != "BPE") {
        return Err(origin.unsupported("model.type", kind, "BPE"));
    }
    for (field, affix) in [
        ("model.continuing_subword_prefix", model.continuing_subword_prefix),
        ("model.end_of_word_suffix", model.end_of_word_suffix),
    ] {
        if let Some(affix) = affix.filter(|affix| !affix.is_empty()) {
            return Err(origin.unsupported(field, affix, "none"));
        }
    }
    if let Some(dropout) = model.dropout.filter(|&dropout| dropout != 0.0) {
        return Err(origin.unsupported("model.dropout", dropout.to_string(), "0"));
    }
    let vocab =
        model.vocab.0.ok_or_else(|| origin.malformed("model.vocab", "missing or not an object"))?;
    let merges = merges(model.merges.0, &vocab, origin)?;
    if let Some(unk) = model.unk_token.as_ref().filter(|unk| !vocab.contains_key(*unk)) {
        return Err(origin.malformed("model.unk_token", format!("{unk:?} is not in model.vocab")));
    }
    if model.byte_fallback && model.unk_token.is_none() {
        let missing = (0..=255_u8).find(|byte| !vocab.contains_key(&format!("<{byte:#04X}>")));
        if let Some(byte) = missing {
            let problem = format!("byte_fallback without `<0x{byte:02X}>` and without unk_token");
            return Err(origin.malformed("model.vocab", problem));
        }
    }
    Ok(BpeSpec {
        vocab,
        merges,
        unk_token: model.unk_token,
        fuse_unk: model.fuse_unk,
        byte_fallback: model.byte_fallback,
        ignore_merges: model.ignore_merges,
    })
}

/// Splits the rules and checks that both sides and the result are tokens. A result is longer than
/// its sides, so rules cannot go round in a circle once empty sides are refused.
fn merges(
    rules: Vec<MergeJson>,
    vocab: &HashMap<String, TokenId>,
    origin: &Origin,
) -> Result<Vec<(String, String)>, LoadError> {
    let mut merges = Vec::with_capacity(rules.len());
    let mut joint = String::new();
    for (merge_idx, rule) in rules.into_iter().enumerate() {
        let field = || format!("model.merges[{merge_idx}]");
        let (left, right) = match rule {
            MergeJson::Pair(left, right) => (left, right),
            MergeJson::Joined(rule) if rule.starts_with("#version") => continue,
            MergeJson::Joined(rule) => rule
                .split_once(' ')
                .filter(|(_, right)| !right.contains(' '))
                .map(|(left, right)| (left.to_owned(), right.to_owned()))
                .ok_or_else(|| origin.malformed(field(), format!("{rule:?} is not two words")))?,
        };
        if left.is_empty() || right.is_empty() {
            return Err(origin.malformed(field(), "one side is empty"));
        }
        joint.clear();
        joint.push_str(&left);
        joint.push_str(&right);
        if let Some(text) = [&left, &right, &joint].into_iter().find(|t| !vocab.contains_key(*t)) {
            return Err(origin.malformed(field(), format!("{text:?} is not in model.vocab")));
        }
        merges.push((left, right));
    }
    Ok(merges)
}

/// Puts tokens in the order of their ids and checks that these are `0..n` without holes.
fn token_entries(
    bpe: &BpeSpec,
    added: &[AddedTokenJson],
    origin: &Origin,
) -> Result<Vec<TokenEntry>, LoadError> {
    let is_new = |token: &&AddedTokenJson| !bpe.vocab.contains_key(&token.content);
    let num_tokens = bpe.vocab.len() + added.iter().filter(is_new).count();
    origin.at_most("model.vocab", num_tokens, MAX_VOCAB_TOKENS)?;
    let mut entries: Vec<Option<TokenEntry>> = vec![None; num_tokens];
    let mut put = |field: &str, id: TokenId, text: &str, kind: TokenKind| {
        let problem = |problem: String| origin.malformed(field, problem);
        let slot = entries.get_mut(id as usize).ok_or_else(|| {
            problem(format!("{text:?} has id {id}, but {num_tokens} tokens have ids from 0 on"))
        })?;
        if let Some(other) = slot.as_ref().filter(|other| other.text != text) {
            return Err(problem(format!("{text:?} and {:?} both have id {id}", other.text)));
        }
        *slot = Some(TokenEntry { text: text.to_owned(), kind });
        Ok(())
    };
    for (text, &id) in &bpe.vocab {
        let is_byte = bpe.byte_fallback && byte_token(text).is_some();
        put("model.vocab", id, text, if is_byte { TokenKind::Byte } else { TokenKind::Normal })?;
    }
    for (token_idx, token) in added.iter().enumerate() {
        let field = format!("added_tokens[{token_idx}]");
        if token.content.is_empty() {
            return Err(origin.malformed(field, "`content` is empty"));
        }
        let kind = match token.special {
            true if bpe.unk_token.as_ref() == Some(&token.content) => TokenKind::Unknown,
            true => TokenKind::Control,
            false => TokenKind::UserDefined,
        };
        put(&field, token.id, &token.content, kind)?;
    }
    let hole = |id: usize| origin.malformed("model.vocab", format!("no token has id {id}"));
    let fill = |(id, entry): (usize, Option<TokenEntry>)| entry.ok_or_else(|| hole(id));
    entries.into_iter().enumerate().map(fill).collect()
}

/// The library numbers added tokens itself; a different number would be another token.
fn check_added_ids(
    pipeline: &Pipeline,
    added: &[AddedTokenJson],
    origin: &Origin,
) -> Result<(), LoadError> {
    for (token_idx, token) in added.iter().enumerate() {
        if pipeline.added_id(&token.content) != Some(token.id) {
            let problem = format!(
                "{:?} has id {}; ids must follow the vocabulary in the list's order",
                token.content, token.id
            );
            return Err(origin.malformed(format!("added_tokens[{token_idx}].id"), problem));
        }
    }
    Ok(())
}

fn special_ids(
    vocabulary: &Vocabulary,
    bpe: &BpeSpec,
    config: &ConfigJson,
) -> Result<SpecialIds, LoadError> {
    let id_of =
        |name: &Option<TokenNameJson>| name.as_ref().and_then(|name| vocabulary.id_of(name.text()));
    let needed = |field: &str, name: &Option<TokenNameJson>| match (name, id_of(name)) {
        (Some(name), None) => {
            let problem = format!("{:?} is not a token of tokenizer.json", name.text());
            Err(Origin::new("tokenizer_config.json").malformed(field, problem))
        }
        (_, id) => Ok(id),
    };
    let model_unk = bpe.unk_token.as_ref().and_then(|unk| vocabulary.id_of(unk));
    Ok(SpecialIds {
        bos: needed("bos_token", &config.bos_token)?,
        eos: needed("eos_token", &config.eos_token)?,
        eot: None,
        unknown: model_unk.or_else(|| id_of(&config.unk_token)),
        padding: id_of(&config.pad_token),
    })
}

/// An explicit `add_bos_token` or `add_eos_token` overrides what the post-processor does.
fn apply_switch(switch: Option<bool>, id: Option<TokenId>, affix: &mut Vec<TokenId>) {
    let Some(id) = id else { return };
    match switch {
        Some(true) if !affix.contains(&id) => affix.insert(0, id),
        Some(false) => affix.retain(|&other| other != id),
        _ => {}
    }
}

/// Most bytes of normalised text one token can stand for; `None` if there is no bound.
fn max_input_bytes(
    vocabulary: &Vocabulary,
    bpe: &BpeSpec,
    added: &[AddedTokenJson],
    keeps_text: bool,
) -> Option<usize> {
    let swallows = bpe.unk_token.is_some() && bpe.fuse_unk;
    let strips = added.iter().any(|token| token.lstrip || token.rstrip);
    let loses = bpe.unk_token.is_none() && !vocabulary.has_all_bytes();
    // An unknown token stands for one character, which is at most four bytes.
    (keeps_text && !swallows && !strips && !loses).then(|| vocabulary.max_input_bytes().max(4))
}

#[cfg(test)]
mod tests;
