//! Sequences by index, so that the step path looks nothing up by hash.

use crate::sequence::Sequence;

/// Index of a live sequence. The generation tells a reused index from the sequence that a plan
/// was made for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct SeqKey {
    pub(crate) idx: u32,
    generation: u32,
}

#[derive(Debug, Default)]
struct Entry {
    generation: u32,
    seq: Option<Sequence>,
}

/// All live sequences, running and waiting.
#[derive(Debug, Default)]
pub(crate) struct Slab {
    entries: Vec<Entry>,
    vacant: Vec<u32>,
}

impl Slab {
    pub(crate) fn insert(&mut self, seq: Sequence) -> u32 {
        let idx = self.vacant.pop().unwrap_or_else(|| {
            self.entries.push(Entry::default());
            u32::try_from(self.entries.len() - 1).expect("fewer than 2^32 live sequences")
        });
        let entry = &mut self.entries[idx as usize];
        debug_assert!(entry.seq.is_none(), "a vacant entry holds nothing");
        entry.seq = Some(seq);
        idx
    }

    pub(crate) fn remove(&mut self, idx: u32) -> Sequence {
        let entry = &mut self.entries[idx as usize];
        let seq = entry.seq.take().expect("only live sequences are removed");
        entry.generation = entry.generation.wrapping_add(1);
        self.vacant.push(idx);
        seq
    }

    /// The index if the sequence that `key` was made for is still live.
    pub(crate) fn live_idx(&self, key: SeqKey) -> Option<u32> {
        let entry = &self.entries[key.idx as usize];
        (entry.generation == key.generation && entry.seq.is_some()).then_some(key.idx)
    }

    pub(crate) fn key(&self, idx: u32) -> SeqKey {
        SeqKey { idx, generation: self.entries[idx as usize].generation }
    }

    pub(crate) fn get(&self, idx: u32) -> &Sequence {
        self.entries[idx as usize].seq.as_ref().expect("indices in use belong to live sequences")
    }

    pub(crate) fn get_mut(&mut self, idx: u32) -> &mut Sequence {
        self.entries[idx as usize].seq.as_mut().expect("indices in use belong to live sequences")
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = (u32, &Sequence)> {
        (0u32..).zip(&self.entries).filter_map(|(idx, entry)| Some((idx, entry.seq.as_ref()?)))
    }
}
