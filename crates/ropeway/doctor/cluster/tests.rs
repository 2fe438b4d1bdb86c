//! Recorded cluster states: a healthy one, and one change for each way to break it.

use serde_json::{Value, json};

use super::*;
use crate::doctor::finding::Status;

pub(super) const APP: &str = "ropeway";
pub(super) const NAMESPACE: &str = "llm";

/// One node, as the device plugin leaves it.
fn nodes() -> Value {
    json!([{
        "metadata": { "name": "mi300x-0" },
        "status": {
            "allocatable": { "cpu": "192", "amd.com/gpu": "8" },
            "addresses": [{ "type": "InternalIP", "address": "192.0.2.5" }],
        },
    }])
}

fn namespaces() -> Value {
    json!([
        { "metadata": { "name": NAMESPACE, "labels": { "kubernetes.io/metadata.name": NAMESPACE } } },
        { "metadata": { "name": "gate", "labels": { "ropeway.io/gateway": "true" } } },
    ])
}

/// A deployment that serves, as `kubectl get -o json` tells it (cut to the fields that matter).
pub(super) fn healthy() -> Value {
    json!({
        "nodes": nodes(),
        "namespaces": namespaces(),
        "pods": [
            {
                "metadata": { "name": "amd-gpu-operator-0", "namespace": "kube-amd-gpu" },
                "status": {
                    "phase": "Running",
                    "conditions": [{ "type": "Ready", "status": "True" }],
                },
            },
            {
                "metadata": {
                    "name": "ropeway-7d9c-x2x", "namespace": NAMESPACE,
                    "labels": { "app.kubernetes.io/name": APP },
                },
                "spec": {
                    "containers": [{
                        "name": "server",
                        "args": ["serve", "/models/llama", "--host", "0.0.0.0"],
                        "ports": [{ "name": "http", "containerPort": 8000 }],
                        "resources": { "limits": { "amd.com/gpu": "1", "memory": "64Gi" } },
                        "volumeMounts": [{ "name": "models", "mountPath": "/models" }],
                        "livenessProbe": { "periodSeconds": 10 },
                        "startupProbe": { "periodSeconds": 5, "failureThreshold": 120 },
                    }],
                    "volumes": [
                        { "name": "models", "persistentVolumeClaim": { "claimName": "models" } },
                    ],
                },
                "status": {
                    "phase": "Running",
                    "conditions": [{ "type": "PodScheduled", "status": "True" }],
                    "containerStatuses": [{
                        "restartCount": 0, "state": { "running": {} }, "lastState": {},
                    }],
                },
            },
        ],
        "events": [],
        "persistentvolumeclaims": [{
            "metadata": { "name": "models" },
            "spec": { "storageClassName": "local-storage" },
            "status": { "phase": "Bound" },
        }],
        "services": [{
            "metadata": { "name": "ropeway", "labels": { "app.kubernetes.io/name": APP } },
            "spec": { "type": "LoadBalancer", "selector": { "app.kubernetes.io/name": APP } },
            "status": { "loadBalancer": { "ingress": [{ "ip": "192.0.2.10" }] } },
        }],
        "endpointslices": [{
            "metadata": { "name": "ropeway-1",
                          "labels": { "kubernetes.io/service-name": "ropeway" } },
            "endpoints": [{ "conditions": { "ready": true } }],
        }],
        "networkpolicies": [],
        "resourcequotas": [{
            "metadata": { "name": "gpus" },
            "status": { "hard": { "requests.amd.com/gpu": "8" },
                        "used": { "requests.amd.com/gpu": "1" } },
        }],
        "replicasets": [],
        "deviceconfigs.amd.com": [{ "metadata": { "name": "mi300x" } }],
        "ipaddresspools.metallb.io": [{ "metadata": { "name": "pool" } }],
        "l2advertisements.metallb.io": [{ "metadata": { "name": "all" } }],
    })
}

