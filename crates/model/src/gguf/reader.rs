//! A forward reader over the head of a GGUF file. Every length is compared with what is left of
//! the file, and with a limit of its own, before anything is allocated for it.

use crate::ModelError;
use crate::storage::DataFile;

/// Bytes fetched at once.
const CHUNK_BYTES: usize = 64 << 10;
/// Metadata and tensor table together. A vocabulary of 262k tokens takes about 20 MiB.
pub(super) const MAX_HEADER_BYTES: u64 = 128 << 20;
/// One string. Chat templates have tens of KiB.
pub(super) const MAX_STRING_BYTES: u64 = 1 << 20;

/// Reads little-endian values one after the other.
pub(super) struct Reader<'a> {
    file: &'a DataFile,
    /// Bytes of the file from `chunk_start`.
    chunk: Vec<u8>,
    chunk_start: u64,
    position: u64,
}

impl<'a> Reader<'a> {
    pub(super) fn new(file: &'a DataFile) -> Self {
        Self { file, chunk: Vec::new(), chunk_start: 0, position: 0 }
    }

    /// Offset of the next byte in the file.
    pub(super) fn position(&self) -> u64 {
        self.position
    }

    /// Bytes that may still be read.
    pub(super) fn remaining(&self) -> u64 {
        self.file.len().min(MAX_HEADER_BYTES).saturating_sub(self.position)
    }

    /// An error about what was read last.
    pub(super) fn error(&self, place: &str, reason: impl Into<String>) -> ModelError {
        ModelError::malformed(self.file.path(), place, reason)
    }

    /// Checks that `count` items of at least `item_bytes` each can follow, and that there are at
    /// most `max` of them.
    pub(super) fn check_count(
        &self,
        place: &str,
        count: u64,
        item_bytes: u64,
        max: u64,
    ) -> Result<usize, ModelError> {
        let fits = count.checked_mul(item_bytes).is_some_and(|bytes| bytes <= self.remaining());
        if count > max || !fits {
            let reason = format!(
                "count {count} is more than the limit of {max} or than the {} bytes left hold",
                self.remaining()
            );
            return Err(self.error(place, reason));
        }
        Ok(count as usize)
    }

    /// Fills `out`, or fails if the file or the header's limit ends before.
    pub(super) fn read_exact(&mut self, place: &str, out: &mut [u8]) -> Result<(), ModelError> {
        if out.len() as u64 > self.remaining() {
            let reason = format!(
                "needs {} bytes at {}, where the file or the header's limit ends",
                out.len(),
                self.position
            );
            return Err(self.error(place, reason));
        }
        let mut done = 0;
        while done < out.len() {
            let at = (self.position - self.chunk_start) as usize;
            if at >= self.chunk.len() {
                self.fetch()?;
                continue;
            }
            let step = (self.chunk.len() - at).min(out.len() - done);
            out[done..done + step].copy_from_slice(&self.chunk[at..at + step]);
            done += step;
            self.position += step as u64;
        }
        Ok(())
    }

    fn fetch(&mut self) -> Result<(), ModelError> {
        let len = (self.file.len() - self.position).min(CHUNK_BYTES as u64) as usize;
        self.chunk.resize(len, 0);
        self.chunk_start = self.position;
        self.file.read_exact_at(&mut self.chunk, self.position)
    }

    pub(super) fn array<const N: usize>(&mut self, place: &str) -> Result<[u8; N], ModelError> {
        let mut bytes = [0; N];
        self.read_exact(place, &mut bytes)?;
        Ok(bytes)
    }

    pub(super) fn u32(&mut self, place: &str) -> Result<u32, ModelError> {
        Ok(u32::from_le_bytes(self.array(place)?))
    }

    pub(super) fn u64(&mut self, place: &str) -> Result<u64, ModelError> {
        Ok(u64::from_le_bytes(self.array(place)?))
    }

    /// Skips bytes that nobody needs.
    pub(super) fn skip(&mut self, place: &str, num_bytes: u64) -> Result<(), ModelError> {
        if num_bytes > self.remaining() {
            return Err(self.error(place, format!("{num_bytes} bytes are not in the file")));
        }
        self.position += num_bytes;
        self.chunk.clear();
        Ok(())
    }

    /// A string of at most `max_bytes`, UTF-8.
    pub(super) fn string(&mut self, place: &str, max_bytes: u64) -> Result<String, ModelError> {
        let len = self.u64(place)?;
        let len = self.check_count(place, len, 1, max_bytes)?;
        let mut bytes = vec![0; len];
        self.read_exact(place, &mut bytes)?;
        String::from_utf8(bytes).map_err(|_| self.error(place, "a string is not UTF-8"))
    }
}
