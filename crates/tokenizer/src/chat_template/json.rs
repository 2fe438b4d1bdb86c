//! `tojson`: Python's `json.dumps`, as transformers gives it to templates.
//!
//! Differs from the engine's own filter in that nothing is escaped for HTML, `ensure_ascii` is
//! off, and the separators are Python's. Source: CPython `Lib/json/encoder.py`.

use minijinja::value::{Kwargs, ValueKind};
use minijinja::{Error, ErrorKind, State, Value};
use serde_json::Value as Json;

use super::MAX_OUTPUT_BYTES;
use super::methods::charge;

/// Deepest value written; what comes in as JSON is less deep.
const MAX_DEPTH: usize = 256;
/// Widest indentation.
const MAX_INDENT: usize = 32;
/// What a value costs beside its text when input is measured.
const NODE_BYTES: usize = 16;

/// About how much of a template's work a value is worth: its text and a bit for each part.
pub(super) fn input_bytes(value: &Json) -> usize {
    NODE_BYTES
        + match value {
            Json::String(text) => text.len(),
            Json::Array(items) => items.iter().map(input_bytes).sum(),
            Json::Object(map) => {
                map.iter().map(|(key, value)| key.len() + input_bytes(value)).sum()
            }
            Json::Null | Json::Bool(_) | Json::Number(_) => 0,
        }
}

/// `value|tojson(indent=None, ensure_ascii=False, sort_keys=False, separators=None)`.
pub(super) fn tojson(
    state: &State<'_, '_>,
    value: &Value,
    indent: Option<usize>,
    kwargs: Kwargs,
) -> Result<String, Error> {
    let indent = match indent {
        Some(indent) => Some(indent),
        None => kwargs.get("indent")?,
    };
    if indent.is_some_and(|indent| indent > MAX_INDENT) {
        return Err(refuse("tojson: the indentation is too wide"));
    }
    let separators: Option<Vec<String>> = kwargs.get("separators")?;
    let (item, key) = match separators.as_deref() {
        None if indent.is_some() => (",", ": "),
        None => (", ", ": "),
        Some([item, key]) => (item.as_str(), key.as_str()),
        Some(_) => return Err(refuse("tojson: separators are a pair")),
    };
    let mut writer = Writer {
        state,
        text: String::new(),
        num_charged: 0,
        indent,
        item_separator: item,
        key_separator: key,
        ensure_ascii: kwargs.get::<Option<bool>>("ensure_ascii")?.unwrap_or(false),
        sort_keys: kwargs.get::<Option<bool>>("sort_keys")?.unwrap_or(false),
    };
    kwargs.assert_all_used()?;
    writer.value(value, 0)?;
    Ok(writer.text)
}

fn refuse(problem: impl Into<std::borrow::Cow<'static, str>>) -> Error {
    Error::new(ErrorKind::InvalidOperation, problem)
}

struct Writer<'a> {
    state: &'a State<'a, 'a>,
    text: String,
    /// Bytes of `text` that were paid for.
    num_charged: usize,
    indent: Option<usize>,
    item_separator: &'a str,
    key_separator: &'a str,
    ensure_ascii: bool,
    sort_keys: bool,
}

