//! Loading as an operator sees it: on a terminal one bar for each phase that counts bytes, elsewhere a
//! line of the log for each tenth of it. `/startupz` tells the rest.

use std::sync::Mutex;

use indicatif::{ProgressBar, ProgressStyle};
use model::Bytes;
use types::{LoadPhase, LoadProgress};

/// The bar of the current phase.
pub(crate) struct Bars {
    current: Mutex<Option<Current>>,
}

struct Current {
    phase: LoadPhase,
    bar: ProgressBar,
    /// The last tenth that the log was told.
    tenth: u64,
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
        if current.as_ref().is_none_or(|shown| shown.phase != phase) {
            if let Some(shown) = current.take() {
                shown.bar.finish_and_clear();
            }
            let counts = progress.total_bytes > 0;
            *current = counts.then(|| Current { phase, bar: bar(phase), tenth: 0 });
        }
        if let Some(shown) = current.as_mut() {
            shown.bar.set_length(progress.total_bytes);
            shown.bar.set_position(progress.done_bytes);
            if shown.bar.is_hidden() {
                shown.tell(progress);
            }
        }
    }

    /// Clears the screen of bars.
    pub(crate) fn finish(&self) {
        let mut current = self.current.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        if let Some(shown) = current.take() {
            shown.bar.finish_and_clear();
        }
    }
}

impl Current {
    fn tell(&mut self, progress: LoadProgress) {
        let LoadProgress { done_bytes, total_bytes, .. } = progress;
        // Who counts bytes may not know how many there are until later.
        let percent = (done_bytes * 100).checked_div(total_bytes).unwrap_or_default();
        if percent / 10 > self.tenth {
            self.tenth = percent / 10;
            tracing::info!(
                phase = self.phase.as_str(),
                percent,
                done = %Bytes(done_bytes),
                total = %Bytes(total_bytes),
                "loading"
            );
        }
    }
}

fn bar(phase: LoadPhase) -> ProgressBar {
    let style = ProgressStyle::with_template("{msg:>16} {bar:40} {bytes}/{total_bytes} {eta}")
        .expect("the template is a constant");
    ProgressBar::new(0).with_style(style).with_message(phase.as_str())
}
