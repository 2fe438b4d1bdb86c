//! The external address of a Service: whether it has one, and whether anybody answers for it.

use std::net::Ipv4Addr;

use serde_json::Value;

use super::super::finding::{Finding, Layer, Status, told};
use super::network::failed;
use super::state::{ClusterState, items, name};

const POOLS: &str = "ipaddresspools.metallb.io";
/// Kubeadm labels control planes with this; MetalLB passes such nodes over and says nothing.
const EXCLUDED: &str = "node.kubernetes.io/exclude-from-external-load-balancers";
const CHECK: &str = "external address";

pub(super) fn external(state: &ClusterState, service: &Value) -> Option<Finding> {
    if service["spec"]["type"] != "LoadBalancer" {
        return None;
    }
    let ingress = items(&service["status"]["loadBalancer"]["ingress"]);
    let Some(address) = ingress.first() else { return Some(pending(state, name(service))) };
    let address = address["ip"].as_str().or(address["hostname"].as_str()).unwrap_or("?");
    // Another balancer's pools are its own business.
    let unannounced = state.knows(POOLS).then(|| unannounced(state, address)).flatten();
    Some(unannounced.unwrap_or_else(|| {
        let what = format!("Service {} has the address {address}", name(service));
        Finding::good(Layer::Network, CHECK, what, "its status")
    }))
}

fn pending(state: &ClusterState, service_name: &str) -> Finding {
    let pools = state.all(POOLS);
    let (cause, remedy) = if !state.knows(POOLS) {
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
    failed(
        CHECK,
        told![
            format!("the external address of Service {service_name} is pending"),
            cause,
            format!("status.loadBalancer; {} address pools", pools.len()),
            remedy,
        ],
    )
}

/// Why nobody answers for an address that MetalLB gave.
fn unannounced(state: &ClusterState, address: &str) -> Option<Finding> {
    let symptom = format!("nobody answers for the address {address}");
    if !state.all("bgpadvertisements.metallb.io").iter().any(|one| is_of_a_pool(state, one))
        && !state.all("l2advertisements.metallb.io").iter().any(|one| is_of_a_pool(state, one))
    {
        return Some(failed(
            CHECK,
            told![
                symptom,
                "MetalLB gives addresses of a pool and tells the network only what an \
                 L2Advertisement or BGPAdvertisement names",
                "l2advertisements and bgpadvertisements, spec.ipAddressPools",
                "apply deploy/components/metallb, which has the L2Advertisement of its pool",
            ],
        ));
    }
    let nodes = state.all("nodes");
    if !nodes.is_empty() && nodes.iter().all(|n| !n["metadata"]["labels"][EXCLUDED].is_null()) {
        return Some(failed(
            CHECK,
            told![
                symptom,
                "MetalLB announces nothing from a node with this label, and every node has it",
                format!("label {EXCLUDED} of the nodes"),
                format!("kubectl label nodes NAME {EXCLUDED}-"),
            ],
        ));
    }
    elsewhere(state, address)
}

/// Whether an advertisement is of a pool that exists; one that names none is of all.
fn is_of_a_pool(state: &ClusterState, advertisement: &Value) -> bool {
    let named = items(&advertisement["spec"]["ipAddressPools"]);
    named.is_empty()
        || state.all(POOLS).iter().any(|pool| named.contains(&pool["metadata"]["name"]))
}

/// An address that layer 2 announces must be of the nodes' own network. The API does not tell how large
/// that is, so only what differs in the first half is told.
fn elsewhere(state: &ClusterState, address: &str) -> Option<Finding> {
    let half = |text: &str| Some(text.parse::<Ipv4Addr>().ok()?.octets()[..2].to_owned());
    let wanted = half(address)?;
    let nodes: Vec<&str> = state
        .all("nodes")
        .iter()
        .flat_map(|node| items(&node["status"]["addresses"]))
        .filter(|own| own["type"] == "InternalIP")
        .filter_map(|own| own["address"].as_str())
        .collect();
    let is_routed = !state.all("bgpadvertisements.metallb.io").is_empty();
    if is_routed || nodes.is_empty() || nodes.iter().any(|own| half(own) == Some(wanted.clone())) {
        return None;
    }
    Some(Finding::wrong(
        Layer::Network,
        CHECK,
        Status::Warning,
        told![
            format!("the address {address} seems to be of another network than the nodes"),
            "layer 2 announces an address on the nodes' own network only; clients elsewhere ask \
             their router, which does not know it",
            format!("InternalIP of the nodes: {}", nodes.join(", ")),
            "give the IPAddressPool free addresses of the nodes' network, or route the pool's there",
        ],
    ))
}
