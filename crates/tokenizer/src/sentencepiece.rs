//! SentencePiece's BPE encoder: merges the best-scored neighbours until none is left.
//!
//! A GGUF "llama" vocabulary has scores and no merge rules. Two neighbours merge if their joint
//! text is a token; the highest score goes first, the leftmost among equals (google/sentencepiece
//! `src/bpe_model.cc`). A heap and a linked list make it O(n log n) in the length of the text.

use std::cmp::Ordering;
use std::collections::{BinaryHeap, HashMap};

use types::TokenId;

use crate::error::{EncodeError, LoadError, Origin};
use crate::vocabulary::{SPACE_MARK, TokenKind, Vocabulary, byte_token};

/// End of the symbol list, or a symbol that was merged away.
const NONE: u32 = u32::MAX;

/// The pieces text may be made of, with what falls back for the rest.
#[derive(Debug)]
pub(crate) struct SentencePiece {
    /// Token and score of each mergeable text.
    pieces: HashMap<Box<str>, (TokenId, f32)>,
    max_piece_bytes: usize,
    /// `byte_ids[b]` is the token `<0xNN>` of byte `b`.
    byte_ids: [Option<TokenId>; 256],
    unknown: Option<TokenId>,
    add_space_prefix: bool,
}

impl SentencePiece {
    /// Builds the encoder. `scores` has one finite number per token.
    ///
    /// Errors: a score that is no number; a byte without token while there is no unknown token.
    pub(crate) fn new(
        vocabulary: &Vocabulary,
        scores: &[f32],
        unknown: Option<TokenId>,
        add_space_prefix: bool,
        origin: &Origin,
    ) -> Result<Self, LoadError> {
        let mut encoder = Self {
            pieces: HashMap::with_capacity(scores.len()),
            max_piece_bytes: 0,
            byte_ids: [None; 256],
            unknown,
            add_space_prefix,
        };
        for (id, &score) in (0..).zip(scores) {
            if !score.is_finite() {
                let field = format!("tokenizer.ggml.scores[{id}]");
                return Err(origin.malformed(field, format!("{score} is not a finite number")));
            }
            let (Some(text), Some(kind)) = (vocabulary.text(id), vocabulary.kind(id)) else {
                continue;
            };
            match kind {
                TokenKind::Byte => {
                    let byte = byte_token(text).expect("the vocabulary checked its byte tokens");
                    encoder.byte_ids[usize::from(byte)].get_or_insert(id);
                }
                TokenKind::Normal | TokenKind::UserDefined | TokenKind::Unused => {
                    encoder.max_piece_bytes = encoder.max_piece_bytes.max(text.len());
                    // Adding zero makes -0.0 and 0.0 the same priority.
                    encoder.pieces.entry(text.into()).or_insert((id, score + 0.0));
                }
                TokenKind::Control | TokenKind::Unknown => {}
            }
        }
        let missing = encoder.byte_ids.iter().position(Option::is_none);
        if let (Some(byte), None) = (missing, unknown) {
            return Err(origin.malformed(
                "tokenizer.ggml.tokens",
                format!("neither `<0x{byte:02X}>` nor an unknown token: some text has no tokens"),
            ));
        }
        Ok(encoder)
    }

    /// True if a space is put before text at the start and after a special token.
    pub(crate) fn add_space_prefix(&self) -> bool {
        self.add_space_prefix
    }

    /// Appends the tokens of `text`. `after_special` is true at the start of the whole text and
    /// right after a special token.
    pub(crate) fn encode(
        &self,
        text: &str,
        after_special: bool,
        ids: &mut Vec<TokenId>,
    ) -> Result<(), EncodeError> {
        if text.is_empty() {
            return Ok(());
        }
        let mut marked = String::with_capacity(text.len() + text.len() / 2 + 3);
        if after_special && self.add_space_prefix {
            marked.push(SPACE_MARK);
        }
        marked.extend(text.chars().map(|c| if c == ' ' { SPACE_MARK } else { c }));
        let mut merging = Merging::new(self, &marked);
        merging.run();
        for symbol in merging.symbols.iter().filter(|symbol| symbol.end != NONE) {
            self.push_symbol(&marked[symbol.start as usize..symbol.end as usize], ids)?;
        }
        Ok(())
    }

