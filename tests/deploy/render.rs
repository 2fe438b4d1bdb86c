//! `kubectl kustomize` and what it prints, as JSON values.

use std::collections::HashMap;
use std::fs;
use std::sync::{Arc, LazyLock, Mutex};

use serde_json::Value;

use crate::tools;

/// Every kustomization that somebody would apply.
pub(crate) fn targets() -> Vec<String> {
    let mut targets = Vec::new();
    for group in ["overlays", "examples"] {
        for entry in fs::read_dir(tools::deploy(group)).expect("the folder exists") {
            let name = entry.expect("the folder is readable").file_name();
            targets.push(format!("{group}/{}", name.to_str().expect("UTF-8 names")));
        }
    }
    // What Argo CD renders by itself.
    targets.push("examples/argocd/apps".to_owned());
    targets.sort();
    targets
}

/// The rendered YAML of a folder under `deploy/`.
pub(crate) fn yaml(target: &str) -> Arc<str> {
    static DONE: LazyLock<Mutex<HashMap<String, Arc<str>>>> = LazyLock::new(Mutex::default);
    let mut done = DONE.lock().expect("no renderer panicked");
    if let Some(text) = done.get(target) {
        return text.clone();
    }
    let output = tools::kubectl()
        .arg("kustomize")
        .arg(tools::deploy(target))
        .output()
        .expect("kubectl is missing; run scripts/test.sh, which installs it");
    assert!(
        output.status.success(),
        "kubectl kustomize deploy/{target}: {}",
        String::from_utf8_lossy(&output.stderr)
    );
    let text: Arc<str> = String::from_utf8(output.stdout).expect("YAML is UTF-8").into();
    done.insert(target.to_owned(), text.clone());
    text
}

/// The rendered objects of a folder under `deploy/`.
pub(crate) fn objects(target: &str) -> Vec<Value> {
    parse(&yaml(target))
}

/// The documents of a YAML text.
pub(crate) fn parse(text: &str) -> Vec<Value> {
    let documents: Vec<Value> = serde_saphyr::from_multiple(text).expect("valid YAML");
    documents.into_iter().filter(|document| !document.is_null()).collect()
}

/// `Kind/name` with the namespace, for messages.
pub(crate) fn title(object: &Value) -> String {
    let text = |pointer| object.pointer(pointer).and_then(Value::as_str).unwrap_or_default();
    format!("{}/{} ({})", text("/kind"), text("/metadata/name"), text("/metadata/namespace"))
}

/// The object of this kind and name.
pub(crate) fn find<'a>(objects: &'a [Value], kind: &str, name: &str) -> &'a Value {
    objects
        .iter()
        .find(|object| object["kind"] == kind && object["metadata"]["name"] == name)
        .unwrap_or_else(|| panic!("no {kind}/{name} is rendered"))
}
