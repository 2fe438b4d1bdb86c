use std::collections::HashMap;

use proptest::prelude::*;
use types::{CacheSalt, TokenId};

use super::*;
use crate::events::{KvEvent, KvEvents};

const BLOCK_SIZE: usize = 8;

/// A sequence of the model: what a scheduler would keep.
struct Seq {
    salt: CacheSalt,
    tokens: Vec<TokenId>,
    hashes: BlockHashes,
    table: BlockTable,
    num_computed: usize,
}

fn salt(tenant: u8) -> CacheSalt {
    CacheSalt((tenant > 0).then(|| format!("tenant {tenant}").into()))
}

fn chain(salt: &CacheSalt, tokens: &[TokenId]) -> BlockHashes {
    let mut hashes = BlockHashes::new(BLOCK_SIZE, salt);
    hashes.extend(tokens);
    hashes
}

/// The pool beside what a device would hold: for each block the tenant and all tokens up to the
/// end of what was written to it.
struct Model {
    pool: BlockPool,
    seqs: Vec<Seq>,
    content: HashMap<BlockId, (CacheSalt, Vec<TokenId>)>,
}

impl Model {
    fn new(num_blocks: usize) -> Self {
        let pool = BlockPool::new(num_blocks, BLOCK_SIZE, true);
        Self { pool, seqs: Vec::new(), content: HashMap::new() }
    }

    fn audit(&self) {
        self.pool.audit(self.seqs.iter().map(|seq| &seq.table));
        for seq in &self.seqs {
            for (idx, block) in seq.table.blocks().iter().enumerate() {
                let end = ((idx + 1) * BLOCK_SIZE).min(seq.num_computed);
                let (tenant, tokens) = &self.content[block];
                assert_eq!(*tenant, seq.salt, "a block of another tenant");
                assert_eq!(tokens[..end], seq.tokens[..end], "KV of other tokens");
            }
        }
    }

    fn admit(&mut self, tenant: u8, tokens: Vec<TokenId>) {
        let salt = salt(tenant);
        let hashes = chain(&salt, &tokens);
        let hit = self.pool.probe(&hashes, tokens.len());
        let available = self.pool.num_available();
        let (table, num_computed) = self.pool.admit(&hashes, tokens.len(), tokens.len());
        assert_eq!(hit.num_blocks * BLOCK_SIZE, num_computed);
        assert_eq!(self.pool.num_available(), available - hit.num_unreferenced);
        assert!(num_computed < tokens.len(), "one token is left to compute");
        self.seqs.push(Seq { salt, tokens, hashes, table, num_computed });
    }

    /// Computes up to `len` more tokens, as one step would, and seals if the step succeeded.
    fn compute(&mut self, at: usize, len: usize, succeeds: bool) {
        let Some(seq) = self.seqs.get_mut(at) else { return };
        let end = (seq.num_computed + len).min(seq.tokens.len());
        let available = self.pool.num_available();
        if let Err(refused) = self.pool.grow(&mut seq.table, end) {
            assert!(refused.needed > available);
            assert_eq!(self.pool.num_available(), available, "nothing changed");
            return;
        }
        assert_eq!(seq.table.blocks().len(), end.div_ceil(BLOCK_SIZE), "waste below one block");
        for position in seq.num_computed..end {
            let block = seq.table.blocks()[position / BLOCK_SIZE];
            assert_eq!(self.pool.blocks[block.0 as usize].num_refs, 1, "writes are private");
            self.content.insert(block, (seq.salt.clone(), seq.tokens[..=position].to_vec()));
        }
        if succeeds {
            seq.num_computed = end;
            self.pool.seal(&mut seq.table, &seq.hashes, &seq.tokens, end);
        } else {
            let seq = self.seqs.swap_remove(at);
            self.pool.release(seq.table);
        }
    }

    fn release(&mut self, at: usize) {
        if at < self.seqs.len() {
            let seq = self.seqs.swap_remove(at);
            let available = self.pool.num_available() + self.pool.num_exclusive(&seq.table);
            self.pool.release(seq.table);
            assert_eq!(self.pool.num_available(), available);
        }
    }
}

