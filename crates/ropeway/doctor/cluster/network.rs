//! The network layer of a cluster: Service and endpoints; address and policies have files of their own.

use serde_json::Value;

use super::super::finding::{Finding, Layer, Status, told};
use super::state::{ClusterState, items, name, selects};
use super::{address, policies};

pub(super) fn examine(state: &ClusterState, app: &str) -> Vec<Finding> {
    let pods = state.pods(app);
    let services: Vec<&Value> = state
        .all("services")
        .iter()
        .filter(|service| {
            service["metadata"]["labels"]["app.kubernetes.io/name"] == app
                || pods.iter().any(|p| selects(&service["spec"]["selector"], labels(p)))
        })
        .collect();
    let mut findings: Vec<Finding> = services
        .iter()
        .flat_map(|service| {
            [Some(endpoints(state, service, &pods)), address::external(state, service)]
        })
        .flatten()
        .collect();
    if services.is_empty() {
        findings.push(no_service(app, &pods));
    }
    findings.extend(policies::examine(state, &state.servers(app)));
    findings
}

fn labels(pod: &Value) -> &Value {
    &pod["metadata"]["labels"]
}

pub(super) fn failed(check: &'static str, words: [String; 4]) -> Finding {
    Finding::wrong(Layer::Network, check, Status::Failed, words)
}

fn no_service(app: &str, pods: &[&Value]) -> Finding {
    let found = pods.first().map_or_else(|| "no pods".to_owned(), |pod| labels(pod).to_string());
    failed(
        "service",
        told![
            "no Service leads to the pods",
            "it is missing, or its selector does not match the pods' labels",
            format!("services of the namespace; labels of the pods: {found}"),
            format!("apply the base again; its Service selects app.kubernetes.io/name: {app}"),
        ],
    )
}

fn endpoints(state: &ClusterState, service: &Value, pods: &[&Value]) -> Finding {
    let service_name = name(service);
    let selector = &service["spec"]["selector"];
    let slices = state
        .all("endpointslices")
        .iter()
        .filter(|slice| slice["metadata"]["labels"]["kubernetes.io/service-name"] == service_name);
    let ready = slices
        .flat_map(|slice| items(&slice["endpoints"]))
        .filter(|endpoint| endpoint["conditions"]["ready"] != false)
        .count();
    let evidence = format!("endpointslices of Service {service_name}, its selector {selector}");
    if ready > 0 {
        let what = format!("Service {service_name} leads to {ready} ready pods");
        return Finding::good(Layer::Network, "endpoints", what, evidence);
    }
    let matching = pods.iter().filter(|pod| selects(selector, labels(pod))).count();
    let (cause, remedy) = match (pods.len(), matching) {
        (0, _) => ("there are no pods", "see the runtime and GPU layers".to_owned()),
        (_, 0) => (
            "the Service's selector does not match the pods' labels",
            format!("make spec.selector of Service {service_name} match the pods' labels"),
        ),
        _ => (
            "the pods are not ready",
            "see the runtime layer; /readyz of a pod says why it is not ready".to_owned(),
        ),
    };
    failed(
        "endpoints",
        told![format!("Service {service_name} has no ready endpoints"), cause, evidence, remedy],
    )
}
