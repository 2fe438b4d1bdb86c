//! Stop strings over a stream of text.
//!
//! Owns the text that may be the start of a stop string and is held back until that is known. The
//! match that ends first wins; of those ending at the same place, the longest. So the result does
//! not depend on how the text is cut into deltas, and a stream never waits for a longer match.
//! Each byte costs amortised constant time per stop string (Knuth, Morris and Pratt, 1977).

use std::sync::Arc;

/// Most stop strings of one request.
pub const MAX_STOP_STRINGS: usize = 16;
/// Longest stop string, in bytes. It bounds the text held back.
pub const MAX_STOP_STRING_BYTES: usize = 1024;

/// Stop strings that a request may not have.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum StopStringsError {
    /// An empty string would stop at once.
    #[error("stop string {index} is empty")]
    Empty {
        /// Position in the request's list.
        index: usize,
    },
    /// Longer than [`MAX_STOP_STRING_BYTES`].
    #[error("stop string {index} has {num_bytes} bytes; the limit is {MAX_STOP_STRING_BYTES}")]
    TooLong {
        /// Position in the request's list.
        index: usize,
        /// Its size.
        num_bytes: usize,
    },
    /// More than [`MAX_STOP_STRINGS`].
    #[error("{count} stop strings; the limit is {MAX_STOP_STRINGS}")]
    TooMany {
        /// How many there are.
        count: usize,
    },
}

/// A stop string was found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct StopMatch {
    /// Position of the stop string in the request's list.
    pub index: usize,
}

/// One stop string with its failure table.
#[derive(Debug)]
struct Pattern {
    text: Box<str>,
    /// `fallback[i]`: length of the longest proper suffix of `text[..=i]` that begins `text`.
    fallback: Box<[usize]>,
}

impl Pattern {
    fn new(text: &str) -> Self {
        let bytes = text.as_bytes();
        let mut fallback = vec![0; bytes.len()];
        let mut len = 0;
        for i in 1..bytes.len() {
            while len > 0 && bytes[i] != bytes[len] {
                len = fallback[len - 1];
            }
            len += usize::from(bytes[i] == bytes[len]);
            fallback[i] = len;
        }
        Self { text: text.into(), fallback: fallback.into() }
    }

    /// How much of the pattern the stream ends with after `byte`, given `len` before. `len` is
    /// below the pattern's length: a stream ends at its first match.
    fn advance(&self, mut len: usize, byte: u8) -> usize {
        let bytes = self.text.as_bytes();
        while len > 0 && bytes[len] != byte {
            len = self.fallback[len - 1];
        }
        len + usize::from(bytes[len] == byte)
    }
}

/// Looks for stop strings in one stream of text. Clones share the tables, so the sequences of one
/// request clone an unused one.
#[derive(Clone, Debug)]
pub struct StopStrings {
    patterns: Arc<[Pattern]>,
    include_stop: bool,
    /// How much of each pattern the stream ends with.
    matched_lens: Vec<usize>,
    held: String,
    found: Option<StopMatch>,
}

impl StopStrings {
    /// A matcher for `stops`; with none it lets all text through. `include_stop` leaves the stop
    /// string itself in the text.
    pub fn new<S: AsRef<str>>(stops: &[S], include_stop: bool) -> Result<Self, StopStringsError> {
        if stops.len() > MAX_STOP_STRINGS {
            return Err(StopStringsError::TooMany { count: stops.len() });
        }
        let check = |(index, stop): (usize, &S)| match stop.as_ref() {
            "" => Err(StopStringsError::Empty { index }),
            text if text.len() > MAX_STOP_STRING_BYTES => {
                Err(StopStringsError::TooLong { index, num_bytes: text.len() })
            }
            text => Ok(Pattern::new(text)),
        };
        let patterns: Arc<[Pattern]> =
            stops.iter().enumerate().map(check).collect::<Result<_, _>>()?;
        let matched_lens = vec![0; patterns.len()];
        Ok(Self { patterns, include_stop, matched_lens, held: String::new(), found: None })
    }

    /// Takes the next `delta` and appends to `out` what can be shown now. After a match the rest
    /// of the stream is dropped, and each later call reports the same match.
    pub fn push(&mut self, delta: &str, out: &mut String) -> Option<StopMatch> {
        if self.found.is_some() || self.patterns.is_empty() {
            if self.found.is_none() {
                out.push_str(delta);
            }
            return self.found;
        }
        let Some((end, found)) = self.search(delta.as_bytes()) else {
            self.held.push_str(delta);
            let num_shown = self.held.len() - self.num_held_back();
            out.push_str(&self.held[..num_shown]);
            self.held.drain(..num_shown);
            return None;
        };
        self.held.push_str(&delta[..end]);
        let num_dropped = if self.include_stop { 0 } else { self.patterns[found.index].text.len() };
        out.push_str(&self.held[..self.held.len() - num_dropped]);
        self.held = String::new();
        self.found = Some(found);
        self.found
    }

    /// Ends the stream without a match: appends what was held back.
    pub fn finish(&mut self, out: &mut String) {
        out.push_str(&self.held);
        self.held.clear();
    }

    /// The match, once there was one.
    pub fn found(&self) -> Option<StopMatch> {
        self.found
    }

    /// The first match in `bytes` and where it ends.
    fn search(&mut self, bytes: &[u8]) -> Option<(usize, StopMatch)> {
        for (byte_idx, &byte) in bytes.iter().enumerate() {
            let mut longest: Option<usize> = None;
            for (index, pattern) in self.patterns.iter().enumerate() {
                let len = pattern.advance(self.matched_lens[index], byte);
                self.matched_lens[index] = len;
                let is_longer = longest.is_none_or(|other| len > self.patterns[other].text.len());
                if len == pattern.text.len() && is_longer {
                    longest = Some(index);
                }
            }
            if let Some(index) = longest {
                return Some((byte_idx + 1, StopMatch { index }));
            }
        }
        None
    }

    /// Bytes at the end of the stream that may yet become part of a stop string. They begin with
    /// a stop string's first byte, hence at a character.
    fn num_held_back(&self) -> usize {
        // A stop string that stays in the text can be shown as it comes.
        if self.include_stop { 0 } else { self.matched_lens.iter().copied().max().unwrap_or(0) }
    }
}

#[cfg(test)]
mod tests;