#[derive(Clone, Debug)]
enum Op {
    Admit { tenant: u8, tokens: Vec<TokenId> },
    Compute { at: usize, len: usize, succeeds: bool },
    Extend { at: usize, token: TokenId },
    Release { at: usize },
}

fn op() -> impl Strategy<Value = Op> {
    // Two token values: equal prefixes of one to a few blocks are common.
    let tokens = (0u32..3, 1usize..60).prop_map(|(first, len)| {
        let mut tokens = vec![7; len];
        tokens[len / 2] = first;
        tokens
    });
    prop_oneof![
        3 => (0u8..3, tokens).prop_map(|(tenant, tokens)| Op::Admit { tenant, tokens }),
        6 => (0usize..6, 1usize..40, prop::bool::weighted(0.9))
            .prop_map(|(at, len, succeeds)| Op::Compute { at, len, succeeds }),
        4 => (0usize..6, 7u32..9).prop_map(|(at, token)| Op::Extend { at, token }),
        2 => (0usize..6).prop_map(|at| Op::Release { at }),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(400) })]

    #[test]
    fn every_table_holds_its_own_tokens(
        num_blocks in 1usize..24,
        ops in prop::collection::vec(op(), 1..120),
    ) {
        let mut model = Model::new(num_blocks);
        for op in ops {
            match op {
                Op::Admit { tenant, tokens } => model.admit(tenant, tokens),
                Op::Compute { at, len, succeeds } => model.compute(at, len, succeeds),
                Op::Extend { at, token } => if let Some(seq) = model.seqs.get_mut(at) {
                    seq.tokens.push(token);
                    seq.hashes.extend(&seq.tokens);
                },
                Op::Release { at } => model.release(at),
            }
            model.audit();
        }
        while !model.seqs.is_empty() {
            model.release(0);
        }
        model.audit();
        prop_assert_eq!(model.pool.num_live(), 0);
    }
}

/// Computes, seals and returns a table for `tokens`.
fn computed(pool: &mut BlockPool, salt: &CacheSalt, tokens: &[TokenId]) -> BlockTable {
    let hashes = chain(salt, tokens);
    let (mut table, _) = pool.admit(&hashes, tokens.len(), tokens.len());
    pool.grow(&mut table, tokens.len()).expect("the pool is large enough");
    pool.seal(&mut table, &hashes, tokens, tokens.len());
    table
}

fn num_hit_blocks(pool: &BlockPool, salt: &CacheSalt, tokens: &[TokenId]) -> usize {
    pool.probe(&chain(salt, tokens), tokens.len()).num_blocks
}

#[test]
fn a_full_hit_leaves_the_last_block_to_compute() {
    let mut pool = BlockPool::new(8, BLOCK_SIZE, true);
    let tokens: Vec<TokenId> = (0..24).collect();
    let table = computed(&mut pool, &salt(0), &tokens);
    assert_eq!(num_hit_blocks(&pool, &salt(0), &tokens), 2);
    assert_eq!(num_hit_blocks(&pool, &salt(0), &[&tokens[..], &[1]].concat()), 3);
    assert_eq!(num_hit_blocks(&pool, &salt(0), &tokens[..8]), 0);
    pool.release(table);
}

#[test]
fn sharing_is_copy_free_and_counts_references() {
    let mut pool = BlockPool::new(8, BLOCK_SIZE, true);
    let tokens: Vec<TokenId> = (0..20).collect();
    let first = computed(&mut pool, &salt(0), &tokens);
    let second = computed(&mut pool, &salt(0), &tokens);
    assert_eq!(first.blocks()[..2], second.blocks()[..2]);
    assert_ne!(first.blocks()[2], second.blocks()[2]);
    assert_eq!(pool.num_live(), 4);
    assert_eq!(pool.num_exclusive(&first), 1);
    pool.release(first);
    assert_eq!((pool.num_live(), pool.num_cached()), (3, 0));
    pool.release(second);
    assert_eq!((pool.num_live(), pool.num_cached(), pool.num_free()), (0, 2, 6));
}

