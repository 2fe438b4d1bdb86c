//! Bounded JSON: small documents with typed fields that are named in errors, and string maps that
//! refuse duplicate keys and too many entries while they are being read.

use std::collections::BTreeMap;
use std::fmt;
use std::marker::PhantomData;
use std::path::{Path, PathBuf};

use serde::Deserialize;
use serde::de::{self, Deserializer, MapAccess, Visitor};
use serde_json::{Map, Value};

use crate::ModelError;
use crate::storage::DataFile;

/// Largest configuration file. Real ones have a few KiB; a parsed value takes about 30 times its
/// text, so this bounds the memory a hostile one can take.
const MAX_CONFIG_BYTES: u64 = 256 << 10;

/// A JSON object whose getters name file and field in their errors.
#[derive(Debug)]
pub(crate) struct JsonObject {
    path: PathBuf,
    prefix: String,
    map: Map<String, Value>,
}

impl JsonObject {
    /// Reads a whole small file.
    pub(crate) fn read(path: &Path) -> Result<Self, ModelError> {
        let bytes = DataFile::open(path)?.read_all(MAX_CONFIG_BYTES)?;
        let map = serde_json::from_slice(&bytes)
            .map_err(|error| ModelError::malformed(path, "JSON", error.to_string()))?;
        Ok(Self { path: path.to_owned(), prefix: String::new(), map })
    }

    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    /// An error about one of the fields.
    pub(crate) fn error(&self, field: &str, reason: impl Into<String>) -> ModelError {
        ModelError::field(&self.path, format!("{}{field}", self.prefix), reason)
    }

    /// A field's value; `null` counts as absent, as it does in `transformers`.
    pub(crate) fn get(&self, field: &str) -> Option<&Value> {
        self.map.get(field).filter(|value| !value.is_null())
    }

    /// True if the field is written, be it as `null`.
    pub(crate) fn has(&self, field: &str) -> bool {
        self.map.contains_key(field)
    }

    /// A nested object.
    pub(crate) fn object(&self, field: &str) -> Result<Option<Self>, ModelError> {
        match self.get(field) {
            None => Ok(None),
            Some(Value::Object(map)) => Ok(Some(Self {
                path: self.path.clone(),
                prefix: format!("{}{field}.", self.prefix),
                map: map.clone(),
            })),
            Some(other) => Err(self.error(field, format!("must be an object, not {other}"))),
        }
    }

    /// A count in `1..=max`.
    pub(crate) fn count(&self, field: &str, max: usize) -> Result<Option<usize>, ModelError> {
        let Some(value) = self.get(field) else { return Ok(None) };
        match value.as_u64().and_then(|n| usize::try_from(n).ok()) {
            Some(n) if (1..=max).contains(&n) => Ok(Some(n)),
            _ => {
                Err(self.error(field, format!("must be a whole number in 1..={max}, not {value}")))
            }
        }
    }

    /// A count that must be there.
    pub(crate) fn required_count(&self, field: &str, max: usize) -> Result<usize, ModelError> {
        self.count(field, max)?.ok_or_else(|| self.error(field, "is missing"))
    }

    /// A finite number above `min`.
    pub(crate) fn number_above(&self, field: &str, min: f64) -> Result<Option<f64>, ModelError> {
        let Some(value) = self.get(field) else { return Ok(None) };
        match value.as_f64() {
            Some(number) if number.is_finite() && number > min => Ok(Some(number)),
            _ => Err(self.error(field, format!("must be a number above {min}, not {value}"))),
        }
    }

    /// A boolean.
    pub(crate) fn flag(&self, field: &str) -> Result<Option<bool>, ModelError> {
        match self.get(field) {
            None => Ok(None),
            Some(Value::Bool(flag)) => Ok(Some(*flag)),
            Some(other) => Err(self.error(field, format!("must be true or false, not {other}"))),
        }
    }

    /// A string.
    pub(crate) fn text(&self, field: &str) -> Result<Option<&str>, ModelError> {
        match self.get(field) {
            None => Ok(None),
            Some(Value::String(text)) => Ok(Some(text)),
            Some(other) => Err(self.error(field, format!("must be a string, not {other}"))),
        }
    }
}

/// A JSON object as a map of at most `MAX` entries, each key once.
#[derive(Debug)]
pub(crate) struct BoundedMap<V, const MAX: usize>(pub(crate) BTreeMap<String, V>);

impl<'de, V: Deserialize<'de>, const MAX: usize> Deserialize<'de> for BoundedMap<V, MAX> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(BoundedVisitor::<V, MAX>(PhantomData))
    }
}

struct BoundedVisitor<V, const MAX: usize>(PhantomData<V>);

impl<'de, V: Deserialize<'de>, const MAX: usize> Visitor<'de> for BoundedVisitor<V, MAX> {
    type Value = BoundedMap<V, MAX>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "an object of at most {MAX} entries")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut access: A) -> Result<Self::Value, A::Error> {
        let mut map = BTreeMap::new();
        while let Some(key) = access.next_key::<String>()? {
            if map.len() == MAX {
                return Err(de::Error::custom(format_args!("more than {MAX} entries")));
            }
            if map.contains_key(&key) {
                return Err(de::Error::custom(format_args!("`{key}` appears twice")));
            }
            let value = access.next_value()?;
            map.insert(key, value);
        }
        Ok(BoundedMap(map))
    }
}
