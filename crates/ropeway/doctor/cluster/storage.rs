//! The storage layer of a cluster: claims, and whether the model's path lies on a mounted volume.

use serde_json::Value;

use super::super::finding::{Finding, Layer, Status, told};
use super::state::{ClusterState, items, name};

pub(super) fn examine(state: &ClusterState, app: &str) -> Vec<Finding> {
    let pods = state.pods(app);
    let mut findings: Vec<Finding> =
        state.all("persistentvolumeclaims").iter().map(|claim| bound(state, claim)).collect();
    findings.extend(pods.first().and_then(|pod| model_path(pod)));
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

/// The model that a pod is told to serve: the variable, the flag, or the first bare argument
/// behind `serve`.
fn model_of(container: &Value) -> Option<String> {
    let variable = items(&container["env"]).iter().find(|v| v["name"] == "ROPEWAY_MODEL");
    if let Some(value) = variable.and_then(|v| v["value"].as_str()) {
        return Some(value.to_owned());
    }
    let words: Vec<&str> =
        items(&container["args"]).iter().filter_map(|word| word.as_str()).collect();
    for pair in words.windows(2) {
        if pair[0] == "--model" {
            return Some(pair[1].to_owned());
        }
    }
    let flag = words.iter().find_map(|word| word.strip_prefix("--model="));
    let bare = words.iter().find(|word| word.starts_with('/')).copied();
    flag.or(bare).map(str::to_owned)
}

fn model_path(pod: &Value) -> Option<Finding> {
    let containers = items(&pod["spec"]["containers"]);
    let (container, model) = containers.iter().find_map(|c| Some((c, model_of(c)?)))?;
    if !model.starts_with('/') {
        return None;
    }
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
