//! Rules and dashboards without a server: `promtool` checks them and unit-tests every alert, each alert
//! has a runbook, each dashboard is well-formed.

use std::collections::HashSet;
use std::fs;
use std::path::Path;
use std::process::Command;

use serde_json::{Value, json};

use crate::{render, tools};

/// The `groups` of the rendered PrometheusRule.
pub(crate) fn rule_groups() -> Vec<Value> {
    let objects = render::objects("overlays/production");
    let rules = render::find(&objects, "PrometheusRule", "ropeway");
    rules["spec"]["groups"].as_array().expect("rules have groups").clone()
}

/// The rules of all groups that have the field `kind`: `alert` or `record`.
pub(crate) fn rules(kind: &str) -> Vec<Value> {
    let groups = rule_groups();
    let rules = groups.iter().flat_map(|group| group["rules"].as_array().expect("rules"));
    rules.filter(|rule| !rule[kind].is_null()).cloned().collect()
}

/// The dashboards of the rendered ConfigMap.
pub(crate) fn dashboards() -> Vec<Value> {
    let objects = render::objects("overlays/production");
    let map = render::find(&objects, "ConfigMap", "ropeway-dashboards");
    let files = map["data"].as_object().expect("files").values();
    files.map(|text| serde_json::from_str(text.as_str().expect("text")).expect("JSON")).collect()
}

/// Writes the rules as Prometheus reads them; JSON is YAML.
pub(crate) fn write_rules(path: &Path, groups: &[Value]) {
    fs::write(path, json!({ "groups": groups }).to_string()).expect("the folder is writable");
}

fn promtool(args: &[&str], file: &Path) -> (bool, String) {
    let output = Command::new("promtool").args(args).arg(file).output();
    let output = output.expect("promtool is missing; run scripts/test.sh, which installs it");
    let text = [output.stdout, output.stderr].concat();
    (output.status.success(), String::from_utf8_lossy(&text).into_owned())
}

/// Runs the unit tests of alerts on `groups`.
fn test_alerts(groups: &[Value]) -> (bool, String) {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let (rules, tests) = (folder.path().join("rules.yaml"), folder.path().join("tests.yaml"));
    write_rules(&rules, groups);
    let source = tools::root().join("tests/deploy/prometheus/alerts.yaml");
    let source = fs::read_to_string(source).expect("the tests are there");
    fs::write(&tests, source.replace("RULES", rules.to_str().expect("UTF-8"))).expect("writable");
    promtool(&["test", "rules"], &tests)
}

#[test]
fn promtool_accepts_the_rules() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let path = folder.path().join("rules.yaml");
    write_rules(&path, &rule_groups());
    let (good, text) = promtool(&["check", "rules"], &path);
    assert!(good, "{text}");
}

#[test]
fn every_alert_fires_on_its_fault_and_only_then() {
    let (good, text) = test_alerts(&rule_groups());
    assert!(good, "{text}");
    let tests = tools::root().join("tests/deploy/prometheus/alerts.yaml");
    let tests = fs::read_to_string(tests).expect("the tests are there");
    for alert in rules("alert") {
        let name = alert["alert"].as_str().expect("a name");
        assert!(tests.contains(&format!("- name: {name}\n")), "{name} has no unit test");
    }
}

/// An alert that can no longer fire fails its unit test.
#[test]
fn the_unit_tests_of_alerts_bite() {
    let mut groups = rule_groups();
    for group in &mut groups {
        for rule in group["rules"].as_array_mut().expect("rules") {
            if !rule["alert"].is_null() {
                let expr = rule["expr"].as_str().expect("PromQL");
                rule["expr"] = format!("({expr}) and on () vector(1) > 1").into();
            }
        }
    }
    let (good, text) = test_alerts(&groups);
    assert!(!good);
    for alert in rules("alert") {
        let name = alert["alert"].as_str().expect("a name");
        let failed = text.contains(&format!("name: {name},\n"));
        assert!(failed, "the test of {name} passes although it cannot fire");
    }
}

/// An alert that fires for nothing fails the case in which nothing is wrong.
#[test]
fn the_silent_case_of_alerts_bites() {
    let mut groups = rule_groups();
    for group in &mut groups {
        for rule in group["rules"].as_array_mut().expect("rules") {
            if !rule["alert"].is_null() {
                rule["expr"] = "vector(1)".into();
            }
        }
    }
    let (good, text) = test_alerts(&groups);
    assert!(!good);
    for alert in rules("alert") {
        let name = alert["alert"].as_str().expect("a name");
        let failed = text.contains(&format!("name: nothing is wrong,\n    alertname: {name}, "));
        assert!(failed, "no case in which {name} is silent");
    }
}

#[test]
fn every_alert_has_a_severity_a_layer_and_a_runbook() {
    let runbooks =
        fs::read_to_string(tools::deploy("RUNBOOKS.md")).expect("the runbooks are there");
    let sections: HashSet<String> = runbooks
        .lines()
        .filter_map(|line| line.strip_prefix("### "))
        .map(str::to_lowercase)
        .collect();
    for alert in rules("alert") {
        let name = alert["alert"].as_str().expect("a name");
        let severity = alert["labels"]["severity"].as_str().unwrap_or_default();
        assert!(
            ["critical", "warning", "info"].contains(&severity),
            "{name}: severity {severity:?}"
        );
        let layer = alert["labels"]["layer"].as_str().unwrap_or_default();
        assert!(
            ["gpu", "network", "storage", "runtime"].contains(&layer),
            "{name}: layer {layer:?}"
        );
        let url = alert["annotations"]["runbook_url"].as_str().unwrap_or_default();
        let (_, anchor) = url.split_once("deploy/RUNBOOKS.md#").expect("a link to the runbooks");
        assert_eq!(anchor, name.to_lowercase());
        assert!(sections.contains(anchor), "RUNBOOKS.md has no section {name}");
    }
}

#[test]
fn dashboards_are_well_formed() {
    let mut ids = HashSet::new();
    for dashboard in dashboards() {
        let title = dashboard["title"].as_str().expect("a title");
        assert!(ids.insert(dashboard["uid"].to_string()), "{title}: its uid is another's");
        let mut panels = HashSet::new();
        let mut cells = HashSet::new();
        for panel in dashboard["panels"].as_array().expect("panels") {
            let name = panel["title"].as_str().expect("a title");
            assert!(panels.insert(panel["id"].as_u64().expect("a number")), "{title}, {name}: id");
            let place = |field: &str| panel["gridPos"][field].as_u64().expect("a number");
            assert!(place("x") + place("w") <= 24, "{title}, {name} is beyond the right edge");
            for x in place("x")..place("x") + place("w") {
                for y in place("y")..place("y") + place("h") {
                    assert!(cells.insert((x, y)), "{title}, {name} covers another panel");
                }
            }
            assert!(!panel["targets"].as_array().expect("queries").is_empty(), "{title}, {name}");
        }
    }
    assert_eq!(ids.len(), 3);
}
