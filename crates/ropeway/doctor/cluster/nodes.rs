//! The GPU layer of a cluster: the operator, its configuration, and the resource it should offer.

use serde_json::Value;

use super::super::finding::{Finding, Layer, Status, told};
use super::state::{ClusterState, count, items, name};

/// Namespace of the AMD GPU operator by its own instructions.
const OPERATOR_NAMESPACE: &str = "kube-amd-gpu";
/// Prefix of the device plugin's resources: `amd.com/gpu`, `amd.com/cpx_nps4`, ...
const RESOURCE_PREFIX: &str = "amd.com/";

pub(super) fn examine(state: &ClusterState, app: &str) -> Vec<Finding> {
    if !wants_gpu(state, app) {
        let what = "the pods ask for no GPU";
        return vec![Finding::good(Layer::Gpu, "gpu request", what, "resources of the pods")];
    }
    vec![operator(state), device_config(state), advertised(state)]
}

/// Whether a container of ours, or an unborn pod's template, asks for a GPU.
fn wants_gpu(state: &ClusterState, app: &str) -> bool {
    let templates = state.all("replicasets").iter().map(|set| &set["spec"]["template"]);
    let templates = templates.filter(|t| t["metadata"]["labels"]["app.kubernetes.io/name"] == app);
    state.pods(app).into_iter().chain(templates).any(|pod| {
        items(&pod["spec"]["containers"]).iter().any(|container| {
            let limits = container["resources"]["limits"].as_object();
            limits.is_some_and(|l| l.keys().any(|key| key.starts_with(RESOURCE_PREFIX)))
        })
    })
}

fn is_ready(pod: &Value) -> bool {
    pod["status"]["phase"] == "Succeeded"
        || items(&pod["status"]["conditions"])
            .iter()
            .any(|condition| condition["type"] == "Ready" && condition["status"] == "True")
}

fn operator(state: &ClusterState) -> Finding {
    let pods: Vec<&Value> = state
        .all("pods")
        .iter()
        .filter(|pod| pod["metadata"]["namespace"] == OPERATOR_NAMESPACE)
        .collect();
    let evidence = format!("pods of namespace {OPERATOR_NAMESPACE}");
    if pods.is_empty() {
        return Finding::wrong(
            Layer::Gpu,
            "operator",
            Status::Warning,
            told![
                "the AMD GPU operator is not in its usual namespace",
                "it is not installed, or the device plugin was installed without it",
                evidence,
                "deploy/scripts/install-gpu-operator.sh installs it",
            ],
        );
    }
    let broken: Vec<&str> = pods.iter().filter(|p| !is_ready(p)).map(|p| name(p)).collect();
    if broken.is_empty() {
        let what = format!("{} operator pods are ready", pods.len());
        return Finding::good(Layer::Gpu, "operator", what, evidence);
    }
    Finding::wrong(
        Layer::Gpu,
        "operator",
        Status::Failed,
        told![
            format!("operator pods are not ready: {}", broken.join(", ")),
            "a driver that does not build, an image that cannot be pulled, or a missing \
             cert-manager",
            evidence,
            format!("kubectl -n {OPERATOR_NAMESPACE} describe pod {}", broken[0]),
        ],
    )
}

fn device_config(state: &ClusterState) -> Finding {
    let configs = state.all("deviceconfigs.amd.com");
    let evidence = "deviceconfigs.amd.com";
    if configs.is_empty() {
        let cause = match state.knows(evidence) {
            true => "the operator does nothing until a DeviceConfig tells it to",
            false => "the operator's custom resources are not installed",
        };
        return Finding::wrong(
            Layer::Gpu,
            "device config",
            Status::Warning,
            told![
                "no DeviceConfig",
                cause,
                evidence,
                "apply deploy/components/gpu-operator (it says driver and selector explicitly)",
            ],
        );
    }
    let names: Vec<&str> = configs.iter().map(name).collect();
    if names.len() > 1 {
        return Finding::wrong(
            Layer::Gpu,
            "device config",
            Status::Warning,
            told![
                format!("{} DeviceConfigs: {}", names.len(), names.join(", ")),
                "where both select a node, two device plugins and labellers fight over it; the \
                 operator's chart makes one named default",
                evidence,
                "keep one (chart value crds.defaultCR.install=false), or give them nodes of their \
                 own by spec.selector",
            ],
        );
    }
    Finding::good(Layer::Gpu, "device config", names.join(", "), evidence)
}

fn advertised(state: &ClusterState) -> Finding {
    let mut total = 0;
    let mut nodes = Vec::new();
    for node in state.all("nodes") {
        let allocatable = node["status"]["allocatable"].as_object();
        let gpus: u64 = allocatable.map_or(0, |resources| {
            let ours = resources.iter().filter(|(key, _)| key.starts_with(RESOURCE_PREFIX));
            ours.map(|(_, value)| count(value)).sum()
        });
        if gpus > 0 {
            total += gpus;
            nodes.push(format!("{} {gpus}", name(node)));
        }
    }
    let evidence = "status.allocatable of the nodes";
    if total > 0 {
        let what = format!("{total} GPUs are offered ({})", nodes.join(", "));
        return Finding::good(Layer::Gpu, "advertised", what, evidence);
    }
    Finding::wrong(
        Layer::Gpu,
        "advertised",
        Status::Failed,
        told![
            "no node offers amd.com/gpu",
            "the device plugin does not run on the GPU nodes, the node's label does not match \
             the DeviceConfig's selector, or the driver is not loaded",
            evidence,
            "kubectl get nodes -L feature.node.kubernetes.io/amd-gpu; then run `ropeway doctor` \
             on the node",
        ],
    )
}
