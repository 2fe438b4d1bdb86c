//! [`Tokenizer`]: what the rest of the server sees of a vocabulary.
//!
//! Owns the tables and the encoder of one model; immutable and shared between threads. Loaders
//! live in `hf_folder` and `gguf`; streaming output in `detokenizer`.

use types::TokenId;

use crate::detokenizer::{DetokenizeOptions, Detokenizer};
use crate::error::EncodeError;
use crate::pipeline::{AddedTokens, Piece, Pipeline};
use crate::sentencepiece::SentencePiece;
use crate::vocabulary::{TokenKind, Vocabulary};

/// Longest text that is encoded at once, about a million tokens. Encoding takes some 150 times its
/// size in memory, so callers that know a token limit should ask [`Tokenizer::min_num_tokens`]
/// first and bound how many long texts they encode at a time.
pub const MAX_TEXT_BYTES: usize = 4 << 20;

/// Ends of turn that GGUF files and folders often leave unnamed: ChatML, Llama 3, Phi 3, Gemma,
/// OpenChat.
const KNOWN_EOT_TEXTS: [&str; 5] =
    ["<|im_end|>", "<|eot_id|>", "<|end|>", "<end_of_turn>", "<|end_of_turn|>"];

/// How to encode a text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct EncodeOptions {
    /// Put begin and end of sequence around the text, as the model wants them.
    pub add_special: bool,
    /// Read the text of special tokens as those tokens. True for a rendered chat template, false
    /// for text that must stay text whatever it spells.
    pub parse_special: bool,
}

impl EncodeOptions {
    /// For a prompt made by a chat template, which writes its special tokens itself.
    pub const RENDERED: Self = Self { add_special: false, parse_special: true };
    /// For a bare prompt, as vLLM and transformers read it.
    pub const PROMPT: Self = Self { add_special: true, parse_special: true };
    /// For text that is only text.
    pub const PLAIN: Self = Self { add_special: false, parse_special: false };
}

/// A chat template that came with the model.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ChatTemplateSource {
    /// `default`, `tool_use`, `rag`, ...
    pub name: String,
    /// Jinja source.
    pub source: String,
}

impl ChatTemplateSource {
    pub(crate) fn default_template(source: String) -> Self {
        Self { name: "default".to_owned(), source }
    }
}

/// Turns text into tokens.
#[derive(Debug)]
pub(crate) enum Encoder {
    /// Byte-pair merge rules by the library.
    Pipeline(Box<Pipeline>),
    /// Score-driven merging.
    SentencePiece { encoder: Box<SentencePiece>, added: Box<AddedTokens> },
}

/// Ids with a role.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct SpecialIds {
    pub(crate) bos: Option<TokenId>,
    pub(crate) eos: Option<TokenId>,
    pub(crate) eot: Option<TokenId>,
    pub(crate) unknown: Option<TokenId>,
    pub(crate) padding: Option<TokenId>,
}

/// What a loader hands over.
#[derive(Debug)]
pub(crate) struct Parts {
    pub(crate) vocabulary: Vocabulary,
    pub(crate) encoder: Encoder,
    pub(crate) special: SpecialIds,
    /// Tokens put before a text under `add_special`.
    pub(crate) prefix: Vec<TokenId>,
    /// Tokens put after a text under `add_special`.
    pub(crate) suffix: Vec<TokenId>,
    /// Decoding drops the space that encoding put in front.
    pub(crate) strips_leading_space: bool,
    /// Most bytes of text one token can stand for; `None` if there is no bound.
    pub(crate) max_input_bytes: Option<usize>,
    pub(crate) chat_templates: Vec<ChatTemplateSource>,
}

/// A model's vocabulary with its encoder.
#[derive(Debug)]
pub struct Tokenizer {
    parts: Parts,
}

impl Tokenizer {
    pub(crate) fn from_parts(mut parts: Parts) -> Self {
        if parts.special.eot.is_none() {
            let is_special =
                |id: &TokenId| parts.vocabulary.kind(*id).is_some_and(TokenKind::is_special);
            parts.special.eot = KNOWN_EOT_TEXTS
                .iter()
                .find_map(|text| parts.vocabulary.id_of(text).filter(is_special));
        }
        Self { parts }
    }

