//! Rendered objects against schemas: unknown fields, wrong types, missing fields, bad values.
//!
//! Built-in kinds: the strict schemas that the API server's own OpenAPI document gives. Custom kinds:
//! the structural schemas of their definitions, made strict the way the API server prunes. The rules
//! in CEL that some definitions carry are not evaluated here.

use std::collections::HashMap;
use std::error::Error;
use std::fs;
use std::sync::Arc;

use jsonschema::{Retrieve, Uri, Validator};
use serde_json::{Value, json};

use crate::{render, tools};

struct Definitions(Arc<Value>);

impl Retrieve for Definitions {
    fn retrieve(&self, uri: &Uri<String>) -> Result<Value, Box<dyn Error + Send + Sync>> {
        if uri.path().as_str().ends_with("/_definitions.json") {
            return Ok((*self.0).clone());
        }
        Err(format!("no schema {uri}").into())
    }
}

/// The validators of one release, made when first needed.
struct BuiltIn {
    release: &'static str,
    folder: std::path::PathBuf,
    definitions: Arc<Value>,
    made: HashMap<String, Validator>,
}

impl BuiltIn {
    fn new(release: &'static str) -> Self {
        let folder = tools::kubernetes_schemas().join(format!("v{release}.0-local-strict"));
        let text = fs::read_to_string(folder.join("_definitions.json"))
            .unwrap_or_else(|error| panic!("schemas of Kubernetes {release}: {error}"));
        let definitions = Arc::new(serde_json::from_str(&text).expect("JSON"));
        Self { release, folder, definitions, made: HashMap::new() }
    }

    /// What is wrong with `object`; `None` if the release has no such kind.
    fn findings(&mut self, object: &Value) -> Option<Vec<String>> {
        let (group, version) = group_version(object);
        let group = group.split('.').next().unwrap_or_default();
        let kind = object["kind"].as_str().unwrap_or_default().to_lowercase();
        let file = [kind.as_str(), group, version].into_iter().filter(|part| !part.is_empty());
        let file = format!("{}.json", file.collect::<Vec<_>>().join("-"));
        if !self.made.contains_key(&file) {
            let text = fs::read_to_string(self.folder.join(&file)).ok()?;
            let schema: Value = serde_json::from_str(&text).expect("JSON");
            let validator = jsonschema::options()
                .with_retriever(Definitions(self.definitions.clone()))
                .build(&schema)
                .unwrap_or_else(|error| panic!("{file}: {error}"));
            self.made.insert(file.clone(), validator);
        }
        let where_ = format!("Kubernetes {}", self.release);
        Some(errors(&self.made[&file], object, &where_))
    }
}

fn errors(validator: &Validator, object: &Value, schema: &str) -> Vec<String> {
    let title = render::title(object);
    validator
        .iter_errors(object)
        .map(|error| format!("{title}: {}: {error} [{schema}]", error.instance_path()))
        .collect()
}

fn group_version(object: &Value) -> (&str, &str) {
    let api_version = object["apiVersion"].as_str().unwrap_or_default();
    api_version.split_once('/').unwrap_or(("", api_version))
}

/// Groups of the API server itself; all others are custom.
fn is_built_in(object: &Value) -> bool {
    let (group, _) = group_version(object);
    !group.contains('.') || group.ends_with(".k8s.io") && !is_extension(group)
}

fn is_extension(group: &str) -> bool {
    ["gateway.networking", "inference.networking", "leaderworkerset", "nfd"]
        .iter()
        .any(|prefix| group.starts_with(prefix))
}

/// Custom kinds by (group, kind, version), strict.
fn custom(folder: &std::path::Path) -> HashMap<(String, String, String), Validator> {
    let mut validators = HashMap::new();
    for entry in fs::read_dir(folder).expect("the folder is readable") {
        let path = entry.expect("the folder is readable").path();
        if path.extension().is_none_or(|extension| extension != "yaml") {
            continue;
        }
        for definition in render::parse(&fs::read_to_string(&path).expect("readable")) {
            let spec = &definition["spec"];
            for version in spec["versions"].as_array().into_iter().flatten() {
                let mut schema = version["schema"]["openAPIV3Schema"].clone();
                make_strict(&mut schema);
                let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
                let key =
                    (text(&spec["group"]), text(&spec["names"]["kind"]), text(&version["name"]));
                let validator = jsonschema::validator_for(&schema)
                    .unwrap_or_else(|error| panic!("{}: {error}", path.display()));
                validators.insert(key, validator);
            }
        }
    }
    validators
}

