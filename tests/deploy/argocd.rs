//! What Argo CD is told fits together: project, waves, and the versions that the scripts install.

use std::fs;

use serde_json::Value;

use crate::{render, tools};

/// What is applied by hand, and what the root application makes of its folder.
fn objects() -> Vec<Value> {
    let by_hand = render::objects("examples/argocd");
    let folder = &render::find(&by_hand, "Application", "ropeway-root")["spec"]["source"]["path"];
    let folder = folder.as_str().and_then(|path| path.strip_prefix("deploy/")).expect("of here");
    assert_eq!(applications(&by_hand).count(), 1, "all others would not wait for their wave");
    let made = render::objects(folder);
    [by_hand, made].concat()
}

fn applications(objects: &[Value]) -> impl Iterator<Item = &Value> {
    objects.iter().filter(|object| object["kind"] == "Application")
}

fn wave(application: &Value) -> i32 {
    let wave = &application["metadata"]["annotations"]["argocd.argoproj.io/sync-wave"];
    wave.as_str().unwrap_or("0").parse().expect("a number")
}

/// Since 1.8 an Application has no health of its own, and a wave waits for nothing else.
#[test]
fn waves_wait_for_each_other() {
    let objects = objects();
    let settings = render::find(&objects, "ConfigMap", "argocd-cm");
    assert_eq!(settings["metadata"]["namespace"], "argocd");
    let health = &settings["data"]["resource.customizations.health.argoproj.io_Application"];
    let health = health.as_str().expect("the health of an Application is told");
    assert!(health.contains("obj.status.health") && health.contains("Progressing"), "{health}");
    let of = |name: &str| wave(render::find(&objects, "Application", name));
    assert!(of("cert-manager") < of("amd-gpu-operator"));
    let operators = ["amd-gpu-operator", "metallb", "prometheus", "keda"];
    assert!(operators.iter().all(|operator| of(operator) < of("ropeway")));
}

#[test]
fn the_project_allows_its_applications() {
    let objects = objects();
    let project = render::find(&objects, "AppProject", "ropeway");
    for application in applications(&objects) {
        let spec = &application["spec"];
        let repositories = project["spec"]["sourceRepos"].as_array().expect("a list");
        assert!(repositories.contains(&spec["source"]["repoURL"]), "{application}");
        let destinations = project["spec"]["destinations"].as_array().expect("a list");
        assert!(destinations.contains(&spec["destination"]), "{application}");
    }
}

#[test]
fn versions_are_those_of_the_scripts() {
    let objects = objects();
    let pinned = fs::read_to_string(tools::deploy("scripts/lib.sh")).expect("it is there");
    for (name, constant) in [
        ("cert-manager", "CERT_MANAGER_VERSION"),
        ("amd-gpu-operator", "GPU_OPERATOR_VERSION"),
        ("metallb", "METALLB_VERSION"),
    ] {
        let version = &render::find(&objects, "Application", name)["spec"]["source"];
        let version = version["targetRevision"].as_str().expect("a version");
        let line = format!("readonly {constant}=\"v{}\"", version.trim_start_matches('v'));
        assert!(pinned.contains(&line), "{name} is {version}, lib.sh says otherwise");
    }
}
