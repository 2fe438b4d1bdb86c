//! Loading on a terminal: one bar for each phase that counts bytes. Silent elsewhere; the log and
//! `/startupz` tell the rest.

use std::sync::Mutex;

use indicatif::{ProgressBar, ProgressStyle};
use types::{LoadPhase, LoadProgress};

/// The bar of the current phase.
pub(crate) struct Bars {
    current: Mutex<Option<(LoadPhase, ProgressBar)>>,
}

impl Bars {
    pub(crate) fn new() -> Self {
        Self { current: Mutex::new(None) }
    }

    /// Draws how far loading has come. indicatif hides bars where there is no terminal and limits
    /// how often they are drawn.
    pub(crate) fn show(&self, progress: LoadProgress) {
        // Reading and uploading take turns, tensor by tensor, and share a bar.
        let phase = match progress.phase {
            LoadPhase::UploadingWeights => LoadPhase::LoadingWeights,
            other => other,
        };
        let mut current = self.current.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        if current.as_ref().is_none_or(|(shown, _)| *shown != phase) {
            if let Some((_, bar)) = current.take() {
                bar.finish_and_clear();
            }
            *current = (progress.total_bytes > 0).then(|| (phase, bar(phase)));
        }
        if let Some((_, bar)) = current.as_ref() {
            bar.set_length(progress.total_bytes);
            bar.set_position(progress.done_bytes);
        }
    }

    /// Clears the screen of bars.
    pub(crate) fn finish(&self) {
        let mut current = self.current.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        if let Some((_, bar)) = current.take() {
            bar.finish_and_clear();
        }
    }
}

fn bar(phase: LoadPhase) -> ProgressBar {
    let style = ProgressStyle::with_template("{msg:>16} {bar:40} {bytes}/{total_bytes} {eta}")
        .expect("the template is a constant");
    ProgressBar::new(0).with_style(style).with_message(phase.as_str())
}
