//! The tokens of a model: text, exact bytes and kind of each id.
//!
//! Owns the tables every other part looks tokens up in. Never encodes text.

use std::collections::HashMap;

use types::TokenId;

use crate::error::{LoadError, Origin};

/// Most tokens a vocabulary may have; the largest served today has 256 Ki.
pub const MAX_VOCAB_TOKENS: usize = 1 << 20;
/// Most merge rules a vocabulary may have.
pub const MAX_MERGES: usize = 1 << 21;
/// Longest token, in bytes of its text.
pub const MAX_TOKEN_BYTES: usize = 4096;

/// What a token is for. The numbers of GGUF's `tokenizer.ggml.token_type` are in brackets.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TokenKind {
    /// Ordinary text (1).
    Normal,
    /// Stands for text the vocabulary cannot express (2). Special.
    Unknown,
    /// Steers the model: begin, end, roles (3). Special.
    Control,
    /// Text that is always one token (4).
    UserDefined,
    /// Reserved (5).
    Unused,
    /// One raw byte, written `<0xNN>` (6).
    Byte,
}

impl TokenKind {
    /// True for tokens that never show in text meant for people.
    pub fn is_special(self) -> bool {
        matches!(self, Self::Control | Self::Unknown)
    }
}

/// How a token's text stands for bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum ByteStyle {
    /// GPT-2's table: one character per byte.
    ByteLevel,
    /// SentencePiece: U+2581 is a space, `<0xNN>` is a byte, the rest is itself.
    SentencePiece,
}

/// U+2581, which SentencePiece writes for a space.
pub(crate) const SPACE_MARK: char = '\u{2581}';

/// One token as a loader hands it over.
#[derive(Clone, Debug)]
pub(crate) struct TokenEntry {
    pub(crate) text: String,
    pub(crate) kind: TokenKind,
}

/// The tokens of a model, ids `0..len`.
#[derive(Debug)]
pub(crate) struct Vocabulary {
    texts: Vec<Box<str>>,
    kinds: Vec<TokenKind>,
    /// All tokens' bytes, one after the other.
    bytes: Vec<u8>,
    /// `byte_ends[id]` is where token `id` ends in `bytes`.
    byte_ends: Vec<u32>,
    ids: HashMap<Box<str>, TokenId>,
}

impl Vocabulary {
    /// Builds the tables. The first of two tokens with the same text answers to that text.
    ///
    /// Errors: no token, too many tokens, a token too long, a byte token that names no byte.
    pub(crate) fn new(
        entries: Vec<TokenEntry>,
        style: ByteStyle,
        origin: &Origin,
        field: &str,
    ) -> Result<Self, LoadError> {
        origin.at_most(field, entries.len(), MAX_VOCAB_TOKENS)?;
        if entries.is_empty() {
            return Err(origin.malformed(field, "the vocabulary is empty"));
        }
        let mut vocabulary = Self {
            texts: Vec::with_capacity(entries.len()),
            kinds: Vec::with_capacity(entries.len()),
            bytes: Vec::new(),
            byte_ends: Vec::with_capacity(entries.len()),
            ids: HashMap::with_capacity(entries.len()),
        };
        for (token_idx, entry) in entries.into_iter().enumerate() {
            let at = || format!("{field}[{token_idx}]");
            origin.at_most(&at(), entry.text.len(), MAX_TOKEN_BYTES)?;
            let bytes = token_bytes(&entry, style)
                .ok_or_else(|| origin.malformed(at(), "a byte token must be written `<0xNN>`"))?;
            vocabulary.bytes.extend_from_slice(&bytes);
            let end = u32::try_from(vocabulary.bytes.len())
                .map_err(|_| origin.malformed(field, "the tokens hold more than 4 GiB"))?;
            vocabulary.byte_ends.push(end);
            vocabulary.kinds.push(entry.kind);
            let text = entry.text.into_boxed_str();
            vocabulary.ids.entry(text.clone()).or_insert(token_idx as TokenId);
            vocabulary.texts.push(text);
        }
        Ok(vocabulary)
    }

    pub(crate) fn len(&self) -> usize {
        self.texts.len()
    }

    pub(crate) fn text(&self, id: TokenId) -> Option<&str> {
        self.texts.get(id as usize).map(AsRef::as_ref)
    }

    pub(crate) fn kind(&self, id: TokenId) -> Option<TokenKind> {
        self.kinds.get(id as usize).copied()
    }

    pub(crate) fn id_of(&self, text: &str) -> Option<TokenId> {
        self.ids.get(text).copied()
    }

    /// The bytes a token stands for; empty for ids outside the vocabulary, which a model with a
    /// padded output layer can produce.
    pub(crate) fn bytes(&self, id: TokenId) -> &[u8] {
        let idx = id as usize;
        let Some(&end) = self.byte_ends.get(idx) else { return &[] };
        let start = if idx == 0 { 0 } else { self.byte_ends[idx - 1] };
        &self.bytes[start as usize..end as usize]
    }

