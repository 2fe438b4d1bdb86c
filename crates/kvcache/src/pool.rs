//! The pool: single owner of every block's state.
//!
//! ```text
//!            grow                     seal                      release
//!   free ----------> live, unsealed ------> live, sealed ------------------> cached
//!    ^                     |                     ^                             |
//!    |       release       |                     '------- admit (a hit) -------|
//!    '---------------------'                                                   |
//!    '----- grow takes the least recently used when none is free <-------------'
//! ```
//!
//! Only sealed blocks are ever shared, and a sealed block is never written again: a sequence
//! writes only to positions at or behind its first uncomputed token, which lie behind every full
//! block it found in the cache. So sharing needs no copy.

use std::collections::HashMap;
use std::collections::hash_map::Entry;

use thiserror::Error;
use types::{BlockId, TokenId};

use crate::block_list::BlockList;
use crate::events::KvEvents;
use crate::hash::{BlockHash, BlockHashes};

/// A sequence's blocks in order. Owns them: not `Clone`, and given back by
/// [`BlockPool::release`] only; a dropped table would leak its blocks, which
/// [`BlockPool::audit`] finds.
#[must_use = "the blocks go back to the pool only through BlockPool::release"]
#[derive(Debug)]
pub struct BlockTable {
    blocks: Vec<BlockId>,
    /// How many of the first `blocks` hold final content that the cache was offered.
    num_sealed: usize,
}

impl BlockTable {
    /// The blocks, in the order of the tokens they hold.
    pub fn blocks(&self) -> &[BlockId] {
        &self.blocks
    }
}

/// The pool cannot give the blocks asked for; nothing has changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[error("{needed} more KV blocks are needed and {available} are available")]
pub struct OutOfBlocks {
    /// Blocks asked for.
    pub needed: usize,
    /// Blocks that are free or held by the cache alone.
    pub available: usize,
}

/// What the prefix cache holds of a sequence.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct PrefixHit {
    /// Leading blocks found.
    pub num_blocks: usize,
    /// Of which nobody uses at the moment: taking the hit makes this many fewer available.
    pub num_unreferenced: usize,
}

#[derive(Clone, Copy, Debug, Default)]
struct Block {
    /// Tables that hold this block.
    num_refs: u32,
    /// Set while the cache finds this block under this name.
    hash: Option<BlockHash>,
    /// Set while readers of events know of this block.
    is_published: bool,
}

/// Room of the name table per block. Removed names leave tombstones; a table that is never more
/// than half full clears them in place and so never grows.
const NAME_SLOTS_PER_BLOCK: usize = 2;

/// All blocks of a KV cache.
#[derive(Debug)]
pub struct BlockPool {
    block_size: usize,
    enable_prefix_caching: bool,
    blocks: Vec<Block>,
    /// Blocks without content, used last in, first out.
    free: Vec<BlockId>,
    /// Sealed blocks that no table holds, least recently used first.
    cached: BlockList,
    /// Every sealed block by name, referenced or not.
    by_hash: HashMap<BlockHash, BlockId>,
    /// Present if somebody wants to know.
    events: Option<KvEvents>,
}

impl BlockPool {
    /// A pool of `num_blocks` free blocks of `block_size` tokens.
    pub fn new(num_blocks: usize, block_size: usize, enable_prefix_caching: bool) -> Self {
        assert!(block_size > 0, "a block holds at least one token");
        let num_ids = u32::try_from(num_blocks).expect("block ids are 32-bit");
        Self {
            block_size,
            enable_prefix_caching,
            blocks: vec![Block::default(); num_blocks],
            free: (0..num_ids).rev().map(BlockId).collect(),
            cached: BlockList::new(num_blocks),
            by_hash: HashMap::with_capacity(match enable_prefix_caching {
                true => num_blocks * NAME_SLOTS_PER_BLOCK,
                false => 0,
            }),
            events: None,
        }
    }

    /// Records events from now on, for [`Self::take_events`].
    pub fn record_events(&mut self) {
        self.events = Some(KvEvents::default());
    }

    /// Moves what was recorded since the last call to the end of `into`.
    pub fn take_events(&mut self, into: &mut KvEvents) {
        if let Some(events) = &mut self.events {
            into.append(events);
        }
    }

