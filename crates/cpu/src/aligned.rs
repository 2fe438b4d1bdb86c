//! Memory aligned to cache lines, so that a vector load of a row never touches two lines more than
//! it must. The allocation is one cache line larger than its content.

use std::ops::{Deref, DerefMut};

use backend::DeviceError;

/// Bytes of a cache line, and of the widest vector.
const LINE_BYTES: usize = 64;

/// A zeroed, fixed-length array that starts at a cache line.
#[derive(Debug)]
pub(crate) struct AlignedVec<T> {
    memory: Vec<T>,
    start: usize,
    len: usize,
}

impl<T: Copy + Default> AlignedVec<T> {
    const PADDING: usize = LINE_BYTES / size_of::<T>();

    /// Bytes that `len` elements take; saturates.
    pub(crate) fn bytes(len: usize) -> usize {
        len.saturating_add(Self::PADDING).saturating_mul(size_of::<T>())
    }

    /// Allocates zeroes; pages of large arrays become real when first written.
    pub(crate) fn zeroed(device: &str, what: &str, len: usize) -> Result<Self, DeviceError> {
        let padded = len.saturating_add(Self::PADDING);
        // `vec!` cannot fail softly and `try_reserve` cannot give lazy zeroes, so one asks first.
        if Vec::<T>::new().try_reserve_exact(padded).is_err() {
            return Err(DeviceError::OutOfMemory {
                device: device.to_owned(),
                what: what.to_owned(),
                requested_bytes: Self::bytes(len) as u64,
            });
        }
        let memory = vec![T::default(); padded];
        let start = memory.as_ptr().align_offset(LINE_BYTES).min(Self::PADDING);
        Ok(Self { memory, start, len })
    }

    /// What is allocated now.
    pub(crate) fn allocated_bytes(&self) -> usize {
        self.memory.capacity() * size_of::<T>()
    }
}

impl<T> Deref for AlignedVec<T> {
    type Target = [T];

    fn deref(&self) -> &[T] {
        &self.memory[self.start..self.start + self.len]
    }
}

impl<T> DerefMut for AlignedVec<T> {
    fn deref_mut(&mut self) -> &mut [T] {
        &mut self.memory[self.start..self.start + self.len]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn aligned_zeroed_and_of_the_stated_size() {
        for len in [0, 1, 17, 1000, 100_000] {
            let singles = AlignedVec::<f32>::zeroed("cpu", "test", len).unwrap();
            assert_eq!(singles.len(), len);
            assert!(singles.iter().all(|v| *v == 0.0));
            assert_eq!(singles.as_ptr().align_offset(LINE_BYTES), 0);
            assert_eq!(singles.allocated_bytes(), AlignedVec::<f32>::bytes(len));
            let halves = AlignedVec::<u16>::zeroed("cpu", "test", len).unwrap();
            assert_eq!(halves.as_ptr().align_offset(LINE_BYTES), 0);
            assert_eq!(halves.allocated_bytes(), AlignedVec::<u16>::bytes(len));
        }
    }

    #[test]
    fn absurd_sizes_are_an_error() {
        for len in [usize::MAX, usize::MAX / 8] {
            let error = AlignedVec::<f32>::zeroed("cpu", "KV cache", len).unwrap_err();
            assert!(error.to_string().contains("KV cache"), "{error}");
        }
    }
}
