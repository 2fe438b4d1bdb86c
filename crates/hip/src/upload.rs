//! Weights on their way to the device: read and packed on the host into one half of a pinned ring
//! while the other half is copied. Waits for nothing but the half that it writes next: a weight may
//! still be on its way when the next one is read.

use backend::RowSource;

use crate::element::ActivationType;
use crate::error::HipFailure;
use crate::runtime::{DeviceMemory, Event, Gpu, Pinned, Stream};
use crate::weight::{HipWeight, Packer, RowOrder, STRIP_ROWS, WeightKind, strip_bytes};

/// Bytes of each half of the pinned ring through which weights go; a strip that is larger takes a
/// ring of its own size.
const RING_HALF_BYTES: usize = 8 << 20;

/// Why a weight did not arrive.
pub(crate) enum UploadFailure<E> {
    /// The GPU's answer.
    Gpu(HipFailure),
    /// The rows could not be read.
    Source(E),
}

impl<E> From<HipFailure> for UploadFailure<E> {
    fn from(failure: HipFailure) -> Self {
        Self::Gpu(failure)
    }
}

/// What uploads need; empty until the first. Copies from it may be under way when a call returns:
/// the stream must be waited for before it is dropped.
#[derive(Default)]
pub(crate) struct UploadRing {
    halves: Halves,
    packer: Packer,
}

/// The pinned ring: two halves that take turns, or none yet.
#[derive(Default)]
struct Halves {
    halves: Vec<Half>,
    turn: usize,
}

struct Half {
    pinned: Pinned,
    /// Behind the last copy from it.
    copied: Event,
}

impl Half {
    /// Starts to copy the first `bytes` to `memory` + `offset`.
    fn send(
        &self,
        stream: &Stream,
        (memory, offset): (&DeviceMemory, usize),
        bytes: usize,
    ) -> Result<(), HipFailure> {
        stream.upload(memory, offset, &self.pinned, bytes)?;
        stream.record(&self.copied)
    }
}

impl Halves {
    /// Makes room for `bytes` in each half; the room that there is.
    fn reserve(&mut self, gpu: &Gpu, stream: &Stream, bytes: usize) -> Result<usize, HipFailure> {
        if self.halves.first().is_none_or(|half| half.pinned.bytes() < bytes) {
            if !self.halves.is_empty() {
                stream.synchronize()?;
                self.halves.clear();
            }
            let bytes = bytes.max(RING_HALF_BYTES);
            for _ in 0..2 {
                let pinned = gpu.alloc_pinned(bytes)?;
                self.halves.push(Half { pinned, copied: gpu.event()? });
            }
        }
        Ok(self.halves[0].pinned.bytes())
    }

    /// The half whose turn it is, when what it had is copied.
    fn next(&mut self) -> Result<&mut Half, HipFailure> {
        self.turn = (self.turn + 1) % self.halves.len();
        let half = &mut self.halves[self.turn];
        half.copied.synchronize()?;
        Ok(half)
    }
}

impl UploadRing {
    /// Reads and uploads a weight that `parts` make up, its matrices in `to`.
    pub(crate) fn weight<S: RowSource>(
        &mut self,
        gpu: &Gpu,
        stream: &Stream,
        (kind, to): (WeightKind, ActivationType),
        parts: &[S],
    ) -> Result<HipWeight, UploadFailure<S::Error>> {
        let memory = gpu.alloc(kind.bytes())?;
        let (order, rows, cols) = match kind {
            WeightKind::Vector { .. } => {
                let values = self.packer.vector(parts).map_err(UploadFailure::Source)?;
                self.numbers(gpu, stream, &memory, &values)?;
                return Ok(HipWeight { memory, kind });
            }
            WeightKind::Matrix { rows, cols } => (RowOrder::Stacked, rows, cols),
            WeightKind::GateUp { rows, cols } => (RowOrder::Interleaved, rows, cols),
        };
        let Self { halves, packer } = self;
        let strip = strip_bytes(cols);
        let per_half = halves.reserve(gpu, stream, strip)? / strip;
        let strips = rows.div_ceil(STRIP_ROWS);
        for first in (0..strips).step_by(per_half) {
            let bytes = per_half.min(strips - first) * strip;
            let half = halves.next()?;
            let words = half.pinned.as_mut_slice::<u16>(bytes / 2);
            packer.strips(parts, (to, order), first, words).map_err(UploadFailure::Source)?;
            half.send(stream, (&memory, first * strip), bytes)?;
        }
        Ok(HipWeight { memory, kind })
    }

    /// Uploads numbers to the start of `memory`.
    pub(crate) fn numbers(
        &mut self,
        gpu: &Gpu,
        stream: &Stream,
        memory: &DeviceMemory,
        values: &[f32],
    ) -> Result<(), HipFailure> {
        let per_half = self.halves.reserve(gpu, stream, RING_HALF_BYTES)? / 4;
        for (turn, part) in values.chunks(per_half).enumerate() {
            let half = self.halves.next()?;
            half.pinned.as_mut_slice::<f32>(part.len()).copy_from_slice(part);
            half.send(stream, (memory, turn * per_half * 4), part.len() * 4)?;
        }
        Ok(())
    }
}
