//! A model whose KV and next token are known: the KV of a position is a hash of all tokens up to
//! it, and the next token is a function of the last position's KV.
//!
//! As in a real decoder, a position's KV is computed from the KV of the position before it as read
//! from the cache. Any wrong, missing or overwritten KV therefore changes every later token, and a
//! sequence's output must not depend on its company, on chunking, on sharing or on preemption.

use types::TokenId;

use crate::rng::mix;

/// Every next token is below this.
pub(crate) const VOCAB_SIZE: usize = 48;
/// The end-of-sequence token.
pub(crate) const EOS: TokenId = 0;
/// The stop token that some requests ask for.
pub(crate) const STOP: TokenId = 1;

/// KV content of one position: a hash of the tokens from the first to this one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Kv(u64);

impl Kv {
    /// What precedes position 0.
    pub(crate) const ROOT: Self = Self(0x5eed);

    /// The KV of `token` behind this one.
    pub(crate) fn then(self, token: TokenId) -> Self {
        Self(mix(self.0.rotate_left(5) ^ u64::from(token).wrapping_add(0x9e37_79b9)))
    }

    pub(crate) fn of(tokens: &[TokenId]) -> Self {
        tokens.iter().fold(Self::ROOT, |kv, token| kv.then(*token))
    }

    /// The token that the model continues with.
    pub(crate) fn next_token(self) -> TokenId {
        (mix(self.0 ^ 0x70ce) % VOCAB_SIZE as u64) as TokenId
    }
}
