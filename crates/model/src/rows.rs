//! The order of q and k rows in GGUF files of the `llama` architecture.
//!
//! llama.cpp rotates neighbouring elements there, so its converter moved the two halves of each
//! head together (`LlamaModel.permute` in `convert_hf_to_gguf.py`). Devices rotate the half-split
//! form, so the rows are put back: element `2i + s` of a head becomes `s * rotary_dim / 2 + i`.
//! Whole rows move, so it makes no difference how they are quantised. Called by `files`.

/// Rows of which neighbours rotate together.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Interleaved {
    /// Rows of the tensor: a whole number of heads.
    pub(crate) num_rows: usize,
    /// Rows of a head.
    pub(crate) head_dim: usize,
    /// Leading rows of a head that rotate.
    pub(crate) rotary_dim: usize,
}

impl Interleaved {
    /// The stored row that becomes row `row` in half-split order.
    fn stored_row(&self, row: usize) -> usize {
        let (head, element) = (row / self.head_dim, row % self.head_dim);
        let half = self.rotary_dim / 2;
        let stored = match element {
            element if element < half => 2 * element,
            element if element < self.rotary_dim => 2 * (element - half) + 1,
            element => element,
        };
        head * self.head_dim + stored
    }

    /// Fills `buf` with the half-split bytes from `offset` of a tensor of `num_bytes` through
    /// `read(offset in the stored tensor, bytes)`: heads that are asked for as a whole by one read
    /// each, what is left of others row by row.
    pub(crate) fn read_half_split<E>(
        self,
        num_bytes: usize,
        offset: usize,
        buf: &mut [u8],
        mut read: impl FnMut(usize, &mut [u8]) -> Result<(), E>,
    ) -> Result<(), E> {
        let row_bytes = num_bytes / self.num_rows;
        let head_bytes = row_bytes * self.head_dim;
        let mut head = Vec::new();
        let (mut at, mut rest) = (offset, buf);
        while !rest.is_empty() {
            let (row, within) = (at / row_bytes, at % row_bytes);
            let is_whole = at.is_multiple_of(head_bytes) && rest.len() >= head_bytes;
            let len = if is_whole { head_bytes } else { (row_bytes - within).min(rest.len()) };
            let (part, tail) = rest.split_at_mut(len);
            if is_whole {
                head.resize(head_bytes, 0);
                read(at, &mut head)?;
                for (row_in_head, out) in part.chunks_exact_mut(row_bytes).enumerate() {
                    let stored = self.stored_row(row_in_head) * row_bytes;
                    out.copy_from_slice(&head[stored..][..row_bytes]);
                }
            } else {
                read(self.stored_row(row) * row_bytes + within, part)?;
            }
            at += len;
            rest = tail;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What the converter does to one head of `head_dim` rows: `[2, n] -> [n, 2]`.
    fn convert(rows: &[u8]) -> Vec<u8> {
        let half = rows.len() / 2;
        (0..half).flat_map(|i| [rows[i], rows[half + i]]).collect()
    }

    fn to_half_split(order: Interleaved, stored: &[u8]) -> Vec<u8> {
        let mut whole = vec![0; stored.len()];
        let read = |at: usize, out: &mut [u8]| {
            out.copy_from_slice(&stored[at..][..out.len()]);
            Ok::<_, ()>(())
        };
        order.read_half_split(stored.len(), 0, &mut whole, read).unwrap();
        whole
    }

    #[test]
    fn undoes_the_converter() {
        let (first, second): (Vec<u8>, Vec<u8>) = ((0..8).collect(), (8..16).collect());
        let stored = [convert(&first), convert(&second)].concat();
        assert_eq!(stored[..8], [0, 4, 1, 5, 2, 6, 3, 7]);
        let order = Interleaved { num_rows: 16, head_dim: 8, rotary_dim: 8 };
        assert_eq!(to_half_split(order, &stored), (0..16).collect::<Vec<u8>>());
    }

    #[test]
    fn leaves_rows_that_do_not_rotate() {
        let order = Interleaved { num_rows: 6, head_dim: 6, rotary_dim: 4 };
        assert_eq!(to_half_split(order, &[0, 2, 1, 3, 4, 5]), [0, 1, 2, 3, 4, 5]);
    }

    #[test]
    fn reads_any_range_as_the_whole() {
        let stored: Vec<u8> = (0..48).collect();
        let order = Interleaved { num_rows: 16, head_dim: 8, rotary_dim: 8 };
        let whole = to_half_split(order, &stored);
        for start in 0..48 {
            for end in start..=48 {
                let mut part = vec![0; end - start];
                order
                    .read_half_split(48, start, &mut part, |at, out| {
                        out.copy_from_slice(&stored[at..at + out.len()]);
                        Ok::<_, ()>(())
                    })
                    .unwrap();
                assert_eq!(part, whole[start..end]);
            }
        }
    }
}
