//! `cargo xtask chart`: the Helm chart in `deploy/chart`, made from the kustomize base.
//!
//! Kustomize is the source: every object, every default value comes from `deploy/base`. This file
//! adds only which places of it a user of the chart may set ([`POINTS`]). Never edits the base; the
//! tests of `deploy` hold what the chart renders against it.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::fs;
use std::path::Path;
use std::process::{Command, ExitCode};

use anyhow::{Context, Result, bail, ensure};
use serde_json::{Value, json};

/// How a point appears in the template.
enum Form {
    /// The base has a value there; it becomes the default.
    Value,
    /// The base has nothing: the key is written if the value is not empty.
    Optional,
    /// Elements appended to the base's list, one for each element of the value.
    Elements,
    /// One element appended to the base's list if the value is not empty; `.` is the value.
    Element(&'static str),
}

/// A place that the chart opens.
struct Point {
    /// Name in `values.yaml`.
    name: &'static str,
    /// Its comment there.
    about: &'static str,
    kind: &'static str,
    /// JSON pointer (RFC 6901) into the object.
    pointer: &'static str,
    form: Form,
    /// Default of a point that the base says nothing about.
    empty: fn() -> Value,
}

const POD: &str = "Deployment";

/// All places, in the order of `values.yaml`. A name may stand for several places.
const POINTS: &[Point] = &[
    value(
        "image",
        "The server's image; a version or a digest, never `latest`.",
        POD,
        "/spec/template/spec/containers/0/image",
    ),
    value("imagePullPolicy", "", POD, "/spec/template/spec/containers/0/imagePullPolicy"),
    optional(
        "imagePullSecrets",
        "Secrets of a private registry: [{name: ...}].",
        POD,
        "/spec/template/spec/imagePullSecrets",
        list,
    ),
    optional(
        "replicas",
        "Left out when empty, so that an autoscaler may own it.",
        POD,
        "/spec/replicas",
        null,
    ),
    value(
        "config",
        "Options of `ropeway serve`; a change rolls the pods.",
        "ConfigMap",
        "/data/ropeway.toml",
    ),
    Point {
        name: "modelClaim",
        about: "A PersistentVolumeClaim with the models, mounted read-only at /models.",
        kind: POD,
        pointer: "/spec/template/spec/volumes",
        form: Form::Element(
            r#"dict "name" "models" "persistentVolumeClaim" (dict "claimName" . "readOnly" true)"#,
        ),
        empty: text,
    },
    Point {
        name: "modelClaim",
        about: "",
        kind: POD,
        pointer: "/spec/template/spec/containers/0/volumeMounts",
        form: Form::Element(r#"dict "name" "models" "mountPath" "/models" "readOnly" true"#),
        empty: text,
    },
    value(
        "resources",
        "GPUs, and the host's CPU and memory. A GPU stands in requests and limits.",
        POD,
        "/spec/template/spec/containers/0/resources",
    ),
    value(
        "supplementalGroups",
        "The node's group numbers of /dev/kfd and /dev/dri: `getent group video render`.",
        POD,
        "/spec/template/spec/securityContext/supplementalGroups",
    ),
    value(
        "terminationGracePeriodSeconds",
        "More than `shutdown-grace` and `shutdown-timeout` together.",
        POD,
        "/spec/template/spec/terminationGracePeriodSeconds",
    ),
    optional(
        "env",
        "Further variables of the container, such as ROPEWAY_API_KEYS_FILE.",
        POD,
        "/spec/template/spec/containers/0/env",
        list,
    ),
    elements("volumes", "Further volumes of the pod.", "/spec/template/spec/volumes"),
    elements(
        "volumeMounts",
        "Where the container sees them.",
        "/spec/template/spec/containers/0/volumeMounts",
    ),
    optional("nodeSelector", "", POD, "/spec/template/spec/nodeSelector", map),
    optional("tolerations", "", POD, "/spec/template/spec/tolerations", list),
    optional("affinity", "", POD, "/spec/template/spec/affinity", map),
    value(
        "serviceType",
        "LoadBalancer needs MetalLB or a cloud; ClusterIP serves inside the cluster.",
        "Service",
        "/spec/type",
    ),
    optional("serviceAnnotations", "", "Service", "/metadata/annotations", map),
];

const fn value(
    name: &'static str,
    about: &'static str,
    kind: &'static str,
    pointer: &'static str,
) -> Point {
    Point { name, about, kind, pointer, form: Form::Value, empty: null }
}

const fn optional(
    name: &'static str,
    about: &'static str,
    kind: &'static str,
    pointer: &'static str,
    empty: fn() -> Value,
) -> Point {
    Point { name, about, kind, pointer, form: Form::Optional, empty }
}

const fn elements(name: &'static str, about: &'static str, pointer: &'static str) -> Point {
    Point { name, about, kind: POD, pointer, form: Form::Elements, empty: list }
}

fn null() -> Value {
    Value::Null
}

fn text() -> Value {
    json!("")
}

fn list() -> Value {
    json!([])
}

fn map() -> Value {
    json!({})
}

/// Kinds whose objects the chart leaves to its user: the namespace is the release's.
const LEFT_OUT: &[&str] = &["Namespace"];

/// The name that every object of the base bears, with a suffix or without.
const BASE_NAME: &str = "ropeway";

/// Renders the base with `kubectl` and writes `templates/` and `values.yaml` of the chart anew.
///
/// # Errors
/// A missing `kubectl` (named by `ROPEWAY_TEST_KUBECTL`, or on the path), a base that does not
/// render, a point that the base no longer has.
pub(crate) fn write() -> Result<ExitCode> {
    let deploy = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../deploy");
    let templates = deploy.join("chart/templates");
    let objects = rendered(&deploy.join("base"))?;
    ensure!(!objects.is_empty(), "the base renders nothing");
    let mut defaults = BTreeMap::new();
    for mut object in objects {
        let kind = object["kind"].as_str().context("an object without a kind")?.to_owned();
        if LEFT_OUT.contains(&kind.as_str()) {
            continue;
        }
        release(&mut object, &kind)?;
        let template = template(object, &kind, &mut defaults)?;
        let file = templates.join(format!("{}.yaml", kind.to_lowercase()));
        fs::write(&file, template).with_context(|| format!("writing {}", file.display()))?;
    }
    if let Some(point) = POINTS.iter().find(|point| !defaults.contains_key(point.name)) {
        bail!("the base has no {} for the value `{}`", point.kind, point.name);
    }
    fs::write(deploy.join("chart/values.yaml"), values(&defaults)?)?;
    Ok(ExitCode::SUCCESS)
}

fn rendered(base: &Path) -> Result<Vec<Value>> {
    let kubectl = std::env::var_os("ROPEWAY_TEST_KUBECTL").unwrap_or_else(|| "kubectl".into());
    let output = Command::new(&kubectl).arg("kustomize").arg(base).output();
    let output = output.with_context(|| format!("running {}", kubectl.display()))?;
    ensure!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    Ok(serde_saphyr::from_multiple(std::str::from_utf8(&output.stdout)?)?)
}

/// Makes the object one of a release: names, namespace and labels, and a mark of the configuration
/// in place of the hash in its name.
fn release(object: &mut Value, kind: &str) -> Result<()> {
    let metadata = object["metadata"].as_object_mut().context("an object without metadata")?;
    metadata.insert("namespace".to_owned(), json!("{{ .Release.Namespace }}"));
    let is_config = kind == "ConfigMap";
    let name = if is_config { "{{ .Release.Name }}-config" } else { "{{ .Release.Name }}" };
    metadata.insert("name".to_owned(), json!(name));
    for (kinds, pointer) in [
        (["Deployment", "PodDisruptionBudget"].as_slice(), "/spec/selector/matchLabels"),
        (&["Deployment"], "/spec/template/metadata/labels"),
        (
            &["Deployment"],
            "/spec/template/spec/topologySpreadConstraints/0/labelSelector/matchLabels",
        ),
        (&["Service"], "/spec/selector"),
        (
            &["ConfigMap", "Deployment", "PodDisruptionBudget", "Service", "ServiceAccount"],
            "/metadata/labels",
        ),
    ] {
        if kinds.contains(&kind) {
            let labels = object.pointer_mut(pointer).and_then(Value::as_object_mut);
            let labels = labels.with_context(|| format!("{kind} has no {pointer}"))?;
            labels.insert("app.kubernetes.io/instance".to_owned(), json!("{{ .Release.Name }}"));
        }
    }
    if kind == POD {
        let spec = &mut object["spec"]["template"]["spec"];
        ensure!(spec["serviceAccountName"] == BASE_NAME, "the pod has another service account");
        spec["serviceAccountName"] = json!("{{ .Release.Name }}");
        let volumes = spec["volumes"].as_array_mut().context("the pod has no volumes")?;
        let config = volumes.iter_mut().find(|volume| volume["name"] == "config");
        config.context("the pod has no volume `config`")?["configMap"]["name"] =
            json!("{{ .Release.Name }}-config");
        object["spec"]["template"]["metadata"]["annotations"] =
            json!({"checksum/config": "{{ .Values.config | sha256sum }}"});
    }
    Ok(())
}

/// The template of one object; the defaults of its points are added to `defaults`.
fn template(
    mut object: Value,
    kind: &str,
    defaults: &mut BTreeMap<&'static str, Value>,
) -> Result<String> {
    let points: Vec<_> = POINTS.iter().filter(|point| point.kind == kind).collect();
    for (idx, point) in points.iter().enumerate() {
        let default = mark(&mut object, point, &format!("@@{idx}@@"))?;
        defaults.insert(point.name, default);
    }
    let yaml = serde_saphyr::to_string(&object)?;
    let mut out =
        String::from("{{- /* Made by `cargo xtask chart` from deploy/base; change that. */ -}}\n");
    for line in yaml.lines() {
        match points.iter().enumerate().find(|(idx, _)| line.contains(&format!("@@{idx}@@"))) {
            Some((idx, point)) => expand(line, idx, point, &mut out)?,
            None => writeln!(out, "{line}")?,
        }
    }
    Ok(out)
}

/// Puts a mark at a point; answers its default.
fn mark(object: &mut Value, point: &Point, mark: &str) -> Result<Value> {
    let missing = || format!("the base has no {} of {}", point.pointer, point.kind);
    match point.form {
        Form::Value => {
            let place = object.pointer_mut(point.pointer).with_context(missing)?;
            Ok(std::mem::replace(place, json!(mark)))
        }
        Form::Optional => {
            let (parent, key) = point.pointer.rsplit_once('/').with_context(missing)?;
            let parent = object.pointer_mut(parent).and_then(Value::as_object_mut);
            let before = parent.with_context(missing)?.insert(key.to_owned(), json!(mark));
            ensure!(before.is_none(), "the base has {}: its value would be lost", point.pointer);
            Ok((point.empty)())
        }
        Form::Elements | Form::Element(_) => {
            let place = object.pointer_mut(point.pointer).and_then(Value::as_array_mut);
            place.with_context(missing)?.push(json!(mark));
            Ok((point.empty)())
        }
    }
}

/// Writes a marked line as the template's language has it.
fn expand(line: &str, idx: usize, point: &Point, out: &mut String) -> Result<()> {
    let at = line.find(&format!("@@{idx}@@")).context("the line has the mark")?;
    let head = line[..at].trim_end_matches(['"', '\'']);
    let name = point.name;
    match point.form {
        Form::Value => writeln!(out, "{head}{{{{ toJson .Values.{name} }}}}")?,
        Form::Optional => {
            writeln!(
                out,
                "{{{{- with .Values.{name} }}}}\n{head}{{{{ toJson . }}}}\n{{{{- end }}}}"
            )?;
        }
        Form::Elements => {
            writeln!(
                out,
                "{{{{- range .Values.{name} }}}}\n{head}{{{{ toJson . }}}}\n{{{{- end }}}}"
            )?;
        }
        Form::Element(element) => {
            writeln!(
                out,
                "{{{{- with .Values.{name} }}}}\n{head}{{{{ toJson ({element}) }}}}\n{{{{- end }}}}"
            )?;
        }
    }
    Ok(())
}

/// `values.yaml`, in the order of [`POINTS`].
fn values(defaults: &BTreeMap<&'static str, Value>) -> Result<String> {
    let mut out = String::from(
        "# Made by `cargo xtask chart`: the defaults are those of deploy/base, which says why.\n",
    );
    let mut written = Vec::new();
    for point in POINTS {
        if written.contains(&point.name) {
            continue;
        }
        written.push(point.name);
        if !point.about.is_empty() {
            writeln!(out, "# {}", point.about)?;
        }
        let entry = serde_saphyr::to_string(&json!({ point.name: defaults[point.name] }))?;
        writeln!(out, "{}", entry.trim_end())?;
    }
    Ok(out)
}
