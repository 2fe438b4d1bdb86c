//! A doubly linked list of block ids inside one array: constant-time push, pop and removal from
//! the middle, no allocation after construction.

use types::BlockId;

/// Marks the end of a chain.
const NONE: u32 = u32::MAX;

#[derive(Clone, Copy, Debug)]
struct Link {
    prev: u32,
    next: u32,
}

/// Block ids in least-recently-used order: oldest at the front. Each id is in it at most once.
#[derive(Debug)]
pub(crate) struct BlockList {
    links: Vec<Link>,
    front: u32,
    back: u32,
    len: usize,
}

impl BlockList {
    pub(crate) fn new(num_blocks: usize) -> Self {
        let unlinked = Link { prev: NONE, next: NONE };
        Self { links: vec![unlinked; num_blocks], front: NONE, back: NONE, len: 0 }
    }

    pub(crate) fn len(&self) -> usize {
        self.len
    }

    pub(crate) fn push_back(&mut self, block: BlockId) {
        self.links[block.0 as usize] = Link { prev: self.back, next: NONE };
        match self.back {
            NONE => self.front = block.0,
            back => self.links[back as usize].next = block.0,
        }
        self.back = block.0;
        self.len += 1;
    }

    pub(crate) fn pop_front(&mut self) -> Option<BlockId> {
        let front = (self.front != NONE).then_some(BlockId(self.front))?;
        self.remove(front);
        Some(front)
    }

    /// Takes out a block that is in the list.
    pub(crate) fn remove(&mut self, block: BlockId) {
        let Link { prev, next } = self.links[block.0 as usize];
        match prev {
            NONE => {
                assert_eq!(self.front, block.0, "a removed block is in the list");
                self.front = next;
            }
            prev => self.links[prev as usize].next = next,
        }
        match next {
            NONE => self.back = prev,
            next => self.links[next as usize].prev = prev,
        }
        self.len -= 1;
    }

    /// The blocks from front to back.
    pub(crate) fn iter(&self) -> impl Iterator<Item = BlockId> {
        let mut at = self.front;
        std::iter::from_fn(move || {
            let block = (at != NONE).then_some(BlockId(at))?;
            at = self.links[at as usize].next;
            Some(block)
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ids(list: &BlockList) -> Vec<u32> {
        list.iter().map(|block| block.0).collect()
    }

    #[test]
    fn keeps_order_through_removal_at_both_ends_and_in_the_middle() {
        let mut list = BlockList::new(5);
        (0..5).for_each(|id| list.push_back(BlockId(id)));
        list.remove(BlockId(2));
        assert_eq!(ids(&list), [0, 1, 3, 4]);
        list.remove(BlockId(4));
        list.remove(BlockId(0));
        assert_eq!(ids(&list), [1, 3]);
        list.push_back(BlockId(0));
        assert_eq!(ids(&list), [1, 3, 0]);
        assert_eq!(list.pop_front(), Some(BlockId(1)));
        assert_eq!(list.pop_front(), Some(BlockId(3)));
        assert_eq!(list.pop_front(), Some(BlockId(0)));
        assert_eq!(list.pop_front(), None);
        assert_eq!(list.len(), 0);
    }
}