/// Objects refuse fields that their schema does not name, unless it says otherwise.
fn make_strict(schema: &mut Value) {
    match schema {
        Value::Object(map) => {
            let open = map.contains_key("additionalProperties")
                || map.get("x-kubernetes-preserve-unknown-fields") == Some(&json!(true));
            if map.get("properties").is_some_and(Value::is_object) && !open {
                map.insert("additionalProperties".to_owned(), json!(false));
            }
            // Go's regular expressions have octal escapes, which this crate's do not.
            if let Some(Value::String(pattern)) = map.get_mut("pattern") {
                *pattern = pattern.replace(r"\0", r"\x00");
            }
            for (key, value) in map.iter_mut() {
                // `anyOf` and the like repeat parts of the schema only; `properties` is a map of schemas.
                if !matches!(key.as_str(), "anyOf" | "allOf" | "oneOf" | "not" | "default" | "enum")
                {
                    make_strict(value);
                }
            }
        }
        Value::Array(items) => items.iter_mut().for_each(make_strict),
        _ => {}
    }
}

#[test]
fn built_in_kinds_pass_the_schemas_of_three_releases() {
    for release in tools::KUBERNETES_RELEASES {
        let mut schemas = BuiltIn::new(release);
        for target in render::targets() {
            for object in render::objects(&target).iter().filter(|object| is_built_in(object)) {
                let mut findings = schemas
                    .findings(object)
                    .unwrap_or_else(|| panic!("{release} has no {}", render::title(object)));
                // An image volume is a field of 1.31 on; components/storage-image says what it needs.
                if release == "1.30"
                    && ["examples/gateway", "examples/image-volume", "examples/kv-routing"]
                        .contains(&&*target)
                {
                    findings.retain(|finding| !finding.contains("'image' was unexpected"));
                }
                assert_eq!(findings, Vec::<String>::new(), "deploy/{target}");
            }
        }
    }
}

#[test]
fn custom_kinds_pass_their_definitions() {
    let Some(folder) = tools::custom_resource_definitions() else {
        tools::did_not_run("custom kinds against their definitions");
        return;
    };
    let schemas = custom(&folder);
    let mut num_checked = 0;
    for target in render::targets() {
        for object in render::objects(&target).iter().filter(|object| !is_built_in(object)) {
            let (group, version) = group_version(object);
            let kind = object["kind"].as_str().unwrap_or_default();
            let key = (group.to_owned(), kind.to_owned(), version.to_owned());
            let schema = schemas.get(&key).unwrap_or_else(|| panic!("{key:?} is not defined"));
            assert_eq!(errors(schema, object, "CRD"), Vec::<String>::new(), "deploy/{target}");
            num_checked += 1;
        }
    }
    assert!(num_checked >= 30, "only {num_checked} objects of custom kinds were checked");
}

/// The schemas bite: each change of a good object is found.
#[test]
fn schemas_find_what_is_wrong() {
    let objects = render::objects("overlays/production");
    let mut built_in = BuiltIn::new("1.32");
    let changes: [(&str, &str, Value); 4] = [
        ("Deployment", "/spec/template/spec/containers/0/livenessProbe/httpGet/prot", json!(1)),
        ("Deployment", "/spec/strategy/rollingUpdate/maxSurge", json!([])),
        ("Service", "/spec/ports/0/port", json!("http")),
        ("NetworkPolicy", "/spec/podSelectors", json!({})),
    ];
    for (kind, pointer, value) in changes {
        let mut object =
            objects.iter().find(|object| object["kind"] == kind).expect("there").clone();
        assert_eq!(built_in.findings(&object), Some(vec![]), "{kind}");
        crate::lint_bites::set(&mut object, pointer, Some(value));
        let findings = built_in.findings(&object).expect("a known kind");
        assert!(!findings.is_empty(), "{kind} {pointer} passed");
    }
    let Some(folder) = tools::custom_resource_definitions() else {
        tools::did_not_run("changes of custom kinds");
        return;
    };
    let schemas = custom(&folder);
    let changes: [(&str, &str, &str, &str, Value); 4] = [
        ("keda.sh", "ScaledObject", "v1alpha1", "/spec/minReplicas", json!(1)),
        ("amd.com", "DeviceConfig", "v1alpha1", "/spec/driver/enable", json!("no")),
        ("metallb.io", "IPAddressPool", "v1beta1", "/spec/addresses", json!("10.0.0.0/24")),
        (
            "monitoring.coreos.com",
            "PodMonitor",
            "v1",
            "/spec/podMetricsEndpoints/0/intervall",
            json!("1s"),
        ),
    ];
    for (group, kind, version, pointer, value) in changes {
        let mut object =
            objects.iter().find(|object| object["kind"] == kind).expect("there").clone();
        let schema = &schemas[&(group.to_owned(), kind.to_owned(), version.to_owned())];
        crate::lint_bites::set(&mut object, pointer, Some(value));
        assert!(!errors(schema, &object, "CRD").is_empty(), "{kind} {pointer} passed");
    }
}
