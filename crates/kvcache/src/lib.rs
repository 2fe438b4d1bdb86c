//! Logical KV-cache blocks: who holds which block, which full blocks can be shared, which are given
//! away next.
//!
//! Owns block ids, reference counts and prefix hashes. Never sees device memory, time, threads or
//! I/O: the executor owns the bytes behind a block id. Called by `scheduler` only.
#![forbid(unsafe_code)]

mod block_list;
mod events;
mod hash;
mod pool;

pub use events::{KvEvent, KvEvents};
pub use hash::{BlockHash, BlockHashes};
pub use pool::{BlockPool, BlockTable, OutOfBlocks, PrefixHit};
