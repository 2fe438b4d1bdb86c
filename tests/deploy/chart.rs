//! The Helm chart: what it renders is the kustomize base, and what its values open.

use serde_json::{Value, json};

use crate::{lint, render, tools};

/// What `helm template` prints for these values, or its complaint.
fn template(values: &Value) -> Result<Vec<Value>, String> {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let file = folder.path().join("values.json");
    std::fs::write(&file, values.to_string()).expect("the folder is writable");
    let output = tools::helm()
        .args(["template", "ropeway", "--namespace", "ropeway", "--values"])
        .arg(&file)
        .arg(tools::deploy("chart"))
        .output()
        .expect("helm is missing; run scripts/test.sh, which installs it");
    if !output.status.success() {
        return Err(String::from_utf8_lossy(&output.stderr).into_owned());
    }
    Ok(render::parse(std::str::from_utf8(&output.stdout).expect("YAML is UTF-8")))
}

fn rendered(values: &Value) -> Vec<Value> {
    template(values).expect("the chart renders")
}

/// Takes away what differs by design: the release's label, the mark of the configuration, the hash in
/// the name of the base's ConfigMap.
fn comparable(object: &Value) -> Value {
    match object {
        Value::Object(fields) => fields
            .iter()
            .filter(|(key, _)| *key != "app.kubernetes.io/instance" && *key != "checksum/config")
            .map(|(key, value)| (key.clone(), comparable(value)))
            .filter(|(key, value)| key != "annotations" || *value != json!({}))
            .collect::<serde_json::Map<_, _>>()
            .into(),
        Value::Array(items) => items.iter().map(comparable).collect(),
        Value::String(text) if text.starts_with("ropeway-config") => json!("ropeway-config"),
        other => other.clone(),
    }
}

#[test]
fn the_chart_with_its_defaults_is_the_base() {
    let mut chart: Vec<Value> = rendered(&json!({})).iter().map(comparable).collect();
    let mut base: Vec<Value> = render::objects("base").iter().map(comparable).collect();
    base.retain(|object| object["kind"] != "Namespace");
    for objects in [&mut chart, &mut base] {
        objects.sort_by_key(render::title);
    }
    assert_eq!(chart, base, "deploy/base has changed: run `cargo xtask chart`");
}

#[test]
fn each_value_reaches_its_place() {
    let objects = rendered(&json!({
        "image": "registry.example.com/other:1", "imagePullPolicy": "Always",
        "imagePullSecrets": [{"name": "pull"}], "replicas": 3, "config": "port = 8000\n",
        "modelClaim": "my-models", "resources": {"limits": {"amd.com/gpu": "8"}},
        "supplementalGroups": [7], "terminationGracePeriodSeconds": 999,
        "env": [{"name": "A", "value": "b"}], "volumes": [{"name": "more", "emptyDir": {}}],
        "volumeMounts": [{"name": "more", "mountPath": "/more"}], "nodeSelector": {"gpu": "yes"},
        "tolerations": [{"key": "amd.com/gpu", "operator": "Exists"}],
        "affinity": {"nodeAffinity": {}}, "serviceType": "ClusterIP",
        "serviceAnnotations": {"note": "text"},
    }));
    let deployment = render::find(&objects, "Deployment", "ropeway");
    let service = render::find(&objects, "Service", "ropeway");
    let config = render::find(&objects, "ConfigMap", "ropeway-config");
    let pod = &deployment["spec"]["template"]["spec"];
    let container = &pod["containers"][0];
    assert_eq!(deployment["spec"]["replicas"], 3);
    assert_eq!(container["image"], "registry.example.com/other:1");
    assert_eq!(container["imagePullPolicy"], "Always");
    assert_eq!(container["resources"]["limits"]["amd.com/gpu"], "8");
    assert_eq!(container["resources"]["requests"]["memory"], "16Gi", "what is not named stays");
    assert_eq!(container["env"], json!([{"name": "A", "value": "b"}]));
    let model = json!({"name": "models", "mountPath": "/models", "readOnly": true});
    let more = json!({"name": "more", "mountPath": "/more"});
    for mount in [model, more] {
        let mounts = container["volumeMounts"].as_array().expect("a list");
        assert!(mounts.contains(&mount), "{mounts:?} lacks {mount}");
    }
    let claim = json!({"name": "models", "persistentVolumeClaim": {"claimName": "my-models", "readOnly": true}});
    for volume in [claim, json!({"name": "more", "emptyDir": {}})] {
        let volumes = pod["volumes"].as_array().expect("a list");
        assert!(volumes.contains(&volume), "{volumes:?} lacks {volume}");
    }
    assert_eq!(pod["imagePullSecrets"], json!([{"name": "pull"}]));
    assert_eq!(pod["securityContext"]["supplementalGroups"], json!([7]));
    assert_eq!(pod["terminationGracePeriodSeconds"], 999);
    assert_eq!(pod["nodeSelector"], json!({"gpu": "yes"}));
    assert_eq!(pod["tolerations"], json!([{"key": "amd.com/gpu", "operator": "Exists"}]));
    assert_eq!(pod["affinity"], json!({"nodeAffinity": {}}));
    assert_eq!(service["spec"]["type"], "ClusterIP");
    assert_eq!(service["metadata"]["annotations"], json!({"note": "text"}));
    assert_eq!(config["data"]["ropeway.toml"], "port = 8000\n");
}

/// A changed configuration rolls the pods, as the hash in the name does in the base.
#[test]
fn a_changed_configuration_is_a_changed_pod() {
    let mark = |config: &str| {
        let objects = rendered(&json!({"config": config}));
        let pod = &render::find(&objects, "Deployment", "ropeway")["spec"]["template"];
        pod["metadata"]["annotations"]["checksum/config"].clone()
    };
    assert!(mark("port = 1\n").is_string());
    assert_eq!(mark("port = 1\n"), mark("port = 1\n"));
    assert_ne!(mark("port = 1\n"), mark("port = 2\n"));
}

#[test]
fn values_that_mean_nothing_are_refused() {
    for (values, named) in [
        (json!({"modelclaim": "x"}), "modelclaim"),
        (json!({"image": "ropeway"}), "image"),
        (json!({"image": "ropeway:latest"}), "image"),
        (json!({"replicas": 0}), "replicas"),
        (json!({"serviceType": "Balancer"}), "serviceType"),
        (json!({"config": ""}), "config"),
    ] {
        let complaint = template(&values).expect_err("the values are wrong");
        assert!(complaint.contains(named), "{values}: {complaint}");
    }
}

#[test]
fn the_chart_is_clean() {
    let output = tools::helm().args(["lint", "--strict"]).arg(tools::deploy("chart")).output();
    let output = output.expect("helm is missing; run scripts/test.sh, which installs it");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stdout));
    // With the values that one would set first, the rules of `lint` still hold.
    let objects = rendered(&json!({"modelClaim": "my-models"}));
    assert_eq!(lint::lint(&objects), Vec::<String>::new());
}
