//! Metadata values and the typed questions asked of them.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use super::reader::{MAX_STRING_BYTES, Reader};
use crate::ModelError;

/// Elements of one array. The largest vocabularies have 262k tokens and 515k merges.
pub(super) const MAX_ARRAY_LEN: u64 = 1 << 21;

/// `gguf_metadata_value_type` of arrays.
const ARRAY: u32 = 9;

/// A metadata value, as far as anybody asks for it.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Value {
    Unsigned(u64),
    Signed(i64),
    Float(f64),
    Bool(bool),
    String(String),
    Strings(Vec<String>),
    /// `u8` and `i8` arrays.
    Bytes(Vec<u8>),
    /// `i32` and `u32` arrays.
    Ints(Vec<i32>),
    Floats(Vec<f32>),
    /// Arrays of types that no known key has; their elements were skipped.
    OtherArray,
}

impl Value {
    /// Reads a value with its type.
    pub(super) fn read(reader: &mut Reader<'_>, key: &str) -> Result<Self, ModelError> {
        match reader.u32(key)? {
            ARRAY => Self::read_array(reader, key),
            kind => Self::read_scalar(reader, key, kind),
        }
    }

    fn read_scalar(reader: &mut Reader<'_>, key: &str, kind: u32) -> Result<Self, ModelError> {
        Ok(match kind {
            0 => Self::Unsigned(reader.array::<1>(key)?[0].into()),
            1 => Self::Signed(i8::from_le_bytes(reader.array(key)?).into()),
            2 => Self::Unsigned(u16::from_le_bytes(reader.array(key)?).into()),
            3 => Self::Signed(i16::from_le_bytes(reader.array(key)?).into()),
            4 => Self::Unsigned(reader.u32(key)?.into()),
            5 => Self::Signed(i32::from_le_bytes(reader.array(key)?).into()),
            6 => Self::Float(f32::from_le_bytes(reader.array(key)?).into()),
            7 => match reader.array::<1>(key)?[0] {
                0 => Self::Bool(false),
                1 => Self::Bool(true),
                other => return Err(reader.error(key, format!("{other} is not a boolean"))),
            },
            8 => Self::String(reader.string(key, MAX_STRING_BYTES)?),
            10 => Self::Unsigned(reader.u64(key)?),
            11 => Self::Signed(i64::from_le_bytes(reader.array(key)?)),
            12 => Self::Float(f64::from_le_bytes(reader.array(key)?)),
            other => return Err(reader.error(key, format!("unknown value type {other}"))),
        })
    }

    fn read_array(reader: &mut Reader<'_>, key: &str) -> Result<Self, ModelError> {
        let kind = reader.u32(key)?;
        // The least an element takes: a string has at least its length.
        let item_bytes: u64 = match kind {
            0 | 1 | 7 => 1,
            2 | 3 => 2,
            4..=6 => 4,
            8 | 10..=12 => 8,
            ARRAY => return Err(reader.error(key, "arrays of arrays are not served")),
            other => return Err(reader.error(key, format!("unknown element type {other}"))),
        };
        let count = reader.u64(key)?;
        let count = reader.check_count(key, count, item_bytes, MAX_ARRAY_LEN)?;
        Ok(match kind {
            0 | 1 => {
                let mut bytes = vec![0; count];
                reader.read_exact(key, &mut bytes)?;
                Self::Bytes(bytes)
            }
            4 | 5 => Self::Ints(read_items(count, || reader.array(key).map(i32::from_le_bytes))?),
            6 => Self::Floats(read_items(count, || reader.array(key).map(f32::from_le_bytes))?),
            8 => Self::Strings(read_items(count, || reader.string(key, MAX_STRING_BYTES))?),
            _ => {
                reader.skip(key, count as u64 * item_bytes)?;
                Self::OtherArray
            }
        })
    }
}

fn read_items<T>(
    count: usize,
    mut read: impl FnMut() -> Result<T, ModelError>,
) -> Result<Vec<T>, ModelError> {
    let mut items = Vec::with_capacity(count);
    for _ in 0..count {
        items.push(read()?);
    }
    Ok(items)
}

/// All metadata of a file. Getters name file and key in their errors.
#[derive(Debug)]
pub(super) struct Metadata {
    path: PathBuf,
    values: BTreeMap<String, Value>,
}

