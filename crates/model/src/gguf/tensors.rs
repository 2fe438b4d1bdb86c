//! The tensor infos of a GGUF file: name, dimensions (contiguous first), type, offset.

use std::collections::BTreeMap;

use backend::DType;

use super::reader::Reader;
use super::value::Metadata;
use crate::ModelError;
use crate::storage::{DataFile, StoredTensor};

/// Tensors in one file. Llama 3.1 405B has 1138.
pub(super) const MAX_TENSORS: u64 = 16_384;
/// A tensor's name; ggml's own limit is 64 bytes.
const MAX_NAME_BYTES: u64 = 256;
/// `GGML_MAX_DIMS`.
const MAX_DIMS: u32 = 4;
/// `GGUF_DEFAULT_ALIGNMENT`.
const DEFAULT_ALIGNMENT: u64 = 32;
/// Largest alignment that makes any sense.
const MAX_ALIGNMENT: u64 = 1 << 16;

/// A tensor info before the start of the data is known.
struct Info {
    name: String,
    dtype: DType,
    rows: usize,
    cols: usize,
    num_bytes: usize,
    /// From the start of the data.
    offset: u64,
}

/// Reads `count` tensor infos and checks that each lies in the file and apart from the others.
pub(super) fn read(
    reader: &mut Reader<'_>,
    file: &DataFile,
    metadata: &Metadata,
    count: u64,
) -> Result<BTreeMap<String, StoredTensor>, ModelError> {
    let alignment = alignment(metadata)?;
    // An info has at least a name's length, a rank, one dimension, a type and an offset.
    let count = reader.check_count("tensor count", count, 32, MAX_TENSORS)?;
    let infos = (0..count).map(|_| Info::read(reader)).collect::<Result<Vec<_>, _>>()?;
    // No overflow: the position is at most the header's limit.
    let data_start = reader.position().next_multiple_of(alignment);

    let mut tensors = BTreeMap::new();
    let mut extents = Vec::with_capacity(infos.len());
    for info in infos {
        let malformed = |reason: String| ModelError::malformed(file.path(), &info.name, reason);
        let start = data_start.checked_add(info.offset);
        let end = start.and_then(|start| start.checked_add(info.num_bytes as u64));
        let (Some(start), Some(end)) = (start, end) else {
            return Err(malformed(format!("offset {} overflows", info.offset)));
        };
        if !info.offset.is_multiple_of(alignment) {
            let reason = format!("offset {} is no multiple of {alignment}", info.offset);
            return Err(malformed(reason));
        }
        if end > file.len() {
            let reason = format!("ends at byte {end} of a file with {}", file.len());
            return Err(malformed(reason));
        }
        extents.push((start, end));
        let tensor = StoredTensor {
            file_idx: 0,
            offset: start,
            num_bytes: info.num_bytes,
            dtype: Ok(info.dtype),
            rows: info.rows,
            cols: info.cols,
        };
        if tensors.contains_key(&info.name) {
            return Err(malformed("appears twice".into()));
        }
        tensors.insert(info.name, tensor);
    }
    extents.sort_unstable();
    if let Some(pair) = extents.windows(2).find(|pair| pair[0].1 > pair[1].0) {
        let reason = format!("two tensors share the bytes at {}", pair[1].0);
        return Err(ModelError::malformed(file.path(), "tensor offsets", reason));
    }
    Ok(tensors)
}

fn alignment(metadata: &Metadata) -> Result<u64, ModelError> {
    const KEY: &str = "general.alignment";
    let alignment = metadata.unsigned(KEY, MAX_ALIGNMENT)?.unwrap_or(DEFAULT_ALIGNMENT);
    // `docs/gguf.md`: a multiple of 8; ggml: a power of two.
    if alignment < 8 || !alignment.is_power_of_two() {
        let reason = format!("must be a power of two in 8..={MAX_ALIGNMENT}, not {alignment}");
        return Err(metadata.error(KEY, reason));
    }
    Ok(alignment)
}

impl Info {
    fn read(reader: &mut Reader<'_>) -> Result<Self, ModelError> {
        let name = reader.string("tensor name", MAX_NAME_BYTES)?;
        let num_dims = reader.u32(&name)?;
        if !(1..=MAX_DIMS).contains(&num_dims) {
            let reason = format!("{num_dims} dimensions, allowed are 1..={MAX_DIMS}");
            return Err(reader.error(&name, reason));
        }
        let mut dims = [1u64; MAX_DIMS as usize];
        for dim in &mut dims[..num_dims as usize] {
            *dim = reader.u64(&name)?;
        }
        let kind = reader.u32(&name)?;
        let offset = reader.u64(&name)?;
        let Some(dtype) = parse_type(kind) else {
            let reason = format!(
                "type {} is not served; F32, F16, BF16, Q8_0, Q4_0, Q4_1, Q5_0, Q5_1, Q4_K, Q5_K \
                 and Q6_K are",
                type_name(kind)
            );
            return Err(reader.error(&name, reason));
        };
        let sizes = dims.map(usize::try_from);
        let [Ok(cols), Ok(b), Ok(c), Ok(d)] = sizes else {
            return Err(reader.error(&name, format!("shape {dims:?} overflows")));
        };
        let rows = b.checked_mul(c).and_then(|rows| rows.checked_mul(d));
        if cols == 0 || rows == Some(0) {
            return Err(reader.error(&name, format!("shape {dims:?} has no elements")));
        }
        let num_bytes =
            rows.zip(dtype.row_bytes(cols)).and_then(|(rows, row)| rows.checked_mul(row));
        let (Some(rows), Some(num_bytes)) = (rows, num_bytes) else {
            let reason = format!(
                "shape {dims:?} overflows or its rows are no whole {}-element blocks",
                dtype.block_len()
            );
            return Err(reader.error(&name, reason));
        };
        Ok(Self { name, dtype, rows, cols, num_bytes, offset })
    }
}

/// `enum ggml_type` in `ggml.h`, as far as it is served.
fn parse_type(kind: u32) -> Option<DType> {
    Some(match kind {
        0 => DType::F32,
        1 => DType::F16,
        2 => DType::Q4_0,
        3 => DType::Q4_1,
        6 => DType::Q5_0,
        7 => DType::Q5_1,
        8 => DType::Q8_0,
        12 => DType::Q4_K,
        13 => DType::Q5_K,
        14 => DType::Q6_K,
        30 => DType::BF16,
        _ => return None,
    })
}

/// Names of the other types, for the message.
fn type_name(kind: u32) -> String {
    let name = match kind {
        9 => "Q8_1",
        10 => "Q2_K",
        11 => "Q3_K",
        15 => "Q8_K",
        16 => "IQ2_XXS",
        17 => "IQ2_XS",
        18 => "IQ3_XXS",
        19 => "IQ1_S",
        20 => "IQ4_NL",
        21 => "IQ3_S",
        22 => "IQ2_S",
        23 => "IQ4_XS",
        24 => "I8",
        25 => "I16",
        26 => "I32",
        27 => "I64",
        28 => "F64",
        29 => "IQ1_M",
        34 => "TQ1_0",
        35 => "TQ2_0",
        39 => "MXFP4",
        other => return format!("number {other}"),
    };
    name.to_owned()
}
