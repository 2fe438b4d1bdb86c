//! An opened model: its spec, its tokenizer's whereabouts, and its weights by role, the same for
//! every file format.
//!
//! Opening reads metadata only and checks all of it: every weight that the decoder needs is there
//! with the shape that the spec promises, and nothing is left over that would change the result.
//! Weights are read when asked for. Called by the binary, by `inspect` and by the weight loader.

mod kv_scales;

use std::path::{Path, PathBuf};

use backend::TensorShape;

use crate::gguf::{self, GgufTokenizerData};
use crate::role::{LayerTensor, Naming, TensorRole};
use crate::rows::Interleaved;
use crate::storage::{StoredTensor, TensorTable};
use crate::{ModelError, ModelSpec, config, safetensors};

/// Where a model comes from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Source {
    /// A folder with `config.json` and safetensors files.
    HfFolder(PathBuf),
    /// A GGUF file.
    Gguf(PathBuf),
}

/// Where the tokenizer comes from.
#[derive(Clone, Debug, PartialEq)]
pub enum TokenizerSource {
    /// `tokenizer.json` and its companions in this folder.
    HfFolder(PathBuf),
    /// What the GGUF file carries.
    Gguf(Box<GgufTokenizerData>),
}

/// An opened model folder or file. Metadata is read and validated; weights are read on demand.
#[derive(Debug)]
pub struct ModelFiles {
    /// The model as numbers.
    pub spec: ModelSpec,
    /// The files.
    pub source: Source,
    /// The tokenizer's data.
    pub tokenizer: TokenizerSource,
    table: TensorTable,
    naming: Naming,
    /// q and k rows of the file pair neighbours for rotation.
    interleaved: bool,
}

impl ModelFiles {
    /// Opens a model: a folder with `config.json` and safetensors files, a folder with one GGUF
    /// file, or a GGUF file. Symbolic links are followed.
    pub fn open(path: &Path) -> Result<Self, ModelError> {
        let metadata = path.metadata().map_err(|source| ModelError::io(path, source))?;
        let files = if !metadata.is_dir() {
            Self::open_gguf(path)?
        } else if path.join("config.json").exists() {
            Self::open_folder(path)?
        } else {
            Self::open_gguf(&only_gguf_in(path)?)?
        };
        files.check_tensors()?;
        Ok(files)
    }

    fn open_folder(folder: &Path) -> Result<Self, ModelError> {
        Ok(Self {
            spec: config::read(folder)?,
            source: Source::HfFolder(folder.to_owned()),
            tokenizer: TokenizerSource::HfFolder(folder.to_owned()),
            table: safetensors::read(folder)?,
            naming: Naming::HuggingFace,
            interleaved: false,
        })
    }

    fn open_gguf(path: &Path) -> Result<Self, ModelError> {
        let model = gguf::read(path)?;
        Ok(Self {
            spec: model.spec,
            source: Source::Gguf(path.to_owned()),
            tokenizer: TokenizerSource::Gguf(Box::new(model.tokenizer)),
            table: model.table,
            naming: Naming::Gguf,
            interleaved: model.interleaved,
        })
    }

    /// Folder or file, for messages.
    pub fn path(&self) -> &Path {
        match &self.source {
            Source::HfFolder(path) | Source::Gguf(path) => path,
        }
    }

    /// Every tensor by its name in the files, sorted by name.
    pub fn tensors(&self) -> impl Iterator<Item = (&str, TensorShape)> {
        let tensors = self.table.tensors.iter();
        tensors.filter_map(|(name, tensor)| Some((name.as_str(), tensor.shape().ok()?)))
    }

    /// Numbers in all tensors together.
    pub fn num_parameters(&self) -> u64 {
        self.tensors().map(|(_, shape)| shape.rows as u64 * shape.cols as u64).sum()
    }

    /// Bytes of all tensors together.
    pub fn num_bytes(&self) -> u64 {
        self.table.tensors.values().map(|tensor| tensor.num_bytes as u64).sum()
    }

    /// The name that a weight has in the files.
    pub fn name(&self, role: TensorRole) -> String {
        self.naming.name(role)
    }

    /// Shape and element type of a weight. The LM head of a model that ties it to the embedding is
    /// missing: ask for [`TensorRole::Embedding`] then.
    pub fn shape(&self, role: TensorRole) -> Result<TensorShape, ModelError> {
        self.stored(role).map(|(_, shape)| shape)
    }

