//! The note that a server which could not start leaves for its orchestrator, written and read again.
//!
//! Its first line names the layer, which the server knows and a reader of words would guess:
//! `layer: storage`, then `error: ...`, then what the node's own checks found broken.

use std::path::Path;

use backend::DeviceError;
use model::{HubError, LoadError, ModelError, PlanError, WeightError};

use super::finding::{Layer, Status};
use super::node::{self, NodeFacts};
use super::report;

/// Kubernetes reads this much of a container's termination message ("Determine the Reason for Pod
/// Failure", Kubernetes documentation).
const MAX_BYTES: usize = 4096;

const LAYER: &str = "layer: ";

/// The layer in which a load failed: model files, unless its type says otherwise.
pub(crate) fn layer_of(error: &anyhow::Error) -> Layer {
    let device = match error.downcast_ref::<LoadError>() {
        Some(LoadError::Device(device) | LoadError::Weight(WeightError::Device(device))) => {
            Some(device)
        }
        _ => None,
    };
    let is_files = error.is::<ModelError>()
        || error.is::<HubError>()
        || error.is::<LoadError>()
        || error.is::<tokenizer::LoadError>()
        || error.is::<tokenizer::TemplateError>()
        || error.is::<std::io::Error>();
    match () {
        () if error.is::<hip::HipFailure>() || device.is_some_and(is_gpu) => Layer::Gpu,
        () if matches!(error.downcast_ref(), Some(HubError::Network { .. })) => Layer::Network,
        () if error.is::<PlanError>() || device.is_some() || !is_files => Layer::Runtime,
        () => Layer::Storage,
    }
}

fn is_gpu(error: &DeviceError) -> bool {
    let (DeviceError::OutOfMemory { device, .. }
    | DeviceError::Unsupported { device, .. }
    | DeviceError::Failed { device, .. }
    | DeviceError::Lost { device, .. }) = error;
    device.starts_with("hip")
}

/// The whole note, at most [`MAX_BYTES`].
pub(crate) fn text(layer: Layer, error: &str, root: &Path) -> String {
    let findings = node::examine(&NodeFacts::gather(root));
    let mut note = format!("{LAYER}{}\nerror: {error}\n", layer.name());
    for finding in findings.iter().filter(|finding| finding.status == Status::Failed) {
        note.push_str(&report::line(finding));
    }
    let mut end = note.len().min(MAX_BYTES);
    while !note.is_char_boundary(end) {
        end -= 1;
    }
    note.truncate(end);
    note
}

/// The layer that a note names and the rest of it; of any other text the whole of it.
pub(crate) fn split(text: &str) -> (Option<Layer>, &str) {
    let named = text.split_once('\n').and_then(|(first, rest)| {
        let name = first.strip_prefix(LAYER)?;
        Some((Layer::ALL.into_iter().find(|layer| layer.name() == name.trim())?, rest))
    });
    named.map_or((None, text), |(layer, rest)| (Some(layer), rest))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_note_has_its_layer_and_the_error_first_and_fits_its_limit() {
        let root = tempfile::tempdir().expect("a folder");
        for layer in Layer::ALL {
            let note = text(layer, "no such model", root.path());
            let (named, rest) = split(&note);
            assert_eq!(named, Some(layer));
            assert!(rest.starts_with("error: no such model\n"), "{note}");
        }
        let long = text(Layer::Gpu, &"ä".repeat(MAX_BYTES), root.path());
        assert!(long.len() <= MAX_BYTES);
    }

    #[test]
    fn the_type_of_an_error_decides_its_layer() {
        let device = |name: &str| DeviceError::OutOfMemory {
            device: name.into(),
            what: "the KV cache".into(),
            requested_bytes: 1,
        };
        let hub = HubError::Network {
            repo: "o/m".into(),
            file: "f".into(),
            reason: "timed out".into(),
            attempts: 3,
        };
        let full = std::io::Error::other("No space left on device");
        let full = HubError::Cache { path: "/m".into(), source: full };
        for (error, layer) in [
            (anyhow::Error::new(LoadError::Device(device("hip:0"))), Layer::Gpu),
            (anyhow::Error::new(LoadError::Weight(device("hip:1").into())), Layer::Gpu),
            (anyhow::Error::new(hip::HipFailure::CpuOnlyBuild).context("it failed"), Layer::Gpu),
            (anyhow::Error::new(LoadError::Device(device("cpu"))), Layer::Runtime),
            (anyhow::Error::new(PlanError::Device(device("hip:0"))), Layer::Runtime),
            (anyhow::anyhow!("--max-logprobs 99 is more than the sampler gives"), Layer::Runtime),
            (anyhow::Error::new(hub), Layer::Network),
            (anyhow::Error::new(full), Layer::Storage),
            (anyhow::Error::new(std::io::Error::other("gone")).context("a file"), Layer::Storage),
        ] {
            assert_eq!(layer_of(&error), layer, "{error:#}");
        }
    }
}
