//! `ropeway doctor --cluster` on these manifests as a cluster would have them: it understands what it
//! is meant for.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::Command;

use serde_json::{Value, json};

use crate::render;

/// Writes a `kubectl` that answers with what a cluster makes of `objects` when all goes well.
fn kubectl(folder: &Path, objects: &[Value], namespace: &str) -> String {
    let list = |kind: &str| -> Vec<Value> {
        let here = |object: &&Value| {
            let own = &object["metadata"]["namespace"];
            object["kind"] == kind && (own == namespace || own == "metallb-system")
        };
        objects.iter().filter(here).cloned().collect()
    };
    let mut claims = list("PersistentVolumeClaim");
    claims.iter_mut().for_each(|claim| claim["status"] = json!({"phase": "Bound"}));
    let mut services = list("Service");
    for service in &mut services {
        service["status"] = json!({"loadBalancer": {"ingress": [{"ip": "192.0.2.1"}]}});
    }
    let slices = services.iter().map(|service| {
        json!({"metadata": {"labels": {"kubernetes.io/service-name": service["metadata"]["name"]}},
               "endpoints": [{"conditions": {"ready": true}}]})
    });
    let ready = json!([{"type": "Ready", "status": "True"}]);
    let mut pods: Vec<Value> = list("Deployment")
        .iter()
        .map(|deployment| {
            let mut pod = deployment["spec"]["template"].clone();
            pod["metadata"]["name"] = deployment["metadata"]["name"].clone();
            pod["metadata"]["namespace"] = namespace.into();
            pod["status"] = json!({"phase": "Running", "conditions": ready});
            pod
        })
        .collect();
    pods.push(json!({"metadata": {"name": "operator", "namespace": "kube-amd-gpu"},
                     "status": {"phase": "Running", "conditions": ready}}));
    let node =
        json!({"metadata": {"name": "node-1"}, "status": {"allocatable": {"amd.com/gpu": "8"}}});
    let labelled = |name: &str, label: &str, value: &str| json!({"metadata": {"name": name, "labels": {label: value}}});
    let named = |name: &str| labelled(name, "kubernetes.io/metadata.name", name);
    let namespaces = vec![
        named(namespace),
        named("kube-system"),
        named("observability"),
        labelled("gateways", "ropeway.io/gateway", "true"),
    ];
    let device_config = json!({"metadata": {"name": "ropeway"}});
    let lists = [
        ("nodes", vec![node]),
        ("namespaces", namespaces),
        ("ipaddresspools.metallb.io", list("IPAddressPool")),
        ("l2advertisements.metallb.io", list("L2Advertisement")),
        ("endpointslices", slices.collect()),
        ("pods", pods),
        ("configmaps", list("ConfigMap")),
        ("persistentvolumeclaims", claims),
        ("services", services),
        ("networkpolicies", list("NetworkPolicy")),
        ("resourcequotas", list("ResourceQuota")),
        ("deviceconfigs.amd.com", vec![device_config]),
    ];
    for (resource, items) in lists {
        let text = json!({ "items": items }).to_string();
        fs::write(folder.join(resource), text).expect("the folder is writable");
    }
    let program = folder.join("kubectl");
    let script =
        format!("#!/bin/sh\ncat '{}'/\"$2\" 2>/dev/null || echo '{{}}'\n", folder.display());
    fs::write(&program, script).expect("the folder is writable");
    fs::set_permissions(&program, fs::Permissions::from_mode(0o755)).expect("allowed");
    program.display().to_string()
}

/// Exit code and findings of the doctor for a target's server.
fn examined(objects: &[Value], namespace: &str) -> (Option<i32>, Vec<Value>) {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let program = kubectl(folder.path(), objects, namespace);
    let output = Command::new(env!("CARGO_BIN_EXE_ropeway"))
        .args(["doctor", "--cluster", "--json", "--namespace", namespace, "--kubectl", &program])
        .output()
        .expect("the binary starts");
    let answer: Value = serde_json::from_slice(&output.stdout).expect("JSON");
    (output.status.code(), answer["findings"].as_array().expect("a list").clone())
}

fn finding<'a>(findings: &'a [Value], check: &str) -> &'a str {
    let found = findings.iter().find(|finding| finding["check"] == check);
    found.unwrap_or_else(|| panic!("no {check}: {findings:?}"))["symptom"].as_str().expect("text")
}

#[test]
fn the_doctor_understands_these_manifests() {
    for (target, namespace, model, api) in [
        ("overlays/single-node", "ropeway", "/models/Qwen2.5-1.5B-Instruct", "no policy"),
        ("overlays/production", "ropeway", "/models/hub", "port 8000 is open to pods here (all)"),
        ("overlays/multi-tenant", "team-b", "/models/hub", "ropeway.io/gateway=true"),
        ("examples/kv-routing", "ropeway", "/models/", "namespaces (ropeway.io/gateway=true)"),
    ] {
        let objects = render::objects(target);
        let (code, findings) = examined(&objects, namespace);
        let bad: Vec<_> = findings.iter().filter(|finding| finding["status"] != "good").collect();
        assert!(code == Some(0) && bad.is_empty(), "deploy/{target}: {bad:?}");
        let path = finding(&findings, "model path");
        assert!(path.starts_with(model) && path.contains("on the volume at /models"), "{path}");
        let policy = finding(&findings, "network policy");
        assert!(policy.contains(api), "deploy/{target}: {policy}");
        assert!(finding(&findings, "probes").contains("1800 s"), "deploy/{target}");
    }
}

#[test]
fn the_doctor_finds_what_is_broken_in_these_manifests() {
    let mut objects = render::objects("examples/kv-routing");
    objects.retain(|object| {
        let name = &object["metadata"]["name"];
        name != "ropeway-behind-gateway" && name != "ropeway-metrics"
    });
    let (code, findings) = examined(&objects, "ropeway");
    assert_eq!(code, Some(12), "{findings:?}");
    assert_eq!(finding(&findings, "network policy"), "NetworkPolicies let nobody reach the pods");

    let mut objects = render::objects("overlays/single-node");
    for map in objects.iter_mut().filter(|object| object["data"]["ropeway.toml"].is_string()) {
        let text = map["data"]["ropeway.toml"].as_str().expect("text");
        map["data"]["ropeway.toml"] = text.replace("/models/", "/model/").into();
    }
    let (code, findings) = examined(&objects, "ropeway");
    assert_eq!(code, Some(13), "{findings:?}");
    assert!(finding(&findings, "model path").contains("/model/Qwen2.5"), "{findings:?}");
}
