//! The runtime layer of a cluster, and what keeps pods from starting: each cause in its own layer.

use serde_json::Value;

use super::super::finding::{Finding, Layer, Status, told};
use super::super::note;
use super::state::{ClusterState, count, items, name};

/// A server that loads a large model from a cold volume may take this long to start.
const SLOW_START_SECONDS: u64 = 300;

pub(super) fn examine(state: &ClusterState, app: &str) -> Vec<Finding> {
    let servers = state.servers(app);
    let mut findings: Vec<Finding> =
        state.pods(app).iter().map(|pod| pod_state(state, pod)).collect();
    findings.extend(quota(state, app));
    findings.extend(servers.first().and_then(|pod| probes(pod)));
    findings.extend(servers.iter().filter_map(|pod| killed_by_probe(state, pod)));
    if servers.is_empty() {
        findings.push(failed(
            Layer::Runtime,
            "pods",
            told![
                "there are no pods of the server",
                "the Deployment is missing, has no replicas, or may not create pods",
                format!("pods of {} labelled app.kubernetes.io/name: {app}", state.namespace),
                "kubectl get deployment,replicaset,events; see the quota check",
            ],
        ));
    }
    findings
}

fn failed(layer: Layer, check: &'static str, words: [String; 4]) -> Finding {
    Finding::wrong(layer, check, Status::Failed, words)
}

fn pod_state(state: &ClusterState, pod: &Value) -> Finding {
    let pod_name = name(pod);
    let unscheduled = items(&pod["status"]["conditions"])
        .iter()
        .find(|c| c["type"] == "PodScheduled" && c["status"] == "False");
    if let Some(condition) = unscheduled {
        return pending(pod_name, condition["message"].as_str().unwrap_or("no reason given"));
    }
    let volume = ["FailedMount", "FailedAttachVolume"]
        .iter()
        .flat_map(|reason| state.events(pod_name, reason))
        .next();
    let statuses = [&pod["status"]["initContainerStatuses"], &pod["status"]["containerStatuses"]];
    for container in statuses.into_iter().flat_map(items) {
        if let Some(finding) = container_state(pod_name, container) {
            return finding;
        }
    }
    if let (Some(message), false) = (volume, pod["status"]["phase"] == "Running") {
        return failed(
            Layer::Storage,
            "pod",
            told![
                format!("{pod_name} waits for a volume"),
                message,
                "FailedMount events",
                format!("kubectl describe pod {pod_name}; see the claim checks"),
            ],
        );
    }
    let phase = pod["status"]["phase"].as_str().unwrap_or("?");
    Finding::good(Layer::Runtime, "pod", format!("{pod_name} is {phase}"), "its status")
}

/// The scheduler's reason decides the layer.
fn pending(pod_name: &str, message: &str) -> Finding {
    let (layer, cause, remedy) = if message.contains("Insufficient amd.com/") {
        (
            Layer::Gpu,
            "no node has enough free GPUs",
            "free a GPU, add a node, or lower replicas; a rollout on full nodes needs maxSurge: 0",
        )
    } else if message.contains("persistentvolumeclaim") || message.contains("PersistentVolume") {
        (Layer::Storage, "its claim is not bound, or bound on another node", "see the claim checks")
    } else if message.contains("Insufficient") {
        (
            Layer::Runtime,
            "no node has enough memory or processors free",
            "lower resources.requests, or add a node",
        )
    } else {
        (
            Layer::Runtime,
            "no node fits its selectors, affinities or tolerations",
            "compare nodeSelector and tolerations with the nodes' labels and taints",
        )
    };
    let evidence = format!("scheduler: {message}");
    failed(layer, "pod", told![format!("{pod_name} is Pending"), cause, evidence, remedy])
}

fn container_state(pod_name: &str, container: &Value) -> Option<Finding> {
    let last = &container["lastState"]["terminated"];
    let now = &container["state"]["terminated"];
    let ended = if now.is_null() { last } else { now };
    if ended["reason"] == "OOMKilled" {
        return Some(failed(
            Layer::Runtime,
            "pod",
            told![
                format!("{pod_name} was killed for its memory (OOMKilled)"),
                "it needed more host memory than resources.limits.memory; GPU memory does not \
                 count there",
                format!("restarts: {}", container["restartCount"]),
                "raise resources.limits.memory, or lower --kv-cache-memory; \
                 `ropeway serve MODEL --dry-run` prints what is needed",
            ],
        ));
    }
    let waiting = &container["state"]["waiting"];
    let reason = waiting["reason"].as_str()?;
    match reason {
        "ImagePullBackOff" | "ErrImagePull" | "InvalidImageName" => Some(failed(
            Layer::Runtime,
            "pod",
            told![
                format!("{pod_name} cannot pull its image ({reason})"),
                "the name or digest is wrong, the registry wants credentials, or the node cannot \
                 reach it",
                waiting["message"].as_str().unwrap_or("no message"),
                "correct the image, or add imagePullSecrets",
            ],
        )),
        "CrashLoopBackOff" => Some(crash_loop(pod_name, container, ended)),
        "CreateContainerConfigError" => Some(failed(
            Layer::Runtime,
            "pod",
            told![
                format!("{pod_name} lacks a ConfigMap or Secret"),
                waiting["message"].as_str().unwrap_or("no message"),
                reason,
                "create what the message names",
            ],
        )),
        _ => None,
    }
}

