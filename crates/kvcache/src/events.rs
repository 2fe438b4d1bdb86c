//! What happened to named blocks, for routers that keep a map of who caches which prefix.
//!
//! Recorded by the pool only when asked for. Flat arrays that keep their memory, like a step's.

use std::ops::Range;

use types::TokenId;

/// One change of what the cache finds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum KvEvent {
    /// Consecutive blocks of one sequence are found from now on.
    Stored {
        /// Places of their names in [`KvEvents::hashes`].
        hashes: Range<usize>,
        /// Name of the block before the first one; `None` at a sequence's beginning.
        parent: Option<u64>,
        /// Places of their tokens in [`KvEvents::tokens`], as many to each block.
        tokens: Range<usize>,
    },
    /// A block is not found any more.
    Removed {
        /// Its name.
        hash: u64,
    },
}

/// Changes in the order in which they happened.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct KvEvents {
    /// The changes.
    pub list: Vec<KvEvent>,
    /// Names, 64 bits of each block's hash.
    pub hashes: Vec<u64>,
    /// Tokens.
    pub tokens: Vec<TokenId>,
}

impl KvEvents {
    /// True when nothing happened.
    pub fn is_empty(&self) -> bool {
        self.list.is_empty()
    }

    /// Forgets everything and keeps the memory.
    pub fn clear(&mut self) {
        self.list.clear();
        self.hashes.clear();
        self.tokens.clear();
    }

    /// Moves what `other` holds to the end of this.
    pub fn append(&mut self, other: &mut Self) {
        let (num_hashes, num_tokens) = (self.hashes.len(), self.tokens.len());
        self.list.extend(other.list.drain(..).map(|event| match event {
            KvEvent::Stored { hashes, parent, tokens } => KvEvent::Stored {
                hashes: hashes.start + num_hashes..hashes.end + num_hashes,
                parent,
                tokens: tokens.start + num_tokens..tokens.end + num_tokens,
            },
            removed @ KvEvent::Removed { .. } => removed,
        }));
        self.hashes.append(&mut other.hashes);
        self.tokens.append(&mut other.tokens);
    }

    pub(crate) fn remove(&mut self, hash: u64) {
        self.list.push(KvEvent::Removed { hash });
    }

    /// A block was stored; joined to the event before it if it goes on where that one ends.
    /// `previous` is the block before it in its sequence.
    pub(crate) fn store(&mut self, hash: u64, previous: Option<u64>, tokens: &[TokenId]) {
        let goes_on = previous.is_some() && previous == self.hashes.last().copied();
        self.hashes.push(hash);
        self.tokens.extend_from_slice(tokens);
        let (num_hashes, num_tokens) = (self.hashes.len(), self.tokens.len());
        match self.list.last_mut() {
            Some(KvEvent::Stored { hashes, tokens, .. }) if goes_on => {
                (hashes.end, tokens.end) = (num_hashes, num_tokens);
            }
            _ => self.list.push(KvEvent::Stored {
                hashes: num_hashes - 1..num_hashes,
                parent: previous,
                tokens: num_tokens - tokens.len()..num_tokens,
            }),
        }
    }
}
