//! The head of a GGUF file: magic, version, counts, metadata, tensor infos.

use std::collections::BTreeMap;

use super::reader::Reader;
use super::tensors;
use super::value::{Metadata, Value};
use crate::ModelError;
use crate::storage::{DataFile, StoredTensor};

/// First bytes of every GGUF file.
pub(super) const MAGIC: [u8; 4] = *b"GGUF";

/// Metadata entries; files have about 40.
pub(super) const MAX_METADATA: u64 = 4096;
/// A metadata key (`docs/gguf.md`: at most 2^16 - 1 bytes).
const MAX_KEY_BYTES: u64 = (1 << 16) - 1;

/// Everything before the tensor data.
pub(super) struct Header {
    pub(super) metadata: Metadata,
    pub(super) tensors: BTreeMap<String, StoredTensor>,
}

/// Reads and checks the head of a file.
pub(super) fn read(file: &DataFile) -> Result<Header, ModelError> {
    let mut reader = Reader::new(file);
    if reader.array::<4>("magic")? != MAGIC {
        return Err(reader.error("magic", "is not `GGUF`"));
    }
    match reader.u32("version")? {
        2 | 3 => {}
        other if matches!(other.swap_bytes(), 1..=3) => {
            return Err(reader.error("version", "big-endian files are not served"));
        }
        other => {
            return Err(reader.error("version", format!("{other} is not served; 2 and 3 are")));
        }
    }
    let num_tensors = reader.u64("tensor count")?;
    let num_metadata = reader.u64("metadata count")?;
    // An entry has at least a key's length, a type and a byte.
    let num_metadata = reader.check_count("metadata count", num_metadata, 13, MAX_METADATA)?;
    let metadata = read_metadata(&mut reader, num_metadata)?;
    let metadata = Metadata::new(file.path(), metadata);
    let tensors = tensors::read(&mut reader, file, &metadata, num_tensors)?;
    Ok(Header { metadata, tensors })
}

fn read_metadata(
    reader: &mut Reader<'_>,
    count: usize,
) -> Result<BTreeMap<String, Value>, ModelError> {
    let mut metadata = BTreeMap::new();
    for _ in 0..count {
        let key = reader.string("metadata key", MAX_KEY_BYTES)?;
        let value = Value::read(reader, &key)?;
        if metadata.contains_key(&key) {
            return Err(reader.error(&key, "appears twice"));
        }
        metadata.insert(key, value);
    }
    Ok(metadata)
}
