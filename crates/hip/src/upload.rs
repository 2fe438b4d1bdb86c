//! Weights on their way to the device: packed on the host into one half of a pinned ring while the
//! other half is copied.

use backend::TensorView;

use crate::element::ActivationType;
use crate::error::HipFailure;
use crate::runtime::{DeviceMemory, Gpu, Pinned, Stream};
use crate::weight::{
    HipWeight, RowOrder, STRIP_ROWS, WeightKind, pack_strip, strip_bytes, widen_vector,
};

/// Bytes of each half of the pinned ring through which weights go; a strip that is larger takes a
/// ring of its own size.
const RING_HALF_BYTES: usize = 8 << 20;

/// The pinned ring; empty until the first upload.
#[derive(Default)]
pub(crate) struct UploadRing {
    halves: Vec<Pinned>,
}

impl UploadRing {
    /// Both halves, each with room for `bytes`.
    fn grow(&mut self, gpu: &Gpu, bytes: usize) -> Result<(), HipFailure> {
        if self.halves.first().is_none_or(|half| half.bytes() < bytes) {
            self.halves.clear();
            let bytes = bytes.max(RING_HALF_BYTES);
            self.halves = vec![gpu.alloc_pinned(bytes)?, gpu.alloc_pinned(bytes)?];
        }
        Ok(())
    }

    /// Uploads a weight that `parts` make up, its matrices in `to`.
    pub(crate) fn weight(
        &mut self,
        gpu: &Gpu,
        stream: &Stream,
        (kind, to): (WeightKind, ActivationType),
        parts: &[TensorView<'_>],
    ) -> Result<HipWeight, HipFailure> {
        let memory = gpu.alloc(kind.bytes())?;
        match kind {
            WeightKind::Vector { len } => {
                let mut values = vec![0.0f32; len];
                widen_vector(parts, &mut values);
                self.numbers(gpu, stream, &memory, &values)?;
            }
            WeightKind::Matrix { rows, cols } | WeightKind::GateUp { rows, cols } => {
                let order = match kind {
                    WeightKind::GateUp { .. } => RowOrder::Interleaved,
                    _ => RowOrder::Stacked,
                };
                let strip = strip_bytes(cols);
                self.grow(gpu, strip)?;
                let strips = rows.div_ceil(STRIP_ROWS);
                let mut wide = vec![0.0f32; cols];
                let per_half = (self.halves[0].bytes() / strip).max(1);
                for (turn, first) in (0..strips).step_by(per_half).enumerate() {
                    // One copy at most is under way, from the other half, while this is packed.
                    let end = (first + per_half).min(strips);
                    let half = &mut self.halves[turn % 2];
                    let words = half.as_mut_slice::<u16>((end - first) * strip / 2);
                    for (idx, out) in (first..end).zip(words.chunks_exact_mut(strip / 2)) {
                        pack_strip(parts, (to, order), idx, &mut wide, out);
                    }
                    stream.synchronize()?;
                    let half = &self.halves[turn % 2];
                    stream.upload(&memory, first * strip, half, (end - first) * strip)?;
                }
                stream.synchronize()?;
            }
        }
        Ok(HipWeight { memory, kind })
    }

    /// Copies numbers to the start of `memory`.
    pub(crate) fn numbers(
        &mut self,
        gpu: &Gpu,
        stream: &Stream,
        memory: &DeviceMemory,
        values: &[f32],
    ) -> Result<(), HipFailure> {
        self.grow(gpu, RING_HALF_BYTES)?;
        let per_turn = self.halves[0].bytes() / 4;
        for (turn, part) in values.chunks(per_turn).enumerate() {
            self.halves[0].as_mut_slice::<f32>(part.len()).copy_from_slice(part);
            stream.upload(memory, turn * per_turn * 4, &self.halves[0], part.len() * 4)?;
            stream.synchronize()?;
        }
        Ok(())
    }
}
