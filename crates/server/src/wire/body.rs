//! A request body as named raw JSON values, each parsed when its field is read.
//!
//! Keeping values raw until their type is known means that a wrong value is reported with its
//! field's name, that what is left over is exactly the set of unknown fields, and that a huge
//! prompt is parsed straight into its own type.

use std::collections::BTreeMap;
use std::fmt;

use serde::Deserialize;
use serde::de::{DeserializeOwned, Deserializer, MapAccess, Visitor};
use serde_json::value::RawValue;

use crate::error::ApiError;

/// Top-level fields in one body.
const MAX_BODY_FIELDS: usize = 512;
/// Most values in one body: elements of lists and fields of objects at any depth. A parsed value
/// takes up to a hundred times the memory of its text, so the size of the body is no bound.
const MAX_BODY_VALUES: usize = 1 << 19;
/// Unknown fields listed back to the client.
const MAX_LISTED_FIELDS: usize = 16;
/// Longest unknown field name listed back.
const MAX_LISTED_NAME_BYTES: usize = 64;

/// The fields not yet read.
pub(crate) struct Body<'a> {
    fields: BTreeMap<String, &'a RawValue>,
}

impl<'a> Body<'a> {
    /// Splits a JSON object into its fields; of duplicate keys the last one counts.
    pub(crate) fn parse(bytes: &'a [u8]) -> Result<Self, ApiError> {
        let text = std::str::from_utf8(bytes)
            .map_err(|_| ApiError::bad_request("The request body is not valid UTF-8."))?;
        if max_num_values(bytes) > MAX_BODY_VALUES {
            let message = format!("The request body holds more than {MAX_BODY_VALUES} values.");
            return Err(ApiError::bad_request(message));
        }
        serde_json::from_str(text).map_err(|error| {
            ApiError::bad_request(format!("The request body is not a JSON object: {error}"))
        })
    }

    /// Reads one field; absent and `null` are the same.
    pub(crate) fn take<T: DeserializeOwned>(&mut self, name: &str) -> Result<Option<T>, ApiError> {
        let Some(raw) = self.take_raw(name) else { return Ok(None) };
        serde_json::from_str(raw).map(Some).map_err(|error| {
            ApiError::invalid(name, format!("'{name}' is not valid: {}", cause(&error)))
        })
    }

    /// Reads a field that must be there.
    pub(crate) fn require<T: DeserializeOwned>(&mut self, name: &str) -> Result<T, ApiError> {
        self.take(name)?.ok_or_else(|| ApiError::invalid(name, format!("'{name}' is required")))
    }

    /// True when the field is there and was not read yet.
    pub(crate) fn has(&self, name: &str) -> bool {
        self.fields.contains_key(name)
    }

    /// The raw text of a field that is there and not `null`.
    pub(crate) fn take_raw(&mut self, name: &str) -> Option<&'a str> {
        self.fields.remove(name).map(RawValue::get).filter(|raw| *raw != "null")
    }

    /// Names of the fields nobody read, cut to what fits a response header.
    pub(crate) fn into_unknown(self) -> Vec<String> {
        let printable = |name: &String| {
            name.len() <= MAX_LISTED_NAME_BYTES
                && name.bytes().all(|byte| byte.is_ascii_graphic() && byte != b',')
        };
        self.fields.into_keys().filter(printable).take(MAX_LISTED_FIELDS).collect()
    }
}

/// A bound on the values in a JSON text: each is the first in a list or object, or follows a comma.
fn max_num_values(json: &[u8]) -> usize {
    let mut num_values = 1;
    let mut bytes = json.iter();
    while let Some(byte) = bytes.next() {
        match byte {
            b'[' | b'{' | b',' => num_values += 1,
            b'"' => skip_string(&mut bytes),
            _ => {}
        }
    }
    num_values
}

/// Moves past a string's closing quote.
fn skip_string(bytes: &mut std::slice::Iter<'_, u8>) {
    while let Some(byte) = bytes.next() {
        match byte {
            b'"' => return,
            b'\\' => drop(bytes.next()),
            _ => {}
        }
    }
}

/// An error's text without the position, which would be relative to the field.
fn cause(error: &serde_json::Error) -> String {
    let text = error.to_string();
    match text.rfind(" at line ") {
        Some(end) => text[..end].to_owned(),
        None => text,
    }
}

impl<'de: 'a, 'a> Deserialize<'de> for Body<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(FieldsVisitor).map(|fields| Self { fields })
    }
}

struct FieldsVisitor;

impl<'de> Visitor<'de> for FieldsVisitor {
    type Value = BTreeMap<String, &'de RawValue>;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("a JSON object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
        let mut fields = BTreeMap::new();
        while let Some((name, value)) = map.next_entry::<String, &'de RawValue>()? {
            if fields.len() == MAX_BODY_FIELDS {
                return Err(serde::de::Error::custom(format_args!(
                    "more than {MAX_BODY_FIELDS} fields"
                )));
            }
            fields.insert(name, value);
        }
        Ok(fields)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fields_are_read_by_name_and_the_rest_is_unknown() {
        let mut body = Body::parse(br#"{"a": 1, "b": null, "a": 2, "zz": [], "x y": 1}"#).unwrap();
        assert_eq!(body.take::<u32>("a").unwrap(), Some(2));
        assert_eq!(body.take::<u32>("b").unwrap(), None);
        assert_eq!(body.into_unknown(), ["zz"]);
    }

    #[test]
    fn a_wrong_type_names_its_field() {
        let mut body = Body::parse(br#"{"n": "3"}"#).unwrap();
        let error = body.take::<u32>("n").unwrap_err();
        assert_eq!(error.param(), Some("n"));
        assert_eq!(error.message(), "'n' is not valid: invalid type: string \"3\", expected u32");
    }

    #[test]
    fn values_are_counted_before_they_are_made() {
        assert_eq!(max_num_values(br#"{"a": [1, "x,[{\",", []], "b": {}}"#), 8);
        assert_eq!(max_num_values(br#""open,,,\"#), 1);
        let body = |num_commas: usize| format!(r#"{{"a": [{}1]}}"#, "1,".repeat(num_commas));
        // Apart from the commas: the whole, the field, the first element.
        let at_limit = body(MAX_BODY_VALUES - 3);
        assert!(Body::parse(at_limit.as_bytes()).is_ok());
        let beyond = body(MAX_BODY_VALUES - 2);
        let error = Body::parse(beyond.as_bytes()).err().unwrap();
        assert!(error.message().contains("values"), "{}", error.message());
    }

    #[test]
    fn hostile_bodies_are_refused() {
        let deep = "[".repeat(100_000);
        let many: String = (0..=MAX_BODY_FIELDS).map(|i| format!("\"f{i}\":1,")).collect();
        let many = format!("{{{}\"z\":1}}", many);
        for bytes in [&b"[]"[..], b"", b"{", b"\xff", b"\"x\"", deep.as_bytes(), many.as_bytes()] {
            assert_eq!(Body::parse(bytes).err().unwrap().status().as_u16(), 400);
        }
        let nested = format!("{{\"a\": {}1{}}}", "[".repeat(100_000), "]".repeat(100_000));
        let mut body = Body::parse(nested.as_bytes()).unwrap();
        assert_eq!(body.take::<serde_json::Value>("a").unwrap_err().param(), Some("a"));
    }
}
