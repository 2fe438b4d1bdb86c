//! Weights of a Hugging Face folder: one `model.safetensors`, or shards listed by
//! `model.safetensors.index.json`.
//!
//! Shard names are names: nothing that could lead out of the folder is accepted. Symbolic links
//! are followed, because that is how the hub cache stores files. Called by `files`.

mod header;

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use serde::Deserialize;

use crate::ModelError;
use crate::json::BoundedMap;
use crate::storage::{DataFile, TensorTable};

/// Tensors in one model. Llama 3.1 405B has 1138.
pub(crate) const MAX_TENSORS: usize = 16_384;
/// Size of the shard index.
const MAX_INDEX_BYTES: u64 = 4 << 20;
/// Files that one model's weights are spread over; each stays open.
const MAX_SHARDS: usize = 512;

/// The weights of a model that has only one file.
pub(crate) const SINGLE_FILE: &str = "model.safetensors";
/// Which shard holds which tensor.
pub(crate) const INDEX_FILE: &str = "model.safetensors.index.json";

#[derive(Deserialize)]
struct Index {
    weight_map: BoundedMap<String, MAX_TENSORS>,
}

/// Opens the weights in `folder` and reads their headers.
pub(crate) fn read(folder: &Path) -> Result<TensorTable, ModelError> {
    let exists = |path: &Path| path.try_exists().map_err(|error| ModelError::io(path, error));
    let single = folder.join(SINGLE_FILE);
    let index = folder.join(INDEX_FILE);
    let mut table = TensorTable::default();
    if exists(&single)? {
        header::add_file(&mut table, DataFile::open(&single)?)?;
        return Ok(table);
    }
    if !exists(&index)? {
        return Err(ModelError::NotAModel {
            path: folder.to_owned(),
            reason: format!(
                "neither {SINGLE_FILE} nor {INDEX_FILE} (pickled weights are never loaded)"
            ),
        });
    }
    read_shards(folder, &index, &mut table)?;
    Ok(table)
}

/// The shards that an index lists, checked to be plain names.
pub(crate) fn shard_names(index: &Path) -> Result<BTreeSet<String>, ModelError> {
    let weight_map = read_index(index)?;
    Ok(weight_map.into_values().collect())
}

/// Tensor name to shard.
fn read_index(index: &Path) -> Result<BTreeMap<String, String>, ModelError> {
    let malformed = |place: &str, reason: String| ModelError::malformed(index, place, reason);
    let bytes = DataFile::open(index)?.read_all(MAX_INDEX_BYTES)?;
    let Index { weight_map: BoundedMap(weight_map) } =
        serde_json::from_slice(&bytes).map_err(|error| malformed("JSON", error.to_string()))?;
    let shards: BTreeSet<&str> = weight_map.values().map(String::as_str).collect();
    if shards.is_empty() || shards.len() > MAX_SHARDS {
        let reason = format!("lists {} files, allowed are 1..={MAX_SHARDS}", shards.len());
        return Err(malformed("weight_map", reason));
    }
    for shard in shards {
        check_shard_name(shard).map_err(|reason| malformed(shard, reason.to_owned()))?;
    }
    Ok(weight_map)
}

fn read_shards(folder: &Path, index: &Path, table: &mut TensorTable) -> Result<(), ModelError> {
    let weight_map = read_index(index)?;
    let shards: BTreeSet<&str> = weight_map.values().map(String::as_str).collect();
    for shard in shards {
        header::add_file(table, DataFile::open(&folder.join(shard))?)?;
    }
    for (tensor, shard) in &weight_map {
        let found = table.tensors.get(tensor).map(|stored| table.files[stored.file_idx].path());
        if found.and_then(Path::file_name).is_none_or(|name| name != shard.as_str()) {
            return Err(ModelError::tensor(index, tensor, format!("is not in {shard}")));
        }
    }
    Ok(())
}

/// A plain file name in the folder: no separators, no parent, nothing hidden.
fn check_shard_name(name: &str) -> Result<(), &'static str> {
    if name.contains(['/', '\\', '\0']) || name.starts_with('.') {
        return Err("a shard must be a plain file name in the model's folder");
    }
    if !name.ends_with(".safetensors") {
        return Err("a shard must be a .safetensors file");
    }
    Ok(())
}
