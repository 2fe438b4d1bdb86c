//! A deep stack for compiling and rendering.
//!
//! The engine recurses over what a template nests: its expressions when compiling, its values when
//! dropping them. Both are bounded, by the size of the source and by fuel, but the bounds are far
//! above what a pool thread's 2 MB hold, and a stack that is used up ends the process.

use std::panic::resume_unwind;
use std::thread::{Builder, scope};

use super::TemplateError;

/// Reserved address space; only what is used takes memory. A value nested as deeply as
/// [`MAX_FUEL`](super::MAX_FUEL) allows takes less than half of it.
const STACK_BYTES: usize = 256 << 20;

/// Runs `work` on a stack of [`STACK_BYTES`] and waits for it.
pub(super) fn with_deep_stack<T: Send>(
    work: impl FnOnce() -> Result<T, TemplateError> + Send,
) -> Result<T, TemplateError> {
    scope(|scope| {
        let builder = Builder::new().name("chat-template".to_owned()).stack_size(STACK_BYTES);
        let thread = builder
            .spawn_scoped(scope, work)
            .map_err(|error| TemplateError::Failed(format!("no thread to render on: {error}")))?;
        thread.join().unwrap_or_else(|panic| resume_unwind(panic))
    })
}
