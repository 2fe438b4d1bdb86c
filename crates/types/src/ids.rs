//! Identifiers. Newtypes wherever two could be mixed up; token ids stay plain integers because
//! they travel in flat arrays between the tokenizer, the kernels and the wire.

use std::fmt;

/// Index into the model's vocabulary.
pub type TokenId = u32;

/// Stands where a sampled token would, for a row without finite logits: one of them is NaN, the
/// largest is plus infinity, or all are minus infinity before anything is masked. Its sequence ends
/// with [`FinishReason::NotFinite`](crate::FinishReason::NotFinite). No vocabulary reaches this id;
/// a device that already feeds it to the next step must take it for a token outside of the
/// vocabulary, and nobody asks for what comes of it.
pub const NO_TOKEN: TokenId = TokenId::MAX;

/// One sequence inside the engine. A client request with `n = 3` becomes three of these.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct RequestId(pub u64);

impl fmt::Display for RequestId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.0)
    }
}

/// Index of a KV-cache block. Slot `s` of block `b` is global slot `b * block_size + s`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct BlockId(pub u32);

/// Index of a running sequence's sampling state in the executor, `0..max_num_seqs`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct SamplerSlot(pub u32);

/// Separates tenants in the prefix cache: blocks are shared only under an equal salt.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct CacheSalt(pub Option<Box<str>>);
