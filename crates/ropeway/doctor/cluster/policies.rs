//! NetworkPolicies of a cluster: who may reach the server, and whether it reaches what it is told to use.
//! Policies add up: a pod that one selects is closed but for what all of its policies open.

use serde_json::Value;

use super::super::finding::{Finding, Layer, Status, told};
use super::network::failed;
use super::settings::Settings;
use super::state::{ClusterState, items, name, takes};

const CHECK: &str = "network policy";
const DNS: u64 = 53;

pub(super) fn examine(state: &ClusterState, pods: &[&Value]) -> Vec<Finding> {
    let Some(pod) = pods.first() else { return Vec::new() };
    let mut findings = vec![way_in(state, pod)];
    findings.extend(ways_out(state, pod));
    findings
}

/// The policies that close a direction for a pod.
fn closing<'a>(state: &'a ClusterState, pod: &Value, direction: &str) -> Vec<&'a Value> {
    let closes = |policy: &&Value| {
        let spec = &policy["spec"];
        let types = items(&spec["policyTypes"]);
        // By default a policy is about what comes in, and about what goes out if it has rules for that.
        let by_default = direction == "Ingress" || !spec["egress"].is_null();
        let is_meant = types.iter().any(|t| t == direction) || (types.is_empty() && by_default);
        is_meant && takes(&spec["podSelector"], &pod["metadata"]["labels"])
    };
    state.all("networkpolicies").iter().filter(closes).collect()
}

fn way_in(state: &ClusterState, pod: &Value) -> Finding {
    let closing = closing(state, pod, "Ingress");
    if closing.is_empty() {
        let what = "no policy restricts the pods";
        return Finding::good(Layer::Network, CHECK, what, "networkpolicies");
    }
    let api = api_port(pod);
    let rules = closing.iter().flat_map(|policy| items(&policy["spec"]["ingress"]));
    let rules: Vec<&Value> = rules.filter(|rule| opens(rule, &api)).collect();
    let names: Vec<&str> = closing.iter().map(|policy| name(policy)).collect();
    let evidence = format!("networkpolicies that select the pods: {}", names.join(", "));
    let (mut there, mut missing) = (Vec::new(), Vec::new());
    for rule in &rules {
        let peers = items(&rule["from"]);
        if peers.is_empty() {
            there.push("everybody".to_owned());
        }
        for peer in peers {
            match exists(state, peer) {
                true => there.push(words(peer)),
                false => missing.push(words(peer)),
            }
        }
    }
    if !there.is_empty() {
        let mut what = format!("port {} is open to {}", api["containerPort"], there.join(", "));
        if !missing.is_empty() {
            what += &format!("; also to {}, which the cluster has not", missing.join(", "));
        }
        return Finding::good(Layer::Network, CHECK, what, evidence);
    }
    let (cause, remedy) = match rules.is_empty() {
        true => (
            "policies select the pods, and none of them opens the server's port".to_owned(),
            "apply deploy/components/network-policy, or allow the port from the clients' namespace",
        ),
        false => (
            format!("the port is open to {}, and the cluster has none", missing.join(", ")),
            "label the clients' namespace or pods as the policy says",
        ),
    };
    failed(CHECK, told!["NetworkPolicies let nobody reach the pods", cause, evidence, remedy])
}

/// Whether an ingress or egress rule opens a port, given as a container's `{name, containerPort}`.
fn opens(rule: &Value, port: &Value) -> bool {
    let ports = items(&rule["ports"]);
    let number = &port["containerPort"];
    ports.is_empty()
        || ports.iter().any(|open| {
            let range = open["port"].as_u64().zip(open["endPort"].as_u64()).zip(number.as_u64());
            let is_within = range.is_some_and(|((from, to), port)| (from..=to).contains(&port));
            let is_named = !port["name"].is_null() && open["port"] == port["name"];
            open["port"].is_null() || open["port"] == *number || is_named || is_within
        })
}

/// Whether the cluster has anybody whom a peer means. Addresses are believed.
fn exists(state: &ClusterState, peer: &Value) -> bool {
    if !peer["ipBlock"].is_null() {
        return true;
    }
    let (pods, namespaces) = (&peer["podSelector"], &peer["namespaceSelector"]);
    let is_meant = |namespace: &str| match namespaces.is_null() {
        true => namespace == state.namespace,
        false => labels_of(state, namespace).is_some_and(|labels| takes(namespaces, labels)),
    };
    if pods.is_null() {
        return state.all("namespaces").iter().any(|namespace| is_meant(name(namespace)));
    }
    state.all("pods").iter().any(|pod| {
        takes(pods, &pod["metadata"]["labels"])
            && is_meant(pod["metadata"]["namespace"].as_str().unwrap_or_default())
    })
}

fn labels_of<'a>(state: &'a ClusterState, namespace: &str) -> Option<&'a Value> {
    let found = state.all("namespaces").iter().find(|one| name(one) == namespace);
    found.map(|namespace| &namespace["metadata"]["labels"])
}

