//! Each rule of `lint` finds the fault that it is for: good manifests are broken in one place each.

use serde_json::{Value, json};

use crate::lint::lint;
use crate::render;

/// Sets or, with `None`, removes what `pointer` names.
pub(crate) fn set(object: &mut Value, pointer: &str, value: Option<Value>) {
    let (parent, key) = pointer.rsplit_once('/').expect("a pointer has a slash");
    let parent = object.pointer_mut(parent).unwrap_or_else(|| panic!("there is no {parent}"));
    let key = key.replace("~1", "/");
    match (parent, value) {
        (Value::Object(map), Some(value)) => drop(map.insert(key, value)),
        (Value::Object(map), None) => drop(map.remove(&key).expect("there is something to remove")),
        (Value::Array(items), Some(value)) => {
            items[key.parse::<usize>().expect("an index")] = value
        }
        (other, _) => panic!("{pointer} is in {other}"),
    }
}

/// Breaks the object of this kind, named `ropeway` if several have the kind, and demands a finding
/// with these words.
fn bites(target: &str, kind: &str, pointer: &str, value: impl Into<Option<Value>>, words: &str) {
    let mut objects = render::objects(target);
    let mut of_kind: Vec<&mut Value> = objects.iter_mut().filter(|o| o["kind"] == kind).collect();
    let index = of_kind.iter().position(|o| o["metadata"]["name"] == "ropeway").unwrap_or(0);
    set(of_kind[index], pointer, value.into());
    let findings = lint(&objects);
    assert!(
        findings.iter().any(|finding| finding.contains(words)),
        "{kind} {pointer}: no finding says {words:?}: {findings:?}"
    );
}

const PRODUCTION: &str = "overlays/production";
const POD: &str = "/spec/template/spec";
const CONTAINER: &str = "/spec/template/spec/containers/0";

#[test]
fn pod_security() {
    let pod = |field: &str, value: Value, words: &str| {
        bites(PRODUCTION, "Deployment", &format!("{POD}/{field}"), value, words);
    };
    pod("hostIPC", json!(true), "hostIPC is forbidden");
    pod("hostNetwork", json!(true), "hostNetwork is forbidden");
    pod("securityContext/seccompProfile", json!({"type": "Unconfined"}), "seccompProfile");
    pod("volumes/0", json!({"name": "dev", "hostPath": {"path": "/dev"}}), "hostPath is forbidden");
    pod("volumes/0", json!({"name": "tmp", "emptyDir": {}}), "no sizeLimit");
    let container = |field: &str, value: Value, words: &str| {
        bites(PRODUCTION, "Deployment", &format!("{CONTAINER}/{field}"), value, words);
    };
    container("securityContext/allowPrivilegeEscalation", json!(true), "allowPrivilegeEscalation");
    container("securityContext/privileged", json!(true), "privileged is forbidden");
    container("securityContext/readOnlyRootFilesystem", json!(false), "readOnlyRootFilesystem");
    container("securityContext/runAsNonRoot", json!(false), "runAsNonRoot");
    container("securityContext/runAsUser", json!(0), "other than root");
    container("securityContext/capabilities", json!({"drop": ["NET_RAW"]}), "drop ALL");
    container(
        "securityContext/capabilities",
        json!({"drop": ["ALL"], "add": ["SYS_PTRACE"]}),
        "add nothing",
    );
    container(
        "ports/0",
        json!({"name": "http", "containerPort": 8000, "hostPort": 80}),
        "hostPort",
    );
    container("env", json!([{"name": "ROPEWAY_API_KEY", "value": "x"}]), "must come from a Secret");
}