    /// The tokens of `text`.
    ///
    /// Takes O(n log n) time, for text without spaces too. Errors: a text above
    /// [`MAX_TEXT_BYTES`]; a character for which the vocabulary has no token. Byte-level
    /// vocabularies that lack a byte leave it out, as the reference implementations do.
    pub fn encode(&self, text: &str, options: EncodeOptions) -> Result<Vec<TokenId>, EncodeError> {
        if text.len() > MAX_TEXT_BYTES {
            return Err(EncodeError::TextTooLong { num_bytes: text.len(), limit: MAX_TEXT_BYTES });
        }
        let mut ids = Vec::with_capacity(text.len() / 4 + 2);
        if options.add_special {
            ids.extend_from_slice(&self.parts.prefix);
        }
        match &self.parts.encoder {
            Encoder::Pipeline(pipeline) => {
                pipeline.encode(text, options.parse_special, &mut ids)?
            }
            Encoder::SentencePiece { encoder, added } => {
                let mut after_special = true;
                added.for_each_piece(text, options.parse_special, |piece| {
                    match piece {
                        Piece::Text(text) => encoder.encode(text, after_special, &mut ids)?,
                        Piece::Token(id) => ids.push(id),
                    }
                    after_special = matches!(piece, Piece::Token(id) if self.is_special(id));
                    Ok(())
                })?;
            }
        }
        if options.add_special {
            ids.extend_from_slice(&self.parts.suffix);
        }
        Ok(ids)
    }

    /// A lower bound on the tokens of any text of that many bytes; 0 if none is known.
    ///
    /// Lets a caller refuse a text that cannot fit before spending time and memory on it.
    pub fn min_num_tokens(&self, num_text_bytes: usize) -> usize {
        self.parts.max_input_bytes.map_or(0, |max| num_text_bytes.div_ceil(max.max(1)))
    }

    /// The text of `ids` as one whole: broken UTF-8 becomes U+FFFD, ids outside the vocabulary
    /// are empty, the space a SentencePiece model puts in front is dropped.
    pub fn decode(&self, ids: &[TokenId], skip_special: bool) -> String {
        let options = DetokenizeOptions { skip_special, continues_text: false };
        let mut detokenizer = Detokenizer::new(self, options);
        let mut text = String::new();
        for &id in ids {
            detokenizer.push(self, id, &mut text);
        }
        detokenizer.finish(&mut text);
        text
    }

    /// Number of tokens; ids are `0..vocab_size`. A model's output layer may be larger (padded).
    pub fn vocab_size(&self) -> usize {
        self.parts.vocabulary.len()
    }

    /// The exact bytes a token stands for; empty outside the vocabulary.
    pub fn token_bytes(&self, id: TokenId) -> &[u8] {
        self.parts.vocabulary.bytes(id)
    }

    /// A token as the vocabulary writes it, with byte-level and SentencePiece marks.
    pub fn token_text(&self, id: TokenId) -> Option<&str> {
        self.parts.vocabulary.text(id)
    }

    /// The token that the vocabulary writes like this.
    pub fn id_of(&self, token_text: &str) -> Option<TokenId> {
        self.parts.vocabulary.id_of(token_text)
    }

    /// What a token is for; `None` outside the vocabulary.
    pub fn kind(&self, id: TokenId) -> Option<TokenKind> {
        self.parts.vocabulary.kind(id)
    }

    /// True for tokens that steer the model and never show in text for people.
    pub fn is_special(&self, id: TokenId) -> bool {
        self.kind(id).is_some_and(TokenKind::is_special)
    }

    /// Begin of sequence.
    pub fn bos_id(&self) -> Option<TokenId> {
        self.parts.special.bos
    }

    /// End of sequence.
    pub fn eos_id(&self) -> Option<TokenId> {
        self.parts.special.eos
    }

    /// End of a turn in a conversation; may equal the end of sequence.
    pub fn eot_id(&self) -> Option<TokenId> {
        self.parts.special.eot
    }

    /// Stands for text the vocabulary cannot express.
    pub fn unknown_id(&self) -> Option<TokenId> {
        self.parts.special.unknown
    }

    /// Fills batches in training.
    pub fn padding_id(&self) -> Option<TokenId> {
        self.parts.special.padding
    }

    /// The tokens after which generation ends, each once: end of sequence and end of turn.
    pub fn stop_ids(&self) -> Vec<TokenId> {
        let mut ids: Vec<TokenId> = self.eos_id().into_iter().chain(self.eot_id()).collect();
        ids.dedup();
        ids
    }

    /// The chat template that came with the model: the one for tools if there is one and the
    /// request has tools, else the default one. `None`: the model cannot chat.
    pub fn chat_template(&self, has_tools: bool) -> Option<&str> {
        let named = |name| self.parts.chat_templates.iter().find(|template| template.name == name);
        let for_tools = if has_tools { named("tool_use") } else { None };
        for_tools.or_else(|| named("default")).map(|template| template.source.as_str())
    }

    /// All chat templates that came with the model.
    pub fn chat_templates(&self) -> &[ChatTemplateSource] {
        &self.parts.chat_templates
    }

    /// True if decoding drops the space in front of the whole text.
    pub(crate) fn strips_leading_space(&self) -> bool {
        self.parts.strips_leading_space
    }
}

#[cfg(test)]
mod tests;
