//! The server itself accepts the configuration that the manifests give it.

use std::fs;
use std::process::Command;

use serde_json::Value;

use crate::pods::Template;
use crate::server_process::golden;
use crate::{render, tools};

/// Runs `ropeway serve --dry-run` with a configuration, on a tiny model in place of the pod's.
fn accepted(config: &str, variables: &[(String, String)]) -> Result<(), String> {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let path = folder.path().join("ropeway.toml");
    std::fs::write(&path, config).expect("the folder is writable");
    let output = Command::new(env!("CARGO_BIN_EXE_ropeway"))
        // Where the tests run there is no GPU; the command line beats the file.
        .args(["serve", "--dry-run", "--device", "cpu", "--config"])
        .arg(&path)
        .arg(golden("llama"))
        .envs(variables.iter().cloned())
        .current_dir(tools::root())
        .output()
        .expect("the binary starts");
    if output.status.success() {
        return Ok(());
    }
    Err(String::from_utf8_lossy(&output.stderr).into_owned())
}

/// The variables that a target's servers get, with an address in the pod's place and a word for a
/// secret's.
fn variables(objects: &[Value]) -> Vec<(String, String)> {
    let templates = Template::all(objects);
    let containers = templates.iter().flat_map(Template::containers);
    let servers = containers.filter(|container| container["name"] == "ropeway");
    let of = |variable: &Value| {
        let name = variable["name"].as_str().expect("a name").to_owned();
        (name, variable["value"].as_str().unwrap_or("secret").replace("$(POD_IP)", "10.0.0.7"))
    };
    servers
        .flat_map(|container| container["env"].as_array().into_iter().flatten())
        .map(of)
        .collect()
}

#[test]
fn the_server_accepts_every_rendered_configuration() {
    let (mut num_checked, mut num_variables) = (0, 0);
    for target in render::targets() {
        let objects = render::objects(&target);
        let variables = variables(&objects);
        num_variables += variables.len();
        for object in &objects {
            let Some(config) = object["data"]["ropeway.toml"].as_str() else { continue };
            assert_eq!(accepted(config, &variables), Ok(()), "deploy/{target}");
            num_checked += 1;
        }
    }
    assert!(num_checked >= 10, "only {num_checked} configurations were found");
    assert!(num_variables >= 10, "only {num_variables} variables were found");
    let error = accepted("max-num-seq = 4", &[]).expect_err("a misspelt key is refused");
    assert!(error.contains("did you mean `max-num-seqs`"), "{error}");
    let misspelt = [("ROPEWAY_KV_EVENT_TOPIC".to_owned(), "x".to_owned())];
    let error = accepted("port = 1", &misspelt).expect_err("a misspelt variable is refused");
    assert!(error.contains("ROPEWAY_KV_EVENT_TOPIC"), "{error}");
}

/// The download Job's command and the server's configuration name the same model at the same place: a
/// hub cache with that model, and nothing else, satisfies both without a network.
#[test]
fn the_download_job_fetches_what_the_server_looks_for() {
    let objects = render::objects("overlays/production");
    let job = render::find(&objects, "Job", "ropeway-model-download");
    let args =
        job["spec"]["template"]["spec"]["containers"][0]["args"].as_array().expect("arguments");
    let args: Vec<&str> = args.iter().map(|arg| arg.as_str().expect("text")).collect();
    let config = objects.iter().find_map(|object| object["data"]["ropeway.toml"].as_str());
    let config = config.expect("the configuration is rendered");
    let (name, revision) =
        (args[1], args[args.iter().position(|a| *a == "--revision").expect("pinned") + 1]);

    let folder = tempfile::tempdir().expect("a temporary folder");
    let cache = folder.path().join("hub");
    let snapshot = cache.join(format!("models--{}/snapshots/{revision}", name.replace('/', "--")));
    fs::create_dir_all(&snapshot).expect("writable");
    for file in fs::read_dir(golden("llama")).expect("the model is there") {
        let file = file.expect("readable");
        fs::copy(file.path(), snapshot.join(file.file_name())).expect("writable");
    }
    let here = |text: &str| text.replace("/models/hub", cache.to_str().expect("UTF-8"));
    let path = folder.path().join("ropeway.toml");
    fs::write(&path, here(config)).expect("writable");
    let run = |args: &[&str]| {
        let mut command = Command::new(env!("CARGO_BIN_EXE_ropeway"));
        command.args(args).env("HF_HUB_OFFLINE", "1").current_dir(tools::root());
        command.output().expect("the binary starts")
    };
    let job: Vec<String> = args.iter().map(|arg| here(arg)).collect();
    let job = run(&job.iter().map(String::as_str).collect::<Vec<_>>());
    assert!(job.status.success(), "{}", String::from_utf8_lossy(&job.stderr));
    let path = path.to_str().expect("UTF-8");
    let served = run(&["serve", "--dry-run", "--device", "cpu", "--config", path]);
    assert!(served.status.success(), "{}", String::from_utf8_lossy(&served.stderr));
}