    /// Blocks that `num_tokens` tokens take.
    pub fn blocks_for(&self, num_tokens: usize) -> usize {
        num_tokens.div_ceil(self.block_size)
    }

    /// All blocks.
    pub fn num_blocks(&self) -> usize {
        self.blocks.len()
    }

    /// Blocks without content.
    pub fn num_free(&self) -> usize {
        self.free.len()
    }

    /// Sealed blocks that no table holds.
    pub fn num_cached(&self) -> usize {
        self.cached.len()
    }

    /// Blocks that at least one table holds.
    pub fn num_live(&self) -> usize {
        self.num_blocks() - self.num_available()
    }

    /// Blocks that [`Self::grow`] can give: free and cached ones.
    pub fn num_available(&self) -> usize {
        self.free.len() + self.cached.len()
    }

    /// How much of a sequence of `num_tokens` tokens [`Self::admit`] would find.
    ///
    /// At least one token always remains to be computed, since its logits are wanted. A hit on
    /// every block therefore gives up its last one, which is computed again into a private block:
    /// writing equal values into a shared block would race with its readers.
    pub fn probe(&self, hashes: &BlockHashes, num_tokens: usize) -> PrefixHit {
        let mut hit = PrefixHit::default();
        for block in self.hit_blocks(hashes, num_tokens) {
            hit.num_blocks += 1;
            hit.num_unreferenced += usize::from(self.blocks[block.0 as usize].num_refs == 0);
        }
        hit
    }

    /// Starts a table with the blocks that the cache holds of a sequence of `num_tokens` tokens
    /// (see [`Self::probe`]); the rest comes from [`Self::grow`]. Returns the table and the
    /// number of tokens whose KV it already holds. Cannot fail: it takes what is there. The table
    /// has room for `max_tokens` tokens, so that growing to them allocates nothing.
    pub fn admit(
        &mut self,
        hashes: &BlockHashes,
        num_tokens: usize,
        max_tokens: usize,
    ) -> (BlockTable, usize) {
        let mut blocks = Vec::with_capacity(self.blocks_for(max_tokens.max(num_tokens)));
        blocks.extend(self.hit_blocks(hashes, num_tokens));
        for block in &blocks {
            let state = &mut self.blocks[block.0 as usize];
            if state.num_refs == 0 {
                self.cached.remove(*block);
            }
            state.num_refs += 1;
        }
        let num_cached_tokens = blocks.len() * self.block_size;
        (BlockTable { num_sealed: blocks.len(), blocks }, num_cached_tokens)
    }

