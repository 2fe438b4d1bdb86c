//! The rules for network policies: what a server opens or calls is let through, and only to those who
//! shall have it. Policies add up: a pod that one selects is closed but for what all of its policies open.

use serde_json::Value;

use crate::lint::{declares_port, matches, selected, selects};
use crate::pods::Template;
use crate::render::title;

/// The label that the Gateway API puts on the pods of a Gateway, which a controller makes.
const GATEWAY_LABEL: &str = "gateway.networking.k8s.io/gateway-name";

/// What is wrong with one policy.
pub(crate) fn policy(
    objects: &[Value],
    object: &Value,
    templates: &[Template<'_>],
    say: &mut impl FnMut(String),
) {
    let selector = &object["spec"]["podSelector"]["matchLabels"];
    if !selector.is_null() && !is_gateway(objects, selector) {
        selects(object, selector, templates, say);
    }
    for rule in list(&object["spec"]["ingress"]) {
        let template = selected(object, selector, templates);
        for port in list(&rule["ports"]).filter(|port| port["port"].is_string()) {
            if template.is_none_or(|template| !declares_port(template, &port["port"])) {
                say(format!("port {} is declared by no container", port["port"]));
            }
        }
        for peer in list(&rule["from"]).filter(|peer| peer["namespaceSelector"].is_null()) {
            let labels = &peer["podSelector"]["matchLabels"];
            if !labels.is_null() && selected(object, labels, templates).is_none() {
                say(format!("lets in pods with {labels}, and there are none"));
            }
        }
    }
}

/// What the servers of a template open and call, against the policies that select them.
pub(crate) fn reach(objects: &[Value], template: &Template<'_>) -> Vec<String> {
    let mut findings = Vec::new();
    let mut say = |text: String| findings.push(format!("{}: {text}", title(template.owner)));
    let container = &template.spec()["containers"][0];
    if container["name"] != "ropeway" || template.owner["kind"] == "Job" {
        return findings;
    }
    let rules = rules(objects, template, "Ingress");
    if rules.as_ref().is_some_and(|rules| !rules.iter().any(|rule| opens(rule, container, 8000))) {
        say("the policies let nobody reach the API".to_owned());
    }
    events(container, rules.as_deref(), &mut say);
    traces(objects, template, container, &mut say);
    findings
}

/// KV events carry tokens of prompts, and their sockets know no keys.
fn events(container: &Value, rules: Option<&[&Value]>, say: &mut impl FnMut(String)) {
    const SOCKETS: [&str; 2] = ["ROPEWAY_KV_EVENTS_ENDPOINT", "ROPEWAY_KV_EVENTS_REPLAY_ENDPOINT"];
    for name in SOCKETS {
        let Some((_, address)) = variable(container, name) else { continue };
        let port = port_of(address);
        if !list(&container["ports"]).any(|declared| declared["containerPort"] == port) {
            say(format!("{name}: port {port} is not declared"));
        }
        let Some(rules) = rules else {
            say(format!("{name}: no policy closes port {port}"));
            continue;
        };
        let open: Vec<_> = rules.iter().filter(|rule| opens(rule, container, port)).collect();
        if open.is_empty() {
            say(format!("{name}: the policies let nobody reach port {port}"));
        }
        let is_picker = |peer: &Value| {
            let component = &peer["podSelector"]["matchLabels"]["app.kubernetes.io/component"];
            component == "endpoint-picker" && peer["ipBlock"].is_null()
        };
        let all_pickers = |rule: &&&Value| {
            list(&rule["from"]).next().is_some() && list(&rule["from"]).all(is_picker)
        };
        if !open.iter().all(all_pickers) {
            say(format!("{name}: port {port} is open to others than the endpoint picker"));
        }
    }
    if variable(container, SOCKETS[0]).is_none() {
        return;
    }
    // llm-d knows a replica by the address that it sends requests to.
    let topic = variable(container, "ROPEWAY_KV_EVENTS_TOPIC");
    let (place, topic) = topic.unwrap_or((0, ""));
    if topic != "kv@$(POD_IP):8000@{model}" {
        say(format!("KV events have the topic {topic:?}"));
    }
    let address = list(&container["env"]).position(|variable| {
        variable["name"] == "POD_IP"
            && variable["valueFrom"]["fieldRef"]["fieldPath"] == "status.podIP"
    });
    if address.is_none_or(|address| address > place) {
        say("POD_IP is not the pod's address, or stands below its use".to_owned());
    }
}

/// A collector that the policies close is a server without traces, and no error anywhere.
fn traces(
    objects: &[Value],
    template: &Template<'_>,
    container: &Value,
    say: &mut impl FnMut(String),
) {
    let Some((_, url)) = variable(container, "ROPEWAY_OTLP_TRACES_ENDPOINT") else { return };
    let Some(rules) = rules(objects, template, "Egress") else { return };
    let host = url.trim_start_matches("http://");
    let namespace = host.split('.').nth(1).unwrap_or_default();
    let to = |rule: &Value, namespace: &str, port: u64| {
        let is_there = list(&rule["to"]).any(|peer| {
            peer["namespaceSelector"]["matchLabels"]["kubernetes.io/metadata.name"] == namespace
        });
        is_there && list(&rule["ports"]).any(|open| open["port"] == port)
    };
    if !rules.iter().any(|rule| to(rule, namespace, port_of(host))) {
        say(format!("the policies let no server reach {url}"));
    }
    if !rules.iter().any(|rule| to(rule, "kube-system", 53)) {
        say(format!("no server can look up {url}: DNS is closed"));
    }
    if rules.iter().any(|rule| list(&rule["to"]).next().is_none()) {
        say("a policy lets servers out to anywhere".to_owned());
    }
}

/// The rules of all policies that close this direction for a template; `None` if none does.
fn rules<'a>(
    objects: &'a [Value],
    template: &Template<'_>,
    direction: &str,
) -> Option<Vec<&'a Value>> {
    let closing: Vec<&Value> = objects
        .iter()
        .filter(|object| object["kind"] == "NetworkPolicy")
        .filter(|policy| policy["metadata"]["namespace"] == template.owner["metadata"]["namespace"])
        .filter(|policy| list(&policy["spec"]["policyTypes"]).any(|kind| kind == direction))
        .filter(|policy| {
            let selector = &policy["spec"]["podSelector"]["matchLabels"];
            selector.is_null() || matches(selector, template.labels())
        })
        .collect();
    let field = direction.to_lowercase();
    (!closing.is_empty())
        .then(|| closing.iter().flat_map(|policy| list(&policy["spec"][&field])).collect())
}

