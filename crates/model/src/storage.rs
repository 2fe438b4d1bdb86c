//! Bytes on disk: regular files opened for positioned reads, and the table of the tensors in them.
//!
//! Nothing is mapped, so a file that shrinks under us is an error and never a signal. Every offset
//! has been compared with the file's length before a tensor enters the table.

use std::collections::BTreeMap;
use std::fs::File;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};

use backend::{DType, TensorShape};

use crate::ModelError;

/// An open regular file.
#[derive(Debug)]
pub(crate) struct DataFile {
    path: PathBuf,
    file: File,
    len: u64,
}

impl DataFile {
    /// Opens a regular file, following symbolic links. The kind is looked at before opening,
    /// because opening a FIFO blocks, and after, because it is the opened one that counts.
    pub(crate) fn open(path: &Path) -> Result<Self, ModelError> {
        let io = |source| ModelError::io(path, source);
        let not_regular = || ModelError::NotRegularFile { path: path.to_owned() };
        if !path.metadata().map_err(io)?.is_file() {
            return Err(not_regular());
        }
        let file = File::open(path).map_err(io)?;
        let metadata = file.metadata().map_err(io)?;
        if !metadata.is_file() {
            return Err(not_regular());
        }
        Ok(Self { path: path.to_owned(), file, len: metadata.len() })
    }

    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    /// Length at the time of opening.
    pub(crate) fn len(&self) -> u64 {
        self.len
    }

    /// Fills `buf` from `offset`.
    pub(crate) fn read_exact_at(&self, buf: &mut [u8], offset: u64) -> Result<(), ModelError> {
        self.file.read_exact_at(buf, offset).map_err(|source| ModelError::io(&self.path, source))
    }

    /// The whole file, if it has at most `max_bytes`.
    pub(crate) fn read_all(&self, max_bytes: u64) -> Result<Vec<u8>, ModelError> {
        if self.len > max_bytes {
            let reason = format!("{} bytes, more than the limit of {max_bytes}", self.len);
            return Err(ModelError::malformed(&self.path, "file", reason));
        }
        let mut bytes = vec![0; self.len as usize];
        self.read_exact_at(&mut bytes, 0)?;
        Ok(bytes)
    }
}

/// One tensor's place in a file.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct StoredTensor {
    /// Index into [`TensorTable::files`].
    pub(crate) file_idx: usize,
    /// First byte in the file.
    pub(crate) offset: u64,
    /// Size in bytes.
    pub(crate) num_bytes: usize,
    /// Element type; the name of the type if no backend has it.
    pub(crate) dtype: Result<DType, String>,
    /// Product of all dimensions but the contiguous one.
    pub(crate) rows: usize,
    /// The contiguous dimension.
    pub(crate) cols: usize,
}

impl StoredTensor {
    /// Shape and type, unless the type is not served.
    pub(crate) fn shape(&self) -> Result<TensorShape, &str> {
        let dtype = *self.dtype.as_ref().map_err(String::as_str)?;
        Ok(TensorShape { dtype, rows: self.rows, cols: self.cols })
    }
}

/// Every tensor of a model, over all its files.
#[derive(Debug, Default)]
pub(crate) struct TensorTable {
    pub(crate) files: Vec<DataFile>,
    pub(crate) tensors: BTreeMap<String, StoredTensor>,
}

impl TensorTable {
    /// Fills `buf` with a tensor's bytes from `offset` within the tensor.
    /// Panics if the range is not inside the tensor: the caller knows its size.
    pub(crate) fn read_at(
        &self,
        tensor: &StoredTensor,
        offset: usize,
        buf: &mut [u8],
    ) -> Result<(), ModelError> {
        let inside = offset.checked_add(buf.len()).is_some_and(|end| end <= tensor.num_bytes);
        assert!(inside, "read of {} bytes at {offset} past {} bytes", buf.len(), tensor.num_bytes);
        self.files[tensor.file_idx].read_exact_at(buf, tensor.offset + offset as u64)
    }
}
