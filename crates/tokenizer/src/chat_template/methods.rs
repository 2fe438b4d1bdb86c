//! Python's methods on strings, lists and maps (`.strip()`, `.split()`, `.items()`, ...).
//!
//! The engine charges fuel for what a method returns, after it was made. The few methods whose
//! result can be much larger than their input are paid for here before they run.

use minijinja::{Error, ErrorKind, State, Value};
use minijinja_contrib::pycompat::unknown_method_callback;

/// Bytes of data one unit of fuel pays for, as in the engine.
const BYTES_PER_FUEL: usize = 64;
/// What an entry of a list costs, in bytes: the value and its text's allocation.
const ENTRY_BYTES: usize = 64;
/// Most digits of a number in a `format` string, so that no field is wider than 9999.
const MAX_WIDTH_DIGITS: usize = 4;

/// Calls a method the engine does not know.
pub(super) fn call(
    state: &mut State<'_, '_>,
    value: &Value,
    method: &str,
    args: &[Value],
) -> Result<Value, Error> {
    if let Some(text) = value.as_str() {
        let argument_bytes = args.iter().filter_map(Value::as_str).map(str::len);
        charge(state, argument_bytes.fold(text.len(), usize::saturating_add))?;
        charge(state, result_bytes(text, method, args)?)?;
    }
    unknown_method_callback(state, value, method, args)
}

/// Takes fuel for a number of bytes.
pub(super) fn charge(state: &State<'_, '_>, num_bytes: usize) -> Result<(), Error> {
    state.consume_fuel((num_bytes / BYTES_PER_FUEL) as u64 + 1)
}

/// The size of a result that is not bounded by its input; 0 where it is.
fn result_bytes(text: &str, method: &str, args: &[Value]) -> Result<usize, Error> {
    let arg = |idx: usize| args.get(idx).and_then(Value::as_str);
    Ok(match method {
        "replace" => match (arg(0), arg(1)) {
            (Some(old), Some(new)) => text.matches(old).count().saturating_mul(new.len()),
            _ => 0,
        },
        "split" => {
            let num_parts = match arg(0) {
                Some("") | None => text.split_whitespace().count(),
                Some(separator) => text.matches(separator).count(),
            };
            num_parts.saturating_mul(ENTRY_BYTES)
        }
        "splitlines" => text.lines().count().saturating_mul(ENTRY_BYTES),
        "join" => match args {
            [parts] => joined_bytes(text, parts)?,
            _ => 0,
        },
        "format" => formatted_bytes(text, args)?,
        _ => 0,
    })
}

/// Size of `separator.join(parts)`; only strings can be joined, as in Python.
fn joined_bytes(separator: &str, parts: &Value) -> Result<usize, Error> {
    let mut num_bytes: usize = 0;
    for part in parts.try_iter()? {
        let Some(part) = part.as_str() else {
            let problem = "join: expected a list of strings";
            return Err(Error::new(ErrorKind::InvalidOperation, problem));
        };
        num_bytes = num_bytes.saturating_add(part.len()).saturating_add(separator.len());
    }
    Ok(num_bytes)
}

/// Size of `format.format(args)`, for plain arguments and fields of bounded width.
fn formatted_bytes(format: &str, args: &[Value]) -> Result<usize, Error> {
    let refuse = |problem| Err(Error::new(ErrorKind::InvalidOperation, problem));
    let mut numbers = format.split(|c: char| !c.is_ascii_digit());
    if numbers.any(|number| number.len() > MAX_WIDTH_DIGITS) {
        return refuse("format: a number in the format is too large");
    }
    let mut longest: usize = 10_usize.pow(MAX_WIDTH_DIGITS as u32);
    for arg in args {
        match arg.as_str() {
            Some(text) => longest = longest.max(text.len()),
            None if arg.is_number() || arg.is_none() || arg.is_undefined() => {}
            None if arg.kind() == minijinja::value::ValueKind::Bool => {}
            None => return refuse("format: expected strings and numbers"),
        }
    }
    Ok(format.matches('{').count().saturating_mul(longest))
}
