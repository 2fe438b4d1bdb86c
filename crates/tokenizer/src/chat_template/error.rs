//! What can go wrong with a template, so that a caller can tell whose fault it is.

use minijinja::{Error, ErrorKind};

use super::functions::Raised;

/// A template that does not compile or a render that does not end well.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TemplateError {
    /// The source is not a template. Reported when the model is loaded.
    #[error("chat template, line {line}: {message}")]
    Syntax {
        /// Line of the source, from 1.
        line: usize,
        /// What is wrong there.
        message: String,
    },
    /// The template refused the conversation with `raise_exception`; the text is its own.
    #[error("{0}")]
    Raised(String),
    /// The request asks for something no template can do.
    #[error("{0}")]
    Request(String),
    /// A named limit was reached.
    #[error("the chat template went over its limit: {what}, at most {limit}")]
    Limit {
        /// What is limited.
        what: &'static str,
        /// The limit.
        limit: u64,
    },
    /// The template does not work with this conversation: something undefined, a wrong type.
    #[error("the chat template failed on this conversation: {0}")]
    Failed(String),
}

impl TemplateError {
    pub(super) fn from_load(error: &Error) -> Self {
        let message = error.detail().map_or_else(|| error.kind().to_string(), str::to_owned);
        Self::Syntax { line: error.line().unwrap_or(0), message }
    }

    pub(super) fn from_render(error: &Error, fuel: u64) -> Self {
        let mut cause: Option<&(dyn std::error::Error + 'static)> = Some(error);
        while let Some(current) = cause {
            if let Some(raised) = current.downcast_ref::<Raised>() {
                return Self::Raised(raised.0.clone());
            }
            if let Some(known) = current.downcast_ref::<Error>().and_then(|e| limit_of(e, fuel)) {
                return known;
            }
            cause = current.source();
        }
        Self::Failed(error.to_string())
    }
}

/// The limit an engine error stands for.
fn limit_of(error: &Error, fuel: u64) -> Option<TemplateError> {
    let detail = error.detail().unwrap_or_default();
    match error.kind() {
        ErrorKind::OutOfFuel => Some(TemplateError::Limit { what: "work in units", limit: fuel }),
        // The engine has no kind of its own for these two.
        ErrorKind::InvalidOperation if detail.contains("recursion limit") => {
            let limit = super::MAX_RECURSION_DEPTH as u64;
            Some(TemplateError::Limit { what: "nesting", limit })
        }
        ErrorKind::InvalidOperation if detail.contains("range has too many elements") => {
            Some(TemplateError::Limit { what: "length of a range", limit: 100_000 })
        }
        _ => None,
    }
}
