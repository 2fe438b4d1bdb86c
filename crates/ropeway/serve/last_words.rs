//! What a server that could not start leaves behind for its orchestrator.

use std::fs::OpenOptions;
use std::io::Write;
use std::path::Path;

use crate::doctor::{Layer, note};

/// Writes the layer, the cause, and what is broken on this machine, over the termination log.
/// Kubernetes makes that file for each container; where it is absent nothing is written.
pub(crate) fn write(log: &Path, layer: Layer, error: &str) {
    let Ok(mut file) = OpenOptions::new().write(true).truncate(true).open(log) else { return };
    let note = note::text(layer, error, Path::new("/"));
    if let Err(error) = file.write_all(note.as_bytes()) {
        tracing::warn!(path = %log.display(), %error, "the termination log cannot be written");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_existing_log_is_replaced_and_an_absent_one_not_made() {
        let folder = tempfile::tempdir().expect("a folder");
        let log = folder.path().join("log");
        write(&log, Layer::Storage, "no such model");
        assert!(!log.exists());
        std::fs::write(&log, "old words, and many of them".repeat(100)).expect("it is made");
        write(&log, Layer::Storage, "no such model: cause");
        let note = std::fs::read_to_string(&log).expect("it is there");
        assert!(note.starts_with("layer: storage\nerror: no such model: cause\n"), "{note}");
        assert!(!note.contains("old words"));
    }
}
