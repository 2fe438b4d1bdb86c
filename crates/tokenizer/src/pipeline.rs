//! The only module that uses the `tokenizers` library: cutting out added tokens, normalising,
//! pre-tokenising and byte-pair merging.
//!
//! Its inputs are validated before: the library panics on merges whose result is too long and
//! reports a missing unknown token only when it needs it. The library's merging is a heap over
//! each word, O(n log n) even for a text without any space. Never decodes; tokens' bytes come from
//! [`Vocabulary`](crate::vocabulary::Vocabulary).

use std::collections::HashMap;

use serde_json::Value;
use tokenizers::models::bpe::{BPE, Vocab};
use tokenizers::normalizers::NormalizerWrapper;
use tokenizers::pre_tokenizers::PreTokenizerWrapper;
use tokenizers::pre_tokenizers::byte_level::ByteLevel;
use tokenizers::pre_tokenizers::sequence::Sequence;
use tokenizers::pre_tokenizers::split::{Split, SplitPattern};
use tokenizers::processors::PostProcessorWrapper;
use tokenizers::{
    AddedToken, AddedVocabulary, Model, OffsetReferential, OffsetType, PostProcessor,
    PreTokenizedString, PreTokenizer, SplitDelimiterBehavior,
};
use types::TokenId;

use crate::error::EncodeError;

/// Words whose tokens each thread remembers. The library's own bound is 10,000 words a thread,
/// which is up to 80 MB of them on every thread of the server's pool.
const WORD_CACHE_CAPACITY: usize = 1024;

/// An error of the library, as text.
type LibraryError = Box<dyn std::error::Error + Send + Sync>;

/// A validated byte-pair model.
#[derive(Debug, Default)]
pub(crate) struct BpeSpec {
    pub(crate) vocab: HashMap<String, TokenId>,
    pub(crate) merges: Vec<(String, String)>,
    pub(crate) unk_token: Option<String>,
    pub(crate) fuse_unk: bool,
    pub(crate) byte_fallback: bool,
    pub(crate) ignore_merges: bool,
}

/// A token that is cut out of the text before anything else happens to it.
#[derive(Clone, Debug)]
pub(crate) struct AddedSpec {
    pub(crate) content: String,
    pub(crate) special: bool,
    pub(crate) single_word: bool,
    pub(crate) lstrip: bool,
    pub(crate) rstrip: bool,
    /// Looked for in the normalised text rather than in the original.
    pub(crate) normalized: bool,
}

impl AddedSpec {
    /// A token found wherever its text stands.
    pub(crate) fn plain(content: &str, special: bool) -> Self {
        Self {
            content: content.to_owned(),
            special,
            single_word: false,
            lstrip: false,
            rstrip: false,
            normalized: false,
        }
    }
}

/// Cuts added tokens out of text.
#[derive(Debug)]
pub(crate) struct AddedTokens {
    /// Finds special and other added tokens.
    all: AddedVocabulary,
    /// Leaves the text of special tokens alone.
    without_special: AddedVocabulary,
}

impl AddedTokens {
    fn new(
        added: &[AddedSpec],
        model: &BPE,
        normalizer: Option<&NormalizerWrapper>,
    ) -> Result<Self, LibraryError> {
        let tokens = added.iter().map(|spec| AddedToken {
            content: spec.content.clone(),
            single_word: spec.single_word,
            lstrip: spec.lstrip,
            rstrip: spec.rstrip,
            normalized: spec.normalized,
            special: spec.special,
        });
        let mut all = AddedVocabulary::new();
        all.add_tokens(tokens, model, normalizer)?;
        let mut without_special = all.clone();
        without_special.set_encode_special_tokens(true);
        Ok(Self { all, without_special })
    }

    /// For a vocabulary that has no byte-pair model; `ids` gives each token its id.
    pub(crate) fn for_ids(
        added: &[AddedSpec],
        ids: HashMap<String, TokenId>,
    ) -> Result<Self, LibraryError> {
        let model = build_bpe(BpeSpec { vocab: ids, ..BpeSpec::default() })?;
        Self::new(added, &model, None)
    }

    /// The id the library gave an added token.
    fn id_of(&self, content: &str) -> Option<TokenId> {
        self.all.get_vocab().get(content).copied()
    }

    fn cut(
        &self,
        text: &str,
        parse_special: bool,
        normalizer: Option<&NormalizerWrapper>,
    ) -> PreTokenizedString {
        let added = if parse_special { &self.all } else { &self.without_special };
        added.extract_and_normalize(normalizer, text)
    }