pub(super) fn troubles(state: &Value) -> Vec<String> {
    examine(&ClusterState::recorded(NAMESPACE, state), APP)
        .iter()
        .filter(|finding| finding.status != Status::Good)
        .map(|f| {
            assert!(![&f.cause, &f.evidence, &f.remedy].iter().any(|w| w.is_empty()), "{f:?}");
            format!("{} {} {:?}", f.layer.name(), f.check, f.status)
        })
        .collect()
}

/// The healthy state with the value at a JSON pointer replaced (`null` removes it).
pub(super) fn with(changes: &[(&str, Value)]) -> Value {
    let mut state = healthy();
    for (pointer, value) in changes {
        let (parent, key) = pointer.rsplit_once('/').expect("a pointer");
        let parent = state.pointer_mut(parent).unwrap_or_else(|| panic!("no {parent}"));
        match (parent, value) {
            (Value::Object(map), Value::Null) => drop(map.remove(key)),
            (parent, value) => match key.parse::<usize>() {
                Ok(index) => parent[index] = value.clone(),
                Err(_) => parent[key] = value.clone(),
            },
        }
    }
    state
}

fn waiting(reason: &str, message: &str) -> Value {
    json!([{ "restartCount": 3, "lastState": {},
             "state": { "waiting": { "reason": reason, "message": message } } }])
}

fn crashed(code: u64, message: &str) -> Value {
    json!([{
        "restartCount": 5,
        "state": { "waiting": { "reason": "CrashLoopBackOff" } },
        "lastState": { "terminated": { "exitCode": code, "reason": "Error", "message": message } },
    }])
}

fn unscheduled(message: &str) -> Value {
    json!([{ "type": "PodScheduled", "status": "False", "message": message }])
}

fn event(name: &str, reason: &str, message: &str) -> Value {
    json!([{ "involvedObject": { "name": name }, "reason": reason, "message": message }])
}

/// As the kubelet words it.
fn killed(why: &str) -> Value {
    let message = format!("Container server {why}, will be restarted");
    event("ropeway-7d9c-x2x", "Killing", &message)
}

#[test]
fn a_healthy_cluster_has_no_troubles() {
    assert_eq!(troubles(&healthy()), [""; 0]);
}

#[test]
fn the_gpu_layer_tells_what_is_missing() {
    let cases = [
        (vec![("/nodes/0/status/allocatable/amd.com~1gpu", json!("0"))], "gpu advertised Failed"),
        (vec![("/pods/0/status/conditions", json!([]))], "gpu operator Failed"),
        (vec![("/pods/0/metadata/namespace", json!("elsewhere"))], "gpu operator Warning"),
        (vec![("/deviceconfigs.amd.com", json!([]))], "gpu device config Warning"),
        (vec![("/deviceconfigs.amd.com", Value::Null)], "gpu device config Warning"),
        (
            vec![(
                "/deviceconfigs.amd.com",
                json!([{ "metadata": { "name": "default" } }, { "metadata": { "name": "mine" } }]),
            )],
            "gpu device config Warning",
        ),
        (
            vec![(
                "/pods/1/status/conditions",
                unscheduled("0/1 nodes: 1 Insufficient amd.com/gpu"),
            )],
            "gpu pod Failed",
        ),
        (vec![("/pods/1/status/containerStatuses", crashed(4, "device lost"))], "gpu pod Failed"),
        (
            vec![("/pods/1/status/containerStatuses", crashed(1, "error: no HIP device"))],
            "gpu pod Failed",
        ),
    ];
    for (changes, expected) in cases {
        let changes: Vec<_> =
            changes.into_iter().map(|(p, v)| (p.replace("~1", "\u{1}"), v)).collect();
        let mut state = healthy();
        for (pointer, value) in changes {
            // A resource's name has a slash, so the last key is split off by hand.
            match pointer.contains('\u{1}') {
                true => state["nodes"][0]["status"]["allocatable"]["amd.com/gpu"] = value,
                false => state = with(&[(pointer.as_str(), value)]),
            }
        }
        assert_eq!(troubles(&state), [expected]);
    }
}

