//! The rules that no schema knows: what the API server accepts although it cannot work.

use serde_json::{Map, Value};

use crate::pods::{self, Template};
use crate::policies;
use crate::render::{self, title};

/// Everything that is wrong with a set of rendered objects.
pub(crate) fn lint(objects: &[Value]) -> Vec<String> {
    let templates = Template::all(objects);
    let mut findings: Vec<String> = templates.iter().flat_map(pods::check).collect();
    findings.extend(templates.iter().flat_map(|template| policies::reach(objects, template)));
    for object in objects {
        let mut say = |text: String| findings.push(format!("{}: {text}", title(object)));
        match object["kind"].as_str().unwrap_or_default() {
            "Deployment" => deployment(objects, object, &mut say),
            "LeaderWorkerSet" => configured(objects, object, &mut say),
            "Service" => service(object, &templates, &mut say),
            "PodDisruptionBudget" => disruption_budget(object, &templates, &mut say),
            "PodMonitor" => monitor(object, &templates, &mut say),
            "NetworkPolicy" => policies::policy(objects, object, &templates, &mut say),
            "InferencePool" => pool(object, &templates, &mut say),
            "HorizontalPodAutoscaler" | "ScaledObject" => scaler(objects, object, &mut say),
            "ResourceQuota" => quota(object, &mut say),
            "Namespace" => namespace(object, &mut say),
            "Secret" => say("secrets do not belong into manifests".to_owned()),
            "PersistentVolume" => volume(object, &mut say),
            "DeviceConfig" => device_config(object, &mut say),
            "Application" => application(object, &mut say),
            _ => {}
        }
    }
    findings
}

/// True if every label of `selector` is among `labels`.
pub(crate) fn matches(selector: &Value, labels: &Value) -> bool {
    let empty = Map::new();
    let wanted = selector.as_object().unwrap_or(&empty);
    !wanted.is_empty() && wanted.iter().all(|(key, value)| labels[key] == *value)
}

/// The template in the object's namespace that the selector takes.
pub(crate) fn selected<'a>(
    object: &Value,
    selector: &Value,
    templates: &'a [Template<'a>],
) -> Option<&'a Template<'a>> {
    let namespace = &object["metadata"]["namespace"];
    templates.iter().find(|template| {
        template.owner["metadata"]["namespace"] == *namespace
            && matches(selector, template.labels())
    })
}