    fn hit_blocks<'a>(
        &'a self,
        hashes: &'a BlockHashes,
        num_tokens: usize,
    ) -> impl Iterator<Item = BlockId> + use<'a> {
        let most = num_tokens.saturating_sub(1) / self.block_size;
        // Without prefix caching no block is ever named, so the first look-up ends the search.
        hashes.as_slice().iter().take(most).map_while(|hash| self.by_hash.get(hash).copied())
    }

    /// Appends blocks until the table holds `num_tokens` tokens; all of them or none.
    pub fn grow(&mut self, table: &mut BlockTable, num_tokens: usize) -> Result<(), OutOfBlocks> {
        let needed = self.blocks_for(num_tokens).saturating_sub(table.blocks.len());
        let available = self.num_available();
        if needed > available {
            return Err(OutOfBlocks { needed, available });
        }
        for _ in 0..needed {
            let block = self.take_block();
            table.blocks.push(block);
        }
        Ok(())
    }

    fn take_block(&mut self) -> BlockId {
        let block = self.free.pop().unwrap_or_else(|| {
            let evicted = self.cached.pop_front().expect("availability was checked");
            let state = &mut self.blocks[evicted.0 as usize];
            let hash = state.hash.take().expect("a cached block has a name");
            self.by_hash.remove(&hash);
            if let (true, Some(events)) = (state.is_published, &mut self.events) {
                events.remove(hash.short());
            }
            state.is_published = false;
            evicted
        });
        self.blocks[block.0 as usize].num_refs = 1;
        block
    }

    /// Offers the blocks that the first `num_computed` tokens fill to the cache. `hashes` names
    /// at least these blocks. Their KV must be computed, by a step that has succeeded.
    ///
    /// A block whose content the cache already has stays private: two sequences that computed the
    /// same prefix side by side keep their own copies, and the second copy is freed with its table.
    ///
    /// `tokens` are the sequence's, for events.
    pub fn seal(
        &mut self,
        table: &mut BlockTable,
        hashes: &BlockHashes,
        tokens: &[TokenId],
        num_computed: usize,
    ) {
        if !self.enable_prefix_caching {
            return;
        }
        let num_full = num_computed / self.block_size;
        for idx in table.num_sealed..num_full {
            let (block, hash) = (table.blocks[idx], hashes.as_slice()[idx]);
            let Entry::Vacant(vacant) = self.by_hash.entry(hash) else { continue };
            vacant.insert(block);
            let state = &mut self.blocks[block.0 as usize];
            state.hash = Some(hash);
            if let (false, Some(events)) = (hashes.is_salted(), &mut self.events) {
                let previous = idx.checked_sub(1).map(|before| hashes.as_slice()[before].short());
                let tokens = &tokens[idx * self.block_size..(idx + 1) * self.block_size];
                events.store(hash.short(), previous, tokens);
                state.is_published = true;
            }
        }
        table.num_sealed = table.num_sealed.max(num_full);
    }

    /// Takes a table back. Sealed blocks that nobody else holds stay in the cache; the table's
    /// last block becomes the first to be evicted, because a prefix is of use without its tail
    /// and a tail is of none without its prefix.
    pub fn release(&mut self, table: BlockTable) {
        for block in table.blocks.into_iter().rev() {
            let state = &mut self.blocks[block.0 as usize];
            state.num_refs = state.num_refs.checked_sub(1).expect("a table's block is live");
            if state.num_refs > 0 {
                continue;
            }
            if state.hash.is_some() {
                self.cached.push_back(block);
            } else {
                self.free.push(block);
            }
        }
    }

    /// How many blocks releasing the table would make available: those that nobody else holds.
    pub fn num_exclusive(&self, table: &BlockTable) -> usize {
        table.blocks.iter().filter(|block| self.blocks[block.0 as usize].num_refs == 1).count()
    }

    /// Panics unless `live` are exactly the tables that exist and every count, list and name
    /// agrees with them.
    pub fn audit<'a>(&self, live: impl Iterator<Item = &'a BlockTable>) {
        let mut num_refs = vec![0u32; self.blocks.len()];
        for table in live {
            assert!(table.num_sealed <= table.blocks.len(), "only own blocks are sealed");
            for (idx, block) in table.blocks.iter().enumerate() {
                num_refs[block.0 as usize] += 1;
                let shared = self.blocks[block.0 as usize].num_refs > 1;
                assert!(idx < table.num_sealed || !shared, "{block:?} is shared and unsealed");
            }
        }
        let mut num_live = 0;
        for (state, (counted, id)) in self.blocks.iter().zip(num_refs.iter().zip(0..)) {
            assert_eq!(state.num_refs, *counted, "block {id}: references");
            num_live += usize::from(*counted > 0);
            if let Some(hash) = &state.hash {
                assert_eq!(self.by_hash.get(hash), Some(&BlockId(id)), "block {id}: name");
            }
        }
        let mut num_idle = 0;
        for (block, sealed) in self.idle_blocks() {
            let state = &self.blocks[block.0 as usize];
            assert_eq!(state.num_refs, 0, "{block:?} is idle and held");
            assert_eq!(state.hash.is_some(), sealed, "{block:?} is in the wrong list");
            num_idle += 1;
        }
        assert_eq!(num_idle, self.num_available(), "idle lists have their stated lengths");
        assert_eq!(num_live + num_idle, self.num_blocks(), "free + cached + live = total");
        let num_named = self.blocks.iter().filter(|state| state.hash.is_some()).count();
        assert_eq!(num_named, self.by_hash.len(), "every name belongs to one block");
    }

    fn idle_blocks(&self) -> impl Iterator<Item = (BlockId, bool)> {
        let free = self.free.iter().map(|block| (*block, false));
        free.chain(self.cached.iter().map(|block| (block, true)))
    }
}

#[cfg(test)]
mod tests;