    /// True if each byte that occurs in UTF-8 has a token of its own, so that no text is lost.
    pub(crate) fn has_all_bytes(&self) -> bool {
        let mut is_known = [false; 256];
        for never_in_utf8 in [0xc0..=0xc1, 0xf5..=0xff_usize] {
            is_known[never_in_utf8].fill(true);
        }
        for id in 0..self.len() as TokenId {
            if let &[byte] = self.bytes(id) {
                is_known[usize::from(byte)] = true;
            }
        }
        is_known.into_iter().all(|is_known| is_known)
    }

    /// The most bytes of input one token can stand for.
    pub(crate) fn max_input_bytes(&self) -> usize {
        let of_id = |id| self.bytes(id).len().max(self.text(id).map_or(0, str::len));
        (0..self.len() as TokenId).map(of_id).max().unwrap_or(0)
    }
}

/// The bytes of one token; `None` if it is a byte token without a byte.
///
/// Control and user-defined tokens are added to a vocabulary as plain text, outside the byte
/// alphabet; so is anything in a byte-level vocabulary that is not of the alphabet.
fn token_bytes(entry: &TokenEntry, style: ByteStyle) -> Option<Vec<u8>> {
    let plain = || entry.text.as_bytes().to_vec();
    match (entry.kind, style) {
        (TokenKind::Byte, _) => byte_token(&entry.text).map(|byte| vec![byte]),
        (TokenKind::Control | TokenKind::Unknown, _) => Some(plain()),
        (TokenKind::UserDefined, ByteStyle::ByteLevel) => Some(plain()),
        (_, ByteStyle::ByteLevel) => {
            Some(crate::byte_level::bytes_of(&entry.text).unwrap_or_else(plain))
        }
        (_, ByteStyle::SentencePiece) => Some(entry.text.replace(SPACE_MARK, " ").into_bytes()),
    }
}

/// The byte of a token written `<0xNN>`, two hexadecimal digits exactly.
pub(crate) fn byte_token(text: &str) -> Option<u8> {
    let digits = text.strip_prefix("<0x")?.strip_suffix('>')?;
    // `from_str_radix` alone would take a sign.
    let is_hex = digits.len() == 2 && digits.bytes().all(|b| b.is_ascii_hexdigit());
    is_hex.then(|| u8::from_str_radix(digits, 16).ok()).flatten()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entry(text: &str, kind: TokenKind) -> TokenEntry {
        TokenEntry { text: text.to_owned(), kind }
    }

    fn build(entries: Vec<TokenEntry>, style: ByteStyle) -> Result<Vocabulary, LoadError> {
        Vocabulary::new(entries, style, &Origin::new("test"), "tokens")
    }

    #[test]
    fn byte_tokens_are_two_hexadecimal_digits() {
        assert_eq!(byte_token("<0x0A>"), Some(10));
        assert_eq!(byte_token("<0xff>"), Some(255));
        for wrong in
            ["<0x-1>", "<0x+1>", "<0x1>", "<0x100>", "<0x>", "0x0A", "<0xG0>", "<0x\u{e9}>"]
        {
            assert_eq!(byte_token(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn bytes_follow_the_style_and_the_kind() {
        let entries = vec![
            entry("\u{120}a", TokenKind::Normal),
            entry("\u{e9}", TokenKind::Control),
            entry("\u{2581}b", TokenKind::Normal),
        ];
        let byte_level = build(entries.clone(), ByteStyle::ByteLevel).unwrap();
        assert_eq!(byte_level.bytes(0), b" a");
        assert_eq!(byte_level.bytes(1), "\u{e9}".as_bytes());
        assert_eq!(byte_level.bytes(2), "\u{2581}b".as_bytes());
        assert_eq!(byte_level.bytes(3), b"");
        let sentencepiece = build(entries, ByteStyle::SentencePiece).unwrap();
        assert_eq!(sentencepiece.bytes(2), b" b");
        assert_eq!(sentencepiece.id_of("\u{2581}b"), Some(2));
    }

    #[test]
    fn malformed_vocabularies_name_the_field() {
        let bad_byte = build(vec![entry("<0x-1>", TokenKind::Byte)], ByteStyle::SentencePiece);
        assert!(bad_byte.unwrap_err().to_string().contains("tokens[0]"));
        let long = "x".repeat(MAX_TOKEN_BYTES + 1);
        let too_long = build(vec![entry(&long, TokenKind::Normal)], ByteStyle::ByteLevel);
        assert!(matches!(too_long, Err(LoadError::TooLarge { .. })));
        assert!(matches!(build(vec![], ByteStyle::ByteLevel), Err(LoadError::Malformed { .. })));
    }
}