    /// Calls `on_text` for text between added tokens and `on_token` for added tokens, in order.
    pub(crate) fn for_each_piece(
        &self,
        text: &str,
        parse_special: bool,
        mut on_piece: impl FnMut(Piece<'_>) -> Result<(), EncodeError>,
    ) -> Result<(), EncodeError> {
        let cut = self.cut(text, parse_special, None);
        for (text, _, tokens) in cut.get_splits(OffsetReferential::Original, OffsetType::Byte) {
            match tokens {
                Some(tokens) => {
                    tokens.iter().try_for_each(|token| on_piece(Piece::Token(token.id)))?;
                }
                None => on_piece(Piece::Text(text))?,
            }
        }
        Ok(())
    }
}

/// A piece of text after added tokens were cut out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Piece<'a> {
    Text(&'a str),
    Token(TokenId),
}

/// Byte-pair encoding with everything around it.
#[derive(Debug)]
pub(crate) struct Pipeline {
    added: AddedTokens,
    normalizer: Option<NormalizerWrapper>,
    pre_tokenizer: Option<PreTokenizerWrapper>,
    model: BPE,
}

impl Pipeline {
    /// A byte-level pipeline that cuts words by `patterns`, one after the other.
    pub(crate) fn byte_level(
        bpe: BpeSpec,
        added: &[AddedSpec],
        patterns: &[&str],
    ) -> Result<Self, LibraryError> {
        let mut steps = Vec::with_capacity(patterns.len() + 1);
        for &pattern in patterns {
            let pattern = SplitPattern::Regex(pattern.to_owned());
            let split = Split::new(pattern, SplitDelimiterBehavior::Isolated, false)?;
            steps.push(PreTokenizerWrapper::from(split));
        }
        steps.push(ByteLevel::new(false, false, false).into());
        let model = build_bpe(bpe)?;
        let added = AddedTokens::new(added, &model, None)?;
        let pre_tokenizer = Some(Sequence::new(steps).into());
        Ok(Self { added, normalizer: None, pre_tokenizer, model })
    }

    /// A pipeline as `tokenizer.json` describes it. Errors name the field they belong to.
    pub(crate) fn from_json(
        bpe: BpeSpec,
        added: &[AddedSpec],
        normalizer: Option<Value>,
        pre_tokenizer: Option<Value>,
    ) -> Result<Self, (&'static str, LibraryError)> {
        let normalizer: Option<NormalizerWrapper> = normalizer
            .map(serde_json::from_value)
            .transpose()
            .map_err(|error| ("normalizer", error.into()))?;
        let pre_tokenizer = pre_tokenizer
            .map(serde_json::from_value)
            .transpose()
            .map_err(|error| ("pre_tokenizer", error.into()))?;
        let model = build_bpe(bpe).map_err(|error| ("model", error))?;
        let added = AddedTokens::new(added, &model, normalizer.as_ref())
            .map_err(|error| ("added_tokens", error))?;
        Ok(Self { added, normalizer, pre_tokenizer, model })
    }

    /// The id the pipeline gives an added token.
    pub(crate) fn added_id(&self, content: &str) -> Option<TokenId> {
        self.added.id_of(content)
    }

    /// Appends the tokens of `text`, without begin or end of sequence.
    pub(crate) fn encode(
        &self,
        text: &str,
        parse_special: bool,
        ids: &mut Vec<TokenId>,
    ) -> Result<(), EncodeError> {
        let failed = |error: LibraryError| EncodeError::Inexpressible(error.to_string());
        let mut words = self.added.cut(text, parse_special, self.normalizer.as_ref());
        if let Some(pre_tokenizer) = &self.pre_tokenizer {
            pre_tokenizer.pre_tokenize(&mut words).map_err(failed)?;
        }
        words.tokenize(|word| self.model.tokenize(word.get())).map_err(failed)?;
        let encoding = words.into_encoding(None, 0, OffsetType::None).map_err(failed)?;
        ids.extend_from_slice(encoding.get_ids());
        Ok(())
    }

    /// What a `post_processor` puts before and after a text: found by letting it process `"a"`.
    ///
    /// Errors with a sentence if the processor is malformed or changes the tokens in between.
    pub(crate) fn affixes(
        &self,
        post_processor: Value,
    ) -> Result<(Vec<TokenId>, Vec<TokenId>), LibraryError> {
        let processor: PostProcessorWrapper = serde_json::from_value(post_processor)?;
        let words = {
            let mut words = self.added.cut("a", false, self.normalizer.as_ref());
            if let Some(pre_tokenizer) = &self.pre_tokenizer {
                pre_tokenizer.pre_tokenize(&mut words)?;
            }
            words.tokenize(|word| self.model.tokenize(word.get()))?;
            words.into_encoding(None, 0, OffsetType::Byte)?
        };
        let plain = words.get_ids().to_vec();
        let processed = processor.process(words, None, true)?.get_ids().to_vec();
        let num_added = processed.len().checked_sub(plain.len()).ok_or("it removes tokens")?;
        let start = (0..=num_added)
            .find(|&start| processed[start..].starts_with(&plain))
            .ok_or("it changes tokens inside the text")?;
        let suffix = processed[start + plain.len()..].to_vec();
        Ok((processed[..start].to_vec(), suffix))
    }
}

fn build_bpe(spec: BpeSpec) -> Result<BPE, LibraryError> {
    let vocab: Vocab = spec.vocab.into_iter().collect();
    let mut builder = BPE::builder()
        .vocab_and_merges(vocab, spec.merges)
        .fuse_unk(spec.fuse_unk)
        .byte_fallback(spec.byte_fallback)
        .ignore_merges(spec.ignore_merges)
        .cache_capacity(WORD_CACHE_CAPACITY);
    if let Some(unk_token) = spec.unk_token {
        builder = builder.unk_token(unk_token);
    }
    builder.build()
}