    /// Reads a weight: row-major, little-endian, as [`ModelFiles::shape`] says, with q and k in
    /// the half-split order of rotation.
    pub fn load(&self, role: TensorRole) -> Result<Vec<u8>, ModelError> {
        let (tensor, _) = self.stored(role)?;
        let mut bytes = vec![0; tensor.num_bytes];
        self.read_into(role, 0, &mut bytes)?;
        Ok(bytes)
    }

    /// Fills `buf` with a weight's bytes from `offset`, in the order of [`ModelFiles::load`]: the
    /// way to read a large weight piece by piece. Panics if the range is not inside the weight.
    pub fn read_into(
        &self,
        role: TensorRole,
        offset: usize,
        buf: &mut [u8],
    ) -> Result<(), ModelError> {
        let (tensor, _) = self.stored(role)?;
        match self.row_order(role) {
            Some(order) => order.read_half_split(tensor.num_bytes, offset, buf, |at, part| {
                self.table.read_at(tensor, at, part)
            }),
            None => self.table.read_at(tensor, offset, buf),
        }
    }

    fn stored(&self, role: TensorRole) -> Result<(&StoredTensor, TensorShape), ModelError> {
        let name = self.naming.name(role);
        let Some(tensor) = self.table.tensors.get(&name) else {
            let reason = "is missing; the files are incomplete or do not match the configuration";
            return Err(ModelError::tensor(self.path(), name, reason));
        };
        match tensor.shape() {
            Ok(shape) => Ok((tensor, shape)),
            Err(dtype) => {
                let reason = format!("dtype {dtype} is not served; F32, F16 and BF16 are");
                let path = self.table.files[tensor.file_idx].path();
                Err(ModelError::tensor(path, name, reason))
            }
        }
    }

    /// How the rows of a weight must be reordered, if they must.
    fn row_order(&self, role: TensorRole) -> Option<Interleaved> {
        use LayerTensor::{K, KBias, KNorm, Q, QBias, QNorm};
        let TensorRole::Layer { tensor: Q | K | QBias | KBias | QNorm | KNorm, .. } = role else {
            return None;
        };
        let (rows, cols) = self.spec.dims(role);
        self.interleaved.then_some(Interleaved {
            // A bias or a norm is stored as one row, but its elements belong to rows of q or k.
            num_rows: if rows == 1 { cols } else { rows },
            head_dim: self.spec.head_dim,
            rotary_dim: self.spec.rope.rotary_dim,
        })
    }

    /// Checks that the decoder's weights are there with their shapes, and nothing else is.
    fn check_tensors(&self) -> Result<(), ModelError> {
        let mut known = std::collections::BTreeSet::new();
        for role in self.spec.roles() {
            let shape = self.shape(role)?;
            let (rows, cols) = self.spec.dims(role);
            let name = self.naming.name(role);
            if (shape.rows, shape.cols) != (rows, cols) {
                let reason = format!(
                    "has shape [{}, {}], the configuration asks for [{rows}, {cols}]",
                    shape.rows, shape.cols
                );
                return Err(ModelError::tensor(self.path(), name, reason));
            }
            known.insert(name);
        }
        let is_known = |name: &str| {
            known.contains(name)
                || name == gguf::ROPE_FREQS
                // They concern an FP8 cache only.
                || self.is_kv_scale(name)
                // Buffers that older `transformers` saved along; they are computed here.
                || name.ends_with(".rotary_emb.inv_freq")
                // A copy of a tied embedding.
                || name == self.naming.name(TensorRole::LmHead)
        };
        match self.table.tensors.keys().find(|name| !is_known(name)) {
            None => Ok(()),
            Some(name) => {
                let reason = "is not part of the architecture; ignoring it would change the output";
                Err(ModelError::tensor(self.path(), name, reason))
            }
        }
    }
}

/// The one GGUF file of a folder.
fn only_gguf_in(folder: &Path) -> Result<PathBuf, ModelError> {
    let io = |source| ModelError::io(folder, source);
    let mut found = None;
    for entry in folder.read_dir().map_err(io)? {
        let path = entry.map_err(io)?.path();
        if path.extension().is_some_and(|extension| extension == "gguf") {
            if found.is_some() {
                let reason = "several .gguf files; name one of them".to_owned();
                return Err(ModelError::NotAModel { path: folder.to_owned(), reason });
            }
            found = Some(path);
        }
    }
    found.ok_or_else(|| ModelError::NotAModel {
        path: folder.to_owned(),
        reason: "neither config.json nor a .gguf file".into(),
    })
}