#[test]
fn the_network_layer_tells_what_is_missing() {
    let pending = ("/services/0/status/loadBalancer", json!({}));
    let deny = json!([{ "metadata": { "name": "deny" },
                        "spec": { "podSelector": {}, "policyTypes": ["Ingress"] } }]);
    let allow = |port: Value| {
        json!([
            { "metadata": { "name": "deny" }, "spec": { "podSelector": {} } },
            { "metadata": { "name": "allow" },
              "spec": { "podSelector": { "matchLabels": { "app.kubernetes.io/name": APP } },
                        "ingress": [{ "ports": [{ "port": port }] }] } },
        ])
    };
    let cases = [
        (
            vec![pending.clone(), ("/ipaddresspools.metallb.io", Value::Null)],
            vec!["network external address Failed"],
        ),
        (
            vec![pending.clone(), ("/ipaddresspools.metallb.io", json!([]))],
            vec!["network external address Failed"],
        ),
        (
            vec![pending, ("/events", event("ropeway", "AllocationFailed", "no available IPs"))],
            vec!["network external address Failed"],
        ),
        (
            vec![
                ("/services/0/spec/selector", json!({ "app": "other" })),
                ("/endpointslices", json!([])),
            ],
            vec!["network endpoints Failed"],
        ),
        (
            vec![("/endpointslices/0/endpoints/0/conditions/ready", json!(false))],
            vec!["network endpoints Failed"],
        ),
        (vec![("/services", json!([]))], vec!["network service Failed"]),
        (vec![("/networkpolicies", deny)], vec!["network network policy Failed"]),
        (vec![("/networkpolicies", allow(json!(9090)))], vec!["network network policy Failed"]),
        // Another port of the server's is not the API.
        (
            vec![
                ("/networkpolicies", allow(json!("kv-events"))),
                (
                    "/pods/1/spec/containers/0/ports",
                    json!([{ "name": "kv-events", "containerPort": 5556 },
                           { "name": "http", "containerPort": 8000 }]),
                ),
                (
                    "/pods/1/spec/containers/0/readinessProbe",
                    json!({ "httpGet": { "port": "http" } }),
                ),
            ],
            vec!["network network policy Failed"],
        ),
        (vec![("/networkpolicies", allow(json!("http")))], vec![]),
        (vec![("/networkpolicies", allow(json!(8000)))], vec![]),
        (
            vec![("/pods/1/status/containerStatuses", crashed(1, "cannot listen on 0.0.0.0"))],
            vec!["network pod Failed"],
        ),
    ];
    for (changes, expected) in cases {
        assert_eq!(troubles(&with(&changes)), expected, "{changes:?}");
    }
}

#[test]
fn the_storage_layer_tells_what_is_missing() {
    let cases = [
        (
            vec![("/persistentvolumeclaims/0/status/phase", json!("Pending"))],
            vec!["storage claim Failed"],
        ),
        (vec![("/persistentvolumeclaims", json!([]))], vec!["storage claim Failed"]),
        (
            vec![("/pods/1/spec/containers/0/args", json!(["serve", "/model/llama"]))],
            vec!["storage model path Failed"],
        ),
        (
            vec![
                ("/pods/1/spec/containers/0/args", json!(["serve"])),
                (
                    "/pods/1/spec/containers/0/env",
                    json!([{ "name": "ROPEWAY_MODEL", "value": "/modelsx/llama" }]),
                ),
            ],
            vec!["storage model path Failed"],
        ),
        (
            vec![(
                "/pods/1/status/conditions",
                unscheduled("pod has unbound immediate PersistentVolumeClaims"),
            )],
            vec!["storage pod Failed"],
        ),
        (
            vec![
                ("/pods/1/status/phase", json!("Pending")),
                ("/events", event("ropeway-7d9c-x2x", "FailedMount", "path /data does not exist")),
            ],
            vec!["storage pod Failed"],
        ),
        (
            vec![
                ("/pods/1/status/phase", json!("Pending")),
                ("/events", event("ropeway-7d9c-x2x", "FailedAttachVolume", "Multi-Attach error")),
            ],
            vec!["storage pod Failed"],
        ),
        (
            vec![("/pods/1/status/containerStatuses", crashed(1, "error: config.json is missing"))],
            vec!["storage pod Failed"],
        ),
    ];
    for (changes, expected) in cases {
        assert_eq!(troubles(&with(&changes)), expected, "{changes:?}");
    }
}

