//! Memory reused from row to row, one [`Scratch`] per thread.

use crate::filter::Histogram;

/// Working memory for sampling one row. Its size depends on the vocabulary only.
#[derive(Clone, Debug)]
pub struct Scratch {
    /// `[vocab]` unnormalised probabilities.
    pub(crate) weights: Vec<f32>,
    /// `[vocab]` untouched logits, for log-probabilities.
    pub(crate) raw: Vec<f32>,
    /// Up to `vocab` tokens around a selection's edge.
    pub(crate) edge: Vec<(f32, u32)>,
    pub(crate) histogram: Histogram,
}

impl Scratch {
    /// Allocates for a vocabulary.
    pub fn new(vocab_size: usize) -> Self {
        Self {
            weights: vec![0.0; vocab_size],
            raw: vec![0.0; vocab_size],
            edge: Vec::with_capacity(vocab_size),
            histogram: Histogram::new(),
        }
    }

    /// What [`Scratch::new`] allocates.
    pub fn bytes(vocab_size: usize) -> usize {
        vocab_size * (2 * size_of::<f32>() + size_of::<(f32, u32)>()) + Histogram::BYTES
    }

    /// What is allocated now.
    pub fn allocated_bytes(&self) -> usize {
        (self.weights.capacity() + self.raw.capacity()) * size_of::<f32>()
            + self.edge.capacity() * size_of::<(f32, u32)>()
            + self.histogram.allocated_bytes()
    }
}
