//! Where the tests' tools and data are.

use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::Command;

/// Kubernetes releases that manifests are checked against: the oldest that has all we use, one in
/// between, the newest whose schemas are at hand.
pub(crate) const KUBERNETES_RELEASES: [&str; 3] = ["1.30", "1.32", "1.36"];

/// The repository.
pub(crate) fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// A file or folder of `deploy/`.
pub(crate) fn deploy(path: &str) -> PathBuf {
    root().join("deploy").join(path)
}

/// `kubectl`, or what `ROPEWAY_TEST_KUBECTL` names.
pub(crate) fn kubectl() -> Command {
    Command::new(std::env::var_os("ROPEWAY_TEST_KUBECTL").unwrap_or_else(|| "kubectl".into()))
}

/// `helm`, or what `ROPEWAY_TEST_HELM` names.
pub(crate) fn helm() -> Command {
    Command::new(std::env::var_os("ROPEWAY_TEST_HELM").unwrap_or_else(|| "helm".into()))
}

/// The folder with one folder of strict JSON schemas for each release of Kubernetes, as the Python
/// package kubernetes-validate has it.
pub(crate) fn kubernetes_schemas() -> PathBuf {
    let path = std::env::var_os("ROPEWAY_TEST_KUBERNETES_SCHEMAS").expect(
        "ROPEWAY_TEST_KUBERNETES_SCHEMAS is not set; run scripts/test.sh, which fetches the schemas",
    );
    PathBuf::from(path)
}

/// The folder with the definitions of custom kinds: what `ROPEWAY_TEST_CRDS` names, else
/// `../shared/crds`. They are megabytes of other projects' data, so they are not part of this
/// repository; without them the one check that needs them says that it did not run.
pub(crate) fn custom_resource_definitions() -> Option<PathBuf> {
    if let Some(named) = std::env::var_os("ROPEWAY_TEST_CRDS") {
        let named = PathBuf::from(named);
        assert!(named.is_dir(), "ROPEWAY_TEST_CRDS names no folder: {}", named.display());
        return Some(named);
    }
    let beside = root().join("../shared/crds");
    beside.is_dir().then_some(beside)
}

/// Says that a check did not run for want of definitions, past the harness, which keeps what a passing
/// test prints to itself.
pub(crate) fn did_not_run(check: &str) {
    let text = format!("DID NOT RUN: {check}; name their folder in ROPEWAY_TEST_CRDS\n");
    std::io::stderr().write_all(text.as_bytes()).expect("standard error is open");
}
