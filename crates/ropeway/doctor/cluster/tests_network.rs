//! Recorded cluster states with addresses that nobody announces and policies that close what is needed.

use serde_json::{Value, json};

use super::tests::{APP, NAMESPACE, healthy, troubles, with};
use super::*;

/// The symptom of a check.
fn symptom(state: &Value, check: &str) -> String {
    let findings = examine(&ClusterState::recorded(NAMESPACE, state), APP);
    findings.iter().find(|f| f.check == check).expect("the check was made").symptom.clone()
}

#[test]
fn an_address_that_nobody_announces_is_found() {
    let excluded = json!({ "node.kubernetes.io/exclude-from-external-load-balancers": "" });
    let advertisement =
        |pool: &str| json!([{ "metadata": { "name": "x" }, "spec": { "ipAddressPools": [pool] } }]);
    let elsewhere = ("/nodes/0/status/addresses/0/address", json!("10.1.0.5"));
    let failed = ["network external address Failed"];
    let cases = [
        (vec![("/l2advertisements.metallb.io", json!([]))], &failed[..]),
        (vec![("/l2advertisements.metallb.io", advertisement("other"))], &failed),
        (vec![("/l2advertisements.metallb.io", advertisement("pool"))], &[]),
        // Routers are told instead, and whatever the nodes' network is.
        (
            vec![
                ("/l2advertisements.metallb.io", json!([])),
                ("/bgpadvertisements.metallb.io", advertisement("pool")),
                elsewhere.clone(),
            ],
            &[],
        ),
        (vec![elsewhere.clone()], &["network external address Warning"]),
        (vec![("/nodes/0/metadata/labels", excluded.clone())], &failed),
        // Without MetalLB the balancer's own business.
        (
            vec![
                ("/nodes/0/metadata/labels", excluded.clone()),
                ("/ipaddresspools.metallb.io", Value::Null),
                ("/l2advertisements.metallb.io", Value::Null),
                elsewhere,
            ],
            &[],
        ),
    ];
    for (changes, expected) in cases {
        assert_eq!(troubles(&with(&changes)), expected, "{changes:?}");
    }
    // One node that may announce is enough.
    let mut state = with(&[("/nodes/0/metadata/labels", excluded)]);
    let other = healthy()["nodes"][0].clone();
    state["nodes"].as_array_mut().expect("a list").push(other);
    assert_eq!(troubles(&state), [""; 0]);
}

/// The healthy state with a policy whose one rule lets in these peers.
fn policy(selector: Value, rule: Value) -> Value {
    let policy = json!([{ "metadata": { "name": "p" }, "spec": { "podSelector": selector, "ingress": [rule] } }]);
    with(&[("/networkpolicies", policy)])
}