#[test]
fn pods() {
    let container = |field: &str, value: Option<Value>, words: &str| {
        bites(PRODUCTION, "Deployment", &format!("{CONTAINER}/{field}"), value, words);
    };
    container("image", Some(json!("registry.example.com:5000/ropeway")), "not pinned");
    container("image", Some(json!("ropeway:latest")), "not pinned");
    container("resources/requests/cpu", None, "requests.cpu is missing");
    container("resources/limits/memory", Some(json!("99Gi")), "OOM kill");
    container("resources/limits/amd.com~1gpu", Some(json!("2")), "GPUs requested");
    container("startupProbe", None, "startupProbe is missing");
    container("livenessProbe/httpGet/port", Some(json!("metrics")), "does not declare");
    container("livenessProbe/httpGet/path", Some(json!("/health")), "must ask /livez");
    container("startupProbe/failureThreshold", Some(json!(3)), "too little time");
    let shell = json!({"preStop": {"exec": {"command": ["sleep", "15"]}}});
    container("lifecycle", Some(shell), "natively");
    let slow = json!({"preStop": {"sleep": {"seconds": 15}}});
    container("lifecycle", Some(slow), "15 s of preStop");
    let spec = |field: &str, value: Option<Value>, words: &str| {
        bites(PRODUCTION, "Deployment", &format!("/spec/{field}"), value, words);
    };
    spec("replicas", Some(json!(3)), "fights an autoscaler");
    spec("strategy/rollingUpdate/maxSurge", Some(json!(1)), "maxSurge must be 0");
    spec("template/spec/terminationGracePeriodSeconds", Some(json!(300)), "grace period 300 s");
    spec("template/spec/serviceAccountName", None, "no service account");
    spec("template/spec/automountServiceAccountToken", None, "no token");
    spec("template/spec/securityContext/supplementalGroups", None, "supplementalGroups is missing");
    spec("template/metadata/labels", Some(json!({"app": "x"})), "does not match the template");
}

#[test]
fn devices() {
    for target in ["examples/leader-worker-set", PRODUCTION] {
        for device in ["", "device = \"auto\"\n", "device = \"cpu\"\n"] {
            let config = format!("{device}shutdown-grace = \"15s\"\nshutdown-timeout = \"120s\"\n");
            let mut objects = render::objects(target);
            let is_config = |object: &&mut Value| object["data"]["ropeway.toml"].is_string();
            let found = objects.iter_mut().find(is_config).expect("a configuration is rendered");
            set(found, "/data/ropeway.toml", Some(json!(config)));
            let findings = lint(&objects);
            assert!(
                findings.iter().any(|finding| finding.contains("device must be hip")),
                "{device}"
            );
        }
    }
}

#[test]
fn references() {
    let broken = Some(json!({"app": "vllm"}));
    bites(PRODUCTION, "Service", "/spec/selector", broken.clone(), "matches no pod");
    bites(
        PRODUCTION,
        "Service",
        "/spec/ports/0/targetPort",
        json!("web"),
        "declared by no container",
    );
    bites(
        PRODUCTION,
        "PodDisruptionBudget",
        "/spec/selector/matchLabels",
        broken.clone(),
        "matches no pod",
    );
    bites(PRODUCTION, "PodDisruptionBudget", "/spec/maxUnavailable", json!(2), "must be 1");
    bites(PRODUCTION, "PodMonitor", "/spec/selector/matchLabels", broken.clone(), "matches no pod");
    bites(
        PRODUCTION,
        "PodMonitor",
        "/spec/podMetricsEndpoints/0/port",
        json!("metrics"),
        "declared by no",
    );
    bites(
        "examples/gateway",
        "InferencePool",
        "/spec/selector/matchLabels",
        broken,
        "matches no pod",
    );
    let keyed = json!([{"name": "ROPEWAY_API_KEY",
                        "valueFrom": {"secretKeyRef": {"name": "ropeway-api-keys", "key": "keys"}}}]);
    let env = format!("{CONTAINER}/env");
    bites("examples/multi-tenant-gateway", "Deployment", &env, keyed, "the picker sends no key");
    bites(PRODUCTION, "ScaledObject", "/spec/scaleTargetRef/name", json!("vllm"), "no Deployment");
    bites(
        PRODUCTION,
        "ScaledObject",
        "/spec/triggers/0/metadata/query",
        json!("sum(ropeway:saturation)"),
        "other namespaces",
    );
    bites(
        "examples/hpa",
        "HorizontalPodAutoscaler",
        "/spec/behavior/scaleDown/stabilizationWindowSeconds",
        json!(30),
        "slower than",
    );
    let mut both = render::objects(PRODUCTION);
    both.push(
        render::find(&render::objects("examples/hpa"), "HorizontalPodAutoscaler", "ropeway")
            .clone(),
    );
    assert!(lint(&both).iter().any(|finding| finding.contains("same target")));
    let mut policies = render::objects(PRODUCTION);
    for policy in policies.iter_mut().filter(|o| o["metadata"]["name"] == "ropeway-metrics") {
        set(policy, "/spec/ingress/0/ports/0/port", Some(json!("metrics")));
    }
    assert!(lint(&policies).iter().any(|finding| finding.contains("declared by no container")));
}