#[test]
fn tenants_do_not_share() {
    let mut pool = BlockPool::new(8, BLOCK_SIZE, true);
    let tokens: Vec<TokenId> = (0..20).collect();
    let table = computed(&mut pool, &salt(1), &tokens);
    assert_eq!(num_hit_blocks(&pool, &salt(1), &tokens), 2);
    assert_eq!(num_hit_blocks(&pool, &salt(2), &tokens), 0);
    assert_eq!(num_hit_blocks(&pool, &salt(0), &tokens), 0);
    pool.release(table);
}

#[test]
fn the_least_recently_used_tail_is_evicted_first() {
    let mut pool = BlockPool::new(4, BLOCK_SIZE, true);
    let old: Vec<TokenId> = (0..16).collect();
    let new: Vec<TokenId> = (100..116).collect();
    let table = computed(&mut pool, &salt(0), &old);
    pool.release(table);
    let table = computed(&mut pool, &salt(0), &new);
    pool.release(table);
    let longer = |tokens: &[TokenId]| [tokens, &[0]].concat();

    let mut taken = pool.admit(&chain(&salt(0), &[5]), 1, 1).0;
    pool.grow(&mut taken, 1).expect("cached blocks are available");
    assert_eq!(num_hit_blocks(&pool, &salt(0), &longer(&old)), 1, "the old tail has gone");
    assert_eq!(num_hit_blocks(&pool, &salt(0), &longer(&new)), 2);
    pool.grow(&mut taken, 2 * BLOCK_SIZE).expect("cached blocks are available");
    assert_eq!(num_hit_blocks(&pool, &salt(0), &longer(&old)), 0);
    assert_eq!(num_hit_blocks(&pool, &salt(0), &longer(&new)), 2);
    pool.release(taken);
}

#[test]
fn a_live_block_is_never_evicted() {
    let mut pool = BlockPool::new(2, BLOCK_SIZE, true);
    let mut table = computed(&mut pool, &salt(0), &[1; 16]);
    assert_eq!(pool.grow(&mut table, 17), Err(OutOfBlocks { needed: 1, available: 0 }));
    assert_eq!(table.blocks().len(), 2);
    pool.release(table);
}

#[test]
fn a_second_copy_of_a_cached_block_is_freed_not_cached() {
    let mut pool = BlockPool::new(4, BLOCK_SIZE, true);
    let tokens = [3; 8];
    // Both are admitted before either is sealed, as two equal prompts in one step are.
    let hashes = chain(&salt(0), &tokens);
    let mut tables = [pool.admit(&hashes, 8, 8).0, pool.admit(&hashes, 8, 8).0];
    for table in &mut tables {
        pool.grow(table, 8).expect("the pool is large enough");
        pool.seal(table, &hashes, &tokens, 8);
    }
    pool.audit(tables.iter());
    tables.into_iter().for_each(|table| pool.release(table));
    assert_eq!((pool.num_free(), pool.num_cached()), (3, 1));
    pool.audit(std::iter::empty());
}

#[test]
fn without_prefix_caching_nothing_is_found_or_kept() {
    let mut pool = BlockPool::new(4, BLOCK_SIZE, false);
    let table = computed(&mut pool, &salt(0), &[1; 20]);
    assert_eq!(num_hit_blocks(&pool, &salt(0), &[1; 20]), 0);
    pool.release(table);
    assert_eq!((pool.num_free(), pool.num_cached()), (4, 0));
}

#[test]
fn the_name_table_never_grows() {
    // The most names that a hash table of 32 places takes: the tightest fit there is.
    let mut pool = BlockPool::new(28, BLOCK_SIZE, true);
    let capacity = pool.by_hash.capacity();
    for first in 0..1000 {
        let tokens = [first; 3 * BLOCK_SIZE];
        let table = computed(&mut pool, &salt(0), &tokens);
        pool.release(table);
        assert!(pool.by_hash.capacity() <= capacity, "grew at sequence {first}");
    }
    assert_eq!(pool.by_hash.len(), 28, "full most of the time");
}