impl Writer<'_> {
    fn value(&mut self, value: &Value, depth: usize) -> Result<(), Error> {
        if depth > MAX_DEPTH {
            return Err(refuse("tojson: the value is nested too deeply"));
        }
        self.pay()?;
        match value.kind() {
            ValueKind::None => self.text.push_str("null"),
            ValueKind::Bool => self.text.push_str(if value.is_true() { "true" } else { "false" }),
            ValueKind::Number => self.number(value),
            ValueKind::String => self.string(value.as_str().unwrap_or_default()),
            ValueKind::Seq | ValueKind::Iterable => {
                let items = value.try_iter()?;
                self.list(items, depth)?;
            }
            ValueKind::Map => self.map(value, depth)?,
            other => return Err(refuse(format!("tojson: a value of type {other} is not JSON"))),
        }
        Ok(())
    }

    /// Pays for what was written since the last call, so that a value that repeats its parts
    /// cannot unfold to more than the render may make.
    fn pay(&mut self) -> Result<(), Error> {
        if self.text.len() > MAX_OUTPUT_BYTES {
            return Err(refuse("tojson: the text is too long"));
        }
        let num_bytes = self.text.len() - self.num_charged;
        self.num_charged = self.text.len();
        charge(self.state, num_bytes)
    }

    fn list(&mut self, items: impl Iterator<Item = Value>, depth: usize) -> Result<(), Error> {
        self.text.push('[');
        let mut is_empty = true;
        for item in items {
            self.begin_item(is_empty, depth + 1);
            is_empty = false;
            self.value(&item, depth + 1)?;
        }
        self.end_items(is_empty, depth);
        self.text.push(']');
        Ok(())
    }

    fn map(&mut self, map: &Value, depth: usize) -> Result<(), Error> {
        let mut keys: Vec<Value> = map.try_iter()?.collect();
        if self.sort_keys {
            keys.sort();
        }
        self.text.push('{');
        for (key_idx, key) in keys.iter().enumerate() {
            self.begin_item(key_idx == 0, depth + 1);
            self.key(key)?;
            self.text.push_str(self.key_separator);
            self.value(&map.get_item(key)?, depth + 1)?;
        }
        self.end_items(keys.is_empty(), depth);
        self.text.push('}');
        Ok(())
    }

    /// Keys are strings; Python writes the other plain values as strings of their JSON.
    fn key(&mut self, key: &Value) -> Result<(), Error> {
        match key.kind() {
            ValueKind::String => self.string(key.as_str().unwrap_or_default()),
            ValueKind::Number | ValueKind::Bool | ValueKind::None => {
                self.text.push('"');
                self.value(key, MAX_DEPTH)?;
                self.text.push('"');
            }
            other => return Err(refuse(format!("tojson: a key of type {other} is not JSON"))),
        }
        Ok(())
    }

    fn begin_item(&mut self, is_first: bool, depth: usize) {
        if !is_first {
            self.text.push_str(self.item_separator);
        }
        self.new_line(depth);
    }

    fn end_items(&mut self, is_empty: bool, depth: usize) {
        if !is_empty {
            self.new_line(depth);
        }
    }

    fn new_line(&mut self, depth: usize) {
        if let Some(indent) = self.indent {
            self.text.push('\n');
            self.text.extend(std::iter::repeat_n(' ', indent * depth));
        }
    }

    fn number(&mut self, value: &Value) {
        // The engine's text for an integer is its digits; only floats differ from Python's.
        let is_float = !value.is_integer();
        match f64::try_from(value.clone()) {
            Ok(number) if is_float => self.text.push_str(&python_float(number)),
            _ => self.text.push_str(&value.to_string()),
        }
    }

    fn string(&mut self, text: &str) {
        self.text.push('"');
        for c in text.chars() {
            match c {
                '"' => self.text.push_str("\\\""),
                '\\' => self.text.push_str("\\\\"),
                '\n' => self.text.push_str("\\n"),
                '\r' => self.text.push_str("\\r"),
                '\t' => self.text.push_str("\\t"),
                '\u{8}' => self.text.push_str("\\b"),
                '\u{c}' => self.text.push_str("\\f"),
                c if c < ' ' || (self.ensure_ascii && !c.is_ascii()) => {
                    for unit in c.encode_utf16(&mut [0; 2]) {
                        self.text.push_str(&format!("\\u{unit:04x}"));
                    }
                }
                c => self.text.push(c),
            }
        }
        self.text.push('"');
    }
}

/// A float as Python's `repr`: the shortest digits that read back, with an exponent below 1e-4
/// and from 1e16 on.
fn python_float(number: f64) -> String {
    if number.is_nan() {
        return "NaN".to_owned();
    }
    if number.is_infinite() {
        return if number > 0.0 { "Infinity" } else { "-Infinity" }.to_owned();
    }
    let magnitude = number.abs();
    if magnitude != 0.0 && !(1e-4..1e16).contains(&magnitude) {
        let scientific = format!("{number:e}");
        let (digits, exponent) = scientific.split_once('e').unwrap_or((&scientific, "0"));
        let sign = if exponent.starts_with('-') { '-' } else { '+' };
        return format!("{digits}e{sign}{:0>2}", exponent.trim_start_matches('-'));
    }
    let plain = number.to_string();
    if plain.contains('.') { plain } else { format!("{plain}.0") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn floats_are_written_as_python_does() {
        for (number, expected) in [
            (1.0, "1.0"),
            (0.1, "0.1"),
            (-2.5, "-2.5"),
            (0.0001, "0.0001"),
            (0.00001, "1e-05"),
            (1.5e-7, "1.5e-07"),
            (1e15, "1000000000000000.0"),
            (1e16, "1e+16"),
            (1e20, "1e+20"),
            (1e300, "1e+300"),
            (f64::NAN, "NaN"),
            (f64::NEG_INFINITY, "-Infinity"),
        ] {
            assert_eq!(python_float(number), expected);
        }
    }
}
