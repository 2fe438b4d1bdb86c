//! Writing lists and maps as text.
//!
//! A list can hold the same list twice, that one another twice, and so on: sixty lines of template
//! then stand for more text than any memory holds, which the engine charges only once it is
//! written. So values are walked, and paid for, before they are turned into text.

use minijinja::value::{Rest, ValueKind};
use minijinja::{Environment, Error, ErrorKind, Output, State, Value, escape_formatter, filters};

use super::methods::charge;

/// Deepest value turned into text.
const MAX_DEPTH: usize = 256;
/// What a value costs beside its text.
const NODE_BYTES: usize = 16;

/// Pays for the text of `value`.
pub(super) fn pay_for_text(state: &State<'_, '_>, value: &Value) -> Result<(), Error> {
    pay(state, value, 0)
}

fn pay(state: &State<'_, '_>, value: &Value, depth: usize) -> Result<(), Error> {
    if depth > MAX_DEPTH {
        let problem = "the value is nested too deeply to be text";
        return Err(Error::new(ErrorKind::InvalidOperation, problem));
    }
    match value.kind() {
        ValueKind::Seq | ValueKind::Iterable => {
            for item in value.try_iter()? {
                charge(state, NODE_BYTES)?;
                pay(state, &item, depth + 1)?;
            }
        }
        ValueKind::Map => {
            for key in value.try_iter()? {
                charge(state, NODE_BYTES)?;
                pay(state, &value.get_item(&key)?, depth + 1)?;
                pay(state, &key, depth + 1)?;
            }
        }
        _ => {
            if let Some(text) = value.as_str().filter(|_| depth > 0) {
                charge(state, text.len())?;
            }
        }
    }
    Ok(())
}

/// Writes the value of `{{ ... }}`.
pub(super) fn format(
    out: &mut Output<'_>,
    state: &mut State<'_, '_>,
    value: &Value,
) -> Result<(), Error> {
    pay_for_text(state, value)?;
    escape_formatter(out, state, value)
}

/// Puts a check before every filter that turns any value into text. The engine's own filter stays
/// reachable for the check under a name no template can write.
pub(super) fn guard_filters(env: &mut Environment<'static>) {
    macro_rules! guard {
        ($($name:ident)*) => {$({
            const ENGINE_NAME: &str = concat!("engine ", stringify!($name));
            env.add_filter(ENGINE_NAME, filters::$name);
            env.add_filter(stringify!($name), |state: &mut State<'_, '_>, args: Rest<Value>| {
                args.iter().try_for_each(|arg| pay_for_text(state, arg))?;
                state.apply_filter(ENGINE_NAME, &args)
            });
        })*};
    }
    guard!(capitalize escape format indent join lower pprint replace split string title trim upper);
}
