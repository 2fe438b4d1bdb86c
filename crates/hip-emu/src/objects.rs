//! What a program has not given back when it ends: a line of JSON, for tests that nothing leaks.
//!
//! Owns the line's form. Never frees anything.

use std::fs::File;
use std::io::Write as _;
use std::path::Path;

use serde::Serialize;

use crate::memory::{Place, Purpose};
use crate::runtime::Runtime;

/// Everything behind a handle or an address that lives.
#[derive(Debug, PartialEq, Eq, Serialize)]
pub(crate) struct Objects {
    /// Sizes of allocations of device memory.
    device_bytes: Vec<u64>,
    /// Sizes of allocations of pinned host memory.
    pinned_bytes: Vec<u64>,
    /// Ranges of the host's own memory that are registered.
    num_registered: usize,
    num_streams: usize,
    num_events: usize,
    num_modules: usize,
    num_graphs: usize,
    num_graph_execs: usize,
}

impl Objects {
    /// What lives now. Streams' own memory and modules' images count with their owners.
    pub(crate) fn of(runtime: &Runtime) -> Self {
        let sizes = |is_at: fn(Place) -> bool| -> Vec<u64> {
            let regions = runtime
                .memory
                .regions(|region| region.purpose == Purpose::Allocation && is_at(region.place));
            regions.iter().map(|region| region.size_bytes()).collect()
        };
        let (num_streams, num_events) = runtime.num_streams_and_events();
        Self {
            device_bytes: sizes(|place| matches!(place, Place::Device(_))),
            pinned_bytes: sizes(|place| place == Place::Pinned),
            num_registered: sizes(|place| place == Place::Registered).len(),
            num_streams,
            num_events,
            num_modules: runtime.modules.len(),
            num_graphs: runtime.graphs.len(),
            num_graph_execs: runtime.execs.len(),
        }
    }

    /// Appends them to a file, as one line.
    pub(crate) fn append(&self, path: &Path) {
        let mut text = serde_json::to_string(self).expect("plain fields have a JSON form");
        text.push('\n');
        let file = File::options().create(true).append(true).open(path);
        if let Err(error) = file.and_then(|mut file| file.write_all(text.as_bytes())) {
            eprintln!("hip-emu: {} cannot be written: {error}", path.display());
        }
    }
}
