//! Tokens to text, one at a time.
//!
//! Owns the few bytes of a character that is not complete yet. Works on the tokens' own bytes, so
//! a token costs its length and nothing is decoded twice. One per sequence; called by the
//! server's dispatcher for each sampled token.

use types::TokenId;

use crate::tokenizer::Tokenizer;

/// How to show tokens as text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DetokenizeOptions {
    /// Leave special tokens out.
    pub skip_special: bool,
    /// The tokens continue a text (a completion of a prompt). False for a text of its own, whose
    /// first space a SentencePiece model put there and decoding drops.
    pub continues_text: bool,
}

/// Incremental decoding of one sequence.
///
/// The deltas, put together, are the lossy UTF-8 reading of the tokens' bytes: U+FFFD stands for
/// each maximal broken part, exactly as [`String::from_utf8_lossy`] has it.
#[derive(Clone, Debug)]
pub struct Detokenizer {
    skip_special: bool,
    /// The next text is the first one and loses its leading space.
    strips_next_space: bool,
    /// The first `pending_len` bytes begin a character that is not complete.
    pending: [u8; 4],
    pending_len: usize,
}

impl Detokenizer {
    /// A detokeniser for the tokens of `tokenizer`.
    pub fn new(tokenizer: &Tokenizer, options: DetokenizeOptions) -> Self {
        Self {
            skip_special: options.skip_special,
            strips_next_space: tokenizer.strips_leading_space() && !options.continues_text,
            pending: [0; 4],
            pending_len: 0,
        }
    }

    /// Appends to `delta` the text that `token` completes: maybe none, never broken UTF-8.
    /// `tokenizer` must be the one given at the start.
    pub fn push(&mut self, tokenizer: &Tokenizer, token: TokenId, delta: &mut String) {
        if self.skip_special && tokenizer.is_special(token) {
            return;
        }
        let mut bytes = tokenizer.token_bytes(token);
        if self.strips_next_space && !bytes.is_empty() {
            self.strips_next_space = false;
            bytes = bytes.strip_prefix(b" ").unwrap_or(bytes);
        }
        let rest = self.complete_pending(bytes, delta);
        self.push_bytes(rest, delta);
    }

    /// Ends the text: an incomplete character becomes U+FFFD.
    pub fn finish(&mut self, delta: &mut String) {
        if self.pending_len > 0 {
            delta.push(char::REPLACEMENT_CHARACTER);
            self.pending_len = 0;
        }
    }

    /// Feeds bytes to the incomplete character until it is complete or broken; returns the rest.
    fn complete_pending<'a>(&mut self, mut bytes: &'a [u8], delta: &mut String) -> &'a [u8] {
        while self.pending_len > 0 {
            let Some((&byte, rest)) = bytes.split_first() else { break };
            self.pending[self.pending_len] = byte;
            match std::str::from_utf8(&self.pending[..=self.pending_len]) {
                Ok(text) => {
                    delta.push_str(text);
                    self.pending_len = 0;
                    bytes = rest;
                }
                Err(error) if error.error_len().is_none() => {
                    self.pending_len += 1;
                    bytes = rest;
                }
                // The byte does not belong to the character; it is looked at again as a new one.
                Err(_) => {
                    delta.push(char::REPLACEMENT_CHARACTER);
                    self.pending_len = 0;
                }
            }
        }
        bytes
    }

    fn push_bytes(&mut self, bytes: &[u8], delta: &mut String) {
        let mut chunks = bytes.utf8_chunks().peekable();
        while let Some(chunk) = chunks.next() {
            delta.push_str(chunk.valid());
            let broken = chunk.invalid();
            if broken.is_empty() {
                continue;
            }
            let is_incomplete = chunks.peek().is_none()
                && std::str::from_utf8(broken).is_err_and(|error| error.error_len().is_none());
            if is_incomplete {
                self.pending[..broken.len()].copy_from_slice(broken);
                self.pending_len = broken.len();
            } else {
                delta.push(char::REPLACEMENT_CHARACTER);
            }
        }
    }
}

#[cfg(test)]
mod tests;
