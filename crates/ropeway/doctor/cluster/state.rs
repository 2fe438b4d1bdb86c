//! What the cluster is, as JSON objects of the Kubernetes API, and how it is fetched.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, bail};
use serde_json::Value;

/// What is fetched: resource, and whether from all namespaces. Those of other projects may be
/// unknown to the cluster, which is a fact and no failure.
const RESOURCES: [(&str, bool); 15] = [
    ("nodes", true),
    ("namespaces", true),
    ("pods", true),
    ("events", false),
    ("configmaps", false),
    ("persistentvolumeclaims", false),
    ("services", false),
    ("endpointslices", false),
    ("networkpolicies", false),
    ("resourcequotas", false),
    ("replicasets", false),
    ("deviceconfigs.amd.com", true),
    ("ipaddresspools.metallb.io", true),
    ("l2advertisements.metallb.io", true),
    ("bgpadvertisements.metallb.io", true),
];

/// The kubectl program and the namespace it is asked about.
#[derive(Clone, Debug)]
pub(crate) struct Kubectl {
    program: PathBuf,
    namespace: String,
}

impl Kubectl {
    pub(crate) fn new(program: &Path, namespace: &str) -> Self {
        Self { program: program.to_owned(), namespace: namespace.to_owned() }
    }

    /// The list of a resource; `None` if the cluster does not know the resource.
    fn list(&self, resource: &str, everywhere: bool) -> anyhow::Result<Option<Value>> {
        let mut command = Command::new(&self.program);
        command.args(["get", resource, "-o", "json", "--request-timeout=20s"]);
        match everywhere {
            true => command.arg("--all-namespaces"),
            false => command.args(["--namespace", &self.namespace]),
        };
        let output = command.output().with_context(|| {
            let program = self.program.display();
            format!("{program} cannot be run; install kubectl or name it with --kubectl")
        })?;
        if output.status.success() {
            let list = serde_json::from_slice(&output.stdout);
            return Ok(Some(list.with_context(|| format!("kubectl's {resource} are no JSON"))?));
        }
        let error = String::from_utf8_lossy(&output.stderr);
        if error.contains("the server doesn't have a resource type") {
            return Ok(None);
        }
        bail!(
            "kubectl cannot list {resource}: {}; check the kubeconfig and your rights \
             (`kubectl auth can-i list {resource}`)",
            error.trim()
        )
    }
}

/// The objects of every kind that the checks read.
#[derive(Clone, Debug, Default)]
pub(crate) struct ClusterState {
    /// The deployment's namespace.
    pub(crate) namespace: String,
    /// By resource name; absent if the cluster does not know it.
    lists: BTreeMap<String, Vec<Value>>,
}

impl ClusterState {
    /// Asks the cluster.
    ///
    /// # Errors
    /// kubectl is missing, the cluster cannot be reached or refuses.
    pub(crate) fn fetch(kubectl: &Kubectl) -> anyhow::Result<Self> {
        let mut state = Self { namespace: kubectl.namespace.clone(), lists: BTreeMap::new() };
        for (resource, everywhere) in RESOURCES {
            if let Some(list) = kubectl.list(resource, everywhere)? {
                state.add(resource, &list);
            }
        }
        Ok(state)
    }

    fn add(&mut self, resource: &str, list: &Value) {
        let items = list["items"].as_array().cloned().unwrap_or_default();
        self.lists.insert(resource.to_owned(), items);
    }

    /// A recorded state: resource name -> array of objects.
    #[cfg(test)]
    pub(crate) fn recorded(namespace: &str, lists: &Value) -> Self {
        let mut state = Self { namespace: namespace.to_owned(), lists: BTreeMap::new() };
        for (resource, items) in lists.as_object().expect("an object by resource") {
            state.add(resource, &serde_json::json!({ "items": items }));
        }
        state
    }

    /// The objects of a resource.
    pub(crate) fn all(&self, resource: &str) -> &[Value] {
        self.lists.get(resource).map_or(&[], Vec::as_slice)
    }

    /// Whether the cluster knows the resource.
    pub(crate) fn knows(&self, resource: &str) -> bool {
        self.lists.contains_key(resource)
    }

    /// The pods that serve: of those of `app`, not its endpoint picker's or its download Job's.
    pub(crate) fn servers(&self, app: &str) -> Vec<&Value> {
        let component = |pod: &&Value| {
            let name = &pod["metadata"]["labels"]["app.kubernetes.io/component"];
            name.is_null() || name == "server"
        };
        self.pods(app).into_iter().filter(component).collect()
    }

    /// The pods of `app`.
    pub(crate) fn pods(&self, app: &str) -> Vec<&Value> {
        let is_ours = |pod: &&Value| {
            pod["metadata"]["namespace"] == self.namespace.as_str()
                && pod["metadata"]["labels"]["app.kubernetes.io/name"] == app
        };
        self.all("pods").iter().filter(is_ours).collect()
    }

    /// Messages of events about an object whose name begins with `name`.
    pub(crate) fn events(&self, name: &str, reason: &str) -> Vec<&str> {
        self.all("events")
            .iter()
            .filter(|event| event["reason"] == reason)
            .filter(|event| {
                event["involvedObject"]["name"].as_str().is_some_and(|n| n.starts_with(name))
            })
            .filter_map(|event| event["message"].as_str())
            .collect()
    }
}

/// `metadata.name`.
pub(crate) fn name(object: &Value) -> &str {
    object["metadata"]["name"].as_str().unwrap_or("?")
}

/// An array, empty if it is none.
pub(crate) fn items(value: &Value) -> &[Value] {
    value.as_array().map_or(&[], Vec::as_slice)
}

/// A Kubernetes count such as `"8"` or `8`.
pub(crate) fn count(value: &Value) -> u64 {
    value.as_u64().or_else(|| value.as_str()?.parse().ok()).unwrap_or(0)
}

/// Whether the labels have every pair of a selector.
pub(crate) fn selects(selector: &Value, labels: &Value) -> bool {
    selector
        .as_object()
        .is_some_and(|pairs| pairs.iter().all(|(key, value)| &labels[key.as_str()] == value))
}

/// Whether a LabelSelector takes an object with these labels; an empty one takes all.
pub(crate) fn takes(selector: &Value, labels: &Value) -> bool {
    let is_among = |rule: &Value, value: &Value| items(&rule["values"]).contains(value);
    let expressions = items(&selector["matchExpressions"]).iter().all(|rule| {
        let value = &labels[rule["key"].as_str().unwrap_or_default()];
        match rule["operator"].as_str() {
            Some("In") => is_among(rule, value),
            Some("NotIn") => !is_among(rule, value),
            Some("Exists") => !value.is_null(),
            Some("DoesNotExist") => value.is_null(),
            _ => false,
        }
    });
    let wanted = &selector["matchLabels"];
    expressions && (wanted.is_null() || selects(wanted, labels))
}
