//! The parts of `tokenizer.json` and `tokenizer_config.json` that are read, as types.
//!
//! Bounded while reading: a vocabulary above its limit ends the parse instead of filling memory.
//! Source of the format: huggingface/tokenizers, `tokenizers/src/tokenizer/serialization.rs` and
//! `models/bpe/serialization.rs`; of the configuration: huggingface/transformers,
//! `tokenization_utils_base.py`.

use std::collections::HashMap;
use std::fmt;
use std::marker::PhantomData;

use serde::de::{DeserializeOwned, Error as _, MapAccess, SeqAccess, Visitor};
use serde::{Deserialize, Deserializer};
use serde_json::Value;
use types::TokenId;

use crate::vocabulary::{MAX_MERGES, MAX_VOCAB_TOKENS};

/// `tokenizer.json`. Truncation and padding are the server's business and left out.
#[derive(Deserialize)]
pub(crate) struct TokenizerJson {
    #[serde(default)]
    pub(crate) added_tokens: BoundedVec<AddedTokenJson, MAX_VOCAB_TOKENS>,
    #[serde(default)]
    pub(crate) normalizer: Option<Value>,
    #[serde(default)]
    pub(crate) pre_tokenizer: Option<Value>,
    #[serde(default)]
    pub(crate) post_processor: Option<Value>,
    #[serde(default)]
    pub(crate) decoder: Option<Value>,
    pub(crate) model: ModelJson,
}

/// `added_tokens[i]`.
#[derive(Deserialize)]
pub(crate) struct AddedTokenJson {
    pub(crate) id: TokenId,
    pub(crate) content: String,
    #[serde(default)]
    pub(crate) single_word: bool,
    #[serde(default)]
    pub(crate) lstrip: bool,
    #[serde(default)]
    pub(crate) rstrip: bool,
    #[serde(default)]
    pub(crate) normalized: bool,
    #[serde(default)]
    pub(crate) special: bool,
}

/// `model`. Files from before 2020 leave the type out; they are BPE.
#[derive(Deserialize)]
pub(crate) struct ModelJson {
    #[serde(rename = "type", default)]
    pub(crate) kind: Option<String>,
    #[serde(default)]
    pub(crate) dropout: Option<f64>,
    #[serde(default)]
    pub(crate) unk_token: Option<String>,
    #[serde(default)]
    pub(crate) continuing_subword_prefix: Option<String>,
    #[serde(default)]
    pub(crate) end_of_word_suffix: Option<String>,
    #[serde(default)]
    pub(crate) fuse_unk: bool,
    #[serde(default)]
    pub(crate) byte_fallback: bool,
    #[serde(default)]
    pub(crate) ignore_merges: bool,
    /// An object for BPE; other models store it in other ways, which `None` stands for.
    #[serde(default)]
    pub(crate) vocab: VocabJson,
    #[serde(default)]
    pub(crate) merges: BoundedVec<MergeJson, MAX_MERGES>,
}

/// `model.merges[i]`: `"left right"` in old files, `["left", "right"]` in new ones.
#[derive(Deserialize)]
#[serde(untagged)]
pub(crate) enum MergeJson {
    Pair(String, String),
    Joined(String),
}

/// `tokenizer_config.json`, also `special_tokens_map.json`.
#[derive(Default, Deserialize)]
pub(crate) struct ConfigJson {
    #[serde(default)]
    pub(crate) add_bos_token: Option<bool>,
    #[serde(default)]
    pub(crate) add_eos_token: Option<bool>,
    #[serde(default)]
    pub(crate) bos_token: Option<TokenNameJson>,
    #[serde(default)]
    pub(crate) eos_token: Option<TokenNameJson>,
    #[serde(default)]
    pub(crate) unk_token: Option<TokenNameJson>,
    #[serde(default)]
    pub(crate) pad_token: Option<TokenNameJson>,
    #[serde(default)]
    pub(crate) chat_template: Option<ChatTemplateJson>,
}

/// A token named by its text, or by an object that has it as `content`.
#[derive(Deserialize)]
#[serde(untagged)]
pub(crate) enum TokenNameJson {
    Text(String),
    Object { content: String },
}

impl TokenNameJson {
    pub(crate) fn text(&self) -> &str {
        match self {
            Self::Text(text) | Self::Object { content: text } => text,
        }
    }
}

/// One template, or several with names.
#[derive(Deserialize)]
#[serde(untagged)]
pub(crate) enum ChatTemplateJson {
    One(String),
    Named(Vec<NamedTemplateJson>),
}

/// `chat_template[i]`.
#[derive(Deserialize)]
pub(crate) struct NamedTemplateJson {
    pub(crate) name: String,
    pub(crate) template: String,
}

/// A list that stops being read above `LIMIT` entries.
pub(crate) struct BoundedVec<T, const LIMIT: usize>(pub(crate) Vec<T>);

impl<T, const LIMIT: usize> Default for BoundedVec<T, LIMIT> {
    fn default() -> Self {
        Self(Vec::new())
    }
}

impl<'de, T: DeserializeOwned, const LIMIT: usize> Deserialize<'de> for BoundedVec<T, LIMIT> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct ListVisitor<T, const LIMIT: usize>(PhantomData<T>);

        impl<'de, T: DeserializeOwned, const LIMIT: usize> Visitor<'de> for ListVisitor<T, LIMIT> {
            type Value = BoundedVec<T, LIMIT>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, "a list of at most {LIMIT} entries")
            }

            fn visit_unit<E>(self) -> Result<Self::Value, E> {
                Ok(BoundedVec::default())
            }

            fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Self::Value, A::Error> {
                let mut items = Vec::new();
                while let Some(item) = seq.next_element()? {
                    if items.len() == LIMIT {
                        return Err(A::Error::custom(format!("more than {LIMIT} entries")));
                    }
                    items.push(item);
                }
                Ok(BoundedVec(items))
            }
        }

        deserializer.deserialize_any(ListVisitor(PhantomData))
    }
}

/// `model.vocab`.
#[derive(Default)]
pub(crate) struct VocabJson(pub(crate) Option<HashMap<String, TokenId>>);

impl<'de> Deserialize<'de> for VocabJson {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct VocabVisitor;

        impl<'de> Visitor<'de> for VocabVisitor {
            type Value = VocabJson;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, "an object of at most {MAX_VOCAB_TOKENS} tokens")
            }

            /// The list form belongs to models that are refused by their type.
            fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<VocabJson, A::Error> {
                while seq.next_element::<serde::de::IgnoredAny>()?.is_some() {}
                Ok(VocabJson(None))
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<VocabJson, A::Error> {
                let mut vocab = HashMap::new();
                while let Some((token, id)) = map.next_entry::<String, TokenId>()? {
                    if vocab.len() == MAX_VOCAB_TOKENS {
                        let problem = format!("more than {MAX_VOCAB_TOKENS} tokens");
                        return Err(A::Error::custom(problem));
                    }
                    if vocab.insert(token, id).is_some() {
                        return Err(A::Error::custom(format!("id {id}: a token stands twice")));
                    }
                }
                Ok(VocabJson(Some(vocab)))
            }
        }

        deserializer.deserialize_any(VocabVisitor)
    }
}
