//! The server itself accepts the configuration that the manifests give it.

use std::process::Command;

use crate::server_process::golden;
use crate::{render, tools};

/// Runs `ropeway serve --dry-run` with a configuration, on a tiny model in place of the pod's.
fn accepted(config: &str) -> Result<(), String> {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let path = folder.path().join("ropeway.toml");
    std::fs::write(&path, config).expect("the folder is writable");
    let output = Command::new(env!("CARGO_BIN_EXE_ropeway"))
        .args(["serve", "--dry-run", "--config"])
        .arg(&path)
        .arg(golden("llama"))
        .current_dir(tools::root())
        .output()
        .expect("the binary starts");
    if output.status.success() {
        return Ok(());
    }
    Err(String::from_utf8_lossy(&output.stderr).into_owned())
}

#[test]
fn the_server_accepts_every_rendered_configuration() {
    let mut num_checked = 0;
    for target in render::targets() {
        for object in render::objects(&target) {
            let Some(config) = object["data"]["ropeway.toml"].as_str() else { continue };
            assert_eq!(accepted(config), Ok(()), "deploy/{target}");
            num_checked += 1;
        }
    }
    assert!(num_checked >= 10, "only {num_checked} configurations were found");
    let error = accepted("max-num-seq = 4").expect_err("a misspelt key is refused");
    assert!(error.contains("did you mean `max-num-seqs`"), "{error}");
}
