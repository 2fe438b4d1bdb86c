//! GGUF files, versions 2 and 3 (format: `docs/gguf.md` in the ggml repository): metadata, tensor
//! table, and what they say about model and tokenizer. Called by `files`.

mod header;
mod reader;
mod spec;
mod tensors;
mod tokenizer;
mod value;

use std::path::Path;

pub use tokenizer::GgufTokenizerData;

use crate::storage::{DataFile, TensorTable};
use crate::{ModelError, ModelSpec};

pub(crate) use spec::ROPE_FREQS;

/// A whole GGUF file but its weights.
pub(crate) struct GgufModel {
    pub(crate) spec: ModelSpec,
    pub(crate) tokenizer: GgufTokenizerData,
    pub(crate) table: TensorTable,
    /// q and k rows pair neighbours for rotation and must be reordered when they are read.
    pub(crate) interleaved: bool,
}

/// Opens a GGUF file and reads everything but its weights.
pub(crate) fn read(path: &Path) -> Result<GgufModel, ModelError> {
    let file = DataFile::open(path)?;
    let header = header::read(&file)?;
    let mut metadata = header.metadata;
    let table = TensorTable { files: vec![file], tensors: header.tensors };
    let spec = spec::read(&metadata, &table)?;
    let interleaved = spec::is_interleaved(&metadata)?;
    let tokenizer = tokenizer::read(&mut metadata)?;
    Ok(GgufModel { spec, tokenizer, table, interleaved })
}
