//! `ropeway doctor` as users call it, and what a server that cannot start leaves behind.

use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::{Command, Output};

const MODEL: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/goldens/llama");

fn ropeway(args: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_ropeway")).args(args).output().expect("the binary starts")
}

fn json(output: &Output) -> serde_json::Value {
    serde_json::from_slice(&output.stdout).expect("standard output is JSON")
}

/// A machine whose driver is not loaded.
fn broken_node(root: &Path) {
    for (path, text) in [
        ("sys/bus/pci/devices/0000:05:00.0/vendor", "0x1002\n"),
        ("sys/bus/pci/devices/0000:05:00.0/class", "0x120000\n"),
        ("proc/meminfo", "MemTotal: 1000000 kB\nMemAvailable: 900000 kB\n"),
    ] {
        let path = root.join(path);
        std::fs::create_dir_all(path.parent().expect("it has a folder")).expect("made");
        std::fs::write(path, text).expect("written");
    }
}

/// A kubectl that answers with the objects of `lists`, and that the others are unknown.
fn fake_kubectl(folder: &Path, lists: &[(&str, &str)]) -> String {
    for (resource, items) in lists {
        let text = format!("{{\"items\": {items}}}");
        std::fs::write(folder.join(resource), text).expect("written");
    }
    let program = folder.join("kubectl");
    let script = format!(
        "#!/bin/sh\n[ \"$1\" = get ] || exit 9\ncat '{}'/\"$2\" 2>/dev/null && exit 0\n\
         echo \"error: the server doesn't have a resource type \\\"$2\\\"\" >&2\nexit 1\n",
        folder.display()
    );
    std::fs::write(&program, script).expect("written");
    std::fs::set_permissions(&program, std::fs::Permissions::from_mode(0o755)).expect("allowed");
    program.display().to_string()
}

#[test]
fn a_broken_node_ends_with_the_code_of_its_layer() {
    let root = tempfile::tempdir().expect("a folder");
    broken_node(root.path());
    let root = root.path().display().to_string();
    let output = ropeway(&["doctor", "--root", &root, "--port", "0", "--json"]);
    assert_eq!(output.status.code(), Some(11));
    let answer = json(&output);
    assert_eq!(answer["ok"], false);
    let findings = answer["findings"].as_array().expect("a list");
    let driver = findings.iter().find(|f| f["check"] == "driver").expect("it is checked");
    assert_eq!((&driver["layer"], &driver["status"]), (&"gpu".into(), &"failed".into()));
    assert!(driver["remedy"].as_str().expect("a text").contains("modprobe amdgpu"));
}

#[test]
fn a_model_that_is_not_there_is_a_storage_failure() {
    let root = tempfile::tempdir().expect("a folder");
    std::fs::create_dir_all(root.path().join("proc")).expect("made");
    let meminfo = "MemTotal: 1000000 kB\nMemAvailable: 900000 kB\n";
    std::fs::write(root.path().join("proc/meminfo"), meminfo).expect("written");
    let root = root.path().display().to_string();
    let args = ["doctor", "/no/such/model", "--root", &root, "--port", "0"];
    let output = ropeway(&args);
    assert_eq!(output.status.code(), Some(13));
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(text.contains("/no/such/model cannot be served"), "{text}");
    let without = ropeway(&[&args[..1], &args[2..]].concat());
    assert_eq!(without.status.code(), Some(0), "{without:?}");
}

/// A machine without a GPU, and what the doctor says there of a model: exit code and text.
fn examined(arguments: &[&str]) -> (Option<i32>, String) {
    let root = tempfile::tempdir().expect("a folder");
    std::fs::create_dir_all(root.path().join("proc")).expect("made");
    let meminfo = "MemTotal: 1000000 kB\nMemAvailable: 900000 kB\n";
    std::fs::write(root.path().join("proc/meminfo"), meminfo).expect("written");
    let root = root.path().display().to_string();
    let fixed = ["doctor", "--root", &root, "--port", "0"];
    let output = ropeway(&[&fixed[..], arguments].concat());
    (output.status.code(), String::from_utf8_lossy(&output.stdout).into_owned())
}

/// Files, device and memory plan of a model are of three layers.
#[test]
fn what_keeps_a_model_from_being_served_is_told_by_its_layer() {
    let (code, text) = examined(&[MODEL, "--device", "cpu"]);
    assert!(code == Some(0) && text.contains("llama can be read"), "{text}");
    assert!(text.contains("llama fits the memory"), "{text}");

    let (code, text) = examined(&[MODEL, "--device", "cpu", "--kv-cache-memory", "900TiB"]);
    assert!(code == Some(14) && text.contains("FAIL runtime  memory plan"), "{text}");
    assert!(text.contains("does not fit in memory"), "{text}");

    let nowhere = ["--device", "hip", "--hip-library", "/no/such/library.so"];
    let (code, text) = examined(&[&[MODEL], &nowhere[..]].concat());
    assert!(code == Some(11) && text.contains("FAIL gpu      device"), "{text}");

    let folder = tempfile::tempdir().expect("a folder");
    for file in std::fs::read_dir(MODEL).expect("the model is there") {
        let file = file.expect("readable");
        std::fs::copy(file.path(), folder.path().join(file.file_name())).expect("copied");
    }
    let weights = folder.path().join("model.safetensors");
    let whole = std::fs::read(&weights).expect("readable");
    std::fs::write(&weights, &whole[..whole.len() / 2]).expect("written");
    let (code, text) = examined(&[&folder.path().display().to_string(), "--device", "cpu"]);
    assert!(code == Some(13) && text.contains("FAIL storage  model"), "{text}");
}