    /// Appends one finished symbol: a piece, its bytes, or the unknown token.
    fn push_symbol(&self, symbol: &str, ids: &mut Vec<TokenId>) -> Result<(), EncodeError> {
        if let Some(&(id, _)) = self.pieces.get(symbol) {
            ids.push(id);
            return Ok(());
        }
        if symbol.bytes().all(|byte| self.byte_ids[usize::from(byte)].is_some()) {
            ids.extend(symbol.bytes().filter_map(|byte| self.byte_ids[usize::from(byte)]));
            return Ok(());
        }
        let unknown = self.unknown.ok_or_else(|| {
            EncodeError::Inexpressible(format!("no token and no bytes for {symbol:?}"))
        })?;
        ids.push(unknown);
        Ok(())
    }
}

/// A run of text, `start..end` in bytes; `end` is [`NONE`] once merged into its left neighbour.
struct Symbol {
    start: u32,
    end: u32,
    prev: u32,
    next: u32,
}

/// Two neighbours that may merge. `end` tells whether either has changed since.
struct Candidate {
    score: f32,
    left: u32,
    right: u32,
    end: u32,
}

impl Ord for Candidate {
    fn cmp(&self, other: &Self) -> Ordering {
        self.score.total_cmp(&other.score).then_with(|| other.left.cmp(&self.left))
    }
}

impl PartialOrd for Candidate {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl PartialEq for Candidate {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other) == Ordering::Equal
    }
}

impl Eq for Candidate {}

/// One text being merged.
struct Merging<'a> {
    encoder: &'a SentencePiece,
    text: &'a str,
    symbols: Vec<Symbol>,
    candidates: BinaryHeap<Candidate>,
}

impl<'a> Merging<'a> {
    fn new(encoder: &'a SentencePiece, text: &'a str) -> Self {
        let mut symbols: Vec<Symbol> = Vec::with_capacity(text.len());
        for (symbol_idx, (start, c)) in text.char_indices().enumerate() {
            let symbol_idx = symbol_idx as u32;
            symbols.push(Symbol {
                start: start as u32,
                end: (start + c.len_utf8()) as u32,
                prev: symbol_idx.checked_sub(1).unwrap_or(NONE),
                next: symbol_idx + 1,
            });
        }
        if let Some(last) = symbols.last_mut() {
            last.next = NONE;
        }
        Self { encoder, text, symbols, candidates: BinaryHeap::new() }
    }

    fn run(&mut self) {
        for left in 0..(self.symbols.len() as u32).saturating_sub(1) {
            self.propose(left, left + 1);
        }
        while let Some(candidate) = self.candidates.pop() {
            let (left, right) = (candidate.left as usize, candidate.right as usize);
            // Both still stand, still touch, and still span what they spanned when proposed. The
            // left one's start never changes, so its end against the right one's start suffices.
            let is_current = self.symbols[left].end != NONE
                && self.symbols[left].next == candidate.right
                && self.symbols[right].end == candidate.end;
            if is_current {
                self.merge(left, right);
            }
        }
    }

    fn merge(&mut self, left: usize, right: usize) {
        let Symbol { end, next, .. } = self.symbols[right];
        self.symbols[right].end = NONE;
        self.symbols[left].end = end;
        self.symbols[left].next = next;
        if next != NONE {
            self.symbols[next as usize].prev = left as u32;
            self.propose(left as u32, next);
        }
        let prev = self.symbols[left].prev;
        if prev != NONE {
            self.propose(prev, left as u32);
        }
    }

    fn propose(&mut self, left: u32, right: u32) {
        let start = self.symbols[left as usize].start;
        let end = self.symbols[right as usize].end;
        if (end - start) as usize > self.encoder.max_piece_bytes {
            return;
        }
        let joint = &self.text[start as usize..end as usize];
        if let Some(&(_, score)) = self.encoder.pieces.get(joint) {
            self.candidates.push(Candidate { score, left, right, end });
        }
    }
}

#[cfg(test)]
mod tests;