/// Whether an ingress rule opens this port of the container.
fn opens(rule: &Value, container: &Value, port: u64) -> bool {
    let name = list(&container["ports"]).find(|declared| declared["containerPort"] == port);
    let name = name.map_or(&Value::Null, |declared| &declared["name"]);
    let mut ports = list(&rule["ports"]).peekable();
    ports.peek().is_none() || ports.any(|open| open["port"] == port || open["port"] == *name)
}

/// A plain variable of a container, and its place among them.
fn variable<'a>(container: &'a Value, name: &str) -> Option<(usize, &'a str)> {
    let mut variables = list(&container["env"]).enumerate();
    variables
        .find(|(_, variable)| variable["name"] == name)
        .and_then(|(place, variable)| Some((place, variable["value"].as_str()?)))
}

fn port_of(address: &str) -> u64 {
    let port = address.rsplit_once(':').map_or("", |(_, port)| port);
    port.parse().unwrap_or_else(|_| panic!("{address} has no port"))
}

fn is_gateway(objects: &[Value], selector: &Value) -> bool {
    objects.iter().any(|object| {
        object["kind"] == "Gateway" && selector[GATEWAY_LABEL] == object["metadata"]["name"]
    })
}

fn list(value: &Value) -> impl Iterator<Item = &Value> {
    value.as_array().into_iter().flatten()
}
