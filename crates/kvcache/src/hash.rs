//! Names of full blocks: a chained SHA-256 over everything that determines a block's KV content.
//!
//! The chain starts from the tenant's salt, so equal prompts of different tenants never meet, and
//! each link covers its parent, so an equal hash means an equal prefix from the first token on.
//! A strong hash because clients choose the tokens: with a weak one they could craft a collision
//! and read another prompt's cache.

use sha2::{Digest, Sha256};
use types::{CacheSalt, TokenId};

/// Separates our chains from any other use of SHA-256, and one version of the layout from the next.
const DOMAIN: &[u8] = b"ropeway kv block v1";

/// SHA-256 of a full block's content and everything before it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct BlockHash([u8; 32]);

impl BlockHash {
    /// The last 64 bits, big-endian: what readers of cache events take of a long hash.
    pub fn short(self) -> u64 {
        let [.., a, b, c, d, e, f, g, h] = self.0;
        u64::from_be_bytes([a, b, c, d, e, f, g, h])
    }
}

/// The hashes of a sequence's full blocks, in order; grows with the sequence and is computed once
/// per block, however often the sequence is looked up, preempted and sealed.
#[derive(Clone, Debug)]
pub struct BlockHashes {
    block_size: usize,
    root: BlockHash,
    is_salted: bool,
    hashes: Vec<BlockHash>,
}

impl BlockHashes {
    /// An empty chain of the tenant `salt`.
    pub fn new(block_size: usize, salt: &CacheSalt) -> Self {
        assert!(block_size > 0, "a block holds at least one token");
        let mut sha = Sha256::new();
        sha.update(DOMAIN);
        // The tag keeps "no salt" and "empty salt" apart; the salt is last, so nothing can shift.
        sha.update([u8::from(salt.0.is_some())]);
        sha.update(salt.0.as_deref().unwrap_or_default());
        Self {
            block_size,
            root: BlockHash(sha.finalize().into()),
            is_salted: salt.0.is_some(),
            hashes: Vec::new(),
        }
    }

    /// Adds the blocks of `tokens` (the whole sequence from position 0) that became full since
    /// the last call.
    pub fn extend(&mut self, tokens: &[TokenId]) {
        let known_tokens = self.hashes.len() * self.block_size;
        debug_assert!(known_tokens <= tokens.len(), "a sequence never shrinks");
        for block in tokens[known_tokens..].chunks_exact(self.block_size) {
            let parent = self.hashes.last().unwrap_or(&self.root);
            let hash = chain(parent, block);
            self.hashes.push(hash);
        }
    }

    /// Makes room for the blocks of `num_tokens` tokens, so that extending to them allocates
    /// nothing.
    pub fn reserve(&mut self, num_tokens: usize) {
        let num_blocks = num_tokens / self.block_size;
        self.hashes.reserve_exact(num_blocks.saturating_sub(self.hashes.len()));
    }

    /// Whether the chain belongs to a tenant of its own, of whom nothing is published.
    pub fn is_salted(&self) -> bool {
        self.is_salted
    }

    /// The hashes known so far, block by block.
    pub fn as_slice(&self) -> &[BlockHash] {
        &self.hashes
    }
}

fn chain(parent: &BlockHash, tokens: &[TokenId]) -> BlockHash {
    let mut sha = Sha256::new();
    sha.update(parent.0);
    for token in tokens {
        sha.update(token.to_le_bytes());
    }
    BlockHash(sha.finalize().into())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn salt(text: &str) -> CacheSalt {
        CacheSalt(Some(text.into()))
    }

    fn hashes(salt: &CacheSalt, tokens: &[TokenId]) -> Vec<BlockHash> {
        let mut chain = BlockHashes::new(8, salt);
        chain.extend(tokens);
        chain.as_slice().to_vec()
    }

    #[test]
    fn only_full_blocks_have_a_hash() {
        let tokens: Vec<TokenId> = (0..23).collect();
        assert_eq!(hashes(&CacheSalt::default(), &tokens).len(), 2);
        assert_eq!(hashes(&CacheSalt::default(), &tokens[..7]).len(), 0);
    }

    #[test]
    fn growing_piecewise_gives_the_same_chain() {
        let tokens: Vec<TokenId> = (0..40).collect();
        let mut chain = BlockHashes::new(8, &salt("a"));
        for end in [1, 8, 9, 30, 40] {
            chain.extend(&tokens[..end]);
        }
        assert_eq!(chain.as_slice(), hashes(&salt("a"), &tokens));
    }

    #[test]
    fn a_block_is_named_by_everything_before_it() {
        let mut tokens: Vec<TokenId> = (0..16).collect();
        let before = hashes(&CacheSalt::default(), &tokens);
        tokens[0] = 99;
        let after = hashes(&CacheSalt::default(), &tokens);
        assert_ne!(before[0], after[0]);
        assert_ne!(before[1], after[1], "same tokens behind a different prefix");
    }

    #[test]
    fn salts_never_meet() {
        let tokens: Vec<TokenId> = (0..8).collect();
        let salts = [CacheSalt(None), salt(""), salt("\u{1}"), salt("a"), salt("ab")];
        let names: std::collections::HashSet<_> =
            salts.iter().map(|salt| hashes(salt, &tokens)[0]).collect();
        assert_eq!(names.len(), salts.len());
    }
}
