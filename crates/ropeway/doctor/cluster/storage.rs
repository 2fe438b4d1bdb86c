//! The storage layer of a cluster: claims, and whether the model's path lies on a mounted volume.

use serde_json::Value;

use super::super::finding::{Finding, Layer, Status, told};
use super::state::{ClusterState, items, name};

pub(super) fn examine(state: &ClusterState, app: &str) -> Vec<Finding> {
    let pods = state.servers(app);
    let mut findings: Vec<Finding> =
        state.all("persistentvolumeclaims").iter().map(|claim| bound(state, claim)).collect();
    findings.extend(pods.first().and_then(|pod| model_path(state, pod)));
    findings.extend(pods.first().and_then(|pod| claims_exist(state, pod)));
    findings
}

fn failed(check: &'static str, words: [String; 4]) -> Finding {
    Finding::wrong(Layer::Storage, check, Status::Failed, words)
}

fn bound(state: &ClusterState, claim: &Value) -> Finding {
    let (claim_name, phase) = (name(claim), claim["status"]["phase"].as_str().unwrap_or("?"));
    let evidence = format!("status.phase of claim {claim_name}: {phase}");
    if phase == "Bound" {
        let what = format!("claim {claim_name} is bound");
        return Finding::good(Layer::Storage, "claim", what, evidence);
    }
    let class = claim["spec"]["storageClassName"].as_str().unwrap_or("the default class");
    let event = ["ProvisioningFailed", "FailedBinding", "WaitForFirstConsumer"]
        .iter()
        .flat_map(|reason| state.events(claim_name, reason))
        .next()
        .unwrap_or("no event says why");
    failed(
        "claim",
        told![
            format!("claim {claim_name} is not bound"),
            format!("no volume of {class} fits its size, access mode or node: {event}"),
            evidence,
            format!(
                "kubectl describe pvc {claim_name}; compare class, size and node affinity \
                     with `kubectl get pv`"
            ),
        ],
    )
}

fn claims_exist(state: &ClusterState, pod: &Value) -> Option<Finding> {
    let wanted = items(&pod["spec"]["volumes"]).iter().find_map(|volume| {
        let claim = volume["persistentVolumeClaim"]["claimName"].as_str()?;
        let exists = state.all("persistentvolumeclaims").iter().any(|c| name(c) == claim);
        (!exists).then_some(claim)
    })?;
    Some(failed(
        "claim",
        told![
            format!("the pod wants claim {wanted}, which does not exist"),
            "the storage component is not part of the overlay, or lies in another namespace",
            format!("spec.volumes of pod {}", name(pod)),
            "add deploy/components/model-claim to the overlay's kustomization.yaml",
        ],
    ))
}

/// What a container's server is told: by its arguments, its variables and its configuration file, which
/// win in this order.
struct Told<'a> {
    words: Vec<&'a str>,
    variables: &'a [Value],
    file: toml::Table,
}

impl<'a> Told<'a> {
    fn new(state: &ClusterState, pod: &Value, container: &'a Value) -> Self {
        let words = items(&container["args"]).iter().filter_map(Value::as_str).collect();
        let mut told =
            Self { words, variables: items(&container["env"]), file: toml::Table::new() };
        let path = told.option("config");
        told.file = path.and_then(|path| file(state, pod, container, &path)).unwrap_or_default();
        told
    }

    /// The value of an option with this long name.
    fn option(&self, name: &str) -> Option<String> {
        let flag = format!("--{name}");
        let variable = format!("ROPEWAY_{}", name.to_uppercase().replace('-', "_"));
        let mut pairs = self.words.windows(2);
        let behind = pairs.find(|pair| pair[0] == flag).map(|pair| pair[1]);
        let joined = self.words.iter().find_map(|word| word.strip_prefix(&format!("{flag}=")));
        let variable = self.variables.iter().find(|v| v["name"] == variable.as_str());
        let variable = variable.and_then(|v| v["value"].as_str());
        let file = self.file.get(name).and_then(toml::Value::as_str);
        behind.or(joined).or(variable).or(file).map(str::to_owned)
    }

    /// The model: the first path that is no option's value, else the option.
    fn model(&self) -> Option<String> {
        let bare = self.words.windows(2).find(|pair| {
            let is_value = pair[0].starts_with("--") && !pair[0].contains('=');
            pair[1].starts_with('/') && !is_value
        });
        bare.map(|pair| pair[1].to_owned()).or_else(|| self.option("model"))
    }
}

/// A configuration file that a ConfigMap brings into the container.
fn file(state: &ClusterState, pod: &Value, container: &Value, path: &str) -> Option<toml::Table> {
    let (mount, name_in_map) = items(&container["volumeMounts"]).iter().find_map(|mount| {
        let folder = mount["mountPath"].as_str()?.trim_end_matches('/');
        Some((mount, path.strip_prefix(folder)?.strip_prefix('/')?))
    })?;
    let volume = items(&pod["spec"]["volumes"]).iter().find(|v| v["name"] == mount["name"])?;
    let map = &volume["configMap"]["name"];
    let map = state.all("configmaps").iter().find(|m| m["metadata"]["name"] == *map)?;
    map["data"][name_in_map].as_str()?.parse().ok()
}

/// The model's folder, or the hub's where the model goes by a name, must be on a volume.
fn model_path(state: &ClusterState, pod: &Value) -> Option<Finding> {
    let containers = items(&pod["spec"]["containers"]);
    let (container, model) = containers.iter().find_map(|container| {
        let told = Told::new(state, pod, container);
        let model = told.model()?;
        let path = if model.starts_with('/') { Some(model) } else { told.option("download-dir") };
        Some((container, path?))
    })?;
    let mounts: Vec<&str> = items(&container["volumeMounts"])
        .iter()
        .filter_map(|mount| mount["mountPath"].as_str())
        .collect();
    let evidence = format!("model {model}; volumes at {}", mounts.join(", "));
    let lies_on = |mount: &&&str| {
        let rest = model.strip_prefix(mount.trim_end_matches('/'));
        rest.is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
    };
    if let Some(mount) = mounts.iter().find(lies_on) {
        let what = format!("{model} lies on the volume at {mount}");
        return Some(Finding::good(Layer::Storage, "model path", what, evidence));
    }
    Some(failed(
        "model path",
        told![
            format!("the model's path {model} lies on no volume"),
            "the volume is mounted elsewhere, so the server looks into its own image",
            evidence,
            "make the model's path begin with the mountPath of its volume",
        ],
    ))
}