/// The healthy state, its model named by a file as in deploy/base.
fn configured(config: &str) -> Value {
    with(&[
        ("/pods/1/spec/containers/0/args", json!(["serve", "--config", "/etc/ropeway/r.toml"])),
        (
            "/pods/1/spec/containers/0/volumeMounts",
            json!([{ "name": "config", "mountPath": "/etc/ropeway" },
                   { "name": "models", "mountPath": "/models" }]),
        ),
        (
            "/pods/1/spec/volumes",
            json!([{ "name": "config", "configMap": { "name": "ropeway-config-x" } },
                   { "name": "models", "persistentVolumeClaim": { "claimName": "models" } }]),
        ),
        (
            "/configmaps",
            json!([{ "metadata": { "name": "ropeway-config-x" }, "data": { "r.toml": config } }]),
        ),
    ])
}

#[test]
fn the_models_path_is_found_in_the_configuration_file() {
    let cases = [
        ("model = '/models/llama'", vec![]),
        ("model = '/model/llama'", vec!["storage model path Failed"]),
        ("model = 'meta/llama'\ndownload-dir = '/models/hub'", vec![]),
        ("model = 'meta/llama'\ndownload-dir = '/hub'", vec!["storage model path Failed"]),
        ("model = 'meta/llama'", vec![]),
    ];
    for (config, expected) in cases {
        assert_eq!(troubles(&configured(config)), expected, "{config}");
    }
    // A variable beats the file, an argument the variable.
    let mut state = configured("model = '/models/llama'");
    let container = &mut state["pods"][1]["spec"]["containers"][0];
    container["env"] = json!([{ "name": "ROPEWAY_MODEL", "value": "/model/llama" }]);
    assert_eq!(troubles(&state), ["storage model path Failed"]);
    let args = json!(["serve", "/models/m", "--config", "/etc/ropeway/r.toml"]);
    state["pods"][1]["spec"]["containers"][0]["args"] = args;
    assert_eq!(troubles(&state), [""; 0]);
}

/// The endpoint picker and the download Job bear the server's name, but are not it.
#[test]
fn other_pods_of_the_deployment_are_not_taken_for_servers() {
    let picker = json!({
        "metadata": { "name": "ropeway-endpoint-picker-0", "namespace": NAMESPACE,
                      "labels": { "app.kubernetes.io/name": APP,
                                  "app.kubernetes.io/component": "endpoint-picker" } },
        "spec": { "containers": [{ "name": "endpoint-picker",
                                   "livenessProbe": { "periodSeconds": 10 } }] },
        "status": { "phase": "Running" },
    });
    let mut state = healthy();
    state["pods"].as_array_mut().expect("a list").insert(1, picker);
    assert_eq!(troubles(&state), [""; 0]);
    state["pods"].as_array_mut().expect("a list").truncate(2);
    assert!(troubles(&state).contains(&"runtime pods Failed".to_owned()));
}