impl Metadata {
    pub(super) fn new(path: &Path, values: BTreeMap<String, Value>) -> Self {
        Self { path: path.to_owned(), values }
    }

    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    /// An error about a key.
    pub(super) fn error(&self, key: &str, reason: impl Into<String>) -> ModelError {
        ModelError::field(&self.path, key, reason)
    }

    fn wrong_type(&self, key: &str, expected: &str) -> ModelError {
        self.error(key, format!("must be {expected}"))
    }

    /// A whole number in `0..=max`.
    pub(super) fn unsigned(&self, key: &str, max: u64) -> Result<Option<u64>, ModelError> {
        let number = match self.values.get(key) {
            None => return Ok(None),
            Some(Value::Unsigned(number)) => Some(*number),
            Some(Value::Signed(number)) => u64::try_from(*number).ok(),
            Some(_) => None,
        };
        match number.filter(|number| *number <= max) {
            Some(number) => Ok(Some(number)),
            None => Err(self.wrong_type(key, &format!("one whole number in 0..={max}"))),
        }
    }

    /// A count in `1..=max`.
    pub(super) fn count(&self, key: &str, max: usize) -> Result<Option<usize>, ModelError> {
        match self.unsigned(key, max as u64)? {
            Some(0) => Err(self.error(key, "must not be 0")),
            count => Ok(count.map(|count| count as usize)),
        }
    }

    /// A count that must be there.
    pub(super) fn required_count(&self, key: &str, max: usize) -> Result<usize, ModelError> {
        self.count(key, max)?.ok_or_else(|| self.error(key, "is missing"))
    }

    /// A finite number above `min`.
    pub(super) fn number_above(&self, key: &str, min: f64) -> Result<Option<f64>, ModelError> {
        match self.values.get(key) {
            None => Ok(None),
            Some(Value::Float(number)) if number.is_finite() && *number > min => Ok(Some(*number)),
            Some(_) => Err(self.wrong_type(key, &format!("a number above {min}"))),
        }
    }

    /// A boolean.
    pub(super) fn flag(&self, key: &str) -> Result<Option<bool>, ModelError> {
        match self.values.get(key) {
            None => Ok(None),
            Some(Value::Bool(flag)) => Ok(Some(*flag)),
            Some(_) => Err(self.wrong_type(key, "a boolean")),
        }
    }

    /// A string.
    pub(super) fn text(&self, key: &str) -> Result<Option<&str>, ModelError> {
        match self.values.get(key) {
            None => Ok(None),
            Some(Value::String(text)) => Ok(Some(text)),
            Some(_) => Err(self.wrong_type(key, "a string")),
        }
    }

    /// An array of strings, moved out.
    pub(super) fn take_strings(&mut self, key: &str) -> Result<Vec<String>, ModelError> {
        match self.values.remove(key) {
            None => Ok(Vec::new()),
            Some(Value::Strings(strings)) => Ok(strings),
            Some(_) => Err(self.wrong_type(key, "an array of strings")),
        }
    }

    /// An array of 32-bit integers, moved out.
    pub(super) fn take_ints(&mut self, key: &str) -> Result<Vec<i32>, ModelError> {
        match self.values.remove(key) {
            None => Ok(Vec::new()),
            Some(Value::Ints(ints)) => Ok(ints),
            Some(_) => Err(self.wrong_type(key, "an array of 32-bit integers")),
        }
    }

    /// An array of floats, moved out.
    pub(super) fn take_floats(&mut self, key: &str) -> Result<Vec<f32>, ModelError> {
        match self.values.remove(key) {
            None => Ok(Vec::new()),
            Some(Value::Floats(floats)) => Ok(floats),
            Some(_) => Err(self.wrong_type(key, "an array of floats")),
        }
    }

    /// An array of bytes, moved out.
    pub(super) fn take_bytes(&mut self, key: &str) -> Result<Option<Vec<u8>>, ModelError> {
        match self.values.remove(key) {
            None => Ok(None),
            Some(Value::Bytes(bytes)) => Ok(Some(bytes)),
            Some(_) => Err(self.wrong_type(key, "an array of bytes")),
        }
    }

    /// Strings of an array that stays.
    pub(super) fn strings(&self, key: &str) -> &[String] {
        match self.values.get(key) {
            Some(Value::Strings(strings)) => strings,
            _ => &[],
        }
    }
}
