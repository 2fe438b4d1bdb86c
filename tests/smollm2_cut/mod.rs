//! The first layers of a real model: a GGUF file with fewer blocks and everything else as it was,
//! tokenizer, chat template, embedding and norms included.
//!
//! Knows as much of the format (`docs/gguf.md` of the ggml repository) as copying takes: strings,
//! values by their type's size, tensor infos. Made anew by each test from the fetched file.

use std::collections::BTreeMap;
use std::path::Path;

/// `general.alignment` of a file that does not say.
const ALIGNMENT: usize = 32;
/// `gguf_metadata_value_type` of strings and arrays.
const STRING: u32 = 8;
const ARRAY: u32 = 9;
/// Of u32.
const UINT32: u32 = 4;

/// Reads a file from front to back.
struct Cursor<'a> {
    bytes: &'a [u8],
    at: usize,
}

impl<'a> Cursor<'a> {
    fn take(&mut self, len: usize) -> &'a [u8] {
        let taken = &self.bytes[self.at..][..len];
        self.at += len;
        taken
    }

    fn u32(&mut self) -> u32 {
        u32::from_le_bytes(self.take(4).try_into().expect("four bytes"))
    }

    fn u64(&mut self) -> u64 {
        u64::from_le_bytes(self.take(8).try_into().expect("eight bytes"))
    }

    fn string(&mut self) -> &'a str {
        let len = self.u64() as usize;
        std::str::from_utf8(self.take(len)).expect("names are UTF-8")
    }

    /// Passes over a value of a type.
    fn skip(&mut self, kind: u32) {
        match kind {
            0 | 1 | 7 => self.at += 1,
            2 | 3 => self.at += 2,
            4..=6 => self.at += 4,
            10..=12 => self.at += 8,
            STRING => {
                self.string();
            }
            ARRAY => {
                let (kind, len) = (self.u32(), self.u64());
                (0..len).for_each(|_| self.skip(kind));
            }
            other => panic!("value type {other}"),
        }
    }
}

/// A tensor's entry in the table: what stands between its name and its offset, and its offset.
struct Info<'a> {
    shape: &'a [u8],
    offset: usize,
}

/// True for tensors that a model of `num_layers` blocks has.
fn is_kept(name: &str, num_layers: u32) -> bool {
    let block = name.strip_prefix("blk.").and_then(|rest| rest.split('.').next());
    block.is_none_or(|idx| idx.parse::<u32>().expect("blocks are numbered") < num_layers)
}

/// Writes `from` with its first `num_layers` blocks to `to`.
pub(crate) fn cut(from: &Path, num_layers: u32, to: &Path) {
    let bytes = std::fs::read(from).expect("the model can be read");
    let mut cursor = Cursor { bytes: &bytes, at: 0 };
    assert_eq!(cursor.take(4), b"GGUF");
    assert!((2..=3).contains(&cursor.u32()), "a version that has 64-bit counts");
    let (num_tensors, num_values) = (cursor.u64(), cursor.u64());

    let values_at = cursor.at;
    let mut layers_at = None;
    for _ in 0..num_values {
        let name = cursor.string();
        assert_ne!(name, "general.alignment", "the default is assumed");
        let kind = cursor.u32();
        if name.ends_with(".block_count") {
            assert_eq!(kind, UINT32, "{name}");
            layers_at = Some(cursor.at - values_at);
        }
        cursor.skip(kind);
    }
    let mut values = bytes[values_at..cursor.at].to_vec();
    let layers_at = layers_at.expect("the file says how many blocks it has");
    values[layers_at..][..4].copy_from_slice(&num_layers.to_le_bytes());

    let mut infos = BTreeMap::new();
    for _ in 0..num_tensors {
        let name = cursor.string();
        let shape_at = cursor.at;
        let num_dimensions = cursor.u32() as usize;
        // Dimensions, then the element type.
        cursor.take(8 * num_dimensions + 4);
        let shape = &bytes[shape_at..cursor.at];
        infos.insert(name, Info { shape, offset: cursor.u64() as usize });
    }
    let data = &bytes[cursor.at.next_multiple_of(ALIGNMENT)..];
    let mut ends: Vec<usize> = infos.values().map(|info| info.offset).collect();
    ends.push(data.len());
    ends.sort_unstable();

    infos.retain(|name, _| is_kept(name, num_layers));
    let mut head = b"GGUF\x03\0\0\0".to_vec();
    head.extend((infos.len() as u64).to_le_bytes());
    head.extend(num_values.to_le_bytes());
    head.extend(values);
    let mut kept = Vec::new();
    for (name, info) in infos {
        head.extend((name.len() as u64).to_le_bytes());
        head.extend(name.as_bytes());
        head.extend(info.shape);
        head.extend((kept.len() as u64).to_le_bytes());
        // Up to the next tensor, padding included.
        let end = ends[ends.partition_point(|end| *end <= info.offset)];
        kept.extend(&data[info.offset..end]);
        kept.resize(kept.len().next_multiple_of(ALIGNMENT), 0);
    }
    head.resize(head.len().next_multiple_of(ALIGNMENT), 0);
    head.extend(kept);
    std::fs::write(to, head).expect("the cut can be written");
}