#[test]
fn whom_a_policy_lets_in_must_be_there() {
    let gateway = |value: &str| json!({ "namespaceSelector": { "matchLabels": { "ropeway.io/gateway": value } } });
    let expression = |key: &str, operator: &str, values: Value| {
        json!({ "namespaceSelector": { "matchExpressions": [
            { "key": key, "operator": operator, "values": values }] } })
    };
    let closed = ["network network policy Failed"];
    let cases: [(Value, &[&str]); 12] = [
        (json!([gateway("true")]), &[]),
        (json!([gateway("yes")]), &closed),
        (json!([gateway("yes"), { "ipBlock": { "cidr": "10.0.0.0/8" } }]), &[]),
        (json!([{ "podSelector": {} }]), &[]),
        (json!([{ "podSelector": { "matchLabels": { "app": "client" } } }]), &closed),
        // Both must fit one pod, and the gateway's namespace has none.
        (
            json!([{ "podSelector": {}, "namespaceSelector": gateway("true")["namespaceSelector"] }]),
            &closed,
        ),
        (json!([{ "podSelector": {}, "namespaceSelector": {} }]), &[]),
        (json!([expression("ropeway.io/gateway", "In", json!(["true", "1"]))]), &[]),
        (json!([expression("ropeway.io/gateway", "In", json!(["1"]))]), &closed),
        (json!([expression("ropeway.io/gateway", "Exists", json!([]))]), &[]),
        (json!([expression("kubernetes.io/metadata.name", "NotIn", json!([NAMESPACE]))]), &[]),
        (json!([expression("team", "Exists", json!([]))]), &closed),
    ];
    for (from, expected) in cases {
        assert_eq!(troubles(&policy(json!({}), json!({ "from": from }))), expected, "{from}");
    }
    let both = policy(json!({}), json!({ "from": [gateway("true"), gateway("yes")] }));
    let told = symptom(&both, "network policy");
    assert!(told.contains("open to namespaces (ropeway.io/gateway=true); also to"), "{told}");
    assert!(told.contains("(ropeway.io/gateway=yes), which the cluster has not"), "{told}");
    // Ranges of ports, and policies that select by expression.
    let range = json!({ "ports": [{ "port": 7000, "endPort": 8000 }] });
    assert_eq!(troubles(&policy(json!({}), range)), [""; 0]);
    let below = json!({ "ports": [{ "port": 7000, "endPort": 7999 }] });
    assert_eq!(troubles(&policy(json!({}), below.clone())), closed);
    let others = json!({ "matchExpressions": [
        { "key": "app.kubernetes.io/name", "operator": "NotIn", "values": [APP] }] });
    assert_eq!(troubles(&policy(others, below)), [""; 0]);
}

/// The healthy state with egress closed but for these rules, and a server that is told so.
fn leaving(rules: Value, args: Value, env: Value) -> Value {
    with(&[
        (
            "/networkpolicies",
            json!([{ "metadata": { "name": "out" },
                     "spec": { "podSelector": {}, "policyTypes": ["Egress"], "egress": rules } }]),
        ),
        ("/pods/1/spec/containers/0/args", args),
        ("/pods/1/spec/containers/0/env", env),
    ])
}

#[test]
fn what_the_server_is_told_to_reach_is_open() {
    let collector = json!([{ "name": "ROPEWAY_OTLP_TRACES_ENDPOINT",
                             "value": "http://otel-collector.gate.svc:4318" }]);
    let to = |namespace: &str, port: u64| {
        json!({ "to": [{ "namespaceSelector": { "matchLabels": { "ropeway.io/gateway": namespace } } }],
                "ports": [{ "port": port }] })
    };
    let dns = json!({ "ports": [{ "protocol": "UDP", "port": 53 }] });
    let local = json!(["serve", "/models/llama"]);
    let traces = ["network egress to the collector Warning"];
    let cases: [(Value, &[&str]); 6] = [
        (json!([]), &traces),
        (json!([to("true", 4318)]), &traces),
        (json!([to("true", 4317), dns]), &traces),
        (json!([to("yes", 4318), dns]), &traces),
        (json!([to("true", 4318), dns]), &[]),
        (json!([{}]), &[]),
    ];
    for (rules, expected) in cases {
        let state = leaving(rules.clone(), local.clone(), collector.clone());
        assert_eq!(troubles(&state), expected, "{rules}");
    }
    // A model by its name is fetched from the hub, if that is not switched off.
    let named = json!(["serve", "--model", "meta/llama"]);
    let https = json!({ "ports": [{ "port": 443 }] });
    let hub = ["network egress to the hub Warning"];
    assert_eq!(troubles(&leaving(json!([]), named.clone(), json!([]))), hub);
    assert_eq!(troubles(&leaving(json!([https, dns]), named.clone(), json!([]))), [""; 0]);
    let offline = json!([{ "name": "HF_HUB_OFFLINE", "value": "1" }]);
    assert_eq!(troubles(&leaving(json!([]), named, offline)), [""; 0]);
    assert_eq!(troubles(&leaving(json!([]), local, json!([]))), [""; 0]);
}