/// The server's last words name the layer; where it left none, its exit code and any words say it.
fn crash_loop(pod_name: &str, container: &Value, ended: &Value) -> Finding {
    let code = ended["exitCode"].as_u64().unwrap_or(0);
    let (named, message) = note::split(ended["message"].as_str().unwrap_or("").trim());
    let (layer, cause) = match (code, named) {
        (1, Some(layer)) => (layer, not_started(layer)),
        (1, None) if message.contains("device") || message.contains("HIP") => {
            (Layer::Gpu, "the server could not use the GPU")
        }
        (1, None) if message.contains("cannot listen") => (Layer::Network, "the port is taken"),
        (1, None) => (Layer::Storage, "the model could not be loaded"),
        (2, _) => (Layer::Runtime, "the command line or the configuration makes no sense"),
        (4, _) => (Layer::Gpu, "the engine died, as it does when its device is lost"),
        (137, _) => (Layer::Runtime, "the process was killed: liveness probe, or memory"),
        _ => (Layer::Runtime, "the process ended by itself"),
    };
    let said = if message.is_empty() { "it left no message" } else { message };
    failed(
        layer,
        "pod",
        told![
            format!("{pod_name} keeps crashing (exit code {code})"),
            format!("{cause}: {said}"),
            format!("lastState; restarts: {}", container["restartCount"]),
            format!("kubectl logs --previous {pod_name}"),
        ],
    )
}

fn not_started(layer: Layer) -> &'static str {
    match layer {
        Layer::Gpu => "the server could not use the GPU",
        Layer::Network => "the server could not listen, or not reach the model's hub",
        Layer::Storage => "the model could not be loaded",
        Layer::Runtime => "what the server was asked for does not fit its limits",
    }
}

fn quota(state: &ClusterState, app: &str) -> Option<Finding> {
    let refused = state
        .events(app, "FailedCreate")
        .into_iter()
        .find(|message| message.contains("exceeded quota"));
    let full = state.all("resourcequotas").iter().find_map(|quota| {
        let hard = quota["status"]["hard"].as_object()?;
        let used = &quota["status"]["used"];
        let (key, limit) = hard.iter().find(|(key, limit)| {
            key.starts_with("requests.amd.com/") && count(&used[key.as_str()]) >= count(limit)
        })?;
        Some(format!("{} of {key} {} used in {}", used[key.as_str()], limit, name(quota)))
    });
    if let Some(message) = refused {
        return Some(failed(
            Layer::Runtime,
            "quota",
            told![
                "the namespace's quota keeps pods from being created",
                message,
                full.unwrap_or_else(|| "FailedCreate events".to_owned()),
                "free what other deployments of the namespace use, or ask for a larger quota",
            ],
        ));
    }
    full.map(|full| Finding::good(Layer::Runtime, "quota", "fully used, nothing refused", full))
}

fn probes(pod: &Value) -> Option<Finding> {
    let container = items(&pod["spec"]["containers"]).first()?;
    let startup = &container["startupProbe"];
    let seconds = |probe: &Value, key: &str, default| match &probe[key] {
        Value::Null => default,
        value => count(value),
    };
    // Defaults of the Kubernetes API: every 10 s, three failures.
    let budget = |probe: &Value| {
        seconds(probe, "initialDelaySeconds", 0)
            + seconds(probe, "periodSeconds", 10) * seconds(probe, "failureThreshold", 3)
    };
    let liveness = &container["livenessProbe"];
    if liveness.is_null() {
        return None;
    }
    let (probe, what) = match startup.is_null() {
        true => (liveness, "livenessProbe"),
        false => (startup, "startupProbe"),
    };
    let budget = budget(probe);
    let evidence = format!("{what} of pod {}: {budget} s until it kills", name(pod));
    if budget >= SLOW_START_SECONDS {
        let what = format!("the probes give {budget} s to start");
        return Some(Finding::good(Layer::Runtime, "probes", what, evidence));
    }
    Some(Finding::wrong(
        Layer::Runtime,
        "probes",
        Status::Warning,
        told![
            format!("the probes kill a server that takes over {budget} s to start"),
            "a large model on a cold volume can take minutes",
            evidence,
            "add a startupProbe on /startupz with failureThreshold x periodSeconds of 300 s or \
             more",
        ],
    ))
}

/// The kubelet's word that a probe's patience was shorter than the server's start-up, or a hang.
fn killed_by_probe(state: &ClusterState, pod: &Value) -> Option<Finding> {
    let events = state.events(name(pod), "Killing");
    let by = |probe: &str| events.iter().find(|message| message.contains(probe)).copied();
    let (message, cause, remedy) = if let Some(message) = by("failed startup probe") {
        (
            message,
            "loading takes longer than the start-up probe allows",
            "raise failureThreshold of startupProbe; `ropeway:startup_seconds` and /startupz tell \
             which phase takes the time",
        )
    } else {
        (
            by("failed liveness probe")?,
            "a step hung or the engine died; /livez fails for nothing else",
            "kubectl logs --previous has the flight recorder's last steps; look at the node's dmesg",
        )
    };
    let ready = items(&pod["status"]["containerStatuses"]).iter().all(|c| c["ready"] == true);
    Some(Finding::wrong(
        Layer::Runtime,
        "probe",
        if ready { Status::Warning } else { Status::Failed },
        told![format!("{} was killed by a probe", name(pod)), cause, message, remedy],
    ))
}