#[test]
fn the_runtime_layer_tells_what_is_missing() {
    let status = "/pods/1/status/containerStatuses";
    let oom = json!([{ "restartCount": 2, "state": { "running": {} },
                       "lastState": { "terminated": { "reason": "OOMKilled" } } }]);
    let cases = [
        (vec![(status, waiting("ImagePullBackOff", "manifest unknown"))], "runtime pod Failed"),
        (vec![(status, waiting("ErrImagePull", "unauthorized"))], "runtime pod Failed"),
        (vec![(status, waiting("InvalidImageName", "uppercase"))], "runtime pod Failed"),
        (
            vec![(
                "/pods/1/status/initContainerStatuses",
                waiting("CreateContainerConfigError", "configmap \"x\" not found"),
            )],
            "runtime pod Failed",
        ),
        (
            vec![(status, waiting("CreateContainerConfigError", "secret \"keys\" not found"))],
            "runtime pod Failed",
        ),
        (vec![(status, crashed(2, "error: unknown option"))], "runtime pod Failed"),
        (vec![(status, crashed(137, ""))], "runtime pod Failed"),
        (vec![(status, oom)], "runtime pod Failed"),
        (
            vec![("/pods/1/status/conditions", unscheduled("1 Insufficient memory"))],
            "runtime pod Failed",
        ),
        (
            vec![("/pods/1/status/conditions", unscheduled("1 node(s) had untolerated taint"))],
            "runtime pod Failed",
        ),
        (vec![("/pods/1/spec/containers/0/startupProbe", Value::Null)], "runtime probes Warning"),
        (vec![("/events", killed("failed startup probe"))], "runtime probe Failed"),
        (vec![("/events", killed("failed liveness probe"))], "runtime probe Failed"),
        (
            vec![
                ("/events", killed("failed startup probe")),
                ("/pods/1/status/containerStatuses/0/ready", json!(true)),
            ],
            "runtime probe Warning",
        ),
        (
            vec![(
                "/events",
                event(
                    "ropeway-7d9c",
                    "FailedCreate",
                    "pods \"ropeway\" is forbidden: exceeded quota: gpus",
                ),
            )],
            "runtime quota Failed",
        ),
    ];
    for (changes, expected) in cases {
        assert_eq!(troubles(&with(&changes)), [expected], "{changes:?}");
    }
}

/// The server's own word is believed before any word of its message.
#[test]
fn a_crashed_server_names_its_layer() {
    for (code, message, expected) in [
        (1, "layer: runtime\nerror: the model does not fit in memory as configured\n", "runtime"),
        (1, "layer: storage\nerror: cache file /m: No space left on device\n", "storage"),
        (1, "layer: gpu\nerror: libamdhip64.so.6 finds no GPU\n", "gpu"),
        (1, "layer: network\nerror: org/m: timed out; check the network\n", "network"),
        (2, "layer: runtime\nerror: no model given: see ropeway serve --device hip\n", "runtime"),
        // Not a note, or one of a layer that there is not: its words decide.
        (1, "layer: cellar\nerror: cannot listen on 0.0.0.0 port 80\n", "network"),
        (1, "INFO ready\nlayer: gpu\n", "storage"),
    ] {
        let state = with(&[("/pods/1/status/containerStatuses", crashed(code, message))]);
        let findings = examine(&ClusterState::recorded(NAMESPACE, &state), APP);
        let failed: Vec<_> = findings.iter().filter(|f| f.status == Status::Failed).collect();
        let [crash] = &failed[..] else { panic!("one failed check: {failed:?}") };
        assert_eq!((crash.layer.name(), crash.check), (expected, "pod"), "{message}");
    }
}

#[test]
fn without_pods_the_quota_and_the_absence_are_told() {
    let mut state = healthy();
    state["pods"].as_array_mut().expect("a list").truncate(1);
    state["endpointslices"] = json!([]);
    state["replicasets"] = json!([{ "spec": { "template": healthy()["pods"][1].clone() } }]);
    state["events"] = event("ropeway-7d9c", "FailedCreate", "exceeded quota: gpus");
    let expected = ["network endpoints Failed", "runtime quota Failed", "runtime pods Failed"];
    assert_eq!(troubles(&state), expected);
}
