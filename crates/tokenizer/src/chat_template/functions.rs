//! The functions transformers gives to templates.

use std::fmt::Write;

use minijinja::{Error, ErrorKind};

/// Longest text `strftime_now` may make.
const MAX_DATE_BYTES: usize = 256;

/// Carries a template's own message out of the engine.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub(super) struct Raised(pub(super) String);

/// `raise_exception(message)`: refuses the conversation.
pub(super) fn raise_exception(message: String) -> Result<String, Error> {
    Err(Error::new(ErrorKind::InvalidOperation, "raise_exception").with_source(Raised(message)))
}

/// `strftime_now(format)`: the local time, as Python's `datetime.now().strftime(format)`.
pub(super) fn strftime_now(format: &str) -> Result<String, Error> {
    let refuse = |problem| Error::new(ErrorKind::InvalidOperation, problem);
    if format.len() > MAX_DATE_BYTES {
        return Err(refuse("strftime_now: the format is too long"));
    }
    let mut date = String::new();
    // chrono reports an unknown directive while formatting.
    write!(date, "{}", chrono::Local::now().format(format))
        .map_err(|_| refuse("strftime_now: the format has an unknown directive"))?;
    Ok(date)
}