/// Breaks the policy of this name in the example that has all of them.
fn policy_bites(name: &str, pointer: &str, value: impl Into<Option<Value>>, words: &str) {
    let mut objects = render::objects("examples/kv-routing");
    let policy = objects
        .iter_mut()
        .find(|object| object["kind"] == "NetworkPolicy" && object["metadata"]["name"] == name);
    set(policy.expect("the policy is rendered"), pointer, value.into());
    let findings = lint(&objects);
    assert!(
        findings.iter().any(|finding| finding.contains(words)),
        "{name} {pointer}: no finding says {words:?}: {findings:?}"
    );
}

#[test]
fn policies() {
    let elsewhere = json!({"app.kubernetes.io/name": "x"});
    policy_bites(
        "inference-gateway",
        "/spec/podSelector/matchLabels",
        elsewhere.clone(),
        "matches no pod",
    );
    let events = |pointer: &str, value: Value, words: &str| {
        policy_bites("ropeway-kv-events", pointer, value, words);
    };
    events("/spec/ingress", json!([]), "let nobody reach port 5556");
    events("/spec/ingress/0/ports/1/port", json!(5558), "let nobody reach port 5559");
    events("/spec/ingress/0/ports/0/port", json!("events"), "declared by no container");
    events("/spec/ingress/0/from", json!([]), "open to others");
    events("/spec/ingress/0/from/0/podSelector", json!({}), "open to others");
    events("/spec/ingress/0/from/0/podSelector/matchLabels", elsewhere, "there are none");
    policy_bites("ropeway-behind-gateway", "/spec/ingress/0/ports", json!([]), "open to others");
    let traces = |pointer: &str, value: Value, words: &str| {
        policy_bites("ropeway-traces", pointer, value, words);
    };
    traces("/spec/egress/0/ports/0/port", json!(4317), "let no server reach");
    traces(
        "/spec/egress/0/to/0/namespaceSelector/matchLabels",
        json!({"kubernetes.io/metadata.name": "tracing"}),
        "let no server reach",
    );
    traces("/spec/egress/1/to", json!([]), "DNS is closed");
    traces("/spec/egress/0/to", json!([]), "out to anywhere");
}

/// What the servers of the example say of themselves: variables 0 to 4 are the collector's address, the
/// pod's own, the two sockets and the topic.
#[test]
fn variables_of_the_pod() {
    let variable = |place: usize, value: Value, words: &str| {
        let pointer = format!("{CONTAINER}/env/{place}/value");
        bites("examples/kv-routing", "Deployment", &pointer, value, words);
    };
    variable(0, json!("http://otel-collector.tracing.svc:4318"), "let no server reach");
    variable(2, json!("0.0.0.0:5557"), "port 5557 is not declared");
    variable(4, json!("kv@$(HOSTNAME)@{model}"), "have the topic");
    let pointer = format!("{CONTAINER}/env/1/valueFrom/fieldRef/fieldPath");
    bites("examples/kv-routing", "Deployment", &pointer, json!("status.hostIP"), "POD_IP is not");
    let mut objects = render::objects("examples/kv-routing");
    objects.retain(|object| object["kind"] != "NetworkPolicy");
    assert!(lint(&objects).iter().any(|finding| finding.contains("no policy closes port 5556")));
}

#[test]
fn cluster_objects() {
    let tenant = "overlays/multi-tenant";
    bites(tenant, "ResourceQuota", "/spec/hard/limits.amd.com~1gpu", json!("4"), "never counted");
    bites(tenant, "ResourceQuota", "/spec/hard/requests.amd.com~1gpu", None, "not limited");
    bites(
        PRODUCTION,
        "Namespace",
        "/metadata/labels/pod-security.kubernetes.io~1enforce",
        json!("privileged"),
        "not restricted",
    );
    bites("overlays/single-node", "PersistentVolume", "/spec/nodeAffinity", None, "nodeAffinity");
    bites("overlays/single-node", "PersistentVolume", "/spec/claimRef", None, "any claim");
    bites(PRODUCTION, "DeviceConfig", "/spec/driver", json!({}), "driver.enable");
    bites(PRODUCTION, "DeviceConfig", "/spec/selector", json!({}), "left to chance");
    bites("examples/argocd", "Application", "/spec/source/targetRevision", json!("main"), "moves");
    let mut objects = render::objects(PRODUCTION);
    objects.push(json!({"kind": "Secret", "metadata": {"name": "x"}}));
    assert!(lint(&objects).iter().any(|finding| finding.contains("do not belong")));
}