#[test]
fn a_cluster_is_examined_through_kubectl() {
    let folder = tempfile::tempdir().expect("a folder");
    let pod = r#"[{"metadata": {"name": "ropeway-0", "namespace": "llm",
                   "labels": {"app.kubernetes.io/name": "ropeway"}},
         "spec": {"containers": [{"args": ["serve", "/models/m"],
                  "volumeMounts": [{"mountPath": "/data"}]}]},
         "status": {"phase": "Running"}}]"#;
    let service = r#"[{"metadata": {"name": "ropeway"},
         "spec": {"selector": {"app.kubernetes.io/name": "ropeway"}}}]"#;
    let slice = r#"[{"metadata": {"labels": {"kubernetes.io/service-name": "ropeway"}},
         "endpoints": [{"conditions": {"ready": true}}]}]"#;
    let lists = [("pods", pod), ("services", service), ("endpointslices", slice)];
    let kubectl = fake_kubectl(folder.path(), &lists);
    let args = ["doctor", "--cluster", "--namespace", "llm", "--kubectl", &kubectl];
    let output = ropeway(&args);
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    assert_eq!(output.status.code(), Some(13), "{text}");
    assert!(text.contains("/models/m lies on no volume"), "{text}");
    assert!(text.contains("1 failed, 0 warnings"), "{text}");
}

#[test]
fn a_kubectl_that_fails_is_the_doctors_own_failure() {
    let output = ropeway(&["doctor", "--cluster", "--kubectl", "/no/such/kubectl"]);
    assert_eq!(output.status.code(), Some(1));
    let error = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(error.contains("install kubectl"), "{error}");
    let output = ropeway(&["doctor", "--cluster", "--kubectl", "false"]);
    assert_eq!(output.status.code(), Some(1));
    let error = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(error.contains("auth can-i"), "{error}");
}

#[test]
fn a_server_that_cannot_start_writes_the_termination_log() {
    let folder = tempfile::tempdir().expect("a folder");
    let log = folder.path().join("termination-log");
    let path = log.display().to_string();
    let taken = std::net::TcpListener::bind("127.0.0.1:0").expect("a free port");
    let taken = taken.local_addr().expect("bound").port().to_string();
    let note = |args: &[&str], code: i32| {
        std::fs::write(&log, "").expect("written");
        let output = ropeway(&[&["serve", "--termination-log", &path], args].concat());
        assert_eq!(output.status.code(), Some(code), "{args:?}");
        std::fs::read_to_string(&log).expect("it is there")
    };
    let nowhere = ["--device", "hip", "--hip-library", "/no/such/library.so"];
    let cases: [(&[&str], i32, &str, &str); 8] = [
        (&["/no/such/model", "--port", "0"], 1, "storage", "/no/such/model"),
        (&["/no/such/model", "--port", &taken], 1, "network", "error: cannot listen on"),
        (&[&[MODEL, "--port", "0"], &nowhere[..]].concat(), 1, "gpu", "/no/such/library.so"),
        (
            &[MODEL, "--port", "0", "--device", "cpu", "--kv-cache-memory", "100T"],
            1,
            "runtime",
            "the model does not fit in memory",
        ),
        (&["m", "--no-such-option"], 2, "runtime", "error: unexpected argument '--no-such-option'"),
        (&["m", "--block-size", "7"], 2, "runtime", "error: invalid value '7'"),
        (&["m", "--max-num-batched-tokens", "8"], 2, "runtime", "error: --max-num-batched-tokens"),
        (&[], 2, "runtime", "error: no model given"),
    ];
    for (args, code, layer, part) in cases {
        let note = note(args, code);
        let rest = note.strip_prefix(&format!("layer: {layer}\n"));
        let rest = rest.unwrap_or_else(|| panic!("{args:?}: not {layer}: {note}"));
        assert!(rest.starts_with("error: ") && rest.contains(part), "{args:?}: {note}");
    }
}

/// The log is found in every layer that can be read without the others.
#[test]
fn a_usage_error_finds_the_termination_log() {
    let folder = tempfile::tempdir().expect("a folder");
    let log = folder.path().join("termination-log");
    let path = log.display().to_string();
    let written = |args: &[&str], variables: &[(&str, &str)]| {
        std::fs::write(&log, "").expect("written");
        let mut command = Command::new(env!("CARGO_BIN_EXE_ropeway"));
        let output = command.args(args).envs(variables.iter().copied()).output();
        let code = output.expect("the binary starts").status.code();
        (code, !std::fs::read_to_string(&log).expect("it is there").is_empty())
    };
    let flag = format!("--termination-log={path}");
    assert_eq!(written(&["serve", "m", "--bad", &flag], &[]), (Some(2), true));
    let variable = [("ROPEWAY_TERMINATION_LOG", path.as_str())];
    assert_eq!(written(&["serve", "m", "--bad"], &variable), (Some(2), true));
    let misspelt = [variable[0], ("ROPEWAY_MAX_NUM_SEQ", "4")];
    assert_eq!(written(&["serve", "m"], &misspelt), (Some(2), true));
    // Asking is no error, and other commands are no servers.
    assert_eq!(written(&["serve", "--help"], &variable), (Some(0), false));
    assert_eq!(written(&["inspect", "m", "--bad"], &variable), (Some(2), false));
}
