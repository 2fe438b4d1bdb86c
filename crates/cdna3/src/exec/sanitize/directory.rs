//! Sparse tables over an address range: pages of 4 KiB that are made when first touched.
//!
//! Shared between threads without a lock. Allocations of a device are far larger than what is used
//! of them, so an untouched page costs nothing and an untouched MiB two words.

use std::sync::OnceLock;

/// Bytes of memory that one page describes.
pub(super) const PAGE_BYTES: u64 = 4096;
/// Pages of a block.
const BLOCK_PAGES: usize = 256;

/// A block's pages.
type Block<P> = Box<[OnceLock<Box<P>>]>;

/// Pages by number.
pub(super) struct Directory<P> {
    blocks: Box<[OnceLock<Block<P>>]>,
}

impl<P: Default> Directory<P> {
    /// For a range of so many bytes.
    pub(super) fn new(bytes: u64) -> Self {
        let blocks = bytes.div_ceil(PAGE_BYTES * BLOCK_PAGES as u64) as usize;
        Self { blocks: (0..blocks).map(|_| OnceLock::new()).collect() }
    }

    /// The page that holds byte `offset`, if it was made.
    #[inline]
    pub(super) fn get(&self, offset: u64) -> Option<&P> {
        let page = (offset / PAGE_BYTES) as usize;
        let block = self.blocks.get(page / BLOCK_PAGES)?.get()?;
        block[page % BLOCK_PAGES].get().map(|page| &**page)
    }

    /// The page that holds byte `offset`; `None` beyond the range.
    #[inline]
    pub(super) fn make(&self, offset: u64) -> Option<&P> {
        let page = (offset / PAGE_BYTES) as usize;
        let block = self.blocks.get(page / BLOCK_PAGES)?;
        let block = block.get_or_init(|| (0..BLOCK_PAGES).map(|_| OnceLock::new()).collect());
        Some(block[page % BLOCK_PAGES].get_or_init(Box::default))
    }
}