#[test]
fn an_admitted_table_has_room_for_its_longest_life() {
    let mut pool = BlockPool::new(16, BLOCK_SIZE, true);
    let hashes = chain(&salt(0), &[1; 8]);
    let mut table = pool.admit(&hashes, 8, 100).0;
    let capacity = table.blocks.capacity();
    pool.grow(&mut table, 100).expect("the pool is large enough");
    assert_eq!((table.blocks.len(), table.blocks.capacity()), (13, capacity));
    pool.release(table);
}

#[test]
#[should_panic(expected = "references")]
fn audit_finds_a_leaked_table() {
    let mut pool = BlockPool::new(4, BLOCK_SIZE, true);
    drop(computed(&mut pool, &salt(0), &[1; 8]));
    pool.audit(std::iter::empty());
}

/// Events tell a reader exactly which blocks are found: what it adds up equals the pool's names.
#[test]
fn events_add_up_to_what_the_cache_finds() {
    let mut pool = BlockPool::new(4, BLOCK_SIZE, true);
    pool.record_events();
    let mut known = std::collections::HashSet::new();
    let mut tables = Vec::new();
    for round in 0..6u32 {
        let tokens: Vec<TokenId> = (0..20).map(|n| n + round / 2 * 100).collect();
        let hashes = chain(&salt(u8::from(round == 4)), &tokens);
        let (mut table, _) = pool.admit(&hashes, tokens.len(), tokens.len());
        pool.grow(&mut table, tokens.len()).expect("there is room for one");
        pool.seal(&mut table, &hashes, &tokens, tokens.len());
        tables.push(table);
        let mut events = KvEvents::default();
        pool.take_events(&mut events);
        for event in &events.list {
            match event {
                KvEvent::Stored { hashes: places, parent, tokens: stored } => {
                    assert_eq!(stored.len(), places.len() * BLOCK_SIZE);
                    let first = hashes
                        .as_slice()
                        .iter()
                        .position(|hash| hash.short() == events.hashes[places.start]);
                    let first = first.expect("a block of this sequence");
                    let before = first.checked_sub(1).map(|at| hashes.as_slice()[at].short());
                    assert_eq!(*parent, before);
                    let expected = &tokens[first * BLOCK_SIZE..];
                    assert_eq!(events.tokens[stored.clone()], expected[..stored.len()]);
                    known.extend(&events.hashes[places.clone()]);
                }
                KvEvent::Removed { hash } => assert!(known.remove(hash), "removed once"),
            }
        }
        let found = pool.blocks.iter().filter(|block| block.is_published);
        let found: std::collections::HashSet<u64> =
            found.map(|block| block.hash.expect("a published block has a name").short()).collect();
        assert_eq!(known, found, "round {round}");
        tables.drain(..).for_each(|table| pool.release(table));
    }
    assert!(!known.is_empty());
    let mut events = KvEvents::default();
    pool.take_events(&mut events);
    assert!(events.is_empty(), "each is told once");
}

#[test]
fn consecutive_blocks_are_one_event_and_nothing_is_recorded_unasked() {
    let tokens: Vec<TokenId> = (0..24).collect();
    let hashes = chain(&salt(0), &tokens);
    for is_asked in [true, false] {
        let mut pool = BlockPool::new(8, BLOCK_SIZE, true);
        if is_asked {
            pool.record_events();
        }
        let (mut table, _) = pool.admit(&hashes, tokens.len(), tokens.len());
        pool.grow(&mut table, tokens.len()).expect("there is room");
        pool.seal(&mut table, &hashes, &tokens, tokens.len());
        let mut events = KvEvents::default();
        // What was there before stays in front.
        events.store(1, None, &[9]);
        pool.take_events(&mut events);
        let stored = KvEvent::Stored { hashes: 1..4, parent: None, tokens: 1..25 };
        assert_eq!(events.list[1..], if is_asked { vec![stored] } else { vec![] });
        pool.release(table);
    }
}
