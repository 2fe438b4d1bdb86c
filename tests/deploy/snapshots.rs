//! Every target renders, and renders what was reviewed.

use crate::render;

/// The six overlays that the documentation promises.
const OVERLAYS: [&str; 6] = [
    "overlays/cpu-dev",
    "overlays/mi300x",
    "overlays/mi300x-tp8",
    "overlays/multi-tenant",
    "overlays/production",
    "overlays/single-node",
];

#[test]
fn the_promised_overlays_exist() {
    let targets = render::targets();
    let overlays: Vec<&String> = targets.iter().filter(|t| t.starts_with("overlays/")).collect();
    assert_eq!(overlays, OVERLAYS);
}

#[test]
fn rendered_manifests_are_as_reviewed() {
    let mut settings = insta::Settings::clone_current();
    settings.set_prepend_module_to_snapshot(false);
    settings.set_omit_expression(true);
    settings.bind(|| {
        for target in render::targets() {
            let name = target.replace('/', "__");
            insta::assert_snapshot!(name, without_dashboards(&render::yaml(&target)));
        }
    });
}

/// Dashboards are data of thousands of lines; `monitoring` and `live` test them for what they mean.
fn without_dashboards(yaml: &str) -> String {
    let mut kept = Vec::new();
    let mut is_dashboard = false;
    for line in yaml.lines() {
        is_dashboard = is_dashboard && (line.is_empty() || line.starts_with("    "));
        if !is_dashboard {
            kept.push(line);
            is_dashboard = line.starts_with("  ropeway-") && line.ends_with(".json: |");
        }
    }
    kept.join("\n")
}

/// A component that nothing renders is tested by nothing.
#[test]
fn every_component_is_rendered_by_a_target() {
    let folder = crate::tools::deploy("");
    let mut texts = String::new();
    let mut pending =
        vec![folder.join("overlays"), folder.join("examples"), folder.join("components")];
    while let Some(path) = pending.pop() {
        for entry in std::fs::read_dir(&path).expect("the folder exists") {
            let path = entry.expect("the folder is readable").path();
            if path.is_dir() {
                pending.push(path);
            } else if path.ends_with("kustomization.yaml") {
                texts.push_str(&std::fs::read_to_string(path).expect("readable"));
            }
        }
    }
    for entry in std::fs::read_dir(folder.join("components")).expect("the folder exists") {
        let name = entry.expect("the folder is readable").file_name();
        let name = name.to_str().expect("UTF-8 names").to_owned();
        let used = texts.lines().any(|line| {
            let line = line.trim();
            line.starts_with("- ") && line.ends_with(&format!("/{name}"))
        });
        assert!(used, "deploy/components/{name} is used by no overlay and no example");
    }
}
