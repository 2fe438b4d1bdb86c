//! The storage layer of a cluster: claims, and whether the model's path lies on a mounted volume.

use serde_json::Value;

use super::super::finding::{Finding, Layer, Status, told};
use super::settings::Settings;
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

/// The model's folder, or the hub's where the model goes by a name, must be on a volume.
fn model_path(state: &ClusterState, pod: &Value) -> Option<Finding> {
    let containers = items(&pod["spec"]["containers"]);
    let (container, model) = containers.iter().find_map(|container| {
        let settings = Settings::new(state, pod, container);
        let model = settings.model()?;
        let path =
            if model.starts_with('/') { Some(model) } else { settings.option("download-dir") };
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