/// What the server is told to reach, where policies close the way out.
fn ways_out(state: &ClusterState, pod: &Value) -> Vec<Finding> {
    let closing = closing(state, pod, "Egress");
    let Some(container) = items(&pod["spec"]["containers"]).first() else { return Vec::new() };
    if closing.is_empty() {
        return Vec::new();
    }
    let rules: Vec<&Value> =
        closing.iter().flat_map(|policy| items(&policy["spec"]["egress"])).collect();
    let settings = Settings::new(state, pod, container);
    let names: Vec<&str> = closing.iter().map(|policy| name(policy)).collect();
    let evidence = format!("networkpolicies that close egress: {}", names.join(", "));
    let mut findings = Vec::new();
    if let Some(url) = settings.option("otlp-traces-endpoint") {
        let (host, port) = address(&url);
        if !leads_to(state, &rules, host, port) {
            let what = format!("the policies let no trace reach {url}");
            let remedy = "apply deploy/components/tracing with the collector's namespace and port";
            findings.push(closed("egress to the collector", what, &evidence, remedy));
        }
    }
    let offline = settings.variable("HF_HUB_OFFLINE");
    let is_offline = offline.is_some_and(|value| !["", "0", "false"].contains(&value));
    let hub = settings.model().filter(|model| !model.starts_with('/') && !is_offline);
    if let Some(model) = hub
        && !leads_to(state, &rules, "huggingface.co", 443)
    {
        let what = format!("the policies let no server fetch {model} from the hub");
        let remedy = "let a Job fetch it (deploy/components/storage-cache) and set HF_HUB_OFFLINE=1 \
                      (hub-offline), or open 443 and DNS";
        findings.push(closed("egress to the hub", what, &evidence, remedy));
    }
    findings
}

fn closed(check: &'static str, what: String, evidence: &str, remedy: &str) -> Finding {
    let cause = "the server is told to use it, and no policy opens the port and DNS to it";
    Finding::wrong(Layer::Network, check, Status::Warning, told![what, cause, evidence, remedy])
}

/// Host and port of a URL.
fn address(url: &str) -> (&str, u64) {
    let (scheme, rest) = url.split_once("://").unwrap_or(("http", url));
    let host = rest.split('/').next().unwrap_or_default();
    let default = if scheme == "https" { 443 } else { 80 };
    match host.rsplit_once(':') {
        Some((host, port)) => (host, port.parse().unwrap_or(default)),
        None => (host, default),
    }
}

/// Whether rules open the way to a port of a host and to the DNS that knows it. A Service's name has its
/// namespace; of a host elsewhere only an address or everybody can be meant.
fn leads_to(state: &ClusterState, rules: &[&Value], host: &str, port: u64) -> bool {
    let opens =
        |rule: &&&Value, port: u64| opens(rule, &serde_json::json!({"containerPort": port}));
    let mut labels = host.split('.').skip(1);
    let namespace = labels.next().filter(|_| labels.next() == Some("svc"));
    let is_there = |rule: &&&Value| {
        let peers = items(&rule["to"]);
        let means = |peer: &Value| match (namespace, &peer["namespaceSelector"]) {
            _ if !peer["ipBlock"].is_null() => true,
            (None, _) => false,
            (Some(namespace), Value::Null) => namespace == state.namespace,
            (Some(namespace), selector) => {
                labels_of(state, namespace).is_some_and(|labels| takes(selector, labels))
            }
        };
        peers.is_empty() || peers.iter().any(means)
    };
    rules.iter().any(|rule| opens(&rule, port) && is_there(&rule))
        && rules.iter().any(|rule| opens(&rule, DNS))
}

/// The port that answers requests: the one that readiness is asked on, else the first.
fn api_port(pod: &Value) -> Value {
    let container = &pod["spec"]["containers"][0];
    let ports = items(&container["ports"]);
    let probed = &container["readinessProbe"]["httpGet"]["port"];
    let named = ports.iter().find(|p| p["name"] == *probed || p["containerPort"] == *probed);
    named.or(ports.first()).cloned().unwrap_or_default()
}

/// Whom a peer means, in words.
fn words(peer: &Value) -> String {
    if let Some(block) = peer["ipBlock"]["cidr"].as_str() {
        return block.to_owned();
    }
    let (pods, namespaces) = (&peer["podSelector"], &peer["namespaceSelector"]);
    match (pods.is_null(), namespaces.is_null()) {
        (true, _) => format!("namespaces ({})", selector(namespaces)),
        (false, true) => format!("pods here ({})", selector(pods)),
        (false, false) => {
            format!("pods ({}) of namespaces ({})", selector(pods), selector(namespaces))
        }
    }
}

fn selector(selector: &Value) -> String {
    let labels = selector["matchLabels"].as_object().into_iter().flatten();
    let labels = labels.map(|(key, value)| format!("{key}={}", value.as_str().unwrap_or("?")));
    let expressions = items(&selector["matchExpressions"]).iter().map(|rule| {
        let text = |field: &str| rule[field].as_str().unwrap_or("?").to_owned();
        let values = items(&rule["values"]).iter().filter_map(Value::as_str);
        let values: Vec<&str> = values.collect();
        match values.is_empty() {
            true => format!("{} {}", text("key"), text("operator")),
            false => format!("{} {} {}", text("key"), text("operator"), values.join("|")),
        }
    });
    let all: Vec<String> = labels.chain(expressions).collect();
    if all.is_empty() { "all".to_owned() } else { all.join(" ") }
}
