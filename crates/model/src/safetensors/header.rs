//! The header of one safetensors file: `u64` length, JSON object from tensor name to
//! `{dtype, shape, data_offsets}`, then the data (format: the `safetensors` crate's README).
//!
//! Stricter than the format asks where a hostile file could gain by it: tensors lie one after the
//! other without gap or overlap, none is empty, no name appears twice.

use std::collections::BTreeMap;
use std::fmt;
use std::path::Path;

use backend::DType;
use serde::Deserialize;
use serde::de::{Deserializer, Error, SeqAccess, Visitor};

use super::MAX_TENSORS;
use crate::ModelError;
use crate::json::BoundedMap;
use crate::storage::{DataFile, StoredTensor, TensorTable};

/// Largest header. One entry takes about 130 bytes, so this is more than [`MAX_TENSORS`] need.
pub(super) const MAX_HEADER_BYTES: u64 = 4 << 20;
/// Dimensions of one tensor.
pub(super) const MAX_RANK: usize = 8;
/// The entry that holds free text instead of a tensor.
const METADATA: &str = "__metadata__";

/// A tensor's entry. All fields are optional so that `__metadata__` reads as one without any.
#[derive(Deserialize)]
struct Entry {
    dtype: Option<String>,
    shape: Option<Shape>,
    data_offsets: Option<(u64, u64)>,
}

/// Reads a file's header and adds its tensors to the table.
pub(super) fn add_file(table: &mut TensorTable, file: DataFile) -> Result<(), ModelError> {
    let (entries, data_start) = read_entries(&file)?;
    let path = file.path();
    let file_idx = table.files.len();
    let mut extents = Vec::with_capacity(entries.len());
    for (name, entry) in entries {
        let (begin, tensor) = stored_tensor(path, &name, entry, file_idx, data_start)?;
        extents.push((begin, tensor.num_bytes as u64));
        if table.tensors.len() == MAX_TENSORS {
            let reason = format!("the model has more than {MAX_TENSORS} tensors");
            return Err(ModelError::malformed(path, "header", reason));
        }
        if table.tensors.contains_key(&name) {
            return Err(ModelError::tensor(path, name, "is in another shard as well"));
        }
        table.tensors.insert(name, tensor);
    }
    check_extents(path, extents, file.len() - data_start)?;
    table.files.push(file);
    Ok(())
}

/// The header's tensor entries and where the data starts.
fn read_entries(file: &DataFile) -> Result<(BTreeMap<String, Entry>, u64), ModelError> {
    let malformed = |reason: String| ModelError::malformed(file.path(), "header", reason);
    if file.len() < 8 {
        return Err(malformed(format!("the file has only {} bytes", file.len())));
    }
    let mut len = [0; 8];
    file.read_exact_at(&mut len, 0)?;
    let len = u64::from_le_bytes(len);
    let max = MAX_HEADER_BYTES.min(file.len() - 8);
    if len < 2 || len > max {
        return Err(malformed(format!("length {len} is not in 2..={max}")));
    }
    let mut text = vec![0; len as usize];
    file.read_exact_at(&mut text, 8)?;
    if text[0] != b'{' {
        return Err(malformed("does not start with `{`".into()));
    }
    let BoundedMap::<Entry, MAX_TENSORS>(mut entries) =
        serde_json::from_slice(&text).map_err(|error| malformed(error.to_string()))?;
    entries.remove(METADATA);
    Ok((entries, 8 + len))
}

/// One entry as a tensor, with its first byte relative to the data.
fn stored_tensor(
    path: &Path,
    name: &str,
    entry: Entry,
    file_idx: usize,
    data_start: u64,
) -> Result<(u64, StoredTensor), ModelError> {
    let malformed = |reason: String| ModelError::malformed(path, name, reason);
    let (Some(dtype), Some(Shape(shape)), Some((begin, end))) =
        (entry.dtype, entry.shape, entry.data_offsets)
    else {
        return Err(malformed("needs dtype, shape and data_offsets".into()));
    };
    let Some((dtype, element_bytes)) = parse_dtype(&dtype) else {
        return Err(malformed(format!("unknown dtype `{dtype}`")));
    };
    let product = |dims: &[u64]| dims.iter().try_fold(1u64, |all, dim| all.checked_mul(*dim));
    let cols = shape.last().copied().unwrap_or(1);
    let rows = product(&shape[..shape.len().saturating_sub(1)]);
    let num_bytes = product(&shape).and_then(|elements| elements.checked_mul(element_bytes));
    let (Some(rows), Some(num_bytes)) = (rows, num_bytes) else {
        return Err(malformed(format!("shape {shape:?} overflows")));
    };
    if num_bytes == 0 {
        return Err(malformed(format!("shape {shape:?} has no elements")));
    }
    if end.checked_sub(begin) != Some(num_bytes) {
        let reason = format!("offsets {begin}..{end} do not hold {num_bytes} bytes");
        return Err(malformed(reason));
    }
    let Some(offset) = data_start.checked_add(begin) else {
        return Err(malformed(format!("offset {begin} overflows")));
    };
    let tensor = StoredTensor {
        file_idx,
        offset,
        num_bytes: num_bytes as usize,
        dtype,
        rows: rows as usize,
        cols: cols as usize,
    };
    Ok((begin, tensor))
}

/// Checks that the tensors cover the data exactly, one after the other.
fn check_extents(
    path: &Path,
    mut extents: Vec<(u64, u64)>,
    data_bytes: u64,
) -> Result<(), ModelError> {
    extents.sort_unstable();
    let mut covered = 0;
    for (begin, num_bytes) in extents {
        if begin != covered {
            let reason = format!("a gap or an overlap of tensors at {begin}, expected {covered}");
            return Err(ModelError::malformed(path, "data_offsets", reason));
        }
        // No overflow: `begin + num_bytes` is the entry's `end`.
        covered += num_bytes;
    }
    if covered != data_bytes {
        let reason = format!("tensors take {covered} bytes, the file has {data_bytes} for them");
        return Err(ModelError::malformed(path, "data_offsets", reason));
    }
    Ok(())
}

/// The element type, or its name if no backend serves it, with its size. `None` if the format
/// does not know it.
fn parse_dtype(name: &str) -> Option<(Result<DType, String>, u64)> {
    let unserved = || Err(name.to_owned());
    Some(match name {
        "F32" => (Ok(DType::F32), 4),
        "F16" => (Ok(DType::F16), 2),
        "BF16" => (Ok(DType::BF16), 2),
        "BOOL" | "U8" | "I8" | "F8_E4M3" | "F8_E5M2" | "F8_E8M0" | "F8_E4M3FNUZ"
        | "F8_E5M2FNUZ" => (unserved(), 1),
        "I16" | "U16" => (unserved(), 2),
        "I32" | "U32" => (unserved(), 4),
        "F64" | "I64" | "U64" | "C64" => (unserved(), 8),
        _ => return None,
    })
}

/// Dimensions, at most [`MAX_RANK`] of them.
struct Shape(Vec<u64>);

impl<'de> Deserialize<'de> for Shape {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_seq(ShapeVisitor)
    }
}

struct ShapeVisitor;

impl<'de> Visitor<'de> for ShapeVisitor {
    type Value = Shape;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "at most {MAX_RANK} dimensions")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Shape, A::Error> {
        let mut dims = Vec::new();
        while let Some(dim) = seq.next_element()? {
            if dims.len() == MAX_RANK {
                return Err(A::Error::custom(format_args!("more than {MAX_RANK} dimensions")));
            }
            dims.push(dim);
        }
        Ok(Shape(dims))
    }
}