pub(crate) fn selects(
    object: &Value,
    selector: &Value,
    templates: &[Template<'_>],
    say: &mut impl FnMut(String),
) {
    if selected(object, selector, templates).is_none() {
        say(format!("selector {selector} matches no pod"));
    }
}

fn deployment(objects: &[Value], object: &Value, say: &mut impl FnMut(String)) {
    let spec = &object["spec"];
    if !matches(&spec["selector"]["matchLabels"], &spec["template"]["metadata"]["labels"]) {
        say("selector does not match the template's labels".to_owned());
    }
    if object["metadata"]["name"] != "ropeway" {
        return;
    }
    if !spec["replicas"].is_null() {
        say("replicas is set, which fights an autoscaler".to_owned());
    }
    if spec["strategy"]["rollingUpdate"]["maxSurge"] != 0 {
        say("maxSurge must be 0: with all GPUs taken the surge pod waits for ever".to_owned());
    }
    let pod = &spec["template"]["spec"];
    if pod["automountServiceAccountToken"] != false {
        say("the server needs no token".to_owned());
    }
    let has_gpu = !pod["containers"][0]["resources"]["limits"]["amd.com/gpu"].is_null();
    if has_gpu && pod["securityContext"]["supplementalGroups"].as_array().is_none_or(Vec::is_empty)
    {
        say("supplementalGroups is missing: the GPU's device nodes belong to a group".to_owned());
    }
    configured(objects, object, say);
}

/// The rules for a server's pod together with its configuration.
fn configured(objects: &[Value], object: &Value, say: &mut impl FnMut(String)) {
    let template = Template::all(std::slice::from_ref(object)).pop().map(|template| template.pod);
    let pod = &template.expect("a workload has a template")["spec"];
    let config = pod["volumes"].as_array().into_iter().flatten();
    let name = config.filter_map(|volume| volume["configMap"]["name"].as_str()).next();
    let config = objects.iter().find(|other| {
        other["kind"] == "ConfigMap"
            && other["metadata"]["name"].as_str() == name
            && other["metadata"]["namespace"] == object["metadata"]["namespace"]
    });
    let Some(config) = config else {
        say("the ConfigMap with the server's configuration is not rendered".to_owned());
        return;
    };
    let text = config["data"]["ropeway.toml"].as_str().expect("the configuration is in it");
    let config: toml::Table = text.parse().expect("the configuration is TOML");
    let asks_for_gpu = !pod["containers"][0]["resources"]["limits"]["amd.com/gpu"].is_null();
    if asks_for_gpu && config.get("device").and_then(toml::Value::as_str) != Some("hip") {
        say("device must be hip: with a GPU that cannot be used the server would serve on the CPU"
            .to_owned());
    }
    drain_time(pod, &config, say);
}

/// terminationGracePeriodSeconds must hold the server's grace, its drain limit and any preStop sleep.
fn drain_time(pod: &Value, config: &toml::Table, say: &mut impl FnMut(String)) {
    let seconds = |key: &str| {
        let text = config.get(key)?.as_str()?.strip_suffix('s')?;
        Some(text.parse::<u64>().expect("seconds"))
    };
    let drain = seconds("shutdown-timeout").expect("the drain limit is set");
    let Some(takes) = seconds("shutdown-grace").filter(|seconds| *seconds >= 5) else {
        say("shutdown-grace must be 5 s or more: endpoints are removed after SIGTERM".to_owned());
        return;
    };
    let hook = &pod["containers"][0]["lifecycle"]["preStop"];
    let sleep = hook["sleep"]["seconds"].as_u64().unwrap_or(0);
    if !hook.is_null() && sleep == 0 {
        say("a preStop hook can only sleep natively: the image has no shell".to_owned());
    }
    let grace = pod["terminationGracePeriodSeconds"].as_u64().unwrap_or(30);
    if grace < sleep + takes + drain + 10 {
        say(format!(
            "grace period {grace} s is below {sleep} s of preStop, {takes} s of shutdown-grace, \
             {drain} s of drain and 10 s"
        ));
    }
}

fn service(object: &Value, templates: &[Template<'_>], say: &mut impl FnMut(String)) {
    let Some(template) = selected(object, &object["spec"]["selector"], templates) else {
        say("selector matches no pod".to_owned());
        return;
    };
    for port in object["spec"]["ports"].as_array().into_iter().flatten() {
        if !declares_port(template, &port["targetPort"]) {
            say(format!("targetPort {} is declared by no container", port["targetPort"]));
        }
    }
}

pub(crate) fn declares_port(template: &Template<'_>, name: &Value) -> bool {
    template.containers().any(|container| {
        let ports = container["ports"].as_array().into_iter().flatten();
        ports.into_iter().any(|port| port["name"] == *name)
    })
}

fn disruption_budget(object: &Value, templates: &[Template<'_>], say: &mut impl FnMut(String)) {
    if object["spec"]["maxUnavailable"] != 1 {
        say("maxUnavailable must be 1".to_owned());
    }
    selects(object, &object["spec"]["selector"]["matchLabels"], templates, say);
}

fn monitor(object: &Value, templates: &[Template<'_>], say: &mut impl FnMut(String)) {
    let Some(template) = selected(object, &object["spec"]["selector"]["matchLabels"], templates)
    else {
        say("selector matches no pod".to_owned());
        return;
    };
    for endpoint in object["spec"]["podMetricsEndpoints"].as_array().into_iter().flatten() {
        if !declares_port(template, &endpoint["port"]) {
            say(format!("port {} is declared by no container", endpoint["port"]));
        }
    }
}

/// The endpoint picker reads the servers' metrics, and has no way to send a key.
fn pool(object: &Value, templates: &[Template<'_>], say: &mut impl FnMut(String)) {
    let Some(template) = selected(object, &object["spec"]["selector"]["matchLabels"], templates)
    else {
        say("selector matches no pod".to_owned());
        return;
    };
    let variables = template.spec()["containers"][0]["env"].as_array();
    let variable = |name: &str| variables?.iter().find(|variable| variable["name"] == name);
    let is_open = variable("ROPEWAY_METRICS_WITHOUT_KEY").is_some_and(|v| v["value"] == "true");
    if variable("ROPEWAY_API_KEY").is_some() && !is_open {
        say("the picker sends no key, and the servers' /metrics asks for one".to_owned());
    }
}

fn scaler(objects: &[Value], object: &Value, say: &mut impl FnMut(String)) {
    let target = |scaler: &Value| {
        (scaler["metadata"]["namespace"].clone(), scaler["spec"]["scaleTargetRef"]["name"].clone())
    };
    let is_scaler = |other: &&Value| {
        other["kind"] == "HorizontalPodAutoscaler" || other["kind"] == "ScaledObject"
    };
    let same =
        objects.iter().filter(is_scaler).filter(|other| target(other) == target(object)).count();
    if same > 1 {
        say("another autoscaler has the same target".to_owned());
    }
    let (namespace, name) = target(object);
    let exists = objects.iter().any(|other| {
        other["kind"] == "Deployment"
            && other["metadata"]["namespace"] == namespace
            && other["metadata"]["name"] == name
    });
    if !exists {
        say(format!("there is no Deployment {name} to scale"));
    }
    let behavior = match object["kind"].as_str() {
        Some("ScaledObject") => {
            &object["spec"]["advanced"]["horizontalPodAutoscalerConfig"]["behavior"]
        }
        _ => &object["spec"]["behavior"],
    };
    if behavior["scaleDown"]["stabilizationWindowSeconds"].as_u64().is_none_or(|s| s < 600) {
        say("scale-down must be slower than loading a model and draining it".to_owned());
    }
    let query = object["spec"]["triggers"][0]["metadata"]["query"].as_str();
    let wanted = format!("namespace={namespace}");
    if query.is_some_and(|query| !query.contains(&wanted)) {
        say("the query counts other namespaces too".to_owned());
    }
}

fn quota(object: &Value, say: &mut impl FnMut(String)) {
    let hard = object["spec"]["hard"].as_object().expect("a quota has numbers");
    for key in hard.keys().filter(|key| key.contains("amd.com/") && !key.starts_with("requests.")) {
        say(format!("{key} is never counted; extended resources have requests only"));
    }
    if !hard.contains_key("requests.amd.com/gpu") {
        say("GPUs are not limited".to_owned());
    }
}

fn namespace(object: &Value, say: &mut impl FnMut(String)) {
    if object["metadata"]["labels"]["pod-security.kubernetes.io/enforce"] != "restricted" {
        say("Pod Security is not restricted".to_owned());
    }
}

fn volume(object: &Value, say: &mut impl FnMut(String)) {
    let spec = &object["spec"];
    if !spec["hostPath"].is_null() && spec["nodeAffinity"].is_null() {
        say("a folder of a node needs nodeAffinity".to_owned());
    }
    if spec["claimRef"].is_null() {
        say("any claim may take this volume".to_owned());
    }
}

fn device_config(object: &Value, say: &mut impl FnMut(String)) {
    if object["spec"]["driver"]["enable"].is_null() {
        say("driver.enable is not written out; its default installs a driver".to_owned());
    }
    if object["spec"]["selector"].as_object().is_none_or(Map::is_empty) {
        say("the nodes are left to chance".to_owned());
    }
}

fn application(object: &Value, say: &mut impl FnMut(String)) {
    let revision = object["spec"]["source"]["targetRevision"].as_str().unwrap_or("HEAD");
    if !revision.trim_start_matches('v').starts_with(|first: char| first.is_ascii_digit()) {
        say(format!("targetRevision {revision} moves"));
    }
}

#[test]
fn rendered_manifests_keep_the_rules() {
    for target in render::targets() {
        assert_eq!(lint(&render::objects(&target)), Vec::<String>::new(), "deploy/{target}");
    }
}

/// The LeaderWorkerSet's pod is the Deployment's, so a change of one without the other is found.
#[test]
fn the_leader_worker_set_runs_the_deployments_pod() {
    let deployed = render::objects("overlays/single-node");
    let mut deployed = render::find(&deployed, "Deployment", "ropeway")["spec"]["template"].clone();
    let container = deployed["spec"]["containers"][0].as_object_mut().expect("a container");
    container.remove("env").expect("the overlay asks for keys, the example does not");
    let grouped = render::objects("examples/leader-worker-set");
    let grouped = render::find(&grouped, "LeaderWorkerSet", "ropeway");
    let mut grouped = grouped["spec"]["leaderWorkerTemplate"]["workerTemplate"].clone();
    for pod in [&mut deployed, &mut grouped] {
        let pod = &mut pod["spec"];
        for list in ["/volumes", "/containers/0/volumeMounts"] {
            let list = pod.pointer_mut(list).and_then(Value::as_array_mut).expect("a list");
            list.sort_by_key(|item| item["name"].to_string());
        }
    }
    assert_eq!(deployed, grouped);
}
