//! The rules for pods: Pod Security "restricted" (Kubernetes documentation, "Pod Security
//! Standards"), probes, resources, images.

use serde_json::Value;

use crate::render::title;

/// A pod template and the object that has it.
pub(crate) struct Template<'a> {
    pub(crate) owner: &'a Value,
    pub(crate) pod: &'a Value,
}

impl<'a> Template<'a> {
    /// The pod templates of `objects`.
    pub(crate) fn all(objects: &'a [Value]) -> Vec<Self> {
        const PLACES: [&str; 2] = ["/spec/template", "/spec/leaderWorkerTemplate/workerTemplate"];
        objects
            .iter()
            .flat_map(|owner| {
                PLACES.iter().filter_map(move |place| Some((owner, owner.pointer(place)?)))
            })
            .filter(|(_, pod)| pod["spec"]["containers"].is_array())
            .map(|(owner, pod)| Self { owner, pod })
            .collect()
    }

    pub(crate) fn spec(&self) -> &'a Value {
        &self.pod["spec"]
    }

    pub(crate) fn containers(&self) -> impl Iterator<Item = &'a Value> + use<'a> {
        let spec = self.spec();
        let list = |name: &str| spec[name].as_array().into_iter().flatten();
        list("containers").chain(list("initContainers"))
    }

    pub(crate) fn labels(&self) -> &'a Value {
        &self.pod["metadata"]["labels"]
    }

    fn is_job(&self) -> bool {
        self.owner["kind"] == "Job"
    }
}

/// What is wrong with a template.
pub(crate) fn check(template: &Template<'_>) -> Vec<String> {
    let mut findings = Vec::new();
    let mut say = |text: String| findings.push(format!("{}: {text}", title(template.owner)));
    check_pod(template, &mut say);
    for container in template.containers() {
        let name = container["name"].as_str().unwrap_or_default().to_owned();
        let mut say = |text: &str| say(format!("container {name}: {text}"));
        check_security(template.spec(), container, &mut say);
        check_image(container, &mut say);
        check_resources(container, &mut say);
        if !template.is_job() {
            check_probes(container, &mut say);
        }
    }
    findings
}

fn check_pod(template: &Template<'_>, say: &mut impl FnMut(String)) {
    const VOLUMES: [&str; 8] = [
        "configMap",
        "csi",
        "downwardAPI",
        "emptyDir",
        "ephemeral",
        "image",
        "persistentVolumeClaim",
        "secret",
    ];
    let spec = template.spec();
    for field in ["hostNetwork", "hostPID", "hostIPC"] {
        if spec[field] == true {
            say(format!("{field} is forbidden by restricted"));
        }
    }
    for volume in spec["volumes"].as_array().into_iter().flatten() {
        let kinds = volume.as_object().expect("a volume is a map").keys();
        for kind in kinds.filter(|kind| *kind != "name" && !VOLUMES.contains(&kind.as_str())) {
            say(format!("volume kind {kind} is forbidden by restricted"));
        }
        if volume.get("emptyDir").is_some_and(|dir| dir["sizeLimit"].is_null()) {
            say(format!("emptyDir {} has no sizeLimit", volume["name"]));
        }
    }
    let seccomp = &spec["securityContext"]["seccompProfile"]["type"];
    if seccomp != "RuntimeDefault" && seccomp != "Localhost" {
        say("seccompProfile must be RuntimeDefault".to_owned());
    }
    if spec["serviceAccountName"].is_null() {
        say("no service account of its own".to_owned());
    }
}

fn check_security(pod: &Value, container: &Value, say: &mut impl FnMut(&str)) {
    let own = &container["securityContext"];
    let either = |field: &str| {
        if own[field].is_null() {
            pod["securityContext"][field].clone()
        } else {
            own[field].clone()
        }
    };
    if own["allowPrivilegeEscalation"] != false {
        say("allowPrivilegeEscalation must be false");
    }
    if own["privileged"] == true {
        say("privileged is forbidden");
    }
    if own["readOnlyRootFilesystem"] != true {
        say("readOnlyRootFilesystem must be true");
    }
    if either("runAsNonRoot") != true {
        say("runAsNonRoot must be true");
    }
    if either("runAsUser").as_u64().is_none_or(|user| user == 0) {
        say("runAsUser must be a user other than root");
    }
    let drop = own["capabilities"]["drop"].as_array();
    if drop.is_none_or(|drop| !drop.iter().any(|name| name == "ALL")) {
        say("capabilities must drop ALL");
    }
    if own["capabilities"]["add"].as_array().is_some_and(|add| !add.is_empty()) {
        say("capabilities may add nothing");
    }
    for port in container["ports"].as_array().into_iter().flatten() {
        if !port["hostPort"].is_null() {
            say("hostPort is forbidden");
        }
    }
    for variable in container["env"].as_array().into_iter().flatten() {
        let name = variable["name"].as_str().unwrap_or_default();
        let is_secret = ["KEY", "TOKEN", "PASSWORD"].iter().any(|word| name.contains(word));
        let is_switch = variable["value"] == "true" || variable["value"] == "false";
        if is_secret && !is_switch && variable["valueFrom"]["secretKeyRef"].is_null() {
            say(&format!("{name} must come from a Secret"));
        }
    }
}

fn check_image(container: &Value, say: &mut impl FnMut(&str)) {
    let image = container["image"].as_str().unwrap_or_default();
    let (_, last) = image.rsplit_once('/').unwrap_or(("", image));
    let is_pinned = image.contains("@sha256:")
        || last.split_once(':').is_some_and(|(_, tag)| !tag.is_empty() && tag != "latest");
    if !is_pinned {
        say(&format!("image {image} is not pinned by a version or digest"));
    }
}

fn check_resources(container: &Value, say: &mut impl FnMut(&str)) {
    let resources = &container["resources"];
    for (list, name) in [("requests", "cpu"), ("requests", "memory"), ("limits", "memory")] {
        if resources[list][name].is_null() {
            say(&format!("resources.{list}.{name} is missing"));
        }
    }
    if resources["requests"]["memory"] != resources["limits"]["memory"] {
        say("memory requested and limited differ: the difference is an OOM kill in wait");
    }
    if resources["requests"]["amd.com/gpu"] != resources["limits"]["amd.com/gpu"] {
        say("GPUs requested and limited differ");
    }
}

fn check_probes(container: &Value, say: &mut impl FnMut(&str)) {
    for probe in ["startupProbe", "readinessProbe", "livenessProbe"] {
        if container[probe].is_null() {
            say(&format!("{probe} is missing"));
        }
        let port = &container[probe]["httpGet"]["port"];
        let declared = container["ports"].as_array().into_iter().flatten();
        let is_declared = declared.into_iter().any(|declared| declared["name"] == *port);
        if port.is_string() && !is_declared {
            say(&format!("{probe} asks port {port}, which the container does not declare"));
        }
    }
    if container["name"] != "ropeway" {
        return;
    }
    for (probe, path) in
        [("startupProbe", "/startupz"), ("readinessProbe", "/readyz"), ("livenessProbe", "/livez")]
    {
        if container[probe]["httpGet"]["path"] != path {
            say(&format!("{probe} must ask {path}"));
        }
    }
    // Large models load for minutes; liveness is held back until the start-up probe has passed.
    const START_SECONDS_MIN: u64 = 1200;
    let number = |field: &str| container["startupProbe"][field].as_u64().unwrap_or(1);
    if number("periodSeconds") * number("failureThreshold") < START_SECONDS_MIN {
        say("startupProbe gives a large model too little time");
    }
}
