//! The network layer of a cluster: Service, endpoints, external address, policies.

use serde_json::Value;

use super::super::finding::{Finding, Layer, Status, told};
use super::state::{ClusterState, items, name, selects};

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
            [Some(endpoints(state, service, &pods)), external_address(state, service)]
        })
        .flatten()
        .collect();
    if services.is_empty() {
        findings.push(no_service(app, &pods));
    }
    findings.extend(policies(state, &state.servers(app)));
    findings
}

fn labels(pod: &Value) -> &Value {
    &pod["metadata"]["labels"]
}

fn failed(check: &'static str, words: [String; 4]) -> Finding {
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

fn external_address(state: &ClusterState, service: &Value) -> Option<Finding> {
    if service["spec"]["type"] != "LoadBalancer" {
        return None;
    }
    let service_name = name(service);
    let ingress = &items(&service["status"]["loadBalancer"]["ingress"]);
    if let Some(address) = ingress.first() {
        let address = address["ip"].as_str().or(address["hostname"].as_str()).unwrap_or("?");
        let what = format!("Service {service_name} has the address {address}");
        return Some(Finding::good(Layer::Network, "external address", what, "its status"));
    }
    let pools = state.all("ipaddresspools.metallb.io");
    let (cause, remedy) = if !state.knows("ipaddresspools.metallb.io") {
        (
            "nothing in the cluster gives out addresses: MetalLB is not installed".to_owned(),
            "deploy/scripts/deploy.sh installs it; or use type: NodePort",
        )
    } else if pools.is_empty() {
        (
            "MetalLB has no IPAddressPool".to_owned(),
            "apply deploy/components/metallb with free addresses of the node's network",
        )
    } else {
        let why = state.events(service_name, "AllocationFailed");
        (
            why.first().map_or_else(
                || "MetalLB has a pool, but gave no address yet".to_owned(),
                |why| format!("MetalLB: {why}"),
            ),
            "widen the pool or free an address; look at the logs of MetalLB's controller",
        )
    };
    Some(failed(
        "external address",
        told![
            format!("the external address of Service {service_name} is pending"),
            cause,
            format!("status.loadBalancer; {} address pools", pools.len()),
            remedy,
        ],
    ))
}

/// Policies that select the pods close every port but those that one of them opens.
fn policies(state: &ClusterState, pods: &[&Value]) -> Option<Finding> {
    let pod = pods.first()?;
    let selecting: Vec<&Value> = state
        .all("networkpolicies")
        .iter()
        .filter(|policy| {
            let selector = &policy["spec"]["podSelector"]["matchLabels"];
            let types = items(&policy["spec"]["policyTypes"]);
            let is_ingress = types.is_empty() || types.iter().any(|t| t == "Ingress");
            is_ingress && (selector.is_null() || selects(selector, labels(pod)))
        })
        .collect();
    if selecting.is_empty() {
        let what = "no policy restricts the pods";
        return Some(Finding::good(Layer::Network, "network policy", what, "networkpolicies"));
    }
    let api = api_port(pod);
    let opens = |rule: &&Value| {
        let allowed = items(&rule["ports"]);
        let is_api = |port: &Value| *port == api["containerPort"] || *port == api["name"];
        allowed.is_empty() || allowed.iter().any(|allowed| is_api(&allowed["port"]))
    };
    let rules = selecting.iter().flat_map(|policy| items(&policy["spec"]["ingress"]));
    let peers: Vec<String> = rules.filter(opens).map(peers).collect();
    let names: Vec<&str> = selecting.iter().map(|policy| name(policy)).collect();
    let evidence = format!("networkpolicies that select the pods: {}", names.join(", "));
    if !peers.is_empty() {
        let what = format!("port {} is open to {}", api["containerPort"], peers.join(", "));
        return Some(Finding::good(Layer::Network, "network policy", what, evidence));
    }
    Some(failed(
        "network policy",
        told![
            "NetworkPolicies let nobody reach the pods",
            "policies select the pods, and none of them opens the server's port",
            evidence,
            "apply deploy/components/network-policy, or allow the port from the clients' \
             namespace",
        ],
    ))
}

/// The port that answers requests: the one that readiness is asked on, else the first.
fn api_port(pod: &Value) -> Value {
    let container = &pod["spec"]["containers"][0];
    let ports = items(&container["ports"]);
    let probed = &container["readinessProbe"]["httpGet"]["port"];
    let named = ports.iter().find(|p| p["name"] == *probed || p["containerPort"] == *probed);
    named.or(ports.first()).cloned().unwrap_or_default()
}

/// Whom an ingress rule lets in, in words.
fn peers(rule: &Value) -> String {
    let of = |selector: &Value| {
        let labels = selector["matchLabels"].as_object().into_iter().flatten();
        let labels: Vec<String> =
            labels.map(|(key, value)| format!("{key}={}", value.as_str().unwrap_or("?"))).collect();
        if labels.is_empty() { "all".to_owned() } else { labels.join(" ") }
    };
    let peers: Vec<String> = items(&rule["from"])
        .iter()
        .map(|peer| {
            let block = peer["ipBlock"]["cidr"].as_str().map(str::to_owned);
            let (pods, namespaces) = (&peer["podSelector"], &peer["namespaceSelector"]);
            block.unwrap_or_else(|| match (pods.is_null(), namespaces.is_null()) {
                (true, _) => format!("namespaces ({})", of(namespaces)),
                (false, true) => format!("pods here ({})", of(pods)),
                (false, false) => format!("pods ({}) of namespaces ({})", of(pods), of(namespaces)),
            })
        })
        .collect();
    if peers.is_empty() { "everybody".to_owned() } else { peers.join(", ") }
}
